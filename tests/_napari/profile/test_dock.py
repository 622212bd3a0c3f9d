"""The dock *EDS profile* in a real window: a line is drawn with the mouse, and quantified."""

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds._napari.parts.panels import PROFILE
from napari_eds._napari.profile.dock import PROFILES, ProfileWidget
from napari_eds._napari.profile.lines import LINES
from napari_eds._napari.state.focus import focus_of
from window_actions import (
    answer_dialog,
    canvas_is_still,
    click,
    nothing_is_due,
    notifications,
    paint_stroke,
    task_is_done,
)

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture
def window(make_napari_viewer, map_file):
    """A visible window with the small map and the dock."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1300, 900)
    viewer.open(map_file, plugin="napari-eds")
    dock = ProfileWidget(viewer)
    viewer.window.add_dock_widget(dock, name=PROFILE, area="right")
    return viewer, dock


def draw(qtbot, viewer, dock, start=(8, 40), end=(90, 40)):
    click(dock.draw)
    layer = viewer.layers[LINES]
    canvas_is_still(qtbot, viewer, focus_of(viewer).map_layer)
    paint_stroke(qtbot, viewer, focus_of(viewer).map_layer, [start, end])
    qtbot.waitUntil(lambda: len(layer.data) == 1)
    return layer


def test_a_drawn_line_becomes_a_profile(window, qtbot, tmp_path, monkeypatch):
    viewer, dock = window
    layer = draw(qtbot, viewer, dock)
    dock.width_px.value = 30
    dock.advised.value = False
    dock.bin.value = 2
    click(dock.run)
    task_is_done(qtbot, dock)
    (profile,) = layer.metadata[PROFILES]
    image = focus_of(viewer).image
    # Drawn over the canvas, so within a pixel of where the mouse was.
    assert profile.line.points == pytest.approx(np.array([(8, 40), (90, 40)]), abs=1.0)
    again = eds.line_profile(image, profile.line, profile.result.recipe, bin_px=2)
    assert again.curve("Fe").value == pytest.approx(profile.curve("Fe").value)
    dock.interface.value = "Ti"
    assert "position" in dock.text.text()
    assert "nm" in dock.text.text()
    answer_dialog(monkeypatch, tmp_path / "line.csv", "getSaveFileName")
    click(dock.save_csv)
    assert len(pd.read_csv(tmp_path / "line.csv")) == len(profile.result.table)
    answer_dialog(monkeypatch, tmp_path / "line.svg", "getSaveFileName")
    click(dock.save_figure)
    assert (tmp_path / "line.svg").stat().st_size > 5000


def test_a_line_that_leaves_the_map_is_told(window, qtbot):
    viewer, dock = window
    rows, _ = focus_of(viewer).image.shape
    draw(qtbot, viewer, dock, start=(40, 40), end=(rows + 12, 40))
    dock.advised.value = False
    dock.bin.value = 4
    click(dock.run)
    task_is_done(qtbot, dock)
    assert "⚠" in dock.text.text()
    assert "leaves the map" in dock.text.text()


def test_without_a_line_the_button_says_what_to_do(window):
    _, dock = window
    assert not dock.run.enabled
    assert "Draw a line" in dock.run.tooltip


def test_a_layer_without_lines_is_told(window):
    _, dock = window
    click(dock.draw)
    click(dock.run)
    assert any("holds no line" in text for text in notifications())


def test_the_dock_can_be_closed_while_it_works(window, qtbot):
    viewer, dock = window
    draw(qtbot, viewer, dock)
    click(dock.run)
    viewer.window.remove_dock_widget(dock)
    nothing_is_due(qtbot)


def test_lines_deleted_while_they_are_quantified_are_told(window, qtbot):
    viewer, dock = window
    layer = draw(qtbot, viewer, dock)
    click(dock.run)
    viewer.layers.remove(layer)
    task_is_done(qtbot, dock)
    (told,) = notifications()
    assert told.startswith("The layer of the lines was deleted")
