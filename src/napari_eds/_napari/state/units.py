"""Units of layers: all lengths or all pixels, whatever maps are open.

napari draws no units at all, not even a scale bar, and warns, as soon as one layer is in pixels
beside another in nm, whether they are shown or not. Layers of maps that are not looked at
therefore take the unit of the one that is, and get their own back with their map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pint

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

#: Key of the units that a layer has when its own map is looked at.
_OWN = "eds_own_units"

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
    viewer.fit_to_view(layers=[layer])
    factor = in_world(viewer, layer)
    if factor != 1:
        camera = getattr(viewer, "scene", viewer).camera
        camera.center = tuple(factor * place for place in camera.center)
        camera.zoom = camera.zoom / factor


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
