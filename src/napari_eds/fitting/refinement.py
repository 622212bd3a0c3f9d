"""Making the model fit the summed spectrum: corrected lines, ratios inside families, background.

What is found here on the sum of all labels is frozen, so that each label has few free parameters.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import numpy as np

from napari_eds.fitting.least_squares import weighted_solution
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.profiles import family_profiles
from napari_eds.fitting.sum_fit import SumFit, fit_sum
from napari_eds.physics import lines as xray

#: A family's ratios are refined if its intensity on the sum exceeds this many standard deviations.
STRONG_SIGMA = 50.0
#: How far a refined line is expected to stray from its weight in the table, relative to it: the
#: spread between published tables for well-known lines.
RATIO_PRIOR = 0.2
#: Bounds of the refined weight in parts of the table's.
RATIO_BOUNDS = (0.3, 3.0)
#: Lines closer than this part of the resolution move together.
_RESOLVED = 0.5


@dataclass(frozen=True)
class Refinement:
    """What was changed in a model on the summed spectrum.

    Attributes
    ----------
    ratios : mapping of str to float
        Refined weight of a line over that of the table, by line name (``"La_Lb1"``).
    at_bound : tuple of str
        Lines whose ratio reached a bound.
    """

    ratios: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    at_bound: tuple[str, ...] = ()


def corrected(model: SpectralModel) -> SpectralModel:
    """Return a model that draws K lines as doublets with measured K beta, channel-integrated.

    The corrections are those of ``data/line_corrections.csv``; other lines stay eXSpy's.
    """
    table = _corrections()
    lines = tuple(
        table.get(family.element, family.lines) if family.family == "K" else family.lines
        for family in model.families
    )
    return replace(model, lines=lines, integrated=True)


def refine_ratios(model: SpectralModel, total: np.ndarray) -> tuple[SpectralModel, Refinement]:
    """Let the line ratios inside strong families follow the summed spectrum.

    Every group of lines that the detector resolves gets an area of its own, held to the family's
    table by a prior of `RATIO_PRIOR` and by `RATIO_BOUNDS`. Vacancies shared between subshells,
    absorption and the tables' errors all change these ratios.

    Returns
    -------
    model : SpectralModel
        With refined lines; the alpha line (or doublet) keeps weight 1.
    refinement : Refinement
    """
    fitted = fit_sum(model, total)
    n = len(model.families)
    areas, errors = fitted.coefficients[:n], fitted.errors[:n]
    groups = [
        group
        for i, family in enumerate(model.families)
        if areas[i] > STRONG_SIGMA * errors[i]
        for group in _groups(model, i, model.lines_in_range(family))
    ]
    if not groups:
        return model, Refinement()
    factors = _solve(model, groups, fitted, areas, np.asarray(total, dtype=float))
    return _refined(model, groups, factors)


@dataclass(frozen=True)
class _Group:
    """Lines of one family that move together; `is_alpha` marks those the others refer to."""

    family: int
    lines: tuple[xray.XRayLine, ...]
    is_alpha: bool


def _groups(model: SpectralModel, family: int, lines: list[xray.XRayLine]) -> list[_Group]:
    """Group the lines of a family that lie closer than the detector resolves."""
    groups: list[list[xray.XRayLine]] = []
    for line in sorted(lines, key=lambda line: line.energy_keV):
        width = _RESOLVED * xray.fwhm_keV(line.energy_keV, model.resolution_MnKa_eV)
        if groups and line.energy_keV - groups[-1][-1].energy_keV < width:
            groups[-1].append(line)
        else:
            groups.append([line])
    alpha = model.families[family].family + "a"
    return [
        _Group(family, tuple(g), any(line.name.startswith(alpha) for line in g)) for g in groups
    ]


def _solve(
    model: SpectralModel,
    groups: list[_Group],
    fitted: SumFit,
    areas: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """Return the area of each group relative to the family's alpha group, (groups,).

    Linear least squares in the areas of groups, of weak families, and of the background, with a
    row per group that holds it to the family's area.
    """
    strong = sorted({group.family for group in groups})
    weak = [i for i in range(len(model.families)) if i not in strong]
    drawn = family_profiles(
        model.energy,
        [group.lines for group in groups],
        model.resolution_MnKa_eV,
        integrated=model.integrated,
        tail=model.tail,
    )
    data = np.hstack([drawn, model.profiles[:, weak], model.background])
    columns = data.shape[1]
    prior = np.zeros((len(groups), columns + len(strong)))
    for row, group in enumerate(groups):
        strength = 1 / (RATIO_PRIOR * areas[group.family])
        prior[row, row] = strength
        prior[row, columns + strong.index(group.family)] = -strength
    system = np.vstack([np.hstack([data, np.zeros((len(data), len(strong)))]), prior])
    target = np.append(counts, np.zeros(len(groups)))
    variance = np.append(fitted.expected, np.ones(len(groups)))
    solution = weighted_solution(system, target, variance)
    alphas = {g.family: solution[i] for i, g in enumerate(groups) if g.is_alpha}
    return np.array([solution[i] / alphas[g.family] for i, g in enumerate(groups)])


def _refined(
    model: SpectralModel, groups: list[_Group], factors: np.ndarray
) -> tuple[SpectralModel, Refinement]:
    bounded = np.clip(factors, *RATIO_BOUNDS)
    ratio = {
        line: float(factor)
        for group, factor in zip(groups, bounded, strict=True)
        for line in group.lines
    }
    lines = tuple(
        tuple(replace(line, weight=line.weight * ratio.get(line, 1.0)) for line in family)
        for family in model.lines
    )
    lines = tuple(map(_normalised, lines, model.families))
    outside = tuple(
        str(group.lines[0])
        for group, before, after in zip(groups, factors, bounded, strict=True)
        if before != after
    )
    ratios = {str(line): r for line, r in ratio.items() if r != 1.0}
    return replace(model, lines=lines), Refinement(MappingProxyType(ratios), outside)


def _normalised(
    lines: tuple[xray.XRayLine, ...], family: xray.Family
) -> tuple[xray.XRayLine, ...]:
    """Return lines whose alpha line, or doublet, has weight 1."""
    alpha = sum(x.weight for x in lines if x.name.startswith(f"{family.family}a"))
    return tuple(replace(line, weight=line.weight / alpha) for line in lines)


@cache
def _corrections() -> Mapping[str, tuple[xray.XRayLine, ...]]:
    """K lines by element, the alpha doublet's weights summing to 1."""
    text = files("napari_eds").joinpath("data", "line_corrections.csv").read_text("utf-8")
    table: dict[str, tuple[xray.XRayLine, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        line = xray.XRayLine(
            row["element"], row["line"], float(row["energy_keV"]), float(row["weight"])
        )
        table[line.element] = (*table.get(line.element, ()), line)
    return MappingProxyType(table)
