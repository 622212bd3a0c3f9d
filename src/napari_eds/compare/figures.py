"""Figures of comparisons: maps side by side with their difference, clouds, bars."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import Inputs, check_files
from napari_eds.compare.tables import CompositionTable
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Blue and red are told apart with every common colour vision; white is zero.
_DIVERGING = "RdBu_r"
_OURS, _OTHER = "#2166ac", "#b8b8b8"
_UNLABELLED = "0.75"
_SCALE_BAR_SHARE = 0.35


class Sides(Protocol):
    """What a figure of two results needs: both of them, and how they differ."""

    @property
    def ours(self) -> CompositionTable:
        """One side, of the same labels and elements as the other."""

    @property
    def other(self) -> CompositionTable:
        """The other side."""

    @property
    def table(self) -> pd.DataFrame:
        """Values of both and their differences, one row per label."""

    @property
    def statistics(self) -> pd.DataFrame:
        """Mean and scatter of the differences, one row per element."""

    @property
    def unit(self) -> str:
        """Unit of the values, for people."""

    @property
    def is_whole(self) -> bool:
        """Whether each side is one composition of everything."""

    def maps(self, what: str) -> dict[str, np.ndarray]:
        """Return the maps of ``"ours"``, ``"other"`` or ``"difference"``, (rows, columns)."""


class BesideKnown(Protocol):
    """What a figure of a result beside a formula needs."""

    @property
    def name(self) -> str:
        """What the result is called."""

    @property
    def formula(self) -> str:
        """The composition that is known."""

    @property
    def labels(self) -> Sequence[object]:
        """Labels that were averaged."""

    @property
    def elements(self) -> Sequence[str]:
        """Elements of the formula, in its order."""

    @property
    def table(self) -> pd.DataFrame:
        """Found and expected at.%, one row per element of the formula."""


def draw(comparison: Sides, elements: Sequence[str]) -> Figure:
    """Draw a comparison the way its data ask for."""
    if comparison.is_whole:
        return _bars(comparison, elements)
    if comparison.ours.labels is None:
        return _clouds(comparison, elements)
    return _maps(comparison, elements)


def save(
    figure: Figure, path: str | Path, *, overwrite: bool = False, inputs: Inputs = ()
) -> Path:
    """Save a figure in the format of the suffix, whole or not at all; never over an input.

    Raises
    ------
    OutputError
        If the file is there and may not be replaced.
    EDSError
        If figures are not drawn in that format.
    OSError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    check_files([path], overwrite=overwrite, inputs=inputs)
    buffer = BytesIO()
    figure.savefig(buffer, format=figure_format(path), dpi=150)
    return write_atomically(path, buffer.getvalue(), overwrite=overwrite)


def figure_format(path: Path) -> str:
    """Return the format of a figure's file; PNG without a suffix.

    Raises
    ------
    EDSError
        If figures are not drawn in that format.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    wanted = path.suffix.lower().lstrip(".") or "png"
    if wanted not in known:
        raise EDSError(f"{path.name}: figures are saved as .png, .pdf or .svg, not .{wanted}")
    return wanted


def _maps(comparison: Sides, elements: Sequence[str]) -> Figure:
    ours, other, difference = (comparison.maps(w) for w in ("ours", "other", "difference"))
    rows, columns = next(iter(ours.values())).shape
    height, width = (
        n * s for n, s in zip((rows, columns), comparison.ours.pixel_size, strict=True)
    )
    tall = float(np.clip(2.7 * height / width, 1.2, 5.0))
    figure = _figure(figsize=(10.5, (tall + 0.25) * len(elements) + 0.6))
    grid = figure.subplots(len(elements), 3, squeeze=False)
    extent = (0, width, height, 0)
    for (first, second, third), e in zip(grid, elements, strict=True):
        low, high = _range(ours[e], other[e])
        for axes, data in ((first, ours[e]), (second, other[e])):
            drawn = axes.imshow(data, extent=extent, vmin=low, vmax=high, cmap="viridis")
        figure.colorbar(drawn, ax=[first, second], shrink=0.9, pad=0.01)
        limit = _limit(difference[e])
        drawn = third.imshow(
            difference[e], extent=extent, vmin=-limit, vmax=limit, cmap=_DIVERGING
        )
        figure.colorbar(drawn, ax=third, shrink=0.9, pad=0.02)
        s = comparison.statistics.loc[e]
        third.set_xlabel(
            f"mean {s['mean_difference']:+.2f}, sd {s['sd_difference']:.2f}", fontsize=8
        )
        first.set_ylabel(f"{e} ({comparison.unit})", fontsize=11)
        for axes in (first, second, third):
            axes.set(xticks=[], yticks=[], facecolor=_UNLABELLED)
    _titles(grid[0], comparison)
    _scale_bar(grid[-1][0], width, height, comparison.ours.pixel_unit)
    return figure


def _titles(top: Any, comparison: Sides) -> None:
    top[0].set_title(comparison.ours.name, fontsize=10)
    top[1].set_title(comparison.other.name, fontsize=10)
    top[2].set_title(
        f"{comparison.ours.name} − {comparison.other.name}\nred: {comparison.ours.name} larger",
        fontsize=9,
    )


def _scale_bar(axes: Axes, width: float, height: float, unit: str) -> None:
    """Draw a bar of a round length below the map, in its units."""
    longest = _SCALE_BAR_SHARE * width
    power = 10.0 ** np.floor(np.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest)
    y = height * 1.04
    axes.plot([0, length], [y, y], color="black", linewidth=3, clip_on=False)
    axes.text(length * 1.06, y, f"{length:g} {unit}", va="center", ha="left", fontsize=8)
    axes.set(xlim=(0, width), ylim=(height, 0))


def _clouds(comparison: Sides, elements: Sequence[str]) -> Figure:
    n_columns = min(len(elements), 3)
    n_rows = -(-len(elements) // n_columns)
    figure = _figure(figsize=(3.4 * n_columns, 3.3 * n_rows))
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in grid[len(elements) :]:
        axes.set_axis_off()
    for axes, e in zip(grid, elements, strict=False):
        x, y = (comparison.table[f"{e}_{side}"].to_numpy() for side in ("other", "ours"))
        errors = [t.errors[e].to_numpy() for t in (comparison.other, comparison.ours)]
        xerr, yerr = (None if np.isnan(err).all() else err for err in errors)
        axes.errorbar(
            x, y, yerr, xerr, fmt="o", ms=3, color=_OURS, ecolor="0.8", elinewidth=0.8, zorder=2
        )
        low, high = np.nanmin([x, y]), np.nanmax([x, y])
        axes.plot([low, high], [low, high], color="0.4", linewidth=1, zorder=1)
        s = comparison.statistics.loc[e]
        axes.set_title(
            f"{e}: mean {s['mean_difference']:+.2f}, sd {s['sd_difference']:.2f}", fontsize=9
        )
        axes.set_xlabel(f"{comparison.other.name} ({comparison.unit})", fontsize=8)
        axes.set_ylabel(f"{comparison.ours.name} ({comparison.unit})", fontsize=8)
    return figure


def _bars(comparison: Sides, elements: Sequence[str]) -> Figure:
    figure = _figure(figsize=(1.1 * len(elements) + 6, 3.4))
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    place = np.arange(len(elements))
    for shift, table, colour in ((-0.2, comparison.ours, _OURS), (0.2, comparison.other, _OTHER)):
        _bar(
            left,
            place + shift,
            table.percent[list(elements)].to_numpy()[0],
            table.errors[list(elements)].to_numpy()[0],
            (colour, table.name),
        )
    left.set(xticks=place, xticklabels=list(elements), ylabel=comparison.unit)
    left.legend(fontsize=8, frameon=False)
    row = comparison.table.iloc[0]
    difference = np.array([row[f"{e}_difference"] for e in elements], dtype=float)
    error = np.array([row[f"{e}_difference_error"] for e in elements], dtype=float)
    colours = ["#b2182b" if d > 0 else "#2166ac" for d in difference]
    right.bar(place, difference, 0.6, yerr=error, color=colours, capsize=3)
    right.axhline(0, color="black", linewidth=0.8)
    right.set(xticks=place, xticklabels=list(elements), ylabel=comparison.unit)
    right.set_title(
        f"{comparison.ours.name} − {comparison.other.name}, with errors of both", fontsize=9
    )
    return figure


def _bar(
    axes: Axes, place: np.ndarray, values: np.ndarray, errors: np.ndarray, look: tuple[str, str]
) -> None:
    """Draw bars with error bars where errors are known."""
    colour, label = look
    known = None if np.isnan(errors).all() else errors
    axes.bar(place, values, 0.38, yerr=known, color=colour, label=label, capsize=3)


def draw_known(known: BesideKnown) -> Figure:
    """Draw found and expected at.% as bars."""
    figure = _figure(figsize=(1.4 * len(known.elements) + 2.5, 3.6))
    axes = figure.subplots()
    place = np.arange(len(known.elements))
    table = known.table
    found = table["normalised_at_pct"].to_numpy()
    error = table["error_total"].to_numpy()
    _bar(axes, place - 0.2, found, error, (_OURS, f"{known.name}, normalised"))
    expected = table["expected_at_pct"].to_numpy()
    _bar(axes, place + 0.2, expected, expected * np.nan, (_OTHER, known.formula))
    top = np.maximum(found + np.nan_to_num(error), expected)
    for x, y, percent in zip(place, top, table["percent_error"], strict=True):
        axes.annotate(
            f"{percent:+.2f} %",
            (x, y),
            (0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    axes.set(xticks=place, xticklabels=list(known.elements), ylabel="at.%")
    axes.margins(y=0.15)
    n = len(known.labels)
    axes.set_title(f"{n} label{'s' if n != 1 else ''} beside {known.formula}", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return figure


def _figure(figsize: tuple[float, float]) -> Figure:
    from matplotlib.figure import Figure as NewFigure

    return NewFigure(figsize=figsize, layout="constrained")


def _range(*data: np.ndarray) -> tuple[float, float]:
    """Limits that hold all but the outermost percent of values, and zero."""
    values = np.concatenate([d[np.isfinite(d)].ravel() for d in data])
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, [1, 99])
    low = min(float(low), 0.0)
    return low, max(float(high), low + 1e-9)


def _limit(difference: np.ndarray) -> float:
    """Limit of a diverging scale, symmetric about zero."""
    values = np.abs(difference[np.isfinite(difference)])
    return max(float(np.percentile(values, 99)), 1e-9) if values.size else 1.0
