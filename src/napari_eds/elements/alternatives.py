"""Whether other elements explain what an element is thought to show.

A peak proves an element only if no combination of others explains it as well: those in the fit,
whose lines may move as far as their tables are uncertain, and those outside of it, common or not.
An element outside comes with all its lines: who claims a soft line must show the hard ones, too,
in the ratio that physics lets expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import nnls

from napari_eds.elements.element_fit import ElementFit
from napari_eds.elements.system import System

#: Softer families hold at most this many times what is expected beside the hardest one: yields of
#: L and M shells are uncertain by up to a factor of 2.
_AT_MOST = 3.0
#: Elements are alternatives where their profiles overlap by this much (cosine of their angle).
_OVERLAP = 0.15
#: What takes over at least this part of an element's counts is named.
_NAMED = 0.1
#: Gain below which nothing is left to prove, in parts of the counts' own.
_TINY = 1e-9


@dataclass(frozen=True)
class Verdict:
    """How well an element is proved beside the others.

    `z` is what it explains that no others can, in standard deviations; `z_alone` without
    alternatives outside the fit. `others` are those that would take over.
    """

    z: float
    z_alone: float
    others: tuple[str, ...]


class Alternatives:
    """Tests elements of a fit against all others.

    Parameters
    ----------
    fit : ElementFit
    columns : mapping of str to list of int
        Families of each element by their place in the model, the hardest first.
    """

    def __init__(self, fit: ElementFit, columns: Mapping[str, list[int]]) -> None:
        self._fit, self._columns = fit, columns
        self._weighted = fit.profiles / np.sqrt(fit.solution.variance)[:, None]
        norms = np.maximum(np.linalg.norm(self._weighted, axis=0), np.finfo(float).tiny)
        unit = self._weighted / norms
        self._overlap = unit.T @ unit
        self._target = fit.counts / np.sqrt(fit.solution.variance)

    def judge(self, element: str) -> Verdict:
        """Return how well an element of the fit is proved."""
        own = [c for c in self._fit.solution.columns if c in self._columns[element]]
        others = self._near(element, own)
        generators = [(e, g) for e in others for g in self._generators(e)]
        system = self._fit.system_without(element)
        alone = _Test(system, self._weighted, self._target, [{c: 1.0} for c in own])
        z_alone = float(np.sqrt(alone.gain(len(own))))
        if not generators:
            return Verdict(z_alone, z_alone, ())
        columns = [{c: 1.0} for c in own] + [g for _, g in generators]
        test = _Test(system, self._weighted, self._target, columns)
        taken = test.without(len(own))
        # Those who take over have line errors of their own.
        areas = _areas([g for _, g in generators], taken[len(own) :])
        system = self._fit.system_without(element, areas)
        test = _Test(system, self._weighted, self._target, columns)
        left = test.gain() - test.gain_without(len(own))
        amounts = test.without(len(own))[len(own) :]
        return Verdict(
            float(np.sqrt(max(left, 0.0))), z_alone, self._named(element, generators, amounts)
        )

    def _near(self, element: str, own: list[int]) -> list[str]:
        found = []
        for other, columns in self._columns.items():
            if other == element or other in self._fit.elements:
                continue
            if self._overlap[np.ix_(own, columns)].max(initial=0.0) > _OVERLAP:
                found.append(other)
        return found

    def _generators(self, element: str) -> Iterator[dict[int, float]]:
        """Yield amounts of an element's families whose positive sums are what is possible."""
        hardest, *softer = self._columns[element]
        yield {hardest: 1.0}
        most = {c: _AT_MOST * self._fit.ratios.of(c, hardest) for c in softer}
        for n in range(1, len(softer) + 1):
            for chosen in combinations(softer, n):
                yield {hardest: 1.0} | {c: most[c] for c in chosen}

    def _named(
        self,
        element: str,
        generators: list[tuple[str, dict[int, float]]],
        amounts: np.ndarray,
    ) -> tuple[str, ...]:
        counts: dict[str, float] = {}
        for (other, generator), amount in zip(generators, amounts, strict=True):
            taken = sum(amount * area * self._fit.sums[c] for c, area in generator.items())
            counts[other] = counts.get(other, 0.0) + taken
        fit = self._fit.solution
        own = sum(
            float(area) * self._fit.sums[c]
            for c, area in zip(fit.columns, fit.areas, strict=True)
            if self._fit.families[c].element == element
        )
        strong = [e for e in counts if counts[e] > _NAMED * own]
        return tuple(sorted(strong, key=lambda e: -counts[e]))


class _Test:
    """Non-negative amounts of some columns beside a system, in sufficient statistics."""

    def __init__(
        self,
        system: System,
        weighted: np.ndarray,
        target: np.ndarray,
        columns: list[dict[int, float]],
    ) -> None:
        drawn = np.stack([sum(a * weighted[:, c] for c, a in g.items()) for g in columns], axis=1)
        self.norms = np.maximum(np.linalg.norm(drawn, axis=0), np.finfo(float).tiny)
        drawn = drawn / self.norms
        free = system.remove(drawn)
        self._normal = drawn.T @ free
        self._score = free.T @ target

    def gain(self, n: int | None = None) -> float:
        """Return what the first `n` columns explain, in units of chi-squared."""
        return float(self._amounts(slice(0, n))[1])

    def gain_without(self, n: int) -> float:
        """Return what the columns after the first `n` explain."""
        return float(self._amounts(slice(n, None))[1])

    def without(self, n: int) -> np.ndarray:
        """Return the amounts of all columns, the first `n` of them being absent."""
        amounts = np.zeros(len(self._score))
        amounts[n:] = self._amounts(slice(n, None))[0]
        return amounts / self.norms

    def _amounts(self, chosen: slice) -> tuple[np.ndarray, float]:
        normal, score = self._normal[chosen, chosen], self._score[chosen]
        normal = normal + _TINY * np.eye(len(score))
        root = np.linalg.cholesky(normal)
        amounts, _ = nnls(root.T, np.linalg.solve(root, score))
        return amounts, 2 * amounts @ score - amounts @ normal @ amounts


def _areas(generators: list[dict[int, float]], amounts: np.ndarray) -> dict[int, float]:
    areas: dict[int, float] = {}
    for generator, amount in zip(generators, amounts, strict=True):
        for column, area in generator.items():
            areas[column] = areas.get(column, 0.0) + float(amount) * area
    return {column: area for column, area in areas.items() if area > 0}
