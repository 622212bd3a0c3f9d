"""Bins along lines: whole pixels, each in one bin, by their distance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import napari_eds as eds
from napari_eds.labels.along_lines import (
    Line,
    length_on_map_px,
    line_bins,
    line_pixels,
    points_from,
)

SHAPE = (20, 30)


def test_a_level_line_covers_as_many_rows_as_it_is_wide():
    for width in (1, 2, 5, 8):
        pixels = line_pixels(Line([(9, 4), (9, 23)], width), SHAPE)
        covered = np.isfinite(pixels.distances)
        assert covered.sum() == 20 * width
        assert covered.any(axis=0).nonzero()[0].tolist() == list(range(4, 24))
        assert pixels.per_step == pytest.approx(width)


def test_distances_are_those_along_the_line():
    pixels = line_pixels(Line([(9, 4), (9, 23)], 3), SHAPE)
    np.testing.assert_allclose(
        pixels.distances[8:11, 4:24], np.broadcast_to(np.arange(20), (3, 20))
    )


def test_oblong_pixels_are_true_to_scale():
    # 1 nm wide and 4 nm high: 2 x 0.5 mean pixels.
    pixels = line_pixels(Line([(2, 10), (12, 10)], 4), SHAPE, (4.0, 1.0))
    assert pixels.length_px == pytest.approx(20)
    assert pixels.step_px == pytest.approx(2)
    assert np.isfinite(pixels.distances[5]).sum() == 8


def test_bins_join_a_last_one_that_is_filled_by_less_than_half():
    pixels = line_pixels(Line([(9, 0), (9, 21)], 2), SHAPE)
    sizes = np.bincount(line_bins(pixels, 5).labels[9])[1:]
    assert sizes.tolist() == [5, 5, 5, 7]
    sizes = np.bincount(line_bins(pixels, 4).labels[9])[1:]
    assert sizes.tolist() == [4, 4, 4, 4, 4, 2]


def test_a_path_goes_on_counting_after_its_corner():
    pixels = line_pixels(Line([(5, 5), (5, 15), (15, 15)], 1), SHAPE)
    assert pixels.distances[5, 14] == pytest.approx(9)
    assert pixels.distances[14, 15] == pytest.approx(19)
    assert pixels.length_px == 20


@given(
    ends=st.tuples(*(st.floats(0, n) for n in (19, 29, 19, 29))),
    width=st.floats(0.5, 12),
    bin_px=st.floats(1, 9),
)
def test_every_pixel_is_in_one_bin_and_bins_are_in_order(ends, width, bin_px):
    points = np.reshape(ends, (2, 2))
    if np.hypot(*(points[1] - points[0])) < 2:
        return
    try:
        pixels = line_pixels(Line(points, width), SHAPE)
    except eds.LabelError:
        return  # so narrow that it passes between centres
    chips = line_bins(pixels, bin_px)
    covered = np.isfinite(pixels.distances)
    assert ((chips.labels > 0) == covered).all()
    order = np.argsort(pixels.distances[covered])
    assert (np.diff(chips.labels[covered][order]) >= 0).all()
    assert set(chips.names) == set(np.unique(chips.labels[covered]).tolist())


def test_the_direction_does_not_change_which_pixels_a_slanted_line_covers():
    there = line_pixels(Line([(3.2, 4.1), (15.3, 25.7)], 5), SHAPE)
    back = line_pixels(Line([(15.3, 25.7), (3.2, 4.1)], 5), SHAPE)
    assert (np.isfinite(there.distances) == np.isfinite(back.distances)).all()
    both = np.isfinite(there.distances)
    np.testing.assert_allclose(
        there.distances[both], there.length_px - back.distances[both], atol=1e-9
    )


@pytest.mark.parametrize(
    ("points", "width", "words"),
    [
        ([(1, 1)], 3, "two points"),
        ([(1, 1), (1, 1)], 3, "must differ"),
        ([(1, 1), (5, float("nan"))], 3, "must differ"),
        ([(1, 1), (5, 5)], 0, "width"),
    ],
)
def test_lines_that_are_none_are_refused(points, width, words):
    with pytest.raises(eds.LabelError, match=words):
        Line(points, width)


def test_a_line_beside_the_map_is_refused():
    with pytest.raises(eds.LabelError, match="covers no pixel"):
        line_pixels(Line([(50, 50), (60, 60)], 3), SHAPE)


@pytest.mark.parametrize(
    ("points", "length"),
    [
        ([(5, 5), (5, 25)], 20),
        ([(5, 5), (5, 300)], 24.5),
        ([(-10, 5), (100, 5)], 20),
        ([(5, 5), (5, 25), (50, 25)], 20 + 14.5),
        ([(5, 5), (35, 45)], 14.5 * 5 / 3),
        ([(50, 0), (50, 20)], 0),
    ],
)
def test_what_of_a_line_lies_on_the_map(points, length):
    assert length_on_map_px(Line(points), SHAPE) == pytest.approx(length)
    # Pixels three times as wide as high: a line along a row is longer, by the root of that.
    if len(points) == 2 and points[0][0] == points[1][0]:
        wide = length_on_map_px(Line(points), SHAPE, (1, 3))
        assert wide == pytest.approx(length * np.sqrt(3))


def test_points_in_nm_need_pixels_with_a_length():
    np.testing.assert_allclose(points_from([(1, 2)], "nm", (0.5, 0.25)), [(2, 8)])
    with pytest.raises(eds.LabelError, match="have no length"):
        points_from([(1, 2)], "nm", (np.nan, np.nan))
