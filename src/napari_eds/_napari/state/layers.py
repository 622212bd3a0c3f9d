"""Spectrum images and results as napari layers: what goes into them and how to find them again.

Layers are the only home of state: the spectrum image lives in the metadata of its layer, settings
and the result in the metadata of the Labels layer, numbers per label in its features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pint

from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.state.belonging import GROUPS, MADE_FOR, new_group
from napari_eds._napari.state.covering import has_picture
from napari_eds._napari.state.derived import AT_PCT_MAPS, Look
from napari_eds._napari.state.grid_lines import outline_colors
from napari_eds._napari.state.names import FULL_NAME, layer_name
from napari_eds._napari.state.status import tell_composition
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import (
    CHIP,
    COUNTS,
    FLAG,
    N_PIXELS,
    REDUCED_CHI_SQUARED,
    at_pct,
    error_total_of,
)
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer

SPECTRUM_IMAGE = "spectrum_image"
QUANTIFICATION = "quantification"
SETTINGS = "eds_settings"

#: Key of the columns that features of labels have from a saved result.
SAVED_COLUMNS = "eds_saved_columns"

#: What the only label of a spectrum is called.
WHOLE_SPECTRUM = "whole spectrum"

#: Key of the spectra that a layer offers, one of which is its spectrum image.
SPECTRA = "eds_spectra"

#: Shapes that hold no pixels, such as the lines of profiles.
LINE_SHAPES = ("line", "path")

#: At. % maps are shown from 0 to their 99th percentile, rounded up to a multiple of this.
_LIMIT_STEP = 5.0

LayerTuple = tuple[Any, dict[str, Any], str]


def image_layers(image: SpectrumImage) -> list[LayerTuple]:
    """Return the layers of a spectrum image: other images below, X-ray counts on top."""
    unit, groups = _unit(image.pixel_unit), [new_group()]
    layers = [
        _auxiliary_layer(auxiliary, image, unit)
        for auxiliary in image.images
        if auxiliary.data.ndim in (2, 3)
    ]
    for _, look, _ in layers:
        look["metadata"] = {GROUPS: list(groups), FULL_NAME: _name(image)}
    counts = image.counts_map()
    image.total_spectrum()  # takes a moment on large maps, and is kept: every dock shows it
    attributes = {
        **geometry(image),
        "name": _counts_name(image),
        "colormap": "inferno",
        "contrast_limits": _limits(counts),
        "metadata": {SPECTRUM_IMAGE: image, GROUPS: groups, FULL_NAME: _name(image)},
    }
    return [*layers, (counts, attributes, "image")]


def spectrum_layers(
    images: Sequence[SpectrumImage], maps: Sequence[SpectrumImage] = ()
) -> list[LayerTuple]:
    """Return the layers of the spectra of a file: one that offers all of them, and one label.

    The first is chosen, which of Velox is the sum over all detectors. There is nothing to be
    seen of a single pixel, which therefore is transparent. It is one label already, so that it
    can be quantified as it is. Images that `maps` of the same file bring are left to these.
    """
    first, group = images[0], new_group()
    unit = next((u for i in first.images if (u := _unit(i.pixel_unit)) != "pixel"), "pixel")
    place = _geometry((1.0, 1.0), unit)
    known = [picture.data for image in maps for picture in image.images]
    own = [p for p in first.images if not any(np.array_equal(p.data, one) for one in known)]
    pictures = _pictures(_of_file(first), own)
    for _, look, _ in pictures:
        look["metadata"] = {GROUPS: [group], FULL_NAME: _of_file(first)}
    label = {
        **place,
        "name": layer_name(WHOLE_SPECTRUM, _of_file(first)),
        "visible": False,
        "features": pd.DataFrame({"index": [1], CHIP: [WHOLE_SPECTRUM]}),
        "metadata": {GROUPS: [group], FULL_NAME: _of_file(first)},
    }
    attributes = {
        **place,
        "name": _counts_name(first),
        "opacity": 0.0,
        "metadata": {
            SPECTRUM_IMAGE: first,
            SPECTRA: tuple(images),
            GROUPS: [group],
            FULL_NAME: _of_file(first),
        },
    }
    return [
        *pictures,
        (np.ones((1, 1), np.int32), label, "labels"),
        (first.counts_map(), attributes, "image"),
    ]


def layers_of(images: Sequence[SpectrumImage]) -> list[list[LayerTuple]]:
    """Return the layers of what a file holds: those of its spectra, and those of each map.

    Maps come last, for the layer that comes last is the one that is looked at.
    """
    spectra = [image for image in images if is_spectrum(image)]
    maps = [image for image in images if not is_spectrum(image)]
    of_spectra = [spectrum_layers(spectra, maps)] if spectra else []
    return [*of_spectra, *map(image_layers, maps)]


def is_spectrum(image: SpectrumImage | None) -> bool:
    """Whether an image is a single spectrum, of which there is no map."""
    return image is not None and image.n_pixels == 1


def spectra_of(layer: Layer | None) -> tuple[SpectrumImage, ...]:
    """Return the spectra that a layer offers; none for a map."""
    return () if layer is None else layer.metadata.get(SPECTRA, ())


def picture_layers(name: str, pictures: Iterable[AuxiliaryImage]) -> list[LayerTuple]:
    """Return the layers of images that came without a map, such as a survey image.

    They are hidden: where they lie beside a map is not known.
    """
    layers = _pictures(name, pictures)
    for _, look, _ in layers:
        look["visible"] = False
    return layers


def _pictures(name: str, pictures: Iterable[AuxiliaryImage]) -> list[LayerTuple]:
    return [
        (
            picture.data,
            _look(picture, name) | _geometry(picture.pixel_size, _unit(picture.pixel_unit)),
            "image",
        )
        for picture in pictures
        if picture.data.ndim in (2, 3)
    ]


def put_image(layer: Image, image: SpectrumImage) -> None:
    """Put another spectrum image of the same pixels into its layer, such as one with energies."""
    before = spectrum_image_of(layer)
    if before is not None and layer.name == _counts_name(before):
        layer.name = _counts_name(image)
    layer.metadata[SPECTRUM_IMAGE] = image
    layer.metadata[FULL_NAME] = _of_file(image) if is_spectrum(image) else _name(image)
    offered = spectra_of(layer)
    if offered and not any(one is image for one in offered):
        layer.metadata[SPECTRA] = tuple(image if one is before else one for one in offered)
    counts = image.counts_map()
    if not np.array_equal(layer.data, counts):
        layer.data = counts
        layer.contrast_limits = _limits(counts)


def _counts_name(image: SpectrumImage) -> str:
    if is_spectrum(image):
        return layer_name("spectrum", _of_file(image))
    counted = "X-ray counts" if image.energy.tells_xrays else "all counts"
    return layer_name(counted, _name(image))


def _of_file(image: SpectrumImage) -> str:
    """Return what is called the same of everything in a file."""
    return image.source.stem if image.source else image.name


def _name(image: SpectrumImage) -> str:
    """Return what an image is called, with what it is if it is a part of a map."""
    part, name = image.part, image.name
    if part is not None and part.crop is not None:
        rows, columns = (f"{first}:{end}" for first, end in part.crop)
        name = f"{name} [{rows}, {columns}]"
    if part is not None and part.energy_range_keV is not None:
        low, high = part.energy_range_keV
        name = f"{name} {low:.2g} to {high:.2g} keV"
    return name


def _auxiliary_layer(auxiliary: AuxiliaryImage, image: SpectrumImage, unit: str) -> LayerTuple:
    """Put an image of the same file in the units of the map, so that both overlay."""
    size = auxiliary.pixel_size
    where = geometry(image)
    if not auxiliary.fits(image.shape):
        if unit != "pixel":
            size = _converted(size, _unit(auxiliary.pixel_unit), unit)
        where = _geometry(size, unit)
    # Maps of one file share their images.
    attributes = _look(auxiliary, _name(image).replace(image.name, _of_file(image), 1)) | where
    if auxiliary.offset is None and not auxiliary.fits(image.shape):
        # Where it lies is not known: laid over the map it would tell something wrong.
        attributes["visible"] = False
    if auxiliary.offset is not None:
        corner = _converted(auxiliary.offset, _unit(auxiliary.pixel_unit), unit)
        # A layer is placed by the centre of its first pixel, not by its corner.
        attributes["translate"] = tuple(
            place + (own - other) / 2
            for place, own, other in zip(corner, size, image.pixel_size, strict=True)
        )
    return (auxiliary.data, attributes, "image")


def _look(picture: AuxiliaryImage, of: str) -> dict[str, Any]:
    rgb = picture.data.ndim == 3
    limits = {} if rgb else {"contrast_limits": _limits(picture.data)}
    return {"name": layer_name(picture.name, of), "rgb": rgb, **limits}


def geometry(image: SpectrumImage) -> dict[str, Any]:
    """Return scale, place, units and axis labels of every layer of an image.

    A part of a map lies where it lies in the whole one.
    """
    place = tuple(n * size for n, size in zip(image.origin, image.pixel_size, strict=True))
    return {**_geometry(image.pixel_size, _unit(image.pixel_unit)), "translate": place}


def _geometry(pixel_size: tuple[float, float], unit: str) -> dict[str, Any]:
    return {"scale": pixel_size, "units": (unit, unit), "axis_labels": ("row", "column")}


def _unit(name: str) -> str:
    """Return a unit of length that napari accepts, else ``"pixel"``."""
    registry = pint.get_application_registry()
    try:
        return name if registry.Unit(name).is_compatible_with("nm") else "pixel"
    except (pint.UndefinedUnitError, ValueError, TypeError):
        return "pixel"


def _converted(size: tuple[float, float], unit: str, target: str) -> tuple[float, float]:
    if "pixel" in (unit, target):
        return size
    factor = pint.get_application_registry().Quantity(1, unit).to(target).magnitude
    return (size[0] * factor, size[1] * factor)


def _limits(data: np.ndarray) -> tuple[float, float]:
    """Contrast limits that a few hot pixels do not spoil; never empty."""
    low, high = np.nanpercentile(data, [0.1, 99.9]) if data.size else (0, 1)
    return (float(low), float(high) if high > low else float(low) + 1)


def add_chips(
    viewer: ViewerModel, chips: np.ndarray, image: SpectrumImage, **attributes: Any
) -> Labels:
    """Add chips as white outlines: hundreds of colours would hide the image.

    One colour repeated for all labels is drawn at once; with a colour by label, napari compiles
    a look-up first and the window stands still for a second.
    """
    layer = viewer.add_labels(
        chips,
        colormap=outline_colors(),
        opacity=0.7,
        **attributes,
        **geometry(image),
    )
    layer.contour = 1
    return layer


def painted_as(labels: np.ndarray) -> np.ndarray:
    """Return labels in the type that napari paints fastest, if it holds their ids."""
    fits_in = not labels.size or labels.max() <= np.iinfo(np.int32).max
    return labels.astype(np.int32) if fits_in else labels


def spectrum_image_of(layer: Layer | None) -> SpectrumImage | None:
    """Return the spectrum image a layer carries, if any."""
    return None if layer is None else layer.metadata.get(SPECTRUM_IMAGE)


def fits(labels: Labels, image: SpectrumImage) -> bool:
    """Whether a Labels layer has the pixels of the image."""
    return labels.data.shape == tuple(image.shape)


def bind(labels: Labels, map_layer: Image) -> None:
    """Remember for which spectrum image labels are, so that maps of one size are not mixed up."""
    labels.metadata.update(binding(map_layer))


def binding(map_layer: Image) -> dict[str, Any]:
    """Return the metadata that bind labels to a spectrum image."""
    return {MADE_FOR: map_layer.unique_id}


def made_for(labels: Labels, map_layer: Image) -> bool:
    """Whether labels were made for the spectrum image of a layer, or came with it."""
    if labels.metadata.get(MADE_FOR) == map_layer.unique_id:
        return True
    return bool(set(labels.metadata.get(GROUPS, ())) & set(map_layer.metadata.get(GROUPS, ())))


def owner_of(viewer: ViewerModel, layer: Layer | None) -> Layer | None:
    """Return the Labels layer an at. % map was made for, and any other layer itself."""
    origin = AT_PCT_MAPS.origin(layer)
    if origin is None:
        return layer
    return next((other for other in viewer.layers if other.unique_id == origin.owner), None)


def label_names(labels: Labels) -> dict[int, str]:
    """Return the names of labels that its features hold in the column `CHIP`."""
    return names_in(labels.features)


def name_of(labels: Labels, label: int) -> str:
    """Return the name of one label; empty where it has none."""
    features = labels.features
    if CHIP not in features or "index" not in features:
        return ""
    # Found in the column: a dictionary of thousands of labels takes as long as a dab of the brush.
    names = features[CHIP].to_numpy()[features["index"].to_numpy() == label]
    return names[-1] if len(names) and isinstance(names[-1], str) else ""


def names_in(features: pd.DataFrame) -> dict[int, str]:
    """Return the names of labels that a table of features holds."""
    if CHIP not in features or "index" not in features:
        return {}
    return {
        int(index): str(name)
        for index, name in zip(features["index"], features[CHIP], strict=True)
        if isinstance(name, str)
    }


def show_result(
    viewer: ViewerModel,
    labels: Labels,
    result: Quantification,
    staying: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Put a result into the viewer: features of its Labels layer and a map per element.

    A map that an earlier run made for the same Labels layer is updated in place and keeps the
    name, colours and visibility the user gave it; contrast follows the new values. In a running
    window the maps appear one after the other, so that it goes on answering; each is added within
    the context that `staying` gives. That of the first element is shown, unless something is of
    these labels already.
    """
    labels.features = _with_others(features_of(result), labels)
    labels.metadata[QUANTIFICATION] = result
    tell_composition(labels)
    if is_spectrum(result.image):
        return  # a map of one pixel would say nothing that the table does not
    AT_PCT_MAPS.remove_others(viewer, labels, result.elements)
    first = "" if has_picture(viewer, labels) else result.elements[0]
    one_per_turn(
        AT_PCT_MAPS.steps(
            viewer,
            labels,
            result.elements,
            partial(_map_look, labels, result, first),
            current=lambda: labels.metadata.get(QUANTIFICATION) is result,
            staying=staying,
        )
    )


def _map_look(labels: Labels, result: Quantification, first: str, element: str) -> Look:
    column = at_pct(element)
    # The values of the labels, not of all pixels: percentiles of a large map take time.
    limits = limits_from_zero(result.table[column].to_numpy())
    return Look(
        result.map_of(column),
        f"{element} at. % ({labels.name})",
        renewed={"contrast_limits": limits},
        first={
            "colormap": "viridis",
            "visible": element == first,
            **geometry(result.image),
        },
        told={QUANTIFICATION: result},
        follows_name=True,
        says_what_it_is=True,
    )


def maps_of(viewer: ViewerModel, labels: Labels) -> dict[str, Image]:
    """Return the at. % maps made for a Labels layer by element, whatever they are called now."""
    return AT_PCT_MAPS.layers(viewer, labels)


def limits_from_zero(values: np.ndarray, step: float = _LIMIT_STEP) -> tuple[float, float]:
    """Contrast limits from 0 to the 99th percentile, rounded up to a multiple of a step."""
    finite = values[np.isfinite(values)]
    top = np.percentile(finite, 99) if finite.size else step
    return (0.0, max(step, float(np.ceil(top / step) * step)))


def _with_others(features: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return features with the columns that labels have from elsewhere, such as another plugin."""
    present = labels.features
    before: Quantification | None = labels.metadata.get(QUANTIFICATION)
    own = {*features.columns, *labels.metadata.get(SAVED_COLUMNS, ())}
    if before is not None:
        own |= set(features_of(before).columns)
    others = present[[name for name in present.columns if name not in own]]
    if not others.columns.size:
        return features
    # Without ids, napari counts rows by label, from the background on.
    others.index = present["index"] if "index" in present else range(len(present))
    return features.join(others[~others.index.duplicated()], on="index")


def features_of(result: Quantification) -> pd.DataFrame:
    """Return what is worth reading under the pointer; ``index`` holds the ids."""
    values = [at_pct(element) for element in result.elements]
    numbers = [name for value in values for name in (value, error_total_of(value))]
    columns = [CHIP, REDUCED_CHI_SQUARED, FLAG, COUNTS, N_PIXELS, *numbers]
    return result.table[columns].reset_index(names="index")
