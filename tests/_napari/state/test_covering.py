"""The canvas names the picture that is looked at, and none that lies below it."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_eds._napari.parts.color_bar import COLOR_KEY
from napari_eds._napari.parts.panels import MAPS, REGIONS, RESULTS, find_panel, open_panel
from napari_eds._napari.state.derived import OVERLAY, PIXEL_LAYERS
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.label_colors import coloring_of
from napari_eds._napari.state.layers import maps_of
from window_actions import click, nothing_is_due, task_is_done

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


def named(viewer):
    """Return the names that the canvas shows, and how many colour bars."""
    shown = [layer for layer in viewer.layers if layer.visible]
    names = [layer.name for layer in shown if layer.name_overlay.visible]
    bars = [
        layer for layer in shown if getattr(layer, "colorbar", None) and layer.colorbar.visible
    ]
    return names, len(bars)


def quantify_grid(qtbot, viewer, bench, size):
    bench.chip_size.value = size
    click(bench.make_grid)
    click(bench.run)
    focus = focus_of(viewer)
    qtbot.waitUntil(lambda: not bench.work)
    qtbot.waitUntil(lambda: set(maps_of(viewer, focus.labels_layer)) == set(focus.result.elements))
    nothing_is_due(qtbot)
    return focus.labels_layer


def choose(box, data):
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.findData(data)):
        QTest.keyClick(box, Qt.Key.Key_Down)


def test_one_picture_at_a_time_is_shown_and_named(qtbot, workbench, map_file):
    viewer, bench = workbench(map_file)
    first = quantify_grid(qtbot, viewer, bench, 32)
    element = focus_of(viewer).result.elements[0]
    assert named(viewer) == ([f"{element} at. % (chips 32 px)"], 1)
    second = quantify_grid(qtbot, viewer, bench, 24)
    assert named(viewer) == ([f"{element} at. % (chips 24 px)"], 1)

    choose(find_panel(viewer, RESULTS).color_by, "Fe_at_pct")
    nothing_is_due(qtbot)
    key = next(layer for layer in viewer.layers if COLOR_KEY in layer.metadata)
    assert named(viewer) == ([key.name], 1)

    page = open_panel(viewer, MAPS).columns
    click(page.show_overlay)
    nothing_is_due(qtbot)
    overlay = OVERLAY.layer(viewer, second, None)
    assert named(viewer) == ([overlay.name], 0)
    # Labels below can still be pointed at and picked, and the panel says what is seen.
    assert second.get_value((30, 30)) == 6, "which is told only of layers that are visible"
    assert coloring_of(second) is None
    assert find_panel(viewer, RESULTS).color_by.currentText() == "own colours"
    # Another run leaves the picture that is looked at.
    open_panel(viewer, RESULTS).again.click()
    qtbot.waitUntil(lambda: not bench.work)
    nothing_is_due(qtbot)
    assert named(viewer) == ([overlay.name], 0)

    regions = open_panel(viewer, REGIONS)
    regions.tabs.setCurrentIndex(3)
    nothing_is_due(qtbot)
    click(regions.pixels.run)
    task_is_done(qtbot, regions.pixels)
    part = element, "at. %"
    map_layer = focus_of(viewer).map_layer
    qtbot.waitUntil(lambda: part in PIXEL_LAYERS.layers(viewer, map_layer))
    pixels = PIXEL_LAYERS.layer(viewer, map_layer, part)
    nothing_is_due(qtbot)
    assert named(viewer) == ([pixels.name], 1)

    # What was coloured, and overlays, come back by one choice.
    choose(find_panel(viewer, RESULTS).color_by, "O_at_pct")
    nothing_is_due(qtbot)
    assert named(viewer) == (["O at.%"], 1)
    assert second.visible
    assert not any(layer.visible for layer in maps_of(viewer, first).values())
