"""Compositions of single pixels, each averaged with its neighbours by a kernel.

All pixels share one pseudo-inverse, so their intensities are linear in the counts: averaging
intensities gives what fitting averaged spectra would. A sparse product per block of rows yields
intensities and covariances; no spectrum of a pixel is ever fitted, and no map made dense.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np

from napari_eds._support.arguments import expect
from napari_eds._support.brief import brief
from napari_eds._support.outputs import output_folder
from napari_eds._support.progress import Progress, tells_steps
from napari_eds.errors import EDSError, LabelError
from napari_eds.fitting.preparation import Preparation
from napari_eds.physics.lines import Family
from napari_eds.quantification.account import account
from napari_eds.quantification.advice import MAJOR_AT_PCT
from napari_eds.quantification.methods.composition import LEAST_TOTAL_SIGMA_OF_PIXELS
from napari_eds.quantification.pixels.fit import (
    Block,
    FoilMaps,
    Shared,
    blocks,
    share,
)
from napari_eds.quantification.pixels.kernels import Kernel, Shape
from napari_eds.quantification.remarks.forms import joined
from napari_eds.quantification.remarks.of_map import left_out
from napari_eds.quantification.run import check_maps
from napari_eds.quantification.saving import results as saving
from napari_eds.quantification.table import AT_PCT, THICKNESS, column_of, error_total_of
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.label_sums import check_labels
from napari_eds.spectra.spectrum_image import SpectrumImage


@brief
@dataclass(frozen=True, eq=False)
class PixelMaps:
    """Compositions of the pixels of an image, averaged by a kernel.

    All maps are 32-bit floats and NaN outside the mask.

    Attributes
    ----------
    image : SpectrumImage
    recipe : Recipe
    kernel : Kernel
    mask : ndarray of bool, (rows, columns)
        Pixels that were averaged and quantified.
    k_factors : KFactorTable
        Those of the recipe, or computed ones where it has none.
    preparation : Preparation
        What was settled on the summed spectrum of the mask.
    atomic_pct, weight_pct : ndarray, (elements, rows, columns)
        In percent; NaN also where the counts do not suffice (`LEAST_TOTAL_SIGMA_OF_PIXELS`).
    errors_total, errors_statistical, errors_k : ndarray, (elements, rows, columns)
        Standard deviations of `atomic_pct` in all, from counting and from the k-factors, in at. %.
    detected : ndarray of bool, (elements, rows, columns)
        Whether the intensity exceeds three standard deviations.
    intensities : ndarray, (families, rows, columns)
        Counts per pixel of each whole family, in the order of `families`.
    counts : ndarray, (rows, columns)
        X-rays above the noise peak per pixel, averaged like the intensities.
    thickness_nm, thickness_errors_total : ndarray, (rows, columns)
        By the zeta-factor method; NaN everywhere by Cliff-Lorimer.
    """

    image: SpectrumImage
    recipe: Recipe
    kernel: Kernel
    mask: np.ndarray
    k_factors: KFactorTable
    preparation: Preparation
    atomic_pct: np.ndarray
    weight_pct: np.ndarray
    errors_total: np.ndarray
    errors_statistical: np.ndarray
    errors_k: np.ndarray
    detected: np.ndarray
    intensities: np.ndarray
    counts: np.ndarray
    thickness_nm: np.ndarray
    thickness_errors_total: np.ndarray

    def _brief(self) -> str:
        rows, columns = self.mask.shape
        return (
            f"{self.image.name!r}, {rows} x {columns} pixels, {', '.join(self.elements)}, "
            f"averaged by a {self.kernel}"
        )

    @property
    def elements(self) -> tuple[str, ...]:
        """Quantified elements, in the order of the recipe."""
        return tuple(family.element for family in self.preparation.model.quantified)

    @property
    def families(self) -> tuple[Family, ...]:
        """Families of `intensities`: the quantified ones first."""
        return self.preparation.model.families

    def maps(self) -> dict[str, np.ndarray]:
        """Return the at. % map of each element, (rows, columns)."""
        return dict(zip(self.elements, self.atomic_pct, strict=True))

    def error_maps(self) -> dict[str, np.ndarray]:
        """Return the map of the total error of each element, (rows, columns), in at. %."""
        return dict(zip(self.elements, self.errors_total, strict=True))

    def account(self) -> list[str]:
        """Say in plain words what was done and what was not, one sentence each."""
        read = [] if self.image.part is None else self.image.part.account()
        own = [self._pixels_account(), self._errors_account(), *self._beware()]
        return [*read, *account(self), *own]

    def _beware(self) -> list[str]:
        found = left_out(self.preparation, self.recipe, self.image.acquisition)
        return [f"To beware of in all pixels: {joined(found)}."] if found else []

    def _pixels_account(self) -> str:
        n = self.kernel.n_pixels(self.image.pixel_size, self.image.pixel_unit)
        known, asked = np.isfinite(self.atomic_pct[0]).sum(), self.mask.sum()
        return (
            f"Pixels: averaged by a {self.kernel} (as good as {n:.3g} pixels), fitted with the "
            f"weights of the summed spectrum. {known:,} of {asked:,} pixels hold enough counts "
            f"(atoms in all above {LEAST_TOTAL_SIGMA_OF_PIXELS:g} standard deviations); the "
            "others are empty. Negative values are noise and are kept, so that means stay right."
        )

    def _errors_account(self) -> str:
        found = [
            f"{e} {np.nanmedian(total):.2g} ({np.nanmedian(counting):.2g})"
            for e, total, counting in zip(
                self.elements, self.errors_total, self.errors_statistical, strict=True
            )
            if np.isfinite(total).any()
        ]
        told = ", ".join(found) or "none"
        return f"Median errors in at. %, in all (of counting alone): {told}."

    def _saved(self) -> dict[str, tuple[np.ndarray, str]]:
        """Return the maps that are saved, with their titles, by the stems of their files."""
        found = {}
        for maps, ending, title in [
            (self.maps(), AT_PCT, "at. %"),
            (self.error_maps(), error_total_of(AT_PCT), "error, at. %"),
        ]:
            for element, data in maps.items():
                found[column_of(element, ending)] = (data, f"{element} ({title})")
        if self.recipe.method == "zeta":
            found[THICKNESS] = (self.thickness_nm, "thickness, nm")
            errors = (self.thickness_errors_total, "error of thickness, nm")
            found[error_total_of(THICKNESS)] = errors
        return found

    def save(
        self, folder: str | Path, *, ome_tiff: bool = False, overwrite: bool = False
    ) -> list[Path]:
        """Save maps of at. % and of their errors, with the recipe and the account.

        Parameters
        ----------
        folder : str or Path
            Gets ``Sr_at_pct`` and ``Sr_at_pct_error_total`` for each element, both as
            32-bit floats (``.tif``) and as a picture (``.png``), ``recipe.json`` and
            ``account.txt``; made where it does not exist. It holds the maps of one run.
        ome_tiff : bool
            Whether to save the maps of at. % also as one OME-TIFF, ``at_pct.ome.tif``.
        overwrite : bool
            Whether the folder may hold anything: what an earlier run wrote there is then replaced,
            and what others put there stays.

        Returns
        -------
        list of Path
            The files written.

        Raises
        ------
        OutputError
            If the folder is not empty; nothing is written then.
        OSError
            If the folder cannot be made or written.
        """
        written = []
        with output_folder(folder, overwrite=overwrite, inputs=[self.image.source]) as made:
            for stem, (data, title) in self._saved().items():
                written += saving.save_map(data, made, stem, title, self.image)
            if ome_tiff:
                written.append(saving.write_ome_tiff(self.maps(), made, self.image))
            about = saving.about_image(self.image)
            recipe = self.recipe.as_json(part=self.image.part, image=about)
            written.append(made.write("recipe.json", recipe))
            written.append(made.write("account.txt", "\n".join([*self.account(), ""])))
        return written


@tells_steps
def pixel_maps(  # noqa: PLR0913 - all but two have defaults
    image: SpectrumImage,
    recipe: Recipe,
    *,
    kernel: Kernel | None = None,
    mask: np.ndarray | None = None,
    thickness_nm: np.ndarray | None = None,
    density_g_cm3: np.ndarray | None = None,
    progress: Progress | None = None,
) -> PixelMaps:
    """Quantify every pixel of an image, averaged with its neighbours.

    Model, k-factors and absorption are those of `quantify`, prepared on the summed spectrum of
    the mask. Intensities of all pixels come from one pseudo-inverse with the weights of that sum,
    are averaged by the kernel over the pixels of the mask, and then quantified. Errors contain
    the covariances of the intensities; those of neighbouring pixels are not independent.

    Parameters
    ----------
    image : SpectrumImage
    recipe : Recipe
        With the engine ``"poisson"`` and intensities of either sign.
    kernel : Kernel, optional
        That of `recommended_kernel` by default.
    mask : ndarray of bool or int, (rows, columns), optional
        Pixels to quantify; of labels, all but 0. What lies outside is not averaged in.
    thickness_nm, density_g_cm3 : ndarray, (rows, columns), optional
        Maps of the specimen's thickness and density, averaged like the counts, in place of what
        the recipe says. They need a recipe with `absorption`.
    progress : callable, optional
        Called with (done, total, what), in rows; raising in it cancels.

    Returns
    -------
    PixelMaps

    Raises
    ------
    LabelError
        If the mask does not fit the image or holds no pixel.
    KFactorError, ModelError, RecipeError, UncalibratedError
        If the recipe cannot be applied to this image, or not to single pixels.
    EDSError
        If the kernel is in nm and the pixels' size is unknown, or a map of thickness or density
        is wrong, or NaN in a pixel of the mask.
    """
    expect(image=(image, SpectrumImage), recipe=(recipe, Recipe), kernel=(kernel, Kernel | None))
    inside = _inside(mask, image.shape)
    maps_of_foil = FoilMaps(thickness_nm, density_g_cm3).each(np.asarray)
    check_maps(maps_of_foil.named(), image.shape, recipe)
    _check_known(maps_of_foil, inside)
    mean = maps_of_foil.each(_mean_of(inside))
    shared = share(image, recipe, inside, mean)
    if kernel is None:
        kernel = _recommended(shared, mean, 3.0, "mean")
    report = progress or (lambda _done, _total, _what: None)
    maps = _empty_maps(shared)
    for rows, block in blocks(shared, kernel, maps_of_foil):
        report(rows.start, image.shape[0], "rows")
        _fill(maps, rows, shared, block)
    report(image.shape[0], image.shape[0], "rows")
    return PixelMaps(
        image=image,
        recipe=recipe,
        kernel=kernel,
        mask=inside,
        k_factors=shared.k_factors,
        preparation=shared.preparation,
        **maps,
    )


def recommended_kernel(  # noqa: PLR0913 - all but two have defaults
    image: SpectrumImage,
    recipe: Recipe,
    *,
    error_at_pct: float = 3.0,
    mask: np.ndarray | None = None,
    thickness_nm: np.ndarray | None = None,
    density_g_cm3: np.ndarray | None = None,
    shape: Shape = "mean",
) -> Kernel:
    """Return the smallest kernel that gives major elements errors below a limit.

    Predicted from the counts of the mask and the covariance of the fit of its sum, as if every
    pixel were the average one: errors fall with the root of the number of pixels. Where a map
    holds phases with fewer counts, theirs are larger.

    Parameters
    ----------
    image : SpectrumImage
    recipe : Recipe
    error_at_pct : float
        Limit of the statistical error of elements above `MAJOR_AT_PCT`, in at. %.
    mask, thickness_nm, density_g_cm3 : ndarray, (rows, columns), optional
        As for `pixel_maps`.
    shape : {"mean", "gaussian"}

    Returns
    -------
    Kernel
        In px; the side of a square is an odd number.

    Raises
    ------
    EDSError
        If the limit is not positive, or cannot be kept with all pixels together; otherwise as
        for `pixel_maps`.
    """
    expect(
        image=(image, SpectrumImage), recipe=(recipe, Recipe), error_at_pct=(error_at_pct, Real)
    )
    inside = _inside(mask, image.shape)
    maps_of_foil = FoilMaps(thickness_nm, density_g_cm3).each(np.asarray)
    check_maps(maps_of_foil.named(), image.shape, recipe)
    _check_known(maps_of_foil, inside)
    mean = maps_of_foil.each(_mean_of(inside))
    return _recommended(share(image, recipe, inside, mean), mean, error_at_pct, shape)


def _inside(mask: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray:
    if mask is None:
        return np.ones(shape, dtype=bool)
    inside = check_labels(mask, shape) > 0
    if not inside.any():
        raise LabelError("the mask holds no pixel; paint a region or leave the mask out")
    return inside


def _check_known(maps: FoilMaps, inside: np.ndarray) -> None:
    """Raise if a map is not known in pixels that are to be quantified."""
    for name, values in maps.named().items():
        unknown = 0 if values is None else int(np.isnan(values[inside]).sum())
        if unknown:
            raise EDSError(
                f"the {name} map is NaN in {unknown} of the pixels: leave them out by the mask, "
                "or give them a number"
            )


def _mean_of(inside: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return what takes the mean of a map over the pixels inside, (1,)."""
    return lambda values: np.array([np.mean(values[inside])])


def _recommended(
    shared: Shared, means_of_foil: FoilMaps, error_at_pct: float, shape: Shape
) -> Kernel:
    if not 0 < error_at_pct < np.inf:
        raise EDSError(f"the limit of the error must be positive, not {error_at_pct} at. %")
    sums = (shared.total @ shared.inverse)[None, :-1]
    n_pixels = float(shared.inside.sum())
    composition, _ = shared.compose(sums, sums, means_of_foil, n_pixels=n_pixels)
    major = 100 * composition.atomic_fractions[0] > MAJOR_AT_PCT
    if not major.any():
        raise EDSError(
            "no element is found in the summed spectrum: check elements and energy range"
        )
    error = 100 * composition.atomic_errors_statistical[0, major].max()
    pixels = int(shared.inside.sum())
    wanted = pixels * (error / error_at_pct) ** 2
    if wanted > pixels:
        raise EDSError(
            f"all {pixels:,} pixels together give errors of {error:.2g} at. %, above the limit "
            f"of {error_at_pct:g}"
        )
    # Odd sides of a square; of a Gaussian, steps of half a pixel.
    sizes = 1 + np.arange(2 * max(shared.inside.shape)) * (2 if shape == "mean" else 0.5)
    return next(
        kernel
        for kernel in (Kernel(shape, float(size)) for size in sizes)
        if kernel.n_pixels() >= wanted
    )


def _empty_maps(shared: Shared) -> dict[str, np.ndarray]:
    """Return the maps of a `PixelMaps`, of pixels without anything known."""
    shape = shared.inside.shape
    model = shared.preparation.model
    per_element = (model.n_quantified, *shape)

    def unknown(shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, np.nan, dtype=np.float32)

    return {
        "atomic_pct": unknown(per_element),
        "weight_pct": unknown(per_element),
        "errors_total": unknown(per_element),
        "errors_statistical": unknown(per_element),
        "errors_k": unknown(per_element),
        "detected": np.zeros(per_element, dtype=bool),
        "intensities": unknown((len(model.families), *shape)),
        "counts": unknown(shape),
        "thickness_nm": unknown(shape),
        "thickness_errors_total": unknown(shape),
    }


def _fill(maps: dict[str, np.ndarray], rows: slice, shared: Shared, block: Block) -> None:
    """Quantify the pixels of a block and put them into the maps."""
    row, column = block.where
    if not row.size:
        return
    n = len(shared.preparation.model.families)
    composition, enough = shared.compose(
        block.sums, block.squares, block.foil, of_one=block.of_one
    )

    def put(name: str, values: np.ndarray) -> None:
        maps[name][..., rows, :][..., row, column] = values.T

    def percent(fractions: np.ndarray) -> np.ndarray:
        return np.where(enough[:, None], 100 * fractions, np.nan)

    put("atomic_pct", percent(composition.atomic_fractions))
    put("weight_pct", percent(composition.weight_fractions))
    put("errors_total", percent(composition.atomic_errors_total))
    put("errors_statistical", percent(composition.atomic_errors_statistical))
    put("errors_k", percent(composition.atomic_errors_k))
    put("detected", composition.detected)
    put("intensities", block.sums[:, :n] * shared.preparation.model.weight_sums)
    put("counts", block.counts)
    found = composition.mass_thickness
    if found is not None:
        put("thickness_nm", np.where(enough, found.thickness_nm, np.nan))
        put("thickness_errors_total", np.where(enough, found.thickness_errors_total, np.nan))
