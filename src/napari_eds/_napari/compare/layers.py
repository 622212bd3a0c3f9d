"""Comparisons as layers: a map of differences per element, and what was compared with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import Colormap, ensure_colormap

from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.state.derived import DIFFERENCES, HAS_BAR, Look
from napari_eds._napari.state.focus import Focus, focus_of
from napari_eds._napari.state.layers import QUANTIFICATION, geometry
from napari_eds.compare.results import Comparison
from napari_eds.quantification.result import Quantification

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Metadata: of a Labels layer, what its result was compared with; of a map, files its results
#: were compared with.
_COMPARED, _FILES = "eds_compared", "eds_compared_files"

#: ColorBrewer's RdBu, from blue over white to red, as the figures have it.
DIVERGING = "eds difference"
_RED_BLUE = (
    "#053061 #2166ac #4393c3 #92c5de #d1e5f0 #f7f7f7 #fddbc7 #f4a582 #d6604d #b2182b #67001f"
)
#: Differences beyond this percentile have the colour of the end.
_LIMIT_PERCENT = 99

ensure_colormap(Colormap(_RED_BLUE.split(), name=DIVERGING))


class Compared(NamedTuple):
    """A comparison, the result it is of, and its maps by ending of the table's columns.

    `limits` are those of the differences by element; all of it takes a moment for large maps.
    """

    result: Quantification
    comparison: Comparison
    maps: dict[str, dict[str, np.ndarray]]
    limits: dict[str, float]

    @classmethod
    def of(cls, result: Quantification, comparison: Comparison) -> Compared:
        """Add the maps, where the compositions are of labels."""
        sides = () if comparison.is_whole else ("ours", "other", "difference")
        maps = {side: comparison.maps(side) for side in sides}
        differences = maps.get("difference", {})
        limits = {e: difference_limit(data) for e, data in differences.items()}
        return cls(result, comparison, maps, limits)


def compared_of(labels: Labels | None) -> Compared | None:
    """Return what the result of labels was last compared with."""
    return None if labels is None else labels.metadata.get(_COMPARED)


def difference_limit(difference: np.ndarray) -> float:
    """Return the end of a scale that is symmetric about zero, and never empty."""
    sizes = np.abs(difference[np.isfinite(difference)])
    return max(float(np.percentile(sizes, _LIMIT_PERCENT)), 1e-9) if sizes.size else 1.0


def difference_layers(viewer: ViewerModel, labels: Labels) -> dict[str, Image]:
    """Return the maps of differences made for a Labels layer, by element."""
    return DIFFERENCES.layers(viewer, labels)


def show_compared(viewer: ViewerModel, labels: Labels, compared: Compared) -> None:
    """Keep a comparison with its labels and show its maps of differences.

    Maps of an earlier comparison are updated in place, with the name and visibility they have.
    """
    labels.metadata[_COMPARED] = compared
    differences = compared.maps.get("difference", {})
    DIFFERENCES.remove_others(viewer, labels, differences)
    one_per_turn(_steps(viewer, labels, compared))


def _steps(
    viewer: ViewerModel, labels: Labels, compared: Compared
) -> Iterator[Callable[[], object]]:
    """Yield what shows the maps: napari takes its time for a layer, and again for its bar."""
    elements = list(compared.maps.get("difference", {}))
    steps = DIFFERENCES.steps(
        viewer,
        labels,
        elements,
        partial(_look, labels, compared),
        current=lambda: compared_of(labels) is compared,
        staying=focus_of(viewer).staying,
    )
    for element, show in zip(elements, steps, strict=True):
        yield show
        yield partial(_show_color_bar, viewer, labels, element)


def _look(labels: Labels, compared: Compared, element: str) -> Look:
    limit = compared.limits[element]
    return Look(
        compared.maps["difference"][element],
        f"{element} difference ({labels.name})",
        renewed={"contrast_limits": (-limit, limit)},
        first={
            "colormap": DIVERGING,
            "visible": element == compared.comparison.elements[0],
            **geometry(compared.result.image),
        },
        limits_are_range=True,
    )


def _show_color_bar(viewer: ViewerModel, labels: Labels, element: str) -> None:
    layer = difference_layers(viewer, labels).get(element)
    # Of a map that is there from before, it is the user's to show.
    if layer is not None and not HAS_BAR.of(layer):
        layer.colorbar.visible = True
        HAS_BAR.keep(layer, True)  # noqa: FBT003 - the value itself


# What there is to compare with.


class Source(NamedTuple):
    """Something to compare with: what it is called, and what `compare_results` takes."""

    name: str
    other: Any


def sources(focus: Focus) -> list[Source]:
    """Return what the result in focus can be compared with."""
    found = [
        Source(f"labels: {layer.name}", layer)
        for layer in focus.label_layers()
        if layer is not focus.labels_layer and QUANTIFICATION in layer.metadata
    ]
    image = focus.image
    vendor = None if image is None else image.acquisition.vendor
    if vendor is not None and vendor.compositions:
        found.append(Source(f"{vendor.program}: log in the file", vendor))
    files = () if focus.map_layer is None else focus.map_layer.metadata.get(_FILES, ())
    return found + [Source(f"file: {path.name}", path) for path in files]


def add_file(focus: Focus, path: Path) -> None:
    """Remember a file to compare with, in the layer of the map; the last one comes last."""
    if focus.map_layer is not None:
        files = focus.map_layer.metadata.get(_FILES, ())
        focus.map_layer.metadata[_FILES] = (*(p for p in files if p != path), path)


def names_of(source: Source, labels: Labels, result: Quantification) -> tuple[str, str]:
    """Return how to call both sides."""
    if isinstance(source.other, Labels):
        return labels.name, source.other.name
    other = source.other.name if isinstance(source.other, Path) else source.other.program
    return f"napari-eds ({result.recipe.engine})", other
