"""Cliff-Lorimer: intensities to weight and atomic fractions, with errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_eds.errors import EDSError

#: A family counts as detected in a label when its intensity exceeds this many standard
#: deviations.
DETECTION_SIGMA = 3.0


@dataclass(frozen=True, eq=False)
class Composition:
    """Compositions of labels; NaN where a label gives none.

    Attributes
    ----------
    weight_fractions, atomic_fractions : ndarray, (labels, elements)
        Fractions of 1, each row summing to 1.
    atomic_errors_statistical, atomic_errors_k : ndarray, (labels, elements)
        Standard deviations of the atomic fractions from counting and from the k-factors.
    detected : ndarray of bool, (labels, elements)
        Whether the intensity exceeds `DETECTION_SIGMA` standard deviations.
    """

    weight_fractions: np.ndarray
    atomic_fractions: np.ndarray
    atomic_errors_statistical: np.ndarray
    atomic_errors_k: np.ndarray
    detected: np.ndarray


def cliff_lorimer(
    intensities: np.ndarray,
    covariance: np.ndarray,
    k_factors: np.ndarray,
    k_relative_errors: np.ndarray,
    atomic_weights: np.ndarray,
) -> Composition:
    """Quantify intensities by Cliff and Lorimer's ratio method.

    Weight fractions are ``k I / sum(k I)``; atomic ones ``u / sum(u)`` with ``u = k I / A``
    (G. Cliff and G. W. Lorimer, J. Microsc. 103 (1975) 203). Errors are propagated to first
    order: with ``x`` the atomic fractions, ``K = diag(x) - x x'`` and ``J = K diag(1/I)``, the
    statistical covariance is ``J C J'`` and that of the k-factors ``K diag(r^2) K'``.

    Negative intensities are kept, as setting them to zero would bias means over labels. A label
    in which no element is detected gets NaN: its ratios are noise.

    Parameters
    ----------
    intensities : ndarray, (labels, elements)
        Counts, in the convention of the k-factors.
    covariance : ndarray, (labels, elements, elements)
    k_factors : ndarray, (elements,)
        Weight-based, up to a common factor.
    k_relative_errors : ndarray, (elements,)
    atomic_weights : ndarray, (elements,)
        In g/mol.

    Raises
    ------
    EDSError
        If the shapes do not belong together.
    """
    _check_shapes(intensities, covariance, k_factors, k_relative_errors, atomic_weights)
    errors = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0))
    detected = intensities > DETECTION_SIGMA * errors
    weights = intensities * k_factors
    moles = weights / atomic_weights
    per_count = k_factors / atomic_weights
    usable = detected.any(axis=1) & (weights.sum(axis=1) > 0) & (moles.sum(axis=1) > 0)
    total = np.where(usable, moles.sum(axis=1), np.nan)
    x = moles / total[:, None]
    n = x.shape[1]
    projector = x[:, :, None] * np.eye(n) - x[:, :, None] * x[:, None, :]
    # dx_i / dI_j = (delta_ij - x_i) u_j' / sum(u): written without 1 / I, which may be zero.
    jacobian = (np.eye(n) - x[:, :, None]) * (per_count / total[:, None])[:, None, :]
    statistical = jacobian @ covariance @ np.swapaxes(jacobian, 1, 2)
    from_k = projector * k_relative_errors**2 @ np.swapaxes(projector, 1, 2)
    return Composition(
        weight_fractions=weights / np.where(usable, weights.sum(axis=1), np.nan)[:, None],
        atomic_fractions=x,
        atomic_errors_statistical=_deviations(statistical),
        atomic_errors_k=_deviations(from_k),
        detected=detected,
    )


def _deviations(covariance: np.ndarray) -> np.ndarray:
    """Square roots of the diagonals, (labels, elements)."""
    return np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0))


def _check_shapes(
    intensities: np.ndarray, covariance: np.ndarray, *per_element: np.ndarray
) -> None:
    n_labels, n = intensities.shape
    if covariance.shape != (n_labels, n, n) or any(v.shape != (n,) for v in per_element):
        raise EDSError(
            f"intensities {intensities.shape}, covariance {covariance.shape} and per-element "
            f"values {[v.shape for v in per_element]} do not belong together"
        )
