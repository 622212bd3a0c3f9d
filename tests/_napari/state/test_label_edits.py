"""Labels edited from any dock: what their features say, and one undo of it all."""

import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

import napari_eds as eds
from napari_eds._napari.parts.panels import REGIONS, RESULTS
from napari_eds._napari.reader import add_layers
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.label_edits import EDITED, edit, features_after_merge, merged
from napari_eds._napari.state.layers import add_chips, image_layers, maps_of
from napari_eds.simulate import Phase, simulate

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

LEFT = Qt.MouseButton.LeftButton
CTRL = Qt.KeyboardModifier.ControlModifier
CTRL_SHIFT = CTRL | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module")
def result():
    """The composition of sixteen chips of a simulated crystal."""
    phase = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)
    simulated = simulate(np.ones((24, 24), int), [phase], 40.0, counts_per_pixel=300)
    k_factors = eds.KFactorTable.from_mapping({"Sr_K": 3.0, "Ti_K": 1.0}, "family")
    recipe = eds.Recipe(elements=("Sr", "Ti"), k_factors=k_factors)
    return eds.quantify(simulated.image, eds.grid_chips((24, 24), 6), recipe)


@pytest.fixture
def merging(qtbot, make_napari_viewer, result):
    """Function that opens a dock beside quantified labels; it returns them, and how to merge."""

    def opened(panel):
        viewer = make_napari_viewer(show=True)
        add_layers(viewer, image_layers(result.image))
        labels = add_chips(viewer, result.labels.copy(), result.image, name="chips")
        focus = focus_of(viewer)
        focus.show_result(labels, result)
        viewer.layers.selection.active = labels
        dock = viewer.window.add_plugin_dock_widget("napari-eds", panel)[1]
        if panel == REGIONS:
            dock.tabs.setCurrentWidget(dock.edit)
        button = dock.edit.merge.native if panel == REGIONS else dock.merge

        def merge(*ids):
            focus.select(ids)
            QTest.mouseClick(button, LEFT)
            qtbot.waitUntil(lambda: not np.isin(sorted(ids)[1:], labels.data).any())
            qtbot.waitUntil(lambda: focus.selected == (min(ids),))

        return viewer, labels, merge

    return opened


def test_a_joined_label_has_the_counts_of_all_and_no_composition():
    features = pd.DataFrame(
        {
            "index": [1, 2, 7],
            "chip": ["R0C0", "R0C1", "R1C0"],
            "n_pixels": [4, 4, 9],
            "counts": [100, 50, 900],
            "Fe_at_pct": [10.0, 30.0, 60.0],
            "flag": ["", "few counts", ""],
        }
    )
    joined = features_after_merge(features, 2, [7])
    row = joined.set_index("index").loc[2]
    assert (row["n_pixels"], row["counts"], row["flag"], row["chip"]) == (13, 950, EDITED, "R0C1")
    assert np.isnan(row["Fe_at_pct"])
    pd.testing.assert_frame_equal(joined[joined["index"] != 2], features[features["index"] != 2])

    labels = np.array([[1, 1, 2, 7]])
    done = edit(labels, features, merged(), [7, 2], None)
    assert done.after.tolist() == [[1, 1, 2, 2]]
    assert done.joined == 2
    pd.testing.assert_frame_equal(done.features, joined)


def test_features_without_labels_are_left_alone():
    features = pd.DataFrame({"name": ["a"]})
    assert features_after_merge(features, 1, [2]) is features


def press(viewer, key, modifier):
    """Press keys over the map."""
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, key, modifier)


def features_become(qtbot, labels, expected):
    qtbot.waitUntil(lambda: labels.features.equals(expected), timeout=3000)
    pd.testing.assert_frame_equal(labels.features, expected)


@pytest.mark.parametrize("panel", [RESULTS, REGIONS])
def test_every_merge_is_undone_by_itself_with_its_features(qtbot, merging, result, panel):
    viewer, labels, merge = merging(panel)
    states = [(labels.data.copy(), labels.features.copy())]
    for ids in ((12, 4, 7), (1, 2)):
        merge(*ids)
        states.append((labels.data.copy(), labels.features.copy()))
    table = states[-1][1].set_index("index")
    for lowest, ids in ((4, [12, 4, 7]), (1, [1, 2])):
        assert table.loc[lowest, "counts"] == result.table.loc[ids, "counts"].sum()
        assert table.loc[lowest, "n_pixels"] == 36 * len(ids)
        assert np.isnan(table.loc[lowest, "Sr_at_pct"])
        assert "not yet quantified" in table.loc[lowest, "flag"]
        assert table.loc[lowest, "chip"] == result.table.loc[lowest, "chip"]

    for data, features in states[-2::-1]:
        press(viewer, Qt.Key.Key_Z, CTRL)
        np.testing.assert_array_equal(labels.data, data)
        features_become(qtbot, labels, features)
    for data, features in states[1:]:
        press(viewer, Qt.Key.Key_Z, CTRL_SHIFT)
        np.testing.assert_array_equal(labels.data, data)
        features_become(qtbot, labels, features)
    assert not [n for n in notification_manager.records if n.severity > "info"]


def test_both_docks_merge_alike(qtbot, merging):
    outcomes = []
    for panel in (RESULTS, REGIONS):
        _, labels, merge = merging(panel)
        merge(6, 11, 3)
        outcomes.append((labels.data.copy(), labels.features.copy()))
    np.testing.assert_array_equal(outcomes[0][0], outcomes[1][0])
    pd.testing.assert_frame_equal(outcomes[0][1], outcomes[1][1])


@pytest.mark.parametrize("panel", [RESULTS, REGIONS])
def test_undo_outlives_the_dock(qtbot, merging, panel):
    viewer, labels, merge = merging(panel)
    before = labels.features.copy()
    merge(2, 3)
    merge(9, 10)
    viewer.window.remove_dock_widget("all")
    for _ in range(2):
        press(viewer, Qt.Key.Key_Z, CTRL)
    features_become(qtbot, labels, before)


def test_labels_quantified_since_have_their_own_features_again(qtbot, merging, result):
    viewer, labels, merge = merging(RESULTS)
    before = labels.features.copy()
    merge(2, 3)
    focus = focus_of(viewer)
    focus.show_result(labels, eds.quantify(result.image, labels.data.copy(), result.recipe))
    quantified = labels.features.copy()
    assert np.isfinite(quantified.set_index("index").loc[2, "Sr_at_pct"])
    press(viewer, Qt.Key.Key_Z, CTRL)
    features_become(qtbot, labels, before)
    press(viewer, Qt.Key.Key_Z, CTRL_SHIFT)
    features_become(qtbot, labels, quantified)


@pytest.mark.parametrize("active", ["map", "at.% map", "another map without labels"])
def test_undo_reaches_the_merge_whatever_is_active(qtbot, merging, result, active):
    viewer, labels, merge = merging(RESULTS)
    states = [(labels.data.copy(), labels.features.copy())]
    merge(2, 3)
    states.append((labels.data.copy(), labels.features.copy()))
    focus = focus_of(viewer)
    if active == "map":
        viewer.layers.selection.active = focus.map_layer
    elif active == "at.% map":
        qtbot.waitUntil(lambda: len(maps_of(viewer, labels)) == 2)
        viewer.layers.selection.active = maps_of(viewer, labels)["Ti"]
    else:
        phase = Phase("Ti", {"Ti": 100}, 4.5)
        other = simulate(np.ones((8, 9), int), [phase], 40.0, counts_per_pixel=30).image
        add_layers(viewer, image_layers(other))
        viewer.layers.selection.active = focus.map_layers()[-1]
        assert focus.labels_layer is None
    press(viewer, Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(labels.data, states[0][0])
    features_become(qtbot, labels, states[0][1])
    press(viewer, Qt.Key.Key_Z, CTRL_SHIFT)
    np.testing.assert_array_equal(labels.data, states[1][0])
    features_become(qtbot, labels, states[1][1])
