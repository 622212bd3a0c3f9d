"""Unsaved work in a real window: kept after every stroke, offered again, never in the way."""

import gc

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

import napari_eds as eds
from napari_eds._napari.exchange.unsaved_bar import UnsavedBar
from napari_eds._napari.parts.panels import EXCHANGE, REGIONS, open_panel
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import add_chips, geometry, label_names
from napari_eds._napari.state.unsaved import SETTLE_MS, unsaved_of
from napari_eds.exchange.autosave import UnsavedCopy
from napari_eds.exchange.session import save_session
from window_actions import add_result, agree, click, nothing_is_due, paint_stroke, task_is_done

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture
def open_map(make_napari_viewer, map_file):
    """Function that opens the map in another window, as after a crash of the one before."""
    map_file.with_suffix(".edsession").unlink(missing_ok=True)

    def opened():
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1200, 800)
        viewer.open(map_file, plugin="napari-eds")
        return viewer, focus_of(viewer)

    return opened


@pytest.fixture(scope="module")
def result(map_file, k_factor_file):
    image = eds.load(map_file)
    recipe = eds.Recipe(
        elements=("La_L", "Fe", "O", "Sr", "Ti", "Pt"), k_factors=eds.read_k_factors(k_factor_file)
    )
    return eds.quantify(image, eds.grid_chips(image.shape, 16), recipe)


def is_kept(qtbot, focus):
    """Wait until all that was changed is on the disk."""
    qtbot.wait(50)
    nothing_is_due(qtbot)
    work = unsaved_of(focus)
    qtbot.waitUntil(lambda: not work._timer.isActive() and not work._writing)


def on_disk(focus, folder):
    """Return what another program finds, and make sure that there is one file at most."""
    assert len(list(folder.iterdir())) <= 1
    return UnsavedCopy(focus.image, "another program", folder).others()


def bar_of(qtbot, viewer):
    def bars():
        return [w for w in viewer.window.dock_widgets.values() if isinstance(w, UnsavedBar)]

    qtbot.waitUntil(lambda: len(bars()) == 1)
    return bars()[0]


def painted_layer(viewer, focus):
    layer = viewer.add_labels(
        np.zeros(focus.image.shape, np.int32), name="mine", **geometry(focus.image)
    )
    layer.mode, layer.brush_size = "paint", 6
    return layer


def test_every_stroke_undo_and_name_is_kept_and_comes_back(qtbot, open_map, unsaved_folder):
    viewer, focus = open_map()
    is_kept(qtbot, focus)
    assert not list(unsaved_folder.iterdir())  # nothing was made yet
    layer = painted_layer(viewer, focus)
    paint_stroke(qtbot, viewer, layer, [(20, 20), (20, 50), (20, 70)])
    with qtbot.waitSignal(unsaved_of(focus).kept, timeout=20 * SETTLE_MS):
        pass
    (work,) = on_disk(focus, unsaved_folder)
    np.testing.assert_array_equal(work.layers[0].labels, layer.data)
    first = layer.data.copy()
    assert first.any()

    layer.selected_label = 2
    paint_stroke(qtbot, viewer, layer, [(70, 20), (70, 60)])
    is_kept(qtbot, focus)
    np.testing.assert_array_equal(on_disk(focus, unsaved_folder)[0].layers[0].labels, layer.data)
    QTest.keyClick(
        viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier
    )
    np.testing.assert_array_equal(layer.data, first)
    layer.features = {"index": [1], "chip": ["film"]}
    focus.set_settings(focus.settings.edited(chip_size=7))
    is_kept(qtbot, focus)
    (work,) = on_disk(focus, unsaved_folder)
    np.testing.assert_array_equal(work.layers[0].labels, first)
    assert work.layers[0].names == {1: "film"}

    # Another window, the first being as good as dead: it has layers and settings of its own.
    unsaved_of(focus).blockSignals(True)
    viewer, focus = open_map()
    bar = bar_of(qtbot, viewer)
    assert "1 label layer and settings" in bar.about.text()
    mine = painted_layer(viewer, focus)
    paint_stroke(qtbot, viewer, mine, [(50, 20), (50, 60)])
    is_kept(qtbot, focus)
    # What is not yet restored stays beside what is new.
    assert [len(w.layers) for w in on_disk(focus, unsaved_folder)] == [1, 1]
    before = mine.data.copy()
    click(bar.restore)
    restored = viewer.layers["mine (restored)"]
    np.testing.assert_array_equal(restored.data, first)
    np.testing.assert_array_equal(mine.data, before)
    assert label_names(restored) == {1: "film"}
    assert focus.labels_layer is restored
    assert focus.settings.chip_size == 7
    is_kept(qtbot, focus)
    (work,) = on_disk(focus, unsaved_folder)
    assert [x.name for x in work.layers] == ["mine", "mine (restored)"]
    assert not [w for w in viewer.window.dock_widgets.values() if isinstance(w, UnsavedBar)]


def test_settings_that_are_there_stay_and_discarded_work_goes(qtbot, open_map, unsaved_folder):
    viewer, focus = open_map()
    focus.set_settings(focus.settings.edited(chip_size=9))
    is_kept(qtbot, focus)
    viewer, focus = open_map()
    bar = bar_of(qtbot, viewer)
    focus.set_settings(focus.settings.edited(chip_size=5))
    click(bar.restore)
    assert focus.settings.chip_size == 5
    is_kept(qtbot, focus)
    viewer, focus = open_map()
    click(bar_of(qtbot, viewer).discard)
    is_kept(qtbot, focus)
    assert not list(unsaved_folder.iterdir())


def test_edits_of_the_regions_dock_are_kept(qtbot, open_map, unsaved_folder, result):
    viewer, focus = open_map()
    layer = add_chips(viewer, result.labels.astype(np.int32), focus.image, name="chips")
    dock = open_panel(viewer, REGIONS)
    dock.tabs.setCurrentWidget(dock.edit)
    focus.select([1, 2])
    click(dock.edit.merge)
    qtbot.waitUntil(lambda: not (layer.data == 2).any())
    is_kept(qtbot, focus)
    (work,) = on_disk(focus, unsaved_folder)
    np.testing.assert_array_equal(work.layers[0].labels, layer.data)
    assert work.layers[0].outlines == 1


def test_a_saved_session_leaves_nothing_unsaved(
    qtbot, open_map, unsaved_folder, result, map_file, monkeypatch
):
    agree(monkeypatch)
    viewer, focus = open_map()
    layer = add_result(viewer, result)
    focus.set_settings(focus.settings.with_recipe(result.recipe))
    is_kept(qtbot, focus)
    assert on_disk(focus, unsaved_folder)
    dock = open_panel(viewer, EXCHANGE)
    nothing_is_due(qtbot)
    click(dock.session.save)
    task_is_done(qtbot, dock)
    is_kept(qtbot, focus)
    assert not list(unsaved_folder.iterdir())
    # Painted further, it is unsaved again.
    layer.mode, layer.selected_label = "paint", 3
    paint_stroke(qtbot, viewer, layer, [(50, 20), (50, 60)])
    is_kept(qtbot, focus)
    (work,) = on_disk(focus, unsaved_folder)
    assert work.settings is None
    np.testing.assert_array_equal(work.layers[0].labels, layer.data)
    map_file.with_suffix(".edsession").unlink()


def test_a_restored_session_is_not_unsaved(qtbot, open_map, unsaved_folder, result, map_file):

    viewer, focus = open_map()
    save_session(map_file.with_suffix(".edsession"), result, overwrite=True)
    dock = open_panel(viewer, EXCHANGE)
    qtbot.waitUntil(dock.session.restore.isEnabled)
    click(dock.session.restore)
    task_is_done(qtbot, dock)
    is_kept(qtbot, focus)
    assert not list(unsaved_folder.iterdir())
    map_file.with_suffix(".edsession").unlink()


def test_closing_keeps_what_was_painted_a_moment_ago(qtbot, open_map, unsaved_folder):
    viewer, focus = open_map()
    image, work = focus.image, unsaved_of(focus)
    is_kept(qtbot, focus)
    layer = painted_layer(viewer, focus)
    paint_stroke(qtbot, viewer, layer, [(20, 20), (20, 50)])
    painted = layer.data.copy()
    assert work._timer.isActive()
    viewer.layers.clear()
    work._pool.shutdown(wait=True)
    (left,) = UnsavedCopy(image, "another program", unsaved_folder).others()
    np.testing.assert_array_equal(left.layers[0].labels, painted)


def test_a_deleted_layer_is_not_offered(qtbot, open_map, unsaved_folder):
    viewer, focus = open_map()
    layer = painted_layer(viewer, focus)
    layer.data = np.ones_like(layer.data)
    is_kept(qtbot, focus)
    assert on_disk(focus, unsaved_folder)
    viewer.layers.remove(layer)
    is_kept(qtbot, focus)
    assert not list(unsaved_folder.iterdir())
    gc.collect()


def test_labels_that_were_deleted_come_back(qtbot, open_map, unsaved_folder):
    viewer, focus = open_map()
    regions = open_panel(viewer, REGIONS)
    regions.tabs.setCurrentWidget(regions.edit)
    layer = painted_layer(viewer, focus)
    paint_stroke(qtbot, viewer, layer, [(20, 20), (20, 50)])
    layer.selected_label = 2
    paint_stroke(qtbot, viewer, layer, [(60, 20), (60, 50)])
    layer.features = {"index": [1, 2], "chip": ["film", "hole"]}
    painted = layer.data.copy()
    assert not regions.edit.bring_back.enabled
    empty = viewer.add_labels(np.zeros_like(painted), name="empty", **geometry(focus.image))
    trash = viewer.window._qt_viewer.layerButtons.deleteButton
    for unwanted in (layer, empty):
        viewer.layers.selection = {unwanted}
        click(trash)
    assert layer not in viewer.layers
    is_kept(qtbot, focus)
    qtbot.waitUntil(lambda: regions.edit.bring_back.enabled)
    click(regions.edit.bring_back)
    (back,) = (x for x in viewer.layers if x.name == "mine")
    np.testing.assert_array_equal(back.data, painted)
    assert label_names(back) == {1: "film", 2: "hole"}
    assert focus.labels_layer is back
    # An empty layer is no loss, and nothing else was deleted.
    qtbot.waitUntil(lambda: not regions.edit.bring_back.enabled)
    # It is kept and painted on as before.
    paint_stroke(qtbot, viewer, back, [(40, 20), (40, 50)])
    is_kept(qtbot, focus)
    np.testing.assert_array_equal(on_disk(focus, unsaved_folder)[0].layers[0].labels, back.data)
    assert (back.data != painted).any()
    QTest.keyClick(
        viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier
    )
    np.testing.assert_array_equal(back.data, painted)
