"""Intensities to compositions by the method that a recipe asks for, for labels as for pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.conditions.directions import take_off_angle_told
from napari_eds.quantification.errors.budget import Doubts
from napari_eds.quantification.methods import cliff_lorimer as ratios
from napari_eds.quantification.methods.composition import Composition
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.quantification.methods.zeta import zeta_factor_method, zeta_jacobians_of
from napari_eds.recipe.absorption import Absorption, foil
from napari_eds.recipe.dose import Dose
from napari_eds.recipe.recipe import Recipe
from napari_eds.recipe.zeta_factors import ZetaFactorTable
from napari_eds.spectra.dose import electrons_per_pixel, pixel_time_s
from napari_eds.spectra.spectrum_image import SpectrumImage


def absorbing(  # noqa: PLR0913 - a foil depends on this much
    recipe: Recipe,
    image: SpectrumImage,
    families: Sequence[xray.Family],
    n_labels: int,
    *,
    thickness_nm: np.ndarray | None = None,
    density_g_cm3: np.ndarray | None = None,
    directions: tuple[tuple[float, float], ...] = (),
) -> Foil | None:
    """Return what absorbs in labels; None where absorption is not to be corrected.

    Parameters
    ----------
    recipe : Recipe
        With the zeta-factor method, which finds the thickness, the foil is 0 nm thick.
    image : SpectrumImage
    families : sequence of Family
    n_labels : int
    thickness_nm, density_g_cm3 : ndarray, (labels,), optional
        In place of those of the recipe.
    directions : tuple of (float, float)
        Take-off angles and gains of detectors that were quantified together.
    """
    settings = recipe.absorption
    if settings is None and recipe.method == "zeta":
        settings = Absorption()
    if settings is None:
        return None
    found = foil(
        settings,
        families,
        n_labels,
        take_off_angle_deg=take_off_angle_told(image, recipe.geometry),
        thickness_nm=thickness_nm,
        density_g_cm3=density_g_cm3,
    )
    return found.towards_all(directions)


def compose(  # noqa: PLR0913 - keyword-only ones belong together
    intensities: Intensities,
    recipe: Recipe,
    *,
    foil: Foil | None,
    doubts: Doubts,
    electrons: np.ndarray | None,
    label_names: Sequence[object] | None = None,
    unsettled: Literal["raise", "nan"] = "raise",
) -> Composition:
    """Quantify intensities.

    Parameters
    ----------
    intensities : Intensities
    recipe : Recipe
    foil : Foil or None
        That of `absorbing`.
    doubts : Doubts
    electrons : ndarray, (labels,), or None
        Of the zeta-factor method; see `electrons_of`.
    label_names, unsettled
        See `cliff_lorimer`.
    """
    if recipe.method == "cliff_lorimer" or recipe.zeta_factors is None or electrons is None:
        return ratios.cliff_lorimer(
            intensities, foil=foil, doubts=doubts, label_names=label_names, unsettled=unsettled
        )
    of_density = recipe.uncertainties.density_percent / 100
    if foil is not None:
        of_density = foil.density_relative_error(of_density)
    return zeta_factor_method(
        intensities,
        electrons,
        foil=foil,
        dose_relative_error=_dose_relative_error(recipe.dose, recipe.zeta_factors),
        density_relative_error=of_density,
        doubts=doubts,
    )


def jacobians_of(
    composition: Composition, intensities: Intensities, foil: Foil | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return how a composition answers to its inputs, by the method that found it.

    Returns
    -------
    by_logarithms, by_counts : ndarray, (labels, elements, elements)
        Derivatives of atomic fractions by ln(k I), or ln(zeta I / D), and by the intensities I.
    """
    if composition.mass_thickness is not None:
        return zeta_jacobians_of(composition, composition.mass_thickness, intensities, foil)
    return ratios.jacobians_of(composition, intensities, foil)


def common_variances(
    recipe: Recipe, composition: Composition, by_logarithms: np.ndarray
) -> np.ndarray | float:
    """Return variances from the dose and what all zeta-factors share, by derivatives of ln(k I).

    Parameters
    ----------
    recipe : Recipe
    composition : Composition
    by_logarithms : ndarray, (labels, results, elements)
    """
    if composition.mass_thickness is None or recipe.zeta_factors is None:
        return 0.0
    relative = _dose_relative_error(recipe.dose, recipe.zeta_factors)
    return np.asarray((relative * by_logarithms.sum(axis=2)) ** 2)


def _dose_relative_error(dose: Dose, zeta_factors: ZetaFactorTable) -> float:
    """Return the standard deviation of the current and of what all zeta-factors share."""
    return float(np.hypot(dose.current_error_percent / 100, zeta_factors.common_relative_error))


def electrons_for(recipe: Recipe, image: SpectrumImage, n_pixels: np.ndarray) -> np.ndarray | None:
    """Return the doses that the recipe's method needs, None where it needs none."""
    return electrons_of(image, recipe.dose, n_pixels) if recipe.method == "zeta" else None


def electrons_of(image: SpectrumImage, dose: Dose, n_pixels: np.ndarray) -> np.ndarray:
    """Return the dose of labels of so many pixels while detectors were live, (labels,).

    Raises
    ------
    EDSError
        If neither file nor `dose` tells the current or a time; the message names what is missing.
    """
    try:
        return n_pixels * electrons_per_pixel(with_dose(image, dose), live=True)
    except EDSError as error:
        raise EDSError(
            f"{error}, which zeta-factors need: give it in the recipe's dose "
            "(beam_current_nA, dwell_time_us, frames, live_percent)"
        ) from error


def with_dose(image: SpectrumImage, dose: Dose) -> SpectrumImage:
    """Return an image whose acquisition tells what is stated of the dose."""
    told = image.acquisition
    told = replace(
        told,
        beam_current_nA=dose.beam_current_nA or told.beam_current_nA,
        dwell_time_s=dose.dwell_time_us * 1e-6 if dose.dwell_time_us else told.dwell_time_s,
        frames_summed=dose.frames or told.frames_summed,
    )
    image = replace(image, acquisition=told)
    time = pixel_time_s(image)
    if dose.live_percent is None or time is None:
        return image
    rows, columns = image.shape
    real = told.real_time_s or time * rows * columns
    live = dose.live_percent / 100 * real
    told = replace(told, detectors=(), real_time_s=real, live_time_s=live)
    return replace(image, acquisition=told)
