"""What the errors of a composition are made of.

Each part is propagated to first order to the atomic fractions, with the correlations inside it.
Parts other than counting have a common cause for all labels of a map: they move labels of like
composition and thickness alike, and do not average out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from napari_eds.fitting.fit import Fit
from napari_eds.fitting.preparation import Preparation
from napari_eds.fitting.shape_errors import (
    SHAPE_PARTS,
    ShapeErrors,
    background_heights,
    shape_errors,
)
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil, attenuation_uncertainty
from napari_eds.quantification.conditions.contradictions import looks_bulk
from napari_eds.quantification.conditions.foils import unknown_foil
from napari_eds.quantification.errors.bulk import BulkErrors
from napari_eds.quantification.errors.calibration import calibrated_slopes
from napari_eds.recipe.k_factors import Convention
from napari_eds.recipe.recipe import Recipe
from napari_eds.recipe.uncertainties import Uncertainties
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Parts of an error, in the order in which they are told.
Part = Literal[
    "counting",
    "k_factors",
    "axis",
    "ratios",
    "line_shapes",
    "background",
    "thickness",
    "density",
    "attenuation",
    "dose",
    "bulk",
]
#: That of the zeta-factor method alone, that of bulk specimens alone, and those of every result.
DOSE: Part = "dose"
BULK: Part = "bulk"
PARTS: tuple[Part, ...] = tuple(part for part in get_args(Part) if part not in (DOSE, BULK))
#: Parts of what is fitted to the sum of a map, which its own noise moves: another map of the same
#: specimen has other ones.
FITTED_PARTS: tuple[Part, ...] = ("axis", "ratios", "background")
#: Parts that a foil's absorption has.
_OF_FOIL: tuple[Part, ...] = ("thickness", "density", "attenuation")


@dataclass(frozen=True, eq=False)
class AbsorptionErrors:
    """What is uncertain of the absorption in a specimen.

    Attributes
    ----------
    foil : Foil
        What absorbs; where absorption is not corrected, a foil as thick as it may well be.
    is_corrected : bool
    thickness : float, or ndarray, (labels, 1)
        Relative standard deviation; of each label, where it is known how thick labels are beside
        each other.
    density : float
        Relative standard deviation.
    attenuation : ndarray, (elements, families)
        Of the coefficients, relative.
    calibrated : ndarray, (elements, families), or None
        Derivatives of ln(zeta) of each family by ln(MAC), of a foil that calibrated it: what was
        taken for too strong an absorption there is in the factors, and cancels in a like foil.
    unknown_thickness_nm : float or None
        How thick labels of 0 nm may well be, which are not corrected though others are; None where
        they are as thin as that.
    bulk : BulkErrors or None
        Of a bulk specimen, for which all of this is in doubt in place of a foil.
    """

    foil: Foil
    is_corrected: bool
    thickness: float | np.ndarray
    density: float
    attenuation: np.ndarray
    calibrated: np.ndarray | None = None
    unknown_thickness_nm: float | None = None
    bulk: BulkErrors | None = None

    @classmethod
    def of(
        cls,
        foil: Foil,
        families: tuple[xray.Family, ...],
        uncertainties: Uncertainties,
        *,
        is_corrected: bool,
    ) -> AbsorptionErrors:
        """Take what a recipe states of a foil for families, one per element."""
        return cls(
            foil=foil,
            is_corrected=is_corrected,
            thickness=uncertainties.thickness_percent / 100,
            density=foil.density_relative_error(uncertainties.density_percent / 100),
            attenuation=np.maximum(
                attenuation_uncertainty(
                    [family.element for family in families],
                    [family.alpha.energy_keV for family in families],
                ),
                uncertainties.attenuation_percent / 100,
            ),
        )

    def variances(
        self, weight_fractions: np.ndarray, by_logarithms: np.ndarray
    ) -> dict[Part, np.ndarray]:
        """Return variances of atomic fractions by part, (labels, elements).

        With the depth x of an X-ray, ``d ln a = (d ln a / d ln x) d ln x``. Thickness and density
        are common to all families, while each coefficient of an element at an energy is wrong by
        itself: ``d ln x = sum_e C_e mac_e r_e / sum_e C_e mac_e``. Without a correction, the
        whole factor of the foil is in doubt, and counts as thickness.

        Parameters
        ----------
        weight_fractions : ndarray, (labels, elements)
        by_logarithms : ndarray, (labels, elements, families)
            Derivatives of atomic fractions by ln(k I a).
        """
        if self.bulk is not None:
            unfit = self.bulk.variance(weight_fractions, by_logarithms)
            nothing = np.zeros_like(unfit)
            return dict.fromkeys(_OF_FOIL, nothing) | {BULK: unfit}
        if not self.is_corrected:
            return _of_whole_factor(self.foil, weight_fractions, by_logarithms)
        found = self._of_correction(weight_fractions, by_logarithms)
        bare = self.foil.thickness_nm == 0
        if self.unknown_thickness_nm is None or not bare.any():
            return found
        as_thick = replace(self.foil, thickness_nm=np.full(bare.shape, self.unknown_thickness_nm))
        unknown = _of_whole_factor(as_thick, weight_fractions, by_logarithms)
        return {part: np.where(bare[:, None], unknown[part], found[part]) for part in found}

    def _of_correction(
        self, weight_fractions: np.ndarray, by_logarithms: np.ndarray
    ) -> dict[Part, np.ndarray]:
        """Return what `variances` does where absorption is corrected."""
        c = np.maximum(weight_fractions, 0)
        slopes = self.foil.depth_log_slopes(weight_fractions)
        moved = np.einsum("lef,lf->le", by_logarithms, slopes)
        absorbing = c[:, :, None] * self.foil.mass_absorption_cm2_g
        total = np.maximum(absorbing.sum(axis=1), np.finfo(float).tiny)
        by_coefficient = slopes[:, None] * absorbing / total[:, None]
        if self.calibrated is not None:
            by_coefficient = by_coefficient + self.calibrated
        wrong = ((by_coefficient * self.attenuation) ** 2).sum(axis=1)
        return {
            "thickness": (self.thickness * moved) ** 2,
            "density": (self.density * moved) ** 2,
            "attenuation": np.einsum("lef,lf->le", by_logarithms**2, wrong),
        }


@dataclass(frozen=True, eq=False)
class Doubts:
    """What is in doubt of the intensities of labels and of their absorption.

    Attributes
    ----------
    shapes : mapping of str to ndarray, (labels, elements, elements)
        Covariances of intensities by `SHAPE_PARTS`, and their ``"total"``; empty where unknown.
    absorption : AbsorptionErrors or None
    widening : ndarray, (labels,)
        By which counting errors are multiplied where the fit of a label is poor.
    """

    shapes: Mapping[str, np.ndarray]
    absorption: AbsorptionErrors | None
    widening: np.ndarray

    def variances(
        self,
        counting: np.ndarray,
        k_factors: np.ndarray,
        *,
        weight_fractions: np.ndarray,
        by_logarithms: np.ndarray,
        by_counts: np.ndarray,
    ) -> tuple[dict[Part, np.ndarray], np.ndarray]:
        """Return variances of atomic fractions by part and in all, (labels, elements).

        Parameters
        ----------
        counting, k_factors : ndarray, (labels, elements)
            Variances of atomic fractions.
        weight_fractions : ndarray, (labels, elements)
        by_logarithms, by_counts : ndarray, (labels, elements, elements)
            Derivatives of atomic fractions by ln(k I) and by I.
        """
        parts: dict[Part, np.ndarray] = {
            "counting": counting * self.widening[:, None] ** 2,
            "k_factors": k_factors,
        }
        of_shape = {name: _propagated(by_counts, c) for name, c in self.shapes.items()}
        total = parts["counting"] + k_factors + of_shape.get("total", 0.0)
        parts |= {part: of_shape[part] for part in SHAPE_PARTS if part in of_shape}
        if self.absorption is not None:
            of_absorption = self.absorption.variances(weight_fractions, by_logarithms)
            parts |= of_absorption
            total = total + sum(of_absorption.values())
        return parts, total


def doubts_of(fit: Fit, shapes: ShapeErrors | None, absorption: AbsorptionErrors | None) -> Doubts:
    """Put together what is in doubt of a fit.

    Where a label is described worse than the sum, relative to its lines, its shapes are in doubt
    by as much more, and its counts scatter by as much as its chi-squared says.
    """
    chi_squared = np.nan_to_num(fit.reduced_chi_squared, nan=1.0)
    widening = np.sqrt(np.maximum(chi_squared, 1.0))
    if shapes is None:
        return Doubts({}, absorption, widening)
    heights = background_heights(fit)
    found = {part: shapes.covariance(part, fit.alpha_areas, heights) for part in shapes.parts}
    own = shapes.of_own_backgrounds(fit)
    unlike = own[:, :, None] * own[:, None]
    found = found | {part: found[part] + unlike for part in ("background", "total")}
    worse = np.maximum(fit.misfit / shapes.line_shape, 1.0)[:, None, None] ** 2
    found["total"] = found["total"] + (worse - 1) * found["line_shapes"]
    found["line_shapes"] = worse * found["line_shapes"]
    return Doubts(found, absorption, widening)


def shape_errors_of(
    preparation: Preparation, recipe: Recipe, convention: Convention
) -> ShapeErrors | None:
    """Return how intensities answer to what is open of shapes; None for HyperSpy's engines."""
    if preparation.refined is None:
        return None
    return shape_errors(
        preparation.model,
        preparation.sum_fit.expected,
        preparation.refined,
        recipe.uncertainties,
        of_families=convention == "family",
    )


def intensity_errors(
    fit: Fit, doubts: Doubts, preparation: Preparation, recipe: Recipe, convention: Convention
) -> np.ndarray:
    """Return errors of whole families from counting and shapes, (labels, quantified families).

    `doubts` are those of the fit in the convention of its k-factors; where that is of alpha lines,
    shapes are worked out anew, since ratios inside a family move its whole otherwise. Where
    nothing is known of shapes (HyperSpy's engines) errors are those of counting.
    """
    if doubts.shapes and convention != "family":
        doubts = doubts_of(fit, shape_errors_of(preparation, recipe, "family"), None)
    counting = fit.intensity_errors[:, : fit.model.n_quantified] * doubts.widening[:, None]
    if not doubts.shapes:
        return counting
    of_shape = np.diagonal(doubts.shapes["total"], axis1=1, axis2=2)
    return np.sqrt(counting**2 + np.maximum(of_shape, 0))


def absorption_errors(  # noqa: PLR0913 - a correction depends on this much
    families: tuple[xray.Family, ...],
    image: SpectrumImage,
    recipe: Recipe,
    foil_: Foil | None,
    n_labels: int,
    *,
    wrong_thickness: np.ndarray | None = None,
) -> AbsorptionErrors:
    """Return what is uncertain of absorption, whether it is corrected or not.

    A given thickness is at least as uncertain as `wrong_thickness`, relative, (labels,), tells.
    """
    uncertainties = recipe.uncertainties
    if recipe.method == "zeta" and foil_ is not None:
        # Mass thickness is solved for: neither thickness nor density was put in.
        of_coefficients = AbsorptionErrors.of(foil_, families, uncertainties, is_corrected=True)
        slopes = {} if recipe.zeta_factors is None else recipe.zeta_factors.attenuation_slopes
        calibrated = calibrated_slopes(slopes, families)
        return replace(of_coefficients, thickness=0.0, density=0.0, calibrated=calibrated)
    if foil_ is not None:
        corrected = AbsorptionErrors.of(foil_, families, uncertainties, is_corrected=True)
        thickness = corrected.thickness
        if wrong_thickness is not None:
            thickness = np.maximum(thickness, wrong_thickness[:, None])
        unknown_nm = uncertainties.unknown_thickness_nm
        return replace(corrected, thickness=thickness, unknown_thickness_nm=unknown_nm)
    doubted = unknown_foil(families, image, recipe, n_labels)
    unknown = AbsorptionErrors.of(doubted, families, uncertainties, is_corrected=False)
    if not looks_bulk(image.acquisition, recipe):
        return unknown
    return replace(unknown, bulk=BulkErrors.of(families, image, recipe))


def _of_whole_factor(
    foil: Foil, weight_fractions: np.ndarray, by_logarithms: np.ndarray
) -> dict[Part, np.ndarray]:
    """Return variances by part where a foil's whole absorption factor is in doubt."""
    with np.errstate(invalid="ignore"):
        unknown = np.log(foil.factors(weight_fractions))
    moved = np.einsum("lef,lf->le", by_logarithms, unknown)
    return dict.fromkeys(_OF_FOIL, np.zeros_like(moved)) | {"thickness": moved**2}


def _propagated(slopes: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return variances (labels, elements) through derivatives (labels, elements, intensities)."""
    return np.einsum("lei,lij,lej->le", slopes, covariance, slopes, optimize=True)
