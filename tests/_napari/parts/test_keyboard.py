"""Panels by keyboard: Tab leads on, what has the focus is framed and in sight."""

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPlainTextEdit, QTableView

from napari_eds._napari.parts.keyboard import Ring
from napari_eds._napari.parts.panels import ELEMENTS, EXCHANGE, REGIONS, RESULTS, open_panel
from napari_eds._napari.state.focus import focus_of
from window_actions import click, nothing_is_due

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

TAB = Qt.Key.Key_Tab


@pytest.fixture
def quantified(qtbot, workbench, map_file):
    """A window with a result, which has the keyboard."""
    viewer, widget = workbench(map_file)
    focus = focus_of(viewer)
    click(widget.make_grid)
    click(widget.run)
    qtbot.waitUntil(lambda: focus.result is not None and not widget.work)
    nothing_is_due(qtbot)
    viewer.window.activate()
    return viewer, widget


def give_focus(qtbot, widget):
    widget.setFocus()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is widget)


def framed(panel):
    return [ring.parent() for ring in panel.findChildren(Ring) if ring.isVisible()]


@pytest.mark.parametrize("title", [ELEMENTS, RESULTS])
def test_tab_leads_out_of_a_table(qtbot, quantified, title):
    viewer, _ = quantified
    panel = open_panel(viewer, title)
    nothing_is_due(qtbot)
    table = next(view for view in panel.findChildren(QTableView) if view.isVisible())
    give_focus(qtbot, table)
    QTest.keyClick(table, TAB)
    assert QApplication.focusWidget() is not table
    QTest.keyClick(QApplication.focusWidget(), TAB, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.focusWidget() is table


def test_tab_leads_out_of_the_remarks(qtbot, quantified):
    viewer, _ = quantified
    panel = open_panel(viewer, EXCHANGE)
    panel.tabs.setCurrentIndex(3)
    nothing_is_due(qtbot)
    remarks = panel.findChild(QPlainTextEdit)
    give_focus(qtbot, remarks)
    QTest.keyClick(remarks, TAB)
    assert QApplication.focusWidget() is panel.figures.report
    assert remarks.toPlainText() == ""


def test_what_tab_leads_to_is_framed_and_a_click_takes_the_frame_away(qtbot, quantified):
    viewer, _ = quantified
    panel = open_panel(viewer, REGIONS)
    panel.tabs.setCurrentWidget(panel.edit)
    nothing_is_due(qtbot)
    before = panel.edit.split.native
    give_focus(qtbot, before)
    QTest.keyClick(before, TAB)
    reached = QApplication.focusWidget()
    assert reached is not before
    assert framed(panel) == [reached]
    ring = panel.findChild(Ring)
    assert ring.size() == reached.size()
    other = panel.edit.grow.native
    window = other.window()
    # By way of the screen, which alone tells that a button is held.
    place = other.mapTo(window, other.rect().center())
    QTest.mousePress(window.windowHandle(), Qt.MouseButton.LeftButton, pos=place)
    assert QApplication.focusWidget() is other
    QTest.mouseMove(window.windowHandle(), other.mapTo(window, QPoint(-20, -20)))
    QTest.mouseRelease(window.windowHandle(), Qt.MouseButton.LeftButton)
    assert framed(panel) == []


def test_what_tab_leads_to_is_scrolled_into_sight(qtbot, quantified):
    viewer, widget = quantified
    viewer.window.resize(1400, 720)
    nothing_is_due(qtbot)
    native = widget.native if hasattr(widget, "native") else widget
    place, seen = widget.make_grid.native, []
    give_focus(qtbot, place)
    for _ in range(60):
        QTest.keyClick(QApplication.focusWidget(), TAB)
        place = QApplication.focusWidget()
        if place in seen or not native.isAncestorOf(place):
            break
        seen.append(place)
        assert not place.visibleRegion().isEmpty(), place.toolTip()
    assert len(seen) > 10


def test_tab_leads_to_detectors_after_the_crop_above_them(qtbot, quantified):
    _, widget = quantified
    crop = widget.crop.native
    nothing_is_due(qtbot)
    give_focus(qtbot, crop)
    QTest.keyClick(crop, TAB)
    assert QApplication.focusWidget() is widget.source_part.detectors
