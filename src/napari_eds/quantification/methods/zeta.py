"""zeta-factors: composition, mass thickness and absorption solved together, label by label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics.absorption import TO_G_CM2, Foil
from napari_eds.quantification.errors.budget import Doubts
from napari_eds.quantification.methods.composition import (
    DETECTION_SIGMA,
    Composition,
    MassThickness,
    counted_and_seen,
    detection_limits,
    enough_atoms,
    shares,
)
from napari_eds.quantification.methods.intensities import Intensities

#: Masses are settled when they move by less than this share from one step to the next.
_SETTLED = 1e-11
_MAX_STEPS = 200
_NM_PER_CM = 1e7


def zeta_factor_method(  # noqa: PLR0913 - the last have defaults
    intensities: Intensities,
    electrons: np.ndarray,
    *,
    foil: Foil | None = None,
    dose_relative_error: float = 0.0,
    density_relative_error: float = 0.0,
    doubts: Doubts | None = None,
) -> Composition:
    """Quantify intensities by the zeta-factor method.

    Each element has the mass ``m = zeta I a / D`` per area; mass thickness is their sum and
    composition their shares (Watanabe and Williams, J. Microsc. 221 (2006) 89). The absorption
    factors depend on the depths ``x = sum(m MAC) / sin(angle)``, so masses are iterated until
    they agree. Errors are propagated to first order there: a change of ln(zeta I / D) moves the
    masses by ``(1 - diag(m) d ln a / dm)^-1 diag(m)``.

    Parameters
    ----------
    intensities : Intensities
        With zeta-factors in kg/m² in place of k-factors, and their errors.
    electrons : ndarray, (labels,)
        Dose of each label while detectors were live.
    foil : Foil, optional
        Coefficients, way out and densities of what absorbs; its thickness is not used. None
        leaves absorption uncorrected and thicknesses unknown.
    dose_relative_error : float
        Standard deviation of the current and of what all zeta-factors share.
    density_relative_error : float
        Standard deviation of the densities, for the error of thicknesses.
    doubts : Doubts, optional
        Of shapes, and how much counting is widened; for absorption, errors of coefficients.

    Raises
    ------
    EDSError
        If doses are not positive or do not belong to the labels.
    """
    electrons = np.asarray(electrons, float)
    if electrons.shape != (len(intensities.counts),) or not np.all(electrons > 0):
        raise EDSError("every label needs a dose above 0 electrons")
    counted, detected, sigma = counted_and_seen(intensities, doubts)
    per_count = intensities.k_factors / electrons[:, None]
    thin = np.where(counted, intensities.counts * per_count, np.nan)
    masses, a = _consistent(thin, foil)
    # NaN where the total is not positive, or noise, as in Cliff-Lorimer.
    enough = (masses.sum(axis=1) > 0) & enough_atoms(intensities, a)
    masses = np.where(enough[:, None], masses, np.nan)
    a = np.where(np.isnan(masses), np.nan, a)
    moles = masses / intensities.atomic_weights
    at_limit = DETECTION_SIGMA * sigma * per_count * a / intensities.atomic_weights
    counting, parts, total = _variances(
        masses, a, intensities, electrons, foil=foil, doubts=doubts, common=dose_relative_error
    )
    c, n = shares(masses), masses.shape[1]
    densities = np.full(len(c), np.nan) if foil is None else foil.densities_g_cm3(c)
    return Composition(
        weight_fractions=c,
        atomic_fractions=shares(moles),
        atomic_errors_statistical=np.sqrt(counting[:, :n]),
        atomic_errors_k=np.sqrt(parts["k_factors"][:, :n]),
        atomic_error_parts={part: np.sqrt(v[:, :n]) for part, v in parts.items()},
        atomic_errors_total=np.sqrt(total[:, :n]),
        detected=detected,
        detection_limits=detection_limits(moles, at_limit),
        absorption_factors=a,
        densities_g_cm3=np.where(np.isnan(c).any(axis=1), np.nan, densities),
        mass_thickness=_mass_thickness(
            masses.sum(axis=1),
            {part: np.sqrt(v[:, n]) for part, v in parts.items()},
            (np.sqrt(counting[:, n]), np.sqrt(total[:, n])),
            electrons,
            densities=(densities, density_relative_error),
        ),
    )


def foil_found(foil: Foil, found: MassThickness) -> Foil:
    """Return the foil with the thicknesses that were found, 0 where none was.

    Parameters
    ----------
    foil : Foil
        That of `zeta_factor_method`.
    found : MassThickness
        What it gave.
    """
    return replace(foil, thickness_nm=np.nan_to_num(found.thickness_nm, nan=0.0))


def zeta_jacobians_of(
    composition: Composition,
    thickness: MassThickness,
    intensities: Intensities,
    foil: Foil | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how compositions answer to their inputs, at first order.

    Parameters are those that `zeta_factor_method` made the composition of, and its thickness.

    Returns
    -------
    by_logarithms, by_counts : ndarray, (labels, elements, elements)
        Derivatives of atomic fractions by ln(zeta I / D) and by the intensities I.
    """
    masses = composition.weight_fractions * thickness.kg_m2[:, None]
    by_logs, by_counts = _jacobians(
        masses, composition.absorption_factors, intensities, thickness.electrons, foil
    )
    return by_logs[:, :-1], by_counts[:, :-1]


def _consistent(thin: np.ndarray, foil: Foil | None) -> tuple[np.ndarray, np.ndarray]:
    """Masses in kg/m² and absorption factors that agree, (labels, elements); NaN where none do.

    Parameters
    ----------
    thin : ndarray, (labels, elements)
        Masses without absorption, kg/m².
    foil : Foil or None
    """
    masses, a = thin.copy(), np.where(np.isnan(thin), np.nan, 1.0)
    if foil is None:
        return masses, a
    moving = np.flatnonzero(~np.isnan(thin).any(axis=1))
    for _ in range(_MAX_STEPS):
        if not moving.size:
            break
        a[moving] = _of_masses(foil, moving.size).factors(masses[moving] * TO_G_CM2)
        before, masses[moving] = masses[moving], thin[moving] * a[moving]
        moved = np.abs(masses[moving] - before).max(axis=1)
        moving = moving[moved > _SETTLED * np.abs(masses[moving]).max(axis=1)]
    masses[moving] = a[moving] = np.nan
    return masses, a


def _of_masses(foil: Foil, n_labels: int) -> Foil:
    """Return a foil of 1 g/cm² in which masses in g/cm² take the part of weight fractions."""
    one = np.ones(n_labels)
    return replace(foil, thickness_nm=_NM_PER_CM * one, density_g_cm3=one)


def _jacobians(
    masses: np.ndarray,
    a: np.ndarray,
    intensities: Intensities,
    electrons: np.ndarray,
    foil: Foil | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return derivatives by ln(zeta I / D) and by I, (labels, elements + 1, elements).

    They are those of atomic fractions and, last, of ln(mass thickness).
    """
    weights, n = intensities.atomic_weights, masses.shape[1]
    one = np.eye(n)
    damping = np.broadcast_to(one, (len(masses), n, n))
    if foil is not None:
        slopes = _of_masses(foil, len(masses)).log_slopes(masses * TO_G_CM2) * TO_G_CM2
        damping = one - masses[:, :, None] * np.where(np.isnan(slopes), 0, slopes)
    response = np.linalg.inv(np.where(np.isnan(damping), one, damping))
    moles = masses / weights
    fractions = (one - shares(moles)[:, :, None]) / weights / moles.sum(axis=1)[:, None, None]
    total = np.broadcast_to(1 / masses.sum(axis=1)[:, None, None], (len(masses), 1, n))
    by_masses = np.concatenate([fractions, total], axis=1) @ response
    per_count = intensities.k_factors * a / electrons[:, None]
    return by_masses * masses[:, None, :], by_masses * per_count[:, None, :]


def _variances(  # noqa: PLR0913 - keyword-only ones belong together
    masses: np.ndarray,
    a: np.ndarray,
    intensities: Intensities,
    electrons: np.ndarray,
    *,
    foil: Foil | None,
    doubts: Doubts | None,
    common: float,
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Return variances from counting, by part and in all, (labels, elements + 1).

    They are those of atomic fractions and, last, of ln(mass thickness).
    """
    by_logs, by_counts = _jacobians(masses, a, intensities, electrons, foil)
    counting = np.einsum("lei,lij,lej->le", by_counts, intensities.covariance, by_counts)
    counting = np.maximum(counting, 0)
    of_factors = np.einsum("lei,ij,lej->le", by_logs, intensities.k_covariance, by_logs)
    doubts = doubts or Doubts({}, None, np.ones(len(masses)))
    doubted = masses
    if doubts.absorption is not None and foil is not None:
        absorption = replace(doubts.absorption, foil=_of_masses(foil, len(masses)))
        doubts, doubted = replace(doubts, absorption=absorption), masses * TO_G_CM2
    parts, total = doubts.variances(
        counting, of_factors, weight_fractions=doubted, by_logarithms=by_logs, by_counts=by_counts
    )
    of_dose = (common * by_logs.sum(axis=2)) ** 2
    by_part: dict[str, np.ndarray] = {str(part): variance for part, variance in parts.items()}
    return counting, {**by_part, "dose": of_dose}, np.asarray(total + of_dose)


def _mass_thickness(
    kg_m2: np.ndarray,
    parts: dict[str, np.ndarray],
    errors: tuple[np.ndarray, np.ndarray],
    electrons: np.ndarray,
    *,
    densities: tuple[np.ndarray, float],
) -> MassThickness:
    """Put together mass thickness and thickness; errors are relative here."""
    counting, total = errors
    density, of_density = densities
    nm = kg_m2 * TO_G_CM2 / density * _NM_PER_CM
    return MassThickness(
        kg_m2=kg_m2,
        errors_total=kg_m2 * total,
        errors_statistical=kg_m2 * counting,
        error_parts={part: kg_m2 * error for part, error in parts.items()},
        electrons=electrons,
        thickness_nm=nm,
        thickness_errors_total=nm * np.hypot(total, of_density),
        thickness_errors_statistical=nm * counting,
    )
