"""What is seen in the dock *EDS spectrum*, by real events: labels, zoom, and what comes back."""

import json
from itertools import combinations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, QRectF, Qt
from qtpy.QtTest import QTest

import napari_eds as eds
from napari_eds._napari.parts.panels import SPECTRUM, dock_of, find_panel, open_panel
from napari_eds._napari.spectrum import sources
from napari_eds._napari.state.element_choice import ElementChoice
from napari_eds._napari.state.focus import focus_of
from napari_eds.spectra.maximum import maximum_spectrum
from window_actions import LEFT, NO_KEY, drag, is_still, nothing_is_due

pytestmark = pytest.mark.usefixtures("hyperspy_is_there")


@pytest.fixture
def opened(qtbot, make_napari_viewer):
    """Function that opens maps in a window with the panel."""

    def opened(*paths):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1200, 850)
        for path in paths:
            viewer.open(path, plugin="napari-eds")
        panel = open_panel(viewer, SPECTRUM)
        settle(qtbot, panel)
        return viewer, panel

    return opened


def settle(qtbot, panel):
    qtbot.waitUntil(
        lambda: (
            bool(panel.plot.content.spectra) and not panel.sources.is_waiting() and not panel._jobs
        )
    )
    is_still(
        qtbot, lambda: QPoint(round(panel.plot.view.width()), round(panel.plot.view.height()))
    )


def click_switch(switch):
    QTest.mouseClick(switch, LEFT, NO_KEY, QPoint(8, 8))


def close(qtbot, viewer, panel):
    with qtbot.waitSignal(panel.destroyed):
        viewer.window.remove_dock_widget(panel)
        panel.deleteLater()


def x_range(panel):
    return panel.plot.view.viewRange()[0]


def zoom_in(qtbot, panel):
    """Zoom the energies with the wheel, as the user does, and return the range."""
    before = x_range(panel)
    view, viewport = panel.plot.view, panel.plot.viewport()
    at = panel.plot.mapFromScene(view.mapViewToScene(QPointF(6.4, view.viewRange()[1][1] / 2)))
    drag(qtbot, viewport, at, at - QPoint(60, 0))
    assert x_range(panel) != before
    return pytest.approx(x_range(panel))


# Labels of lines.


def labels_are_right(panel):
    """Assert that labels stand at their lines, in view, beside the legend and each other."""
    plot = panel.plot
    labels = plot.markers.labels()
    legend = plot._legend.mapRectToScene(plot._legend.boundingRect())
    view = plot.view.sceneBoundingRect()
    energies = {marker.name: marker.line.energy_keV for marker in plot.content.markers}
    for name, rect in labels:
        assert not rect.intersects(legend), name
        assert view.adjusted(-1, -1, 1, 1).contains(rect), name
        line = plot.view.mapViewToScene(QPointF(energies[name], 0)).x()
        assert rect.left() - 1 <= line <= rect.right() + 1, name
    for (one, first), (other, second) in combinations(labels, 2):
        overlap: QRectF = first.intersected(second)
        assert min(overlap.width(), overlap.height()) < 1.5, (one, other)
    return {name for name, _ in labels}


def choose(panel, *symbols):
    focus = panel._focus
    focus.set_settings(focus.settings.edited(elements=tuple(map(ElementChoice, symbols))))


def test_labels_are_right_whatever_becomes_of_the_panel(qtbot, opened, map_file):
    viewer, panel = opened(map_file)
    choose(panel, "La", "Fe", "O", "Sr", "Ti", "Pt", "Cu")
    settle(qtbot, panel)
    window = viewer.window._qt_window

    def all_right():
        settle(qtbot, panel)
        return labels_are_right(panel)

    for size in ((1200, 850), (900, 700), (1500, 1000), (1000, 850)):
        window.resize(*size)
        assert {"Sr Ka", "Fe Ka"} <= all_right(), "strong lines have a label, legend or not"
    for area in (Qt.DockWidgetArea.BottomDockWidgetArea, Qt.DockWidgetArea.LeftDockWidgetArea):
        window.addDockWidget(area, dock_of(panel))
        all_right()
    dock_of(panel).setFloating(True)
    dock_of(panel).resize(500, 300)
    all_right()
    for low, high in ((0, 3), (4, 7), (12, 18)):
        panel.plot.view.setXRange(low, high, padding=0)
        all_right()
    click_switch(panel.toolbar.maximum)  # a longer legend
    all_right()
    nothing_is_due(qtbot)


# The maximum-pixel spectrum.


def test_the_maximum_is_shown_beside_the_sum(qtbot, opened, map_file, lfo_sto_96):
    _viewer, panel = opened(map_file)
    assert [s.key for s in panel.plot.content.spectra] == ["map"]
    click_switch(panel.toolbar.maximum)
    settle(qtbot, panel)
    _, maximum = panel.plot.content.spectra
    assert maximum.name == "Largest count of any pixel"
    assert "not" not in maximum.name
    assert "no spectrum to be quantified" in panel.toolbar.maximum.toolTip()
    np.testing.assert_array_equal(maximum.counts, lfo_sto_96.to_array().max(axis=(0, 1)))
    _, drawn = panel.plot.curves.curve("maximum").values()
    np.testing.assert_array_equal(drawn, maximum_spectrum(lfo_sto_96))
    click_switch(panel.toolbar.maximum)
    assert [s.key for s in panel.plot.content.spectra] == ["map"]
    nothing_is_due(qtbot)


def test_the_maximum_is_that_of_the_map_that_is_looked_at(qtbot, opened, map_file, alloy_file):
    viewer, panel = opened(map_file, alloy_file)
    click_switch(panel.toolbar.maximum)
    first, second = focus_of(viewer).map_layers()
    for layer in (second, first, second):
        viewer.layers.selection.active = layer
        settle(qtbot, panel)
        expected = maximum_spectrum(layer.metadata["spectrum_image"])
        (shown,) = [s for s in panel.plot.content.spectra if s.key == "maximum"]
        np.testing.assert_array_equal(shown.counts, expected)
    nothing_is_due(qtbot)


# Zoom.


def test_the_zoom_of_a_new_map_is_not_ruled_by_the_first_spectrum(
    qtbot, opened, map_file, alloy_file, monkeypatch
):
    viewer, panel = opened(map_file)
    monkeypatch.setattr(sources, "_AT_ONCE", 10**9)  # labels are summed at once, the map is not
    viewer.open(alloy_file, plugin="napari-eds")
    focus = focus_of(viewer)
    image = focus.image
    labels = np.zeros(image.shape, np.int32)
    labels[0, 0] = 1
    viewer.add_labels(labels, scale=focus.map_layer.scale, units=focus.map_layer.units)
    settle(qtbot, panel)
    for layer in focus.map_layers():
        viewer.layers.selection.active = layer
        settle(qtbot, panel)
        counts = layer.metadata["spectrum_image"].total_spectrum()
        axis = layer.metadata["spectrum_image"].energy
        last = axis.energies_keV[np.flatnonzero(counts)[-1]]
        assert x_range(panel)[1] == pytest.approx(last, abs=0.4)
    nothing_is_due(qtbot)


def test_every_map_keeps_its_zoom(qtbot, opened, map_file, alloy_file):
    viewer, panel = opened(map_file, alloy_file)
    first, second = focus_of(viewer).map_layers()
    of_second = zoom_in(qtbot, panel)
    viewer.layers.selection.active = first
    settle(qtbot, panel)
    assert x_range(panel)[1] > 19, "all of a map that nobody zoomed"
    viewer.layers.selection.active = second
    settle(qtbot, panel)
    assert x_range(panel) == of_second
    QTest.mouseClick(panel.toolbar.fit_view, LEFT)
    viewer.layers.selection.active = first
    viewer.layers.selection.active = second
    settle(qtbot, panel)
    assert x_range(panel) != of_second
    nothing_is_due(qtbot)


# What comes back.


def test_a_panel_that_is_opened_again_is_seen_as_it_was_left(qtbot, opened, map_file):
    viewer, panel = opened(map_file)
    for switch in (panel.toolbar.maximum, panel.toolbar.lines):
        click_switch(switch)
    panel.toolbar.scale.setFocus()
    QTest.keyClick(panel.toolbar.scale, Qt.Key.Key_Down)
    settle(qtbot, panel)
    zoomed = zoom_in(qtbot, panel)
    dock = dock_of(panel)
    dock.parent().addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    settle(qtbot, panel)
    keys = [s.key for s in panel.plot.content.spectra]
    close(qtbot, viewer, panel)

    again = open_panel(viewer, SPECTRUM)
    settle(qtbot, again)
    assert again.plot.look.scale == "log"
    assert [s.key for s in again.plot.content.spectra] == keys == ["map", "maximum"]
    assert not again.toolbar.lines.isChecked()
    assert x_range(again) == zoomed
    window = dock_of(again).parent()
    assert window.dockWidgetArea(dock_of(again)) == Qt.DockWidgetArea.BottomDockWidgetArea
    nothing_is_due(qtbot)


def test_the_next_window_begins_as_the_last_one_ended(
    qtbot, opened, map_file, alloy_file, view_file
):
    viewer, panel = opened(map_file)
    panel.toolbar.scale.setFocus()
    QTest.keyClick(panel.toolbar.scale, Qt.Key.Key_Down)
    zoomed = zoom_in(qtbot, panel)
    nothing_is_due(qtbot)
    viewer.close()

    second, panel = opened(map_file)
    assert panel.plot.look.scale == "log"
    assert x_range(panel) == zoomed
    second.open(alloy_file, plugin="napari-eds")
    settle(qtbot, panel)
    assert x_range(panel)[1] > 10, "another file is not zoomed"
    nothing_is_due(qtbot)
    assert set(json.loads(view_file.read_text())) >= {"spectrum", "spectrum zoom"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"spectrum": 3}', '{"spectrum": {"scale": 7, "fit": "x", "radius_px": []}}',
     '{"spectrum zoom": {"a": 1}, "places": {"EDS spectrum": {"area": [1], "floating": 3}}}',
     '{"places": {"EDS spectrum": 5}}'],
)  # fmt: skip
def test_a_file_that_says_something_else_is_left(qtbot, opened, map_file, view_file, text):
    view_file.write_text(text)
    _viewer, panel = opened(map_file)
    assert panel.toolbar.fit.isChecked()
    assert panel.plot.look.scale == "linear"
    nothing_is_due(qtbot)


def test_a_zoom_that_is_none_is_left(qtbot, opened, map_file, view_file):
    image = eds.load(map_file)
    key = f"{map_file.absolute()} {image.energy.offset_keV:.6g} {image.energy.size}"
    for bad in (
        [[1, 0], [0, 1], "log", True],
        [[float("nan"), 2], [0, 1], "log", True],
        [3],
        None,
    ):
        view_file.write_text(json.dumps({"spectrum zoom": {key: bad}}))
        viewer, panel = opened(map_file)
        assert x_range(panel)[1] > 19
        nothing_is_due(qtbot)
        assert find_panel(viewer, SPECTRUM) is panel
        viewer.close()
