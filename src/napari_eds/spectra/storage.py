"""How counts are held: checked, in their smallest faithful type, sparse or dense by density."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from scipy import sparse

from napari_eds.errors import EDSError

#: A (pixels, channels) matrix of counts.
Counts: TypeAlias = sparse.csr_array | np.ndarray

#: Stored fraction below which counts are kept as a sparse matrix. A stored count costs 6 to
#: 8 bytes sparse and 1 to 2 bytes a channel dense, and both products cost the same near here.
SPARSE_BELOW_DENSITY = 0.2


def stored(matrix: sparse.sparray | np.ndarray) -> Counts:
    """Return checked counts in their smallest faithful form, sparse or dense by density.

    Parameters
    ----------
    matrix : sparse or dense array, (pixels, channels)
        It is not changed; repeated channels of a sparse row are added.

    Raises
    ------
    EDSError
        If values are negative, not finite or not real.
    """
    _check(_values(matrix))
    if isinstance(matrix, np.ndarray):
        n_stored = np.count_nonzero(matrix)
    else:
        matrix = _canonical(matrix)
        n_stored = matrix.nnz
    matrix = matrix.astype(_smallest_dtype(matrix), copy=False)
    if n_stored < SPARSE_BELOW_DENSITY * max(matrix.shape[0] * matrix.shape[1], 1):
        return sparse.csr_array(matrix)
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def sum_dtype(counts: sparse.sparray | np.ndarray) -> type:
    """Type in which sums of `counts` cannot overflow: int64, or float64 for fractions."""
    return np.float64 if np.issubdtype(counts.dtype, np.floating) else np.int64


def _check(values: np.ndarray) -> None:
    if values.dtype.kind not in "biuf":
        raise EDSError(f"counts must be real numbers, not {values.dtype}")
    if values.size:
        lowest, highest = values.min(), values.max()
        if not (np.isfinite(lowest) and np.isfinite(highest)):
            raise EDSError("counts must be finite, but some are NaN or infinite")
        if lowest < 0:
            raise EDSError(f"counts must not be negative; the lowest is {lowest}")


def _canonical(matrix: sparse.sparray) -> sparse.csr_array:
    """Return sorted rows without repeated channels; the given matrix is not changed."""
    if matrix.format == "csr" and matrix.has_canonical_format:
        return sparse.csr_array(matrix)
    # Counts of the same bin are added, which may exceed their own type.
    matrix = sparse.csr_array(matrix.astype(sum_dtype(matrix)))
    matrix.sum_duplicates()
    return matrix


def _values(matrix: sparse.sparray | np.ndarray) -> np.ndarray:
    """Return the stored values of a matrix, sparse or dense."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.data


def _smallest_dtype(matrix: sparse.sparray | np.ndarray) -> np.dtype:
    """Smallest unsigned type that holds every value, or float64 where values are fractions."""
    values = _values(matrix)
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        return np.dtype(np.float64)
    highest = int(values.max()) if values.size else 0
    return np.min_scalar_type(highest)
