"""Radiative Auger emission: bands below the K alpha and K beta lines of light elements.

A K vacancy is filled from the L or M shell, and a second electron of that shell leaves with a part
of the energy that the photon has otherwise (T. Aberg, Phys. Rev. A 4 (1971) 1735). The photon
lacks at least the binding of that electron in an atom that has lost one already, which is about
that of the next element ("Z + 1"): edges of the band below K alpha so computed lie within 20 eV of
those measured of Na to Cl (H. Takahashi et al., Surf. Interface Anal. 31 (2001) 118). A silicon
detector sees a shoulder, that of K alpha at the place of the next lighter element's K alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from napari_eds.physics.lines import atomic_number

#: A band is drawn as so many lines, over so many times the energy in which it falls off by e.
_N_LINES, _REACH = 6, 3.0


@dataclass(frozen=True)
class _Band:
    """The band below a line.

    Elements of which it is known, the shell of the second electron, counts over those of the line
    at one atomic number and the power of it with which they go, and the fall by e in binding
    energies.
    """

    lightest_Z: int
    heaviest_Z: int
    shell: str
    share: float
    at_Z: int
    power: float
    fall: float

    def of(self, z: int) -> tuple[tuple[float, float], ...]:
        import xraylib

        if not self.lightest_Z <= z <= self.heaviest_Z:
            return ()
        binding = xraylib.EdgeEnergy(z + 1, getattr(xraylib, f"{self.shell}_SHELL"))
        electron = (np.arange(_N_LINES) + 0.5) * _REACH / _N_LINES
        shares = np.exp(-electron)
        shares *= self.share * (z / self.at_Z) ** self.power / shares.sum()
        below = binding * (1 + self.fall * electron)
        return tuple(zip(below.tolist(), shares.tolist(), strict=True))


#: Below K alpha: for lighter elements it lies within the line, of heavier ones it is less than
#: the tail of any detector. Its counts are what fits of spectra of Mg, Al, Si, Ca and Fe standards
#: of NIST (10 to 20 kV) agree on within 40 %, some of which may be incomplete charge collection.
#: Others saw 0.3 % at Fe to Cu.
_BELOW_ALPHA = _Band(10, 30, "L3", 0.017, 12, -3.0, 1.0)
#: Below K beta: lighter elements lack the 3p electrons. Its counts are those of the same spectra
#: of Ca, Ti and Fe (4 detectors: 0.08 to 0.10, 0.08 to 0.09, 0.04 to 0.08 of K beta) and of Cl
#: (0.15).
_BELOW_BETA = _Band(16, 30, "M3", 0.085, 22, -2.0, 2.0)


@cache
def radiative_auger(element: str, line: str = "Ka") -> tuple[tuple[float, float], ...]:
    """Return the band below a line of an element as lines.

    Parameters
    ----------
    element : str
        Symbol.
    line : {"Ka", "Kb"}

    Returns
    -------
    tuple of (float, float)
        By how much each lies below the line, in keV, and its counts per count of the line. Empty
        outside Ne to Zn, below K beta outside S to Zn.
    """
    band = _BELOW_ALPHA if line == "Ka" else _BELOW_BETA
    return band.of(atomic_number(element))
