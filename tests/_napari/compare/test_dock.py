"""The dock *EDS compare* in a real window, driven by mouse and keys, beside headless numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

import napari_eds as eds
from napari_eds._napari.compare.layers import (
    DIVERGING,
    compared_of,
    difference_layers,
)
from napari_eds._napari.parts.panels import COMPARE, open_panel
from napari_eds._napari.state.focus import focus_of
from napari_eds.compare.known import compare_known
from napari_eds.compare.results import compare_results
from window_actions import (
    LEFT,
    NO_KEY,
    add_result,
    answer_dialog,
    click,
    is_still,
    notifications,
    task_is_done,
)

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture(scope="module")
def recipe(k_factor_file):
    return eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"),
        fit_only=("C", "Cu", "Ga", "Pt"),
        k_factors=eds.read_k_factors(k_factor_file),
        absorption=eds.Absorption(thickness_nm=55, density_g_cm3=5.12),
    )


@pytest.fixture(scope="module")
def chips():
    return eds.grid_chips((96, 96), 16)


@pytest.fixture(scope="module")
def ours(lfo_sto_96, chips, recipe):
    return eds.quantify(lfo_sto_96, chips, recipe)


@pytest.fixture(scope="module")
def linear(lfo_sto_96, chips, recipe):
    return eds.quantify(lfo_sto_96, chips, recipe.model_copy(update={"engine": "linear"}))


@pytest.fixture
def window(make_napari_viewer, map_file, ours):
    """A visible window with the small map, a result of its chips, and the dock."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1300, 900)
    viewer.open(map_file, plugin="napari-eds")
    add_result(viewer, ours, "ours")
    return viewer, open_panel(viewer, COMPARE)


def compare(qtbot, dock):
    assert dock.other.run.isEnabled()
    click(dock.other.run)
    task_is_done(qtbot, dock)


def cells(table):
    """Numbers of a table as they are shown."""
    heads = [table.horizontalHeaderItem(i).text() for i in range(table.columnCount())]
    rows = {
        table.verticalHeaderItem(r).text(): [table.item(r, c).text() for c in range(len(heads))]
        for r in range(table.rowCount())
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=heads)


def click_row(table, row):
    QTest.mouseClick(
        table.viewport(), LEFT, NO_KEY, table.visualItemRect(table.item(row, 0)).center()
    )


def test_other_labels_are_compared_as_the_headless_function_does(
    qtbot, window, chips, ours, linear
):
    viewer, dock = window
    labels = focus_of(viewer).labels_layer
    assert not dock.other.run.isEnabled()
    add_result(viewer, linear, "least squares")
    viewer.layers.selection.active = labels
    assert dock.other.source.currentText() == "labels: least squares"
    compare(qtbot, dock)
    expected = compare_results(ours, linear)
    shown = cells(dock.other.table)
    assert list(shown.index) == ["La", "Fe", "O", "Sr", "Ti"]
    for head, key in {
        "ours": "ours_mean",
        "other": "other_mean",
        "diff.": "mean_difference",
        "sd": "sd_difference",
        "rms": "rms_difference",
        "max": "max_difference",
        "z": "rms_z",
        "n": "n",
    }.items():
        numbers = shown[head].astype(float).to_numpy()
        assert numbers == pytest.approx(expected.statistics[key].to_numpy(float), abs=0.0051)
    qtbot.waitUntil(lambda: set(difference_layers(viewer, labels)) == set(shown.index))
    qtbot.waitUntil(
        lambda: all(x.colorbar.visible for x in difference_layers(viewer, labels).values())
    )
    for element, layer in difference_layers(viewer, labels).items():
        data = np.full(chips.labels.shape, np.nan)
        for label in ours.table.index:
            at_pct = [r.table.loc[label, f"{element}_at_pct"] for r in (ours, linear)]
            data[chips.labels == label] = at_pct[0] - at_pct[1]
        np.testing.assert_allclose(layer.data, data, atol=1e-9)
        low, high = layer.contrast_limits
        assert low == -high
        assert high == pytest.approx(np.nanpercentile(np.abs(data), 99))
        assert layer.colormap.name == DIVERGING
        assert layer.visible == (element == "La")
    assert viewer.layers.selection.active is labels


def test_maps_in_the_dock_follow_the_row_and_a_click_selects_the_label(
    qtbot, window, chips, linear
):
    viewer, dock = window
    focus = focus_of(viewer)
    labels = focus.labels_layer
    add_result(viewer, linear, "least squares")
    viewer.layers.selection.active = labels
    compare(qtbot, dock)
    pane = dock.other.maps.panes["other"]
    is_still(qtbot, lambda: pane.area().center())
    click_row(dock.other.table, 3)
    assert dock.other.table.element() == "Sr"
    assert dock.other.maps.titles["ours"].text() == "ours, Sr at.%"
    # The chip R5C1 of 6 x 6.
    area = pane.area()
    place = QPoint(
        round(area.left() + area.width() * 1.5 / 6), round(area.top() + area.height() * 5.5 / 6)
    )
    QTest.mouseClick(pane, LEFT, NO_KEY, place)
    assert focus.selected == (int(chips.labels[90, 20]),)
    # A double-click on a row selects the label of the largest difference.
    table = dock.other.table
    spot = table.visualItemRect(table.item(1, 5)).center()
    QTest.mouseClick(table.viewport(), LEFT, NO_KEY, spot)
    QTest.mouseDClick(table.viewport(), LEFT, NO_KEY, spot)
    expected = compared_of(labels).comparison.statistics.loc["Fe", "max_label"]
    assert focus.selected == (int(expected),)
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert table.as_text().splitlines()[0].split("\t")[:4] == ["", "ours", "other", "diff."]


def test_a_table_of_another_program_updates_the_maps_in_place(
    qtbot, window, ours, tmp_path, monkeypatch
):
    viewer, dock = window
    labels = focus_of(viewer).labels_layer
    ours.to_csv(tmp_path / "same.csv")
    shifted = pd.DataFrame({"chip": ours.table["chip"], "La at.%": ours.table["La_at_pct"] + 1.5})
    shifted.to_csv(tmp_path / "other.csv", index=False)
    answer_dialog(monkeypatch, tmp_path / "same.csv")
    click(dock.other.file)
    compare(qtbot, dock)
    qtbot.waitUntil(lambda: len(difference_layers(viewer, labels)) == 5)
    assert np.nanmax(np.abs(difference_layers(viewer, labels)["Fe"].data)) < 1e-3
    layer = difference_layers(viewer, labels)["La"]
    layer.name = "mine"

    answer_dialog(monkeypatch, tmp_path / "other.csv")
    click(dock.other.file)
    assert dock.other.source.currentText() == "file: other.csv"
    compare(qtbot, dock)
    qtbot.waitUntil(lambda: list(difference_layers(viewer, labels)) == ["La"])
    assert difference_layers(viewer, labels)["La"] is layer
    assert layer.name == "mine"
    qtbot.waitUntil(lambda: np.nanmax(np.abs(layer.data + 1.5)) < 1e-6)
    assert layer.contrast_limits == pytest.approx([-1.5, 1.5])
    assert cells(dock.other.table).loc["La", "diff."] == "-1.50"
    assert "Only in" in dock.other.account.toolTip()


def test_figure_and_table_are_saved(qtbot, window, ours, tmp_path, monkeypatch):
    _, dock = window
    assert not dock.other.save_csv.isEnabled()
    ours.to_csv(tmp_path / "same.csv")
    answer_dialog(monkeypatch, tmp_path / "same.csv")
    click(dock.other.file)
    compare(qtbot, dock)
    answer_dialog(monkeypatch, tmp_path / "out.csv", "getSaveFileName")
    click(dock.other.save_csv)
    task_is_done(qtbot, dock)
    written = pd.read_csv(tmp_path / "out.csv", index_col=0)
    assert written["Fe_ours"].to_numpy() == pytest.approx(
        ours.table["Fe_at_pct"].to_numpy(), rel=1e-5
    )
    answer_dialog(monkeypatch, tmp_path / "out.png", "getSaveFileName")
    click(dock.other.save_figure)
    task_is_done(qtbot, dock)
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out_statistics.csv").is_file()


def test_what_cannot_be_compared_is_told(qtbot, window, tmp_path, monkeypatch):
    _, dock = window
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    answer_dialog(monkeypatch, tmp_path / "bad.csv")
    click(dock.other.file)
    compare(qtbot, dock)
    assert "no table of compositions" in notifications()[-1]
    assert not dock.other.table.isVisible()
    assert dock.work.text.text() == ""


def test_a_comparison_outlives_its_dock_and_tells_when_it_is_of_an_earlier_result(
    qtbot, window, chips, ours, linear
):
    viewer, dock = window
    focus = focus_of(viewer)
    labels = focus.labels_layer
    add_result(viewer, linear, "least squares")
    viewer.layers.selection.active = labels
    compare(qtbot, dock)
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    dock = open_panel(viewer, COMPARE)
    assert cells(dock.other.table).loc["La", "n"] == "36"
    focus.show_result(labels, replace(ours))
    assert dock.other.account.text().startswith("Of an earlier result")
    viewer.layers.remove(labels)
    viewer.layers.clear()
    assert not dock.other.table.isVisible()
    assert not dock.other.run.isEnabled()


def test_a_known_composition_is_checked_as_it_is_typed(
    qtbot, window, chips, ours, simulation, tmp_path, monkeypatch
):
    viewer, dock = window
    focus = focus_of(viewer)
    dock.tabs.setCurrentIndex(1)
    page = dock.known
    QTest.keyClicks(page.formula, "SrTi)")
    assert page.says.text().startswith("⚠")
    assert "closes nothing" in page.says.text()
    QTest.keyClick(page.formula, Qt.Key.Key_Backspace)
    QTest.keyClicks(page.formula, "O3")
    assert page.says.text() == "Sr 20.00, Ti 20.00, O 60.00 at.%"
    qtbot.waitUntil(page.table.isVisible)
    assert page.applies.text() == "Applies to all 36 labels."
    check_known(page, compare_known(ours, "SrTiO3"))

    truth = simulation.labels
    substrate = [i for i in ours.table.index if (truth[chips.labels == i] == 3).all()]
    assert len(substrate) > 5
    focus.select(substrate)
    qtbot.waitUntil(
        lambda: page.applies.text() == f"Applies to the {len(substrate)} selected labels."
    )
    known = compare_known(ours, "SrTiO3", substrate)
    qtbot.waitUntil(lambda: float(page.table.item(0, 0).text()) > 15)
    check_known(page, known)
    # The truth is SrTiO3.
    assert (known.table["percent_error"].abs() < 5).all()

    answer_dialog(monkeypatch, tmp_path / "known.csv", "getSaveFileName")
    click(page.save_csv)
    task_is_done(qtbot, dock)
    written = pd.read_csv(tmp_path / "known.csv", index_col=0)
    assert written["percent_error"].to_numpy() == pytest.approx(
        known.table["percent_error"].to_numpy(), rel=1e-5
    )
    assert len(pd.read_csv(tmp_path / "known_labels.csv")) == len(substrate)


def check_known(page, known):
    shown = cells(page.table)
    assert list(shown.index) == ["Sr", "Ti", "O"]
    for head, key in {
        "found": "summed_at_pct",
        "norm.": "normalised_at_pct",
        "expect.": "expected_at_pct",
        "error %": "percent_error",
        "±": "percent_error_error_total",
        "± count": "percent_error_error",
    }.items():
        assert shown[head].astype(float).to_numpy() == pytest.approx(
            known.table[key].to_numpy(), abs=0.0051
        )


@pytest.fixture
def velox(data_dir):
    """Every part of a measured file with numbers of Velox itself in its log."""
    return data_dir / "real/velox/EDS-STO.emd"


def test_numbers_of_velox_in_its_own_file(qtbot, make_napari_viewer, velox, data_dir):
    viewer = make_napari_viewer(show=True)
    viewer.open(velox, plugin="napari-eds")
    dock = open_panel(viewer, COMPARE)
    focus = focus_of(viewer)
    focus.set_map_layer(focus.map_layers()[0])
    image = focus.image
    recipe = eds.Recipe(
        elements=("O", "Ti", "Sr"),
        fit_only=("Cu", "C"),
        k_factors=eds.read_k_factors(
            data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv", convention="alpha"
        ),
    )
    result = eds.quantify(image, np.ones(image.shape, int), recipe)
    add_result(viewer, result, "all")
    assert dock.other.source.currentText() == "Velox: log in the file"
    # Its box: the middle of a wide one is beyond its words, where Qt takes no click.
    QTest.mouseClick(dock.other.normalise, LEFT, pos=QPoint(8, dock.other.normalise.height() // 2))
    assert dock.other.normalise.isChecked()
    compare(qtbot, dock)
    shown = cells(dock.other.table).astype(float)
    # Read in Velox's log: O 46.21, Ti 24.56, Cu 5.32, Sr 23.91.
    velox_numbers = 100 * np.array([46.21, 24.56, 23.91]) / (46.21 + 24.56 + 23.91)
    assert shown["other"].to_numpy() == pytest.approx(velox_numbers, abs=0.0051)
    at_pct = result.table.iloc[0][["O_at_pct", "Ti_at_pct", "Sr_at_pct"]].to_numpy(float)
    assert shown["ours"].to_numpy() == pytest.approx(at_pct, abs=0.0051)
    assert not dock.other.maps.isVisible()
    assert "Velox" in dock.other.account.text()


def test_only_files_that_hold_numbers_of_velox_offer_them(make_napari_viewer, data_dir):
    viewer = make_napari_viewer()
    viewer.open(
        data_dir / "real/velox/fei_SI_EDS-HAADF-4detectors_2frames.emd", plugin="napari-eds"
    )
    dock = open_panel(viewer, COMPARE)
    assert dock.other.source.count() == 0


def test_every_control_tells_what_it_does_and_the_theme_can_change(qtbot, window):
    viewer, dock = window
    for page in (dock.other, dock.known):
        for name, widget in vars(page).items():
            if isinstance(widget, QWidget) and hasattr(widget, "clicked"):
                assert widget.toolTip(), name
    dock.tabs.setCurrentIndex(1)
    QTest.keyClicks(dock.known.formula, "Xx")
    dark = dock.known.says.styleSheet()
    viewer.theme = "light"
    assert dock.known.says.styleSheet().startswith("color: #")
    viewer.theme = "dark"
    assert dock.known.says.styleSheet() == dark
    # What a formula cannot be compared with is told beside it, without a notification.
    dock.known.formula.selectAll()
    QTest.keyClicks(dock.known.formula, "MgO")
    qtbot.waitUntil(lambda: "has no Mg" in dock.known.account.text())
    assert not dock.known.save_csv.isEnabled()
    assert not notifications()
