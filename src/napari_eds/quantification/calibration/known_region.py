"""What a region of known formula tells: k-factors, or the thickness of the specimen.

On one region the two cannot be told apart, since both scale the soft lines: with a thickness
from elsewhere it gives k-factors, with k-factors from elsewhere it gives the thickness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from napari_eds._support.arguments import expect
from napari_eds.errors import EDSError, KFactorError
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import (
    absorption_factors,
    mass_absorption_cm2_g,
    mass_thickness_g_cm2,
)
from napari_eds.physics.densities import density_from_composition, phase_density
from napari_eds.physics.formulas import to_atoms, weight_from_atomic
from napari_eds.quantification.methods.composition import DETECTION_SIGMA
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.recipe.absorption import Absorption, take_off_angle
from napari_eds.recipe.k_factors import KFactorTable

#: A formula, or atoms by element.
Composition = str | Mapping[str, float]

#: Thicknesses among which a region's is sought.
_THICKNESS_RANGE_nm = (0.1, 2000.0)


class RegionThickness(NamedTuple):
    """Thickness in nm, and its standard deviations from counting and from the k-factors."""

    thickness_nm: float
    error_statistical_nm: float
    error_k_nm: float


def k_factors_from_region(  # noqa: PLR0913 - a calibration depends on this much
    families: Sequence[xray.Family],
    intensities: np.ndarray,
    covariance: np.ndarray,
    composition: str | Mapping[str, float],
    *,
    reference: str,
    absorption: Absorption | None = None,
    take_off_angle_deg: float | None = None,
    base_table: KFactorTable | None = None,
    beam_energy_keV: float | None = None,
) -> KFactorTable:
    """Return the k-factors with which a region quantifies to its known composition.

    ``k_A / k_B = (C_A / C_B) (I_B a_B) / (I_A a_A)`` with weight fractions C. Errors are those
    of the ratios to the reference, from the covariance; the reference has none. That the true
    composition or thickness may differ from what is given is not contained.

    Parameters
    ----------
    families : sequence of Family
        Several of one element are allowed; those of elements that the composition does not
        contain are left aside, which the table's notes say.
    intensities : ndarray, (families,)
        Counts of whole families in the region.
    covariance : ndarray, (families, families)
    composition : str or mapping of str to float
        Formula, or atoms by element. Elements without a family absorb, but get no k-factor.
    reference : str
        Element or family (``"Ti"``, ``"Ti_K"``) that keeps its value in `base_table`, or gets 1.
    absorption : Absorption, optional
        Thickness, density and angle of the region. Where no density is given it is the published
        one of the formula, or follows from the composition. None leaves absorption in the
        k-factors, which are then right for specimens like this one only.
    take_off_angle_deg : float, optional
        The file's, used where the settings have none.
    base_table : KFactorTable, optional
        Gives the reference its value; nothing else of it is taken over, but for its beam energy
        where none is given.
    beam_energy_keV : float, optional
        Of the measurement.

    Returns
    -------
    KFactorTable
        Of convention "family", with the formula and the correction named in its source.

    Raises
    ------
    KFactorError
        If families are not detected, none is in the composition, or the reference is not one.
    EDSError
        If the composition cannot be read, or the take-off angle is unknown.
    """
    expect(reference=(reference, str), take_off_angle_deg=(take_off_angle_deg, Real | None))
    note = fitted_only_note(families, composition)
    families, intensities, covariance = _contained(families, intensities, covariance, composition)
    known = _Known.read(families, composition)
    i = _reference(families, reference)
    _check_detected(families, intensities, covariance)
    a = np.ones(len(families))
    corrected = "absorption not corrected"
    if absorption is not None:
        angle = take_off_angle(absorption.take_off_angle_deg, take_off_angle_deg)
        thickness = absorption.thickness_nm
        if thickness is None:
            raise EDSError("k-factors cannot be corrected for absorption without a thickness")
        density = known.published_density(absorption.density_g_cm3)
        a = known.absorption_factors(thickness, density, angle)
        corrected = f"absorption corrected for {thickness:g} nm, {density:g} g/cm³, {angle:g}°"
    per_intensity = known.weights / (intensities * a)
    scale = 1.0 if base_table is None else base_table.value_for(families[i], "family")
    relative = covariance / np.outer(intensities, intensities)
    variances = np.diagonal(relative) + relative[i, i] - 2 * relative[i]
    errors = np.sqrt(np.maximum(variances, 0))
    names = [str(f) for f in families]
    values = scale * per_intensity / per_intensity[i]
    base_beam = None if base_table is None else base_table.beam_energy_keV
    table = KFactorTable.from_mapping(
        dict(zip(names, values.tolist(), strict=True)),
        "family",
        relative_errors=dict(zip(names, errors.tolist(), strict=True)),
        source=(
            f"measured on a region of {known.formula} ({corrected}), relative to {names[i]}"
            + ("" if base_table is None else f" of {base_table.source}")
        ),
        beam_energy_keV=beam_energy_keV or base_beam,
    )
    return table.with_note(note)


def thickness_from_region(  # noqa: PLR0913 - a thickness depends on this much
    families: Sequence[xray.Family],
    intensities: np.ndarray,
    covariance: np.ndarray,
    composition: str | Mapping[str, float],
    k_factors: KFactorTable,
    *,
    take_off_angle_deg: float,
    density_g_cm3: float | None = None,
    element: str | None = None,
) -> RegionThickness:
    """Return the thickness at which a region quantifies to its known composition.

    One ratio is made to fit: that of an absorbed element to the sum of the others, by weight.
    Being a ratio of a soft line to hard ones, it takes over the full error of their k-factors:
    5 % in the k-factor of O are 7 nm of 70 nm SrTiO3.

    Parameters
    ----------
    families, intensities, covariance, composition
        As for `k_factors_from_region`, but one family per element, and the intensities in the
        convention of the k-factors: of alpha lines, if the table is of alpha lines.
    k_factors : KFactorTable
    take_off_angle_deg : float
    density_g_cm3 : float, optional
        What follows from the composition by default, as in `quantify`: the product of thickness
        and density is what absorbs.
    element : str, optional
        The one compared with the others; the most absorbed by default.

    Raises
    ------
    KFactorError
        If families are not detected or have no k-factor, or fewer than two are in the
        composition.
    EDSError
        If no thickness from 0.1 to 2000 nm reproduces the composition.
    """
    expect(k_factors=(k_factors, KFactorTable), take_off_angle_deg=(take_off_angle_deg, Real))
    families, intensities, covariance = _contained(families, intensities, covariance, composition)
    known = _Known.read(families, composition)
    _check_one_family_each(families)
    _check_detected(families, intensities, covariance)
    region = Intensities.of_families(
        families, k_factors, counts=intensities[None], covariance=covariance[None]
    )
    emitted = region.counts[0] * region.k_factors
    density = known.density(density_g_cm3)
    mac = known.mass_absorption_cm2_g()
    i = int(np.argmax(mac)) if element is None else _reference(families, element)

    def excess(thickness_nm: float) -> float:
        """Logarithm of the ratio after correction over that of the composition."""
        a = known.absorption_factors(thickness_nm, density, take_off_angle_deg)
        return _log_ratio(emitted * a, i) - _log_ratio(known.weights, i)

    low, high = _THICKNESS_RANGE_nm
    if not excess(low) * excess(high) <= 0:
        raise _no_thickness(families, i, known, k_factors, excess(low), excess(high))
    thickness = float(brentq(excess, low, high, xtol=1e-6))
    step = max(1e-4 * thickness, 1e-4)
    slope = (excess(thickness + step) - excess(thickness - step)) / (2 * step)
    a = known.absorption_factors(thickness, density, take_off_angle_deg)
    by_logarithm = _log_ratio_gradient(emitted * a, i) / slope
    by_count = by_logarithm / intensities
    return RegionThickness(
        thickness,
        float(np.sqrt(by_count @ covariance @ by_count)),
        float(np.sqrt(by_logarithm @ region.k_covariance @ by_logarithm)),
    )


def soft_excess(  # noqa: PLR0913 - as much as a thickness depends on
    families: Sequence[xray.Family],
    intensities: np.ndarray,
    composition: Composition,
    k_factors: KFactorTable,
    *,
    thickness_nm: float,
    density_g_cm3: float,
    take_off_angle_deg: float,
) -> float:
    """Return how much too large the most absorbed element of a region comes out, as a logarithm.

    At a thickness, against the sum of the others; `thickness_from_region` makes it 0, and a
    k-factor of that element would by ``exp(-excess)``.
    """
    nothing = np.zeros((len(families), len(families)))
    families, intensities, nothing = _contained(families, intensities, nothing, composition)
    known = _Known.read(families, composition)
    region = Intensities.of_families(
        families, k_factors, counts=intensities[None], covariance=nothing[None]
    )
    i = int(np.argmax(known.mass_absorption_cm2_g()))
    a = known.absorption_factors(thickness_nm, density_g_cm3, take_off_angle_deg)
    emitted = region.counts[0] * region.k_factors * a
    return _log_ratio(emitted, i) - _log_ratio(known.weights, i)


def fitted_only_note(families: Sequence[xray.Family], composition: Composition) -> str:
    """Say which families a composition does not contain; empty where it contains all."""
    atoms = to_atoms(composition)
    others = [str(family) for family in families if family.element not in atoms]
    if not others:
        return ""
    return f"Not in {_formula(composition)}, and taken as fitted only: {', '.join(others)}."


def _contained(
    families: Sequence[xray.Family],
    intensities: np.ndarray,
    covariance: np.ndarray,
    composition: Composition,
) -> tuple[list[xray.Family], np.ndarray, np.ndarray]:
    """Return the families that a composition contains, with what belongs to them."""
    atoms = to_atoms(composition)
    kept = [i for i, family in enumerate(families) if family.element in atoms]
    _check_shapes(len(families), intensities, covariance)
    if len({families[i].element for i in kept}) < 2:
        named = ", ".join(str(families[i]) for i in kept) or "none"
        raise KFactorError(
            f"of {', '.join(map(str, families))}, {_formula(composition)} contains {named}, and a "
            "ratio needs two elements: give the composition of this region, or quantify its "
            "elements"
        )
    return [families[i] for i in kept], intensities[kept], covariance[np.ix_(kept, kept)]


def _formula(composition: Composition) -> str:
    if isinstance(composition, str):
        return composition
    return "".join(f"{e}{n:g}" for e, n in composition.items())


def _check_shapes(n: int, intensities: np.ndarray, covariance: np.ndarray) -> None:
    if np.shape(intensities) != (n,) or np.shape(covariance) != (n, n):
        raise EDSError(
            f"intensities {np.shape(intensities)} and covariance {np.shape(covariance)} do not "
            f"belong to {n} families"
        )


class _Known:
    """A composition, and what it does to the X-rays of some of its families."""

    def __init__(
        self, formula: str, atoms: Mapping[str, float], families: Sequence[xray.Family]
    ) -> None:
        self.formula, self._atoms = formula, atoms
        elements = list(atoms)
        fractions = weight_from_atomic(
            np.array(list(atoms.values())), np.array([xray.atomic_weight(e) for e in elements])
        )
        self._fractions = fractions  # of all elements
        self.weights = fractions[[elements.index(f.element) for f in families]]
        self._mac = mass_absorption_cm2_g(elements, [f.alpha.energy_keV for f in families])

    @classmethod
    def read(
        cls, families: Sequence[xray.Family], composition: str | Mapping[str, float]
    ) -> _Known:
        """Read a composition, which contains the families' elements."""
        return cls(_formula(composition), to_atoms(composition), families)

    def density(self, given_g_cm3: float | None) -> float:
        """Return the density in g/cm3: the given one, or what follows from the composition."""
        return density_from_composition(self._atoms) if given_g_cm3 is None else given_g_cm3

    def published_density(self, given_g_cm3: float | None) -> float:
        """Return the density: the given one, the published one, or that of the composition."""
        return phase_density(self._atoms) if given_g_cm3 is None else given_g_cm3

    def mass_absorption_cm2_g(self) -> np.ndarray:
        """Of the composition for each family, (families,)."""
        return self._fractions @ self._mac

    def absorption_factors(
        self, thickness_nm: float, density_g_cm3: float, take_off_angle_deg: float
    ) -> np.ndarray:
        """Factors, (families,)."""
        mass_thickness = np.array([mass_thickness_g_cm2(thickness_nm, density_g_cm3)])
        return absorption_factors(
            self._fractions[None], self._mac, mass_thickness, take_off_angle_deg
        )[0]


def _log_ratio(amounts: np.ndarray, i: int) -> float:
    """Logarithm of amount i over the sum of the others."""
    return float(np.log(amounts[i] / (amounts.sum() - amounts[i])))


def _log_ratio_gradient(amounts: np.ndarray, i: int) -> np.ndarray:
    """Return the derivatives of `_log_ratio` by the logarithms of the amounts."""
    gradient = -amounts / (amounts.sum() - amounts[i])
    gradient[i] = 1.0
    return gradient


def _reference(families: Sequence[xray.Family], name: str) -> int:
    found = [i for i, f in enumerate(families) if name in (f.element, str(f))]
    if len(found) != 1:
        names = ", ".join(map(str, families))
        how = "not" if not found else "more than one"
        raise KFactorError(f"the reference {name!r} is {how} of the families {names}")
    return found[0]


def _check_one_family_each(families: Sequence[xray.Family]) -> None:
    elements = [f.element for f in families]
    twice = sorted({e for e in elements if elements.count(e) > 1})
    if twice:
        raise KFactorError(f"more than one family of {', '.join(twice)}; choose one")
    if len(families) < 2:
        raise KFactorError("a thickness needs two elements or more")


def _check_detected(
    families: Sequence[xray.Family], intensities: np.ndarray, covariance: np.ndarray
) -> None:
    sigma = np.sqrt(np.maximum(np.diagonal(covariance), 0))
    unseen = [
        str(f)
        for f, seen in zip(families, intensities > DETECTION_SIGMA * sigma, strict=True)
        if not seen
    ]
    if unseen:
        raise KFactorError(
            f"{', '.join(unseen)} not detected in the region: enlarge it or leave it out"
        )


def _no_thickness(
    families: Sequence[xray.Family],
    i: int,
    known: _Known,
    k_factors: KFactorTable,
    *excess: float,
) -> EDSError:
    """Say by how much the ratio misses at both ends of the range."""
    low, high = _THICKNESS_RANGE_nm
    return EDSError(
        f"no thickness from {low:g} to {high:g} nm gives {known.formula}: relative to the other "
        f"elements, {families[i].element} comes out at {np.exp(excess[0]):.3g} times what it "
        f"should be at {low:g} nm and {np.exp(excess[1]):.3g} times at {high:g} nm. Check the "
        f"composition, the density and the k-factors ({k_factors.source})"
    )
