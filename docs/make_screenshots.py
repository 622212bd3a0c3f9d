"""Makes the pictures of the window in ``docs/images``, by the same clicks a user makes.

Run it with a display, or on a machine without one:
``xvfb-run -s "-screen 0 1600x1000x24" python docs/make_screenshots.py``
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QTableView

import napari_eds as eds
from napari_eds._napari.layers import image_layers
from napari_eds._napari.reader import add_layers
from napari_eds.simulate import lanthanum_ferrite_on_strontium_titanate

FOLDER = Path(__file__).parent / "images"
SIZE = (1400, 900)
TABLE_SORTED_BY = 3  # the first element's at. %


def main() -> None:
    simulation = lanthanum_ferrite_on_strontium_titanate((192, 192), counts_per_pixel=120)
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    add_layers(viewer, image_layers(simulation.image))
    _, dock = viewer.window.add_plugin_dock_widget("napari-eds", "EDS quantification")
    picture(viewer, "opened")

    dock.chip_size.value = 8
    click(dock.make_grid)
    picture(viewer, "grid")

    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "k-factors.csv"
        k_factors(simulation).to_csv(table)
        dock.k_file.value = table
        run(dock)
        click(dock.table)
        QTest.qWait(500)
        table = viewer.window.dock_widgets["EDS results"].findChild(QTableView)
        table.sortByColumn(TABLE_SORTED_BY, Qt.SortOrder.DescendingOrder)
        table.selectRow(1)
        viewer.reset_view()
        picture(viewer, "quantified")

        for layer in viewer.layers:
            layer.visible = layer.name.endswith("X-ray counts")
        click(dock.new_labels)
        labels = viewer.layers.selection.active
        labels.brush_size = 12
        paint(viewer, labels, 1, [(60, 20), (52, 60), (60, 100), (50, 150)])
        paint(viewer, labels, 2, [(120, 30), (150, 60), (130, 110), (160, 150)])
        picture(viewer, "painted")
        run(dock)
        picture(viewer, "painted_quantified")
    viewer.close()


def k_factors(simulation) -> eds.KFactorTable:
    """Return the k-factors the simulation implies, as a table of families."""
    factors = {f"{element}_{family}": k for (element, family), k in simulation.k_factors.items()}
    return eds.KFactorTable.from_mapping(
        factors, "family", source="computed by the simulation", beam_energy_keV=300
    )


def click(button) -> None:
    QTest.mouseClick(button.native, Qt.MouseButton.LeftButton)


def run(dock) -> None:
    """Press Quantify and wait for the result."""
    click(dock.run)
    while not dock.run.enabled:
        QTest.qWait(20)


def paint(viewer, labels, label: int, points: list[tuple[int, int]]) -> None:
    """Paint a label with the brush along points (row, column)."""
    labels.selected_label = label
    canvas = viewer.window._qt_viewer.canvas
    transform = canvas.layer_to_visual[labels].node.get_transform("visual", "canvas")
    dense = np.concatenate([np.linspace(a, b, 12) for a, b in itertools.pairwise(points)])
    spots = [
        QPoint(*np.rint(transform.map([c, r, 0, 1])[:2]).astype(int).tolist()) for r, c in dense
    ]
    native, left, none = canvas.native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseMove(native, spots[0])
    QTest.qWait(50)
    QTest.mousePress(native, left, none, spots[0])
    for spot in spots[1:]:
        QTest.mouseMove(native, spot)
        QTest.qWait(15)
    QTest.mouseRelease(native, left, none, spots[-1])
    QTest.qWait(100)


def picture(viewer, name: str) -> None:
    """Save the whole window once it has come to rest."""
    QTest.qWait(800)
    FOLDER.mkdir(exist_ok=True)
    viewer.screenshot(FOLDER / f"{name}.png", canvas_only=False, flash=False)


if __name__ == "__main__":
    main()
