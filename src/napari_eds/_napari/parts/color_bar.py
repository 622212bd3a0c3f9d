"""A colour bar with round numbers beside a plot."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

#: Key in the metadata of the layer that shows a colour bar on the canvas and nothing else.
COLOR_KEY = "eds_color_key"
COLORMAPS = ("viridis", "magma", "cividis", "gray")
#: Values beyond these percentiles get the end's colour, so that a few noisy labels do not take
#: the whole scale.
_LIMITS_PERCENT = (1, 99)


class Scale(NamedTuple):
    """Values at the ends of the colours, and whether labels have values beyond them."""

    low: float
    high: float
    beyond_low: bool
    beyond_high: bool


def scale_of(values: np.ndarray) -> Scale | None:
    """Return the scale for values; None if there are none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = (float(v) for v in np.percentile(finite, _LIMITS_PERCENT))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return Scale(low, high, bool(finite.min() < low), bool(finite.max() > high))


class ColorBar(QWidget):
    """Horizontal colour bar with ticks; its ends are pointed where values lie beyond."""

    _BAR_PX = 10
    _TICK_PX = 3
    _POINT_PX = 7
    _MARGIN_PX = 16

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scale: Scale | None = None
        self._colormap = COLORMAPS[0]
        self._color = QColor("gray")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return a size that holds bar, ticks and numbers."""
        return QSize(150, self._BAR_PX + self._TICK_PX + self.fontMetrics().height() + 2)

    def set_color(self, color: str) -> None:
        """Set the colour of ticks and numbers."""
        self._color = QColor(color)
        self.update()

    def set_scale(self, scale: Scale | None, colormap: str) -> None:
        """Show a scale, or nothing."""
        self._scale, self._colormap = scale, colormap
        self.setVisible(scale is not None)
        self.setToolTip(
            ""
            if scale is None
            else f"{scale.low:.4g} to {scale.high:.4g}, the 1st to the 99th percentile of all "
            "labels; values beyond have the colour of the end, labels without a value are grey."
        )
        self.update()

    def ticks(self) -> list[float]:
        """Return round values to write at the bar."""
        return [] if self._scale is None else round_ticks(self._scale.low, self._scale.high)

    def paintEvent(self, _event: Any) -> None:
        """Draw bar, ticks and numbers."""
        if self._scale is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right = self._MARGIN_PX, self.width() - self._MARGIN_PX
        self._paint_bar(painter, left, right)
        painter.setPen(self._color)
        low, high = self._scale.low, self._scale.high
        ticks = self.ticks()
        decimals = max(0, -int(np.floor(np.log10(ticks[1] - ticks[0])))) if len(ticks) > 1 else 1
        for value in ticks:
            x = left + (value - low) / (high - low) * (right - left)
            painter.drawLine(QPointF(x, self._BAR_PX), QPointF(x, self._BAR_PX + self._TICK_PX))
            box = QRectF(x - 40, self._BAR_PX + self._TICK_PX, 80, self.fontMetrics().height())
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, f"{value + 0.0:,.{decimals}f}")

    def _paint_bar(self, painter: QPainter, left: int, right: int) -> None:
        assert self._scale is not None  # noqa: S101 - asked for by the only caller
        gradient = QLinearGradient(left, 0, right, 0)
        places = np.linspace(0, 1, 17)
        colors = ensure_colormap(self._colormap).map(places)
        for place, color in zip(places, colors, strict=True):
            gradient.setColorAt(place, QColor.fromRgbF(*(float(c) for c in color)))
        start = left - self._POINT_PX * self._scale.beyond_low
        stop = right + self._POINT_PX * self._scale.beyond_high
        height = self._BAR_PX
        outline = [(left, 0), (right, 0), (stop, height / 2), (right, height), (left, height)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawPolygon(QPolygonF([QPointF(*p) for p in (*outline, (start, height / 2))]))


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most so many round values, equally spaced, from low to high."""
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10, 20) if (high - low) / (power * m) <= most - 1)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return (np.arange(first, last + 1) * step).tolist()
