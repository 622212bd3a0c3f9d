"""A day's work in the workbench by mouse and keys: what comes of it, and how many clicks it takes.

Each test is a row of the table in `docs/days-work.md`, and asserts the clicks that stand there.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QFileDialog, QScrollArea

import napari_eds as eds
from napari_eds._napari.exchange.figure_dialog import FigureDialog
from napari_eds._napari.exchange.unsaved_bar import UnsavedBar
from napari_eds._napari.parts import panels_button
from napari_eds._napari.parts.panels import (
    BATCH,
    ELEMENTS,
    EXCHANGE,
    FRAMES,
    MAPS,
    PLUGIN,
    PROFILE,
    RESULTS,
    SPECTRUM,
    THICKNESS,
    find_panel,
)
from napari_eds._napari.profile.dock import PROFILES
from napari_eds._napari.profile.lines import LINES
from napari_eds._napari.quantify.energy_crop import EnergyCropDialog
from napari_eds._napari.state.derived import COLUMN_MAPS, DENOISED, OVERLAY, THICKNESS_MAPS
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import QUANTIFICATION, geometry, maps_of
from napari_eds._napari.state.unsaved import unsaved_of
from napari_eds.simulate.files import save_frames
from napari_eds.simulate.frames import film_frames
from napari_eds.spectra.denoising import denoise, line_window_keV
from napari_eds.spectra.overlays import overlay
from window_actions import (
    CTRL,
    LEFT,
    NO_KEY,
    add_result,
    answer_dialog,
    canvas_is_still,
    drop,
    hover,
    nothing_is_due,
    notifications,
    on_canvas,
    paint_stroke,
    task_is_done,
)

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

PAGE = Path(__file__).parents[2] / "docs" / "days-work.md"
WAIT_ms = 60_000
#: A list that has just come down takes the release of its first click for that click's.
LIST_COMES_DOWN_ms = 500


def rows_of_page():
    """Return clicks by what is done, as the page tells them."""
    found = re.findall(r"^\| (.+?) \| .+ \| (\d+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {row: int(clicks) for row, clicks in found}


class Day:
    """A window with its workbench, and the hand that works in it and counts its clicks.

    A click is a press of the mouse: a drag is one, a choice from a list or a menu two, and so is
    one into a field before typing. What is done in the system's own dialogs of files is not
    counted.
    """

    def __init__(self, qtbot, viewer, bench):
        self.qtbot, self.viewer, self.bench = qtbot, viewer, bench
        self.focus = focus_of(viewer)
        self.clicks = 0

    def click(self, widget):
        native = getattr(widget, "native", widget)
        assert native.isEnabled()
        self.at(native, native.rect().center())

    def at(self, native, spot, key=NO_KEY):
        """Click a place of a widget, scrolled into view as the wheel does."""
        parent = native.parentWidget()
        while parent is not None:
            if isinstance(parent, QScrollArea):
                parent.ensureWidgetVisible(native)
            parent = parent.parentWidget()
        assert native.isVisible()
        QTest.mouseClick(native, LEFT, key, spot)
        self.clicks += 1

    def panel(self, title):
        """Open a panel by the menu of panels."""
        words = next(words for name, words in panels_button._PANELS if name == title)
        menu = self.bench.panels.menu()
        action = next(a for a in menu.actions() if a.text() == words)

        def pick():
            if menu.isVisible():
                self.at(menu, menu.actionGeometry(action).center())
            else:
                QTimer.singleShot(20, pick)

        QTimer.singleShot(20, pick)
        self.click(self.bench.panels)  # returns once the menu is left
        self.qtbot.waitUntil(lambda: find_panel(self.viewer, title) is not None)
        nothing_is_due(self.qtbot)
        return find_panel(self.viewer, title)

    def page(self, tabs, place):
        """Turn to a page by its tab."""
        bar = tabs.tabBar() if hasattr(tabs, "tabBar") else tabs
        self.at(bar, bar.tabRect(place).center())

    def choose(self, box, text):
        """Choose an entry from a list that comes down."""
        native = getattr(box, "native", box)
        self.click(native)
        view = native.view()
        self.qtbot.waitUntil(view.isVisible)
        self.qtbot.wait(LIST_COMES_DOWN_ms)
        index = native.model().index(native.findText(text), 0)
        assert index.isValid(), text
        view.scrollTo(index)
        self.at(view.viewport(), view.visualRect(index).center())
        self.qtbot.waitUntil(lambda: native.currentText() == text)

    def type(self, field, text):
        """Click into a field and replace what stands there."""
        native = getattr(field, "native", field)
        native = native.lineEdit() if isinstance(native, QAbstractSpinBox) else native
        self.click(native)
        QTest.keyClick(native, Qt.Key.Key_A, CTRL)
        QTest.keyClicks(native, text)
        QTest.keyClick(native, Qt.Key.Key_Tab)

    def drag(self, layer, *points):
        """Drag over points (row, column) of the canvas."""
        paint_stroke(self.qtbot, self.viewer, layer, points)
        self.clicks += 1

    def spot(self, layer, row, column):
        """Click a pixel of the canvas."""
        canvas_is_still(self.qtbot, self.viewer, layer)
        native = self.viewer.window._qt_viewer.canvas.native
        spot = on_canvas(self.viewer, layer, row, column)
        hover(self.qtbot, native, spot)
        self.at(native, spot)

    def saves(self, monkeypatch, path, button, kind=""):
        """Click a button that asks for a file, and wait until it is written."""
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(path), kind))
        self.click(button)
        self.qtbot.waitUntil(path.exists, timeout=WAIT_ms)
        nothing_is_due(self.qtbot)
        return path

    def wait(self, dock):
        task_is_done(self.qtbot, dock)

    def done(self, row):
        assert not [text for text in notifications() if "rror" in text]
        assert self.clicks == rows_of_page()[row], f"{row}: {self.clicks} clicks"


@pytest.fixture
def window(workbench, qtbot):
    """Function that gives a day that begins with the workbench and these files open."""
    return lambda *paths: Day(qtbot, *workbench(*paths))


@pytest.fixture(scope="module")
def recipe(k_factor_file):
    return eds.Recipe(
        elements=("La_L", "Fe", "O", "Sr", "Ti"),
        fit_only=("C", "Cu", "Ga", "Pt"),
        k_factors=eds.read_k_factors(k_factor_file),
    )


@pytest.fixture(scope="module")
def result(lfo_sto_96, recipe):
    return eds.quantify(lfo_sto_96, eds.grid_chips(lfo_sto_96.shape, 16), recipe)


@pytest.fixture
def measured(window, map_file, result):
    """A day with a map that was quantified, and its labels."""
    day = window(map_file)
    day.focus.set_settings(day.focus.settings.with_recipe(result.recipe))
    return day, add_result(day.viewer, result)


def test_the_page_has_a_row_for_every_test_and_no_other():
    told = re.findall(r'day\.done\("(.+?)"\)', Path(__file__).read_text("utf-8"))
    assert sorted(told) == sorted(rows_of_page())


def test_open_a_map(window, map_file, qtbot):
    day = window()
    drop(day.viewer, map_file)
    day.clicks += 1
    qtbot.waitUntil(lambda: day.focus.image is not None, timeout=WAIT_ms)
    nothing_is_due(qtbot)
    image = eds.load(map_file)
    np.testing.assert_array_equal(day.focus.map_layer.data, image.counts_map())
    np.testing.assert_allclose(day.focus.map_layer.scale, image.pixel_size)
    assert any("HAADF" in layer.name for layer in day.viewer.layers)
    day.done("Open a map")


def test_grid(window, map_file):
    day = window(map_file)
    day.type(day.bench.chip_size, "12")
    day.click(day.bench.make_grid)
    expected = eds.grid_chips((96, 96), 12)
    np.testing.assert_array_equal(day.focus.labels_layer.data, expected.labels)
    day.done("Make a grid of chips")


def test_elements_and_k_factors(window, map_file, k_factor_file, qtbot, monkeypatch):
    day = window(map_file)
    day.click(day.bench.choose_elements)
    dock = find_panel(day.viewer, ELEMENTS)
    qtbot.waitUntil(lambda: dock.lines.loaded)
    nothing_is_due(qtbot)
    table = dock.periodic_table
    qtbot.waitUntil(table.isVisible)
    assert "Cr" not in {c.symbol for c in day.focus.settings.elements}
    day.at(table, table.cell_rect("Cr").center().toPoint())
    answer_dialog(monkeypatch, k_factor_file)
    day.click(dock.chosen.load)
    recipe = day.focus.settings.recipe()
    assert recipe.elements[-1] == "Cr" or "Cr" in recipe.elements
    assert {"La", "Fe", "O", "Sr", "Ti"} <= {e.partition("_")[0] for e in recipe.elements}
    assert recipe.k_factors == eds.read_k_factors(k_factor_file)
    day.done("Choose an element and a table of k-factors")


def test_quantify(window, map_file, qtbot, recipe, result):
    day = window(map_file)
    day.focus.set_settings(day.focus.settings.with_recipe(recipe).edited(chip_size=16))
    day.click(day.bench.make_grid)
    before = day.clicks
    day.click(day.bench.run)
    day.wait(day.bench)
    day.clicks -= before  # the grid is a row of its own
    pd.testing.assert_frame_equal(day.focus.result.table, result.table)
    labels = day.focus.labels_layer
    qtbot.waitUntil(lambda: set(maps_of(day.viewer, labels)) == set(result.elements))
    np.testing.assert_allclose(maps_of(day.viewer, labels)["Fe"].data, result.maps()["Fe"])
    day.done("Quantify")


def test_a_label_is_selected(measured, qtbot):
    day, labels = measured
    table = find_panel(day.viewer, RESULTS).table
    model = find_panel(day.viewer, RESULTS).model
    label = int(labels.data[40, 40])
    index = model.index(model.ids.tolist().index(label), 1)
    table.scrollTo(index)
    day.at(table.viewport(), table.visualRect(index).center())
    assert day.focus.selected == (label,)
    nothing_is_due(qtbot)
    image, spectrum = day.focus.image, find_panel(day.viewer, SPECTRUM)
    own = image.to_array()[labels.data == label].mean(axis=0)  # shown per pixel
    np.testing.assert_allclose(spectrum.plot.curves.curve(f"label {label}").values()[1], own)
    outline = day.viewer.layers["selected label"]
    assert outline.visible
    rows, columns = np.nonzero(labels.data == label)
    ends = outline.data.sum(axis=1)  # of each vector: its start, and the way from there
    both = np.concatenate([outline.data[:, 0], ends])
    expected = [(rows.min() - 0.5, columns.min() - 0.5), (rows.max() + 0.5, columns.max() + 0.5)]
    np.testing.assert_allclose([both.min(axis=0), both.max(axis=0)], expected)
    day.done("Select a label: outlined, with its spectrum")


def test_line_profile(measured, qtbot, tmp_path, monkeypatch):
    day, _ = measured
    dock = day.panel(PROFILE)
    day.click(dock.draw)
    layer = day.viewer.layers[LINES]
    day.drag(day.focus.map_layer, (8, 40), (90, 40))
    qtbot.waitUntil(lambda: len(layer.data) == 1)
    day.type(dock.width_px, "30")
    day.click(dock.run)
    day.wait(dock)
    (profile,) = layer.metadata[PROFILES]
    again = eds.line_profile(day.focus.image, profile.line, profile.result.recipe)
    np.testing.assert_allclose(again.curve("Fe").value, profile.curve("Fe").value)
    day.choose(dock.interface, "Ti")
    assert f"{profile.interface('Ti', dock.quantity.value)}" in dock.text.text()
    day.saves(monkeypatch, tmp_path / "line.csv", dock.save_csv)
    assert len(pd.read_csv(tmp_path / "line.csv")) == len(profile.result.table)
    day.saves(monkeypatch, tmp_path / "line.svg", dock.save_figure)
    assert "<svg" in (tmp_path / "line.svg").read_text()
    day.done("Line profile with interface, CSV and figure")


def test_ratio_map(measured, result):
    day, labels = measured
    dock = day.panel(MAPS)
    page = dock.columns
    day.choose(page.left, "La_at_pct")
    day.choose(page.operation, "/ (ratio)")
    day.choose(page.right, "Fe_at_pct")
    day.click(page.show_map)
    day.wait(dock)
    expected = eds.combined(result, "La_at_pct", "Fe_at_pct", "ratio")
    layers = COLUMN_MAPS.layers(day.viewer, labels)
    assert set(layers) == {expected.name, f"± {expected.name}"}
    ids = list(result.table.index)
    for name, values in ((expected.name, expected.value), (f"± {expected.name}", expected.total)):
        drawn = layers[name].data[40, 40]
        assert drawn == pytest.approx(values[ids.index(result.labels[40, 40])])
    day.done("Map of the ratio of two columns, with its error")


def test_column_map(measured, result):
    day, labels = measured
    dock = day.panel(MAPS)
    page = dock.columns
    day.choose(page.left, "Ti_wt_pct")
    day.click(page.show_map)
    day.wait(dock)
    layer = COLUMN_MAPS.layers(day.viewer, labels)["Ti_wt_pct"]
    drawn = [layer.data[result.labels == i][0] for i in result.table.index]
    np.testing.assert_allclose(drawn, result.table["Ti_wt_pct"])
    day.done("Map of any column")


def test_overlay(measured, result):
    day, labels = measured
    dock = day.panel(MAPS)
    page = dock.columns
    day.type(page.elements, "La=#ff0000, Ti=#0000ff")
    day.click(page.show_overlay)
    day.wait(dock)
    maps = result.maps()
    expected = overlay({e: maps[e] for e in ("La", "Ti")}, {"La": "#ff0000", "Ti": "#0000ff"})
    np.testing.assert_array_equal(OVERLAY.layer(day.viewer, labels, None).data, expected.rgb)
    for name, color in expected.colors.items():
        assert color in page.text.text()
        assert f"{name}: " in page.text.text()
    day.done("Overlay of elements with legend")


def figures_page(day):
    """Turn to the page of figures and reports; return it."""
    dock = day.panel(EXCHANGE)
    day.page(dock.tabs, 3)
    return dock.figures


def test_figure_for_a_paper(measured, qtbot, tmp_path, monkeypatch):
    from PIL import Image

    day, _ = measured
    page = figures_page(day)
    day.click(page.figure)
    dialog = page.findChild(FigureDialog)
    form = dialog.form
    ready = lambda: not dialog._jobs and not form.preview.pixmap().isNull()  # noqa: E731
    qtbot.waitUntil(ready, timeout=WAIT_ms)
    day.type(form.width_mm, "85")
    qtbot.waitUntil(ready, timeout=WAIT_ms)
    day.saves(monkeypatch, tmp_path / "maps.svg", form.save)
    svg = (tmp_path / "maps.svg").read_text()
    assert float(re.search(r'width="([\d.]+)pt"', svg)[1]) / 72 * 25.4 == pytest.approx(85, abs=1)
    day.saves(monkeypatch, tmp_path / "maps.png", form.save)
    with Image.open(tmp_path / "maps.png") as picture:
        width = picture.width
    assert width == pytest.approx(85 / 25.4 * form.dpi.value(), abs=2)
    day.click(form.close_button)
    day.done("Figure for a paper, as SVG and PNG")


def test_report(measured, result, tmp_path, monkeypatch):
    day, _ = measured
    page = figures_page(day)
    day.saves(monkeypatch, tmp_path / "report.html", page.report, "HTML (*.html)")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "data:image/" in text
    assert all(name in text for name in ("LFO_STO_96", *result.elements))
    day.done("Report as one HTML file")


def test_export(measured, result, tmp_path, monkeypatch):
    pytest.importorskip("openpyxl")
    day, _ = measured
    page = figures_page(day)
    path = day.saves(monkeypatch, tmp_path / "table.xlsx", page.excel, "Excel (*.xlsx)")
    book = pd.read_excel(path, sheet_name="labels")
    np.testing.assert_allclose(book["Fe_at_pct"], result.table["Fe_at_pct"], rtol=1e-6)
    path = tmp_path / "maps.ome.tif"
    day.saves(monkeypatch, path, page.ome_tiff, "OME-TIFF (*.ome.tif)")
    with tifffile.TiffFile(path) as file:
        assert "PhysicalSizeX" in file.ome_metadata
        maps = file.asarray()
    assert maps.shape == (len(result.elements), 96, 96)
    place = list(result.elements).index("Fe")
    np.testing.assert_allclose(maps[place], result.maps()["Fe"], rtol=1e-5)
    day.done("Table as Excel and maps as OME-TIFF")


def test_crop(window, map_file, qtbot):
    day = window(map_file)
    bench, whole = day.bench, day.focus.image
    day.click(bench.crop)
    day.drag(day.focus.map_layer, (20, 10), (59, 69))
    day.click(bench.crop)
    qtbot.waitUntil(lambda: not bench.work and day.focus.image is not whole)
    (top, bottom), (left, right) = day.focus.image.part.crop
    assert np.abs(np.subtract((top, bottom, left, right), (20, 60, 10, 70))).max() <= 1
    day.done("Crop the map to a rectangle")
    np.testing.assert_array_equal(
        day.focus.image.to_array(), whole.to_array()[top:bottom, left:right]
    )


def test_crop_of_energies(window, map_file, qtbot):
    day = window(map_file)
    bench, whole = day.bench, day.focus.image

    def answer():
        dialog = bench.findChild(EnergyCropDialog)
        day.type(dialog.low, "0.3")
        day.type(dialog.high, "10")
        day.click(dialog.ok)

    QTimer.singleShot(200, answer)
    day.click(bench.crop_energy)
    qtbot.waitUntil(lambda: not bench.work and day.focus.image is not whole)
    expected = whole.crop_energy(0.3, 10)
    assert day.focus.image.energy == expected.energy
    np.testing.assert_array_equal(day.focus.image.to_array(), expected.to_array())
    day.done("Crop the map to a range of energies")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    simulation = film_frames((48, 40), 4, 120, seed=3, lost={"O": 0.08})
    return save_frames(simulation, tmp_path_factory.mktemp("frames") / "film.emd")


def test_frames_are_chosen(window, film):
    day = window(film[0])
    part = day.bench.source_part
    name = day.focus.image.acquisition.detectors[0].name
    day.type(part.detectors, "0")
    day.type(part.frames, "1:3")
    day.click(part.read)
    day.wait(day.bench)
    expected = eds.load(film[0], detectors=0, frames=(1, 3))
    assert day.focus.image.part.frames == (1, 3), name
    np.testing.assert_array_equal(day.focus.map_layer.data, expected.counts_map())
    day.done("Choose detectors and frames")


def test_frames_are_followed(window, film, qtbot, tmp_path, monkeypatch):
    day = window(film[0])
    labels = np.where(tifffile.imread(film[1]) == 3, 1, 0)
    day.focus.set_settings(day.focus.settings.edited(k_factors=eds.read_k_factors(film[3])))
    day.viewer.add_labels(labels, name="substrate", **geometry(day.focus.image))
    dock = day.panel(FRAMES)
    qtbot.waitUntil(dock.run.native.isEnabled)
    day.click(dock.run)
    day.wait(dock)
    day.saves(monkeypatch, tmp_path / "frames.csv", dock.save_csv)
    table = pd.read_csv(tmp_path / "frames.csv")
    recipe = day.focus.settings.recipe()
    headless = eds.quantify_frames(eds.read_frames(film[0]), labels, recipe)
    pd.testing.assert_frame_equal(dock.result.table, headless.table)
    np.testing.assert_allclose(table["O_at_pct"], dock.result.table["O_at_pct"], rtol=1e-5)
    assert table["O_at_pct"].iloc[0] > table["O_at_pct"].iloc[-1] + 3
    day.done("Follow composition over frames, with CSV")


def test_denoise(measured, qtbot):
    day, _ = measured
    dock = day.panel(MAPS)
    day.page(dock.tabs, 1)
    day.type(dock.denoise.lines, "Fe, Ti")
    day.click(dock.denoise.run)
    day.wait(dock)
    layers = lambda: DENOISED.layers(day.viewer, day.focus.map_layer)  # noqa: E731
    qtbot.waitUntil(lambda: len(layers()) == 4)
    expected = denoise(day.focus.image)
    window_keV = line_window_keV(day.focus.image, "Fe")
    np.testing.assert_allclose(
        layers()["Fe", "denoised"].data, expected.window_map(*window_keV), rtol=1e-5
    )
    day.done("Denoise maps of lines")


def test_same_settings_on_all_maps(measured, alloy_file, qtbot, recipe):
    day, _ = measured
    first = day.focus.map_layer
    day.viewer.open(alloy_file, plugin=PLUGIN)
    other = next(m for m in day.focus.map_layers() if m is not first)
    day.focus.set_map_layer(first)
    day.focus.set_settings(day.focus.settings.edited(chip_size=10))
    nothing_is_due(qtbot)
    page = figures_page(day)
    day.click(page.apply_to_all)

    def results():
        return [
            x.metadata[QUANTIFICATION] for x in day.viewer.layers if QUANTIFICATION in x.metadata
        ]

    qtbot.waitUntil(lambda: any(r.image.shape == (50, 10) for r in results()), timeout=WAIT_ms)
    qtbot.waitUntil(page.apply_to_all.isEnabled, timeout=WAIT_ms)
    found = next(r for r in results() if r.image.shape == (50, 10))
    image = other.metadata["spectrum_image"]
    expected = eds.quantify(image, eds.grid_chips(image.shape, 10), found.recipe)
    assert found.recipe.elements == day.focus.settings.recipe().elements
    pd.testing.assert_frame_equal(found.table, expected.table)
    day.done("Same settings on all open maps")


def test_batch(measured, map_file, tmp_path, qtbot, monkeypatch, recipe):
    day, _ = measured
    dock = day.panel(BATCH)
    form = dock.form
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_a, **_k: ([str(map_file)], ""))
    day.click(form.add_files)
    answer_dialog(monkeypatch, tmp_path / "out", "getExistingDirectory")
    day.click(form.choose_output)
    day.type(form.number, "32")
    day.type(form.workers, "1")
    day.click(dock.start)
    qtbot.waitUntil(lambda: not dock.work, timeout=2 * WAIT_ms)
    assert set(dock.files.states().values()) == {"done"}
    settings = day.focus.settings.recipe()
    headless = eds.batch([map_file], settings, 32, tmp_path / "headless")
    assert (tmp_path / "out/all.csv").read_bytes() == (headless.output / "all.csv").read_bytes()
    day.done("Batch over files by the settings in view")


def test_painted_labels_come_back(window, map_file, qtbot):
    map_file.with_suffix(".edsession").unlink(missing_ok=True)
    day = window(map_file)
    day.click(day.bench.new_labels)
    layer = day.focus.labels_layer
    day.drag(layer, (20, 20), (20, 50), (20, 70))
    painted = layer.data.copy()
    assert painted.any()
    nothing_is_due(qtbot)
    work = unsaved_of(day.focus)
    qtbot.waitUntil(lambda: not work._timer.isActive() and not work._writing)
    # As good as dead: it hears of nothing any more, and leaves its file.
    work.blockSignals(True)
    again = window(map_file)

    def bars():
        return [w for w in again.viewer.window.dock_widgets.values() if isinstance(w, UnsavedBar)]

    qtbot.waitUntil(lambda: len(bars()) == 1)
    again.click(bars()[0].restore)
    np.testing.assert_array_equal(again.focus.labels_layer.data, painted)
    day.clicks += again.clicks
    day.done("Paint labels, and get them back after the program died")


def test_thickness(measured, qtbot, lfo_sto_96, result):
    day, labels = measured
    dock = day.panel(THICKNESS)
    day.type(dock.dose.solid_angle, "0.7")
    day.type(dock.dose.fields["beam_current_nA"].widget, "0.2")
    day.type(dock.dose.fields["dwell_time_us"].widget, "200")
    day.type(dock.dose.fields["live_percent"].widget, "95")
    day.click(dock.zeta.theory)
    assert dock.run.native.isEnabled(), dock.says.text()
    day.click(dock.run)
    day.wait(dock)
    assert day.focus.result is not result, notifications()
    maps = lambda: THICKNESS_MAPS.layers(day.viewer, labels)  # noqa: E731
    qtbot.waitUntil(lambda: "thickness_nm" in maps())
    found = day.focus.result
    expected = eds.quantify(lfo_sto_96, labels.data, found.recipe)
    drawn = [maps()["thickness_nm"].data[labels.data == i][0] for i in expected.table.index]
    np.testing.assert_allclose(drawn, expected.table["thickness_nm"], rtol=1e-6)
    day.done("Thickness of every label by zeta-factors")
