"""Thickness that nobody typed: from zeta-factors and the dose that the file tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from napari_eds._support.brief import brief
from napari_eds._support.outputs import write_files
from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil, mass_absorption_cm2_g
from napari_eds.physics.densities import density_from_composition, density_of
from napari_eds.physics.formulas import to_atoms
from napari_eds.physics.volumes import DENSITY_RELATIVE_ERROR, AtomicVolumes
from napari_eds.quantification.calibration_errors import (
    attenuation_slopes,
    calibrated_slopes,
    with_errors_of_constant,
)
from napari_eds.quantification.error_budget import AbsorptionErrors, doubts_of, shape_errors_of
from napari_eds.quantification.intensities import Intensities
from napari_eds.quantification.label_thickness import maps_of_labels
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.zeta import ZetaComposition, zeta_factor_method
from napari_eds.recipe.absorption import take_off_angle
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.zeta_factors import ZetaFactorTable
from napari_eds.spectra.dose import electrons_per_pixel

_TO_G_CM2 = 0.1  # from kg/m²
_CM_TO_NM = 1e7


@brief
@dataclass(frozen=True, eq=False)
class ZetaQuantification:
    """Compositions and thicknesses of the labels of a result by zeta-factors.

    Attributes
    ----------
    result : Quantification
        The fit that it rests on.
    zeta_factors : ZetaFactorTable
    composition : ZetaComposition
    electrons : ndarray, (labels,)
        Dose while detectors were live.
    densities_g_cm3, thickness_nm, thickness_error_nm : ndarray, (labels,)
        Densities are given ones, or follow from the compositions; the errors contain theirs then.
    """

    result: Quantification
    zeta_factors: ZetaFactorTable
    composition: ZetaComposition
    electrons: np.ndarray
    densities_g_cm3: np.ndarray
    thickness_nm: np.ndarray
    thickness_error_nm: np.ndarray

    @property
    def table(self) -> pd.DataFrame:
        """A row per label: thickness, mass thickness, dose, and at.% with total errors."""
        found = self.composition
        columns: dict[str, np.ndarray] = {
            "label": self.result.label_spectra.ids,
            "thickness (nm)": self.thickness_nm,
            "± thickness (nm)": self.thickness_error_nm,
            "mass thickness (kg/m2)": found.mass_thickness_kg_m2,
            "± mass thickness (kg/m2)": found.mass_thickness_error_kg_m2,
            "density (g/cm3)": self.densities_g_cm3,
            "electrons": self.electrons,
        }
        for i, element in enumerate(self.result.elements):
            columns[f"{element} (at.%)"] = 100 * found.atomic_fractions[:, i]
            columns[f"± {element} (at.%)"] = 100 * found.atomic_errors_total[:, i]
        return pd.DataFrame(columns)

    def maps(self) -> dict[str, np.ndarray]:
        """Thickness in nm, mass thickness in kg/m², and their errors, each (rows, columns).

        NaN where nothing is labelled. The first is what `quantify` takes as `thickness_nm` once
        NaN is replaced.
        """
        return maps_of_labels(
            self.result,
            {
                "thickness": self.thickness_nm,
                "thickness error": self.thickness_error_nm,
                "mass thickness": self.composition.mass_thickness_kg_m2,
                "mass thickness error": self.composition.mass_thickness_error_kg_m2,
            },
        )

    def to_csv(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the table."""
        text = self.table.to_csv(index=False)
        (written,) = write_files([path], [text], overwrite=overwrite)
        return written


def quantify_by_zeta(  # noqa: PLR0913 - all but two have defaults
    result: Quantification,
    zeta_factors: ZetaFactorTable,
    *,
    beam_current_nA: float | None = None,
    current_relative_error: float = 0.0,
    take_off_angle_deg: float | None = None,
    density_g_cm3: float | None = None,
) -> ZetaQuantification:
    """Solve composition, mass thickness and absorption of each label together.

    Parameters
    ----------
    result : Quantification
        Its fit is used; what it did about absorption is not.
    zeta_factors : ZetaFactorTable
    beam_current_nA : float, optional
        In place of the file's.
    current_relative_error : float
        Standard deviation over the current. Where zeta-factors were measured at the same current
        of the same file it falls out of every thickness, and is 0.
    take_off_angle_deg, density_g_cm3 : float, optional
        In place of the file's, and of what follows from each composition.

    Raises
    ------
    KFactorError
        If the table lacks a family, or is for another beam energy.
    EDSError
        If current, times or take-off angle are unknown.
    """
    model = result.fit.model
    table = zeta_factors.k_factors
    table.require(list(model.quantified))
    if not result.recipe.allow_beam_energy_mismatch:
        table.check_beam_energy(model.beam_energy_keV)
    fitted = Intensities.of_fit(
        model, table, alpha_areas=result.fit.alpha_areas, covariance=result.fit.covariance
    )
    intensities = replace(fitted, k_factors=fitted.k_factors * zeta_factors.constant_kg_m2)
    electrons = _electrons(result, beam_current_nA)
    angle = take_off_angle(take_off_angle_deg, result.image.acquisition.take_off_angle_deg)
    mac = mass_absorption_cm2_g(
        result.elements, [family.alpha.energy_keV for family in model.quantified]
    )
    n_labels = len(electrons)
    foil = Foil(mac, np.zeros(n_labels), np.ones(n_labels), angle)
    uncertainties = result.recipe.uncertainties
    found = zeta_factor_method(
        intensities,
        electrons,
        mass_absorption_cm2_g=mac,
        take_off_angle_deg=angle,
        dose_relative_error=float(
            np.hypot(current_relative_error, zeta_factors.common_relative_error)
        ),
        doubts=doubts_of(
            result.fit,
            shape_errors_of(result.preparation, result.recipe, table.convention),
            replace(
                AbsorptionErrors.of(foil, model.quantified, uncertainties, is_corrected=True),
                calibrated=calibrated_slopes(zeta_factors.attenuation_slopes, model.quantified),
            ),
        ),
    )
    if density_g_cm3 is None:
        densities = AtomicVolumes.of(result.elements).densities_g_cm3(found.weight_fractions)
    else:
        densities = np.full(n_labels, density_g_cm3)
    of_density = DENSITY_RELATIVE_ERROR if density_g_cm3 is None else 0.0
    thickness = found.mass_thickness_kg_m2 * _TO_G_CM2 / densities * _CM_TO_NM
    relative = found.mass_thickness_error_kg_m2 / found.mass_thickness_kg_m2
    return ZetaQuantification(
        result=result,
        zeta_factors=zeta_factors,
        composition=found,
        electrons=electrons,
        densities_g_cm3=densities,
        thickness_nm=thickness,
        thickness_error_nm=thickness * np.hypot(relative, of_density),
    )


def zeta_factors_from_label(  # noqa: PLR0913 - all but three have defaults
    result: Quantification,
    label: int,
    composition: str | Mapping[str, float],
    *,
    thickness_nm: float | None = None,
    density_g_cm3: float | None = None,
    beam_current_nA: float | None = None,
    k_factors: KFactorTable | None = None,
) -> ZetaFactorTable:
    """Return zeta-factors from a label of known composition.

    With a known thickness each element of the label gets its own, ``C rho t D / (I a)``, with
    the error of its counts; all others are ``constant x k``. A pure film is the case of one
    element. Without a thickness, that at which absorption alone gives the composition is taken
    (`Quantification.thickness_from`), only ``constant = rho t D / sum(k I a)`` is measured, and
    the errors of that thickness from counting and k-factors become the common error. What
    coefficients of attenuation are wrong by, 5 to 10 %, it then takes over too.

    Parameters
    ----------
    result : Quantification
    label : int
    composition : str or mapping of str to float
        Formula, or atoms by element.
    thickness_nm : float, optional
        Where it is known from elsewhere.
    density_g_cm3 : float, optional
        The published one of the formula by default, or what follows from the composition.
    beam_current_nA : float, optional
        In place of the file's.
    k_factors : KFactorTable, optional
        In place of those of the result.

    Raises
    ------
    KFactorError, EDSError
        As `Quantification.thickness_from`; or if no quantified element is in the composition.
    """
    table = k_factors or result.k_factors
    atoms = to_atoms(composition)
    density = density_g_cm3 or _density(composition)
    error_nm, is_known = 0.0, thickness_nm is not None
    if thickness_nm is None:
        found = result.thickness_from(label, composition, density_g_cm3=density)
        thickness_nm = found.thickness_nm
        error_nm = float(np.hypot(found.error_statistical_nm, found.error_k_nm))
    model, row = result.fit.model, result.label_spectra.ids.tolist().index(label)
    fitted = Intensities.of_fit(
        model, table, alpha_areas=result.fit.alpha_areas, covariance=result.fit.covariance
    )
    kept = [i for i, family in enumerate(model.quantified) if family.element in atoms]
    absent = set(atoms) - {model.quantified[i].element for i in kept}
    if absent:
        raise EDSError(f"the result does not quantify {', '.join(sorted(absent))} of the region")
    families = [model.quantified[i] for i in kept]
    angle = take_off_angle(None, result.image.acquisition.take_off_angle_deg)
    mac = mass_absorption_cm2_g(
        [f.element for f in families], [f.alpha.energy_keV for f in families]
    )
    masses = np.array([atoms[f.element] for f in families]) * fitted.atomic_weights[kept]
    shares = (masses / masses.sum())[None]

    def constant(nm: float) -> float:
        a = Foil(mac, np.array([nm]), np.array([density]), angle).factors(shares)[0]
        emitted = fitted.counts[row, kept] * fitted.k_factors[kept] * a
        mass_thickness = nm * density * 1e-6  # kg/m² from nm and g/cm³
        return float(mass_thickness * _electrons(result, beam_current_nA)[row] / emitted.sum())

    if np.any(fitted.counts[row, kept] <= 0):
        raise EDSError(f"an element of {composition} is not seen in label {label}: enlarge it")
    value = constant(thickness_nm)
    counted = fitted.covariance[row][np.ix_(kept, kept)]
    weights = fitted.k_factors[kept] / (fitted.k_factors[kept] @ fitted.counts[row, kept])
    error = np.sqrt(max(weights @ counted @ weights, 0.0))
    if error_nm:
        step = max(1e-3 * thickness_nm, 1e-3)
        slope = (constant(thickness_nm + step) - constant(thickness_nm - step)) / (2 * step)
        error = np.hypot(error, slope * error_nm / value)
    slopes: dict[str, dict[str, float]] = {}
    if is_known:
        foil = Foil(mac, np.array([thickness_nm]), np.array([density]), angle)
        a = foil.factors(shares)[0]
        slopes = attenuation_slopes(families, foil, shares[0])
        emitted = fitted.counts[row, kept] * fitted.k_factors[kept] * a
        table = with_errors_of_constant(table, families, emitted)
        counts = fitted.counts[row, kept]
        own = shares[0] * (fitted.k_factors[kept] * counts * a).sum() / (counts * a)
        table = _with_measured(table, families, own, np.sqrt(np.diagonal(counted)) / counts)
    note = f"constant from label {label} of {composition} at {thickness_nm:.4g} nm"
    if table.beam_energy_keV is None:
        table = table.model_copy(update={"beam_energy_keV": model.beam_energy_keV})
    return ZetaFactorTable(
        table.model_copy(update={"source": f"{table.source}; {note}"}), value, float(error), slopes
    )


def _with_measured(
    table: KFactorTable,
    families: Sequence[xray.Family],
    values: np.ndarray,
    relative_errors: np.ndarray,
) -> KFactorTable:
    """Return the table with factors of some families measured anew."""
    new = {
        (family.element, family.family): {"value": float(value), "relative_error": float(error)}
        for family, value, error in zip(families, values, relative_errors, strict=True)
    }
    factors = tuple(
        factor.model_copy(update=new.get((factor.element, factor.family), {}))
        for factor in table.factors
    )
    return table.model_copy(update={"factors": factors})


def _density(composition: str | Mapping[str, float]) -> float:
    if isinstance(composition, str):
        try:
            return density_of(composition)
        except EDSError:
            pass
    return float(density_from_composition(to_atoms(composition)))


def _electrons(result: Quantification, beam_current_nA: float | None) -> np.ndarray:
    per_pixel = electrons_per_pixel(result.image, beam_current_nA=beam_current_nA, live=True)
    return result.label_spectra.n_pixels * per_pixel
