"""Linear, logarithmic and square-root scales of counts, and the axis that labels them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

LINEAR, LOG, SQRT = "linear", "log", "sqrt"

#: Smallest distance of two labelled ticks of the square-root axis in pixels.
_TICK_DISTANCE_PX = 26

#: What is drawn on a logarithmic scale for a channel without counts, in counts.
_NO_COUNTS = 0.5


def forward(scale: str, values: np.ndarray, one_count: float = 1.0) -> np.ndarray:
    """Return where values are drawn.

    `one_count` is the value of a single count, 1 or one over the number of pixels; channels
    without counts are drawn at half of it on a logarithmic scale.
    """
    if scale == LOG:
        return np.log10(np.maximum(values, _NO_COUNTS * one_count))
    if scale == SQRT:
        return np.sqrt(np.maximum(values, 0))
    return np.asarray(values, dtype=float)


def inverse(scale: str, drawn: np.ndarray) -> np.ndarray:
    """Return the values that are drawn at a height."""
    if scale == LOG:
        return 10.0 ** np.asarray(drawn)
    if scale == SQRT:
        return np.maximum(drawn, 0) ** 2
    return np.asarray(drawn)


class CountsAxis(pg.AxisItem):
    """Axis of counts at the left, in one of the scales."""

    def __init__(self, **options: Any) -> None:
        super().__init__("left", **options)
        self.enableAutoSIPrefix(enable=False)
        self._scale = LINEAR

    def set_scale(self, scale: str) -> None:
        """Label the axis for another scale."""
        if scale != self._scale:
            self._scale = scale
            self.picture = None
            self.update()

    def tickValues(
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Return the ticks, labelled ones first, as pyqtgraph wants them."""
        if self._scale == LINEAR:
            return super().tickValues(minVal, maxVal, size)
        low, high = inverse(self._scale, np.array([minVal, maxVal]))
        if self._scale == LOG:
            major, minor = log_ticks(low, high)
        else:
            major, minor = sqrt_ticks(low, high, size), np.array([])
        drawn = [forward(self._scale, ticks, 0.0).tolist() for ticks in (major, minor)]
        return [(1.0, drawn[0]), (1.0, drawn[1])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return the labels of ticks."""
        counts = inverse(self._scale, np.asarray(values, dtype=float))
        if self._scale == LINEAR:
            places = max(0, int(np.ceil(-np.log10(spacing * scale))))
            return [f"{v:,.{places}f}".replace(",", "\u202f") for v in counts]
        return [_short(v) for v in counts]


def log_ticks(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return labelled and bare ticks: decades and their digits, or digits where no decade is."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    digits = np.multiply.outer(decades, np.arange(2, 10)).ravel()
    inside = [ticks[(ticks >= low) & (ticks <= high)] for ticks in (decades, digits)]
    if inside[0].size >= 2:
        every = int(np.ceil(inside[0].size / 8))
        return inside[0][::every], inside[1]
    return np.sort(np.concatenate(inside)), np.array([])


def sqrt_ticks(low: float, high: float, size_px: float) -> np.ndarray:
    """Return 0 and numbers 1, 2 or 5 times a power of ten, far enough apart to be labelled."""
    if high <= 0:
        return np.array([0.0])
    decades = 10.0 ** np.arange(np.floor(np.log10(high)) - 3, np.floor(np.log10(high)) + 1)
    candidates = np.append(0.0, np.multiply.outer(decades, [1, 2, 3, 5, 7]).ravel())
    candidates = candidates[(candidates >= low) & (candidates <= high)][::-1]
    per_px = (np.sqrt(high) - np.sqrt(low)) / max(size_px, 1)
    kept: list[float] = []
    for value in candidates.tolist():
        if not kept or np.sqrt(kept[-1]) - np.sqrt(value) >= _TICK_DISTANCE_PX * per_px:
            kept.append(value)
    return np.array(kept[::-1])


def _short(value: float) -> str:
    if value >= 1e6 or 0 < value < 1e-3:
        mantissa, _, exponent = f"{value:.0e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:,.10g}".replace(",", "\u202f")
