"""Products of counts with a matrix on either side, dense counts in blocks of pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from napari_eds.spectra.storage import Counts, sum_dtype

#: Pixels of dense counts that are widened to 64 bit at a time.
_DENSE_BLOCK_PIXELS = 2048


def sums_of_pixels(weights: sparse.csr_array, counts: Counts) -> np.ndarray:
    """Return ``weights @ counts``, (sums, channels), in a type wide enough for any sum.

    Parameters
    ----------
    weights : csr_array of int, (sums, pixels)
    counts : (pixels, channels)
    """
    dtype = sum_dtype(counts)
    if not isinstance(counts, np.ndarray):
        return (weights.astype(dtype) @ _signed(counts)).toarray()
    total = np.zeros((weights.shape[0], counts.shape[1]), dtype)
    columns = weights.tocsc().astype(dtype)
    for block in _blocks(counts):
        total += columns[:, block] @ counts[block].astype(dtype)
    return total


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
        return np.asarray(_signed(counts) @ weights)
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
    return np.asarray(_signed(counts) @ weights)


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


def _blocks(counts: np.ndarray) -> Iterator[slice]:
    for start in range(0, counts.shape[0], _DENSE_BLOCK_PIXELS):
        yield slice(start, start + _DENSE_BLOCK_PIXELS)
