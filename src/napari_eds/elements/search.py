"""The search behind `napari_eds.elements.proposals`: score tests on a summed spectrum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from napari_eds._support.progress import Progress
from napari_eds.elements import prior
from napari_eds.elements.alternatives import Alternatives, Verdict
from napari_eds.elements.claims import LIGHT, MINIMUM_SHARE, MINIMUM_Z, Claim, Claims
from napari_eds.elements.element_fit import ElementFit
from napari_eds.elements.family_ratios import FamilyRatios
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray

#: Where the search starts: support or contamination, oxygen, grid.
SEEDS = ("C", "O", "Cu")
#: Alpha lines that may prove an element, in keV: below, L and M lines crowd.
PROVING_RANGE_keV = (1.0, 17.6)
#: ... but L lines of elements whose K lines are out of reach, from Ti on.
SOFT_L_keV = 0.44
#: A family that slow electrons hardly excite, so that fewer than this part of the counts of the
#: next softer one are expected of it, is too weak to speak for the element: Bi L, Se K at 15 kV.
_HARDLY_EXCITED = 0.01

#: The axis is calibrated anew when lines with this share of the counts have come in, and at the
#: end if it is at least the second.
_RECALIBRATE_SHARE, _FINAL_SHARE = 0.1, 0.01
#: Adding and dropping alternate at most this often.
_ROUNDS = 4
#: As many of the best claims that seem to be artefacts are tried.
_TRIED = 2
_MAX_ELEMENTS = 40
#: Lines below zero by this many standard deviations are none.
_NEGATIVE = 3.0
_MAX_SUGGESTIONS = 6
#: What others explain as well needs this much less in chi-squared to be proved, if it is common,
#: for each element more that has to take over, several times for one that is not common; but never
#: less than this many deviations.
_UNLIKELY, _COST_OF_RARE, _LEAST_Z = 15.0, 3, 3.5
#: With few counts, nothing is significant by much; then this part must be left.
_LEFT = 0.7
#: Of those who would take over, as many are named.
_MAX_NAMED = 3


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
    foil : bool
        Whether the specimen is thin.
    """

    def __init__(
        self, model: SpectralModel, counts: np.ndarray, progress: Progress, *, foil: bool
    ) -> None:
        self._progress = progress
        self._foil = foil
        self._families = model.families
        self._columns: dict[str, list[int]] = {}
        for column, family in enumerate(model.families):
            self._columns.setdefault(family.element, []).append(column)
        # What has no line that could speak for it is left out altogether.
        self._proof: dict[str, int] = {}
        ratios = FamilyRatios(model, foil=foil)
        for element, columns in list(self._columns.items()):
            proof = _proving(columns, model.families, ratios)
            if proof is None:
                del self._columns[element]
            else:
                self._proof[element] = proof
        self._removed: set[str] = set()
        self._seeds = [element for element in SEEDS if element in self._columns]
        self._fit = ElementFit(
            model,
            counts,
            columns=self._columns,
            proof=self._proof,
            elements=self._seeds,
            ratios=ratios,
        )
        self._claims = Claims(self._fit, self._columns, self._proof)

    def run(self) -> None:
        """Add what is proved, drop what no longer is beside the rest, until nothing changes.

        Where the axis came out far from that of the file, an element may be missing whose lines
        it was bent to, as to Mn L by the counts of F. Then what is found before any calibration is
        tried, and what is found on an axis that hard lines alone calibrated.
        """
        self._fit.calibrate()
        self._grow()
        if not self._fit.is_bent:
            return
        for on_hard_lines in (False, True):
            best, removed = self._fit.state(), self._removed
            self._start_anew(on_hard_lines=on_hard_lines)
            if self._fit.misfit() > best.misfit:
                self._fit.restore(best)
                self._removed = removed

    def _start_anew(self, *, on_hard_lines: bool) -> None:
        """Search from the axis of the file, or from one that the hard lines tell."""
        self._removed = set()
        self._fit.restart(self._seeds)
        self._add_proved(calibrate=False)
        if on_hard_lines:
            self._fit.calibrate_on_hard_lines()
            # The axis as it was may have hidden some.
            self._removed = set()
            self._add_proved(calibrate=False)
        self._fit.calibrate()
        self._grow()

    def _grow(self) -> None:
        # What was dropped while others were missing gets a second chance.
        for _ in range(2):
            self._removed = set()
            for _ in range(_ROUNDS):
                self._add_proved()
                if not self._drop_unproved():
                    break
            self._fit.measure_misfit()
            self._drop_unproved()

    def found(self) -> list[Finding]:
        """Return the elements that are proved, by falling share, then those only suggested.

        Of the latter, each is fitted along before the next is sought, so that a peak is named
        once.
        """
        doubts = self._ambiguous()
        for element, doubt in self._seen_only(len(doubts)).items():
            doubts.setdefault(element, doubt)
        for element in list(doubts):
            # Beside those suggested, what seemed proved may be nothing.
            if not self._claims.is_seen(self._claims.of(element)):
                self._fit.remove(element)
                del doubts[element]
        findings = [
            replace(self._finding(element), doubt=doubts.get(element, ""))
            for element in self._fit.elements
        ]
        return sorted(findings, key=lambda finding: (finding.doubt != "", -finding.share))

    def drawn(self) -> dict[str, np.ndarray]:
        """Return the counts of each element in the fit, and of the background, by channel."""
        return self._fit.drawn()

    def _ambiguous(self) -> dict[str, str]:
        """Return what is in the fit but explained by others as well, and by whom."""
        test = Alternatives(self._fit, self._columns)
        doubts = {}
        for element in self._fit.elements:
            self._progress(len(self._fit.elements), 0, f"judging {element}")
            if hidden := self._hidden_by(element):
                doubts[element] = f"stronger soft lines of {hidden} hide it in bulk"
                continue
            if self._rests_on_M_alone(element):
                doubts[element] = "M lines alone are ambiguous"
                continue
            verdict = test.judge(element)
            if verdict.z < min(_needed_z(element, verdict.others), _few_counts_z(verdict)):
                others = ", ".join(verdict.others[:_MAX_NAMED])
                by = f"lines of {others} with" if others else "small errors of"
                doubts[element] = f"{by} the lines of the other elements explain it nearly as well"
        return doubts

    def _rests_on_M_alone(self, element: str) -> bool:
        """Whether M lines speak for an element, and no harder ones that are seen beside them."""
        proof, claim = self._proof[element], self._claims.of(element)
        if self._families[proof].family != "M":
            return False
        columns = self._columns[element]
        harder = columns[: columns.index(proof)]
        return all(claim.z.get(column, 0.0) < MINIMUM_Z for column in harder)

    def _hidden_by(self, element: str) -> str:
        """Return whose stronger soft line a light element lies under in bulk, or nothing.

        Absorption by the element itself reshapes soft L and M lines there, more than tables and
        small errors of them can tell.
        """
        column = self._proof[element]
        if self._foil or element not in LIGHT:
            return ""
        fit = self._fit.solution
        area = fit.areas[fit.columns.index(column)]
        stronger = (line for line, n in self._fit.neighbours(column) if n > area)
        return next((line.element for line in stronger), "")

    def _seen_only(self, already: int) -> dict[str, str]:
        """Fit along what is seen but not proved, and return why it is not."""
        found: dict[str, str] = {}
        skipped: set[str] = set()
        while already + len(found) < _MAX_SUGGESTIONS and len(skipped) < _MAX_SUGGESTIONS:
            seen = [claim for claim in self._claims.beside(skipped) if self._claims.is_seen(claim)]
            if not seen:
                break
            best = self._claims.most_common(seen)
            self._progress(len(self._fit.elements), 0, f"judging {best.element}")
            doubt = self._claims.doubt(best) or "beside the others it is not proved"
            if self._families[self._proof[best.element]].family == "M":
                doubt = "M lines alone are ambiguous"
            self._fit.add(best.element)
            # Two that claim the same peak would take from each other without end.
            if all(self._claims.is_seen(self._claims.of(e)) for e in [*found, best.element]):
                found[best.element] = doubt
            else:
                self._fit.remove(best.element)
                skipped.add(best.element)
        return found

    def _add_proved(self, *, calibrate: bool = True) -> None:
        pending = 0.0
        while len(self._fit.elements) < _MAX_ELEMENTS:
            claims = self._claims.beside(self._removed)
            proved = [c for c in claims if not self._claims.objection(c)]
            net = self._fit.solution.net
            best = self._claims.most_common(proved) if proved else None
            if best is not None:
                self._fit.add(best.element)
            else:
                best = self._add_proved_inside(claims)
            if best is not None:
                pending += 1 - net / best.net
                self._progress(len(self._fit.elements), 0, f"found {best.element}")
                self._drop_negative()
            elif pending < _FINAL_SHARE or not calibrate:
                return
            if calibrate and (best is None or pending > _RECALIBRATE_SHARE):
                self._fit.calibrate()
                pending = 0.0

    def _add_proved_inside(self, claims: list[Claim]) -> Claim | None:
        """Add the first of some that seem to be artefacts, but are proved once in the fit.

        While strong lines are missing, what is there is drawn as far too broad or with too long a
        tail, and takes most of a neighbour: Al beside Si then looks like the foot of Si.
        """
        seen = [claim for claim in claims if self._claims.is_seen(claim)]
        large = [claim for claim in seen if self._claims.share(claim) >= MINIMUM_SHARE]
        for claim in large[:_TRIED]:
            self._fit.add(claim.element)
            if not self._claims.objection(self._claims.of(claim.element)):
                return claim
            self._fit.remove(claim.element)
        return None

    def _drop_negative(self) -> None:
        """Remove elements whose lines the others turned negative; they would hide a misfit.

        Strong lines of opposite signs cancel, and what a part of them may be wrong by covers all.
        """
        while True:
            fit = self._fit.solution
            place = {c: i for i, c in enumerate(fit.columns)}
            z = {
                e: fit.areas[i] / fit.errors[i]
                for e in self._fit.elements
                for i in (place[self._proof[e]],)
            }
            worst = min(z, key=lambda e: z[e], default=None)
            if worst is None or z[worst] >= -_NEGATIVE:
                return
            self._fit.remove(worst)
            self._removed.add(worst)

    def _drop_unproved(self) -> bool:
        """Remove what is not proved beside all the others, the weakest first."""
        dropped = False
        while True:
            claims = [self._claims.of(element) for element in self._fit.elements]
            weak = [claim for claim in claims if self._claims.objection(claim)]
            if not weak:
                return dropped
            element = min(weak, key=lambda claim: max(claim.z.values(), default=0.0)).element
            self._fit.remove(element)
            self._removed.add(element)
            dropped = True

    def _finding(self, element: str) -> Finding:
        """Return the numbers of an element in the model."""
        fit, sums = self._fit.solution, self._fit.sums
        column, claim = self._proof[element], self._claims.of(element)
        place = fit.columns.index(column)
        area, own = float(fit.areas[place]), float(sums[column])
        lines = [str(line) for line, n in self._fit.neighbours(column) if n > 0.1 * area]
        return Finding(
            family=self._families[column],
            z=claim.z[column],
            counts=float(fit.lines[:, place].sum()),
            error=float(fit.errors[place]) * own,
            share=area * own / fit.net,
            element_share=sum(a * sums[c] for c, a in claim.areas.items()) / fit.net,
            overlaps=tuple(dict.fromkeys(lines)),
        )


def _proving(
    columns: list[int], families: tuple[xray.Family, ...], ratios: FamilyRatios
) -> int | None:
    """Return the family that can prove an element; K comes before L, and L before M, unless faint.

    Soft L lines do where the axis or the beam ends below the K lines.
    """
    low, high = PROVING_RANGE_keV
    apt = []
    for column in columns:
        family = families[column]
        if family.element in LIGHT:
            return column
        if low <= family.alpha.energy_keV <= high:
            apt.append(column)
    if apt:
        return next((c for c, n in pairwise(apt) if not _is_faint(c, n, ratios)), apt[-1])
    for column in columns:
        family = families[column]
        if family.family == "L" and SOFT_L_keV <= family.alpha.energy_keV < low:
            return column
    return None


def _is_faint(column: int, softer: int, ratios: FamilyRatios) -> bool:
    """Whether electrons hardly excite a family beside the next softer one of its element."""
    return ratios.is_known(column, softer) and ratios.of(column, softer) < _HARDLY_EXCITED


def _few_counts_z(verdict: Verdict) -> float:
    """Return what is to be left of an element's own significance, where it is low by itself."""
    return max(_LEFT * verdict.z_alone, _LEAST_Z)


def _needed_z(element: str, others: tuple[str, ...]) -> float:
    """Return what an element must explain alone: less, the less likely those that take over."""
    if element not in prior.COMMON:
        return MINIMUM_Z
    cost = sum(1 if e in prior.COMMON else _COST_OF_RARE for e in others) - 1
    return float(max(MINIMUM_Z**2 - _UNLIKELY * max(cost, 0), _LEAST_Z**2) ** 0.5)
