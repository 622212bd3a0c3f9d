"""The lines that are drawn for a family, better known than in eXSpy's table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import numpy as np

from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray
from napari_eds.physics.computed_lines import computed_lines
from napari_eds.physics.detector import WINDOWLESS
from napari_eds.physics.vacancies import HEAVIEST_Z, LIGHTEST_Z


def corrected(model: SpectralModel) -> SpectralModel:
    """Return a model whose lines are drawn as they are, integrated over channels.

    K lines are doublets with measured K beta, where ``data/line_corrections.csv`` has them, as a
    detector counts them: above 12 keV it lets more of K beta through than of K alpha. L and M
    lines are computed (`computed_lines`). eXSpy's stay for K lines of light elements.
    """
    lines = tuple(_lines_of(family, model.beam_energy_keV) for family in model.families)
    recorded = model.recorded(integrated=True, radiative_auger=1.0, radiative_auger_beta=1.0)
    return replace(recorded, lines=lines)


def _lines_of(family: xray.Family, beam_energy_keV: float) -> tuple[xray.XRayLine, ...]:
    if family.family == "K":
        return _counted(_corrections().get(family.element, family.lines))
    if not LIGHTEST_Z <= xray.atomic_number(family.element) <= HEAVIEST_Z:
        return family.lines
    lines = computed_lines(family.element, family.family, beam_energy_keV)
    return lines or family.lines


@cache
def _counted(lines: tuple[xray.XRayLine, ...]) -> tuple[xray.XRayLine, ...]:
    """Return emitted K lines as a detector counts them, relative to the alpha doublet.

    What lies before the crystal hardly tells lines of one family apart.
    """
    counted = WINDOWLESS.stopped(np.array([line.energy_keV for line in lines]))
    weights = np.array([line.weight for line in lines])
    is_alpha = np.array([line.name.startswith("Ka") for line in lines])
    whole = weights[is_alpha].sum()
    of_alpha = (weights * counted)[is_alpha].sum() / whole
    return tuple(
        replace(line, weight=line.weight * float(share / of_alpha))
        for line, share in zip(lines, counted, strict=True)
    )


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
