"""Opening in the background: layers when they are there, an error told, and Cancel."""

import threading

import numpy as np
from napari.components import ViewerModel
from napari.utils.progress import progress

from napari_eds._napari.reader import load_in_background

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
