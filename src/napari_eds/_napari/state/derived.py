"""Layers made for another layer: found, shown, updated in place, and let go.

A derived layer belongs to its owner, whatever either is called now: its metadata name the owner
and which part of it the layer shows, such as an element. Every kind of derived layers, and every
key of their metadata, stands in this module.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_eds._napari.state.units import fit_in

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_eds.few_shot.classification import Classification
    from napari_eds.quantification.pixels.maps import PixelMaps
    from napari_eds.spectra.overlays import Overlay

AnyLayer = TypeVar("AnyLayer", Image, Labels)
Part = TypeVar("Part", bound=Hashable)
Value = TypeVar("Value")

Staying = Callable[[], AbstractContextManager[None]]


class Origin(NamedTuple):
    """Whom a derived layer was made for, by `unique_id`, and which part of it."""

    owner: UUID
    part: Any


class Look(NamedTuple):
    """How a derived layer is to look.

    Attributes
    ----------
    data : ndarray
    name : str
        Of a new layer, and of one that the user did not rename, if `follows_name`.
    renewed : mapping
        Attributes that every update sets anew, such as contrast limits.
    first : mapping
        Attributes of a new layer, which are then the user's: colours, visibility, geometry.
    told : mapping
        Metadata of a new layer, set anew by every update.
    follows_name : bool
    limits_are_range : bool
        Whether the range of the slider of contrast limits ends where these end.
    says_what_it_is : bool
        Whether a new layer shows its name on the canvas, and but for RGB a colour bar.
    """

    data: np.ndarray
    name: str
    renewed: Mapping[str, Any]
    first: Mapping[str, Any]
    told: Mapping[str, Any] = {}
    follows_name: bool = False
    limits_are_range: bool = False
    says_what_it_is: bool = False


@dataclass(frozen=True)
class Note(Generic[Value]):
    """A value in the metadata of layers."""

    key: str

    def of(self, layer: Layer | None) -> Value | None:
        """Return the value a layer has, if any."""
        return None if layer is None else layer.metadata.get(self.key)

    def keep(self, layer: Layer, value: Value) -> None:
        """Keep a value with a layer."""
        layer.metadata[self.key] = value


@dataclass(frozen=True)
class Kind(Generic[AnyLayer, Part]):
    """A kind of derived layers: one layer per part of an owner.

    Attributes
    ----------
    key : str
        Of their `Origin`, in their metadata.
    type : type
    above_images : bool
        Whether new ones lie above all images and below the rest, or on top.
    kept_if_renamed : bool
        Whether a layer with a name that the user gave it is the user's and no longer of the kind.
    """

    key: str
    type: type[AnyLayer]
    above_images: bool = False
    kept_if_renamed: bool = False

    def origin(self, layer: Layer | None) -> Origin | None:
        """Return for whom a layer was made; None if it is not of this kind."""
        return None if layer is None else layer.metadata.get(self.key)

    def is_for(self, layer: Layer, owner: Layer) -> bool:
        """Whether a layer was made for an owner, and is still of this kind."""
        origin = self.origin(layer)
        return origin is not None and origin.owner == owner.unique_id and self.holds(layer)

    def holds(self, layer: Layer) -> bool:
        """Whether a layer is of this kind, whoever it was made for."""
        return self.origin(layer) is not None and not (self.kept_if_renamed and is_renamed(layer))

    def layers(self, viewer: ViewerModel, owner: Layer | None) -> dict[Part, AnyLayer]:
        """Return the layers made for an owner by part, whatever they are called now."""
        if owner is None:
            return {}
        return {
            layer.metadata[self.key].part: layer
            for layer in viewer.layers
            if self.is_for(layer, owner)
        }

    def layer(self, viewer: ViewerModel, owner: Layer | None, part: Part) -> AnyLayer | None:
        """Return the layer made for a part of an owner, if there is one."""
        return self.layers(viewer, owner).get(part)

    def take(self, layer: AnyLayer, owner: Layer, part: Part) -> None:
        """Let a layer be one of this kind."""
        layer.metadata[self.key] = Origin(owner.unique_id, part)

    def release(self, layer: AnyLayer) -> None:
        """Let a layer be one like any other."""
        layer.metadata.pop(self.key, None)

    def others(self, viewer: ViewerModel, owner: Layer, parts: Collection[Part]) -> list[AnyLayer]:
        """Return the layers made for other parts of an owner: those that are out of date."""
        return [x for part, x in self.layers(viewer, owner).items() if part not in parts]

    def remove_others(self, viewer: ViewerModel, owner: Layer, parts: Collection[Part]) -> None:
        """Remove the layers made for other parts of an owner."""
        for stale in self.others(viewer, owner, parts):
            viewer.layers.remove(stale)

    def show(
        self,
        viewer: ViewerModel,
        owner: Layer,
        part: Part,
        look: Look,
        staying: Staying = nullcontext,
    ) -> AnyLayer:
        """Show a part: update its layer in place, or add one, within the context of `staying`."""
        layer, steps = self._show(viewer, owner, part, look, staying)
        for step in steps:
            step()
        return layer

    def _show(
        self, viewer: ViewerModel, owner: Layer, part: Part, look: Look, staying: Staying
    ) -> tuple[AnyLayer, list[Callable[[], None]]]:
        """Show a part; return its layer, and what lets a new one say what it is."""
        layer = self.layer(viewer, owner, part)
        if layer is None:
            layer = self._add(viewer, owner, part, look, staying)
            return layer, telling(viewer, layer) if look.says_what_it_is else []
        # Who listens to the data reads what is told of them.
        layer.metadata.update(look.told)
        layer.data = look.data
        for name, value in look.renewed.items():
            setattr(layer, name, value)
        if look.limits_are_range:
            layer.contrast_limits_range = layer.contrast_limits
        if look.follows_name and not is_renamed(layer):
            _name(layer, look.name)
        return layer, []

    def _add(
        self, viewer: ViewerModel, owner: Layer, part: Part, look: Look, staying: Staying
    ) -> AnyLayer:
        layer = self.type(
            look.data,
            name=look.name,
            metadata={self.key: Origin(owner.unique_id, part), **look.told},
            **look.renewed,
            **look.first,
        )
        images = [i for i, other in enumerate(viewer.layers) if isinstance(other, Image)]
        top = max(images, default=-1) + 1 if self.above_images else len(viewer.layers)
        fit_in(viewer, layer)
        with staying():
            viewer.layers.insert(top, layer)
        _NAME.keep(layer, layer.name)
        return layer

    def steps(  # noqa: PLR0913 - what `show` takes, and until when
        self,
        viewer: ViewerModel,
        owner: Layer,
        parts: Iterable[Part],
        look: Callable[[Part], Look],
        *,
        current: Callable[[], bool] = lambda: True,
        staying: Staying = nullcontext,
    ) -> Iterator[Callable[[], None]]:
        """Yield steps that show the parts, for `one_per_turn`: napari takes its time.

        Name and colour bar of a new layer are steps of their own. A step does nothing once the
        owner is gone, or `current` says that something newer came.
        """

        def step(part: Part) -> None:
            if owner in viewer.layers and current():
                more.extend(self._show(viewer, owner, part, look(part), staying)[1])

        more: list[Callable[[], None]] = []
        for part in parts:
            yield partial(step, part)
            while more:
                yield more.pop(0)


def telling(viewer: ViewerModel, layer: Layer) -> list[Callable[[], None]]:
    """Return the steps that let a layer show its name and its colour bar on the canvas."""

    def tell(overlay: str) -> None:
        # The canvas would hold a layer that was removed meanwhile, and all that it holds.
        if layer in viewer.layers:
            getattr(layer, overlay).visible = True

    # Colours that are added up have no scale.
    scale = () if getattr(layer, "rgb", False) else ("colorbar",)
    return [partial(tell, overlay) for overlay in ("name_overlay", *scale)]


def is_renamed(layer: Layer) -> bool:
    """Whether a derived layer has a name that the user gave it."""
    return _NAME.of(layer) not in {None, layer.name}


def _name(layer: Layer, name: str) -> None:
    """Name a layer. napari numbers names that are taken, and tells of it before it returns."""
    _NAME.keep(layer, None)
    layer.name = name
    _NAME.keep(layer, layer.name)


# The kinds there are. Owners are the layers of spectrum images, or Labels layers.

#: At. % of labels, by element.
AT_PCT_MAPS: Kind[Image, str] = Kind("eds_map_of", Image)
#: Thickness and mass thickness of labels and their errors, by column.
THICKNESS_MAPS: Kind[Image, str] = Kind("eds_thickness_of", Image)
#: What single pixels of a spectrum image consist of, by element and sort of number.
PIXEL_LAYERS: Kind[Image, tuple[str, str]] = Kind("eds_pixel_map_of", Image)
#: Counts in the window of the main line of an element of a spectrum image, by family.
ELEMENT_MAPS: Kind[Image, str] = Kind("eds_element_map_of", Image, above_images=True)
#: The window of a spectrum image that is just looked at.
WINDOW_PREVIEW: Kind[Image, None] = Kind(
    "eds_window_of", Image, above_images=True, kept_if_renamed=True
)
#: Differences of the result of labels from another, by element.
DIFFERENCES: Kind[Image, str] = Kind("eds_difference_of", Image)
#: Examples of classes, painted over chips; the classes of all chips, and how likely they are.
EXAMPLES: Kind[Labels, None] = Kind("eds_examples_of", Labels)
CLASSES: Kind[Labels, None] = Kind("eds_classes_of", Labels)
PROBABILITY: Kind[Image, None] = Kind("eds_probability_of", Image)
#: Columns of the table of labels, and two of them combined, by name.
COLUMN_MAPS: Kind[Image, str] = Kind("eds_column_of", Image)
#: Element maps of labels added up in colours.
OVERLAY: Kind[Image, None] = Kind("eds_overlay_of", Image)
#: Counts of lines of a spectrum image, raw and denoised, by line and sort.
DENOISED: Kind[Image, tuple[str, str]] = Kind("eds_denoised_of", Image)


# What is kept with derived layers.

#: The name a layer was given last, but by the user; None while it is being given.
_NAME: Note[str | None] = Note("eds_name")
#: The result that maps of single pixels show; the latest also with their spectrum image.
PIXEL_MAPS: Note[PixelMaps] = Note("eds_pixel_maps")
#: The window of a preview in keV, and whether the background is taken away.
PREVIEWED: Note[tuple[tuple[float, float], bool]] = Note("eds_window")
#: That the colour bar of a map of differences was shown once: from then on it is the user's.
HAS_BAR: Note[bool] = Note("eds_color_bar")
#: What a map of columns shows: a column, how another is combined with it, and which.
COLUMNS: Note[tuple[str, str, str]] = Note("eds_columns")
#: The contrast limits a map was given last, but by the user.
LIMITS: Note[tuple[float, float]] = Note("eds_limits")
#: The picture of an overlay, with colours and limits of its elements.
PICTURE: Note[Overlay] = Note("eds_picture")
#: What a layer of classes shows.
CLASSIFICATION: Note[Classification] = Note("eds_classification")
