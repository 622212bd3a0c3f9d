"""Changes of labels' shapes against scikit-image, and against loops over pixels."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage
from skimage.measure import label as connected_parts
from skimage.segmentation import expand_labels

from napari_eds import LabelError
from napari_eds.labels.edits import (
    fill_holes,
    grow_labels,
    in_reading_order,
    merge_labels,
    reading_order,
    remove_small_labels,
    shrink_labels,
    smooth_labels,
    split_labels,
)

LABELS = npst.arrays(
    st.sampled_from([np.uint8, np.int32, np.int64]),
    npst.array_shapes(min_dims=2, max_dims=2, max_side=10),
    # Few ids far apart make irregular, disconnected labels with sparse ids.
    elements=st.sampled_from([0, 0, 0, 1, 2, 7, 200]),
)
EDITS = [
    lambda labels: grow_labels(labels, 2),
    lambda labels: shrink_labels(labels, 1),
    smooth_labels,
    lambda labels: remove_small_labels(labels, 4),
    lambda labels: remove_small_labels(labels, 4, into_neighbour=True),
    split_labels,
    fill_holes,
    in_reading_order,
]


@pytest.mark.parametrize("edit", EDITS)
@given(labels=LABELS)
def test_an_edit_leaves_its_input_alone_and_keeps_type_and_shape(edit, labels):
    before = labels.copy()
    after = edit(labels)
    np.testing.assert_array_equal(labels, before)
    assert not np.shares_memory(labels, after)
    assert after.shape == labels.shape
    # Splitting may need ids that the type does not hold.
    assert after.dtype == labels.dtype or after.max() > np.iinfo(labels.dtype).max
    np.testing.assert_array_equal(edit(labels), after)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_no_labels_gives_none(edit):
    assert not edit(np.zeros((3, 4), np.uint8)).any()


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("labels", [np.ones((2, 2)), np.array([[-1, 1]]), np.ones(3, int)])
def test_what_is_no_label_map_is_refused(edit, labels):
    with pytest.raises(LabelError):
        edit(labels)


@given(LABELS, st.floats(0, 4))
def test_labels_grow_to_where_scikit_image_expands_them(labels, pixels):
    grown = grow_labels(labels, pixels)
    np.testing.assert_array_equal(grown > 0, expand_labels(labels, pixels) > 0)
    np.testing.assert_array_equal(grown[labels > 0], labels[labels > 0])
    for row, column in np.argwhere((labels == 0) & (grown > 0)):
        own = np.argwhere(labels == grown[row, column]) - (row, column)
        all_of_them = np.argwhere(labels > 0) - (row, column)
        assert (own**2).sum(axis=1).min() == (all_of_them**2).sum(axis=1).min()


@given(LABELS)
def test_a_label_grows_into_others_only_if_asked(labels):
    grown = grow_labels(labels, 1, ids=[7])
    np.testing.assert_array_equal(grown[labels > 0], labels[labels > 0])
    assert set(np.unique(grown[labels == 0])) <= {0, 7}
    taken = grow_labels(labels, 1, ids=[7], into_labels=True)
    np.testing.assert_array_equal(taken == 7, ndimage.binary_dilation(labels == 7))
    np.testing.assert_array_equal(taken[taken != 7], labels[taken != 7])


@given(LABELS, st.floats(0, 3), st.sampled_from([None, [2], [1, 7]]))
def test_labels_shrink_from_all_that_is_not_theirs(labels, pixels, ids):
    expected = labels.copy()
    places = np.argwhere(labels >= 0)
    for row, column in places:
        if labels[row, column] and (ids is None or labels[row, column] in ids):
            near = ((places - (row, column)) ** 2).sum(axis=1) <= pixels**2
            if (labels.ravel()[near] != labels[row, column]).any():
                expected[row, column] = 0
    np.testing.assert_array_equal(shrink_labels(labels, pixels, ids=ids), expected)


@given(LABELS, st.integers(1, 3))
def test_smoothing_takes_the_majority_around_a_pixel(labels, radius):
    expected = labels.copy()
    for row, column in np.ndindex(labels.shape):
        around = labels[
            max(row - radius, 0) : row + radius + 1, max(column - radius, 0) : column + radius + 1
        ]
        votes = Counter(around.ravel().tolist())
        own = labels[row, column]
        expected[row, column] = min(votes, key=lambda i: (-votes[i], i != own, i))
    np.testing.assert_array_equal(smooth_labels(labels, radius), expected)


@given(LABELS, st.integers(0, 30))
def test_small_labels_go_to_the_background(labels, min_pixels):
    sizes = Counter(labels.ravel().tolist())
    expected = np.vectorize(lambda i: i if sizes[i] >= min_pixels else 0)(labels)
    np.testing.assert_array_equal(remove_small_labels(labels, min_pixels), expected)


@given(LABELS, st.integers(0, 30))
def test_no_small_label_with_a_neighbour_is_left(labels, min_pixels):
    after = remove_small_labels(labels, min_pixels, into_neighbour=True)
    sizes = Counter(after[after > 0].tolist())
    assert all(size >= min_pixels for size in sizes.values())
    assert set(sizes) <= set(labels.ravel().tolist())
    # Labels go as a whole, and the background gains only what has no labelled neighbour left.
    for i in np.unique(labels):
        assert len(np.unique(after[labels == i])) == 1
    lost = (after == 0) & (labels > 0)
    assert not (ndimage.binary_dilation(lost) & (after > 0)).any()


def test_a_small_label_joins_the_neighbour_of_the_longest_border():
    labels = np.array([[1, 1, 1, 2, 2], [1, 5, 5, 2, 2], [3, 3, 3, 2, 2], [3, 3, 3, 0, 9]])
    expected = np.array([[1, 1, 1, 2, 2], [1, 1, 1, 2, 2], [3, 3, 3, 2, 2], [3, 3, 3, 0, 2]])
    np.testing.assert_array_equal(remove_small_labels(labels, 3, into_neighbour=True), expected)
    # Two small ones become one that is large enough, and stays.
    np.testing.assert_array_equal(
        remove_small_labels(np.array([[4, 6, 6, 9, 9, 9, 0, 8]]), 3, into_neighbour=True),
        [[6, 6, 6, 9, 9, 9, 0, 0]],
    )


@given(LABELS)
def test_parts_that_do_not_touch_become_labels(labels):
    after = split_labels(labels)
    np.testing.assert_array_equal(after > 0, labels > 0)
    _, by_us = np.unique(after, return_inverse=True)
    _, by_them = np.unique(connected_parts(labels), return_inverse=True)
    pairs = set(zip(by_us.ravel().tolist(), by_them.ravel().tolist(), strict=True))
    assert len(pairs) == len(np.unique(after)) == len(np.unique(connected_parts(labels)))
    for i in np.unique(labels[labels > 0]):
        sizes = np.bincount(after[labels == i].astype(int))
        assert sizes[i] == sizes.max()
    untouched = split_labels(labels, ids=[7])
    np.testing.assert_array_equal(untouched[labels != 7], labels[labels != 7])


def test_new_ids_may_need_a_wider_type():
    after = split_labels(np.array([[255, 0, 255, 0, 255]], np.uint8))
    assert after.tolist() == [[255, 0, 256, 0, 257]]


@given(LABELS)
def test_holes_of_single_labels_are_filled(labels):
    after = fill_holes(labels)
    np.testing.assert_array_equal(after[labels > 0], labels[labels > 0])
    enclosed = np.zeros(labels.shape, bool)
    for i in np.unique(labels[labels > 0]):
        enclosed |= ndimage.binary_fill_holes(labels == i)
    np.testing.assert_array_equal(after > 0, enclosed | (labels > 0))


def test_a_hole_belongs_to_the_innermost_label_around_it():
    labels = np.ones((9, 9), int)
    labels[2:7, 2:7] = 0
    labels[3:6, 3:6] = 4
    labels[4, 4] = 0
    labels[0, 0] = 0
    expected = np.ones((9, 9), int)
    expected[3:6, 3:6] = 4
    expected[0, 0] = 0
    np.testing.assert_array_equal(fill_holes(labels), expected)
    assert fill_holes(labels, ids=[1])[4, 4] == 1


@given(LABELS)
def test_reading_order_counts_from_one_by_first_pixel(labels):
    after = in_reading_order(labels)
    seen = list(dict.fromkeys(after[after > 0].tolist()))
    assert seen == list(range(1, len(seen) + 1))
    for old, new in reading_order(labels).items():
        np.testing.assert_array_equal(labels == old, after == new)
    np.testing.assert_array_equal(after == 0, labels == 0)
    np.testing.assert_array_equal(in_reading_order(after), after)


@pytest.mark.parametrize("pixels", [-1, np.nan, np.inf])
def test_pixels_to_move_a_border_by_must_make_sense(pixels):
    for edit in (grow_labels, shrink_labels):
        with pytest.raises(LabelError, match="negative"):
            edit(np.ones((2, 2), int), pixels)


@pytest.mark.parametrize("radius", [0, -1, 1.5])
def test_the_radius_of_smoothing_must_make_sense(radius):
    with pytest.raises(LabelError, match="radius"):
        smooth_labels(np.ones((2, 2), int), radius)


def test_merged_labels_are_one_and_others_stay():
    labels = np.array([[1, 1, 2], [3, 0, 2], [4, 4, 3]])
    merged = merge_labels(labels, [3, 2])
    np.testing.assert_array_equal(merged, [[1, 1, 2], [2, 0, 2], [4, 4, 2]])
    assert labels[1, 0] == 3
    with pytest.raises(LabelError, match="at least two"):
        merge_labels(labels, [2])


def test_merging_takes_the_lowest_and_touches_nothing_else():
    labels = np.array([[1, 1, 2, 0], [3, 3, 2, 5]])
    merged = merge_labels(labels, [5, 3, 2, 77])
    np.testing.assert_array_equal(merged, [[1, 1, 2, 0], [2, 2, 2, 2]])


@pytest.mark.parametrize("ids", [[], [3], [3, 77], [0, 3]])
def test_merging_needs_two_labels(ids):
    with pytest.raises(LabelError, match="at least two"):
        merge_labels(np.array([[0, 1, 3]]), ids)
