"""The plot of the dock *EDS profile*: a quantity along a line, with bands of errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSize
from qtpy.QtGui import QColor
from scipy import special

from napari_eds._napari.parts.theme import PALETTE, ThemeColors
from napari_eds.quantification.profiles.interfaces import Interface
from napari_eds.quantification.profiles.lines import QUANTITY_WORDS, LineProfile, ProfileQuantity

_BAND_ALPHA = 60
#: Names in a row of the legend, which lies above the curves, and the room for it.
_IN_A_ROW = 8
_HEADROOM = 0.15


class ProfilePlot(pg.PlotWidget):
    """Curves of elements over distance; light bands are errors in all, bars those of counting."""

    def __init__(self) -> None:
        super().__init__(background=None)
        self.hideButtons()
        self.setMenuEnabled(False)
        self.legend = self.addLegend(offset=(8, 1), labelTextSize="8pt", colCount=_IN_A_ROW)
        self.setToolTip(
            "Light band: error in all; bars: from counting alone. Wheel to zoom, right click and "
            "drag to stretch."
        )
        self.setMinimumHeight(160)

    def set_colors(self, colors: ThemeColors) -> None:
        """Use the colours of a theme."""
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(colors.muted)
            axis.setTextPen(colors.text)
        self.legend.setLabelTextColor(colors.text)

    def show_profile(
        self,
        profile: LineProfile | None,
        quantity: ProfileQuantity,
        elements: Sequence[str],
        interfaces: Sequence[tuple[str, Interface]] = (),
    ) -> None:
        """Show one line's curves, or nothing."""
        self.clear()
        self.legend.clear()
        if profile is None:
            return
        shown = [("X-rays", elements[0])] if quantity == "counts" else [(e, e) for e in elements]
        for name, element in shown:
            self._add(profile, quantity, element, name)
        for element, found in interfaces:
            self._add_interface(profile, found, _color(profile, element))
        self.setLabel("bottom", f"distance ({profile.unit})")
        self.setLabel("left", QUANTITY_WORDS[quantity])
        self._show_all(profile, quantity, [element for _, element in shown])

    def _show_all(
        self, profile: LineProfile, quantity: ProfileQuantity, elements: Sequence[str]
    ) -> None:
        """Zoom to the curves with their bands, with room for the legend above."""
        curves = [profile.curve(element, quantity) for element in elements]
        ends = np.concatenate(
            [c.value + s * np.nan_to_num(c.total) for c in curves for s in (-1, 1)]
        )
        ends = ends[np.isfinite(ends)]
        if ends.size:
            low, high = float(ends.min()), float(ends.max())
            self.setYRange(low, high + _HEADROOM * (high - low), padding=0.02)
        self.setXRange(profile.distances[0], profile.distances[-1], padding=0.02)

    def sizeHint(self) -> QSize:
        """Return a size that leaves the map in sight."""
        return QSize(360, 220)

    def _add(
        self, profile: LineProfile, quantity: ProfileQuantity, element: str, name: str
    ) -> None:
        x, curve = profile.distances, profile.curve(element, quantity)
        known = np.isfinite(curve.value)
        x, value = x[known], curve.value[known]
        color = QColor(_color(profile, element))
        faint = QColor(color)
        faint.setAlpha(_BAND_ALPHA)
        total = np.nan_to_num(curve.total[known])
        edges = [pg.PlotCurveItem(x, value + sign * total, pen=None) for sign in (1, -1)]
        for edge in edges:
            self.addItem(edge)
        self.addItem(pg.FillBetweenItem(*edges, brush=faint))
        bars = pg.ErrorBarItem(
            x=x, y=value, height=2 * np.nan_to_num(curve.counting[known]), pen=color
        )
        self.addItem(bars)
        self.plot(x, value, pen=pg.mkPen(color, width=2), name=name)

    def _add_interface(self, profile: LineProfile, found: Interface, color: str) -> None:
        x = np.linspace(profile.distances[0], profile.distances[-1], 400)
        share = special.ndtr((x - found.position) / max(found.sigma, 1e-9))
        pen = pg.mkPen(color, width=2, dash=[2, 3])
        self.plot(x, found.before + (found.after - found.before) * share, pen=pen)
        self.addItem(pg.InfiniteLine(found.position, pen=pg.mkPen(color, dash=[6, 4])))


def _color(profile: LineProfile, element: str) -> str:
    return PALETTE[profile.elements.index(element) % len(PALETTE)]
