"""What the status bar says of a label under the pointer: one short line."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_eds._napari.parts.numbers import grouped, with_error
from napari_eds.quantification.table import (
    AT_PCT,
    CHIP,
    REDUCED_CHI_SQUARED,
    composition_column,
    error_total_of,
)

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Labels


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
    if not label or not {"index", CHIP} <= set(features):
        return None
    found = features[features["index"] == label]
    words = _composition(found.iloc[0]) if len(found) else None
    if words is None:
        return None
    told = [str(found[CHIP].iloc[0]), words]
    if REDUCED_CHI_SQUARED in found and np.isfinite(found[REDUCED_CHI_SQUARED].iloc[0]):
        told.append(f"χ² {found[REDUCED_CHI_SQUARED].iloc[0]:.1f}")
    return "  ".join(told)


def _composition(row: pd.Series) -> str | None:
    """Return the at. % of a label with total errors in words, what there is most of first."""
    columns = [(name, composition_column(str(name))) for name in row.index]
    values = [
        (column.element, float(row[name]), float(row.get(error_total_of(str(name)), np.nan)))
        for name, column in columns
        if column is not None and (column.quantity, column.kind) == (AT_PCT, "value")
    ]
    if not values or not np.isfinite([value for _, value, _ in values]).all():
        return None
    return "  ".join(
        f"{element} {with_error(value, error) or grouped(value, 1)}"
        for element, value, error in sorted(values, key=lambda each: -each[1])
    )
