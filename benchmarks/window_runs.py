"""Measures runs in the window beside the same runs without it, and how soon *Cancel* answers.

``python benchmarks/window_runs.py [DATA_FOLDER] [--write FILE]``

The same map, chips and recipe are quantified by `quantify` in this process and by a click on
*Quantify* in the workbench, in turn. Then a run is left after a part of its time: what is told is
the time from the click on *Cancel* until the dock is idle. Needs a display (or ``xvfb-run``),
whose software OpenGL is slower than a graphics card.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer

import napari_eds as eds
from napari_eds._napari.parts.panels import PLUGIN, RESULTS, WORKBENCH, find_panel
from napari_eds._napari.state.focus import focus_of
from napari_eds.exchange.autosave import FOLDER_VARIABLE

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAP = "simulated/LFO_STO_512.emd"
K_FACTORS = "simulated/kfactors_family_sum_windowless.csv"
SIDES_px = (15, 4)
ROUNDS = 3
#: Thread that imports for later, which no run is measured beside.
PRELOAD = "preload"
#: Parts of a run's time after which it is left.
LEFT_AFTER = (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)


def wait(until: Callable[[], bool], every_ms: int = 5) -> float:
    """Let the event loop run until something is true; return how long it took in s."""
    begun = time.perf_counter()
    while not until():
        loop = QEventLoop()
        QTimer.singleShot(every_ms, loop.quit)
        loop.exec()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--write", type=Path, help="save the report as markdown")
    options = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window.resize(1400, 900)
    viewer.open(options.data / MAP, plugin=PLUGIN)
    viewer.window.add_plugin_dock_widget(PLUGIN, WORKBENCH)
    wait(lambda: find_panel(viewer, RESULTS) is not None)
    dock, focus = find_panel(viewer, WORKBENCH), focus_of(viewer)
    focus.set_settings(replace(focus.settings, k_factor_file=options.data / K_FACTORS))
    wait_for_rest()
    wait(lambda: all(t.name != PRELOAD for t in threading.enumerate()))
    rows = [
        "| chips | headless s | window s | ratio | longest until left s |",
        "|---|---|---|---|---|",
    ]
    for side in SIDES_px:
        rows.append(measured(dock, focus, side))
        print(rows[-1], flush=True)
    if options.write:
        options.write.write_text("\n".join(rows) + "\n")
    viewer.close()


def measured(dock, focus, side: int) -> str:
    dock.chip_size.value = side
    dock.make_grid.native.click()
    wait(lambda: focus.labels_layer is not None and f"{side} px" in focus.labels_layer.name)
    recipe, labels = focus.settings.recipe(), focus.labels_layer.data.copy()
    headless, window = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        eds.quantify(focus.image, labels, recipe)
        headless.append(time.perf_counter() - begun)
        dock.run.native.click()
        window.append(wait(lambda: not dock.work))
        wait_for_rest()
    left = [time_to_leave(dock, part * float(np.median(window))) for part in LEFT_AFTER]
    alone, beside = float(np.median(headless)), float(np.median(window))
    return (
        f"| {labels.max():,} | {alone:.2f} | {beside:.2f} | {beside / alone:.2f} | "
        f"{max(left):.2f} |"
    )


def time_to_leave(dock, after_s: float) -> float:
    dock.run.native.click()
    begun = time.perf_counter()
    wait(lambda: not dock.work or time.perf_counter() > begun + after_s)
    if not dock.work:
        return 0.0
    dock.cancel.native.click()
    took = wait(lambda: not dock.work)
    wait_for_rest()
    return took


def wait_for_rest() -> None:
    """Let maps and tables be drawn."""
    begun = time.perf_counter()
    wait(lambda: time.perf_counter() > begun + 2)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as unsaved:
        os.environ[FOLDER_VARIABLE] = unsaved
        main()
