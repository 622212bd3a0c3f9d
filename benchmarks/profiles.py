"""Line profiles across an interface of known place and width: how far from the truth, and bands.

Prints the table of docs/profiles.md. Inputs are drawn as their errors say: every k-factor and the
thickness by their standard deviations, for each run anew.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import napari_eds as eds
from napari_eds.labels.along_lines import Line
from napari_eds.quantification.profiles.interfaces import WIDTH_PER_SIGMA
from napari_eds.quantification.profiles.lines import LineProfile, line_profile
from napari_eds.simulate import Simulation, lanthanum_ferrite_interface

ELEMENTS = ("La_L", "Fe", "O", "Sr", "Ti")
METALS = ("La", "Fe", "Sr", "Ti")
THICKNESS_nm = 50.0
K_ERROR, THICKNESS_ERROR = 0.05, 0.10


def profile_of(simulation: Simulation, rng: np.random.Generator | None) -> LineProfile:
    """Quantify along the middle, with true inputs or with inputs drawn by their errors."""

    def spread(sigma: float) -> float:
        return 0.0 if rng is None else float(rng.normal(scale=sigma))

    names = {f"{e}_{f}": k for (e, f), k in simulation.k_factors.items()}
    factors = {name: k * np.exp(spread(K_ERROR)) for name, k in names.items()}
    table = eds.KFactorTable.from_mapping(
        factors, "family", relative_errors=dict.fromkeys(factors, K_ERROR)
    )
    recipe = eds.Recipe(
        elements=ELEMENTS,
        k_factors=table,
        absorption=eds.Absorption(thickness_nm=THICKNESS_nm * (1 + spread(THICKNESS_ERROR))),
        # The simulation shares its attenuation coefficients and densities with the correction.
        uncertainties=eds.Uncertainties(attenuation_percent=0, density_percent=0),
    )
    rows, columns = simulation.image.shape
    middle = Line([(rows / 2, 0), (rows / 2, columns - 1)], rows)
    return line_profile(simulation.image, middle, recipe, bin_px=1)


def inside(profile: LineProfile, simulation: Simulation, element: str) -> tuple[float, float]:
    """Return the shares of bins whose truth lies inside the bands: in all, and of counting."""
    truth, curve = simulation.atomic_percent[element], profile.curve(element)
    of_bins = [truth[profile.result.labels == i].mean() for i in profile.result.table.index]
    off = np.abs(curve.value - of_bins)
    return float((off < curve.total).mean()), float((off < curve.counting).mean())


def row_of(seed: int, *, drawn: bool) -> dict[str, float]:
    """Simulate, quantify and compare one interface."""
    rng = np.random.default_rng(seed)
    place, sigma = rng.uniform(35, 60), rng.uniform(1.0, 4.0)
    simulation = lanthanum_ferrite_interface(
        (32, 96), place, sigma, thickness_nm=THICKNESS_nm, seed=seed
    )
    profile = profile_of(simulation, rng if drawn else None)
    pixel = simulation.conditions.pixel_size_nm
    row: dict[str, float] = {"sigma_px": sigma}
    for e in METALS:
        found = profile.interface(e)
        row[f"{e} position"] = found.position / pixel - place
        row[f"{e} position z"] = row[f"{e} position"] / (found.position_error / pixel)
        row[f"{e} width"] = found.width_10_90 / pixel / (WIDTH_PER_SIGMA * sigma) - 1
        row[f"{e} width z"] = row[f"{e} width"] * found.width_10_90 / found.width_10_90_error
    for e in profile.elements:
        row[f"{e} total"], row[f"{e} counting"] = inside(profile, simulation, e)
    return row


def columns_of(frame: pd.DataFrame, ending: str) -> pd.DataFrame:
    """Return the columns of all elements with an ending."""
    return frame[[c for c in frame if c.endswith(f" {ending}")]]


def report(runs: int) -> None:
    """Print what came out."""
    for drawn in (False, True):
        frame = pd.DataFrame([row_of(seed, drawn=drawn) for seed in range(runs)])
        print(f"\n{runs} maps, inputs {'drawn by their errors' if drawn else 'true'}")
        place, width = (columns_of(frame, w).to_numpy().ravel() for w in ("position", "width"))
        print(
            f"position: rms {np.sqrt((place**2).mean()):.3f} px, worst {abs(place).max():.3f} px"
        )
        print(f"width: rms {np.sqrt((width**2).mean()):.1%}, worst {abs(width).max():.1%}")
        for which in ("position z", "width z"):
            z = columns_of(frame, which).to_numpy().ravel()
            share = (abs(z) < 1).mean()
            print(f"{which}: mean {z.mean():+.2f}, sd {z.std():.2f}, |z| < 1 {share:.0%}")
        for ending in ("total", "counting"):
            shares = columns_of(frame, ending).mean()
            cells = ", ".join(f"{c.split()[0]} {v:.0%}" for c, v in shares.items())
            print(f"truth inside ± {ending}: {shares.mean():.0%} ({cells})")


if __name__ == "__main__":
    report(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
