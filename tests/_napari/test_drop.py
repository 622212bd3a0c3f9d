"""Files dropped onto the window open as they do from the menu."""

import numpy as np
import pytest
from napari import current_viewer

import napari_eds as eds
from napari_eds._napari.parts.panels import PLUGIN
from window_actions import drop, notifications

pytestmark = pytest.mark.filterwarnings("ignore::")


@pytest.fixture
def oina(data_dir):
    """A map of AZtec."""
    return data_dir.parent / "cases" / "18-h5oina" / "map.h5oina"


def test_aztec(make_napari_viewer, qtbot, oina):
    viewer = make_napari_viewer(show=True)
    drop(viewer, oina)
    image = eds.read(oina)[0]
    # Images come first, a layer a turn of the event loop; the counts are the last.
    n_layers = 1 + len(image.images)
    qtbot.waitUntil(lambda: len(viewer.layers) == n_layers, timeout=30_000)
    counts = next(layer for layer in viewer.layers if layer.data.sum() == image.xray_counts)
    np.testing.assert_array_equal(counts.data, image.counts_map())


def test_a_file_that_is_damaged_is_told(make_napari_viewer, qtbot, oina, tmp_path):
    """And the one beside it opens."""
    cut = tmp_path / "cut.h5oina"
    cut.write_bytes(oina.read_bytes()[:3000])
    viewer = make_napari_viewer(show=True)
    drop(viewer, cut, oina)
    qtbot.waitUntil(lambda: len(viewer.layers) > 0, timeout=30_000)
    qtbot.waitUntil(lambda: any("cut.h5oina" in text for text in notifications()))


def test_a_file_opens_in_the_window_it_was_dropped_onto(make_napari_viewer, qtbot, oina):
    """Which need not be the one that was active last."""
    target, active = make_napari_viewer(show=True), make_napari_viewer(show=True)
    qtbot.waitUntil(lambda: current_viewer() is active)
    drop(target, oina)
    n_layers = 1 + len(eds.read(oina)[0].images)
    qtbot.waitUntil(lambda: len(target.layers) == n_layers)
    assert not active.layers


def test_a_script_opens_a_file_in_the_viewer_it_names(make_napari_viewer, oina):
    target, active = make_napari_viewer(), make_napari_viewer()
    target.open(oina, plugin=PLUGIN)
    assert len(target.layers) == 1 + len(eds.read(oina)[0].images)
    assert not active.layers
