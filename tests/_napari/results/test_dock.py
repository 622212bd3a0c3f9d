"""The dock *EDS results* in a real window, driven by mouse and keys."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from napari.utils.colormaps import CyclicLabelColormap, ensure_colormap
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QGuiApplication, QHelpEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QMenu, QToolTip

import napari_eds as eds
from napari_eds._napari.parts.numbers import with_error
from napari_eds._napari.parts.panels import QUANTIFICATION, SPECTRUM, open_panel
from napari_eds._napari.results.dock import ResultsTable, camera_of
from napari_eds._napari.state import label_colors
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.label_edits import EDITED
from napari_eds._napari.state.layers import add_chips, image_layers, maps_of
from napari_eds.quantification.error_table import PART_WORDS
from patience import PATIENCE_s
from window_actions import (
    CTRL,
    LEFT,
    NO_KEY,
    SHIFT,
    BETWEEN_CLICKS_ms,
    canvas_is_still,
    drag,
    hover,
    is_still,
    nothing_is_due,
    task_is_done,
)

pytestmark = pytest.mark.usefixtures("no_notifications_yet")

ELEMENTS = ("La", "Fe", "O", "Sr", "Ti")


@pytest.fixture(scope="module")
def chips(lfo_sto_96):
    return eds.grid_chips(lfo_sto_96.shape, 12)


@pytest.fixture(scope="module")
def result(lfo_sto_96, chips, k_factor_file):
    k_factors = eds.read_k_factors(k_factor_file)
    recipe = eds.Recipe(elements=ELEMENTS, fit_only=("Cu", "C", "Pt"), k_factors=k_factors)
    return eds.quantify(lfo_sto_96, chips, recipe)


@pytest.fixture
def window(qtbot, make_napari_viewer, lfo_sto_96, chips, result):
    """A window with a map, its chips, their result and the dock."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 900)
    for data, attributes, _ in image_layers(lfo_sto_96):
        viewer.add_image(data, **attributes)
    labels = add_chips(viewer, chips.labels.copy(), lfo_sto_96, name="chips")
    dock = ResultsTable(viewer)
    viewer.window.add_dock_widget(dock, area="bottom", name="EDS results")
    focus = focus_of(viewer)
    viewer.layers.selection.active = labels
    focus.set_settings(focus.settings.with_recipe(result.recipe))
    focus.show_result(labels, result)
    viewer.layers.selection.active = labels
    canvas_is_still(qtbot, viewer, labels)
    viewer.reset_view()
    canvas_is_still(qtbot, viewer, labels)
    return SimpleNamespace(viewer=viewer, labels=labels, dock=dock, focus=focus)


def column(dock, title):
    return [c.title for c in dock.model.shown_columns].index(title)


def click_heading(dock, title):
    header, place = dock.table.header, column(dock, title)
    x = header.sectionViewportPosition(place) + 8
    QTest.mouseClick(header.viewport(), LEFT, NO_KEY, QPoint(x, header.height() // 2))


def click_row(dock, row, key=NO_KEY, times=1):
    dock.table.scrollTo(dock.model.index(row, 0))
    spot = dock.table.visualRect(dock.model.index(row, 1)).center()
    QTest.mouseClick(dock.table.viewport(), LEFT, key, spot)
    if times == 2:
        QTest.mouseDClick(dock.table.viewport(), LEFT, key, spot)


def texts(dock, title):
    place = column(dock, title)
    return [dock.model.index(r, place).data() for r in range(dock.model.rowCount())]


def selected_rows(dock):
    return sorted({index.row() for index in dock.table.selectionModel().selectedRows()})


def type_condition(qtbot, dock, condition):
    dock.filter.setFocus()
    dock.filter.selectAll()
    QTest.keyClick(dock.filter, Qt.Key.Key_Delete)
    QTest.keyClicks(dock.filter, condition)
    dock.filter.completer().popup().hide()
    QTest.keyClick(dock.filter, Qt.Key.Key_Return)


def choose(box, data):
    """Choose an entry of a combo box with the keyboard."""
    place = max(box.findData(data), box.findText(data) if isinstance(data, str) else -1)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    for _ in range(place):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.currentIndex() == place


def canvas_spot(viewer, layer, row, column):
    canvas = viewer.window._qt_viewer.canvas
    transform = canvas.layer_to_visual[layer].node.get_transform("visual", "canvas")
    x, y = transform.map([column, row, 0, 1])[:2]
    return canvas.native, QPoint(round(x), round(y))


def plot_spot(plot, x, y):
    return plot.plot.mapFromScene(plot.view.mapViewToScene(QPointF(x, y)))


def plot_is_still(qtbot, plot):
    is_still(qtbot, lambda: plot_spot(plot, 0, 0) - plot_spot(plot, 1, 1))


def drag_over(qtbot, plot, start, stop, key=NO_KEY):
    """Drag the left button from one point of a plot to another, in its coordinates."""
    plot_is_still(qtbot, plot)
    drag(qtbot, plot.plot.viewport(), plot_spot(plot, *start), plot_spot(plot, *stop), key)


def show_page(qtbot, dock, page):
    QTest.mouseClick(dock.tabs, LEFT, NO_KEY, dock.tabs.tabRect(page).center())
    assert dock.pages.currentIndex() == page
    return dock.pages.currentWidget()


# Writing.


def test_cells_are_written_as_a_person_would(window, result):
    dock = window.dock
    row = result.table.loc[40]
    assert texts(dock, "chip")[39] == row["chip"]
    assert texts(dock, "La at.%")[39] == with_error(row["La_at_pct"], row["La_at_pct_error_total"])
    assert texts(dock, "counts")[39] == f"{row['counts']:,}".replace(",", "\u202f")
    assert texts(dock, "χ²/ν")[39] == f"{row['reduced_chi_squared']:.2f}"
    empty = result.table.index[result.table["La_at_pct"].isna()]
    assert len(empty)
    assert texts(dock, "La at.%")[empty[0] - 1] == "–"


# Sorting and selection.


def test_clicking_headings_sorts_by_value_with_nan_last(window, result):
    dock, values = window.dock, result.table["La_at_pct"]
    click_heading(dock, "La at.%")
    first = dock.model.ids
    click_heading(dock, "La at.%")
    second = dock.model.ids
    known = values.notna().sum()
    assert 0 < known < len(values)
    for ids in (first, second):
        assert values.loc[ids[known:]].isna().all()
    up, down = (first, second) if values[first[0]] < values[second[0]] else (second, first)
    np.testing.assert_array_equal(values.loc[up[:known]], np.sort(values.dropna()))
    np.testing.assert_array_equal(values.loc[down[:known]], np.sort(values.dropna())[::-1])


def test_chips_are_sorted_as_numbers(make_napari_viewer, window):
    window.dock.model.sort_by(("chip", False))
    assert window.dock.model.ids.tolist() == list(range(1, 65))


def test_a_row_clicked_after_sorting_selects_its_label(window, result):
    dock = window.dock
    click_heading(dock, "Fe at.%")
    click_heading(dock, "Fe at.%")
    click_row(dock, 3)
    label = int(dock.model.ids[3])
    assert window.labels.selected_label == label
    assert window.focus.selected == (label,)
    ascending = dock.table.header.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
    assert result.table["Fe_at_pct"].rank(ascending=ascending)[label] == 4


def test_the_order_is_kept_with_the_map(qtbot, window, alloy_file):
    dock = window.dock
    click_heading(dock, "Fe at.%")
    order = dock.model.ids.tolist()
    for data, attributes, _ in image_layers(eds.load(alloy_file)):
        other = window.viewer.add_image(data, **attributes)
    window.viewer.layers.selection.active = other
    assert dock.outer.currentWidget() is dock.help
    assert dock.state.sorted_by is None
    window.viewer.layers.selection.active = window.labels
    assert dock.model.ids.tolist() == order
    assert dock.table.header.sortIndicatorSection() == column(dock, "Fe at.%")


def test_many_rows_are_selected_with_ctrl_shift_and_all(qtbot, window):
    dock, focus = window.dock, window.focus
    click_row(dock, 10)
    click_row(dock, 14, SHIFT)
    click_row(dock, 12, CTRL)
    assert set(focus.selected) == {11, 12, 14, 15}
    click_row(dock, 20, CTRL)
    assert focus.selected[-1] == window.labels.selected_label == 21
    assert set(focus.selected) == {11, 12, 14, 15, 21}
    QTest.keyClick(dock.table, Qt.Key.Key_A, CTRL)
    assert set(focus.selected) == set(range(1, 65))
    assert "64 of 64 selected" in dock.summary.text()


def test_the_last_selected_row_cannot_be_taken_away(window):
    click_row(window.dock, 5)
    click_row(window.dock, 5, CTRL)
    assert window.focus.selected == (6,)
    assert selected_rows(window.dock) == [5]


def test_a_label_picked_in_the_canvas_selects_its_row(qtbot, window):
    viewer, dock, labels = window.viewer, window.dock, window.labels
    click_heading(dock, "Fe at.%")
    labels.mode = "pick"
    native, spot = canvas_spot(viewer, labels, 90, 6)
    hover(qtbot, native, spot)
    QTest.mouseClick(native, LEFT, NO_KEY, spot)
    label = int(labels.data[90, 6])
    assert label != 1
    qtbot.waitUntil(lambda: labels.selected_label == label)
    (row,) = selected_rows(dock)
    assert dock.model.ids[row] == label
    assert (
        dock.table.viewport()
        .rect()
        .contains(dock.table.visualRect(dock.model.index(row, 0)).center())
    )


def test_selections_do_not_echo(qtbot, window):
    told = []
    window.focus.selection_changed.connect(lambda: told.append(window.focus.selected))
    click_row(window.dock, 7)
    assert told == [(8,)]
    told.clear()
    window.focus.select([3, 9, 5])
    assert told == [(3, 9, 5)]
    assert selected_rows(window.dock) == [2, 4, 8]
    window.dock.model.sort_by(("Fe_at_pct", True))
    assert told == [(3, 9, 5)]
    assert {int(window.dock.model.ids[r]) for r in selected_rows(window.dock)} == {3, 5, 9}
    assert window.focus.selected == (3, 9, 5)


@pytest.mark.parametrize("moved", [(0, 0), (100, -50)])
def test_a_label_out_of_sight_is_centred(qtbot, window, moved):
    viewer, labels, dock = window.viewer, window.labels, window.dock
    labels.translate = moved
    viewer.reset_view()
    camera_of(viewer).zoom *= 6
    canvas_is_still(qtbot, viewer, labels)
    click_row(dock, 0)

    def is_centred():
        native, spot = canvas_spot(viewer, labels, 6, 6)  # corners of pixels lie at whole numbers
        assert abs(spot.x() - native.width() / 2) < 2
        assert abs(spot.y() - native.height() / 2) < 2

    qtbot.waitUntil(is_centred)
    before = camera_of(viewer).center
    click_row(dock, 0)
    assert camera_of(viewer).center == before
    viewer.reset_view()
    canvas_is_still(qtbot, viewer, labels)
    before = camera_of(viewer).center
    click_row(dock, 63)
    assert camera_of(viewer).center == before, "a label in sight moves nothing"


# Filter.


def test_a_condition_filters_rows_and_keeps_the_selection(qtbot, window, result):
    dock, table = window.dock, result.table
    click_row(dock, 63)
    click_row(dock, 1, CTRL)
    before = window.focus.selected
    type_condition(qtbot, dock, "La > 15 and chi2 < 2")
    met = table.index[(table["La_at_pct"] > 15) & (table["reduced_chi_squared"] < 2)]
    assert 0 < len(met) < 64
    assert dock.model.ids.tolist() == met.tolist()
    assert window.focus.selected == before
    assert "hidden by the filter" in dock.summary.text()
    type_condition(qtbot, dock, "")
    assert dock.model.rowCount() == 64
    assert set(selected_rows(dock)) == {1, 63}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("Fx > 2", "There is no column Fx; there are label, La"),
        ("La >", "not complete"),
        ("__import__('os').getcwd() == 1", "Functions cannot be used"),
        ("@self > 1", "not complete"),
    ],
)
def test_a_bad_condition_is_explained_and_keeps_the_rows(qtbot, window, condition, words):
    dock = window.dock
    type_condition(qtbot, dock, "La > 15")
    rows = dock.model.ids.tolist()
    type_condition(qtbot, dock, condition)
    assert words in dock.message.text()
    assert dock.message.isVisible()
    assert dock.model.ids.tolist() == rows
    type_condition(qtbot, dock, "La > 15")
    assert not dock.message.isVisible()
    assert not notification_manager.records


def test_names_of_columns_are_completed(qtbot, window):
    line = window.dock.filter
    window.viewer.window._qt_window.activateWindow()
    line.setFocus()
    qtbot.waitUntil(line.hasFocus)
    QTest.keyClicks(line, "La > 2 and reduc")
    popup = line.completer().popup()
    qtbot.waitUntil(popup.isVisible)
    QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Return)
    assert line.text() == "La > 2 and reduced_chi_squared"


def test_a_pause_in_typing_is_enough(qtbot, window):
    QTest.keyClicks(window.dock.filter, "label < 4")
    qtbot.waitUntil(lambda: window.dock.model.rowCount() == 3)


# Columns, copying, flags.


def menu_entry(dock, words):
    menu = QMenu()
    dock.table.fill_menu(menu)
    return menu, next(a for a in menu.actions() if a.text().startswith(words))


def test_columns_and_unit_are_chosen_and_remembered(window, make_napari_viewer):
    dock = window.dock
    _menu, action = menu_entry(dock, "Intensities")
    action.trigger()
    assert "La_L counts" in {c.title for c in dock.model.shown_columns}
    _menu, action = menu_entry(dock, "wt.%")
    action.trigger()
    titles = {c.title for c in dock.model.shown_columns}
    assert "La wt.%" in titles
    assert "La at.%" not in titles
    again = ResultsTable(window.viewer)
    assert {c.title for c in again.model.shown_columns} == titles
    again.close()
    again.deleteLater()


def test_every_column_of_the_result_can_be_shown(window, result):
    shown = {c.name for c in window.dock.model.columns}
    errors = {c.errors_name for c in window.dock.model.columns if c.errors is not None}
    boxes = {"row_start", "row_stop", "column_start", "column_stop"}
    assert shown | errors | boxes >= set(result.table.columns)


def test_ctrl_c_copies_selected_rows_as_text(window, result):
    dock = window.dock
    click_row(dock, 4)
    click_row(dock, 30, CTRL)
    QTest.keyClick(dock.table, Qt.Key.Key_C, CTRL)
    copied = _pasted()
    assert copied["label"].tolist() == [5, 31]
    for name in ("La_at_pct", "La_at_pct_error_total", "counts", "reduced_chi_squared"):
        np.testing.assert_allclose(copied[name], result.table.loc[[5, 31], name], rtol=1e-5)
    _menu, action = menu_entry(dock, "All rows")
    action.trigger()
    assert len(_pasted()) == 64


def _pasted():
    from io import StringIO

    return pd.read_csv(StringIO(QGuiApplication.clipboard().text()), sep="\t")


def test_doubtful_labels_are_marked_in_words_and_sign(window, result):
    dock, table = window.dock, result.table.copy()
    table.loc[20:40, "flag"] = ""
    window.focus.show_result(window.labels, replace(result, table=table))
    marked = [text.startswith("⚠") for text in texts(dock, "label")]
    assert marked == (table["flag"] != "").tolist()
    assert set(marked) == {True, False}
    # The words of the file that is saved, not a judgement of the window's own.
    assert texts(dock, "remark") == table["flag"].tolist()
    row = marked.index(True)
    tip = dock.model.index(row, column(dock, "chip")).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == f"Label {row + 1}: {texts(dock, 'remark')[row]}"


def test_long_remarks_leave_room_for_numbers(window, result):
    place = column(window.dock, "remark")
    widest = max(result.table["flag"], key=len)
    assert window.dock.fontMetrics().horizontalAdvance(widest) > 300
    assert window.dock.table.columnWidth(place) <= 300


def test_a_double_click_opens_the_residual(window, monkeypatch):
    opened = []

    def open_panel(viewer, title):
        return SimpleNamespace(
            show_residual=lambda: opened.append((viewer, title, window.focus.selected))
        )

    monkeypatch.setattr("napari_eds._napari.results.dock.open_panel", open_panel)
    click_row(window.dock, 6, times=2)
    assert opened == [(window.focus.viewer, SPECTRUM, (7,))]


# Colours.


def test_labels_are_coloured_by_a_column(qtbot, window, result):
    dock, labels = window.dock, window.labels
    own, contour = labels.colormap, labels.contour
    choose(dock.color_by, "Fe_at_pct")
    values = result.table["Fe_at_pct"].to_numpy()
    low, high = np.nanpercentile(values, (1, 99))
    expected = ensure_colormap("viridis").map(np.clip((values - low) / (high - low), 0, 1))
    for label, value, color in zip(result.table.index, values, expected, strict=True):
        shown = labels.get_color(label)
        np.testing.assert_allclose(
            shown, (0.5, 0.5, 0.5, 1) if np.isnan(value) else color, atol=1e-6
        )
    np.testing.assert_allclose(labels.get_color(1000), (0.5, 0.5, 0.5, 1))
    assert labels.contour == 0
    ticks = dock.color_bar.ticks()
    assert len(ticks) > 2
    assert low <= ticks[0] < ticks[-1] <= high

    choose(dock.colormap, "magma")
    np.testing.assert_allclose(
        labels.get_color(int(np.nanargmax(values)) + 1), ensure_colormap("magma").map([1])[0]
    )
    choose(dock.color_by, "")
    assert labels.colormap is own
    assert labels.contour == contour
    assert dock.color_bar.ticks() == []


def test_the_canvas_says_what_labels_are_coloured_by(qtbot, window, result):
    dock, labels, layers = window.dock, window.labels, window.viewer.layers
    before = set(layers)
    choose(dock.color_by, "Fe_at_pct")
    (key,) = set(layers) - before
    title = dock.color_by.currentText()
    low, high = np.nanpercentile(result.table["Fe_at_pct"], (1, 99))
    assert key.name == title
    assert "Fe" in title
    assert key.visible
    assert key.colorbar.visible
    assert key.name_overlay.visible
    np.testing.assert_allclose(key.contrast_limits, (low, high))
    np.testing.assert_allclose(
        key.extent.world + np.array([[-0.5], [0.5]]) * key.scale,
        labels.extent.world + np.array([[-0.5], [0.5]]) * labels.scale,
    )
    assert layers.selection.active is labels
    canvas_is_still(qtbot, window.viewer, labels)
    with_key = window.viewer.screenshot(canvas_only=True, flash=False)

    choose(dock.color_by, "La_at_pct")
    choose(dock.colormap, "magma")
    (same,) = set(layers) - before
    assert "La" in same.name
    assert same.colormap.name == "magma"
    labels.visible = False
    assert not same.visible, "it goes out of sight with the labels"
    labels.visible = True
    assert same.visible

    choose(dock.color_by, "Fe_at_pct")
    choose(dock.colormap, "viridis")
    (key,) = set(layers) - before
    key.visible = False
    canvas_is_still(qtbot, window.viewer, labels)
    without = window.viewer.screenshot(canvas_only=True, flash=False)
    changed = np.argwhere((with_key != without).any(axis=2))
    assert len(changed) > 500, "name and bar are drawn"
    middle = np.array(without.shape[:2]) // 2
    assert (with_key == without)[middle[0], middle[1]].all(), "and nothing over the map"

    choose(dock.color_by, "")
    assert set(layers) == before


def test_the_key_of_colours_goes_with_labels_and_dock(qtbot, window):
    layers = window.viewer.layers
    before = set(layers) - {window.labels}
    choose(window.dock.color_by, "Fe_at_pct")
    layers.remove(window.labels)
    qtbot.waitUntil(lambda: not [x for x in layers if "eds_color_key" in x.metadata])
    assert before >= set(layers)


def test_colours_are_seen_in_the_canvas(qtbot, window, result):
    viewer, labels = window.viewer, window.labels
    choose(window.dock.color_by, "La_at_pct")
    for layer in viewer.layers:
        layer.visible = layer is labels
    labels.opacity = 1
    canvas_is_still(qtbot, viewer, labels)
    picture = viewer.screenshot(canvas_only=True, flash=False)
    ratio = viewer.window._qt_viewer.canvas.native.devicePixelRatioF()
    for label in (20, 60):
        center = result.table.loc[label, ["row", "column"]]
        _, spot = canvas_spot(viewer, labels, *center)
        seen = picture[round(spot.y() * ratio), round(spot.x() * ratio)]
        np.testing.assert_allclose(seen / 255, labels.get_color(label), atol=0.01)


def test_colours_follow_a_new_result(window, result, lfo_sto_96, chips):
    choose(window.dock.color_by, "Fe_at_pct")
    before = window.labels.get_color(10)
    recipe = result.recipe.model_copy(update={"elements": ("Fe", "La", "Sr")})
    window.focus.show_result(window.labels, eds.quantify(lfo_sto_96, chips, recipe))
    assert not np.array_equal(window.labels.get_color(10), before)
    assert window.dock.color_by.currentData() == "Fe_at_pct"
    recipe = result.recipe.model_copy(update={"elements": ("La", "Sr")})
    window.focus.show_result(window.labels, eds.quantify(lfo_sto_96, chips, recipe))
    assert window.dock.color_by.currentData() == "", "a column that is gone colours nothing"
    assert label_colors.coloring_of(window.labels) is None


def test_the_dock_sees_when_the_user_takes_other_colours(window):
    choose(window.dock.color_by, "Fe_at_pct")
    window.labels.colormap = CyclicLabelColormap(
        colors=np.array([[0, 0, 0, 0], [1, 0, 0, 1]], np.float32)
    )
    assert window.dock.color_by.currentData() == ""


# Plots.


def test_a_range_of_the_histogram_selects_labels(qtbot, window, result):
    plot = show_page(qtbot, window.dock, 1)
    choose(plot.column, "La_at_pct")
    drag_over(qtbot, plot, (15, 5), (30, 3))
    values = result.table["La_at_pct"]
    assert set(window.focus.selected) == set(values.index[(values > 15) & (values < 30)])
    assert plot.selected_bars.opts["height"].sum() == len(window.focus.selected)
    drag_over(qtbot, plot, (2, 5), (-1.5, 3), SHIFT)
    more = values.index[((values > 15) & (values < 30)) | ((values > -1.5) & (values < 2))]
    assert set(window.focus.selected) == set(more)


def test_a_click_on_a_bar_selects_its_labels(qtbot, window, result):
    plot = show_page(qtbot, window.dock, 1)
    choose(plot.column, "La_at_pct")
    plot_is_still(qtbot, plot)
    heights = plot.bars.opts["height"]
    values = result.table["La_at_pct"].dropna()
    assert heights.sum() == len(values)
    tallest = int(np.argmax(heights))
    low, high = plot.edges[tallest : tallest + 2]
    spot = plot_spot(plot, (low + high) / 2, heights[tallest] / 2)
    QTest.mouseClick(plot.plot.viewport(), LEFT, NO_KEY, spot)
    assert set(window.focus.selected) == set(values.index[(values >= low) & (values < high)])


def test_a_rectangle_in_the_scatter_plot_selects_labels(qtbot, window, result):
    plot = show_page(qtbot, window.dock, 2)
    choose(plot.x_column, "La_at_pct")
    choose(plot.y_column, "Sr_at_pct")
    drag_over(qtbot, plot, (3, 15), (-1, 25))
    table = result.table
    inside = table["La_at_pct"].between(-1, 3) & table["Sr_at_pct"].between(15, 25)
    assert inside.any()
    assert set(window.focus.selected) == set(table.index[inside])
    x, _ = plot.selected_points.getData()
    np.testing.assert_allclose(np.sort(x), np.sort(table.loc[inside, "La_at_pct"]))
    assert plot.selected_points.opts["symbol"] != plot.points.opts["symbol"]


def test_a_click_selects_the_nearest_point_and_none_far_away(qtbot, window, result):
    plot = show_page(qtbot, window.dock, 2)
    choose(plot.x_column, "La_at_pct")
    choose(plot.y_column, "Sr_at_pct")
    qtbot.wait(BETWEEN_CLICKS_ms)
    plot_is_still(qtbot, plot)
    table = result.table.dropna(subset=["La_at_pct"])
    label = int(table["Sr_at_pct"].idxmax())
    at = table.loc[label, ["La_at_pct", "Sr_at_pct"]]
    QTest.mouseClick(plot.plot.viewport(), LEFT, NO_KEY, plot_spot(plot, *at))
    assert window.focus.selected == (label,)
    qtbot.wait(BETWEEN_CLICKS_ms)
    QTest.mouseClick(plot.plot.viewport(), LEFT, NO_KEY, plot_spot(plot, 12, 22))
    assert window.focus.selected == (label,)


def test_error_bars_are_those_of_the_table(qtbot, window, result):
    plot = show_page(qtbot, window.dock, 2)
    QTest.mouseClick(plot.with_errors, LEFT, NO_KEY, QPoint(8, plot.with_errors.height() // 2))
    assert plot.with_errors.isChecked()
    table = result.table.dropna(subset=["La_at_pct"])
    np.testing.assert_allclose(plot.bars.opts["width"], 2 * table["La_at_pct_error_total"])
    np.testing.assert_allclose(plot.bars.opts["height"], 2 * table["Fe_at_pct_error_total"])


def test_the_ternary_diagram_places_and_selects_labels(qtbot, window, result):
    plot = show_page(qtbot, window.dock, 3)
    for box, element in zip(plot.elements, ("La", "Sr", "O"), strict=True):
        choose(box, f"{element}_at_pct")
    amounts = result.table[["La_at_pct", "Sr_at_pct", "O_at_pct"]].dropna()
    amounts = amounts[amounts.sum(axis=1) > 0]  # noise of an empty label may be negative in all
    share = amounts.div(amounts.sum(axis=1), axis=0)
    x, y = plot.points.getData()
    np.testing.assert_allclose(y, share["O_at_pct"] * np.sqrt(0.75))
    np.testing.assert_allclose(x, share["Sr_at_pct"] + share["O_at_pct"] / 2)
    drag_over(qtbot, plot, (-0.05, 0.4), (0.48, 0.75))
    inside = (x > -0.05) & (x < 0.48) & (y > 0.4) & (y < 0.75)
    assert 0 < inside.sum() < len(x)
    assert set(window.focus.selected) == set(share.index[inside])


def test_two_elements_give_no_ternary_diagram(qtbot, window, result, lfo_sto_96, chips):
    recipe = result.recipe.model_copy(update={"elements": ("La", "Sr")})
    window.focus.show_result(window.labels, eds.quantify(lfo_sto_96, chips, recipe))
    plot = show_page(qtbot, window.dock, 3)
    assert not plot.plot.isVisible()
    assert "three" in plot.hint.text()


def test_plots_show_what_the_filter_leaves(qtbot, window):
    plot = show_page(qtbot, window.dock, 2)
    type_condition(qtbot, window.dock, "La > 15")
    assert len(plot.points.getData()[0]) == window.dock.model.rowCount() < 64
    again = ResultsTable(window.viewer)
    assert again.filter.text() == "La > 15"
    assert again.pages.currentIndex() == 2
    again.close()
    again.deleteLater()


# Footer and buttons.


def test_the_footer_tells_mean_scatter_and_counting(window, result):
    window.focus.select([60, 61, 62])
    table = result.table.loc[[60, 61, 62]]
    values, errors = table["Sr_at_pct"], table["Sr_at_pct_error"]
    text = window.dock.summary.text().replace("\u00a0", " ")
    expected = with_error(0, np.sqrt((errors**2).mean())).partition("± ")[2]
    assert f"Sr {with_error(values.mean(), values.std())} ({expected})" in text
    assert "3 of 64 selected: 432 px" in text
    assert f"{table['counts'].sum():,} counts".replace(",", "\u202f") in text
    window.focus.select([60])
    text = window.dock.summary.text().replace("\u00a0", " ")
    total = result.table.loc[60, "Sr_at_pct_error_total"]
    assert f"Sr {with_error(values[60], total)}" in text
    assert "all that is uncertain" in window.dock.summary.toolTip()


def test_the_pointer_over_a_cell_tells_what_its_error_is_made_of(qtbot, window, result):
    dock, place = window.dock, column(window.dock, "O at.%")
    row = int(np.flatnonzero(result.composition.detected[:, 2])[0])
    label = result.table.index[row]
    row = int(dock.model.rows_of([label])[0])
    index = dock.model.index(row, place)
    dock.table.scrollTo(index)
    spot = dock.table.visualRect(index).center()
    viewport = dock.table.viewport()
    event = QHelpEvent(QEvent.Type.ToolTip, spot, viewport.mapToGlobal(spot))
    QApplication.sendEvent(viewport, event)
    qtbot.waitUntil(QToolTip.isVisible)
    text = QToolTip.text()
    budget = result.error_budget().set_index(["label", "element"]).loc[(label, "O")]
    assert f"O ± {budget['total']:.2g} at.%: " in text
    largest = max(set(PART_WORDS) & set(budget.index), key=lambda part: budget[part])
    assert f"at.%: {PART_WORDS[largest]} {budget[largest]:.2g}" in text
    assert f"counting {budget['counting']:.2g}" in text
    QToolTip.hideText()


def test_errors_of_counting_have_columns_of_their_own(window, result):
    dock = window.dock
    _menu, action = menu_entry(dock, "Errors from counting and from k-factors")
    action.trigger()
    titles = [c.title for c in dock.model.shown_columns]
    place = titles.index("Sr at.%")
    assert titles[place : place + 3] == ["Sr at.%", "Sr ± counting", "Sr ± k"]
    shown = next(c for c in dock.model.shown_columns if c.title == "Sr ± counting")
    np.testing.assert_array_equal(shown.values, result.table["Sr_at_pct_error"])


def test_merging_is_one_step_that_can_be_undone(qtbot, window):
    dock, labels = window.dock, window.labels
    before, features = labels.data.copy(), labels.features.copy()
    window.focus.select([12, 4, 30])
    QTest.mouseClick(dock.merge, LEFT)
    np.testing.assert_array_equal(labels.data, np.where(np.isin(before, [12, 30]), 4, before))
    assert window.focus.selected == (4,)
    assert labels.features.set_index("index").loc[4, "flag"] == EDITED
    assert labels.features.set_index("index").loc[4, "n_pixels"] == 3 * 144
    assert "3 labels are now label 4" in notification_manager.records[-1].message
    qtbot.waitUntil(dock.edited.isVisible)

    labels.undo()
    np.testing.assert_array_equal(labels.data, before)
    qtbot.waitUntil(lambda: not dock.edited.isVisible())
    pd.testing.assert_frame_equal(labels.features, features)
    labels.redo()
    qtbot.waitUntil(dock.edited.isVisible)


def type_thickness(panel, text):
    native = panel.thickness.native
    native.setFocus()
    native.selectAll()
    QTest.keyClicks(native, text)
    QTest.keyClick(native, Qt.Key.Key_Return)


def test_settings_that_are_not_those_of_the_result_are_told(qtbot, window):
    dock, labels = window.dock, window.labels
    panel = open_panel(window.viewer, QUANTIFICATION)
    nothing_is_due(qtbot)
    assert not dock.edited.isVisible()
    type_thickness(panel, "60")
    qtbot.waitUntil(dock.edited.isVisible)
    assert dock.edited.text() == "⚠ Settings were changed after this result: quantify again."
    assert "thickness" in dock.edited.toolTip()
    window.focus.select([12, 4])
    QTest.mouseClick(dock.merge, LEFT)
    qtbot.waitUntil(lambda: "Labels and settings were changed" in dock.edited.text())
    labels.undo()
    qtbot.waitUntil(lambda: "⚠ Settings were changed" in dock.edited.text())
    type_thickness(panel, "0")
    qtbot.waitUntil(lambda: not dock.edited.isVisible())
    type_thickness(panel, "60")
    qtbot.waitUntil(dock.edited.isVisible)
    QTest.mouseClick(dock.again, LEFT)
    qtbot.waitUntil(lambda: not panel.work)
    qtbot.waitUntil(lambda: not dock.edited.isVisible())
    assert window.focus.result.recipe.absorption.thickness_nm == 60


@pytest.mark.parametrize("active", ["labels", "map", "shapes", "none"])
def test_the_keys_undo_a_merge_whatever_layer_is_active(qtbot, window, active):
    viewer, labels = window.focus.viewer, window.labels
    before = labels.data.copy()
    window.focus.select([12, 4])
    QTest.mouseClick(window.dock.merge, LEFT)
    merged = labels.data.copy()
    assert (merged != before).any()
    if active == "shapes":
        viewer.add_shapes(name="drawn")
    elif active == "none":
        viewer.layers.selection.clear()
    else:
        viewer.layers.selection.active = {"labels": labels, "map": window.focus.map_layer}[active]
    native = viewer.window._qt_viewer.canvas.native
    ctrl, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(native, Qt.Key.Key_Z, ctrl)
    qtbot.waitUntil(lambda: np.array_equal(labels.data, before))
    QTest.keyClick(native, Qt.Key.Key_Z, ctrl | shift)
    qtbot.waitUntil(lambda: np.array_equal(labels.data, merged))


def test_merging_needs_two_labels(window):
    window.focus.select([4])
    assert not window.dock.merge.isEnabled()
    window.labels.data[window.labels.data == 5] = 0
    window.focus.select([4, 5])
    QTest.mouseClick(window.dock.merge, LEFT)
    assert "at least two" in notification_manager.records[-1].message


def test_quantify_again_is_asked_of_the_other_dock(window, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "napari_eds._napari.results.dock.open_quantification",
        lambda viewer: SimpleNamespace(start=lambda: asked.append(viewer)),
    )
    QTest.mouseClick(window.dock.again, LEFT)
    assert asked == [window.focus.viewer]


def test_saving(qtbot, window, monkeypatch, tmp_path, result):
    path = tmp_path / "saved.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    QTest.mouseClick(window.dock.save, LEFT)
    task_is_done(qtbot, window.dock)
    saved = pd.read_csv(path, index_col="label")
    np.testing.assert_allclose(saved["O_at_pct"], result.table["O_at_pct"], rtol=1e-5)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "a.csv"), "")
    )
    QTest.mouseClick(window.dock.save, LEFT)
    task_is_done(qtbot, window.dock)
    assert "none" in notification_manager.records[-1].message


def test_saving_can_be_left(qtbot, window, monkeypatch, tmp_path):
    """The window answers while spectra are written, and nothing is there once it was left."""
    path, written = tmp_path / "saved.csv", threading.Event()

    def slow(counts):
        written.wait(PATIENCE_s)
        return ",".join(map(str, counts))

    monkeypatch.setattr("napari_eds.quantification.saving.results._joined", slow)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    QTest.mouseClick(window.dock.save, LEFT)
    qtbot.waitUntil(window.dock.work.isVisible)
    assert not window.dock.save.isEnabled()
    QTest.mouseClick(window.dock.work.cancel, LEFT)
    written.set()
    task_is_done(qtbot, window.dock)
    assert window.dock.save.isEnabled()
    assert list(tmp_path.iterdir()) == []
    assert "nothing was saved" in notification_manager.records[-1].message


# Alone, other layers, themes.


def test_alone_it_says_what_to_do(make_napari_viewer):
    viewer = make_napari_viewer()
    dock = ResultsTable(viewer)
    viewer.window.add_dock_widget(dock)
    assert dock.outer.currentWidget() is dock.help
    assert "Quantify" in dock.help.text()


def test_it_lives_on_without_layers_and_gets_them_back(qtbot, window, result):
    window.viewer.layers.clear()
    assert window.dock.outer.currentWidget() is window.dock.help
    assert window.dock.model.rowCount() == 0


def test_another_layer_shows_its_own_result(window, chips, lfo_sto_96, result):
    click_heading(window.dock, "Fe at.%")
    choose(window.dock.color_by, "Fe_at_pct")
    other = add_chips(window.viewer, chips.labels // 40, lfo_sto_96, name="coarse")
    assert window.dock.outer.currentWidget() is window.dock.help
    window.focus.show_result(other, eds.quantify(lfo_sto_96, chips.labels // 40, result.recipe))
    assert window.dock.model.rowCount() == 1
    assert window.dock.color_by.currentData() == ""
    window.viewer.layers.selection.active = window.labels
    assert window.dock.model.rowCount() == 64
    assert window.dock.color_by.currentData() == "Fe_at_pct"


def test_themes_change_it(window):
    colors = set()
    for theme in ("light", "dark"):
        window.viewer.theme = theme
        colors.add(window.dock.scatter.plot.getAxis("left").textPen().color().name())
        colors.add(window.dock.edited.styleSheet())
    assert len(colors) == 4


def test_a_closed_dock_hears_nothing(qtbot, window):
    viewer, labels = window.viewer, window.labels
    viewer.window.remove_dock_widget(window.dock)
    with qtbot.waitSignal(window.dock.destroyed):
        window.dock.deleteLater()
    window.dock = None
    viewer.theme = "light"
    labels.colormap = CyclicLabelColormap(colors=np.zeros((3, 4), np.float32))
    window.focus.select([3, 4])
    labels.fill((0, 0), 9)
    nothing_is_due(qtbot)
    assert not notification_manager.records


def test_colouring_does_not_hold_the_window_up(qtbot, window):
    compiling = pytest.importorskip("numba.core.event")
    window.dock.color_by.setCurrentIndex(2)
    compiled = []

    class Listener(compiling.Listener):
        def on_start(self, event):
            if threading.current_thread() is threading.main_thread():
                compiled.append(event)

        def on_end(self, event):
            pass

    # Compiling what draws colours takes most of a second, and so belongs into another thread.
    with compiling.install_listener("numba:compile", Listener()):
        window.dock.color_by.activated.emit(2)
        canvas_is_still(qtbot, window.viewer, window.labels)
    assert not compiled


def test_a_selected_label_is_outlined_whatever_layers_are_shown(qtbot, window):
    viewer, dock, focus = window.viewer, window.dock, window.focus
    for layer in viewer.layers:
        layer.visible = False
    click_row(dock, 3)
    outline = focus.outline.layer
    assert outline is viewer.layers[-1]
    assert outline.visible
    label = focus.selected[-1]
    rows, columns = np.nonzero(window.labels.data == label)
    ends = np.concatenate([outline.data[:, 0], outline.data.sum(axis=1)])
    np.testing.assert_allclose(ends.min(axis=0), [rows.min() - 0.5, columns.min() - 0.5])
    np.testing.assert_allclose(ends.max(axis=0), [rows.max() + 0.5, columns.max() + 0.5])

    zoom = viewer.scene.camera.zoom
    width = outline.edge_width
    viewer.scene.camera.zoom = 2 * zoom
    qtbot.waitUntil(lambda: outline.edge_width == pytest.approx(width / 2))
    assert viewer.layers.selection.active is window.labels


def test_a_selected_label_out_of_view_is_brought_into_it_though_its_layer_is_hidden(qtbot, window):
    window.labels.visible = False
    camera = window.viewer.scene.camera
    camera.zoom *= 8
    camera.center = (0, 0)
    nothing_is_due(qtbot)
    click_row(window.dock, len(window.focus.result.table) - 1)
    place = window.labels.data_to_world((90, 90))
    np.testing.assert_allclose(camera.center[-2:], place, atol=6 * window.labels.scale[-1])


def test_colouring_by_a_column_shows_it_though_another_map_lay_over_it(window):
    window.labels.visible = False
    maps = maps_of(window.viewer, window.labels)
    maps["O"].visible = True
    choose(window.dock.color_by, "Fe_at_pct")
    assert window.labels.visible
    assert not any(layer.visible for layer in maps.values())
