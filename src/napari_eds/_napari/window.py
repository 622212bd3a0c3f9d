"""A napari window with the workbench, opened from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import napari

from napari_eds._napari.parts.panels import PLUGIN, WORKBENCH
from napari_eds._napari.reader import add_layers, read_layers
from napari_eds._napari.state.layers import add_chips, image_layers, show_result

if TYPE_CHECKING:
    from napari_eds.quantification.result import Quantification

#: Size that the layout of the panels is made for, in pixels.
_SIZE_PX = (1400, 900)


def open_files(paths: Sequence[Path]) -> None:
    """Open files in the workbench and stay until the window is closed.

    Files that cannot be opened are reported by notifications.

    Raises
    ------
    ReadError, OSError
        If none of them can be opened; before there is a window.
    """
    layers = read_layers([str(path) for path in paths])
    viewer = _workbench()
    add_layers(viewer, layers)
    napari.run()


def open_result(result: Quantification) -> None:
    """Show a result with its image, labels and dock, and stay until the window is closed."""
    show(result)
    napari.run()


def show(result: Quantification) -> napari.Viewer:
    """Return a window with a result: image, labels, at. % maps and the workbench."""
    viewer = _workbench()
    add_layers(viewer, image_layers(result.image))
    labels = add_chips(viewer, result.labels, result.image, name="chips")
    show_result(viewer, labels, result)
    viewer.layers.selection.active = labels
    return viewer


def _workbench() -> napari.Viewer:
    viewer = napari.Viewer(title="napari-eds")
    viewer.window.resize(*_SIZE_PX)
    viewer.window.add_plugin_dock_widget(PLUGIN, WORKBENCH)
    return viewer
