"""Softer and harder families of one element in a fit, and what is known of their k-factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray
from napari_eds.physics.detector_windows import detector_behind
from napari_eds.recipe.k_factor_errors import is_measured
from napari_eds.recipe.k_factor_theory import theoretical_k_factors, why_not_computed
from napari_eds.recipe.k_factors import KFactorTable

#: Softer families are not used: lines and background of M below are hardly known, and those of L
#: lie on that of C.
_SOFTEST_keV = {"K": 0.0, "L": 0.4, "M": 0.6}


@dataclass(frozen=True, eq=False)
class FamilyPairs:
    """Softer and harder families of quantified elements, by their places in a model."""

    soft: list[int]
    hard: list[int]
    names: list[str]
    families: list[tuple[xray.Family, xray.Family]]

    @classmethod
    def of(cls, model: SpectralModel) -> FamilyPairs:
        """Pair each family of a quantified element with the next harder one."""
        found = cls([], [], [], [])
        for element in [family.element for family in model.quantified]:
            places = [i for i, f in enumerate(model.families) if f.element == element]
            places.sort(key=lambda i: model.families[i].alpha.energy_keV)
            for soft, hard in pairwise(places):
                both = (model.families[soft], model.families[hard])
                if both[0].alpha.energy_keV < _SOFTEST_keV[both[0].family]:
                    continue
                found.soft.append(soft)
                found.hard.append(hard)
                found.names.append(f"{element} {both[0].family}/{both[1].family}")
                found.families.append(both)
        return found


@dataclass(frozen=True, eq=False)
class RatiosOfK:
    """What is known of ratios of k-factors.

    Attributes
    ----------
    logarithms, errors : ndarray, (pairs,)
        ln(k_s / k_h) and their standard deviations; infinite where nothing is known.
    swallowed : ndarray, (pairs,)
        By what a window or ice that nobody told would move them all, 0 of measured factors.
    """

    logarithms: np.ndarray
    errors: np.ndarray
    swallowed: np.ndarray

    @classmethod
    def of(cls, pairs: FamilyPairs, table: KFactorTable, model: SpectralModel) -> RatiosOfK:
        """Take them from a table or, where that lacks one of both, from theory."""
        found = [
            _k_ratio(both, table) or _theoretical(both, model) or (0.0, np.inf, False)
            for both in pairs.families
        ]
        values, errors, measured = map(np.array, zip(*found, strict=True))
        energies = [[f.alpha.energy_keV for f in both] for both in pairs.families]
        seen, behind = model.detector, detector_behind("polymer")
        swallowed = np.log(behind.efficiency(energies) / seen.efficiency(energies))
        return cls(values, errors, np.where(measured, 0.0, swallowed[:, 0] - swallowed[:, 1]))


def _theoretical(
    both: Sequence[xray.Family], model: SpectralModel
) -> tuple[float, float, bool] | None:
    """Return what `_k_ratio` does of computed k-factors; None where there are none."""
    if why_not_computed(model.beam_energy_keV):
        return None
    return _k_ratio(both, theoretical_k_factors(model.beam_energy_keV, model.detector))


def _k_ratio(both: Sequence[xray.Family], table: KFactorTable) -> tuple[float, float, bool] | None:
    """Return ln(k_s / k_h) of a table, its standard deviation, and whether it was measured.

    None if the table lacks one of both.
    """
    found = [table.find(family.element, family.family) for family in both]
    factors = [factor for factor in found if factor is not None]
    if len(factors) < len(both):
        return None
    soft, hard = (table.value_for(family, "family") for family in both)
    measured = all(is_measured(f.element, f.family, f.relative_error) for f in factors)
    error = np.linalg.norm([factor.relative_error for factor in factors])
    return float(np.log(soft / hard)), float(error), measured
