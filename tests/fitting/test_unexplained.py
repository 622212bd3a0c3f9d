"""Peaks that the model lacks: found where they are, and none where it is complete."""

import numpy as np
import pytest

from napari_eds import Acquisition, EnergyAxis, Recipe
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.model import build_model
from napari_eds.fitting.sum_fit import fit_sum
from napari_eds.fitting.unexplained import UnexplainedPeak, peaks_beside, unexplained_peaks


@pytest.fixture(scope="module")
def model():
    recipe = Recipe.create(elements=("Fe", "Cr", "O"), background_order=3)
    axis = EnergyAxis(0, 0.01, 2048)
    return corrected(build_model(axis, Acquisition(beam_energy_keV=200), recipe))


def spectrum(model, counts, extra=()):
    areas = {"Fe_K": 10, "Cr_K": 6, "O_K": 4, "Fe_L": 4, "Cr_L": 2}
    lines = model.profiles @ [areas[str(family)] for family in model.families]
    energies = model.energy.energies_keV
    expected = lines + 0.2 * lines.mean() * (1 - energies / 25) ** 3
    for energy, share in extra:
        peak = np.exp(-0.5 * ((energies - energy) / 0.055) ** 2)
        expected = expected + share * lines.sum() * peak / peak.sum()
    drawn = counts * expected / expected.sum()
    return np.random.default_rng(int(counts)).poisson(drawn)


@pytest.mark.parametrize("counts", [5e3, 2e5, 1e7])
def test_a_complete_model_leaves_nothing(model, counts):
    total = spectrum(model, counts)
    assert unexplained_peaks(model, total, fit_sum(model, total)) == ()


@pytest.mark.parametrize("counts", [2e4, 1e7])
def test_peaks_are_found_with_their_share_and_elements(model, counts):
    total = spectrum(model, counts, [(8.046, 0.10), (3.313, 0.05)])  # Cu Ka and K Ka
    found = unexplained_peaks(model, total, fit_sum(model, total))
    assert [peak.energy_keV for peak in found] == pytest.approx([8.046, 3.313], abs=0.03)
    assert [peak.share for peak in found] == pytest.approx([0.10, 0.05], rel=0.25)
    assert "Cu" in found[0].elements
    assert "K" in found[1].elements
    assert "8.0" in str(found[0])
    assert "Cu" in str(found[0])


def test_what_lines_may_be_wrong_by_is_no_peak(model):
    """A bump of 1 % of Fe K alpha on its flank."""
    total = spectrum(model, 1e7, [(6.46, 0.004)])
    assert unexplained_peaks(model, total, fit_sum(model, total)) == ()


def test_single_counts_in_many_labels_are_no_peaks(model):
    """A thousand labels of 300 counts, whose expected counts are known exactly."""
    areas = np.array([10 if str(f) == "Fe_K" else 2 for f in model.families], dtype=float)
    shape = model.profiles @ areas + 1e-3
    scale = 300 / shape.sum()
    drawn = np.random.default_rng(0).poisson(scale * shape, (1000, shape.size))
    found = [peaks_beside(model, counts, scale * areas, scale * shape) for counts in drawn]
    assert not any(found)


def test_a_peak_of_one_label_is_found(model):
    areas = np.array([10 if str(f) == "Fe_K" else 2 for f in model.families], dtype=float)
    shape = model.profiles @ areas + 1e-3
    expected = shape * 3000 / shape.sum()
    copper = np.exp(-0.5 * ((model.energy.energies_keV - 8.046) / 0.07) ** 2)
    counts = np.random.default_rng(1).poisson(expected + 300 * copper / copper.sum())
    (peak,) = peaks_beside(model, counts, areas * 3000 / shape.sum(), expected)
    assert peak.energy_keV == pytest.approx(8.046, abs=0.05)
    assert "Cu" in peak.elements
    assert peak.share == pytest.approx(0.1, rel=0.3)


def test_shares_beyond_all_lines_are_told_in_words():
    assert str(UnexplainedPeak(6.4, 2.25, ("Fe",))) == "6.40 keV (225 % of the lines: Fe?)"
    assert str(UnexplainedPeak(6.4, 800.0, ())) == "6.40 keV (over 1000 % of the lines)"
