"""What absorbs in a specimen of which not all is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_eds.fitting.self_absorption import FoilOfSum
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.conditions.directions import take_off_angle_told
from napari_eds.recipe.absorption import Absorption, foil
from napari_eds.recipe.recipe import Recipe
from napari_eds.recipe.uncertainties import Uncertainties
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Take-off angle where the file gives none, for the error of an absorption that is not corrected.
_ASSUMED_TAKE_OFF_DEG = 25.0


def unknown_foil(
    families: Sequence[xray.Family], image: SpectrumImage, recipe: Recipe, n_labels: int
) -> Foil:
    """Return a foil as thick as one may well be of which nothing is said."""
    thickness = recipe.uncertainties.unknown_thickness_nm
    angle = take_off_angle_told(image, recipe.geometry) or _ASSUMED_TAKE_OFF_DEG
    return foil(
        Absorption(thickness_nm=max(thickness, 1e-3), take_off_angle_deg=angle),
        families,
        n_labels,
        thickness_nm=np.full(n_labels, thickness),
    )


def foil_of_sum(
    families: Sequence[xray.Family],
    image: SpectrumImage,
    recipe: Recipe,
    known: Foil | None,
    counts: np.ndarray,
) -> FoilOfSum:
    """Return the foil that the X-rays of all labels together have passed.

    Parameters
    ----------
    families : sequence of Family
        The quantified ones.
    image : SpectrumImage
    recipe : Recipe
    known : Foil or None
        What absorption is corrected with. The zeta-factor method does not know its thickness yet.
    counts : ndarray, (labels,)
    """
    if known is None or recipe.method == "zeta":
        return FoilOfSum(unknown_foil(families, image, recipe, 1), None)
    return FoilOfSum(known.mean(counts), path_relative_error(known, recipe.uncertainties))


def foil_of_labels(
    families: Sequence[xray.Family],
    image: SpectrumImage,
    recipe: Recipe,
    known: Foil | None,
    n_labels: int,
) -> tuple[Foil, float | None]:
    """Return the foil of each label, and the error of its mass thickness; see `foil_of_sum`."""
    if known is None or recipe.method == "zeta":
        return unknown_foil(families, image, recipe, n_labels), None
    return known, path_relative_error(known, recipe.uncertainties)


def path_relative_error(known: Foil, uncertainties: Uncertainties) -> float:
    """Return the standard deviation of a foil's mass thickness, from thickness and density."""
    of_density = known.density_relative_error(uncertainties.density_percent / 100)
    return float(np.hypot(uncertainties.thickness_percent / 100, of_density))
