"""Advice on chip size: predicted errors against those of chips, and against their scatter."""

import dataclasses

import numpy as np
import pytest

import napari_eds as eds
from napari_eds import EDSError, LabelError, Recipe, grid_chips
from napari_eds.quantification.advice import chip_size_advice, counts_for_error, counts_in_range

STRAY = ("C", "Cu", "Ga", "La", "Fe", "Pt")


@pytest.fixture(scope="module")
def substrate(lfo_sto_96):
    """Part of the substrate, of one phase only."""
    return lfo_sto_96.crop(slice(66, 96), slice(0, 96))


@pytest.fixture(scope="module")
def recipe():
    return Recipe(elements=("Sr", "Ti", "O"), fit_only=STRAY)


@pytest.fixture(scope="module")
def advice(substrate, recipe):
    return chip_size_advice(substrate, recipe, error_at_pct=1.0)


def test_predicted_errors_are_those_that_chips_state(substrate, recipe, advice):
    for size in (4, 6, 10):
        stated = eds.quantify(substrate, grid_chips(substrate.shape, size), recipe).table
        for element in ("Sr", "Ti", "O"):
            column = f"{element}_at_pct_error"
            assert advice.frame.loc[size, column] == pytest.approx(stated[column].mean(), rel=0.05)


def test_predicted_errors_are_the_scatter_of_chips(substrate, recipe, advice):
    """In one phase of varying thickness, so neighbours are compared: they are equally thick."""
    size = 5
    chips = grid_chips(substrate.shape, size)
    table = eds.quantify(substrate, chips, recipe).table
    for element in ("Sr", "Ti", "O"):
        at_pct = table[f"{element}_at_pct"].to_numpy().reshape(chips.grid)
        steps = np.diff(at_pct, axis=0)
        scatter = np.sqrt((steps**2).mean() / 2)
        # 95 differences, each chip in two of them, know a deviation to about 9 %.
        assert scatter == pytest.approx(advice.frame.loc[size, f"{element}_at_pct_error"], rel=0.2)


def test_the_frame_says_how_many_chips_of_which_size_there_are(substrate, advice):
    frame = advice.frame
    assert frame.index.is_monotonic_increasing
    assert frame.index.max() == 24
    sizes = frame.index.to_numpy()
    assert frame["n_chips"].tolist() == [len(grid_chips(substrate.shape, int(s))) for s in sizes]
    np.testing.assert_allclose(frame["size_nm"], 0.25 * sizes)
    is_xray = substrate.energy.energies_keV >= 0.2
    per_pixel = substrate.total_spectrum()[is_xray].sum() / substrate.n_pixels
    np.testing.assert_allclose(frame["counts"], per_pixel * sizes**2)
    np.testing.assert_allclose(frame["worst_error"], frame["O_at_pct_error"])


def test_a_range_that_begins_in_the_noise_peak_holds_its_xrays_only(substrate, recipe):
    energies = substrate.energy.energies_keV
    is_counted = (energies >= 0.2) & (energies < 15)
    low = recipe.model_copy(update={"energy_range_keV": (0.05, 15.0)})
    plain = substrate.to_array()[..., is_counted].sum(axis=2)
    np.testing.assert_array_equal(counts_in_range(substrate, low), plain)


def test_the_smallest_good_size_is_recommended(advice):
    assert advice.major == ("Sr", "Ti", "O")
    worst = advice.frame["worst_error"]
    assert worst[advice.recommended_px] <= 1.0
    assert (worst[worst.index < advice.recommended_px] > 1.0).all()


def test_no_size_is_recommended_where_none_is_good_enough(substrate, recipe):
    advice = chip_size_advice(substrate, recipe, [2, 4], error_at_pct=0.01)
    assert advice.frame.index.tolist() == [2, 4]
    assert advice.recommended_px is None


def test_no_size_is_recommended_of_which_no_chip_fits(substrate, recipe, advice):
    strip = np.zeros(substrate.shape, int)
    strip[3:8] = 1
    narrow = chip_size_advice(substrate, recipe, [2, 5, 6, 10], labels=strip, error_at_pct=0.9)
    assert narrow.frame["n_chips"].tolist() == [2 * 48, 0, 0, 0]
    assert narrow.frame.loc[10, "worst_error"] < 0.9 < narrow.frame.loc[2, "worst_error"]
    assert narrow.recommended_px is None


def test_traces_do_not_decide(substrate):
    """The Cu of the grid is there, at few atomic %."""
    with_copper = Recipe(elements=("Sr", "Ti", "O", "Cu"), fit_only=("C", "Ga", "La", "Fe", "Pt"))
    table = eds.quantify(substrate, np.ones(substrate.shape, int), with_copper).table
    assert 0 < table.loc[1, "Cu_at_pct"] < 5
    advice = chip_size_advice(substrate, with_copper, [4])
    assert advice.major == ("Sr", "Ti", "O")
    assert "Cu_at_pct_error" in advice.frame


def test_a_large_error_of_a_trace_does_not_decide(substrate):
    """Sn is absent; a k-factor far too large makes its error the largest."""
    k = {"O_K": 1.13, "Ti_K": 1.26, "Sr_K": 4.91, "Sn_L": 60.0}
    recipe = Recipe(
        elements=("Sr", "Ti", "O", "Sn"),
        fit_only=STRAY,
        k_factors=eds.KFactorTable.from_mapping(k, "family"),
    )
    sizes = chip_size_advice(substrate, recipe, [4])
    assert sizes.major == ("Sr", "Ti", "O")
    frame = sizes.frame.loc[4]
    assert frame["Sn_at_pct_error"] > 1.2 * frame["worst_error"]
    assert frame["worst_error"] == frame[[f"{e}_at_pct_error" for e in ("Sr", "Ti", "O")]].max()


def test_the_worst_label_counts(lfo_sto_96, data_dir):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    labels = np.where(truth["pure"] & np.isin(truth["label"], (2, 3)), truth["label"], 0)
    recipe = Recipe(elements=("La", "Fe", "Sr", "Ti", "O"), fit_only=("C", "Cu", "Ga", "Pt"))
    both = chip_size_advice(lfo_sto_96, recipe, [8], labels=labels)
    each = [
        eds.quantify(lfo_sto_96, np.where(labels > 0, 1, 0) * (labels == i), recipe).table
        for i in (2, 3)
    ]
    assert set(both.major) == {"La", "Fe", "Sr", "Ti", "O"}
    scaled = [t["O_at_pct_error"].iloc[0] * np.sqrt(t["n_pixels"].iloc[0]) / 8 for t in each]
    assert both.frame.loc[8, "O_at_pct_error"] == pytest.approx(max(scaled), rel=0.03)
    tiles = labels[:96, :96].reshape(12, 8, 12, 8) > 0
    assert both.frame.loc[8, "n_chips"] == tiles.all(axis=(1, 3)).sum()


def test_chips_of_the_counts_advised_have_the_error_wanted(substrate, recipe, advice):
    in_range = substrate.window_map(*recipe.energy_range_keV).sum() / substrate.n_pixels
    for size in (4, 10):
        error = advice.frame.loc[size, "O_at_pct_error"]
        counts = counts_for_error(substrate, recipe, "O", error)
        assert counts == pytest.approx(in_range * size**2)


def test_advice_needs_an_element_that_is_there(substrate, recipe):
    empty = dataclasses.replace(substrate, counts=substrate.counts * 0)
    with pytest.raises(EDSError, match="no element of the recipe"):
        chip_size_advice(empty, recipe)


def test_what_makes_no_sense_is_refused(substrate, recipe):
    with pytest.raises(EDSError, match="positive"):
        chip_size_advice(substrate, recipe, error_at_pct=0)
    with pytest.raises(LabelError, match="do not fit"):
        chip_size_advice(substrate, recipe, [4, 31])
    with pytest.raises(LabelError, match="no chip size"):
        chip_size_advice(substrate, recipe, [])
    with pytest.raises(EDSError, match="Mn is not quantified"):
        counts_for_error(substrate, recipe, "Mn", 2)


def test_a_measured_velox_map_gets_advice(data_dir):
    image = eds.load(data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")
    recipe = Recipe(elements=("Ni", "Cr", "Fe", "Nb", "Ti"), fit_only=("Cu", "Al", "Si", "O"))
    advice = chip_size_advice(image, recipe, [1, 2, 5])
    assert advice.major[:3] == ("Ni", "Cr", "Fe")
    stated = eds.quantify(image, grid_chips(image.shape, 5), recipe).table
    predicted = advice.frame.loc[5]
    for element in ("Ni", "Cr", "Fe"):
        assert predicted[f"{element}_at_pct_error"] == pytest.approx(
            stated[f"{element}_at_pct_error"].mean(), rel=0.1
        )
    assert predicted["n_chips"] == len(stated) == 20


def test_a_recipe_that_does_not_describe_the_map_gets_no_advice(lfo_sto_96, recipe):
    """Sr, Ti and O alone, where most of the map is LaFeO3 under a cap of Pt."""
    alone = Recipe(elements=("O", "Ti", "Sr"))
    found = chip_size_advice(lfo_sto_96, alone)
    assert (found.frame["worst_error"] < found.error_at_pct).any()
    assert (found.frame["worst_error_total"] > found.error_at_pct).all()
    assert not found.is_described
    assert found.recommended_px is None
    (flag,) = eds.quantify(lfo_sto_96, np.ones(lfo_sto_96.shape, int), alone).table["flag"]
    assert found.remarks[0] == f"All labels: {flag}."
    assert "poor fit" in flag


def test_large_errors_of_k_factors_are_no_reason_to_withhold_advice(substrate, recipe, advice):
    assert advice.is_described
    assert advice.recommended_px is not None
    assert (advice.frame["worst_error_total"] > advice.error_at_pct).all()
