"""Layers made for another layer, in a viewer without a window."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_eds._napari.state.derived import Kind, Look, Note

MAPS = Kind("test_map_of", Image)
BELOW = Kind("test_below_of", Image, above_images=True)
PREVIEW = Kind("test_preview_of", Image, kept_if_renamed=True)
CLASSES = Kind("test_classes_of", Labels)
RUN = Note("test_run")


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def owner(viewer):
    return viewer.add_image(np.zeros((4, 5)), name="owner")


def look(value, name="map", **more):
    return Look(
        np.full((4, 5), value),
        name,
        renewed={"contrast_limits": (0.0, value)},
        first={"colormap": "magma", "visible": False},
        told={RUN.key: value},
        **more,
    )


def test_a_layer_is_updated_in_place_and_keeps_what_the_user_gave_it(viewer, owner):
    layer = MAPS.show(viewer, owner, "Fe", look(3.0))
    assert (layer.colormap.name, layer.visible) == ("magma", False)
    layer.name, layer.colormap, layer.visible = "mine", "viridis", True
    owner.name = "also renamed"

    assert MAPS.show(viewer, owner, "Fe", look(9.0, "other")) is layer
    assert (layer.data == 9).all()
    assert tuple(layer.contrast_limits) == (0, 9)
    assert RUN.of(layer) == 9
    assert (layer.name, layer.colormap.name, layer.visible) == ("mine", "viridis", True)
    assert MAPS.layers(viewer, owner) == {"Fe": layer}


def test_owners_parts_and_kinds_are_told_apart(viewer, owner):
    second = viewer.add_image(np.zeros((4, 5)), name="second")
    made = [MAPS.show(viewer, who, part, look(1.0)) for who in (owner, second) for part in "ab"]
    assert len(set(made)) == 4
    assert MAPS.layers(viewer, owner) == {"a": made[0], "b": made[1]}
    assert MAPS.layer(viewer, second, "b") is made[3]
    assert MAPS.layer(viewer, None, "b") is None
    assert CLASSES.layers(viewer, owner) == {}
    MAPS.remove_others(viewer, owner, ["b"])
    assert [layer in viewer.layers for layer in made] == [False, True, True, True]
    viewer.layers.remove(made[1])
    assert MAPS.layers(viewer, owner) == {}


def test_a_name_follows_until_the_user_gives_another(viewer, owner):
    viewer.add_image(np.zeros((4, 5)), name="first")
    layer = MAPS.show(viewer, owner, 1, look(1.0, "first", follows_name=True))
    assert layer.name == "first [1]"
    MAPS.show(viewer, owner, 1, look(2.0, "second", follows_name=True))
    assert layer.name == "second"
    layer.name = "mine"
    MAPS.show(viewer, owner, 1, look(3.0, "third", follows_name=True))
    assert layer.name == "mine"


def test_a_preview_that_was_renamed_or_released_is_the_users(viewer, owner):
    first = PREVIEW.show(viewer, owner, None, look(1.0))
    first.name = "mine"
    second = PREVIEW.show(viewer, owner, None, look(2.0))
    assert PREVIEW.layers(viewer, owner) == {None: second}
    PREVIEW.release(second)
    assert PREVIEW.layers(viewer, owner) == {}
    third = PREVIEW.show(viewer, owner, None, look(3.0))
    assert [layer.data[0, 0] for layer in (first, second, third)] == [1, 2, 3]


def test_it_is_found_by_those_who_hear_that_it_came_or_has_another_name(viewer, owner):
    found = []
    for event in (viewer.layers.events.inserted, viewer.layers.events.renamed):
        event.connect(lambda _event: found.append(PREVIEW.layer(viewer, owner, None)))
    viewer.add_image(np.zeros((4, 5)), name="map")
    found.clear()
    layer = PREVIEW.show(viewer, owner, None, look(1.0))
    PREVIEW.show(viewer, owner, None, look(1.0, "other", follows_name=True))
    assert layer.name == "other"
    assert set(found) == {layer}


def test_new_layers_lie_above_images_and_below_labels_if_asked(viewer, owner):
    labels = viewer.add_labels(np.zeros((4, 5), int))
    below, on_top = BELOW.show(viewer, owner, 1, look(1.0)), MAPS.show(viewer, owner, 1, look(1.0))
    assert list(viewer.layers) == [owner, below, labels, on_top]


def test_labels_are_made_and_taken(viewer, owner):
    mine = viewer.add_labels(np.zeros((4, 5), int))
    CLASSES.take(mine, owner, None)
    what = Look(np.ones((4, 5), int), "classes", renewed={"opacity": 0.5}, first={})
    assert CLASSES.show(viewer, owner, None, what) is mine
    CLASSES.release(mine)
    made = CLASSES.show(viewer, owner, None, what)
    assert isinstance(made, Labels)
    assert made is not mine
    assert made.opacity == 0.5


def test_the_range_of_the_slider_ends_with_the_limits_if_asked(viewer, owner):
    layer = MAPS.show(viewer, owner, 1, look(9.0, limits_are_range=True))
    MAPS.show(viewer, owner, 1, look(2.0, limits_are_range=True))
    assert tuple(layer.contrast_limits_range) == tuple(layer.contrast_limits) == (0, 2)


@pytest.mark.parametrize("end", ["owner gone", "newer result"])
def test_steps_end_when_nobody_wants_them(viewer, owner, end):
    RUN.keep(owner, "this")
    steps = MAPS.steps(
        viewer, owner, "abc", lambda _part: look(1.0), current=lambda: RUN.of(owner) == "this"
    )
    next(steps)()
    assert set(MAPS.layers(viewer, owner)) == {"a"}
    if end == "owner gone":
        viewer.layers.remove(owner)
    else:
        RUN.keep(owner, "newer")
    for step in steps:
        step()
    assert set(MAPS.layers(viewer, owner)) == {"a"}
