"""Panels come back to the side where the user put them."""

import pytest
from qtpy.QtCore import Qt

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
    dock_of,
    open_panel,
)
from window_actions import nothing_is_due

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea


@pytest.mark.usefixtures("hyperspy_is_there")
def test_every_panel_comes_back_to_its_side(qtbot, make_napari_viewer):
    titles = (
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
    first = make_napari_viewer(show=True)
    panels = [open_panel(first, title) for title in titles]
    nothing_is_due(qtbot)
    for panel in panels:
        window = dock_of(panel).parent()
        assert window.dockWidgetArea(dock_of(panel)) == RIGHT
        window.addDockWidget(LEFT, dock_of(panel))
    nothing_is_due(qtbot)
    second = make_napari_viewer(show=True)
    for title in titles:
        dock = dock_of(open_panel(second, title))
        qtbot.waitUntil(lambda dock=dock: dock.parent().dockWidgetArea(dock) == LEFT)
