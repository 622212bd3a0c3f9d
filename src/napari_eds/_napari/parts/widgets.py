"""Text in a dock that takes the height its lines need."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QLabel


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
