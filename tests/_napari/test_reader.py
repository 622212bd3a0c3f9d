"""Opening in the background: layers when they are there, an error told, and Cancel."""

import threading

import numpy as np
from napari.components import ViewerModel
from napari.utils.progress import progress

import napari_eds as eds
from napari_eds._napari import window
from napari_eds._napari.reader import load_in_background, read_layers
from napari_eds._napari.state.layers import QUANTIFICATION, SPECTRA, SPECTRUM_IMAGE

LAYER = (np.zeros((3, 4)), {"name": "made"}, "image")


def bar(description):
    return next(one for one in progress._all_instances if one.desc.startswith(description))


def test_layers_appear(qtbot):
    viewer = ViewerModel()
    assert load_in_background(lambda _check: [LAYER], "opening made", viewer) == [(None,)]
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == ["made"])
    qtbot.waitUntil(lambda: not any("made" in one.desc for one in progress._all_instances))


def test_cancel(qtbot):
    viewer = ViewerModel()
    left = threading.Event()

    def load(check):
        try:
            while True:
                check()
                threading.Event().wait(0.01)
        finally:
            left.set()

    load_in_background(load, "opening endless", viewer)
    bar("opening endless").cancel()
    assert left.wait(1.0)
    qtbot.waitUntil(lambda: not any("endless" in one.desc for one in progress._all_instances))
    assert not viewer.layers


def test_maps_of_one_file_share_its_images(data_file):
    """Of three maps with three images, and spectra, each image is one layer.

    What lies nobody knows where is hidden.
    """
    layers = read_layers(data_file("real/phenom/Elid2Version4.elid"))
    spectra, *maps = [look for _, look, _ in layers if SPECTRUM_IMAGE in look["metadata"]]
    images = [look for _, look, kind in layers if kind == "image"]
    pictures = [look for look in images if SPECTRUM_IMAGE not in look["metadata"]]
    assert SPECTRA in spectra["metadata"]
    assert (len(maps), len(pictures)) == (3, 3)
    assert not any(look["visible"] for look in pictures)
    assert all("Map" not in look["name"] for look in pictures), "they are of no one map"


def test_a_result_of_a_spectrum_is_shown_without_chips_or_maps(
    make_napari_viewer, monkeypatch, data_file
):
    image = eds.load(data_file("real/velox/EDS-STO.emd"), index=0)
    recipe = eds.Recipe(elements=("O", "Ti", "Sr"), fit_only=("Cu",))
    result = eds.quantify(image, np.full((1, 1), 5), recipe)
    monkeypatch.setattr(window, "_workbench", make_napari_viewer)
    viewer = window.show(result)
    labels = viewer.layers.selection.active
    assert len(viewer.layers) == 2
    assert labels.metadata[QUANTIFICATION] is result
    assert labels.data.tolist() == [[5]]
    assert list(labels.features["index"]) == [5]
