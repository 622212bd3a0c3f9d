"""What is greyed says why, in every panel and at every stage of the work."""

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import QAbstractButton, QApplication, QPushButton, QTabBar, QToolTip

from napari_eds._napari.parts.panels import (
    BATCH,
    COMPARE,
    ELEMENTS,
    EXCHANGE,
    FRAMES,
    MAPS,
    PLUGIN,
    PROFILE,
    QUANTIFICATION,
    REGIONS,
    RESULTS,
    SPECTRUM,
    THICKNESS,
    WORKBENCH,
    open_panel,
)
from napari_eds._napari.parts.reasons import NO_MAP, lacking, offer, reason_of
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import maps_of
from window_actions import click, nothing_is_due

pytestmark = pytest.mark.usefixtures("hyperspy_is_there")

PANELS = (
    QUANTIFICATION,
    ELEMENTS,
    RESULTS,
    REGIONS,
    COMPARE,
    EXCHANGE,
    FRAMES,
    PROFILE,
    MAPS,
    BATCH,
    SPECTRUM,
    THICKNESS,
    WORKBENCH,
)


def greyed_without_reason(panels):
    """Name the buttons that are greyed and do not say why in their tooltip."""
    return [
        f"{title}: {button.text()!r} {button.toolTip()!r}"
        for title, panel in panels.items()
        for button in panel.findChildren(QAbstractButton)
        if not button.isEnabled()
        and not isinstance(button.parentWidget(), QTabBar)
        and not (reason_of(button).endswith(".") and reason_of(button))
    ]


def test_every_greyed_button_of_every_panel_says_why(qtbot, make_napari_viewer, map_file):
    viewer = make_napari_viewer(show=True)
    panels = {title: open_panel(viewer, title) for title in PANELS}
    nothing_is_due(qtbot)
    assert greyed_without_reason(panels) == []
    viewer.open(map_file, plugin=PLUGIN)
    nothing_is_due(qtbot)
    assert greyed_without_reason(panels) == []
    dock, focus = panels[QUANTIFICATION], focus_of(viewer)
    click(dock.make_grid)
    nothing_is_due(qtbot)
    assert greyed_without_reason(panels) == []
    click(dock.run)
    assert greyed_without_reason(panels) == []
    qtbot.waitUntil(lambda: focus.result is not None and not dock.work)
    qtbot.waitUntil(lambda: set(maps_of(viewer, focus.labels_layer)) == set(focus.result.elements))
    nothing_is_due(qtbot)
    assert greyed_without_reason(panels) == []


def test_labels_that_do_not_fit_the_map_are_named(qtbot, make_napari_viewer, map_file):
    viewer = make_napari_viewer(show=True)
    panels = [open_panel(viewer, title) for title in (QUANTIFICATION, THICKNESS)]
    viewer.open(map_file, plugin=PLUGIN)
    viewer.add_labels(np.ones((64, 64), int))
    nothing_is_due(qtbot)
    words = "Labels of shape (64, 64) do not fit the map of (96, 96): make a grid or paint others."
    assert [reason_of(panel.run.native) for panel in panels] == [words, words]
    click(panels[0].make_grid)
    nothing_is_due(qtbot)
    assert panels[0].run.enabled
    assert reason_of(panels[1].run.native) == "Choose zeta-factors first."


def test_the_reason_is_told_under_the_pointer_and_goes_with_its_cause(qtbot):
    button = QPushButton("Do it")
    button.setToolTip("Do what is wanted")
    qtbot.addWidget(button)
    button.show()
    offer(button, unless=lacking((None, NO_MAP)))
    assert not button.isEnabled()
    middle = QPoint(5, 5)
    event = QHelpEvent(QEvent.Type.ToolTip, middle, button.mapToGlobal(middle))
    QApplication.sendEvent(button, event)
    qtbot.waitUntil(lambda: QToolTip.text() == f"{NO_MAP}\nDo what is wanted")
    offer(button, unless=lacking((0, NO_MAP)))
    assert button.isEnabled()
    assert button.toolTip() == "Do what is wanted"
    assert reason_of(button) == ""
