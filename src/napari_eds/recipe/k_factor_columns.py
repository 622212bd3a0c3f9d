"""What the columns of a plain table of k-factors are, however their names are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_eds.errors import KFactorError

#: Spellings of each column, without case, blanks, underscores, dashes and brackets; the first is
#: its name, which goes before the others where a table has several.
_ERRORS = ("relativeerror", "error", "kerror", "kfactorerror", "relerror")
_PERCENT = ("%", "percent", "inpercent")
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "element": ("element",),
    "family": ("family", "line"),
    "k_factor": ("kfactor",),
    "relative_error": (*_ERRORS, *(error + unit for error in _ERRORS for unit in _PERCENT)),
    "convention": ("convention",),
    "beam_energy_keV": (
        "beamenergykev",
        "beamenergy",
        "beamenergykv",
        "beamenergyinkev",
        "kv",
        "ht",
        "htkv",
    ),
    "source": ("source",),
    "notes": ("notes",),
    "detector": ("detector",),
    "date": ("date",),
}


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are taken for what.

    Attributes
    ----------
    places : mapping of str to int
        Place of each column that is known, by its name.
    header : sequence of str
        Columns as the table calls them.
    """

    places: Mapping[str, int]
    header: Sequence[str]

    @property
    def ignored(self) -> list[str]:
        """Columns that are not known, as the table calls them; those without a name aside."""
        used = set(self.places.values())
        return [name for i, name in enumerate(self.header) if name and i not in used]

    def called(self, name: str) -> str:
        """Return what the table calls a column that it has."""
        return self.header[self.places[name]]

    @property
    def errors_are_percent(self) -> bool:
        """Whether the table says that its relative errors are in percent."""
        has_errors = "relative_error" in self.places
        return has_errors and squashed(self.called("relative_error")).endswith(("%", "percent"))

    @property
    def errors_are_taken_as_relative(self) -> bool:
        """Whether it gives errors without a word on what they are relative to."""
        if "relative_error" not in self.places or self.errors_are_percent:
            return False
        return not squashed(self.called("relative_error")).startswith("rel")


def squashed(name: str) -> str:
    """Return the name of a column without what people write in different ways."""
    return re.sub(r"[\s_\-()\[\]/]+", "", name.casefold())


def columns_of(header: Sequence[str], file: str) -> Columns:
    """Tell the columns of a table.

    Raises
    ------
    KFactorError
        If two columns may be the same, and none has its name.
    """
    names = [squashed(name) for name in header]
    places = {}
    for name, spellings in _SPELLINGS.items():
        found = [i for i, written in enumerate(names) if written in spellings]
        exact = [i for i in found if names[i] == spellings[0]]
        chosen = exact or found
        if len(chosen) > 1:
            called = ", ".join(header[i] for i in chosen)
            raise KFactorError(
                f"{file} has more than one column {name}: {called}; leave one or rename the others"
            )
        if chosen:
            places[name] = chosen[0]
    return Columns(places, header)
