"""Products of counts with a matrix on either side, dense counts in blocks of pixels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy import sparse

from napari_eds._support.progress import check_cancelled
from napari_eds._support.threads import in_order
from napari_eds.spectra.storage import Counts, sum_dtype

#: Pixels of dense counts that are widened to 64 bit at a time.
_DENSE_BLOCK_PIXELS = 2048
#: Stored counts that are widened to 64 bit at a time.
_BLOCK_STORED = 2**21


def total_of_pixels(counts: Counts) -> np.ndarray:
    """Return the sum of all pixels, (channels,), in a type wide enough."""
    dtype = sum_dtype(counts)
    if isinstance(counts, np.ndarray):
        return np.asarray(counts.sum(axis=0, dtype=dtype))
    total = np.zeros(counts.shape[1], dtype)
    for part in in_order(_total, list(_row_blocks(counts))):
        total += part
    return total


def _total(counts: sparse.csr_array) -> np.ndarray:
    return np.asarray(_signed(counts).sum(axis=0, dtype=sum_dtype(counts)))


def costs_of_pixels(counts: Counts, pixels: np.ndarray) -> np.ndarray:
    """Return how many stored numbers each of some pixels has, (pixels,)."""
    if isinstance(counts, np.ndarray):
        return np.full(pixels.size, counts.shape[1])
    return np.asarray(counts.indptr[pixels + 1] - counts.indptr[pixels], np.int64)


def sums_of_groups(counts: Counts, pixels: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return summed spectra of groups of pixels, (groups, channels), in a type wide enough.

    Parameters
    ----------
    counts : (pixels, channels)
    pixels : ndarray of int
        Positions of pixels, one group after the other.
    bounds : ndarray of int, (groups + 1,)
        Where groups begin in `pixels`, and its length.
    """
    sums = np.zeros((bounds.size - 1, counts.shape[1]), sum_dtype(counts))
    for start, stop in pairwise(_edges(costs_of_pixels(counts, pixels)).tolist()):
        first = int(np.searchsorted(bounds, start, side="right")) - 1
        last = int(np.searchsorted(bounds, stop, side="left"))
        inside = np.clip(bounds[first : last + 1], start, stop) - start
        sums[first:last] += _grouped(counts[pixels[start:stop]], inside, sums.dtype)
    return sums


def _grouped(counts: Counts, bounds: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if isinstance(counts, np.ndarray):
        groups = np.repeat(np.arange(bounds.size - 1), np.diff(bounds))
        sums = np.zeros((bounds.size - 1, counts.shape[1]), dtype)
        for group in np.unique(groups):
            sums[group] = counts[bounds[group] : bounds[group + 1]].sum(axis=0, dtype=dtype)
        return sums
    # Rows of which channels repeat: making them dense adds these up, in one pass.
    joined = (counts.data.astype(dtype), counts.indices, counts.indptr[bounds])
    return sparse.csr_array(joined, shape=(bounds.size - 1, counts.shape[1])).toarray()


def sums_of_channels(counts: Counts, weights: np.ndarray) -> np.ndarray:
    """Return ``counts @ weights``, (pixels, sums): int64 if both are whole, else float64.

    Parameters
    ----------
    counts : (pixels, channels)
    weights : ndarray, (channels, sums)
    """
    dtype = np.result_type(sum_dtype(counts), sum_dtype(weights))
    weights = weights.astype(dtype, copy=False)
    if not isinstance(counts, np.ndarray):
        # Each product widens the counts that it sees: some at a time.
        return _joined(counts, weights, np.zeros((counts.shape[0], weights.shape[1]), dtype))
    sums = np.zeros((counts.shape[0], weights.shape[1]), dtype)
    # Channels without weight need not be widened.
    used = np.flatnonzero(weights.any(axis=1))
    if used.size:
        span = slice(used[0], used[-1] + 1)
        for block in _blocks(counts):
            sums[block] = counts[block, span].astype(dtype) @ weights[span]
    return sums


def sums_of_window(counts: Counts, channels: slice) -> np.ndarray:
    """Return the sum of some neighbouring channels of every pixel, (pixels,).

    Parameters
    ----------
    counts : (pixels, channels)
    channels : slice
        Without a step.
    """
    dtype = sum_dtype(counts)
    if isinstance(counts, np.ndarray):
        return np.asarray(counts[:, channels].sum(axis=1, dtype=dtype))
    # Measured: as fast as the sum of all channels; cutting the channels out takes six times as
    # long and a copy of the counts.
    weights = np.zeros(counts.shape[1], dtype)
    weights[channels] = 1
    return _joined(counts, weights, np.zeros(counts.shape[0], dtype))


def _joined(counts: sparse.csr_array, weights: np.ndarray, into: np.ndarray) -> np.ndarray:
    """Put the products of blocks of pixels with weights into an array; return it."""
    first = 0
    for part in in_order(lambda rows: _signed(rows) @ weights, _row_blocks(counts)):
        into[first : first + len(part)] = part
        first += len(part)
    return into


def rebinned(counts: Counts, factor: int) -> Counts:
    """Return the sums of groups of `factor` channels, the remainder dropped."""
    n_groups = counts.shape[1] // factor
    n_kept = n_groups * factor
    if isinstance(counts, np.ndarray):
        groups = counts[:, :n_kept].reshape(-1, n_groups, factor)
        return groups.sum(axis=2, dtype=sum_dtype(counts))
    kept = np.arange(n_kept)
    weights = sparse.csr_array(
        (np.ones(n_kept, np.int64), (kept, kept // factor)), shape=(counts.shape[1], n_groups)
    )
    return sparse.csr_array(counts @ weights)


def _signed(counts: sparse.csr_array) -> sparse.csr_array:
    """Return counts whose product with int64 stays whole: that of uint64 would be float64."""
    return counts.astype(np.int64) if counts.dtype == np.uint64 else counts


def _row_blocks(counts: sparse.csr_array) -> Iterator[sparse.csr_array]:
    """Yield some rows after the other, as views."""
    for start, stop in pairwise(_edges(np.diff(counts.indptr)).tolist()):
        first, last = counts.indptr[start], counts.indptr[stop]
        rows = (
            counts.data[first:last],
            counts.indices[first:last],
            counts.indptr[start : stop + 1] - first,
        )
        yield sparse.csr_array(rows, shape=(stop - start, counts.shape[1]))


def _edges(costs: np.ndarray) -> np.ndarray:
    """Return the positions at which blocks of about `_BLOCK_STORED` begin, and the last end."""
    blocks = np.cumsum(costs, dtype=np.int64) // _BLOCK_STORED
    return np.append(np.flatnonzero(np.diff(blocks, prepend=-1)), costs.size)


def _blocks(counts: np.ndarray) -> Iterator[slice]:
    for start in range(0, counts.shape[0], _DENSE_BLOCK_PIXELS):
        check_cancelled()
        yield slice(start, start + _DENSE_BLOCK_PIXELS)
