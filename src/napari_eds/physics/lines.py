"""X-ray lines, families and atomic weights, out of eXSpy's line tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from napari_eds.errors import ModelError
from napari_eds.physics import vacancies
from napari_eds.physics.exspy_tables import elements

FAMILIES = ("K", "L", "M")

#: Energy of the Mn Ka line in keV at which detector resolutions are stated (eXSpy's table).
MN_KA_KEV = 5.8987

#: Growth of a line's squared width with its energy, in eV² per eV: Fiori and Newbury, Scanning
#: Electron Microscopy 1 (1978) 401. Of silicon with a Fano factor of 0.12 and 3.66 eV per pair,
#: ``8 ln 2 * 0.12 * 3.66`` gives 2.44.
FANO_EV = 2.5

#: No silicon detector has less electronic noise, as a full width at half maximum.
_LEAST_NOISE_EV = 10.0

#: Full width at half maximum of a Gaussian over its standard deviation.
FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))

#: A family is preferred for quantification only if the beam energy is at least this multiple of
#: its alpha energy: below, ionisation is inefficient (the rule HyperSpy and eXSpy use).
MINIMUM_OVERVOLTAGE = 2.0
#: Of harder lines, 0.45 mm of silicon stop less than one in twenty, and no k-factor is computed.
_HARDEST_KEV = 40.0

#: Atomic weights in g/mol that are wrong in xraylib; see `atomic_weight`.
_CORRECTED_WEIGHTS = {"Tm": 168.934219}


@dataclass(frozen=True)
class XRayLine:
    """One X-ray line; `weight` is its intensity relative to the alpha line of its family."""

    element: str
    name: str
    energy_keV: float
    weight: float

    def __str__(self) -> str:
        return f"{self.element}_{self.name}"


@dataclass(frozen=True)
class Family:
    """The K, L or M lines of an element, alpha first."""

    element: str
    family: str
    lines: tuple[XRayLine, ...]

    def __str__(self) -> str:
        return f"{self.element}_{self.family}"

    @property
    def alpha(self) -> XRayLine:
        """The alpha line, whose weight is 1."""
        return self.lines[0]

    @property
    def weight_sum(self) -> float:
        """Intensity of the whole family relative to its alpha line."""
        return sum(line.weight for line in self.lines)


@cache
def element_symbols() -> tuple[str, ...]:
    """Symbols of all elements with X-ray lines, by atomic number."""
    table = elements()
    symbols = [s for s in table if _raw_lines(s)]
    return tuple(sorted(symbols, key=lambda s: table[s]["Z"]))


def check_element(symbol: str) -> str:
    """Return `symbol` if it is an element with X-ray lines.

    Raises
    ------
    ModelError
        If it is not.
    """
    if symbol not in element_symbols():
        raise ModelError(
            f"{symbol!r} is not an element with known X-ray lines; write symbols such as Fe, Sr, O"
        )
    return symbol


@cache
def atomic_number(symbol: str) -> int:
    """Atomic number of an element."""
    return int(elements()[check_element(symbol)]["Z"])


@cache
def atomic_weight(symbol: str, *, source: Literal["exspy", "xraylib"] = "exspy") -> float:
    """Atomic weight of an element in g/mol, whether or not it has X-ray lines.

    Parameters
    ----------
    symbol : str
    source : {"exspy", "xraylib"}
        eXSpy's table is that of quantification, xraylib's that of the simulation and of k-factors
        from first principles. xraylib rounds some weights (47.9 for Ti, 197.2 for Au); its 167.27
        for Tm is no weight of Tm, for which 168.934219 is given (IUPAC, Pure Appl. Chem. 94 (2022)
        573).

    Raises
    ------
    ModelError, EDSError
        If there is no such element in eXSpy's table, or xraylib has no emission of it.
    """
    if source == "xraylib":
        return _weight_of_xraylib(symbol)
    if symbol not in elements():
        check_element(symbol)
    return float(elements()[symbol]["atomic_weight"])


def _weight_of_xraylib(symbol: str) -> float:
    import xraylib

    Z = vacancies.atomic_number(symbol)
    return _CORRECTED_WEIGHTS.get(symbol) or xraylib.AtomicWeight(Z)


@cache
def family(element: str, name: str) -> Family:
    """Return the lines of a family, alpha first, the others by energy.

    In eXSpy's model every line of a family is tied to the alpha line by its weight, and the
    alpha line's own weight is taken as 1, whatever the table says (it is 0.694 for Ti_La).

    Raises
    ------
    ModelError
        If the element has no such family.
    """
    raw = _raw_lines(check_element(element))
    alpha = f"{name}a"
    if name not in FAMILIES or alpha not in raw:
        raise ModelError(
            f"{element} has no {name} family; its families are "
            f"{', '.join(families_of(element)) or 'none'}"
        )
    others = sorted((n for n in raw if n[0] == name and n != alpha), key=lambda n: raw[n][0])
    lines = [XRayLine(element, alpha, raw[alpha][0], 1.0)]
    lines += [XRayLine(element, n, *raw[n]) for n in others]
    return Family(element, name, tuple(lines))


@cache
def families_of(element: str) -> tuple[str, ...]:
    """Names of the families an element has, such as ``("K", "L")``."""
    raw = _raw_lines(check_element(element))
    return tuple(name for name in FAMILIES if f"{name}a" in raw)


def families_in_range(
    element: str, low_keV: float, high_keV: float, beam_energy_keV: float
) -> tuple[Family, ...]:
    """Families whose alpha line lies in the range and below the beam energy."""
    high_keV = min(high_keV, beam_energy_keV)
    found = (family(element, name) for name in families_of(element))
    return tuple(f for f in found if low_keV <= f.alpha.energy_keV <= high_keV)


def default_family(
    element: str, low_keV: float, high_keV: float, beam_energy_keV: float
) -> Family:
    """Return the family to quantify with: the hardest in range at sufficient overvoltage.

    Of lines above 40 keV, a silicon detector stops hardly any: they yield to softer families.

    Raises
    ------
    ModelError
        If no alpha line of the element lies in the range.
    """
    found = families_in_range(element, low_keV, high_keV, beam_energy_keV)
    if not found:
        alphas = ", ".join(
            f"{family(element, n).alpha} {family(element, n).alpha.energy_keV:.3f} keV"
            for n in families_of(element)
        )
        raise ModelError(
            f"{element} has no line between {low_keV:g} and "
            f"{min(high_keV, beam_energy_keV):g} keV ({alphas}); widen the energy range or "
            "leave the element out"
        )
    stopped = [f for f in found if f.alpha.energy_keV <= _HARDEST_KEV] or found
    excited = [f for f in stopped if f.alpha.energy_keV * MINIMUM_OVERVOLTAGE <= beam_energy_keV]
    return max(excited or stopped, key=lambda f: f.alpha.energy_keV)


def fwhm_keV(
    energy_keV: np.ndarray | float, fwhm_MnKa_eV: float, fano_eV: float | None = None
) -> np.ndarray | float:
    """Full width at half maximum of a line, in keV.

    ``FWHM^2 = F (E - E_MnKa) + FWHM_MnKa^2``: Fiori and Newbury, Scanning Electron Microscopy 1
    (1978) 401. F, `fano_eV`, is what the statistics of charge carriers add per energy (by default
    `usual_fano_eV`); what is left at 0 keV is electronic noise.
    """
    if fano_eV is None:
        fano_eV = usual_fano_eV(fwhm_MnKa_eV)
    squared_eV2 = fano_eV * 1000 * (np.asarray(energy_keV) - MN_KA_KEV) + fwhm_MnKa_eV**2
    return np.sqrt(np.maximum(squared_eV2, 1.0)) / 1000


def usual_fano_eV(fwhm_MnKa_eV: float) -> float:
    """Return the growth of a line's squared width with its energy, in eV² per eV.

    That of silicon, `FANO_EV`. Detectors that are narrower than it allows are not of silicon, and
    have less: noise is taken for a quarter of their width at Mn Ka.
    """
    at_MnKa_eV2 = fwhm_MnKa_eV**2
    if at_MnKa_eV2 - FANO_EV * 1000 * MN_KA_KEV >= _LEAST_NOISE_EV**2:
        return FANO_EV
    return float((at_MnKa_eV2 - (fwhm_MnKa_eV / 4) ** 2) / (1000 * MN_KA_KEV))


@cache
def _raw_lines(symbol: str) -> dict[str, tuple[float, float]]:
    """Line name to (energy in keV, weight), as in eXSpy's table."""
    return {
        name: (energy, weight) for name, (energy, weight) in elements()[symbol]["lines"].items()
    }
