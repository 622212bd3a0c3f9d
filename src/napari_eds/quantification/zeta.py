"""zeta-factors: composition, mass thickness and absorption solved together, label by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.cliff_lorimer import DETECTION_SIGMA
from napari_eds.quantification.error_budget import Doubts
from napari_eds.quantification.intensities import Intensities

#: Masses are settled when they move by less than this share from one step to the next.
_SETTLED = 1e-11
_MAX_STEPS = 200
_TO_G_CM2 = 0.1  # from kg/m²
#: Density of the foil that stands for a mass thickness, g/cm³; a thickness in nm goes with it.
_UNIT_DENSITY = 1.0


@brief
@dataclass(frozen=True, eq=False)
class ZetaComposition:
    """Compositions and mass thicknesses of labels; NaN where a label gives none.

    Attributes
    ----------
    atomic_fractions, weight_fractions : ndarray, (labels, elements)
    atomic_errors_total : ndarray, (labels, elements)
    mass_thickness_kg_m2, mass_thickness_error_kg_m2 : ndarray, (labels,)
    atomic_error_parts : mapping of str to ndarray, (labels, elements)
        As in `Composition`, and ``"dose"``: current and what all zeta-factors share.
    mass_thickness_error_parts : mapping of str to ndarray, (labels,)
    absorption_factors : ndarray, (labels, elements)
    """

    atomic_fractions: np.ndarray
    weight_fractions: np.ndarray
    atomic_errors_total: np.ndarray
    mass_thickness_kg_m2: np.ndarray
    mass_thickness_error_kg_m2: np.ndarray
    atomic_error_parts: Mapping[str, np.ndarray]
    mass_thickness_error_parts: Mapping[str, np.ndarray]
    absorption_factors: np.ndarray


def zeta_factor_method(  # noqa: PLR0913 - the last have defaults
    intensities: Intensities,
    electrons: np.ndarray,
    *,
    mass_absorption_cm2_g: np.ndarray | None = None,
    take_off_angle_deg: float = 90.0,
    dose_relative_error: float = 0.0,
    doubts: Doubts | None = None,
) -> ZetaComposition:
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
    mass_absorption_cm2_g : ndarray, (elements, families), optional
        None leaves absorption uncorrected.
    take_off_angle_deg : float
    dose_relative_error : float
        Standard deviation of the current and of what all zeta-factors share.
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
    counted = np.any(intensities.counts > DETECTION_SIGMA * intensities.errors, axis=1)
    per_count = intensities.k_factors / electrons[:, None]
    thin = np.where(np.asarray(counted)[:, None], intensities.counts * per_count, np.nan)
    n = thin.shape[1]
    mac = np.zeros((n, n)) if mass_absorption_cm2_g is None else mass_absorption_cm2_g
    path = mac * _TO_G_CM2 / np.sin(np.radians(take_off_angle_deg))
    masses, a = _consistent(thin, path)
    total = masses.sum(axis=1)
    positive = np.where(total > 0, total, np.nan)
    c = masses / positive[:, None]
    moles = masses / intensities.atomic_weights
    x = moles / moles.sum(axis=1, keepdims=True)
    foil = _foil_of(mac, positive, take_off_angle_deg)
    by_logs, by_counts = _slopes(masses, a, foil, per_count=per_count, c=c, path=path)
    to_results = _to_results(x, masses, intensities.atomic_weights)
    by_logs, by_counts = to_results @ by_logs, to_results @ by_counts
    parts, variance = _errors(
        intensities, by_logs, by_counts, c=c, foil=foil, doubts=doubts, common=dose_relative_error
    )
    return ZetaComposition(
        atomic_fractions=np.where(np.isnan(positive)[:, None], np.nan, x),
        weight_fractions=c,
        atomic_errors_total=np.sqrt(variance[:, :n]),
        mass_thickness_kg_m2=positive,
        mass_thickness_error_kg_m2=positive * np.sqrt(variance[:, n]),
        atomic_error_parts={k: np.sqrt(v[:, :n]) for k, v in parts.items()},
        mass_thickness_error_parts={k: positive * np.sqrt(v[:, n]) for k, v in parts.items()},
        absorption_factors=a,
    )


def _consistent(thin: np.ndarray, path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masses and absorption factors that agree, (labels, elements); NaN where none do.

    Parameters
    ----------
    thin : ndarray, (labels, elements)
        Masses without absorption, kg/m².
    path : ndarray, (elements, families)
        Depth of the X-rays of each family for a mass of an element.
    """
    masses, a = thin.copy(), np.ones_like(thin)
    moving = np.flatnonzero(~np.isnan(thin).any(axis=1))
    for _ in range(_MAX_STEPS):
        if not moving.size:
            break
        depth = np.maximum(masses[moving] @ path, 0)
        a[moving] = np.divide(depth, -np.expm1(-depth), out=np.ones_like(depth), where=depth != 0)
        before, masses[moving] = masses[moving], thin[moving] * a[moving]
        moved = np.abs(masses[moving] - before).max(axis=1)
        moving = moving[moved > _SETTLED * np.abs(masses[moving]).max(axis=1)]
    masses[moving] = a[moving] = np.nan
    return masses, a


def _foil_of(mac: np.ndarray, mass_thickness_kg_m2: np.ndarray, angle_deg: float) -> Foil:
    """Return the foil that absorbs as a mass thickness does."""
    mass = np.nan_to_num(mass_thickness_kg_m2, nan=0.0)
    thickness_nm = mass * _TO_G_CM2 / (_UNIT_DENSITY * 1e-7)
    return Foil(mac, thickness_nm, np.full(mass.shape, _UNIT_DENSITY), angle_deg)


def _slopes(  # noqa: PLR0913 - keyword-only ones belong together
    masses: np.ndarray,
    a: np.ndarray,
    foil: Foil,
    *,
    per_count: np.ndarray,
    c: np.ndarray,
    path: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return derivatives of masses by ln(zeta I / D) and by I, (labels, elements, elements)."""
    depth = masses @ path
    with np.errstate(invalid="ignore", divide="ignore"):
        of_depth = np.where(depth > 0, foil.depth_log_slopes(c) / depth, 0.5)
    of_depth = np.where(depth < 0, 0.0, of_depth)
    one = np.eye(masses.shape[1])
    damping = one - (masses * of_depth)[:, :, None] * path.T
    response = np.linalg.inv(np.where(np.isnan(damping), one, damping))
    return response * masses[:, None, :], response * (per_count * a)[:, None, :]


def _to_results(x: np.ndarray, masses: np.ndarray, atomic_weights: np.ndarray) -> np.ndarray:
    """Return derivatives of atomic fractions, and of ln(mass thickness) behind, by masses."""
    moles = (masses / atomic_weights).sum(axis=1)[:, None, None]
    fractions = (np.eye(x.shape[1]) - x[:, :, None]) / atomic_weights / moles
    total = masses.sum(axis=1)[:, None, None]
    return np.concatenate([fractions, np.broadcast_to(1 / total, (len(x), 1, x.shape[1]))], axis=1)


def _errors(  # noqa: PLR0913 - keyword-only ones belong together
    intensities: Intensities,
    by_logs: np.ndarray,
    by_counts: np.ndarray,
    *,
    c: np.ndarray,
    foil: Foil,
    doubts: Doubts | None,
    common: float,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return variances by part and in all of what the derivatives are of, (labels, results)."""
    counting = np.einsum("lei,lij,lej->le", by_counts, intensities.covariance, by_counts)
    of_factors = np.einsum("lei,i->le", by_logs**2, intensities.k_relative_errors**2)
    doubts = doubts or Doubts({}, None, np.ones(len(c)))
    if doubts.absorption is not None:
        # Mass thickness is solved for: neither thickness nor density was put in.
        absorption = replace(doubts.absorption, foil=foil, thickness=0.0, density=0.0)
        doubts = Doubts(doubts.shapes, absorption, doubts.widening)
    parts, total = doubts.variances(
        counting, of_factors, weight_fractions=c, by_logarithms=by_logs, by_counts=by_counts
    )
    of_dose = (common * by_logs.sum(axis=2)) ** 2
    by_part: dict[str, np.ndarray] = {str(part): variance for part, variance in parts.items()}
    return {**by_part, "dose": of_dose}, total + of_dose
