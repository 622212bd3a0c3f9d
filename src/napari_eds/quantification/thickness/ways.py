"""Thicknesses of labels from zeta-factors, from a known formula, and from a map, to compare."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy import ndimage

from napari_eds._support.arguments import expect, numbers
from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.physics.absorption import (
    KG_M2,
    TO_G_CM2,
    absorption_factors,
    attenuation_uncertainty,
    mass_absorption_cm2_g,
)
from napari_eds.physics.densities import phase_density
from napari_eds.physics.formulas import to_atoms, weight_from_atomic
from napari_eds.physics.lines import atomic_weight
from napari_eds.quantification.calibration.known_region import soft_excess
from napari_eds.quantification.errors.budget import doubts_of, shape_errors_of
from napari_eds.quantification.methods.composition import Composition
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.thickness.of_labels import (
    LabelThickness,
    densities_of,
    median_of,
    times,
)

#: Standard deviation of the logarithm of the most absorbed line over all others from lines and
#: background that were settled without absorption: O of simulated SrTiO3 came out 1.4 % too
#: strong, be it 20 or 120 nm thick.
_SETTLED_WITHOUT = 0.015


@brief
@dataclass(frozen=True, eq=False)
class ZetaThickness(LabelThickness):
    """Thicknesses of `quantify_by_zeta`."""

    zeta: Composition

    def what_would_reconcile(self, mass_thickness_kg_m2: np.ndarray) -> str:
        """Say by what the dose or the solid angle would have to differ.

        Masses without absorption are those found over their factors; with the factors of another
        mass thickness they have to sum to it.
        """
        found, result = self.zeta, self.result
        families = result.fit.model.quantified
        mac = mass_absorption_cm2_g(result.elements, [f.alpha.energy_keV for f in families])
        angle = result.take_off_angle_deg()
        mass = np.where(mass_thickness_kg_m2 > 0, mass_thickness_kg_m2, np.nan)
        a = absorption_factors(found.weight_fractions, mac, np.nan_to_num(mass) * TO_G_CM2, angle)
        thin = found.weight_fractions * self.mass_thickness_kg_m2[:, None]
        needed = mass / (thin / found.absorption_factors * a).sum(axis=1)
        return f"a solid angle, or a dose, {times(median_of(1 / needed))} as large"


@brief
@dataclass(frozen=True, eq=False)
class FormulaThickness(LabelThickness):
    """Thicknesses at which absorption makes a known formula of every label."""

    formula: str

    def what_would_reconcile(self, mass_thickness_kg_m2: np.ndarray) -> str:
        """Say by what the k-factor of the most absorbed element would have to differ."""
        result = self.result
        counts = [
            result.intensities_of(label, result.k_factors.convention)[0]
            for label in result.label_spectra.ids.tolist()
        ]
        factors = [
            np.exp(
                -soft_excess(
                    result.fit.model.quantified,
                    row,
                    self.formula,
                    result.k_factors,
                    thickness_nm=mass / KG_M2 / density,
                    density_g_cm3=density,
                    take_off_angle_deg=result.take_off_angle_deg(),
                )
            )
            for row, mass, density in zip(
                counts, mass_thickness_kg_m2.tolist(), self.densities_g_cm3.tolist(), strict=True
            )
            if mass > 0 and np.all(row > 0)
        ]
        told = times(median_of(np.array(factors)))
        return f"a k-factor of the most absorbed element {told} as large"


@brief
@dataclass(frozen=True, eq=False)
class MapThickness(LabelThickness):
    """Thicknesses from a map of another method."""

    def what_would_reconcile(self, mass_thickness_kg_m2: np.ndarray) -> str:
        """Say by what the scale of the map, or the density, would have to differ."""
        factor = median_of(mass_thickness_kg_m2 / self.mass_thickness_kg_m2)
        return f"nm per unit of the map, or a density, {times(factor)} as large"


def thickness_from_zeta(result: Quantification) -> ZetaThickness:
    """Return the thicknesses of a quantification by zeta-factors, to be compared.

    Parameters
    ----------
    result : Quantification

    Raises
    ------
    EDSError
        If the result is not one of the zeta-factor method.
    """
    expect(result=(result, Quantification))
    composition = result.composition
    found = composition.found_mass_thickness()
    return ZetaThickness(
        way="zeta-factors and dose",
        result=result,
        mass_thickness_kg_m2=found.kg_m2,
        thickness_nm=found.thickness_nm,
        densities_g_cm3=composition.densities_g_cm3,
        mass_error_parts=found.error_parts,
        thickness_error_nm=found.thickness_errors_total,
        zeta=composition,
    )


def thickness_from_formula(
    result: Quantification, formula: str, *, density_g_cm3: float | None = None
) -> FormulaThickness:
    """Return thicknesses at which absorption gives every label a known formula.

    Errors are those of `Quantification.thickness_from`, what is open of the shapes of lines, and
    what coefficients of attenuation of the most absorbed line may be wrong by. Lines are drawn as
    they leave the foil of the result: without absorption that is one of which nothing is known,
    and thin labels come out some nm thinner.

    Parameters
    ----------
    result : Quantification
    formula : str
    density_g_cm3 : float, optional
        The published one of the formula by default, or what follows from it.

    Raises
    ------
    EDSError
        If no label gives a thickness: the reason of the first.
    """
    expect(
        result=(result, Quantification),
        formula=(formula, str),
        density_g_cm3=(density_g_cm3, Real | None),
    )
    density = density_g_cm3 or phase_density(formula)
    ids = result.label_spectra.ids.tolist()
    values = np.full((len(ids), 3), np.nan)
    reason: EDSError | None = None
    for row, label in enumerate(ids):
        try:
            values[row] = result.thickness_from(label, formula, density_g_cm3=density)
        except EDSError as error:
            reason = reason or error
    if reason is not None and np.isnan(values).all():
        raise reason
    thickness, counting, of_k = values.T
    attenuation = thickness * _depth_uncertainty(result, formula)
    shapes = counting * _shapes_over_counting(result, formula)
    scale = KG_M2 * density
    parts = {
        "counting": counting,
        "k_factors": of_k,
        "shapes": shapes,
        "attenuation": attenuation,
    }
    return FormulaThickness(
        way=f"absorption in {formula}",
        result=result,
        mass_thickness_kg_m2=thickness * scale,
        thickness_nm=thickness,
        densities_g_cm3=np.full(len(ids), density),
        mass_error_parts={name: part * scale for name, part in parts.items()},
        thickness_error_nm=np.sqrt(counting**2 + of_k**2 + shapes**2 + attenuation**2),
        formula=formula,
    )


def thickness_from_map(
    result: Quantification,
    thickness_nm: np.ndarray,
    *,
    relative_error: float | None = None,
    density_g_cm3: float | None = None,
    way: str = "thickness map",
) -> MapThickness:
    """Return the mean of a thickness map in every label, to be compared with other ways.

    To correct absorption by it, give the map to `quantify` as `thickness_nm`.

    Parameters
    ----------
    result : Quantification
    thickness_nm : ndarray, (rows, columns)
        As of `read_thickness_map`; NaN where unknown.
    relative_error : float, optional
        Standard deviation of its scale; that of a given thickness in the recipe by default.
    density_g_cm3 : float, optional
        What follows from each composition by default.
    way : str

    Raises
    ------
    EDSError
        If the map has another shape than the labels.
    """
    expect(
        result=(result, Quantification),
        relative_error=(relative_error, Real | None),
        density_g_cm3=(density_g_cm3, Real | None),
    )
    thickness_nm = numbers("thickness_nm", thickness_nm)
    if np.shape(thickness_nm) != result.labels.shape:
        raise EDSError(
            f"a thickness map of {np.shape(thickness_nm)} does not fit labels of "
            f"{result.labels.shape}"
        )
    ids = result.label_spectra.ids
    known = np.isfinite(thickness_nm)
    labels = np.where(known, result.labels, 0)
    n = np.maximum(ndimage.sum(known, labels, ids), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        filled = np.where(known, thickness_nm, 0.0)
        mean = np.where(n > 0, ndimage.sum(filled, labels, ids) / n, np.nan)
        scatter = np.where(n > 0, ndimage.standard_deviation(filled, labels, ids), np.nan)
        scatter = scatter / np.sqrt(n)
    if relative_error is None:
        relative_error = result.recipe.uncertainties.thickness_percent / 100
    densities, of_density = densities_of(
        result, result.composition.weight_fractions, density_g_cm3
    )
    mass = mean * densities * KG_M2
    return MapThickness(
        way=way,
        result=result,
        mass_thickness_kg_m2=mass,
        thickness_nm=mean,
        densities_g_cm3=densities,
        mass_error_parts={
            "counting": scatter * densities * KG_M2,
            "scale": relative_error * mass,
            "density": of_density * mass,
        },
        thickness_error_nm=np.hypot(scatter, relative_error * mean),
    )


def _shapes_over_counting(result: Quantification, formula: str) -> np.ndarray:
    """Return errors from open shapes over those from counting, (labels,); 0 where unknown.

    Both are those of ln(amount of the most absorbed line / all others), which the thickness
    follows, with amounts in proportion to the weights of the formula.
    """
    model, table = result.fit.model, result.k_factors
    shapes = shape_errors_of(result.preparation, result.recipe, table.convention)
    found = Intensities.of_fit(
        model, table, alpha_areas=result.fit.alpha_areas, covariance=result.fit.covariance
    )
    open_shapes = doubts_of(result.fit, shapes, None).shapes.get("total")
    if open_shapes is None:
        return np.zeros(len(found.counts))
    elements, c, absorbing = _absorbing(result, formula)
    shares = np.array([c[elements.index(e)] if e in elements else 0.0 for e in result.elements])
    i = [f.element in elements for f in model.quantified]
    most = int(np.flatnonzero(i)[absorbing.sum(axis=0).argmax()])
    slopes = -shares / (shares.sum() - shares[most])
    slopes[most] = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        by_counts = np.where(slopes == 0, 0.0, slopes / found.counts)
        of_shapes, of_counts = (
            np.einsum("li,lij,lj->l", by_counts, covariance, by_counts)
            for covariance in (open_shapes, found.covariance)
        )
        settled = 0.0 if result.foil is not None else _SETTLED_WITHOUT**2
        return np.asarray(np.sqrt((np.maximum(of_shapes, 0) + settled) / of_counts))


def _absorbing(result: Quantification, formula: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return elements of a formula, their weight fractions, and what each absorbs of each line.

    Lines are those of its elements that are quantified.
    """
    atoms = to_atoms(formula)
    elements = list(atoms)
    weights = np.array([atomic_weight(element) for element in elements])
    c = weight_from_atomic(np.array(list(atoms.values())), weights)
    absorbing = c[:, None] * mass_absorption_cm2_g(elements, _energies(result, elements))
    return elements, c, absorbing


def _energies(result: Quantification, elements: list[str]) -> list[float]:
    families = result.fit.model.quantified
    return [f.alpha.energy_keV for f in families if f.element in elements]


def _depth_uncertainty(result: Quantification, formula: str) -> float:
    """Return what the depth of the most absorbed line of a formula may be wrong by, relative."""
    elements, _, absorbing = _absorbing(result, formula)
    i = int(absorbing.sum(axis=0).argmax())
    wrong = absorbing[:, i] * attenuation_uncertainty(elements, _energies(result, elements))[:, i]
    return float(np.linalg.norm(wrong) / absorbing[:, i].sum())
