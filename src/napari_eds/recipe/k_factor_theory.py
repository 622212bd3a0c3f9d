"""k-factors computed from first principles."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from napari_eds.errors import EDSError, KFactorError
from napari_eds.physics import emission
from napari_eds.recipe.k_factors import Convention, KFactorTable, checked_table

#: Beam energies for which k-factors are computed: below, films are not thin.
_THEORY_RANGE_keV = (40.0, 400.0)


def theoretical_k_factors(
    beam_energy_keV: float,
    detector: emission.DetectorModel = emission.WINDOWLESS,
    *,
    convention: Convention = "family",
    elements: Iterable[str] | None = None,
) -> KFactorTable:
    """Compute a table from first principles, relative to Si K; see `theoretical_k_factor`.

    For where no measured table is at hand, and for any beam energy. The relative errors are by
    classes of the alpha line's energy: 5 % for K of 3-20 keV, 10 % for K of 1-3 keV, 25 % for
    L of 3-20 keV, 50 % for M, 30 % for the rest. They come from a comparison with a table that
    Velox exported for 200 keV, relative to Ti K: it lies within 2 % (K, 3-8 keV), 10 % (K, 1-3
    and 8-20 keV), 17 % (K below 1 keV, where the dead layer of the detector matters most), at
    0.77 to 0.81 of theory for L of 3-20 keV, and at half of it for M. Neither being a measurement,
    theory is left as it is: when K lines of some elements are quantified with L lines of others,
    expect such a bias of the ratio, and remove it with a region of known composition.

    Parameters
    ----------
    beam_energy_keV : float
        40 to 400.
    detector : DetectorModel
    convention : {"family", "alpha"}
    elements : iterable of str, optional
        Symbols; all from B to Cf by default.

    Returns
    -------
    KFactorTable
        Every family with lines of 0.1-40 keV that the beam excites.

    Raises
    ------
    KFactorError
        If the beam energy is out of range, or an element is unknown.
    """
    low, high = _THEORY_RANGE_keV
    if not low <= beam_energy_keV <= high:
        raise KFactorError(
            f"k-factors can be computed for beam energies of {low:g} to {high:g} keV, not "
            f"{beam_energy_keV:g} keV"
        )
    table = _theory(float(beam_energy_keV), detector, convention)
    if elements is None:
        return table
    wanted = set(elements)
    missing = sorted(wanted - {factor.element for factor in table.factors})
    if missing:
        raise KFactorError(
            f"k-factors cannot be computed for {', '.join(map(repr, missing))}: expected symbols "
            "from B to Cf"
        )
    chosen = tuple(factor for factor in table.factors if factor.element in wanted)
    return table.model_copy(update={"factors": chosen})


@cache
def _theory(
    beam_energy_keV: float, detector: emission.DetectorModel, convention: Convention
) -> KFactorTable:
    found: dict[tuple[str, str], float] = {}
    for element in emission.element_symbols():
        for family in emission.FAMILIES:
            try:
                k = emission.theoretical_k_factor(
                    element, family, beam_energy_keV, detector, convention
                )
            except EDSError:  # no line of this family in the range
                continue
            if np.isfinite(k):
                found[element, family] = float(k)
    rows = []
    for (element, family), value in found.items():
        energy = emission.alpha_energy_keV(element, family, beam_energy_keV)
        rows.append((element, family, value / found["Si", "K"], _theory_error(family, energy)))
    source = "first principles (Bote-Salvat cross-sections, xraylib), not measured"
    return checked_table(rows, convention, source, beam_energy_keV)


def _theory_error(family: str, alpha_energy_keV: float) -> float:
    """Relative error of a computed k-factor, by class; see `theoretical_k_factors`."""
    if family == "M":
        return 0.50
    if 3 <= alpha_energy_keV <= 20:
        return 0.05 if family == "K" else 0.25
    return 0.10 if family == "K" and 1 <= alpha_energy_keV < 3 else 0.30
