"""k-factors and thickness from a label of known composition, through the whole way."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

import napari_eds as eds

DENSITY = 5.12


@pytest.fixture(scope="module")
def halves(data_dir, lfo_sto_96):
    """Pure SrTiO3 of the simulated map in two labels, and the thickness map."""
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz", allow_pickle=False)
    substrate = truth["pure"] & (truth["label"] == 3)
    columns = np.indices(substrate.shape)[1]
    return np.where(substrate, np.where(columns < 48, 1, 2), 0), truth["thickness_nm"]


def quantified(data_dir, image, halves, table=None, convention="family"):
    labels, thickness = halves
    name = {"family": "family_sum", "alpha": "alpha_line"}[convention]
    file = data_dir / f"simulated/kfactors_{name}_windowless.csv"
    recipe = eds.Recipe(
        elements=("Sr", "Ti", "O"),
        fit_only=("C", "Cu", "Ga", "La", "Fe"),
        k_factors=table or eds.read_k_factors(file, convention=convention),
        absorption=eds.Absorption(thickness_nm=50, density_g_cm3=DENSITY),
    )
    return eds.quantify(image, labels, recipe, thickness_nm=thickness)


def test_k_factors_of_one_half_give_the_other_half(data_dir, lfo_sto_96, halves):
    first = quantified(data_dir, lfo_sto_96, halves)
    calibrated = first.k_factors_from(1, "SrTiO3", "Ti")
    assert calibrated.convention == "family"
    assert "SrTiO3" in calibrated.source
    other = quantified(data_dir, lfo_sto_96, halves, calibrated).table.loc[2]
    for element, wanted in (("Sr", 20), ("Ti", 20), ("O", 60)):
        assert other[f"{element}_at_pct"] == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize("convention", ["family", "alpha"])
def test_thickness_is_that_of_the_simulation(data_dir, lfo_sto_96, halves, convention):
    labels, thickness = halves
    result = quantified(data_dir, lfo_sto_96, halves, convention=convention)
    for label in (1, 2):
        solved = result.thickness_from(label, "SrTiO3", DENSITY)
        assert solved.thickness_nm == pytest.approx(thickness[labels == label].mean(), rel=0.1)
        assert 0 < solved.error_statistical_nm < 3


def test_what_cannot_be_calibrated_is_explained(data_dir, lfo_sto_96, halves):
    result = quantified(data_dir, lfo_sto_96, halves)
    with pytest.raises(eds.LabelError, match="no label 7"):
        result.k_factors_from(7, "SrTiO3", "Ti")
    with pytest.raises(eds.EDSError, match="a ratio needs two"):
        result.k_factors_from(1, "LaTi", "Ti")


def test_elements_outside_of_the_formula_do_not_matter(data_dir, lfo_sto_96, halves):
    """La and Fe of the film are quantified, too, as in a map of film and substrate."""
    labels, thickness = halves
    recipe = eds.Recipe(
        elements=("La", "Fe", "Sr", "Ti", "O"),
        fit_only=("C", "Cu", "Ga"),
        k_factors=eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
        absorption=eds.Absorption(thickness_nm=50, density_g_cm3=DENSITY),
    )
    result = eds.quantify(lfo_sto_96, labels, recipe, thickness_nm=thickness)
    fitted = quantified(data_dir, lfo_sto_96, halves)
    table, alone = (r.k_factors_from(1, "SrTiO3", "Ti") for r in (result, fitted))
    for factor in alone.factors:
        found = table.find(factor.element, factor.family)
        assert found.value == pytest.approx(factor.value, rel=1e-6)
    assert [f.element for f in table.factors] == ["Sr", "Ti", "O"]
    note = "Not in SrTiO3, and taken as fitted only: La_L, Fe_K."
    assert (note in table.notes, result.not_in("SrTiO3"), alone.notes) == (True, note, ())
    solved = [r.thickness_from(1, "SrTiO3", DENSITY).thickness_nm for r in (result, fitted)]
    assert solved[0] == pytest.approx(solved[1], rel=1e-5)
    used = quantified(data_dir, lfo_sto_96, halves, table)
    assert note in " ".join(used.account())


def test_a_calibration_says_with_what_and_when(data_dir, lfo_sto_96, halves, tmp_path):
    table = quantified(data_dir, lfo_sto_96, halves, convention="alpha").k_factors_from(
        1, "SrTiO3", "Ti"
    )
    assert table.beam_energy_keV == 300
    assert table.detector == ", ".join(d.name for d in lfo_sto_96.acquisition.detectors)
    assert abs((datetime.now(UTC).date() - date.fromisoformat(table.date)).days) <= 1
    table.to_csv(tmp_path / "k.csv")
    assert eds.read_k_factors(tmp_path / "k.csv") == table
    told = " ".join(quantified(data_dir, lfo_sto_96, halves, table).account())
    assert f"Measured with {table.detector}. Dated {table.date}." in told
