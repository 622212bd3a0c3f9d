"""The outlines of grids, one pixel of the screen wide however far one zooms.

napari draws outlines of labels in pixels of the map, which veil chips of a few pixels. Here they
are lines of OpenGL, whose width is that of a pixel of the screen; the layer stays a plain Labels
layer that is painted, undone and saved as any other.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap
from qtpy.QtCore import QObject
from superqt.utils import QSignalThrottler

from napari_eds._napari.state.units import in_world
from napari_eds.labels.edges import label_edges

#: Colours of labels that are outlined: by napari, and by lines, which need the pixels clear.
_BY_NAPARI, _BY_LINES = "outlines", "fine outlines"
#: Pause after an edit until the lines follow.
_PAUSE_MS = 60
#: Lines nearer to each other than this on the screen are fainter in proportion: the map is what
#: one looks at. Never fainter than the least.
_CLOSE_PX, _FAINTEST = 12.0, 0.15


def outline_colors() -> CyclicLabelColormap:
    """Return white for all labels, as napari outlines them until lines do."""
    colors = np.array([[0, 0, 0, 0], [1, 1, 1, 1]], np.float32)
    return CyclicLabelColormap(colors=colors, name=_BY_NAPARI)


def sides_of(labels: np.ndarray) -> np.ndarray:
    """Return the sides between pixels of different labels, merged to straight runs.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)

    Returns
    -------
    ndarray of float32, (runs, 2, 2)
        Start and end as (row, column), where the corner of the first pixel is (0, 0).
    """
    return label_edges(labels)[..., ::-1].astype(np.float32)


def spacing_of(labels: np.ndarray, sides: np.ndarray) -> float:
    """Return the width, in pixels, of squares that have as much outline for their area."""
    length = float(np.abs(sides[:, 1] - sides[:, 0]).sum())
    return 2 * np.count_nonzero(labels) / length if length else 1.0


class GridLines(QObject):
    """Draws the outlines of all grids of a viewer, and keeps them right."""

    def __init__(self, focus: Any) -> None:
        super().__init__(focus)
        self._focus = weakref.ref(focus)
        self._lines: weakref.WeakKeyDictionary[Labels, Any] = weakref.WeakKeyDictionary()
        self._spacings: weakref.WeakKeyDictionary[Labels, float] = weakref.WeakKeyDictionary()
        self._changed: weakref.WeakSet[Labels] = weakref.WeakSet()
        self._followed: weakref.WeakSet[Labels] = weakref.WeakSet()
        self._later = QSignalThrottler(parent=self)
        self._later.setTimeout(_PAUSE_MS)
        self._later.triggered.connect(self.follow)
        focus.layers_changed.connect(self._later.throttle)
        viewer = focus.viewer
        viewer.dims.events.ndisplay.connect(self._on_dims)
        getattr(viewer, "scene", viewer).camera.events.zoom.connect(self._fade)

    def line_of(self, layer: Labels) -> Any:
        """Return the lines of a grid as vispy draws them; None where napari outlines it."""
        line = self._lines.get(layer)
        return None if line is None else line()

    def follow(self) -> None:
        """Draw what changed."""
        focus = self._focus()
        if focus is None or focus.is_orphaned:  # what was due comes after the window is gone
            return
        for layer in focus.viewer.layers:
            if isinstance(layer, Labels) and layer.ndim == 2:
                self._follow_layer(focus.viewer, layer)

    def _follow_layer(self, viewer: Any, layer: Labels) -> None:
        if layer not in self._followed:
            self._watch(layer)  # it may be outlined later
        node, line = _node(viewer, layer), self.line_of(layer)
        if node is None or (line is None and not _is_outlined(layer)):
            return
        if line is None or line.parent is not node:
            line = _new_line(node)
            self._lines[layer] = weakref.ref(line)  # its node keeps it
            self._changed.add(layer)
        if layer.colormap.name == _BY_NAPARI:
            layer.colormap = _clear_colors()
        if layer in self._changed:
            self._changed.discard(layer)
            self._draw(layer, line)
        self._fade()

    def _watch(self, layer: Labels) -> None:
        self._followed.add(layer)
        self._changed.add(layer)
        events = layer.events
        for event in (
            events.set_data,  # undo and redo tell nothing else
            events.labels_update,
            events.paint,
            events.data,
            events.colormap,
            events.contour,
            events.show_selected_label,
            events.selected_label,
        ):
            event.connect(self._on_layer)

    def _on_layer(self, event: Any) -> None:
        self._changed.add(event.source)
        self._later.throttle()

    def _on_dims(self, _event: Any = None) -> None:
        self._later.throttle()

    def _draw(self, layer: Labels, line: Any) -> None:
        labels = np.asarray(layer.data)
        if layer.show_selected_label:
            labels = np.where(labels == layer.selected_label, labels, 0)
        sides = sides_of(labels) if _is_outlined(layer) else np.zeros((0, 2, 2), np.float32)
        line.visible = len(sides) > 0
        if len(sides):
            self._spacings[layer] = spacing_of(labels, sides)
            line.set_data(pos=np.ascontiguousarray(sides.reshape(-1, 2)[:, ::-1]))

    def _fade(self, _event: Any = None) -> None:
        """Make lines fainter where they lie close on the screen."""
        focus = self._focus()
        if focus is None or focus.is_orphaned:
            return
        zoom = getattr(focus.viewer, "scene", focus.viewer).camera.zoom
        for layer, spacing in list(self._spacings.items()):
            line = self.line_of(layer)
            if line is not None and layer in focus.viewer.layers:
                pixel_px = zoom * layer.scale[-1] * in_world(focus.viewer, layer)
                alpha = float(np.clip(spacing * pixel_px / _CLOSE_PX, _FAINTEST, 1))
                line.set_data(color=(1, 1, 1, alpha))


def _is_outlined(layer: Labels) -> bool:
    """Whether a layer looks as grids do: other colours and no outlines are the user's choice."""
    return bool(layer.contour) and layer.colormap.name in (_BY_NAPARI, _BY_LINES)


def _clear_colors() -> CyclicLabelColormap:
    colors = np.array([[0, 0, 0, 0], [1, 1, 1, 0]], np.float32)
    return CyclicLabelColormap(colors=colors, name=_BY_LINES)


def _node(viewer: Any, layer: Labels) -> Any:
    """Return what vispy draws of a layer in two dimensions; None without it.

    napari has no public way to it; where there is none, it keeps its own outlines.
    """
    if viewer.dims.ndisplay != 2:
        return None
    with suppress(AttributeError, KeyError, RuntimeError):
        return viewer.window._qt_viewer.canvas.layer_to_visual[layer].node  # noqa: SLF001
    return None


def _new_line(node: Any) -> Any:
    from vispy.scene.visuals import Line

    # The method "gl" is one pixel of the screen wide at any zoom.
    line = Line(
        pos=np.zeros((2, 2), np.float32),
        color=(1, 1, 1, 1),
        width=1,
        connect="segments",
        method="gl",
        antialias=False,
        parent=node,
    )
    line.set_gl_state("translucent", depth_test=False, cull_face=False)
    line.visible = False
    return line
