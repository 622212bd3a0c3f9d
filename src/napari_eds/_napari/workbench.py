"""The command *EDS workbench*: all panels in a layout that leaves the map in sight."""

from __future__ import annotations

from typing import Any

from napari.viewer import Viewer
from qtpy.QtCore import Qt, QTimer

from napari_eds._napari.jobs import one_per_turn
from napari_eds._napari.panels import ELEMENTS, RESULTS, SPECTRUM, dock_of, open_panel
from napari_eds._napari.widgets.quantify import QuantificationWidget

#: Sizes of the panels in pixels; on 1400 x 900 they leave half of the window to the map.
_BOTTOM_HEIGHT_PX = 330
_RIGHT_WIDTH_PX = 390
_SPECTRUM_TO_RESULTS = (700, 640)


class Workbench(QuantificationWidget):
    """The quantification dock, which brings spectrum, results and elements with it."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        # napari docks this widget only after it was made.
        QTimer.singleShot(0, self._open_others)

    def _open_others(self) -> None:
        one_per_turn([*(lambda t=t: open_panel(self._viewer, t) for t in _OTHERS), self._arrange])

    def _arrange(self) -> None:
        quantification = dock_of(self)
        docks = {title: dock_of(open_panel(self._viewer, title)) for title in _OTHERS}
        window = quantification.parent()
        arrange(window, quantification, docks[ELEMENTS], docks[SPECTRUM], docks[RESULTS])


_OTHERS = (ELEMENTS, SPECTRUM, RESULTS)


def arrange(window: Any, quantification: Any, elements: Any, spectrum: Any, results: Any) -> None:
    """Lay the docks out: settings right, in tabs; spectrum and results below, side by side."""
    right, bottom = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea
    for dock, area in ((quantification, right), (spectrum, bottom), (results, bottom)):
        window.addDockWidget(area, dock)
    window.tabifyDockWidget(quantification, elements)
    window.splitDockWidget(spectrum, results, Qt.Orientation.Horizontal)
    quantification.raise_()
    window.resizeDocks([spectrum, results], list(_SPECTRUM_TO_RESULTS), Qt.Orientation.Horizontal)
    window.resizeDocks([spectrum], [_BOTTOM_HEIGHT_PX], Qt.Orientation.Vertical)
    window.resizeDocks([quantification], [_RIGHT_WIDTH_PX], Qt.Orientation.Horizontal)
