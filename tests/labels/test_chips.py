"""Tilings against the counts of the published study; descriptions against scikit-image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from skimage.measure import regionprops

from napari_eds import LabelError, describe_labels, grid_chips


@pytest.mark.parametrize(
    ("extent", "size", "n_chips"),
    [
        (512, 64, 64),
        (512, 10, 2601),
        (512, 15, 1156),
        (512, 20, 625),
        (512, 12, 1764),
        (500, 15, 1089),
        (500, 20, 625),
    ],
)
def test_grids_of_the_study_have_their_published_number_of_chips(extent, size, n_chips):
    chips = grid_chips((extent, extent), size)
    assert len(chips) == n_chips == len(chips.names) == chips.labels.max()
    per_side = extent // size
    assert chips.grid == (per_side, per_side)
    assert chips.names[n_chips] == f"R{per_side - 1}C{per_side - 1}"


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    fractions=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_grid_labels_the_pixels_a_loop_over_chips_would(shape, fractions):
    rows, columns = (1 + round(f * (n - 1)) for f, n in zip(fractions, shape, strict=True))
    chips = grid_chips(shape, (rows, columns))
    expected = np.zeros(shape, int)
    names = {}
    for row in range(shape[0] // rows):
        for column in range(shape[1] // columns):
            names[len(names) + 1] = f"R{row}C{column}"
            place = np.s_[row * rows : (row + 1) * rows, column * columns : (column + 1) * columns]
            expected[place] = len(names)
    np.testing.assert_array_equal(chips.labels, expected)
    assert chips.names == names
    assert chips.size == (rows, columns)


def test_the_remainder_at_the_bottom_and_right_stays_unlabelled():
    labels = grid_chips((512, 512), 15).labels
    assert (labels[:510, :510] > 0).all()
    assert not labels[510:].any()
    assert not labels[:, 510:].any()


@pytest.mark.parametrize(
    "size", [0, -3, 33, (33, 5), (5, 41), 2.5, (4, 2.5), (1, 2, 3), np.nan, np.inf]
)
def test_a_size_that_does_not_tile_the_map_is_refused(size):
    with pytest.raises(LabelError, match="chip"):
        grid_chips((32, 40), size)


def test_chip_names_cannot_be_changed():
    with pytest.raises(TypeError):
        grid_chips((4, 4), 2).names[1] = "mine"


@given(
    npst.arrays(
        int,
        npst.array_shapes(min_dims=2, max_dims=2, max_side=9),
        # Few ids far apart make irregular, disconnected labels with sparse ids.
        elements=st.sampled_from([0, 0, 1, 2, 7, 300]),
    )
)
def test_labels_are_described_as_scikit_image_describes_them(labels):
    table = describe_labels(labels)
    regions = regionprops(labels)
    assert table.index.tolist() == [region.label for region in regions]
    assert table["chip"].tolist() == [str(region.label) for region in regions]
    assert table["n_pixels"].tolist() == [region.area for region in regions]
    boxes = table[["row_start", "column_start", "row_stop", "column_stop"]]
    assert list(boxes.itertuples(index=False, name=None)) == [r.bbox for r in regions]
    centroids = np.array([region.centroid for region in regions]).reshape(-1, 2)
    np.testing.assert_allclose(table[["row", "column"]], centroids, rtol=1e-12)


def test_a_description_of_no_labels_is_an_empty_table_with_typed_columns():
    table = describe_labels(np.zeros((3, 4), int))
    some = describe_labels(np.ones((3, 4), int))
    assert len(table) == 0
    assert table.drop(columns="chip").dtypes.equals(some.drop(columns="chip").dtypes)


def test_names_are_given_where_known():
    labels = np.array([[3, 3, 9]])
    assert describe_labels(labels, {3: "film"})["chip"].tolist() == ["film", "9"]


def test_ids_near_the_64_bit_limit_are_described():
    labels = np.zeros((4, 4), np.int64)
    labels[1:3, 2] = 2**62
    table = describe_labels(labels)
    assert table.index.tolist() == [2**62]
    assert table.loc[2**62, ["row_start", "row_stop", "n_pixels"]].tolist() == [1, 3, 2]


@pytest.mark.parametrize("labels", [np.ones((2, 2)), np.array([[-1, 1]])])
def test_what_is_no_label_map_is_refused(labels):
    with pytest.raises(LabelError):
        describe_labels(labels)
