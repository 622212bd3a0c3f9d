"""The mouse in the plot of spectra: zoom along the energies, clicks, and windows of energies."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import QSignalBlocker, Qt, Signal


class SpectrumViewBox(pg.ViewBox):
    """View whose wheel zooms the energies (with Ctrl the counts) and that can choose a window.

    Attributes
    ----------
    clicked : Signal
        x of a click of the left button without a drag.
    window_dragged : Signal
        x of the start and of the pointer while a window is dragged.
    window_released : Signal
        The window is chosen.
    """

    clicked = Signal(float)
    window_dragged = Signal(float, float)
    window_released = Signal()

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.window_mode = False

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        """Zoom the energies; the counts with Ctrl or over their axis."""
        if axis is None:
            axis = 1 if ev.modifiers() & Qt.KeyboardModifier.ControlModifier else 0
        super().wheelEvent(ev, axis)

    def mouseClickEvent(self, ev: Any) -> None:
        """Tell where the left button was clicked."""
        if ev.button() == Qt.MouseButton.LeftButton and not ev.double():
            ev.accept()
            self.clicked.emit(self.mapToView(ev.pos()).x())

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Choose a window with Ctrl or in window mode, else pan; zoom with the right button."""
        left = ev.button() == Qt.MouseButton.LeftButton
        wanted = self.window_mode or ev.modifiers() & Qt.KeyboardModifier.ControlModifier
        if not (left and wanted and axis is None):
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        start, now = (self.mapToView(p).x() for p in (ev.buttonDownPos(), ev.pos()))
        self.window_dragged.emit(start, now)
        if ev.isFinish():
            self.window_released.emit()


class WindowRegion(pg.LinearRegionItem):
    """The window of energies, which the user can move by its edges or as a whole."""

    def __init__(self, plot: pg.PlotItem) -> None:
        super().__init__()
        self.setZValue(5)
        self.hide()
        plot.addItem(self, ignoreBounds=True)

    def limits(self) -> tuple[float, float] | None:
        """Return low and high energy, None where there is no window."""
        if not self.isVisible():
            return None
        low, high = self.getRegion()
        return float(low), float(high)

    def set_limits(self, start: float, end: float) -> None:
        """Show the window between two energies, without a signal."""
        blocked = QSignalBlocker(self)
        self.setRegion(sorted((start, end)))
        blocked.unblock()
        self.show()

    def set_color(self, color: str) -> None:
        """Take a colour of the theme."""
        brush = pg.mkColor(color)
        brush.setAlpha(50)
        self.setBrush(brush)
        brush.setAlpha(90)
        self.setHoverBrush(brush)
        for line in self.lines:
            line.setPen(pg.mkPen(color))
            line.setHoverPen(pg.mkPen(color, width=3))
