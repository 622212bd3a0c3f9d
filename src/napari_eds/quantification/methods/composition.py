"""Compositions of labels, with errors and limits, and what the methods that find them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.quantification.errors.budget import Doubts
from napari_eds.quantification.methods.intensities import Intensities

#: A family counts as detected in a label when its intensity exceeds this many standard
#: deviations.
DETECTION_SIGMA = 3.0

#: A composition is amounts over their sum, the atoms in all. Where that sum is noise, so is its
#: sign, and shares come out as thousands of percent: there is a composition where it exceeds so
#: many of its standard deviations. Of labels as many as of a family, so that one of few counts
#: keeps what it shows. A map has so many pixels that chance alone would put that much into some
#: of its vacuum.
LEAST_TOTAL_SIGMA = DETECTION_SIGMA
LEAST_TOTAL_SIGMA_OF_PIXELS = 5.0


@brief
@dataclass(frozen=True, eq=False)
class MassThickness:
    """Mass thickness and thickness of labels; NaN where a label gives none.

    Attributes
    ----------
    kg_m2, errors_total, errors_statistical : ndarray, (labels,)
        Density times thickness, and its standard deviations in all and from counting.
    error_parts : mapping of str to ndarray, (labels,)
        Standard deviations by `error_budget.PARTS`, as far as they are known.
    electrons : ndarray, (labels,)
        Dose of each label while detectors were live.
    thickness_nm, thickness_errors_total, thickness_errors_statistical : ndarray, (labels,)
        By the densities of the composition, whose errors the total contains; NaN without.
    """

    kg_m2: np.ndarray
    errors_total: np.ndarray
    errors_statistical: np.ndarray
    error_parts: Mapping[str, np.ndarray]
    electrons: np.ndarray
    thickness_nm: np.ndarray
    thickness_errors_total: np.ndarray
    thickness_errors_statistical: np.ndarray

    @property
    def relative_errors(self) -> np.ndarray:
        """Standard deviations over the mass thickness, (labels,); infinite where it is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(np.abs(self.errors_total / self.kg_m2), nan=np.inf)


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
    mass_thickness : MassThickness or None
        Of the labels, by the zeta-factor method; Cliff-Lorimer has none.
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
    mass_thickness: MassThickness | None = None

    def found_mass_thickness(self) -> MassThickness:
        """Return the mass thickness that the zeta-factor method found.

        Raises
        ------
        EDSError
            If the composition was found by another method.
        """
        if self.mass_thickness is None:
            raise EDSError("only the zeta-factor method tells thicknesses: see Recipe.method")
        return self.mass_thickness


def counted_and_seen(
    intensities: Intensities, doubts: Doubts | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Say which labels have counts, and which families are detected in them.

    Returns
    -------
    counted : ndarray of bool, (labels, 1)
        Whether any family stands out of counting noise.
    detected : ndarray of bool, (labels, elements)
        Whether it stands out of counting and of shapes; see `Composition`.
    sigma : ndarray, (labels, elements)
        Standard deviations of intensities from counting and shapes.
    """
    sigma = intensities.errors
    counted = np.any(intensities.counts > DETECTION_SIGMA * sigma, axis=1)[:, None]
    if doubts is not None and "total" in doubts.shapes:
        sigma = np.sqrt(sigma**2 + variances(doubts.shapes["total"]))
    return np.asarray(counted), np.asarray(intensities.counts > DETECTION_SIGMA * sigma), sigma


def enough_atoms(
    intensities: Intensities,
    absorption_factors: np.ndarray,
    *,
    sigma: float = LEAST_TOTAL_SIGMA,
) -> np.ndarray:
    """Say which labels or pixels hold atoms for sure, and so have a composition, (labels,).

    Atoms in all are sum(k I a / A). Their standard deviation from counting contains the
    covariances of the families, as two that overlap share what they were given. What shapes of
    lines leave open is no reason to withhold a composition: its total error and remarks tell that.

    Parameters
    ----------
    intensities : Intensities
    absorption_factors : ndarray, (labels, elements)
        Those that intensities are multiplied by; NaN where there are none.
    sigma : float
        Standard deviations that atoms in all must exceed.
    """
    atoms = intensities.k_factors * absorption_factors / intensities.atomic_weights
    variance = np.einsum("li,lij,lj->l", atoms, intensities.covariance, atoms)
    total = (atoms * intensities.counts).sum(axis=1)
    # A comparison with NaN is false.
    return np.asarray(total > sigma * np.sqrt(np.maximum(variance, 0)))


def detection_limits(moles: np.ndarray, at_limit: np.ndarray) -> np.ndarray:
    """Atomic fractions of the amounts `at_limit` beside the other elements of the label."""
    others = np.maximum(moles.sum(axis=1, keepdims=True) - moles, 0)
    total = others + at_limit
    return at_limit / np.where(total == 0, np.nan, total)


def shares(amounts: np.ndarray) -> np.ndarray:
    """Amounts over their sum by label; NaN where that is not positive."""
    total = amounts.sum(axis=1, keepdims=True)
    return amounts / np.where(total > 0, total, np.nan)


def variances(covariance: np.ndarray) -> np.ndarray:
    """Diagonals, (labels, elements)."""
    return np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)
