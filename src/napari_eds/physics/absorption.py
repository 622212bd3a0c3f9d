"""Absorption of X-rays: coefficients of elements and mixtures, correction factors of a foil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_eds._support import hyperspy
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Tables of mass absorption; see `mass_absorption_cm2_g`.
Source = Literal["exspy", "xraylib"]

#: Range of xraylib's attenuation tables.
LOWEST_ATTENUATION_keV, HIGHEST_ATTENUATION_keV = 0.1, 800.0

#: Elements eXSpy has no coefficients of, as they absorb next to nothing.
_TRANSPARENT = ("H", "He")

#: Depth below which the slope of the factor is taken from its series, for precision.
_SMALL_DEPTH = 1e-3


@dataclass(frozen=True, eq=False)
class Foil:
    """What the specimen does to the X-rays of each label.

    Attributes
    ----------
    mass_absorption_cm2_g : ndarray, (elements, families)
        Of each element for the X-rays of each family.
    mass_thickness_g_cm2 : ndarray, (labels,)
        Density times thickness.
    take_off_angle_deg : float
    """

    mass_absorption_cm2_g: np.ndarray
    mass_thickness_g_cm2: np.ndarray
    take_off_angle_deg: float

    def of(self, labels: np.ndarray | slice) -> Foil:
        """Return the foil of some of the labels, by their positions."""
        return replace(self, mass_thickness_g_cm2=self.mass_thickness_g_cm2[labels])

    def factors(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Absorption factors (labels, families) of weight fractions (labels, elements)."""
        return absorption_factors(
            weight_fractions,
            self.mass_absorption_cm2_g,
            self.mass_thickness_g_cm2,
            self.take_off_angle_deg,
        )

    def log_slopes(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Return d ln a / dC of weight fractions C, (labels, families, elements).

        ``path * MAC * (1 / x - 1 / (exp(x) - 1))`` with the depth ``x = path * sum(C * MAC)``.
        """
        path = _path_g_cm2(self.mass_thickness_g_cm2, self.take_off_angle_deg)
        x = np.maximum(weight_fractions @ self.mass_absorption_cm2_g, 0) * path[:, None]
        large = np.where(x < _SMALL_DEPTH, 1.0, x)
        # 1 / expm1(x) without overflow at large x.
        exact = 1 / large + np.exp(-large) / np.expm1(-large)
        slope = np.where(x < _SMALL_DEPTH, 0.5 - x / 12, exact)
        return (slope * path[:, None])[:, :, None] * self.mass_absorption_cm2_g.T


def mass_thickness_g_cm2(thickness_nm: np.ndarray | float, density_g_cm3: float) -> np.ndarray:
    """Mass thickness of a thickness in nm and a density in g/cm³."""
    return np.asarray(thickness_nm, float) * density_g_cm3 * 1e-7


def mass_absorption_cm2_g(
    elements: Sequence[str], energies_keV: ArrayLike, *, source: Source = "exspy"
) -> np.ndarray:
    """Mass absorption coefficients of elements.

    Parameters
    ----------
    elements : sequence of str
    energies_keV : array_like
        Of the X-rays.
    source : {"exspy", "xraylib"}
        ``"exspy"``, that of quantification: photoabsorption after Chantler (NIST FFAST 2.1,
        https://dx.doi.org/10.18434/T4HS32). Hydrogen and helium, which eXSpy lacks, count as
        transparent. ``"xraylib"``, that of simulation, detector and background: photoabsorption
        and both scattering processes, from 0.1 to 800 keV.

        They differ by 5-15 % at most soft lines, and by far more next to edges: for O K eXSpy
        gives 1.43 times as much in V, 3.8 times in Sn, and 0.24 times in Cs.

    Returns
    -------
    ndarray, (elements, *shape of energies)
        In cm²/g.

    Raises
    ------
    EDSError
        If there are no coefficients of an element (in eXSpy those beyond uranium), or an energy
        lies outside xraylib's tables.
    """
    energies = np.asarray(energies_keV, float)
    if source == "xraylib":
        inside = (energies >= LOWEST_ATTENUATION_keV) & (energies <= HIGHEST_ATTENUATION_keV)
        if not np.all(inside):
            raise EDSError("X-ray attenuation is tabulated from 0.1 to 800 keV only")
        rows = [attenuation_cm2_g(element, energies, "total") for element in elements]
    else:
        flat = energies.ravel().tolist()
        rows = [np.array([_coefficient(element, e) for e in flat]) for element in elements]
    return np.array(rows, float).reshape(len(elements), *energies.shape)


def mixed_absorption_cm2_g(
    weight_fractions: Mapping[str, float], energies_keV: ArrayLike, *, source: Source
) -> np.ndarray:
    """Mass absorption coefficient of a composition, in cm²/g, shape of `energies_keV`.

    The average of the elements' by weight: fractions are not normalised, so pass what sums to 1.
    See `mass_absorption_cm2_g` for sources and errors.
    """
    total = np.zeros(np.shape(energies_keV))
    coefficients = mass_absorption_cm2_g(tuple(weight_fractions), energies_keV, source=source)
    for fraction, coefficient in zip(weight_fractions.values(), coefficients, strict=True):
        total = total + fraction * coefficient
    return total


def attenuation_cm2_g(
    element: str, energies_keV: np.ndarray, process: Literal["total", "photo"]
) -> np.ndarray:
    """Mass attenuation of one element (xraylib), by all processes or photoabsorption alone.

    Raises
    ------
    EDSError
        If xraylib has none, of the element or at an energy.
    """
    import xraylib

    table = xraylib.CS_Total if process == "total" else xraylib.CS_Photo
    try:
        Z = xraylib.SymbolToAtomicNumber(element)
        values = [table(Z, energy) for energy in energies_keV.ravel().tolist()]
    except (ValueError, TypeError) as error:
        raise EDSError(f"no X-ray attenuation of {element!r}: {error}") from None
    return np.array(values, float).reshape(energies_keV.shape)


@cache
def _coefficient(element: str, energy_keV: float) -> float:
    if element in _TRANSPARENT:
        return 0.0
    try:
        # Lists and integers fail inside.
        found = hyperspy.exspy().material.mass_absorption_coefficient(
            element, np.array([energy_keV], dtype=float)
        )
    except AttributeError as error:
        raise EDSError(f"there are no mass absorption coefficients of {element!r}") from error
    return float(found[0])


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
