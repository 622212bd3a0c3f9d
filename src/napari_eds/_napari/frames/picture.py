"""A matplotlib figure in a panel; it scrolls where the panel is smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QScrollArea

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Pixels per inch on the screen.
_DPI = 96


class Picture(QScrollArea):
    """Shows a figure in its own size or, where there is more room, larger."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)

    def show_figure(self, figure: Figure | None) -> None:
        """Show a figure in place of the one before."""
        if figure is None:
            self.takeWidget()
            return
        # Not when the panel opens: matplotlib takes a moment to import.
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg

        figure.set_dpi(_DPI)
        canvas = FigureCanvasQTAgg(figure)
        width, height = figure.get_size_inches()
        canvas.setMinimumSize(round(width * _DPI), round(height * _DPI))
        self.setWidget(canvas)
