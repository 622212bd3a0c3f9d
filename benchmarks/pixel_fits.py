"""What a full Poisson fit of every pixel would take and give, beside the one inverse for all.

``python benchmarks/pixel_fits.py [DATA_FOLDER]``

Spectra of some rows of the simulated 512 x 512 map are averaged by the kernel that is recommended,
and fitted in both ways; the time is carried over to all 262,144 pixels.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy import ndimage

import napari_eds as eds
from napari_eds._support.threads import n_threads, one_thread_of_algebra
from napari_eds.fitting.poisson import fit_poisson, shared_inverse
from napari_eds.quantification.pixels.fit import FoilMaps, share

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ROWS, SIDE = slice(250, 266), 5
ELEMENTS, FIT_ONLY = ("La", "Fe", "O", "Sr", "Ti", "Pt"), ("C", "Cu", "Ga")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    image = eds.load(parser.parse_args().data / "simulated" / "LFO_STO_512.emd")
    recipe = eds.Recipe(elements=ELEMENTS, fit_only=FIT_ONLY)
    print("recommended:", eds.recommended_kernel(image, recipe))
    shared = share(image, recipe, np.ones(image.shape, bool), FoilMaps(None, None))
    model, expected = shared.preparation.model, shared.preparation.sum_fit.expected
    columns = image.shape[1]
    around = slice((ROWS.start - SIDE) * columns, (ROWS.stop + SIDE) * columns)
    cube = image.counts[around][:, model.channels].toarray().astype(float)
    cube = ndimage.uniform_filter(cube.reshape(-1, columns, cube.shape[1]), (SIDE, SIDE, 1))
    # Of the sum over the kernel, which is what Poisson statistics hold for.
    counts = np.rint(cube[SIDE:-SIDE].reshape(-1, cube.shape[2]) * SIDE**2)
    with one_thread_of_algebra():
        cpu, wall = time.process_time(), time.perf_counter()
        full, covariance, _ = fit_poisson(model, counts, expected)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        begin = time.perf_counter()
        linear = counts @ shared_inverse(model, expected)
        one = time.perf_counter() - begin
        starts = groups(model)
        merged = SimpleNamespace(
            design=np.add.reduceat(model.design, starts, axis=0),
            families=model.families,
            n_parameters=model.n_parameters,
        )
        few = np.add.reduceat(counts, starts, axis=1)
        few_cpu, few_wall = time.process_time(), time.perf_counter()
        coarse, _, _ = fit_poisson(merged, few, np.add.reduceat(expected, starts))
        few_cpu, few_wall = time.process_time() - few_cpu, time.perf_counter() - few_wall
    share_of_all = image.n_pixels / len(counts)
    print(f"{len(counts):,} pixels x {counts.shape[1]} channels, {n_threads()} threads")
    print(f"full fit: {cpu:.1f} s of processor, {wall:.1f} s; ", end="")
    print(f"all pixels: {cpu * share_of_all:.0f} s of processor, {wall * share_of_all:.0f} s")
    print(f"on {starts.size} merged channels: ", end="")
    print(f"{few_cpu * share_of_all:.0f} s of processor, {few_wall * share_of_all:.0f} s")
    print(f"one inverse, the product alone: {one * share_of_all:.1f} s for all pixels")
    flops(model, image.n_pixels)
    for i, family in enumerate(model.quantified):
        counting = np.sqrt(covariance[:, i, i])
        apart = (full[:, i] - linear[:, i]) / counting
        rough = (full[:, i] - coarse[:, i]) / counting
        print(
            f"{family}: differ by {apart.std():.2f} counting errors, mean {apart.mean():+.2f}; "
            f"merged by {rough.std():.2f}, mean {rough.mean():+.2f}"
        )


def groups(model) -> np.ndarray:
    """Return where channels begin that are merged to a third of the resolution."""
    energies = model.energy.energies_keV
    width = model.response.fwhm_keV(energies) / 3
    passed = np.floor(np.cumsum(model.energy.scale_keV / width))
    return np.flatnonzero(np.diff(passed, prepend=-1))


def flops(model, n_pixels: int) -> None:
    """Say what the normal matrices alone take, at the speed of one thread of this machine."""
    n_channels, n = model.design.shape
    pairs = n * (n + 1) // 2
    a, b = np.ones((2048, n_channels)), np.ones((n_channels, pairs))
    with one_thread_of_algebra():
        a @ b
        begin = time.perf_counter()
        a @ b
        speed = 2 * a.size * pairs / (time.perf_counter() - begin)
    each = 2 * n_pixels * n_channels * pairs
    print(
        f"normal matrices, one iteration: {each:.2g} operations, {each / speed:.0f} s at "
        f"{speed / 1e9:.0f} GFlop/s of one thread"
    )


if __name__ == "__main__":
    main()
