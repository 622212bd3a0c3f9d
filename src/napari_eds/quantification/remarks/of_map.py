"""Remarks on all labels alike: on the map, the table of factors and the fit of the sum."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np

from napari_eds.fitting.fit import Fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.preparation import Preparation
from napari_eds.fitting.refinement import SURE_SIGMA, relative_misfit
from napari_eds.physics import lines as xray
from napari_eds.quantification.conditions.contradictions import (
    beam_remarks,
    looks_bulk,
    table_remarks,
)
from napari_eds.quantification.conditions.count_checks import count_remarks
from napari_eds.quantification.remarks.forms import (
    LEFT_OUT,
    LINES_OFF,
    OUT_OF_RANGE,
    POOR_SUM,
    UNEXPLAINED_PEAK,
)
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.acquisition import Acquisition

#: A fit is poor where what it lacks for sure is this much, relative to the lines.
POOR = 0.02

_METHODS = {"cliff_lorimer": "Cliff-Lorimer is", "zeta": "zeta-factors are"}


def map_remarks(  # noqa: PLR0913 - all that was found and used
    preparation: Preparation,
    fit: Fit,
    total: np.ndarray,
    recipe: Recipe,
    *,
    acquisition: Acquisition,
    k_factors: KFactorTable,
) -> tuple[str, ...]:
    """Return what to beware of in all labels alike.

    Parameters
    ----------
    preparation : Preparation
    fit : Fit
    total : ndarray, (channels of the fit,)
        Summed counts.
    recipe : Recipe
    acquisition : Acquisition
    k_factors : KFactorTable
        The table that was used.
    """
    model = preparation.model
    found = beam_remarks(acquisition, model.beam_energy_keV)
    if looks_bulk(acquisition, recipe):
        found.append(f"bulk specimen: {_METHODS[recipe.method]} for thin foils")
    elif not acquisition.is_foil(model.beam_energy_keV):
        found.append(
            f"taken for a foil, since the recipe says so; at {model.beam_energy_keV:g} keV, most "
            "specimens are bulk"
        )
    what = "zeta-factors" if recipe.method == "zeta" else "k-factors"
    found += table_remarks(
        k_factors, model.beam_energy_keV, model.quantified, detector=model.detector, what=what
    )
    if preparation.calibration.at_bound:
        found.append(f"{' and '.join(preparation.calibration.at_bound)} of the axis at its bound")
    found += count_remarks(fit, total)
    found += left_out(preparation, recipe, acquisition)
    elements = [family.element for family in model.quantified]
    if len(elements) == 1 and recipe.method != "zeta":
        found.append("one element alone is always 100 %")
    if "C" in elements:
        found.append("C of a film or of contamination counts as specimen")
    if _is_poor(preparation, total, recipe):
        found.append(POOR_SUM())
    return tuple(found)


def _is_poor(preparation: Preparation, total: np.ndarray, recipe: Recipe) -> bool:
    """Whether the model does not fit the sum of all labels; other engines do not fit it."""
    if recipe.engine != "poisson" or total.sum() <= 0:
        return False
    model, fitted = preparation.model, preparation.sum_fit
    lines = model.counts_of_lines(fitted.coefficients[: len(model.families)])
    misfit = relative_misfit(total, fitted.expected, lines, beyond_sigma=SURE_SIGMA)
    return bool(misfit > POOR)


def left_out(preparation: Preparation, recipe: Recipe, acquisition: Acquisition) -> list[str]:
    """Return what speaks for elements that are not in the model.

    Their peaks, the file, and lines of others that took their place.

    Parameters
    ----------
    preparation : Preparation
    recipe : Recipe
    acquisition : Acquisition
    """
    found = [UNEXPLAINED_PEAK(peak=str(peak)) for peak in preparation.unexplained]
    if preparation.refinement.impossible:
        found.append(LINES_OFF(families=" ".join(preparation.refinement.impossible)))
    asked = {name.partition("_")[0] for name in (*recipe.elements, *recipe.fit_only)}
    seen, unseen = _named_only(preparation.model, acquisition.elements, asked)
    for form, symbols in ((LEFT_OUT, seen), (OUT_OF_RANGE, unseen)):
        if symbols:
            found.append(form(elements=" ".join(symbols)))
    return found


def _named_only(
    model: SpectralModel, elements: Sequence[str], asked: Set[str]
) -> tuple[list[str], list[str]]:
    """Return elements that are not in a model: with a line in its range, and without.

    Of those without, what was asked for is left out: the account says that it has no line.
    """
    known = {family.element for family in model.families}
    low, high = model.energy.energies_keV[[0, -1]]
    high = min(high, model.beam_energy_keV)
    seen: list[str] = []
    unseen: list[str] = []
    for symbol in dict.fromkeys(elements):
        if symbol not in xray.element_symbols() or symbol in known:
            continue
        alphas = (xray.family(symbol, letter).alpha for letter in xray.families_of(symbol))
        if any(low < alpha.energy_keV < high for alpha in alphas):
            seen.append(symbol)
        elif symbol not in asked:
            unseen.append(symbol)
    return seen, unseen
