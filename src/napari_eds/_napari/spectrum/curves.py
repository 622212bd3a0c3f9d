"""Curves of spectra: what is drawn of them at the zoom of the view, and their legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QPointF, Qt

from napari_eds._napari.parts.theme import ThemeColors
from napari_eds._napari.spectrum.colors import readable
from napari_eds._napari.spectrum.scale import LINEAR, forward

#: Styles that keep curves apart without colours. One pixel wide, Qt draws all of them fast.
STYLES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
    Qt.PenStyle.DashDotDotLine,
)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """One spectrum to plot.

    Attributes
    ----------
    key : str
        What stays the same when its counts change.
    name : str
        For the legend.
    counts : ndarray, (channels,)
    n_pixels : int
        Number of pixels it was summed over, for counts per pixel.
    color : str
        ``#rrggbb``
    style : Qt.PenStyle
    """

    key: str
    name: str
    counts: np.ndarray
    n_pixels: int
    color: str
    style: Qt.PenStyle = Qt.PenStyle.SolidLine


@dataclass(frozen=True)
class Look:
    """How spectra are drawn: scale of the counts, counts or counts per pixel, colours."""

    colors: ThemeColors
    scale: str = LINEAR
    per_pixel: bool = True
    width: float = 1.0

    def height(self, counts: np.ndarray, n_pixels: int) -> np.ndarray:
        """Return where counts summed over pixels are drawn."""
        one_count = 1 / max(n_pixels, 1) if self.per_pixel else 1.0
        return forward(self.scale, counts * one_count, one_count)

    def color(self, color: str) -> str:
        """Return a colour, brought to a contrast with the background that can be read."""
        return readable(color, self.colors.background)


class SpectrumCurve(pg.PlotCurveItem):
    """A curve over the channels that are in view: steps, or where there are too many, extremes.

    Parameters
    ----------
    steps : bool
        Whether channels are drawn as steps, as measured counts are, or joined.
    """

    def __init__(self, *, steps: bool = True) -> None:
        super().__init__()
        self._steps = steps
        self._x = self._y = np.array([])
        self._drawn: tuple[Any, ...] = ()

    def set_values(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take heights over evenly spaced x; NaN leaves a gap where channels are joined."""
        self._x, self._y, self._drawn = x, y, ()

    def set_line(self, color: str, style: Qt.PenStyle, width: float = 1.0) -> None:
        """Set colour and style of the line."""
        pen = pg.mkPen(color, width=width, style=style)
        if pen != self.opts["pen"]:
            self.setPen(pen)

    def values(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all of x and y, whatever is in view."""
        return self._x, self._y

    def draw(self, low: float, high: float, width_px: float) -> None:
        """Draw what lies between two x on so many pixels; nothing if that is drawn already."""
        wanted = (low, high, width_px)
        if wanted == self._drawn or self._x.size < 2:
            return
        self._drawn = wanted
        step = self._x[1] - self._x[0]
        first, last = np.searchsorted(self._x, [low - step, high + step])
        group = int((last - first) / max(width_px, 1))
        if group > 1:
            # Groups start at multiples of their length: a view that is moved does not flicker.
            first -= first % group
        x, y = self._x[first:last], self._y[first:last]
        if x.size < 2:
            self.setData([], [], stepMode=None)
        elif group > 1:
            self.setData(*extremes(x, y, group), stepMode=None, connect="finite")
        elif self._steps:
            edges = np.append(x - step / 2, x[-1] + step / 2)
            self.setData(edges, y, stepMode="center", connect="all")
        else:
            self.setData(x, y, stepMode=None, connect="finite")


def extremes(x: np.ndarray, y: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest point of each run of `length` channels."""
    n = x.size // length * length
    groups = y[:n].reshape(-1, length)
    low, high = groups.min(axis=1), groups.max(axis=1)
    centers = x[:n].reshape(-1, length).mean(axis=1)
    # Rising first where the spectrum rises, so that slopes look like slopes.
    rising = (groups[:, 0] <= groups[:, -1])[:, None]
    pairs = np.where(rising, np.stack([low, high], axis=1), np.stack([high, low], axis=1))
    return (
        np.concatenate([np.repeat(centers, 2), x[n:]]),
        np.concatenate([pairs.ravel(), y[n:]]),
    )


class CurveSet:
    """The curves of a plot; each is kept as long as its key is shown."""

    def __init__(self, plot: pg.PlotItem) -> None:
        self._plot = plot
        self._curves: dict[str, SpectrumCurve] = {}
        self._names: dict[str, str] = {}

    def curve(self, key: str) -> SpectrumCurve | None:
        """Return the curve of a spectrum."""
        return self._curves.get(key)

    def show(self, x: np.ndarray, spectra: Sequence[Spectrum], look: Look) -> None:
        """Show these spectra and no others, the last on top."""
        for key in set(self._curves) - {s.key for s in spectra}:
            self._plot.removeItem(self._curves.pop(key))
        for z, spectrum in enumerate(spectra):
            curve = self._curves.get(spectrum.key)
            if curve is None:
                curve = self._curves[spectrum.key] = SpectrumCurve()
                self._plot.addItem(curve, ignoreBounds=True)
            curve.set_values(x, look.height(spectrum.counts, spectrum.n_pixels))
            curve.set_line(look.color(spectrum.color), spectrum.style, look.width)
            curve.setZValue(10 + z)
        self._names = {s.key: s.name for s in spectra}

    def entries(self) -> list[tuple[SpectrumCurve, str]]:
        """Return the curves and their names for the legend, the topmost first."""
        return [(self._curves[key], name) for key, name in reversed(self._names.items())]

    def draw(self, low: float, high: float, width_px: float) -> None:
        """Draw what is in view."""
        for curve in self._curves.values():
            curve.draw(low, high, width_px)


class _Line(pg.ItemSample):
    """Sample of a line in the legend; a click on it hides nothing."""

    def paint(self, p: Any, *_: Any) -> None:
        p.setPen(self.item.opts["pen"])
        p.drawLine(QPointF(0, 10), QPointF(20, 10))

    def mouseClickEvent(self, ev: Any) -> None:
        ev.ignore()


#: Most columns of the legend of a low plot, and most of its width for them.
_MOST_COLUMNS, _MOST_OF_WIDTH = 3, 0.8


def _width(entry: tuple[pg.ItemSample, pg.LabelItem]) -> float:
    """Return the least width of the line and the name of an entry of the legend."""
    sample, label = entry
    return float(sample.minimumWidth() + label.minimumWidth())


class Legend(pg.LegendItem):
    """Legend in the upper right corner of a plot."""

    def __init__(self, plot: pg.PlotItem) -> None:
        super().__init__(offset=(-6, 4), sampleType=_Line, labelTextSize="8.5pt", verSpacing=-6)
        self.setParentItem(plot.vb)
        self.setZValue(500)

    def set_colors(self, text: str, background: str) -> None:
        """Take the colours of a theme."""
        self.setLabelTextColor(text)
        for _, label in self.items:
            label.setText(label.text)
        brush = pg.mkColor(background)
        brush.setAlpha(200)
        self.setBrush(brush)
        self.setPen(None)

    def fit(self, width_px: float, height_px: float) -> None:
        """Write the entries in as many columns as keep them within a height, in pixels.

        Not in so many that they cover the spectrum from one side to the other: what is cut below
        is told by the panels beside, too.
        """
        if not self.items:
            return
        gap = self.layout.verticalSpacing()
        row = self.items[0][1].minimumHeight() + gap
        _, above, _, _ = self.layout.getContentsMargins()
        # Nothing is written between rows after the last one, nor in the margin below it.
        rows = max(1, int((height_px - self.pos().y() - above + gap) // row))
        column = max(_width(entry) for entry in self.items) + 2 * self.layout.horizontalSpacing()
        wide = max(1, int(_MOST_OF_WIDTH * width_px // column))
        columns = min(math.ceil(len(self.items) / rows), _MOST_COLUMNS, wide)
        if columns != self.columnCount:
            self.setColumnCount(columns)

    def updateSize(self) -> None:
        """Take the size that the entries need.

        Not pyqtgraph's own, which adds up how large they are drawn: as large as the legend once
        was, so that it would grow over the spectrum with every change of the panel's size.
        """
        if not self.items:
            super().updateSize()
            return
        least = [_width(entry) for entry in self.items]
        columns = [least[i :: self.columnCount] for i in range(self.columnCount)]
        gap = self.layout.horizontalSpacing()
        left, _, right, _ = self.layout.getContentsMargins()
        width = sum(max(c) + 2 * gap for c in columns if c) - gap + left + right
        rows = math.ceil(len(self.items) / self.columnCount)
        self.setGeometry(0, 0, width, rows * self.items[0][1].minimumHeight())

    def set_entries(self, entries: Sequence[tuple[SpectrumCurve, str]]) -> None:
        """Show these entries and no others."""
        if [curve for curve, _ in entries] != [sample.item for sample, _ in self.items]:
            self.clear()
            for curve, name in entries:
                self.addItem(curve, name)
            return
        for (_, label), (_, name) in zip(self.items, entries, strict=True):
            if label.text != name:
                label.setText(name)
        self.updateSize()
        self.update()
