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

from napari_eds.errors import EDSError
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.label_sums import LabelSpectra, label_membership

#: Stored fraction below which counts are kept as a sparse matrix. A stored count costs 6 to
#: 8 bytes sparse and 1 to 2 bytes a channel dense, and both products cost the same near here.
SPARSE_BELOW_DENSITY = 0.2

#: Pixels of dense counts that are widened to 64 bit at a time while summing.
_DENSE_BLOCK_PIXELS = 2048


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
