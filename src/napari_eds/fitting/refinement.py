"""Shapes that follow the summed spectrum: axis, widths, tails, positions, ratios, background.

What is found here on the sum of all labels is frozen, so that each label has few free parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from napari_eds._support.progress import check_cancelled
from napari_eds.fitting.background import SumBackground
from napari_eds.fitting.least_squares import regularised_fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.nuisances import Kind, Nuisance, moved, slopes_of
from napari_eds.fitting.soft_limits import AreaPriors, SoftLimits
from napari_eds.fitting.sum_fit import (
    inflated,
    positive_counts,
    positive_shape,
    smoothed,
    surprise,
)

#: A line this many deviations of its prior off its table is told: the model lacks something there.
UNLIKELY_SIGMA = 3.0
#: Where it, or the place of a family, is so many off, an element is missing under these lines:
#: fits of measured maps that are right reached 6 (Ll of Ti in SrTiO3), and those of simulated
#: compounds without the element that lies there 5 to 48.
IMPOSSIBLE_SIGMA = 8.0
#: No model is taken to be truer than this, relative to the height of its lines.
LEAST_MISFIT = 0.003
#: A misfit is sure beyond this many of its standard deviations.
SURE_SIGMA = 3.0
#: Steps towards the best values with the same weights, their longest in deviations of the prior,
#: and the parts of a step that are tried until one goes downhill.
_STEPS, _LONGEST, _PARTS = 4, 2.0, (0.5, 0.25, 0.1, 0.01)
#: What is so near a bound stands at it.
_AT_BOUND = 1e-6
#: Weights follow from the fit, which they shape, at most this often, and until values move by
#: less than a part of the prior's deviation.
_WEIGHTINGS, _FIRM_WEIGHTINGS, _SAME = 6, 30, 0.1
#: A fit with weights that let peaks go is given up where a firm one has this many times less of
#: chi-squared: a peak that is missing from the model leaves both with nearly the same.
_LET_GO = 1.5
#: And its residuals as a whole are no worse than by this factor. They are by 1.3 and more where
#: elements are missing from the model of a map.
_AS_GOOD = 1.05
#: It is made only where at least this part of the lines was let go, and where there is so much of
#: chi-squared per channel: below, both are much the same.
_LET_GO_SHARE, _MUCH_CHI_SQUARED = 0.02, 2.4
#: Steps end where squares fall, or values move, by less.
_SETTLED = 0.1
#: Expected counts of a channel are not taken below this.
_LEAST_EXPECTED = 1e-6
#: How far the background may bend from its first shape, in its logarithm.
_BENDING = 0.5


@dataclass(frozen=True)
class Refinement:
    """What was changed in a model on the summed spectrum.

    Attributes
    ----------
    ratios : mapping of str to float
        Refined weight of a line over that of the table, by line name (``"La_Lb1"``).
    unlikely : tuple of str
        Lines whose ratio is `UNLIKELY_SIGMA` deviations of the prior off its table.
    impossible : tuple of str
        Lines whose ratio, and families whose place, is `IMPOSSIBLE_SIGMA` deviations off.
    """

    ratios: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    unlikely: tuple[str, ...] = ()
    impossible: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Refined:
    """A model whose shapes follow the summed spectrum as far as it tells.

    Attributes
    ----------
    model : SpectralModel
    nuisances : tuple of Nuisance
        What was uncertain of its shapes.
    values : ndarray, (nuisances,)
        By which they moved.
    background_shape : ndarray, (channels,)
        The sum's background in counts per channel, positive.
    background : ndarray, (channels, columns)
        Its derivatives: by its height, and by the logarithms that bend it.
    covariance : ndarray, (columns + nuisances, columns + nuisances)
        Of height and bends of the background and the nuisances, given the sum and the priors.
    misfit : float
        What the model lacks, relative to the lines: see `relative_misfit`.
    """

    model: SpectralModel
    nuisances: tuple[Nuisance, ...]
    values: np.ndarray
    background_shape: np.ndarray
    background: np.ndarray
    covariance: np.ndarray
    misfit: float

    def value_of(self, kind: Kind) -> float:
        """Return by how much a nuisance moved of which there is one."""
        return float(self.values[self._place(kind)])

    def error_of(self, kind: Kind) -> float:
        """Return its standard deviation, of misfit too; 0 where it was fixed."""
        place = self._place(kind)
        if self.nuisances[place].is_fixed:
            return 0.0
        place += self.background.shape[1]
        return float(np.sqrt(self.covariance[place, place]))

    def _place(self, kind: Kind) -> int:
        return [nuisance.kind for nuisance in self.nuisances].index(kind)

    def refinement(self) -> Refinement:
        """Return what became of the lines of families."""
        ratios: dict[str, float] = {}
        unlikely, impossible = [], []
        for nuisance, value in zip(self.nuisances, self.values.tolist(), strict=True):
            if nuisance.family < 0 or not value:
                continue
            family = self.model.families[nuisance.family]
            off = abs(value) / nuisance.prior_sd
            name = str(family)
            if nuisance.kind == "ratio":
                element = family.element
                name = f"{element}_{nuisance.lines[0]}"
                for line in nuisance.lines:
                    ratio = ratios.get(f"{element}_{line}", 1.0)
                    ratios[f"{element}_{line}"] = ratio * float(np.exp(value))
                if off > UNLIKELY_SIGMA:
                    unlikely.append(name)
            if off > IMPOSSIBLE_SIGMA:
                impossible.append(name)
        return Refinement(MappingProxyType(ratios), tuple(unlikely), tuple(impossible))


def refine(
    model: SpectralModel,
    total: np.ndarray,
    nuisances: tuple[Nuisance, ...],
    background: SumBackground,
    limits: SoftLimits | None = None,
) -> Refined:
    """Let axis, widths, tails, positions and ratios follow the summed spectrum.

    The method of Gauss and Newton in all of them together with the areas of families and the
    background, each held to its table by a normal prior (ratios in their logarithm, as the
    background's bends, which leave it positive). So a weak line keeps its table, a strong one
    follows the counts, and none can take the place of a line that is missing. Channels weigh by
    what is expected to scatter there, of counts and of shapes: what the model cannot draw does
    not rule what it can. Where a peak was let go that it can draw, which a far better fit without
    such weights shows, that one is taken.

    Parameters
    ----------
    model : SpectralModel
        Roughly calibrated.
    total : ndarray, (channels of the fit,)
        Summed counts.
    nuisances : tuple of Nuisance
    background : SumBackground
        Its first shape, and ways to bend it.
    limits : SoftLimits, optional
        Of areas, beside that of a harder family of the same element.
    """
    counts = np.asarray(total, dtype=float)
    start = _Problem.of(model, counts, nuisances, background, limits or SoftLimits.none())
    problem, values, solved = start.settled()
    if problem.lets_go(solved) and problem.can_be_worse(solved):
        firm = replace(start, is_firm=True).settled()
        if problem.is_worse(solved, firm[2]):
            problem, values, solved = firm
    n, bends = len(model.families), background.curves.shape[1]
    scale = np.append(1.0, problem.prior_sd)
    height = float(solved.coefficients[-1])
    bent = height * solved.background[:, None] * background.curves
    return Refined(
        model=solved.model,
        nuisances=nuisances,
        values=(values * problem.prior_sd)[bends:],
        background_shape=positive_shape(height * solved.background),
        background=np.column_stack([solved.background, bent]),
        covariance=problem.covariance(values, solved)[n:, n:] * np.outer(scale, scale),
        misfit=float(relative_misfit(problem.counts, solved.expected, solved.lines)),
    )


@dataclass(frozen=True, eq=False)
class _Solved:
    """The best linear fit at some values of what is uncertain, and its weighted squares."""

    model: SpectralModel
    background: np.ndarray
    coefficients: np.ndarray
    errors: np.ndarray
    expected: np.ndarray
    lines: np.ndarray
    priors: AreaPriors
    objective: float

    def chi_squared(self, counts: np.ndarray) -> float:
        """Return Pearson's, of counting alone."""
        return float(((counts - self.expected) ** 2 / self.expected).sum())


@dataclass(frozen=True, eq=False)
class _Problem:
    """Bends of the background and nuisances that describe a sum best with given weights.

    Their values, in this order, are in deviations of their priors.
    """

    model: SpectralModel
    counts: np.ndarray
    nuisances: tuple[Nuisance, ...]
    prior_sd: np.ndarray
    background: SumBackground
    variance: np.ndarray
    limits: SoftLimits
    areas: AreaPriors
    is_firm: bool = False

    @classmethod
    def of(
        cls,
        model: SpectralModel,
        counts: np.ndarray,
        nuisances: tuple[Nuisance, ...],
        background: SumBackground,
        limits: SoftLimits,
    ) -> _Problem:
        """Take smoothed counts for the first variance."""
        bends = [_BENDING] * background.curves.shape[1]
        prior_sd = np.array(bends + [nuisance.prior_sd for nuisance in nuisances])
        areas = AreaPriors.free(len(model.families))
        return cls(model, counts, nuisances, prior_sd, background, smoothed(counts), limits, areas)

    @property
    def bounds(self) -> np.ndarray:
        """Least and largest values, (2, values)."""
        bends = [(-np.inf, np.inf)] * self.background.curves.shape[1]
        bounds = np.array(bends + [nuisance.bounds for nuisance in self.nuisances])
        return bounds.T / self.prior_sd

    def settled(self) -> tuple[_Problem, np.ndarray, _Solved]:
        """Return itself with its last weights, the best values and the fit there."""
        values = np.zeros(len(self.prior_sd))
        problem = self.weighed_by(self.solved(values))
        for _ in range(_FIRM_WEIGHTINGS if self.is_firm else _WEIGHTINGS):
            before = values
            values, solved = problem.descended(values)
            problem = problem.weighed_by(solved)
            if np.abs(values - before).max(initial=0) < _SAME:
                break
        return problem, values, solved

    def weighed_by(self, solved: _Solved) -> _Problem:
        """Return itself with weights and limits of soft families that follow from a fit."""
        n = len(self.model.families)
        areas = self.limits.priors(solved.coefficients[:n], solved.errors[:n])
        return replace(self, variance=self.scatter(solved), areas=areas)

    def solved(self, values: np.ndarray) -> _Solved:
        """Return the best areas and height of the background at some values."""
        check_cancelled()
        bends, moves = np.split(values * self.prior_sd, [self.background.curves.shape[1]])
        model = moved(self.model, self.nuisances, moves)
        background = self.background.bent(bends)
        profiles = model.profiles
        n = profiles.shape[1]
        design = np.column_stack([profiles, background])
        found, covariance, priors = self._linear_fit(design)
        fitted = design @ found
        squares = ((self.counts - fitted) ** 2 / self.variance).sum()
        held = (priors.precision * (found - priors.mean) ** 2).sum()
        return _Solved(
            model,
            background,
            found,
            np.sqrt(np.maximum(np.diagonal(covariance), 0)),
            positive_counts(fitted, self.counts),
            model.counts_of_lines(found[:n]),
            priors,
            float(squares + held + (values**2).sum()),
        )

    def _linear_fit(self, design: np.ndarray) -> tuple[np.ndarray, np.ndarray, AreaPriors]:
        """Return areas and height, their covariance, and the priors of both, with what is bound.

        The background's height is free.
        """
        priors = self.areas.with_free(1)
        found, covariance = regularised_fit(
            design, self.counts, self.variance, priors.precision, priors.mean
        )
        if (found > priors.most).any():
            priors = priors.bound(found)
            found, covariance = regularised_fit(
                design, self.counts, self.variance, priors.precision, priors.mean
            )
        return found, covariance, priors

    def descended(self, values: np.ndarray) -> tuple[np.ndarray, _Solved]:
        """Return better values and the fit there, by Newton's steps or parts of them."""
        here = self.solved(values)
        for _ in range(_STEPS):
            for step in self._steps(values, self._linearised(values, here)):
                there = self.solved(values + step)
                if there.objective < here.objective:
                    break
            else:
                break
            gained = here.objective - there.objective
            values, here = values + step, there
            if gained < _SETTLED or (np.abs(step) < _SETTLED).all():
                break
        return values, here

    def _steps(
        self, values: np.ndarray, linear: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Yield changes to try, the last of which go downhill for sure, if by little.

        The one that would be best if the model were linear, as far as each nuisance can be
        believed to go at once; then parts of it.
        """
        whole, bounds = self._whole_step(values, linear), self.bounds - values
        within = np.clip(whole, -_LONGEST, _LONGEST)
        yield np.clip(within, *bounds)
        whole *= min(1.0, _LONGEST / np.abs(whole).max(initial=_LONGEST))
        for part in _PARTS:
            yield np.clip(part * whole, *bounds)

    def _whole_step(
        self, values: np.ndarray, linear: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """Return the change that would be best if the model were linear in its nuisances."""
        design, precision, held = linear
        first = design.shape[1] - len(values)
        wanted = np.append(held, -values / precision[first:])
        low, high = self.bounds - values
        free = np.ones(design.shape[1], dtype=bool)
        free[-len(self.nuisances) :] = [not n.is_fixed for n in self.nuisances]
        while True:
            change = np.zeros(design.shape[1])
            change[free], _ = regularised_fit(
                design[:, free], self.counts, self.variance, precision[free], wanted[free]
            )
            step = change[first:]
            # What would leave its bound stays there, and the others go elsewhere.
            leaving = ((low > -_AT_BOUND) & (step < low)) | ((high < _AT_BOUND) & (step > high))
            leaving &= free[first:]
            if not leaving.any():
                break
            free[first:] &= ~leaving
        return step

    def covariance(self, values: np.ndarray, here: _Solved) -> np.ndarray:
        """Return that of areas, height and bends of the background, and nuisances."""
        design, precision, _ = self._linearised(values, here)
        nothing = np.zeros(design.shape[1])
        covariance = regularised_fit(design, self.counts, self.variance, precision, nothing)[1]
        # A ratio that moves further than it can takes the place of what the model lacks.
        is_ratio = np.array([nuisance.kind == "ratio" for nuisance in self.nuisances], dtype=bool)
        places = np.arange(-len(is_ratio), 0)[is_ratio]
        beyond = np.maximum(np.abs(values[places]) - UNLIKELY_SIGMA, 0)
        covariance[places, places] += beyond**2
        return covariance

    def _linearised(
        self, values: np.ndarray, here: _Solved
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return columns of areas, height, bends and nuisances, and what priors say of them.

        Precisions of all, and the means of areas and height.
        """
        check_cancelled()
        model = here.model
        n = len(model.families)
        areas = np.maximum(here.coefficients[:n], 0)
        slopes = [slope.of(areas) for slope in slopes_of(model, self.nuisances)]
        height = here.coefficients[-1] * here.background
        moving = np.column_stack([height[:, None] * self.background.curves, *slopes])
        return (
            np.column_stack([model.profiles, here.background, moving * self.prior_sd]),
            np.append(here.priors.precision, np.ones(len(values))),
            here.priors.mean,
        )

    def scatter(self, solved: _Solved) -> np.ndarray:
        """Return by what counts vary around a fit, (channels,).

        Counting, and what no model draws of lines; and where residuals are far larger over the
        width of a line, as at a peak that is not in the model, these, unless the fit is firm.
        """
        variance = self._variance_of(solved)
        if self.is_firm:
            # All alike, so that no peak is let go; but priors weigh as they should.
            worse = ((self.counts - solved.expected) ** 2 / variance).mean()
            return np.asarray(variance * max(float(worse), 1.0))
        return inflated(variance, self.counts - solved.expected, self.model)

    def is_worse(self, solved: _Solved, firm: _Solved) -> bool:
        """Say whether a fit let a peak go that the model can draw, as a firm fit shows.

        That has far less of chi-squared then, and not by a worse fit everywhere for the sake of
        one peak: residuals count by their logarithm as well.
        """
        counts = self.counts
        if solved.chi_squared(counts) < _LET_GO * firm.chi_squared(counts):
            return False
        return self._surprise(firm) < _AS_GOOD * self._surprise(solved)

    def can_be_worse(self, solved: _Solved) -> bool:
        """Say whether there is so much of chi-squared that a firm fit may have far less."""
        return solved.chi_squared(self.counts) >= _MUCH_CHI_SQUARED * len(self.counts)

    def _surprise(self, solved: _Solved) -> float:
        """Return what residuals weigh where large ones are no rarity (Student's t)."""
        return surprise(self.counts, solved.expected, LEAST_MISFIT * solved.lines)

    def lets_go(self, solved: _Solved) -> bool:
        """Say whether a good part of the lines weighs less than it would in a firm fit."""
        gone = self.scatter(solved) > self._variance_of(solved)
        return bool(solved.lines[gone].sum() > _LET_GO_SHARE * solved.lines.sum())

    def _variance_of(self, solved: _Solved) -> np.ndarray:
        return solved.expected + (LEAST_MISFIT * solved.lines) ** 2


def relative_misfit(
    counts: np.ndarray, expected: np.ndarray, lines: np.ndarray, *, beyond_sigma: float = 0.0
) -> np.ndarray:
    """Return the standard deviation of what a model lacks, relative to its lines.

    What squared residuals exceed counting by, over the squared heights of the lines: the same
    number whatever the counts, apart from its noise. At least `LEAST_MISFIT`.

    Parameters
    ----------
    counts, expected, lines : ndarray, (..., channels)
        Observed, fitted, and of that the lines.
    beyond_sigma : float
        How many of its own standard deviations are taken off, for a misfit that is there for
        sure.

    Returns
    -------
    ndarray, (...,)
    """
    # Nothing expected, as in a label without counts, is no reason to weigh without bound.
    variance = np.maximum(expected, _LEAST_EXPECTED)
    squares = lines**2
    weights = squares / (variance + LEAST_MISFIT**2 * squares) ** 2
    excess = _along(weights, (counts - expected) ** 2 - expected)
    # A squared Poisson number scatters by 2 mu^2, and by mu where mu is small.
    # HyperSpy's polynomial may expect less than none.
    mean = np.maximum(expected, 0)
    noise = np.sqrt(_along(weights**2, mean * (2 * mean + 1)))
    strength = np.maximum(_along(weights, squares), np.finfo(float).tiny)
    found = np.sqrt(np.maximum(excess - beyond_sigma * noise, 0) / strength)
    return np.asarray(np.maximum(found, LEAST_MISFIT))


def _along(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum of products over channels."""
    return np.asarray(np.einsum("...c,...c->...", a, b))
