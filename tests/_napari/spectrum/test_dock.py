"""The dock *EDS spectrum* in a real window, against sums and fits made without it."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QLabel

import napari_eds as eds
from napari_eds._napari.parts.panels import SPECTRUM, open_panel
from napari_eds._napari.reader import add_layers
from napari_eds._napari.spectrum import saving, sources
from napari_eds._napari.spectrum.colors import contrast, label_color
from napari_eds._napari.spectrum.dock import SpectrumWidget
from napari_eds._napari.state.element_choice import ElementChoice
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import add_chips, geometry, image_layers
from napari_eds.physics import lines as xray
from window_actions import (
    CTRL,
    LEFT,
    NO_KEY,
    SHIFT,
    BETWEEN_CLICKS_ms,
    BETWEEN_MOVES_ms,
    canvas_is_still,
    drag,
    hover,
    move,
    nothing_is_due,
    notifications,
    on_canvas,
    paint_stroke,
)

pytestmark = pytest.mark.usefixtures("hyperspy_is_there")

DOCK = "EDS spectrum"


@pytest.fixture
def window(qtbot, make_napari_viewer, lfo_sto_96):
    """A visible window with the small map, an empty Labels layer and the dock."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1300, 900)
    add_layers(viewer, image_layers(lfo_sto_96))
    layer = viewer.add_labels(
        np.zeros(lfo_sto_96.shape, np.int32), name="painted", **geometry(lfo_sto_96)
    )
    dock = open_dock(viewer)
    settle(qtbot, dock)
    return viewer, layer, dock


def open_dock(viewer):
    dock = SpectrumWidget(viewer)
    viewer.window.add_dock_widget(dock, name=DOCK, area="bottom")
    return dock


def settle(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.sources.is_waiting() and not dock._jobs)


def spectrum(dock, key):
    """Return counts of a curve that is plotted, None without."""
    found = [s for s in dock.plot.content.spectra if s.key == key]
    return found[0].counts if found else None


def shows_label(qtbot, dock, layer, image, label=1):
    """Wait until the sum of a label is plotted, which follows edits one turn later."""
    qtbot.waitUntil(lambda: assert_shows_label(dock, layer, image, label))


def assert_shows_label(dock, layer, image, label=1):
    expected = image.label_spectra(layer.data)
    (row,) = np.flatnonzero(expected.ids == label)
    assert spectrum(dock, f"label {label}") is not None
    np.testing.assert_array_equal(spectrum(dock, f"label {label}"), expected.spectra[row])
    x, y = dock.plot.curves.curve(f"label {label}").values()
    np.testing.assert_array_equal(x, image.energy.energies_keV)
    np.testing.assert_allclose(y, expected.spectra[row] / expected.n_pixels[row], rtol=1e-12)


def test_ids_that_are_none_are_told_once_and_undone(
    qtbot, window, lfo_sto_96, no_notifications_yet
):
    viewer, layer, dock = window
    layer.mode, layer.brush_size, layer.selected_label = "paint", 4, -7
    paint_stroke(qtbot, viewer, layer, [(20, 20), (22, 30), (24, 40)])
    paint_stroke(qtbot, viewer, layer, [(60, 20), (62, 30)])
    nothing_is_due(qtbot)
    (told,) = notifications()
    assert "painted: label ids must not be negative; found -7" in told
    canvas = viewer.window._qt_viewer.canvas.native
    for _stroke in range(2):
        QTest.keyClick(canvas, Qt.Key.Key_Z, CTRL)
    assert not layer.data.any()
    layer.selected_label = 1
    paint_stroke(qtbot, viewer, layer, [(20, 20), (22, 30)])
    shows_label(qtbot, dock, layer, lfo_sto_96)
    assert len(notifications()) == 1


def in_plot(dock, x, part_of_height=0.5, view=None):
    """Return the point of the viewport at an energy and at a part of the height."""
    view = view or dock.plot.view
    bottom, top = view.viewRange()[1]
    scene = view.mapViewToScene(QPointF(x, bottom + part_of_height * (top - bottom)))
    return dock.plot.mapFromScene(scene)


def quantified(viewer, layer, image, elements="La Fe O Sr Ti Pt"):
    """Put a fit of the labels into their layer; return it."""
    focus = focus_of(viewer)
    choices = [ElementChoice(e) for e in elements.split()]
    choices += [ElementChoice(e, "fit only") for e in ("C", "Cu", "Ga")]
    focus.set_settings(focus.settings.edited(elements=tuple(choices)))
    result = eds.quantify(image, layer.data, focus.settings.recipe())
    focus.show_result(layer, result)
    return result


# Live while painting.


def test_every_edit_of_the_brush_is_followed(qtbot, window, lfo_sto_96):
    viewer, layer, dock = window
    assert spectrum(dock, "label 1") is None
    layer.brush_size, layer.mode = 9, "paint"
    paint_stroke(qtbot, viewer, layer, [(30, 20), (32, 30), (36, 40), (30, 50)])
    assert (layer.data == 1).sum() > 100
    shows_label(qtbot, dock, layer, lfo_sto_96)
    one_stroke = layer.data.copy()

    layer.mode = "erase"
    paint_stroke(qtbot, viewer, layer, [(30, 20), (32, 30)])
    assert 0 < (layer.data == 1).sum() < (one_stroke == 1).sum()
    shows_label(qtbot, dock, layer, lfo_sto_96)
    erased = layer.data.copy()

    layer.mode, layer.selected_label = "fill", 7
    paint_stroke(qtbot, viewer, layer, [(80, 80)])
    np.testing.assert_array_equal(layer.data == 7, erased == 0)
    shows_label(qtbot, dock, layer, lfo_sto_96, 7)

    native = viewer.window._qt_viewer.canvas.native
    for key, expected in ((Qt.Key.Key_Z, erased), (Qt.Key.Key_Z, one_stroke)):
        QTest.keyClick(native, key, CTRL)
        np.testing.assert_array_equal(layer.data, expected)
    qtbot.waitUntil(lambda: spectrum(dock, "label 7") is None)
    layer.selected_label = 1
    shows_label(qtbot, dock, layer, lfo_sto_96)
    QTest.keyClick(native, Qt.Key.Key_Z, CTRL | SHIFT)
    np.testing.assert_array_equal(layer.data, erased)
    shows_label(qtbot, dock, layer, lfo_sto_96)


def test_the_plot_follows_during_a_stroke_not_only_after_it(qtbot, window, lfo_sto_96):
    viewer, layer, dock = window
    layer.brush_size, layer.mode = 5, "paint"
    native = viewer.window._qt_viewer.canvas.native
    canvas_is_still(qtbot, viewer, layer)
    hover(qtbot, native, on_canvas(viewer, layer, 40, 20))
    QTest.mousePress(native, LEFT, NO_KEY, on_canvas(viewer, layer, 40, 20))
    sizes = []
    for column in (30, 40, 50):
        hover(qtbot, native, on_canvas(viewer, layer, 40, column), buttons=LEFT)
        shows_label(qtbot, dock, layer, lfo_sto_96)
        sizes.append(dock.sources.n_pixels(1))
    QTest.mouseRelease(native, LEFT, NO_KEY, on_canvas(viewer, layer, 40, 50))
    assert sizes == sorted(set(sizes))


def test_edits_by_code_are_followed(qtbot, window, lfo_sto_96):
    _viewer, layer, dock = window
    layer.data[10:20, 10:20] = 1
    layer.refresh()
    shows_label(qtbot, dock, layer, lfo_sto_96)
    layer.data = np.where(np.arange(96)[:, None] > 50, 1, 0) * np.ones((1, 96), np.int32)
    shows_label(qtbot, dock, layer, lfo_sto_96)


def test_large_labels_are_summed_in_a_thread(qtbot, window, lfo_sto_96, monkeypatch):
    viewer, _layer, dock = window
    monkeypatch.setattr(sources, "_AT_ONCE", 100)
    chips = viewer.add_labels(np.ones((96, 96), np.int32), **geometry(lfo_sto_96))
    assert dock.sources.is_waiting()
    assert spectrum(dock, "label 1") is None
    chips.data_setitem((np.array([3, 4]), np.array([5, 5])), 0)
    settle(qtbot, dock)
    shows_label(qtbot, dock, chips, lfo_sto_96)


# What is shown.


def test_whole_map_and_its_switch(window, lfo_sto_96):
    _viewer, _layer, dock = window
    np.testing.assert_array_equal(spectrum(dock, "map"), lfo_sto_96.total_spectrum())
    QTest.mouseClick(dock.toolbar.whole_map, LEFT, NO_KEY, QPoint(8, 8))
    assert spectrum(dock, "map") is None


def test_shift_shows_what_is_under_the_pointer(qtbot, window, lfo_sto_96):
    viewer, layer, dock = window
    native = viewer.window._qt_viewer.canvas.native
    canvas_is_still(qtbot, viewer, layer)

    def point_at(row, column, modifier):
        hover(qtbot, native, on_canvas(viewer, layer, row, column), modifier=modifier)

    point_at(40, 30, SHIFT)
    np.testing.assert_array_equal(spectrum(dock, "pointer"), lfo_sto_96.pixel_spectrum(40, 30))
    dock.toolbar.radius.setValue(3)
    point_at(1, 30, SHIFT)
    rows, columns = np.mgrid[:96, :96]
    disc = (rows - 1) ** 2 + (columns - 30) ** 2 <= 9
    expected = lfo_sto_96.label_spectra(disc.astype(int)).spectra[0]
    np.testing.assert_array_equal(spectrum(dock, "pointer"), expected)
    point_at(1, 30, NO_KEY)
    assert spectrum(dock, "pointer") is None


def test_selected_labels_are_compared_in_styles_of_their_own(window, lfo_sto_96):
    viewer, layer, dock = window
    layer.data[:90, :90] = np.repeat(np.arange(1, 91), 90).reshape(90, 90) // 9 + 1
    layer.refresh()
    focus_of(viewer).select(range(1, 11))
    shown = [s for s in dock.plot.content.spectra if s.key.startswith("label")]
    assert [s.key for s in shown] == [f"label {i}" for i in range(3, 11)]
    assert "8 of 10 labels" in dock.note.text()
    for one in shown:
        label = int(one.key.split()[1])
        mine = lfo_sto_96.label_spectra((layer.data == label).astype(int)).spectra[0]
        np.testing.assert_array_equal(one.counts, mine)
    looks = {(s.color, s.style) for s in shown}
    assert len(looks) == 8
    assert shown[-1].style == Qt.PenStyle.SolidLine
    names = [name for _, name in dock.plot.curves.entries()]
    assert names[0].startswith("Label 10 (")


def test_labels_without_a_colour_of_their_own_get_one(window, lfo_sto_96):
    viewer, _layer, dock = window
    add_chips(viewer, eds.grid_chips((96, 96), 32).labels, lfo_sto_96, name="chips")
    (chip,) = [s for s in dock.plot.content.spectra if s.key == "label 1"]
    assert chip.color == label_color((1, 1, 1, 1), 1, "#000000") != "#ffffff"


# Scales and zoom.


def test_scales_and_counts_per_pixel(qtbot, window, lfo_sto_96):
    _viewer, layer, dock = window
    layer.data[30:50, 30:50] = 1
    layer.refresh()
    qtbot.waitUntil(lambda: spectrum(dock, "label 1") is not None)
    counts = lfo_sto_96.label_spectra(layer.data).spectra[0].astype(float)
    dock.toolbar.per_pixel.setChecked(False)
    heights = {
        0: counts,
        1: np.log10(np.where(counts > 0, counts, 0.5)),
        2: np.sqrt(counts),
    }
    for index, expected in heights.items():
        dock.toolbar.scale.setCurrentIndex(index)
        np.testing.assert_allclose(dock.plot.curves.curve("label 1").values()[1], expected)
        bottom, top = dock.plot.view.viewRange()[1]
        peak = expected[lfo_sto_96.energy.energies_keV > 0.15].max()
        assert bottom < peak < top
        assert peak - bottom > 0.5 * (top - bottom)
    dock.toolbar.per_pixel.setChecked(True)
    np.testing.assert_allclose(
        dock.plot.curves.curve("label 1").values()[1], np.sqrt(counts / 400)
    )


def test_every_channel_in_a_close_view_is_drawn_as_a_step(window, lfo_sto_96):
    _viewer, _layer, dock = window
    dock.toolbar.per_pixel.setChecked(False)
    dock.plot.view.setXRange(4.0, 5.0, padding=0)
    edges, heights = dock.plot.curves.curve("map").getData()
    energies = (edges[1:] + edges[:-1]) / 2
    channels = np.rint((energies - lfo_sto_96.energy.offset_keV) / 0.005).astype(int)
    np.testing.assert_allclose(lfo_sto_96.energy.energies_keV[channels], energies, atol=1e-9)
    np.testing.assert_array_equal(heights, lfo_sto_96.total_spectrum()[channels])
    assert energies[0] <= 4.0
    assert energies[-1] >= 5.0


def test_zoom_outlives_every_update_and_f_ends_it(qtbot, window, lfo_sto_96):
    viewer, layer, dock = window
    whole = dock.plot.view.viewRange()
    drag(qtbot, dock.plot.viewport(), in_plot(dock, 8), in_plot(dock, 6))
    moved = dock.plot.view.viewRange()
    assert moved[0][0] == pytest.approx(whole[0][0] + 2, abs=0.1)
    dock.plot.view.setRange(xRange=(4, 7), yRange=(0, 0.5), padding=0)
    zoomed = dock.plot.view.viewRange()

    layer.brush_size, layer.mode = 9, "paint"
    paint_stroke(qtbot, viewer, layer, [(30, 20), (32, 30)])
    layer.selected_label = 2
    paint_stroke(qtbot, viewer, layer, [(80, 20), (82, 30)])
    focus_of(viewer).select([1, 2])
    quantified(viewer, layer, lfo_sto_96)
    settle(qtbot, dock)
    viewer.theme = "light"
    assert dock.plot.view.viewRange() == zoomed

    viewer.window._qt_window.activateWindow()
    qtbot.waitUntil(viewer.window._qt_window.isActiveWindow)
    dock.plot.setFocus()
    QTest.keyClick(dock.plot, Qt.Key.Key_F)
    assert dock.plot.view.viewRange()[0][1] > 19
    QTest.mouseClick(dock.toolbar.fit_view, LEFT)
    assert dock.plot.view.viewRange()[0][1] > 19


# The fit.


@pytest.fixture
def fitted(qtbot, window, lfo_sto_96, simulation):
    viewer, layer, dock = window
    layer.data = simulation.labels.astype(np.int32)
    layer.selected_label = 3
    result = quantified(viewer, layer, lfo_sto_96)
    settle(qtbot, dock)
    return viewer, layer, dock, result


def test_a_fit_and_its_residual_are_drawn(fitted, lfo_sto_96):
    _viewer, layer, dock, result = fitted
    mask = (layer.data == 3).astype(int)
    counts = lfo_sto_96.label_spectra(mask).spectra[0][result.fit.model.channels]
    row = list(result.table.index).index(3)
    model, n = result.fit.model, mask.sum()
    expected = model.profiles @ result.fit.alpha_areas[row]
    background = result.fit.background_of(slice(row, row + 1))[0]
    items = dock.plot.fit_items
    np.testing.assert_allclose(items.model.values()[1] * n, expected + background, rtol=1e-9)
    np.testing.assert_allclose(items.background.values()[1] * n, background, rtol=1e-9)
    x, residual = items.residual.values()
    sigma = np.sqrt(result.fit.expected[row])
    np.testing.assert_allclose(residual, (counts - result.fit.expected[row]) / sigma, rtol=1e-9)
    calibration = result.preparation.calibration
    gain, offset = 1 + calibration.gain_percent / 100, calibration.offset_eV / 1000
    np.testing.assert_allclose(x, lfo_sto_96.energy.energies_keV[model.channels] * gain + offset)
    degrees = counts.size - model.n_parameters
    assert (residual**2).sum() / degrees == pytest.approx(
        result.table.loc[3, "reduced_chi_squared"], rel=0.01
    )
    assert f"χ²/ν = {(residual**2).sum() / degrees:.2f}" in dock.note.text()
    assert dock.plot.residual_plot.isVisible()
    low, high = dock.plot.residual_view.viewRange()[0]
    assert (low, high) == pytest.approx(dock.plot.view.viewRange()[0])


def test_a_low_plot_leaves_the_residual_out(qtbot, fitted):
    _viewer, _layer, dock, _result = fitted
    plot = dock.plot
    assert plot.height() > 200
    assert plot.residual_plot.isVisible()
    high = plot.height()
    plot.setFixedHeight(130)
    qtbot.waitUntil(lambda: not plot.residual_plot.isVisible())
    assert plot.plot.getAxis("bottom").labelText == "Energy (keV)"
    plot.setFixedHeight(high)
    qtbot.waitUntil(plot.residual_plot.isVisible)
    assert not plot.plot.getAxis("bottom").labelText


def test_each_family_is_drawn_above_the_background(fitted):
    _viewer, layer, dock, result = fitted
    families = [str(f) for f in result.fit.model.families]
    row = list(result.table.index).index(3)
    n = (layer.data == 3).sum()
    curves = [c for c in dock.plot.fit_items.families if c.isVisible()]
    assert len(curves) == len(families)
    at = families.index("Sr_L")
    alone = result.fit.model.profiles[:, at] * result.fit.alpha_areas[row, at]
    _, drawn = curves[at].values()
    np.testing.assert_allclose(
        np.nanmax(drawn) * n, (alone + result.fit.background[row]).max(), rtol=1e-6
    )


def test_the_pointer_names_the_family_and_its_numbers(qtbot, fitted):
    _viewer, _layer, dock, result = fitted
    at = in_plot(dock, xray.family("Ti", "K").alpha.energy_keV + 0.02)
    move(dock.plot.viewport(), at)
    numbers = result.table.loc[3]
    text = dock.readout.text()
    intensity = f"{numbers['Ti_K_intensity']:,.0f}".replace(",", "\u202f")
    place = [str(f) for f in result.fit.model.quantified].index("Ti_K")
    total = result.intensity_errors_total[list(result.table.index).index(3), place]
    assert f"Ti K: {intensity} ± {total:.0f} counts" in text
    assert f"{numbers['Ti_at_pct']:.2f} ± {numbers['Ti_at_pct_error_total']:.2f} at.%" in text
    counting = f"{numbers['Ti_K_intensity_error']:.0f} counts, {numbers['Ti_at_pct_error']:.2f}"
    assert f"(± {counting} at.% of counting)" in text
    assert total >= numbers["Ti_K_intensity_error"]
    assert all(cursor.isVisible() for cursor in dock.plot._cursors)
    qtbot.wait(BETWEEN_MOVES_ms)
    move(dock.plot.viewport(), in_plot(dock, 18.6))
    assert "Ti K" not in dock.readout.text()
    assert "18.6" in dock.readout.text()


def test_a_fit_of_other_pixels_is_marked_as_outdated(qtbot, fitted):
    viewer, layer, dock, _result = fitted
    assert not dock.plot.content.fit.outdated
    layer.brush_size, layer.mode = 3, "paint"
    layer.selected_label = 3
    paint_stroke(qtbot, viewer, layer, [(20, 50), (21, 51)])
    qtbot.waitUntil(lambda: dock.plot.content.fit.outdated)
    assert "outdated" in dock.note.text()
    items = dock.plot.fit_items
    assert items.model.opts["pen"].style() == Qt.PenStyle.DashLine
    assert not any(c.isVisible() for c in (items.residual, items.background, *items.families))
    layer.undo()
    qtbot.waitUntil(lambda: not dock.plot.content.fit.outdated)
    assert items.model.opts["pen"].style() == Qt.PenStyle.SolidLine
    assert items.residual.isVisible()
    layer.selected_label = 99
    assert dock.plot.content.fit is None
    assert not dock.plot.residual_plot.isVisible()


def test_another_energy_axis_outdates_the_fit(fitted):
    viewer, _layer, dock, result = fitted
    np.testing.assert_array_equal(dock.plot.content.x, result.energies_keV)
    image = focus_of(viewer).image
    focus_of(viewer).replace_image(image.with_energy_axis(offset_keV=-0.2, scale_keV=0.005))
    assert dock.plot.content.fit.outdated
    assert dock.plot.content.x[0] == -0.2


def test_show_residual_finds_the_dock(fitted):
    viewer, _layer, dock, _result = fitted
    dock.toolbar.fit.setChecked(False)
    assert dock.plot.content.fit is None
    open_panel(viewer, SPECTRUM).show_residual()
    assert dock.plot.residual_plot.isVisible()
    low, high = dock.plot.view.viewRange()[0]
    assert low < 0.25
    assert high == pytest.approx(19, abs=0.3)


# Lines.


def labels_stand_apart(markers):
    """Check that some lines have labels, none of which touches another by more than its edge."""
    rectangles = [rectangle.adjusted(1, 1, -1, -1) for _, rectangle in markers.labels()]
    assert len(rectangles) >= 5
    for one, other in combinations(rectangles, 2):
        assert not one.intersects(other)


def test_lines_of_the_elements_are_marked_without_overlapping_labels(qtbot, fitted):
    _viewer, _layer, dock, _result = fitted
    names = {m.name for m in dock.plot.content.markers}
    assert {"Fe Ka", "Sr La", "Sr Ka", "Cu Ka", "C Ka"} <= names
    for span in ((0, 20), (0.2, 1.2), (4, 6)):
        dock.plot.view.setXRange(*span, padding=0)
        qtbot.waitUntil(partial(labels_stand_apart, dock.plot.markers))
    assert "La La" in [name for name, _ in dock.plot.markers.labels()]


def test_sticks_are_as_high_as_their_weight(fitted):
    _viewer, _layer, dock, _result = fitted
    dock.plot.view.setXRange(6, 7.5, padding=0)
    x, y = dock.plot.markers._sticks.getData()
    bottom = dock.plot.view.viewRange()[1][0]
    heights = {round(a, 3): b - bottom for a, b in zip(x[1::2], y[1::2], strict=True)}
    alpha, beta = xray.family("Fe", "K").lines[:2]
    ratio = heights[round(beta.energy_keV, 3)] / heights[round(alpha.energy_keV, 3)]
    assert ratio == pytest.approx(beta.weight)


# Clicks and windows.


def test_a_click_tells_its_energy_a_drag_does_not(qtbot, window):
    _viewer, _layer, dock = window
    clicked = []
    dock.plot.peak_clicked.connect(clicked.append)
    spot = in_plot(dock, 6.4)
    move(dock.plot.viewport(), spot)
    QTest.mouseClick(dock.plot.viewport(), LEFT, NO_KEY, spot)
    qtbot.waitUntil(lambda: bool(clicked))
    assert clicked == [pytest.approx(6.4, abs=0.03)]
    qtbot.wait(BETWEEN_CLICKS_ms)
    drag(qtbot, dock.plot.viewport(), in_plot(dock, 8), in_plot(dock, 7))
    assert len(clicked) == 1


def test_a_window_is_dragged_with_ctrl_or_the_switch(qtbot, window):
    _viewer, _layer, dock = window
    chosen = []
    dock.plot.window_chosen.connect(lambda *span: chosen.append(span))
    before = dock.plot.view.viewRange()
    drag(qtbot, dock.plot.viewport(), in_plot(dock, 6), in_plot(dock, 7), CTRL)
    assert chosen == [pytest.approx((6, 7), abs=0.03)]
    assert dock.plot.chosen_window() == chosen[0]
    assert dock.toolbar.choose_window.isChecked()
    drag(qtbot, dock.plot.viewport(), in_plot(dock, 12), in_plot(dock, 10))
    assert chosen[-1] == pytest.approx((10, 12), abs=0.03)
    drag(qtbot, dock.plot.viewport(), in_plot(dock, 12), in_plot(dock, 14))
    assert chosen[-1] == pytest.approx((10, 14), abs=0.05)
    assert len(chosen) == 3
    assert dock.plot.view.viewRange() == before
    dock.toolbar.choose_window.setChecked(False)
    assert dock.plot.chosen_window() is None


def test_tools_can_be_added(qtbot, window):
    _viewer, _layer, dock = window
    tool = QLabel("tool")
    dock.add_tool(tool)
    assert tool.parent() is dock.toolbar
    qtbot.waitUntil(tool.isVisible)


# Theme, closing, deleting.


def test_the_plot_takes_the_theme(window):
    viewer, _layer, dock = window
    for theme, dark in (("light", False), ("dark", True)):
        viewer.theme = theme
        brightness = dock.plot.backgroundBrush().color().lightness()
        assert (brightness < 128) == dark
        (whole,) = [s for s in dock.plot.content.spectra if s.key == "map"]
        assert contrast(whole.color, dock.plot.look.colors.background) > 4.5


def test_painting_goes_on_after_the_dock_is_closed(qtbot, window):
    viewer, layer, dock = window
    callbacks = len(viewer.mouse_move_callbacks)
    layer.brush_size, layer.mode = 9, "paint"
    paint_stroke(qtbot, viewer, layer, [(30, 20), (32, 30)])
    layer.data[:5] = 2
    layer.refresh()
    with qtbot.waitSignal(dock.destroyed):
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
    assert len(viewer.mouse_move_callbacks) == callbacks - 1
    paint_stroke(qtbot, viewer, layer, [(60, 20), (62, 30)])
    viewer.theme = "light"
    assert (layer.data == 1).sum() > 100


def test_a_dock_closed_while_it_sums_drops_the_answer(qtbot, window, lfo_sto_96, monkeypatch):
    viewer, _layer, dock = window
    monkeypatch.setattr(sources, "_AT_ONCE", 100)
    viewer.add_labels(np.ones((96, 96), np.int32), **geometry(lfo_sto_96))
    assert dock.sources.is_waiting()
    with qtbot.waitSignal(dock.destroyed):
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
    nothing_is_due(qtbot)


def test_deleting_layers_breaks_nothing(qtbot, fitted):
    viewer, layer, dock, _result = fitted
    viewer.layers.remove(layer)
    assert spectrum(dock, "label 3") is None
    assert dock.plot.content.fit is None
    viewer.layers.clear()
    assert dock.plot.content.spectra == ()
    assert dock.note.text() == "Open an EDS map first."
    assert not dock.toolbar.save.isEnabled()
    move(dock.plot.viewport(), QPoint(200, 60))
    QTest.mouseClick(dock.plot.viewport(), LEFT, NO_KEY, QPoint(200, 60))
    QTest.keyClick(dock.plot, Qt.Key.Key_F)
    nothing_is_due(qtbot)


def test_without_energies_channels_are_shown(qtbot, make_napari_viewer):
    counts = np.random.default_rng(0).poisson(0.5, (8, 9, 64))
    image = eds.SpectrumImage.from_array(counts, eds.EnergyAxis.uncalibrated(64))
    viewer = make_napari_viewer(show=True)
    dock = open_dock(viewer)
    add_layers(viewer, image_layers(image))
    settle(qtbot, dock)
    np.testing.assert_array_equal(dock.plot.content.x, np.arange(64))
    assert dock.plot.plot.getAxis("bottom").labelText == "Channel"
    clicked = []
    dock.plot.peak_clicked.connect(clicked.append)
    move(dock.plot.viewport(), in_plot(dock, 30))
    QTest.mouseClick(dock.plot.viewport(), LEFT, NO_KEY, in_plot(dock, 30))
    qtbot.waitUntil(lambda: "channel 30" in dock.readout.text())
    assert clicked == []
    focus_of(viewer).replace_image(image.with_energy_axis(offset_keV=0, scale_keV=0.1))
    assert dock.plot.content.calibrated
    assert dock.plot.view.viewRange()[0][1] == pytest.approx(6.3, abs=0.2)


# Files.


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_view_is_saved_as_a_figure_on_white(fitted, tmp_path, monkeypatch, suffix):
    _viewer, _layer, dock, _result = fitted
    dock.plot.view.setXRange(4, 7, padding=0)
    path = tmp_path / f"figure{suffix}"
    kind = next(k for k, s in saving.FILTERS.items() if s == suffix)
    # The dialog of some systems does not append the suffix of the chosen type.
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(path.with_suffix("")), kind)
    )
    QTest.mouseClick(dock.toolbar.save, LEFT)
    if suffix == ".png":
        image = QImage(str(path))
        assert (image.width(), image.height()) == (2280, 1260)
        assert image.pixelColor(2, 2).name() == "#ffffff"
        colors = {image.pixelColor(x, 500).name() for x in range(200, 2200)}
        assert len(colors) > 3
    else:
        text = path.read_text(encoding="utf-8")
        assert "Counts per pixel" in text
        assert "La La" in text
        assert "Residual (" in text


@pytest.mark.parametrize("suffix", [".csv", ".msa"])
def test_the_spectra_are_saved(qtbot, window, tmp_path, monkeypatch, lfo_sto_96, suffix):
    _viewer, layer, dock = window
    layer.data[10:20, 10:20] = 1
    layer.refresh()
    qtbot.waitUntil(lambda: spectrum(dock, "label 1") is not None)
    saved = []
    from napari_eds.exchange import spectra as spectrum_files

    monkeypatch.setattr(
        spectrum_files, "save_spectra", lambda *args, **options: saved.append((args, options))
    )
    path = tmp_path / f"spectra{suffix}"
    kind = next(k for k, s in saving.FILTERS.items() if s == suffix)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))
    QTest.mouseClick(dock.toolbar.save, LEFT)
    (((where, names, spectra, axis), options),) = saved
    assert where == path
    assert [name.split(" (")[0] for name in names] == ["Whole map", "Label 1"]
    np.testing.assert_array_equal(spectra[0], lfo_sto_96.total_spectrum())
    np.testing.assert_array_equal(spectra[1], lfo_sto_96.label_spectra(layer.data).spectra[0])
    assert axis == lfo_sto_96.energy
    assert options == {"acquisition": lfo_sto_96.acquisition, "overwrite": False}
