"""Drawn shapes against a test of every pixel's centre."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as DrawnPath

from napari_eds import LabelError
from napari_eds.labels.from_shapes import labels_from_shapes

# Odd tenths keep corners and edges off the pixels' centres, where either answer is right.
PLACES = st.integers(-60, 180).map(lambda i: i / 10 + 0.05)
POINTS = st.tuples(PLACES, PLACES)
SHAPE = (11, 13)


def centres_inside(outline):
    """Which pixels of `SHAPE` have their centre inside an outline, by matplotlib."""
    places = np.argwhere(np.ones(SHAPE, bool))
    return DrawnPath(np.asarray(outline)).contains_points(places).reshape(SHAPE)


def labels_or_none(shapes):
    try:
        return labels_from_shapes(shapes, SHAPE).labels
    except LabelError:
        return np.zeros(SHAPE, int)


@given(st.lists(POINTS, min_size=3, max_size=3))
def test_triangles_hold_the_pixels_whose_centres_they_hold(points):
    labels = labels_or_none([("polygon", points)])
    different = np.argwhere((labels > 0) != centres_inside([*points, points[0]]))
    # A centre on an edge may count either way.
    for place in different:
        assert min(distance_to_edge(place, points)) < 1e-9


def distance_to_edge(place, points):
    for a, b in zip(np.array(points), np.roll(points, -1, axis=0), strict=True):
        along = b - a
        length = max(along @ along, 1e-12)
        nearest = a + np.clip((place - a) @ along / length, 0, 1) * along
        yield np.linalg.norm(place - nearest)


@given(st.lists(st.tuples(POINTS, POINTS), min_size=1, max_size=4))
def test_later_rectangles_lie_on_top_and_are_cut_off_at_the_map(corners):
    expected = np.zeros(SHAPE, int)
    rows, columns = np.indices(SHAPE)
    for i, ((r0, c0), (r1, c1)) in enumerate(corners, start=1):
        inside = (rows >= min(r0, r1)) & (rows <= max(r0, r1))
        expected[inside & (columns >= min(c0, c1)) & (columns <= max(c0, c1))] = i
    if not expected.any():
        with pytest.raises(LabelError, match="no pixel"):
            labels_from_shapes([("rectangle", c) for c in corners], SHAPE)
        return
    chips = labels_from_shapes([("rectangle", c) for c in corners], SHAPE)
    np.testing.assert_array_equal(chips.labels, expected)
    assert chips.names == {int(i): f"shape {i}" for i in np.unique(expected[expected > 0])}


@given(POINTS, st.floats(0.3, 8), st.floats(0.3, 8), st.floats(0, 180))
def test_ellipses_touch_the_box_they_are_drawn_in(centre, a, b, angle_deg):
    turn = np.deg2rad(angle_deg)
    along = a * np.array([np.cos(turn), np.sin(turn)])
    across = b * np.array([-np.sin(turn), np.cos(turn)])
    box = [
        np.array(centre) + s * along + t * across for s, t in [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    ]
    labels = labels_or_none([("ellipse", box)])
    offsets = np.argwhere(np.ones(SHAPE, bool)) - centre
    inside = ((offsets @ along) / a**2) ** 2 + ((offsets @ across) / b**2) ** 2
    clear = np.abs(inside - 1).reshape(SHAPE) > 1e-9
    np.testing.assert_array_equal((labels > 0)[clear], (inside.reshape(SHAPE) < 1)[clear])


def test_an_ellipse_may_be_given_by_two_corners():
    two = labels_from_shapes([("ellipse", [(1, 2), (8, 9)])], SHAPE).labels
    four = labels_from_shapes([("ellipse", [(1, 2), (1, 9), (8, 9), (8, 2)])], SHAPE).labels
    np.testing.assert_array_equal(two, four)
    # Around (4.5, 5.5): 8 centres in each quadrant are within 3.5 pixels.
    assert two.sum() == 32


def test_shapes_keep_their_numbers_and_names():
    shapes = [
        ("rectangle", [(0, 0), (2, 2)]),
        ("polygon", [(50, 50), (60, 50), (60, 60)]),
        ("polygon", [(4, 4), (9, 4), (9, 9), (7, 6)]),
    ]
    chips = labels_from_shapes(shapes, SHAPE, ["film", "lost", "substrate"])
    assert chips.names == {1: "film", 3: "substrate"}
    assert len(chips) == 2
    assert np.unique(chips.labels).tolist() == [0, 1, 3]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([], "no pixel"),
        ([("line", [(0, 0), (5, 5)])], "encloses no area"),
        ([("polygon", [(0, 0), (5, 5)])], "2 vertices"),
        ([("polygon", [(0, 0), (5, np.nan), (3, 3)])], "finite"),
        ([("polygon", [(0, 0, 1), (5, 5, 1), (3, 3, 1)])], r"\(n, 2\)"),
        ([("ellipse", [(0, 0), (5, 5), (3, 3)])], "3 corners"),
        ([("ellipse", [(0, 0), (0, 5)])], "no pixel"),
    ],
)
def test_what_encloses_nothing_is_refused(shapes, message):
    with pytest.raises(LabelError, match=message):
        labels_from_shapes(shapes, SHAPE)


def test_names_must_be_as_many_as_shapes():
    with pytest.raises(LabelError, match="2 names"):
        labels_from_shapes([("rectangle", [(0, 0), (2, 2)])], SHAPE, ["a", "b"])
