"""Spectra of labels, made block by block, beside a plain product of matrices."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from napari_eds import EnergyAxis, SpectrumImage
from napari_eds.spectra import label_sums, products
from napari_eds.spectra.label_sums import LabelSpectra

SHAPE, CHANNELS = (23, 17), 40


@pytest.fixture(params=["small blocks", "large blocks"])
def blocks(request, monkeypatch):
    if request.param == "small blocks":
        monkeypatch.setattr(label_sums, "_BLOCK_COST", 60)
        monkeypatch.setattr(label_sums, "_LABEL_COST", 10)
        monkeypatch.setattr(products, "_BLOCK_STORED", 7)
        monkeypatch.setattr(products, "_DENSE_BLOCK_PIXELS", 3)


@pytest.fixture(params=[0.05, 0.9, "fractions"])
def image(request):
    rng = np.random.default_rng(3)
    density = 0.1 if request.param == "fractions" else request.param
    cube = rng.poisson(300, (*SHAPE, CHANNELS)) * (rng.random((*SHAPE, CHANNELS)) < density)
    cube[4] = 0
    if request.param == "fractions":
        cube = cube / 4
    return SpectrumImage.from_array(cube, EnergyAxis(-0.1, 0.1, CHANNELS))


@pytest.fixture(params=["many", "one", "far apart"])
def labels(request):
    rng = np.random.default_rng(5)
    return {
        "many": rng.integers(0, 60, SHAPE),
        "one": np.ones(SHAPE, int),
        "far apart": rng.integers(0, 5, SHAPE) * 10**12,
    }[request.param]


@pytest.mark.usefixtures("blocks")
def test_sums_are_those_of_the_pixels(image, labels):
    cube = image.to_array().astype(float)
    ids = np.unique(labels[labels > 0])
    expected = np.array([cube[labels == i].sum(axis=0) for i in ids])
    found = image.label_spectra(labels)
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_array_equal(found.n_pixels, [(labels == i).sum() for i in ids])
    np.testing.assert_array_equal(found.spectra, expected)
    np.testing.assert_array_equal(np.concatenate(list(found.blocks())), expected)
    np.testing.assert_array_equal(found.within(slice(5, 12)), expected[:, 5:12])
    np.testing.assert_array_equal(found.of(len(ids) - 1), expected[-1])
    np.testing.assert_array_equal(found.total(), expected.sum(axis=0))
    xrays = expected[:, image.energy.xray_channels].sum(axis=1)
    np.testing.assert_array_equal(found.xray_counts, xrays)


@pytest.mark.usefixtures("blocks")
def test_products_do_not_depend_on_blocks(image):
    cube = image.to_array().astype(float).reshape(-1, CHANNELS)
    np.testing.assert_array_equal(image.total_spectrum(), cube.sum(axis=0))
    np.testing.assert_array_equal(image.counts_map(all_channels=True).ravel(), cube.sum(axis=1))
    weights = np.arange(CHANNELS * 3).reshape(CHANNELS, 3)
    np.testing.assert_array_equal(image.project(weights), cube @ weights)


def test_whole_counts_are_held_as_small_as_they_can_be(image):
    found = image.label_spectra(np.ones(SHAPE, int))
    is_whole = image.counts.dtype.kind == "u"
    assert found.within(slice(0, 5)).dtype == (np.int32 if is_whole else np.float64)
    assert found.spectra.dtype == (np.int64 if is_whole else np.float64)


def test_counts_beyond_32_bits_are_not_cut():
    highest = 2**32 - 1
    image = SpectrumImage.from_array(np.full((1, 2, 3), highest), EnergyAxis(0, 0.1, 3))
    assert image.label_spectra(np.ones((1, 2), int)).within(slice(0, 3)).tolist() == [
        [2 * highest] * 3
    ]


def test_spectra_that_are_held_already():
    spectra = np.arange(12).reshape(3, 4)
    held = LabelSpectra.held(np.array([1, 2, 5]), spectra, np.ones(3, int), EnergyAxis(0, 1, 4))
    np.testing.assert_array_equal(held.spectra, spectra)
    np.testing.assert_array_equal(held.within(slice(1, 3)), spectra[:, 1:3])
    np.testing.assert_array_equal(held.total(), spectra.sum(axis=0))


def test_many_labels_take_little_memory():
    # 10,000 labels of 4096 channels: 330 MB of 64-bit numbers, from 0.5 million counts.
    rng = np.random.default_rng(1)
    counts = sparse.random_array((10_000, 4096), density=0.012, format="csr", rng=rng)
    counts.data = np.ones(counts.nnz, np.uint8)
    image = SpectrumImage.from_matrix(counts, (100, 100), EnergyAxis(-0.1, 0.01, 4096))
    labels = np.arange(1, 10_001).reshape(100, 100)
    tracemalloc.start()
    found = image.label_spectra(labels)
    held = found.within(slice(30, 530))
    sums = found.xray_counts
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held.nbytes == 10_000 * 500 * 4
    assert sums.sum() == counts[:, image.energy.xray_channels].sum()
    # What is asked for, and the blocks that are on their way.
    assert peak < held.nbytes + 60e6
