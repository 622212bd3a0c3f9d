"""The dock *EDS maps* in a real window, beside headless numbers."""

import threading

import numpy as np
import pytest

import napari_eds as eds
from napari_eds._napari.maps.dock import MapsWidget
from napari_eds._napari.parts.panels import MAPS
from napari_eds._napari.state.derived import COLUMN_MAPS, DENOISED, OVERLAY
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import maps_of
from napari_eds.quantification.combinations import combined
from window_actions import add_result, click, nothing_is_due, notifications, task_is_done

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture(scope="module")
def result(lfo_sto_96):
    recipe = eds.Recipe(elements=("La_L", "Fe", "O", "Sr", "Ti"), fit_only=("C", "Cu", "Pt"))
    return eds.quantify(lfo_sto_96, eds.grid_chips((96, 96), 16), recipe)


@pytest.fixture(scope="module")
def corrected(lfo_sto_96, result):
    """The same labels once absorption is corrected, and without La among the elements."""
    recipe = eds.Recipe(
        elements=("Fe", "O", "Sr", "Ti"),
        fit_only=("La", "C", "Cu", "Pt"),
        absorption=eds.Absorption(thickness_nm=60),
    )
    return eds.quantify(lfo_sto_96, result.labels, recipe)


@pytest.fixture
def window(make_napari_viewer, map_file, result):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1300, 900)
    viewer.open(map_file, plugin="napari-eds")
    labels = add_result(viewer, result, "chips")
    dock = MapsWidget(viewer)
    viewer.window.add_dock_widget(dock, name=MAPS, area="right")
    return viewer, dock, labels


def test_a_ratio_comes_with_its_error(window, result, qtbot):
    viewer, dock, labels = window
    page = dock.columns
    page.left.value, page.operation.value, page.right.value = "La_at_pct", "ratio", "Fe_at_pct"
    click(page.show_map)
    task_is_done(qtbot, dock)
    layers = COLUMN_MAPS.layers(viewer, labels)
    expected = eds.combined(result, "La_at_pct", "Fe_at_pct", "ratio")
    assert set(layers) == {expected.name, f"± {expected.name}"}
    shown = layers[expected.name].data[40, 40]
    assert shown == expected.value[list(result.table.index).index(result.labels[40, 40])]
    assert layers[expected.name].visible
    assert not layers[f"± {expected.name}"].visible
    click(page.show_map)
    task_is_done(qtbot, dock)
    assert len(COLUMN_MAPS.layers(viewer, labels)) == 2


def test_an_overlay_tells_its_colours(window, qtbot):
    viewer, dock, labels = window
    dock.columns.elements.value = "La=#ff0000, Ti=#0000ff"
    click(dock.columns.show_overlay)
    task_is_done(qtbot, dock)
    layer = OVERLAY.layer(viewer, labels, None)
    assert layer.rgb
    assert layer.data[40, 8, 0] > 200  # film
    assert layer.data[90, 48, 0] < 30  # substrate
    assert "#ff0000" in dock.columns.text.text()
    dock.columns.elements.value = "Xx"
    click(dock.columns.show_overlay)
    task_is_done(qtbot, dock)
    assert any("an overlay is made of" in text for text in notifications())


def pixel_of(result, label):
    return tuple(np.argwhere(result.labels == label)[0])


def test_maps_and_overlay_follow_a_new_result_in_place(
    window, result, corrected, qtbot, monkeypatch
):
    viewer, dock, labels = window
    # Errors with all correlations take too long for the window to stand still.
    threads = []

    def noted(*args):
        threads.append(threading.current_thread())
        return combined(*args)

    monkeypatch.setattr("napari_eds._napari.state.column_maps.combined", noted)
    page = dock.columns
    page.left.value = "O_at_pct"
    click(page.show_map)
    task_is_done(qtbot, dock)
    page.operation.value, page.right.value = "ratio", "Fe_at_pct"
    click(page.show_map)
    task_is_done(qtbot, dock)
    page.elements.value = "Fe, O"
    click(page.show_overlay)
    task_is_done(qtbot, dock)
    before = COLUMN_MAPS.layers(viewer, labels) | {"overlay": OVERLAY.layer(viewer, labels, None)}
    column, ratio = before["O_at_pct"], before["O_at_pct / Fe_at_pct"]
    column.colormap, column.name, column.visible = "gray", "oxygen", True
    ratio.contrast_limits = (1.0, 4.0)
    legend, automatic, picture = (
        page.text.text(),
        tuple(column.contrast_limits),
        before["overlay"].data,
    )

    focus_of(viewer).show_result(labels, corrected)
    nothing_is_due(qtbot)
    assert len(threads) == 2, "for the layer, and for its renewal"
    assert threading.main_thread() not in threads

    after = COLUMN_MAPS.layers(viewer, labels) | {"overlay": OVERLAY.layer(viewer, labels, None)}
    assert after == before
    place = pixel_of(result, 20)
    expected = corrected.table.loc[20, "O_at_pct"]
    assert expected > result.table.loc[20, "O_at_pct"] + 2
    assert column.data[place] == expected == maps_of(viewer, labels)["O"].data[place]
    divided = combined(corrected, "O_at_pct", "Fe_at_pct", "ratio")
    drawn = pixel_of(result, 14)  # of the film, which holds Fe
    row = list(corrected.table.index).index(14)
    assert ratio.data[drawn] == divided.value[row]
    assert before["± O_at_pct / Fe_at_pct"].data[drawn] == divided.total[row]
    shown = eds.overlay({e: corrected.maps()[e] for e in ("Fe", "O")})
    np.testing.assert_array_equal(before["overlay"].data, shown.rgb)
    assert not np.array_equal(shown.rgb, picture)
    # What the user chose stays, and contrast that was not chosen follows the numbers.
    assert (column.colormap.name, column.name, column.visible) == ("gray", "oxygen", True)
    assert tuple(ratio.contrast_limits) == (1.0, 4.0)
    assert tuple(column.contrast_limits) != automatic
    assert page.text.text() != legend
    assert f"O: {shown.limits['O'][0]:.3g} to {shown.limits['O'][1]:.3g}" in page.text.text()


def test_what_a_new_result_lacks_goes_and_is_told(window, corrected, qtbot):
    viewer, dock, labels = window
    page = dock.columns
    page.left.value, page.operation.value, page.right.value = "La_at_pct", "ratio", "Fe_at_pct"
    click(page.show_map)
    task_is_done(qtbot, dock)
    page.elements.value = "La=#00ff00, Fe=#0000ff"
    click(page.show_overlay)
    task_is_done(qtbot, dock)
    layer = OVERLAY.layer(viewer, labels, None)

    focus_of(viewer).show_result(labels, corrected)
    nothing_is_due(qtbot)

    assert COLUMN_MAPS.layers(viewer, labels) == {}
    assert any("nothing to show as La_at_pct / Fe_at_pct" in text for text in notifications())
    assert OVERLAY.layer(viewer, labels, None) is layer
    assert layer.name == "overlay Fe (chips)"
    shown = eds.overlay({"Fe": corrected.maps()["Fe"]}, {"Fe": "#0000ff"})
    np.testing.assert_array_equal(layer.data, shown.rgb)


def test_denoised_maps_lie_beside_the_raw_ones(window, qtbot):
    viewer, dock, _ = window
    dock.tabs.setCurrentWidget(dock.denoise)
    dock.denoise.lines.value = "Fe, Ti"
    click(dock.denoise.run)
    task_is_done(qtbot, dock)
    map_layer = focus_of(viewer).map_layer
    qtbot.waitUntil(lambda: len(DENOISED.layers(viewer, map_layer)) == 4)
    layers = DENOISED.layers(viewer, map_layer)
    raw, clean = layers["Fe", "counts"].data, layers["Fe", "denoised"].data
    assert clean.sum() == pytest.approx(raw.sum(), rel=0.05)
    assert np.std(np.diff(clean[35:45], axis=1)) < 0.5 * np.std(np.diff(raw[35:45].astype(float)))
    assert "Not for quantities" in dock.denoise.text.text()


def test_the_dock_can_be_closed_while_it_works(window, qtbot):
    viewer, dock, _ = window
    dock.tabs.setCurrentWidget(dock.denoise)
    click(dock.denoise.run)
    viewer.window.remove_dock_widget(dock)
    nothing_is_due(qtbot)


def test_a_map_deleted_while_it_is_denoised_is_told(window, qtbot):
    viewer, dock, _ = window
    click(dock.denoise.run)
    viewer.layers.remove(focus_of(viewer).map_layer)
    task_is_done(qtbot, dock)
    nothing_is_due(qtbot)
    assert notifications() == ["The map was deleted while it was denoised; nothing is shown."]


def test_labels_deleted_while_a_map_of_them_is_made_are_told(window, qtbot):
    viewer, dock, labels = window
    click(dock.columns.show_map)
    viewer.layers.remove(labels)
    task_is_done(qtbot, dock)
    (told,) = notifications()
    assert told.startswith("The Labels layer was deleted")
