"""`SpectrumImage`: counts per pixel and channel, and the few products everything is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import index
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.spectra import signals
from napari_eds.spectra.acquisition import Acquisition, FrameRange
from napari_eds.spectra.axes import NM_PER_UNIT, EnergyAxis
from napari_eds.spectra.label_sums import LabelSpectra, PixelSums, label_membership
from napari_eds.spectra.notebook import image_html
from napari_eds.spectra.products import rebinned, sums_of_channels, sums_of_window, total_of_pixels
from napari_eds.spectra.storage import Counts, stored, sum_dtype

if TYPE_CHECKING:
    from napari_eds.recipe.map_part import MapPart


@brief
@dataclass(frozen=True, eq=False)
class AuxiliaryImage:
    """Another image of the same file, such as HAADF.

    `data` is (rows, columns) or (rows, columns, 3 or 4); `pixel_size` is (row, column) in
    `pixel_unit`. Its shape may differ from the map's; `fits` says whether it covers the same
    pixels. `offset` is the (row, column) place of its corner, seen from the map's corner, in
    `pixel_unit`; None where the file does not say.
    """

    name: str
    data: np.ndarray
    pixel_size: tuple[float, float] = (1.0, 1.0)
    pixel_unit: str = "pixel"
    offset: tuple[float, float] | None = None

    def fits(self, shape: tuple[int, int]) -> bool:
        """Whether the image has the pixels of a map of `shape`."""
        return self.data.shape[:2] == tuple(shape)


@brief
@dataclass(frozen=True, eq=False)
class SpectrumImage:
    """An EDS spectrum image: counts over pixels and channels, with axes and acquisition.

    Attributes
    ----------
    counts : scipy.sparse.csr_array or ndarray, (rows * columns, channels)
        Counts, pixels in row order. Use `from_array` or `from_matrix` to build an image: they
        choose sparse or dense by measured density and check the values.
    shape : tuple of int
        (rows, columns).
    energy : EnergyAxis
    pixel_size : tuple of float
        (row, column) size of one pixel in `pixel_unit`.
    pixel_unit : str
        ``"nm"``, ``"µm"``, ..., or ``"pixel"`` where the file gives none.
    name : str
    source : Path or None
        File it came from.
    acquisition : Acquisition
    images : tuple of AuxiliaryImage
    metadata : mapping
        The file's own metadata as its reader returned them.
    part : MapPart or None
        What of its file the image is, by which `load` reads the same again. None where that
        cannot be told: the image came from no file, or was changed in a way no reader knows.
    frames : FrameRange or None
        Frames that were summed, where the file keeps them apart.
    notes : tuple of str
        What the reader found missing or wrong in the file, and what it took instead. Sentences
        without a full stop, for every account of a result.
    """

    counts: Counts
    shape: tuple[int, int]
    energy: EnergyAxis
    pixel_size: tuple[float, float] = (1.0, 1.0)
    pixel_unit: str = "pixel"
    name: str = "EDS"
    source: Path | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)
    images: tuple[AuxiliaryImage, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    part: MapPart | None = None
    frames: FrameRange | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows, columns = self.shape
        expected = (rows * columns, self.energy.size)
        if self.counts.shape != expected:
            raise EDSError(
                f"counts of shape {self.counts.shape} do not fit a map of {rows} x {columns} "
                f"pixels and {self.energy.size} channels: expected {expected}"
            )

    def _brief(self) -> str:
        size = " x ".join(f"{side:g}" for side in self.pixel_size)
        axis, held = self.energy, "sparse" if self.is_sparse else "dense"
        energies = f"from {axis.offset_keV:g} to {axis.last_keV:g} keV" if axis.calibrated else ""
        return (
            f"{self.name!r}, {self.shape[0]} x {self.shape[1]} pixels of {size} "
            f"{self.pixel_unit}, {axis.size} channels {energies or 'without energies'}, "
            f"{held} {self.counts.dtype}"
        )

    def _repr_html_(self) -> str:
        return image_html(self)

    @classmethod
    def from_array(cls, array: np.ndarray, energy: EnergyAxis, **attributes: Any) -> SpectrumImage:
        """Build an image from an array (rows, columns, channels).

        A spectrum (channels,) becomes a map of 1 x 1 pixel, a line (pixels, channels) one of
        1 x pixels.

        Parameters
        ----------
        array : ndarray, (rows, columns, channels)
        energy : EnergyAxis
        **attributes
            Those of `SpectrumImage`.

        Raises
        ------
        EDSError
            If values are negative or not finite, or the array has more than three dimensions.
        """
        array = np.asarray(array)
        if not 1 <= array.ndim <= 3:
            raise EDSError(f"expected (rows, columns, channels), got shape {array.shape}")
        array = array.reshape((1,) * (3 - array.ndim) + array.shape)
        matrix = array.reshape(-1, array.shape[2])
        return cls(stored(matrix), (array.shape[0], array.shape[1]), energy, **attributes)

    @classmethod
    def from_matrix(
        cls,
        matrix: Counts,
        shape: tuple[int, int],
        energy: EnergyAxis,
        **attributes: Any,
    ) -> SpectrumImage:
        """Build an image from a (pixels, channels) matrix, sparse or dense.

        Parameters
        ----------
        matrix : sparse matrix or ndarray, (pixels, channels)
            Pixels row by row.
        shape : tuple of int
            (rows, columns).
        energy : EnergyAxis
        **attributes
            Those of `SpectrumImage`.

        Raises
        ------
        EDSError
            If values are negative or not finite.
        """
        return cls(stored(matrix), (shape[0], shape[1]), energy, **attributes)

    @property
    def origin(self) -> tuple[int, int]:
        """Row and column, in the map of its file, of the first pixel."""
        crop = None if self.part is None else self.part.crop
        return (0, 0) if crop is None else (int(crop[0][0] or 0), int(crop[1][0] or 0))

    @property
    def pixel_size_nm(self) -> tuple[float, float] | None:
        """Height and width of a pixel in nm; None where the file gives no length."""
        nm = NM_PER_UNIT.get(self.pixel_unit)
        return None if nm is None else (self.pixel_size[0] * nm, self.pixel_size[1] * nm)

    @property
    def pixel_side_nm(self) -> float:
        """Side of a square as large as a pixel, in nm; NaN for pixels without a length."""
        sides = self.pixel_size_nm
        return float("nan") if sides is None else float(np.sqrt(sides[0] * sides[1]))

    @property
    def n_pixels(self) -> int:
        """Number of pixels of the map."""
        return self.shape[0] * self.shape[1]

    @property
    def n_channels(self) -> int:
        """Number of channels of the energy axis."""
        return self.energy.size

    @property
    def is_sparse(self) -> bool:
        """Whether the counts are held as a sparse matrix."""
        return sparse.issparse(self.counts)

    @property
    def total_counts(self) -> int | float:
        """Sum of all counts, those of the noise peak included."""
        return self._total_spectrum.sum().item()

    @property
    def xray_counts(self) -> int | float:
        """X-rays above the noise peak: the sum of `EnergyAxis.xray_channels`."""
        return self._total_spectrum[self.energy.xray_channels].sum().item()

    def total_spectrum(self) -> np.ndarray:
        """Spectrum summed over the whole map, shape (channels,)."""
        return self._total_spectrum.copy()

    @cached_property
    def _total_spectrum(self) -> np.ndarray:
        return total_of_pixels(self.counts)

    def counts_map(self, *, all_channels: bool = False) -> np.ndarray:
        """Sum the X-rays above the noise peak of every pixel, shape (rows, columns).

        Parameters
        ----------
        all_channels : bool
            Whether to sum all channels instead of `EnergyAxis.xray_channels`; most of the counts
            can then be electronic noise.
        """
        channels = slice(None) if all_channels else self.energy.xray_channels
        return sums_of_window(self.counts, channels).reshape(self.shape)

    def window_map(self, low_keV: float, high_keV: float) -> np.ndarray:
        """Sum the counts of every pixel in ``low_keV <= E < high_keV``, shape (rows, columns).

        Raises
        ------
        UncalibratedError
            If the axis has no energies.
        EDSError
            If no channel lies in the window.
        """
        channels = self.energy.channels(low_keV, high_keV)
        return sums_of_window(self.counts, channels).reshape(self.shape)

    def pixel_spectrum(self, row: int, column: int) -> np.ndarray:
        """Spectrum of one pixel, shape (channels,).

        Raises
        ------
        EDSError
            If the pixel is outside the map.
        """
        if not (0 <= row < self.shape[0] and 0 <= column < self.shape[1]):
            raise EDSError(f"pixel ({row}, {column}) is outside the map of {self.shape} pixels")
        pixel = row * self.shape[1] + column
        spectrum = self.counts[[pixel]]
        return np.asarray(spectrum.sum(axis=0, dtype=sum_dtype(self.counts)))

    def label_spectra(self, labels: np.ndarray) -> LabelSpectra:
        """Sum the spectra of the pixels of every label.

        Parameters
        ----------
        labels : ndarray of int, (rows, columns)
            Label map; 0 is background. Ids may be sparse, regions disconnected.

        Raises
        ------
        LabelError
            If `labels` is not an integer map of this shape or has negative ids.
        """
        ids, membership = label_membership(labels, self.shape)
        return LabelSpectra(
            ids=ids,
            n_pixels=np.diff(membership.indptr).astype(np.int64),
            energy=self.energy,
            sums=PixelSums(membership, self.counts),
        )

    def project(self, weights: np.ndarray, pixels: slice | None = None) -> np.ndarray:
        """Sum the counts of every pixel over the channels, with weights.

        Parameters
        ----------
        weights : ndarray, (channels, sums)
        pixels : slice, optional
            Some of the pixels, which are numbered in row order; all without it.

        Returns
        -------
        ndarray, (pixels, sums)
            ``counts @ weights``; int64 and exact if counts and weights are whole, else float64.

        Raises
        ------
        EDSError
            If there is not one row of weights for every channel.
        """
        if weights.ndim != 2 or weights.shape[0] != self.n_channels:
            raise EDSError(
                f"weights of shape {weights.shape} do not fit {self.n_channels} channels: "
                f"expected ({self.n_channels}, sums)"
            )
        counts = self.counts if pixels is None else self.counts[pixels]
        return sums_of_channels(counts, weights)

    def crop(
        self, rows: slice | tuple[int, int], columns: slice | tuple[int, int]
    ) -> SpectrumImage:
        """Return the map of a rectangle of pixels; images that fit are cropped along.

        Rows and columns are slices, or first and end as `load` takes them.

        An image that does not fit, but would fit what is left, is left out: nothing must take it
        for one of the same pixels. Times are those of the pixels that are left.

        Raises
        ------
        EDSError
            If no pixel is left.
        """
        rows = _span(rows, "rows", self.shape[0])
        columns = _span(columns, "columns", self.shape[1])
        kept = np.arange(self.n_pixels).reshape(self.shape)[rows, columns]
        if kept.size == 0:
            raise EDSError(f"rows {rows} and columns {columns} leave no pixel of {self.shape}")
        images = tuple(
            replace(image, data=image.data[rows, columns])
            if image.fits(self.shape)
            else self._seen_from(image, kept[0, 0])
            for image in self.images
            if image.fits(self.shape) or not image.fits(kept.shape)
        )
        part = None if self.part is None else self._part_of_pixels(rows, columns)
        counts = stored(self.counts[kept.ravel()])
        return replace(
            self,
            counts=counts,
            shape=kept.shape,
            images=images,
            part=part,
            acquisition=self.acquisition.in_part(kept.size / self.n_pixels),
        )

    def _part_of_pixels(self, rows: slice, columns: slice) -> MapPart | None:
        """Return the part that a rectangle of this one is; None where pixels are skipped."""
        spans = [s.indices(n) for s, n in zip((rows, columns), self.shape, strict=True)]
        if self.part is None or any(step != 1 for _, _, step in spans):
            return None
        (top, left), ((r0, r1, _), (c0, c1, _)) = self.origin, spans
        crop = ((top + r0, top + r1), (left + c0, left + c1))
        whole = self.part.crop is None and crop == ((0, self.shape[0]), (0, self.shape[1]))
        return self.part if whole else replace(self.part, crop=crop, crop_unit="px")

    def _seen_from(self, image: AuxiliaryImage, pixel: int) -> AuxiliaryImage:
        """Return an image with its offset from the corner of a pixel instead of the map's."""
        if image.offset is None or image.pixel_unit != self.pixel_unit:
            return image
        (row, column), size = divmod(int(pixel), self.shape[1]), self.pixel_size
        offset = (image.offset[0] - row * size[0], image.offset[1] - column * size[1])
        return replace(image, offset=offset)

    def crop_energy(self, low_keV: float, high_keV: float) -> SpectrumImage:
        """Return the map of the channels with ``low_keV <= E < high_keV``.

        Raises
        ------
        UncalibratedError
            If the axis has no energies.
        EDSError
            If no channel is left.
        """
        channels = self.energy.channels(low_keV, high_keV)
        energy, part = self.energy.crop(channels), self.part
        if part is not None:
            # Half a channel of the file beyond its outermost ones: whatever was cut and summed
            # before, the same channels are in there.
            half = energy.scale_keV / part.rebin_energy / 2
            edges = (
                energy.offset_keV - part.rebin_energy * half,
                energy.last_keV + part.rebin_energy * half,
            )
            part = replace(part, energy_range_keV=edges)
        return replace(self, counts=stored(self.counts[:, channels]), energy=energy, part=part)

    def rebin_energy(self, factor: int) -> SpectrumImage:
        """Return the map with groups of `factor` channels summed, the remainder dropped.

        Raises
        ------
        EDSError
            If groups are smaller than one channel or larger than the axis.
        """
        if not 1 <= factor <= self.n_channels:
            raise EDSError(f"cannot rebin {self.n_channels} channels by {factor}")
        counts, part = stored(rebinned(self.counts, factor)), self.part
        if part is not None:
            part = replace(part, rebin_energy=part.rebin_energy * factor)
        return replace(self, counts=counts, energy=self.energy.rebin(factor), part=part)

    def with_energy_axis(self, *, offset_keV: float, scale_keV: float) -> SpectrumImage:
        """Return the same counts on another linear energy axis, which counts as calibrated."""
        return replace(
            self,
            energy=EnergyAxis(offset_keV, scale_keV, self.n_channels),
            part=self._part_on_axis(offset_keV, scale_keV),
        )

    def _part_on_axis(self, offset_keV: float, scale_keV: float) -> MapPart | None:
        """Return the part that this one is on another axis; None where channels were cut off."""
        if self.part is None or self.part.energy_range_keV is not None:
            return None  # the file's own first channel is not known any more
        channel = scale_keV / self.part.rebin_energy
        first = offset_keV - (self.part.rebin_energy - 1) / 2 * channel
        return replace(self.part, energy_axis=(first, channel))

    @classmethod
    def from_hyperspy(cls, signal: Any) -> SpectrumImage:
        """Build an image from a signal of HyperSpy: spectra over up to two axes of places.

        What eXSpy fills in where nobody told it (take-off angle 35°, resolution 130 eV) is not
        taken for measured. A lazy signal is computed by blocks of rows.

        Raises
        ------
        EDSError
            If it is no such signal, an axis has no constant step, or values are negative.
        """
        return cls.from_matrix(**signals.of_signal(signal))

    def to_hyperspy(self, *, lazy: bool = False) -> Any:
        """Return the map as eXSpy's signal, an ``EDSTEMSpectrum`` or ``EDSSEMSpectrum``.

        Axes, name, acquisition and the file's metadata go along; `images` and what the vendor's
        program found have no place in a signal.

        Parameters
        ----------
        lazy : bool
            Whether the counts stay as they are until something is computed, which then sees
            dense blocks of rows; a dense signal of a large map takes gigabytes.
        """
        return signals.to_signal(self, lazy=lazy)

    def to_xarray(self, *, lazy: bool = False) -> Any:
        """Return the map as an ``xarray.DataArray`` with the dimensions y, x, energy.

        Coordinates are in `pixel_unit` and keV; without energies the last dimension is
        ``channel``.

        Parameters
        ----------
        lazy : bool
            As for `to_hyperspy`.

        Raises
        ------
        EDSError
            If xarray is not installed.
        """
        return signals.to_xarray(self, lazy=lazy)

    def to_array(self) -> np.ndarray:
        """Return a dense copy (rows, columns, channels); large maps take gigabytes."""
        if isinstance(self.counts, np.ndarray):
            dense = self.counts.copy()
        else:
            dense = self.counts.toarray()
        return dense.reshape(*self.shape, self.n_channels)


def _span(of: slice | tuple[int, int], what: str, n: int) -> slice:
    """Return first and end of what there are `n` of as a slice."""
    if isinstance(of, slice):
        return of
    try:
        first, end = map(index, of)
    except (TypeError, ValueError):
        raise EDSError(
            f"{what} to be cropped to are a slice or the first and the end, such as (0, 100), "
            f"not {of!r}"
        ) from None
    if not 0 <= first < end <= n:
        raise EDSError(f"{what} {first} to {end} do not lie within the {n} of the map")
    return slice(first, end)
