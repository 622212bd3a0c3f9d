"""Naming peaks and mapping windows from the spectrum's plot, driven by mouse and keys."""

import numpy as np
import pytest
from napari.layers import Image
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest

import napari_eds as eds
from napari_eds._napari.reader import add_layers
from napari_eds._napari.spectrum.dock import SpectrumWidget
from napari_eds._napari.spectrum.peak_popup import PeakPopup, listed, with_element
from napari_eds._napari.spectrum.tools import chosen_spectrum, shown_axis
from napari_eds._napari.spectrum.window_maps import element_map_layers, preview_of
from napari_eds._napari.state.element_choice import AUTO, FIT_ONLY, QUANTIFY, ElementChoice
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import image_layers
from napari_eds._napari.state.settings import Settings
from napari_eds.elements.line_candidates import candidates
from napari_eds.physics import lines as xray
from napari_eds.spectra.windows import element_maps, main_lines_keV, window_map
from window_actions import CTRL, LEFT, NO_KEY, SHIFT, drag, move, nothing_is_due

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture
def window(make_napari_viewer, qtbot, lfo_sto_96):
    """A visible window with the simulated map, the spectrum dock and its tools."""
    viewer = make_napari_viewer(show=True)
    add_layers(viewer, image_layers(lfo_sto_96))
    dock = SpectrumWidget(viewer)
    viewer.window.add_dock_widget(dock, area="bottom", name="EDS spectrum")
    focus = focus_of(viewer)
    tools = dock.tools
    qtbot.waitUntil(lambda: bool(dock.plot.content.spectra) and not dock._jobs)
    dock.plot.fit_view()
    return focus, dock, tools


def spot(plot, energy_keV):
    """Place of an energy, half way up the plot."""
    low, high = plot.view.viewRange()[1]
    return plot.mapFromScene(plot.view.mapViewToScene(QPointF(energy_keV, (low + high) / 2)))


def click_peak(qtbot, plot, energy_keV):
    """Click on a peak; return the popup with its candidates."""
    at = spot(plot, energy_keV)
    move(plot.viewport(), at)
    QTest.mouseClick(plot.viewport(), LEFT, NO_KEY, at)
    qtbot.waitUntil(lambda: any(p.rows for p in popups(plot)))
    return next(p for p in popups(plot) if p.rows)


def popups(plot):
    return [p for p in plot.findChildren(PeakPopup) if p.isVisible()]


def wait_for_maps(qtbot, focus, n):
    qtbot.waitUntil(lambda: len(element_map_layers(focus.viewer, focus.map_layer)) == n)


def choice_of(focus, element):
    return next((c for c in focus.settings.elements if c.symbol == element), None)


def row_of(popup, element):
    return next(row for row in popup.rows if row.candidate.element == element)


# Peaks.


def test_a_click_names_the_peak_and_quantify_adds_its_element(qtbot, window, lfo_sto_96):
    focus, dock, _ = window
    before = focus.settings.elements
    assert choice_of(focus, "Cu") is None
    popup = click_peak(qtbot, dock.plot, 8.05)

    expected = candidates(
        8.05,
        lfo_sto_96.energy,
        lfo_sto_96.total_spectrum(),
        lfo_sto_96.acquisition,
        chosen=[c.symbol for c in before],
    )
    shown = [row.candidate.line for row in popup.rows]
    assert shown == [c.line for c in listed(expected)]
    assert "8.04" in popup.title.text()
    assert "whole map" in popup.title.text()
    first = popup.rows[0]
    assert [text.text() for text in first.texts][:2] == ["Cu Ka", "8.048 keV"]
    assert f"{first.candidate.score:.2f}" in first.texts[3].text()
    assert "Cu_Kb" in first.toolTip()
    QTest.mouseClick(first.buttons[QUANTIFY], LEFT)

    assert focus.settings.elements == (*before, ElementChoice("Cu", QUANTIFY, "K"))
    assert not popups(dock.plot)
    assert not notification_manager.records


def test_an_element_already_chosen_shows_its_role_and_can_be_switched(qtbot, window):
    focus, dock, _ = window
    popup = click_peak(qtbot, dock.plot, 6.404)
    iron = row_of(popup, "Fe")
    assert iron.buttons[QUANTIFY].text() == "✓ Quantify"
    assert iron.buttons[FIT_ONLY].text() == "Fit only"
    n = len(focus.settings.elements)
    QTest.mouseClick(iron.buttons[FIT_ONLY], LEFT)
    assert choice_of(focus, "Fe") == ElementChoice("Fe", FIT_ONLY, AUTO)
    assert len(focus.settings.elements) == n


def test_keys_choose_and_act(qtbot, window):
    focus, dock, _ = window
    popup = click_peak(qtbot, dock.plot, 8.05)
    last = len(popup.rows) - 1
    QTest.keyClick(popup, Qt.Key.Key_Up)
    assert popup.chosen_row == last
    QTest.keyClick(popup, Qt.Key.Key_Down)
    assert popup.chosen_row == 0
    QTest.keyClick(popup, Qt.Key.Key_Return, SHIFT)
    assert choice_of(focus, "Cu") == ElementChoice("Cu", FIT_ONLY, AUTO)

    popup = click_peak(qtbot, dock.plot, 8.05)
    assert row_of(popup, "Cu").buttons[FIT_ONLY].text() == "✓ Fit only"
    QTest.keyClick(popup, Qt.Key.Key_Return)
    assert choice_of(focus, "Cu") == ElementChoice("Cu", QUANTIFY, "K")

    kept = focus.settings
    popup = click_peak(qtbot, dock.plot, 6.404)
    QTest.keyClick(popup, Qt.Key.Key_Escape)
    assert not popups(dock.plot)
    assert focus.settings == kept


def test_the_popup_lies_on_the_screen_and_leaves_the_peak_in_view(qtbot, window):
    _, dock, _ = window
    for energy in (0.525, 8.05, 14.165):
        popup = click_peak(qtbot, dock.plot, energy)
        at = dock.plot.mapToGlobal(spot(dock.plot, energy)).x()
        above = popup.geometry().bottom() <= dock.plot.mapToGlobal(QPoint(0, 0)).y()
        assert above or not popup.x() <= at <= popup.x() + popup.width()
        assert popup.screen().availableGeometry().contains(popup.geometry())
        popup.close()


def test_the_spectrum_of_the_selected_label_is_judged(qtbot, window, lfo_sto_96):
    focus, dock, _ = window
    labels = np.zeros(lfo_sto_96.shape, int)
    labels[70:90, 10:50] = 3
    layer = focus.viewer.add_labels(labels, scale=(0.25, 0.25), units=("nm", "nm"))
    focus.set_labels_layer(layer)
    focus.select([3])
    name, counts = chosen_spectrum(focus)
    assert name == "label 3"
    np.testing.assert_array_equal(counts(), lfo_sto_96.label_spectra(labels).spectra[0])
    popup = click_peak(qtbot, dock.plot, 4.51)
    assert "label 3" in popup.title.text()
    popup.close()
    focus.select([7])  # has no pixels
    name, counts = chosen_spectrum(focus)
    assert name == "whole map"
    np.testing.assert_array_equal(counts(), lfo_sto_96.total_spectrum())


def test_nothing_waits_while_the_tables_load(qtbot, window, monkeypatch):
    focus, dock, _ = window
    popup = PeakPopup(focus, 6.4, focus.image.energy, "x", lambda: np.zeros(4096), dock.plot)
    assert popup.rows == []
    assert "Looking up" in popup.title.text()
    with qtbot.waitSignal(popup.filled):
        popup.open_beside(100, dock.plot)
    assert "No clear peak" in popup.title.text()
    # Closed before the answer comes.
    popup.close()
    early = PeakPopup(focus, 6.4, focus.image.energy, "x", lambda: np.zeros(4096), dock.plot)
    early.open_beside(100, dock.plot)
    early.close()
    nothing_is_due(qtbot)
    assert not popups(dock.plot)


def test_fit_only_keeps_all_lines_and_quantify_takes_the_family():
    settings = Settings().edited(elements=(ElementChoice("Fe", QUANTIFY, "K"),))
    changed = with_element(settings, "Sr", "L", QUANTIFY)
    assert changed.elements == (*settings.elements, ElementChoice("Sr", QUANTIFY, "L"))
    assert with_element(settings, "Cu", "K", FIT_ONLY).elements[1] == ElementChoice("Cu", FIT_ONLY)
    assert with_element(settings, "Fe", "L", FIT_ONLY).elements == (
        ElementChoice("Fe", FIT_ONLY, "K"),
    )


# Windows.


def test_a_dragged_window_becomes_a_layer_that_follows(qtbot, window, lfo_sto_96):
    focus, dock, tools = window
    viewer = focus.viewer
    before = len(viewer.layers)
    active = viewer.layers.selection.active
    tools.subtract.setChecked(False)
    drag(qtbot, dock.plot.viewport(), spot(dock.plot, 6.2), spot(dock.plot, 6.6), CTRL)
    qtbot.waitUntil(lambda: preview_of(viewer, focus.map_layer) is not None)
    layer = preview_of(viewer, focus.map_layer)
    low, high = dock.plot.chosen_window()
    assert (low, high) == pytest.approx((6.2, 6.6), abs=0.03)
    np.testing.assert_array_equal(layer.data, lfo_sto_96.window_map(low, high))
    assert layer.name == f"Fe_Ka {low:.2f}–{high:.2f} keV"
    np.testing.assert_allclose(layer.scale, focus.map_layer.scale)
    assert layer.units == focus.map_layer.units
    assert viewer.layers.selection.active is active

    # Net counts, in the same layer.
    tools.subtract.setChecked(True)
    qtbot.waitUntil(lambda: "background" in layer.name)
    chosen = [
        family
        for choice in focus.settings.elements
        for family in xray.families_in_range(choice.symbol, 0.2, 19.0, 300.0)
    ]
    net = window_map(lfo_sto_96, low, high, side_windows=True, lines_keV=main_lines_keV(chosen))
    np.testing.assert_allclose(layer.data, net)
    dock.plot.window_chosen.emit(4.45, 4.57)
    qtbot.waitUntil(lambda: layer.name.startswith("Ti_Ka 4.45–4.57"))
    assert len(viewer.layers) == before + 1


def test_a_kept_or_renamed_window_stays(qtbot, window):
    focus, dock, tools = window
    viewer = focus.viewer
    assert not tools.keep.isEnabled()
    dock.plot.window_chosen.emit(6.3, 6.5)
    qtbot.waitUntil(tools.keep.isEnabled)
    kept = preview_of(viewer, focus.map_layer)
    data = kept.data.copy()
    QTest.mouseClick(tools.keep, LEFT)
    assert not tools.keep.isEnabled()
    dock.plot.window_chosen.emit(6.3, 6.5)
    qtbot.waitUntil(tools.keep.isEnabled)
    second = preview_of(viewer, focus.map_layer)
    assert second is not kept
    # napari numbers the second of one name; it still follows.
    dock.plot.window_chosen.emit(4.45, 4.57)
    qtbot.waitUntil(lambda: second.name.startswith("Ti_Ka"))
    np.testing.assert_array_equal(kept.data, data)
    second.name = "my titanium"
    dock.plot.window_chosen.emit(6.3, 6.5)
    qtbot.waitUntil(lambda: preview_of(viewer, focus.map_layer) not in {None, second})
    assert second in viewer.layers


def test_a_window_without_room_for_a_background_is_told(qtbot, window):
    focus, dock, _ = window
    dock.plot.window_chosen.emit(-0.2, 20.2)
    qtbot.waitUntil(lambda: bool(notification_manager.records))
    assert "no room for a background" in notification_manager.records[0].message
    assert preview_of(focus.viewer, focus.map_layer) is None


def test_windows_are_those_of_the_calibrated_axis_of_the_plot(window, lfo_sto_96, monkeypatch):
    _, dock, tools = window
    shown = []
    monkeypatch.setattr(tools, "_show_window", lambda *span: shown.append(span))
    dock.plot.window_chosen.emit(6.0, 7.0)
    assert shown.pop() == pytest.approx((6.0, 7.0))
    own = lfo_sto_96.energy
    calibrated = eds.EnergyAxis(own.offset_keV + 0.02, own.scale_keV * 1.01, own.size)
    monkeypatch.setattr("napari_eds._napari.spectrum.tools.shown_axis", lambda _: calibrated)
    dock.plot.window_chosen.emit(*calibrated.energies_keV[[1000, 1200]])
    assert shown.pop() == pytest.approx(tuple(own.energies_keV[[1000, 1200]]))


def test_the_axis_of_the_plot_is_that_of_the_fit(window, lfo_sto_96):
    focus, _, _ = window
    assert shown_axis(focus) == lfo_sto_96.energy
    labels = np.zeros(lfo_sto_96.shape, int)
    labels[30:60] = 1
    layer = focus.viewer.add_labels(labels, scale=(0.25, 0.25), units=("nm", "nm"))
    focus.set_labels_layer(layer)
    result = eds.quantify(lfo_sto_96, labels, focus.settings.recipe())
    focus.show_result(layer, result)
    np.testing.assert_allclose(shown_axis(focus).energies_keV, result.energies_keV)


# Maps of elements.


def test_element_maps_are_those_of_the_headless_function(qtbot, window, lfo_sto_96):
    focus, _, tools = window
    viewer = focus.viewer
    n = len(focus.settings.elements)
    QTest.mouseClick(tools.maps, LEFT)
    wait_for_maps(qtbot, focus, n)
    layers = element_map_layers(viewer, focus.map_layer)
    families = [xray.default_family(c.symbol, 0.2, 19.0, 300.0) for c in focus.settings.elements]
    for family, data in element_maps(lfo_sto_96, families).items():
        layer = layers[str(family)]
        np.testing.assert_allclose(layer.data, data)
        assert layer.name == f"{family.alpha} map"
        assert layer.blending == "additive"
        low, high = layer.contrast_limits
        assert low == 0
        assert np.mean(data > high) < 0.005
        np.testing.assert_allclose(layer.scale, focus.map_layer.scale)
    assert len({layer.colormap.name for layer in layers.values()}) == n
    assert not focus.map_layer.visible  # colours add up on black


def test_element_maps_follow_the_choice_in_place(qtbot, window):
    focus, _, tools = window
    viewer = focus.viewer
    n = len(focus.settings.elements)
    QTest.mouseClick(tools.maps, LEFT)
    wait_for_maps(qtbot, focus, n)
    iron = element_map_layers(viewer, focus.map_layer)["Fe_K"]
    iron.visible, iron.name = False, "my iron"
    net = iron.data.copy()
    kept = tuple(c for c in focus.settings.elements if c.symbol != "Pt")
    changed = (*kept, ElementChoice("Cu", FIT_ONLY))
    focus.set_settings(focus.settings.edited(elements=changed))
    focus.map_layer.visible = True
    tools.subtract.setChecked(False)
    QTest.mouseClick(tools.maps, LEFT)
    qtbot.waitUntil(lambda: "Cu_K" in element_map_layers(viewer, focus.map_layer))
    layers = element_map_layers(viewer, focus.map_layer)
    assert "Pt_L" not in layers
    assert layers["Fe_K"] is iron
    assert (iron.visible, iron.name) == (False, "my iron")
    assert iron.data.sum() > net.sum()
    assert not layers["Cu_K"].visible  # fitted only
    assert focus.map_layer.visible
    assert len({layer.colormap.name for layer in layers.values()}) == len(layers)


def test_an_element_without_a_line_is_told(qtbot, window):
    focus, _, tools = window
    chosen = (ElementChoice("Fe"), ElementChoice("H"))
    focus.set_settings(focus.settings.edited(elements=chosen))
    QTest.mouseClick(tools.maps, LEFT)
    qtbot.waitUntil(lambda: bool(notification_manager.records))
    assert "No line of H" in notification_manager.records[0].message
    assert list(element_map_layers(focus.viewer, focus.map_layer)) == ["Fe_K"]


def test_layers_that_go_while_maps_are_made_do_no_harm(qtbot, window):
    focus, dock, tools = window
    QTest.mouseClick(tools.maps, LEFT)
    dock.plot.window_chosen.emit(6.3, 6.5)
    focus.viewer.layers.clear()
    nothing_is_due(qtbot)
    assert not [layer for layer in focus.viewer.layers if isinstance(layer, Image)]
    assert not tools.maps.isEnabled()
    assert not tools.subtract.isEnabled()
    dock.plot.window_chosen.emit(6.3, 6.5)
    dock.plot.peak_clicked.emit(6.4)
    assert not popups(dock.plot)


def test_a_dock_may_be_closed_while_maps_are_made(qtbot, window):
    focus, dock, tools = window
    QTest.mouseClick(tools.maps, LEFT)
    focus.viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    nothing_is_due(qtbot)
    assert not notification_manager.records
