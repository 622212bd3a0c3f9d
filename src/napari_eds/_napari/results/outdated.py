"""Whether a result is still what the settings of its map would give."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels

from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.thickness_maps import thickness_for
from napari_eds.errors import EDSError
from napari_eds.quantification.result import Quantification
from napari_eds.recipe.recipe import Recipe

#: Fields of a recipe whose words are others in the window.
_WORDS = {
    "absorption": "thickness, density or take-off angle",
    "k_factors": "k-factors",
    "zeta_factors": "zeta-factors",
    "energy_range_keV": "fitted range",
    "beam_energy_keV": "beam energy",
    "energy_resolution_MnKa_eV": "resolution",
    "detector_window": "window of the detector",
}
_BY_LABEL = "thickness of each label"
_INCOMPLETE = "settings that make no recipe now"


def changed_settings(focus: Focus, labels: Labels, result: Quantification) -> list[str]:
    """Name the settings that are others now than those of a result.

    Parameters
    ----------
    focus : Focus
        Has the settings.
    labels : Labels
        Layer of the labels that were quantified.
    result : Quantification
    """
    settings = focus.settings
    if settings is None:
        return []
    try:
        recipe = settings.recipe()
    except (EDSError, OSError):
        return [_INCOMPLETE]
    changed = [
        _WORDS.get(name, name.replace("_", " "))
        for name in Recipe.model_fields
        if getattr(recipe, name) != getattr(result.recipe, name)
    ]
    if not changed and not _same_thicknesses(labels, recipe, result):
        return [_BY_LABEL]
    return changed


def _same_thicknesses(labels: Labels, recipe: Recipe, result: Quantification) -> bool:
    """Whether absorption would be corrected for the thicknesses that it was corrected for."""
    foil, absorption = result.foil, recipe.absorption
    if foil is None or absorption is None or absorption.thickness_nm is None:
        return True
    wanted = thickness_for(labels, result.labels, recipe)
    if wanted is None:
        return bool(np.allclose(foil.thickness_nm, absorption.thickness_nm))
    places = np.searchsorted(result.label_spectra.ids, result.labels)
    inside = result.labels > 0
    given = np.broadcast_to(foil.thickness_nm, len(result.label_spectra.ids))
    return bool(np.allclose(given[places[inside]], wanted[inside], rtol=1e-3))
