"""Shapes that follow the summed spectrum: axis, widths, tails, positions, ratios, background.

What is found here on the sum of all labels is frozen, so that each label has few free parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from napari_eds.fitting.least_squares import regularised_fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.nuisances import Kind, Nuisance, moved, slopes_of
from napari_eds.fitting.sum_fit import fit_design, positive_shape

#: A line this many deviations of its prior off its table is told: the model lacks something there.
UNLIKELY_SIGMA = 3.0
#: No model is taken to be truer than this, relative to the height of its lines.
LEAST_MISFIT = 0.003
#: Steps towards the best values, and the longest of a step in deviations of the prior.
_STEPS, _LONGEST = 8, 2.0
#: Slopes are drawn anew every so many steps.
_EVERY = 3
#: Values that move by less than this part of their prior's deviation have settled.
_SETTLED = 0.02
#: Expected counts of a channel are not taken below this.
_LEAST_EXPECTED = 1e-6
#: How far the background may bend from its first shape, relative to it.
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
    """

    ratios: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    unlikely: tuple[str, ...] = ()


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
    background : ndarray, (channels, columns)
        Columns of the sum's background.
    areas, background_coefficients : ndarray
        Fitted to the sum: alpha areas, (families,), and the background's columns, (columns,).
    covariance : ndarray, (columns + nuisances, columns + nuisances)
        Of the background's coefficients and the nuisances, given the sum and the priors.
    misfit : float
        What the model lacks, relative to the lines: see `relative_misfit`.
    """

    model: SpectralModel
    nuisances: tuple[Nuisance, ...]
    values: np.ndarray
    background: np.ndarray
    areas: np.ndarray
    background_coefficients: np.ndarray
    covariance: np.ndarray
    misfit: float

    @property
    def background_shape(self) -> np.ndarray:
        """The sum's background in counts per channel, (channels,), positive."""
        return positive_shape(self.background @ self.background_coefficients)

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
        """Return what became of the line ratios."""
        ratios: dict[str, float] = {}
        unlikely = []
        for nuisance, value in zip(self.nuisances, self.values.tolist(), strict=True):
            if nuisance.kind == "ratio" and value:
                element = self.model.families[nuisance.family].element
                ratios |= {f"{element}_{name}": float(np.exp(value)) for name in nuisance.lines}
                if abs(value) > UNLIKELY_SIGMA * nuisance.prior_sd:
                    unlikely.append(f"{element}_{nuisance.lines[0]}")
        return Refinement(MappingProxyType(ratios), tuple(unlikely))


def refine(
    model: SpectralModel,
    total: np.ndarray,
    nuisances: tuple[Nuisance, ...],
    background: np.ndarray,
) -> Refined:
    """Let axis, widths, tails, positions and ratios follow the summed spectrum.

    Gauss and Newton's method in all of them together with the areas of families and the
    background, each held to its table by a normal prior (ratios in their logarithm). So a weak
    line keeps its table, a strong one follows the counts, and none can take the place of a line
    that is missing. Channels weigh by what is expected to scatter there, of counts and of shapes:
    what the model cannot draw does not rule what it can.

    Parameters
    ----------
    model : SpectralModel
        Roughly calibrated.
    total : ndarray, (channels of the fit,)
        Summed counts.
    nuisances : tuple of Nuisance
    background : ndarray, (channels, columns)
        Columns of its background in counts: the first its shape, the others ways to bend it.
    """
    counts = np.asarray(total, dtype=float)
    n, k = len(model.families), background.shape[1]
    prior_sd = np.array([nuisance.prior_sd for nuisance in nuisances])
    free = np.append(np.ones(n + k, bool), [not nuisance.is_fixed for nuisance in nuisances])
    first = fit_design(np.hstack([model.profiles, background]), counts, n + k)
    areas, expected = first.coefficients[:n], first.expected
    # Nuisances count in deviations of their priors, which makes their own deviation 1.
    values, precision = np.zeros(len(nuisances)), np.ones(n + k + len(nuisances))
    precision[: n + 1], precision[n + 1 : n + k] = 0, 1 / _BENDING**2
    for step in range(_STEPS):
        lines = model.profiles @ np.maximum(areas, 0)
        misfit = float(relative_misfit(counts, expected, lines))
        if step % _EVERY == 0:
            # They hardly change with the small steps that are left after the first.
            answers = slopes_of(model, nuisances)
        slopes = [slope.of(np.maximum(areas, 0)) for slope in answers]
        design = np.hstack([model.profiles, background, np.stack(slopes, axis=1) * prior_sd])
        variance = expected + (misfit * lines) ** 2
        wanted = np.append(np.zeros(n + k), -values)
        solution = np.zeros(design.shape[1])
        solution[free], _ = regularised_fit(
            design[:, free], counts, variance, precision[free], wanted[free]
        )
        areas, change = solution[:n], np.clip(solution[n + k :], -_LONGEST, _LONGEST)
        fitted = design @ solution
        expected = np.maximum(fitted, 1e-3 * max(counts.mean(), 1e-6))
        values = values + change
        model = moved(model, nuisances, change * prior_sd)
        if (np.abs(change) < _SETTLED).all():
            break
    _, covariance = regularised_fit(design, counts, variance, precision, wanted)
    scale = np.append(np.ones(k), prior_sd)
    return Refined(
        model=model,
        nuisances=nuisances,
        values=values * prior_sd,
        background=background,
        areas=areas,
        background_coefficients=solution[n : n + k],
        covariance=covariance[n:, n:] * np.outer(scale, scale),
        misfit=misfit,
    )


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
    weights = 1 / (variance + (LEAST_MISFIT * lines) ** 2) ** 2
    excess = (weights * lines**2 * ((counts - expected) ** 2 - expected)).sum(axis=-1)
    # A squared Poisson number scatters by 2 mu^2, and by mu where mu is small.
    noise = np.sqrt((weights**2 * lines**4 * (2 * expected**2 + expected)).sum(axis=-1))
    strength = np.maximum((weights * lines**4).sum(axis=-1), np.finfo(float).tiny)
    found = np.sqrt(np.maximum(excess - beyond_sigma * noise, 0) / strength)
    return np.asarray(np.maximum(found, LEAST_MISFIT))
