"""What is known of elements before a spectrum is looked at: common, rare, or the instrument's."""

from __future__ import annotations

#: Elements that specimens often hold: taken rather than a rarer one where both explain a peak.
COMMON = frozenset(
    {"C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "V", "Cr"}
    | {"Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "As", "Sr", "Zr", "Nb", "Mo", "Ag", "Sn"}
    | {"Ba", "La", "Ce", "W", "Pt", "Au", "Pb"}
)
NOBLE_GASES = frozenset({"He", "Ne", "Ar", "Kr", "Xe"})
#: Elements without a long-lived isotope.
UNSTABLE = frozenset({"Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Pa"})
#: Elements that are not sought in a spectrum; argon is, for ion mills leave it behind.
NOT_SOUGHT = (NOBLE_GASES - {"Ar"}) | UNSTABLE

#: Elements of grid and support, which are seen where there is no specimen.
STRAY = frozenset({"C", "Cu"})

#: Grid, holder and preparation of a foil; coating of a bulk specimen.
_SYSTEM_OF_FOILS = frozenset({"C", "Cu", "Al", "Si", "Ga", "Pt", "Au"})
_SYSTEM_OF_BULK = frozenset({"C", "Pt", "Au"})
#: Part of the counts of all lines from which an element is the specimen's own ...
_MAIN_SHARE = 0.2
#: ... unless it is one of these: supports and grids may fill a map with C and Cu.
_WHATEVER_THE_SHARE = STRAY
#: System elements where only their names are known, with no share of the counts to judge by: who
#: names Al, Si, Pt or Au mostly means a specimen's, but Ga that of the ion beam.
_BY_NAME_ALONE = _WHATEVER_THE_SHARE | {"Ga"}


def is_system(element: str, *, foil: bool, share: float | None = None) -> bool:
    """Whether an element is grid's, holder's, preparation's or coating's, to be fitted only.

    Parameters
    ----------
    element : str
    foil : bool
        Whether the specimen is a foil, not bulk.
    share : float, optional
        Part of the counts of all lines that the element holds, 0 to 1; without it only the name
        is known.
    """
    if element not in (_SYSTEM_OF_FOILS if foil else _SYSTEM_OF_BULK):
        return False
    if share is None:
        return element in _BY_NAME_ALONE
    return element in _WHATEVER_THE_SHARE or share < _MAIN_SHARE
