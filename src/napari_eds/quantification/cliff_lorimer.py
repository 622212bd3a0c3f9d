"""Cliff-Lorimer: intensities to weight and atomic fractions, with errors and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.error_budget import Doubts
from napari_eds.quantification.intensities import Intensities

#: A family counts as detected in a label when its intensity exceeds this many standard
#: deviations.
DETECTION_SIGMA = 3.0

#: The composition and its absorption factors are consistent when weight fractions move by less
#: than this from one iteration to the next. A thin foil takes about ten iterations.
_CONSISTENT = 1e-11
_MAX_ITERATIONS = 200


@brief
@dataclass(frozen=True, eq=False)
class Composition:
    """Compositions of labels; NaN where a label gives none.

    Attributes
    ----------
    weight_fractions, atomic_fractions : ndarray, (labels, elements)
        Fractions of 1, each row summing to 1.
    atomic_errors_statistical, atomic_errors_k : ndarray, (labels, elements)
        Standard deviations of the atomic fractions from counting and from the k-factors.
    atomic_error_parts : mapping of str to ndarray, (labels, elements)
        Standard deviations of the atomic fractions by `error_budget.PARTS`, as far as they are
        known.
    atomic_errors_total : ndarray, (labels, elements)
        All of them together.
    detected : ndarray of bool, (labels, elements)
        Whether the intensity exceeds `DETECTION_SIGMA` standard deviations, of counting and of
        shapes: what a neighbour's imperfect lines may hold is not detected.
    detection_limits : ndarray, (labels, elements)
        Atomic fractions that an intensity of `DETECTION_SIGMA` standard deviations would give,
        everything else in the label being as it is.
    absorption_factors : ndarray, (labels, elements)
        By which intensities were multiplied; 1 without a correction.
    densities_g_cm3 : ndarray, (labels,)
        Those of the correction: given ones, or what the compositions make them; NaN without.
    """

    weight_fractions: np.ndarray
    atomic_fractions: np.ndarray
    atomic_errors_statistical: np.ndarray
    atomic_errors_k: np.ndarray
    atomic_error_parts: Mapping[str, np.ndarray]
    atomic_errors_total: np.ndarray
    detected: np.ndarray
    detection_limits: np.ndarray
    absorption_factors: np.ndarray
    densities_g_cm3: np.ndarray


def cliff_lorimer(
    intensities: Intensities,
    *,
    foil: Foil | None = None,
    doubts: Doubts | None = None,
    label_names: Sequence[object] | None = None,
    unsettled: Literal["raise", "nan"] = "raise",
) -> Composition:
    """Quantify intensities by Cliff and Lorimer's ratio method.

    Weight fractions are ``C = k I a / sum(k I a)`` (G. Cliff and G. W. Lorimer, J. Microsc. 103
    (1975) 203). The absorption factors a depend on C, also through the density where
    that follows from C, so both are iterated until they agree.

    Errors are propagated to first order at that point. With ``w = k I a``, ``W = sum(w)``,
    ``D = d ln a / dC`` and ``K = diag(C) - C C'``, a change of the logarithms of k I moves C by
    ``(1 - K D)^-1 K``: absorption answers to the change, and damps or enlarges it.

    Negative intensities are kept, as setting them to zero would bias means over labels. A label
    in which no element stands out of the counting noise gets NaN.

    Parameters
    ----------
    intensities : Intensities
    foil : Foil, optional
        Its families being those of the intensities; None leaves absorption uncorrected.
    doubts : Doubts, optional
        What else than counting and k-factors makes errors.
    label_names : sequence, optional
        How errors call the labels; their positions by default.
    unsettled : {"raise", "nan"}
        What becomes of labels whose composition and absorption do not converge.

    Raises
    ------
    EDSError
        If the foil is of other labels or elements, or composition and absorption do not converge.
    """
    _check_foil(foil, intensities)
    k_factors, atomic_weights = intensities.k_factors, intensities.atomic_weights
    sigma = intensities.errors
    counted = (intensities.counts > DETECTION_SIGMA * sigma).any(axis=1, keepdims=True)
    if doubts is not None and "total" in doubts.shapes:
        sigma = np.sqrt(sigma**2 + _variances(doubts.shapes["total"]))
    detected = intensities.counts > DETECTION_SIGMA * sigma
    emitted = np.where(counted, intensities.counts * k_factors, np.nan)
    c, a, moving = _consistent(emitted, foil)
    if moving.size and unsettled == "raise":
        raise _does_not_settle(moving, label_names)
    c[moving] = np.nan
    moles = c / atomic_weights
    # NaN where the total is not positive, in either unit.
    x = _shares(moles)
    c = np.where(np.isnan(x), np.nan, c)
    a = np.where(np.isnan(x), np.nan, a)
    per_count = k_factors * a / (emitted * a).sum(axis=1, keepdims=True)
    by_logarithms, by_counts = _jacobians(
        c, x, per_count=per_count, atomic_weights=atomic_weights, foil=foil
    )
    statistical = by_counts @ intensities.covariance @ np.swapaxes(by_counts, 1, 2)
    from_k = by_logarithms * intensities.k_relative_errors**2 @ np.swapaxes(by_logarithms, 1, 2)
    counting, by_k = _variances(statistical), _variances(from_k)
    doubts = doubts or Doubts({}, None, np.ones(len(c)))
    parts, total = doubts.variances(
        counting, by_k, weight_fractions=c, by_logarithms=by_logarithms, by_counts=by_counts
    )
    return Composition(
        weight_fractions=c,
        atomic_fractions=x,
        atomic_errors_statistical=np.sqrt(counting),
        atomic_errors_k=np.sqrt(by_k),
        atomic_error_parts={part: np.sqrt(variance) for part, variance in parts.items()},
        atomic_errors_total=np.sqrt(total),
        detected=detected,
        detection_limits=_detection_limits(
            moles, DETECTION_SIGMA * sigma * per_count / atomic_weights
        ),
        absorption_factors=a,
        densities_g_cm3=_densities(c, foil),
    )


def jacobians_of(
    composition: Composition, intensities: Intensities, foil: Foil | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return how a composition answers to its inputs, at first order.

    Parameters are those that `cliff_lorimer` made it of.

    Returns
    -------
    by_logarithms, by_counts : ndarray, (labels, elements, elements)
        Derivatives of atomic fractions by ln(k I) and by the intensities I.
    """
    weighed = intensities.k_factors * composition.absorption_factors
    total = (intensities.counts * weighed).sum(axis=1, keepdims=True)
    return _jacobians(
        composition.weight_fractions,
        composition.atomic_fractions,
        per_count=weighed / total,
        atomic_weights=intensities.atomic_weights,
        foil=foil,
    )


def _consistent(
    emitted: np.ndarray, foil: Foil | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight fractions and absorption factors that agree with each other, for ``k I``.

    The third value are the positions of labels where they do not.
    """
    c = _shares(emitted)
    a = np.ones_like(c)
    moving = np.arange(0 if foil is None else len(c))
    for _ in range(_MAX_ITERATIONS):
        if foil is None or not moving.size:
            break
        a[moving] = foil.of(moving).factors(c[moving])
        before, c[moving] = c[moving], _shares(emitted[moving] * a[moving])
        # NaN does not move.
        moving = moving[np.abs(c[moving] - before).max(axis=1) > _CONSISTENT]
    return c, a, moving


def _does_not_settle(moving: np.ndarray, label_names: Sequence[object] | None) -> EDSError:
    names = moving if label_names is None else np.asarray(label_names)[moving]
    return EDSError(
        "composition and absorption do not settle in label "
        f"{', '.join(map(str, names[:10]))}{' and more' if moving.size > 10 else ''}: "
        "check thickness, density and take-off angle"
    )


def _jacobians(
    c: np.ndarray,
    x: np.ndarray,
    *,
    per_count: np.ndarray,
    atomic_weights: np.ndarray,
    foil: Foil | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return derivatives of atomic fractions by ln k and by I, (labels, elements, elements)."""
    one = np.eye(c.shape[1])
    by_logarithms = c[:, :, None] * one - c[:, :, None] * c[:, None, :]
    # Written without 1 / I, which may be zero.
    by_counts = (one - c[:, :, None]) * per_count[:, None, :]
    if foil is not None:
        slopes = by_logarithms @ foil.log_slopes(c)
        response = np.linalg.inv(one - np.where(np.isnan(slopes), 0, slopes))
        by_logarithms, by_counts = response @ by_logarithms, response @ by_counts
    per_weight = 1 / (atomic_weights * (c / atomic_weights).sum(axis=1, keepdims=True))
    to_atomic = (one - x[:, :, None]) * per_weight[:, None, :]
    return to_atomic @ by_logarithms, to_atomic @ by_counts


def _densities(c: np.ndarray, foil: Foil | None) -> np.ndarray:
    """Densities of the labels that have a composition, (labels,)."""
    known = np.nan if foil is None else foil.densities_g_cm3(c)
    return np.where(np.isnan(c).any(axis=1), np.nan, known)


def _detection_limits(moles: np.ndarray, at_limit: np.ndarray) -> np.ndarray:
    """Atomic fractions of the amounts `at_limit` beside the other elements of the label."""
    others = np.maximum(moles.sum(axis=1, keepdims=True) - moles, 0)
    total = others + at_limit
    return at_limit / np.where(total == 0, np.nan, total)


def _shares(amounts: np.ndarray) -> np.ndarray:
    """Amounts over their sum by label; NaN where that is not positive."""
    total = amounts.sum(axis=1, keepdims=True)
    return amounts / np.where(total > 0, total, np.nan)


def _variances(covariance: np.ndarray) -> np.ndarray:
    """Diagonals, (labels, elements)."""
    return np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)


def _check_foil(foil: Foil | None, intensities: Intensities) -> None:
    if foil is None:
        return
    n_labels, n = intensities.counts.shape
    mac, thickness = foil.mass_absorption_cm2_g, foil.thickness_nm
    if mac.shape != (n, n) or thickness.shape != (n_labels,):
        raise EDSError(
            f"absorption of shape {mac.shape} in {thickness.shape} labels does not belong to "
            f"intensities {(n_labels, n)}"
        )
