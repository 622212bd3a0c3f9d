"""The dock *EDS quantification* in a real window, driven by mouse and keys."""

from pathlib import Path

import dask.array
import numpy as np
import pandas as pd
import pytest
from napari._app_model import get_app_model
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

import napari_eds as eds
from napari_eds._napari.parts.numbers import grouped
from napari_eds._napari.state.belonging import owners_of
from napari_eds._napari.state.element_choice import ElementChoice
from napari_eds._napari.state.layers import QUANTIFICATION, SPECTRUM_IMAGE, maps_of
from patience import PATIENCE_ms
from window_actions import change, click, notifications, paint_stroke, task_is_done

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture
def window(make_napari_viewer):
    """Function that opens a file in a visible window with the dock beside it."""

    def opened(*paths):
        viewer = make_napari_viewer(show=True)
        for path in paths:
            viewer.open(path, plugin="napari-eds")
        return viewer, open_dock(viewer)

    return opened


def open_dock(viewer):
    return viewer.window.add_plugin_dock_widget("napari-eds", "EDS quantification")[1]


def choose(dock, k_factor_file=None, elements="La Fe O Sr Ti Pt", chip_size=16):
    """Set what is chosen in other docks, and the chip size."""
    present = dock.focus.settings.elements
    added = [ElementChoice(e) for e in elements.split() if e not in {c.symbol for c in present}]
    dock.focus.set_settings(
        dock.focus.settings.edited(elements=(*present, *added), k_factor_file=k_factor_file)
    )
    dock.chip_size.value = chip_size


def run_and_wait(qtbot, dock):
    click(dock.run)
    qtbot.waitUntil(lambda: not dock.work)
    qtbot.waitUntil(lambda: all_maps_are_there(dock.focus))


def all_maps_are_there(focus):
    """Whether every map of the result, if there is one, has been shown; they come one by one."""
    result = focus.result
    if result is None:
        return True
    maps = maps_of(focus.viewer, focus.labels_layer)
    return set(maps) == set(result.elements) and all(
        layer.metadata[QUANTIFICATION] is result for layer in maps.values()
    )


def test_painted_labels_are_quantified_as_the_headless_api_does(
    qtbot, window, map_file, k_factor_file, tmp_path, monkeypatch
):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file, elements="Cu")
    click(dock.new_labels)
    assert "Paint a region" in notifications()[0]
    notification_manager.records.clear()
    layer = viewer.layers.selection.active
    assert isinstance(layer, Labels)
    assert dock.labels_layer.value is layer
    layer.brush_size = 9

    paint_stroke(qtbot, viewer, layer, [(30, 20), (32, 30), (36, 40), (30, 50)])
    viewer.window._qt_viewer.canvas.native.setFocus()
    layer.selected_label = 2
    paint_stroke(qtbot, viewer, layer, [(70, 30), (74, 50), (80, 70)])
    painted = layer.data.copy()
    assert set(np.unique(painted)) == {0, 1, 2}
    assert (painted == 1).sum() > 100
    assert (painted == 2).sum() > 100

    run_and_wait(qtbot, dock)

    assert not notifications()
    np.testing.assert_array_equal(layer.data, painted)
    recipe = dock.focus.settings.recipe()
    expected = eds.quantify(eds.load(map_file), painted, recipe)
    for element, values in expected.maps().items():
        (shown,) = [x for x in viewer.layers if x.name.startswith(f"{element} at. %")]
        np.testing.assert_allclose(shown.data, values, rtol=1e-9)
        np.testing.assert_allclose(shown.scale, layer.scale)
    # La Fe O in the film, Sr Ti O in the substrate.
    assert expected.table.loc[1, "La_at_pct"] > 15 > expected.table.loc[2, "La_at_pct"]

    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "painted.csv"), "")
    )
    click(dock.save)
    task_is_done(qtbot, dock)
    table = pd.read_csv(tmp_path / "painted.csv", index_col="label")
    np.testing.assert_allclose(table["O_at_pct"], expected.table["O_at_pct"], rtol=1e-5)
    spectra = pd.read_csv(tmp_path / "painted_spectra.csv", index_col="label")
    np.testing.assert_array_equal(spectra.drop(columns="chip"), expected.spectra)


def test_grid_shows_its_count_first_and_running_again_updates(
    qtbot, window, map_file, k_factor_file
):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file, chip_size=20)
    assert dock.chip_count.text() == "4 × 4 = 16 chips"
    click(dock.make_grid)
    grid = dock.labels_layer.value
    np.testing.assert_array_equal(grid.data, eds.grid_chips((96, 96), 20).labels)

    run_and_wait(qtbot, dock)
    maps = [x for x in viewer.layers if isinstance(x, Image) and "at. %" in x.name]
    first = maps[0].data.copy()
    dock.low.value = 0.3
    *kept, last = dock.focus.settings.elements
    change(dock, elements=(*kept, last._replace(role="fit only")))
    run_and_wait(qtbot, dock)

    left = [x for x in viewer.layers if isinstance(x, Image) and "at. %" in x.name]
    assert left == maps[:-1]
    assert not np.array_equal(left[0].data, first, equal_nan=True)
    assert grid.metadata[QUANTIFICATION].recipe.energy_range_keV == (0.3, 19.0)


def test_make_grid_never_touches_painted_labels(window, map_file):
    _viewer, dock = window(map_file)
    dock.chip_size.value = 32
    click(dock.make_grid)
    grid = dock.labels_layer.value
    click(dock.make_grid)
    assert dock.labels_layer.value is grid, "an untouched grid is used again"
    grid.data[:10, :10] = 99
    click(dock.make_grid)
    assert dock.labels_layer.value is not grid
    assert (grid.data[:10, :10] == 99).all()


def test_cancel_leaves_the_run_and_the_labels(qtbot, window, map_file, k_factor_file):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file, elements="La Fe O Sr Ti", chip_size=16)
    dock.more.engine.value = "nonlinear"
    click(dock.make_grid)
    layer = dock.labels_layer.value

    click(dock.run)
    assert dock.cancel.enabled
    assert not dock.run.enabled
    qtbot.waitUntil(lambda: " of 36" in dock.status.text())
    click(dock.cancel)
    qtbot.waitUntil(lambda: not dock.work)

    assert notifications() == ["Cancelled: nothing was changed."]
    assert QUANTIFICATION not in layer.metadata
    assert not [x for x in viewer.layers if "at. %" in x.name]
    assert dock.run.enabled
    assert not dock.cancel.enabled


def test_settings_outlive_the_dock(window, map_file, k_factor_file):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file, elements="Cu", chip_size=12)
    dock.high.value = 12.5
    before = dock.focus.settings
    viewer.window.remove_dock_widget(dock)

    again = open_dock(viewer)
    assert again.focus.settings == before
    assert again.high.value == 12.5
    assert again.chip_size.value == 12
    assert before.elements[-1].symbol == "Cu"


def test_settings_belong_to_their_map(window, map_file, alloy_file):
    viewer, dock = window(map_file, alloy_file)
    small, alloy = (x for x in viewer.layers if SPECTRUM_IMAGE in x.metadata)
    dock.map_layer.value = alloy
    assert dock.elements_text.text() == "quantified: Nb"
    dock.chip_size.value = 5
    click(dock.make_grid)
    assert dock.labels_layer.value.data.shape == (50, 10)

    dock.map_layer.value = small
    assert dock.chip_size.value != 5
    assert dock.labels_layer.value is None, "labels of another map are not offered"
    dock.map_layer.value = alloy
    assert dock.chip_size.value == 5


def test_deleting_layers_breaks_nothing(qtbot, window, map_file, k_factor_file):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file, chip_size=32)
    click(dock.make_grid)
    layer = dock.labels_layer.value
    click(dock.run)
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not dock.work)
    assert any("deleted" in text for text in notifications())
    viewer.layers.clear()
    assert not dock.run.enabled
    assert dock.about.text() == "Open an EDS map first."


def test_labels_without_a_scale_are_laid_on_the_map_they_are_summed_on(qtbot, window, map_file):
    viewer, dock = window(map_file)
    map_layer = dock.focus.map_layer
    labels = np.zeros((96, 96), np.int32)
    layer = viewer.add_labels(labels, name="of a script")
    assert dock.labels_layer.value is layer
    np.testing.assert_allclose(layer.scale, map_layer.scale)
    assert layer.units == map_layer.units
    layer.mode, layer.brush_size = "paint", 1
    paint_stroke(qtbot, viewer, map_layer, [(30, 20), (30, 21)])
    assert layer.data[30, 20]

    notification_manager.records.clear()
    place = {"scale": (0.25, 0.25), "translate": (9, 0)}
    beside = viewer.add_labels(labels, name="of another place", **place)
    assert dock.labels_layer.value is beside
    np.testing.assert_allclose(beside.translate, (9, 0))
    (told,) = [text for text in notifications() if "elsewhere" in text]
    assert "of another place" in told
    viewer.layers.selection.active = layer
    viewer.layers.selection.active = beside
    assert len([text for text in notifications() if "elsewhere" in text]) == 1


def test_features_of_another_plugin_stay_with_the_labels(qtbot, window, map_file, k_factor_file):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file)
    labels = np.zeros((96, 96), np.int32)
    labels[25:50], labels[60:90] = 7, 2
    # One with ids, and one in rows by label, from the background on.
    grain = pd.DataFrame({"index": [2, 7], "grain": ["b", "a"], "area": [5.5, 6.5]})
    rows = pd.DataFrame({"area": np.arange(8) / 2})
    for features, expected in ((grain, [5.5, 6.5]), (rows, [1.0, 3.5])):
        layer = viewer.add_labels(labels, features=features)
        for _again in range(2):
            run_and_wait(qtbot, dock)
            table = layer.features.set_index("index")
            assert table.loc[[2, 7], "area"].tolist() == expected
            result = layer.metadata[QUANTIFICATION]
            np.testing.assert_array_equal(table["Fe_at_pct"], result.table["Fe_at_pct"])
        assert "grain" not in features or table.loc[[2, 7], "grain"].tolist() == ["b", "a"]


def test_a_copy_of_a_map_is_the_users_and_the_map_follows_the_next_run(
    qtbot, window, map_file, k_factor_file
):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file, chip_size=48)
    click(dock.make_grid)
    run_and_wait(qtbot, dock)
    iron = maps_of(viewer, dock.labels_layer.value)["Fe"]
    before = iron.data.copy()
    viewer.layers.selection = {iron}
    get_app_model().commands.execute_command("napari.layer.duplicate").result()
    (copy,) = [layer for layer in viewer.layers if layer.name == f"{iron.name} copy"]
    dock.low.value = 0.3
    *kept, last = dock.focus.settings.elements
    change(dock, elements=(*kept, last._replace(role="fit only")))
    run_and_wait(qtbot, dock)

    np.testing.assert_array_equal(iron.data, dock.result.maps()["Fe"])
    np.testing.assert_array_equal(copy.data, before)
    assert not np.array_equal(iron.data, before, equal_nan=True)
    assert owners_of(viewer, copy, dock.focus.map_layers()) == [dock.focus.map_layer]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda dock: change(dock, k_factor_file=Path("gone.csv")), "gone.csv"),
        (lambda dock: change(dock, elements=()), "at least one element"),
        (lambda dock: setattr(dock.high, "value", 0.1), "energy range"),
        (lambda dock: setattr(dock.low, "value", 10), "La has no line"),
    ],
)
def test_what_is_wrong_is_said_in_a_notification(
    qtbot, window, map_file, k_factor_file, spoil, message
):
    _viewer, dock = window(map_file)
    choose(dock, k_factor_file, chip_size=48)
    click(dock.make_grid)
    spoil(dock)
    run_and_wait(qtbot, dock)
    assert len(notifications()) == 1
    assert message in notifications()[0]


def test_empty_labels_are_explained(qtbot, window, map_file, k_factor_file):
    _viewer, dock = window(map_file)
    choose(dock, k_factor_file)
    click(dock.new_labels)
    notification_manager.records.clear()
    run_and_wait(qtbot, dock)
    assert ["no pixel is labelled" in text for text in notifications()] == [True]


def test_maps_are_called_after_their_labels_unless_the_user_called_them(
    qtbot, window, map_file, k_factor_file
):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file, chip_size=48)
    click(dock.make_grid)
    run_and_wait(qtbot, dock)
    maps = maps_of(viewer, dock.labels_layer.value)
    maps["O"].name = "oxygen"
    dock.labels_layer.value.name = "quarters"
    run_and_wait(qtbot, dock)
    assert maps["Fe"].name == "Fe at. % (quarters)"
    assert maps["O"].name == "oxygen"


def test_labels_beside_the_specimen_have_no_fit_and_no_warning(
    qtbot, window, map_file, k_factor_file
):
    _viewer, dock = window(map_file)
    choose(dock, k_factor_file)
    image = dock.image
    empty = np.zeros((image.n_pixels, image.energy.size), np.uint8)
    dock.focus.add_image(eds.SpectrumImage.from_array(empty.reshape(96, 96, -1), image.energy))
    choose(dock, k_factor_file, chip_size=48)
    change(dock, beam_energy_keV=300.0)
    click(dock.make_grid)
    run_and_wait(qtbot, dock)
    assert "4 labels, 4 with remarks; no label could be fitted" in dock.status.text()
    assert not notifications()


def test_labels_of_a_lazy_array_are_quantified(qtbot, window, map_file, k_factor_file):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file)
    labels = np.zeros((96, 96), np.int32)
    labels[25:50] = 3
    viewer.add_labels(dask.array.from_array(labels, chunks=32), scale=(0.25, 0.25))
    notification_manager.records.clear()
    run_and_wait(qtbot, dock)
    assert dock.result.table.index.tolist() == [3]
    assert not notifications()


def test_an_uncalibrated_map_asks_for_its_axis(qtbot, window, data_dir):
    _viewer, dock = window(data_dir / "real/ripple/bruker_bcf_fileformat_16x16.rpl")
    qtbot.waitUntil(dock.offset.native.isVisible)
    assert "no energy axis" in dock.about.text()
    assert "72\u202f418 counts in all channels" in dock.about.text()
    layer = dock.map_layer.value
    assert layer.name.startswith("all counts")
    dock.offset.value, dock.scale.value = -0.5, 0.02
    click(dock.calibrate)
    assert not dock.offset.native.isVisible()
    image = dock.map_layer.value.metadata[SPECTRUM_IMAGE]
    assert image.energy == eds.EnergyAxis(-0.5, 0.02, 1121)
    np.testing.assert_array_equal(layer.data, image.to_array()[..., 35:].sum(axis=2))
    assert layer.name.startswith("X-ray counts")
    assert f"{grouped(layer.data.sum(), 0)} X-rays" in dock.about.text()


def test_k_factors_are_judged_at_once(window, map_file, alpha_k_factor_file, tmp_path):
    _viewer, dock = window(map_file)
    change(dock, k_factor_file=alpha_k_factor_file)
    assert "alpha.csv does not tell whether its k-factors" in dock.k_text.text()
    change(dock, convention="alpha")
    assert "k-factors of alpha lines" in dock.k_text.text()
    change(dock, k_factor_file=tmp_path / "gone.csv")
    assert "gone.csv" in dock.k_text.text()
    change(dock, k_factor_file=None)
    assert "± 5 to 50 %, by class of line" in dock.k_text.text()
    # At the voltage of an SEM there are none, which is said before Quantify refuses.
    change(dock, beam_energy_keV=20.0)
    assert "k-factors can be computed for" in dock.k_text.text()
    assert "not 20 keV" in dock.k_text.text()


def test_a_label_of_known_composition_gives_thickness_and_k_factors(
    qtbot, window, map_file, simulation, k_factor_file, tmp_path, monkeypatch
):
    viewer, dock = window(map_file)
    substrate = simulation.labels == 3
    viewer.add_labels(substrate.astype(np.int32), name="substrate")
    dock.labels_layer.value = viewer.layers["substrate"]
    quantified = [ElementChoice(e) for e in ("Ti", "Sr", "O")]
    fitted = [ElementChoice(e, "fit only") for e in ("La", "Fe", "Cu", "C", "Ga")]
    change(dock, elements=(*quantified, *fitted), k_factor_file=k_factor_file)
    assert dock.density.native.text() == "from composition"
    assert dock.focus.settings.draft.absorption.density_g_cm3 is None
    dock.density.value = 5.12
    assert not dock.solve_thickness.enabled
    run_and_wait(qtbot, dock)

    QTest.keyClicks(dock.formula.native, "SrTiO3")
    click(dock.solve_thickness)
    assert dock.thickness.value == pytest.approx(
        simulation.thickness_nm[substrate].mean(), rel=0.1
    )
    assert "nm thick" in notifications()[-1]
    run_and_wait(qtbot, dock)
    assert dock.result.table.loc[1, "O_at_pct"] == pytest.approx(60, abs=1.2)

    path = tmp_path / "k.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    click(dock.calibrate_k)
    assert dock.focus.settings.k_factor_file == path
    run_and_wait(qtbot, dock)
    assert dock.result.table.loc[1, "O_at_pct"] == pytest.approx(60, abs=0.05)

    dock.formula.value = "Sr"
    click(dock.solve_thickness)
    assert "Ti" in notifications()[-1]


# Elements that are missing.


def test_missing_elements_are_added_by_a_button(qtbot, window, map_file, k_factor_file):
    _viewer, dock = window(map_file)
    quantified = tuple(ElementChoice(e) for e in ("La", "Fe", "O", "Sr"))
    change(dock, elements=quantified, k_factor_file=k_factor_file)
    dock.chip_size.value = 48
    click(dock.make_grid)
    assert not dock.add_missing.native.isVisible()
    run_and_wait(qtbot, dock)
    assert "4 labels, 4 with remarks" in dock.status.text()
    assert dock.status.text().count("unexplained peak at 4.5") == 1, "of all labels, and once"
    qtbot.waitUntil(dock.add_missing.native.isVisible)
    assert dock.add_missing.text == "Add Ti, Pt…", "the largest peaks"

    click(dock.add_missing)
    assert not dock.run.enabled
    assert not dock.add_missing.enabled
    assert dock.cancel.enabled
    qtbot.waitUntil(lambda: not dock.work)

    chosen = {c.symbol: c.role for c in dock.focus.settings.elements}
    assert dock.focus.settings.elements[:4] == quantified
    assert chosen["Ti"] == "quantify"
    assert {chosen[e] for e in ("Pt", "Cu", "C")} == {"fit only"}
    (told,) = notifications()
    assert told.startswith("Added to quantify: Ti; to fit only: ")

    run_and_wait(qtbot, dock)
    assert "unexplained" not in dock.status.text()
    assert not dock.add_missing.native.isVisible()


def test_a_search_for_missing_elements_can_be_left(qtbot, window, map_file, k_factor_file):
    _viewer, dock = window(map_file)
    choose(dock, k_factor_file, chip_size=48)
    click(dock.make_grid)
    run_and_wait(qtbot, dock)
    before = dock.focus.settings
    qtbot.waitUntil(dock.add_missing.native.isVisible)
    click(dock.add_missing)
    click(dock.cancel)
    qtbot.waitUntil(lambda: not dock.work)
    assert notifications() == ["Cancelled: nothing was changed."]
    assert dock.focus.settings == before
    assert dock.add_missing.enabled


def test_opening_from_a_running_window_returns_at_once(qtbot, make_napari_viewer, map_file):
    viewer = make_napari_viewer()
    loop = QEventLoop()
    layers_at_return = []

    def open_file():
        viewer.open(map_file, plugin="napari-eds")
        layers_at_return.append(len(viewer.layers))

    viewer.layers.events.inserted.connect(lambda: loop.quit() if len(viewer.layers) == 2 else None)
    QTimer.singleShot(0, open_file)
    QTimer.singleShot(PATIENCE_ms, loop.quit)
    loop.exec()
    assert layers_at_return == [0]
    assert [SPECTRUM_IMAGE in x.metadata for x in viewer.layers] == [False, True]


def test_a_bad_file_opened_from_a_running_window_is_explained(
    qtbot, make_napari_viewer, data_file
):
    path = data_file("real/hspy/SiO2 HAADF Image.hspy")
    viewer = make_napari_viewer()
    loop = QEventLoop()
    QTimer.singleShot(0, lambda: viewer.open(path, plugin="napari-eds"))
    notification_manager.notification_ready.connect(lambda _: loop.quit())
    QTimer.singleShot(PATIENCE_ms, loop.quit)
    loop.exec()
    assert [Path(path).name in text for text in notifications()] == [True]


def test_sample_data_opens(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.open_sample("napari-eds", "lanthanum_ferrite")
    assert [SPECTRUM_IMAGE in x.metadata for x in viewer.layers].count(True) == 1


def test_csv_by_the_menu_file_save(qtbot, window, map_file, k_factor_file, tmp_path):
    viewer, dock = window(map_file)
    choose(dock, k_factor_file, chip_size=48)
    click(dock.make_grid)
    run_and_wait(qtbot, dock)
    viewer.layers.selection = {dock.labels_layer.value}
    written = viewer.layers.save(str(tmp_path / "saved.csv"), selected=True, plugin="napari-eds")
    assert {Path(p).name for p in written} == {"saved.csv", "saved_recipe.json"}
