"""k-factors computed from first principles."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from numbers import Real

import numpy as np

from napari_eds._support.arguments import expect
from napari_eds.errors import EDSError, KFactorError
from napari_eds.physics import emission
from napari_eds.physics.detector import WINDOWLESS, DetectorModel
from napari_eds.physics.detector_windows import in_words
from napari_eds.recipe.k_factor_errors import class_error
from napari_eds.recipe.k_factors import Convention, KFactorTable, checked_table

#: Beam energies for which k-factors are computed: below, films are not thin.
_THEORY_RANGE_keV = (40.0, 400.0)
#: Of the logarithm of what a window lets pass, by how two descriptions of one make differ; a
#: family of which less passes than the second number, beside Si K, has no computed k-factor.
_WINDOW_RELATIVE_ERROR, _LEAST_PASSING = 0.25, 0.01


def why_not_computed(beam_energy_keV: float) -> str:
    """Say why there are no computed k-factors for a beam energy; empty where there are."""
    low, high = _THEORY_RANGE_keV
    if low <= beam_energy_keV <= high:
        return ""
    return (
        f"k-factors can be computed for beam energies of {low:g} to {high:g} keV, not "
        f"{beam_energy_keV:g} keV"
    )


def theoretical_k_factors(
    beam_energy_keV: float,
    detector: DetectorModel = WINDOWLESS,
    *,
    convention: Convention = "family",
    elements: Iterable[str] | None = None,
) -> KFactorTable:
    """Compute a table from first principles, relative to Si K; see `theoretical_k_factor`.

    For where no measured table is at hand, and for any beam energy. The relative errors are
    5 to 50 % by class of line; `k_factor_errors.class_error` says why. What a window swallows is
    known to a quarter of its logarithm, which adds to them. Velox's k-factors of L
    lines of 3-20 keV are 0.77 to 0.81 of theory. Neither being a measurement, theory is left as
    it is: when K lines of some elements are quantified with L lines of others, expect such a bias
    of the ratio, and remove it with a region of known composition.

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
    expect(beam_energy_keV=(beam_energy_keV, Real), detector=(detector, DetectorModel))
    refusal = why_not_computed(beam_energy_keV)
    if refusal:
        raise KFactorError(f"{refusal}; use k-factors measured on standards at this voltage")
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


def stand_in_k_factors(beam_energy_keV: float) -> KFactorTable:
    """Return computed k-factors for the nearest beam energy that has some.

    For where k-factors are about to be measured, which rests on intensities alone, and there are
    none for the beam energy of the map yet.
    """
    return theoretical_k_factors(float(np.clip(beam_energy_keV, *_THEORY_RANGE_keV)))


@cache
def _theory(
    beam_energy_keV: float, detector: DetectorModel, convention: Convention
) -> KFactorTable:
    windowless = _relative_to_silicon(beam_energy_keV, WINDOWLESS, convention)
    rows = []
    for name, k in _relative_to_silicon(beam_energy_keV, detector, convention).items():
        element, family = name
        passing = windowless[name] / k
        if passing >= _LEAST_PASSING:
            of_window = _WINDOW_RELATIVE_ERROR * float(np.log(passing))
            error = float(np.hypot(class_error(element, family), of_window))
            rows.append((element, family, k, error))
    source = (
        "first principles (Bote-Salvat cross-sections, xraylib) for "
        f"{in_words(detector)}, not measured"
    )
    return checked_table(rows, convention, source, beam_energy_keV)


@cache
def _relative_to_silicon(
    beam_energy_keV: float, detector: DetectorModel, convention: Convention
) -> dict[tuple[str, str], float]:
    """Return the k-factor of each element and family that has lines in the range."""
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
    of_silicon = found["Si", "K"]
    return {name: k / of_silicon for name, k in found.items()}
