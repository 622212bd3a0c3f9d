"""What the status bar says of a label under the pointer: one short line."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_eds.quantification.table import CHIP, REDUCED_CHI_SQUARED

if TYPE_CHECKING:
    from napari.layers import Labels

#: Feature of labels that holds their composition in words.
COMPOSITION_TEXT = "at.%"


def tell_composition(labels: Labels) -> None:
    """Let labels tell name, composition and fit in place of all of their features."""
    this = weakref.ref(labels)  # a layer that held itself would be let go late

    def get_status(position: Any = None, **how: Any) -> dict[str, str]:
        layer = this()
        if layer is None:
            return {}
        status = type(layer).get_status(layer, position, **how)
        line = None if position is None else _line(layer, layer.get_value(position, **how))
        if line is not None:
            status["coordinates"] = status["value"] = line
        return status

    labels.get_status = get_status


def _line(labels: Labels, label: Any) -> str | None:
    """Return what is told of a label; None where there is no composition."""
    features = labels.features
    if not label or not {"index", CHIP, COMPOSITION_TEXT} <= set(features):
        return None
    found = features[features["index"] == label]
    if not len(found) or not isinstance(found[COMPOSITION_TEXT].iloc[0], str):
        return None
    told = [str(found[CHIP].iloc[0]), found[COMPOSITION_TEXT].iloc[0]]
    if REDUCED_CHI_SQUARED in found and np.isfinite(found[REDUCED_CHI_SQUARED].iloc[0]):
        told.append(f"χ² {found[REDUCED_CHI_SQUARED].iloc[0]:.1f}")
    return "  ".join(told)
