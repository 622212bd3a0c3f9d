"""Writes ``src/napari_eds/data/line_corrections.csv``: K lines as they are drawn in the fit.

eXSpy draws Ka1 and Ka2 as one line at Ka1 and gives 55 elements a placeholder of 0.15 for Kb.
Energies and radiative rates here are those of xraylib (T. Schoonjans et al., Spectrochim. Acta B
66 (2011) 776; BSD licence). Weights are relative to Ka1 + Ka2. For K beta of Al and Si, which
eXSpy puts at the K edge, up to 3 eV too high, energies are J. A. Bearden's (Rev. Mod. Phys. 39
(1967) 78), measured on the elements. Of Na and Mg xraylib has no rates; their lines stay eXSpy's.
"""

from __future__ import annotations

from pathlib import Path

import xraylib

FILE = Path(__file__).parents[1] / "src" / "napari_eds" / "data" / "line_corrections.csv"

#: From K, whose doublet is 3 eV wide, to Cf.
ATOMIC_NUMBERS = range(19, 99)
#: K alpha and K beta in keV (Bearden), and the weight of K beta (xraylib).
BEARDEN = {
    "Al": (1.4866, 1.5574, 0.0132),
    "Si": (1.7398, 1.8359, 0.0277),
}
LINES = {
    "Ka1": ("KL3_LINE",),
    "Ka2": ("KL2_LINE",),
    "Kb1": ("KM3_LINE",),
    "Kb3": ("KM2_LINE",),
    "Kb5": ("KM4_LINE", "KM5_LINE"),
    "Kb2": ("KN2_LINE", "KN3_LINE"),
}
#: Weaker lines than this share of Ka1 + Ka2 are left out.
NEGLIGIBLE = 5e-4


def main() -> None:
    rows = [row for element in BEARDEN for row in bearden_lines(element)]
    rows += [row for number in ATOMIC_NUMBERS for row in k_lines(number)]
    FILE.write_text("element,line,energy_keV,weight,source\n" + "\n".join(rows) + "\n")


def bearden_lines(element: str) -> list[str]:
    alpha, beta, weight = BEARDEN[element]
    return [
        f"{element},Ka,{alpha:.4f},1.0000,Bearden",
        f"{element},Kb,{beta:.4f},{weight:.4f},Bearden",
    ]


def k_lines(number: int) -> list[str]:
    found = {name: _line(number, parts) for name, parts in LINES.items()}
    alpha = found["Ka1"][1] + found["Ka2"][1]
    return [
        f"{xraylib.AtomicNumberToSymbol(number)},{name},{energy:.4f},{rate / alpha:.4f},xraylib"
        for name, (energy, rate) in found.items()
        if rate / alpha > NEGLIGIBLE
    ]


def _line(number: int, parts: tuple[str, ...]) -> tuple[float, float]:
    """Return mean energy in keV and summed rate of transitions; 0 where there are none."""
    energies, rates = [], []
    for part in parts:
        try:
            energy = xraylib.LineEnergy(number, getattr(xraylib, part))
            rate = xraylib.RadRate(number, getattr(xraylib, part))
        except ValueError:
            continue  # no such transition in this element
        energies.append(energy * rate)
        rates.append(rate)
    return (sum(energies) / sum(rates), sum(rates)) if rates else (0.0, 0.0)


if __name__ == "__main__":
    main()
