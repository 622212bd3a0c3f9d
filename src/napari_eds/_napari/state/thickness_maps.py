"""Thicknesses of labels: as layers, and kept with labels to correct absorption one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.state.derived import THICKNESS_MAPS, Look, Note
from napari_eds._napari.state.layers import QUANTIFICATION, geometry, limits_from_zero
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import MASS_THICKNESS, THICKNESS, error_total_of
from napari_eds.recipe.recipe import Recipe

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels

#: What the maps are called, by column, and the step of their limits.
_NAMES = {
    THICKNESS: ("thickness nm", 5.0),
    error_total_of(THICKNESS): ("± thickness nm", 0.5),
    MASS_THICKNESS: ("mass thickness kg/m²", 2e-5),
    error_total_of(MASS_THICKNESS): ("± mass thickness kg/m²", 2e-6),
}

#: Thickness in nm by label, kept in the metadata of a Labels layer.
LABEL_THICKNESSES: Note[Mapping[int, float]] = Note("eds_label_thicknesses")
#: Whether absorption is corrected for them.
USED: Note[bool] = Note("eds_label_thicknesses_used")


def show_thickness(
    viewer: ViewerModel,
    labels: Labels,
    result: Quantification,
    staying: Callable[[], AbstractContextManager[None]],
) -> None:
    """Show thickness, mass thickness and their errors; of a result without them, nothing."""
    known = result.composition.mass_thickness is not None
    # Errors first: what is added later lies above.
    columns = list(reversed(_NAMES)) if known else []
    THICKNESS_MAPS.remove_others(viewer, labels, columns)
    one_per_turn(
        THICKNESS_MAPS.steps(
            viewer,
            labels,
            columns,
            partial(_look, labels, result),
            current=lambda: labels.metadata.get(QUANTIFICATION) is result,
            staying=staying,
        )
    )


def _look(labels: Labels, result: Quantification, column: str) -> Look:
    name, step = _NAMES[column]
    return Look(
        result.map_of(column),
        f"{name} ({labels.name})",
        renewed={"contrast_limits": limits_from_zero(result.table[column].to_numpy(), step)},
        first={
            "colormap": "magma" if name.startswith("±") else "viridis",
            "visible": False,
            **geometry(result.image),
        },
        told={QUANTIFICATION: result},
        says_what_it_is=True,
    )


def keep_thicknesses(labels: Labels, result: Quantification) -> float:
    """Keep the thicknesses of a result with its labels, to be used; return their median."""
    column = result.table[THICKNESS]
    known = column[np.isfinite(column)]
    found = {int(label): float(nm) for label, nm in known.items()}
    LABEL_THICKNESSES.keep(labels, found)
    USED.keep(labels, bool(found))
    return float(known.median())


def thickness_for(layer: Labels, labels: np.ndarray, recipe: Recipe) -> np.ndarray | None:
    """Return the map of thickness that absorption is to be corrected for, (rows, columns).

    None where the recipe's own thickness holds for all labels. Labels that are new since then
    get the recipe's.

    Parameters
    ----------
    layer : Labels
        Which keeps the thicknesses.
    labels : ndarray of int, (rows, columns)
    recipe : Recipe
    """
    known, foil = LABEL_THICKNESSES.of(layer), recipe.absorption
    if not known or not USED.of(layer) or recipe.method == "zeta":
        return None
    if foil is None or foil.thickness_nm is None:
        return None
    ids = np.array(sorted(known))
    values = np.array([known[i] for i in ids.tolist()])
    place = np.minimum(np.searchsorted(ids, labels), ids.size - 1)
    return np.where(ids[place] == labels, values[place], foil.thickness_nm)
