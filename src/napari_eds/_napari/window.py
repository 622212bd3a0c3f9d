"""A napari window with a finished result, opened from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari

from napari_eds._napari.layers import add_chips, image_layers, show_result
from napari_eds._napari.reader import add_layers

if TYPE_CHECKING:
    from napari_eds.analysis import Quantification

_DOCK = "EDS workbench"


def open_result(result: Quantification) -> None:
    """Show a result with its image, labels and dock, and stay until the window is closed."""
    show(result)
    napari.run()


def show(result: Quantification) -> napari.Viewer:
    """Return a window with a result: image, labels, at. % maps and the dock."""
    viewer = napari.Viewer(title="napari-eds")
    add_layers(viewer, image_layers(result.image))
    labels = add_chips(viewer, result.labels, result.image, name="chips")
    show_result(viewer, labels, result)
    viewer.layers.selection.active = labels
    viewer.window.add_plugin_dock_widget("napari-eds", _DOCK)
    return viewer
