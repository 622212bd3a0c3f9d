"""What attenuates X-rays on their way into the detector, and how the detector broadens them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_eds.errors import EDSError
from napari_eds.physics.absorption import (
    LOWEST_ATTENUATION_keV,
    attenuation_cm2_g,
    mixed_absorption_cm2_g,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SILICON_DENSITY_g_cm3 = 2.33
SILICON_KA_KEV, SILICON_K_EDGE_KEV = 1.740, 1.839
_SILICON_Z = 14

#: Mn K-L3 (xraylib), and the slope of FWHM² against energy by Fiori and Newbury.
MnKa_keV = 5.8987
FIORI_NEWBURY_eV = 2.5


@dataclass(frozen=True)
class AbsorbingLayer:
    """A homogeneous layer in front of the detector: formula such as ``"Si3N4"``, in nm."""

    formula: str
    thickness_nm: float
    density_g_cm3: float

    def __post_init__(self) -> None:
        if not (0 <= self.thickness_nm < np.inf and 0 < self.density_g_cm3 < np.inf):
            raise EDSError(f"a layer needs a thickness of 0 or more and a density, not {self}")

    def transmission(self, energies_keV: ArrayLike) -> np.ndarray:
        """Share of X-rays that pass, shape of `energies_keV`."""
        fractions = formula_weight_fractions(self.formula)
        mac = mixed_absorption_cm2_g(fractions, energies_keV)
        return np.exp(-mac * self.density_g_cm3 * self.thickness_nm * 1e-7)


@dataclass(frozen=True)
class SupportGrid:
    """Bars that carry a window, and the share of its area between them."""

    bars: AbsorbingLayer
    open_fraction: float

    def __post_init__(self) -> None:
        if not 0 < self.open_fraction <= 1:
            raise EDSError(f"a grid is open in above 0 and up to 1 of its area, not {self}")

    def transmission(self, energies_keV: ArrayLike) -> np.ndarray:
        """Share of X-rays that pass, shape of `energies_keV`."""
        behind_bars = self.bars.transmission(energies_keV)
        return self.open_fraction + (1 - self.open_fraction) * behind_bars


@dataclass(frozen=True)
class DetectorModel:
    """A silicon drift detector as a stack of layers.

    The defaults describe a windowless detector: front contact, dead layer and the little carbon
    that covers most of them after some months. They are the largest uncertainty of k-factors
    below 1 keV.

    Attributes
    ----------
    crystal_mm : float
        Thickness of active silicon.
    dead_layer_nm : float
        Silicon below the contact whose charge is lost.
    contact : AbsorbingLayer or None
    window : tuple of AbsorbingLayer
        Layers in front of the contact: window, light shield, contamination.
    grid : SupportGrid or None
        What carries the window.
    """

    crystal_mm: float = 0.45
    dead_layer_nm: float = 50.0
    contact: AbsorbingLayer | None = AbsorbingLayer("Al", 30.0, 2.70)
    window: tuple[AbsorbingLayer, ...] = (AbsorbingLayer("C", 20.0, 1.8),)
    grid: SupportGrid | None = None

    def __post_init__(self) -> None:
        if not (0 < self.crystal_mm < np.inf and 0 <= self.dead_layer_nm < np.inf):
            raise EDSError(f"a detector needs silicon, and a dead layer of 0 or more, not {self}")

    @property
    def layers(self) -> tuple[AbsorbingLayer, ...]:
        """All layers X-rays cross before the active silicon, outermost first."""
        contact = () if self.contact is None else (self.contact,)
        dead = AbsorbingLayer("Si", self.dead_layer_nm, SILICON_DENSITY_g_cm3)
        return (*self.window, *contact, dead)

    def efficiency(self, energies_keV: ArrayLike) -> np.ndarray:
        """Share of X-rays entering the detector that are counted at their full energy.

        Transmission of all layers times photoelectric absorption in the crystal: a scattered
        X-ray leaves no full-energy count. Escape peaks are not subtracted.

        Returns
        -------
        ndarray of float64, shape of `energies_keV`
            0 below 0.1 keV, where attenuation is not tabulated and noise hides everything.
        """
        energies = np.asarray(energies_keV, float)
        seen = energies >= LOWEST_ATTENUATION_keV
        inside = np.where(seen, energies, LOWEST_ATTENUATION_keV)
        absorbed = self.stopped(inside)
        for layer in self.layers:
            absorbed = absorbed * layer.transmission(inside)
        if self.grid is not None:
            absorbed = absorbed * self.grid.transmission(inside)
        return np.where(seen, absorbed, 0.0)

    def stopped(self, energies_keV: np.ndarray) -> np.ndarray:
        """Share of X-rays entering the crystal that it absorbs, shape of `energies_keV`."""
        depth_g_cm2 = self.crystal_mm * 0.1 * SILICON_DENSITY_g_cm3
        return np.asarray(-np.expm1(-attenuation_cm2_g("Si", energies_keV, "photo") * depth_g_cm2))


#: The detector assumed where nothing is known.
WINDOWLESS = DetectorModel()


def resolution_keV(energies_keV: ArrayLike, resolution_MnKa_eV: float = 130.0) -> np.ndarray:
    """Full width at half maximum of a peak, in keV, shape of `energies_keV`.

    Fiori and Newbury, *Scanning Electron Microscopy* 1978/I, 401: FWHM² = FWHM_MnKa² +
    2.5 eV (E - E_MnKa).

    Raises
    ------
    EDSError
        If the width is not real at an energy: below 121.4 eV at Mn Ka no silicon detector
        reaches 0 keV.
    """
    offset_eV = (np.asarray(energies_keV, float) - MnKa_keV) * 1000
    squared = resolution_MnKa_eV**2 + FIORI_NEWBURY_eV * offset_eV
    if not np.all(squared > 0):
        raise EDSError(
            f"a resolution of {resolution_MnKa_eV} eV at Mn Ka is too good to be true at the "
            f"lowest energy asked for; silicon allows 122 eV and more"
        )
    return np.sqrt(squared) / 1000


def formula_weight_fractions(formula: str) -> dict[str, float]:
    """Weight fractions of a formula such as ``"SrTiO3"``.

    Raises
    ------
    EDSError
        If it is no formula.
    """
    import xraylib

    try:
        parsed = xraylib.CompoundParser(formula)
    except ValueError as error:
        raise EDSError(f"cannot read {formula!r} as a formula: {error}") from None
    symbols = map(xraylib.AtomicNumberToSymbol, parsed["Elements"])
    return dict(zip(symbols, parsed["massFractions"], strict=True))


def silicon_escape(energies_keV: ArrayLike) -> np.ndarray:
    """Share of the counts of a line that lie in its escape peak, one Si Ka below it.

    ``w r / 2 (1 - (mu_K / mu) ln(1 + mu / mu_K))`` with the fluorescence yield w of the Si K
    shell, the share r of photoabsorption that falls to it, and the attenuation of silicon at the
    line and at Si Ka: S. J. B. Reed and N. G. Ware, *J. Phys. E* 5 (1972) 582.

    Returns
    -------
    ndarray of float64, shape of `energies_keV`
        0 below the K edge of silicon.
    """
    import xraylib

    energies = np.asarray(energies_keV, float)
    is_hard = energies > SILICON_K_EDGE_KEV
    jump = xraylib.JumpFactor(_SILICON_Z, xraylib.K_SHELL)
    fluorescence = xraylib.FluorYield(_SILICON_Z, xraylib.K_SHELL) * (1 - 1 / jump)
    at_lines = attenuation_cm2_g("Si", np.where(is_hard, energies, SILICON_KA_KEV), "photo")
    ratio = at_lines / attenuation_cm2_g("Si", np.array(SILICON_KA_KEV), "photo")
    return np.where(is_hard, fluorescence / 2 * (1 - np.log1p(ratio) / ratio), 0.0)


#: Lines above the K edge of silicon have a tail of this length over their energy, and the share of
#: their counts in it falls with this power of the energy. Spectra of CaF2, Ti and Fe by four
#: detectors of NIST, fitted line by line: shares of 0.033 to 0.046, 0.026 to 0.029 and 0.013 to
#: 0.018, lengths of 0.014 to 0.026 of the energy.
_TAIL_PER_ENERGY, _TAIL_POWER, _TITANIUM_KA_KEV = 0.02, -1.75, 4.51


def hard_tail(energies_keV: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Share of a line's counts in its tail, over that of Ti K alpha, and the tail's length, keV.

    Where charge is lost near a contact, or carried off by a fast electron, a line leaks to lower
    energies by a part of its own. That of soft lines is another one, see `recipe.LowEnergyTail`.

    Returns
    -------
    shares, lengths_keV : ndarray of float64, shape of `energies_keV`
        No share below the K edge of silicon.
    """
    energies = np.asarray(energies_keV, float)
    is_hard = energies > SILICON_K_EDGE_KEV
    shares = (np.where(is_hard, energies, 1.0) / _TITANIUM_KA_KEV) ** _TAIL_POWER
    return np.where(is_hard, shares, 0.0), _TAIL_PER_ENERGY * energies
