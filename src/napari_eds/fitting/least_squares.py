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
    nothing = np.zeros(design.shape[1])
    return regularised_fit(design, counts, expected, nothing, nothing)


def regularised_fit(
    design: np.ndarray,
    counts: np.ndarray,
    variance: np.ndarray,
    precision: np.ndarray,
    wanted: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and their covariance with independent normal priors.

    Parameters
    ----------
    design : ndarray, (channels, columns)
    counts, variance : ndarray, (channels,)
    precision, wanted : ndarray, (columns,)
        Inverse variances of the priors, 0 for none, and their means.
    """
    weighted = design / variance[:, None]
    normal = design.T @ weighted + np.diag(precision)
    scale = np.sqrt(np.diagonal(normal))
    scale = np.where(scale > 0, scale, 1.0)
    # Columns differ by many orders of magnitude; with a unit diagonal they do not.
    unit = normal / np.outer(scale, scale)
    unit[np.diag_indices_from(unit)] += _RIDGE
    inverse = np.linalg.inv(unit)
    right = weighted.T @ counts + precision * wanted
    return inverse @ (right / scale) / scale, inverse / np.outer(scale, scale)
