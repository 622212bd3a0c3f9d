"""Densities of phases: published ones, and those that follow from a composition."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics import emission
from napari_eds.physics import lines as xray
from napari_eds.physics.formulas import parse_formula, to_atoms, weight_from_atomic
from napari_eds.physics.volumes import AtomicVolumes


def density_of(formula: str) -> float:
    """Return the published density of a known phase in g/cm3.

    Parameters
    ----------
    formula : str
        A phase of ``data/densities.csv``, in any order of its elements, or an element.

    Raises
    ------
    EDSError
        If the phase is not in the table.

    Examples
    --------
    >>> density_of("SrTiO3")
    5.12
    """
    atoms = parse_formula(formula)
    if len(atoms) == 1:
        return emission.element_density_g_cm3(next(iter(atoms)))
    for known, density in _densities().items():
        if parse_formula(known) == atoms:
            return density
    raise EDSError(
        f"the density of {formula} is not known here; give it in g/cm³, or let it follow from the "
        f"composition. Known are the elements and {len(_densities())} common compounds"
    )


def density_from_composition(composition: str | Mapping[str, float]) -> float:
    """Return the density in g/cm3 that follows from a composition.

    Good to about 11 % for a compact solid; see `physics.volumes`.

    Parameters
    ----------
    composition : str or mapping of str to float
        Formula, or atoms by element.

    Raises
    ------
    EDSError
        If the composition cannot be read, or the volume of an element is not known.
    """
    atoms = to_atoms(composition)
    elements = list(atoms)
    weights = np.array([xray.atomic_weight(element) for element in elements])
    fractions = weight_from_atomic(np.array(list(atoms.values())), weights)
    return float(AtomicVolumes.of(elements).densities_g_cm3(fractions))


def phase_density(composition: str | Mapping[str, float]) -> float:
    """Return the published density of a formula in g/cm3, or what follows from a composition.

    Raises
    ------
    EDSError
        As `density_from_composition`.
    """
    formula = composition
    if not isinstance(formula, str):
        formula = "".join(f"{element}{n:g}" for element, n in formula.items())
    with suppress(EDSError):
        return density_of(formula)
    return density_from_composition(composition)


@cache
def _densities() -> dict[str, float]:
    text = files("napari_eds").joinpath("data", "densities.csv").read_text("utf-8")
    return {
        row["formula"]: float(row["density_g_cm3"]) for row in csv.DictReader(text.splitlines())
    }
