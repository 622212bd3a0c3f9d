"""All detectors of a map quantified together: gains, absorption towards each, and consistency.

A detector d counts ``y = g_d E / a_d`` of what a label emits, E: its gain g_d (solid angle,
shadow) multiplies all elements alike, and its absorption factor a_d is that of its own take-off
angle. Counts of all detectors are Poisson's, lines and background are multiplied by the same gain,
so that the best estimate of E is ``sum(y) / sum(g / a)``: fitted intensities are added, and what
escapes is averaged over the directions. What contradicts the others takes no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import stats

from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.conditions.foils import path_relative_error
from napari_eds.quantification.errors.budget import AbsorptionErrors, Doubts
from napari_eds.quantification.methods.composing import compose
from napari_eds.quantification.methods.composition import Composition
from napari_eds.quantification.methods.detector_parts import (
    DetectorPart,
    intensities_of,
    sum_of,
)
from napari_eds.quantification.methods.zeta import foil_found
from napari_eds.readers.detectors import only_detectors
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.label_sums import LabelSpectra
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Probability by chance below which detectors contradict each other.
UNLIKELY = 0.001
#: Standard deviation of a take-off angle: tilts are read from the stage, and detectors are wide.
_ANGLE_ERROR_DEG = 1.0
#: A detector is told to be shadowed that counts below this part of the best one.
_FEW = 0.5
_MAX_ROUNDS, _GAIN_STEPS = 5, 50


@brief
@dataclass(frozen=True, eq=False)
class DetectorShare:
    """One detector among those that were quantified together.

    Attributes
    ----------
    name : str
    take_off_angle_deg : float or None
    gain : float
        Its part of what all detectors would count without absorption, by its hardest line where
        it contradicts the others.
    chi_squared : float
        Of its intensities against those of the detectors in use, with a free gain; NaN without
        another one.
    degrees : int
    p_value : float
        Probability that errors of counting, shapes, absorption and angle make it as large.
    used : bool
    reason : str
        Why it is not used, or what is remarkable; empty where nothing is.
    ratios : mapping of str to float
        By element: what it counts over what the others let expect.
    """

    name: str
    take_off_angle_deg: float | None
    gain: float
    chi_squared: float
    degrees: int
    p_value: float
    used: bool
    reason: str
    ratios: dict[str, float]


@brief
@dataclass(frozen=True, eq=False)
class DetectorAgreement:
    """How the detectors of a map agree.

    Attributes
    ----------
    detectors : tuple of DetectorShare
    chi_squared : float
        Of the detectors in use, with one composition of the summed labels and a gain of each.
    degrees : int
    p_value : float
    """

    detectors: tuple[DetectorShare, ...]
    chi_squared: float
    degrees: int
    p_value: float

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the detectors in use."""
        return tuple(one.name for one in self.detectors if one.used)

    @property
    def directions(self) -> tuple[tuple[float, float], ...]:
        """Take-off angles and gains of the detectors in use; empty where an angle is unknown."""
        used = [one for one in self.detectors if one.used]
        angles = [one.take_off_angle_deg for one in used]
        return tuple(
            (angle, one.gain) for angle, one in zip(angles, used, strict=True) if angle is not None
        )

    @property
    def share(self) -> float:
        """Part of what all detectors count that those in use do, for doses of the whole."""
        return sum(one.gain for one in self.detectors if one.used) / sum(
            one.gain for one in self.detectors
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to beware of in all labels: detectors that are not used, and why."""
        return tuple(f"{one.name} {one.reason}" for one in self.detectors if one.reason)

    def account(self) -> list[str]:
        """Say which detectors were used, their gains and angles, and how they agree."""
        told = ", ".join(_told(one) for one in self.detectors)
        agree = ""
        if self.degrees:
            agree = (
                f" Those in use agree with a chi-squared of {self.chi_squared:.1f} for "
                f"{self.degrees} degrees of freedom (p = {self.p_value:.2g})."
            )
        remarks = [f"{remark[0].upper()}{remark[1:]}." for remark in self.remarks]
        return [f"Detectors quantified together: {told}.{agree}", *remarks]


def _told(one: DetectorShare) -> str:
    angle = one.take_off_angle_deg
    where = "" if angle is None else f" at {angle:.1f}°"
    left = "" if one.used else ", left out"
    return f"{one.name}{where} ({100 * one.gain:.0f} % of the counts{left})"


class _Summed(NamedTuple):
    """Emission of all labels together as each detector tells it, up to its gain."""

    values: np.ndarray  # (detectors, elements)
    covariance: np.ndarray  # (detectors, elements, elements)


class _Match(NamedTuple):
    """Gains that sum to 1, emission, and how well both describe several detectors."""

    gains: np.ndarray
    emission: np.ndarray
    chi_squared: float
    degrees: int
    p_value: float


@dataclass(frozen=True, eq=False)
class Joint:
    """What is known before detectors are put together; `solve` does that.

    Attributes
    ----------
    parts : sequence of DetectorPart
    model : SpectralModel
    recipe : Recipe
    k_factors : KFactorTable
    foil : Foil or None
        With the mean take-off angle.
    absorption : AbsorptionErrors or None
    electrons : ndarray, (labels,), or None
        Of all detectors.
    """

    parts: Sequence[DetectorPart]
    model: SpectralModel
    recipe: Recipe
    k_factors: KFactorTable
    foil: Foil | None
    absorption: AbsorptionErrors | None
    electrons: np.ndarray | None

    def solve(self) -> DetectorAgreement:
        """Find which detectors agree, with their gains.

        Composition, absorption towards each detector and gains depend on each other, and are found
        in turns.

        Raises
        ------
        EDSError
            If no detector can be used.
        """
        seen = [i for i, part in enumerate(self.parts) if self._angle(part) is not None]
        if self._given_angle() is None and all(p.take_off_angle_deg is None for p in self.parts):
            seen = list(range(len(self.parts)))
        if not seen:
            raise EDSError("no detector counted X-rays from the side that the specimen shows")
        used, gains = seen, np.array([part.n_counts for part in self.parts])
        summed, tried = self._summed(used, gains), {tuple(used)}
        for _ in range(_MAX_ROUNDS):
            chosen = _that_agree(summed, seen, self._softest(), self._hardest())
            gains = self._gains(summed, chosen)
            used, settled = chosen, tuple(chosen) in tried
            tried.add(tuple(chosen))
            summed = self._summed(used, gains)
            if settled:
                break
        return self._agreement(summed, used, seen)

    def _given_angle(self) -> float | None:
        settings = self.recipe.absorption
        return None if settings is None else settings.take_off_angle_deg

    def _angle(self, part: DetectorPart) -> float | None:
        return self._given_angle() or part.take_off_angle_deg

    def _softest(self) -> int:
        return int(np.argmin([f.alpha.energy_keV for f in self.model.quantified]))

    def _hardest(self) -> int:
        return int(np.argmax([f.alpha.energy_keV for f in self.model.quantified]))

    def _composition(self, used: Sequence[int], gains: np.ndarray) -> Composition:
        """Return the composition that some detectors give, errors aside."""
        parts = [self.parts[i] for i in used]
        angles = [self._angle(part) for part in parts]
        foil = self.foil
        if foil is not None:
            known = [(a, float(gains[i])) for a, i in zip(angles, used, strict=True) if a]
            foil = foil.towards_all(tuple(known))
        share = gains[list(used)].sum() / gains.sum()
        return compose(
            intensities_of(parts, self.model, self.k_factors),
            self.recipe,
            foil=foil,
            doubts=Doubts({}, None, np.ones(len(parts[0].areas))),
            electrons=None if self.electrons is None else self.electrons * share,
            unsettled="nan",
        )

    def _summed(self, used: Sequence[int], gains: np.ndarray) -> _Summed:
        """Return what all labels together emit by each detector, absorption undone."""
        found = self._composition(used, gains)
        foil, relative = self._foil_of(found)
        c = found.weight_fractions
        n = self.model.n_quantified
        values, covariance, slopes, unknown = [], [], [], []
        for part in self.parts:
            angle = self._angle(part)
            a, slope = np.ones((len(c), n)), np.zeros(n)
            not_undone = np.zeros(n)
            if foil is not None and angle is not None:
                towards = foil.towards(angle)
                factors = np.nan_to_num(towards.factors(c), nan=1.0)
                weights = part.areas[:, :n].sum(axis=1).clip(0) + 1e-9
                slope = _mean(np.nan_to_num(towards.depth_log_slopes(c)), weights)
                if self.foil is None:
                    not_undone = _mean(np.log(factors), weights)
                else:
                    a = factors
            counted = part.covariance[:, :n, :n] * part.widening[:, None, None] ** 2
            values.append((a * part.areas[:, :n]).sum(axis=0))
            scatter = np.einsum("li,lij,lj->ij", a, counted, a)
            mean = _mean(a, np.ones(len(a)))
            covariance.append(scatter + part.of_sum * np.outer(mean, mean))
            slopes.append(slope)
            unknown.append(not_undone)
        doubted = self._of_absorption(np.array(slopes), np.array(unknown), relative)
        told = np.array(values)
        return _Summed(told, np.array(covariance) + told[:, :, None] * told[:, None, :] * doubted)

    def _foil_of(self, found: Composition) -> tuple[Foil | None, float]:
        """Return what absorbs, and the relative error of its mass thickness."""
        if self.foil is None:
            return (None, 0.0) if self.absorption is None else (self.absorption.foil, 0.0)
        thickness = found.mass_thickness
        if thickness is not None:
            with np.errstate(invalid="ignore", divide="ignore"):
                error = np.nanmedian(thickness.errors_total / thickness.kg_m2)
            return foil_found(self.foil, thickness), float(np.nan_to_num(error, nan=1.0))
        return self.foil, path_relative_error(self.foil, self.recipe.uncertainties)

    def _of_absorption(
        self, slopes: np.ndarray, unknown: np.ndarray, relative: float
    ) -> np.ndarray:
        """Return relative covariances from absorption, (detectors, elements, elements).

        What is common to all detectors cancels: the difference to their mean is in doubt.
        """
        differ, absent = slopes - slopes.mean(axis=0), unknown - unknown.mean(axis=0)
        angles = [self._angle(part) or 90.0 for part in self.parts]
        of_angle = np.radians(_ANGLE_ERROR_DEG) / np.tan(np.radians(angles))
        modes = np.stack([relative * differ, absent, of_angle[:, None] * slopes])
        total = np.einsum("mdi,mdj->dij", modes, modes)
        if self.absorption is not None:
            coefficients = self.absorption.attenuation.max(axis=0)
            total = total + (coefficients * differ)[:, :, None] ** 2 * np.eye(slopes.shape[1])
        return np.asarray(total)

    def _gains(self, summed: _Summed, used: Sequence[int]) -> np.ndarray:
        """Return gains of all detectors; of those not in use by the hardest line."""
        match, hard = _matched(summed, used), self._hardest()
        gains = np.zeros(len(self.parts))
        for i, part in enumerate(self.parts):
            by_line = summed.values[i, hard] / match.emission[hard]
            known = np.isfinite(by_line) and by_line > 0
            gains[i] = by_line if known else part.n_counts
        gains[list(used)] = match.gains
        return gains / gains.sum()

    def _agreement(
        self, summed: _Summed, used: Sequence[int], seen: Sequence[int]
    ) -> DetectorAgreement:
        gains, match = self._gains(summed, used), _matched(summed, used)
        elements = [family.element for family in self.model.quantified]
        found = []
        for i, part in enumerate(self.parts):
            others = [j for j in used if j != i]
            alone = not others
            told = None if alone else _against(summed, i, others)
            ratios = {} if told is None else _ratios(summed, i, told, elements)
            reason = ""
            if i not in seen:
                reason = "is behind the specimen and left out"
            elif i not in used:
                reason = f"contradicts the others and is left out{_worst(ratios)}"
            elif gains[i] < _FEW * gains[list(used)].max():
                reason = (
                    f"counts {100 * gains[i] / gains[list(used)].max():.0f} % of the best "
                    "detector: something stands in its way, alike for all lines"
                )
            found.append(
                DetectorShare(
                    name=part.name,
                    take_off_angle_deg=self._angle(part),
                    gain=float(gains[i]),
                    chi_squared=float("nan") if told is None else told.chi_squared,
                    degrees=0 if told is None else told.degrees,
                    p_value=float("nan") if told is None else told.p_value,
                    used=i in used,
                    reason=reason,
                    ratios=ratios,
                )
            )
        return DetectorAgreement(tuple(found), match.chi_squared, match.degrees, match.p_value)


def spectra_of(
    image: SpectrumImage, labels: np.ndarray, of_all: LabelSpectra, agreement: DetectorAgreement
) -> LabelSpectra:
    """Return the spectra of labels by the detectors in use alone."""
    if len(agreement.used) == len(agreement.detectors):
        return of_all
    return only_detectors(image, agreement.used).label_spectra(labels)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(np.average(values, axis=0, weights=weights))


def _that_agree(summed: _Summed, seen: Sequence[int], softest: int, hardest: int) -> list[int]:
    """Return the most detectors that agree; among as many, those that count most.

    Of two that do not, or where none agree, it is the one with the most soft X-rays over hard
    ones: what stands in the way of a detector stops soft X-rays first.
    """
    for n in range(len(seen), 1, -1):
        agreeing = [s for s in combinations(seen, n) if _matched(summed, s).p_value >= UNLIKELY]
        if agreeing:
            return list(max(agreeing, key=lambda s: summed.values[list(s)].sum()))
    with np.errstate(divide="ignore", invalid="ignore"):
        softness = summed.values[:, softest] / np.maximum(summed.values[:, hardest], 1.0)
    return [max(seen, key=lambda i: softness[i])]


def _matched(summed: _Summed, these: Sequence[int]) -> _Match:
    """Fit one emission and a gain of each detector, in turns, by least squares."""
    y = summed.values[list(these)]
    ridge = 1e-9 * np.trace(summed.covariance[list(these)], axis1=1, axis2=2) + 1e-12
    weights = np.linalg.inv(
        summed.covariance[list(these)] + ridge[:, None, None] * np.eye(y.shape[1])
    )
    gains = np.maximum(y.sum(axis=1), 1e-9)
    emission = y.sum(axis=0)
    for _ in range(_GAIN_STEPS):
        gains = gains / gains.sum()
        normal = np.einsum("d,dij->ij", gains**2, weights)
        emission = np.linalg.solve(normal, np.einsum("d,dij,dj->i", gains, weights, y))
        towards = np.einsum("dij,j->di", weights, emission)
        gains = np.maximum((towards * y).sum(axis=1) / (towards @ emission), 1e-9)
    # The last gains belong to the last emission: both are scaled together.
    emission, gains = emission * gains.sum(), gains / gains.sum()
    left = y - gains[:, None] * emission
    chi_squared = float(np.einsum("di,dij,dj->", left, weights, left))
    degrees = (len(y) - 1) * (y.shape[1] - 1)
    p = float(stats.chi2.sf(chi_squared, degrees)) if degrees else 1.0
    return _Match(gains, emission, chi_squared, degrees, p)


def _against(summed: _Summed, one: int, others: Sequence[int]) -> _Match:
    """Match one detector with the sum of others."""
    rest = list(others)
    pair = _Summed(
        np.stack([summed.values[one], sum_of(list(summed.values[rest]))]),
        np.stack([summed.covariance[one], sum_of(list(summed.covariance[rest]))]),
    )
    return _matched(pair, [0, 1])


def _ratios(summed: _Summed, one: int, told: _Match, elements: Sequence[str]) -> dict[str, float]:
    """Return what a detector counts over what others let expect, its gain by the hardest taken."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = summed.values[one] / (told.gains[0] * told.emission)
    return {e: float(r) for e, r in zip(elements, ratios, strict=True) if np.isfinite(r)}


def _worst(ratios: dict[str, float]) -> str:
    """Name the elements that a detector sees least and most of."""
    if len(ratios) < 2:
        return ""
    least, most = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    return f": {least} over {most} is {ratios[least] / ratios[most]:.2f} of what they count"
