"""What the user chose to see in the results dock; it is kept with the spectrum image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from napari.layers import Layer

from napari_eds._napari.results.columns import SHOWN_AT_FIRST
from napari_eds.quantification.table import AT_PCT

_KEY = "eds_results_view"


@dataclass(frozen=True)
class ResultsState:
    """How results are shown.

    Attributes
    ----------
    groups : tuple of str
        Groups of columns in the table.
    unit : str
    condition : str
        Which labels are shown.
    sorted_by : tuple of (str, bool) or None
        Name of a column, and whether it descends.
    page : int
        Table or plot in front.
    histogram, scatter, ternary : tuple of str
        Names of the plots' columns; empty until the user chose some.
    """

    groups: tuple[str, ...] = SHOWN_AT_FIRST
    unit: str = AT_PCT
    condition: str = ""
    sorted_by: tuple[str, bool] | None = None
    page: int = 0
    histogram: tuple[str, ...] = ()
    scatter: tuple[str, ...] = ()
    ternary: tuple[str, ...] = ()


def state_of(layer: Layer | None) -> ResultsState:
    """Return what was chosen for the spectrum image of a layer."""
    return ResultsState() if layer is None else layer.metadata.get(_KEY, ResultsState())


def change_state(layer: Layer | None, **changes: Any) -> None:
    """Keep what is chosen now."""
    if layer is not None:
        layer.metadata[_KEY] = replace(state_of(layer), **changes)
