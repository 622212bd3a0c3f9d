"""Fitting labels with what the prepared sum tells, and with a background of their own."""

from __future__ import annotations

import numpy as np

from napari_eds._support.progress import Progress
from napari_eds.fitting.fit import Fit, fit
from napari_eds.fitting.label_backgrounds import LabelBackgrounds, label_backgrounds
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.poisson import first_estimate
from napari_eds.fitting.preparation import Preparation
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.conditions.contradictions import looks_bulk
from napari_eds.quantification.conditions.foils import foil_of_labels
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.spectrum_image import SpectrumImage


def fit_labels(  # noqa: PLR0913 - a fit depends on this much
    image: SpectrumImage,
    counts: np.ndarray,
    preparation: Preparation,
    recipe: Recipe,
    k_factors: KFactorTable,
    *,
    foil: Foil | None,
    progress: Progress | None,
) -> Fit:
    """Fit the spectra of labels.

    Parameters
    ----------
    image : SpectrumImage
    counts : ndarray, (labels, channels of the fit)
    preparation : Preparation
    recipe : Recipe
    k_factors : KFactorTable
    foil : Foil or None
        What absorbs in each label, if that is known.
    progress : callable or None
        Called with (done, total, what); raising in it cancels the fit.
    """
    model, first = preparation.model, None
    if preparation.refined is not None and len(counts) > 1:
        first = first_estimate(model, counts, preparation.sum_fit.expected)
    return fit(
        model,
        counts,
        recipe.engine,
        progress,
        non_negative=recipe.non_negative,
        backgrounds=_backgrounds(image, model, first, recipe, k_factors, foil),
        first=first,
    )


def _backgrounds(  # noqa: PLR0913, PLR0917 - a background depends on this much
    image: SpectrumImage,
    model: SpectralModel,
    first: np.ndarray | None,
    recipe: Recipe,
    k_factors: KFactorTable,
    foil: Foil | None,
) -> LabelBackgrounds | None:
    """Return by what backgrounds of labels differ.

    None for HyperSpy's engines, which draw their own, and for bulk specimens, which are no foil.
    """
    if first is None or looks_bulk(image.acquisition, recipe):
        return None
    of_labels, error = foil_of_labels(model.quantified, image, recipe, foil, len(first))
    return label_backgrounds(model, first, k_factors, of_labels, error=error)
