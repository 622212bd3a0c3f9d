"""Cliff-Lorimer: intensities to weight and atomic fractions, with errors and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.errors.budget import Doubts
from napari_eds.quantification.methods.composition import (
    DETECTION_SIGMA,
    Composition,
    counted_and_seen,
    detection_limits,
    enough_atoms,
    shares,
    variances,
)
from napari_eds.quantification.methods.intensities import Intensities

#: The composition and its absorption factors are consistent when weight fractions move by less
#: than this from one iteration to the next. A thin foil takes about ten iterations.
_CONSISTENT = 1e-11
_MAX_ITERATIONS = 200


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
    in which no element stands out of the counting noise, or whose atoms in all do not
    (`enough_atoms`), gets NaN.

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
    counted, detected, sigma = counted_and_seen(intensities, doubts)
    emitted = np.where(counted, intensities.counts * intensities.k_factors, np.nan)
    c, a, moving = consistent(emitted, foil)
    enough = enough_atoms(intensities, a)
    if enough[moving].any() and unsettled == "raise":
        raise _does_not_settle(moving[enough[moving]], label_names)
    c[moving] = c[~enough] = np.nan
    # NaN where the total is not positive, in either unit.
    unknown = np.isnan(shares(c / intensities.atomic_weights))
    c, a = (np.where(unknown, np.nan, values) for values in (c, a))
    per_count = intensities.k_factors * a / (emitted * a).sum(axis=1, keepdims=True)
    return _with_errors(
        c, a, per_count, intensities, foil=foil, doubts=doubts, detected=detected, sigma=sigma
    )


def _with_errors(  # noqa: PLR0913 - keyword-only ones belong together
    c: np.ndarray,
    a: np.ndarray,
    per_count: np.ndarray,
    intensities: Intensities,
    *,
    foil: Foil | None,
    doubts: Doubts | None,
    detected: np.ndarray,
    sigma: np.ndarray,
) -> Composition:
    """Return the composition of weight fractions that agree with their absorption."""
    weights = intensities.atomic_weights
    moles = c / weights
    x = shares(moles)
    by_logarithms, by_counts = _jacobians(
        c, x, per_count=per_count, atomic_weights=weights, foil=foil
    )
    statistical = by_counts @ intensities.covariance @ np.swapaxes(by_counts, 1, 2)
    from_k = by_logarithms @ intensities.k_covariance @ np.swapaxes(by_logarithms, 1, 2)
    counting, by_k = variances(statistical), variances(from_k)
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
        detection_limits=detection_limits(moles, DETECTION_SIGMA * sigma * per_count / weights),
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


def consistent(
    emitted: np.ndarray, foil: Foil | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight fractions and absorption factors that agree with each other, for ``k I``.

    The third value are the positions of labels where they do not.
    """
    c = shares(emitted)
    a = np.ones_like(c)
    moving = np.arange(0 if foil is None else len(c))
    for _ in range(_MAX_ITERATIONS):
        if foil is None or not moving.size:
            break
        a[moving] = foil.of(moving).factors(c[moving])
        before, c[moving] = c[moving], shares(emitted[moving] * a[moving])
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
