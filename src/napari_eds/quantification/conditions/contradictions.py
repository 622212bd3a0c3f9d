"""Where what was said of a map contradicts its file, or the table of k-factors that was used."""

from __future__ import annotations

from collections.abc import Sequence

from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.physics.detector import WINDOWLESS, DetectorModel
from napari_eds.recipe.k_factor_comparison import rows_far_from_theory
from napari_eds.recipe.k_factors import NAMES, Convention, KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.acquisition import Acquisition

#: Beam energies that differ by no more than this, relatively, are the same.
SAME_BEAM = 0.02


def is_same_beam(beam_energy_keV: float, other_keV: float) -> bool:
    """Whether two beam energies are one, told with different precision."""
    return abs(beam_energy_keV / other_keV - 1) <= SAME_BEAM


def beam_of_file(acquisition: Acquisition, beam_energy_keV: float) -> float | None:
    """Return the beam energy that the file states, where another one was used; else None.

    Parameters
    ----------
    acquisition : Acquisition
    beam_energy_keV : float
        That of the model.
    """
    stated = acquisition.beam_energy_keV
    return None if stated is None or is_same_beam(beam_energy_keV, stated) else stated


def looks_bulk(acquisition: Acquisition, recipe: Recipe) -> bool:
    """Whether the specimen seems to be bulk, by the beam energy that was used or by the file's.

    A recipe that tells of a foil is believed, whatever the beam: there are foils in scanning
    microscopes. Else the file tells what the microscope was: another beam energy does not make a
    foil of a bulk specimen. A file that states none leaves it to the one that was used.
    """
    if recipe.is_of_foil:
        return False
    used = recipe.beam_energy_keV or acquisition.beam_energy_keV
    if used is None:
        return not acquisition.is_foil()
    stated = beam_of_file(acquisition, used)
    beams = (used,) if stated is None else (used, stated)
    return not all(acquisition.is_foil(beam) for beam in beams)


def lowest_beam_keV(acquisition: Acquisition, recipe: Recipe) -> float:
    """Return the beam energy of file or recipe, the lower one of two: that of a bulk specimen.

    Raises
    ------
    EDSError
        If neither tells it.
    """
    told = [e for e in (recipe.beam_energy_keV, acquisition.beam_energy_keV) if e]
    if not told:
        raise EDSError("neither file nor recipe tells the beam energy")
    return min(told)


def beam_remarks(acquisition: Acquisition, beam_energy_keV: float) -> list[str]:
    """Say where the beam energy that was used is not the one that the file states."""
    stated = beam_of_file(acquisition, beam_energy_keV)
    if stated is None:
        return []
    return [f"beam energy {beam_energy_keV:g} keV, though the file says {stated:g}"]


def table_remarks(
    table: KFactorTable,
    beam_energy_keV: float,
    families: Sequence[xray.Family] = (),
    *,
    detector: DetectorModel = WINDOWLESS,
    what: str = "k-factors",
) -> list[str]:
    """Say where a table was used in spite of what speaks against it.

    A table that tells no beam energy contradicts none.

    Parameters
    ----------
    table : KFactorTable
    beam_energy_keV : float
        That of the model.
    families : sequence of Family
        Those whose factors were used: others do no harm.
    detector : DetectorModel
        That of the model.
    what : str
        What the table holds; zeta-factors are used as one of k-factors.
    """
    found = []
    if table.is_contradicted:
        other: Convention = "family" if table.convention == "alpha" else "alpha"
        found.append(
            f"{what} taken for {NAMES[table.convention]}, but they look like {NAMES[other]}"
        )
    beam = table.beam_energy_keV
    if beam is not None and not is_same_beam(beam_energy_keV, beam):
        found.append(f"{what} for {beam:g} keV, map at {beam_energy_keV:g} keV")
    used = {(family.element, family.family) for family in families}
    far = [
        f"{factor.element}_{factor.family} x {ratio:.2g}"
        for factor, ratio in rows_far_from_theory(table, beam_energy_keV, detector).items()
        if (factor.element, factor.family) in used
    ]
    return [*found, f"{what} far from theory: {', '.join(far)}"] if far else found
