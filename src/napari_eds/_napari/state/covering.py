"""Pictures that cover a map wholly: one at a time, for the canvas names what lies below, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from napari_eds._napari.parts.color_bar import COLOR_KEY
from napari_eds._napari.state import derived
from napari_eds._napari.state.belonging import MADE_FOR, owners_of
from napari_eds._napari.state.label_colors import restore_colors

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer

#: Kinds whose layers show what became of labels or pixels, and those that show counts.
_OF_RESULTS: tuple[derived.Kind[Any, Any], ...] = (
    derived.AT_PCT_MAPS,
    derived.THICKNESS_MAPS,
    derived.COLUMN_MAPS,
    derived.OVERLAY,
    derived.DIFFERENCES,
    derived.CLASSES,
    derived.PROBABILITY,
    derived.PIXEL_LAYERS,
)
_OF_COUNTS: tuple[derived.Kind[Any, Any], ...] = (
    derived.ELEMENT_MAPS,
    derived.WINDOW_PREVIEW,
    derived.DENOISED,
)


def is_picture_of_result(layer: Layer) -> bool:
    """Whether a layer shows what became of labels or pixels, all over the map."""
    return any(kind.holds(layer) for kind in _OF_RESULTS)


def pictures_beside(
    viewer: ViewerModel, shown: Layer, maps: list[Image], *, of_counts: bool = True
) -> list[Layer]:
    """Return the visible layers that cover the same map as a layer does.

    Labels are among them while they have the colours of a column, which the canvas names.

    Parameters
    ----------
    viewer : ViewerModel
    shown : Layer
        Left out itself.
    maps : list of Image
        The layers of spectrum images.
    of_counts : bool
        Whether maps of counts are among them: what is shown of a few labels leaves them in sight.
    """
    kinds = (*_OF_RESULTS, *_OF_COUNTS) if of_counts else _OF_RESULTS
    owners = owners_of(viewer, shown, maps)
    return [
        layer
        for layer in viewer.layers
        if layer.visible
        and layer is not shown
        and (any(kind.holds(layer) for kind in kinds) or _is_colored(viewer, layer))
        and owners_of(viewer, layer, maps) == owners
    ]


def show_alone(viewer: ViewerModel, shown: Layer, maps: list[Image]) -> None:
    """Show a layer and no other picture of its map; parameters as of `pictures_beside`."""
    for layer in pictures_beside(viewer, shown, maps):
        give_way(viewer, layer)
    shown.visible = True


def give_way(viewer: ViewerModel, layer: Layer) -> None:
    """Let one of `pictures_beside` be a picture no more, where another one is looked at.

    Labels stay in sight, so that they can be pointed at and picked, in the user's own colours.
    """
    if isinstance(layer, Labels) and _is_colored(viewer, layer):
        restore_colors(layer)
    else:
        layer.visible = False


def has_picture(viewer: ViewerModel, labels: Labels) -> bool:
    """Whether something is shown of the result of labels: a layer of them, or their colours."""
    own = (layer for kind in _OF_RESULTS for layer in kind.layers(viewer, labels).values())
    return any(layer.visible for layer in own) or _is_colored(viewer, labels)


def _is_colored(viewer: ViewerModel, layer: Layer) -> bool:
    """Whether a layer is that of labels with the colours of a column, which the canvas names."""
    return isinstance(layer, Labels) and any(
        COLOR_KEY in other.metadata
        and other.visible
        and other.metadata.get(MADE_FOR) == layer.unique_id
        for other in viewer.layers
    )
