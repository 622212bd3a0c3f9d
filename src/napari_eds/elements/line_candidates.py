"""Which X-ray line a peak may be: all lines near a clicked energy, the most plausible first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from numbers import Real

import numpy as np
from scipy.special import ndtr

from napari_eds._support.arguments import each, expect
from napari_eds._support.brief import brief
from napari_eds.elements import prior
from napari_eds.elements.peaks import HALF_WINDOW_FWHM, LOWEST_KEV, SIGNIFICANT, NetSpectrum, Peak
from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.axes import EnergyAxis

#: Lines are sought this many full widths around the settled peak: what is farther away would
#: show as a peak of its own.
REACH_FWHM = 0.8

#: A peak's position is trusted to this part of its width: axes are seldom better calibrated.
_AXIS_FWHM = 0.15
#: Below this energy line ratios of the tables mean little and the specimen absorbs much.
_SOFT_KEV = 1.0
_VERY_SOFT_KEV = 0.6
#: Weight of a line, relative to the alpha line, up to which tables disagree on it.
_WEAK = 0.1
_MAX_CHECKS = 4
#: Parts of a peak, known from the alpha lines of chosen elements: least that counts, and how far
#: such knowledge is trusted.
_LEAST_SHARE, _SURE = 0.05, 0.9


@brief
@dataclass(frozen=True)
class Candidate:
    """A line that a peak may be.

    Attributes
    ----------
    line : XRayLine
    family : str
        ``"K"``, ``"L"`` or ``"M"``.
    distance_eV : float
        Energy of the line minus that of the settled peak.
    score : float
        Plausibility, 0 to 1. Not a probability: those of several candidates do not add up.
    reasons : tuple of str
        What speaks for and against it, in plain words.
    """

    line: xray.XRayLine
    family: str
    distance_eV: float
    score: float
    reasons: tuple[str, ...]

    @property
    def element(self) -> str:
        """Symbol of the element."""
        return self.line.element

    @property
    def energy_keV(self) -> float:
        """Energy of the line."""
        return self.line.energy_keV

    @property
    def evidence(self) -> str:
        """The reasons in one line."""
        return "; ".join(self.reasons)


def candidates(  # noqa: PLR0913 - a click, its spectrum, and what is known
    energy_keV: float,
    energy: EnergyAxis,
    counts: np.ndarray,
    acquisition: Acquisition,
    *,
    beam_energy_keV: float | None = None,
    chosen: Collection[str] = (),
) -> tuple[Candidate, ...]:
    """Rank the lines that a peak near an energy may be.

    Parameters
    ----------
    energy_keV : float
        Where the peak is, such as where it was clicked.
    energy : EnergyAxis
    counts : ndarray, (channels,)
    acquisition : Acquisition
        Gives beam energy, resolution, and whether the specimen is a foil or bulk.
    beam_energy_keV : float, optional
        Overrides what the file says; without either, the end of the axis is taken.
    chosen : collection of str
        Elements known to be there, which are likelier than others.

    Returns
    -------
    tuple of Candidate
        The most plausible first. Lines that the beam cannot excite are left out.

    Raises
    ------
    UncalibratedError
        If the axis has no energies.
    EDSError
        If the spectrum does not fit the axis or the energy is not on it.
    """
    expect(
        energy_keV=(energy_keV, Real),
        energy=(energy, EnergyAxis),
        acquisition=(acquisition, Acquisition),
        beam_energy_keV=(beam_energy_keV, Real | None),
    )
    chosen = each("chosen", chosen, str)
    spectrum = NetSpectrum.of(energy, counts, acquisition)
    peak = spectrum.settle(energy_keV)
    beam = beam_energy_keV or acquisition.beam_energy_keV or energy.last_keV
    is_foil = acquisition.is_foil(beam)
    judge = _Judge(spectrum, peak, beam, is_foil, frozenset(chosen))
    return tuple(sorted(judge.candidates(), key=lambda candidate: -candidate.score))


# Tables


@cache
def _families() -> tuple[xray.Family, ...]:
    """Return every family of every element that emits X-rays a detector sees."""
    found = (
        xray.family(symbol, name)
        for symbol in xray.element_symbols()
        for name in xray.families_of(symbol)
    )
    return tuple(f for f in found if f.alpha.energy_keV >= LOWEST_KEV)


@lru_cache(maxsize=16)
def _alpha_yields(beam_energy_keV: float) -> dict[str, float]:
    """Return the counts of the alpha line of every family, per atom, up to a common factor.

    0 where the beam does not excite it. Families that cannot be computed are left out.
    """
    from napari_eds.physics.emission import emission_lines

    yields = {}
    for family in _families():
        try:
            lines = emission_lines(family.element, family.family, beam_energy_keV)
        except EDSError:
            continue
        yields[str(family)] = float(lines.counted_cm2()) / family.weight_sum
    return yields


def _rarity(element: str) -> tuple[float, str]:
    if element in prior.UNSTABLE:
        return 0.05, f"{element} has no long-lived isotope"
    if element in prior.NOBLE_GASES:
        return (0.4 if element == "Ar" else 0.1), f"{element} is a noble gas"
    return (1.0, "") if element in prior.COMMON else (0.6, f"{element} is not a common element")


# The judgement


@dataclass(frozen=True)
class _Check:
    """What another line of the element says: expected and observed net counts in its window.

    `least` is the part of the expected counts that must be there.
    """

    line: xray.XRayLine
    expected: float
    observed: float
    error: float
    least: float

    @property
    def against(self) -> float:
        """Factor on the score, 1 for nothing against it."""
        needed = self.least * self.expected
        # Expectations come from one peak, which may be a sum of several.
        lack = (needed - max(self.observed, 0.0)) / np.hypot(self.error, 0.3 * needed)
        return float(np.exp(-0.5 * np.clip(lack, 0, 4) ** 2))

    @property
    def says_something(self) -> bool:
        return self.expected > SIGNIFICANT * self.error

    @property
    def agreement(self) -> float:
        """How well a line that is seen agrees with what is expected, 0 to 1."""
        if not (self.says_something and self.observed > SIGNIFICANT * self.error):
            return 0.0
        significance = 1 - np.exp(-self.observed / self.error / 5)
        return float(significance * np.exp(-0.5 * (np.log2(self.observed / self.expected)) ** 2))

    def __str__(self) -> str:
        name = f"{self.line} at {self.line.energy_keV:.3f} keV"
        if self.against < 0.5:
            seen = max(self.observed, 0)
            return f"{name} should hold about {self.expected:,.0f} counts, but {seen:,.0f} do"
        ratio = self.observed / self.expected
        return f"{name} is there too, {ratio:.2g} times what this peak lets expect"


@dataclass(frozen=True, eq=False)
class _Judge:
    spectrum: NetSpectrum
    peak: Peak
    beam_keV: float
    is_foil: bool
    chosen: frozenset[str]

    def candidates(self) -> Iterator[Candidate]:
        reach = REACH_FWHM * self.spectrum.fwhm(self.peak.energy_keV)
        yields = _alpha_yields(round(self.beam_keV, 3))
        shares = self._shares()
        for family in _families():
            if yields.get(str(family), 1.0) <= 0 or family.alpha.energy_keV >= self.beam_keV:
                continue
            near = [n for n in family.lines if abs(n.energy_keV - self.peak.energy_keV) <= reach]
            strongest = max((line.weight for line in near), default=0.0)
            share = shares.get(str(family), 0.0)
            checks = self._checks(family, near) if near else []
            for line in near:
                found = self._candidate(family, line, strongest, checks)
                if not shares:
                    yield found
                elif family.element in self.chosen:
                    yield _explained(found, share * line.weight / strongest)
                else:
                    yield _superfluous(found, min(sum(shares.values()), 1.0))

    def _shares(self) -> dict[str, float]:
        """Return the part of the peak that minor lines of chosen elements must hold, by family.

        It follows from their alpha lines, where these lie apart from the peak.
        """
        shares: dict[str, float] = {}
        if not self.peak.found:
            return shares
        for family in _families():
            at = family.alpha.energy_keV
            if family.element not in self.chosen or not self._apart([family.alpha]):
                continue
            if at >= self.beam_keV or not self.spectrum.holds(at):
                continue
            net, error = self.spectrum.net(at)
            alpha = net / self._in_window(family, at) if net > SIGNIFICANT * error else 0.0
            share = alpha * self._in_window(family, self.peak.energy_keV) / self.peak.counts
            if share > _LEAST_SHARE:
                shares[str(family)] = min(share, 1.0)
        return shares

    def _candidate(
        self, family: xray.Family, line: xray.XRayLine, strongest: float, checks: list[_Check]
    ) -> Candidate:
        factors = [
            self._by_distance(family, line),
            self._by_other_lines(checks),
            self._by_beam(family),
            self._by_rarity(line.element),
            # Of lines that cannot be told apart the stronger one is meant.
            ((line.weight / strongest) ** 0.25, ""),
        ]
        distance = 1000 * (line.energy_keV - self.peak.energy_keV)
        reasons = [text for _, text in factors if text]
        if not self.peak.found:
            factors.append((0.5, ""))
            reasons.append("no peak stands out of the background here")
        score = float(np.prod([factor for factor, _ in factors]))
        return Candidate(line, family.family, float(distance), score, tuple(reasons))

    def _by_distance(self, family: xray.Family, line: xray.XRayLine) -> tuple[float, str]:
        """Compare the peak with the line and what of its family is not resolved from it."""
        width = self.spectrum.fwhm(line.energy_keV)
        energies = np.array([n.energy_keV for n in family.lines])
        weights = np.array([n.weight for n in family.lines])
        weights = weights * np.exp(-0.5 * ((energies - line.energy_keV) / (width / 2)) ** 2)
        distance = float(weights @ energies / weights.sum()) - self.peak.energy_keV
        scale = np.hypot(self.peak.error_keV, _AXIS_FWHM * width)
        text = (
            f"{1000 * abs(line.energy_keV - self.peak.energy_keV):.0f} eV from the peak at "
            f"{self.peak.energy_keV:.3f} keV, which is sure to {1000 * self.peak.error_keV:.1f} eV"
        )
        return float(1 / (1 + (distance / scale) ** 2)), text

    def _by_beam(self, family: xray.Family) -> tuple[float, str]:
        ratio = self.beam_keV / family.alpha.energy_keV
        factor = float(np.clip(2 * (ratio - 1), 0.02, 1))
        text = f"a beam of {self.beam_keV:g} keV hardly excites it" if factor < 1 else ""
        return factor, text

    def _by_rarity(self, element: str) -> tuple[float, str]:
        if element in self.chosen:
            return 1.0, f"{element} is chosen already"
        factor, text = _rarity(element)
        return (0.8 * factor if self.chosen else factor), text

    @staticmethod
    def _by_other_lines(checks: list[_Check]) -> tuple[float, str]:
        """Score by the element's other lines, and say what the most telling ones show."""
        against = float(np.prod([check.against for check in checks]))
        best = max(checks, key=lambda check: check.agreement, default=None)
        agreement = 0.0 if best is None else best.agreement
        told = [c for c in checks if c.against < 0.5 and c.says_something][:2]
        if best is not None and agreement > 0.3:
            told.append(best)
        text = "; ".join(map(str, told)) or "no other line of it could be seen"
        if not told and any(c.says_something for c in checks):
            text = "its other lines are overlapped"
        return max(against, 1e-4) * (0.6 + 0.4 * agreement), text

    # What other lines should hold

    def _checks(self, family: xray.Family, near: list[xray.XRayLine]) -> list[_Check]:
        """Compare the element's lines elsewhere with what the peak lets expect."""
        nearest = max(near, key=lambda line: line.weight)
        shift = self.peak.energy_keV - nearest.energy_keV
        share = self._in_window(family, self.peak.energy_keV - shift)
        alpha = max(self.peak.counts, 0.0) / share
        checks = list(self._family_checks(family, alpha, self._apart(family.lines)))
        yields = _alpha_yields(round(self.beam_keV, 3))
        own = yields.get(str(family), 0.0)
        for name in xray.families_of(family.element) if own > 0 else ():
            other = xray.family(family.element, name)
            if name != family.family and yields.get(str(other), 0.0) > 0:
                ratio = yields[str(other)] / own
                alphas = self._apart([other.alpha])
                checks += self._family_checks(other, alpha * ratio, alphas, source=family)
        telling = sorted(checks, key=lambda check: -check.expected / check.error)
        return telling[:_MAX_CHECKS]

    def _family_checks(
        self,
        family: xray.Family,
        alpha: float,
        lines: list[xray.XRayLine],
        source: xray.Family | None = None,
    ) -> Iterator[_Check]:
        """Yield checks of lines, the alpha line of the family holding `alpha` counts."""
        taken: list[float] = []
        for line in sorted(lines, key=lambda line: -line.weight):
            at = line.energy_keV
            if not self.spectrum.holds(at) or at >= self.beam_keV:
                continue
            if any(abs(at - other) < self.spectrum.fwhm(at) for other in taken):
                continue
            taken.append(at)
            observed, error = self.spectrum.net(at)
            expected = alpha * self._in_window(family, at)
            yield _Check(line, expected, observed, error, self._least(line, family, source))

    def _apart(self, lines: Collection[xray.XRayLine]) -> list[xray.XRayLine]:
        """Return lines that are resolved from the peak."""
        at, width = self.peak.energy_keV, self.spectrum.fwhm(self.peak.energy_keV)
        return [line for line in lines if abs(line.energy_keV - at) > 1.2 * width]

    def _in_window(self, family: xray.Family, energy_keV: float) -> float:
        """Return a family's counts in the window at an energy, per count of its alpha line."""
        energies = np.array([line.energy_keV for line in family.lines])
        weights = np.array([line.weight for line in family.lines])
        sigma = (
            np.asarray(xray.fwhm_keV(energies, self.spectrum.resolution_eV)) / xray.FWHM_PER_SIGMA
        )
        half = HALF_WINDOW_FWHM * self.spectrum.fwhm(energy_keV)
        low, high = ((energy_keV + h - energies) / sigma for h in (-half, half))
        return max(float(weights @ (ndtr(high) - ndtr(low))), 1e-6)

    def _least(
        self, line: xray.XRayLine, family: xray.Family, source: xray.Family | None
    ) -> float:
        """Return the part of the expected counts that must be there if the element is."""
        at = line.energy_keV
        if source is None:
            # Ratios inside M families, and of weak lines, differ between tables.
            is_sure = at > _SOFT_KEV and family.family != "M" and line.weight > _WEAK
            return 0.45 if is_sure else 0.1
        if at < source.alpha.energy_keV:
            # The specimen absorbs soft lines, bulk nearly all of some.
            least = 0.2 if at > _SOFT_KEV else 0.05 if at > _VERY_SOFT_KEV else 0.0
            return least if self.is_foil else least / 2
        # In bulk, electrons slow down until they excite soft lines only.
        return 0.3 if self.is_foil else 0.3 * (1 - at / self.beam_keV) ** 2


def _explained(candidate: Candidate, share: float) -> Candidate:
    """Return a line of a chosen element, whose alpha line tells how much of the peak it is."""
    if share <= _LEAST_SHARE:
        return candidate
    text = f"by its alpha line it must be {100 * share:.0f} % of this peak"
    score = max(candidate.score, _SURE * share)
    return replace(candidate, score=score, reasons=(*candidate.reasons, text))


def _superfluous(candidate: Candidate, share: float) -> Candidate:
    """Return a line of another element, for which chosen ones leave only a part of the peak."""
    text = f"lines of chosen elements explain {100 * share:.0f} % of this peak"
    score = candidate.score * (1 - _SURE * share)
    return replace(candidate, score=score, reasons=(*candidate.reasons, text))
