"""L and M lines from first principles, in the form the fit draws.

The share of a line in its family is that of the photons a detector counts: ionisation of each
subshell by the beam, Coster-Kronig transfer, fluorescence yield and radiative rate (see
`emission`), times the efficiency of a windowless silicon detector. Only shares come from here;
how strong a family is, the fit finds out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from napari_eds.physics import emission
from napari_eds.physics.detector import WINDOWLESS
from napari_eds.physics.lines import Family, XRayLine
from napari_eds.physics.vacancies import ALPHA_LINES, atomic_number, neighbours_of_astray

#: Siegbahn's names, which users and eXSpy's table write (Jenkins et al., *X-Ray Spectrometry* 20
#: (1991) 149).
_SIEGBAHN = {
    "L3-M5": "La1",
    "L3-M4": "La2",
    "L2-M4": "Lb1",
    "L3-N5": "Lb2",
    "L1-M3": "Lb3",
    "L1-M2": "Lb4",
    "L3-N1": "Lb6",
    "L3-O1": "Lb7",
    "L1-M5": "Lb9",
    "L1-M4": "Lb10",
    "L3-N4": "Lb15",
    "L2-M3": "Lb17",
    "L2-N4": "Lg1",
    "L1-N2": "Lg2",
    "L1-N3": "Lg3",
    "L1-O3": "Lg4",
    "L2-N1": "Lg5",
    "L2-O4": "Lg6",
    "L2-O1": "Lg8",
    "L2-M1": "Ln",
    "L3-M1": "Ll",
    "L3-M2": "Lt",
    "L3-M3": "Ls",
    "M5-N7": "Ma1",
    "M5-N6": "Ma2",
    "M4-N6": "Mb",
    "M3-N5": "Mg",
    "M5-N3": "Mz",
    "M4-N2": "Mz2",
}

_IUPAC = {name: iupac for iupac, name in _SIEGBAHN.items()}

#: The last element before 3d, and how many electrons that holds.
_CALCIUM, _FULL = 20, 10

#: Lines weaker than this part of their family are left out.
_NEGLIGIBLE = 1e-4


@cache
def computed_lines(element: str, family: str, beam_energy_keV: float) -> tuple[XRayLine, ...]:
    """Return the lines of a family with their weights, the strongest first.

    Parameters
    ----------
    element : str
        Symbol, B to Cf.
    family : {"L", "M"}
    beam_energy_keV : float

    Returns
    -------
    tuple of XRayLine
        Weights relative to the alpha doublet or, where it does not exist (M of elements without
        4f electrons), to the strongest line. Empty where the beam excites no line that is seen.

    Raises
    ------
    EDSError
        If the element lies outside B to Cf.
    """
    lines = emission.emission_lines(element, family, beam_energy_keV)
    counted = lines.cross_sections_cm2 * WINDOWLESS.efficiency(lines.energies_keV)
    lines = lines.selected(counted > _NEGLIGIBLE * counted.sum())
    counted = counted[counted > _NEGLIGIBLE * counted.sum()]
    if not lines.names:
        return ()
    is_alpha = np.isin(lines.names, ALPHA_LINES[family])
    reference = counted[is_alpha].sum() if is_alpha.any() else counted.max()
    order = np.argsort(-counted, kind="stable")
    return tuple(
        XRayLine(
            element,
            _SIEGBAHN.get(lines.names[i], lines.names[i].replace("-", "")),
            float(lines.energies_keV[i]),
            float(counted[i] / reference),
        )
        for i in order
    )


def subshell_of(line: XRayLine) -> str:
    """Return the subshell whose vacancy a computed L or M line fills, such as ``"M3"`` for Mg."""
    return _IUPAC.get(line.name, line.name)[:2]


def emits_from_lifted(lines: Sequence[XRayLine]) -> bool:
    """Say whether lines of a family are those of M of an element without 4f electrons.

    It has no M alpha, but near M4-O2,3 it emits from 4f states that an M electron was lifted to,
    of which tables know nothing.
    """
    names = [line.name for line in lines]
    is_of_m = any(subshell_of(line).startswith("M") for line in lines)
    return is_of_m and not any(name.startswith("Ma") for name in names)


def has_disputed_m2(element: str) -> bool:
    """Say whether tables of the yield of M2 differ tenfold, as those of Ir to Pb do."""
    return neighbours_of_astray(atomic_number(element), "M2") is not None


def open_3d_electrons(element: str) -> int | None:
    """Return how many electrons the open 3d shell of Sc to Cu holds, about; None for others."""
    found = atomic_number(element) - _CALCIUM
    return found if 0 < found < _FULL else None


def computed_family(element: str, family: str, beam_energy_keV: float) -> Family | None:
    """Return a family that eXSpy's table lacks, such as the M lines of Sn and Ba.

    Its first line is the strongest and has weight 1, as the alpha line of other families.
    """
    lines = computed_lines(element, family, beam_energy_keV)
    return Family(element, family, lines) if lines else None
