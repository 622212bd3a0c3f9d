"""Columns of the results dock: what they are called, how they are written and sorted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import (
    AT_PCT,
    CHIP,
    COLUMN,
    COUNTS,
    LABEL,
    N_PIXELS,
    NOT_DETECTED,
    REDUCED_CHI_SQUARED,
    ROW,
    WT_PCT,
    at_pct,
    detection_limit,
    error_k_of,
    error_of,
    intensity,
    wt_pct,
)

REMARK = "remark"
COMPOSITION = "composition"

#: Groups that can be shown and hidden, with the words for them. The first four are shown at first.
GROUPS = {
    CHIP: "Chip name",
    COMPOSITION: "Composition",
    "fit": "Quality of fit",
    "size": "Counts and pixels",
    "k errors": "Errors from k-factors",
    "limits": "Detection limits and what is below",
    "intensities": "Intensities",
    "position": "Position",
}
SHOWN_AT_FIRST = (CHIP, COMPOSITION, "fit", "size")
#: Units of the composition, each a group of columns.
UNITS: dict[str, str] = {AT_PCT: "at.%", WT_PCT: "wt.%"}

_THIN_SPACE = "\u202f"
_MISSING = "–"
_MOST_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Column:
    """One column: values of all labels, in the order of the result's table.

    Attributes
    ----------
    name : str
        What conditions and copied text call it.
    title : str
        Heading, with the unit.
    group : str
        Key of `GROUPS` or `UNITS`; empty for columns that are always shown.
    values : ndarray
    errors : ndarray or None
    decimals : int
        Written where there is no error to tell.
    help : str
        Tooltip of the heading.
    """

    name: str
    title: str
    group: str
    values: np.ndarray
    errors: np.ndarray | None = None
    decimals: int = 2
    help: str = ""

    @property
    def is_text(self) -> bool:
        """Whether the values are text."""
        return self.values.dtype.kind not in "iuf"

    @cached_property
    def sort_keys(self) -> np.ndarray:
        """Numbers in whose order the values are sorted; NaN for what always comes last."""
        if not self.is_text:
            return self.values.astype(float)
        natural = [_natural(text) for text in self.values]
        ranks = {key: float(rank) for rank, key in enumerate(sorted(set(natural)))}
        return np.array([ranks[key] if key != _natural("") else np.nan for key in natural])

    def text(self, row: int) -> str:
        """Return a cell as a person would write it."""
        value = self.values[row]
        if self.is_text:
            return str(value)
        if self.values.dtype.kind in "iu":
            return grouped(value, 0) if self.name != LABEL else str(value)
        return with_error(value, self.errors[row] if self.errors is not None else np.nan) or (
            grouped(value, self.decimals)
        )


def with_error(value: float, error: float) -> str:
    """Write a value to the last place of its error; empty if there is no error to tell it.

    The error is written with one digit, or with two where the first is 1, so that rounding
    changes it by less than a quarter.

    Examples
    --------
    >>> with_error(20.123, 0.287), with_error(20.123, 0.0123), with_error(12345.6, 162)
    ('20.1 ± 0.3', '20.123 ± 0.012', '12\u202f350 ± 160')
    """
    if not (np.isfinite(value) and np.isfinite(error) and error > 0):
        return ""
    exponent = int(np.floor(np.log10(error)))
    digits = 2 if error / 10.0**exponent < 1.95 else 1
    place = min(digits - 1 - exponent, _MOST_DECIMALS)
    return f"{grouped(value, place)} ± {grouped(error, place)}"


def grouped(value: float, place: int) -> str:
    """Write a number to a decimal place, thousands apart; a dash for NaN."""
    if not np.isfinite(value):
        return _MISSING
    rounded = round(float(value), place) + 0.0  # no minus before zero
    return f"{rounded:,.{max(place, 0)}f}".replace(",", _THIN_SPACE)


def groups_shown(groups: Sequence[str], unit: str) -> list[str]:
    """Return the groups of columns to show; the composition is that in one unit."""
    return [unit if group == COMPOSITION else group for group in groups]


def columns_of(result: Quantification, remarks: Sequence[str]) -> list[Column]:
    """Return all columns of a result, in the order in which they are shown.

    Parameters
    ----------
    result : Quantification
    remarks : sequence of str
        What to beware of, per label.
    """
    table = result.table
    columns = [
        Column(LABEL, "label", "", table.index.to_numpy(), help="Number of the label"),
        _plain(table, CHIP, CHIP, CHIP, "Name of the label"),
    ]
    for e in result.elements:
        columns += _composition(table, e)
    columns += [
        _plain(table, REDUCED_CHI_SQUARED, "χ²/ν", "fit", "Reduced chi-squared of the fit"),
        Column(REMARK, "remark", "", np.array(remarks, object), help="What to beware of"),
        _plain(table, COUNTS, "counts", "size", "X-rays above the noise peak"),
        _plain(table, N_PIXELS, "pixels", "size", "Pixels of the label"),
    ]
    for e in result.elements:
        columns.append(
            _plain(
                table,
                detection_limit(e),
                f"{e} limit at.%",
                "limits",
                f"Least {e} in at.% that would be detected in this label",
            )
        )
    columns.append(
        _plain(table, NOT_DETECTED, "not detected", "limits", "Elements below their limit")
    )
    columns += [_intensity(table, str(family)) for family in result.fit.model.families]
    return columns + _positions(table)


def _plain(table: pd.DataFrame, name: str, title: str, group: str, tip: str) -> Column:
    values = table[name].to_numpy()
    if values.dtype.kind not in "iuf":
        values = values.astype(object)
    return Column(name, title, group, values, help=tip)


def _composition(table: pd.DataFrame, element: str) -> list[Column]:
    """At. % with its two errors, and wt. %, of which the result holds no errors."""
    name = at_pct(element)
    return [
        Column(
            name,
            f"{element} at.%",
            AT_PCT,
            table[name].to_numpy(float),
            table[error_of(name)].to_numpy(float),
            help=f"{element} in at.% ± standard deviation from counting",
        ),
        _plain(table, wt_pct(element), f"{element} wt.%", WT_PCT, f"{element} in wt.%"),
        _plain(
            table,
            error_k_of(name),
            f"{element} ± k",
            "k errors",
            f"Standard deviation of {element} in at.% from the errors of the k-factors",
        ),
    ]


def _intensity(table: pd.DataFrame, family: str) -> Column:
    name = intensity(family)
    return Column(
        name,
        f"{family} counts",
        "intensities",
        table[name].to_numpy(float),
        table[error_of(name)].to_numpy(float),
        decimals=0,
        help=f"Counts of the family {family} ± standard deviation",
    )


def _positions(table: pd.DataFrame) -> list[Column]:
    return [
        Column(
            name,
            name,
            "position",
            table[name].to_numpy(float),
            decimals=1,
            help=f"{name.capitalize()} of the label's centre, in pixels",
        )
        for name in (ROW, COLUMN)
    ]


def _natural(text: str) -> tuple[object, ...]:
    """Return a key that sorts R2C10 behind R2C9."""
    parts = re.split(r"(\d+)", text)
    return tuple(int(part) if part.isdigit() else part for part in parts)
