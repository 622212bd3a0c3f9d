"""Cropping the map to a rectangle that was drawn over it."""

from __future__ import annotations

import numpy as np
from napari.layers import Shapes

from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import LINE_SHAPES, geometry
from napari_eds.errors import LabelError

#: Name of the layer in which a rectangle is drawn.
CROP = "crop"


def drawn_rectangle(focus: Focus) -> tuple[slice, slice] | None:
    """Return the pixels of the map whose centres lie in the box around the area drawn last.

    Of the active layer of shapes, or else of the uppermost one that holds any; None without. Lines
    and paths are no areas.

    Raises
    ------
    LabelError
        If the shape lies beside the map.
    """
    layer, map_layer = _shapes(focus), focus.map_layer
    if layer is None or map_layer is None:
        return None
    corners = [map_layer.world_to_data(layer.data_to_world(point)) for point in _areas(layer)[-1]]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    # A pixel's centre is at its whole number, in napari.
    first = np.maximum(np.ceil(low), 0).astype(int)
    end = np.minimum(np.floor(high) + 1, map_layer.data.shape).astype(int)
    if (first >= end).any():
        raise LabelError("the rectangle holds no pixel of the map: draw it over the map")
    return slice(int(first[0]), int(end[0])), slice(int(first[1]), int(end[1]))


def draw(focus: Focus) -> None:
    """Take up the tool for rectangles, in the layer there is for it."""
    image, viewer = focus.image, focus.viewer
    if image is None:
        return
    layer = next((x for x in viewer.layers if isinstance(x, Shapes) and x.name == CROP), None)
    if layer is None:
        with focus.staying():
            layer = viewer.add_shapes(
                None,
                ndim=2,
                name=CROP,
                edge_color="white",
                face_color="transparent",
                edge_width=max(image.shape) * image.pixel_size[0] / 200,
                **{name: geometry(image)[name] for name in ("units", "axis_labels")},
            )
    viewer.layers.selection.active = layer
    layer.mode = "add_rectangle"


def remove(focus: Focus) -> None:
    """Remove the layer in which the rectangle was drawn."""
    for layer in [x for x in focus.viewer.layers if isinstance(x, Shapes) and x.name == CROP]:
        focus.viewer.layers.remove(layer)


def _areas(layer: Shapes) -> list[np.ndarray]:
    drawn = zip(layer.data, layer.shape_type, strict=True)
    return [corners for corners, kind in drawn if kind not in LINE_SHAPES]


def _shapes(focus: Focus) -> Shapes | None:
    """Return the layer of the rectangle."""
    active = focus.viewer.layers.selection.active
    layers = [active, *reversed(focus.viewer.layers)]
    found = (x for x in layers if isinstance(x, Shapes) and x.ndim == 2 and _areas(x))
    return next(found, None)
