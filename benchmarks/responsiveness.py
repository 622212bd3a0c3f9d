"""Measures how long the window stands still while a 512 x 512 map is opened and quantified.

``python benchmarks/responsiveness.py [DATA_FOLDER] [--where] [--write FILE]``

Every step is started by a timer in the running event loop, as a click would be. Another timer
ticks every 5 ms; the longest pause between its ticks is the longest stall of the step, and the
window's own thread worked for a part of it, which other programs of the machine do not lengthen.
With ``--where``, what the thread was doing in stalls above 100 ms is printed, too. Needs a display
(or ``xvfb-run``), whose software OpenGL is slower than a graphics card.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import napari
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QTabBar

from napari_eds._napari.parts.panels import RESULTS, SPECTRUM, WORKBENCH, find_panel
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import maps_of
from napari_eds.exchange.autosave import FOLDER_VARIABLE

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAP = "simulated/LFO_STO_512.emd"
K_FACTORS = "simulated/kfactors_family_sum_windowless.csv"
LIMIT_S = 0.1
TICK_MS = 5
CHIP = 15
#: A step has come to rest when no pause was longer than this for so long.
REST_S = 0.05
REST_FOR_MS = 1000


class Heartbeat:
    """Pauses of the event loop, and where the thread was when one grew long."""

    def __init__(self, *, where: bool) -> None:
        self._last = time.perf_counter()
        self._worked = time.thread_time()
        #: How long each took, and how long of it this thread worked, in s.
        self.pauses: list[tuple[float, float]] = []
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(TICK_MS)
        self._thread = threading.get_ident()
        if where:
            threading.Thread(target=self._watch, daemon=True).start()

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        self.pauses.append((now - self._last, worked - self._worked))
        self._last, self._worked = now, worked

    def _watch(self) -> None:
        """Print the stack once per long pause, in its middle."""
        reported = 0.0
        while True:
            time.sleep(0.02)
            if time.perf_counter() - self._last > LIMIT_S and reported != self._last:
                reported = self._last
                frames = traceback.extract_stack(sys._current_frames()[self._thread])
                print(
                    "   stalled in " + " < ".join(f"{f.name}:{f.lineno}" for f in frames[:-9:-1])
                )


def wait(milliseconds: int) -> None:
    """Let the event loop run; `QTest.qWait` would not count as a running loop."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--where", action="store_true", help="print what stalled")
    parser.add_argument("--write", type=Path, help="save the report as markdown")
    options = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window.resize(1400, 900)
    wait(1000)
    heart = Heartbeat(where=options.where)
    rows = [measure(heart, name, act, done) for name, act, done in steps(viewer, options.data)]
    head = ["| step | took s | longest stall ms | of it work ms |", "|---|---|---|---|"]
    report = "\n".join([*head, *rows])
    print(report)
    if options.write:
        options.write.write_text(report + "\n")
    viewer.close()


def measure(
    heart: Heartbeat, name: str, act: Callable[[], object], done: Callable[[], bool]
) -> str:
    """Act from a timer, wait until done and let things come to rest."""
    print(name)
    heart.pauses.clear()
    start = time.perf_counter()
    QTimer.singleShot(0, act)
    wait(20)
    while not done():
        wait(10)
    took = time.perf_counter() - start
    come_to_rest(heart)
    stall, worked = (1000 * max(values) for values in zip(*heart.pauses, strict=True))
    return f"| {name} | {took:.2f} | {stall:.0f} | {worked:.0f} |"


def come_to_rest(heart: Heartbeat) -> None:
    """Wait until nothing is left to be done."""
    seen = -1
    while seen < len(heart.pauses):
        before, seen = seen, len(heart.pauses)
        wait(REST_FOR_MS)
        if before >= 0 and max(pause for pause, _ in heart.pauses[before:]) < REST_S:
            return


def steps(
    viewer: napari.Viewer, data: Path
) -> list[tuple[str, Callable[[], object], Callable[[], bool]]]:
    """Return the steps of a first session: name, what is done, when it is finished."""
    focus = focus_of(viewer)

    def dock():
        return find_panel(viewer, WORKBENCH)

    def results():
        return find_panel(viewer, RESULTS)

    def color() -> None:
        results().color_by.setCurrentIndex(2)
        results().color_by.activated.emit(2)

    def tabs():
        return results().findChild(QTabBar)

    def spectrum():
        return find_panel(viewer, SPECTRUM)

    def plot():
        return spectrum().plot

    def use_k_factors() -> None:
        focus.set_settings(replace(focus.settings, k_factor_file=data / K_FACTORS))
        dock().chip_size.value = CHIP

    return [
        (
            "open the file",
            lambda: viewer.open(data / MAP, plugin="napari-eds"),
            lambda: len(viewer.layers) == 2,
        ),
        (
            "open the workbench",
            lambda: viewer.window.add_plugin_dock_widget("napari-eds", WORKBENCH),
            lambda: find_panel(viewer, RESULTS) is not None,
        ),
        ("look at it for 5 s; HyperSpy loads", lambda: wait(5000), lambda: True),
        ("choose k-factors", use_k_factors, lambda: True),
        (
            "make a grid",
            lambda: dock().make_grid.native.click(),
            lambda: focus.labels_layer is not None,
        ),
        (
            "quantify 1,156 chips",
            lambda: dock().start(),
            lambda: (
                focus.result is not None
                and set(maps_of(viewer, focus.labels_layer)) == set(focus.result.elements)
            ),
        ),
        ("select a label", lambda: focus.select([400]), lambda: True),
        ("colour labels by a column", color, lambda: True),
        ("show the scatter plot", lambda: tabs().setCurrentIndex(2), lambda: True),
        ("map a window of energies", lambda: plot().window_chosen.emit(6.2, 6.6), lambda: True),
        ("element maps", lambda: spectrum().tools.maps.click(), lambda: True),
        ("paint new", lambda: dock().new_labels.native.click(), lambda: True),
        ("paint a dab", lambda: focus.labels_layer.paint((100, 100), 1), lambda: True),
        ("other theme", lambda: setattr(viewer, "theme", "light"), lambda: True),
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as unsaved:
        os.environ[FOLDER_VARIABLE] = unsaved
        main()
