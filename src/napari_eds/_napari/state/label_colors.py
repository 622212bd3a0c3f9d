"""Labels coloured by a number of theirs, with a colour bar; the user's own colours come back."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap, DirectLabelColormap, ensure_colormap

from napari_eds._napari.parts.color_bar import Scale, scale_of
from napari_eds._napari.parts.label_look_ups import compile_look_ups

#: Of labels without a value, such as those painted after the result.
MISSING = (0.5, 0.5, 0.5, 1.0)
#: Opacity of coloured labels: the image below stays in sight.
_OPACITY = 0.7

_COLORING = "eds_coloring"
_NAME = "eds values"
#: As many as napari's table of colours holds; more would be slower, not fewer colours faster.
_MOST_COLORS = 2**16 - 1
#: So many take textures of the same type.
_TWO_BYTES = 2**8 + 1


@dataclass(frozen=True, eq=False)
class _Own:
    """How the user's labels looked before."""

    colormap: Any
    cyclic: Any
    contour: int
    opacity: float


class Coloring(NamedTuple):
    """By which column labels are coloured, with which colours."""

    column: str
    colormap: str


def value_colors(values: np.ndarray, colormap: str, scale: Scale | None) -> np.ndarray:
    """Return RGBA colours of values, grey for NaN, (labels, 4)."""
    colors = np.tile(np.array(MISSING, np.float32), (len(values), 1))
    known = np.isfinite(values)
    if scale is not None:
        place = np.clip((values[known] - scale.low) / (scale.high - scale.low), 0, 1)
        colors[known] = ensure_colormap(colormap).map(place)
    return colors


def coloring_of(layer: Labels | None) -> Coloring | None:
    """Return how labels are coloured; None if they have the user's own colours."""
    if layer is None or layer.colormap.name != _NAME or _COLORING not in layer.metadata:
        return None
    return layer.metadata[_COLORING][0]


def color_labels(layer: Labels, ids: np.ndarray, values: np.ndarray, how: Coloring) -> None:
    """Colour labels by their values; other labels, also those painted later, are grey."""
    if coloring_of(layer) is None:
        own = _Own(layer.colormap, layer._random_colormap, layer.contour, layer.opacity)  # noqa: SLF001 - see restore_colors
        layer.contour, layer.opacity = 0, max(layer.opacity, _OPACITY)
    else:
        own = layer.metadata[_COLORING][1]
    layer.metadata[_COLORING] = (how, own)
    layer.colormap = _label_colormap(ids, value_colors(values, how.colormap, scale_of(values)))


def restore_colors(layer: Labels) -> None:
    """Give labels the look they had before; colours the user chose meanwhile stay."""
    ours = coloring_of(layer) is not None
    _, own = layer.metadata.pop(_COLORING, (None, None))
    if not ours:
        return
    # napari keeps cyclic colours beside direct ones, and offers both in its controls.
    layer.colormap = own.cyclic
    if own.colormap is not own.cyclic:
        layer.colormap = own.colormap
    layer.contour, layer.opacity = own.contour, own.opacity


def _label_colormap(ids: np.ndarray, colors: np.ndarray) -> Any:
    """Return colours by label; a cyclic table where it can hold them.

    For direct colours napari compiles a look-up when they are first drawn, and the window stands
    still for more than a second; a cyclic table that is as long as can be needs none.
    """
    places = (ids - 1) % (_MOST_COLORS - 1) + 1
    if len(np.unique(places)) < len(ids):
        by_label = dict(zip(ids.tolist(), colors, strict=True))
        return DirectLabelColormap(
            color_dict={**by_label, 0: "transparent", None: MISSING}, name=_NAME
        )
    table = np.tile(np.array(MISSING, np.float32), (_MOST_COLORS, 1))
    table[0] = 0
    table[places] = colors
    return CyclicLabelColormap(colors=table, name=_NAME)


def warm_up(dtype: np.dtype) -> None:
    """Let napari compile, in a thread, what long cyclic tables need: it takes most of a second."""
    threading.Thread(
        target=compile_look_ups,
        args=(_TWO_BYTES, dtype),
        name="compile colours of labels",
        daemon=True,
    ).start()
