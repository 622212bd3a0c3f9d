"""Sparse counts of sorted events: what every stream of X-rays ends in, and blocks of dense rows.

Nothing of the size (pixels x channels) ever exists: a block of pixels is gathered at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from napari_eds._support.progress import check_cancelled
from napari_eds.errors import EDSError
from napari_eds.spectra.storage import SPARSE_BELOW_DENSITY, Counts

#: Dense values taken at a time.
_BLOCK_VALUES = 2**22


@dataclass(frozen=True, eq=False)
class Block:
    """Some consecutive pixels: channel and count of every occupied bin, and bins of each pixel.

    `channels` and `counts` are (bins,), `sizes` is (pixels,).
    """

    channels: np.ndarray
    counts: np.ndarray
    sizes: np.ndarray


def block_of_events(bins: np.ndarray, n_pixels: int, n_channels: int) -> Block:
    """Count events in ascending bins, each ``pixel * n_channels + channel``, from pixel 0 on."""
    is_first = np.ones(bins.size, bool)
    np.not_equal(bins[1:], bins[:-1], out=is_first[1:])
    first = np.flatnonzero(is_first)
    counts = np.diff(first, append=bins.size)
    occupied = bins[first]
    pixels = occupied // occupied.dtype.type(n_channels)
    # Division by one number is fast in NumPy, its remainder is not.
    channels = occupied - pixels * occupied.dtype.type(n_channels)
    smallest = np.min_scalar_type(int(counts.max(initial=0)))
    sizes = np.bincount(pixels.astype(np.intp), minlength=n_pixels)
    return Block(_small(channels), counts.astype(smallest), sizes)


def block_of_rows(rows: np.ndarray) -> Block:
    """Take the occupied bins of dense counts (pixels, channels)."""
    check_cancelled()
    pixels, channels = np.nonzero(rows)
    return Block(
        _small(channels), rows[pixels, channels], np.bincount(pixels, minlength=rows.shape[0])
    )


@dataclass(frozen=True, eq=False)
class ThinCounts:
    """Counts (rows, columns, channels), most of which are zero, as a matrix (pixels, channels)."""

    channels: np.ndarray
    counts: np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int, int]

    @property
    def ndim(self) -> int:
        """Number of dimensions, as of an array."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values, zeros included."""
        rows, columns, channels = self.shape
        return rows * columns * channels

    @property
    def dtype(self) -> np.dtype:
        """Type of the counts."""
        return self.counts.dtype

    def matrix(self) -> sparse.csr_array:
        """Return the canonical matrix."""
        rows, columns, channels = self.shape
        parts = (self.counts, self.channels, self.indptr)
        matrix = sparse.csr_array(parts, shape=(rows * columns, channels))
        matrix.has_canonical_format = True
        return matrix


def thin(data: np.ndarray) -> ThinCounts | None:
    """Return counts (rows, columns, channels) without their zeros, or None if few are zero."""
    if np.count_nonzero(data) >= SPARSE_BELOW_DENSITY * data.size:
        return None
    rows, columns, n_channels = data.shape
    matrix = _by_blocks(data)
    return ThinCounts(matrix.indices, matrix.data, matrix.indptr, (rows, columns, n_channels))


def shape_of(data: np.ndarray | ThinCounts) -> tuple[int, int]:
    """Return (rows, columns) of counts (rows, columns, channels); of a line or spectrum 1 row.

    Raises
    ------
    EDSError
        If there are more dimensions.
    """
    if not 1 <= data.ndim <= 3:
        raise EDSError(f"expected (rows, columns, channels), got shape {data.shape}")
    rows, columns, _ = (1,) * (3 - data.ndim) + data.shape
    return rows, columns


def matrix_of(data: np.ndarray | ThinCounts) -> Counts:
    """Return counts (rows, columns, channels) as a matrix (pixels, channels).

    An array in memory stays as it is. Of a memory map, which would keep the file open and follow
    its changes, some rows at a time are taken into a sparse matrix.
    """
    rows, columns = shape_of(data)
    n_channels = data.shape[-1]
    if isinstance(data, ThinCounts):
        return data.matrix()
    if not isinstance(data, np.memmap) or data.ndim < 3 or not data.size:
        in_memory = np.array(data) if isinstance(data, np.memmap) else np.asarray(data)
        return in_memory.reshape(rows * columns, n_channels)
    return _by_blocks(data)


def _by_blocks(data: np.ndarray) -> sparse.csr_array:
    rows, columns, n_channels = data.shape
    step = max(1, _BLOCK_VALUES // max(columns * n_channels, 1))
    blocks = (
        block_of_rows(np.array(data[first : first + step]).reshape(-1, n_channels))
        for first in range(0, rows, step)
    )
    return assemble(blocks, n_channels)


def assemble(
    blocks: Iterable[Block], n_channels: int, most_bins: int | None = None
) -> sparse.csr_array:
    """Join blocks of pixels into one canonical matrix (pixels, channels).

    Blocks are written where they stay, one after the other: where they come from an iterator,
    all of them together are never held beside the matrix.

    Parameters
    ----------
    blocks : iterable of Block
    n_channels : int
    most_bins : int, optional
        More occupied bins than there can be; without it all blocks are held to count them.
    """
    if most_bins is None:
        blocks = list(blocks)
        most_bins = sum(block.channels.size for block in blocks)
    # Memory that is not written to is not taken by the system.
    channels = np.empty(most_bins, np.int32)
    counts = np.empty(most_bins, np.uint8)
    sizes, end = [np.zeros(1, np.uint32)], 0
    for block in blocks:
        start, end = end, end + block.channels.size
        counts = _wide_enough(counts, block.counts.dtype, start)
        channels[start:end] = block.channels
        counts[start:end] = block.counts
        sizes.append(_small(block.sizes))
    indptr = np.cumsum(np.concatenate(sizes), dtype=np.int32 if end < 2**31 else np.int64)
    del sizes
    # scipy wants both of one type.
    parts = (_shrunk(counts, end), _shrunk(channels, end).astype(indptr.dtype, copy=False), indptr)
    matrix = sparse.csr_array(parts, shape=(indptr.size - 1, n_channels))
    # Sorting again to find that out would cost a pass over everything.
    matrix.has_canonical_format = True
    return matrix


def _wide_enough(counts: np.ndarray, dtype: np.dtype, n_used: int) -> np.ndarray:
    """Return an array of the same length that holds a type, too; what is used goes along."""
    needed = np.promote_types(counts.dtype, dtype)
    if needed == counts.dtype:
        return counts
    wider = np.empty(counts.size, needed)
    wider[:n_used] = counts[:n_used]
    return wider


def _shrunk(array: np.ndarray, size: int) -> np.ndarray:
    """Return the beginning of an array that nobody else holds, the rest given back."""
    array.resize(size, refcheck=False)
    return array


def _small(channels: np.ndarray) -> np.ndarray:
    return channels.astype(np.uint16 if channels.max(initial=0) < 2**16 else np.uint32)
