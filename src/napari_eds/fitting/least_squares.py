"""Weighted linear least squares through normal equations.

The designs here are tall and narrow, so one product does nearly all the work; a singular value
decomposition of the whole design takes twenty times as long and, on a busy machine, far longer.
"""

from __future__ import annotations

import numpy as np

#: Ridge that keeps empty columns from making the normal matrix singular, in parts of the diagonal.
_RIDGE = 1e-12


def weighted_solution(design: np.ndarray, counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the coefficients that fit counts with variance `expected` best.

    Parameters
    ----------
    design : ndarray, (channels, columns)
    counts, expected : ndarray, (channels,)

    Returns
    -------
    ndarray, (columns,)
        0 for an empty column.
    """
    return weighted_fit(design, counts, expected)[0]


def weighted_fit(
    design: np.ndarray, counts: np.ndarray, expected: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients as `weighted_solution`, and their covariance, (columns, columns)."""
    weighted = design / expected[:, None]
    normal = design.T @ weighted
    scale = np.sqrt(np.diagonal(normal))
    scale = np.where(scale > 0, scale, 1.0)
    # Columns differ by many orders of magnitude; with a unit diagonal they do not.
    unit = normal / np.outer(scale, scale)
    unit[np.diag_indices_from(unit)] += _RIDGE
    inverse = np.linalg.inv(unit)
    coefficients = inverse @ ((weighted.T @ counts) / scale) / scale
    return coefficients, inverse / np.outer(scale, scale)
