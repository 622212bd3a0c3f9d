"""X-rays from first principles: generation in a thin specimen, absorption, detection.

Independent of HyperSpy and eXSpy. Ionisation cross-sections are those of Bote and Salvat
(`cross_sections`), yields and rates xraylib's (`vacancies`), the detector a stack of layers
(`detector`). xraylib is imported at the first call of a function, not with this module.

Conventions: energies in keV, cross-sections in cm² per atom, thickness in nm, density in g/cm³,
angles in degrees. Families are ``"K"``, ``"L"`` and ``"M"``, elements symbols from B to Cf.
Ionisation holds from threshold to 1 GeV; the thin-film assumption makes 40-400 keV its range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import mixed_absorption_cm2_g
from napari_eds.physics.cross_sections import SHELLS, ELECTRON_REST_eV, shell_cross_section_cm2
from napari_eds.physics.detector import WINDOWLESS, DetectorModel
from napari_eds.physics.vacancies import (
    ALPHA_LINES,
    FAMILY_SHELLS,
    HEAVIEST_Z,
    LIGHTEST_Z,
    atomic_number,
    family_lines,
    vacancy_transfer,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


FAMILIES = tuple(FAMILY_SHELLS)

#: Lines counted by k-factors: detectors see less below, axes end above.
DETECTED_RANGE_keV = (0.1, 40.0)

#: Classical electron radius in cm and fine-structure constant (CODATA 2018).
_ELECTRON_RADIUS_cm = 2.8179403262e-13
_FINE_STRUCTURE = 7.2973525693e-3

_BARN_cm2 = 1e-24


@dataclass(frozen=True, eq=False)
class EmissionLines:
    """Lines of one family of one element under electron irradiation.

    Attributes
    ----------
    element, family : str
    names : tuple of str
        IUPAC names such as ``"L3-M5"``.
    energies_keV : ndarray, (lines,)
    cross_sections_cm2 : ndarray, (..., lines)
        Photons of each line per atom, per electron and cm², over all directions; leading axes
        are those of the beam energy.
    """

    element: str
    family: str
    names: tuple[str, ...]
    energies_keV: np.ndarray
    cross_sections_cm2: np.ndarray

    def selected(self, keep: np.ndarray) -> EmissionLines:
        """Return the lines where the boolean mask `keep`, (lines,), is true."""
        names = tuple(name for name, kept in zip(self.names, keep, strict=True) if kept)
        return EmissionLines(
            self.element,
            self.family,
            names,
            self.energies_keV[keep],
            self.cross_sections_cm2[..., keep],
        )

    def alpha(self) -> EmissionLines:
        """Return the alpha doublet: K-L2,3, L3-M4,5 or M5-N6,7."""
        return self.selected(np.isin(self.names, ALPHA_LINES[self.family]))

    def counted_cm2(self, detector: DetectorModel = WINDOWLESS) -> np.ndarray:
        """Return the cross-section of photons that a detector counts, of all lines together.

        Returns
        -------
        ndarray, (...)
            Leading axes are those of the beam energy.
        """
        return np.asarray(self.cross_sections_cm2 @ detector.efficiency(self.energies_keV))


def element_symbols() -> tuple[str, ...]:
    """Elements whose emission can be computed, by atomic number."""
    import xraylib

    return tuple(map(xraylib.AtomicNumberToSymbol, range(LIGHTEST_Z, HEAVIEST_Z + 1)))


def alpha_energy_keV(element: str, family: str, beam_energy_keV: float) -> float:
    """Mean energy of the alpha doublet, or of all lines where its rates are unknown (La-Eu M).

    Raises
    ------
    EDSError
        If the beam excites no line of the family.
    """
    lines = emission_lines(element, family, beam_energy_keV)
    chosen = lines.alpha() if lines.alpha().names else lines
    if not chosen.cross_sections_cm2.sum() > 0:
        raise EDSError(f"a beam of {beam_energy_keV:g} keV excites no {element} {family} line")
    return float(np.average(chosen.energies_keV, weights=chosen.cross_sections_cm2))


def element_density_g_cm3(element: str) -> float:
    """Density of the pure element (xraylib)."""
    import xraylib

    return xraylib.ElementDensity(atomic_number(element))


def weight_fractions(atomic_percent: Mapping[str, float]) -> dict[str, float]:
    """Weight fractions, summing to 1, of atomic percents (or any amounts of atoms)."""
    masses = {
        element: x * xray.atomic_weight(element, source="xraylib")
        for element, x in atomic_percent.items()
    }
    total = sum(masses.values())
    if not (np.isfinite(total) and total > 0 and min(masses.values()) >= 0):
        raise EDSError(f"amounts must be 0 or more and not all 0, not {dict(atomic_percent)}")
    return {element: mass / total for element, mass in masses.items()}


def ionisation_cross_section_cm2(
    element: str, shell: str, beam_energy_keV: ArrayLike
) -> np.ndarray:
    """Cross-section of electrons for ionising subshell ``"K"``, ``"L1"`` ... ``"M5"``, in cm².

    Shape of `beam_energy_keV`; 0 below the edge and for absent shells. Bote, Salvat, Jablonski
    and Powell (2009); the formula is given with `cross_sections.shell_cross_section_cm2`.
    """
    return shell_cross_section_cm2(atomic_number(element), shell, beam_energy_keV)


def emission_lines(
    element: str, family: str, beam_energy_keV: ArrayLike, *, cascade: bool = True
) -> EmissionLines:
    """Lines of a family with the cross-section for emitting each.

    Ionisation of every subshell, moved outwards by Coster-Kronig transitions and, with
    `cascade`, by the filling of deeper shells, times fluorescence yield, times radiative rate.

    Parameters
    ----------
    element : str
        Symbol, B to Cf.
    family : {"K", "L", "M"}
    beam_energy_keV : array_like
        One energy or several.
    cascade : bool
        Whether vacancies that K and L ionisation leaves in L and M are counted. They are part
        of a measured intensity; tables of single-shell cross-sections leave them out.

    Returns
    -------
    EmissionLines
        Without lines where the element has none of this family.
    """
    Z = _checked(element, family)
    ionised = np.stack([shell_cross_section_cm2(Z, s, beam_energy_keV) for s in SHELLS], axis=-1)
    lines = family_lines(Z, family)
    vacancies = ionised @ vacancy_transfer(Z, cascade=cascade)
    return EmissionLines(
        element, family, lines.names, lines.energies_keV, vacancies @ lines.photons_per_vacancy
    )


def theoretical_k_factor(  # noqa: PLR0913 - a k-factor depends on this much
    element: str,
    family: str,
    beam_energy_keV: ArrayLike,
    detector: DetectorModel = WINDOWLESS,
    convention: Literal["family", "alpha"] = "family",
    *,
    energy_range_keV: tuple[float, float] = DETECTED_RANGE_keV,
) -> np.ndarray:
    """Weight-based Cliff-Lorimer k-factor from first principles, up to a common factor.

    k = A / sum over lines of (emission cross-section x detector efficiency), so that
    C_1 / C_2 = k_1 I_1 / (k_2 I_2) for weight fractions C and thin-film intensities I (Cliff
    and Lorimer, *J. Microsc.* 103 (1975) 203). In units of g/mol per barn: only ratios of
    values with the same beam energy, detector and convention mean something.

    How far to trust it: relative to Ti K, a table exported by Velox (200 keV) lies within 2 %
    for K lines of 3-8 keV and 10 % for other K lines on the median, but at 0.77 to 0.81 of
    theory for L lines of 3-20 keV and at half of it for M lines. Neither is a measurement of
    the instrument at hand. M families of elements lighter than Ce are unknown to a factor of 2.

    Parameters
    ----------
    element : str
        Symbol, B to Cf.
    family : {"K", "L", "M"}
    beam_energy_keV : array_like
    detector : DetectorModel
    convention : {"family", "alpha"}
        Whether the intensity is the sum over the family's lines, each with its own efficiency,
        or that of the alpha doublet alone. Mixing them up costs up to a factor of 2.
    energy_range_keV : tuple of float
        Lines outside do not count, because the energy axis ends.

    Returns
    -------
    ndarray of float64, shape of `beam_energy_keV`
        inf where the beam cannot excite the family.

    Raises
    ------
    EDSError
        If the element or family is unknown, or has no line in the energy range.
    """
    lines = emission_lines(element, family, beam_energy_keV)
    if convention == "alpha":
        lines = lines.alpha()
    elif convention != "family":
        raise EDSError(f"convention must be 'family' or 'alpha', not {convention!r}")
    low, high = energy_range_keV
    lines = lines.selected((lines.energies_keV >= low) & (lines.energies_keV <= high))
    if not lines.names:
        which = "alpha line" if convention == "alpha" else "line"
        raise EDSError(f"{element} has no {family} {which} from {low:g} to {high:g} keV")
    counted = lines.counted_cm2(detector) / _BARN_cm2
    with np.errstate(divide="ignore"):
        return np.asarray(xray.atomic_weight(element, source="xraylib") / counted)


def absorption_factor(
    weight_fractions: Mapping[str, float],
    energies_keV: ArrayLike,
    *,
    thickness_nm: ArrayLike,
    density_g_cm3: float,
    take_off_angle_deg: float,
) -> np.ndarray:
    """Factor a >= 1 by which a measured intensity must be multiplied to undo self-absorption.

    a = x / (1 - exp(-x)), x = mass absorption x density x thickness / sin(take-off angle), for
    X-rays born evenly through a parallel-sided foil normal to the beam (Goldstein, Costley,
    Lorimer and Reed, *Scanning Electron Microscopy* 1977/I, 315).

    Returns
    -------
    ndarray
        Shape of `energies_keV` and `thickness_nm` broadcast against each other.
    """
    thickness = np.asarray(thickness_nm, float)
    if not np.all((thickness >= 0) & np.isfinite(thickness)):
        raise EDSError("thickness must be 0 nm or more")
    if not 0 < take_off_angle_deg <= 90:
        raise EDSError(f"take-off angle must be above 0 and up to 90°, not {take_off_angle_deg}")
    if not 0 < density_g_cm3 < np.inf:
        raise EDSError(f"density must be positive, not {density_g_cm3} g/cm³")
    mac = mixed_absorption_cm2_g(weight_fractions, energies_keV)
    path_cm = thickness * 1e-7 / np.sin(np.radians(take_off_angle_deg))
    x = mac * density_g_cm3 * path_cm
    # The limit at 0 is 1; expm1 keeps every digit next to it.
    return np.divide(x, -np.expm1(-x), out=np.ones_like(x), where=x > 0)


def bremsstrahlung_cross_section_cm2_keV(
    element: str, energies_keV: ArrayLike, beam_energy_keV: float
) -> np.ndarray:
    """Cross-section for emitting bremsstrahlung, in cm² per keV of photon energy.

    The Bethe-Heitler cross-section integrated over all directions (formula 3BN of Koch and
    Motz, *Rev. Mod. Phys.* 31 (1959) 920) times the Coulomb correction of Elwert (*Ann. Phys.*
    34 (1939) 178). It describes thin films at these beam energies, where Kramers' formula for
    bulk specimens does not apply: nearly 1/E, falling somewhat faster.

    Screening is left out (it lowers the softest X-rays), and so is the angular distribution: a
    detector behind the specimen sees several times less than the average over all directions,
    with little dependence on photon energy.

    Returns
    -------
    ndarray of float64, shape of `energies_keV`
        0 at energies of 0 or less and from the beam energy on.
    """
    if not 0 < beam_energy_keV < np.inf:
        raise EDSError(f"beam energy must be positive, not {beam_energy_keV} keV")
    Z = atomic_number(element)
    energies = np.asarray(energies_keV, float)
    possible = (energies > 0) & (energies < beam_energy_keV)
    rest_keV = ELECTRON_REST_eV / 1000
    k = np.where(possible, energies, beam_energy_keV / 2) / rest_keV
    total = 1 + beam_energy_keV / rest_keV
    squared = (Z * _ELECTRON_RADIUS_cm) ** 2 * _FINE_STRUCTURE
    area = squared / k * _bethe_heitler(total, k) * _elwert(Z, total, k) / rest_keV
    return np.where(possible, area, 0.0)


def _bethe_heitler(E0: float, k: np.ndarray) -> np.ndarray:
    """Return 3BN in units of Z² r0² alpha / k; total energy E0 and photon energy k in mc²."""
    E = E0 - k
    p0, p = np.sqrt(E0**2 - 1), np.sqrt(E**2 - 1)
    e0, e = 2 * np.log(E0 + p0), 2 * np.log(E + p)
    logarithm = 2 * np.log((E0 * E + p0 * p - 1) / k)
    plain = (
        4 / 3
        - 2 * E0 * E * (p**2 + p0**2) / (p0 * p) ** 2
        + e0 * E / p0**3
        + e * E0 / p**3
        - e * e0 / (p0 * p)
    )
    weight = 8 / 3 * E0 * E / (p0 * p) + k**2 * ((E0 * E) ** 2 + (p0 * p) ** 2) / (p0 * p) ** 3
    weight += (
        k
        / (2 * p0 * p)
        * (
            (E0 * E + p0**2) / p0**3 * e0
            - (E0 * E + p**2) / p**3 * e
            + 2 * k * E0 * E / (p0 * p) ** 2
        )
    )
    return p / p0 * (plain + logarithm * weight)


def _elwert(Z: int, E0: float, k: np.ndarray) -> np.ndarray:
    """Elwert's ratio of the Coulomb wave densities after and before emission."""
    beta0 = np.sqrt(1 - 1 / E0**2)
    beta = np.sqrt(1 - 1 / (E0 - k) ** 2)
    strength = 2 * np.pi * Z * _FINE_STRUCTURE
    return beta0 * np.expm1(-strength / beta0) / (beta * np.expm1(-strength / beta))


def _checked(element: str, family: str) -> int:
    """Return Z, having checked element and family."""
    if family not in FAMILIES:
        raise EDSError(f"unknown line family {family!r}: expected one of {', '.join(FAMILIES)}")
    return atomic_number(element)
