"""What the columns of a plain table of factors are, however their names are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_eds.errors import KFactorError

#: Spellings of each column, without case, blanks, underscores, dashes and brackets; the first is
#: its name, which goes before the others where a table has several.
_ERRORS = ("relativeerror", "error", "kerror", "kfactorerror", "relerror")
_ERRORS_OF_ZETA = ("zetaerror", "zetafactorerror")
_COMMON_ERRORS = ("commonrelativeerror", "commonerror")
_PERCENT = ("%", "percent", "inpercent")
_ZETA = ("zetakgm2", "zeta", "zetafactor", "zetafactorkgm2", "ζ", "ζkgm2")


def _also_in_percent(names: Sequence[str]) -> tuple[str, ...]:
    return (*names, *(name + unit for name in names for unit in _PERCENT))


_OF_EVERY_TABLE: Mapping[str, tuple[str, ...]] = {
    "element": ("element",),
    "family": ("family", "line"),
    "relative_error": _also_in_percent(_ERRORS),
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
K_FACTORS: Mapping[str, tuple[str, ...]] = {**_OF_EVERY_TABLE, "k_factor": ("kfactor",)}
ZETA_FACTORS: Mapping[str, tuple[str, ...]] = {
    **_OF_EVERY_TABLE,
    "zeta_kg_m2": _ZETA,
    "cross_section_barn": ("crosssectionbarn", "crosssectionbarns", "crosssectioninbarn"),
    "relative_error": _also_in_percent((*_ERRORS, *_ERRORS_OF_ZETA)),
    "common_relative_error": _also_in_percent(_COMMON_ERRORS),
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

    def are_percent(self, name: str) -> bool:
        """Whether the table says that what a column holds, if there is one, is in percent."""
        return name in self.places and squashed(self.called(name)).endswith(("%", "percent"))

    @property
    def errors_are_taken_as_relative(self) -> bool:
        """Whether it gives errors without a word on what they are relative to."""
        if "relative_error" not in self.places or self.are_percent("relative_error"):
            return False
        return not squashed(self.called("relative_error")).startswith("rel")


def squashed(name: str) -> str:
    """Return the name of a column without what people write in different ways."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_\-()\[\]/]+", "", plain)


def columns_of(
    header: Sequence[str], file: str, spellings: Mapping[str, tuple[str, ...]]
) -> Columns:
    """Tell the columns of a table.

    Parameters
    ----------
    header : sequence of str
    file : str
        Its name.
    spellings : mapping of str to tuple of str
        `K_FACTORS` or `ZETA_FACTORS`.

    Raises
    ------
    KFactorError
        If two columns may be the same, and none has its name.
    """
    names = [squashed(name) for name in header]
    places = {}
    for name, written in spellings.items():
        found = [i for i, called in enumerate(names) if called in written]
        exact = [i for i in found if names[i] == written[0]]
        chosen = exact or found
        if len(chosen) > 1:
            called = ", ".join(header[i] for i in chosen)
            raise KFactorError(
                f"{file} has more than one column {name}: {called}; leave one or rename the others"
            )
        if chosen:
            places[name] = chosen[0]
    return Columns(places, header)
