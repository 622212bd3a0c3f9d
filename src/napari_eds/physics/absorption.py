"""Absorption of X-rays: coefficients of elements and mixtures, correction factors of a foil.

Specimen, detector, background and simulation take their coefficients from one place, xraylib
(T. Schoonjans et al., Spectrochim. Acta B 66 (2011) 776), which covers 0.1 to 800 keV. Below 1 keV
these are the sums of Kissel's photoelectric cross-sections of subshells, which xraylib holds
beside its ordinary table, and above it is the ordinary table; from 1 to 2 keV the two agree to
0.3 % (median). Below, the ordinary table has faults next to M edges: for O K in Cs, 200 eV below
the M edges, it gives 3.8 times what all other tables do, and for O K in Sn half or a third of it.
Compared with the scattering factors of Henke, Gullikson and Davis (At. Data Nucl. Data Tables 54
(1993) 181), which lean on measurements, at K, L and M lines from 0.18 to 1 keV in 90 elements, the
median difference is 5 % for Kissel's, 11 % for the ordinary table and 10 % for Chantler's (NIST
FFAST, that of eXSpy). Beside coefficients that G. F. Bastin and H. J. M. Heijligers found from
bulk specimens (O K in 27 elements, N K in 13; listed in NIST's NeXLCore, public domain), Kissel's
lie 2 % high, the ordinary table 10 and 8 % low, Chantler's 8 and 10 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics.exspy_tables import chantler_cm2_g
from napari_eds.physics.volumes import DENSITY_RELATIVE_ERROR, AtomicVolumes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Range of xraylib's attenuation tables.
LOWEST_ATTENUATION_keV, HIGHEST_ATTENUATION_keV = 0.1, 800.0

#: Below this energy subshells are summed, except for the lightest elements, for which xraylib's
#: ordinary table holds scattering too.
_SUBSHELLS_BELOW_keV = 1.0
_LIGHTEST_OF_SUBSHELLS = 3

#: Least relative standard deviations of coefficients, above and below 1 keV: where published
#: tables agree with each other they may still share a fault.
_LEAST_ERROR, _LEAST_SOFT_ERROR = 0.05, 0.10

#: kg/m² of a thickness in nm times a density in g/cm³, and g/cm² of a mass thickness in kg/m².
KG_M2, TO_G_CM2 = 1e-6, 0.1

#: Digits of means over labels.
_MEAN_DIGITS = 6

#: Depth below which the slope of the factor is taken from its series, for precision.
_SMALL_DEPTH = 1e-3


@dataclass(frozen=True, eq=False)
class Foil:
    """What the specimen does to the X-rays of each label.

    Attributes
    ----------
    mass_absorption_cm2_g : ndarray, (elements, families)
        Of each element for the X-rays of each family.
    thickness_nm : ndarray, (labels,)
    density_g_cm3 : ndarray, (labels,), or AtomicVolumes
        Given densities, or the volumes of the elements from which they follow.
    take_off_angle_deg : float
    directions : tuple of (float, float)
        Take-off angles in degrees of several detectors, and the share of X-rays that each would
        count without absorption; empty where the one angle stands for all. What escapes is then
        averaged, ``1 / a = sum(share / a(angle))``, which one angle does to first order only.
    """

    mass_absorption_cm2_g: np.ndarray
    thickness_nm: np.ndarray
    density_g_cm3: np.ndarray | AtomicVolumes
    take_off_angle_deg: float
    directions: tuple[tuple[float, float], ...] = ()

    def towards_all(self, directions: tuple[tuple[float, float], ...]) -> Foil:
        """Return the foil as several detectors see it; as it is without any."""
        if not directions:
            return self
        angle = mean_angle_deg(directions)
        return replace(self, take_off_angle_deg=angle, directions=directions)

    def towards(self, angle_deg: float) -> Foil:
        """Return the foil as a detector at one angle sees it."""
        return replace(self, take_off_angle_deg=angle_deg, directions=())

    @property
    def density_is_computed(self) -> bool:
        """Whether densities follow from compositions."""
        return isinstance(self.density_g_cm3, AtomicVolumes)

    def density_relative_error(self, stated: float) -> float:
        """Relative standard deviation of the densities, of given ones what is stated."""
        return DENSITY_RELATIVE_ERROR if self.density_is_computed else stated

    def of(self, labels: np.ndarray | slice) -> Foil:
        """Return the foil of some of the labels, by their positions."""
        density = self.density_g_cm3
        if not isinstance(density, AtomicVolumes):
            density = density[labels]
        return replace(self, thickness_nm=self.thickness_nm[labels], density_g_cm3=density)

    def mean(self, weights: np.ndarray) -> Foil:
        """Return the mean of the labels, as one; weights (labels,), all 0 for equal ones.

        Rounded to `_MEAN_DIGITS`, so that the order of a sum does not show in what is fitted.
        """
        weights = weights if weights.sum() > 0 else np.ones(len(weights))

        def averaged(values: np.ndarray) -> np.ndarray:
            return np.array([float(f"{np.average(values, weights=weights):.{_MEAN_DIGITS}g}")])

        density = self.density_g_cm3
        return replace(
            self,
            thickness_nm=averaged(self.thickness_nm),
            density_g_cm3=density if isinstance(density, AtomicVolumes) else averaged(density),
        )

    def for_xrays(self, elements: Sequence[str], energies_keV: np.ndarray) -> Foil:
        """Return the foil with coefficients of its elements for other X-rays, (energies,)."""
        return replace(self, mass_absorption_cm2_g=mass_absorption_cm2_g(elements, energies_keV))

    def densities_g_cm3(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Densities (labels,) of weight fractions (labels, elements)."""
        if isinstance(self.density_g_cm3, AtomicVolumes):
            return self.density_g_cm3.densities_g_cm3(weight_fractions)
        return self.density_g_cm3

    def mass_thickness_g_cm2(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Density times thickness (labels,) at weight fractions (labels, elements)."""
        return mass_thickness_g_cm2(self.thickness_nm, self.densities_g_cm3(weight_fractions))

    def factors(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Absorption factors (labels, families) of weight fractions (labels, elements)."""
        if self.directions:
            return np.asarray(1 / sum(self._escaping(weight_fractions)))
        return absorption_factors(
            weight_fractions,
            self.mass_absorption_cm2_g,
            self._known_mass_thickness(weight_fractions),
            self.take_off_angle_deg,
        )

    def depth_log_slopes(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Return d ln a / d ln x of the depth x, (labels, families): x (1 / x - 1 / (exp(x) - 1)).

        It is how an error of thickness, density or coefficients reaches the factors.
        """
        if self.directions:
            slopes = (f.depth_log_slopes(weight_fractions) for f in self._each())
            return self._mean(weight_fractions, slopes)
        path = self._path(weight_fractions)
        x = np.maximum(weight_fractions @ self.mass_absorption_cm2_g, 0) * path[:, None]
        return x * escape_log_slope(x)

    def log_slopes(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Return d ln a / dC of weight fractions C, (labels, families, elements).

        The depth ``x = path * sum(C * MAC)`` moves with C directly and, where the density follows
        from C, through the path:
        ``(1 / x - 1 / (exp(x) - 1)) * (path * MAC + x * d ln density / dC)``.
        """
        if self.directions:
            slopes = (f.log_slopes(weight_fractions) for f in self._each())
            return self._mean(weight_fractions, slopes)
        path = self._path(weight_fractions)
        x = np.maximum(weight_fractions @ self.mass_absorption_cm2_g, 0) * path[:, None]
        moved = path[:, None, None] * self.mass_absorption_cm2_g.T
        if isinstance(self.density_g_cm3, AtomicVolumes):
            moved = (
                moved + x[:, :, None] * self.density_g_cm3.log_slopes(weight_fractions)[:, None]
            )
        return escape_log_slope(x)[:, :, None] * moved

    def _each(self) -> list[Foil]:
        return [self.towards(angle) for angle, _ in self.directions]

    def _escaping(self, weight_fractions: np.ndarray) -> list[np.ndarray]:
        """Shares of X-rays that leave towards each detector, (labels, families)."""
        whole = sum(share for _, share in self.directions)
        return [
            share / whole / foil.factors(weight_fractions)
            for foil, (_, share) in zip(self._each(), self.directions, strict=True)
        ]

    def _mean(self, weight_fractions: np.ndarray, slopes: Iterable[np.ndarray]) -> np.ndarray:
        """Mean of the logarithmic slopes of each direction, weighted by what escapes there."""
        escaping = self._escaping(weight_fractions)
        whole, total = sum(escaping), np.zeros(())
        for share, slope in zip(escaping, slopes, strict=True):
            weight = share / whole
            total = total + weight.reshape(*weight.shape, *(1,) * (slope.ndim - 2)) * slope
        return np.asarray(total)

    def _path(self, weight_fractions: np.ndarray) -> np.ndarray:
        return _path_g_cm2(self._known_mass_thickness(weight_fractions), self.take_off_angle_deg)

    def _known_mass_thickness(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Mass thickness (labels,), 0 where without a composition nothing follows from it."""
        found = self.mass_thickness_g_cm2(weight_fractions)
        return np.where(np.isnan(weight_fractions).any(axis=1) & np.isnan(found), 0.0, found)


def mean_angle_deg(directions: Sequence[tuple[float, float]]) -> float:
    """Return the angle whose 1 / sine is the mean of several (angle in degrees, share)."""
    whole = sum(share for _, share in directions)
    inverse = sum(share / np.sin(np.radians(angle)) for angle, share in directions) / whole
    return float(np.degrees(np.arcsin(1 / inverse)))


def escape_log_slope(x: np.ndarray) -> np.ndarray:
    """Return d ln a / dx of the depth x, for ``a = x / (1 - exp(-x))``, also below 0."""
    small = np.abs(x) < _SMALL_DEPTH
    large = np.where(small, 1.0, x)
    # 1 / expm1(x) without overflow at large x.
    exact = 1 / large + np.exp(-np.maximum(large, 0)) / np.where(
        large > 0, np.expm1(-large), -np.expm1(np.minimum(large, 0))
    )
    return np.where(small, 0.5 - x / 12, exact)


def mass_thickness_g_cm2(
    thickness_nm: np.ndarray | float, density_g_cm3: np.ndarray | float
) -> np.ndarray:
    """Mass thickness of a thickness in nm and a density in g/cm³."""
    return np.asarray(thickness_nm, float) * density_g_cm3 * 1e-7


def mass_absorption_cm2_g(elements: Sequence[str], energies_keV: ArrayLike) -> np.ndarray:
    """Mass attenuation coefficients of elements, by absorption and scattering.

    Parameters
    ----------
    elements : sequence of str
    energies_keV : array_like
        Of the X-rays.

    Returns
    -------
    ndarray, (elements, *shape of energies)
        In cm²/g.

    Raises
    ------
    EDSError
        If there are no coefficients of an element (those beyond californium), or an energy lies
        outside the tables.
    """
    energies = np.asarray(energies_keV, float)
    inside = (energies >= LOWEST_ATTENUATION_keV) & (energies <= HIGHEST_ATTENUATION_keV)
    if not np.all(inside):
        raise EDSError("X-ray attenuation is tabulated from 0.1 to 800 keV only")
    rows = [attenuation_cm2_g(element, energies, "total") for element in elements]
    return np.array(rows, float).reshape(len(elements), *energies.shape)


def mixed_absorption_cm2_g(
    weight_fractions: Mapping[str, float], energies_keV: ArrayLike
) -> np.ndarray:
    """Mass attenuation coefficient of a composition, in cm²/g, shape of `energies_keV`.

    The average of the elements' by weight: fractions are not normalised, so pass what sums to 1.
    See `mass_absorption_cm2_g` for errors.
    """
    total = np.zeros(np.shape(energies_keV))
    coefficients = mass_absorption_cm2_g(tuple(weight_fractions), energies_keV)
    for fraction, coefficient in zip(weight_fractions.values(), coefficients, strict=True):
        total = total + fraction * coefficient
    return total


def attenuation_cm2_g(
    element: str, energies_keV: np.ndarray, process: Literal["total", "photo"]
) -> np.ndarray:
    """Mass attenuation of one element, by all processes or photoabsorption alone.

    Raises
    ------
    EDSError
        If xraylib has none, of the element or at an energy.
    """
    import xraylib

    ordinary = xraylib.CS_Total if process == "total" else xraylib.CS_Photo
    subshells = xraylib.CS_Total_Kissel if process == "total" else xraylib.CS_Photo_Total
    try:
        Z = xraylib.SymbolToAtomicNumber(element)
        below = _SUBSHELLS_BELOW_keV if Z >= _LIGHTEST_OF_SUBSHELLS else 0.0
        values = [
            (subshells if energy < below else ordinary)(Z, energy)
            for energy in energies_keV.ravel().tolist()
        ]
    except (ValueError, TypeError) as error:
        raise EDSError(f"no X-ray attenuation of {element!r}: {error}") from None
    return np.array(values, float).reshape(energies_keV.shape)


def attenuation_uncertainty(elements: Sequence[str], energies_keV: ArrayLike) -> np.ndarray:
    """Relative standard deviations of mass attenuation coefficients.

    Half of the largest logarithm of a ratio between three tables: the one in use, xraylib's
    ordinary one, and Chantler's (NIST FFAST 2.1, https://dx.doi.org/10.18434/T4HS32, read from
    eXSpy); but at least 5 %, and 10 % below 1 keV. Next to edges it is large, for there the tables
    differ by factors, and bonds move and shape the edge.

    Parameters
    ----------
    elements : sequence of str
    energies_keV : array_like

    Returns
    -------
    ndarray, (elements, *shape of energies)

    Raises
    ------
    EDSError
        As `mass_absorption_cm2_g`.
    """
    energies = np.asarray(energies_keV, float)
    used = mass_absorption_cm2_g(elements, energies)
    flat = energies.ravel().tolist()
    others = [[_other_tables(element, energy) for energy in flat] for element in elements]
    tables = np.array(others, float).reshape(len(elements), *energies.shape, 2)
    logarithms = np.log(np.concatenate([used[..., None], tables], axis=-1))
    spread = np.nanmax(logarithms, axis=-1) - np.nanmin(logarithms, axis=-1)
    soft = energies < _SUBSHELLS_BELOW_keV
    return np.maximum(spread / 2, np.where(soft, _LEAST_SOFT_ERROR, _LEAST_ERROR))


@cache
def _other_tables(element: str, energy_keV: float) -> tuple[float, float]:
    """Coefficients of xraylib's ordinary table and of Chantler's; NaN where there are none."""
    import xraylib

    ordinary = xraylib.CS_Total(xraylib.SymbolToAtomicNumber(element), energy_keV)
    return ordinary, chantler_cm2_g(element, energy_keV)


def absorption_factors(
    weight_fractions: np.ndarray,
    mac: np.ndarray,
    mass_thickness_g_cm2: np.ndarray,
    take_off_angle_deg: float,
) -> np.ndarray:
    """Factors a >= 1 by which measured intensities are multiplied to undo absorption.

    ``a = x / (1 - exp(-x))`` with the depth ``x = MAC(composition) * mass thickness /
    sin(take-off angle)``: X-rays born evenly through a parallel-sided foil normal to the beam
    (Goldstein, Costley, Lorimer and Reed, Scanning Electron Microscopy 1977/I, 315).

    Parameters
    ----------
    weight_fractions : ndarray, (labels, elements)
        Noise may make some negative; the depth is not taken below 0. NaN gives NaN.
    mac : ndarray, (elements, families)
        Mass absorption coefficients in cm²/g.
    mass_thickness_g_cm2 : ndarray, (labels,)
    take_off_angle_deg : float

    Returns
    -------
    ndarray, (labels, families)

    Raises
    ------
    EDSError
        If a mass thickness is negative or not finite, or the angle outside 0 to 90 degrees.
    """
    path = _path_g_cm2(mass_thickness_g_cm2, take_off_angle_deg)
    x = np.maximum(weight_fractions @ mac, 0) * path[:, None]
    # The limit at 0 is 1; expm1 keeps every digit next to it.
    return np.divide(x, -np.expm1(-x), out=np.ones_like(x), where=x != 0)


def _path_g_cm2(mass_thickness_g_cm2: np.ndarray, take_off_angle_deg: float) -> np.ndarray:
    """Longest way of X-rays out of the foil, (labels,)."""
    mass_thickness = np.asarray(mass_thickness_g_cm2, float)
    if not np.all((mass_thickness >= 0) & (mass_thickness < np.inf)):
        raise EDSError("the thickness of every label must be a number of 0 nm or more")
    if not 0 < take_off_angle_deg <= 90:
        raise EDSError(f"take-off angle must be above 0 and up to 90°, not {take_off_angle_deg}")
    return mass_thickness / np.sin(np.radians(take_off_angle_deg))
