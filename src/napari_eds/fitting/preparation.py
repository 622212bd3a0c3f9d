"""What is settled once on the summed spectrum, before any label is fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_eds.fitting.background import sum_background, with_background
from napari_eds.fitting.calibration import Calibration, calibrate
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.pile_up import PileUp, with_pile_up
from napari_eds.fitting.refinement import Refinement, corrected, refine_ratios
from napari_eds.fitting.sum_fit import fit_sum
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Preparation:
    """A model made ready on the summed spectrum.

    Attributes
    ----------
    model : SpectralModel
        Frozen for all labels.
    calibration : Calibration
    refinement : Refinement
    background : str
        What the background is, in words.
    reduced_chi_squared : float
        Of the summed spectrum.
    pile_up : PileUp
    """

    model: SpectralModel
    calibration: Calibration
    refinement: Refinement
    background: str
    reduced_chi_squared: float
    pile_up: PileUp


def prepare(
    model: SpectralModel,
    total: np.ndarray,
    recipe: Recipe,
    k_factors: KFactorTable | None = None,
    spectra: np.ndarray | None = None,
) -> Preparation:
    """Calibrate, correct and refine a model on the summed spectrum, as the recipe asks.

    HyperSpy's engines draw their own lines and background; for them only the axis is calibrated.

    Parameters
    ----------
    model : SpectralModel
        As `build_model` makes it, on the axis of the file.
    total : ndarray, (channels of the fit,)
        Summed counts of all labels.
    recipe : Recipe
    k_factors : KFactorTable, optional
        For the rough composition of the specimen, which shapes a physical background; without
        them all elements weigh the same.
    spectra : ndarray, (labels, channels of the fit), optional
        Counts of each label, which tell what X-rays meet in pile-up; without them, all do.
    """
    spectra = total if spectra is None else spectra
    own = recipe.engine == "poisson"
    drawn = corrected(model) if own and recipe.correct_lines else model
    if own:
        drawn = replace(drawn, tail=recipe.low_energy_tail)
    refine = own and recipe.refine_line_ratios
    calibration = _calibration(drawn, total, recipe)
    prepared, refinement = calibration.apply(drawn), Refinement()
    if own:
        # Before the ratios, which would follow a sum peak that lies on a line.
        prepared, _ = with_pile_up(prepared, spectra)
        drawn = replace(drawn, pile_up=prepared.pile_up)
    if refine:
        # The axis is fitted again with the refined lines, which pulled on it before.
        refined, _ = refine_ratios(prepared, total)
        calibration = _calibration(replace(drawn, lines=refined.lines), total, recipe)
        prepared, refinement = refine_ratios(calibration.apply(drawn), total)
    pile_up = PileUp()
    if own:
        prepared, pile_up = with_pile_up(prepared, spectra)
    description = f"a polynomial of order {model.background_order} for each label"
    if own:
        weights = _rough_composition(prepared, total, k_factors)
        background = sum_background(prepared, total, weights, recipe.background)
        prepared = with_background(prepared, background)
        description = (
            f"{background.description} on the summed spectrum, height and slope fitted to each "
            "spectrum"
        )
    return Preparation(
        prepared,
        calibration,
        refinement,
        description,
        fit_sum(prepared, total).reduced_chi_squared,
        pile_up,
    )


def _rough_composition(
    model: SpectralModel, total: np.ndarray, k_factors: KFactorTable | None
) -> np.ndarray:
    """Return weight fractions of the quantified elements in all labels together."""
    n = model.n_quantified
    if k_factors is None:
        return np.full(n, 1 / n)
    areas = fit_sum(model, total).coefficients[:n] * model.weight_sums[:n]
    k = [k_factors.value_for(family, "family") for family in model.quantified]
    weights = np.maximum(areas, 0) * k
    return weights / weights.sum() if weights.sum() > 0 else np.full(n, 1 / n)


def _calibration(model: SpectralModel, total: np.ndarray, recipe: Recipe) -> Calibration:
    """Return the calibration a recipe asks for; one that ran into a bound is not used."""
    given = recipe.axis_correction
    start = Calibration(resolution_MnKa_eV=model.resolution_MnKa_eV)
    if given is not None:
        start = replace(
            start,
            offset_eV=given.offset_eV,
            gain_percent=given.gain_percent,
            source="given by the user",
        )
    fit_resolution = recipe.energy_resolution_MnKa_eV is None
    if not recipe.calibrate or (given is not None and not fit_resolution):
        return start
    fitted = calibrate(
        model, total, start=start, fit_axis=given is None, fit_resolution=fit_resolution
    )
    if fitted.at_bound:
        return replace(
            start,
            at_bound=fitted.at_bound,
            source=f"{start.source}: the fit ran into the bound of its "
            f"{' and '.join(fitted.at_bound)} and was not used",
        )
    return fitted
