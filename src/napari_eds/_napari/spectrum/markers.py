"""Markers of X-ray lines: where lines of the chosen elements lie, and which of them overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF
from qtpy.QtGui import QFont, QFontMetricsF

from napari_eds._napari.parts.theme import PALETTE
from napari_eds._napari.spectrum.curves import Look
from napari_eds.physics import lines as xray

#: Weakest lines that are marked, and weakest that spoil another, relative to their alpha line.
_WEAKEST = 0.01
_WEAKEST_OVERLAP = 0.1

#: Height of the stick of an alpha line as a part of the view; labels are stacked above.
_ALPHA_HEIGHT = 0.75

#: Weakest line that gets a label, and rows of labels at the top of the view.
_WEAKEST_LABEL = 0.05
_ROWS = 3
_FONT_PT = 8.0
_BRACKET_PX = 4.0
#: Labels leave the ticks of the axis free, which point into the view.
_TICKS_PX = 6.0


@dataclass(frozen=True)
class Marker:
    """A line to mark; `overlaps` names lines of other elements closer than the resolution."""

    line: xray.XRayLine
    color: str
    overlaps: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The line as it is labelled, with an asterisk where others overlap it."""
        return f"{self.line.element} {self.line.name}" + ("*" if self.overlaps else "")


def line_markers(
    colors: Mapping[str, str], span_keV: tuple[float, float], beam_keV: float, resolution_eV: float
) -> tuple[Marker, ...]:
    """Return the lines of elements that lie in a span and can be excited, strongest first.

    `colors` are those of the elements, which it thereby names.
    It reads eXSpy's tables, whose import takes seconds: not for the thread of the window.
    """
    lines = [
        line
        for symbol in colors
        for family in xray.families_in_range(symbol, *span_keV, beam_keV)
        for line in family.lines
        if line.weight >= _WEAKEST and span_keV[0] <= line.energy_keV <= span_keV[1]
    ]
    found = overlapping(lines, resolution_eV)
    markers = [Marker(line, colors[line.element], found.get(line, ())) for line in lines]
    return tuple(sorted(markers, key=lambda m: -m.line.weight))


def element_colors(symbols: Sequence[str]) -> dict[str, str]:
    """Return a colour per element, in the order of the elements."""
    return {s: PALETTE[i % len(PALETTE)] for i, s in enumerate(dict.fromkeys(symbols))}


def overlapping(
    lines: Sequence[xray.XRayLine], resolution_eV: float
) -> dict[xray.XRayLine, tuple[str, ...]]:
    """Return the lines that lines of other elements overlap: closer than the resolution."""
    strong = [line for line in lines if line.weight >= _WEAKEST_OVERLAP]
    found = {}
    for line in strong:
        width = xray.fwhm_keV(line.energy_keV, resolution_eV)
        near = [
            f"{other.element} {other.name}"
            for other in strong
            if other.element != line.element and abs(other.energy_keV - line.energy_keV) < width
        ]
        if near:
            found[line] = tuple(near)
    return found


class MarkerItems:
    """Sticks, brackets and labels of the markers in one plot."""

    def __init__(self, plot: pg.PlotItem) -> None:
        self._plot = plot
        self._sticks = pg.PlotCurveItem()
        self._brackets = pg.PlotCurveItem()
        for item, z in ((self._sticks, 1), (self._brackets, 2)):
            item.setZValue(z)
            plot.addItem(item, ignoreBounds=True)
        self._texts: list[pg.TextItem] = []
        self._font = QFont()
        self._font.setPointSizeF(_FONT_PT)
        self._metrics = QFontMetricsF(self._font)
        self._markers: tuple[Marker, ...] = ()
        self._look: Look | None = None
        self._fill = pg.mkBrush(None)

    def show(self, markers: tuple[Marker, ...], look: Look) -> None:
        """Take the markers; `place` draws them."""
        if markers == self._markers and look == self._look:
            return
        self._markers, self._look = markers, look
        color = pg.mkColor(look.colors.text)
        color.setAlpha(90)
        self._sticks.setPen(pg.mkPen(color, width=1))
        fill = pg.mkColor(look.colors.background)
        fill.setAlpha(190)
        self._fill = pg.mkBrush(fill)
        self._brackets.setPen(pg.mkPen(look.color(look.colors.warning), width=2))

    def labels(self) -> list[tuple[str, QRectF]]:
        """Return the labels that are shown and the rectangles they take, in pixels."""
        return [(t.toPlainText(), t.mapRectToScene(t.boundingRect())) for t in self._shown()]

    def _shown(self) -> list[pg.TextItem]:
        return [text for text in self._texts if text.isVisible()]

    def place(self, view: pg.ViewBox, taken: Sequence[QRectF] = ()) -> None:
        """Draw the markers in view, labels where no stronger one and nothing taken lies.

        `taken` are rectangles in pixels from the upper left corner of the view.
        """
        (low, high), (bottom, top) = view.viewRange()
        inside = [m for m in self._markers if low <= m.line.energy_keV <= high]
        energies = np.array([m.line.energy_keV for m in inside])
        heights = bottom + (top - bottom) * _ALPHA_HEIGHT * np.array(
            [m.line.weight for m in inside]
        )
        self._sticks.setData(
            np.repeat(energies, 2),
            np.stack([np.full_like(energies, bottom), heights], axis=1).ravel(),
            connect="pairs",
        )
        size = view.width(), view.height()
        if min(size) <= 0:
            return
        per_px = (high - low) / size[0], (top - bottom) / size[1]
        spots = self._spots(inside, (energies - low) / per_px[0], size, taken)
        self._write(spots, low, top, per_px)
        self._bracket(inside, bottom, per_px[1])

    def _spots(
        self,
        markers: Sequence[Marker],
        x_px: np.ndarray,
        size_px: tuple[float, float],
        taken: Sequence[QRectF],
    ) -> list[tuple[Marker, QRectF]]:
        """Return where labels go, the strongest lines first: in rows at the top, or nowhere.

        Where the legend takes those rows, they go on below it. All of a label is in view: at the
        edges it lies beside its line, and where the view ends below the legend, nowhere.
        """
        height, view = self._metrics.height(), QRectF(0, 0, *size_px)
        used, spots = list(taken), []
        tops = [row * height for row in reversed(range(_ROWS))]
        for marker, x in zip(markers, x_px.tolist(), strict=True):
            if marker.line.weight < _WEAKEST_LABEL:
                continue
            width = self._metrics.horizontalAdvance(marker.name) + 6
            left = min(max(x - width / 2, _TICKS_PX), view.width() - width)
            over = [t for t in taken if t.left() < left + width and t.right() > left]
            below = [t.bottom() + row * height for t in over for row in range(_ROWS)]
            for top in tops + below:
                spot = QRectF(left, top, width, height)
                if view.contains(spot) and not any(spot.intersects(other) for other in used):
                    used.append(spot)
                    spots.append((marker, spot))
                    break
        return spots

    def _write(
        self,
        spots: Sequence[tuple[Marker, QRectF]],
        left: float,
        top: float,
        per_px: tuple[float, float],
    ) -> None:
        """Put the texts at their spots; items are kept for the next time."""
        while len(self._texts) < len(spots):
            text = pg.TextItem(anchor=(0.5, 0.5))
            text.textItem.document().setDocumentMargin(0)
            text.setFont(self._font)
            text.setZValue(400)
            self._plot.addItem(text, ignoreBounds=True)
            self._texts.append(text)
        for text in self._texts[len(spots) :]:
            text.hide()
        for text, (marker, spot) in zip(self._texts, spots, strict=False):
            if text.toPlainText() != marker.name:
                text.setPlainText(marker.name)
            text.setColor(self._look.color(marker.color) if self._look else marker.color)
            text.fill = self._fill
            text.setToolTip(_about(marker))
            center = spot.center()
            text.setPos(left + center.x() * per_px[0], top - center.y() * per_px[1])
            text.show()

    def _bracket(self, markers: Sequence[Marker], bottom: float, per_px: float) -> None:
        """Join the lines that overlap by a bracket at the foot of the plot."""
        at = {f"{m.line.element} {m.line.name}": m.line.energy_keV for m in markers}
        ends = {
            tuple(sorted((m.line.energy_keV, at[other])))
            for m in markers
            for other in m.overlaps
            if other in at
        }
        low, high = bottom + _BRACKET_PX / 4 * per_px, bottom + 2 * _BRACKET_PX * per_px
        x = [x for a, b in ends for x in (a, a, a, b, b, b)]
        y = [y for _ in ends for y in (low, high, high, high, high, low)]
        self._brackets.setData(np.array(x), np.array(y), connect="pairs")


def _about(marker: Marker) -> str:
    line = marker.line
    text = f"{line.element} {line.name}: {line.energy_keV:.3f} keV, weight {line.weight:.3f}"
    if marker.overlaps:
        text += f"\n* closer than the resolution to {', '.join(marker.overlaps)}"
    return text
