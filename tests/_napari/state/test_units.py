"""Units of layers agree whatever is open, in whatever order."""

from itertools import permutations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager

import napari_eds as eds
from napari_eds._napari.reader import add_layers, read_layers
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import layers_of
from window_actions import on_canvas

CALIBRATED = "real/velox/fei_SI_EDS-HAADF-4detectors_2frames.emd"
UNCALIBRATED = "real/ripple/bruker_bcf_fileformat_16x16.rpl"
SPECTRUM = "real/jeol/spot.eds"
MICROMETRES = "real/phenom/Elid2Version4.elid"


@pytest.mark.parametrize("names", list(permutations((CALIBRATED, UNCALIBRATED, SPECTRUM))))
def test_units_never_clash(names, eds_file):
    viewer = ViewerModel()
    clashes = []
    viewer.layers.events.inserted.connect(
        lambda _event: clashes.append(viewer.layers.extent.units is None)
    )
    for name in names:
        add_layers(viewer, [x for group in layers_of(eds.read(eds_file(name))) for x in group])
        assert viewer.layers.extent.units is not None
    for layer in focus_of(viewer).map_layers():
        focus_of(viewer).set_map_layer(layer)
        (image,) = {layer.metadata["spectrum_image"].pixel_unit}
        told = {"nm": "nanometer", "pixel": "pixel"}[image]
        assert {str(unit) for unit in viewer.layers.extent.units} == {told}
    assert not any(clashes)


def test_nothing_is_warned_of_in_a_window(qtbot, make_napari_viewer, eds_file):
    """By `viewer.open`, which adds the layers itself, with napari drawing meanwhile."""
    viewer = make_napari_viewer(show=True)
    notification_manager.records.clear()
    for name in (SPECTRUM, MICROMETRES, UNCALIBRATED, CALIBRATED):
        viewer.open(eds_file(name), plugin="napari-eds")
        qtbot.wait(100)
    for layer in focus_of(viewer).map_layers():
        viewer.layers.selection.active = layer
        qtbot.wait(100)
    assert not [n for n in notification_manager.records if "units" in str(n.message)]


def test_layers_keep_their_scale(eds_file):
    viewer = ViewerModel()
    add_layers(viewer, read_layers(eds_file(CALIBRATED)))
    (map_layer,) = focus_of(viewer).map_layers()
    before = np.array(map_layer.scale)
    add_layers(viewer, read_layers(eds_file(SPECTRUM)))
    assert str(map_layer.units[0]) == "pixel"
    focus_of(viewer).set_map_layer(map_layer)
    assert str(map_layer.units[0]) == "nanometer"
    np.testing.assert_array_equal(map_layer.scale, before)


def test_the_view_fits_a_map_in_larger_units_than_those_of_others(
    qtbot, make_napari_viewer, eds_file
):
    viewer = make_napari_viewer(show=True)
    for name in (CALIBRATED, MICROMETRES):
        viewer.open(eds_file(name), plugin="napari-eds")
    layer = focus_of(viewer).map_layer
    assert str(layer.units[0]) == "micrometer"
    canvas = viewer.window._qt_viewer.canvas.native

    def corners():
        return [on_canvas(viewer, layer, *at) for at in ((0, 0), (15, 15))]

    qtbot.waitUntil(lambda: corners()[1].y() - corners()[0].y() > 0.7 * canvas.height())
    assert all(canvas.rect().contains(corner) for corner in corners())


@pytest.mark.usefixtures("no_notifications_yet")
def test_labels_in_another_unit_of_length_lie_on_their_map():
    viewer = ViewerModel()
    focus = focus_of(viewer)
    counts = np.ones((6, 8, 64), np.uint8)
    axis = eds.EnergyAxis(0.0, 0.01, 64)
    image = eds.SpectrumImage.from_array(counts, axis, pixel_size=(2.0, 2.0), pixel_unit="nm")
    add_layers(viewer, layers_of([image])[0])
    for units, scale in (("um", 0.002), ("nm", 2.0)):
        labels = np.ones((6, 8), np.int32)
        layer = viewer.add_labels(labels, scale=(scale, scale), units=(units, units))
        focus.set_labels_layer(layer)
        np.testing.assert_allclose(layer.scale, scale)
    assert not [n for n in notification_manager.records if "elsewhere" in str(n.message)]
    layer = viewer.add_labels(labels, scale=(0.001, 0.001), units=("um", "um"))
    focus.set_labels_layer(layer)
    assert [n for n in notification_manager.records if "elsewhere" in str(n.message)]


def test_the_view_fits_a_map_beside_a_stack_of_three_axes(map_file):
    viewer = ViewerModel()
    add_layers(viewer, read_layers(map_file))
    focus = focus_of(viewer)
    camera = getattr(viewer, "scene", viewer).camera
    center, zoom = camera.center[-2:], camera.zoom
    viewer.add_image(np.zeros((3, 400, 900)))
    focus.fit_view()
    np.testing.assert_allclose(camera.center[-2:], center)
    # In the whole of the view, but not as near as without the stack: its sides are others.
    assert 0.3 * zoom < camera.zoom <= 1.001 * zoom
    viewer.dims.ndisplay = 3
    focus.fit_view()
    np.testing.assert_allclose(camera.center[-2:], center)
