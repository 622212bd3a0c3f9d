"""The focus that docks share: layers of several maps are never mixed up."""

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image

import napari_eds as eds
from napari_eds._napari.reader import add_layers
from napari_eds._napari.state.derived import AT_PCT_MAPS, Origin
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import bind, image_layers


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def focus(viewer):
    return focus_of(viewer)


def add_map(viewer, name, shape=(6, 8)):
    """Add a spectrum image and return its layer."""
    counts = np.ones((*shape, 64), np.uint8)
    image = eds.SpectrumImage.from_array(counts, eds.EnergyAxis(0.0, 0.01, 64), name=name)
    add_layers(viewer, image_layers(image))
    return viewer.layers[-1]


def add_labels(viewer, name, map_layer=None, shape=(6, 8)):
    layer = viewer.add_labels(np.zeros(shape, np.int32), name=name)
    if map_layer is not None:
        bind(layer, map_layer)
    return layer


def heard(signal):
    """Return the list that grows with every emission."""
    calls = []
    signal.connect(lambda *args: calls.append(args))
    return calls


def test_docks_of_a_viewer_share_one_focus(viewer):
    assert focus_of(viewer) is focus_of(viewer)


def test_it_follows_the_active_layer(viewer, focus):
    first, second = add_map(viewer, "first"), add_map(viewer, "second")
    assert focus.map_layer is second
    viewer.layers.selection.active = first
    assert focus.map_layer is first
    assert focus.image.name == "first"


def test_labels_of_one_map_are_not_offered_for_another_of_the_same_size(viewer, focus):
    first, second = add_map(viewer, "first"), add_map(viewer, "second")
    of_first = add_labels(viewer, "of first", first)
    of_second = add_labels(viewer, "of second", second)
    anyones = add_labels(viewer, "anyone's")

    focus.set_map_layer(first)
    assert focus.label_layers() == [of_first, anyones]
    focus.set_map_layer(second)
    assert focus.label_layers() == [of_second, anyones]
    viewer.layers.selection.active = of_first
    assert (focus.map_layer, focus.labels_layer) == (first, of_first)


def test_map_and_labels_belong_together_whenever_a_dock_is_told(viewer, focus):
    first = add_map(viewer, "first")
    add_labels(viewer, "small", first)
    second = add_map(viewer, "second", (5, 5))
    seen = []

    def look():
        labels = focus.labels_layer
        seen.append(labels is None or labels.data.shape == focus.image.shape)

    focus.map_changed.connect(look)
    focus.labels_changed.connect(look)
    for layer in (first, second, first):
        focus.set_map_layer(layer)
    assert seen
    assert all(seen)


def test_a_deleted_map_gives_way_to_one_that_is_left(viewer, focus):
    first, second = add_map(viewer, "first"), add_map(viewer, "second")
    labels = add_labels(viewer, "labels", second)
    viewer.layers.remove(second)
    assert focus.map_layer is first
    viewer.layers.clear()
    assert (focus.map_layer, focus.image, focus.settings) == (None, None, None)
    assert (focus.labels_layer, focus.selected, focus.result) == (None, (), None)
    assert labels.data.shape == (6, 8)


def test_settings_stay_with_their_map(viewer, focus):
    first = add_map(viewer, "first")
    start = focus.settings.chip_size
    second = add_map(viewer, "second")
    told = heard(focus.settings_changed)
    focus.set_settings(replace(focus.settings, chip_size=3))
    focus.set_settings(replace(focus.settings, chip_size=3))
    assert len(told) == 1, "the same settings again are no news"
    focus.set_map_layer(first)
    assert focus.settings.chip_size == start != 3
    focus.set_map_layer(second)
    assert focus.settings.chip_size == 3


def test_every_way_of_editing_labels_is_told(viewer, focus):
    layer = add_labels(viewer, "labels", add_map(viewer, "map"))
    viewer.layers.selection.active = layer
    told = heard(focus.labels_edited)

    def news():
        boxes = [box for (box,) in told]
        told.clear()
        return boxes

    layer.brush_size = 1
    layer.paint((2, 3), 4)
    assert (slice(2, 3), slice(3, 4)) in news()
    layer.fill((5, 5), 2)
    assert news()
    layer.undo()
    assert None in news()
    layer.redo()
    assert None in news()
    layer.data = np.ones((6, 8), np.int32)
    assert None in news()


def test_a_box_holds_the_changed_pixels_also_when_axes_are_swapped(viewer, focus):
    layer = add_labels(viewer, "labels", add_map(viewer, "map"))
    viewer.dims.order = (1, 0)
    told = heard(focus.labels_edited)
    layer.paint((2, 7), 4)
    assert told
    assert all(box is None for (box,) in told)


def test_the_layers_own_selection_goes_before_an_older_one(viewer, focus):
    layer = add_labels(viewer, "labels", add_map(viewer, "map"))
    told = heard(focus.selection_changed)
    focus.select([3, 5])
    assert focus.selected == (3, 5)
    assert layer.selected_label == 5
    layer.selected_label = 2
    assert focus.selected == (2,)
    focus.select([2])
    assert focus.selected == (2,)
    assert len(told) == 2


def test_layers_added_meanwhile_change_nothing(viewer, focus):
    first, second = add_map(viewer, "first"), add_map(viewer, "second")
    viewer.layers.selection.active = first
    focus.set_map_layer(second)
    with focus.staying():
        viewer.add_image(np.zeros((6, 8)), metadata=dict(first.metadata))
    assert focus.map_layer is second
    assert viewer.layers.selection.active is second
    viewer.layers.selection.active = first
    assert focus.map_layer is first


def test_choosing_a_map_shows_its_layers_hides_those_of_others_and_fits_the_view(viewer, focus):
    first = add_map(viewer, "first")
    labels = add_labels(viewer, "of first", first)
    own = viewer.add_points([[1, 1]], name="the user's own")
    second = add_map(viewer, "second", (60, 80))
    assert [x.visible for x in (first, labels, second, own)] == [False, False, True, True]
    wide = viewer.scene.camera.zoom
    focus.set_map_layer(first)
    assert [x.visible for x in (first, labels, second, own)] == [True, True, False, True]
    assert viewer.scene.camera.zoom == pytest.approx(10 * wide, rel=0.01)
    labels.visible = False
    focus.set_map_layer(second)
    focus.set_map_layer(first)
    assert not labels.visible, "what the user hid stays hidden"


def test_the_labels_in_use_are_highlighted_whoever_chose_them(viewer, focus):
    first = add_map(viewer, "first")
    used, newer = add_labels(viewer, "used", first), add_labels(viewer, "newer", first)
    assert (focus.labels_layer, viewer.layers.selection.active) == (newer, newer)
    focus.set_labels_layer(used)  # by the list of a panel
    assert viewer.layers.selection.active is used
    second = add_map(viewer, "second")
    assert focus.labels_layer is None
    focus.set_map_layer(first)  # by the list of a panel
    assert (focus.labels_layer, viewer.layers.selection.active) == (used, used)
    focus.set_map_layer(second)
    assert viewer.layers.selection.active is second
    viewer.layers.selection.active = newer
    assert (focus.map_layer, focus.labels_layer) == (first, newer)
    assert viewer.layers.selection.active is newer


def test_clicking_a_map_or_its_images_leaves_them_highlighted(viewer, focus):
    first = add_map(viewer, "first")
    labels = add_labels(viewer, "labels", first)
    viewer.layers.selection.active = first
    assert (focus.labels_layer, viewer.layers.selection.active) == (labels, first)
    own = viewer.add_points([[1, 1]])
    focus.set_labels_layer(None)
    focus.set_labels_layer(labels)
    assert viewer.layers.selection.active is own, "the user's own layers are no labels"


def test_an_image_of_another_map_leads_to_that_map(viewer, focus):
    picture = eds.AuxiliaryImage("HAADF", np.zeros((6, 8)))
    for name in ("first", "second"):
        counts = np.ones((6, 8, 64), np.uint8)
        axis = eds.EnergyAxis(0.0, 0.01, 64)
        image = eds.SpectrumImage.from_array(counts, axis, name=name, images=(picture,))
        add_layers(viewer, image_layers(image))
    haadf, first = viewer.layers[:2]
    assert focus.image.name == "second"
    assert not haadf.visible
    viewer.layers.selection.active = haadf
    assert focus.map_layer is first
    assert haadf.visible
    assert viewer.layers.selection.active is haadf


def test_what_comes_late_of_another_map_is_not_laid_over_the_one_looked_at(viewer, focus):
    first = add_map(viewer, "first")
    labels = add_labels(viewer, "labels", first)
    add_map(viewer, "second", (60, 80))
    late = Image(np.zeros((6, 8)), metadata={AT_PCT_MAPS.key: Origin(labels.unique_id, "Fe")})
    with focus.staying():
        viewer.add_layer(late)
    assert not late.visible
    focus.set_map_layer(first)
    assert late.visible


def test_labels_that_do_not_fit_are_named_as_they_are_looked_at(viewer, focus):
    add_map(viewer, "map")
    told = []
    focus.layers_changed.connect(lambda: told.append(focus.no_labels))
    for shape in ((3, 4), (1, 6, 8)):
        add_labels(viewer, "labels", shape=shape)
        assert str(shape) in told[-1]
