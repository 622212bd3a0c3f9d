"""The dock *EDS regions* in a real window, driven by mouse and keys."""

import itertools
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog
from scipy import ndimage
from skimage.io import imsave

import napari_eds as eds
from napari_eds._napari.parts.numbers import grouped
from napari_eds._napari.parts.panels import REGIONS
from napari_eds._napari.regions import pixels_page
from napari_eds._napari.regions import preview as regions_plans
from napari_eds._napari.regions.pixel_layers import AT_PCT, ERROR, pixel_layers
from napari_eds._napari.regions.preview import draw_outlines, preview_layer
from napari_eds._napari.state.derived import PIXEL_MAPS
from napari_eds._napari.state.element_choice import ElementChoice
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.label_edits import EDITED
from napari_eds._napari.state.layers import SETTINGS, geometry, made_for
from napari_eds.labels import edits
from napari_eds.labels.chips import grid_chips
from napari_eds.labels.from_counts import adaptive_chips
from napari_eds.labels.from_images import (
    resampled,
    superpixels,
    threshold_regions,
    watershed_regions,
)
from napari_eds.labels.from_shapes import labels_from_shapes
from napari_eds.labels.from_spectra import cluster_labels
from napari_eds.quantification.advice import adaptive_chips_for_error, chip_size_advice
from napari_eds.quantification.pixels.kernels import Kernel
from napari_eds.quantification.pixels.maps import pixel_maps, recommended_kernel
from patience import PATIENCE_s
from window_actions import LEFT, change, click, nothing_is_due, notifications

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

ELEMENTS = ("La", "Fe", "O", "Sr", "Ti", "Pt")
#: Enough for maps of pixels, of which napari takes long to show many.
FEW = ("La", "Sr", "O")


@pytest.fixture
def window(make_napari_viewer, map_file, k_factor_file):
    """Function that opens the map in a visible window with the dock beside it."""

    def opened(elements=ELEMENTS):
        viewer = make_napari_viewer(show=True)
        viewer.open(map_file, plugin="napari-eds")
        dock = viewer.window.add_plugin_dock_widget("napari-eds", REGIONS)[1]
        change(
            dock,
            elements=tuple(ElementChoice(e) for e in elements),
            k_factor_file=k_factor_file,
        )
        return dock.focus.viewer, dock

    return opened


def tick(box):
    """Click the box, not the room beside its text."""
    native = getattr(box, "native", box)
    spot = QPoint(8, native.height() // 2)
    QTest.mouseClick(native, LEFT, Qt.KeyboardModifier.NoModifier, spot)


def show(dock, page):
    """Click the tab of a page."""
    bar = dock.tabs.tabBar()
    QTest.mouseClick(
        bar, LEFT, Qt.KeyboardModifier.NoModifier, bar.tabRect(dock.tabs.indexOf(page)).center()
    )
    assert dock.tabs.currentWidget() is page


def choose(dock, kind, **fields):
    """Choose a kind with the keys of the list, and fill in fields."""
    QTest.keyClick(dock.make.kind, Qt.Key.Key_Home)
    for _ in range(list(dock.make.pages).index(kind)):
        QTest.keyClick(dock.make.kind, Qt.Key.Key_Down)
    page = dock.make.page
    assert page.title == kind
    assert dock.make.stack.currentWidget() is page
    for name, value in fields.items():
        page.fields[name].value = value
    return page


def wait(qtbot, work):
    qtbot.waitUntil(lambda: not work)


def use(qtbot, dock):
    """Press *Use these regions* and return the layer that comes."""
    click(dock.make.use)
    wait(qtbot, dock.make.work)
    qtbot.waitUntil(
        lambda: not any(x.name.startswith("preview") for x in dock.focus.viewer.layers)
    )
    return dock.focus.labels_layer


def preview(qtbot, dock):
    click(dock.make.preview)
    wait(qtbot, dock.make.work)
    return preview_layer(dock.focus)


def haadf(viewer):
    return next(layer for layer in viewer.layers if "HAADF" in layer.name)


def names_of(layer):
    return dict(zip(layer.features["index"], layer.features["chip"], strict=True))


# Making.

HEADLESS = {
    "grid": ({"side": 12}, lambda image, _r, _i: grid_chips(image.shape, 12)),
    "adaptive, by counts": (
        {"counts": 9000, "largest": 32},
        lambda image, _r, _i: adaptive_chips(image.counts_map(), 9000, largest=32),
    ),
    "adaptive, by error": (
        {"element": "Sr", "error": 1.5, "smallest": 2},
        lambda image, recipe, _i: adaptive_chips_for_error(image, recipe, "Sr", 1.5, smallest=2),
    ),
    "superpixels": (
        {"mean_size": 150, "compactness": 0.3, "smoothing": 0.5},
        lambda _m, _r, image: superpixels(
            [image], mean_pixels=150, compactness=0.3, smoothing_px=0.5
        ),
    ),
    "threshold": (
        {"method": "li", "dark": True, "connected": False, "smallest": 5, "smoothing": 0.0},
        lambda _m, _r, image: threshold_regions(
            image, "li", dark=True, connected=False, min_pixels=5
        ),
    ),
    "watershed": (
        {"markers": "peaks", "distance": 8, "smallest": 20, "smoothing": 2.0},
        lambda _m, _r, image: watershed_regions(
            image, markers="peaks", min_distance=8, min_pixels=20, smoothing_px=2
        ),
    ),
    "clusters": (
        {"number": 4, "method": "nmf", "block": 4},
        lambda image, _r, _i: cluster_labels(image, 4, method="nmf", bin_px=4),
    ),
}


@pytest.mark.parametrize("kind", HEADLESS)
def test_each_kind_gives_the_labels_of_its_headless_function(qtbot, window, kind):
    viewer, dock = window()
    fields, headless = HEADLESS[kind]
    page = choose(dock, kind, **fields)
    image = dock.focus.image
    source = haadf(viewer)
    if "layer" in page.fields:
        page.layer.value = source
    expected = headless(
        image, dock.focus.settings.recipe(), resampled(np.asarray(source.data), image.shape)
    )

    shown = preview(qtbot, dock)
    assert shown.name.startswith("preview: ")
    assert dock.focus.labels_layer is None
    np.testing.assert_array_equal(shown.data, draw_outlines(expected.labels)[0])

    layer = use(qtbot, dock)
    assert isinstance(layer, Labels)
    np.testing.assert_array_equal(layer.data, expected.labels)
    assert names_of(layer) == dict(expected.names)
    assert made_for(layer, dock.focus.map_layer)
    assert preview_layer(dock.focus) is None
    assert viewer.layers.selection.active is layer
    assert f"now the labels “{layer.name}”" in dock.make.summary.text()
    assert not notifications()


def test_outlines_lie_between_labels_and_over_the_map(qtbot, window):
    _viewer, dock = window()
    choose(dock, "grid", side=20)
    shown = preview(qtbot, dock)
    finer = shown.data.shape[0] // 96
    assert shown.data.shape == (96 * finer, 96 * finer)
    drawn = shown.data > 0
    # The chips end at pixels 0, 20, ..., 80; the rest of the map has no chip.
    edges = np.arange(0, 81, 20) * finer
    rows = np.flatnonzero(drawn[:, 10 * finer])
    assert set(rows) == {e for e in [*edges, *(edges - 1)] if e >= 0}
    assert set(np.unique(shown.data[drawn])) == {1, 2}
    assert not drawn[82 * finer :, :].any()
    half = np.array([0.5, 0.5])
    for corner, own in ((-half, -half), (95 + half, 96 * finer - half)):
        np.testing.assert_allclose(
            shown.data_to_world(own), dock.focus.map_layer.data_to_world(corner)
        )


def test_a_preview_follows_fields_in_place_and_tells_counts_and_error(qtbot, window, monkeypatch):
    viewer, dock = window()
    page = choose(dock, "grid")
    click(dock.make.use)
    wait(qtbot, dock.make.work)
    viewer.layers.remove(dock.focus.labels_layer)
    made = []
    real = regions_plans.make_preview
    monkeypatch.setattr(regions_plans, "make_preview", lambda *a: made.append(1) or real(*a))
    page.side.value = 14
    nothing_is_due(qtbot)
    assert preview_layer(dock.focus) is None, "nothing was asked for"
    shown = preview(qtbot, dock)
    assert "error unknown" in dock.make.summary.text()

    made.clear()
    field = page.side.native.lineEdit()
    field.selectAll()
    QTest.keyClicks(field, "32")
    QTest.keyClick(field, Qt.Key.Key_Return)
    page.side.value = 24
    qtbot.waitUntil(lambda: shown.name == "preview: chips 24 px")
    assert len(made) == 1, "changes in a row are answered once"
    assert preview_layer(dock.focus) is shown
    counts = dock.focus.image.counts_map()
    sums = [
        counts[r : r + 24, c : c + 24].sum() for r in range(0, 96, 24) for c in range(0, 96, 24)
    ]
    assert f"16 regions, median {grouped(np.median(sums), 0)} counts" in dock.make.summary.text()

    show(dock, dock.advice)
    click(dock.advice.advise)
    wait(qtbot, dock.advice.work)
    show(dock, dock.make)
    preview(qtbot, dock)
    frame = chip_size_advice(dock.focus.image, dock.focus.settings.recipe(), [24]).frame
    scaled = frame["worst_error"].iloc[0] * np.sqrt(frame["counts"].iloc[0] / np.array(sums))
    counting, total = frame[["worst_error", "worst_error_total"]].iloc[0]
    common = np.sqrt(total**2 - counting**2)
    in_all = np.hypot(np.median(scaled), common)
    text = dock.make.summary.text()
    assert f"counting {np.median(scaled):.2g}, in all {in_all:.2g} at. %" in text
    assert f"the rest, {common:.2g}, is the same for all" in text


def test_clusters_that_are_shown_are_not_made_again_to_be_used(qtbot, window, monkeypatch):
    _viewer, dock = window()
    page = choose(dock, "clusters", number=2, block=8)
    preview(qtbot, dock)
    made = []
    real = regions_plans.make_preview
    monkeypatch.setattr(regions_plans, "make_preview", lambda *a: made.append(1) or real(*a))
    expected = cluster_labels(dock.focus.image, 2, bin_px=8).labels
    np.testing.assert_array_equal(use(qtbot, dock).data, expected)
    assert not made
    preview(qtbot, dock)
    made.clear()
    # Used before the preview could follow.
    page.number.value = 3
    expected = cluster_labels(dock.focus.image, 3, bin_px=8).labels
    np.testing.assert_array_equal(use(qtbot, dock).data, expected)
    assert made == [1]


def test_a_preview_leaves_another_choice_in_the_lists_alone(qtbot, window):
    viewer, dock = window()
    choose(dock, "grid", side=16)
    first = use(qtbot, dock)
    dock.make.page.side.value = 24
    second = use(qtbot, dock)
    assert viewer.layers.selection.active is second
    dock.focus.set_labels_layer(first)  # as the list of the quantification dock does
    preview(qtbot, dock)
    assert dock.focus.labels_layer is first


def test_columns_give_the_side_of_the_chips(qtbot, window):
    _viewer, dock = window()
    choose(dock, "grid", by="columns", columns=5)
    layer = use(qtbot, dock)
    np.testing.assert_array_equal(layer.data, grid_chips((96, 96), 96 // 5).labels)


def test_painted_labels_are_never_overwritten(qtbot, window):
    viewer, dock = window()
    choose(dock, "grid", side=16)
    first = use(qtbot, dock)
    assert use(qtbot, dock) is first, "nobody painted on it"
    first.paint((40, 40), 99)
    painted = first.data.copy()
    second = use(qtbot, dock)
    assert second is not first
    np.testing.assert_array_equal(first.data, painted)
    preview(qtbot, dock)
    np.testing.assert_array_equal(second.data, grid_chips((96, 96), 16).labels)
    assert sum(isinstance(layer, Labels) for layer in viewer.layers) == 2


def test_an_image_that_lies_elsewhere_is_sampled_where_it_lies(qtbot, window):
    viewer, dock = window()
    size = dock.focus.image.pixel_size[0]
    square = np.zeros((40, 40))
    square[5:25, 10:30] = 1
    # Its pixel (0, 0) lies on pixel (20, 30) of the map.
    layer = viewer.add_image(
        square, name="square", scale=(size, size), units=haadf(viewer).units,
        translate=(20 * size, 30 * size),
    )  # fmt: skip
    page = choose(dock, "threshold", method="value", value=0.5, smoothing=0.0)
    page.layer.value = layer
    labels = use(qtbot, dock).data
    expected = np.zeros((96, 96), int)
    expected[25:45, 40:60] = 1
    np.testing.assert_array_equal(labels, expected)


def test_drawn_shapes_become_labels_with_their_names(qtbot, window):
    viewer, dock = window()
    size = dock.focus.image.pixel_size[0]
    drawn = [
        ("polygon", np.array([(10, 10), (10, 30), (40, 20)], float)),
        ("ellipse", np.array([(50, 50), (50, 80), (70, 80), (70, 50)], float)),
        ("rectangle", np.array([(60, 10), (60, 30), (80, 30), (80, 10)], float)),
    ]
    # Drawn in the units of the world: the layer has pixels of its own size.
    shapes = viewer.add_shapes(
        [points * size for _, points in drawn],
        shape_type=[kind for kind, _ in drawn],
        units=haadf(viewer).units,
        features=pd.DataFrame({"name": ["film", "substrate", "glue"]}),
    )
    page = choose(dock, "shapes")
    assert page.shapes.value is shapes
    layer = use(qtbot, dock)
    expected = labels_from_shapes(drawn, (96, 96), ["film", "substrate", "glue"])
    np.testing.assert_array_equal(layer.data, expected.labels)
    assert names_of(layer) == {1: "film", 2: "substrate", 3: "glue"}


@pytest.mark.parametrize("ending", ["tif", "npy", "png"])
def test_a_label_image_is_imported_with_its_ids(qtbot, window, tmp_path, monkeypatch, ending):
    _viewer, dock = window()
    labels = np.zeros((96, 96), np.uint8)
    labels[10:20, 10:20], labels[40:60, 40:90] = 7, 3
    path = tmp_path / f"grains.{ending}"
    write = {"tif": tifffile.imwrite, "npy": np.save, "png": imsave}[ending]
    write(path, labels, **({"check_contrast": False} if ending == "png" else {}))
    page = choose(dock, "import a file")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    click(page.browse)
    layer = use(qtbot, dock)
    np.testing.assert_array_equal(layer.data, labels)
    assert (layer.name, names_of(layer)) == ("grains", {3: "3", 7: "7"})


def test_few_shot_classes_are_imported_with_the_grid_they_belong_to(qtbot, window, tmp_path):
    _viewer, dock = window()
    grid = grid_chips((96, 96), 24)
    path = tmp_path / "result.csv"
    is_film = [name[1] in "01" for name in grid.names.values()]
    pd.DataFrame(
        {
            "film": np.where(is_film, 0.9, 0.1),
            "substrate": np.where(is_film, 0.1, 0.9),
            "prediction": np.where(is_film, "film", "substrate"),
            "chip": list(grid.names.values()),
        }
    ).to_csv(path)
    page = choose(dock, "import a file")
    field = page.path.native
    QTest.mouseClick(field, LEFT)
    QTest.keyClicks(field, str(path))
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(page.chip_size.native.isVisible)
    page.chip_size.value = 24
    layer = use(qtbot, dock)
    expected = np.ones((96, 96), int)
    expected[48:] = 2
    np.testing.assert_array_equal(layer.data, expected)
    assert names_of(layer) == {1: "film", 2: "substrate"}


def test_what_cannot_be_made_is_said(qtbot, window, tmp_path):
    viewer, dock = window()
    before = list(viewer.layers)
    choose(dock, "shapes")
    click(dock.make.use)
    assert "draw" in notifications()[-1]
    page = choose(dock, "import a file")
    np.save(tmp_path / "small.npy", np.ones((3, 3), int))
    page.path.value = str(tmp_path / "small.npy")
    use(qtbot, dock)
    assert "does not fit the map" in notifications()[-1]
    assert list(viewer.layers) == before
    # While the fields change, the dock itself says it.
    choose(dock, "grid")
    preview(qtbot, dock)
    notification_manager.records.clear()
    dock.make.page.side.value = 500
    qtbot.waitUntil(lambda: "do not fit a map" in dock.make.summary.text())
    assert not notifications()


# Advice.


def test_advice_is_that_of_the_headless_function_and_its_size_is_taken(qtbot, window):
    viewer, dock = window()
    show(dock, dock.advice)
    assert not dock.advice.use.enabled
    dock.advice.error.value = 0.7
    click(dock.advice.advise)
    wait(qtbot, dock.advice.work)
    expected = chip_size_advice(dock.focus.image, dock.focus.settings.recipe(), error_at_pct=0.7)
    found = regions_plans.advice_of(dock.focus)
    pd.testing.assert_frame_equal(found.frame, expected.frame)
    curves = {c.name(): c.getOriginalDataset() for c in dock.advice.plot.listDataItems()}
    for element in ELEMENTS:
        shown = next(data for name, data in curves.items() if name.split()[0] == element)
        np.testing.assert_allclose(shown[1], expected.frame[f"{element}_at_pct_error"])
        np.testing.assert_array_equal(shown[0], expected.frame.index)
    text = dock.advice.text.text()
    assert f"Recommended: {expected.recommended_px} px" in text
    row = expected.frame.loc[expected.recommended_px]
    assert (
        f"counting {row['worst_error']:.2f}, in all {row['worst_error_total']:.2f} at. %" in text
    )

    click(dock.advice.use)
    wait(qtbot, dock.make.work)
    assert dock.focus.settings.chip_size == expected.recommended_px != 16
    assert dock.tabs.currentWidget() is dock.make
    assert preview_layer(dock.focus).name == f"preview: chips {expected.recommended_px} px"

    # The preview follows the chip size that another dock sets.
    change(dock, chip_size=31)
    qtbot.waitUntil(lambda: preview_layer(dock.focus).name == "preview: chips 31 px")

    labels = np.repeat([[1], [2]], 48, axis=0).repeat(96, axis=1)
    viewer.add_labels(labels, **geometry(dock.focus.image))
    show(dock, dock.advice)
    dock.advice.region.value = "each label"
    click(dock.advice.advise)
    wait(qtbot, dock.advice.work)
    by_label = chip_size_advice(
        dock.focus.image, dock.focus.settings.recipe(), labels=labels, error_at_pct=0.7
    )
    pd.testing.assert_frame_equal(regions_plans.advice_of(dock.focus).frame, by_label.frame)
    assert not by_label.frame.equals(expected.frame)

    change(dock, energy_range_keV=(0.3, 19.0))
    assert regions_plans.advice_of(dock.focus) is None, "it was for other settings"
    assert not dock.advice.use.enabled


# Editing.


@pytest.fixture
def parts(window):
    """A window with labels that have holes, parts and thin places, and names."""
    viewer, dock = window()
    labels = np.zeros((96, 96), np.int32)
    labels[10:40, 10:40] = 5
    labels[20:25, 20:25] = 0
    labels[70:80, 10:20] = 5
    labels[10:40, 40:70] = 2
    labels[60, 50:80] = 9
    labels[85:87, 85:87] = 4
    image = dock.focus.image
    layer = viewer.add_labels(
        labels,
        name="parts",
        **geometry(image),
        features=pd.DataFrame(
            {
                "index": [2, 4, 5, 9],
                "chip": ["two", "four", "five", "nine"],
                "n_pixels": [900, 4, 975, 30],
                "counts": [1.0, 2.0, 3.0, 4.0],
                "Fe_at_pct": [10.0, 20.0, 30.0, 40.0],
                "flag": ["", "", "", ""],
            }
        ),
    )
    show(dock, dock.edit)
    return viewer, dock, layer


EDITS = {
    "merge": ([2, 9], lambda labels: np.where(labels == 9, 2, labels)),
    "split": ([5], lambda labels: edits.split_labels(labels, [5])),
    "fill": ([5], lambda labels: edits.fill_holes(labels, [5])),
    "grow": ([9], lambda labels: edits.grow_labels(labels, 3, ids=[9])),
    "shrink": ([2, 5], lambda labels: edits.shrink_labels(labels, 2, ids=[2, 5])),
    "smooth": (None, lambda labels: edits.smooth_labels(labels, 2)),
    "remove": (None, lambda labels: edits.remove_small_labels(labels, 40)),
    "relabel": (None, edits.in_reading_order),
}


@pytest.mark.parametrize("name", EDITS)
def test_edits_do_what_the_headless_functions_do_and_are_undone(qtbot, parts, name):
    _viewer, dock, layer = parts
    ids, headless = EDITS[name]
    before, features = layer.data.copy(), layer.features.copy()
    dock.edit.grow_by.value, dock.edit.shrink_by.value = 3, 2
    dock.edit.radius.value, dock.edit.least.value = 2, 40
    if ids is None:
        tick(dock.edit.all)
    else:
        dock.focus.select(ids)
    click(getattr(dock.edit, name))
    wait(qtbot, dock.edit.work)
    expected = headless(before)
    assert (expected != before).any()
    np.testing.assert_array_equal(layer.data, expected)
    edited = layer.features.copy()
    assert not edited.equals(features)

    click(dock.edit.undo)
    np.testing.assert_array_equal(layer.data, before)
    qtbot.waitUntil(lambda: layer.features.equals(features))
    click(dock.edit.redo)
    np.testing.assert_array_equal(layer.data, expected)
    qtbot.waitUntil(lambda: layer.features.equals(edited))
    assert not notifications()


def test_edits_of_selected_labels_leave_the_others_alone(qtbot, parts):
    _viewer, dock, layer = parts
    before = layer.data.copy()
    dock.edit.least.value = 40
    dock.focus.select([4])
    click(dock.edit.remove)
    wait(qtbot, dock.edit.work)
    np.testing.assert_array_equal(layer.data, np.where(before == 4, 0, before))
    dock.focus.select([9])
    click(dock.edit.smooth)
    wait(qtbot, dock.edit.work)
    np.testing.assert_array_equal(layer.data, np.where(np.isin(before, [4, 9]), 0, before))


def test_names_follow_and_compositions_of_changed_labels_are_forgotten(qtbot, parts):
    _viewer, dock, layer = parts
    dock.focus.select([5])
    click(dock.edit.split)
    wait(qtbot, dock.edit.work)
    table = layer.features.set_index("index")
    assert table.loc[10, "chip"] == "five, part 10"
    assert table.loc[[5, 10], "n_pixels"].tolist() == [875, 100]
    counts = dock.focus.image.counts_map()
    assert table.loc[10, "counts"] == counts[layer.data == 10].sum()
    assert table.loc[[5, 10], "Fe_at_pct"].isna().all()
    assert table.loc[[5, 10], "flag"].tolist() == [EDITED] * 2
    assert table.loc[[2, 4, 9], "Fe_at_pct"].tolist() == [10, 20, 40]

    tick(dock.edit.all)
    click(dock.edit.relabel)
    wait(qtbot, dock.edit.work)
    assert names_of(layer) == {1: "five", 2: "two", 3: "nine", 4: "five, part 10", 5: "four"}
    assert layer.features.set_index("index").loc[2, "Fe_at_pct"] == 10


def test_labels_that_features_do_not_name_can_be_edited(qtbot, window):
    viewer, dock = window()
    labels = np.zeros((96, 96), np.int32)
    labels[3, 3:9], labels[50:60, 3:9] = 1, 2
    features = pd.DataFrame({"index": [7], "chip": ["gone"], "n_pixels": [3], "counts": [1]})
    layer = viewer.add_labels(labels, features=features, **geometry(dock.focus.image))
    show(dock, dock.edit)
    tick(dock.edit.all)
    dock.edit.least.value = 10
    click(dock.edit.remove)
    wait(qtbot, dock.edit.work)
    assert set(np.unique(layer.data)) == {0, 2}
    click(dock.edit.fill)
    wait(qtbot, dock.edit.work)
    assert "so already" in dock.edit.status.text()
    assert not notifications()


def test_labels_of_other_programs_with_huge_ids_are_edited_as_others(qtbot, window):
    viewer, dock = window()
    large = 2**40
    labels = np.zeros((96, 96), np.int64)
    labels[30:60, 10:40], labels[40, 20] = large, 0
    features = pd.DataFrame({"index": [large], "chip": ["a"], "n_pixels": [899], "counts": [1.0]})
    layer = viewer.add_labels(labels, features=features, **geometry(dock.focus.image))
    show(dock, dock.edit)
    tick(dock.edit.all)
    click(dock.edit.fill)
    wait(qtbot, dock.edit.work)
    filled = layer.data == large
    assert filled.sum() == 900
    told = layer.features.set_index("index").loc[large]
    assert told["n_pixels"] == 900
    assert told["counts"] == dock.focus.image.counts_map()[filled].sum()
    assert not notifications()


def test_an_edit_is_dropped_if_the_labels_were_painted_meanwhile(qtbot, parts, monkeypatch):
    _viewer, dock, layer = parts
    go_on = threading.Event()
    monkeypatch.setattr(
        eds.SpectrumImage,
        "counts_map",
        lambda self: go_on.wait(PATIENCE_s) and np.zeros(self.shape),
    )
    dock.focus.select([5])
    click(dock.edit.fill)
    layer.data_setitem((np.array([0]), np.array([0])), 2)
    painted = layer.data.copy()
    go_on.set()
    wait(qtbot, dock.edit.work)
    np.testing.assert_array_equal(layer.data, painted)
    assert "changed meanwhile" in notifications()[-1]


# Pixels.


def test_pixel_maps_are_those_of_the_headless_function_and_are_updated_in_place(qtbot, window):
    viewer, dock = window(elements=FEW)
    focus = dock.focus
    show(dock, dock.pixels)
    dock.pixels.kernel.value, dock.pixels.kernel_size.value = "gaussian", 5
    click(dock.pixels.run)
    wait_for_maps(qtbot, dock)
    expected = pixel_maps(focus.image, focus.settings.recipe(), kernel=Kernel("gaussian", 5.0))
    layers = pixel_layers(focus, focus.map_layer)
    for element in FEW:
        np.testing.assert_array_equal(layers[element, AT_PCT].data, expected.maps()[element])
        np.testing.assert_array_equal(layers[element, ERROR].data, expected.error_maps()[element])
        assert layers[element, AT_PCT].name == f"{element} at. % per pixel (gaussian 5 px)"
        assert not layers[element, ERROR].visible
    assert layers["La", AT_PCT].visible
    assert "\n".join(expected.account()[-2:]) in dock.pixels.text.text()

    layers["Sr", AT_PCT].name = "mine"
    layers["O", ERROR].visible = True
    dock.pixels.kernel.value = "none"
    click(dock.pixels.run)
    wait_for_maps(qtbot, dock)
    again = pixel_layers(focus, focus.map_layer)
    assert all(again[key] is layer for key, layer in layers.items())
    assert len(again) == len(layers) == 6
    bare = pixel_maps(focus.image, focus.settings.recipe(), kernel=Kernel())
    np.testing.assert_array_equal(again["La", AT_PCT].data, bare.maps()["La"])
    assert again["La", AT_PCT].name == "La at. % per pixel (no averaging)"
    assert again["Sr", AT_PCT].name == "mine"
    assert again["O", ERROR].visible
    assert focus.map_layer in viewer.layers
    assert not notifications()


def wait_for_maps(qtbot, dock):
    """Wait for the work and for all layers, which are updated one per turn."""
    wait(qtbot, dock.pixels.work)
    focus = dock.focus

    def all_there():
        layers = pixel_layers(focus, focus.map_layer).values()
        maps = PIXEL_MAPS.of(focus.map_layer)
        return len(layers) == 2 * len(FEW) and all(PIXEL_MAPS.of(x) is maps for x in layers)

    qtbot.waitUntil(all_there)


def test_the_recommended_kernel_and_a_mask_are_those_of_the_headless_functions(qtbot, window):
    viewer, dock = window(elements=FEW)
    focus = dock.focus
    labels = np.zeros((96, 96), np.int32)
    labels[50:80, 20:60] = 3
    viewer.add_labels(labels, **geometry(focus.image))
    show(dock, dock.pixels)
    dock.pixels.kernel.value, dock.pixels.error.value = "mean", 0.8
    tick(dock.pixels.inside)
    assert dock.pixels.inside.value
    click(dock.pixels.recommend)
    wait(qtbot, dock.pixels.work)
    recipe = focus.settings.recipe()
    kernel = recommended_kernel(focus.image, recipe, error_at_pct=0.8, mask=labels)
    assert (dock.pixels.kernel_size.value, dock.pixels.unit.value) == (kernel.size, "px")
    assert kernel.size > 1
    click(dock.pixels.run)
    wait_for_maps(qtbot, dock)
    expected = pixel_maps(focus.image, recipe, kernel=kernel, mask=labels)
    shown = pixel_layers(focus, focus.map_layer)["O", AT_PCT].data
    np.testing.assert_array_equal(shown, expected.maps()["O"])
    assert np.isnan(shown[labels == 0]).all()


@pytest.fixture
def slow_maps(monkeypatch):
    """Make pixel maps wait for an event, and report progress meanwhile."""
    go_on, left = threading.Event(), threading.Event()

    def slow(image, recipe, *, progress, **settings):
        try:
            for i in itertools.count():
                progress(min(i, 1999), 2000, "rows")
                if go_on.wait(0.005):
                    break
        except BaseException:
            left.set()
            raise
        return pixel_maps(image, recipe, progress=progress, **settings)

    monkeypatch.setattr(pixels_page, "pixel_maps", slow)
    yield go_on, left
    go_on.set()


@pytest.mark.parametrize("by", ["button", "key"])
def test_cancelling_leaves_the_work_and_changes_nothing(qtbot, window, slow_maps, by):
    _go_on, left = slow_maps
    viewer, dock = window()
    before = list(viewer.layers)
    show(dock, dock.pixels)
    click(dock.pixels.run)
    qtbot.waitUntil(lambda: dock.pixels.work.progress.value() > 3)
    assert dock.pixels.work.isVisible()
    assert not dock.pixels.run.enabled
    if by == "button":
        QTest.mouseClick(dock.pixels.work.cancel, Qt.MouseButton.LeftButton)
    else:
        viewer.window._qt_window.activateWindow()
        qtbot.waitUntil(viewer.window._qt_window.isActiveWindow)
        dock.pixels.work.cancel.setFocus()
        QTest.keyClick(dock.pixels.work.cancel, Qt.Key.Key_Escape)
    assert not dock.pixels.work
    assert left.wait(PATIENCE_s)
    nothing_is_due(qtbot)
    assert "Cancelled" in dock.pixels.text.text()
    assert dock.pixels.run.enabled
    assert list(viewer.layers) == before
    assert not notifications()


def test_a_map_deleted_while_its_pixels_are_quantified_is_told(qtbot, window, slow_maps):
    go_on, _ = slow_maps
    viewer, dock = window()
    show(dock, dock.pixels)
    click(dock.pixels.run)
    viewer.layers.remove(dock.focus.map_layer)
    go_on.set()
    wait(qtbot, dock.pixels.work)
    (told,) = notifications()
    assert told.startswith("The map was deleted while its pixels were quantified")


def test_maps_of_two_images_are_not_mixed_up(qtbot, window, slow_maps, lfo_sto_96):
    go_on, _ = slow_maps
    viewer, dock = window(elements=FEW)
    focus = dock.focus
    first = focus.map_layer
    other = replace(lfo_sto_96, counts=lfo_sto_96.counts * 2, name="doubled")
    second = add_map(viewer, other)
    focus.set_map_layer(first)
    show(dock, dock.make)
    choose(dock, "adaptive, by counts", counts=20_000)
    preview(qtbot, dock)
    assert "preview" in preview_layer(focus).name
    first_summary = dock.make.summary.text()

    # Outlines of one map are not shown for the other, nor are its fields.
    viewer.layers.selection.active = second
    assert focus.map_layer is second
    assert preview_layer(focus) is None
    choose(dock, "adaptive, by counts", counts=20_000)
    layer = use(qtbot, dock)
    np.testing.assert_array_equal(layer.data, adaptive_chips(other.counts_map(), 20_000).labels)
    assert made_for(layer, second)
    assert dock.make.summary.text() != first_summary

    # A run that was started on one map belongs to it, whatever is looked at when it ends.
    viewer.layers.selection.active = first
    show(dock, dock.pixels)
    click(dock.pixels.run)
    viewer.layers.selection.active = second
    go_on.set()
    wait(qtbot, dock.pixels.work)
    qtbot.waitUntil(lambda: len(pixel_layers(focus, first)) == 2 * len(FEW))
    assert focus.map_layer is second
    assert not pixel_layers(focus, second)
    assert dock.pixels.text.text() == "Every pixel gets a composition."
    shown = pixel_layers(focus, first)["La", AT_PCT]
    settings = first.metadata[SETTINGS]
    expected = pixel_maps(lfo_sto_96, settings.recipe(), kernel=Kernel("gaussian", 3.0))
    np.testing.assert_array_equal(shown.data, expected.maps()["La"])


def add_map(viewer, image):
    """Add the layer of a spectrum image, with the elements of the tests."""
    from napari_eds._napari.reader import add_layers
    from napari_eds._napari.state.layers import image_layers

    add_layers(viewer, image_layers(image))
    layer = viewer.layers[-1]
    focus = focus_of(viewer)
    settings = focus.settings
    focus.set_map_layer(layer)
    focus.set_settings(settings)
    return layer


# Living with others.


def test_the_dock_lives_without_a_map_and_with_layers_that_go(qtbot, make_napari_viewer, map_file):
    viewer = make_napari_viewer(show=True)
    dock = viewer.window.add_plugin_dock_widget("napari-eds", REGIONS)[1]
    assert not any(b.enabled for b in (dock.make.use, dock.advice.advise, dock.pixels.run))
    assert "Open an EDS map" in dock.make.summary.text()
    viewer.open(map_file, plugin="napari-eds")
    assert dock.make.use.enabled
    choose(dock, "clusters")
    click(dock.make.preview)
    for layer in list(viewer.layers):
        viewer.layers.remove(layer)
    nothing_is_due(qtbot)
    assert not dock.make.work
    assert not viewer.layers
    viewer.open(map_file, plugin="napari-eds")
    choose(dock, "grid")
    shown = preview(qtbot, dock)
    viewer.layers.remove(shown)
    assert "Preview draws" in dock.make.summary.text()
    assert not notifications()


def test_fields_outlive_the_dock_and_closing_it_ends_its_work(qtbot, window, slow_maps):
    _go_on, left = slow_maps
    viewer, dock = window()
    choose(dock, "superpixels", mean_size=222)
    show(dock, dock.pixels)
    dock.pixels.kernel_size.value = 7
    click(dock.pixels.run)
    qtbot.waitUntil(lambda: dock.pixels.work.progress.value() > 1)
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    qtbot.waitUntil(left.is_set)
    again = viewer.window.add_plugin_dock_widget("napari-eds", REGIONS)[1]
    assert again.make.page.title == "superpixels"
    assert again.make.page.mean_size.value == 222
    assert again.pixels.kernel_size.value == 7


def test_plot_and_text_follow_the_theme(qtbot, window):
    viewer, dock = window()
    axis = dock.advice.plot.getAxis("left")
    dark = axis.textPen().color().name()
    viewer.theme = "light"
    assert axis.textPen().color().name() != dark


def test_every_control_has_a_tooltip(window):
    _viewer, dock = window()
    pages = [*dock.make.pages.values(), dock.edit, dock.advice, dock.pixels, dock.make]
    for page in pages:
        for name, field in vars(page).items():
            if hasattr(field, "native") and hasattr(field, "changed"):
                assert field.native.toolTip(), f"{type(page).__name__}.{name}"
    assert dock.make.kind.toolTip()
    assert dock.make.pages["superpixels"].images.toolTip()


def test_the_dock_fits_its_place(window):
    _viewer, dock = window()
    assert dock.minimumSizeHint().width() <= 390
    assert dock.minimumSizeHint().height() <= 520


def test_watershed_parts_what_the_independent_count_of_disks_says(qtbot, window):
    viewer, dock = window()
    rows, columns = np.ogrid[:96, :96]
    disks = sum(
        (np.hypot(rows - r, columns - c) < 12).astype(float)
        for r, c in ((30, 30), (30, 50), (70, 30), (70, 70))
    )
    layer = viewer.add_image(disks.clip(0, 1), name="disks", **geometry(dock.focus.image))
    assert isinstance(layer, Image)
    page = choose(dock, "watershed", method="value", value=0.5, distance=8)
    page.layer.value = layer
    labels = use(qtbot, dock).data
    assert labels.max() == 4
    assert ndimage.label(disks > 0.5)[1] == 3
