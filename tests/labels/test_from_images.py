"""Regions of images against drawn discs, scikit-image and the simulated specimen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from skimage.filters import threshold_li, threshold_otsu
from skimage.measure import label as connected_parts

import napari_eds as eds
from napari_eds import AuxiliaryImage, LabelError, describe_labels
from napari_eds.labels.from_images import (
    resampled,
    superpixels,
    threshold_regions,
    watershed_regions,
)

IMAGES = npst.arrays(
    np.float64,
    npst.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=14),
    elements=st.one_of(st.sampled_from([0.0, 1.0, np.nan]), st.floats(-1e3, 1e3, width=32)),
)


def discs(*centres, shape=(60, 80), radius=12):
    rows, columns = np.indices(shape)
    near = [(rows - r) ** 2 + (columns - c) ** 2 for r, c in centres]
    return np.min(near, axis=0) <= radius**2


def check_chips(chips, prefix):
    """Ids count from 1 in reading order, and names are made of them."""
    seen = list(dict.fromkeys(chips.labels[chips.labels > 0].tolist()))
    assert seen == list(range(1, len(chips) + 1))
    assert chips.names == {i: f"{prefix}{i}" for i in seen}
    assert chips.labels.dtype == np.int32
    assert chips.grid is None


def check_connected(chips):
    assert connected_parts(chips.labels).max() == len(chips)


@settings(max_examples=60)
@given(IMAGES, st.integers(1, 12), st.sampled_from([0.0, 1.0]))
def test_superpixels_cover_what_is_known_in_connected_pieces(image, n_regions, smoothing):
    before = image.copy()
    known = np.isfinite(image)
    if n_regions > known.sum():
        with pytest.raises(LabelError):
            superpixels(image, n_regions=n_regions)
        return
    chips = superpixels(image, n_regions=n_regions, smoothing_px=smoothing)
    np.testing.assert_array_equal(image, before)
    check_chips(chips, "S")
    np.testing.assert_array_equal(chips.labels > 0, known)
    check_connected(chips)
    again = superpixels(image, n_regions=n_regions, smoothing_px=smoothing)
    np.testing.assert_array_equal(again.labels, chips.labels)


def test_superpixels_follow_the_edges_of_the_specimen(lfo_sto_96, data_dir):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    haadf = lfo_sto_96.images[0].data
    titanium, lanthanum = lfo_sto_96.window_map(4.4, 4.6), lfo_sto_96.window_map(4.6, 4.8)
    chips = superpixels([haadf, titanium, lanthanum], mean_pixels=64, smoothing_px=1)
    assert 100 <= len(chips) <= 180
    check_connected(chips)
    # A grid of as many chips has phases mixed in far more of them.
    grid = eds.grid_chips(lfo_sto_96.shape, 8)
    ours, theirs = (mixed(c.labels, truth["label"]) for c in (chips, grid))
    assert ours < 0.6 * theirs


def mixed(labels, phases):
    """Fraction of pixels that are not of the phase most frequent in their label."""
    table = np.zeros((labels.max() + 1, phases.max() + 1), int)
    np.add.at(table, (labels.ravel(), phases.ravel()), 1)
    return 1 - table.max(axis=1).sum() / labels.size


def test_what_is_not_known_neither_counts_nor_darkens_its_neighbours():
    image = np.ones((40, 40))
    image[:, 20:] = np.nan
    assert 12 <= len(superpixels(image, n_regions=16)) <= 22
    chips = threshold_regions(image, 0.99, smoothing_px=3)
    np.testing.assert_array_equal(chips.labels > 0, np.isfinite(image))


def test_one_hot_pixel_does_not_hide_the_others():
    image = np.zeros((40, 40))
    image[:, 20:] = 1
    image[5, 5] = 1e6
    labels = superpixels(image, n_regions=4, compactness=0.01).labels
    assert not set(np.unique(labels[:, :20])) & set(np.unique(labels[:, 20:]))


@pytest.mark.parametrize(
    ("image", "settings", "message"),
    [
        (np.ones((4, 4)), {}, "either"),
        (np.ones((4, 4)), {"n_regions": 2, "mean_pixels": 2}, "either"),
        (np.ones((4, 4)), {"n_regions": 17}, "17 regions"),
        (np.ones((4, 4)), {"mean_pixels": 0.5}, "regions"),
        (np.ones((4, 4)), {"n_regions": 2, "compactness": 0}, "compactness"),
        (np.ones((4, 4)), {"n_regions": 2, "smoothing_px": -1}, "smoothing"),
        (np.full((4, 4), np.nan), {"n_regions": 2}, "no pixel"),
        ([], {"n_regions": 2}, "no image"),
        ([np.ones((4, 4)), np.ones((4, 5))], {"n_regions": 2}, "different shapes"),
        (np.ones(4), {"n_regions": 2}, "expected an image"),
    ],
)
def test_superpixels_of_nonsense_are_refused(image, settings, message):
    with pytest.raises(LabelError, match=message):
        superpixels(image, **settings)


@given(IMAGES, st.floats(-10, 10), st.booleans(), st.integers(1, 5))
def test_thresholded_regions_are_the_parts_above(image, threshold, dark, min_pixels):
    before = image.copy()
    inside = (image <= threshold) if dark else (image > threshold)
    parts = connected_parts(inside)
    sizes = np.bincount(parts.ravel())
    expected = inside & (sizes[parts] >= min_pixels)
    settings = {"dark": dark, "min_pixels": min_pixels}
    if not expected.any():
        with pytest.raises(LabelError):
            threshold_regions(image, threshold, **settings)
        return
    chips = threshold_regions(image, threshold, **settings)
    np.testing.assert_array_equal(image, before)
    check_chips(chips, "T")
    check_connected(chips)
    np.testing.assert_array_equal(chips.labels > 0, expected)
    whole = threshold_regions(image, threshold, connected=False, **settings)
    np.testing.assert_array_equal(whole.labels, expected.astype(int))


def test_thresholds_are_those_of_scikit_image(lfo_sto_96):
    image = lfo_sto_96.images[0].data
    for method, function in (("otsu", threshold_otsu), ("li", threshold_li)):
        chips = threshold_regions(image, method, connected=False)
        np.testing.assert_array_equal(chips.labels > 0, image > function(image))
    holed = image.astype(float)
    below = holed[3:] > threshold_otsu(holed[3:])
    holed[:3] = np.nan
    chips = threshold_regions(holed, connected=False)
    np.testing.assert_array_equal(chips.labels[3:] > 0, below)
    assert not chips.labels[:3].any()


@pytest.mark.parametrize(
    ("image", "method", "message"),
    [
        (np.ones((4, 4)), "otsu", "same everywhere"),
        (np.ones((4, 4)), "otto", "otsu, li, triangle"),
        (np.ones((4, 4)), np.nan, "finite"),
        (np.ones((4, 4)), 1.0, "no region"),
        (np.full((4, 4), np.inf), 1.0, "no pixel"),
        (np.ones((4, 4), complex), 1.0, "numbers"),
    ],
)
def test_thresholds_of_nonsense_are_refused(image, method, message):
    with pytest.raises(LabelError, match=message):
        threshold_regions(image, method)


@pytest.mark.parametrize("markers", ["distance", "peaks"])
def test_touching_discs_are_parted_between_their_centres(markers):
    centres = ((20, 20), (20, 40), (45, 65))
    image = discs(*centres).astype(float)
    chips = watershed_regions(image, 0.5, markers=markers, min_distance=8, smoothing_px=3.0)
    check_chips(chips, "W")
    check_connected(chips)
    assert len(chips) == 3
    found = describe_labels(chips.labels)[["row", "column"]].to_numpy()
    assert np.abs(found[np.argsort(found[:, 1])] - centres).max() < 2.5


@settings(max_examples=60)
@given(IMAGES, st.sampled_from(["distance", "peaks"]), st.booleans())
def test_watershed_parts_all_that_is_above(image, markers, dark):
    inside = (image <= 0.5) if dark else (image > 0.5)
    settings = {"markers": markers, "dark": dark, "smoothing_px": 0}
    if not inside.any():
        with pytest.raises(LabelError):
            watershed_regions(image, 0.5, **settings)
        return
    chips = watershed_regions(image, 0.5, **settings)
    check_chips(chips, "W")
    check_connected(chips)
    np.testing.assert_array_equal(chips.labels > 0, inside)


@pytest.mark.parametrize("settings", [{"markers": "corners"}, {"min_distance": 0}])
def test_watershed_of_nonsense_is_refused(settings):
    with pytest.raises(LabelError, match="markers"):
        watershed_regions(discs((20, 20)), 0.5, **settings)


def test_an_image_of_other_pixels_is_brought_onto_the_map():
    rows, columns = np.indices((64, 128))
    ramp = 3.0 * rows + columns
    small = resampled(AuxiliaryImage("HAADF", ramp), (16, 32))
    # A pixel of the map holds the mean of the pixels it covers, but for the edges.
    blocks = ramp.reshape(16, 4, 32, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(small[3:-3, 3:-3], blocks[3:-3, 3:-3], rtol=1e-6)
    assert resampled(ramp, (100, 30)).shape == (100, 30)
    assert resampled(np.zeros((8, 8, 3), np.uint8), (4, 4)).shape == (4, 4, 3)
    same = resampled(ramp, (64, 128))
    np.testing.assert_array_equal(same, ramp)
    assert not np.shares_memory(same, ramp)
    with pytest.raises(LabelError, match="expected an image"):
        resampled(np.zeros(4), (2, 2))


def test_a_measured_velox_map_is_cut_into_regions(data_dir):
    image = eds.load(data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")
    haadf = resampled(image.images[0], image.shape)
    chips = superpixels([haadf, image.counts_map()], n_regions=20, smoothing_px=1)
    assert 10 <= len(chips) <= 30
    check_connected(chips)
    assert image.label_spectra(chips.labels).spectra.sum() == image.total_counts
    assert (threshold_regions(haadf).labels > 0).mean() < 0.9
    assert len(watershed_regions(haadf, min_distance=3)) >= 1
