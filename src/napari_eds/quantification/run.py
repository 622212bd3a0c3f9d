"""The way from a spectrum image and labels to compositions, in one readable page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError, LabelError, RecipeError
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import SpectralModel, build_model
from napari_eds.fitting.preparation import prepare
from napari_eds.labels.chips import Chips, describe_labels
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.intensities import Intensities, k_factors_of
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import label_table
from napari_eds.recipe.absorption import foil
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.label_sums import check_labels
from napari_eds.spectra.spectrum_image import SpectrumImage


def quantify(  # noqa: PLR0913 - the last three have defaults that fit nearly all
    image: SpectrumImage,
    labels: np.ndarray | Chips,
    recipe: Recipe,
    *,
    names: Mapping[int, str] | None = None,
    thickness_nm: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Quantification:
    """Fit every label's spectrum and quantify it.

    Parameters
    ----------
    image : SpectrumImage
    labels : ndarray of int, (rows, columns), or Chips
        Which pixels belong together; 0 is background.
    recipe : Recipe
    names : mapping of int to str, optional
        Names of the labels; `Chips` bring theirs.
    thickness_nm : ndarray, (rows, columns), optional
        Map of the specimen's thickness; each label gets its mean, in place of the recipe's
        number. It needs a recipe with `absorption`.
    progress : callable, optional
        Called with (done, total, what); raising in it cancels.

    Returns
    -------
    Quantification
        Its `table` has a row per label: where the label lies, its counts, per quantified element
        ``Sr_at_pct``, ``Sr_at_pct_error`` and others, per fitted family ``Sr_K_intensity``, and
        what to beware of; see `label_table`.

    Raises
    ------
    LabelError
        If the label map does not fit the image or labels no pixel.
    KFactorError, ModelError, UncalibratedError
        If the recipe cannot be applied to this image.
    """
    if isinstance(labels, Chips):
        names = labels.names if names is None else names
        labels = labels.labels
    labels = check_labels(labels, image.shape)
    if not labels.any():
        raise LabelError("no pixel is labelled; paint a region or make a grid first")
    model = build_model(image.energy, image.acquisition, recipe)
    k_factors = k_factors_of(model, recipe)
    label_spectra = image.label_spectra(labels)
    foil_ = _foil(
        model, image, labels, label_spectra.ids, recipe=recipe, thickness_nm=thickness_nm
    )
    counts = label_spectra.spectra[:, model.channels]
    preparation = prepare(model, counts.sum(axis=0), recipe, k_factors, counts)
    fit = fitting.fit(
        preparation.model, counts, recipe.engine, progress, non_negative=recipe.non_negative
    )
    composition = cliff_lorimer(
        Intensities.of_fit(
            fit.model, k_factors, alpha_areas=fit.alpha_areas, covariance=fit.covariance
        ),
        foil=foil_,
        label_names=label_spectra.ids.tolist(),
    )
    return Quantification(
        image=image,
        labels=labels,
        recipe=recipe,
        label_spectra=label_spectra,
        k_factors=k_factors,
        preparation=preparation,
        fit=fit,
        foil=foil_,
        composition=composition,
        table=label_table(describe_labels(labels, names), label_spectra, fit, composition),
    )


def check_thickness(
    thickness_nm: np.ndarray | None, shape: tuple[int, ...], recipe: Recipe
) -> None:
    """Say what is wrong with a map of thickness, if anything is.

    Raises
    ------
    RecipeError, EDSError
        If the recipe does not correct absorption, or the map has another shape than the image.
    """
    if thickness_nm is None:
        return
    if recipe.absorption is None:
        raise RecipeError("a thickness map needs a recipe with absorption, for the density")
    if np.shape(thickness_nm) != shape:
        raise EDSError(
            f"a thickness map of shape {np.shape(thickness_nm)} does not fit the map of {shape}"
        )


def _foil(  # noqa: PLR0913 - a foil depends on this much
    model: SpectralModel,
    image: SpectrumImage,
    labels: np.ndarray,
    ids: np.ndarray,
    *,
    recipe: Recipe,
    thickness_nm: np.ndarray | None,
) -> Foil | None:
    """Return what absorbs in each label; None where absorption is not to be corrected."""
    check_thickness(thickness_nm, labels.shape, recipe)
    if recipe.absorption is None:
        return None
    per_label = None if thickness_nm is None else ndimage.mean(thickness_nm, labels, ids)
    return foil(
        recipe.absorption,
        model.quantified,
        len(ids),
        take_off_angle_deg=image.acquisition.take_off_angle_deg,
        thickness_nm=per_label,
    )
