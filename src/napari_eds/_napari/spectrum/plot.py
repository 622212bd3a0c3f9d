"""The plot of the dock *EDS spectrum*: spectra over energy, a fit and its residual, a cursor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyqtgraph as pg
from pyqtgraph.Qt import isQObjectAlive
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QFont

from napari_eds._napari.parts.theme import ThemeColors
from napari_eds._napari.spectrum.colors import PAPER
from napari_eds._napari.spectrum.curves import CurveSet, Legend, Look, Spectrum
from napari_eds._napari.spectrum.fit_curves import FitItems, LabelFit
from napari_eds._napari.spectrum.markers import Marker, MarkerItems
from napari_eds._napari.spectrum.mouse import SpectrumViewBox, WindowRegion
from napari_eds._napari.spectrum.scale import LINEAR, LOG, CountsAxis, forward

_AXIS_WIDTH_PX = 58
_AXIS_HEIGHT_PX = 34
_FONT_PT = 8
#: A lower plot than this has room for the spectrum only, not for its residual, too.
_LEAST_FOR_BOTH_PX = 180

#: What the spectrum has of the height where the residual lies below it.
_SPECTRUM_PART = 0.75

#: Between the legend and labels beside and below it.
_GAP_PX = 2

#: Room above the highest peak for the labels of lines.
_HEADROOM = 1.3

#: Energies in keV below which a strobe or noise peak may tower over everything.
_NOISE_BELOW_KEV = 0.15

#: Largest number of decades shown on a logarithmic scale by itself.
_DECADES = 5.0


@dataclass(frozen=True, eq=False)
class Content:
    """All that the plot shows.

    Attributes
    ----------
    x : ndarray, (channels,)
        Energies in keV, or channels where the axis is not calibrated.
    calibrated : bool
    spectra : tuple of Spectrum
        The last is drawn on top.
    fit : LabelFit or None
    markers : tuple of Marker
    element_colors : mapping of str to str
    """

    x: np.ndarray = field(default_factory=lambda: np.array([]))
    calibrated: bool = True
    spectra: tuple[Spectrum, ...] = ()
    fit: LabelFit | None = None
    markers: tuple[Marker, ...] = ()
    element_colors: Mapping[str, str] = field(default_factory=dict)


class SpectrumPlot(pg.GraphicsLayoutWidget):
    """Plot of spectra that keeps its zoom whatever is shown.

    Attributes
    ----------
    peak_clicked : Signal
        Energy in keV where the user clicked without dragging.
    window_chosen : Signal
        Low and high energy in keV of a window the user dragged, and again when it is moved.
    window_cleared : Signal
        The window is gone.
    cursor_moved : Signal
        Energy (or channel) under the pointer.
    cursor_left : Signal
        The pointer has left the plot.
    fitted : Signal
        The view was fitted to all that is shown.
    """

    peak_clicked = Signal(float)
    window_chosen = Signal(float, float)
    window_cleared = Signal()
    cursor_moved = Signal(float)
    cursor_left = Signal()
    fitted = Signal()

    def __init__(self) -> None:
        super().__init__()
        #: Whether the view is being fitted to what is shown, not moved by the user.
        self.is_fitting = False
        self._content = Content()
        self._look = Look(PAPER)
        self._axis_texts: tuple[Any, ...] = ()
        self.ci.layout.setContentsMargins(2, 2, 8, 2)
        self.ci.layout.setSpacing(2)
        self._counts_axis = CountsAxis()
        self.view = SpectrumViewBox()
        self.plot = self._add_plot(0, self.view, self._counts_axis)
        self.residual_view = SpectrumViewBox()
        self.residual_plot = self._add_plot(1, self.residual_view, pg.AxisItem("left"))
        self.residual_plot.setXLink(self.plot)
        self.ci.layout.setRowStretchFactor(0, 3)
        self.ci.layout.setRowStretchFactor(1, 1)
        self._legend = Legend(self.plot)
        self.curves = CurveSet(self.plot)
        self.markers = MarkerItems(self.plot)
        self.fit_items = FitItems(self.plot, self.residual_plot)
        self.region = WindowRegion(self.plot)
        self._cursors = [_add_cursor(plot) for plot in (self.plot, self.residual_plot)]
        self._show_residual_plot(visible=False)
        self._connect()

    def _add_plot(self, row: int, view: SpectrumViewBox, axis: pg.AxisItem) -> pg.PlotItem:
        plot = self.addPlot(row, 0, viewBox=view, axisItems={"left": axis})
        plot.hideButtons()
        plot.setMenuEnabled(False)
        font = QFont()
        font.setPointSizeF(_FONT_PT)
        for name in ("left", "bottom"):
            plot.getAxis(name).setStyle(tickFont=font, tickTextOffset=3, tickLength=-4)
            plot.getAxis(name).enableAutoSIPrefix(enable=False)
        axis.setWidth(_AXIS_WIDTH_PX)
        view.disableAutoRange()
        return plot

    def _connect(self) -> None:
        self.view.sigRangeChanged.connect(self._draw)
        self.view.sigResized.connect(self._fit_legend)
        self.view.sigResized.connect(self._draw)
        # The legend takes its size and its place after what is written in it, and after the view.
        for moved in (
            self._legend.geometryChanged,
            self._legend.xChanged,
            self._legend.yChanged,
        ):
            moved.connect(self._place_labels)
        self.scene().sigMouseMoved.connect(self._on_mouse)
        for view in (self.view, self.residual_view):
            view.clicked.connect(self._on_click)
        self.view.window_dragged.connect(self._on_window_dragged)
        self.view.window_released.connect(self._emit_window)
        self.region.sigRegionChangeFinished.connect(self._emit_window)

    # What is shown.

    @property
    def content(self) -> Content:
        """What is shown."""
        return self._content

    @property
    def look(self) -> Look:
        """How it is shown."""
        return self._look

    def show_content(self, content: Content) -> None:
        """Show something else, at the zoom there is."""
        first_fit = content.fit is not None and self._content.fit is None
        self._content = content
        self._show_residual_plot(visible=self._has_residual())
        if first_fit:
            self.fit_items.fit_residual_view(content.fit)
        self._show()

    def set_look(self, **changes: Any) -> None:
        """Change scale, counts per pixel, width or colours; heights are fitted to the view."""
        self._look = replace(self._look, **changes)
        self._counts_axis.set_scale(self._look.scale)
        self._show()
        if {"scale", "per_pixel"} & set(changes):
            self.fit_height()

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of a theme."""
        self.setBackground(colors.background)
        for plot in (self.plot, self.residual_plot):
            for name in ("left", "bottom"):
                plot.getAxis(name).setPen(colors.text)
                plot.getAxis(name).setTextPen(colors.text)
        self._legend.set_colors(colors.text, colors.background)
        for cursor in self._cursors:
            cursor.setPen(pg.mkPen(colors.text, style=Qt.PenStyle.DotLine))
        self.region.set_color(colors.highlight)
        self.set_look(colors=colors)

    def _show(self) -> None:
        content, look = self._content, self._look
        self._label_axes()
        self.curves.show(content.x, content.spectra, look)
        self.fit_items.show(content.fit, look, content.element_colors)
        self.markers.show(content.markers, look)
        self._legend.set_entries([*self.curves.entries(), *self.fit_items.entries()])
        self._fit_legend()
        self._draw()

    def _fit_legend(self, *_: Any) -> None:
        self._legend.fit(self.view.width(), self.view.height())

    def _label_axes(self) -> None:
        """Write energies below the lower plot only; where nothing changed, touch nothing."""
        content, look = self._content, self._look
        counts = "Counts per pixel" if look.per_pixel else "Counts"
        # A label that does not fit along its axis would be cut.
        room = self.height() - _AXIS_HEIGHT_PX
        room = round(_SPECTRUM_PART * room) if self._has_residual() else room
        texts = (
            counts if self.fontMetrics().horizontalAdvance(counts) <= room else None,
            "Energy (keV)" if content.calibrated else "Channel",
            self._has_residual(),
            look.colors.text,
        )
        if texts == self._axis_texts:
            return
        self._axis_texts = texts
        style = {"font-size": "8.5pt", "color": look.colors.text}
        self.plot.setLabel("left", texts[0], **style)
        self.residual_plot.setLabel("left", "Residual (σ)", **style)
        # pyqtgraph moves labels with the size of their axis only, not where one comes back.
        self._counts_axis.resizeEvent()
        lower, upper = self.plot, self.residual_plot
        if self._has_residual():
            lower, upper = upper, lower
        for plot, text, height in ((lower, texts[1], _AXIS_HEIGHT_PX), (upper, None, 6)):
            axis = plot.getAxis("bottom")
            axis.setLabel(text, **style)
            axis.setStyle(showValues=text is not None)
            axis.setHeight(height)

    def _draw(self, *_: Any) -> None:
        """Draw what is in view."""
        low, high = self.view.viewRange()[0]
        width = self.view.width() * self.devicePixelRatioF()
        self.curves.draw(low, high, width)
        self.fit_items.draw(low, high, width)
        self._place_labels()

    def _place_labels(self) -> None:
        """Write the labels of lines beside the legend."""
        taken = self._legend.mapRectToItem(self.view, self._legend.boundingRect())
        around = QRectF(taken).adjusted(-_GAP_PX, 0, 0, _GAP_PX)
        self.markers.place(self.view, [around] if self._legend.items else [])

    def resizeEvent(self, event: Any) -> None:
        """Leave the residual out where the plot became too low for both."""
        super().resizeEvent(event)
        # pyqtgraph resizes the widget while it makes it, and after it took it apart, too.
        if getattr(self, "_cursors", None) and isQObjectAlive(self.residual_plot):
            self._show_residual_plot(visible=self._has_residual())
            self._label_axes()

    def _has_residual(self) -> bool:
        return self._content.fit is not None and self.height() >= _LEAST_FOR_BOTH_PX

    def _show_residual_plot(self, *, visible: bool) -> None:
        if self.residual_plot.isVisible() != visible or not self.residual_plot.maximumHeight():
            self.residual_plot.setVisible(visible)
            self.residual_plot.setMaximumHeight(16_777_215 if visible else 0)

    # Zoom.

    def fit_view(self) -> None:
        """Show the whole energy axis, and all of the spectra above the noise peak."""
        content = self._content
        if content.x.size == 0:
            return
        counted = [np.flatnonzero(s.counts) for s in content.spectra]
        last = max((c[-1] for c in counted if c.size), default=content.x.size - 1)
        low = max(content.x[0], 0.0) if content.calibrated else content.x[0]
        with self._fitting():
            self.view.setXRange(low, max(content.x[last], low + 1e-3), padding=0.01)
            self.fit_height()
        self.fit_items.fit_residual_view(content.fit)
        self.fitted.emit()

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        before, self.is_fitting = self.is_fitting, True
        try:
            yield
        finally:
            self.is_fitting = before

    def fit_height(self) -> None:
        """Fit the heights to what is in view: labels, or else the whole map."""
        content, look = self._content, self._look
        low, high = self.view.viewRange()[0]
        seen = (content.x >= low) & (content.x <= high)
        above_noise = seen & (content.x > _NOISE_BELOW_KEV) if content.calibrated else seen
        if above_noise.any():
            seen = above_noise
        labels = [s for s in content.spectra if s.key.startswith("label")]
        shown = (not look.per_pixel and labels) or content.spectra
        per = [max(s.n_pixels, 1) if look.per_pixel else 1 for s in shown]
        tops = [s.counts[seen].max(initial=0) / n for s, n in zip(shown, per, strict=True)]
        top, one_count = max(tops, default=0) or 1.0, 1 / max(per, default=1)
        if look.scale == LOG:
            drawn_top = np.log10(top)
            bottom = max(np.log10(one_count / 2), drawn_top - _DECADES)
            span = (bottom, drawn_top + 0.3 * (drawn_top - bottom))
        else:
            drawn = forward(look.scale, np.array([top]))[0]
            span = (0, drawn * (_HEADROOM if look.scale == LINEAR else (1 + _HEADROOM) / 2))
        with self._fitting():
            self.view.setYRange(*span, padding=0)

    # Pointer.

    def _on_mouse(self, at: QPointF) -> None:
        view = self.view if self.view.sceneBoundingRect().contains(at) else self.residual_view
        if not (view.isVisible() and view.sceneBoundingRect().contains(at)):
            self._hide_cursor()
            return
        x = view.mapSceneToView(at).x()
        for cursor in self._cursors:
            cursor.setPos(x)
            cursor.show()
        self.cursor_moved.emit(x)

    def _hide_cursor(self) -> None:
        if self._cursors[0].isVisible():
            for cursor in self._cursors:
                cursor.hide()
            self.cursor_left.emit()

    def leaveEvent(self, event: Any) -> None:
        """Take the cursor away with the pointer."""
        super().leaveEvent(event)
        self._hide_cursor()

    def _on_click(self, x: float) -> None:
        if self._content.calibrated and self._content.x.size:
            self.peak_clicked.emit(x)

    # Window of energies.

    def chosen_window(self) -> tuple[float, float] | None:
        """Return the chosen window, low and high energy in keV."""
        return self.region.limits()

    def set_window_mode(self, on: bool) -> None:  # noqa: FBT001 - slot of a button
        """Let a drag with the left button choose a window (as it does with Ctrl), or pan."""
        self.view.window_mode = on

    def clear_window(self) -> None:
        """Take the window away."""
        if self.region.limits() is not None:
            self.region.hide()
            self.window_cleared.emit()

    def _on_window_dragged(self, start: float, end: float) -> None:
        if self._content.calibrated and self._content.x.size:
            self.region.set_limits(start, end)

    def _emit_window(self, *_: Any) -> None:
        span = self.region.limits()
        if span is not None and span[1] > span[0]:
            self.window_chosen.emit(*span)


def _add_cursor(plot: pg.PlotItem) -> pg.InfiniteLine:
    cursor = pg.InfiniteLine(angle=90, movable=False)
    cursor.setZValue(300)
    cursor.hide()
    plot.addItem(cursor, ignoreBounds=True)
    return cursor
