"""The results dock with 10,000 labels: milliseconds that its steps hold the window up.

Run it with a display, or on a machine without one:
``xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/results_table.py``. It checks what it
times: order of rows, filter, colours.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable

import napari
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

import napari_eds as eds
from napari_eds._napari.reader import add_layers
from napari_eds._napari.results.dock import ResultsTable
from napari_eds._napari.state.layers import add_chips, image_layers
from napari_eds.exchange.autosave import FOLDER_VARIABLE
from napari_eds.quantification.table import REDUCED_CHI_SQUARED, at_pct
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

SIDE, CHIP = 400, 4
REPEATS = 5


def main() -> None:
    simulation = lanthanum_ferrite_on_strontium_titanate((SIDE, SIDE), counts_per_pixel=30)
    recipe = eds.Recipe(elements=("La", "Fe", "O", "Sr", "Ti"), fit_only=("Cu", "C", "Pt"))
    chips = eds.grid_chips((SIDE, SIDE), CHIP)
    result = eds.quantify(simulation.image, chips, recipe)
    viewer = napari.Viewer()
    viewer.window.resize(1400, 900)
    add_layers(viewer, image_layers(simulation.image))
    labels = add_chips(viewer, chips.labels, simulation.image, name="chips")
    viewer.layers.selection.active = labels
    dock = ResultsTable(viewer)
    viewer.window.add_dock_widget(dock, area="bottom")
    QTest.qWait(2000)
    print(f"{len(result.table):,} labels, {len(result.table.columns)} columns")
    dock.focus.show_result(labels, result)
    steps(dock, labels, result)
    viewer.close()


def steps(dock, labels, result) -> None:
    """Time the steps and check what they did."""
    table = dock.table
    canvas = dock.focus.viewer.window._qt_viewer.canvas.native
    timed("(redraw the canvas)", canvas.update)
    timed("show a result", dock.focus.result_changed.emit)
    orders = [Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder]
    turn = iter(range(1000))
    timed("sort by at.%", lambda: table.sortByColumn(2, orders[next(turn) % 2]))
    values = result.table[at_pct("La")].loc[dock.model.ids].dropna().to_numpy()
    assert (np.diff(values) >= 0).all() or (np.diff(values) <= 0).all()
    timed("sort by name", lambda: table.sortByColumn(1, orders[next(turn) % 2]))
    bar = table.verticalScrollBar()
    timed("scroll by a page", lambda: bar.setValue(next(turn) * bar.pageStep() % bar.maximum()))
    limits = iter(range(1000))
    timed("filter", lambda: dock._on_condition(f"La > {next(limits)} and chi2 < 2"))
    assert (
        dock.model.rowCount()
        == (
            (result.table[at_pct("La")] > next(limits) - 1)
            & (result.table[REDUCED_CHI_SQUARED] < 2)
        ).sum()
    )
    dock._on_condition("")
    everything = result.table.index.tolist()
    timed("select all", lambda: (table.clearSelection(), table.selectAll()))
    assert len(dock.focus.selected) == len(everything)
    halves = iter([everything[1::2], everything[::2]] * REPEATS)
    timed("select every other", lambda: dock.focus.select(next(halves)))
    dock.color_by.setCurrentIndex(1)
    timed("colour by value", lambda: dock.color_by.activated.emit(1))
    assert len(np.unique([labels.get_color(i) for i in everything[5000:5100]], axis=0)) > 50
    for page, name in enumerate(("histogram", "scatter", "ternary"), start=1):
        timed(f"draw {name}", lambda page=page: (dock._on_page(0), dock._on_page(page)))
    dock._on_page(0)


def timed(what: str, step: Callable[[], object]) -> None:
    """Print the median time of a step, with drawing, and of the slowest repeat."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        step()
        QApplication.processEvents()
        seconds.append(time.perf_counter() - started)
        QTest.qWait(20)
    print(f"{what:20} {1e3 * np.median(seconds):7.1f} ms, at most {1e3 * max(seconds):7.1f} ms")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as unsaved:
        os.environ[FOLDER_VARIABLE] = unsaved
        main()
