"""Measures how long steps of work go without looking whether they are to be left.

``python benchmarks/cancelling.py [DATA_FOLDER] [--write FILE]``

*Cancel* of the window is heeded where work tells its progress or calls `check_cancelled`. For
each kind of work on a 512 x 512 map the longest time between two of these moments is printed, in
its own thread as in the window, and how many of them told what is going on.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import napari_eds as eds
from napari_eds._support.progress import cancellable, telling
from napari_eds.elements.proposals import search_elements
from napari_eds.labels.chips import grid_chips
from napari_eds.spectra.drift import find_drift

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAP = "simulated/LFO_STO_512.emd"
K_FACTORS = "simulated/kfactors_family_sum_windowless.csv"
CHIPS_PX = {"1,156 chips": 15, "16,384 chips": 4}


class Looks:
    """Moments at which work could have been left, and what it was at."""

    def __init__(self) -> None:
        self.last = time.perf_counter()
        self.at = "start"
        self.longest, self.where = 0.0, ""
        self.told: list[str] = []

    def look(self) -> None:
        """Note that work could have been left now."""
        now = time.perf_counter()
        if now - self.last > self.longest:
            self.longest, self.where = now - self.last, self.at
        self.last = now

    def report(self, _done: int, _total: int, what: str) -> None:
        """Note what begins, too."""
        self.look()
        self.at = what
        if what not in self.told:
            self.told.append(what)


def works(data: Path) -> dict[str, Callable[[Any], object]]:
    """Return what is measured: functions that take a callback for progress."""
    path = data / MAP
    image = eds.load(path)
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"),
        k_factors=eds.read_k_factors(data / K_FACTORS),
    )
    line = eds.Line(np.array([[256.0, 20.0], [256.0, 490.0]]), 40.0)
    series: list[Any] = []

    def read_frames(_progress: Any) -> None:
        series.append(eds.read_frames(path))

    def frames(progress: Any) -> None:
        whole = np.ones(image.shape, int)
        eds.quantify_frames(series[0], whole, recipe, every=2, progress=progress)

    sizes = {
        f"quantify {name}": lambda progress, px=px: eds.quantify(
            image, grid_chips(image.shape, px), recipe, progress=progress
        )
        for name, px in CHIPS_PX.items()
    }
    return {
        "read the file": lambda _progress: eds.load(path),
        **sizes,
        "advise a chip size": lambda _progress: eds.chip_size_advice(image, recipe),
        "maps of pixels": lambda progress: eds.pixel_maps(image, recipe, progress=progress),
        "find elements": lambda progress: search_elements(
            image.energy, image.total_spectrum(), image.acquisition, progress=progress
        ),
        "profile along a line": lambda progress: eds.line_profile(
            image, line, recipe, progress=progress
        ),
        "denoise by PCA": lambda progress: eds.denoise(image, progress=progress),
        "denoise by NMF": lambda progress: eds.denoise(
            image, 3, method="nmf", energy_range_keV=(0.2, 8.0), progress=progress
        ),
        "read frames": read_frames,
        "find drift by counts": lambda _progress: find_drift(series[0], "counts"),
        "follow frames": frames,
        "superpixels": lambda _progress: eds.superpixels(image.counts_map(), n_regions=1000),
        "clusters": lambda _progress: eds.cluster_labels(image, 4),
        "adaptive chips": lambda _progress: eds.adaptive_chips(image.counts_map(), 500),
        "HyperSpy's linear fit": lambda progress: eds.quantify(
            image,
            grid_chips(image.shape, 15),
            recipe.model_copy(update={"engine": "linear"}),
            progress=progress,
        ),
    }


def measure(name: str, work: Callable[[Any], object]) -> str:
    looks = Looks()
    failed: list[BaseException] = []

    def run() -> None:
        looks.last = time.perf_counter()
        try:
            with telling(looks.report), cancellable(looks.look):
                work(looks.report)
        except Exception as error:  # noqa: BLE001 - told in the table
            failed.append(error)
        looks.look()

    start = time.perf_counter()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    took = time.perf_counter() - start
    if failed:
        return f"| {name} | {failed[0]} | | |"
    where = looks.where if looks.longest > 0.1 else ""
    return f"| {name} | {took:.1f} | {looks.longest:.2f} | {len(looks.told)} | {where} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--only", default="", help="steps whose name holds this")
    parser.add_argument("--write", type=Path, help="save the report as markdown")
    options = parser.parse_args()
    head = "| work | took s | longest without a look s | steps told | longest in |"
    rows = [head, "|---|---|---|---|---|"]
    for name, work in works(options.data).items():
        if options.only in name:
            rows.append(measure(name, work))
            print(rows[-1], flush=True)
    report = "\n".join(rows)
    if options.write:
        options.write.write_text(report + "\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
