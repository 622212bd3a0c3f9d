"""How thick labels are beside each other, as their X-rays per pixel tell.

One thickness is given for all labels. A pixel of a scanned map has the dose of any other, so that
``sum(k I a)`` per pixel goes with its mass thickness, whatever the dose and the common factor of
the k-factors are. A label that is thicker or thinner than most is corrected by a wrong thickness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_eds._support.numbers import counted
from napari_eds.errors import EDSError
from napari_eds.fitting.fit import Fit
from napari_eds.physics.absorption import Foil
from napari_eds.physics.volumes import DENSITY_RELATIVE_ERROR, AtomicVolumes
from napari_eds.quantification.methods.cliff_lorimer import consistent
from napari_eds.quantification.methods.composition import Composition, enough_atoms
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Standard deviation of a logarithm from what else than thickness moves X-rays per pixel, such as
#: diffraction in single grains. Only what exceeds so many deviations in all widens an error; and
#: it is told, and widens it by all that it is, beyond so many.
_SCATTER, _WIDENING_SIGMA, _TOLD_SIGMA = 0.15, 1.5, 3.0
#: Below this part of the mean, counted where the mass is, a label is no part of what is usual, as
#: is vacuum; and below this one of the usual, its X-rays are those of stray electrons.
_FILLED, _STRAY = 0.2, 0.03
#: Absorption and thickness are solved for in turns: so often at most, or until they move by less
#: than such a part, as thickness moves masses by less than itself; and up to such a factor.
_TURNS, _SETTLED, _LARGEST = 6, 0.01, 30.0
#: Standard deviation of a normal distribution over its median deviation.
_HALF_OF_NORMAL = 1.4826


@dataclass(frozen=True, eq=False)
class Evenness:
    """Thicknesses of labels beside the usual one of the map.

    Attributes
    ----------
    relative : ndarray, (labels,)
        Thickness over the usual one; NaN where X-rays do not tell it.
    doubts : ndarray, (labels,)
        Standard deviations of its logarithm.
    spread : float
        Of the logarithm over the pixels of the map, as a standard deviation.
    told : ndarray of bool, (labels,)
        Where it is beyond doubt and moves the composition by more than its error, see `judged`.
    """

    relative: np.ndarray
    doubts: np.ndarray
    spread: float
    told: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """How wrong the given thickness is expected to be, relative, (labels,); 0 where in doubt.

        The error of a thickness is at least this. It sets in without a step, from
        `_WIDENING_SIGMA` to `_TOLD_SIGMA` deviations on. Which thickness of an uneven foil was
        given nobody knows, so that their `spread` adds to it.
        """
        logarithm = np.log(np.where(np.isnan(self.relative), 1.0, self.relative))
        sigmas = np.abs(logarithm) / np.maximum(self.doubts, _SCATTER)
        part = np.clip((sigmas - _WIDENING_SIGMA) / (_TOLD_SIGMA - _WIDENING_SIGMA), 0, 1)
        whole = np.sign(logarithm) * np.hypot(logarithm, self.spread)
        return np.asarray(part * np.abs(np.expm1(whole)))

    def judged(self, composition: Composition, stated: float) -> Evenness:
        """Say where to tell it: beyond doubt, and where a composition depends on it.

        Parameters
        ----------
        composition : Composition
            With errors that `wrong` widens.
        stated : float
            Relative standard deviation of the thickness that the recipe states.
        """
        wrong = np.maximum(self.wrong, stated)[:, None]
        of_thickness = composition.atomic_error_parts["thickness"]
        with np.errstate(invalid="ignore", divide="ignore"):
            # To first order the error is in proportion to the thickness that is in doubt.
            per_part = np.where(wrong > 0, of_thickness / wrong, 0.0)
            known = composition.atomic_errors_total**2 - of_thickness**2
            error = np.sqrt(np.maximum(known, 0) + (stated * per_part) ** 2)
            moved = per_part * np.abs(self.relative - 1)[:, None]
            sure = np.abs(np.log(self.relative)) > _TOLD_SIGMA * self.doubts
            matters = (moved > error).any(axis=1)
        return replace(self, told=sure & matters)

    def account(self) -> list[str]:
        """Say once that the foil is uneven, how much, and what to do; nothing where it is even."""
        if not self.told.any():
            return []
        low, high = np.nanmin(self.relative), np.nanmax(self.relative)
        n = int(self.told.sum())
        said = (
            f"The foil is uneven: X-rays per pixel tell {low:.2g} to {high:.2g} times the usual "
            f"thickness, and in {n} of {counted(self.told.size, 'label')} the composition depends "
            "on it. One thickness does not fit all: find it for each label by zeta-factors, or "
            "give a map of it. Until then labels of different thickness differ by more than "
            "counting tells."
        )
        return [said]


def evenness(  # noqa: PLR0913 - keyword-only ones belong together
    fit: Fit,
    intensities: Intensities,
    foil: Foil,
    *,
    doses: np.ndarray,
    image: SpectrumImage,
    labels: np.ndarray,
) -> Evenness:
    """Find how thick labels are beside each other.

    Parameters
    ----------
    fit : Fit
    intensities : Intensities
        Of its quantified families.
    foil : Foil
        That has the given thickness in all labels.
    doses : ndarray, (labels,)
        In any unit: pixels, where all have the same.
    image : SpectrumImage
        Whose pixels tell where in a label its X-rays come from.
    labels : ndarray of int, (rows, columns)
    """
    own = _of_own_densities(foil, [family.element for family in fit.model.quantified])
    relative, c, a = _relative(intensities, foil, doses, own)
    doubt = _doubts(fit, intensities, c, a, weights=np.where(np.isnan(relative), 0.0, doses))
    with np.errstate(invalid="ignore"):
        beyond = np.abs(np.log(relative)) > _WIDENING_SIGMA * doubt
    if beyond.any():
        # An empty part of a label makes it no thinner where its X-rays come from, nor those
        # without one thicker. A bright part, of heavier elements, makes it no thicker.
        filled, of_filling = _filled_parts(image.counts_map(), labels)
        at_least, at_most = relative / _usual(relative / filled, doses), relative / filled
        relative = np.where(at_least > 1, at_least, np.minimum(at_most, 1.0))
        doubt = np.hypot(doubt, of_filling)
    unknown = np.isnan(relative) | (relative < _STRAY)
    return Evenness(
        relative=np.where(unknown, np.nan, relative),
        doubts=np.where(unknown, 0.0, doubt),
        spread=_spread(relative, doses),
        told=np.zeros(len(relative), bool),
    )


def _relative(
    intensities: Intensities, foil: Foil, doses: np.ndarray, own: Foil
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return thicknesses over the usual one, and weight fractions and absorption factors there.

    `own` is the foil that tells the densities.
    """
    emitted = intensities.counts * intensities.k_factors
    relative = np.ones(len(doses))
    c = a = np.full(emitted.shape, np.nan)
    for _ in range(_TURNS):
        thickness = foil.thickness_nm * np.nan_to_num(relative, nan=1.0)
        c, a, _ = consistent(emitted, replace(foil, thickness_nm=thickness))
        mass = (emitted * a).sum(axis=1) / doses
        known = enough_atoms(intensities, a) & np.isfinite(c).all(axis=1) & (mass > 0)
        nm = np.where(known, mass / own.densities_g_cm3(c), np.nan)
        usual = _usual(nm, doses)
        before, relative = relative, np.clip(nm / usual, 1 / _LARGEST, _LARGEST)
        if np.isclose(relative, before, rtol=_SETTLED, equal_nan=True).all():
            break
    return relative, c, a


def _of_own_densities(foil: Foil, elements: Sequence[str]) -> Foil:
    """Return a foil of labels with densities of their own, even where one is given for all."""
    given = foil.density_g_cm3
    if isinstance(given, AtomicVolumes) or np.ptp(given) > 0:
        return foil
    try:
        return replace(foil, density_g_cm3=AtomicVolumes.of(elements))
    except EDSError:
        return foil


def _usual(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the median over pixels of labels that hold something; 1 where none does."""
    known = np.isfinite(values)
    if not known.any():
        return 1.0
    values, weights = values[known], weights[known]
    held = values > _FILLED * np.average(values, weights=values * weights)
    return _median(values[held], weights[held])


def _spread(relative: np.ndarray, weights: np.ndarray) -> float:
    """Return the standard deviation of logarithms over pixels that is that of half of them."""
    held = relative > _FILLED  # false for NaN
    if not held.any():
        return 0.0
    return _HALF_OF_NORMAL * _median(np.abs(np.log(relative[held])), weights[held])


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(weights.sum() / 2, below, values[order]))


def _doubts(
    fit: Fit, intensities: Intensities, c: np.ndarray, a: np.ndarray, *, weights: np.ndarray
) -> np.ndarray:
    """Return standard deviations of the logarithms of thicknesses beside the usual one.

    Of k-factors and densities only what differs between a label and the mean matters, and so do
    X-rays of elements that are only fitted: their mass is not known.
    """
    c = np.where(np.isnan(c), 0.0, c)
    mean = weights @ c / max(weights.sum(), 1e-300)
    unlike = c - mean
    of_k = np.einsum("li,ij,lj->l", unlike, intensities.k_covariance, unlike)
    of_density = np.sqrt(2) * DENSITY_RELATIVE_ERROR * np.abs(unlike).sum(axis=1) / 2
    per_count = intensities.k_factors * np.nan_to_num(a)
    mass = (intensities.counts * per_count).sum(axis=1)
    counting = np.einsum("li,lij,lj->l", per_count, intensities.covariance, per_count)
    of_counts = np.sqrt(np.maximum(counting, 0)) / np.where(mass > 0, mass, np.inf)
    of_others = _logarithm_with_others(fit)
    of_others = of_others - weights @ of_others / max(weights.sum(), 1e-300)
    squares = _SCATTER**2 + of_k + of_density**2 + of_counts**2 + of_others**2
    return np.sqrt(np.maximum(squares, 0.0))


def _logarithm_with_others(fit: Fit) -> np.ndarray:
    """Return ln(all counts of lines / those of quantified families), (labels,)."""
    counts, n = np.maximum(fit.intensities, 0), fit.model.n_quantified
    quantified = np.maximum(counts[:, :n].sum(axis=1), 1.0)
    return np.log1p(counts[:, n:].sum(axis=1) / quantified)


def _filled_parts(counts: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which part of each label X-rays come from, and its relative doubt, (labels,).

    The X-rays of a label with a hole come from pixels that are thicker than its mean, by 1 + v
    with the relative variance v of the pixels' X-rays beyond that of counting.
    """
    inside = labels > 0
    _, place, n = np.unique(labels[inside], return_inverse=True, return_counts=True)
    own = np.asarray(counts, float)[inside]
    mean = np.maximum(np.bincount(place, own) / n, 1 / n)
    variance = np.maximum(np.bincount(place, own**2) / n - mean**2, 0)
    beyond = np.maximum(variance - mean, 0) / mean**2
    noise = np.sqrt((2 / mean**2 + 1 / mean**3) / n)
    return 1 / (1 + beyond), np.hypot(noise / (1 + beyond), np.log1p(beyond) / 2)
