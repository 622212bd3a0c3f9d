"""Classes of chips as layers: painted examples with names, and what was classified from them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap
from napari.utils.colormaps.standardize_color import transform_color

from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.parts.numbers import counted
from napari_eds._napari.parts.theme import PALETTE
from napari_eds._napari.state.derived import (
    CLASSES,
    CLASSIFICATION,
    EXAMPLES,
    PROBABILITY,
    Look,
)
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import bind, binding, geometry, label_names
from napari_eds.few_shot.classification import Classification
from napari_eds.quantification.table import CHIP

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: After the palette: told apart from it and from each other by lightness.
_MORE_COLORS = ("#f0e442", "#882255", "#999999", "#332288", "#ddcc77", "#44aa99")
_OPACITY = 0.6


class PaintedClass(NamedTuple):
    """A class that is painted: its number, name, colour, and how many chips it touches."""

    id: int
    name: str
    color: str
    n_chips: int


# Which layers.


def chips_layer(focus: Focus) -> Labels | None:
    """Return the chips: the labels in focus, or those that they are painted or classified over."""
    labels = focus.labels_layer
    if labels is None:
        return None
    origin = EXAMPLES.origin(labels) or CLASSES.origin(labels)
    if origin is None:
        return labels
    return next((x for x in chip_layers(focus) if x.unique_id == origin.owner), None)


def chip_layers(focus: Focus) -> list[Labels]:
    """Return the layers of the map that can be chips."""
    return [
        layer
        for layer in focus.label_layers()
        if EXAMPLES.origin(layer) is None and CLASSES.origin(layer) is None
    ]


def example_layers(focus: Focus) -> list[Labels]:
    """Return the layers in which examples of the chips may be painted."""
    chips = chips_layer(focus)
    return [
        layer
        for layer in focus.label_layers()
        if layer is not chips and CLASSES.origin(layer) is None
    ]


def examples_of(focus: Focus) -> Labels | None:
    """Return the layer in which examples of the chips are painted."""
    chips = chips_layer(focus)
    if chips is None:
        return None
    layers = reversed(focus.label_layers())
    return next((layer for layer in layers if EXAMPLES.is_for(layer, chips)), None)


def choose_examples(focus: Focus, examples: Labels | None) -> None:
    """Take a layer for examples of the chips, and no other."""
    chips = chips_layer(focus)
    if chips is None:
        return
    for layer in focus.label_layers():
        if EXAMPLES.is_for(layer, chips):
            EXAMPLES.release(layer)
    if examples is not None:
        EXAMPLES.take(examples, chips, None)


def paint_examples(focus: Focus) -> Labels | None:
    """Take up the brush in the layer of examples, made if there is none."""
    chips, map_layer, image = chips_layer(focus), focus.map_layer, focus.image
    if chips is None or map_layer is None or image is None:
        return None
    layer = examples_of(focus)
    if layer is None:
        layer = Labels(
            np.zeros(image.shape, np.int32),
            name=f"examples ({chips.name})",
            opacity=_OPACITY,
            colormap=_colormap(class_colors(len(PALETTE) + len(_MORE_COLORS))),
            **geometry(image),
        )
        EXAMPLES.take(layer, chips, None)
        bind(layer, map_layer)
        layer.brush_size = max(2, min(image.shape) // 40)
        focus.viewer.add_layer(layer)
    layer.visible = True
    focus.viewer.layers.selection.active = layer
    layer.mode = "paint"
    return layer


# What is painted.


def painted_classes(chips: Labels, examples: Labels) -> list[PaintedClass]:
    """Return the classes painted in a layer, ascending."""
    painted = examples.data > 0
    ids = np.unique(examples.data[painted])
    names = class_names(examples)
    over = painted & (chips.data > 0)
    pairs = np.unique(np.stack([examples.data[over], chips.data[over]]), axis=1)[0]
    return [
        PaintedClass(
            int(i),
            names.get(int(i), f"class {i}"),
            hex_color(examples.get_color(int(i))),
            int((pairs == i).sum()),
        )
        for i in ids
    ]


def class_names(examples: Labels) -> dict[int, str]:
    """Return the names of painted classes; without a name they are called by their number."""
    return {i: name for i, name in label_names(examples).items() if name != str(i)}


def name_class(examples: Labels, number: int, name: str) -> None:
    """Give a painted class a name: that of the label, which lives in the layer's features."""
    features = examples.features
    if "index" not in features or CHIP not in features:
        features = pd.DataFrame({"index": pd.Series(dtype=int), CHIP: pd.Series(dtype=object)})
    if (features["index"] == number).any():
        features = features.copy()
        features.loc[features["index"] == number, CHIP] = name
    else:
        row = pd.DataFrame({"index": [number], CHIP: [name]})
        features = row if features.empty else pd.concat([features, row], ignore_index=True)
    examples.features = features


# What was classified.


def class_layer(viewer: ViewerModel, chips: Labels | None) -> Labels | None:
    """Return the layer with the classes of chips."""
    return CLASSES.layer(viewer, chips, None)


def classification_of(viewer: ViewerModel, chips: Labels | None) -> Classification | None:
    """Return how chips were classified."""
    return CLASSIFICATION.of(class_layer(viewer, chips))


def show_classes(
    focus: Focus, chips: Labels, found: Classification, colors: dict[str, str] | None = None
) -> None:
    """Show classes and their probability; layers made before are updated in place.

    Parameters
    ----------
    focus : Focus
    chips : Labels
    found : Classification
    colors : dict of str to str, optional
        Colour by class as ``#rrggbb``, such as that of its examples.
    """
    image, map_layer = focus.image, focus.map_layer
    if image is None or map_layer is None:
        return
    where = geometry(image)

    def classes(_part: None) -> Look:
        look = _class_look(chips, found, colors or {}, where)
        if class_layer(focus.viewer, chips) is not None:
            return look
        return look._replace(told={**look.told, **binding(map_layer)})

    viewer, staying = focus.viewer, focus.staying
    probability = partial(_probability_look, chips, found, where)
    one_per_turn(
        [
            *CLASSES.steps(viewer, chips, [None], classes, staying=staying),
            *PROBABILITY.steps(viewer, chips, [None], probability, staying=staying),
        ]
    )


def _class_look(
    chips: Labels, found: Classification, colors: dict[str, str], where: dict[str, Any]
) -> Look:
    palette = class_colors(len(found.classes))
    chosen = [colors.get(name, c) for name, c in zip(found.classes, palette, strict=True)]
    features = pd.DataFrame(list(found.class_names.items()), columns=["index", CHIP])
    return Look(
        found.class_map(),
        f"classes ({chips.name})",
        renewed={"colormap": _colormap(chosen), "features": features},
        first={"opacity": _OPACITY, **where},
        told={CLASSIFICATION.key: found},
    )


def probability_map(found: Classification) -> np.ndarray:
    """Return the probability of each pixel's class, NaN where there is none."""
    best = found.table[list(found.classes)].max(axis=1).to_numpy(float)
    ids = np.array([found.chips.labels[chip] for chip in found.table[CHIP]])
    order = np.argsort(ids)
    place = np.clip(np.searchsorted(ids[order], found.labels), 0, ids.size - 1)
    return np.where(ids[order][place] == found.labels, best[order][place], np.nan)


def _probability_look(
    chips: Labels, found: Classification, where: dict[str, Any], _part: None
) -> Look:
    return Look(
        probability_map(found),
        f"class probability ({chips.name})",
        renewed={},
        first={"colormap": "gray", "contrast_limits": (0, 1), "visible": False, **where},
    )


def legend(found: Classification, color_of: dict[str, str]) -> str:
    """Return classes with colours, chips and mean probability, as rich text."""
    lines = []
    for name in found.classes:
        inside = found.table[found.table["prediction"] == name]
        mean = inside[name].mean() if len(inside) else float("nan")
        sure = f", mean probability {mean:.3f}" if np.isfinite(mean) else ""
        n = len(inside)
        lines.append(
            f'<span style="color:{color_of[name]}">■</span> {_escaped(name)}: '
            f"{counted(n, 'chip')}{sure}"
        )
    return "<br>".join(lines)


def layer_colors(layer: Labels, found: Classification) -> dict[str, str]:
    """Return the colours that classes have in their layer."""
    return {name: hex_color(layer.get_color(i)) for i, name in found.class_names.items()}


def class_colors(n: int) -> list[str]:
    """Return colours of classes; beyond a dozen they repeat, and names tell."""
    colors = [*PALETTE, *_MORE_COLORS]
    return [colors[i % len(colors)] for i in range(n)]


def hex_color(color: np.ndarray | None) -> str:
    """Return ``#rrggbb`` of a colour of napari."""
    if color is None:
        return "#808080"
    red, green, blue = (round(255 * float(part)) for part in color[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


def _colormap(colors: list[str]) -> CyclicLabelColormap:
    """Return colours of labels from 1 on; napari draws a cyclic table without compiling."""
    table = np.zeros((len(colors) + 1, 4), np.float32)
    table[1:] = [transform_color(color)[0] for color in colors]
    return CyclicLabelColormap(colors=table, name="eds classes")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
