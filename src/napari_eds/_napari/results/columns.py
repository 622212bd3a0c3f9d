"""Columns of the results dock: what they are called, how they are written and sorted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from napari_eds._napari.parts.numbers import grouped, with_error
from napari_eds.quantification.error_table import parts_text
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import (
    AT_PCT,
    CHIP,
    COLUMN,
    COUNTS,
    FLAG,
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
    error_total_of,
    intensity,
    wt_pct,
)

COMPOSITION = "composition"

#: Groups that can be shown and hidden, with the words for them. The first four are shown at first.
GROUPS = {
    CHIP: "Chip name",
    COMPOSITION: "Composition",
    "fit": "Quality of fit",
    "size": "Counts and pixels",
    "errors": "Errors from counting and from k-factors",
    "limits": "Detection limits and what is below",
    "intensities": "Intensities",
    "position": "Position",
}
SHOWN_AT_FIRST = (CHIP, COMPOSITION, "fit", "size")
#: Units of the composition, each a group of columns.
UNITS: dict[str, str] = {AT_PCT: "at.%", WT_PCT: "wt.%"}


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
    errors_name : str
        What copied text calls the errors.
    decimals : int
        Written where there is no error to tell.
    help : str
        Tooltip of the heading.
    tell : callable or None
        Returns what a cell's error is made of, for the row of the result's table.
    """

    name: str
    title: str
    group: str
    values: np.ndarray
    errors: np.ndarray | None = None
    errors_name: str = ""
    decimals: int = 2
    help: str = ""
    tell: Callable[[int], str] | None = None

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


def groups_shown(groups: Sequence[str], unit: str) -> list[str]:
    """Return the groups of columns to show; the composition is that in one unit."""
    return [unit if group == COMPOSITION else group for group in groups]


def columns_of(result: Quantification) -> list[Column]:
    """Return all columns of a result, in the order in which they are shown."""
    table = result.table
    columns = [
        Column(LABEL, "label", "", table.index.to_numpy(), help="Number of the label"),
        _plain(table, CHIP, CHIP, CHIP, "Name of the label"),
    ]
    for place in range(len(result.elements)):
        columns += _composition(result, place)
    columns += [
        _plain(table, REDUCED_CHI_SQUARED, "χ²/ν", "fit", "Reduced chi-squared of the fit"),
        _plain(table, FLAG, "remark", "", "What to beware of"),
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


def _composition(result: Quantification, place: int) -> list[Column]:
    """At. % with its errors, the total first, and wt. %, of which the result holds no errors."""
    table, element = result.table, result.elements[place]
    name = at_pct(element)
    errors = table[error_total_of(name)].to_numpy(float)
    # Of the composition alone: a column outlives its result, whose image is large.
    composition = result.composition

    def tell(row: int) -> str:
        parts = parts_text(composition, row, place)
        return f"{element} ± {errors[row]:.2g} at.%: {parts}" if parts else ""

    return [
        Column(
            name,
            f"{element} at.%",
            AT_PCT,
            table[name].to_numpy(float),
            errors,
            error_total_of(name),
            help=f"{element} in at.% ± standard deviation of all that is uncertain. Of the parts "
            "that a cell's tooltip lists, only counting differs from label to label",
            tell=tell,
        ),
        _plain(table, wt_pct(element), f"{element} wt.%", WT_PCT, f"{element} in wt.%"),
        _plain(
            table,
            error_of(name),
            f"{element} ± counting",
            "errors",
            f"Standard deviation of {element} in at.% from counting alone, for differences "
            "between labels of one map",
        ),
        _plain(
            table,
            error_k_of(name),
            f"{element} ± k",
            "errors",
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
        error_of(name),
        decimals=0,
        help=f"Counts of the family {family} ± standard deviation from counting",
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
