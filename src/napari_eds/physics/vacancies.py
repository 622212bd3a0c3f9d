"""How an atom fills inner-shell vacancies: transfer between shells and the lines it emits.

Everything here is a property of the atom alone. Yields, rates and energies come from xraylib
(Schoonjans et al., *Spectrochim. Acta B* 66 (2011) 776), which is imported at the first call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics.cross_sections import SHELLS

#: Subshells that belong to each line family.
FAMILY_SHELLS = {
    "K": ("K",),
    "L": ("L1", "L2", "L3"),
    "M": ("M1", "M2", "M3", "M4", "M5"),
}

#: The alpha lines of each family, Siegbahn's alpha1 and alpha2.
ALPHA_LINES = {"K": ("K-L3", "K-L2"), "L": ("L3-M5", "L3-M4"), "M": ("M5-N7", "M5-N6")}
#: The first element whose M lines a detector sees, and the first of which xraylib has their rates.
_NIOBIUM, _CADMIUM = 41, 48
#: The first with 4f electrons.
_CERIUM = 58

#: Subshells whose yields leave the course of all others for one element, and the neighbours
#: between which it is interpolated (Z). xraylib has L of Sb and Re from single measurements, 1.2
#: and 0.67 times that course; neither Krause (*J. Phys. Chem. Ref. Data* 8 (1979) 307) nor the
#: k-factors that Velox exports know such a step.
#: Its M2 of Au, to and from which those of Ir to Pb lead in straight lines, is 0.0423: Chen et al.
#: (*Phys. Rev. A* 27 (1983) 2989) have 0.0034, EADL 0.0036, and measured spectra of Au a seventh
#: of M2-N4 by it, so that the point slipped by a digit.
_ASTRAY = {
    "L1": ((74, 76),),
    "L2": ((50, 52), (74, 76)),
    "L3": ((50, 52), (74, 76)),
    "M2": ((76, 83),),
}

#: Elements for which every table used here has data.
LIGHTEST_Z, HEAVIEST_Z = 5, 98


@dataclass(frozen=True, eq=False)
class FamilyLines:
    """Lines of one family of one element, as shares of the vacancies of their subshells.

    Attributes
    ----------
    names : tuple of str
        IUPAC names such as ``"L3-M5"``.
    energies_keV : ndarray, (lines,)
    photons_per_vacancy : ndarray, (shells, lines)
        Photons of each line per vacancy in each of `SHELLS`: fluorescence yield x radiative
        rate in the row of the line's own subshell, 0 elsewhere.
    """

    names: tuple[str, ...]
    energies_keV: np.ndarray
    photons_per_vacancy: np.ndarray


def atomic_number(element: str) -> int:
    """Return Z of an element symbol.

    Raises
    ------
    EDSError
        If the symbol is unknown, or the element lies outside Z = 5 to 98.
    """
    import xraylib

    try:
        Z = xraylib.SymbolToAtomicNumber(element)
    except (ValueError, TypeError):
        raise EDSError(f"unknown element {element!r}: expected a symbol such as 'Fe'") from None
    if not LIGHTEST_Z <= Z <= HEAVIEST_Z:
        raise EDSError(f"X-ray emission covers B (Z = 5) to Cf (Z = 98), not {element} (Z = {Z})")
    return Z


@cache
def vacancy_transfer(Z: int, *, cascade: bool = True) -> np.ndarray:
    """Return how many vacancies each initial vacancy leaves in each subshell, summed over time.

    Coster-Kronig transitions move a vacancy within L or within M. With `cascade`, the radiative
    and Auger transitions of deeper shells leave further vacancies in L and M; under electrons
    they add 1-2 % to L alpha and 6-7 % to M alpha lines.

    Returns
    -------
    ndarray of float64, (shells, shells)
        Row: subshell of the initial vacancy, column: subshell counted, both in the order of
        `SHELLS`; the diagonal is 1.
    """
    step = _coster_kronig(Z)
    if cascade:
        step = step + _radiative_transfer(Z) + _auger_transfer(Z)
    # Vacancies only move outwards, so the series 1 + step + step² + ... ends.
    return np.linalg.inv(np.eye(len(SHELLS)) - np.triu(step, 1))


@cache
def family_lines(Z: int, family: str) -> FamilyLines:
    """Return the lines of family ``"K"``, ``"L"`` or ``"M"``; empty where there are none.

    Transitions within M are lines of it, too: M2-M4 holds a seventh of the photons from M2 of
    heavy elements. Those within L, of at most 0.3 % of it, are left out, and those of elements
    without 4f electrons, a percent of a family that tables hardly know, below 0.4 keV. Where
    xraylib has a rate but no energy, the difference of the edges stands in; that concerns lines of
    at most 7 % of a family (K and Ca L), mostly below 1 %.

    xraylib has no M5-N6,7 and M4-N6 rates for La to Eu; the rate of their M shells is then
    spread over the other lines. Of elements before Cd it has none of M, though detectors see
    M4-N2 (0.17 keV of Nb to 0.31 keV of Ag): those of Cd stand in.
    """
    names, energies, columns = [], [], []
    for shell in FAMILY_SHELLS[family]:
        fluorescence = _fluorescence_yield(Z, shell)
        for outer, line in _line_constants()[shell]:
            photons = fluorescence * _rate(Z, family, line)
            energy = _line_energy(Z, shell, outer, line)
            is_left_out = outer.startswith(family) and (family == "L" or Z < _CERIUM)
            if photons <= 0 or energy <= 0 or is_left_out:
                continue
            names.append(f"{shell}-{outer}")
            energies.append(energy)
            columns.append(photons * _unit(shell))
    table = np.array(columns).reshape(-1, len(SHELLS)).T
    return FamilyLines(tuple(names), np.array(energies, float), table)


def _coster_kronig(Z: int) -> np.ndarray:
    """Probabilities (shells, shells) that a vacancy moves within its main shell."""
    import xraylib

    step = np.zeros((len(SHELLS), len(SHELLS)))
    for i, inner in enumerate(SHELLS):
        for j, outer in enumerate(SHELLS):
            if inner[0] == outer[0] and i < j:
                transition = getattr(xraylib, f"F{inner}{outer[1]}_TRANS")
                step[i, j] = _or_zero(xraylib.CosKronTransProb, Z, transition)
    return step


def _radiative_transfer(Z: int) -> np.ndarray:
    """Vacancies (shells, shells) left in outer main shells by emitted photons."""
    import xraylib

    step = np.zeros((len(SHELLS), len(SHELLS)))
    for i, inner in enumerate(SHELLS):
        fluorescence = _fluorescence_yield(Z, inner)
        for outer, line in _line_constants()[inner]:
            if outer in SHELLS and outer[0] != inner[0]:
                rate = _or_zero(xraylib.RadRate, Z, line)
                step[i, SHELLS.index(outer)] += fluorescence * rate
    return step


def _auger_transfer(Z: int) -> np.ndarray:
    """Vacancies (shells, shells) left in outer main shells by Auger electrons, two for each."""
    import xraylib

    step = np.zeros((len(SHELLS), len(SHELLS)))
    for inner, outers, transition in _auger_constants():
        i = SHELLS.index(inner)
        electrons = _auger_yield(Z, inner)
        rate = _or_zero(xraylib.AugerRate, Z, transition) if electrons > 0 else 0.0
        for outer in outers:
            if outer in SHELLS and outer[0] != inner[0]:
                step[i, SHELLS.index(outer)] += electrons * rate
    return step


@cache
def _fluorescence_yield(Z: int, shell: str) -> float:
    neighbours = neighbours_of_astray(Z, shell)
    if neighbours is None:
        return _tabulated_yield(Z, shell)
    logs = np.log([_tabulated_yield(neighbour, shell) for neighbour in neighbours])
    return float(np.exp(np.interp(Z, neighbours, logs)))


def neighbours_of_astray(Z: int, shell: str) -> tuple[int, int] | None:
    """Return the elements (Z) between which a yield is interpolated; None for one as tabulated."""
    ranges = _ASTRAY.get(shell, ())
    return next(((low, high) for low, high in ranges if low < Z < high), None)


def _tabulated_yield(Z: int, shell: str) -> float:
    import xraylib

    return _or_zero(xraylib.FluorYield, Z, getattr(xraylib, f"{shell}_SHELL"))


@cache
def _auger_yield(Z: int, shell: str) -> float:
    import xraylib

    return _or_zero(xraylib.AugerYield, Z, getattr(xraylib, f"{shell}_SHELL"))


def _rate(Z: int, family: str, line: int) -> float:
    """Part of the photons from a subshell that is in a line."""
    import xraylib

    of_others = family == "M" and _NIOBIUM <= Z < _CADMIUM
    return _or_zero(xraylib.RadRate, _CADMIUM if of_others else Z, line)


def _line_energy(Z: int, shell: str, outer: str, line: int) -> float:
    """Energy of a line in keV: tabulated, or else the difference of its edges."""
    import xraylib

    tabulated = _or_zero(xraylib.LineEnergy, Z, line)
    if tabulated > 0:
        return tabulated
    # Outer levels without a tabulated edge (and merged ones such as O45) bind by a few eV only.
    outer_shell = getattr(xraylib, f"{outer}_SHELL", None)
    binding = 0.0 if outer_shell is None else _or_zero(xraylib.EdgeEnergy, Z, outer_shell)
    return _or_zero(xraylib.EdgeEnergy, Z, getattr(xraylib, f"{shell}_SHELL")) - binding


@cache
def _line_constants() -> dict[str, list[tuple[str, int]]]:
    """Return xraylib's lines of every inner subshell as (outer level, constant)."""
    import xraylib

    # Level names only: xraylib also has averages and Siegbahn aliases (KA, LB5) of these lines.
    pattern = re.compile(r"(K|L[123]|M[1-5])([L-Q]\d*)_LINE")
    lines: dict[str, list[tuple[str, int]]] = {shell: [] for shell in SHELLS}
    for name in dir(xraylib):
        if match := pattern.fullmatch(name):
            lines[match[1]].append((match[2], getattr(xraylib, name)))
    return lines


@cache
def _auger_constants() -> list[tuple[str, tuple[str, str], int]]:
    """Return xraylib's Auger transitions as (inner, both outer levels, constant)."""
    import xraylib

    pattern = re.compile(r"(K|L[123]|M[1-5])_([L-Q]\d)([L-Q]\d)_AUGER")
    return [
        (match[1], (match[2], match[3]), getattr(xraylib, name))
        for name in dir(xraylib)
        if (match := pattern.fullmatch(name))
    ]


def _or_zero(table: Callable[[int, int], float], Z: int, key: int) -> float:
    """Look a value up in xraylib, which raises `ValueError` where it has none."""
    try:
        return table(Z, key)
    except ValueError:
        return 0.0


def _unit(shell: str) -> np.ndarray:
    return np.eye(len(SHELLS))[SHELLS.index(shell)]
