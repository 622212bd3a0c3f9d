"""Plots of the compositions of labels: histogram, scatter of two elements, ternary of three."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from napari_eds._support.arguments import each, expect
from napari_eds._support.figures import COLORS
from napari_eds.errors import EDSError
from napari_eds.exchange.figures.page import FigureStyle, new_figure
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import at_pct, error_total_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PlotKind = Literal["histogram", "scatter", "ternary"]
#: How many elements each kind shows.
_ELEMENTS: dict[PlotKind, int] = {"scatter": 2, "ternary": 3}
_HALF_ROOT_3 = sqrt(3) / 2


def plot_figure(
    result: Quantification,
    kind: PlotKind = "histogram",
    elements: Sequence[str] | None = None,
    *,
    style: FigureStyle | None = None,
) -> Figure:
    """Draw the compositions of all labels.

    Parameters
    ----------
    result : Quantification
    kind : {"histogram", "scatter", "ternary"}
        A histogram of each element; at.% of one element against another with total errors; three
        elements, their sum taken as 100 %.
    elements : sequence of str, optional
        All for histograms; the first two or three otherwise.
    style : FigureStyle, optional

    Raises
    ------
    EDSError
        If an element was not quantified, or there are too few of them or too many.
    """
    expect(result=(result, Quantification), kind=(kind, str), style=(style, FigureStyle | None))
    style = style or FigureStyle(width_mm=85.0)
    if kind not in get_args(PlotKind):
        raise EDSError(f"{kind!r} is no plot: take {', '.join(get_args(PlotKind))}")
    given = () if elements is None else each("elements", elements, str)
    chosen = list(given or result.elements[: _ELEMENTS.get(kind)])
    missing = [e for e in chosen if e not in result.elements]
    if missing:
        raise EDSError(f"{missing[0]} was not quantified; {', '.join(result.elements)} were")
    wanted = _ELEMENTS.get(kind, len(chosen))
    if len(chosen) != wanted or not chosen:
        raise EDSError(f"a {kind} shows {wanted} elements, not {len(chosen)}")
    draw = {"histogram": _histograms, "scatter": _scatter, "ternary": _ternary}[kind]
    return draw(result, chosen, style)


def _histograms(result: Quantification, elements: Sequence[str], style: FigureStyle) -> Figure:
    n_columns = ceil(sqrt(len(elements)))
    n_rows = ceil(len(elements) / n_columns)
    figure = new_figure(style, n_rows * style.width_mm / n_columns * 0.75, constrained=True)
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in grid[len(elements) :]:
        axes.set_axis_off()
    for axes, e in zip(grid, elements, strict=False):
        values = result.table[at_pct(e)].to_numpy()
        values = values[np.isfinite(values)]
        axes.hist(values, bins=min(40, max(5, ceil(sqrt(values.size)))), color=COLORS[0])
        _dress(axes, f"{e} (at.%)", "Labels", style)
    return figure


def _scatter(result: Quantification, elements: Sequence[str], style: FigureStyle) -> Figure:
    figure = new_figure(style, 0.85 * style.width_mm, constrained=True)
    axes = figure.subplots()
    columns = [at_pct(e) for e in elements]
    x, y = (result.table[c].to_numpy() for c in columns)
    x_error, y_error = (result.table[error_total_of(c)].to_numpy() for c in columns)
    axes.errorbar(
        x, y, y_error, x_error, fmt="o", ms=2.5, color=COLORS[0], ecolor="0.8", elinewidth=0.6
    )
    _dress(axes, f"{elements[0]} (at.%)", f"{elements[1]} (at.%)", style)
    return figure


def _ternary(result: Quantification, elements: Sequence[str], style: FigureStyle) -> Figure:
    figure = new_figure(style, 0.92 * style.width_mm, constrained=True)
    axes = figure.subplots()
    parts = np.stack([result.table[at_pct(e)].to_numpy() for e in elements], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = parts / parts.sum(axis=1, keepdims=True)
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, _HALF_ROOT_3]])
    for i in range(3):
        for share in np.linspace(0, 0.8, 5):
            # Where the i-th element has this share.
            a, b = (share * corners[i] + (1 - share) * corners[j] for j in range(3) if j != i)
            axes.plot(*zip(a, b, strict=True), color="0.3" if share == 0 else "0.88", lw=0.7)
    axes.plot(*(parts @ corners).T, "o", ms=2.5, color=COLORS[0])
    for corner, element, shift in zip(corners, elements, ((-6, -4), (6, -4), (0, 5)), strict=True):
        axes.annotate(
            element,
            corner,
            shift,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=style.font_size_pt,
            weight="bold",
        )
    axes.set(aspect="equal", xlim=(-0.08, 1.08), ylim=(-0.08, 0.95))
    axes.set_axis_off()
    return figure


def _dress(axes: Axes, x: str, y: str, style: FigureStyle) -> None:
    axes.set_xlabel(x, fontsize=style.font_size_pt)
    axes.set_ylabel(y, fontsize=style.font_size_pt)
    axes.tick_params(labelsize=style.small_pt, width=0.6)
    axes.spines[["top", "right"]].set_visible(False)
