"""Small pieces that docks are made of: wrapped text, faded text, pages that scroll."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from napari_eds._napari.parts.theme import ThemeColors
from napari_eds._napari.parts.wheel import WheelGuard

#: Style of sentences in a narrow dock; napari's own style leaves no say to a font.
SMALL_TEXT = "font-size: 11px;"


#: What is in sight at least of what scrolls.
_LEAST_LINES = 3


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


class _Scrolling(QScrollArea):
    """Scrolls up and down, and wants to be as wide as the page and its bar.

    A panel with large letters on a small screen cannot be: then it scrolls sideways, too.
    """

    def minimumSizeHint(self) -> QSize:
        """Return the width of the page, which nothing scrolls, and a low height."""
        page, hint = self.widget(), super().minimumSizeHint()
        vertical: Any = self.verticalScrollBar()
        bar = vertical.sizeHint().width()
        width = 0 if page is None else max(page.minimumSizeHint().width(), page.minimumWidth())
        return QSize(
            width + bar, min(hint.height(), _LEAST_LINES * self.fontMetrics().lineSpacing())
        )

    def sizeHint(self) -> QSize:
        """Return a size that needs no bar."""
        return super().sizeHint().expandedTo(self.minimumSizeHint())


def scrolling(page: QWidget) -> QScrollArea:
    """Return a page in an area that scrolls it, so that it never makes the window higher.

    The wheel scrolls it also over its fields, and changes a value only in one with the focus.
    """
    area = _Scrolling()
    area.setWidget(page)
    WheelGuard(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    return area


def scrolled_column(panel: QWidget, margin_px: int = 8) -> QVBoxLayout:
    """Return the column that a panel is filled with, scrolled where the screen is too low for it.

    What is added to the layout of the panel itself stands below and stays in sight.
    """
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(margin_px, margin_px, margin_px, margin_px)
    whole = QVBoxLayout(panel)
    whole.setContentsMargins(0, 0, 0, 0)
    whole.setSpacing(0)
    whole.addWidget(scrolling(body), 1)
    return column


def foot_of(panel: QWidget, margin_px: int = 8) -> QVBoxLayout:
    """Return the layout of what stays in sight below a scrolled column."""
    foot = QVBoxLayout()
    foot.setContentsMargins(margin_px, 4, margin_px, margin_px)
    whole: Any = panel.layout()
    whole.addLayout(foot)
    return foot


def may_be_narrow(*boxes: QComboBox, letters: int = 8) -> None:
    """Let lists be narrower than their longest choice; their popup shows choices whole."""
    for box in boxes:
        box.setMinimumContentsLength(letters)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)


def flowing(*widgets: QWidget) -> QFlowLayout:
    """Return a row of widgets whose last ones go below where it is narrow."""
    row = QFlowLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setHorizontalSpacing(2)
    row.setVerticalSpacing(2)
    for widget in widgets:
        row.addWidget(widget)
    return row


def row_of(*fields: Any) -> QWidget:
    """Put magicgui's fields side by side, each as wide as the others."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for field in fields:
        layout.addWidget(field.native, 1)
    return row
