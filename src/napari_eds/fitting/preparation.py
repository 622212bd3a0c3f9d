"""What is settled once on the summed spectrum, before any label is fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_eds._support.progress import begin
from napari_eds.fitting.background import SumBackground, sum_background
from napari_eds.fitting.calibration import MINIMUM_COUNTS, Calibration, calibrate
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.nuisances import (
    HARD_TAIL_MEAN,
    TAIL_DECAY_KEV,
    TAIL_MEAN,
    Kind,
    nuisances_of,
)
from napari_eds.fitting.pile_up import PileUp, with_pile_up
from napari_eds.fitting.refinement import Refined, Refinement, refine
from napari_eds.fitting.self_absorption import FoilOfSum, SelfAbsorption
from napari_eds.fitting.soft_limits import SoftLimits, thin_strengths
from napari_eds.fitting.sum_fit import SumFit, fit_sum
from napari_eds.fitting.unexplained import UnexplainedPeak, unexplained_peaks
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import LowEnergyTail, Recipe
from napari_eds.spectra.acquisition import Acquisition


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
    sum_fit : SumFit
        Of the summed spectrum by the model.
    pile_up : PileUp
    unexplained : tuple of UnexplainedPeak
        Peaks of the summed spectrum that no line of the model explains.
    refined : Refined or None
        How its shapes were found, and what stays open of them; None for HyperSpy's engines.
    """

    model: SpectralModel
    calibration: Calibration
    refinement: Refinement
    background: str
    sum_fit: SumFit
    pile_up: PileUp
    unexplained: tuple[UnexplainedPeak, ...]
    refined: Refined | None

    @property
    def reduced_chi_squared(self) -> float:
        """Of the summed spectrum."""
        return self.sum_fit.reduced_chi_squared


def prepare(  # noqa: PLR0913, PLR0917 - four have defaults
    model: SpectralModel,
    total: np.ndarray,
    recipe: Recipe,
    k_factors: KFactorTable | None = None,
    spectra: np.ndarray | None = None,
    acquisition: Acquisition | None = None,
    foil: FoilOfSum | None = None,
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
    acquisition : Acquisition, optional
        Tells a bulk specimen from a foil, unless the recipe does; a foil without it.
    foil : FoilOfSum, optional
        What absorbs unless the specimen is bulk; nothing without it.
    """
    if recipe.engine != "poisson":
        return _of_hyperspy(model, total, recipe)
    drawn = corrected(model) if recipe.correct_lines else model
    begin("calibrating the energy axis")
    calibration = _calibration(drawn, total, recipe)
    drawn = _with_tails(drawn, recipe)
    # Sum peaks come before the ratios, which would follow one that lies on a line.
    begin("looking for sum peaks")
    spectra = total if spectra is None else spectra
    prepared, _ = with_pile_up(calibration.apply(drawn), spectra)
    weights = _rough_composition(prepared, total, k_factors)
    absorbed = _absorbed(prepared, total, recipe, weights, acquisition, foil)
    if absorbed is not None:
        prepared = absorbed.apply(prepared)
    begin("settling the model on the sum")
    escaping = None if absorbed is None else absorbed.continuum
    is_bulk = absorbed is not None and absorbed.strengths is not None
    # Bremsstrahlung is drawn as a foil lets it through.
    choice = "polynomial" if is_bulk and recipe.background == "auto" else recipe.background
    background = sum_background(prepared, total, weights, choice, escaping)
    refined = _settled(prepared, total, recipe, absorbed, background)
    begin("looking for sum peaks again")
    prepared, pile_up = with_pile_up(refined.model, spectra)
    prepared = replace(prepared, background_shape=refined.background_shape)
    fitted = fit_sum(prepared, total)
    return Preparation(
        prepared,
        calibration.moved(refined),
        refined.refinement(),
        f"{background.description} on the summed spectrum, bent to it; height and slope fitted to "
        "each spectrum",
        fitted,
        pile_up,
        unexplained_peaks(prepared, total, fitted),
        refined,
    )


def _absorbed(  # noqa: PLR0913, PLR0917 - a specimen depends on this much
    model: SpectralModel,
    total: np.ndarray,
    recipe: Recipe,
    weights: np.ndarray,
    acquisition: Acquisition | None,
    foil: FoilOfSum | None,
) -> SelfAbsorption | None:
    """Return what leaves the specimen of the lines; None where lines are left as they are."""
    if not recipe.correct_lines:
        return None
    told = None if recipe.is_of_foil else acquisition
    if told is not None and not told.is_foil(model.beam_energy_keV):
        areas = fit_sum(model, total).coefficients[: len(model.families)]
        return SelfAbsorption.of_bulk(model, areas, told.take_off_angle_deg)
    return None if foil is None else SelfAbsorption.of_foil(model, weights, foil)


def _settled(
    model: SpectralModel,
    total: np.ndarray,
    recipe: Recipe,
    absorbed: SelfAbsorption | None,
    background: SumBackground,
) -> Refined:
    """Return the model with shapes that follow the sum, soft families held by harder ones."""
    if absorbed is None or absorbed.strengths is None:
        strengths = thin_strengths(model)
    else:
        strengths = absorbed.strengths
    return refine(
        model,
        total,
        nuisances_of(model, recipe.uncertainties, fixed=_fixed(recipe, total), absorbed=absorbed),
        background,
        SoftLimits.of(model, strengths),
    )


def _of_hyperspy(model: SpectralModel, total: np.ndarray, recipe: Recipe) -> Preparation:
    """Calibrate the axis, which is all that HyperSpy's engines leave to be prepared."""
    begin("calibrating the energy axis")
    calibration = _calibration(model, total, recipe)
    prepared = calibration.apply(model)
    fitted = fit_sum(prepared, total)
    return Preparation(
        prepared,
        calibration,
        Refinement(),
        f"a polynomial of order {model.background_order} for each label",
        fitted,
        PileUp(),
        unexplained_peaks(prepared, total, fitted),
        None,
    )


def _with_tails(model: SpectralModel, recipe: Recipe) -> SpectralModel:
    """Return the model with the tails of the recipe or, without them, of a usual detector."""
    if recipe.low_energy_tail is not None or not recipe.correct_lines:
        return model.recorded(tail=recipe.low_energy_tail)
    tail = LowEnergyTail(fraction=TAIL_MEAN, decay_keV=TAIL_DECAY_KEV, below_keV=None)
    return model.recorded(tail=tail, hard_tail=HARD_TAIL_MEAN)


def _fixed(recipe: Recipe, total: np.ndarray) -> list[Kind]:
    """Return what keeps the value that the recipe, the file or a table gives it."""
    fixed: list[Kind] = []
    enough = recipe.calibrate and total.sum() >= MINIMUM_COUNTS
    if not enough or recipe.axis_correction is not None:
        fixed += ["offset", "gain"]
    if not enough or recipe.energy_resolution_MnKa_eV is not None:
        fixed += ["resolution", "fano"]
    if not recipe.correct_lines:
        # Lines as eXSpy has them are off by more than priors say: only the calibration moves.
        fixed += ["offset", "gain", "resolution", "fano", "position"]
    if not recipe.refine_line_ratios:
        fixed += ["ratio", "radiative_auger", "radiative_auger_beta"]
    return fixed


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
    """Return the calibration a recipe asks for."""
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
    return calibrate(
        model, total, start=start, fit_axis=given is None, fit_resolution=fit_resolution
    )
