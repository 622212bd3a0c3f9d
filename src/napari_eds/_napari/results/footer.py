"""What the results dock says of the selected labels, in a line or two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_eds._napari.parts.numbers import grouped, with_error
from napari_eds._napari.results.columns import UNITS
from napari_eds.quantification.statistics import Spread, spreads
from napari_eds.quantification.table import (
    AT_PCT,
    COUNTS,
    N_PIXELS,
    column_of,
    error_total_of,
)

#: After an element whose scatter counting does not explain.
REAL = "▲"

_ABOUT = (
    "Mean ± standard deviation over the selected labels; in brackets the standard deviation that "
    f"counting alone would give. {REAL} marks elements whose scatter would come from counting "
    "alone in less than 1 of 100 cases: the labels differ, or are corrected by one thickness that "
    "does not fit all. What moves all labels alike, such as k-factors, is in the errors of the "
    "table."
)


def summary(
    table: pd.DataFrame, elements: Sequence[str], ids: Sequence[int], unit: str, hidden: int
) -> tuple[str, str]:
    """Return a text on selected labels and a longer one for its tooltip.

    Parameters
    ----------
    table : DataFrame
        That of a `Quantification`.
    elements : sequence of str
    ids : sequence of int
        Selected labels.
    unit : str
        Key of `UNITS`.
    hidden : int
        How many of the selected labels the filter hides.
    """
    chosen = table.loc[table.index.isin(ids)]
    if chosen.empty:
        return f"None of {grouped(len(table), 0)} labels selected.", ""
    head = (
        f"{grouped(len(chosen), 0)} of {grouped(len(table), 0)} selected"
        + (f" ({grouped(hidden, 0)} hidden by the filter)" if hidden else "")
        + f": {grouped(chosen[N_PIXELS].sum(), 0)} px, "
        + f"{grouped(chosen[COUNTS].sum(), 0)} counts."
    )
    found = spreads(table, elements, ids, unit)
    shown = {e: _short(s) for e, s in found.items()}
    if len(chosen) == 1:
        shown = {e: _one_label(chosen, e, unit) for e in elements}
    items = [f"{e} {value}".replace(" ", "\u00a0") for e, value in shown.items()]
    text = f"{head} {UNITS[unit].replace('.', '. ')}: {'   '.join(items)}"
    if len(chosen) == 1:
        return text, "Value ± standard deviation of all that is uncertain" * (unit == AT_PCT)
    return text, "\n".join([_ABOUT, *(_long(e, s, unit) for e, s in found.items())])


def _one_label(chosen: pd.DataFrame, element: str, unit: str) -> str:
    """Return the value of the only label with its total error, which wt. % has none of."""
    column = column_of(element, unit)
    value = chosen[column].iloc[0]
    error = chosen[error_total_of(column)].iloc[0] if unit == AT_PCT else np.nan
    return with_error(value, error) or grouped(value, 2)


def _short(s: Spread) -> str:
    """Return mean, scatter and what counting explains of it."""
    scatter = with_error(s.mean, s.deviation) or grouped(s.mean, 2)
    expected = f" ({_one(s.expected)})" if np.isfinite(s.expected) else ""
    return f"{scatter}{expected}{REAL if s.real else ''}"


def _one(error: float) -> str:
    return with_error(0, error).partition("± ")[2]


def _long(element: str, s: Spread, unit: str) -> str:
    weighted = with_error(s.weighted_mean, s.weighted_error)
    ratio = s.deviation / s.expected if s.expected > 0 else np.nan
    return f"{element}: {s.n} values, {_short(s)} {UNITS[unit]}" + (
        f"; weighted mean {weighted}; scatter {ratio:.1f} times that of counting"
        if weighted
        else ""
    )
