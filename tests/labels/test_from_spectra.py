"""Clusters of spectra against the phases of the simulated specimen."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import adjusted_rand_score

import napari_eds as eds
from napari_eds import EDSError, EnergyAxis, LabelError, SpectrumImage
from napari_eds.labels.from_spectra import cluster_labels


@pytest.fixture(scope="module")
def truth(data_dir):
    return np.load(data_dir / "simulated/LFO_STO_96_truth.npz")


def check_labels(chips, shape):
    seen = list(dict.fromkeys(chips.labels[chips.labels > 0].tolist()))
    assert seen == list(range(1, len(chips) + 1))
    assert chips.names == {i: f"cluster {i}" for i in seen}
    assert chips.labels.shape == shape
    assert chips.labels.dtype == np.int32


@pytest.mark.parametrize("method", ["kmeans", "nmf"])
@pytest.mark.parametrize("bin_px", [None, 3])
def test_clusters_are_the_phases(lfo_sto_96, truth, method, bin_px):
    """Vacuum, cap, film and substrate; the Fe-rich domains are counted with the film."""
    chips = cluster_labels(lfo_sto_96, 4, method=method, bin_px=bin_px)
    assert len(chips) == 4
    check_labels(chips, lfo_sto_96.shape)
    phases = np.where(truth["label"] > 3, 2, truth["label"])
    pure = truth["pure"]
    assert adjusted_rand_score(phases[pure], chips.labels[pure]) > 0.95
    assert adjusted_rand_score(phases.ravel(), chips.labels.ravel()) > 0.85


def test_blocks_are_labelled_as_a_whole(lfo_sto_96):
    labels = cluster_labels(lfo_sto_96, 3, bin_px=7).labels
    whole = labels[:91, :91].reshape(13, 7, 13, 7)
    assert (whole == whole[:, :1, :, :1]).all()
    # The blocks at the bottom and right are smaller, but there.
    assert labels.min() == 1
    assert (labels[91:, :7] == labels[91, 0]).all()


def test_the_default_block_has_the_counts_it_is_to_have(lfo_sto_96):
    rng = np.random.default_rng(1)
    thinned = lfo_sto_96.counts.copy()
    thinned.data = rng.binomial(thinned.data, 0.05)
    weak = SpectrumImage.from_matrix(thinned, lfo_sto_96.shape, lfo_sto_96.energy)
    per_pixel = weak.window_map(0.2, 19).mean()
    side = next(s for s in range(1, 20) if per_pixel * s**2 >= 200)
    np.testing.assert_array_equal(
        cluster_labels(weak, 3).labels, cluster_labels(weak, 3, bin_px=side).labels
    )


def test_only_the_energies_asked_for_are_compared(lfo_sto_96, truth):
    """Fe and La are in the film only, so their lines alone part it from the rest."""
    chips = cluster_labels(lfo_sto_96, 2, energy_range_keV=(4.55, 6.6), bin_px=2)
    film = np.isin(truth["label"], (2, 4, 5))
    assert adjusted_rand_score(film.ravel(), chips.labels.ravel()) > 0.8


def test_sparse_and_dense_counts_give_the_same_labels(lfo_sto_96):
    small = lfo_sto_96.crop(slice(30, 60), slice(0, 30)).rebin_energy(8)
    dense = SpectrumImage(small.counts.toarray(), small.shape, small.energy)
    assert small.is_sparse != dense.is_sparse
    before = small.counts.copy()
    labels = cluster_labels(small, 3, bin_px=2).labels
    np.testing.assert_array_equal(labels, cluster_labels(dense, 3, bin_px=2).labels)
    assert (small.counts != before).nnz == 0


@settings(max_examples=40)
@given(
    npst.arrays(np.uint8, npst.array_shapes(min_dims=3, max_dims=3, max_side=6)),
    st.integers(2, 4),
    st.sampled_from(["kmeans", "nmf"]),
    st.integers(1, 3),
)
@example(np.ones((1, 4, 5), np.uint8), 2, "nmf", 1)
def test_any_map_gets_labels_or_a_reason(counts, n_clusters, method, bin_px):
    image = SpectrumImage.from_array(counts, EnergyAxis.uncalibrated(counts.shape[2]))
    settings = {"method": method, "bin_px": min(bin_px, *image.shape)}
    try:
        chips = cluster_labels(image, n_clusters, **settings)
    except LabelError as error:
        assert "ask for fewer" in str(error)  # noqa: PT017 - either outcome is right
        return
    check_labels(chips, image.shape)
    assert len(chips) <= n_clusters
    assert (chips.labels[image.counts_map() > 0] > 0).all()
    again = cluster_labels(image, n_clusters, **settings)
    np.testing.assert_array_equal(again.labels, chips.labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_clusters": 1}, "2 or more"),
        ({"n_clusters": 2.5}, "2 or more"),
        ({"method": "ward"}, "kmeans"),
        ({"bin_px": 0}, "blocks of 0"),
        ({"bin_px": 97}, "blocks of 97"),
        ({"n_clusters": 5, "bin_px": 48}, "4 blocks"),
    ],
)
def test_what_makes_no_sense_is_refused(lfo_sto_96, settings, message):
    with pytest.raises(EDSError, match=message):
        cluster_labels(lfo_sto_96, **{"n_clusters": 3, **settings})


def test_a_measured_velox_map_is_clustered(data_dir):
    image = eds.load(data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")
    chips = cluster_labels(image, 3)
    check_labels(chips, image.shape)
    assert image.label_spectra(chips.labels).spectra.sum() == image.total_counts
