"""Maps of single pixels as image layers: found again, and updated in place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.state.focus import Focus, focus_of
from napari_eds._napari.state.layers import geometry, limits_from_zero
from napari_eds.quantification.kernels import Kernel
from napari_eds.quantification.pixels import PixelMaps

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Key in the metadata of a map: (id of the layer of the spectrum image, element, kind).
PIXEL_MAP_OF = "eds_pixel_map_of"
#: Key of the result in the metadata of its maps; the latest in that of the spectrum image.
PIXEL_MAPS = "eds_pixel_maps"
#: Key of the name a map was given, which the user may have changed since.
_NAME = "eds_pixel_map_name"

AT_PCT, ERROR = "at. %", "error"

_COLORMAPS = {AT_PCT: "viridis", ERROR: "magma"}
#: Contrast ends at a multiple of this.
_LIMIT_STEP = {AT_PCT: 5.0, ERROR: 1.0}


def pixel_layers(focus: Focus, map_layer: Image) -> dict[tuple[str, str], Image]:
    """Return the maps made for the layer of a spectrum image by element and kind."""
    found = {}
    for layer in focus.viewer.layers:
        owner, element, kind = layer.metadata.get(PIXEL_MAP_OF, (None, "", ""))
        if owner == map_layer.unique_id:
            found[element, kind] = layer
    return found


def kernel_words(kernel: Kernel) -> str:
    """Return a kernel in a few words, for names of layers."""
    if kernel == Kernel():
        return "no averaging"
    return f"{kernel.shape} {kernel.size:g} {kernel.unit}"


def show_maps(focus: Focus, map_layer: Image, maps: PixelMaps) -> None:
    """Show maps of at. % and, hidden, of their errors; one layer per turn of the event loop."""
    map_layer.metadata[PIXEL_MAPS] = maps
    for (element, _), stale in pixel_layers(focus, map_layer).items():
        if element not in maps.elements:
            focus.viewer.layers.remove(stale)
    one_per_turn(_steps(focus, map_layer, maps))


def _steps(focus: Focus, map_layer: Image, maps: PixelMaps) -> Iterator[Any]:
    viewer = focus.viewer  # held until the last map is shown; the focus holds it weakly
    for kind, data in ((ERROR, maps.error_maps()), (AT_PCT, maps.maps())):
        for element in reversed(maps.elements):
            yield partial(_show, viewer, map_layer, maps, element, kind, data[element])


def _show(  # noqa: PLR0913, PLR0917 - called by `_steps` only
    viewer: ViewerModel,
    map_layer: Image,
    maps: PixelMaps,
    element: str,
    kind: str,
    data: np.ndarray,
) -> None:
    """Add or update one map, unless something newer came meanwhile."""
    focus = focus_of(viewer)
    if map_layer not in viewer.layers or map_layer.metadata.get(PIXEL_MAPS) is not maps:
        return
    what = f"{element} at. %" if kind == AT_PCT else f"{element} error at. %"
    name = f"{what} per pixel ({kernel_words(maps.kernel)})"
    layer = pixel_layers(focus, map_layer).get((element, kind))
    if layer is not None:
        layer.data = data
        layer.metadata[PIXEL_MAPS] = maps
        layer.contrast_limits = limits_from_zero(data, _LIMIT_STEP[kind])
        if layer.name == layer.metadata[_NAME]:
            layer.name = name
            layer.metadata[_NAME] = layer.name
        return
    with focus.staying():
        added = focus.viewer.add_image(
            data,
            name=name,
            colormap=_COLORMAPS[kind],
            contrast_limits=limits_from_zero(data, _LIMIT_STEP[kind]),
            visible=kind == AT_PCT and element == maps.elements[0],
            metadata={PIXEL_MAP_OF: (map_layer.unique_id, element, kind), PIXEL_MAPS: maps},
            **geometry(maps.image),
        )
    # napari numbers names that are taken.
    added.metadata[_NAME] = added.name
