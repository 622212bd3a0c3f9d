"""Outlines of grids stay one pixel of the screen wide, and follow what is painted."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

import napari_eds as eds
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.grid_lines import sides_of, spacing_of
from napari_eds._napari.state.layers import add_chips
from window_actions import nothing_is_due, on_canvas, paint_stroke

SIZE = 96
CHIP = 4


def grid(size=SIZE, chip=CHIP):
    """Return chips side by side over the whole of a map."""
    rows, columns = np.indices((size, size)) // chip
    return (rows * (size // chip) + columns + 1).astype(np.int32)


def empty_map(size=SIZE):
    axis = eds.EnergyAxis(0.0, 0.01, 4)
    counts = np.ones((size, size, 4), np.uint16)
    return eds.SpectrumImage.from_array(
        counts, axis, name="map", pixel_size=(2.0, 2.0), pixel_unit="nm"
    )


@pytest.fixture
def viewer(qtbot, make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    focus_of(viewer)
    return viewer


@pytest.fixture
def chips(qtbot, viewer):
    layer = add_chips(viewer, grid(), empty_map(), name="chips")
    lines = focus_of(viewer).grid_lines
    qtbot.waitUntil(lambda: lines.line_of(layer) is not None)
    viewer.reset_view()
    nothing_is_due(qtbot)
    return layer


def turn(viewer, layer, notches):
    """Turn the wheel over the middle of a layer, which zooms."""
    native = viewer.window._qt_viewer.canvas.native
    spot = QPointF(on_canvas(viewer, layer, SIZE / 2, SIZE / 2))
    event = QWheelEvent(
        spot,
        QPointF(native.mapToGlobal(spot.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(native, event)


def drawn_across(viewer, layer):
    """Return widths, in pixels of the screen, of what is drawn across chips along a row."""
    picture = viewer.screenshot(canvas_only=True, flash=False).astype(int)
    spot = on_canvas(viewer, layer, SIZE / 2 - 0.5 + CHIP / 2, SIZE / 2)
    lit = picture[spot.y(), :, :3].sum(axis=1) > 60
    steps = np.diff(np.pad(lit.astype(int), 1))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return ends - starts


def test_outlines_are_one_pixel_of_the_screen_at_any_zoom(qtbot, viewer, chips):
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    zooms = [camera.zoom]
    for _ in range(4):
        widths = drawn_across(viewer, chips)
        assert len(widths)
        assert set(widths) == {1}
        turn(viewer, chips, 4)
        qtbot.waitUntil(lambda: camera.zoom > 1.2 * zooms[-1])
        nothing_is_due(qtbot)
        zooms.append(camera.zoom)


def test_lines_are_faint_where_chips_are_small_on_the_screen(qtbot, viewer, chips):
    line = focus_of(viewer).grid_lines.line_of(chips)
    turn(viewer, chips, 12)
    qtbot.waitUntil(lambda: line.color[3] == 1)
    turn(viewer, chips, -40)
    qtbot.waitUntil(lambda: line.color[3] < 0.5)


def test_lines_follow_the_brush_and_undo(qtbot, viewer, chips):
    line = focus_of(viewer).grid_lines.line_of(chips)
    before = len(line.pos)
    chips.mode, chips.selected_label, chips.brush_size = "paint", 1, 9
    paint_stroke(qtbot, viewer, chips, [(40, 40), (44, 52)])
    assert (chips.data == 1).sum() > CHIP**2
    expected = sides_of(chips.data).reshape(-1, 2)[:, ::-1]
    assert len(expected) != before
    # Lines of the first dab may be drawn before those of the whole stroke.
    qtbot.waitUntil(lambda: np.array_equal(line.pos, expected))
    QTest.keyClick(
        viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier
    )
    qtbot.waitUntil(lambda: len(line.pos) == before)
    np.testing.assert_array_equal(chips.data, grid())


def test_lines_go_with_their_layer(qtbot, viewer, chips):
    assert drawn_across(viewer, chips).size
    chips.visible = False
    nothing_is_due(qtbot)
    assert not drawn_across(viewer, chips).size
    chips.visible = True
    nothing_is_due(qtbot)
    assert drawn_across(viewer, chips).size
    chips.contour = 0  # who takes the outlines away wants none
    line = focus_of(viewer).grid_lines.line_of(chips)
    qtbot.waitUntil(lambda: not line.visible)


def test_sides_are_those_between_pixels_of_different_labels():
    labels = np.array([[1, 1, 0], [1, 2, 0]])
    runs = {tuple(map(tuple, run)) for run in sides_of(labels).astype(int)}
    assert runs == {
        ((0, 0), (0, 2)),
        ((1, 1), (1, 2)),
        ((2, 0), (2, 2)),
        ((0, 0), (2, 0)),
        ((1, 1), (2, 1)),
        ((0, 2), (2, 2)),
    }


def test_the_spacing_of_a_grid_is_the_width_of_its_chips():
    labels = grid(400, 4)
    assert spacing_of(labels, sides_of(labels)) == pytest.approx(4, rel=0.02)
