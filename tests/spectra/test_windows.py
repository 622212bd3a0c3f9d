"""Window maps: against plain sums, known backgrounds and simulated truth."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import napari_eds as eds
from napari_eds.physics import lines as xray
from napari_eds.physics.emission import emission_lines
from napari_eds.spectra.windows import (
    element_maps,
    family_windows,
    main_lines_keV,
    side_windows_of,
    window_map,
)

AXIS = eds.EnergyAxis(-0.25, 0.01, 1200)


def families(*names):
    return [xray.family(*name.split("_")) for name in names]


def image_of(spectra, shape):
    return eds.SpectrumImage.from_matrix(np.asarray(spectra), shape, AXIS)


@given(
    counts=st.lists(st.integers(0, 300), min_size=1200, max_size=1200),
    cuts=st.lists(st.floats(-0.25, 11.74), min_size=1, max_size=5, unique=True),
)
@settings(max_examples=30)
def test_windows_that_share_out_the_axis_share_out_all_counts(counts, cuts):
    image = image_of([counts], (1, 1))
    edges = [-1.0, *sorted(cuts), 13.0]
    total = 0
    for low, high in pairwise(edges):
        try:
            total += window_map(image, low, high).item()
        except eds.EDSError:  # cuts within one channel
            continue
    assert total == sum(counts)


@given(
    level=st.floats(0, 100), slope=st.floats(0, 10), low=st.floats(1, 10), width=st.floats(0.02, 1)
)
@settings(max_examples=50)
def test_a_straight_background_is_taken_away_altogether(level, slope, low, width):
    straight = level + slope * AXIS.energies_keV + 5
    net = window_map(image_of([straight], (1, 1)), low, low + width, side_windows=True)
    assert net.item() == pytest.approx(0, abs=1e-6 * straight.sum())


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_sparse_and_dense_counts_give_the_same_maps(make):
    generator = np.random.default_rng(2)
    dense = generator.poisson(0.1 if make is sparse.csr_array else 3.0, (5000, 1200))
    image = eds.SpectrumImage.from_matrix(make(dense.astype(np.uint8)), (50, 100), AXIS)
    assert image.is_sparse == (make is sparse.csr_array)
    chosen = families("Fe_K", "Ti_K", "O_K")
    for side_windows in (False, True):
        maps = element_maps(image, chosen, side_windows=side_windows)
        for family, window in family_windows(chosen, AXIS, 130.0).items():
            lines = main_lines_keV(chosen)
            alone = window_map(image, *window, side_windows=side_windows, lines_keV=lines)
            np.testing.assert_allclose(maps[family], alone, atol=1e-9)


def test_without_a_background_it_is_the_images_own_map(lfo_sto_96):
    np.testing.assert_array_equal(
        window_map(lfo_sto_96, 6.2, 6.6), lfo_sto_96.window_map(6.2, 6.6)
    )
    windows = family_windows(families("Fe_K"), lfo_sto_96.energy, 130.0)
    (map_,) = element_maps(lfo_sto_96, families("Fe_K"), side_windows=False).values()
    np.testing.assert_array_equal(map_, lfo_sto_96.window_map(*windows[families("Fe_K")[0]]))


def test_net_maps_follow_the_true_composition(lfo_sto_96, data_dir):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    chosen = families("La_L", "Fe_K", "Sr_K", "Ti_K", "Pt_L", "O_K")
    maps = element_maps(lfo_sto_96, chosen)
    amount = truth["thickness_nm"] * truth["density_g_cm3"]
    for family, least in zip(chosen, (0.9, 0.8, 0.85, 0.95, 0.9, 0.7), strict=True):
        true = truth[f"at_{family.element}"] * amount
        assert np.corrcoef(maps[family].ravel(), true.ravel())[0, 1] > least, family


@pytest.mark.parametrize(
    ("name", "label", "phase"), [("Fe_K", 2, "LaFeO3"), ("Ti_K", 3, "SrTiO3")]
)
def test_net_counts_are_those_of_the_simulation(lfo_sto_96, data_dir, name, label, phase):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    table = pd.read_csv(data_dir / "simulated/LFO_STO_96_net_counts.csv", index_col="region")
    chosen = families("La_L", "Fe_K", "Sr_K", "Ti_K", "Pt_L", "Cu_K")
    (family,) = families(name)
    pure = truth["pure"] & (truth["label"] == label)
    net = element_maps(lfo_sto_96, chosen)[family][pure].sum()
    # The window holds 84 % of a Gaussian; K beta lies outside of it.
    emitted = emission_lines(family.element, "K", 300.0)
    alpha = emitted.alpha().cross_sections_cm2.sum() / emitted.cross_sections_cm2.sum()
    true = table.loc[f"{phase} (pure)", name] * 0.842 * alpha
    assert net == pytest.approx(true, rel=0.03)


def test_windows_lie_on_alpha_lines_and_leave_out_what_is_off_the_axis():
    chosen = families("Fe_K", "Sr_K")
    windows = family_windows(chosen, AXIS, 130.0)
    assert list(windows) == chosen[:1]  # Sr K lies at 14.2 keV
    low, high = windows[chosen[0]]
    assert (low + high) / 2 == pytest.approx(6.404, abs=1e-3)
    assert high - low == pytest.approx(1.2 * xray.fwhm_keV(6.404, 130.0), rel=1e-3)


def test_side_windows_mirror_the_window_and_keep_a_gap():
    below, above = side_windows_of(AXIS, (6.3, 6.5), 130.0)
    width = xray.fwhm_keV(6.4, 130.0)
    assert above == pytest.approx((6.5 + width / 2, 6.7 + width / 2))
    assert below == pytest.approx((6.1 - width / 2, 6.3 - width / 2))


def test_side_windows_keep_clear_of_other_lines():
    lines = [5.9, 6.404, 6.93]  # Mn, Fe itself, Co
    for low, high in side_windows_of(AXIS, (6.32, 6.48), 130.0, lines_keV=lines):
        assert all(not low < line < high for line in lines)
        assert min(abs(e - line) for e in (low, high) for line in lines) > 0.1
    crowded = np.arange(5, 8, 0.1)
    assert side_windows_of(AXIS, (6.32, 6.48), 130.0, lines_keV=crowded) == ()


def test_near_an_end_of_the_axis_one_side_window_does():
    (above,) = side_windows_of(AXIS, (-0.25, 0.1), 130.0)
    assert above[0] > 0.1
    (below,) = side_windows_of(AXIS, (11.5, 11.74), 130.0)
    assert below[1] < 11.5
    flat = image_of([np.full(1200, 7)], (1, 1))
    assert window_map(flat, 11.5, 11.7, side_windows=True).item() == pytest.approx(0)


def test_unusable_windows_are_refused():
    image = image_of([np.ones(1200)], (1, 1))
    with pytest.raises(eds.EDSError, match="no room for a background"):
        window_map(image, -0.3, 12, side_windows=True)
    with pytest.raises(eds.EDSError, match="no channel"):
        window_map(image, 30, 31, side_windows=True)
    blind = eds.SpectrumImage.from_array(np.ones((2, 2, 9)), eds.EnergyAxis.uncalibrated(9))
    for refused in (
        lambda: window_map(blind, 1, 2, side_windows=True),
        lambda: element_maps(blind, families("Fe_K")),
    ):
        with pytest.raises(eds.UncalibratedError):
            refused()
    assert element_maps(image, families("Sr_K")) == {}
