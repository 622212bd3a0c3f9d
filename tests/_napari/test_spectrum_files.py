"""Files of spectra in a real window: seen in the panel of spectra, and quantified as they are."""

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

import napari_eds as eds
from napari_eds._napari.parts.panels import RESULTS, SPECTRUM, dock_of, find_panel
from napari_eds._napari.state.element_choice import ElementChoice
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import SPECTRUM_IMAGE
from window_actions import click, nothing_is_due

pytestmark = pytest.mark.usefixtures("hyperspy_is_there")

STO = "real/velox/EDS-STO.emd"
#: Spectra of one file each, by their vendors.
SINGLE = (
    "real/jeol/spot.eds",
    "real/bruker/bruker_nano.spx",
    "real/edax/647_leo_edax_test.spc",
    "real/msa/GaAs/GaAs_15kV.emsa",
    "real/msa/NIST_K412/III-E K412[0][4].msa",
)


@pytest.fixture
def opened(qtbot, make_napari_viewer, eds_file):
    """Function that opens files in a window with the dock, and waits for the panel of spectra."""

    def opened(*names):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1300, 850)
        for name in names:
            viewer.open(eds_file(name), plugin="napari-eds")
        dock = viewer.window.add_plugin_dock_widget("napari-eds", "EDS quantification")[1]
        qtbot.waitUntil(lambda: find_panel(viewer, SPECTRUM) is not None)
        panel = find_panel(viewer, SPECTRUM)
        qtbot.waitUntil(lambda: bool(panel.plot.content.spectra))
        return viewer, dock, panel

    return opened


@pytest.mark.parametrize("name", SINGLE)
def test_a_spectrum_opens_in_its_panel(qtbot, opened, eds_file, name):
    viewer, dock, panel = opened(name)
    image = eds.load(eds_file(name))
    (shown,) = panel.plot.content.spectra
    np.testing.assert_array_equal(shown.counts, image.total_spectrum())
    assert not panel.toolbar.spectrum.isVisible(), "there is no other to choose"
    assert not panel.toolbar.per_pixel.isVisible()
    assert panel.plot.plot.getAxis("left").labelText == "Counts"
    qtbot.waitUntil(panel.plot.isVisible)
    area = dock_of(panel).parent().dockWidgetArea(dock_of(panel))
    assert area == Qt.DockWidgetArea.BottomDockWidgetArea
    for hidden in (dock.chip_size, dock.make_grid, dock.crop, dock.labels_layer):
        assert not hidden.native.isVisible()
    assert dock.run.native.isVisible()
    assert dock.run.enabled
    assert not dock.about.text().startswith("1 ×")
    # Nothing black of one pixel on the canvas.
    seen = [layer for layer in viewer.layers if layer.visible and layer.opacity > 0]
    assert seen == []
    nothing_is_due(qtbot)


def test_sum_and_detectors_are_a_list(qtbot, opened, eds_file):
    viewer, dock, panel = opened(STO)
    images = eds.read(eds_file(STO))
    maps = [layer for layer in viewer.layers if SPECTRUM_IMAGE in layer.metadata]
    assert len(viewer.layers) == 2
    assert maps == [dock.focus.map_layer]
    box = panel.toolbar.spectrum
    assert box.isVisible()
    assert [box.itemText(i) for i in range(box.count())] == [
        "SuperXG2 (sum of 4 detectors)", "SuperXG21", "SuperXG22", "SuperXG23", "SuperXG24"
    ]  # fmt: skip
    for image, text in zip(images, [box.itemText(i) for i in range(5)], strict=True):
        if box.currentText() != text:
            QTest.keyClick(box, Qt.Key.Key_Down)
        qtbot.waitUntil(
            lambda image=image: (
                [s.counts.sum() for s in panel.plot.content.spectra] == [image.total_counts]
            )
        )
        (shown,) = panel.plot.content.spectra
        assert (shown.name, box.currentText()) == (text, text)
        assert dock.image.total_counts == image.total_counts
    nothing_is_due(qtbot)


def test_quantify_takes_the_whole_spectrum_at_once(qtbot, opened, eds_file):
    viewer, dock, panel = opened(STO)
    box = panel.toolbar.spectrum
    elements = tuple(ElementChoice(e) for e in ("O", "Ti", "Sr"))
    dock.focus.set_settings(
        dock.focus.settings.edited(elements=(*elements, ElementChoice("Cu", "fit only")))
    )
    click(dock.run)
    qtbot.waitUntil(lambda: dock.result is not None and not dock.work)
    image = eds.load(eds_file(STO), index=0)
    recipe = dock.focus.settings.recipe()
    expected = eds.quantify(image, np.ones((1, 1), int), recipe).table
    of_sum = dock.result
    for element in ("O", "Ti", "Sr"):
        column = f"{element}_at_pct"
        np.testing.assert_allclose(of_sum.table[column], expected[column], rtol=1e-9)
    assert len(viewer.layers) == 2, "no map of one pixel"
    labels = dock.focus.labels_layer
    assert isinstance(labels, Labels)
    assert viewer.layers.selection.active is labels
    qtbot.waitUntil(lambda: panel.plot.content.fit is not None)

    # Each detector has a result of its own.
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert dock.result is None
    assert not dock.table.enabled
    click(dock.run)
    qtbot.waitUntil(lambda: dock.result is not None and not dock.work)
    of_detector = dock.result
    assert of_detector.image.total_counts == eds.read(eds_file(STO))[1].total_counts
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert dock.result is of_sum
    assert list(labels.features["counts"]) == list(of_sum.table["counts"])
    nothing_is_due(qtbot)


def test_a_result_that_comes_after_another_spectrum_was_chosen_is_its_own(qtbot, opened):
    _viewer, dock, panel = opened(STO)
    choices = tuple(ElementChoice(e) for e in ("O", "Ti", "Sr"))
    dock.focus.set_settings(dock.focus.settings.edited(elements=choices))
    click(dock.run)
    QTest.keyClick(panel.toolbar.spectrum, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: not dock.work)
    assert dock.result is None
    QTest.keyClick(panel.toolbar.spectrum, Qt.Key.Key_Up)
    assert dock.result.image is dock.image
    nothing_is_due(qtbot)


def test_spectra_and_maps_side_by_side(qtbot, opened):
    name = "real/velox/fei_SI_EDS-HAADF-4detectors_2frames.emd"
    viewer, dock, panel = opened(STO, "real/jeol/spot.eds", name)
    assert dock.image.shape == (16, 16)
    assert dock.chip_size.native.isVisibleTo(dock)
    assert panel.toolbar.per_pixel.isVisible()
    spot = next(layer for layer in focus_of(viewer).map_layers() if "spot" in layer.name)
    viewer.layers.selection.active = spot
    assert dock.focus.labels_layer.name == "whole spectrum · spot"
    assert not dock.chip_size.native.isVisibleTo(dock)
    assert dock.run.enabled
    assert find_panel(viewer, RESULTS) is None
    nothing_is_due(qtbot)


def test_spectra_beside_a_map_are_in_the_list_and_the_map_is_seen(qtbot, workbench, mixed_aztec):
    path, points = mixed_aztec
    viewer, widget = workbench(path)
    focus, panel = widget.focus, find_panel(viewer, SPECTRUM)
    assert focus.image.shape == (12, 16), "the map is looked at"
    assert focus.map_layer.visible
    assert viewer.layers.selection.active in {focus.map_layer, *viewer.layers}
    box = panel.toolbar.spectrum
    qtbot.waitUntil(box.isVisible)
    texts = [box.itemText(i) for i in range(box.count())]
    assert texts == [f"map {focus.map_layer.name}", "2", "3"]
    assert box.currentIndex() == 0
    assert panel.toolbar.whole_map.isVisible()
    map_layer = focus.map_layer
    for i, counts in enumerate(points):
        QTest.keyClick(box, Qt.Key.Key_Down)
        qtbot.waitUntil(lambda i=i: box.currentIndex() == i + 1)
        nothing_is_due(qtbot)
        qtbot.waitUntil(lambda counts=counts: _is_shown(panel, counts))
    assert focus.image.shape == (1, 1)
    assert not panel.toolbar.per_pixel.isVisible()
    QTest.keyClick(box, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: focus.map_layer is map_layer)
    nothing_is_due(qtbot)
    assert map_layer.visible
    assert box.currentIndex() == 0


def _is_shown(panel, counts):
    return [s.counts.tolist() for s in panel.plot.content.spectra] == [counts.tolist()]


def test_a_spectrum_beside_a_map_is_quantified_as_it_is(qtbot, workbench, mixed_aztec):
    path, points = mixed_aztec
    viewer, widget = workbench(path)
    box = find_panel(viewer, SPECTRUM).toolbar.spectrum
    qtbot.waitUntil(box.isVisible)
    for _ in points:
        QTest.keyClick(box, Qt.Key.Key_Down)
    focus = widget.focus
    qtbot.waitUntil(lambda: focus.image.n_pixels == 1 and focus.labels_layer is not None)
    elements = tuple(map(ElementChoice, ("Ti", "O")))
    focus.set_settings(focus.settings.edited(elements=elements))
    click(widget.run)
    qtbot.waitUntil(lambda: focus.result is not None and not widget.work)
    expected = eds.quantify(eds.load(path, 2), np.ones((1, 1), int), focus.settings.recipe())
    assert focus.result.table["Ti_at_pct"].iloc[0] == pytest.approx(
        expected.table["Ti_at_pct"].iloc[0]
    )
