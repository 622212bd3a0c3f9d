"""Radiative Auger emission: the band below the K alpha lines of light elements.

A K vacancy is filled from the L shell, and a second L electron leaves with a part of the energy
that the photon has otherwise (T. Aberg, Phys. Rev. A 4 (1971) 1735). The photon lacks at least the
binding of that electron in an atom that has lost one already, which is about that of the next
element ("Z + 1"): edges of the band so computed lie within 20 eV of those measured of Na to Cl (H.
Takahashi et al., Surf. Interface Anal. 31 (2001) 118). A silicon detector sees a shoulder, at the
place of the next lighter element's K alpha.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from napari_eds.physics.lines import atomic_number

#: Elements of which the band is known: below, it lies within the K line; above, it is less than
#: the tail of any detector.
_LIGHTEST_Z, _HEAVIEST_Z = 10, 30
#: Counts of the band over those of K alpha at Mg, and the power of the atomic number with which
#: they fall: what fits of spectra of Mg, Al, Si, Ca and Fe standards of NIST (10 to 20 kV) agree
#: on within 40 %, some of which may be incomplete charge collection. Others saw 0.3 % at Fe to Cu.
_SHARE_OF_MG, _MG_Z, _POWER = 0.017, 12, -3.0
#: The band is drawn as so many lines, up to this many times the binding energy below its edge;
#: it falls off by e over one binding energy.
_N_LINES, _REACH = 6, 3.0


@cache
def radiative_auger(element: str) -> tuple[tuple[float, float], ...]:
    """Return the band of an element as lines.

    Parameters
    ----------
    element : str
        Symbol.

    Returns
    -------
    tuple of (float, float)
        By how much each lies below K alpha, in keV, and its counts per count of K alpha. Empty
        outside Ne to Zn.
    """
    import xraylib

    z = atomic_number(element)
    if not _LIGHTEST_Z <= z <= _HEAVIEST_Z:
        return ()
    binding = xraylib.EdgeEnergy(z + 1, xraylib.L3_SHELL)
    electron = (np.arange(_N_LINES) + 0.5) * _REACH / _N_LINES
    shares = np.exp(-electron)
    shares *= _SHARE_OF_MG * (z / _MG_Z) ** _POWER / shares.sum()
    return tuple(zip((binding * (1 + electron)).tolist(), shares.tolist(), strict=True))
