"""Makes the pictures of the panels in ``docs/images``, by the clicks that a user makes.

``xvfb-run -s "-screen 0 2000x1200x24" python docs/make_panels.py [DATA_FOLDER]``, or without
``xvfb-run`` where there is a display. Each is cut out of the window of 1400 x 900 that it lies in.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import napari
from make_screenshots import DEFAULT_DATA, FOLDER, LEFT, click, k_factors, run, wait_for
from napari._qt.dialogs.qt_notification import NapariQtNotification
from qtpy.QtCore import QPoint
from qtpy.QtTest import QTest

from napari_eds._napari.parts.panels import (
    BATCH,
    EXCHANGE,
    FRAMES,
    MAPS,
    PLUGIN,
    PROFILE,
    RESULTS,
    THICKNESS,
    WORKBENCH,
    dock_of,
    find_panel,
    open_panel,
)
from napari_eds._napari.parts.view_memory import FILE_VARIABLE
from napari_eds._napari.reader import add_layers
from napari_eds._napari.state.element_choice import ElementChoice
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import layers_of
from napari_eds._support import hyperspy
from napari_eds.exchange.autosave import FOLDER_VARIABLE
from napari_eds.readers.reading import read
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

SIZE_PX = (1400, 1000)
#: A map of ten frames, of a nickel alloy.
MEASURED = "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd"


def main() -> None:
    """Make all of them."""
    hyperspy.exspy()
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_DATA
    simulated()
    measured(data)


def opened(layers: Any) -> tuple[napari.Viewer, Any]:
    """Return a window with layers in the workbench."""
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE_PX)
    add_layers(viewer, layers)
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, WORKBENCH)
    wait_for(lambda: find_panel(viewer, RESULTS) is not None)
    QTest.qWait(2500)
    return viewer, dock


def simulated() -> None:
    """Picture thickness, profile, maps, exchange and batch with a simulated interface."""
    simulation = lanthanum_ferrite_on_strontium_titanate((128, 128), counts_per_pixel=120)
    viewer, dock = opened(layers_of([simulation.image])[0])
    focus = focus_of(viewer)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "k-factors.csv"
        k_factors(simulation).to_csv(table)
        focus.set_settings(focus.settings.edited(k_factor_file=table))
        focus.set_settings(replace(focus.settings, chip_size=8))
        click(dock.make_grid)
        run(dock, viewer)
        picture(viewer, THICKNESS, "thickness", thickness)
        picture(viewer, PROFILE, "profile", profile)
        picture(viewer, MAPS, "maps", maps)
        picture(viewer, EXCHANGE, "exchange", exchange)
        picture(viewer, BATCH, "batch", batch)
    viewer.close()


def measured(data: Path) -> None:
    """Picture frames with a measured map of ten of them."""
    viewer, dock = opened(layers_of(read(data / MEASURED))[0])
    focus = focus_of(viewer)
    alloy = tuple(ElementChoice(symbol) for symbol in ("Al", "Cr", "Co", "Ni", "Nb"))
    focus.set_settings(replace(focus.settings.edited(elements=alloy), chip_size=10))
    click(dock.make_grid)
    run(dock, viewer)
    picture(viewer, FRAMES, "frames", frames)
    viewer.close()


def profile(viewer: napari.Viewer, panel: Any) -> None:
    """Draw a line across the interface, quantify along it, fit La."""
    click(panel.draw)
    drag_over_map(viewer, (30, 64), (100, 64))
    panel.width_px.value = 60
    click(panel.run)
    wait_for(lambda: bool(panel.profiles) and not panel.work)
    panel.interface.value = "La"


def thickness(viewer: napari.Viewer, panel: Any) -> None:
    """Quantify by zeta-factors of theory."""
    focus = focus_of(viewer)
    click(panel.zeta.theory)
    wait_for(lambda: panel.run.enabled)
    before = focus.result
    click(panel.run)
    wait_for(lambda: focus.result is not before and not panel.work)


def maps(_viewer: napari.Viewer, panel: Any) -> None:
    """Show the ratio of two columns."""
    page = panel.columns
    page.left.value, page.right.value = "La_at_pct", "Fe_at_pct"
    page.operation.value = page.operation.choices[1]
    click(page.show_map)
    wait_for(lambda: not panel.work)


def exchange(_viewer: napari.Viewer, panel: Any) -> None:
    """Show the page of figures and reports."""
    tabs = panel.tabs
    tabs.setCurrentIndex(tabs.count() - 1)


def batch(_viewer: napari.Viewer, panel: Any) -> None:
    """Name what a batch may be asked for."""
    panel.form.inputs.addItems(["/data/march/map_01.emd", "/data/march/map_02.emd"])
    panel.form.output.setText("/data/march/results")


def frames(_viewer: napari.Viewer, panel: Any) -> None:
    """Follow the chips over all frames."""
    panel.every.value = 2
    click(panel.run)
    wait_for(lambda: panel.result is not None and not panel.work)


def drag_over_map(viewer: napari.Viewer, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag with the left button between pixels (row, column) of the map."""
    canvas = viewer.window._qt_viewer.canvas
    node = canvas.layer_to_visual[focus_of(viewer).map_layer].node
    transform = node.get_transform("visual", "canvas")
    first, last = (
        QPoint(*(round(float(v)) for v in transform.map([column, row, 0, 1])[:2]))
        for row, column in (start, end)
    )
    QTest.mouseMove(canvas.native, first)
    QTest.qWait(50)
    QTest.mousePress(canvas.native, LEFT, pos=first)
    for part in range(1, 11):
        QTest.mouseMove(canvas.native, first + (last - first) * part / 10)
        QTest.qWait(15)
    QTest.mouseRelease(canvas.native, LEFT, pos=last)
    QTest.qWait(100)


def picture(
    viewer: napari.Viewer,
    title: str,
    name: str,
    do: Callable[[napari.Viewer, Any], None],
) -> None:
    """Open a panel, use it, and save map and panel as they are seen."""
    panel = open_panel(viewer, title)
    QTest.qWait(500)
    do(viewer, panel)
    QTest.qWait(1500)
    window = viewer.window._qt_window
    for notification in window.findChildren(NapariQtNotification):
        notification.close()
    QTest.qWait(500)
    dock = dock_of(panel)
    top, right = window.centralWidget().geometry(), dock.geometry()
    seen = window.grab(top.united(right))
    assert seen.save(str(FOLDER / f"panel_{name}.png"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as unsaved:
        os.environ[FOLDER_VARIABLE] = unsaved
        os.environ[FILE_VARIABLE] = str(Path(unsaved) / "view.json")
        main()
