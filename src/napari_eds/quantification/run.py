"""The way from a spectrum image and labels to compositions, in one readable page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
from scipy import ndimage

from napari_eds._support.arguments import expect, numbers
from napari_eds._support.progress import Progress, begin, tell, tells_steps
from napari_eds._support.threads import one_thread_of_algebra
from napari_eds.errors import EDSError, RecipeError
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import build_model
from napari_eds.fitting.preparation import Preparation, prepare
from napari_eds.labels.chips import CHIP, Chips, describe_labels, labelled
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.conditions.foils import foil_of_sum, path_relative_error
from napari_eds.quantification.errors.budget import (
    Doubts,
    absorption_errors,
    doubts_of,
    intensity_errors,
    shape_errors_of,
)
from napari_eds.quantification.methods.composing import absorbing, compose, electrons_for
from napari_eds.quantification.methods.composition import Composition
from napari_eds.quantification.methods.detector_parts import (
    doubts_together,
    fit_apart,
    fit_together,
)
from napari_eds.quantification.methods.intensities import Intensities, k_factors_of
from napari_eds.quantification.methods.joint import DetectorAgreement, Joint, spectra_of
from napari_eds.quantification.methods.label_fits import fit_labels
from napari_eds.quantification.methods.zeta import foil_found
from napari_eds.quantification.remarks.of_labels import label_remarks
from napari_eds.quantification.remarks.of_map import map_remarks
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import label_table
from napari_eds.quantification.thickness.contradictions import Contradiction, contradictions
from napari_eds.quantification.thickness.evenness import Evenness, evenness
from napari_eds.recipe.dose import Dose
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.recipe.zeta_factors import ZetaFactorTable
from napari_eds.spectra.label_sums import LabelSpectra
from napari_eds.spectra.spectrum_image import SpectrumImage
from napari_eds.spectra.storage import sum_dtype

#: Labels that an error names.
_NAMED = 5


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Labels whose spectra are fitted, before anything is said of their composition.

    `doses` are those of labels in any unit, where one thickness is given for all of them.
    """

    image: SpectrumImage
    labels: np.ndarray
    names: Mapping[int, str] | None
    label_spectra: LabelSpectra
    total: np.ndarray
    preparation: Preparation
    fit: fitting.Fit
    electrons: np.ndarray | None
    doubts: Doubts | None = None
    detectors: DetectorAgreement | None = None
    doses: np.ndarray | None = None


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
        Maps of the specimen's thickness and density; each label gets the mean of its pixels that
        are not NaN, in place of what the recipe says. They need a recipe with `absorption`; the
        zeta-factor method finds the thickness and takes no map of it.
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
    EDSError
        If something is unknown that the correction needs, as where a map is NaN all over a label;
        for the zeta-factor method, also current and times.
    """
    expect(image=(image, SpectrumImage), recipe=(recipe, Recipe))
    labels, names = labelled(labels, names, image.shape)
    maps = {"thickness": thickness_nm, "density": density_g_cm3}
    check_maps(maps, labels.shape, recipe)
    return run_labels(image, labels, names, recipe, maps=maps, progress=progress)


def run_labels(  # noqa: PLR0913 - keyword-only ones belong together
    image: SpectrumImage,
    labels: np.ndarray,
    names: Mapping[int, str] | None,
    recipe: Recipe,
    *,
    maps: Mapping[str, np.ndarray | None],
    progress: Progress | None,
    electrons: np.ndarray | None = None,
    doses: np.ndarray | None = None,
) -> Quantification:
    """Do what `quantify` says of labels that are checked.

    `electrons`, (labels,), are doses of the labels in place of the map's, where they are not in
    proportion to its pixels; `doses` the same in any unit.
    """
    model = build_model(image.energy, image.acquisition, recipe)
    k_factors = k_factors_of(model, recipe)
    begin("summing spectra")
    label_spectra = image.label_spectra(labels)
    # What is unknown of foil and dose is told before the fit, which takes longest.
    foil = _foil(model.quantified, image, labels, label_spectra.ids, recipe=recipe, maps=maps)
    if electrons is None:
        electrons = electrons_for(recipe, image, label_spectra.n_pixels)
    joint = None
    if recipe.detectors == "joint":
        parts = fit_apart(image, labels, recipe, k_factors, foil=foil, progress=progress)
        unsure = absorption_errors(model.quantified, image, recipe, foil, len(label_spectra.ids))
        joint = Joint(parts, model, recipe, k_factors, foil, unsure, electrons).solve()
        label_spectra = spectra_of(image, labels, label_spectra, joint)
    counts = label_spectra.within(model.channels)
    total = _sum(counts)
    specimen = foil_of_sum(model.quantified, image, recipe, foil, counts.sum(axis=1))
    preparation = prepare(model, total, recipe, k_factors, counts, image.acquisition, specimen)
    fit = fit_labels(image, counts, preparation, recipe, k_factors, foil=foil, progress=progress)
    fitted = _Fitted(image, labels, names, label_spectra, total, preparation, fit, electrons)
    if recipe.method != "zeta" and foil is not None and maps["thickness"] is None:
        fitted = replace(fitted, doses=label_spectra.n_pixels if doses is None else doses)
    if joint is not None:
        used = [part for part in parts if part.name in joint.used]
        fitted = replace(
            fitted,
            fit=fit_together(fit, used, k_factors),
            electrons=None if electrons is None else electrons * joint.share,
            doubts=doubts_together(used),
            detectors=joint,
        )
        foil = foil if foil is None else foil.towards_all(joint.directions)
    return _quantification(fitted, recipe, k_factors, foil)


@one_thread_of_algebra()
def quantify_by_zeta(
    result: Quantification,
    zeta_factors: ZetaFactorTable,
    *,
    dose: Dose | None = None,
    density_g_cm3: float | None = None,
    take_off_angle_deg: float | None = None,
) -> Quantification:
    """Quantify the fitted labels of a result again, by the zeta-factor method.

    What `quantify` gives with the recipe ``result.recipe.by_zeta(...)``, without fitting anew:
    composition, mass thickness and absorption of each label are solved together. Lines stay drawn
    as they leave the foil that the result was quantified with.

    Parameters
    ----------
    result : Quantification
        Its fit is used; what it did about absorption is not.
    zeta_factors : ZetaFactorTable
    dose : Dose, optional
        Current and times in place of the recipe's and the file's.
    density_g_cm3, take_off_angle_deg : float, optional
        In place of the recipe's, and of what follows from each composition, or the file's.

    Raises
    ------
    KFactorError
        If the table lacks a family, or is for another beam energy.
    EDSError
        If current, times or take-off angle are unknown.
    """
    expect(
        result=(result, Quantification),
        zeta_factors=(zeta_factors, ZetaFactorTable),
        dose=(dose, Dose | None),
        density_g_cm3=(density_g_cm3, Real | None),
        take_off_angle_deg=(take_off_angle_deg, Real | None),
    )
    recipe = result.recipe.by_zeta(
        zeta_factors,
        dose=dose,
        density_g_cm3=density_g_cm3,
        take_off_angle_deg=take_off_angle_deg,
    )
    names = {int(label): str(name) for label, name in result.table[CHIP].items()}
    image, label_spectra, model = result.image, result.label_spectra, result.fit.model
    foil = absorbing(
        recipe,
        image,
        model.quantified,
        len(label_spectra.ids),
        directions=result.directions(take_off_angle_deg),
    )
    k_factors = k_factors_of(model, recipe)
    electrons = electrons_for(recipe, image, label_spectra.n_pixels)
    if electrons is not None:
        electrons = electrons * result.counted_share
    fitted = _Fitted(
        image=image,
        labels=result.labels,
        names=names,
        label_spectra=label_spectra,
        total=_sum(result.fit.counts),
        preparation=result.preparation,
        fit=result.fit,
        electrons=electrons,
        detectors=result.detectors,
    )
    return _quantification(fitted, recipe, k_factors, foil)


def _quantification(
    fitted: _Fitted, recipe: Recipe, k_factors: KFactorTable, foil: Foil | None
) -> Quantification:
    """Turn fitted intensities into compositions, and put together what is known of them."""
    begin("working out errors")
    image, label_spectra, fit = fitted.image, fitted.label_spectra, fitted.fit
    intensities = Intensities.of_fit(
        fit.model, k_factors, alpha_areas=fit.alpha_areas, covariance=fit.covariance
    )
    even = _evenness(fitted, intensities, foil)
    doubts = _doubts(fitted, recipe, k_factors, foil, even)
    composition = compose(
        intensities,
        recipe,
        foil=foil,
        doubts=doubts,
        electrons=fitted.electrons,
        label_names=label_spectra.ids.tolist(),
    )
    if foil is not None and composition.mass_thickness is not None:
        foil = foil_found(foil, composition.mass_thickness)
    begin("judging the fit")
    of_intensities = intensity_errors(
        fit, doubts, fitted.preparation, recipe, k_factors.convention
    )
    if even is not None:
        even = even.judged(composition, recipe.uncertainties.thickness_percent / 100)
    remarks = _remarks(
        fitted,
        recipe,
        k_factors,
        composition,
        foil,
        of_intensities=of_intensities,
        even=even,
    )
    tell(len(fit.counts), len(fit.counts), "making the table")
    description = describe_labels(fitted.labels, fitted.names)
    return Quantification(
        image=image,
        labels=fitted.labels,
        recipe=recipe,
        label_spectra=label_spectra,
        k_factors=k_factors,
        preparation=fitted.preparation,
        fit=fit,
        foil=foil,
        composition=composition,
        intensity_errors_total=of_intensities,
        table=label_table(description, label_spectra, fit, composition, remarks),
        detectors=fitted.detectors,
        evenness=even,
    )


def _doubts(
    fitted: _Fitted,
    recipe: Recipe,
    k_factors: KFactorTable,
    foil: Foil | None,
    even: Evenness | None,
) -> Doubts:
    """Return what is uncertain of shapes and of absorption."""
    fit = fitted.fit
    absorption = absorption_errors(
        fit.model.quantified,
        fitted.image,
        recipe,
        foil,
        len(fit.counts),
        wrong_thickness=None if even is None else even.wrong,
    )
    if fitted.doubts is not None:
        return replace(fitted.doubts, absorption=absorption)
    shapes = shape_errors_of(fitted.preparation, recipe, k_factors.convention)
    return doubts_of(fit, shapes, absorption)


def _evenness(fitted: _Fitted, intensities: Intensities, foil: Foil | None) -> Evenness | None:
    """Say how thick labels are beside each other; None where each has a thickness of its own."""
    if fitted.doses is None or foil is None:
        return None
    return evenness(
        fitted.fit,
        intensities,
        foil,
        doses=np.asarray(fitted.doses, float),
        image=fitted.image,
        labels=fitted.labels,
    )


def _sum(counts: np.ndarray) -> np.ndarray:
    """Return the sum over labels, (channels,)."""
    return np.asarray(counts.sum(axis=0, dtype=sum_dtype(counts)))


def _remarks(  # noqa: PLR0913 - all that was found
    fitted: _Fitted,
    recipe: Recipe,
    k_factors: KFactorTable,
    composition: Composition,
    foil: Foil | None,
    *,
    of_intensities: np.ndarray,
    even: Evenness | None,
) -> list[str]:
    """Return what to beware of in each label."""
    of_map = map_remarks(
        fitted.preparation,
        fitted.fit,
        fitted.total,
        recipe,
        acquisition=fitted.image.acquisition,
        k_factors=k_factors,
    )
    if fitted.detectors is not None:
        of_map = (*of_map, *fitted.detectors.remarks)
    against: list[Contradiction | None] = []
    if foil is not None:
        path_error: float | np.ndarray = path_relative_error(foil, recipe.uncertainties)
        if composition.mass_thickness is not None:
            path_error = composition.mass_thickness.relative_errors
        against = contradictions(fitted.fit, composition, foil, k_factors, path_error)
    return label_remarks(
        fitted.fit,
        composition,
        of_map,
        intensity_errors=of_intensities,
        absorption_is_corrected=recipe.absorption is not None or recipe.method == "zeta",
        bare=None if foil is None or recipe.method == "zeta" else foil.thickness_nm == 0,
        contradictions=against,
        evenness=even,
        peaks=fitted.preparation.unexplained,
    )


def check_maps(
    maps: Mapping[str, np.ndarray | None], shape: tuple[int, ...], recipe: Recipe
) -> None:
    """Say what is wrong with maps of thickness and density, if anything is.

    Raises
    ------
    RecipeError, EDSError
        If the recipe does not correct absorption, or finds the thickness itself, or a map has
        another shape than the image.
    """
    for name, values in maps.items():
        if values is None:
            continue
        if recipe.method == "zeta" and name == "thickness":
            raise RecipeError("the zeta-factor method finds the thickness: give no map of it")
        if recipe.absorption is None and recipe.method != "zeta":
            raise RecipeError(f"a {name} map needs a recipe with absorption")
        if numbers(f"{name} map", values).shape != shape:
            raise EDSError(
                f"a {name} map of shape {np.shape(values)} does not fit the map of {shape}"
            )


def _foil(  # noqa: PLR0913 - a foil depends on this much
    families: Sequence[xray.Family],
    image: SpectrumImage,
    labels: np.ndarray,
    ids: np.ndarray,
    *,
    recipe: Recipe,
    maps: Mapping[str, np.ndarray | None],
) -> Foil | None:
    """Return what absorbs in each label; None where absorption is not to be corrected."""
    per_label = {
        name: None if values is None else _means(name, values, labels, ids)
        for name, values in maps.items()
    }
    return absorbing(
        recipe,
        image,
        families,
        len(ids),
        thickness_nm=per_label["thickness"],
        density_g_cm3=per_label["density"],
    )


def _means(name: str, values: np.ndarray, labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the means of a map over labels, (labels,), of the pixels where it is known.

    Raises
    ------
    EDSError
        If it is NaN all over a label.
    """
    known = np.where(np.isnan(values), 0, labels)
    unknown = np.setdiff1d(ids, known)
    if unknown.size:
        named = ", ".join(map(str, unknown[:_NAMED].tolist()))
        more = f" and {unknown.size - _NAMED} more" if unknown.size > _NAMED else ""
        raise EDSError(
            f"the {name} map is NaN in all of label {named}{more}: give it a number in a pixel of "
            "each label at least, or leave these labels out"
        )
    return np.asarray(ndimage.mean(values, known, ids))
