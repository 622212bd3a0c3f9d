"""The outline of the selected labels, in a layer two pixels of the screen wide."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Labels, Vectors
from qtpy.QtCore import QObject, QTimer
from superqt.utils import QSignalDebouncer

from napari_eds._napari.parts.jobs import event_loop_runs
from napari_eds._napari.state.units import in_world
from napari_eds.labels.edges import label_edges

_NAME = "selected label"
_WIDTH_PX = 2.0
#: A colour that no map of counts or at. % has.
_COLOR = "cyan"
#: Pause after an edit or a move of the camera until outlines follow.
_PAUSE_MS = 60


def edges_of(labels: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """Return the sides of pixels that bound labels, each label by itself.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    ids : sequence of int
        Other than 0, which is no label.

    Returns
    -------
    ndarray, (edges, 2, 2)
        Start, and vector to the end, of straight runs of sides in (row, column); the centre of a
        pixel lies at its whole number.
    """
    # All labels in one go: thousands may be selected, and each look at a large map takes a moment.
    mask = labels == ids[0] if len(ids) == 1 else np.isin(labels, np.asarray(ids))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return np.zeros((0, 2, 2))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sides = label_edges(np.where(mask[box], labels[box], 0))[..., ::-1]
    start = sides[:, 0] + (rows[0] - 0.5, columns[0] - 0.5)
    return np.stack([start, sides[:, 1] - sides[:, 0]], axis=1)


class SelectionOutline(QObject):
    """Keeps the outline of the selected labels of a focus in sight, whatever layers are shown.

    Outlined are labels that were selected in a panel: the layer's own selected label is just the
    colour of its brush.
    """

    def __init__(self, focus: Any) -> None:
        super().__init__(focus)
        self._focus = weakref.ref(focus)
        self._shown: weakref.ref[Vectors] | None = None
        self._later = QSignalDebouncer(parent=self)
        self._later.setTimeout(_PAUSE_MS)
        self._later.triggered.connect(self.follow)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.follow)
        focus.labels_edited.connect(self._later.throttle)
        focus.labels_changed.connect(self.follow_soon)
        focus.layers_changed.connect(self._later.throttle)  # new layers come on top
        focus.selection_changed.connect(self.follow_soon)

    @property
    def layer(self) -> Vectors | None:
        """The layer of the outline, while there is one."""
        focus, layer = self._focus(), None if self._shown is None else self._shown()
        if focus is None or layer is None or focus.is_orphaned:
            return None
        return layer if layer in focus.viewer.layers else None

    def follow_soon(self) -> None:
        """Follow once in the next turn, however often that is asked for; at once in a script."""
        if event_loop_runs():
            self._soon.start()
        else:
            self.follow()

    def follow(self) -> None:
        """Outline what is selected now."""
        focus, layer = self._focus(), self.layer
        if focus is None or focus.is_orphaned:  # what was due comes after the window is gone
            return
        labels = focus.labels_layer
        edges = np.zeros((0, 2, 2))
        if labels is not None and labels.ndim == 2 and focus.selected_in_panel:
            edges = edges_of(np.asarray(labels.data), focus.selected)
        if labels is None or not len(edges):
            if layer is not None:
                layer.visible = False
        else:
            self._show(focus, labels, layer, edges)

    def _show(self, focus: Any, labels: Labels, layer: Vectors | None, edges: np.ndarray) -> None:
        place = {"scale": labels.scale, "translate": labels.translate}
        width = _WIDTH_PX / max(self._pixels_per_pixel(focus, labels), 1e-9)
        if layer is None:
            layer = Vectors(
                edges,
                name=_NAME,
                edge_color=_COLOR,
                edge_width=width,
                vector_style="line",
                opacity=1,
                units=labels.units,
                axis_labels=labels.axis_labels,
                **place,
            )
            with focus.staying():
                focus.viewer.add_layer(layer)
            self._shown = weakref.ref(layer)
            camera = getattr(focus.viewer, "scene", focus.viewer).camera
            camera.events.zoom.connect(self._later.throttle)
            return
        for name, value in place.items():
            setattr(layer, name, value)
        layer.data = edges
        layer.edge_width = width
        layer.visible = True
        layers = focus.viewer.layers
        if layers[-1] is not layer:
            layers.move(layers.index(layer), len(layers))

    @staticmethod
    def _pixels_per_pixel(focus: Any, labels: Labels) -> float:
        """Return how many pixels of the screen a pixel of the map is wide."""
        camera = getattr(focus.viewer, "scene", focus.viewer).camera
        return float(camera.zoom * labels.scale[-1]) * in_world(focus.viewer, labels)
