"""Makes the pictures of the dock *EDS regions* in ``docs/images``, by a user's clicks.

Run it with a display, or on a machine without one:
``xvfb-run -s "-screen 0 2000x1200x24" python docs/make_region_pictures.py``
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import napari
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_eds._napari.parts.panels import PLUGIN, REGIONS, dock_of
from napari_eds._napari.reader import add_layers
from napari_eds._napari.regions.pixel_layers import pixel_layers
from napari_eds._napari.state.element_choice import ElementChoice
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import image_layers
from napari_eds._support import hyperspy
from napari_eds.exchange.autosave import FOLDER_VARIABLE
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

FOLDER = Path(__file__).parent / "images"
SIZE = (1400, 900)
WIDTH_PX = 390
ELEMENTS = ("La", "Fe", "O", "Sr", "Ti", "Pt", "Cu")
FIT_ONLY = {"Cu"}


def main() -> None:
    hyperspy.exspy()
    image = lanthanum_ferrite_on_strontium_titanate((192, 192), counts_per_pixel=120).image
    unsaved = Path(os.environ[FOLDER_VARIABLE])
    for theme in ("dark", "light"):
        # What one window leaves unsaved, the next would offer.
        os.environ[FOLDER_VARIABLE] = str(unsaved / theme)
        viewer = napari.Viewer()
        viewer.theme = theme
        viewer.window.resize(*SIZE)
        add_layers(viewer, image_layers(image))
        _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, REGIONS)
        window = dock_of(dock).parent()
        window.resizeDocks([dock_of(dock)], [WIDTH_PX], Qt.Orientation.Horizontal)
        choose_elements(viewer)
        walk(viewer, dock, theme)
        viewer.close()


def choose_elements(viewer: napari.Viewer) -> None:
    focus = focus_of(viewer)
    choices = tuple(
        ElementChoice(e, "fit only" if e in FIT_ONLY else "quantify") for e in ELEMENTS
    )
    focus.set_settings(focus.settings.edited(elements=choices))


def walk(viewer: napari.Viewer, dock, theme: str) -> None:
    """Ask for advice, look at regions, edit them, and quantify pixels."""
    dock.tabs.setCurrentWidget(dock.advice)
    dock.advice.error.value = 1.0
    run(dock.advice.advise, dock.advice.work)
    picture(viewer, f"regions_advice_{theme}")
    dock.tabs.setCurrentWidget(dock.make)
    dock.make.choose("superpixels")
    dock.make.page.mean_size.value = 250
    run(dock.make.preview, dock.make.work)
    picture(viewer, f"regions_make_{theme}")
    dock.make.choose("clusters")
    run(dock.make.use, dock.make.work)
    dock.tabs.setCurrentWidget(dock.edit)
    dock.edit.all.click()
    dock.edit.radius.value = 3
    run(dock.edit.smooth, dock.edit.work)
    picture(viewer, f"regions_edit_{theme}")
    dock.tabs.setCurrentWidget(dock.pixels)
    run(dock.pixels.run, dock.pixels.work)
    focus = focus_of(viewer)
    expected = 2 * (len(ELEMENTS) - len(FIT_ONLY))
    while len(pixel_layers(focus, focus.map_layer)) < expected:
        QTest.qWait(20)
    picture(viewer, f"regions_pixels_{theme}")


def run(button, work) -> None:
    QTest.mouseClick(button.native, Qt.MouseButton.LeftButton)
    while work:
        QTest.qWait(20)


def picture(viewer: napari.Viewer, name: str) -> None:
    QTest.qWait(600)
    viewer.screenshot(str(FOLDER / f"{name}.png"), canvas_only=False, flash=False)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as unsaved:
        os.environ[FOLDER_VARIABLE] = unsaved
        main()
