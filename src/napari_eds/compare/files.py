"""Composition tables in text files of other programs, whose columns are called in many ways."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from napari_eds._support.csv_cells import restored
from napari_eds.compare.tables import CompositionTable, errors_k_given, whole
from napari_eds.errors import EDSError
from napari_eds.quantification.table import (
    AT_PCT,
    CHIP,
    COUNTS,
    LABEL,
    WT_PCT,
    ColumnKind,
    Quantity,
    composition_column,
)

SUFFIXES = (".csv", ".txt", ".tsv", ".dat")

Kind = ColumnKind

_WORD = re.compile(r"[A-Za-z]+|[%±σ]")
_UNITS: dict[Quantity, set[str]] = {
    AT_PCT: {"at", "atomic", "atom", "atoms"},
    WT_PCT: {"wt", "weight", "mass"},
}
_PERCENT = {"%", "pct", "percent", "percentage"}
_AMOUNT = _PERCENT | {"fraction", "frac", "concentration", "conc", "norm", "normalised"}
_ERROR = {"error", "err", "sigma", "sd", "std", "stdev", "uncertainty", "±", "σ", "statistical"}
_LABEL_HEADERS = {"label", "label_id", "labels", "id"}
_CHIP_HEADERS = {"chip", "region", "name"}
_MISSING = {"", "-", "--", "nan", "na", "n/a", "n.d.", "nd"}

#: Sums of rows up to here are taken for fractions of 1 where no column says percent.
_LARGEST_SUM_OF_FRACTIONS = 1.5


@dataclass(frozen=True)
class _Column:
    """What a column holds; `element` is None in tables of one row per element."""

    element: str | None
    kind: Kind
    says_unit: bool
    says_percent: bool


def read(path: Path, quantity: Quantity) -> CompositionTable:
    """Read a table of compositions from a text file.

    Either one row per label or chip, with a column per element (``Fe_at_pct``, ``Fe at.%``,
    ``Fe``) and, where known, its error (``Fe error``); or one row per element (``Element``,
    ``Atomic Fraction (%)``, ``Atomic Error (%)``), as in the log of Velox. Columns are apart by
    commas, semicolons (then with decimal commas or points) or tabs; lines above the header are
    passed over.

    Raises
    ------
    EDSError
        If no such table is found in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise EDSError(f"{path.name} is not a text file in UTF-8: {error}") from error
    lines = [line for line in text.splitlines() if line.strip()]
    for start, line in enumerate(lines):
        delimiter = max(";\t,", key=line.count)
        header = [*map(restored, next(csv.reader([line], delimiter=delimiter)))]
        if _is_header(header, quantity):
            rows = list(csv.reader(lines[start + 1 :], delimiter=delimiter))
            cells = pd.DataFrame(
                [
                    [*map(restored, row), *[""] * len(header)][: len(header)]
                    for row in rows
                    if any(row)
                ],
                columns=_unique(header, path.name),
                dtype=str,
            )
            return of_frame(cells, quantity, path.name, decimal_comma=delimiter != ",")
    raise EDSError(
        f"{path.name} holds no table of compositions: expected columns such as 'label' and "
        "'Fe_at_pct', or 'Element' and 'Atomic Fraction (%)'"
    )


def of_frame(
    frame: pd.DataFrame, quantity: Quantity, name: str, *, decimal_comma: bool = False
) -> CompositionTable:
    """Read compositions from a table; see `read`.

    Raises
    ------
    EDSError
        If labels or elements are missing or named twice, or a value is no number.
    """
    if frame.index.name in _LABEL_HEADERS | _CHIP_HEADERS:
        frame = frame.reset_index()
    if frame.empty:
        raise EDSError(f"{name} has no rows")
    columns = {str(c): _classify(str(c), quantity) for c in frame.columns}
    element_column = next((c for c in columns if c.strip().lower() == "element"), None)
    if element_column is not None:
        return _by_element(frame, columns, element_column, name, decimal_comma)
    return _by_label(frame, columns, name, decimal_comma)


def _by_label(
    frame: pd.DataFrame,
    columns: dict[str, _Column | None],
    name: str,
    decimal_comma: bool,  # noqa: FBT001
) -> CompositionTable:
    """Read one row per label, chip or, without a key, one row for all."""
    chosen = _chosen(columns, name)
    elements = [e for e, kind in chosen if kind == "value"]
    if not elements:
        raise EDSError(
            f"{name} has no column of at.% or wt.% of an element, such as 'Fe_at_pct' or "
            f"'Fe at.%'; found {', '.join(columns)}"
        )
    keyed_by, keys, chips = _keys(frame, name)

    def numbers(kind: Kind) -> pd.DataFrame:
        return pd.DataFrame(
            {
                e: _numbers(frame[chosen[e, kind]], decimal_comma, name)
                if (e, kind) in chosen
                else np.full(len(frame), np.nan)
                for e in elements
            },
            index=keys,
        )

    used = [columns[c] for (_, kind), c in chosen.items() if kind == "value"]
    percent = any(c is not None and c.says_percent for c in used)
    values, total = numbers("value"), numbers("error_total")
    remarks: tuple[str, ...] = ()
    factor = _factor(values, percent)
    if factor != 1:
        remarks = (f"{name}: rows add up to about 1 and were taken as fractions",)
    return CompositionTable(
        name,
        values * factor,
        numbers("error") * factor,
        errors_k_given(numbers("error_k"), total) * factor,
        keyed_by,
        chips=chips,
        weights=_weights(frame, keys, decimal_comma, name),
        remarks=remarks,
        errors_total=total * factor if total.notna().to_numpy().any() else None,
    )


def _by_element(
    frame: pd.DataFrame,
    columns: dict[str, _Column | None],
    element_column: str,
    name: str,
    decimal_comma: bool,  # noqa: FBT001
) -> CompositionTable:
    """Read one row per element: a composition of everything."""
    named = {
        (c.kind, c.says_percent): text
        for text, c in columns.items()
        if c is not None and c.element is None
    }
    value = named.get(("value", True)) or named.get(("value", False))
    if value is None:
        raise EDSError(
            f"{name} has a column 'Element', but none such as 'Atomic Fraction (%)'; found "
            f"{', '.join(columns)}"
        )
    error = named.get(("error", True)) or named.get(("error", False))
    elements = [str(e).strip() for e in frame[element_column]]
    kept = [i for i, e in enumerate(elements) if e in _symbols()]
    _check_unique([elements[i] for i in kept], f"{name}: element")
    values = _numbers(frame[value], decimal_comma, name)
    errors = values * np.nan if error is None else _numbers(frame[error], decimal_comma, name)
    table = pd.DataFrame([values[kept]])
    factor = _factor(table, columns[value].says_percent)  # type: ignore[union-attr]
    return whole(
        {
            elements[i]: (factor * values[i], factor * errors[i])
            for i in kept
            if values[i] == values[i]
        },
        name,
    )


def _classify(header: str, quantity: Quantity) -> _Column | None:
    """Tell what a column is; None for one that is of no use here."""
    ours = composition_column(header.strip())
    if ours:
        column = _Column(ours.element, ours.kind, says_unit=True, says_percent=True)
        return column if ours.quantity == quantity else None
    words = _WORD.findall(header)
    elements = [w for w in words if w in _symbols() and w != "At"]
    rest = [w.lower() for w in words if w not in elements]
    family = elements[1:] if elements[1:] in (["K"], ["L"], ["M"]) else []
    unit = bool(_UNITS[quantity].intersection(rest))
    is_clear = unit or (len(elements) == 1 and quantity == AT_PCT)
    useless = set(rest) - _UNITS[quantity] - _AMOUNT - _ERROR
    if useless or not is_clear or len(elements) - len(family) > 1:
        return None
    return _Column(
        elements[0] if elements else None,
        "error" if _ERROR.intersection(rest) else "value",
        says_unit=unit,
        says_percent=bool(_PERCENT.intersection(rest)),
    )


def _chosen(columns: dict[str, _Column | None], name: str) -> dict[tuple[str, Kind], str]:
    """Return the column of each element and kind; one that says its unit goes first."""
    found: dict[tuple[str, Kind], str] = {}
    for unit in (True, False):
        for text, column in columns.items():
            if column is None or column.element is None or column.says_unit is not unit:
                continue
            key = (column.element, column.kind)
            before = columns[found[key]] if key in found else None
            if before is not None and before.says_unit is unit:
                raise EDSError(
                    f"{name}: the columns {found[key]!r} and {text!r} are both of {key[0]}; "
                    "leave one out"
                )
            found.setdefault(key, text)
    order = {
        column.element: i for i, column in reversed(list(enumerate(columns.values()))) if column
    }
    return dict(sorted(found.items(), key=lambda item: order[item[0][0]]))


def _keys(
    frame: pd.DataFrame, name: str
) -> tuple[Literal["label", "chip", "whole"], pd.Index, pd.Series | None]:
    by_name = {str(c).strip().lower(): c for c in reversed(frame.columns)}
    label = next((by_name[h] for h in by_name if h in _LABEL_HEADERS), None)
    chip = next((by_name[h] for h in by_name if h in _CHIP_HEADERS), None)
    if label is not None:
        try:
            ids = [int(str(v).strip().removesuffix(".0")) for v in frame[label]]
            keys = pd.Index(ids, name=LABEL)
        except ValueError as error:
            raise EDSError(f"{name}: a label is no whole number: {error}") from error
        _check_unique(keys.tolist(), f"{name}: label")
        return "label", keys, None if chip is None else frame[chip].astype(str).set_axis(keys)
    if chip is not None:
        keys = pd.Index(frame[chip].astype(str), name=CHIP)
        _check_unique(keys.tolist(), f"{name}: chip")
        return "chip", keys, None
    if len(frame) == 1:
        return "whole", pd.Index(["all"]), None
    raise EDSError(
        f"{name} has {len(frame)} rows, but no column 'label' or 'chip' that says what they are of"
    )


def _weights(
    frame: pd.DataFrame,
    keys: pd.Index,
    decimal_comma: bool,  # noqa: FBT001
    name: str,
) -> pd.Series | None:
    if COUNTS not in frame.columns:
        return None
    return pd.Series(_numbers(frame[COUNTS], decimal_comma, name), keys)


def _numbers(column: pd.Series, decimal_comma: bool, name: str) -> np.ndarray:  # noqa: FBT001
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float)
    values = []
    for cell in column.fillna(""):
        text = str(cell).strip().rstrip("%").strip()
        if decimal_comma:
            text = text.replace(",", ".")
        try:
            values.append(np.nan if text.lower() in _MISSING else float(text))
        except ValueError:
            raise EDSError(
                f"{name}: {cell!r} in the column {column.name!r} is no number"
            ) from None
    return np.array(values)


def _factor(values: pd.DataFrame, says_percent: bool) -> float:  # noqa: FBT001
    """Return 100 for fractions of 1, 1 for percent."""
    sums = values.sum(axis=1)
    return 100.0 if not says_percent and sums.max() <= _LARGEST_SUM_OF_FRACTIONS else 1.0


def _is_header(cells: Sequence[str], quantity: Quantity) -> bool:
    columns = [_classify(cell, quantity) for cell in cells]
    if any(cell.strip().lower() == "element" for cell in cells):
        return any(c is not None and c.element is None for c in columns)
    return any(c is not None and c.element is not None and c.kind == "value" for c in columns)


def _unique(header: Sequence[str], name: str) -> list[str]:
    cells = [cell.strip() for cell in header]
    _check_unique([cell for cell in cells if cell], f"{name}: column")
    return [cell or f"column {i}" for i, cell in enumerate(cells)]


def _check_unique(keys: Sequence[object], what: str) -> None:
    twice = (
        sorted({str(k) for k in keys if list(keys).count(k) > 1})
        if len(set(keys)) < len(keys)
        else []
    )
    if twice:
        raise EDSError(f"{what} {', '.join(twice[:5])} is there more than once")


@cache
def _symbols() -> frozenset[str]:
    import xraylib

    # A column "No" is a number, not nobelium.
    return frozenset(xraylib.AtomicNumberToSymbol(z) for z in range(1, 108)) - {"No"}
