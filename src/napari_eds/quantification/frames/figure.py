"""The figure of compositions over frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_eds.labels.chips import CHIP, LABEL
from napari_eds.quantification.table import at_pct, error_of, error_total_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Width of the figure and height of a row, inches; elements of less are not drawn, at.%.
_WIDTH, _HEIGHT, _LEAST_AT_PCT = 7.0, 2.4, 0.5
#: Of smaller probabilities only that is said.
_SMALLEST_P = 1e-6


def draw(
    table: pd.DataFrame,
    changes: pd.DataFrame,
    labels: Sequence[int],
    followed: Sequence[tuple[str, str]],
    abscissa: tuple[str, np.ndarray],
) -> Figure:
    """Draw compositions: a row a label, a panel an element, which differ in their ranges.

    Parameters
    ----------
    table, changes : DataFrame
        Of `FrameResult`.
    labels : sequence of int
    followed : sequence of (str, str)
        What the changes call it, and its column: an element, or the mass thickness.
    abscissa : (str, ndarray (rows of the table,))
        What it is called, and its values.
    """
    from matplotlib.figure import Figure

    unit, x = abscissa
    seen = [
        (name, column)
        for name, column in followed
        if column != at_pct(name) or table[column].max() >= _LEAST_AT_PCT
    ]
    followed = seen or followed
    figure = Figure(figsize=(_WIDTH, 0.5 + _HEIGHT * len(labels)), layout="constrained", dpi=150)
    panels = figure.subplots(len(labels), len(followed), squeeze=False, sharex=True)
    for row, label in zip(panels, labels, strict=True):
        here = (table[LABEL] == label).to_numpy()
        own = table[here]
        for axes, (name, column) in zip(row, followed, strict=True):
            value, error, total = (
                own[one].to_numpy(float)
                for one in (column, error_of(column), error_total_of(column))
            )
            common = np.sqrt(np.maximum(total**2 - error**2, 0))
            axes.fill_between(x[here], value - common, value + common, color="0.88", lw=0)
            axes.errorbar(x[here], value, error, fmt="o", ms=3, lw=1, capsize=2)
            chosen = (changes[LABEL] == label) & (changes["element"] == name)
            found = changes[chosen].iloc[0]
            if found["changes"]:
                ends = np.array([0.0, x[here].max()])
                axes.plot(ends, found["at_zero"] + found["slope"] * ends, "--", lw=1)
            axes.set_title(f"{name}, {_p(found['p_value'])}", fontsize=8)
            _zoom(axes, value, error)
            axes.tick_params(labelsize=7)
        row[0].set_ylabel(f"{own[CHIP].iloc[0]}, at.%", fontsize=8)
    figure.supxlabel(unit, fontsize=9)
    return figure


def _p(value: float) -> str:
    return f"p = {value:.2g}" if value >= _SMALLEST_P else f"p < {_SMALLEST_P:g}"


def _zoom(axes: Axes, value: np.ndarray, error: np.ndarray) -> None:
    """Show the values, not all of the band, which is far wider."""
    known = np.isfinite(value) & np.isfinite(error)
    if known.any():
        low, high = (value - error)[known].min(), (value + error)[known].max()
        margin = 0.5 * (high - low) or 1.0
        axes.set_ylim(low - margin, high + margin)
