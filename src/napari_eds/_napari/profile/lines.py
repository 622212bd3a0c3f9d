"""Lines drawn in a Shapes layer, as lines over the pixels of a map."""

from __future__ import annotations

import numpy as np
from napari.layers import Shapes

from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import LINE_SHAPES, geometry
from napari_eds.errors import LabelError
from napari_eds.labels.along_lines import Line
from napari_eds.quantification.profiles.lines import named

#: What the layer is called that lines are drawn in.
LINES = "EDS lines"
_COLOR = "#ffd020"
#: In pixels of the map.
_EDGE_px = 0.6


def draw_lines(focus: Focus) -> Shapes | None:
    """Make a layer for lines over the map, or take the one there is, ready to draw in."""
    image = focus.image
    if image is None:
        return None
    layers = focus.viewer.layers
    layer = next((x for x in layers if isinstance(x, Shapes) and x.name == LINES), None)
    if layer is None:
        layer = focus.viewer.add_shapes(
            name=LINES, ndim=2, edge_color=_COLOR, edge_width=_EDGE_px, **geometry(image)
        )
    layers.selection.active = layer
    layer.mode = "add_line"
    return layer


def has_lines(layer: Shapes) -> bool:
    """Whether a layer holds a line or a path."""
    return any(kind in LINE_SHAPES for kind in layer.shape_type)


def lines_of(layer: Shapes, focus: Focus, width_px: float) -> list[Line]:
    """Return the lines and paths of a layer in pixels of the map that is looked at.

    Raises
    ------
    LabelError
        If there is none.
    """
    map_layer = focus.map_layer
    drawn = [
        data
        for data, kind in zip(layer.data, layer.shape_type, strict=True)
        if kind in LINE_SHAPES and len(data) > 1
    ]
    if map_layer is None or not drawn:
        raise LabelError(
            f"the layer {layer.name!r} holds no line: draw one with the line or path tool"
        )
    found = []
    for points in drawn:
        # A drag that ends with a second click has its last point twice.
        kept = np.concatenate([[True], np.abs(np.diff(points, axis=0)).sum(axis=1) > 0])
        pixels = [map_layer.world_to_data(layer.data_to_world(p)) for p in points[kept]]
        found.append(Line(np.array(pixels), width_px))
    return named(found)
