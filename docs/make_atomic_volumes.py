"""Writes ``src/napari_eds/data/atomic_volumes.csv``, from which densities are computed.

The model is that of `napari_eds.physics.volumes`: an element takes one volume alone or in alloys,
one beside metals and one beside anions. Volumes alone are those of the elements (xraylib), the
others are fitted to the published densities of ``densities.csv`` by least squares of relative
errors. Most elements occur in few of its compounds, so their volumes are drawn to a rule that is
fitted with them: a share of the elemental volume plus a constant.

Run without arguments, it also says how well compounds are predicted that were left out of the fit.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import xraylib

from napari_eds.physics.formulas import parse_formula
from napari_eds.physics.volumes import saturation

DATA = Path(__file__).parents[1] / "src" / "napari_eds" / "data"

#: They oxidise others, and take one volume everywhere.
ANIONS = ("H", "C", "N", "O", "F", "Cl", "Br", "I")
#: They take another volume beside metals than alone.
COVALENT = ("B", "Si", "P", "S", "Ge", "As", "Se", "Sb", "Te")
#: Molar volumes of the solids in cm3/mol (G. L. Pollack, Rev. Mod. Phys. 36 (1964) 748): bubbles.
NOBLE = {"Ne": 13.3, "Ar": 22.6, "Kr": 27.2, "Xe": 34.7}
#: Too short-lived for a density, or gases.
WITHOUT = ("He", "At", "Rn", "Fr")
HEAVIEST_Z = 98

#: Standard deviations of the fit: of a compound's volume from the model, relative; of a volume in
#: compounds from the rule, in cm3/mol. Several cations share the gaps between anions, so that
#: such compounds (perovskites above all) are denser than the model of sums; they weigh more.
COMPOUND_ERROR, ERROR_OF_SEVERAL_CATIONS = 0.05, 0.025
RULE_ERROR = {"with_anions": 1.5, "with_metals": 3.0}
#: What is known of an anion before: next to nothing.
ANION_VOLUME, ANION_ERROR = 10.0, 20.0

Parameter = tuple[str, str]  # element, state


def main() -> None:
    """Fit, write, and report."""
    compounds = _compounds()
    volumes = Volumes(compounds)
    everything = np.arange(len(compounds))
    fitted = volumes.fit(everything)
    misfit = volumes.misfit(fitted)
    left_out = [volumes.misfit(volumes.fit(np.delete(everything, i)))[i] for i in everything]
    print(f"{len(compounds)} compounds, misfit {rms(misfit):.3f}, left out {rms(left_out):.3f}")
    rows = [_row(volumes, fitted, symbol) for symbol in _symbols()]
    header = "element,kind,alone_cm3_mol,with_metals_cm3_mol,with_anions_cm3_mol"
    (DATA / "atomic_volumes.csv").write_text("\n".join([header, *rows, ""]))


def rms(values: np.ndarray | list[float]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


class Volumes:
    """The linear equations of the volumes of compounds, in volumes of elements."""

    def __init__(self, compounds: list[tuple[dict[str, float], float]]) -> None:
        self.parameters: list[Parameter] = [(e, "with_anions") for e in _symbols()]
        self.parameters += [(e, "with_metals") for e in COVALENT]
        self._places = {parameter: i for i, parameter in enumerate(self.parameters)}
        n = len(self.parameters)
        # The last three are the rules: two for beside anions, one for beside metals.
        self._matrix = np.zeros((len(compounds), n + 3))
        self._fixed = np.zeros(len(compounds))
        self._measured = np.zeros(len(compounds))
        self._error = np.zeros(len(compounds))
        for i, (atoms, density) in enumerate(compounds):
            self._measured[i] = sum(x * _weight(e) for e, x in atoms.items()) / density
            several = "O" in atoms and len(set(atoms) - set(ANIONS)) > 1
            self._error[i] = ERROR_OF_SEVERAL_CATIONS if several else COMPOUND_ERROR
            self._add(i, atoms)

    def _add(self, i: int, atoms: dict[str, float]) -> None:
        total = sum(atoms.values())
        anions = sum(x for e, x in atoms.items() if e in ANIONS)
        covalent = sum(x for e, x in atoms.items() if e in COVALENT)
        s = float(saturation(np.array(anions / total)))
        rest = total - anions
        t = float(saturation(np.array(1 - covalent / rest))) if rest else 1.0
        for e, x in atoms.items():
            if e in ANIONS:
                self._matrix[i, self._places[e, "with_anions"]] += x
                continue
            self._matrix[i, self._places[e, "with_anions"]] += x * s
            if e in COVALENT:
                self._matrix[i, self._places[e, "with_metals"]] += x * (1 - s) * t
                self._fixed[i] += x * (1 - s) * (1 - t) * alone(e)
            else:
                self._fixed[i] += x * (1 - s) * alone(e)

    def fit(self, chosen: np.ndarray) -> np.ndarray:
        """Return the parameters that explain some of the compounds."""
        scale = 1 / (self._error * self._measured)[chosen]
        rules, wanted = self._rules()
        equations = np.vstack([self._matrix[chosen] * scale[:, None], rules])
        values = np.concatenate([(self._measured - self._fixed)[chosen] * scale, wanted])
        return np.linalg.lstsq(equations, values, rcond=None)[0]

    def _rules(self) -> tuple[np.ndarray, np.ndarray]:
        n = len(self.parameters)
        rules, wanted = np.zeros((n, n + 3)), np.zeros(n)
        for i, (element, state) in enumerate(self.parameters):
            if element in ANIONS:
                rules[i, i], wanted[i] = 1 / ANION_ERROR, ANION_VOLUME / ANION_ERROR
                continue
            rules[i, i] = 1.0
            if state == "with_anions":
                rules[i, n : n + 2] = -alone(element), -1
            else:
                rules[i, n + 2] = -alone(element)
            rules[i] /= RULE_ERROR[state]
        return rules, wanted

    def misfit(self, fitted: np.ndarray) -> np.ndarray:
        """Return the relative errors of all compounds' volumes."""
        return (self._matrix @ fitted + self._fixed) / self._measured - 1

    def value(self, fitted: np.ndarray, element: str, state: str) -> float:
        """Return a volume in cm3/mol."""
        return float(fitted[self._places[element, state]])


def _row(volumes: Volumes, fitted: np.ndarray, element: str) -> str:
    beside_anions = volumes.value(fitted, element, "with_anions")
    if element in NOBLE:
        kind, values = "metal", 3 * (NOBLE[element],)
    elif element in ANIONS:
        kind, values = "anion", 3 * (beside_anions,)
    elif element in COVALENT:
        beside_metals = volumes.value(fitted, element, "with_metals")
        kind, values = "covalent", (alone(element), beside_metals, beside_anions)
    else:
        kind, values = "metal", (alone(element), alone(element), beside_anions)
    return f"{element},{kind}," + ",".join(f"{value:.2f}" for value in values)


def _compounds() -> list[tuple[dict[str, float], float]]:
    rows = csv.DictReader((DATA / "densities.csv").read_text("utf-8").splitlines())
    return [(parse_formula(row["formula"]), float(row["density_g_cm3"])) for row in rows]


def _symbols() -> list[str]:
    symbols = map(xraylib.AtomicNumberToSymbol, range(1, HEAVIEST_Z + 1))
    return [symbol for symbol in symbols if symbol not in WITHOUT]


def _weight(element: str) -> float:
    return float(xraylib.AtomicWeight(xraylib.SymbolToAtomicNumber(element)))


def alone(element: str) -> float:
    """Molar volume of the element in cm3/mol, at its density in xraylib."""
    if element in NOBLE:
        return NOBLE[element]
    return _weight(element) / float(xraylib.ElementDensity(xraylib.SymbolToAtomicNumber(element)))


if __name__ == "__main__":
    main()
