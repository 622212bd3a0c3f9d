"""The button that leads to every panel from the one that is looked at."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QToolButton

from napari_eds._napari.parts.panels import (
    BATCH,
    COMPARE,
    ELEMENTS,
    EXCHANGE,
    FRAMES,
    MAPS,
    PROFILE,
    REGIONS,
    RESULTS,
    SPECTRUM,
    THICKNESS,
)

#: Titles of panels, and what they are for.
_PANELS = (
    (SPECTRUM, "Spectrum: sum, labels, fit"),
    (RESULTS, "Results: table and plots"),
    (ELEMENTS, "Elements and k-factors"),
    (REGIONS, "Regions: chips, edits, single pixels"),
    (PROFILE, "Profile along a line"),
    (MAPS, "Maps: columns, ratios, overlays, denoising"),
    (THICKNESS, "Thickness: dose and zeta-factors"),
    (FRAMES, "Frames: change over time and dose"),
    (COMPARE, "Compare with another result"),
    (EXCHANGE, "Figures, report, export, sessions"),
    (BATCH, "Batch: many files by one recipe"),
)


class PanelsButton(QToolButton):
    """A menu of all panels, which look at the same map, labels and result.

    Attributes
    ----------
    chosen : Signal
        Carries the title of a panel to open.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setText("Panels   ")  # room for the arrow, which napari's style draws over the text
        self.setToolTip("All panels: profile, maps, frames, figures and report, batch…")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for title, words in _PANELS:
            action = menu.addAction(words)
            if action is not None:
                action.triggered.connect(partial(self._on_triggered, title))
        self.setMenu(menu)

    def _on_triggered(self, title: str, _checked: bool = False) -> None:  # noqa: FBT001, FBT002
        self.chosen.emit(title)
