"""The way from a spectrum image and labels to compositions, in one readable page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from napari_eds._support.progress import Progress, begin, tell, tells_steps
from napari_eds._support.threads import one_thread_of_algebra
from napari_eds.errors import EDSError, LabelError, RecipeError
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import SpectralModel, build_model
from napari_eds.fitting.preparation import prepare
from napari_eds.labels.chips import Chips, describe_labels
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.error_budget import (
    absorption_errors,
    doubts_of,
    intensity_errors,
    shape_errors_of,
)
from napari_eds.quantification.intensities import Intensities, k_factors_of
from napari_eds.quantification.remarks import label_remarks, map_remarks
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import label_table
from napari_eds.recipe.absorption import foil
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.label_sums import check_labels
from napari_eds.spectra.spectrum_image import SpectrumImage
from napari_eds.spectra.storage import sum_dtype


@tells_steps
@one_thread_of_algebra()
def quantify(  # noqa: PLR0913 - the last four have defaults that fit nearly all
    image: SpectrumImage,
    labels: np.ndarray | Chips,
    recipe: Recipe,
    *,
    names: Mapping[int, str] | None = None,
    thickness_nm: np.ndarray | None = None,
    density_g_cm3: np.ndarray | None = None,
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
    thickness_nm, density_g_cm3 : ndarray, (rows, columns), optional
        Maps of the specimen's thickness and density; each label gets its mean, in place of what
        the recipe says. They need a recipe with `absorption`.
    progress : callable, optional
        Called with (done, total, what); raising in it cancels.

    Returns
    -------
    Quantification
        Its `table` has a row per label: where the label lies, its counts, per quantified element
        ``Sr_at_pct``, ``Sr_at_pct_error_total`` and others, per fitted family
        ``Sr_K_intensity``, and what to beware of; see `label_table`.

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
    begin("summing spectra")
    label_spectra = image.label_spectra(labels)
    foil_ = _foil(
        model,
        image,
        labels,
        label_spectra.ids,
        recipe=recipe,
        maps={"thickness": thickness_nm, "density": density_g_cm3},
    )
    counts = label_spectra.within(model.channels)
    total = counts.sum(axis=0, dtype=sum_dtype(counts))
    preparation = prepare(model, total, recipe, k_factors, counts)
    fit = fitting.fit(
        preparation.model, counts, recipe.engine, progress, non_negative=recipe.non_negative
    )
    begin("working out errors")
    doubts = doubts_of(
        fit,
        shape_errors_of(preparation, recipe, k_factors.convention),
        absorption_errors(fit.model.quantified, image, recipe, foil_, len(counts)),
    )
    composition = cliff_lorimer(
        Intensities.of_fit(
            fit.model, k_factors, alpha_areas=fit.alpha_areas, covariance=fit.covariance
        ),
        foil=foil_,
        doubts=doubts,
        label_names=label_spectra.ids.tolist(),
    )
    begin("judging the fit")
    of_map = map_remarks(preparation, total, recipe, image.acquisition)
    remarks = label_remarks(
        fit,
        composition,
        of_map,
        absorption_is_corrected=recipe.absorption is not None,
        peaks=preparation.unexplained,
    )
    tell(len(counts), len(counts), "making the table")
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
        intensity_errors_total=intensity_errors(
            fit, doubts, preparation, recipe, k_factors.convention
        ),
        table=label_table(
            describe_labels(labels, names), label_spectra, fit, composition, remarks
        ),
    )


def check_maps(
    maps: Mapping[str, np.ndarray | None], shape: tuple[int, ...], recipe: Recipe
) -> None:
    """Say what is wrong with maps of thickness and density, if anything is.

    Raises
    ------
    RecipeError, EDSError
        If the recipe does not correct absorption, or a map has another shape than the image.
    """
    for name, values in maps.items():
        if values is None:
            continue
        if recipe.absorption is None:
            raise RecipeError(f"a {name} map needs a recipe with absorption")
        if np.shape(values) != shape:
            raise EDSError(
                f"a {name} map of shape {np.shape(values)} does not fit the map of {shape}"
            )


def _foil(  # noqa: PLR0913 - a foil depends on this much
    model: SpectralModel,
    image: SpectrumImage,
    labels: np.ndarray,
    ids: np.ndarray,
    *,
    recipe: Recipe,
    maps: Mapping[str, np.ndarray | None],
) -> Foil | None:
    """Return what absorbs in each label; None where absorption is not to be corrected."""
    check_maps(maps, labels.shape, recipe)
    if recipe.absorption is None:
        return None
    per_label = {
        name: None if values is None else ndimage.mean(values, labels, ids)
        for name, values in maps.items()
    }
    return foil(
        recipe.absorption,
        model.quantified,
        len(ids),
        take_off_angle_deg=image.acquisition.take_off_angle_deg,
        thickness_nm=per_label["thickness"],
        density_g_cm3=per_label["density"],
    )
