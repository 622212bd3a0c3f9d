"""Making the model fit the summed spectrum: corrected lines, ratios inside families, background.

What is found here on the sum of all labels is frozen, so that each label has few free parameters.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
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
from napari_eds.physics.computed_lines import computed_lines
from napari_eds.physics.vacancies import HEAVIEST_Z, LIGHTEST_Z

#: A family's ratios are refined if its intensity on the sum exceeds this many standard deviations.
STRONG_SIGMA = 50.0
#: How far a line is expected to stray from its weight in the table, as standard deviation of the
#: logarithm. Published rates of K and L lines differ by several percent; the yields of M subshells
#: are uncertain by up to a factor of two, and differ between its subshells.
RATIO_PRIOR = {"K": 0.05, "L": 0.07, "M": 0.3}
#: A line this many such deviations off its table is told: the model lacks something there.
UNLIKELY_SIGMA = 3.0
#: Steps towards the best ratios, which enter as logarithms.
_STEPS = 4
#: Lines closer than this part of the resolution move together.
_RESOLVED = 0.5


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


def corrected(model: SpectralModel) -> SpectralModel:
    """Return a model whose lines are drawn as they are, integrated over channels.

    K lines are doublets with measured K beta, where ``data/line_corrections.csv`` has them; L and
    M lines are computed (`computed_lines`). eXSpy's stay for K lines of light elements.
    """
    lines = tuple(_lines_of(family, model.beam_energy_keV) for family in model.families)
    return replace(model, lines=lines, integrated=True)


def _lines_of(family: xray.Family, beam_energy_keV: float) -> tuple[xray.XRayLine, ...]:
    if family.family == "K":
        return _corrections().get(family.element, family.lines)
    if not LIGHTEST_Z <= xray.atomic_number(family.element) <= HEAVIEST_Z:
        return family.lines
    lines = computed_lines(family.element, family.family, beam_energy_keV)
    return lines or family.lines


def refine_ratios(model: SpectralModel, total: np.ndarray) -> tuple[SpectralModel, Refinement]:
    """Let the line ratios inside strong families follow the summed spectrum.

    The lines of a family that the detector does not resolve move together. The logarithm of each
    group's weight is held to the table by a normal prior of `RATIO_PRIOR`, so that a weak line
    keeps its table, a strong one follows the counts, and none can take the place of a line that
    is missing. Vacancies shared between subshells, absorption and the tables' errors all change
    these ratios.

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
        if not group.is_reference
    ]
    if not groups:
        return model, Refinement()
    return _refined(model, groups, _solve(model, groups, fitted, np.asarray(total, float)))


@dataclass(frozen=True)
class _Group:
    """Lines of one family that move together; `is_reference` marks those the others refer to."""

    family: int
    lines: tuple[xray.XRayLine, ...]
    is_reference: bool


def _groups(model: SpectralModel, family: int, lines: list[xray.XRayLine]) -> list[_Group]:
    """Group the lines of a family that lie closer than the detector resolves."""
    groups: list[list[xray.XRayLine]] = []
    for line in sorted(lines, key=lambda line: line.energy_keV):
        width = _RESOLVED * xray.fwhm_keV(line.energy_keV, model.resolution_MnKa_eV)
        if groups and line.energy_keV - groups[-1][-1].energy_keV < width:
            groups[-1].append(line)
        else:
            groups.append([line])
    reference = _reference(lines, model.families[family].family)
    return [_Group(family, tuple(g), any(line in reference for line in g)) for g in groups]


def _reference(lines: Sequence[xray.XRayLine], family: str) -> tuple[xray.XRayLine, ...]:
    """Return the lines that the others' weights refer to: alpha, or else the strongest."""
    alpha = tuple(line for line in lines if line.name.startswith(f"{family}a"))
    return alpha or (max(lines, key=lambda line: line.weight),)


def _solve(
    model: SpectralModel, groups: list[_Group], fitted: SumFit, counts: np.ndarray
) -> np.ndarray:
    """Return the factor on the weight of each group, (groups,).

    Gauss-Newton in the logarithms of the factors, with the areas of all families and the
    background free, and a row per group that holds it to the table.
    """
    n, n_groups = len(model.families), len(groups)
    drawn = family_profiles(
        model.energy,
        [group.lines for group in groups],
        model.resolution_MnKa_eV,
        integrated=model.integrated,
        tail=model.tail,
    )
    owner = np.array([group.family for group in groups])
    belongs = np.zeros((n_groups, n))
    belongs[np.arange(n_groups), owner] = 1
    areas, logarithms = fitted.coefficients[:n], np.zeros(n_groups)
    priors = _priors(model, groups)
    variance = np.append(fitted.expected, priors**2)
    for _ in range(_STEPS):
        factors = np.exp(logarithms)
        profiles = model.profiles + (drawn * (factors - 1)) @ belongs
        slopes = drawn * (factors * np.maximum(areas[owner], 0))
        data = np.hstack([profiles, model.background, slopes])
        prior = np.zeros((n_groups, data.shape[1]))
        prior[:, -n_groups:] = np.eye(n_groups)
        target = np.append(counts, -logarithms)
        solution = weighted_solution(np.vstack([data, prior]), target, variance)
        areas = solution[:n]
        logarithms = logarithms + np.clip(solution[-n_groups:], -1, 1)
    return np.exp(logarithms)


def _priors(model: SpectralModel, groups: list[_Group]) -> np.ndarray:
    return np.array([RATIO_PRIOR[model.families[group.family].family] for group in groups])


def _refined(
    model: SpectralModel, groups: list[_Group], factors: np.ndarray
) -> tuple[SpectralModel, Refinement]:
    ratio = {
        line: float(factor)
        for group, factor in zip(groups, factors, strict=True)
        for line in group.lines
    }
    lines = tuple(
        tuple(replace(line, weight=line.weight * ratio.get(line, 1.0)) for line in family)
        for family in model.lines
    )
    unlikely = tuple(
        str(max(group.lines, key=lambda line: line.weight))
        for group, factor, prior in zip(groups, factors, _priors(model, groups), strict=True)
        if abs(np.log(factor)) > UNLIKELY_SIGMA * prior
    )
    ratios = {str(line): r for line, r in ratio.items() if r != 1.0}
    return replace(model, lines=lines), Refinement(MappingProxyType(ratios), unlikely)


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
