"""A napari window with the workbench, opened from the command line."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import napari
from napari.utils.notifications import show_warning
from qtpy.QtGui import QGuiApplication

from napari_eds._napari.parts.panels import PLUGIN, WORKBENCH
from napari_eds._napari.reader import add_layers, read_each
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import add_chips, is_spectrum, layers_of
from napari_eds.errors import ReadError

if TYPE_CHECKING:
    from napari_eds.quantification.result import Quantification
    from napari_eds.recipe.map_part import MapPart

#: Size that the layout of the panels is made for, in pixels.
_SIZE_PX = (1400, 900)
#: Height of the title bar that the system puts on top.
_FRAME_PX = 32


def open_files(paths: Sequence[Path], part: MapPart | None = None) -> None:
    """Open files in the workbench and stay until the window is closed.

    Each is opened on its own merits; what is wrong with others is told as warnings. A file that
    holds images only is shown beside the maps.

    Parameters
    ----------
    paths : sequence of Path
    part : MapPart, optional
        What to read of each; all without it.

    Raises
    ------
    ReadError, OSError
        If no file can be opened; before there is a window.
    """
    layers, problems = read_each(paths, part)
    if not layers:
        raise problems[0] if len(problems) == 1 else ReadError("\n".join(map(str, problems)))
    viewer = _workbench()
    add_layers(viewer, layers)
    for problem in problems:
        warnings.warn(str(problem), stacklevel=2)
        show_warning(str(problem))
    napari.run()


def open_result(result: Quantification) -> None:
    """Show a result with its image, labels and dock, and stay until the window is closed."""
    show(result)
    napari.run()


def show(result: Quantification) -> napari.Viewer:
    """Return a window with a result: image, labels, at. % maps and the workbench."""
    viewer = _workbench()
    add_layers(viewer, layers_of([result.image])[0])
    focus = focus_of(viewer)
    labels = focus.labels_layer if is_spectrum(result.image) else None
    if labels is None:
        labels = add_chips(viewer, result.labels, result.image, name="chips")
    else:
        labels.data = result.labels  # the one label that comes with a spectrum
    if focus.settings is not None:
        # As it was quantified, so that another run begins there.
        focus.set_settings(focus.settings.with_recipe(result.recipe))
    focus.show_result(labels, result)
    viewer.layers.selection.active = labels
    return viewer


def _size() -> tuple[int, int]:
    """Return the first size of the window: no larger than what the screen leaves to windows."""
    screen = QGuiApplication.primaryScreen()
    if screen is None:
        return _SIZE_PX
    room = screen.availableGeometry()
    return min(_SIZE_PX[0], room.width()), min(_SIZE_PX[1], room.height() - _FRAME_PX)


def _workbench() -> napari.Viewer:
    viewer = napari.Viewer(title="napari-eds")
    viewer.window.resize(*_size())
    viewer.window.add_plugin_dock_widget(PLUGIN, WORKBENCH)
    return viewer
