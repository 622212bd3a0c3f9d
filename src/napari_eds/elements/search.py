"""The search behind `napari_eds.elements.proposals`: score tests on a summed spectrum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from napari_eds._support.progress import Progress
from napari_eds.elements import prior
from napari_eds.fitting.calibration import Calibration, calibrate
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray

#: Where the search starts: support or contamination, oxygen, grid.
SEEDS = ("C", "O", "Cu")
#: Alpha lines that may prove an element, in keV: below, L and M lines crowd.
PROVING_RANGE_keV = (1.0, 17.6)
#: An element is proved if its line exceeds its error under the hypothesis that it is absent by
#: this factor, and holds this share of the counts of all lines.
MINIMUM_Z = 8.0
MINIMUM_SHARE = 0.005
#: Fewer counts say nothing, however little is expected: errors are those of many counts.
MINIMUM_COUNTS = 16.0
#: A line that weighs less than this part of a fitted line within one full width is rejected: what
#: is left beside a strong line is mostly its imperfect shape.
MINIMUM_OF_NEIGHBOUR = 0.25
#: C and O are proved by lines below 1 keV, for want of others. N and F are so seldom there that
#: they are not; from the share below on they are kept out of the others' way, and suggested.
LIGHT = ("C", "O")
SOFT = ("N", "F")
SOFT_SHARE = 0.02
#: What is seen but not proved is suggested from this share on if it is a common element; traces
#: of others are more often a wavy background.
SUGGESTED_SHARE = 0.001

#: What is wrong with the model's lines and background, relative to them.
_MODEL_ERROR = 0.03
#: Explanations with this part of the best score are as good, and so are those of the same peak
#: with the second part; a common element is then taken rather than a rare one.
_NEAR_TIE, _SAME_PEAK_TIE = 0.8, 0.5
#: The detector's own peaks, in parts of their parents: pile-up (of the weaker one), silicon
#: escape, and the foot of incomplete charge collection, this many full widths below a line.
_PILE_UP, _ESCAPE, _FOOT, _FOOT_WIDTHS = 0.03, 0.02, 0.03, 4.0
_SI_KA_KEV, _SI_EDGE_KEV = 1.740, 1.839
#: Silicon detectors miss much of the K lines above this energy: there, L lines count as well.
_HARD_KEV = 12.0
#: Part of a profile that the model cannot imitate: with less, a proving line is another's (the L
#: lines of Br beside Al K), and any other line says nothing.
_PROVING_DISTINCT, _DISTINCT = 0.2, 1e-3

#: The axis is calibrated anew when lines with this share of the counts have come in, and at the
#: end if it is at least the second.
_RECALIBRATE_SHARE, _FINAL_SHARE = 0.1, 0.01
_ORDER = 6
_ROUNDS = 4
_MAX_ELEMENTS = 40
_MAX_SUGGESTIONS = 6


@dataclass(frozen=True)
class Finding:
    """What the search knows about an element.

    Counts, error and share are those of the family that speaks for it, `element_share` that of
    all its families; `doubt` says why it is not proved, where it is not.
    """

    family: xray.Family
    z: float
    counts: float
    error: float
    share: float
    element_share: float
    overlaps: tuple[str, ...]
    doubt: str = ""


@dataclass(frozen=True, eq=False)
class _System:
    """Normal equations of a weighted fit, each column scaled to length 1 by `norms`."""

    weighted: np.ndarray
    covariance: np.ndarray
    norms: np.ndarray

    @classmethod
    def of(cls, design: np.ndarray, variance: np.ndarray) -> _System:
        """Weight a design, (channels, columns), by the variance of the channels."""
        weighted = design / np.sqrt(variance)[:, None]
        norms = np.linalg.norm(weighted, axis=0)
        norms[norms == 0] = 1
        weighted /= norms
        return cls(weighted, np.linalg.pinv(weighted.T @ weighted, hermitian=True), norms)

    def solve(self, target: np.ndarray) -> np.ndarray:
        """Return the coefficients that fit a weighted spectrum."""
        return self.covariance @ (self.weighted.T @ target) / self.norms

    def errors(self) -> np.ndarray:
        """Return the standard deviations of the coefficients."""
        smallest = np.finfo(float).tiny
        return np.sqrt(np.maximum(np.diagonal(self.covariance), smallest)) / self.norms

    def remove(self, columns: np.ndarray) -> np.ndarray:
        """Return weighted columns without what this design could take up."""
        return columns - self.weighted @ (self.covariance @ (self.weighted.T @ columns))


@dataclass(frozen=True, eq=False)
class _Fit:
    """A weighted fit; `columns` are places in the list of all families, `net` counts of lines."""

    columns: list[int]
    areas: np.ndarray
    errors: np.ndarray
    fitted: np.ndarray
    variance: np.ndarray
    system: _System
    net: float


@dataclass(frozen=True)
class _Claim:
    """Alpha areas of an element's families by column, their z, and the counts of all lines."""

    element: str
    areas: dict[int, float]
    z: dict[int, float]
    net: float
    gain: float = 0.0


class ElementSearch:
    """The elements in a model of a spectrum, which grow and shrink.

    Parameters
    ----------
    model : SpectralModel
        All families that may be found, in the order K, L, M for each element, on the axis of the
        file.
    counts : ndarray, (channels of the model,)
    progress : callable
        Called as ``progress(found, 0, what)``: how many there will be is not known.
    """

    def __init__(self, model: SpectralModel, counts: np.ndarray, progress: Progress) -> None:
        self._model, self._progress = model, progress
        self._counts = counts
        self._families = model.families
        self._columns: dict[str, list[int]] = {}
        for column, family in enumerate(model.families):
            self._columns.setdefault(family.element, []).append(column)
        # What has no line that could speak for it is left out altogether.
        self._proof: dict[str, int] = {}
        for element, columns in list(self._columns.items()):
            speaking = [c for c in columns if _may_speak(model.families[c])]
            if speaking:
                self._proof[element] = speaking[0]
            else:
                del self._columns[element]
        self._elements = [element for element in SEEDS if element in self._columns]
        self._removed: set[str] = set()

        t = np.linspace(-1, 1, counts.size)
        self._background = np.polynomial.legendre.legvander(t, _ORDER)
        # A channel is not expected to hold less than one count per full width of a line.
        width = xray.fwhm_keV(xray.MN_KA_KEV, model.resolution_MnKa_eV) / model.energy.scale_keV
        self._floor = max(1e-3 * counts.mean(), 1 / float(width))
        self._start = Calibration(resolution_MnKa_eV=model.resolution_MnKa_eV)
        self._use(self._start)

    def run(self) -> None:
        """Add what is proved, drop what no longer is beside the rest, until nothing changes."""
        self._calibrate()
        for _ in range(_ROUNDS):
            self._add_proved()
            if not self._drop_unproved():
                return

    def proved(self) -> list[Finding]:
        """Return the elements that are proved, by falling share."""
        found = [self._finding(e) for e in self._elements if e not in SOFT]
        return sorted(found, key=lambda finding: -finding.share)

    def suggested(self) -> list[Finding]:
        """Return elements that are seen but not proved, by falling share.

        Each is fitted along before the next is sought, so that a peak is named once.
        """
        proved = list(self._elements)
        found = {e: "it has no line above 1 keV" for e in proved if e in SOFT}
        skipped: set[str] = set()
        while len(found) < _MAX_SUGGESTIONS:
            seen = [claim for claim in self._claims(skipped) if self._is_seen(claim)]
            if not seen:
                break
            best = self._most_common(seen)
            self._progress(len(self._elements), 0, f"judging {best.element}")
            doubt = self._doubt(best) or "beside the others it is not proved"
            self._elements.append(best.element)
            self._fit_elements()
            # Two that claim the same peak would take from each other without end.
            if all(self._is_seen(self._own_claim(e)) for e in [*found, best.element]):
                found[best.element] = doubt
            else:
                self._elements.remove(best.element)
                self._fit_elements()
                skipped.add(best.element)
        findings = [replace(self._finding(e), doubt=doubt) for e, doubt in found.items()]
        self.drawn = self._draw()
        self._elements = proved
        self._fit_elements()
        return sorted(findings, key=lambda finding: -finding.share)

    def _draw(self) -> dict[str, np.ndarray]:
        """Return the fitted counts of the lines of each element, and of the background: ""."""
        fit, drawn = self._fit, {"": self._fit.fitted.copy()}
        for column, area in zip(fit.columns, np.maximum(fit.areas, 0), strict=True):
            lines, element = area * self._profiles[:, column], self._families[column].element
            drawn[element] = drawn.get(element, 0) + lines
            drawn[""] -= lines
        return drawn

    # The model and its fit

    def _use(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._profiles = calibration.apply(self._model).profiles
        # Counts of a family on the axis per count of its alpha line.
        self._sums = self._profiles.sum(axis=0)
        self._fit_elements()

    def _calibrate(self) -> None:
        """Calibrate on the elements in the model, from the axis of the file."""
        columns = [column for element in self._elements for column in self._columns[element]]
        model = replace(
            self._model,
            families=tuple(self._families[column] for column in columns),
            lines=tuple(self._model.lines[column] for column in columns),
        )
        found = calibrate(model, self._counts, start=self._start)
        # A width or an offset at its bound shows that the elements are not yet the right ones. The
        # gain alone may run there where all strong lines are soft, and does no harm.
        self._use(found if set(found.at_bound) <= {"gain"} else self._calibration)

    def _fit_elements(self) -> None:
        """Fit the families of the elements, without those that would be negative.

        What proves an element stays: a negative line must show as such.
        """
        columns = [column for element in self._elements for column in self._columns[element]]
        proving = {self._proof[element] for element in self._elements}
        while True:
            self._fit = self._fit_columns(columns)
            pairs = zip(columns, self._fit.areas, strict=True)
            kept = [column for column, area in pairs if area >= 0 or column in proving]
            if kept == columns:
                return
            columns = kept

    def _fit_columns(self, columns: list[int]) -> _Fit:
        profiles, n = self._profiles[:, columns], len(columns)
        design = np.hstack([profiles, self._background])
        variance = np.maximum(self._counts, 1.0)
        for _ in range(_ROUNDS):
            solution = _System.of(design, variance).solve(self._counts / np.sqrt(variance))
            fitted = design @ solution
            lines = profiles @ np.maximum(solution[:n], 0)
            variance = self._variance(fitted - lines, lines)
        system = _System.of(design, variance)
        return _Fit(
            columns=columns,
            areas=solution[:n],
            errors=system.errors()[:n],
            fitted=fitted,
            variance=variance,
            system=system,
            net=float(np.maximum(solution[:n], 0) @ self._sums[columns]),
        )

    def _variance(self, background: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """Variance of channels: counting, and what is wrong with background and lines."""
        counting = np.maximum(background + lines, self._floor)
        return counting + _MODEL_ERROR**2 * (np.maximum(background, 0) ** 2 + lines**2)

    # Claims and their tests

    def _claims(self, left_out: set[str]) -> list[_Claim]:
        """Return what the elements outside the model would take of the residual, best first.

        Of all subsets of an element's families with areas above zero, that with the best score.
        """
        fit = self._fit
        weights = 1 / np.sqrt(fit.variance)
        drawn = self._profiles * weights[:, None]
        # What the model could take up by itself proves nothing.
        free = fit.system.remove(drawn)
        score = free.T @ ((self._counts - fit.fitted) * weights)
        own = np.maximum((drawn**2).sum(axis=0), np.finfo(float).tiny)
        distinct = (free**2).sum(axis=0) / own
        claims = []
        for element, columns in self._columns.items():
            is_open = element not in left_out and element not in self._elements
            if not is_open or distinct[self._proof[element]] < _PROVING_DISTINCT:
                continue
            best = _best_subset([c for c in columns if distinct[c] > _DISTINCT], score, free)
            if best is not None:
                gain, areas, z = best
                taken = sum(area * self._sums[column] for column, area in areas.items())
                claims.append(_Claim(element, areas, z, fit.net + taken, gain))
        return sorted(claims, key=lambda claim: -claim.gain)

    def _own_claim(self, element: str) -> _Claim:
        """Return the claim of an element in the model, all others staying as they are."""
        fit, profiles = self._fit, self._profiles[:, self._fit.columns]
        is_own = np.array([self._families[c].element == element for c in fit.columns], dtype=bool)
        areas = np.maximum(fit.areas, 0)
        own, others = profiles @ (areas * is_own), profiles @ (areas * ~is_own)
        variance = self._variance(fit.fitted - own - others, others)
        errors = _System.of(np.hstack([profiles, self._background]), variance).errors()
        found = [i for i, is_mine in enumerate(is_own) if is_mine]
        return _Claim(
            element,
            {fit.columns[i]: float(fit.areas[i]) for i in found},
            {fit.columns[i]: float(fit.areas[i] / errors[i]) for i in found},
            fit.net,
        )

    def _add_proved(self) -> None:
        pending = 0.0
        while len(self._elements) < _MAX_ELEMENTS:
            proved = [c for c in self._claims(self._removed) if not self._objection(c)]
            if proved:
                best = self._most_common(proved)
                pending += 1 - self._fit.net / best.net
                self._elements.append(best.element)
                self._progress(len(self._elements), 0, f"found {best.element}")
                self._fit_elements()
            elif pending < _FINAL_SHARE:
                return
            if not proved or pending > _RECALIBRATE_SHARE:
                self._calibrate()
                pending = 0.0

    def _drop_unproved(self) -> bool:
        """Remove what is not proved beside all the others, the weakest first."""
        dropped = False
        while True:
            claims = [self._own_claim(element) for element in self._elements]
            weak = [claim for claim in claims if self._objection(claim)]
            if not weak:
                return dropped
            element = min(weak, key=lambda claim: max(claim.z.values(), default=0.0)).element
            self._elements.remove(element)
            self._removed.add(element)
            self._fit_elements()
            dropped = True

    def _is_seen(self, claim: _Claim) -> bool:
        """Whether the line that speaks for the element is there by itself."""
        column = self._proof[claim.element]
        if claim.z.get(column, 0.0) < MINIMUM_Z:
            return False
        if claim.areas[column] * self._sums[column] < MINIMUM_COUNTS:
            return False
        if claim.element in LIGHT:
            return True
        needed = SUGGESTED_SHARE if claim.element in prior.COMMON else MINIMUM_SHARE
        if claim.element in SOFT:
            needed = SOFT_SHARE
        return self._share(claim) >= needed and not self._is_drowned(claim)

    def _objection(self, claim: _Claim) -> str:
        return self._doubt(claim) if self._is_seen(claim) else "it is not seen"

    def _doubt(self, claim: _Claim) -> str:
        """Say why an element that is seen is not proved, or nothing."""
        column = self._proof[claim.element]
        if self._share(claim) < MINIMUM_SHARE:
            return f"it holds less than {100 * MINIMUM_SHARE:g} % of the counts"
        if claim.element in {*LIGHT, *SOFT}:
            return ""
        if self._families[column].family == "M":
            return "M lines alone are ambiguous"
        return self._artefact(column, claim.areas[column])

    def _share(self, claim: _Claim) -> float:
        """Share of the net counts that speak for an element."""
        column = self._proof[claim.element]
        counted = {column}
        if self._families[column].alpha.energy_keV > _HARD_KEV:
            counted |= {c for c, z in claim.z.items() if z >= MINIMUM_Z}
        counts = sum(claim.areas[c] * self._sums[c] for c in counted if c in claim.areas)
        return counts / claim.net if claim.net > 0 else 0.0

    def _most_common(self, claims: list[_Claim]) -> _Claim:
        """Return the best claim, or a common element's that is nearly as good."""
        best = claims[0]
        alpha, width = self._alpha(best).energy_keV, self._width(self._proof[best.element])
        for claim in claims:
            is_same_peak = abs(self._alpha(claim).energy_keV - alpha) < width / 2
            needed = _SAME_PEAK_TIE if is_same_peak else _NEAR_TIE
            if claim.element in prior.COMMON and claim.gain >= needed * best.gain:
                return claim
        return best

    # Neighbours

    def _alpha(self, claim: _Claim) -> xray.XRayLine:
        return self._families[self._proof[claim.element]].alpha

    def _width(self, column: int) -> float:
        energy = self._families[column].alpha.energy_keV
        return float(xray.fwhm_keV(energy, self._calibration.resolution_MnKa_eV))

    def _neighbours(self, column: int) -> Iterator[tuple[xray.XRayLine, float]]:
        """Yield lines of other elements within one full width of an alpha line, with counts."""
        alpha, width = self._families[column].alpha, self._width(column)
        for other, area in zip(self._fit.columns, self._fit.areas, strict=True):
            if self._families[other].element == alpha.element:
                continue
            for line in self._model.lines[other]:
                if abs(line.energy_keV - alpha.energy_keV) < width:
                    yield line, area * line.weight

    def _is_drowned(self, claim: _Claim) -> bool:
        column = self._proof[claim.element]
        least = MINIMUM_OF_NEIGHBOUR
        return any(claim.areas[column] < least * n for _, n in self._neighbours(column))

    def _artefact(self, column: int, area: float) -> str:
        """Say which peak of the detector's own making an alpha line may be, or nothing."""
        alpha, width = self._families[column].alpha, self._width(column)
        parents = [
            (self._families[c].alpha, n)
            for c, n in zip(self._fit.columns, self._fit.areas, strict=True)
            if n > 0 and self._families[c].element != alpha.element
        ]
        for i, (line, n) in enumerate(parents):
            below = line.energy_keV - alpha.energy_keV
            if 0 < below < _FOOT_WIDTHS * width and area < _FOOT * n:
                return f"it may be the foot of {line}"
            escapes = line.energy_keV > _SI_EDGE_KEV and abs(below - _SI_KA_KEV) < width
            if escapes and area < _ESCAPE * n:
                return f"it may be the escape peak of {line}"
            for other, m in parents[i:]:
                if abs(below + other.energy_keV) < width and area < _PILE_UP * min(n, m):
                    return f"it may be pile-up of {line} and {other}"
        return ""

    def _finding(self, element: str) -> Finding:
        """Return the numbers of an element in the model."""
        column, claim = self._proof[element], self._own_claim(element)
        place = self._fit.columns.index(column)
        area, own = float(self._fit.areas[place]), float(self._sums[column])
        lines = [str(line) for line, n in self._neighbours(column) if n > 0.1 * area]
        return Finding(
            family=self._families[column],
            z=claim.z[column],
            counts=area * own,
            error=float(self._fit.errors[place]) * own,
            share=area * own / self._fit.net,
            element_share=sum(a * self._sums[c] for c, a in claim.areas.items()) / self._fit.net,
            overlaps=tuple(dict.fromkeys(lines)),
        )


def _may_speak(family: xray.Family) -> bool:
    """Whether a family can prove an element; K comes before L, and L before M."""
    low, high = PROVING_RANGE_keV
    return family.element in {*LIGHT, *SOFT} or low <= family.alpha.energy_keV <= high


def _best_subset(
    columns: list[int], score: np.ndarray, free: np.ndarray
) -> tuple[float, dict[int, float], dict[int, float]] | None:
    """Return gain, areas and z of the families that explain the residual best, none negative."""
    best: tuple[float, dict[int, float], dict[int, float]] | None = None
    information = free[:, columns].T @ free[:, columns]
    for n in range(1, len(columns) + 1):
        for subset in combinations(range(len(columns)), n):
            chosen = [columns[i] for i in subset]
            covariance = np.linalg.pinv(information[np.ix_(subset, subset)], hermitian=True)
            areas = covariance @ score[chosen]
            gain = float(areas @ score[chosen])
            if (areas > 0).all() and (best is None or gain > best[0]):
                z = areas / np.sqrt(np.diagonal(covariance))
                by_column = [dict(zip(chosen, v.tolist(), strict=True)) for v in (areas, z)]
                best = (gain, by_column[0], by_column[1])
    return best
