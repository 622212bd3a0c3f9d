"""What a notebook shows of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from napari_eds._support import html
from napari_eds.quantification.table import CHIP, COUNTS, FLAG, LABEL, at_pct, error_total_of

#: Rows of the table that are shown.
_HEAD = 8


class Shown(Protocol):
    """What is shown of a result."""

    @property
    def elements(self) -> tuple[str, ...]:
        """Quantified elements."""

    @property
    def table(self) -> pd.DataFrame:
        """One row per label."""

    def account(self) -> Sequence[str]:
        """Sentences on what was done."""


def result_html(result: Shown, name: str) -> str:
    """Return the head of a result's table, at.% with total errors, all labels, and its account."""
    table, elements = result.table, result.elements
    rows = [
        [label, row[CHIP], f"{row[COUNTS]:,}", *(_cell(row, e) for e in elements), row[FLAG]]
        for label, row in table.head(_HEAD).iterrows()
    ]
    if len(table) > _HEAD:
        rows.append(["…", f"{len(table) - _HEAD} more", "", *("" for _ in elements), ""])
    means = [_number(float(table[at_pct(e)].mean()), 2) for e in elements]
    flagged = int((table[FLAG] != "").sum())
    counts = table[COUNTS].sum()
    rows.append(
        [f"all {len(table)}", "sum, mean", f"{counts:,}", *means, f"{flagged} with a remark"]
    )
    header = [LABEL, CHIP, COUNTS, *(f"{e} (at.%)" for e in elements), "remarks"]
    return html.page(
        f"{name}: {', '.join(elements)}",
        html.table(rows, header),
        html.sentences(result.account()),
    )


def _cell(row: pd.Series, element: str) -> str:
    value, error = row[at_pct(element)], row[error_total_of(at_pct(element))]
    return f"{_number(value, 2)} ± {_number(error, 2)}" if np.isfinite(value) else "-"


def _number(value: float, digits: int) -> str:
    """Write a number, a dash where there is none."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"
