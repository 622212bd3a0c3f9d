"""The page *Figures* by real clicks: the dialog with its preview, report, export, other maps."""

from dataclasses import replace

import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QMessageBox

import napari_eds as eds
from napari_eds._napari.exchange.figure_dialog import FigureDialog
from napari_eds._napari.exchange.figure_form import PLOTS, SPECTRUM
from napari_eds._napari.parts.panels import EXCHANGE, open_panel
from napari_eds._napari.reader import add_layers
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import QUANTIFICATION, SETTINGS, image_layers
from window_actions import add_result, click, notifications

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def result(map_file, k_factor_file):
    image = eds.load(map_file)
    recipe = eds.Recipe(
        elements=("La_L", "Fe", "O", "Sr", "Ti"),
        fit_only=("C", "Cu", "Ga", "Pt"),
        k_factors=eds.read_k_factors(k_factor_file),
    )
    return eds.quantify(image, eds.grid_chips(image.shape, 24), recipe)


@pytest.fixture
def window(make_napari_viewer, map_file, result):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1300, 900)
    viewer.open(map_file, plugin="napari-eds")
    add_result(viewer, result)
    dock = open_panel(viewer, EXCHANGE)
    dock.tabs.setCurrentIndex(3)
    return viewer, dock.figures


def open_dialog(page, qtbot):
    click(page.figure)
    dialog = page.findChild(FigureDialog)
    qtbot.waitUntil(lambda: has_picture(dialog), timeout=WAIT_MS)
    return dialog


def has_picture(dialog):
    shown = dialog.form.preview.pixmap()
    return shown is not None and not shown.isNull()


def asked(monkeypatch, path, kind="PNG (*.png)"):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))


def test_preview_shows_what_is_chosen_and_save_writes_it(window, qtbot, monkeypatch, tmp_path):
    _, page = window
    dialog = open_dialog(page, qtbot)
    form = dialog.form
    before = form.preview.pixmap().toImage()
    form.kind.setFocus()
    QTest.keyClicks(form.kind, SPECTRUM)
    qtbot.waitUntil(
        lambda: has_picture(dialog) and form.preview.pixmap().toImage() != before, timeout=WAIT_MS
    )
    assert form.log.isVisible()
    assert not form.maps.isVisible()
    for plot in PLOTS:
        form.kind.setCurrentText(plot)
        qtbot.waitUntil(lambda: not dialog._jobs and has_picture(dialog), timeout=WAIT_MS)
    for ending, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        path = tmp_path / f"figure{ending}"
        asked(monkeypatch, path)
        click(form.save)
        qtbot.waitUntil(path.exists, timeout=WAIT_MS)
        assert path.read_bytes().startswith(start)
    click(form.close_button)


def test_return_in_a_field_asks_for_no_file(window, qtbot, monkeypatch):
    _, page = window
    dialog = open_dialog(page, qtbot)
    files = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: files.append(1) or ("", ""))
    dialog.activateWindow()
    dialog.form.width_mm.setFocus()
    QTest.keyClick(dialog.form.width_mm, Qt.Key.Key_Return)
    assert files == []
    assert dialog.isVisible()
    dialog.close()


def test_no_map_checked_is_said_in_place_of_the_preview(window, qtbot):
    _, page = window
    form = open_dialog(page, qtbot).form
    for row in range(form.maps.count()):
        form.maps.item(row).setCheckState(Qt.CheckState.Unchecked)
    qtbot.waitUntil(lambda: "at least one map" in form.preview.text(), timeout=WAIT_MS)


def test_report_and_tables_are_saved(window, qtbot, monkeypatch, tmp_path):
    _, page = window
    QTest.keyClicks(page.remarks, "<b>my & remark</b>")
    path = tmp_path / "report.html"
    asked(monkeypatch, path)
    click(page.report)
    qtbot.waitUntil(path.exists, timeout=WAIT_MS)
    assert "&lt;b&gt;my &amp; remark" in path.read_text("utf-8")
    qtbot.waitUntil(page.ome_tiff.isEnabled, timeout=WAIT_MS)
    maps = tmp_path / "maps.ome.tif"
    asked(monkeypatch, maps)
    click(page.ome_tiff)
    qtbot.waitUntil(maps.exists, timeout=WAIT_MS)


def test_names_without_ending_get_that_of_their_kind(window, qtbot, monkeypatch, tmp_path):
    _, page = window
    asked(monkeypatch, tmp_path / "maps 1.5 nm", "OME-TIFF (*.ome.tif)")
    click(page.ome_tiff)
    qtbot.waitUntil((tmp_path / "maps 1.5 nm.ome.tif").exists, timeout=WAIT_MS)
    qtbot.waitUntil(page.report.isEnabled, timeout=WAIT_MS)
    asked(monkeypatch, tmp_path / "report", "PDF (*.pdf)")
    click(page.report)
    qtbot.waitUntil((tmp_path / "report.pdf").exists, timeout=WAIT_MS)


def test_a_file_that_the_dialog_did_not_see_is_asked_about(window, monkeypatch, tmp_path):
    _, page = window
    report, questions = tmp_path / "report.html", []
    report.write_text("of yesterday")

    def no(_parent, _title, text):
        questions.append(text)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", no)
    # Qt asked about the name that was typed, which is not there.
    asked(monkeypatch, tmp_path / "report", "HTML (*.html)")
    click(page.report)
    assert len(questions) == 1
    assert "report.html" in questions[0]
    assert page.report.isEnabled()
    assert report.read_text() == "of yesterday"


def test_table_is_saved_as_workbook(window, qtbot, monkeypatch, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    _, page = window
    path = tmp_path / "table.xlsx"
    asked(monkeypatch, path)
    click(page.excel)
    qtbot.waitUntil(path.exists, timeout=WAIT_MS)
    assert openpyxl.load_workbook(path).sheetnames == ["labels", "errors", "account"]


def test_same_recipe_on_another_map(window, qtbot, alloy_file):
    viewer, page = window
    focus = focus_of(viewer)
    first = focus.map_layer
    assert not page.apply_to_all.isEnabled()
    assert "Open another map" in page.apply_to_all.toolTip()
    viewer.open(alloy_file, plugin="napari-eds")
    other = next(m for m in focus.map_layers() if m is not first)
    focus.set_map_layer(first)
    settings = focus.settings.edited(k_factor_file=None, k_factors=None, chip_size=10)
    focus.set_settings(settings)
    click(page.copy_settings)
    assert other.metadata[SETTINGS].elements == settings.elements
    assert other.metadata[SETTINGS].chip_size == 10
    click(page.apply_to_all)

    def results():
        return [x.metadata[QUANTIFICATION] for x in viewer.layers if QUANTIFICATION in x.metadata]

    qtbot.waitUntil(
        lambda: {r.image.shape for r in results()} == {(96, 96), (50, 10)}, timeout=WAIT_MS
    )
    qtbot.waitUntil(page.apply_to_all.isEnabled, timeout=WAIT_MS)


def test_a_map_deleted_while_all_are_quantified_is_told_and_gets_no_labels(window, qtbot):
    viewer, page = window
    focus = focus_of(viewer)
    first = focus.map_layer
    add_layers(viewer, image_layers(replace(focus.image, name="other")))
    other = focus.map_layer
    assert other is not first
    focus.set_map_layer(first)
    n_labels = sum(isinstance(layer, Labels) for layer in viewer.layers)
    click(page.apply_to_all)
    viewer.layers.remove(other)
    qtbot.waitUntil(lambda: not page._work, timeout=WAIT_MS)
    assert any("1 of 2 maps quantified" in text for text in notifications())
    assert any("deleted" in text for text in notifications())
    assert sum(isinstance(layer, Labels) for layer in viewer.layers) == n_labels
