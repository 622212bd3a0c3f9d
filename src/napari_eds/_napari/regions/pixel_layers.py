"""Maps of single pixels as image layers: found again, and updated in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from napari.layers import Image

from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.state.derived import PIXEL_LAYERS, PIXEL_MAPS, Look
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import geometry, limits_from_zero
from napari_eds.quantification.pixels.kernels import Kernel
from napari_eds.quantification.pixels.maps import PixelMaps

AT_PCT, ERROR = "at. %", "error"

_COLORMAPS = {AT_PCT: "viridis", ERROR: "magma"}
#: Contrast ends at a multiple of this.
_LIMIT_STEP = {AT_PCT: 5.0, ERROR: 1.0}


def pixel_layers(focus: Focus, map_layer: Image) -> dict[tuple[str, str], Image]:
    """Return the maps made for the layer of a spectrum image by element and kind."""
    return PIXEL_LAYERS.layers(focus.viewer, map_layer)


def kernel_words(kernel: Kernel) -> str:
    """Return a kernel in a few words, for names of layers."""
    if kernel == Kernel():
        return "no averaging"
    return f"{kernel.shape} {kernel.size:g} {kernel.unit}"


def show_maps(focus: Focus, map_layer: Image, maps: PixelMaps) -> None:
    """Show maps of at. % and, hidden, of their errors; one layer per turn of the event loop."""
    PIXEL_MAPS.keep(map_layer, maps)
    parts = [(e, kind) for kind in (ERROR, AT_PCT) for e in reversed(maps.elements)]
    PIXEL_LAYERS.remove_others(focus.viewer, map_layer, parts)
    one_per_turn(
        PIXEL_LAYERS.steps(
            focus.viewer,
            map_layer,
            parts,
            _looks(maps),
            current=lambda: PIXEL_MAPS.of(map_layer) is maps,
            staying=focus.staying,
        )
    )


def _looks(maps: PixelMaps) -> Callable[[tuple[str, str]], Look]:
    @cache
    def data(kind: str) -> dict[str, np.ndarray]:
        return maps.maps() if kind == AT_PCT else maps.error_maps()

    def look(part: tuple[str, str]) -> Look:
        element, kind = part
        what = f"{element} at. %" if kind == AT_PCT else f"{element} error at. %"
        limits = limits_from_zero(data(kind)[element], _LIMIT_STEP[kind])
        return Look(
            data(kind)[element],
            f"{what} per pixel ({kernel_words(maps.kernel)})",
            renewed={"contrast_limits": limits},
            first={
                "colormap": _COLORMAPS[kind],
                "visible": kind == AT_PCT and element == maps.elements[0],
                **geometry(maps.image),
            },
            told={PIXEL_MAPS.key: maps},
            follows_name=True,
            says_what_it_is=True,
        )

    return look
