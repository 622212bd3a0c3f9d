"""What regions are made from: images and shapes of other layers, on the pixels of the map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Image, Shapes
from scipy import ndimage

from napari_eds._napari.parts.color_bar import COLOR_KEY
from napari_eds._napari.state.focus import Focus
from napari_eds.labels.from_images import resampled
from napari_eds.quantification.table import CHIP, LABEL

#: Key in the metadata of the layer that shows regions before they are used.
PREVIEW = "eds_region_preview"

#: Borders that differ by less than this part of the map's are the same.
_SAME_FIELD = 0.01
#: Columns of a Shapes layer's features that may hold names.
_NAME_COLUMNS = (CHIP, "name", LABEL)


def image_choices(focus: Focus) -> list[tuple[str, Image]]:
    """Return the grey images of a window that regions can be made from, the map's counts too."""
    return [
        (layer.name, layer)
        for layer in focus.viewer.layers
        if isinstance(layer, Image)
        and not layer.rgb
        and not layer.multiscale
        and layer.ndim == 2
        and not {PREVIEW, COLOR_KEY} & set(layer.metadata)
    ]


def shapes_choices(focus: Focus) -> list[tuple[str, Shapes]]:
    """Return the Shapes layers of a window."""
    return [
        (layer.name, layer)
        for layer in focus.viewer.layers
        if isinstance(layer, Shapes) and layer.ndim == 2
    ]


def on_map(layer: Image, map_layer: Image) -> Callable[[], np.ndarray]:
    """Return a function that brings an image onto the pixels of the map, for another thread.

    An image of the map's field of view is averaged where its pixels are smaller; one that lies
    elsewhere is sampled at the centres of the map's pixels, and NaN beside it.
    """
    data, shape = np.asarray(layer.data), tuple(map_layer.data.shape)
    if _same_field(layer, map_layer):
        return lambda: resampled(data, shape)
    # The transform from a pixel to a pixel is affine: three points tell it.
    zero, row, column = (
        np.asarray(layer.world_to_data(map_layer.data_to_world(point)))
        for point in ((0, 0), (1, 0), (0, 1))
    )
    matrix = np.stack([row - zero, column - zero], axis=1)
    return lambda: ndimage.affine_transform(
        data.astype(float), matrix, zero, output_shape=shape, order=1, cval=np.nan
    )


def _same_field(layer: Image, map_layer: Image) -> bool:
    own, other = layer.extent.world, map_layer.extent.world
    own = own + [[-0.5], [0.5]] * np.asarray(layer.extent.step)
    other = other + [[-0.5], [0.5]] * np.asarray(map_layer.extent.step)
    size = np.abs(other[1] - other[0])
    return bool((np.abs(own - other) <= _SAME_FIELD * size).all())


def shapes_on_map(
    layer: Shapes, map_layer: Image
) -> tuple[list[tuple[str, np.ndarray]], list[str] | None]:
    """Return the kinds and vertices of shapes in pixels of the map, and names if they have any."""
    shapes = [
        (kind, np.array([map_layer.world_to_data(layer.data_to_world(p)) for p in points]))
        for kind, points in zip(layer.shape_type, layer.data, strict=True)
    ]
    return shapes, _names(layer.features)


def _names(features: Any) -> list[str] | None:
    for column in _NAME_COLUMNS:
        if column in features:
            return [
                str(name) if isinstance(name, str) and name else f"shape {i}"
                for i, name in enumerate(features[column], start=1)
            ]
    return None
