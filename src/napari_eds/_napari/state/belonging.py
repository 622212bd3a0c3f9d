"""Which map a layer belongs to, and the maps that are not looked at put out of sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from napari_eds._napari.state import derived

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer

#: Key of the names of groups in the metadata of a map and of the images that came with it.
GROUPS = "eds_groups"
#: Key of whether a layer was visible before another map was chosen.
_WAS_VISIBLE = "eds_was_visible"
#: Key of the labels last used with a map, in the metadata of its layer.
_IN_USE = "eds_labels_in_use"
#: Key of the map that labels were made for.
MADE_FOR = "eds_labels_of"

_KINDS: tuple[derived.Kind[Any, Any], ...] = (
    derived.AT_PCT_MAPS,
    derived.THICKNESS_MAPS,
    derived.PIXEL_LAYERS,
    derived.ELEMENT_MAPS,
    derived.WINDOW_PREVIEW,
    derived.DIFFERENCES,
    derived.COLUMN_MAPS,
    derived.OVERLAY,
    derived.DENOISED,
    derived.EXAMPLES,
    derived.CLASSES,
    derived.PROBABILITY,
)


def new_group() -> str:
    """Return the name of a group of layers that are opened together."""
    return uuid4().hex


def show_only(viewer: ViewerModel, map_layer: Image, maps: list[Image]) -> None:
    """Hide what belongs to other maps alone, and show again what was hidden of this one."""
    for layer in list(viewer.layers):
        owners = owners_of(viewer, layer, maps)
        if map_layer in owners:
            if layer.metadata.pop(_WAS_VISIBLE, False):
                layer.visible = True
        elif owners:
            _hide(layer)


def hide_if_elsewhere(
    viewer: ViewerModel, layer: Layer, map_layer: Image | None, maps: list[Image]
) -> None:
    """Hide a new layer of a map that is not looked at, such as a result that came late.

    It is shown with its map. A map itself is not hidden: a new one is looked at next.
    """
    if map_layer is None or layer in maps:
        return
    owners = owners_of(viewer, layer, maps)
    if owners and map_layer not in owners:
        _hide(layer)


def _hide(layer: Layer) -> None:
    if layer.visible:
        layer.metadata[_WAS_VISIBLE] = True
        layer.visible = False


def let_go_if_copied(viewer: ViewerModel, layer: Layer) -> None:
    """Let a new layer be the user's own if it is the copy of one made for another layer.

    A copy is a wish to keep what is shown. It goes on belonging to its map, but the next run
    updates the layer that was copied.
    """
    for kind in _KINDS:
        origin = kind.origin(layer)
        if origin is not None and any(
            kind.holds(other) and kind.origin(other) == origin
            for other in viewer.layers
            if other is not layer
        ):
            kind.release(layer)
            layer.metadata[MADE_FOR] = origin.owner


def note_in_use(map_layer: Image | None, labels: Labels | None) -> None:
    """Remember labels as those that a map is looked at with."""
    if map_layer is not None and labels is not None:
        map_layer.metadata[_IN_USE] = labels.unique_id


def last_used(map_layer: Image | None, choices: list[Labels]) -> Labels | None:
    """Return the labels last used with a map, of those there are; else the newest."""
    wanted = None if map_layer is None else map_layer.metadata.get(_IN_USE)
    used = [labels for labels in choices if labels.unique_id == wanted]
    return next(reversed(used or choices), None)


def owners_of(viewer: ViewerModel, layer: Layer, maps: list[Image]) -> list[Image]:
    """Return the maps that a layer belongs to; none for a layer of the user's own."""
    if layer in maps:
        return [layer]
    ids = {other.unique_id: other for other in viewer.layers}
    seen: set[Any] = set()
    while layer.unique_id not in seen:
        seen.add(layer.unique_id)
        owner = layer.metadata.get(MADE_FOR) or next(
            (origin.owner for kind in _KINDS if (origin := kind.origin(layer))), None
        )
        if owner not in ids:
            break
        layer = ids[owner]
        if layer in maps:
            return [layer]
    groups = set(layer.metadata.get(GROUPS, ()))
    return [m for m in maps if groups & set(m.metadata.get(GROUPS, ()))]
