"""Quantifying the labels that are looked at, from whichever panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import tell_deleted
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import bind, label_names
from napari_eds._napari.state.thickness_maps import thickness_for
from napari_eds.quantification.run import quantify
from napari_eds.recipe.recipe import Recipe

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_eds.quantification.result import Quantification


def run_on_labels(
    focus: Focus,
    work: JobBar,
    recipe: Recipe,
    before_shown: Callable[[Labels], None] = lambda _layer: None,
) -> None:
    """Quantify labels and show the result; all is bound to the run, whatever is chosen later.

    Parameters
    ----------
    focus : Focus
        Looks at a map and labels.
    work : JobBar
    recipe : Recipe
    before_shown : callable
        Is given the layer of labels when the result is there.
    """
    image, layer = focus.image, focus.labels_layer
    if image is None or layer is None:
        return
    if focus.map_layer is not None:
        bind(layer, focus.map_layer)
    labels, names = np.array(layer.data), label_names(layer)
    thickness = thickness_for(layer, labels, recipe)

    def show(result: Quantification) -> None:
        if layer not in focus.viewer.layers:
            tell_deleted("Labels layer", "it was quantified")
            return
        # With the labels active, the status bar tells the composition under the pointer.
        focus.viewer.layers.selection.active = layer
        before_shown(layer)
        focus.show_result(layer, result)

    work.run(
        "summing spectra",
        lambda progress: quantify(
            image, labels, recipe, names=names, thickness_nm=thickness, progress=progress
        ),
        show,
        replaces=False,
    )
