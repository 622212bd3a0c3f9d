"""How far k-factors that bring no error may be wrong, by classes of lines."""

from __future__ import annotations

from functools import cache

from napari_eds.errors import EDSError
from napari_eds.physics import emission

#: Any beam that excites all families: the energy of an alpha line hardly depends on it.
_BEAM_keV = 200.0

#: What the classes amount to, for every text about k-factors.
RANGE = "5 to 50 %, by class of line"


@cache
def class_error(element: str, family: str) -> float:
    """Relative error of a k-factor that was computed, or came in a table without errors.

    By classes of the alpha line's energy: 5 % for K of 3-20 keV, 10 % for K of 1-3 keV, 25 % for
    L of 3-20 keV, 50 % for M, 30 % for the rest, unknown lines included.

    The classes are as wide as independent tables differ, each relative to its K lines of 3-8 keV.
    A table of Velox (200 keV, families) over theory: 1.17 for K below 1 keV, where the dead layer
    of the detector matters most, 1.08, 0.99 and 0.90 for K of 1-3, 3-8 and 8-20 keV, 1.1 (single
    ones 22 % about it) for L of 1-3 keV and 0.77 to 0.81 for harder L, 0.5 for M. A table of a
    Bruker detector (alpha lines): 0.94 to 1.10 for K, 1.06 and 1.01 for L below and above 3 keV.
    None of them is a measurement of the instrument at hand, and a table that says nothing of
    its errors is no better than theory; one measured on a known region has errors of its own.

    Parameters
    ----------
    element : str
    family : {"K", "L", "M"}
    """
    if family == "M":
        return 0.50
    try:
        energy = emission.alpha_energy_keV(element, family, _BEAM_keV)
    except EDSError:  # lighter than B, heavier than Cf, or no such line
        return 0.30
    if 3 <= energy <= 20:
        return 0.05 if family == "K" else 0.25
    return 0.10 if family == "K" and 1 <= energy < 3 else 0.30
