"""The dock *EDS exchange* in a real window: painting, classes, folders, sessions, HyperSpy."""

import itertools
import json
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QWidget

import napari_eds as eds
from napari_eds._napari.exchange import export_page, session_page
from napari_eds._napari.exchange.classes import (
    class_layer,
    examples_of,
    probability_map,
)
from napari_eds._napari.parts.panels import EXCHANGE, open_panel
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import QUANTIFICATION, geometry
from napari_eds._napari.state.settings import default_settings
from napari_eds.exchange.hyperspy import read_hspy
from napari_eds.exchange.session import load_session, save_session
from napari_eds.few_shot import export_few_shot, support_from_painting
from napari_eds.few_shot.classification import classify, read_classification
from window_actions import (
    LEFT,
    NO_KEY,
    add_result,
    agree,
    answer_dialog,
    click,
    nothing_is_due,
    notifications,
    paint_stroke,
    task_is_done,
)

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture(scope="module")
def recipe(k_factor_file):
    return eds.Recipe(
        elements=("La_L", "Fe", "O", "Sr", "Ti", "Pt"),
        fit_only=("C", "Cu", "Ga"),
        k_factors=eds.read_k_factors(k_factor_file),
    )


@pytest.fixture(scope="module")
def image(map_file):
    return eds.load(map_file)


@pytest.fixture(scope="module")
def result(image, recipe):
    return eds.quantify(image, eds.grid_chips(image.shape, 8), recipe)


@pytest.fixture
def window(make_napari_viewer, map_file, result):
    """A visible window with the small map, a result of its chips, and the dock."""
    map_file.with_suffix(".edsession").unlink(missing_ok=True)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1300, 900)
    viewer.open(map_file, plugin="napari-eds")
    add_result(viewer, result)
    return viewer, open_panel(viewer, EXCHANGE)


#: Two phases of the map: rows of its film and of its substrate.
STROKES = {1: [(28, 36), (28, 50), (28, 60)], 2: [(76, 20), (76, 40), (76, 60)]}


def paint(qtbot, viewer, dock):
    """Paint both phases by mouse, as a user does; return the layer."""
    click(dock.few_shot.paint)
    layer = viewer.layers.selection.active
    assert layer.mode == "paint"
    for label, points in STROKES.items():
        layer.selected_label = label
        paint_stroke(qtbot, viewer, layer, points)
    qtbot.waitUntil(lambda: dock.few_shot.table.rowCount() == 2)
    return layer


def name_row(qtbot, table, row, text):
    """Type a name into the table of classes."""
    # The editor of the row before is deleted a turn later than its text is taken over.
    qtbot.waitUntil(lambda: table.findChild(QLineEdit) is None)
    spot = table.visualItemRect(table.item(row, 0)).center()
    QTest.mouseClick(table.viewport(), LEFT, NO_KEY, spot)
    QTest.mouseDClick(table.viewport(), LEFT, NO_KEY, spot)
    qtbot.waitUntil(lambda: table.findChild(QLineEdit) is not None)
    editor = table.findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: table.item(row, 0).text() == text)


def test_chips_are_classified_by_painted_and_named_examples(
    qtbot, window, result, simulation, tmp_path, monkeypatch
):
    viewer, dock = window
    page, focus = dock.few_shot, focus_of(viewer)
    chips = focus.labels_layer
    assert "Paint over" in page.legend.text()
    assert not page.run.isEnabled()
    examples = paint(qtbot, viewer, dock)
    # The painted layer is the active one, and the chips stay what is classified.
    assert focus.labels_layer is examples
    assert page.chips.currentText() == "chips"
    assert page.examples.currentText() == examples.name
    name_row(qtbot, page.table, 0, "film")
    name_row(qtbot, page.table, 1, "substrate")
    support = support_from_painting(result.labels, examples.data, {1: "film", 2: "substrate"})
    assert [page.table.item(r, 1).text() for r in (0, 1)] == [
        str(len(support[name])) for name in ("film", "substrate")
    ]
    click(page.run)
    task_is_done(qtbot, dock)
    expected = classify(result, support)
    layer = class_layer(viewer, chips)
    np.testing.assert_array_equal(layer.data, expected.class_map())
    assert layer.features["chip"].tolist() == ["film", "substrate"]
    # Classes have the colours of their examples.
    for i in (1, 2):
        np.testing.assert_array_equal(layer.get_color(i), examples.get_color(i))
    assert not np.allclose(layer.get_color(1), layer.get_color(2))
    name = "class probability (chips)"
    qtbot.waitUntil(lambda: name in viewer.layers)
    probability = viewer.layers[name]
    np.testing.assert_array_equal(probability.data, probability_map(expected))
    n = (expected.table["prediction"] == "film").sum()
    assert f"film: {n} chips" in page.legend.text()
    check_against_truth(layer, result, simulation.labels)
    assert viewer.layers.selection.active is examples

    answer_dialog(monkeypatch, tmp_path / "classes.csv", "getSaveFileName")
    click(page.save)
    task_is_done(qtbot, dock)
    read = read_classification(tmp_path / "classes.csv", result.labels)
    np.testing.assert_array_equal(read.class_map(), layer.data)

    # Classes of another program, read for the same chips, take the place of ours.
    swapped = pd.read_csv(tmp_path / "classes.csv", index_col=0)
    swapped["prediction"] = "film"
    swapped.to_csv(tmp_path / "theirs.csv")
    answer_dialog(monkeypatch, tmp_path / "theirs.csv", "getOpenFileName")
    click(page.read)
    task_is_done(qtbot, dock)
    assert class_layer(viewer, chips) is layer
    assert (layer.data == 1).all()
    assert "substrate: 0 chips" in page.legend.text()


def check_against_truth(layer, result, truth):
    """Pure chips of both phases are found."""
    for phase, found in ((2, 1), (3, 2)):
        pure = [i for i in result.table.index if (truth[result.labels == i] == phase).all()]
        assert len(pure) > 20
        assert (layer.data[np.isin(result.labels, pure)] == found).all()


def test_the_folder_is_the_one_of_the_headless_export(
    qtbot, window, result, tmp_path, monkeypatch
):
    viewer, dock = window
    focus, page = focus_of(viewer), dock.export
    examples = paint(qtbot, viewer, dock)
    dock.tabs.setCurrentIndex(1)
    assert "Support set: class 1" in page.about.text()
    assert page.picture.currentText() == "HAADF · LFO_STO_96"
    qtbot.waitUntil(lambda: "would take 37.7 MB" in page.map_size.text())
    assert not page.low.isEnabled()
    click(page.limit)
    assert page.low.isEnabled()
    page.rebin.setValue(4)
    click(page.dense)
    energies = result.image.rebin_energy(4).energy.energies_keV
    channels = (energies >= 5) & (energies < 10)
    qtbot.waitUntil(lambda: f"{channels.sum()} channels" in page.map_size.text())
    assert "takes" in page.map_size.text()

    answer_dialog(monkeypatch, tmp_path, "getExistingDirectory")
    click(page.run)
    task_is_done(qtbot, dock)
    folder = tmp_path / "LFO_STO_96_few_shot"
    support = support_from_painting(result.labels, examples.data)
    expected = export_few_shot(
        tmp_path / "headless", result, support=support, settings=page.settings()
    )
    written = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert written == {p.relative_to(expected) for p in expected.rglob("*") if p.is_file()}
    for path in written - {p for p in written if p.name == "provenance.json"}:
        assert (folder / path).read_bytes() == (expected / path).read_bytes(), path
    assert json.loads((folder / "support_set.json").read_text()) == {
        name: list(ids) for name, ids in support.items()
    }
    # Another picture, and chips that were changed since.
    page.picture.setCurrentText("X-ray counts · LFO_STO_96")
    chips = next(layer for layer in focus.label_layers() if QUANTIFICATION in layer.metadata)
    chips.data[:8, :8] = 0
    agree(monkeypatch)
    click(page.run)
    task_is_done(qtbot, dock)
    np.testing.assert_array_equal(np.load(folder / "picture.npy"), result.image.counts_map())
    assert not (folder / "quantification.csv").exists()
    assert any("only counts are exported" in text for text in notifications())


def test_an_export_can_be_cancelled_and_leaves_nothing(qtbot, window, tmp_path, monkeypatch):
    viewer, dock = window
    dock.tabs.setCurrentIndex(1)
    told = []

    def slow(order, report):
        for step in itertools.count(1):  # until it is cancelled
            report(min(step, 1000), 1001, "waiting")
            told.append(step)
            time.sleep(0.005)

    monkeypatch.setattr(export_page, "_export", slow)
    answer_dialog(monkeypatch, tmp_path, "getExistingDirectory")
    click(dock.export.run)
    qtbot.waitUntil(lambda: dock.work.text.text() == "waiting…")
    assert dock.work.progress.isVisible()
    assert not dock.export.run.isEnabled()
    click(dock.work.cancel)
    task_is_done(qtbot, dock)
    assert dock.work.text.text() == "Cancelled."
    assert not dock.work.progress.isVisible()
    assert dock.export.run.isEnabled()
    # Closing the dock leaves the work, too.
    click(dock.export.run)
    qtbot.waitUntil(lambda: dock.work.text.text() == "waiting…")
    told.clear()
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    nothing_is_due(qtbot)
    n = len(told)
    nothing_is_due(qtbot)
    assert len(told) == n


def test_a_folder_that_holds_anything_else_is_refused(qtbot, window, tmp_path, monkeypatch):
    _, dock = window
    dock.tabs.setCurrentIndex(1)
    (tmp_path / "LFO_STO_96_few_shot").mkdir()
    (tmp_path / "LFO_STO_96_few_shot/mine.txt").write_text("x")
    answer_dialog(monkeypatch, tmp_path, "getExistingDirectory")
    click(dock.export.run)
    task_is_done(qtbot, dock)
    assert "mine.txt" in notifications()[-1]
    assert dock.work.text.text() == ""


def test_a_session_is_saved_and_restored_beside_the_map(
    qtbot, window, result, map_file, make_napari_viewer
):
    viewer, dock = window
    dock.tabs.setCurrentIndex(2)
    page = dock.session
    assert not page.restore.isEnabled()
    qtbot.waitUntil(lambda: "none beside" in page.about.text())
    click(page.save)
    task_is_done(qtbot, dock)
    saved = map_file.with_suffix(".edsession")
    np.testing.assert_array_equal(load_session(saved).labels, result.labels)
    # A later session of the program, with labels of the user's own.
    viewer = make_napari_viewer(show=True)
    viewer.open(map_file, plugin="napari-eds")
    own = viewer.add_labels(np.eye(96, dtype=int), name="mine", **geometry(result.image))
    dock = open_panel(viewer, EXCHANGE)
    page, focus = dock.session, focus_of(viewer)
    dock.tabs.setCurrentIndex(2)
    qtbot.waitUntil(page.restore.isEnabled)
    assert f"{len(result.table)} labels, La_L, Fe, O" in page.about.text()
    assert "⚠" not in page.about.text()
    assert focus.result is None
    click(page.restore)
    task_is_done(qtbot, dock)
    assert own in viewer.layers
    np.testing.assert_array_equal(own.data, np.eye(96))
    restored = focus.labels_layer
    assert restored.name == "LFO_STO_96 (restored)"
    np.testing.assert_array_equal(restored.data, result.labels)
    pd.testing.assert_frame_equal(focus.result.table, result.table)
    assert focus.settings.recipe() == result.recipe
    assert dock.work.text.text() == "Repeated: the same numbers as saved, to the last bit."
    first = focus.result
    click(page.repeat)
    task_is_done(qtbot, dock)
    assert focus.result is not first
    assert "to the last bit" in dock.work.text.text()
    assert not notifications()[1:]


def test_a_session_brings_back_ids_of_other_programs_however_large(
    qtbot, window, image, recipe, tmp_path, monkeypatch
):
    viewer, dock = window
    labels = np.zeros(image.shape, np.int64)
    labels[:20], labels[30:60] = 2**40, 2**40 + 7
    saved = save_session(tmp_path / "large.edsession", eds.quantify(image, labels, recipe))
    dock.tabs.setCurrentIndex(2)
    answer_dialog(monkeypatch, saved, "getOpenFileName")
    click(dock.session.open)
    task_is_done(qtbot, dock)
    click(dock.session.restore)
    task_is_done(qtbot, dock)
    np.testing.assert_array_equal(focus_of(viewer).labels_layer.data, labels)
    assert "to the last bit" in dock.work.text.text()


def test_a_session_of_a_part_brings_its_part_of_the_map(
    qtbot, window, result, map_file, tmp_path, monkeypatch
):
    viewer, dock = window
    focus, page = focus_of(viewer), dock.session
    dock.tabs.setCurrentIndex(2)
    part = eds.MapPart(crop=((10, 80), (20, 90)), rebin_energy=2)
    image = eds.load(map_file, part=part)
    cropped = eds.quantify(image, eds.grid_chips(image.shape, 35), result.recipe)
    answer_dialog(monkeypatch, save_session(tmp_path / "part.edsession", cropped))
    click(page.open)
    task_is_done(qtbot, dock)
    assert "rows 10:80 and columns 20:90" in page.about.text()
    click(page.restore)
    task_is_done(qtbot, dock)
    qtbot.waitUntil(lambda: focus.result is not None and focus.image.part == part)
    task_is_done(qtbot, dock)
    pd.testing.assert_frame_equal(focus.result.table, cropped.table)
    assert "to the last bit" in dock.work.text.text()
    np.testing.assert_allclose(
        focus.labels_layer.translate, np.multiply((10, 20), image.pixel_size)
    )


def test_a_session_of_a_changed_file_or_another_map_is_told(
    qtbot, window, result, map_file, tmp_path, monkeypatch
):
    viewer, dock = window
    focus, page = focus_of(viewer), dock.session
    dock.tabs.setCurrentIndex(2)
    path = save_session(tmp_path / "elsewhere.edsession", result)
    session = load_session(path)
    changed = replace(session, source=replace(session.source, file_size=1, file_sha256="0"))
    monkeypatch.setattr("napari_eds._napari.exchange.restore.load_session", lambda _p: changed)
    answer_dialog(monkeypatch, path, "getOpenFileName")
    click(page.open)
    task_is_done(qtbot, dock)
    assert "was changed since the session was saved" in page.about.text()
    click(page.restore)
    task_is_done(qtbot, dock)
    assert any("was changed since" in text for text in notifications())
    assert "to the last bit" in dock.work.text.text()
    pd.testing.assert_frame_equal(focus.result.table, result.table)

    other = replace(session, source=replace(session.source, total_counts=5.0))
    monkeypatch.setattr("napari_eds._napari.exchange.restore.load_session", lambda _p: other)
    click(page.open)
    task_is_done(qtbot, dock)
    assert "is not the image that was saved" in page.about.text()
    n = len(focus.label_layers())
    click(page.restore)
    assert not dock.work
    # Labels and settings come, and the saved numbers under the pointer; a result does not.
    assert len(focus.label_layers()) == n + 1
    assert focus.result is None
    np.testing.assert_array_equal(
        focus.labels_layer.features["Fe_at_pct"], result.table["Fe_at_pct"]
    )
    assert "Only labels and settings" in notifications()[-1]


def test_settings_hold_a_recipe(image, recipe):
    recipe = recipe.model_copy(
        update={
            "absorption": eds.Absorption(thickness_nm=40, density_g_cm3=6.1),
            "beam_energy_keV": 300.0,
            "energy_range_keV": (0.3, 18.0),
            "engine": "linear",
            "calibrate": False,
        }
    )
    assert default_settings(image).with_recipe(recipe).recipe() == recipe
    beyond = recipe.model_copy(update={"non_negative": True})
    assert default_settings(image).with_recipe(beyond).recipe() == beyond


def test_label_spectra_are_saved_for_hyperspy(qtbot, window, result, tmp_path, monkeypatch):
    _, dock = window
    dock.tabs.setCurrentIndex(2)
    # The name gets its ending.
    answer_dialog(monkeypatch, tmp_path / "run", "getSaveFileName")
    monkeypatch.setattr(session_page, "save_hspy", _small_hspy)
    click(dock.session.hyperspy)
    task_is_done(qtbot, dock)
    file = read_hspy(tmp_path / "run.hspy")
    pd.testing.assert_frame_equal(file.table, SMALL["result"].table)
    assert SMALL["asked"] is result


SMALL = {}


def _small_hspy(result, path, *, overwrite):
    """Save two labels in place of 144, which take HyperSpy long."""
    from napari_eds.exchange.hyperspy import save_hspy

    SMALL["asked"] = result
    labels = np.where(result.labels <= 2, result.labels, 0)
    SMALL["result"] = eds.quantify(result.image, labels, result.recipe)
    return save_hspy(SMALL["result"], path, overwrite=overwrite)


def test_a_measured_file_is_classified_and_exported(
    qtbot, make_napari_viewer, data_dir, tmp_path, monkeypatch
):
    viewer = make_napari_viewer(show=True)
    viewer.open(
        data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd", plugin="napari-eds"
    )
    focus = focus_of(viewer)
    recipe = eds.Recipe(
        elements=("Cr", "Fe", "Ni", "Nb"), fit_only=("Cu",), energy_range_keV=(3.5, 19)
    )
    chips = eds.grid_chips(focus.image.shape, 5)
    result = eds.quantify(focus.image, chips, recipe)
    layer = add_result(viewer, result)
    dock = open_panel(viewer, EXCHANGE)
    click(dock.few_shot.paint)
    examples = examples_of(focus)
    painted = np.zeros(focus.image.shape, np.int32)
    painted[1, 1:9], painted[47, 1:9] = 1, 2
    examples.data = painted
    qtbot.waitUntil(lambda: dock.few_shot.table.rowCount() == 2)
    click(dock.few_shot.run)
    task_is_done(qtbot, dock)
    expected = classify(result, support_from_painting(result.labels, painted))
    np.testing.assert_array_equal(class_layer(viewer, layer).data, expected.class_map())
    dock.tabs.setCurrentIndex(1)
    answer_dialog(monkeypatch, tmp_path, "getExistingDirectory")
    click(dock.export.run)
    task_is_done(qtbot, dock)
    (folder,) = tmp_path.iterdir()
    sums = np.load(folder / "spectra_sum.npy")
    assert sums.sum() == 764_005  # counts of the file
    assert json.loads((folder / "support_set.json").read_text()) == {
        "class 1": ["R0C0", "R0C1"],
        "class 2": ["R9C0", "R9C1"],
    }


def test_the_dock_lives_without_a_map_and_every_control_tells_what_it_does(make_napari_viewer):
    viewer = make_napari_viewer()
    dock = open_panel(viewer, EXCHANGE)
    for page in (dock.few_shot, dock.export, dock.session):
        for name, widget in vars(page).items():
            if isinstance(widget, QWidget) and (
                hasattr(widget, "clicked") or hasattr(widget, "valueChanged")
            ):
                assert widget.toolTip(), name
                if hasattr(widget, "click") and not widget.isCheckable():
                    assert not widget.isEnabled(), name
    viewer.add_layer(Image(np.zeros((4, 4))))
    viewer.layers.clear()
