"""Names of layers that fit into the layer list: what a layer is, and of which map."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.layers import Layer

#: Key of the whole name of the map that a layer came with.
FULL_NAME = "eds_of"

#: Letters that napari's layer list shows of a name before it leaves out those in the middle.
_MOST = 25
#: At least so many tell of which map a layer is.
_LEAST_OF_MAP = 8
_BETWEEN = " · "


def layer_name(what: str, of: str) -> str:
    """Return what a layer is and the name of its map, shortened in the middle to fit the list.

    What it is stands first: it is what layers of one map differ by. Names of files differ at
    their ends.
    """
    room = max(_MOST - len(what) - len(_BETWEEN), _LEAST_OF_MAP)
    what = shortened(what, _MOST - len(_BETWEEN) - _LEAST_OF_MAP)
    return f"{what}{_BETWEEN}{shortened(of, room)}"


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many letters, the middle of a longer one left out."""
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - 1 - tail].rstrip()}…{text[-tail:].lstrip()}"


def tell_full_name(layer: Layer) -> None:
    """Let the tooltip of a layer in napari's list begin with the whole name of its map."""
    if FULL_NAME not in layer.metadata:
        return
    this = weakref.ref(layer)  # a layer that held itself would be let go late

    def source() -> str:
        layer = this()
        if layer is None:
            return ""
        return f"{layer.metadata.get(FULL_NAME, layer.name)}\n{type(layer).get_source_str(layer)}"

    layer.get_source_str = source
