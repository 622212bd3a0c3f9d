"""eXSpy's tables of elements and of attenuation, as copies: importing eXSpy takes seconds.

Both are written by ``docs/make_exspy_tables.py`` from eXSpy (GPL-3.0), and a test compares them
with the eXSpy that is installed.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

import numpy as np


@cache
def elements() -> dict[str, dict[str, Any]]:
    """Return what eXSpy knows of each element, by symbol.

    Returns
    -------
    dict
        ``Z``; ``atomic_weight`` in g/mol; ``lines``, which maps the name of a line, such as
        ``"Ka"``, to its energy in keV and its weight relative to the alpha line.
    """
    table: dict[str, dict[str, Any]] = json.loads(_data("exspy_elements.json"))
    return table


def chantler_cm2_g(element: str, energy_keV: float) -> float:
    """Return Chantler's mass attenuation coefficient, as eXSpy interpolates it.

    Straight lines through the logarithms of the tables of Chantler et al., X-Ray Form Factor,
    Attenuation and Scattering Tables, version 2.1 (NIST, 2005), https://dx.doi.org/10.18434/T4HS32.

    Parameters
    ----------
    element : str
    energy_keV : float

    Returns
    -------
    float
        NaN for elements and energies that are not in the table.
    """
    table = _attenuation().get(element)
    if table is None:
        return float("nan")
    energies, coefficients = table
    above = int(np.searchsorted(energies, energy_keV))
    below = above - 1
    if not 0 < above < energies.size or not (coefficients[below] and coefficients[above]):
        return float("nan")
    slope = np.log(coefficients[above] / coefficients[below]) / np.log(
        energies[above] / energies[below]
    )
    return float(
        np.exp(np.log(coefficients[below]) + slope * np.log(energy_keV / energies[below]))
    )


@cache
def _attenuation() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return energies in keV, ascending, and coefficients in cm²/g by element."""
    with np.load(BytesIO(_data("exspy_attenuation.npz")), allow_pickle=False) as held:
        starts = held["starts"]
        parts = (
            np.split(held[name], starts[1:-1]) for name in ("energies_keV", "coefficients_cm2_g")
        )
        return dict(zip(held["symbols"].tolist(), zip(*parts, strict=True), strict=True))


def _data(name: str) -> bytes:
    return files("napari_eds").joinpath("data", name).read_bytes()
