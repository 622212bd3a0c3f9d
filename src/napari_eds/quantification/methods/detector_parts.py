"""What each detector of a map counted in labels, fitted with a calibration of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_eds._support.progress import Progress, begin
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import SpectralModel, build_model
from napari_eds.fitting.preparation import prepare
from napari_eds.fitting.shape_errors import SHAPE_PARTS, background_heights
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.conditions.directions import of_detector, with_geometry
from napari_eds.quantification.conditions.foils import foil_of_sum
from napari_eds.quantification.errors.budget import Doubts, doubts_of, shape_errors_of
from napari_eds.quantification.methods.intensities import Intensities, scale_of
from napari_eds.quantification.methods.label_fits import fit_labels
from napari_eds.readers.detectors import detectors_apart
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.spectrum_image import SpectrumImage
from napari_eds.spectra.storage import sum_dtype

#: Part of the shapes that each detector has for itself; the others have causes in common.
_OWN = "axis"


@dataclass(frozen=True, eq=False)
class DetectorPart:
    """One detector: intensities of labels in the convention of the k-factors.

    Attributes
    ----------
    name : str
    take_off_angle_deg : float or None
        None where the file tells no direction, or the specimen hides the detector.
    n_counts : float
        Counts of all labels in the range of the fit.
    areas : ndarray, (labels, families)
        Counts of whole families or of alpha lines.
    covariance : ndarray, (labels, families, families)
        Of the areas, from counting.
    shapes : mapping of str to ndarray, (labels, quantified, quantified)
        Covariances from shapes, see `Doubts`.
    of_sum : ndarray, (quantified, quantified)
        That of all labels together from all shapes.
    widening : ndarray, (labels,)
    """

    name: str
    take_off_angle_deg: float | None
    n_counts: float
    areas: np.ndarray
    covariance: np.ndarray
    shapes: Mapping[str, np.ndarray]
    of_sum: np.ndarray
    widening: np.ndarray


def fit_apart(  # noqa: PLR0913 - a fit depends on this much
    image: SpectrumImage,
    labels: np.ndarray,
    recipe: Recipe,
    k_factors: KFactorTable,
    *,
    foil: Foil | None,
    progress: Progress | None = None,
) -> list[DetectorPart]:
    """Fit the labels' spectra of each detector, which are read one after the other.

    Detectors without counts are left out. `foil` is what absorbs in each label, if that is known.

    Raises
    ------
    ReadError
        If the map's file does not keep its detectors apart, or cannot be read again.
    """
    begin("reading detectors")
    parts = []
    for place, (name, one) in enumerate(detectors_apart(image)):
        seen = with_geometry(one, of_detector(recipe.geometry, place))
        angle = seen.acquisition.take_off_angle_deg
        towards = foil if foil is None or angle is None else foil.towards(angle)
        part = _fitted(
            name, seen, labels, recipe, k_factors=k_factors, foil=towards, progress=progress
        )
        if part is not None:
            parts.append(part)
    return parts


def _fitted(  # noqa: PLR0913 - a fit depends on this much
    name: str,
    image: SpectrumImage,
    labels: np.ndarray,
    recipe: Recipe,
    *,
    k_factors: KFactorTable,
    foil: Foil | None,
    progress: Progress | None,
) -> DetectorPart | None:
    """Return what one detector counted; None where that is nothing."""
    begin(f"summing spectra of {name}")
    model = build_model(image.energy, image.acquisition, recipe)
    counts = image.label_spectra(labels).within(model.channels)
    total = np.asarray(counts.sum(axis=0, dtype=sum_dtype(counts)))
    if not total.any():
        return None
    specimen = foil_of_sum(model.quantified, image, recipe, foil, counts.sum(axis=1))
    preparation = prepare(model, total, recipe, k_factors, counts, image.acquisition, specimen)
    fit = fit_labels(image, counts, preparation, recipe, k_factors, foil=foil, progress=progress)
    shapes = shape_errors_of(preparation, recipe, k_factors.convention)
    doubts = doubts_of(fit, shapes, None)
    n = fit.model.n_quantified
    of_sum = np.zeros((n, n))
    if shapes is not None:
        heights = background_heights(fit).sum(keepdims=True)
        of_sum = shapes.covariance("total", fit.alpha_areas.sum(axis=0)[None], heights)[0]
    scale = scale_of(fit.model, k_factors)
    per_family = scale / fit.model.weight_sums
    return DetectorPart(
        name=name,
        take_off_angle_deg=image.acquisition.take_off_angle_deg,
        n_counts=float(total.sum()),
        areas=fit.alpha_areas * scale,
        covariance=fit.covariance * np.outer(per_family, per_family),
        shapes=doubts.shapes,
        of_sum=of_sum,
        widening=doubts.widening,
    )


def intensities_of(
    parts: Sequence[DetectorPart], model: SpectralModel, k_factors: KFactorTable
) -> Intensities:
    """Return the intensities of several detectors together.

    Counts of each are Poisson's, and a gain multiplies lines and background alike: then their sum
    has the least error that an estimate from all of them can have.
    """
    n = model.n_quantified
    return Intensities.of_families(
        model.quantified,
        k_factors,
        counts=sum_of([part.areas for part in parts])[:, :n],
        covariance=sum_of([part.covariance for part in parts])[:, :n, :n],
    )


def doubts_together(parts: Sequence[DetectorPart]) -> Doubts:
    """Return what is in doubt of the summed intensities of detectors.

    Each has an energy axis of its own, while what is wrong of lines and background is wrong for
    all of them: with the share p of a detector in the counts, the covariance of such a sum is
    ``sum(C / p)`` where detectors answer in proportion, and never above.
    """
    shares = np.array([part.n_counts for part in parts])
    shares = shares / shares.sum()
    spread = sum_of([p * part.widening**2 for p, part in zip(shares, parts, strict=True)])
    if not all(part.shapes for part in parts):
        return Doubts({}, None, np.sqrt(spread))
    names = (*SHAPE_PARTS, "total")
    shapes = {
        name: sum_of(
            [
                part.shapes[name] / (1.0 if name == _OWN else p)
                for p, part in zip(shares, parts, strict=True)
            ]
        )
        for name in names
    }
    return Doubts(shapes, None, np.sqrt(spread))


def fit_together(
    fit: fitting.Fit, parts: Sequence[DetectorPart], k_factors: KFactorTable
) -> fitting.Fit:
    """Return the fit of a sum of detectors with the intensities that each gave by itself."""
    model = fit.model
    scale = scale_of(model, k_factors)
    of_whole = model.weight_sums / scale
    return replace(
        fit,
        alpha_areas=sum_of([part.areas for part in parts]) / scale,
        covariance=sum_of([part.covariance for part in parts]) * np.outer(of_whole, of_whole),
    )


def sum_of(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return the sum of arrays of one shape."""
    return np.sum(np.stack(arrays), axis=0)
