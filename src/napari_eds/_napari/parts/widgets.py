"""Small pieces that docks are made of: wrapped text, faded text, pages that scroll."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QWidget

from napari_eds._napari.parts.theme import ThemeColors
from napari_eds._napari.parts.wheel import WheelGuard

#: Style of sentences in a narrow dock; napari's own style leaves no say to a font.
SMALL_TEXT = "font-size: 11px;"


class WrappedText(QLabel):
    """A label that wraps and is never clipped: Qt lays out a wrapped label as if it did not."""

    def __init__(self, *, lines: int = 0) -> None:
        """Make an empty text that keeps room for a number of lines."""
        super().__init__()
        self.setWordWrap(True)
        self._least = lines * self.fontMetrics().lineSpacing()
        self.setMinimumHeight(self._least)

    def setText(self, text: str | None) -> None:
        """Show a text."""
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: Any) -> None:
        """Wrap anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        # Qt never asks for less than the least height: without this it could only grow.
        self.setMinimumHeight(0)
        self.setMinimumHeight(max(self._least, self.heightForWidth(self.width())))


def faded(colors: ThemeColors, part: float = 0.45) -> str:
    """Return the colour of the text with this part of its contrast, as ``#rrggbb``."""
    pairs = [
        (int(colors.text[i : i + 2], 16), int(colors.background[i : i + 2], 16)) for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{round(part * t + (1 - part) * b):02x}" for t, b in pairs)


def scrolling(page: QWidget) -> QScrollArea:
    """Return a page in an area that scrolls it, so that it never makes the window higher.

    The wheel scrolls it also over its fields, and changes a value only in one with the focus.
    """
    area = QScrollArea()
    area.setWidget(page)
    WheelGuard(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def row_of(*fields: Any) -> QWidget:
    """Put magicgui's fields side by side, each as wide as the others."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for field in fields:
        layout.addWidget(field.native, 1)
    return row
