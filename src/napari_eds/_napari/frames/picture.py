"""A matplotlib figure in a panel, as wide as the panel lets it be."""

from __future__ import annotations

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtWidgets import QScrollArea

#: Pixels per inch on the screen, and the least height of a figure, in parts of its width.
_DPI = 96


class Picture(QScrollArea):
    """Shows a figure; it scrolls where the panel is lower."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)

    def show_figure(self, figure: Figure | None) -> None:
        """Show a figure in place of the one before."""
        if figure is None:
            self.takeWidget()
            return
        figure.set_dpi(_DPI)
        canvas = FigureCanvasQTAgg(figure)
        width, height = figure.get_size_inches()
        canvas.setMinimumHeight(round(height * _DPI))
        canvas.setMinimumWidth(min(round(width * _DPI), 320))
        self.setWidget(canvas)
