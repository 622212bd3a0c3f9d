"""Regions made but not yet used: what is shown of them, and the layers they become."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import Colormap

from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.parts.numbers import counted, grouped
from napari_eds._napari.regions.sources import PREVIEW
from napari_eds._napari.state.focus import Focus, focus_of
from napari_eds._napari.state.layers import add_chips, bind, geometry
from napari_eds._napari.state.settings import Settings
from napari_eds.labels.chips import Chips
from napari_eds.quantification.advice import MAJOR_AT_PCT, ChipSizeAdvice, common_errors
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP, COUNTS
from napari_eds.spectra.spectrum_image import SpectrumImage

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Key of the advice on chip sizes in the metadata of the map's layer.
ADVICE = "eds_chip_size_advice"

#: Whose error is told: of the elements above `MAJOR_AT_PCT`.
_WORST = "worst element"

#: Outlines are drawn on pixels so much finer that the longer side has about so many.
_FINE_SIDE = 800
_MOST_FINER = 8
#: Dashes of the outlines, in fine pixels.
_DASH = 6
#: Of these, one at least stands out from any colour of a map.
_DASH_COLORS = [[0, 0, 0, 0], [0.05, 0.05, 0.05, 1], [1, 1, 1, 1]]


class ErrorScale(NamedTuple):
    """How errors go with counts: ``counting = at_pct_root_counts / sqrt(counts)``.

    `counts` are those of the pixels that it is meant for, if not those of `counts_map`. What does
    not fall with counts is `common`, in at. %; None where it is not known.
    """

    at_pct_root_counts: float
    of: str
    counts: np.ndarray | None = None
    common: float | None = None


class Made(NamedTuple):
    """What the work of a plan gives."""

    chips: Chips
    errors: ErrorScale | None = None


class Plan(NamedTuple):
    """Regions to be made: how they are called, how they are made, and how they are drawn.

    `make` is called in another thread and touches no layer. Plans of equal keys, other than None,
    give the same.
    """

    name: str
    make: Callable[[], Made]
    is_colored: bool = False
    key: Any = None


@dataclass(frozen=True, eq=False)
class Preview:
    """Regions that were made for a map, with what is told and drawn of them."""

    name: str
    chips: Chips
    map_id: Any
    is_colored: bool
    median_counts: float
    median_error: float | None
    common_error: float | None
    error_of: str
    outlines: np.ndarray
    finer: int
    key: Any

    @property
    def summary(self) -> str:
        """Number of regions, median counts, and the error they lead to."""
        regions = counted(len(self.chips), "region")
        text = f"{regions}, median {grouped(self.median_counts, 0)} counts"
        if self.median_error is None:
            return f"{text}\nerror unknown: ask for advice in Chip size, or quantify"
        told = (
            f"{text}\nmedian predicted error ({self.error_of}): counting {self.median_error:.2g}"
        )
        if self.common_error is None:
            return f"{told} at. %"
        total = np.hypot(self.median_error, self.common_error)
        return (
            f"{told}, in all {total:.2g} at. %\nonly counting depends on the regions; the rest, "
            f"{self.common_error:.2g}, is the same for all"
        )


def make_preview(
    plan: Plan, image: SpectrumImage, map_id: Any, errors: ErrorScale | None
) -> Preview:
    """Do the work of a plan; called in another thread."""
    chips, own_errors = plan.make()
    errors = own_errors or errors
    total = image.counts_map()
    median, of, common = None, "", None
    if errors is not None:
        counts = _sums(chips.labels, total if errors.counts is None else errors.counts)
        if (counts > 0).any():
            median = float(np.median(errors.at_pct_root_counts / np.sqrt(counts[counts > 0])))
            of, common = errors.of, errors.common
    outlines, finer = draw_outlines(chips.labels)
    return Preview(
        name=plan.name,
        chips=chips,
        map_id=map_id,
        is_colored=plan.is_colored,
        median_counts=float(np.median(_sums(chips.labels, total))),
        median_error=median,
        common_error=common,
        error_of=of,
        outlines=outlines,
        finer=finer,
        key=plan.key,
    )


def _sums(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of each label, by ascending id, however large ids are."""
    ids, place = np.unique(labels, return_inverse=True)
    return np.bincount(place.ravel(), weights=values.ravel())[ids > 0]


def draw_outlines(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Return dashed outlines on finer pixels, 1 dark and 2 bright, and how much finer."""
    finer = int(np.clip(round(_FINE_SIDE / max(labels.shape)), 1, _MOST_FINER))
    fine = np.repeat(np.repeat(labels, finer, axis=0), finer, axis=1)
    edge = np.zeros(fine.shape, bool)
    for one, other in (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:, 1:], np.s_[:, :-1]),
    ):
        apart = fine[one] != fine[other]
        edge[one] |= apart
        if finer > 1:
            edge[other] |= apart
    # Labels that reach the border of the map end there, too.
    border = np.ones(fine.shape, bool)
    border[1:-1, 1:-1] = False
    edge |= border & (fine > 0)
    rows, columns = np.ogrid[: fine.shape[0], : fine.shape[1]]
    bright = (rows + columns) // _DASH % 2
    return np.where(edge, 1 + bright, 0).astype(np.uint8), finer


# What is known of errors.


def advice_key(settings: Settings) -> Settings:
    """Return the part of settings that errors depend on."""
    return replace(settings, chip_size=1)


def keep_advice(
    map_layer: Image, image: SpectrumImage, settings: Settings, found: ChipSizeAdvice
) -> None:
    """Put advice into the layer of the map it is for."""
    map_layer.metadata[ADVICE] = (image, advice_key(settings), found)


def advice_of(focus: Focus) -> ChipSizeAdvice | None:
    """Return the advice for the map as it is set now."""
    if focus.map_layer is None or focus.settings is None:
        return None
    image, settings, found = focus.map_layer.metadata.get(ADVICE, (None, None, None))
    if image is focus.image and settings == advice_key(focus.settings):
        return found
    return None


def error_scale(focus: Focus) -> ErrorScale | None:
    """Return how errors of the map go with counts, from advice or a result, if there is any."""
    found, result = advice_of(focus), focus.result
    if found is not None:
        first = found.frame.iloc[0]
        counting, total = float(first["worst_error"]), float(first["worst_error_total"])
        return ErrorScale(
            counting * float(np.sqrt(first[COUNTS])),
            _WORST,
            common=float(np.sqrt(max(total**2 - counting**2, 0))),
        )
    if result is not None and result.image is focus.image:
        return _scale_of(result)
    return None


def _scale_of(result: Quantification) -> ErrorScale | None:
    composition = result.composition
    major = 100 * composition.atomic_fractions > MAJOR_AT_PCT
    errors = np.where(major, 100 * composition.atomic_errors_statistical, np.nan)
    known = np.isfinite(errors).any(axis=1)
    if not known.any():
        return None
    worst = np.nanmax(errors[known], axis=1)
    counts = result.table[COUNTS].to_numpy(float)[known]
    common = np.nanmax(np.where(major, common_errors(result), np.nan)[known], axis=1)
    return ErrorScale(
        float(np.median(worst * np.sqrt(counts))), _WORST, common=float(np.median(common))
    )


# Layers.


def preview_layer(focus: Focus) -> Image | None:
    """Return the layer of the preview, if there is one."""
    return next((x for x in focus.viewer.layers if x.metadata.get(PREVIEW) is not None), None)


def preview_of(focus: Focus) -> Preview | None:
    """Return the preview that is shown for the map that is looked at."""
    layer, map_layer = preview_layer(focus), focus.map_layer
    if layer is None or map_layer is None:
        return None
    preview: Preview = layer.metadata[PREVIEW]
    return preview if preview.map_id == map_layer.unique_id else None


def show_preview(focus: Focus, preview: Preview) -> None:
    """Show outlines of regions, in the one layer there is for it."""
    image = focus.image
    if image is None:
        return
    layer = preview_layer(focus)
    name = f"preview: {preview.name}"
    scale, translate = _fine_geometry(image, preview.finer)
    # Another geometry, as of another map, is not worth changing in place.
    if layer is not None and layer.data.shape == preview.outlines.shape:
        layer.data = preview.outlines
        layer.name = name
        layer.scale, layer.translate = scale, translate
        layer.metadata[PREVIEW] = preview
        return
    remove_preview(focus)
    with focus.staying():
        focus.viewer.add_image(
            preview.outlines,
            name=name,
            colormap=_dashes(),
            contrast_limits=(0, 2),
            interpolation2d="nearest",
            metadata={PREVIEW: preview},
            **{**geometry(image), "scale": scale, "translate": translate},
        )


def remove_preview(focus: Focus) -> None:
    """Remove the layer of the preview."""
    layer = preview_layer(focus)
    if layer is not None:
        focus.viewer.layers.remove(layer)


def _fine_geometry(
    image: SpectrumImage, finer: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return scale and translation of finer pixels whose outer edges are those of the map."""
    scale = tuple(size / finer for size in image.pixel_size)
    place = geometry(image)["translate"]
    shift = tuple(
        start + 0.5 * (fine - size)
        for start, fine, size in zip(place, scale, image.pixel_size, strict=True)
    )
    return scale, shift


def _dashes() -> Colormap:
    return Colormap(_DASH_COLORS, name="dashed outlines", interpolation="zero")


def use_regions(focus: Focus, preview: Preview) -> Labels | None:
    """Make a Labels layer of regions, or find the untouched layer of an earlier time."""
    image, map_layer = focus.image, focus.map_layer
    if image is None or map_layer is None or map_layer.unique_id != preview.map_id:
        return None
    layer = _find_untouched(focus, preview)
    if layer is None:
        layer = _add_labels(focus, preview, image)
        bind(layer, map_layer)
    focus.set_labels_layer(layer)
    focus.viewer.layers.selection.active = layer
    # napari collects garbage when a layer goes, which takes as long as adding one.
    one_per_turn(_leaving(focus.viewer))
    return layer


def _leaving(viewer: ViewerModel) -> Iterator[Callable[[], object]]:
    """Let go of the layer of the preview, then remove it."""
    layer = preview_layer(focus_of(viewer))
    if layer is None:
        return
    layer.metadata[PREVIEW] = None
    yield partial(setattr, layer, "visible", False)  # noqa: FBT003 - no argument of ours
    if layer in viewer.layers:
        yield partial(viewer.layers.remove, layer)


def _add_labels(focus: Focus, preview: Preview, image: SpectrumImage) -> Labels:
    names = preview.chips.names
    features = {"index": list(names), CHIP: list(names.values())}
    labels = preview.chips.labels.copy()
    if preview.is_colored:
        return focus.viewer.add_labels(
            labels, name=preview.name, features=features, opacity=0.5, **geometry(image)
        )
    return add_chips(focus.viewer, labels, image, name=preview.name, features=features)


def _find_untouched(focus: Focus, preview: Preview) -> Labels | None:
    """Find a layer made from the same regions before, on which nobody has painted."""
    for layer in focus.label_layers():
        if layer.name == preview.name and np.array_equal(layer.data, preview.chips.labels):
            return layer
    return None
