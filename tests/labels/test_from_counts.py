"""Quadtree chips: what every one must hold, whatever the map."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

import napari_eds as eds
from napari_eds import LabelError, Recipe, describe_labels
from napari_eds.labels.from_counts import adaptive_chips
from napari_eds.quantification.advice import adaptive_chips_for_error

COUNTS = npst.arrays(
    np.int64,
    npst.array_shapes(min_dims=2, max_dims=2, max_side=17),
    elements=st.one_of(st.integers(0, 3), st.integers(0, 500)),
)


def tiles(chips):
    """Description of chips, after a check that each is a full rectangle."""
    table = describe_labels(chips.labels, chips.names)
    rows = table["row_stop"] - table["row_start"]
    columns = table["column_stop"] - table["column_start"]
    assert (rows * columns == table["n_pixels"]).all()
    return table.assign(rows=rows, columns=columns)


@given(COUNTS, st.integers(1, 900))
def test_chips_cover_every_pixel_once_and_hold_enough(counts, min_counts):
    before = counts.copy()
    if counts.sum() < min_counts:
        with pytest.raises(LabelError, match="fewer counts"):
            adaptive_chips(counts, min_counts)
        return
    chips = adaptive_chips(counts, min_counts)
    np.testing.assert_array_equal(counts, before)
    ids = np.arange(1, len(chips) + 1)
    assert np.unique(chips.labels).tolist() == ids.tolist() == list(chips.names)
    assert tiles(chips)["n_pixels"].sum() == counts.size
    sums = ndimage.sum_labels(counts, chips.labels, ids)
    assert sums.sum() == counts.sum()
    assert (sums >= min_counts).all()
    first = [np.flatnonzero(chips.labels == i)[0] for i in ids]
    assert first == sorted(first)
    assert len(set(chips.names.values())) == len(chips)
    np.testing.assert_array_equal(adaptive_chips(counts, min_counts).labels, chips.labels)


@given(COUNTS, st.integers(1, 300), st.integers(1, 3), st.integers(0, 8))
def test_sides_keep_within_their_limits(counts, min_counts, smallest, more):
    largest = 2 * smallest - 1 + more
    smallest = min(smallest, *counts.shape)
    try:
        chips = adaptive_chips(counts, min_counts, smallest=smallest, largest=largest)
    except LabelError:
        # Only a largest side, or too few counts in all, can leave a map without chips.
        assert counts.sum() < min_counts or largest < max(counts.shape)
        return
    table = tiles(chips)
    sides = table[["rows", "columns"]].to_numpy()
    assert sides.min() >= smallest
    assert sides.max() <= largest
    assert (ndimage.sum_labels(counts, chips.labels, table.index) >= min_counts).all()


@given(COUNTS.filter(lambda counts: counts.sum() >= 40))
def test_no_chip_could_be_cut_into_four(counts):
    for _, chip in tiles(adaptive_chips(counts, 40)).iterrows():
        inside = counts[chip.row_start : chip.row_stop, chip.column_start : chip.column_stop]
        rows, columns = (extent // 2 for extent in inside.shape)
        quarters = [
            inside[:rows, :columns],
            inside[:rows, columns:],
            inside[rows:, :columns],
            inside[rows:, columns:],
        ]
        assert any(q.size == 0 or q.sum() < 40 for q in quarters)


@given(
    st.integers(2, 24).flatmap(lambda n: npst.arrays(int, (n, n), elements=st.integers(0, 40))),
    st.integers(1, 200),
)
def test_a_square_map_is_not_cut_into_strips(counts, min_counts):
    if counts.sum() >= min_counts:
        sides = tiles(adaptive_chips(counts, min_counts))[["rows", "columns"]]
        assert (sides.max(axis=1) <= 4 * sides.min(axis=1)).all()


def test_a_rising_map_is_not_cut_into_strips():
    """Halves by columns would hold enough where those by rows do not."""
    counts = np.zeros((32, 32), int)
    counts[0] = 100
    sides = tiles(adaptive_chips(counts, 100))[["rows", "columns"]]
    assert (sides.max(axis=1) <= 2 * sides.min(axis=1)).all()


@pytest.mark.parametrize("shape", [(64, 64), (96, 96), (50, 10), (37, 53)])
def test_chips_of_a_uniform_map_are_all_alike(shape):
    table = tiles(adaptive_chips(np.full(shape, 10), 90))
    assert table["n_pixels"].min() >= 9
    assert table["n_pixels"].max() <= 27
    assert (table[["rows", "columns"]].max(axis=1) <= 9).all()


def test_chips_are_named_by_first_pixel_and_size():
    counts = np.ones((4, 6))
    counts[:2, :3] = 100
    chips = adaptive_chips(counts, 6)
    table = tiles(chips)
    expected = [
        f"Q{c.row_start}-{c.column_start}-{c.rows}x{c.columns}" for c in table.itertuples()
    ]
    assert table["chip"].tolist() == expected
    assert chips.grid is None
    assert "Q0-0-1x1" in expected


def test_vacuum_stays_unlabelled_if_chips_must_be_small():
    counts = np.zeros((32, 32), int)
    counts[16:] = 50
    assert adaptive_chips(counts, 100).labels.min() == 1
    chips = adaptive_chips(counts, 100, largest=4)
    assert not chips.labels[:12].any()
    assert (chips.labels[16:] > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_counts": 0}, "positive"),
        ({"min_counts": np.nan}, "positive"),
        ({"smallest": 0}, "smallest"),
        ({"smallest": 5}, "do not fit"),
        ({"smallest": 2, "largest": 2}, "largest side must be at least 3"),
        ({"largest": 1.5}, "largest"),
        ({"min_counts": 2, "largest": 1}, "fewer counts"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(LabelError, match=message):
        adaptive_chips(np.ones((4, 6)), **{"min_counts": 1, **arguments})


@pytest.mark.parametrize("counts", [np.ones(4), np.zeros((0, 4)), np.full((2, 2), -1), [[np.nan]]])
def test_what_is_no_map_of_counts_is_refused(counts):
    with pytest.raises(LabelError, match="counts"):
        adaptive_chips(counts, 1)


def test_chips_have_the_error_that_was_asked_for(lfo_sto_96, data_dir):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    substrate = (truth["pure"] & (truth["label"] == 3)).astype(int)
    recipe = Recipe(elements=("Sr", "Ti", "O"), fit_only=("C", "Cu", "La", "Fe", "Pt", "Ga"))
    image = lfo_sto_96.crop(slice(60, 96), slice(0, 96))
    chips = adaptive_chips_for_error(image, recipe, "O", 1.5, labels=substrate[60:])
    errors = eds.quantify(image, chips, recipe).table["O_at_pct_error"]
    assert errors.median() < 1.5
    assert errors.max() < 1.7
    # Half a chip would not have been enough.
    assert errors.min() > 0.7 * 1.5 / np.sqrt(2)


def test_a_measured_velox_map_is_cut_by_its_xrays(data_dir):
    image = eds.load(data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")
    chips = adaptive_chips(image.counts_map(), 3000)
    spectra = image.label_spectra(chips.labels).spectra
    assert spectra.sum() == image.total_counts
    # 136,059 of the 763,638 counts are X-rays; the others are the noise peak.
    assert spectra[:, image.energy.energies_keV >= 0.2].sum(axis=1).min() >= 3000
    assert 20 < len(chips) <= 45


def test_too_few_counts_are_told_with_what_is_counted():
    with pytest.raises(LabelError, match=r"holds 16 counts \(counted are X-rays\), .* hold 2,000"):
        adaptive_chips(np.ones((4, 4)), 2000, counted="X-rays")
