"""The workbench on screens of laptops: it fits, and panels that are opened leave its size."""

import pytest
from napari.settings import get_settings
from qtpy.QtCore import QSize, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget, QScrollArea, QTabBar

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
    find_panel,
    open_panel,
)
from napari_eds._napari.parts.small_screens import share_small
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import maps_of
from window_actions import nothing_is_due

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

LEFT = Qt.MouseButton.LeftButton
#: 1366 x 768 at 125 % and 150 %, 1920 x 1080 at 150 %: less the title bar of the system.
LAPTOPS = [(1093, 614 - 32), (911, 512 - 32), (1280, 720 - 32)]
FURTHER = (ELEMENTS, REGIONS, COMPARE, EXCHANGE, FRAMES, PROFILE, MAPS, THICKNESS, BATCH)


def quantified(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    focus = focus_of(viewer)
    QTest.mouseClick(widget.make_grid.native, LEFT)
    QTest.mouseClick(widget.run.native, LEFT)
    qtbot.waitUntil(lambda: focus.result is not None and not widget.work)
    qtbot.waitUntil(lambda: set(maps_of(viewer, focus.labels_layer)) == set(focus.result.elements))
    return viewer, dock_of(widget).parent()


@pytest.mark.parametrize("size", LAPTOPS, ids="{0[0]}x{0[1]}".format)
def test_map_result_and_every_panel_fit_the_screen_of_a_laptop(qtbot, workbench, map_file, size):
    viewer, window = quantified(qtbot, workbench, map_file)
    below = [dock_of(find_panel(viewer, title)) for title in (SPECTRUM, RESULTS)]
    share_small(window, QSize(*size), *below)
    for title in FURTHER:
        open_panel(viewer, title)
        nothing_is_due(qtbot)
    for layer in viewer.layers:
        viewer.layers.selection.active = layer
        nothing_is_due(qtbot)
    window.resize(*size)
    nothing_is_due(qtbot)
    assert (window.width(), window.height()) == size
    tabbed = [dock.objectName() for dock in window.tabifiedDockWidgets(below[0])]
    assert tabbed == ([below[1].objectName()] if size[0] < 1150 else [])


def test_a_panel_that_is_opened_leaves_the_docks_below_as_high(qtbot, workbench, map_file):
    viewer, window = quantified(qtbot, workbench, map_file)
    share_small(
        window, QSize(1093, 582), *(dock_of(find_panel(viewer, t)) for t in (SPECTRUM, RESULTS))
    )
    window.resize(1093, 600)
    nothing_is_due(qtbot)
    spectrum = dock_of(find_panel(viewer, SPECTRUM))
    before = spectrum.height()
    for title in (REGIONS, PROFILE, BATCH):
        open_panel(viewer, title)
        nothing_is_due(qtbot)
    assert abs(spectrum.height() - before) <= 2
    assert (window.width(), window.height()) == (1093, 600)


def test_tabs_of_panels_are_named_whole(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    for title in FURTHER:
        open_panel(viewer, title)
        nothing_is_due(qtbot)
    window = dock_of(widget).parent()
    bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    bar = next(b for b in bars if b.count() > len(FURTHER))
    assert bar.elideMode() == Qt.TextElideMode.ElideNone
    metrics = bar.fontMetrics()
    for i in range(bar.count()):
        assert bar.tabRect(i).width() >= metrics.horizontalAdvance(bar.tabText(i))


def test_the_layer_list_is_in_front_where_controls_and_list_share_a_tab(
    qtbot, workbench, map_file
):
    viewer, widget = workbench(map_file)
    window = dock_of(widget).parent()
    docks = {dock.objectName(): dock for dock in window.findChildren(QDockWidget)}
    controls, layers = docks["layer controls"], docks["layer list"]
    below = [dock_of(find_panel(viewer, title)) for title in (SPECTRUM, RESULTS)]
    share_small(window, QSize(1400, 700), *below)
    assert not window.tabifiedDockWidgets(layers)
    share_small(window, QSize(1400, 560), *below)
    nothing_is_due(qtbot)
    assert window.tabifiedDockWidgets(layers) == [controls]
    assert not layers.visibleRegion().isEmpty()
    assert controls.visibleRegion().isEmpty()


@pytest.mark.parametrize(("points", "at_least"), [(9, 380), (15, 480)])
def test_panels_are_wider_where_letters_are_larger(workbench, map_file, points, at_least):
    get_settings().appearance.font_size = points
    _, widget = workbench(map_file)
    window = dock_of(widget).parent()
    assert at_least <= dock_of(widget).width() <= at_least + 40
    assert dock_of(widget).width() < 0.4 * window.width()


def bars_of(panel):
    """Return the areas that scroll sideways now, by the page they are of."""
    areas = [area for area in panel.findChildren(QScrollArea) if area.isVisible()]
    return [type(a.parent()).__name__ for a in areas if a.horizontalScrollBar().isVisible()]


def test_panels_scroll_sideways_only_where_letters_are_large(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    assert bars_of(widget.native if hasattr(widget, "native") else widget) == []
    for title in FURTHER:
        panel = open_panel(viewer, title)
        nothing_is_due(qtbot)
        for place in range(panel.tabs.count() if hasattr(panel, "tabs") else 1):
            if hasattr(panel, "tabs"):
                panel.tabs.setCurrentIndex(place)
            # Bars come and go while pages are laid out.
            nothing_is_due(qtbot)
            assert bars_of(panel) == [], (title, place)
    panel = open_panel(viewer, REGIONS)
    panel.tabs.setCurrentWidget(panel.edit)
    panel.setStyleSheet("* { font-size: 20pt; }")
    qtbot.waitUntil(lambda: bars_of(panel) == ["EditPage"])
    area = panel.edit.findChild(QScrollArea)
    area.horizontalScrollBar().setValue(area.horizontalScrollBar().maximum())
    split = panel.edit.split.native
    assert split.visibleRegion().boundingRect().right() == split.rect().right()
