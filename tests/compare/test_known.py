"""k-factors and thickness from a label of known composition, through the whole way."""

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
    with pytest.raises(eds.EDSError, match="O"):
        result.k_factors_from(1, "SrTi", "Ti")
