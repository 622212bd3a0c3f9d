"""k-factor tables from files: Velox's export, and a plain CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from napari_eds.errors import KFactorError
from napari_eds.physics import lines as xray
from napari_eds.recipe.k_factor_columns import Columns, columns_of, squashed
from napari_eds.recipe.k_factor_comparison import ConventionEvidence, convention_evidence
from napari_eds.recipe.k_factor_text import TextTable, read_text_table
from napari_eds.recipe.k_factors import (
    ABOUT_COLUMNS,
    ABOUT_CONVENTION,
    ABOUT_ERRORS,
    COLUMNS,
    CONTRADICTED,
    NAMES,
    NOTE_SEPARATOR,
    Convention,
    KFactorTable,
    checked_table,
    family_named,
)

#: Secondary lines of one family within this factor of the alpha row mean that the table gives
#: the family's k on every row (Velox's L rows differ by up to 20 %).
_SAME_FAMILY_FACTOR = 1.5

_TAKEN_ALTHOUGH, _THEORY_CONTRADICTS = CONTRADICTED

#: First and last column of Velox's export.
_OF_VELOX = ("lineidentifier", "kfactor")


class UnsettledConventionError(KFactorError):
    """A table that is right but for not telling what its factors belong to.

    Attributes
    ----------
    reason : str
        Why it could not be settled.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason}. Say convention='family' (as Velox means them) or convention='alpha' (as "
            "tables of Bruker and Oxford seen so far); a mix-up costs up to a factor of two."
        )
        self.reason = reason

    def __reduce__(self) -> tuple[type[UnsettledConventionError], tuple[str]]:
        # An exception is made anew from its text, which here is more than the reason.
        return type(self), (self.reason,)


def read_k_factors(
    path: str | Path,
    *,
    convention: Convention | None = None,
    beam_energy_keV: float | None = None,
    map_beam_energy_keV: float | None = None,
) -> KFactorTable:
    """Read a k-factor table from a CSV file.

    Two forms are known: Velox's export (``Line identifier, ..., K-factor`` with rows such as
    ``La-La1``), and a plain table with the columns ``element, family, k_factor`` and optionally
    ``relative_error, convention, beam_energy_keV, source, notes, detector, date``, which
    `KFactorTable.to_csv` writes. Families may be named by their alpha line. Columns are separated
    by ``,``, ``;`` or tabs, the last two with decimal commas if need be; lines that start with
    ``#`` are comments. Case, blanks, underscores and dashes in names of columns do not matter, and
    ``line``, ``error``, ``error percent``, ``beam energy``, ``kV`` and ``HT`` are understood, too.
    The table's notes name columns that are not known.

    A convention that neither file nor caller tells is settled by comparison with theory, if that
    is clear (`convention_evidence`). One that is told is taken, even if theory contradicts it.
    The table's notes say which was taken and why. Errors that the file does not give are those
    of the class of lines (`k_factor_errors.class_error`).

    Parameters
    ----------
    path : str or Path
    convention : {"family", "alpha"}, optional
        What the factors belong to. Needed where neither the file nor theory tells.
    beam_energy_keV : float, optional
        Overrides what the file says.
    map_beam_energy_keV : float, optional
        Of the measurement: theory is that for it, where there is no other beam energy.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KFactorError
        If the file is not such a table, its convention is not told and not clear, or an error is
        larger than its k-factor.
    """
    path = Path(path)
    text = read_text_table(path)
    if tuple(squashed(name) for name in (text.header[:1] + text.header[-1:])) == _OF_VELOX:
        read = _read_velox(text, path)
    elif set(COLUMNS) <= set((columns := columns_of(text.header, path.name)).places):
        read = _read_plain(text, columns, path)
    else:
        raise KFactorError(
            f"{path.name} is not a k-factor table: expected Velox's columns 'Line identifier ... "
            f"K-factor' or the columns {', '.join(COLUMNS)}; found "
            f"{', '.join(text.header) or 'nothing'}"
        )
    beam = beam_energy_keV or read.beam_energy_keV
    told = convention or read.convention
    table = checked_table(
        read.rows, told or "family", read.source, beam, read.notes, lines=read.lines
    )
    table = table.model_copy(update={"detector": read.detector, "date": read.date})
    evidence = convention_evidence(table.factors, beam or map_beam_energy_keV)
    if told is not None:
        return table.with_note(_contradiction(told, evidence))
    taken, note = _settled(read, evidence, path)
    return table.taken_as(taken).with_note(note)


@dataclass(frozen=True)
class _Read:
    """What a file says, whatever its layout.

    `lines` are those of the rows. `repeats` is the median factor between the other rows of a
    family and its alpha row; None where there are no others.
    """

    rows: list[tuple[str, str, Any, Any]]
    source: str
    convention: Convention | None = None
    beam_energy_keV: float | None = None
    notes: tuple[str, ...] = ()
    repeats: float | None = None
    lines: tuple[int, ...] = ()
    detector: str | None = None
    date: str | None = None


def _settled(
    read: _Read, evidence: ConventionEvidence | None, path: Path
) -> tuple[Convention, str]:
    """Return the convention of a table that tells none, and the note that says why."""
    nearer = evidence and evidence.nearer
    if read.repeats is not None and read.repeats <= _SAME_FAMILY_FACTOR:
        note = (
            f"{ABOUT_CONVENTION}taken as {NAMES['family']}, since all lines of a family have the "
            "same factor"
        )
        if nearer == "alpha":
            note += f". {_THEORY_CONTRADICTS}: {evidence}; see which is right"
        elif evidence is not None:
            note += f"; {evidence}"
        return "family", f"{note}."
    if nearer:
        return nearer, (
            f"{ABOUT_CONVENTION}not told by the table; taken as {NAMES[nearer]}, for {evidence}."
        )
    reason = (
        f"{path.name} does not tell whether its k-factors are of whole families or alpha lines"
    )
    if read.repeats is not None:
        reason += (
            "; it gives each line a k-factor of its own (the others are a median of "
            f"{read.repeats:.2g} times the alpha line's)"
        )
    if evidence is None:
        raise UnsettledConventionError(
            f"{reason}, and a comparison with theory needs L rows of 1-20 keV beside K rows of "
            "3-20 keV, for a beam of 40 to 400 keV"
        )
    raise UnsettledConventionError(f"{reason}, and theory does not settle it: {evidence}")


def _contradiction(told: Convention, evidence: ConventionEvidence | None) -> str:
    """Return a note where theory says clearly that a convention was told wrongly."""
    if evidence is None or evidence.nearer in (None, told):
        return ""
    return (
        f"{ABOUT_CONVENTION}said to be {NAMES[told]}, {_TAKEN_ALTHOUGH} {evidence}: see "
        "whether that is right."
    )


def _read_velox(text: TextTable, path: Path) -> _Read:
    """Take the alpha row of every family; the other rows tell the convention."""
    factors: dict[tuple[str, str], dict[str, float]] = {}
    places: dict[tuple[str, str], int] = {}
    for number, row in zip(text.lines, text.rows, strict=True):
        element, _, line = row[0].partition("-")
        if not element:  # units
            continue
        value = text.number(row[-1])
        if not isinstance(value, float):
            raise KFactorError(
                f"{path.name}, line {number}: the k-factor of {row[0]!r} is not a number: "
                f"{row[-1]!r}"
            )
        lines = factors.setdefault((element, line[:1]), {})
        if line in lines:
            raise KFactorError(
                f"{path.name}, line {number}: k-factors given more than once: {row[0]}"
            )
        lines[line] = value
        if line == f"{line[:1]}a1":
            places[element, line[:1]] = number
    alphas = [
        (element, family, lines[f"{family}a1"], None)
        for (element, family), lines in factors.items()
        if f"{family}a1" in lines and family in xray.FAMILIES
    ]
    ratios = [
        value / lines[f"{family}a1"]
        for (_, family), lines in factors.items()
        for line, value in lines.items()
        if lines.get(f"{family}a1") and line not in (f"{family}a1", f"{family}a2")
    ]
    return _Read(
        alphas,
        f"{path.name} (Velox's layout)",
        lines=tuple(places[element, family] for element, family, *_ in alphas),
        repeats=float(np.median(ratios)) if ratios else None,
    )


def _read_plain(text: TextTable, found: Columns, path: Path) -> _Read:
    cells = list(zip(*text.rows, strict=True)) or [()] * len(text.header)
    columns = {name: cells[place] for name, place in found.places.items()}
    told = _single(columns, "convention", path).casefold()
    if told not in ("", *get_args(Convention)):
        raise KFactorError(
            f"{path.name}: the convention is 'family' or 'alpha', not {told!r}; empty, if unknown"
        )
    told_energy = _single(columns, "beam_energy_keV", path)
    energy = text.number(told_energy)
    if isinstance(energy, str):
        line = text.lines[columns["beam_energy_keV"].index(told_energy)]
        raise KFactorError(
            f"{path.name}, line {line}: the beam energy is not a number: {energy!r}"
        )
    notes = _single(columns, "notes", path)
    return _Read(
        [
            (element, family_named(family), _or_nan(text.number(k)), error)
            for element, family, k, error in zip(
                *(columns[name] for name in COLUMNS), _errors(text, found, path), strict=True
            )
        ],
        _single(columns, "source", path) or path.name,
        convention=cast(Convention, told) if told else None,
        beam_energy_keV=energy,
        lines=tuple(text.lines),
        notes=(*(notes.split(NOTE_SEPARATOR) if notes else ()), *_column_notes(found)),
        detector=_common(columns, "detector"),
        date=_common(columns, "date"),
    )


def _errors(text: TextTable, found: Columns, path: Path) -> list[float | str | None]:
    """Return the relative error of each row, None where none is given."""
    if "relative_error" not in found.places:
        return [None] * len(text.rows)
    values = [text.number(row[found.places["relative_error"]]) for row in text.rows]
    if found.errors_are_percent:
        values = [value / 100 if isinstance(value, float) else value for value in values]
    for value, line in zip(values, text.lines, strict=True):
        if isinstance(value, float) and 1 < value < np.inf:
            name = found.called("relative_error")
            unit = "" if found.errors_are_percent else ", or head the column 'error percent'"
            raise KFactorError(
                f"{path.name}, line {line}: {name!r} is more than the k-factor itself "
                f"({100 * value:g} %): give errors relative to the k-factor{unit}"
            )
    return values


def _column_notes(found: Columns) -> list[str]:
    """Say what was made of columns that do not speak for themselves, and which were not used."""
    notes = []
    if found.errors_are_taken_as_relative:
        name = found.called("relative_error")
        notes.append(f"{ABOUT_ERRORS}those of the column {name!r} are taken as relative.")
    if found.ignored:
        named = ", ".join(map(repr, found.ignored))
        notes.append(f"{ABOUT_COLUMNS}not known, and not used: {named}.")
    return notes


def _or_nan(value: float | str | None) -> float | str:
    """Return NaN for an empty cell, which no k-factor is: what is wrong is told with its row."""
    return float("nan") if value is None else value


def _common(columns: Mapping[str, Sequence[str]], column: str) -> str | None:
    """Return what all rows have in a column; None where they differ or there is none."""
    values = set(columns.get(column, ()))
    return (values.pop() or None) if len(values) == 1 else None


def _single(columns: Mapping[str, Sequence[str]], column: str, path: Path) -> str:
    """Return the one value of a column that must not vary; empty where there is none."""
    values = list(dict.fromkeys(cell for cell in columns.get(column, ()) if cell))
    if len(values) > 1:
        raise KFactorError(f"{path.name}: column {column!r} mixes {', '.join(values)}")
    return values[0] if values else ""
