"""Which of the spectra of a file is looked at, and the result of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_eds._napari.state.layers import (
    QUANTIFICATION,
    SPECTRUM_IMAGE,
    features_of,
    label_names,
    spectra_of,
)
from napari_eds.quantification.table import CHIP

if TYPE_CHECKING:
    from napari.layers import Labels, Layer

    from napari_eds.quantification.result import Quantification
    from napari_eds.spectra.spectrum_image import SpectrumImage

#: Key of the results of spectra that are not looked at, in the metadata of their labels.
_ELSEWHERE = "eds_results_of_spectra"


def offered(focus: Any) -> list[tuple[Layer, int]]:
    """Return what a list of spectra offers: those of the file that is looked at, and its maps.

    Each is a layer and the place among its spectra, -1 of a map. A file of maps only offers
    nothing.
    """
    image = focus.image
    if image is None:
        return []
    layers = [focus.map_layer]
    if image.source is not None:
        layers = [
            x for x in focus.map_layers() if x.metadata[SPECTRUM_IMAGE].source == image.source
        ]
    places = [(layer, i) for layer in layers for i in range(len(spectra_of(layer)))]
    maps = [(layer, -1) for layer in layers if not spectra_of(layer)]
    return [*maps, *places] if places else []


def titles(focus: Any) -> list[str]:
    """Return what the spectra that are offered are called in a list of them."""
    return [
        _title(spectra_of(layer)[place]) if place >= 0 else f"map {layer.name}"
        for layer, place in offered(focus)
    ]


def place_of(focus: Any) -> int:
    """Return the place of what is looked at in the list; -1 where it is not there."""
    here = (focus.map_layer, chosen(focus.map_layer))
    return next((i for i, one in enumerate(offered(focus)) if one == here), -1)


def take(focus: Any, number: int) -> None:
    """Look at another one of the list."""
    layer, place = offered(focus)[number]
    focus.set_map_layer(layer)
    if place >= 0:
        choose(focus, place)


def _title(image: SpectrumImage) -> str:
    stem = f"{image.source.stem}: " if image.source else ""
    return image.name.removeprefix(stem)


def chosen(layer: Layer | None) -> int:
    """Return the place of the spectrum that is looked at; -1 of a map."""
    current = None if layer is None else layer.metadata.get(SPECTRUM_IMAGE)
    return next((i for i, one in enumerate(spectra_of(layer)) if one is current), -1)


def choose(focus: Any, place: int) -> None:
    """Look at another of the spectra that the chosen layer offers; each keeps its own result."""
    layer, before = focus.map_layer, chosen(focus.map_layer)
    offered = spectra_of(layer)
    if not 0 <= place < len(offered) or place == before:
        return
    labels = focus.labels_layer
    if labels is not None:
        _swap_result(labels, before, place)
    focus.replace_image(offered[place])
    focus.result_changed.emit()


def keep_elsewhere(layer: Layer | None, labels: Labels, result: Quantification) -> bool:
    """Keep a result of a spectrum that is not looked at any more for when it is again.

    Returns whether it was one.
    """
    place = next(
        (i for i, one in enumerate(spectra_of(layer)) if one.counts is result.image.counts), -1
    )
    if place in {-1, chosen(layer)}:
        return False
    labels.metadata.setdefault(_ELSEWHERE, {})[place] = result
    return True


def _swap_result(labels: Labels, before: int, place: int) -> None:
    kept = labels.metadata.setdefault(_ELSEWHERE, {})
    result = labels.metadata.pop(QUANTIFICATION, None)
    if result is not None:
        kept[before] = result
    names = label_names(labels)
    result = kept.pop(place, None)
    if result is None:
        labels.features = {"index": list(names), CHIP: list(names.values())}
    else:
        labels.metadata[QUANTIFICATION] = result
        labels.features = features_of(result)
