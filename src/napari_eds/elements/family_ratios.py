"""How strong the families of an element are beside each other, as physics lets expect."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from napari_eds.physics import emission
from napari_eds.physics.detector import WINDOWLESS

#: Bethe's law in the form of Joy and Luo (*Scanning* 11 (1989) 176), whose mean ionisation energy
#: is that of copper; and steps along the path of electrons in bulk.
_BETHE, _IONISATION_KEV, _PATH_STEPS = 1.166, 0.314, 20


@lru_cache(maxsize=2048)
def expected_counts(
    element: str, family: str, beam_energy_keV: float, *, foil: bool = True
) -> float:
    """Return the counts of a family per atom, up to a common factor; see `emission`.

    In bulk the electrons slow down: the average is over their path, along which they lose energy
    by Bethe's law in a medium-heavy element. Absorption is left out.
    """
    beams, weights = np.array([beam_energy_keV]), np.ones(1)
    if not foil:
        beams = beam_energy_keV * (np.arange(_PATH_STEPS) + 0.5) / _PATH_STEPS
        weights = beams / np.log1p(_BETHE * beams / _IONISATION_KEV)
        weights /= weights.sum()
    lines = emission.emission_lines(element, family, beams)
    seen = lines.cross_sections_cm2 @ WINDOWLESS.efficiency(lines.energies_keV)
    return float(weights @ seen)
