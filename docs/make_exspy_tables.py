"""Writes eXSpy's tables of elements and of attenuation into ``src/napari_eds/data``.

Importing eXSpy takes HyperSpy and seconds along; these copies of its numbers take neither.
``exspy_elements.json`` has atomic number, atomic weight and X-ray lines of every element,
``exspy_attenuation.npz`` Chantler's attenuation coefficients (NIST FFAST, version 2.1).
`tests/physics/test_exspy_tables.py` holds both to the eXSpy that is installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import exspy
import numpy as np
from exspy._misc.eds.ffast_mac import ffast_mac

DATA = Path(__file__).parents[1] / "src" / "napari_eds" / "data"


def main() -> None:
    rows = [f"{json.dumps(symbol)}: {json.dumps(entry)}" for symbol, entry in elements().items()]
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    (DATA / "exspy_elements.json").write_text(text, encoding="utf-8")
    with (DATA / "exspy_attenuation.npz").open("wb") as file:
        np.savez_compressed(file, **attenuation())


def elements() -> dict[str, dict[str, Any]]:
    """Return atomic number, weight and lines (name: energy in keV, weight) by symbol."""
    table = exspy.material.elements.as_dictionary()
    return {symbol: _entry(entry) for symbol, entry in table.items() if isinstance(entry, dict)}


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    general = entry["General_properties"]
    lines = entry.get("Atomic_properties", {}).get("Xray_lines", {})
    return {
        "Z": general["Z"],
        "atomic_weight": general["atomic_weight"],
        "lines": {name: [line["energy (keV)"], line["weight"]] for name, line in lines.items()},
    }


def attenuation() -> dict[str, np.ndarray]:
    """Return energies and coefficients of all elements in one row, and where each begins."""
    symbols = sorted(ffast_mac)
    energies = [np.array(ffast_mac[s]["energies (keV)"], float) for s in symbols]
    coefficients = [
        np.array(ffast_mac[s]["mass_absorption_coefficient (cm2/g)"], float) for s in symbols
    ]
    return {
        "symbols": np.array(symbols),
        "starts": np.cumsum([0, *(len(e) for e in energies)]),
        "energies_keV": np.concatenate(energies),
        "coefficients_cm2_g": np.concatenate(coefficients),
    }


if __name__ == "__main__":
    main()
