"""Makes the pictures of the window in ``docs/images``, by the same clicks a user makes.

Run it with a display, or on a machine without one:
``xvfb-run -s "-screen 0 2000x1200x24" python docs/make_screenshots.py [DATA_FOLDER]``
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
from napari._qt.dialogs.qt_notification import NapariQtNotification
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QTabBar

import napari_eds as eds
from napari_eds._napari.parts.panels import (
    ELEMENTS,
    PLUGIN,
    RESULTS,
    SPECTRUM,
    WORKBENCH,
    dock_of,
    find_panel,
    open_panel,
)
from napari_eds._napari.parts.view_memory import FILE_VARIABLE
from napari_eds._napari.reader import add_layers
from napari_eds._napari.spectrum.peak_popup import PeakPopup
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import image_layers, is_spectrum, layers_of, maps_of
from napari_eds._support import hyperspy
from napari_eds.exchange.autosave import FOLDER_VARIABLE
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

FOLDER = Path(__file__).parent / "images"
DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SPECTRUM_FILE = "real/velox/EDS-STO.emd"
MEASURED = "real/hspy/SiO2 EDS Spectrum Image.hspy"
SIZES = {"": (1400, 900), "_large": (1920, 1080)}
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def main() -> None:
    hyperspy.exspy()
    simulation = lanthanum_ferrite_on_strontium_titanate((192, 192), counts_per_pixel=120)
    for theme, (ending, size) in itertools.product(("dark", "light"), SIZES.items()):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "k-factors.csv"
            k_factors(simulation).to_csv(table)
            # What one window leaves unsaved, the next would offer.
            os.environ[FOLDER_VARIABLE] = str(Path(folder) / "unsaved")
            session(simulation.image, table, theme, size, f"{theme}{ending}")
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_DATA
    spectrum(data)
    measured(data)


def session(
    image: eds.SpectrumImage, k_table: Path, theme: str, size: tuple[int, int], ending: str
) -> None:
    """Walk the way of the tutorial; the steps in between are pictured on the smaller window."""
    viewer = napari.Viewer()
    viewer.theme = theme
    viewer.window.resize(*size)
    add_layers(viewer, image_layers(image))
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, WORKBENCH)
    wait_for(lambda: find_panel(viewer, RESULTS) is not None)
    QTest.qWait(2500)
    steps = ending in SIZES or ending == "dark"
    if steps:
        picture(viewer, "tutorial_opened")
    elements = open_panel(viewer, ELEMENTS)
    elements.load_k_factors(k_table)
    QTest.mouseClick(elements.find, LEFT)
    QTest.qWait(3000)
    picture(viewer, f"elements_{ending}")
    dock_of(dock).raise_()
    if steps:
        regions(viewer, dock)
    chips(viewer, dock, ending)
    viewer.close()


def regions(viewer: napari.Viewer, dock) -> None:
    """Paint two regions with the spectrum in sight, and click a peak."""
    click(dock.new_labels)
    labels = viewer.layers.selection.active
    labels.brush_size = 12
    paint(viewer, labels, 1, [(60, 20), (52, 60), (60, 100), (50, 150)])
    paint(viewer, labels, 2, [(120, 30), (150, 60), (130, 110), (160, 150)])
    picture(viewer, "tutorial_painted")
    click_peak(viewer, 8.04)
    picture(viewer, "tutorial_peak")
    for popup in QApplication.topLevelWidgets():
        if isinstance(popup, PeakPopup):
            QTest.keyClick(popup, Qt.Key.Key_Escape)
    run(dock, viewer)
    for layer in list(viewer.layers):
        layer.visible = layer.name.startswith("X-ray counts")


def chips(viewer: napari.Viewer, dock, ending: str) -> None:
    """Quantify a grid of chips, look at one, and plot them all."""
    focus = focus_of(viewer)
    focus.set_settings(replace(focus.settings, chip_size=8))
    click(dock.make_grid)
    run(dock, viewer)
    focus.select([300])
    viewer.reset_view()
    picture(viewer, f"workbench_{ending}")
    results = find_panel(viewer, RESULTS)
    tabs = results.findChild(QTabBar)
    if ending == "dark":
        tabs.setCurrentIndex(2)
        picture(viewer, "tutorial_scatter")


def spectrum(data: Path) -> None:
    """Quantify a single spectrum."""
    viewer = napari.Viewer()
    viewer.window.resize(*SIZES[""])
    add_layers(viewer, layers_of(eds.read(data / SPECTRUM_FILE))[0])
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, WORKBENCH)
    wait_for(lambda: find_panel(viewer, RESULTS) is not None)
    QTest.qWait(2500)
    run(dock, viewer)
    picture(viewer, "tutorial_spectrum")
    viewer.close()


def measured(data: Path) -> None:
    """Find the elements of a measured map and quantify chips of it."""
    viewer = napari.Viewer()
    viewer.window.resize(*SIZES[""])
    add_layers(viewer, image_layers(eds.load(data / MEASURED)))
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, WORKBENCH)
    wait_for(lambda: find_panel(viewer, RESULTS) is not None)
    QTest.qWait(2500)
    elements = open_panel(viewer, ELEMENTS)
    QTest.mouseClick(elements.find, LEFT)
    wait_for(lambda: not elements.search.running)
    QTest.mouseClick(elements.found.add_all, LEFT)
    dock_of(dock).raise_()
    focus = focus_of(viewer)
    focus.set_settings(replace(focus.settings, chip_size=8))
    click(dock.make_grid)
    run(dock, viewer)
    focus.select([int(focus.result.table["counts"].idxmax())])
    picture(viewer, "tutorial_silica")
    viewer.close()


def k_factors(simulation) -> eds.KFactorTable:
    """Return the k-factors the simulation implies, as a table of families."""
    factors = {f"{element}_{family}": k for (element, family), k in simulation.k_factors.items()}
    return eds.KFactorTable.from_mapping(
        factors, "family", source="computed by the simulation", beam_energy_keV=300
    )


def click(button) -> None:
    QTest.mouseClick(button.native, LEFT)


def click_peak(viewer, energy_keV: float) -> None:
    """Click into the spectrum at an energy."""
    plot = find_panel(viewer, SPECTRUM).plot
    low, high = plot.view.viewRange()[1]
    spot = plot.view.mapViewToScene(QPointF(energy_keV, low + 0.5 * (high - low)))
    QTest.mouseClick(plot.viewport(), LEFT, NONE, plot.mapFromScene(spot))


def wait_for(condition) -> None:
    while not condition():
        QTest.qWait(20)


def run(dock, viewer) -> None:
    """Press Quantify and wait for the maps."""
    focus = focus_of(viewer)
    before = focus.result
    click(dock.run)
    wait_for(lambda: focus.result is not before)
    if not is_spectrum(focus.image):
        wait_for(lambda: set(maps_of(viewer, focus.labels_layer)) == set(focus.result.elements))


def paint(viewer, labels, label: int, points: list[tuple[int, int]]) -> None:
    """Paint a label with the brush along points (row, column)."""
    labels.selected_label = label
    canvas = viewer.window._qt_viewer.canvas
    transform = canvas.layer_to_visual[labels].node.get_transform("visual", "canvas")
    dense = np.concatenate([np.linspace(a, b, 12) for a, b in itertools.pairwise(points)])
    spots = [
        QPoint(*np.rint(transform.map([c, r, 0, 1])[:2]).astype(int).tolist()) for r, c in dense
    ]
    native = canvas.native
    QTest.mouseMove(native, spots[0])
    QTest.qWait(50)
    QTest.mousePress(native, LEFT, NONE, spots[0])
    for spot in spots[1:]:
        QTest.mouseMove(native, spot)
        QTest.qWait(15)
    QTest.mouseRelease(native, LEFT, NONE, spots[-1])
    QTest.qWait(100)


def picture(viewer, name: str) -> None:
    """Save the whole window, and what pops up above it, once it has come to rest."""
    window = viewer.window._qt_window
    for notification in window.findChildren(NapariQtNotification):
        notification.close()
    QTest.qWait(800)
    FOLDER.mkdir(exist_ok=True)
    place = window.frameGeometry()
    screen = window.screen().grabWindow(0, place.x(), place.y(), place.width(), place.height())
    assert screen.save(str(FOLDER / f"{name}.png"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as unsaved:
        os.environ[FOLDER_VARIABLE] = unsaved
        os.environ[FILE_VARIABLE] = str(Path(unsaved) / "view.json")
        main()
