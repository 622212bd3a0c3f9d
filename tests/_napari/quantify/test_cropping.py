"""Cropping the map in a real window: what is shown, and that layers stay where they are."""

import numpy as np
import pytest
from napari.layers import Labels, Shapes
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest

import napari_eds as eds
from napari_eds._napari.quantify.energy_crop import EnergyCropDialog
from window_actions import click, notifications

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture
def opened(make_napari_viewer, map_file):
    viewer = make_napari_viewer(show=True)
    viewer.open(map_file, plugin="napari-eds")
    return viewer, viewer.window.add_plugin_dock_widget("napari-eds", "EDS quantification")[1]


def crop(qtbot, viewer, dock, corners):
    """Draw a rectangle of corners in pixels of the map and press the button."""
    layer = dock.focus.map_layer
    drawn = [np.array(corners) * layer.scale]
    viewer.add_shapes(drawn, shape_type="rectangle", name="crop", units=layer.units)
    click(dock.crop)
    qtbot.waitUntil(lambda: not dock.work)


def test_the_layer_shows_the_crop_where_it_lies(qtbot, opened, map_file):
    viewer, dock = opened
    whole, layer = dock.image, dock.focus.map_layer
    # Pixels 20 to 59 and 10 to 69: bounds half way between centres.
    crop(qtbot, viewer, dock, [(19.6, 9.5), (19.6, 69.4), (59.3, 69.4), (59.3, 9.5)])

    cropped = dock.focus.map_layer
    assert cropped is not layer
    assert not layer.visible
    np.testing.assert_array_equal(cropped.data, whole.counts_map()[20:60, 10:70])
    np.testing.assert_allclose(cropped.data_to_world((0, 0)), layer.data_to_world((20, 10)))
    np.testing.assert_allclose(cropped.data_to_world((39, 59)), layer.data_to_world((59, 69)))
    assert "[20:60, 10:70]" in cropped.get_source_str()
    assert not [x for x in viewer.layers if isinstance(x, Shapes)]
    haadf = [x for x in viewer.layers if "HAADF" in x.name and x.visible]
    np.testing.assert_allclose(haadf[0].translate, cropped.translate)
    again = eds.load(map_file, part=dock.image.part)
    np.testing.assert_array_equal(again.to_array(), dock.image.to_array())

    # A crop of the crop counts from the whole map, and grids begin with it.
    crop(qtbot, viewer, dock, [(25, 12), (25, 43), (56, 43), (56, 12)])
    assert dock.image.part == eds.MapPart(crop=((25, 57), (12, 44)))
    dock.chip_size.value = 15
    click(dock.make_grid)
    grid = dock.focus.labels_layer
    assert isinstance(grid, Labels)
    np.testing.assert_array_equal(grid.data, eds.grid_chips((32, 32), 15).labels)
    np.testing.assert_allclose(grid.data_to_world((0, 0)), layer.data_to_world((25, 12)))
    assert list(grid.features["chip"]) == ["R0C0", "R0C1", "R1C0", "R1C1"]
    assert dock.focus.settings.elements
    assert not notifications()


def test_without_a_rectangle_its_tool_is_taken_up(opened):
    viewer, dock = opened
    click(dock.crop)
    layer = viewer.layers.selection.active
    assert isinstance(layer, Shapes)
    assert layer.mode == "add_rectangle"
    assert "Draw a rectangle" in notifications()[0]
    click(dock.crop)
    assert [x.name for x in viewer.layers if isinstance(x, Shapes)] == ["crop"]


def test_a_line_of_a_profile_is_no_rectangle(opened):
    viewer, dock = opened
    layer = dock.focus.map_layer
    line = np.array([(20, 40), (80, 42)]) * layer.scale
    viewer.add_shapes([line], shape_type="line", name="EDS lines", units=layer.units)
    click(dock.crop)
    assert viewer.layers.selection.active.name == "crop"
    assert dock.focus.map_layer is layer


def test_a_crop_is_shown_beside_a_stack_of_three_axes(qtbot, opened):
    viewer, dock = opened
    layer = dock.focus.map_layer
    viewer.add_image(np.zeros((4, 30, 300)), name="stack", units=("pixel", *layer.units))
    viewer.layers.selection.active = layer
    crop(qtbot, viewer, dock, [(20, 10), (20, 69), (59, 69), (59, 10)])
    assert dock.image.shape == (40, 60)
    assert viewer.layers.selection.active is dock.focus.map_layer
    assert not notifications()


def test_a_rectangle_beside_the_map_is_refused(qtbot, opened):
    viewer, dock = opened
    layer = dock.focus.map_layer
    crop(qtbot, viewer, dock, [(200, 10), (200, 40), (240, 40), (240, 10)])
    assert "draw it over the map" in notifications()[0]
    assert dock.focus.map_layer is layer


def test_a_range_of_energies_is_kept(qtbot, opened, map_file):
    _, dock = opened
    whole = dock.image

    def answer():
        dialog = dock.findChild(EnergyCropDialog)
        for field, text in ((dialog.low, "0.3"), (dialog.high, "10")):
            field.selectAll()
            QTest.keyClicks(field, text)
            QTest.keyClick(field, Qt.Key.Key_Tab)
        click(dialog.ok)

    QTimer.singleShot(0, answer)
    click(dock.crop_energy)
    qtbot.waitUntil(lambda: not dock.work and dock.image is not whole)
    expected = whole.crop_energy(0.3, 10)
    assert dock.image.energy == expected.energy
    assert dock.image.total_counts == expected.total_counts < whole.total_counts
    assert "0.3 to 10 keV" in dock.focus.map_layer.get_source_str()
    again = eds.load(map_file, part=dock.image.part)
    assert again.energy.size == expected.energy.size
    assert not notifications()
