"""Maps side by side, each with its name and colour bar, one with the scale bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_eds._support.arguments import expect
from napari_eds._support.figures import COLORS
from napari_eds.errors import EDSError
from napari_eds.exchange.figures import outlines, scale_bar
from napari_eds.exchange.figures.page import (
    MM_PER_INCH,
    POINTS_PER_MM,
    FigureStyle,
    new_figure,
)
from napari_eds.exchange.figures.panels import Panel, Source, default_maps, image_of, panels
from napari_eds.labels.edges import label_edges
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Lengths in mm.
_EDGE, _GAP, _BAR_GAP, _BAR = 1.5, 2.5, 1.0, 2.0
#: Widest letters of a colour bar's numbers, as a part of their height; most letters of a number.
_LETTER, _LETTERS = 0.62, 4
#: Maps are not drawn higher than this, seen from their width.
_HIGHEST = 1.6
_NARROWEST_MM, _COMFORTABLE_MM = 12.0, 40.0
#: So many labels get colours and names of their own; more are one net of lines.
MOST_NAMED = len(COLORS)
_UNLABELLED = "0.8"

#: All labels, none, or these.
Outline = bool | Iterable[int]

_PICTURE = "gray"


@dataclass(frozen=True)
class _Places:
    """Where the maps stand on the page, in mm."""

    n_columns: int
    n_rows: int
    map_width: float
    map_height: float
    cell_width: float
    cell_height: float
    legend: float

    @property
    def height(self) -> float:
        return 2 * _EDGE + self.n_rows * self.cell_height + (self.n_rows - 1) * _GAP + self.legend

    def corner(self, place: int) -> tuple[float, float]:
        """Return the lower left corner of a map, from that of the page."""
        row, column = divmod(place, self.n_columns)
        top = self.height - _EDGE - row * (self.cell_height + _GAP)
        return _EDGE + column * (self.cell_width + _GAP), top - self.cell_height


def map_figure(  # noqa: PLR0913 - all but two are keywords
    source: Source,
    maps: Sequence[str] | None = None,
    *,
    outline: Outline = False,
    n_columns: int | None = None,
    same_scale: bool = False,
    style: FigureStyle | None = None,
) -> Figure:
    """Draw maps side by side.

    Parameters
    ----------
    source : SpectrumImage, Quantification or PixelMaps
    maps : sequence of str, optional
        Names such as ``"HAADF"``, ``"Fe"``, ``"Fe:counts"``, ``"Fe_wt_pct"``, in their order; see
        `panels.panels`. The HAADF image and all elements by default.
    outline : bool or iterable of int
        Labels of a result that are outlined on all maps: all, none, or these. Up to six have a
        colour and a legend.
    n_columns : int, optional
        Maps in a row; as many as make the figure about as wide as high by default.
    same_scale : bool
        Whether maps of one unit share the scale of their colours.
    style : FigureStyle, optional

    Returns
    -------
    Figure
        Of matplotlib; `save_figure` saves it.

    Raises
    ------
    EDSError
        If there is no such map, or they do not fit the width.
    LabelError
        If a label to outline is not there.
    """
    expect(n_columns=(n_columns, Integral | None), style=(style, FigureStyle | None))
    style = style or FigureStyle()
    shown = panels(source, default_maps(source) if maps is None else maps)
    image = image_of(source)
    marked = _marked(source, outline)
    named = _named(source, marked)
    size = [n * p for n, p in zip(image.shape, image.pixel_size, strict=True)]
    places = _places(len(shown), size[0] / size[1], n_columns, style, len(named))
    figure = new_figure(style, places.height)
    shared = _shared_limits(shown) if same_scale else {}
    for place, panel in enumerate(shown):
        axes = _axes(figure, places, *places.corner(place), places.map_width)
        limits = shared.get(panel.unit) or panel.limits()
        drawn = _draw_panel(axes, panel, size, limits, style)
        pixel_pt = places.map_width * POINTS_PER_MM / image.shape[1]
        _outline(
            axes, marked, list(named), image.pixel_size, min(style.font_size_pt / 8, pixel_pt)
        )
        if not panel.is_picture:
            _color_bar(figure, drawn, places, place, style)
        if place == 0:
            scale_bar.draw_inside(axes, size[1], size[0], image.pixel_unit, style.font_size_pt)
    _legend(figure, named, places, style)
    return figure


def _places(
    n: int, aspect: float, n_columns: int | None, style: FigureStyle, n_named: int
) -> _Places:
    """Return where `n` maps stand whose height is `aspect` times their width."""
    if n_columns is not None and n_columns < 1:
        raise EDSError(f"a figure has at least one map in a row, not {n_columns}")
    columns = min(n, n_columns or _best_columns(n, aspect, style.width_mm))
    cell = (style.width_mm - 2 * _EDGE - (columns - 1) * _GAP) / columns
    numbers = _BAR_GAP + _BAR + 1.0 + _LETTERS * _LETTER * style.small_pt / POINTS_PER_MM
    width = cell - numbers
    if width < _NARROWEST_MM and n_columns is None and columns > 1:
        return _places(n, aspect, columns - 1, style, n_named)
    if width < _NARROWEST_MM:
        raise EDSError(
            f"{columns} maps in a row do not fit {style.width_mm:g} mm: take fewer, a larger "
            "width or a smaller font"
        )
    height = min(width * aspect, _HIGHEST * cell)
    width = height / aspect
    legend = style.line_mm + 1.0 if n_named else 0.0
    return _Places(columns, ceil(n / columns), width, height, cell, height + style.line_mm, legend)


def _best_columns(n: int, aspect: float, width_mm: float) -> int:
    """Return how many maps in a row leave the fewest places empty, about as wide as high."""
    fewest = ceil(sqrt(n * max(1.0, min(aspect, 3.0))))
    wide_enough = [c for c in (fewest, fewest + 1) if width_mm / c >= _COMFORTABLE_MM]
    return min(wide_enough or [fewest], key=lambda c: (-n % c, c))


def _axes(figure: Figure, places: _Places, left: float, bottom: float, width: float) -> Axes:
    """Add axes of a map's height at a place in mm."""
    page_width = figure.get_figwidth() * MM_PER_INCH
    return figure.add_axes(
        (
            left / page_width,
            bottom / places.height,
            width / page_width,
            places.map_height / places.height,
        )
    )


def _draw_panel(
    axes: Axes,
    panel: Panel,
    size: Sequence[float],
    limits: tuple[float, float],
    style: FigureStyle,
) -> Any:
    height, width = size
    low, high = limits
    drawn = axes.imshow(
        panel.data,
        extent=(0, width, height, 0),
        vmin=low,
        vmax=high,
        cmap=_PICTURE if panel.is_picture else style.colormap,
        interpolation="nearest",
        aspect="auto",
    )
    axes.set(xticks=[], yticks=[], facecolor=_UNLABELLED)
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
    _above(axes, 0.0, panel.title, style, weight="bold")
    if panel.unit.strip():
        axes.annotate(
            panel.unit,
            (1, 1),
            (_BAR_GAP * POINTS_PER_MM, style.font_size_pt / 4),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=style.small_pt,
        )
    return drawn


def _above(axes: Axes, x: float, text: str, style: FigureStyle, **look: Any) -> None:
    """Write a line above a map; signs of mathematics in a name are no formula."""
    axes.annotate(
        text,
        (x, 1),
        (0, style.font_size_pt / 4),
        xycoords="axes fraction",
        textcoords="offset points",
        va="bottom",
        fontsize=style.font_size_pt,
        parse_math=False,
        **look,
    )


def _color_bar(
    figure: Figure, drawn: Any, places: _Places, place: int, style: FigureStyle
) -> None:
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    left, bottom = places.corner(place)
    axes = _axes(figure, places, left + places.map_width + _BAR_GAP, bottom, _BAR)
    bar = figure.colorbar(drawn, cax=axes)
    steps = max(2, min(5, int(places.map_height / (1.6 * style.line_mm))))
    # Steps that are read at a glance: 0.8 and 0.6 are not.
    bar.locator = MaxNLocator(nbins=steps, steps=(1, 2, 2.5, 5, 10))
    numbers = ScalarFormatter()
    numbers.set_powerlimits((-2, 4))
    bar.formatter = numbers
    bar.update_ticks()
    axes.tick_params(labelsize=style.small_pt, length=1.5, width=0.5, pad=1.5)
    axes.yaxis.get_offset_text().set_fontsize(style.small_pt)
    bar.outline.set_linewidth(0.5)


def _shared_limits(shown: Sequence[Panel]) -> dict[str, tuple[float, float]]:
    """Return one scale for each unit of the maps."""
    found: dict[str, tuple[float, float]] = {}
    for panel in shown:
        if panel.unit.strip():
            low, high = panel.limits()
            before = found.get(panel.unit, (low, high))
            found[panel.unit] = (min(low, before[0]), max(high, before[1]))
    return found


# Outlines.


def _marked(source: Source, outline: Outline) -> np.ndarray | None:
    """Return the labels to outline, others as background; None for none."""
    if outline is False:
        return None
    if not isinstance(source, Quantification):
        raise EDSError("outlines are drawn of the labels of a result: quantify labels first")
    return outlines.chosen_labels(source.labels, None if outline is True else outline)


def _named(source: Source, marked: np.ndarray | None) -> dict[int, str]:
    """Return the names of the outlined labels, if they are few enough for colours."""
    if marked is None or not isinstance(source, Quantification):
        return {}
    ids = np.unique(marked[marked > 0]).tolist()
    if len(ids) > MOST_NAMED:
        return {}
    return {label: str(source.table.loc[label, CHIP]) for label in ids}


def _outline(
    axes: Axes,
    marked: np.ndarray | None,
    named: Sequence[int],
    pixel: tuple[float, float],
    width: float,
) -> None:
    """Draw outlines whose lines, `width` points wide or less, leave pixels to be seen."""
    if marked is None:
        return
    if not named:
        outlines.draw(axes, label_edges(marked), pixel, "white", 0.5 * width)
        return
    for color, label in zip(COLORS, named, strict=False):
        edges = label_edges(marked == label)
        # A white edge below: any colour is seen on any map.
        outlines.draw(axes, edges, pixel, "white", 1.4 * width)
        outlines.draw(axes, edges, pixel, color, 0.8 * width)


def _legend(figure: Figure, named: dict[int, str], places: _Places, style: FigureStyle) -> None:
    if not named:
        return
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=color) for color, _ in zip(COLORS, named, strict=False)]
    legend = figure.legend(
        handles,
        list(named.values()),
        loc="lower left",
        bbox_to_anchor=(_EDGE / style.width_mm, 0.4 / places.height),
        ncols=len(named),
        fontsize=style.small_pt,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=1.5,
        columnspacing=1.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
