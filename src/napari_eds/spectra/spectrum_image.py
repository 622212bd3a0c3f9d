"""`SpectrumImage`: counts per pixel and channel, and the few products everything is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import sparse

from napari_eds.errors import EDSError, LabelError, UncalibratedError
from napari_eds.spectra.acquisition import Acquisition

#: Stored fraction below which counts are kept as a sparse matrix. A stored count costs 6 to
#: 8 bytes sparse and 1 to 2 bytes a channel dense, and both products cost the same near here.
SPARSE_BELOW_DENSITY = 0.2

#: Pixels of dense counts that are widened to 64 bit at a time while summing.
_DENSE_BLOCK_PIXELS = 2048


#: Units of length that files give, in nm.
NM_PER_UNIT = {
    "pm": 1e-3,
    "Å": 0.1,
    "nm": 1.0,
    "um": 1e3,
    "µm": 1e3,  # the micro sign
    "μm": 1e3,  # the Greek letter
    "mm": 1e6,
    "m": 1e9,
}


@dataclass(frozen=True)
class EnergyAxis:
    """A linear energy axis; channel `i` is centred on ``offset_keV + i * scale_keV``.

    `calibrated` is false where a file gives no energies: offset and scale then mean nothing,
    and whatever needs an energy raises `UncalibratedError`.
    """

    offset_keV: float
    scale_keV: float
    size: int
    calibrated: bool = True

    def __post_init__(self) -> None:
        if self.size < 1:
            raise EDSError(f"an energy axis needs at least one channel, not {self.size}")
        if not (np.isfinite(self.offset_keV) and np.isfinite(self.scale_keV)):
            raise EDSError(f"energy offset and scale must be finite, not {self}")
        if self.scale_keV <= 0:
            raise EDSError(f"keV per channel must be positive, not {self.scale_keV}")

    @classmethod
    def uncalibrated(cls, size: int) -> EnergyAxis:
        """Return an axis that counts channels only."""
        return cls(0.0, 1.0, size, calibrated=False)

    @property
    def energies_keV(self) -> np.ndarray:
        """Channel centres in keV, shape (channels,)."""
        self.require_calibrated()
        return self.offset_keV + self.scale_keV * np.arange(self.size)

    def require_calibrated(self) -> None:
        """Raise `UncalibratedError` where the file gave no energies."""
        if not self.calibrated:
            raise UncalibratedError(
                "the energy axis is not calibrated: the file gives no offset and scale. Set them "
                "with image.with_energy_axis(offset_keV=..., scale_keV=...)"
            )

    def channels(self, low_keV: float, high_keV: float) -> slice:
        """Return the channels whose centres lie in ``low_keV <= E < high_keV``.

        Raises
        ------
        EDSError
            If no channel lies in the window.
        """
        self.require_calibrated()
        # A centre that equals a bound up to rounding counts as equal to it.
        edges = (np.array([low_keV, high_keV]) - self.offset_keV) / self.scale_keV
        start, stop = np.clip(np.ceil(edges - 1e-6), 0, self.size).astype(int)
        if start >= stop:
            last = self.offset_keV + self.scale_keV * (self.size - 1)
            raise EDSError(
                f"no channel lies between {low_keV:g} and {high_keV:g} keV: the axis runs from "
                f"{self.offset_keV:.3f} to {last:.3f} keV"
            )
        return slice(int(start), int(stop))

    def crop(self, channels: slice) -> EnergyAxis:
        """Return the axis of a contiguous slice of channels."""
        start, stop, _ = channels.indices(self.size)
        return replace(
            self, offset_keV=self.offset_keV + start * self.scale_keV, size=stop - start
        )

    def rebin(self, factor: int) -> EnergyAxis:
        """Return the axis after summing groups of `factor` channels, the remainder dropped."""
        return replace(
            self,
            offset_keV=self.offset_keV + (factor - 1) / 2 * self.scale_keV,
            scale_keV=self.scale_keV * factor,
            size=self.size // factor,
        )


@dataclass(frozen=True, eq=False)
class AuxiliaryImage:
    """Another image of the same file, such as HAADF.

    `data` is (rows, columns) or (rows, columns, 3 or 4); `pixel_size` is (row, column) in
    `pixel_unit`. Its shape may differ from the map's; `fits` says whether it covers the same
    pixels.
    """

    name: str
    data: np.ndarray
    pixel_size: tuple[float, float] = (1.0, 1.0)
    pixel_unit: str = "pixel"

    def fits(self, shape: tuple[int, int]) -> bool:
        """Whether the image has the pixels of a map of `shape`."""
        return self.data.shape[:2] == tuple(shape)


@dataclass(frozen=True, eq=False)
class LabelSpectra:
    """Summed spectra of labels.

    Attributes
    ----------
    ids : ndarray of int64, (labels,)
        Label ids in ascending order; 0 is never among them.
    spectra : ndarray, (labels, channels)
        Counts, int64 for integer data and float64 otherwise.
    n_pixels : ndarray of int64, (labels,)
    energy : EnergyAxis
    """

    ids: np.ndarray
    spectra: np.ndarray
    n_pixels: np.ndarray
    energy: EnergyAxis


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
    """

    counts: sparse.csr_array | np.ndarray
    shape: tuple[int, int]
    energy: EnergyAxis
    pixel_size: tuple[float, float] = (1.0, 1.0)
    pixel_unit: str = "pixel"
    name: str = "EDS"
    source: Path | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)
    images: tuple[AuxiliaryImage, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def __post_init__(self) -> None:
        rows, columns = self.shape
        expected = (rows * columns, self.energy.size)
        if self.counts.shape != expected:
            raise EDSError(
                f"counts of shape {self.counts.shape} do not fit a map of {rows} x {columns} "
                f"pixels and {self.energy.size} channels: expected {expected}"
            )

    @classmethod
    def from_array(cls, array: np.ndarray, energy: EnergyAxis, **attributes: Any) -> SpectrumImage:
        """Build an image from an array (rows, columns, channels).

        A spectrum (channels,) becomes a map of 1 x 1 pixel, a line (pixels, channels) one of
        1 x pixels. `attributes` are those of `SpectrumImage`.

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
        return cls(_stored(matrix), (array.shape[0], array.shape[1]), energy, **attributes)

    @classmethod
    def from_matrix(
        cls,
        matrix: sparse.csr_array | np.ndarray,
        shape: tuple[int, int],
        energy: EnergyAxis,
        **attributes: Any,
    ) -> SpectrumImage:
        """Build an image from a (pixels, channels) matrix, sparse or dense."""
        return cls(_stored(matrix), (shape[0], shape[1]), energy, **attributes)

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
        """Sum of all counts."""
        return self._total_spectrum.sum().item()

    def total_spectrum(self) -> np.ndarray:
        """Spectrum summed over the whole map, shape (channels,)."""
        return self._total_spectrum.copy()

    @cached_property
    def _total_spectrum(self) -> np.ndarray:
        return np.asarray(self.counts.sum(axis=0, dtype=_sum_dtype(self.counts)))

    def counts_map(self) -> np.ndarray:
        """Sum the counts of every pixel over all channels, shape (rows, columns)."""
        return np.asarray(self.counts.sum(axis=1, dtype=_sum_dtype(self.counts))).reshape(
            self.shape
        )

    def window_map(self, low_keV: float, high_keV: float) -> np.ndarray:
        """Sum the counts of every pixel in ``low_keV <= E < high_keV``, shape (rows, columns)."""
        window = self.counts[:, self.energy.channels(low_keV, high_keV)]
        return np.asarray(window.sum(axis=1, dtype=_sum_dtype(self.counts))).reshape(self.shape)

    def pixel_spectrum(self, row: int, column: int) -> np.ndarray:
        """Spectrum of one pixel, shape (channels,)."""
        if not (0 <= row < self.shape[0] and 0 <= column < self.shape[1]):
            raise EDSError(f"pixel ({row}, {column}) is outside the map of {self.shape} pixels")
        pixel = row * self.shape[1] + column
        spectrum = self.counts[[pixel]]
        return np.asarray(spectrum.sum(axis=0, dtype=_sum_dtype(self.counts)))

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
            spectra=_product(membership, self.counts),
            n_pixels=np.diff(membership.indptr).astype(np.int64),
            energy=self.energy,
        )

    def crop(self, rows: slice, columns: slice) -> SpectrumImage:
        """Return the map of a rectangle of pixels; images that fit are cropped along."""
        kept = np.arange(self.n_pixels).reshape(self.shape)[rows, columns]
        if kept.size == 0:
            raise EDSError(f"rows {rows} and columns {columns} leave no pixel of {self.shape}")
        images = tuple(
            replace(image, data=image.data[rows, columns]) if image.fits(self.shape) else image
            for image in self.images
        )
        return replace(
            self, counts=_stored(self.counts[kept.ravel()]), shape=kept.shape, images=images
        )

    def crop_energy(self, low_keV: float, high_keV: float) -> SpectrumImage:
        """Return the map of the channels with ``low_keV <= E < high_keV``."""
        channels = self.energy.channels(low_keV, high_keV)
        return replace(
            self, counts=_stored(self.counts[:, channels]), energy=self.energy.crop(channels)
        )

    def rebin_energy(self, factor: int) -> SpectrumImage:
        """Return the map with groups of `factor` channels summed, the remainder dropped."""
        if not 1 <= factor <= self.n_channels:
            raise EDSError(f"cannot rebin {self.n_channels} channels by {factor}")
        energy = self.energy.rebin(factor)
        kept = np.arange(energy.size * factor)
        groups = sparse.csr_array(
            (np.ones(kept.size, np.int64), (kept, kept // factor)),
            shape=(self.n_channels, energy.size),
        )
        if self.is_sparse:
            counts = sparse.csr_array(self.counts @ groups)
        else:
            blocks = self.counts[:, : kept.size].reshape(self.n_pixels, energy.size, factor)
            counts = blocks.sum(axis=2, dtype=_sum_dtype(self.counts))
        return replace(self, counts=_stored(counts), energy=energy)

    def with_energy_axis(self, *, offset_keV: float, scale_keV: float) -> SpectrumImage:
        """Return the same counts on another linear energy axis, which counts as calibrated."""
        return replace(self, energy=EnergyAxis(offset_keV, scale_keV, self.n_channels))

    def to_array(self) -> np.ndarray:
        """Return a dense copy (rows, columns, channels); large maps take gigabytes."""
        if isinstance(self.counts, np.ndarray):
            dense = self.counts.copy()
        else:
            dense = self.counts.toarray()
        return dense.reshape(*self.shape, self.n_channels)


def check_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return `labels` as an int64 map of `shape`, or say why it is none.

    Raises
    ------
    LabelError
        If the shape differs, values are not integers, or an id is negative.
    """
    labels = np.asarray(labels)
    if labels.shape != tuple(shape):
        raise LabelError(f"labels of shape {labels.shape} do not fit the map of {tuple(shape)}")
    if labels.dtype == bool or np.issubdtype(labels.dtype, np.integer):
        if labels.dtype == np.uint64 and labels.size and labels.max() > np.iinfo(np.int64).max:
            raise LabelError("label ids above 2**63 - 1 are not supported")
        labels = labels.astype(np.int64)
    else:
        raise LabelError(f"labels must be integers, not {labels.dtype}")
    if labels.size and labels.min() < 0:
        raise LabelError(f"label ids must not be negative; found {labels.min()}")
    return labels


def label_membership(
    labels: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, sparse.csr_array]:
    """Return which pixels belong to which label, as a 0/1 matrix (labels, pixels).

    Returns
    -------
    ids : ndarray of int64, (labels,)
        Ids in ascending order without 0.
    membership : scipy.sparse.csr_array of int64, (labels, pixels)
        Row `i` belongs to ``ids[i]``; pixels are counted in row order.
    """
    flat = check_labels(labels, shape).ravel()
    pixels = np.flatnonzero(flat)
    ids, row = np.unique(flat[pixels], return_inverse=True)
    # A stable sort by label puts the pixels of each label together, in row order.
    order = np.argsort(row, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=ids.size))])
    membership = sparse.csr_array(
        (np.ones(pixels.size, np.int64), pixels[order], indptr), shape=(ids.size, flat.size)
    )
    return ids, membership


def _product(membership: sparse.csr_array, counts: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Return ``membership @ counts`` as a dense array in a type wide enough for any sum."""
    dtype = _sum_dtype(counts)
    if not isinstance(counts, np.ndarray):
        return (membership.astype(dtype) @ counts).toarray()
    total = np.zeros((membership.shape[0], counts.shape[1]), dtype)
    columns = membership.tocsc().astype(dtype)
    for start in range(0, counts.shape[0], _DENSE_BLOCK_PIXELS):
        block = slice(start, start + _DENSE_BLOCK_PIXELS)
        total += columns[:, block] @ counts[block].astype(dtype)
    return total


def _sum_dtype(counts: sparse.csr_array | np.ndarray) -> type:
    """Type in which sums of `counts` cannot overflow."""
    return np.float64 if np.issubdtype(counts.dtype, np.floating) else np.int64


def _stored(matrix: sparse.sparray | np.ndarray) -> sparse.csr_array | np.ndarray:
    """Return checked counts in their smallest faithful form, sparse or dense by density."""
    values = _values(matrix)
    if values.dtype.kind not in "biuf":
        raise EDSError(f"counts must be real numbers, not {values.dtype}")
    if values.size:
        lowest, highest = values.min(), values.max()
        if not (np.isfinite(lowest) and np.isfinite(highest)):
            raise EDSError("counts must be finite, but some are NaN or infinite")
        if lowest < 0:
            raise EDSError(f"counts must not be negative; the lowest is {lowest}")
    if isinstance(matrix, np.ndarray):
        n_stored = np.count_nonzero(matrix)
    else:
        matrix = _canonical(matrix)
        n_stored = matrix.nnz
    matrix = matrix.astype(_smallest_dtype(matrix), copy=False)
    make_sparse = n_stored < SPARSE_BELOW_DENSITY * max(matrix.shape[0] * matrix.shape[1], 1)
    if make_sparse:
        return sparse.csr_array(matrix)
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def _canonical(matrix: sparse.sparray) -> sparse.csr_array:
    """Return sorted rows without repeated channels; the given matrix is not changed."""
    if matrix.format == "csr" and matrix.has_canonical_format:
        return sparse.csr_array(matrix)
    # Counts of the same bin are added, which may exceed their own type.
    matrix = sparse.csr_array(matrix.astype(_sum_dtype(matrix)))
    matrix.sum_duplicates()
    return matrix


def _values(matrix: sparse.csr_array | np.ndarray) -> np.ndarray:
    """Return the stored values of a matrix, sparse or dense."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.data


def _smallest_dtype(matrix: sparse.csr_array | np.ndarray) -> np.dtype:
    """Smallest unsigned type that holds every value, or float64 where values are fractions."""
    values = _values(matrix)
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        return np.dtype(np.float64)
    highest = int(values.max()) if values.size else 0
    return np.min_scalar_type(highest)
