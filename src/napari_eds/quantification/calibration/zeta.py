"""zeta-factors from a label whose composition is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from napari_eds._support.arguments import expect
from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import KG_M2, Foil, mass_absorption_cm2_g
from napari_eds.physics.densities import phase_density
from napari_eds.physics.formulas import to_atoms
from napari_eds.quantification.errors.calibration import (
    attenuation_slopes,
    with_errors_of_constant,
)
from napari_eds.quantification.methods.composing import electrons_of
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.quantification.result import Quantification
from napari_eds.recipe.dose import Dose
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.zeta_factors import ZetaFactorTable

#: Steps of a thickness, for slopes: relative, and least in nm.
_STEP, _LEAST_STEP_nm = 1e-3, 1e-3


@dataclass(frozen=True, eq=False)
class _Region:
    """A label of known composition: what was counted of its elements, and what it absorbs.

    Attributes
    ----------
    families : tuple of Family
        The quantified ones of elements of the composition.
    counts : ndarray, (elements,)
    covariance : ndarray, (elements, elements)
    k_factors : ndarray, (elements,)
    shares : ndarray, (elements,)
        Weight fractions.
    mac : ndarray, (elements, elements)
        Coefficients in cm²/g.
    density_g_cm3, take_off_angle_deg, electrons : float
    directions : tuple of (float, float)
        Of detectors that were quantified together, see `Foil`.
    """

    families: tuple[xray.Family, ...]
    counts: np.ndarray
    covariance: np.ndarray
    k_factors: np.ndarray
    shares: np.ndarray
    mac: np.ndarray
    density_g_cm3: float
    take_off_angle_deg: float
    electrons: float
    directions: tuple[tuple[float, float], ...] = ()

    def foil(self, thickness_nm: float) -> Foil:
        """Return the label as a foil."""
        density = np.array([self.density_g_cm3])
        one = Foil(self.mac, np.array([thickness_nm]), density, self.take_off_angle_deg)
        return one.towards_all(self.directions)

    def absorption_factors(self, thickness_nm: float) -> np.ndarray:
        """Return the absorption factor of each family, (elements,)."""
        return self.foil(thickness_nm).factors(self.shares[None])[0]

    def constant(self, thickness_nm: float) -> float:
        """Return ``rho t D / sum(k I a)``."""
        emitted = self.counts * self.k_factors * self.absorption_factors(thickness_nm)
        mass_thickness = thickness_nm * self.density_g_cm3 * KG_M2
        return float(mass_thickness * self.electrons / emitted.sum())

    def constant_error(self, thickness_nm: float, error_nm: float) -> float:
        """Return the relative error of the constant, from counting and from the thickness."""
        weights = self.k_factors / (self.k_factors @ self.counts)
        counting = max(float(weights @ self.covariance @ weights), 0.0)
        step = max(_STEP * thickness_nm, _LEAST_STEP_nm)
        slope = (self.constant(thickness_nm + step) - self.constant(thickness_nm - step)) / step
        by_thickness = slope / 2 * error_nm / self.constant(thickness_nm)
        return float(np.hypot(np.sqrt(counting), by_thickness))

    def own_k_factors(self, thickness_nm: float) -> np.ndarray:
        """Return the k-factors that give the composition, with the same sum of k I a."""
        a = self.absorption_factors(thickness_nm)
        total = (self.k_factors * self.counts * a).sum()
        return np.asarray(self.shares * total / (self.counts * a))


def zeta_factors_from_label(  # noqa: PLR0913 - all but three have defaults
    result: Quantification,
    label: int,
    composition: str | Mapping[str, float],
    *,
    thickness_nm: float | None = None,
    density_g_cm3: float | None = None,
    take_off_angle_deg: float | None = None,
    dose: Dose | None = None,
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
    take_off_angle_deg : float, optional
        In place of the recipe's and the file's.
    dose : Dose, optional
        Current and times in place of the recipe's and the file's.
    k_factors : KFactorTable, optional
        In place of those of the result.

    Raises
    ------
    LabelError, KFactorError, EDSError
        As `Quantification.thickness_from`; if the result does not quantify an element of the
        composition, or counts none of its X-rays; or if current or times are unknown.
    """
    expect(
        result=(result, Quantification),
        label=(label, Integral),
        thickness_nm=(thickness_nm, Real | None),
        density_g_cm3=(density_g_cm3, Real | None),
        take_off_angle_deg=(take_off_angle_deg, Real | None),
        dose=(dose, Dose | None),
        k_factors=(k_factors, KFactorTable | None),
    )
    table = k_factors or result.k_factors
    region = _region(
        result, label, composition, density_g_cm3, take_off_angle_deg, dose=dose, table=table
    )
    error_nm, nm = 0.0, thickness_nm
    slopes: dict[str, dict[str, float]] = {}
    if nm is None:
        found = result.thickness_from(
            label,
            composition,
            density_g_cm3=region.density_g_cm3,
            take_off_angle_deg=region.take_off_angle_deg,
        )
        nm = found.thickness_nm
        error_nm = float(np.hypot(found.error_statistical_nm, found.error_k_nm))
    elif not 0 < nm < np.inf:
        raise EDSError(f"the thickness of the label must be above 0 nm, not {nm}")
    else:
        of_counts = np.sqrt(np.diagonal(region.covariance)) / region.counts
        emitted = region.counts * region.k_factors * region.absorption_factors(nm)
        table = with_errors_of_constant(table, region.families, emitted)
        slopes = attenuation_slopes(region.families, region.foil(nm), region.shares)
        table = _with_measured(table, region.families, region.own_k_factors(nm), of_counts)
    note = f"constant from label {label} of {composition} at {nm:.4g} nm"
    told = {
        "source": f"{table.source}; {note}",
        "beam_energy_keV": table.beam_energy_keV or result.fit.model.beam_energy_keV,
    }
    error = region.constant_error(nm, error_nm)
    return ZetaFactorTable(table.model_copy(update=told), region.constant(nm), error, slopes)


def _region(  # noqa: PLR0913 - keyword-only ones belong together
    result: Quantification,
    label: int,
    composition: str | Mapping[str, float],
    density_g_cm3: float | None,
    take_off_angle_deg: float | None,
    *,
    dose: Dose | None,
    table: KFactorTable,
) -> _Region:
    """Return what is known of the label of a result."""
    atoms, row = to_atoms(composition), result.row_of(label)
    model, fit = result.fit.model, result.fit
    fitted = Intensities.of_fit(
        model, table, alpha_areas=fit.alpha_areas, covariance=fit.covariance
    )
    kept = [i for i, family in enumerate(model.quantified) if family.element in atoms]
    families = tuple(model.quantified[i] for i in kept)
    absent = set(atoms) - {family.element for family in families}
    if absent:
        raise EDSError(f"the result does not quantify {', '.join(sorted(absent))} of the region")
    if np.any(fitted.counts[row, kept] <= 0):
        raise EDSError(f"an element of {composition} is not seen in label {label}: enlarge it")
    masses = np.array([atoms[f.element] for f in families]) * fitted.atomic_weights[kept]
    n_pixels = result.label_spectra.n_pixels
    electrons = electrons_of(result.image, dose or result.recipe.dose, n_pixels)
    electrons = electrons * result.counted_share
    return _Region(
        families=families,
        counts=fitted.counts[row, kept],
        covariance=fitted.covariance[row][np.ix_(kept, kept)],
        k_factors=fitted.k_factors[kept],
        shares=masses / masses.sum(),
        mac=mass_absorption_cm2_g(
            [f.element for f in families], [f.alpha.energy_keV for f in families]
        ),
        density_g_cm3=density_g_cm3 or phase_density(composition),
        take_off_angle_deg=result.take_off_angle_deg(take_off_angle_deg),
        electrons=float(electrons[row]),
        directions=result.directions(take_off_angle_deg),
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
