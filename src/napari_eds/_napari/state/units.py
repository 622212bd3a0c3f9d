"""Units of layers: all lengths or all pixels, whatever maps are open.

napari draws no units at all, not even a scale bar, and warns, as soon as one layer is in pixels
beside another in nm, whether they are shown or not. Layers of maps that are not looked at
therefore take the unit of the one that is, and get their own back with their map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pint

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

#: Key of the units that a layer has when its own map is looked at.
_OWN = "eds_own_units"

#: Pixels that lie within this of each other are the same.
_SAME_PLACE_PX = 0.5

Units = tuple[Any, ...]


def agree(viewer: ViewerModel, map_layer: Layer) -> None:
    """Give all layers units of the kind that those of a map are."""
    wanted = _own(map_layer)
    for layer in list(viewer.layers):
        _fit(layer, wanted)


def fit_in(viewer: ViewerModel, layer: Layer) -> None:
    """Give a layer that is not yet in a viewer units of the kind of those that are there.

    Once it is there, it is too late: napari draws while it adds a layer.
    """
    wanted = viewer.layers.extent.units if len(viewer.layers) else None
    if wanted is not None:
        _fit(layer, wanted)


def fit_attributes(wanted: Units | None, looks: Sequence[tuple[dict[str, Any], bool]]) -> None:
    """Fit the attributes of layers that are going to be added one after the other.

    Parameters
    ----------
    wanted : tuple of Unit or None
        Of the viewer; None if it is empty.
    looks : sequence of (dict, bool)
        Attributes, and whether the layer is a map, which is looked at once it is added.
    """
    for look, is_map in looks:
        own = _parsed(look.get("units", ()))
        if wanted is not None and own and not _compatible(own, wanted):
            look["units"] = tuple(map(str, wanted[-2:]))
            look.setdefault("metadata", {})[_OWN] = own
        if is_map and own:
            wanted = own


def in_world(viewer: ViewerModel, layer: Layer) -> float:
    """Return how many units of the canvas, which are the smallest of any layer, one of it is."""
    world = viewer.layers.extent.units
    own = layer.units[-1]
    if world is None or not own.is_compatible_with(world[-1]):
        return 1.0
    return float((1 * own).to(world[-1]).magnitude)


def fit_view(viewer: ViewerModel, layer: Layer) -> None:
    """Fit the view to a layer.

    napari fits it to the size in the layer's own unit, but draws in those of the canvas.
    """
    if viewer.dims.ndim != layer.ndim:
        _fit_beside_stacks(viewer, layer)
        return
    viewer.fit_to_view(layers=[layer])
    factor = in_world(viewer, layer)
    if factor != 1:
        camera = getattr(viewer, "scene", viewer).camera
        camera.center = tuple(factor * place for place in camera.center)
        camera.zoom = camera.zoom / factor


def _fit_beside_stacks(viewer: ViewerModel, layer: Layer) -> None:
    """Fit the view to a layer that has fewer axes than others, which napari cannot.

    It is fitted to all layers, and then comes as much nearer as this one is smaller.
    """
    viewer.fit_to_view()
    whole, own = viewer.layers.extent, layer.extent
    factor = in_world(viewer, layer)
    room = np.ptp(whole.world, axis=0)[-2:] + whole.step[-2:]
    size = factor * (np.ptp(own.world, axis=0) + own.step)[-2:]
    camera = getattr(viewer, "scene", viewer).camera
    camera.zoom = camera.zoom * float(np.min(room / size))
    camera.center = (*camera.center[:-2], *(factor * own.world.mean(axis=0)[-2:]))


def place_on(layer: Layer, map_layer: Layer) -> bool:
    """Lay labels of no place of their own on their map; return whether they lie on it.

    Other plugins and scripts often give labels no scale. napari draws their pixels one unit large
    beside the map, while they mean its pixels.
    """
    if _lies_on(layer, map_layer):
        return True
    if not _is_identity(layer):
        return False
    layer.scale, layer.translate = map_layer.scale, map_layer.translate
    layer.rotate, layer.shear, layer.affine = map_layer.rotate, map_layer.shear, map_layer.affine
    layer.units = map_layer.units
    layer.metadata.pop(_OWN, None)
    return True


def _is_identity(layer: Layer) -> bool:
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    return np.allclose([layer.data_to_world(corner) for corner in corners], corners)


def _lies_on(layer: Layer, map_layer: Layer) -> bool:
    """Whether the outermost pixels of labels lie on those of a map, but for half a pixel."""
    rows, columns = map_layer.data.shape[:2]
    corners = np.array([[0, 0], [0, columns - 1], [rows - 1, 0]])
    factor = 1.0
    if _compatible(layer.units, map_layer.units):
        factor = float((1 * layer.units[-1]).to(map_layer.units[-1]).magnitude)
    places = [factor * np.asarray(layer.data_to_world(corner)) for corner in corners]
    there = [map_layer.world_to_data(place) for place in places]
    return bool((np.abs(np.array(there) - corners) <= _SAME_PLACE_PX).all())


def _fit(layer: Layer, wanted: Units) -> None:
    own = _own(layer)
    fits = _compatible(own, wanted)
    units = own if fits else (*own[:-2], *wanted[-2:])
    if fits:
        layer.metadata.pop(_OWN, None)
    else:
        layer.metadata[_OWN] = own
    if tuple(layer.units) != units:
        layer.units = units


def _own(layer: Layer) -> Units:
    return tuple(layer.metadata.get(_OWN, layer.units))


def _compatible(some: Units, others: Units) -> bool:
    pairs = zip(some[-2:], others[-2:], strict=False)
    return all(one.is_compatible_with(other) for one, other in pairs)


def _parsed(units: Sequence[Any]) -> Units:
    registry = pint.get_application_registry()
    return tuple(registry.Unit(unit) for unit in units)
