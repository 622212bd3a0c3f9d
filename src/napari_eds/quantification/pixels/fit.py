"""One pseudo-inverse for all pixels of a map, and averages of what it gives, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from napari_eds._support.progress import begin
from napari_eds.errors import RecipeError
from napari_eds.fitting.fit import with_one_count
from napari_eds.fitting.model import build_model
from napari_eds.fitting.poisson import shared_inverse
from napari_eds.fitting.preparation import Preparation, prepare
from napari_eds.fitting.shape_errors import ShapeErrors
from napari_eds.quantification.conditions.foils import foil_of_sum
from napari_eds.quantification.errors.budget import (
    Doubts,
    absorption_errors,
    shape_errors_of,
)
from napari_eds.quantification.methods.composing import absorbing, compose, electrons_for
from napari_eds.quantification.methods.composition import (
    LEAST_TOTAL_SIGMA_OF_PIXELS,
    Composition,
    enough_atoms,
)
from napari_eds.quantification.methods.intensities import Intensities, k_factors_of
from napari_eds.quantification.pixels.kernels import Kernel, smoothed
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Pixels that are held at a time, with all that is averaged.
_BLOCK_PIXELS = 16384
#: Pixels of dense counts that are widened to 64 bit at a time.
_DENSE_BLOCK_PIXELS = 1024


@dataclass(frozen=True, eq=False)
class FoilMaps:
    """What is known of the foil place by place, in place of what the recipe says.

    Attributes
    ----------
    thickness_nm, density_g_cm3 : ndarray, or None
        Both (rows, columns), or both (pixels,).
    """

    thickness_nm: np.ndarray | None
    density_g_cm3: np.ndarray | None

    def named(self) -> dict[str, np.ndarray | None]:
        """Return both by the names that errors call them."""
        return {"thickness": self.thickness_nm, "density": self.density_g_cm3}

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> FoilMaps:
        """Return what a function makes of the maps that are given."""
        return FoilMaps(
            *(None if values is None else change(values) for values in self.named().values())
        )


@dataclass(frozen=True, eq=False)
class Shared:
    """What all pixels of a map have in common.

    Attributes
    ----------
    image : SpectrumImage
    recipe : Recipe
    inside : ndarray of bool, (rows, columns)
    total : ndarray, (channels,)
        Summed spectrum of the pixels inside.
    k_factors : KFactorTable
    preparation : Preparation
    inverse : ndarray, (channels, columns of the design + 1)
        What a count in a channel adds to each coefficient, alpha areas first, and to the X-rays.
    variances : ndarray, (columns of the design, pairs)
        What a coefficient adds, through the counts it stands for, to the covariances of the
        quantified alpha areas, of which the upper triangle is given.
    shapes : ShapeErrors or None
    """

    image: SpectrumImage
    recipe: Recipe
    inside: np.ndarray
    total: np.ndarray
    k_factors: KFactorTable
    preparation: Preparation
    inverse: np.ndarray
    variances: np.ndarray
    shapes: ShapeErrors | None

    def covariance(self, squares: np.ndarray, of_one: np.ndarray | float) -> np.ndarray:
        """Return the covariance of the quantified families' intensities, (pixels, n, n).

        Counts vary by what the fit expects, as in `fit_poisson`, not by what was found: an
        absent line of which no count was found would take itself for certain. For the same
        reason, coefficients count as at least absent, and one count might have been more.

        Parameters
        ----------
        squares : ndarray, (pixels, columns of the design)
            Coefficients, summed with the squares of the kernel's weights.
        of_one : ndarray, (pixels,), or float
            What one count is in the average.
        """
        model = self.preparation.model
        n = model.n_quantified
        first, second = np.triu_indices(n)
        pairs = np.maximum(squares, 0) @ self.variances
        covariance = np.empty((len(pairs), n, n))
        covariance[:, first, second] = pairs
        covariance[:, second, first] = pairs
        covariance *= np.outer(model.weight_sums[:n], model.weight_sums[:n])
        return with_one_count(covariance, of_one)

    def _shape_covariances(self, sums: np.ndarray) -> dict[str, np.ndarray]:
        """Return covariances of intensities by part of shape, (pixels, n, n)."""
        if self.shapes is None:
            return {}
        n = len(self.preparation.model.families)
        background = self.preparation.model.background
        heights = sums[:, n:] @ background.sum(axis=0) / max(float(background.sum()), 1e-12)
        return {
            part: self.shapes.covariance(part, sums[:, :n], heights) for part in self.shapes.parts
        }

    def compose(
        self,
        sums: np.ndarray,
        squares: np.ndarray,
        known: FoilMaps,
        *,
        of_one: np.ndarray | float = 1.0,
        n_pixels: float = 1.0,
    ) -> tuple[Composition, np.ndarray]:
        """Quantify averaged coefficients (pixels, columns); say which totals are significant.

        `of_one` is what one count is in them, and `n_pixels` how many pixels they are the sum of,
        which is 1 for an average.
        """
        model = self.preparation.model
        intensities = Intensities.of_fit(
            model,
            self.k_factors,
            alpha_areas=sums,
            covariance=self.covariance(squares, of_one),
        )
        foil = absorbing(
            self.recipe,
            self.image,
            model.quantified,
            len(sums),
            thickness_nm=known.thickness_nm,
            density_g_cm3=known.density_g_cm3,
        )
        composition = compose(
            intensities,
            self.recipe,
            foil=foil,
            doubts=Doubts(
                self._shape_covariances(sums),
                absorption_errors(model.quantified, self.image, self.recipe, foil, len(sums)),
                np.ones(len(sums)),
            ),
            electrons=electrons_for(self.recipe, self.image, np.full(len(sums), n_pixels)),
            unsettled="nan",
        )
        return composition, enough_atoms(
            intensities,
            composition.absorption_factors,
            sigma=LEAST_TOTAL_SIGMA_OF_PIXELS,
        )


def share(image: SpectrumImage, recipe: Recipe, inside: np.ndarray, mean: FoilMaps) -> Shared:
    """Prepare the model on the summed spectrum, and the one pseudo-inverse.

    `mean` is what is known of the foil inside, each (1,).
    """
    if recipe.engine != "poisson" or recipe.non_negative:
        raise RecipeError(
            "single pixels are estimated with one pseudo-inverse for all, which needs the engine "
            "'poisson' and intensities of either sign (non_negative off)"
        )
    if recipe.detectors == "joint":
        raise RecipeError(
            "single pixels hold too few counts to fit each detector: set the recipe's detectors "
            "to 'sum' for them, and read the map without those that labels showed to be shadowed"
        )
    model = build_model(image.energy, image.acquisition, recipe)
    k_factors = k_factors_of(model, recipe)
    begin("summing spectra")
    whole = inside.all()
    total = image.total_spectrum() if whole else image.label_spectra(inside).spectra[0]
    counts = total[model.channels]
    known = absorbing(
        recipe,
        image,
        model.quantified,
        1,
        thickness_nm=mean.thickness_nm,
        density_g_cm3=mean.density_g_cm3,
    )
    specimen = foil_of_sum(model.quantified, image, recipe, known, np.ones(1))
    preparation = prepare(
        model, counts, recipe, k_factors, acquisition=image.acquisition, foil=specimen
    )
    model = preparation.model
    in_range = shared_inverse(model, preparation.sum_fit.expected)
    first, second = np.triu_indices(model.n_quantified)
    variances = model.design.T @ (in_range[:, first] * in_range[:, second])
    inverse = np.zeros((image.n_channels, in_range.shape[1] + 1))
    inverse[model.channels, :-1] = in_range
    inverse[image.energy.xray_channels, -1] = 1
    shapes = shape_errors_of(preparation, recipe, k_factors.convention)
    return Shared(image, recipe, inside, total, k_factors, preparation, inverse, variances, shapes)


@dataclass(frozen=True, eq=False)
class Block:
    """Averages over some rows, where pixels are inside.

    Attributes
    ----------
    where : tuple of ndarray
        Places of the pixels in the block, as `numpy.nonzero` gives them.
    sums, squares : ndarray, (pixels, columns of the design)
        Coefficients per pixel, averaged with the kernel's weights and with their squares.
    counts : ndarray, (pixels,)
        X-rays above the noise peak, averaged.
    of_one : ndarray, (pixels,)
        What one count is in an average: one over the pixels that it is made of.
    foil : FoilMaps
        Of the pixels.
    """

    where: tuple[np.ndarray, ...]
    sums: np.ndarray
    squares: np.ndarray
    counts: np.ndarray
    of_one: np.ndarray
    foil: FoilMaps


def blocks(shared: Shared, kernel: Kernel, maps: FoilMaps) -> Iterator[tuple[slice, Block]]:
    """Average block by block of rows, with the neighbours that the kernel needs."""
    n_rows, n_columns = shared.inside.shape
    weights = kernel.weights(shared.image.pixel_size, shared.image.pixel_unit)
    radius = len(weights[0]) // 2
    height = max(_BLOCK_PIXELS // n_columns, 2 * radius, 1)
    for start in range(0, n_rows, height):
        rows = slice(start, min(start + height, n_rows))
        around = slice(max(rows.start - radius, 0), min(rows.stop + radius, n_rows))
        own = slice(rows.start - around.start, rows.stop - around.start)
        inside = shared.inside[around]
        fields = _coefficients(shared, around)
        fields[~inside] = 0
        where = np.nonzero(inside[own])

        def averaged(values: np.ndarray, *, squared: bool = False) -> np.ndarray:
            chosen = [w**2 if squared else w for w in weights]
            return smoothed(values, *chosen)[own][where]  # noqa: B023 - used in this turn only

        ones = inside.astype(float)
        covered = averaged(ones)[:, None]
        known = maps.each(
            lambda values: averaged(np.where(inside, values[around], 0.0)) / covered[:, 0]  # noqa: B023 - as above
        )
        sums = averaged(fields) / covered
        squares = averaged(fields[..., :-1], squared=True) / covered**2
        of_one = averaged(ones, squared=True) / covered[:, 0] ** 2
        yield rows, Block(where, sums[:, :-1], squares, sums[:, -1], of_one, known)


def _coefficients(shared: Shared, rows: slice) -> np.ndarray:
    """Coefficients and counts of the pixels of some rows, (rows, columns, coefficients + 1)."""
    n_columns, n_found = shared.inside.shape[1], shared.inverse.shape[1]
    pixels = slice(rows.start * n_columns, rows.stop * n_columns)
    return shared.image.project(shared.inverse, pixels).reshape(-1, n_columns, n_found)
