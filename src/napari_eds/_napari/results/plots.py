"""Plots of labels: histogram, scatter and ternary diagram, in which labels can be selected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.parts.theme import PALETTE, ThemeColors
from napari_eds._napari.parts.widgets import may_be_narrow, scrolling
from napari_eds._napari.results.columns import Column
from napari_eds.quantification.table import AT_PCT, LABEL

_COLOR, _SELECTED_COLOR = PALETTE[4], PALETTE[1]
_SIZE_PX, _SELECTED_SIZE_PX = 6, 11
#: How far from a point a click still means it.
_REACH_PX = 10
_BINS = (24, 80)
#: Letters of a column's name that its list shows.
_CHOICE_LETTERS = 10
_TO_ADD = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
_HOW = "Drag to select labels, with Shift or Ctrl to add; wheel to zoom, double-click for all."


class SelectingViewBox(pg.ViewBox):
    """View in which a drag with the left button marks a rectangle, or a range of x.

    Attributes
    ----------
    marked : Signal
        Carries the rectangle in the plot's coordinates, and whether to add to the selection.
    clicked : Signal
        Carries the point in the plot's coordinates, and whether to add to the selection.
    """

    marked = Signal(QRectF, bool)
    clicked = Signal(QPointF, bool)

    def __init__(self, *, only_x: bool = False, **settings: Any) -> None:
        super().__init__(enableMenu=False, **settings)
        self._only_x = only_x

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Mark with the left button; leave other buttons to zooming and panning."""
        if ev.button() != Qt.MouseButton.LeftButton or axis is not None:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        start, stop = ev.buttonDownPos(), ev.pos()
        if self._only_x:
            box = self.boundingRect()
            start, stop = QPointF(start.x(), box.top()), QPointF(stop.x(), box.bottom())
        if ev.isFinish():
            self.rbScaleBox.hide()
            corners = self.mapToView(start), self.mapToView(stop)
            self.marked.emit(QRectF(*corners).normalized(), bool(ev.modifiers() & _TO_ADD))
        else:
            self.updateScaleBox(start, stop)

    def mouseClickEvent(self, ev: Any) -> None:
        """Tell where the left button was clicked; show all after a double click."""
        if ev.button() != Qt.MouseButton.LeftButton:
            return
        ev.accept()
        if ev.double():
            self.autoRange()
        else:
            self.clicked.emit(self.mapToView(ev.pos()), bool(ev.modifiers() & _TO_ADD))


class LabelPlot(QWidget):
    """What the plots have in common: they show labels and let the user select some.

    Attributes
    ----------
    chosen : Signal
        The user selected labels in the plot; carries their ids and whether to add them.
    axes_chosen : Signal
        The user chose other columns; carries their names.
    """

    chosen = Signal(list, bool)
    axes_chosen = Signal(tuple)
    only_x = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: dict[str, Column] = {}
        self._rows = np.empty(0, np.intp)
        self._ids = np.empty(0, np.int64)
        self._selected: Sequence[int] = ()
        self.view = SelectingViewBox(only_x=self.only_x)
        self.plot = pg.PlotWidget(viewBox=self.view, background=None)
        self.plot.setToolTip(_HOW)
        self.plot.hideButtons()
        beside = QWidget()
        self.choices = QVBoxLayout(beside)
        self.choices.setContentsMargins(0, 0, 0, 0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        chosen = scrolling(beside)
        chosen.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        layout.addWidget(chosen)
        layout.addWidget(self.plot, 1)
        self.view.marked.connect(self._on_marked)
        self.view.clicked.connect(self._on_clicked)

    def sizeHint(self) -> QSize:
        """Return a size that leaves the map in sight."""
        return QSize(400, 160)

    def show_labels(
        self, columns: Iterable[Column], rows: np.ndarray, axes: Sequence[str] = ()
    ) -> None:
        """Show labels, those in `rows` of the columns, along axes chosen earlier."""
        numbers = [c for c in columns if not c.is_text]
        self._columns = {c.name: c for c in numbers}
        self._ids = self._columns[LABEL].values[rows] if numbers else np.empty(0, np.int64)
        self._rows = rows
        self._offer(axes)
        self._draw()
        self._draw_selected()

    def show_selected(self, ids: Sequence[int]) -> None:
        """Make selected labels stand out."""
        self._selected = ids
        self._draw_selected()

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of the window's theme."""
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(colors.muted)
            axis.setTextPen(colors.text)

    # For subclasses.

    def _offer(self, axes: Sequence[str]) -> None:
        """Offer the columns there are."""
        raise NotImplementedError

    def _draw(self) -> None:
        raise NotImplementedError

    def _draw_selected(self) -> None:
        raise NotImplementedError

    def _inside(self, area: QRectF) -> np.ndarray:
        """Return which of the shown labels lie in an area of the plot."""
        raise NotImplementedError

    def _near(self, point: QPointF) -> np.ndarray:
        """Return which of the shown labels a click means."""
        raise NotImplementedError

    def _values(self, name: str) -> np.ndarray:
        """Return a column of the shown labels."""
        return self._columns[name].values[self._rows].astype(float)

    def _errors(self, name: str) -> np.ndarray:
        errors = self._columns[name].errors
        return np.zeros(len(self._rows)) if errors is None else np.nan_to_num(errors[self._rows])

    def _is_selected(self) -> np.ndarray:
        return np.isin(self._ids, self._selected)

    def _add_choice(self, words: str, tip: str) -> QComboBox:
        box = QComboBox()
        box.setToolTip(tip)
        may_be_narrow(box, letters=_CHOICE_LETTERS)
        box.activated.connect(self._on_axes)
        self.choices.addWidget(QLabel(words))
        self.choices.addWidget(box)
        return box

    def _axes(self) -> tuple[str, ...]:
        """Return the names of the chosen columns."""
        raise NotImplementedError

    def _on_axes(self) -> None:
        self._draw()
        self._draw_selected()
        self.view.autoRange()
        self.axes_chosen.emit(self._axes())

    def _on_marked(self, area: QRectF, add: bool) -> None:  # noqa: FBT001 - Qt calls it
        self._tell(self._inside(area), add=add)

    def _on_clicked(self, point: QPointF, add: bool) -> None:  # noqa: FBT001 - Qt calls it
        self._tell(self._near(point), add=add)

    def _on_point(self, _item: object, _points: object, ev: Any) -> None:
        """Answer a click that a point took before the view got it."""
        self._on_clicked(ev.pos(), bool(ev.modifiers() & _TO_ADD))

    def _tell(self, which: np.ndarray, *, add: bool) -> None:
        if which.any():
            self.chosen.emit(self._ids[which].tolist(), add)


class Histogram(LabelPlot):
    """How many labels have which value; below the bars, a triangle for each selected one."""

    only_x = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.column = self._add_choice("Values of", "Column whose values are counted")
        self.choices.addStretch()
        self.bars = pg.BarGraphItem(x0=[], x1=[], height=[], brush=_COLOR, pen=None)
        self.selected_bars = pg.BarGraphItem(
            x0=[], x1=[], height=[], brush=_SELECTED_COLOR, pen=None
        )
        self.ticks = pg.ScatterPlotItem(
            symbol="t1", size=_SELECTED_SIZE_PX, brush=_SELECTED_COLOR, pen=None
        )
        for item in (self.bars, self.selected_bars, self.ticks):
            self.plot.addItem(item)
        self.ticks.sigClicked.connect(self._on_point)
        self.plot.setLabel("left", "labels")
        self.edges = np.empty(0)

    def _offer(self, axes: Sequence[str]) -> None:
        _fill(self.column, self._columns, axes[0] if axes else "", 0)

    def _axes(self) -> tuple[str, ...]:
        return (self.column.currentData(),)

    def _draw(self) -> None:
        name = self.column.currentData()
        if name is None:
            self.edges = np.empty(0)
            self.bars.setOpts(x0=[], x1=[], height=[])
            return
        values = self._values(name)
        self.edges = _edges(values[np.isfinite(values)])
        _set_bars(self.bars, values, self.edges)
        self.plot.setLabel("bottom", self._columns[name].title)

    def _draw_selected(self) -> None:
        name = self.column.currentData()
        values = np.empty(0) if name is None else self._values(name)[self._is_selected()]
        values = values[np.isfinite(values)]
        _set_bars(self.selected_bars, values, self.edges)
        self.ticks.setData(values, np.zeros(len(values)))

    def _inside(self, area: QRectF) -> np.ndarray:
        values = self._values(self.column.currentData())
        return (area.left() <= values) & (values <= area.right())

    def _near(self, point: QPointF) -> np.ndarray:
        """Return the labels of the bar at a point."""
        values = self._values(self.column.currentData())
        place = np.searchsorted(self.edges, point.x(), side="right")
        if not 0 < place < len(self.edges):
            return np.zeros(len(values), bool)
        last = place == len(self.edges) - 1
        below = values <= self.edges[place] if last else values < self.edges[place]
        return (self.edges[place - 1] <= values) & below


class _Points(LabelPlot):
    """Labels as points."""

    #: Whether points may lie out of sight, where negative amounts put them.
    frame_decides = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.points = pg.ScatterPlotItem(symbol="o", size=_SIZE_PX, brush=_COLOR, pen=None)
        self.selected_points = pg.ScatterPlotItem(
            symbol="d", size=_SELECTED_SIZE_PX, brush=_SELECTED_COLOR, pen=None
        )
        for item in (self.points, self.selected_points):
            self.plot.addItem(item, ignoreBounds=self.frame_decides)
            item.sigClicked.connect(self._on_point)
        self._x = self._y = np.empty(0)

    def _place(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where the shown labels lie in the plot, NaN for nowhere."""
        raise NotImplementedError

    def _draw(self) -> None:
        self._x, self._y = self._place()
        known = np.isfinite(self._x) & np.isfinite(self._y)
        self.points.setData(self._x[known], self._y[known])

    def _draw_selected(self) -> None:
        shown = self._is_selected()[: len(self._x)] & np.isfinite(self._x) & np.isfinite(self._y)
        self.selected_points.setData(self._x[shown], self._y[shown])

    def _inside(self, area: QRectF) -> np.ndarray:
        across = (area.left() <= self._x) & (self._x <= area.right())
        return across & (area.top() <= self._y) & (self._y <= area.bottom())

    def _near(self, point: QPointF) -> np.ndarray:
        width, height = self.view.viewPixelSize()
        distance = np.hypot((self._x - point.x()) / width, (self._y - point.y()) / height)
        distance[np.isnan(distance)] = np.inf
        if not len(distance) or distance.min() > _REACH_PX:
            return np.zeros(len(distance), bool)
        return np.arange(len(distance)) == distance.argmin()


class Scatter(_Points):
    """One column against another."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.y_column = self._add_choice("Upwards", "Column along the vertical axis")
        self.x_column = self._add_choice("To the right", "Column along the horizontal axis")
        self.with_errors = QCheckBox("errors")
        self.with_errors.setToolTip(
            "Show standard deviations as bars: of at.%, of all that is uncertain; of counts, from "
            "counting"
        )
        self.with_errors.toggled.connect(self._draw_errors)
        self.choices.addWidget(self.with_errors)
        self.choices.addStretch()
        self.bars = pg.ErrorBarItem(pen=_COLOR)
        self.bars.setZValue(-1)
        self.plot.addItem(self.bars)

    def _offer(self, axes: Sequence[str]) -> None:
        x, y = axes if len(axes) == 2 else ("", "")
        _fill(self.x_column, self._columns, x, 0)
        _fill(self.y_column, self._columns, y, 1)

    def _axes(self) -> tuple[str, ...]:
        return (self.x_column.currentData(), self.y_column.currentData())

    def _place(self) -> tuple[np.ndarray, np.ndarray]:
        if not self._columns:
            return np.empty(0), np.empty(0)
        x, y = self._axes()
        self.plot.setLabel("bottom", self._columns[x].title)
        self.plot.setLabel("left", self._columns[y].title)
        return self._values(x), self._values(y)

    def _draw(self) -> None:
        super()._draw()
        self._draw_errors()

    def _draw_errors(self) -> None:
        shown = self.with_errors.isChecked() and bool(self._columns)
        self.bars.setVisible(shown)
        if shown:
            x, y = self._axes()
            known = np.isfinite(self._x) & np.isfinite(self._y)
            self.bars.setData(
                x=self._x[known],
                y=self._y[known],
                width=2 * self._errors(x)[known],
                height=2 * self._errors(y)[known],
            )


class Ternary(_Points):
    """Shares of three elements, each 100 % in its corner."""

    frame_decides = True

    _CORNERS = np.array([(0.0, 0.0), (1.0, 0.0), (0.5, np.sqrt(0.75))])

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.elements = [
            self._add_choice(words, f"Element at the {corner} corner")
            for words, corner in (("Left", "left"), ("Right", "right"), ("Top", "upper"))
        ]
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.choices.addWidget(self.hint)
        self.choices.addStretch()
        self.view.setAspectLocked()
        self.plot.setToolTip(f"Lines are 20 % apart; a corner is 100 % of its element. {_HOW}")
        for name in ("left", "bottom"):
            self.plot.hideAxis(name)
        self.frame = pg.PlotCurveItem(connect="pairs")
        self.grid = pg.PlotCurveItem(connect="pairs")
        self.frame.setData(*_segments(self._CORNERS, ()))
        self.grid.setData(*_segments(self._CORNERS, (0.2, 0.4, 0.6, 0.8)))
        self.names = [pg.TextItem(anchor=a) for a in ((1.1, 0.5), (-0.1, 0.5), (-0.2, 0.5))]
        for name, corner in zip(self.names, self._CORNERS, strict=True):
            name.setPos(*corner)
        for item in (self.grid, self.frame):
            item.setZValue(-2)
            self.plot.addItem(item)
        for name in self.names:
            self.plot.addItem(name, ignoreBounds=True)

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of the window's theme."""
        self.frame.setPen(colors.text)
        self.grid.setPen(pg.mkPen(colors.muted, style=Qt.PenStyle.DotLine))
        for name in self.names:
            name.setColor(colors.text)

    def _offer(self, axes: Sequence[str]) -> None:
        composition = {n: c for n, c in self._columns.items() if c.group == AT_PCT}
        enough = len(composition) >= 3
        self.plot.setVisible(enough)
        self.hint.setText("" if enough else "A ternary diagram needs three quantified elements.")
        chosen = axes if len(axes) == 3 else ("", "", "")
        for place, (box, name) in enumerate(zip(self.elements, chosen, strict=True)):
            _fill(box, composition if enough else {}, name, place)

    def _axes(self) -> tuple[str, ...]:
        return tuple(box.currentData() for box in self.elements)

    def _place(self) -> tuple[np.ndarray, np.ndarray]:
        if None in self._axes():
            nowhere = np.full(len(self._rows), np.nan)
            return nowhere, nowhere
        for text, name in zip(self.names, self._axes(), strict=True):
            text.setText(self._columns[name].title.partition(" ")[0])
        amounts = np.array([self._values(name) for name in self._axes()])
        total = amounts.sum(axis=0)
        place = self._CORNERS.T @ (amounts / np.where(total > 0, total, np.nan))
        return place[0], place[1]


def _fill(box: QComboBox, columns: dict[str, Column], name: str, default: int) -> None:
    """Offer columns, composition first, and choose one by name if it is there."""
    first = sorted(columns.values(), key=lambda c: c.group != AT_PCT)
    blocker = QSignalBlocker(box)
    box.clear()
    for column in first:
        box.addItem(column.title, column.name)
    place = box.findData(name)
    box.setCurrentIndex(place if place >= 0 else min(default, box.count() - 1))
    blocker.unblock()


def _edges(values: np.ndarray) -> np.ndarray:
    """Return edges of bins for finite values, by the rule of Freedman and Diaconis."""
    if not len(values):
        return np.empty(0)
    low, high = values.min(), values.max()
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    quartiles = np.percentile(values, (25, 75))
    width = 2 * (quartiles[1] - quartiles[0]) * len(values) ** (-1 / 3)
    number = int(np.clip((high - low) / width, *_BINS)) if width > 0 else _BINS[0]
    return np.linspace(low, high, number + 1)


def _set_bars(bars: pg.BarGraphItem, values: np.ndarray, edges: np.ndarray) -> None:
    if len(edges):
        height, _ = np.histogram(values[np.isfinite(values)], edges)
        bars.setOpts(x0=edges[:-1], x1=edges[1:], height=height)
    else:
        bars.setOpts(x0=[], x1=[], height=[])


def _segments(corners: np.ndarray, shares: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of points: lines of equal share of each corner, or the triangle's sides."""
    pairs = []
    for i in range(3):
        a, b, c = corners[i], corners[(i + 1) % 3], corners[(i + 2) % 3]
        pairs += [(b, c)] if not len(shares) else []
        pairs += [(s * a + (1 - s) * b, s * a + (1 - s) * c) for s in shares]
    points = np.array(pairs).reshape(-1, 2)
    return points[:, 0], points[:, 1]
