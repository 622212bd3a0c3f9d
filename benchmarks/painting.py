"""Painting on a map while its label's spectrum is shown: from a dab to the plot being repainted.

Run as ``python benchmarks/painting.py [DATA_FOLDER]`` with a display, or on a machine without
one under ``xvfb-run -s "-screen 0 1600x1000x24"``. A simulated mouse paints strokes on a shown
window with the dock *EDS spectrum*; timed is what passes from the Labels layer's event of a dab
to the end of the plot's next painting that shows it. After every stroke the plotted spectrum is
compared with one summed from scratch. "Busy" is what of the time the window's own thread worked:
on a machine that does other things as well, the rest is waiting for it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtTest import QTest
from scipy import sparse

import napari_eds as eds
from napari_eds._napari.reader import add_layers
from napari_eds._napari.spectrum.dock import SpectrumWidget
from napari_eds._napari.state.layers import geometry, image_layers
from napari_eds.exchange.autosave import FOLDER_VARIABLE

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
STROKES, DABS_PER_STROKE, BRUSH_PX = 4, 30, 20
COUNTS_PER_PIXEL = 20


class Stopwatch:
    """Times from a dab to the end of the painting of the plot that shows its counts."""

    def __init__(self, dock: SpectrumWidget) -> None:
        self.ms: list[tuple[float, float]] = []
        self._started: tuple[float, float] | None = None
        self._summed = False
        dock.sources.edited.connect(self._on_sums)
        self._paint = dock.plot.paintEvent
        dock.plot.paintEvent = self._on_paint

    def start(self, _event: object) -> None:
        """Start at the first dab that is not yet shown."""
        if self._started is None:
            self._started = time.perf_counter(), time.thread_time()

    def _on_sums(self, _ids: object) -> None:
        self._summed = True

    def _on_paint(self, event: QEvent) -> None:
        self._paint(event)
        if self._summed and self._started is not None:
            passed, busy = self._started
            self.ms.append(
                (1000 * (time.perf_counter() - passed), 1000 * (time.thread_time() - busy))
            )
            self._summed, self._started = False, None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    arguments = parser.parse_args()
    print("| Map | Channels | Counts | Dabs | Median ms | 95 % ms | Busy ms | Allowed ms |")
    print("|---|---|---|---|---|---|---|---|")
    slow: list[str] = []
    measured = eds.load(arguments.data / "simulated/LFO_STO_512.emd")
    for image, allowed in ((measured, 30), (synthetic(2048, 4096), 60)):
        ms = paint(image)
        median, high = np.percentile(ms[:, 0], [50, 95])
        slow += [image.name] if median > allowed else []
        rows, columns = image.shape
        print(
            f"| {rows} x {columns} | {image.n_channels} | {image.total_counts:,} | {len(ms)} | "
            f"{median:.1f} | {high:.1f} | {np.median(ms[:, 1]):.1f} | {allowed} |",
            flush=True,
        )
        assert len(ms) > STROKES * DABS_PER_STROKE / 3, "dabs were lost"
    assert not slow, f"slower than allowed: {slow}"


def synthetic(size: int, n_channels: int) -> eds.SpectrumImage:
    """Return a sparse map of single counts in random channels, the same number in every pixel."""
    rng = np.random.default_rng(0)
    n_pixels = size * size
    spread = rng.exponential(n_channels / 6, n_pixels * COUNTS_PER_PIXEL)
    channels = spread.astype(np.int32) % n_channels
    indptr = np.arange(0, channels.size + 1, COUNTS_PER_PIXEL)
    counts = sparse.csr_array(
        (np.ones(channels.size, np.uint8), channels, indptr), shape=(n_pixels, n_channels)
    )
    # Sums do not need sorted channels, whose sorting would take most of the time.
    energy = eds.EnergyAxis(-0.25, 0.005, n_channels)
    return eds.SpectrumImage(counts, (size, size), energy, name="synthetic")


def paint(image: eds.SpectrumImage) -> np.ndarray:
    """Paint strokes in a window; return time passed and busy time of the dabs in ms, (dabs, 2)."""
    viewer = napari.Viewer()
    viewer.window.resize(1400, 900)
    add_layers(viewer, image_layers(image))
    layer = viewer.add_labels(np.zeros(image.shape, np.int32), name="painted", **geometry(image))
    dock = SpectrumWidget(viewer)
    viewer.window.add_dock_widget(dock, name="EDS spectrum", area="bottom")
    layer.brush_size, layer.mode = BRUSH_PX, "paint"
    while dock.sources.is_waiting():
        QTest.qWait(50)
    QTest.qWait(1000)
    stopwatch = Stopwatch(dock)
    layer.events.labels_update.connect(stopwatch.start, position="first")
    rng = np.random.default_rng(1)
    for _ in range(STROKES):
        ends = rng.uniform(0.1, 0.9, (2, 2)) * image.shape
        stroke(viewer, layer, np.linspace(*ends, DABS_PER_STROKE))
        check(dock, layer, image)
    viewer.close()
    return np.array(stopwatch.ms)


def stroke(viewer, layer, points: np.ndarray) -> None:
    """Drag the left button over points (row, column)."""
    canvas = viewer.window._qt_viewer.canvas
    transform = canvas.layer_to_visual[layer].node.get_transform("visual", "canvas")
    spots = [QPoint(*np.rint(transform.map([c, r, 0, 1])[:2]).astype(int)) for r, c in points]
    QTest.mouseMove(canvas.native, spots[0])
    QTest.qWait(30)
    QTest.mousePress(canvas.native, LEFT, NO_KEY, spots[0])
    for spot in spots[1:]:
        QTest.mouseMove(canvas.native, spot)
        QTest.qWait(60)
    QTest.mouseRelease(canvas.native, LEFT, NO_KEY, spots[-1])
    QTest.qWait(200)


def check(dock: SpectrumWidget, layer, image: eds.SpectrumImage) -> None:
    """Stop if the plotted spectrum is not that of the painted pixels."""
    (shown,) = [s for s in dock.plot.content.spectra if s.key == "label 1"]
    np.testing.assert_array_equal(shown.counts, image.label_spectra(layer.data).spectra[0])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as unsaved:
        os.environ[FOLDER_VARIABLE] = unsaved
        main()
