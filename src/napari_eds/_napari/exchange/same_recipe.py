"""One recipe on all maps that are open: settings copied, or all of them quantified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import (
    SETTINGS,
    SPECTRUM_IMAGE,
    add_chips,
    bind,
    label_names,
    made_for,
)
from napari_eds._napari.state.settings import Settings
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError
from napari_eds.labels.chips import CHIP, grid_chips
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.run import quantify
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.spectrum_image import SpectrumImage


@dataclass(frozen=True, eq=False)
class Order:
    """One map to be quantified, as it was when the button was pressed."""

    map_layer: Image
    image: SpectrumImage
    labels: np.ndarray
    names: Mapping[int, str]
    recipe: Recipe
    layer: Labels | None
    chip_size: int

    @property
    def name(self) -> str:
        """Name of the map."""
        return self.map_layer.name

    def labels_layer(self, viewer: ViewerModel) -> Labels:
        """Return the layer of the labels, made where there was none or it was deleted."""
        if self.layer is not None and self.layer in viewer.layers:
            return self.layer
        features = {"index": list(self.names), CHIP: list(self.names.values())}
        name = f"chips {self.chip_size} px" if self.layer is None else self.layer.name
        layer = add_chips(viewer, self.labels, self.image, name=name, features=features)
        bind(layer, self.map_layer)
        return layer


def with_settings(layer: Image, settings: Settings) -> None:
    """Give a map the settings of another one, but for its own beam energy."""
    own = layer.metadata[SPECTRUM_IMAGE].acquisition.beam_energy_keV
    draft = settings.draft if own is None else settings.draft.edited(beam_energy_keV=None)
    layer.metadata[SETTINGS] = replace(settings, draft=draft)


def orders(focus: Focus, settings: Settings) -> list[Order]:
    """Return what is to be quantified, with settings given to every map.

    Raises
    ------
    EDSError, OSError
        If the settings make no recipe; nothing is changed then.
    """
    settings.recipe()
    found = []
    for layer in focus.map_layers():
        if layer is not focus.map_layer:
            with_settings(layer, settings)
        image, own = layer.metadata[SPECTRUM_IMAGE], layer.metadata[SETTINGS]
        labels_layer = focus.labels_layer if layer is focus.map_layer else _latest(focus, layer)
        if labels_layer is None:
            chips = grid_chips(image.shape, settings.chip_size)
            labels, names = chips.labels, dict(chips.names)
        else:
            labels, names = np.array(labels_layer.data), label_names(labels_layer)
        found.append(
            Order(layer, image, labels, names, own.recipe(), labels_layer, settings.chip_size)
        )
    return found


def _latest(focus: Focus, map_layer: Image) -> Labels | None:
    """Return the uppermost labels that were made for a map."""
    layers = (x for x in reversed(focus.viewer.layers) if isinstance(x, Labels))
    return next((x for x in layers if made_for(x, map_layer) and x.data.any()), None)


def quantify_all(
    asked: list[Order], progress: Progress
) -> list[tuple[Quantification | None, str]]:
    """Quantify one map after the other; one that fails does not keep the others from it."""
    found: list[tuple[Quantification | None, str]] = []
    for number, order in enumerate(asked, start=1):
        where = f"{order.name} ({number} of {len(asked)}): "

        def tell(done: int, total: int, what: str, where: str = where) -> None:
            progress(done, total, where + what)

        try:
            result = quantify(
                order.image, order.labels, order.recipe, names=order.names, progress=tell
            )
            found.append((result, ""))
        except EDSError as error:
            found.append((None, str(error)))
    return found
