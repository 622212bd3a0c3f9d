"""What an element claims of a summed spectrum, and what speaks against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from napari_eds.elements import prior
from napari_eds.elements.element_fit import ElementFit
from napari_eds.physics import lines as xray

#: An element is proved if its line exceeds its error under the hypothesis that it is absent by
#: this factor, and holds this share of the counts of all lines.
MINIMUM_Z = 8.0
MINIMUM_SHARE = 0.005
#: Fewer counts say nothing, however little is expected: errors are those of many counts.
MINIMUM_COUNTS = 16.0
#: A line that weighs less than this part of a fitted line within one full width is rejected: what
#: is left beside a strong line is mostly its imperfect shape.
MINIMUM_OF_NEIGHBOUR = 0.05
#: These are proved by lines below 1 keV, for want of others.
LIGHT = ("C", "N", "O", "F")
#: What is seen but not proved is suggested from this share on if it is a common element; traces
#: of others are more often a wavy background.
SUGGESTED_SHARE = 0.001

#: Explanations with this part of the best score are as good, and so are those of the same peak
#: with the second part; a common element is then taken rather than a rare one.
_NEAR_TIE, _SAME_PEAK_TIE = 0.8, 0.5
#: The detector's own peaks, in parts of their parents: pile-up (of the weaker one), silicon
#: escape, and the foot of incomplete charge collection, this many full widths below a line.
_PILE_UP, _ESCAPE, _FOOT, _FOOT_WIDTHS = 0.03, 0.02, 0.05, 4.0
_SI_KA_KEV, _SI_EDGE_KEV = 1.740, 1.839
#: Silicon detectors miss much of the K lines above this energy: there, L lines count as well.
_HARD_KEV = 12.0
#: Part of a profile that the model cannot imitate; with less, a line says nothing.
_DISTINCT = 1e-6


@dataclass(frozen=True)
class Claim:
    """Alpha areas of an element's families by column, their z, and the counts of all lines.

    `gain` is by how much it lowers chi-squared, where the element is not in the fit.
    """

    element: str
    areas: dict[int, float]
    z: dict[int, float]
    net: float
    gain: float = 0.0


class Claims:
    """What elements claim beside those in a fit, or in it beside the others.

    Parameters
    ----------
    fit : ElementFit
        As it is whenever a claim is asked for: the search goes on changing it.
    columns : mapping of str to list of int
        Places of each element's families in the model, the hardest first.
    proof : mapping of str to int
        The family that proves the element.
    """

    def __init__(
        self, fit: ElementFit, columns: Mapping[str, list[int]], proof: Mapping[str, int]
    ) -> None:
        self._fit, self._columns, self._proof = fit, columns, proof
        self._families = fit.families

    def beside(self, left_out: Collection[str]) -> list[Claim]:
        """Return what the elements outside the model would take of the residual, best first.

        Of all subsets of an element's families with areas above zero, that with the best score.
        """
        fit = self._fit.solution
        weights = 1 / np.sqrt(fit.variance)
        drawn = self._fit.profiles * weights[:, None]
        # What the model could take up by itself proves nothing.
        free = fit.system.remove(drawn)
        score = drawn.T @ ((self._fit.counts - fit.fitted) * weights)
        own = np.maximum((drawn**2).sum(axis=0), np.finfo(float).tiny)
        distinct = np.einsum("ij,ij->j", drawn, free) / own
        claims = []
        for element, columns in self._columns.items():
            is_open = element not in left_out and element not in self._fit.elements
            if not is_open or distinct[self._proof[element]] < _DISTINCT:
                continue
            telling = [c for c in columns if distinct[c] > _DISTINCT]
            best = _best_subset(telling, score, drawn[:, telling].T @ free[:, telling])
            if best is not None:
                gain, areas, z = best
                taken = sum(area * self._fit.sums[column] for column, area in areas.items())
                claims.append(Claim(element, areas, z, fit.net + taken, gain))
        return sorted(claims, key=lambda claim: -claim.gain)

    def of(self, element: str) -> Claim:
        """Return the claim of an element in the model, all others staying as they are."""
        fit, errors = self._fit.solution, self._fit.errors_without(element)
        found = [i for i, c in enumerate(fit.columns) if self._families[c].element == element]
        return Claim(
            element,
            {fit.columns[i]: float(fit.areas[i]) for i in found},
            {fit.columns[i]: float(fit.areas[i] / errors[i]) for i in found},
            fit.net,
        )

    def is_seen(self, claim: Claim) -> bool:
        """Whether the line that speaks for the element is there by itself."""
        column = self._proof[claim.element]
        if claim.z.get(column, 0.0) < MINIMUM_Z:
            return False
        if claim.areas[column] * self._fit.sums[column] < MINIMUM_COUNTS:
            return False
        if claim.element in LIGHT:
            return True
        needed = SUGGESTED_SHARE if claim.element in prior.COMMON else MINIMUM_SHARE
        return self.share(claim) >= needed and not self._is_drowned(claim)

    def objection(self, claim: Claim) -> str:
        """Say why an element is not proved, or nothing."""
        return self.doubt(claim) if self.is_seen(claim) else "it is not seen"

    def doubt(self, claim: Claim) -> str:
        """Say why an element that is seen is not proved, or nothing."""
        column = self._proof[claim.element]
        if self.share(claim) < MINIMUM_SHARE:
            return f"it holds less than {100 * MINIMUM_SHARE:g} % of the counts"
        if claim.element in LIGHT:
            return ""
        return self._artefact(column, claim.areas[column])

    def share(self, claim: Claim) -> float:
        """Return the share of the net counts that speak for an element."""
        column = self._proof[claim.element]
        counted = {column}
        if self._families[column].alpha.energy_keV > _HARD_KEV:
            counted |= {c for c, z in claim.z.items() if z >= MINIMUM_Z}
        counts = sum(claim.areas[c] * self._fit.sums[c] for c in counted if c in claim.areas)
        return counts / claim.net if claim.net > 0 else 0.0

    def most_common(self, claims: list[Claim]) -> Claim:
        """Return the best claim, or a common element's that is nearly as good."""
        best = claims[0]
        alpha, width = self._alpha(best).energy_keV, self._fit.width_keV(self._proof[best.element])
        for claim in claims:
            is_same_peak = abs(self._alpha(claim).energy_keV - alpha) < width / 2
            needed = _SAME_PEAK_TIE if is_same_peak else _NEAR_TIE
            if claim.element in prior.COMMON and claim.gain >= needed * best.gain:
                return claim
        return best

    def _alpha(self, claim: Claim) -> xray.XRayLine:
        return self._families[self._proof[claim.element]].alpha

    def _is_drowned(self, claim: Claim) -> bool:
        column = self._proof[claim.element]
        least = MINIMUM_OF_NEIGHBOUR
        return any(claim.areas[column] < least * n for _, n in self._fit.neighbours(column))

    def _artefact(self, column: int, area: float) -> str:
        """Say which peak of the detector's own making an alpha line may be, or nothing."""
        alpha, width = self._families[column].alpha, self._fit.width_keV(column)
        fit = self._fit.solution
        parents = [
            (self._families[c].alpha, n)
            for c, n in zip(fit.columns, fit.areas, strict=True)
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


def _best_subset(
    columns: list[int], score: np.ndarray, information: np.ndarray
) -> tuple[float, dict[int, float], dict[int, float]] | None:
    """Return gain, areas and z of the families that explain the residual best, none negative.

    `information` is that of the given columns alone, `score` of all.
    """
    best: tuple[float, dict[int, float], dict[int, float]] | None = None
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
