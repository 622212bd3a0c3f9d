"""Sums that follow edits, against sums made from scratch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_eds as eds
from napari_eds.errors import LabelError
from napari_eds.spectra.running_sums import RunningSums, n_stored, sum_of_pixels

SHAPE = (9, 7)
IDS = (0, 1, 2, 5, 70_000)


def make_image(kind: str) -> eds.SpectrumImage:
    rng = np.random.default_rng(1)
    if kind == "sparse":
        counts = rng.poisson(0.1, (*SHAPE, 40))
    elif kind == "dense":
        counts = rng.poisson(300, (*SHAPE, 40))
    else:
        counts = rng.poisson(3, (*SHAPE, 40)) * 0.37
    image = eds.SpectrumImage.from_array(counts, eds.EnergyAxis(0, 0.1, 40))
    assert image.is_sparse == (kind == "sparse")
    return image


IMAGES = {kind: make_image(kind) for kind in ("sparse", "dense", "fractions")}

edits = st.lists(
    st.tuples(
        st.integers(0, SHAPE[0] - 1),
        st.integers(0, SHAPE[1] - 1),
        st.integers(1, 5),
        st.integers(1, 5),
        st.sampled_from(IDS),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def assert_equal_to_scratch(sums, image, labels):
    expected = image.label_spectra(labels)
    rows = dict(zip(expected.ids.tolist(), range(len(expected.ids)), strict=True))
    whole = np.issubdtype(image.counts.dtype, np.integer)
    rounding = 0 if whole else 1e-9
    for label in sums.wanted:
        spectrum = sums.spectrum(label)
        if label not in rows:
            assert sums.n_pixels(label) == 0
            assert not spectrum.any()
            continue
        assert sums.n_pixels(label) == expected.n_pixels[rows[label]]
        assert spectrum.dtype == expected.spectra.dtype
        np.testing.assert_allclose(spectrum, expected.spectra[rows[label]], rtol=0, atol=rounding)


@pytest.mark.parametrize("kind", list(IMAGES))
@given(edits=edits, wanted=st.sets(st.sampled_from(IDS[1:])))
@settings(max_examples=60)
def test_sums_equal_those_from_scratch_after_every_edit(kind, edits, wanted):
    image = IMAGES[kind]
    labels = np.zeros(SHAPE, np.int32)
    labels[2:5, 1:4] = 1
    sums = RunningSums(image, labels)
    sums.want(wanted)
    for row, column, height, width, label, tell_box in edits:
        before = labels.copy()
        box = (slice(row, row + height), slice(column, column + width))
        labels[box] = label
        changed = sums.update(labels, box if tell_box else None)
        differ = before != labels
        assert changed == tuple(sorted(({*before[differ]} | {*labels[differ]}) - {0}))
        assert_equal_to_scratch(sums, image, labels)


@given(edits=edits, at=st.integers(0, 11))
@settings(max_examples=40)
def test_a_sum_made_meanwhile_equals_one_made_at_once(edits, at):
    """The long sum is of the pixels at its start; what is painted until it is done counts too."""
    image = IMAGES["sparse"]
    labels = np.zeros(SHAPE, np.int64)
    labels[1:8, 1:6] = 5
    sums = RunningSums(image, labels, at_once=20)
    sums.want([5, 2])
    (_waiting,) = sums.pending()
    assert sums.spectrum(5) is None
    started = None
    for i, (row, column, height, width, label, _) in enumerate(edits):
        if i == at:
            started = [(p, sum_of_pixels(image, p.pixels)) for p in sums.pending()]
        labels[row : row + height, column : column + width] = label
        sums.update(labels)
    for pending, spectrum in started or []:
        sums.complete(pending, spectrum)
    for pending in sums.pending():
        assert sums.complete(pending, sum_of_pixels(image, pending.pixels))
    assert_equal_to_scratch(sums, image, labels)


def test_a_late_sum_of_a_label_no_longer_wanted_is_refused():
    image = IMAGES["sparse"]
    labels = np.ones(SHAPE, np.int32)
    sums = RunningSums(image, labels, at_once=3)
    sums.want([1])
    (first,) = sums.pending()
    sums.want([])
    sums.want([1])
    (second,) = sums.pending()
    spectrum = sum_of_pixels(image, first.pixels)
    assert not sums.complete(first, spectrum)
    assert sums.complete(second, spectrum)
    np.testing.assert_array_equal(sums.spectrum(1), image.total_spectrum())


def test_only_the_box_is_compared():
    image = IMAGES["sparse"]
    labels = np.zeros(SHAPE, np.int32)
    sums = RunningSums(image, labels)
    sums.want([1])
    labels[0, 0] = labels[5, 5] = 1
    assert sums.update(labels, (slice(4, 9), slice(3, 7))) == (1,)
    assert sums.n_pixels(1) == 1
    assert sums.update(labels) == (1,)
    assert sums.n_pixels(1) == 2
    assert sums.update(labels) == ()


def test_the_map_is_copied_and_given_spectra_stay():
    image = IMAGES["dense"]
    labels = np.ones(SHAPE, np.int64)
    sums = RunningSums(image, labels)
    sums.want([1])
    before = sums.spectrum(1)
    kept = before.copy()
    labels[0] = 0
    sums.update(labels)
    np.testing.assert_array_equal(before, kept)
    assert sums.spectrum(1).sum() < kept.sum()


def test_what_is_no_label_map_is_refused():
    sums = RunningSums(IMAGES["sparse"], np.zeros(SHAPE, np.int32))
    with pytest.raises(LabelError, match="do not fit"):
        sums.update(np.zeros((3, 3), np.int32))
    with pytest.raises(LabelError, match="negative"):
        sums.update(np.full(SHAPE, -1))
    with pytest.raises(LabelError, match="integers"):
        sums.update(np.full(SHAPE, 0.5))


def test_cost_counts_what_is_stored():
    sparse, dense = IMAGES["sparse"], IMAGES["dense"]
    pixels = np.array([0, 3, 11])
    assert n_stored(sparse, pixels) == np.count_nonzero(sparse.to_array().reshape(-1, 40)[pixels])
    assert n_stored(dense, pixels) == 120
