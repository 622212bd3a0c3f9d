"""How strong the soft families of an element can be, where a harder one is in the spectrum.

A soft family under another element's line, such as Ti L under O K, takes what the shape of that
line lacks. How much it can be is known from the harder family within a factor of about two: far
less than counting would leave open where the element is a trace, and no limit where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import emission
from napari_eds.physics.computed_lines import emits_from_lifted

#: Mean and standard deviation of a soft family's counts over what tables give beside the harder
#: one: specimen and window swallow a part or nearly all of it, and yields differ by up to two.
_MEAN, _SD = 0.75, 0.75
#: Nor is it more than tables give for a detector that swallows nothing, with so many errors of the
#: harder one: 45 pairs in measured spectra had 0.03 to 0.96 of that, but for one of 1.6 +- 0.9.
_SIGMAS = 3.0
#: What is farther below zero than so many errors tells of wrong shapes, not of its element.
_BELOW_SIGMAS = 3.0
#: What stands at its bound is held there so tightly, relative to it.
_TIGHT = 1e-3
_SHELLS = "KLM"


@dataclass(frozen=True, eq=False)
class AreaPriors:
    """Normal priors of areas, and the most that they can be.

    Attributes
    ----------
    precision, mean : ndarray, (areas,)
        A precision of 0 is no prior.
    most : ndarray, (areas,)
        Infinite where there is no bound.
    """

    precision: np.ndarray
    mean: np.ndarray
    most: np.ndarray

    @classmethod
    def free(cls, n: int) -> AreaPriors:
        """Return priors that hold nothing."""
        return cls(np.zeros(n), np.zeros(n), np.full(n, np.inf))

    def with_free(self, n: int) -> AreaPriors:
        """Return these and, behind them, some that hold nothing."""
        parts = zip(astuple(self), astuple(AreaPriors.free(n)), strict=True)
        return AreaPriors(*map(np.concatenate, parts))

    def chosen(self, places: Sequence[int]) -> AreaPriors:
        """Return those of some areas."""
        return AreaPriors(*(values[list(places)] for values in astuple(self)))

    def bound(self, areas: np.ndarray) -> AreaPriors:
        """Return priors that hold at its bound what some areas have beyond it."""
        beyond = areas > self.most
        tight = np.where(beyond, (_TIGHT * self.most) ** -2.0, self.precision)
        return AreaPriors(tight, np.where(beyond, self.most, self.mean), self.most)


@dataclass(frozen=True, eq=False)
class SoftLimits:
    """Pairs of families of one element, by their places in a model.

    Attributes
    ----------
    soft, hard : ndarray, (pairs,)
    ratios : ndarray, (pairs,)
        Alpha counts of the soft family per one of the harder, by tables.
    is_bounded : ndarray of bool, (pairs,)
        Whether tables know the most of it, see `computed_lines.emits_from_lifted`.
    """

    soft: np.ndarray
    hard: np.ndarray
    ratios: np.ndarray
    is_bounded: np.ndarray

    @classmethod
    def of(cls, model: SpectralModel, strengths: np.ndarray) -> SoftLimits:
        """Pair each family with the next harder one of its element.

        Parameters
        ----------
        model : SpectralModel
        strengths : ndarray, (families,)
            Counts of whole families per atom, in units of their own.
        """
        place = {(f.element, f.family): i for i, f in enumerate(model.families)}
        pairs = []
        for i, family in enumerate(model.families):
            shells = _SHELLS[: _SHELLS.index(family.family)]
            harder = [place[family.element, s] for s in shells if (family.element, s) in place]
            if harder and strengths[harder[-1]] > 0 and strengths[i] > 0:
                pairs.append((i, harder[-1]))
        soft, hard = np.array(pairs, dtype=int).reshape(-1, 2).T
        of_alpha = strengths / model.weight_sums
        is_bounded = np.array([not emits_from_lifted(model.lines[i]) for i in soft], dtype=bool)
        return cls(soft, hard, of_alpha[soft] / of_alpha[hard], is_bounded)

    @classmethod
    def none(cls) -> SoftLimits:
        """Return limits that hold nothing."""
        nothing = np.zeros(0, dtype=int)
        return cls(nothing, nothing, np.zeros(0), np.zeros(0, dtype=bool))

    def priors(self, alpha_areas: np.ndarray, errors: np.ndarray) -> AreaPriors:
        """Return priors of areas; none where the harder family is below zero by more than errors.

        Where the harder family is within its errors of zero, they are what is known of the soft
        one.

        Parameters
        ----------
        alpha_areas, errors : ndarray, (families,)
            Of the fit before, with standard deviations.
        """
        priors = AreaPriors.free(len(alpha_areas))
        told = alpha_areas[self.hard] > -_BELOW_SIGMAS * errors[self.hard]
        soft, hard, ratios = self.soft[told], self.hard[told], self.ratios[told]
        expected, unsure = ratios * np.maximum(alpha_areas[hard], 0), ratios * errors[hard]
        priors.mean[soft] = _MEAN * expected
        priors.precision[soft] = 1 / ((_SD * expected) ** 2 + unsure**2)
        possible = expected + _SIGMAS * unsure
        bounded = self.is_bounded[told]
        priors.most[soft[bounded]] = possible[bounded]
        return priors


def thin_strengths(model: SpectralModel) -> np.ndarray:
    """Return detected counts of each family per atom of a thin specimen, (families,)."""
    return np.array(
        [counted_cm2(f.element, f.family, model.beam_energy_keV) for f in model.families]
    )


@cache
def counted_cm2(element: str, family: str, beam_energy_keV: float) -> float:
    """Return the cross-section of X-rays of a family that a windowless detector counts.

    0 where there is none, as below the edge, or no table.
    """
    try:
        return float(emission.emission_lines(element, family, beam_energy_keV).counted_cm2())
    except EDSError:
        return 0.0
