"""The main job on a simulated map of known composition: quantify a grid, compare, save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_eds._support.outputs import output_folder
from napari_eds._support.progress import Progress
from napari_eds.labels.chips import grid_chips
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.run import quantify
from napari_eds.quantification.saving import results as saving
from napari_eds.quantification.table import at_pct, error_of, error_total_of
from napari_eds.recipe.absorption import Absorption
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.simulate.maps import Simulation, lanthanum_ferrite_on_strontium_titanate

CHIP_SIZE = 6
SPECIMEN = ("La", "Fe", "O", "Sr", "Ti", "Pt")


@dataclass(frozen=True, eq=False)
class Demo:
    """A simulated map, its quantification and both side by side.

    Attributes
    ----------
    simulation : Simulation
    result : Quantification
    comparison : DataFrame
        One row per phase and element: ``chips``, ``truth`` and ``found`` at. % (mean over the
        chips that lie wholly in the phase), ``error_total`` (of one chip, from all that is
        uncertain), ``scatter`` (standard deviation over chips) and ``expected_scatter`` (from
        counting). Errors are root mean squares.
    """

    simulation: Simulation
    result: Quantification
    comparison: pd.DataFrame


def run(progress: Progress | None = None) -> Demo:
    """Simulate a LaFeO3 film on SrTiO3 and quantify it on a grid."""
    simulation = lanthanum_ferrite_on_strontium_titanate()
    k_factors = {f"{element}_{family}": k for (element, family), k in simulation.k_factors.items()}
    recipe = Recipe(
        elements=SPECIMEN,
        fit_only=("Cu", "C"),
        k_factors=KFactorTable.from_mapping(
            k_factors,
            "family",
            relative_errors=dict.fromkeys(k_factors, 0.0),  # those of the simulation itself
            source="computed by the simulation itself",
            beam_energy_keV=simulation.image.acquisition.beam_energy_keV,
        ),
        absorption=Absorption(thickness_nm=55),
    )
    result = quantify(
        simulation.image,
        grid_chips(simulation.image.shape, CHIP_SIZE),
        recipe,
        thickness_nm=simulation.thickness_nm,
        density_g_cm3=_densities_g_cm3(simulation),
        progress=progress,
    )
    return Demo(simulation, result, _compare(simulation, result))


def _densities_g_cm3(simulation: Simulation) -> np.ndarray:
    """Return the map of the phases' densities; vacuum has that of the first, at no thickness."""
    densities = np.array([phase.density_g_cm3 for phase in simulation.phases])
    return densities[np.maximum(simulation.labels - 1, 0)]


def save(demo: Demo, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Save table, spectra, recipe, comparison and maps into a folder, made where needed.

    Raises
    ------
    OutputError
        If the folder is not empty; with `overwrite`, what an earlier demo wrote is replaced.
    OSError
        If the folder cannot be made or written.
    """
    with output_folder(folder, overwrite=overwrite) as made:
        table = made.path / "quantification.csv"
        written = demo.result.to_csv(table, spectra=True, overwrite=overwrite)
        made.add(written)
        comparison = demo.comparison.to_csv(index=False, float_format="%.4g")
        written.append(made.write("comparison.csv", comparison))
        return written + saving.write_maps(demo.result, made)


def _compare(simulation: Simulation, result: Quantification) -> pd.DataFrame:
    """Compare chips that lie wholly in one phase with that phase."""
    rows = []
    for number, phase in enumerate(simulation.phases, start=1):
        chips = _chips_inside(result.labels, simulation.labels == number)
        table = result.table.loc[result.table.index.isin(chips)]
        if table.empty:
            continue
        rows += [_row(phase.name, phase.atomic_percent, e, table) for e in result.elements]
    return pd.DataFrame(rows)


def _chips_inside(labels: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return the ids of labels whose every pixel lies in the region."""
    return np.setdiff1d(labels[region], [0, *np.unique(labels[~region])])


def _row(
    phase: str, atomic_percent: Mapping[str, float], element: str, table: pd.DataFrame
) -> dict[str, str | int | float]:
    found = table[at_pct(element)]
    total, counting = (
        float(np.sqrt((table[of(at_pct(element))] ** 2).mean()))
        for of in (error_total_of, error_of)
    )
    return {
        "phase": phase,
        "element": element,
        "chips": len(table),
        "truth": atomic_percent.get(element, 0.0),
        "found": found.mean(),
        "error_total": total,
        "scatter": found.std(),
        "expected_scatter": counting,
    }
