"""Plain tables of factors: a row for each family, and what all rows share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from napari_eds.errors import KFactorError
from napari_eds.recipe.k_factor_columns import Columns
from napari_eds.recipe.k_factor_text import TextTable
from napari_eds.recipe.k_factors import (
    ABOUT_COLUMNS,
    ABOUT_ERRORS,
    NOTE_SEPARATOR,
    Convention,
    family_named,
)

#: Columns of numbers that all rows share, in words.
_WORDS = {"beam_energy_keV": "the beam energy", "common_relative_error": "the common error"}


@dataclass(frozen=True)
class FactorRows:
    """What a file says, whatever its layout.

    Attributes
    ----------
    rows : list of tuple
        Element, family, value and relative error, as far as they are what they should be.
    source : str
    convention : {"family", "alpha"} or None
    beam_energy_keV : float or None
    notes : tuple of str
    repeats : float or None
        Median factor between the other rows of a family and its alpha row; None where there are
        no others.
    lines : tuple of int
        Lines of the file that the rows are from.
    detector, date : str or None
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


def read_plain(text: TextTable, found: Columns, path: Path, value: str) -> FactorRows:
    """Take a table that has a column for each thing.

    Parameters
    ----------
    text : TextTable
    found : Columns
        With at least ``element``, ``family`` and that of values.
    path : Path
    value : str
        The column of values.

    Raises
    ------
    KFactorError
        If what all rows share differs between them, or is not what it should be, or an error is
        larger than its factor.
    """
    cells = list(zip(*text.rows, strict=True)) or [()] * len(text.header)
    columns = {name: cells[place] for name, place in found.places.items()}
    told = _single(columns, "convention", path).casefold()
    if told not in ("", *get_args(Convention)):
        raise KFactorError(
            f"{path.name}: the convention is 'family' or 'alpha', not {told!r}; empty, if unknown"
        )
    notes = _single(columns, "notes", path)
    named = ("element", "family", value)
    return FactorRows(
        [
            (element, family_named(family), _or_nan(text.number(factor)), error)
            for element, family, factor, error in zip(
                *(columns[name] for name in named), _errors(text, found, path), strict=True
            )
        ],
        _single(columns, "source", path) or path.name,
        convention=cast(Convention, told) if told else None,
        beam_energy_keV=shared_number(text, found, path, "beam_energy_keV"),
        lines=tuple(text.lines),
        notes=(*(notes.split(NOTE_SEPARATOR) if notes else ()), *_column_notes(found)),
        detector=_common(columns, "detector"),
        date=_common(columns, "date"),
    )


def shared_number(text: TextTable, found: Columns, path: Path, name: str) -> float | None:
    """Return the number that all rows have in a column; None where there is none.

    Raises
    ------
    KFactorError
        If it differs between rows, or is no number.
    """
    if name not in found.places:
        return None
    column = [row[found.places[name]] for row in text.rows]
    told = _single({name: column}, name, path)
    number = text.number(told)
    if isinstance(number, str):
        line = text.lines[column.index(told)]
        raise KFactorError(f"{path.name}, line {line}: {_WORDS[name]} is not a number: {number!r}")
    if number is not None and found.are_percent(name):
        return number / 100
    return number


def _errors(text: TextTable, found: Columns, path: Path) -> list[float | str | None]:
    """Return the relative error of each row, None where none is given."""
    if "relative_error" not in found.places:
        return [None] * len(text.rows)
    values = [text.number(row[found.places["relative_error"]]) for row in text.rows]
    are_percent = found.are_percent("relative_error")
    if are_percent:
        values = [value / 100 if isinstance(value, float) else value for value in values]
    for value, line in zip(values, text.lines, strict=True):
        if isinstance(value, float) and 1 < value < np.inf:
            name = found.called("relative_error")
            unit = "" if are_percent else ", or head the column 'error percent'"
            raise KFactorError(
                f"{path.name}, line {line}: {name!r} is more than the factor itself "
                f"({100 * value:g} %): give errors relative to it{unit}"
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
    """Return NaN for an empty cell, which no factor is: what is wrong is told with its row."""
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
