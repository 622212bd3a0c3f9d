"""Denoised maps of simulated films against their truth, a 5 x 5 kernel and plain NMF.

Prints the table of docs/denoising.md. Plain NMF is scikit-learn's, of counts without weights, with
the number of components that is true; espm's takes part where it is installed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from napari_eds.simulate import Simulation, lanthanum_ferrite_on_strontium_titanate
from napari_eds.spectra.denoising import Denoised, denoise

LINES = ("Fe", "La", "Ti", "O")
#: Pt, LaFeO3, SrTiO3, the iron-rich domain, and what the microscope adds everywhere.
TRUE_COMPONENTS = 5
SHAPE = (96, 96)


def truth_of(simulation: Simulation, found: Denoised, window: tuple[float, float]) -> np.ndarray:
    """Return the expected counts in the channels that a window of a denoised map sums."""
    channels = found.energy.channels(*window)
    edges = found.energy.offset_keV + found.energy.scale_keV * (
        np.array([channels.start, channels.stop]) - 0.5
    )
    own = simulation.image.energy.channels(float(edges[0]), float(edges[1]))
    per_component = simulation.components.spectra[:, own].sum(axis=1)
    return (simulation.weights @ per_component).reshape(simulation.labels.shape)


def plain_nmf(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factorise counts as they are by scikit-learn."""
    from sklearn.decomposition import NMF

    model = NMF(TRUE_COMPONENTS, init="nndsvda", max_iter=200, random_state=0)
    return model.fit_transform(counts), model.components_


def espm_nmf(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factorise counts by espm's NMF, which maximises the Poisson likelihood."""
    from espm.estimators import SmoothNMF

    model = SmoothNMF(
        n_components=TRUE_COMPONENTS, shape_2d=SHAPE, max_iter=200, verbose=0, random_state=0
    )
    # Its data are (channels, pixels); an empty channel or pixel is divided by.
    left = model.fit_transform(counts.T + 1e-6)
    return model.H_.T, left.T


def others(simulation: Simulation, found: Denoised) -> dict[str, Callable]:
    """Return the maps of other ways by window; each is fitted once."""
    counts = simulation.image.crop_energy(
        found.energy.offset_keV - 0.5 * found.energy.scale_keV, found.energy.last_keV + 1
    )
    dense = counts.rebin_energy(found.rebin).to_array().reshape(-1, found.energy.size)
    ways: dict[str, Callable] = {
        "raw": found.raw_window_map,
        "5 x 5": lambda *w: ndimage.uniform_filter(found.raw_window_map(*w).astype(float), 5),
    }
    for name, fit in (("plain NMF", plain_nmf), ("espm", espm_nmf)):
        try:
            amounts, spectra = fit(dense)
        except Exception as error:  # noqa: BLE001 - another program's, which may not be there
            print(f"{name}: left out, {type(error).__name__}: {error}")
            continue
        ways[name] = lambda low, high, a=amounts, s=spectra: (
            a @ s[:, found.energy.channels(low, high)].sum(axis=1)
        ).reshape(SHAPE)
    return ways


def report(counts_per_pixel: float) -> None:
    """Print errors and biases of all ways at a dose."""
    simulation = lanthanum_ferrite_on_strontium_titanate(SHAPE, counts_per_pixel, seed=2)
    ways: dict[str, Callable] = {}
    for method in ("pca", "nmf"):
        start = time.perf_counter()
        found = denoise(simulation.image, method=method)
        seconds = time.perf_counter() - start
        name = f"ours, {method}: {found.n_components} found"
        ways[name] = found.window_map
        print(f"{name} of {TRUE_COMPONENTS}, {seconds:.1f} s, Gaussians {found.sigmas_px}")
    ways |= others(simulation, found)
    domain = simulation.labels == 4
    print(f"\n{counts_per_pixel:g} counts a pixel: rms error / mean, and bias (Fe-rich domain)")
    for name, way in ways.items():
        cells = []
        for line in LINES:
            window = found.line_window_keV(line)
            truth, seen = truth_of(simulation, found, window), way(*window)
            rms = np.sqrt(((seen - truth) ** 2).mean()) / truth.mean()
            bias = (seen - truth).mean() / truth.mean()
            cells.append(f"{line} {rms:.3f} {bias:+.1%}")
            if line == "Fe":
                cells[-1] += f" ({(seen[domain].mean() / truth[domain].mean() - 1):+.0%})"
        print(f"{name:<24} " + "   ".join(cells))


if __name__ == "__main__":
    for dose in (float(a) for a in sys.argv[1:] or ("20", "300")):
        report(dose)
