"""Spectra that are no counts, or not of the whole range, are told."""

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.quantification.count_checks import empty_ends

STEM = eds.Acquisition(
    beam_energy_keV=200.0, take_off_angle_deg=22.0, energy_resolution_MnKa_eV=130.0
)
AXIS = eds.EnergyAxis(-0.25, 0.005, 4096)


KINDS = {"SrTiO3": ("Sr", "Ti", "O"), "PbS": ("Pb", "S")}
#: Whose soft lines stand just above the low end.
LOW_LINES = {"VO2": ("V", "O"), "MnF2": ("Mn", "F"), "CrN": ("Cr", "N")}


@pytest.fixture(scope="module")
def expected(data_dir):
    """Expected counts, 300,000 in all."""
    folder = data_dir / "simulated/materials"
    keys = pd.read_csv(folder / "materials.csv").drop_duplicates("name").set_index("name")["key"]
    with np.load(folder / "materials.npz") as spectra:
        return {name: 3e5 * spectra[keys[name]] for name in (*KINDS, *LOW_LINES)}


def result_of(counts, elements):
    image = eds.SpectrumImage.from_array(counts[None, None, :], AXIS, acquisition=STEM)
    recipe = eds.Recipe(elements=elements, fit_only=("Cu", "C"))
    return eds.quantify(image, np.ones((1, 1), int), recipe)


def flag_of(counts, elements):
    return result_of(counts, elements).table.iloc[0]["flag"]


@pytest.mark.parametrize("name", KINDS)
def test_counts_of_the_whole_range_carry_no_such_remark(expected, name):
    drawn = np.random.default_rng(1).poisson(expected[name])
    flag = flag_of(drawn, KINDS[name])
    assert "nothing was counted" not in flag
    assert "scatters less" not in flag


@pytest.mark.parametrize("name", KINDS)
def test_an_upper_discriminator_is_told(expected, name):
    drawn = np.random.default_rng(1).poisson(expected[name])
    drawn[AXIS.energies_keV > 10] = 0
    assert "nothing was counted above 10.00 keV: end the range there" in flag_of(
        drawn, KINDS[name]
    )


def test_a_lower_discriminator_is_told(expected):
    drawn = np.random.default_rng(1).poisson(expected["SrTiO3"])
    drawn[AXIS.energies_keV < 0.5] = 0
    assert "nothing was counted below 0.50 keV" in flag_of(drawn, KINDS["SrTiO3"])


@pytest.mark.parametrize("times", [0.01, 0.1])
def test_scaled_counts_are_told(expected, times):
    drawn = np.random.default_rng(1).poisson(10 * expected["SrTiO3"])
    assert "scatters less than counts do" in flag_of(times * drawn, KINDS["SrTiO3"])


def test_few_counts_are_counts_all_the_same(expected):
    drawn = np.random.default_rng(1).poisson(expected["SrTiO3"] / 300)
    flag = flag_of(drawn, KINDS["SrTiO3"])
    assert "scatters less" not in flag
    assert "nothing was counted" not in flag


@pytest.mark.parametrize("name", LOW_LINES)
def test_lines_beside_a_low_end_of_few_counts_do_not_make_it_a_discriminator(expected, name):
    random = np.random.default_rng(1)
    model = result_of(random.poisson(expected[name]), LOW_LINES[name]).preparation.model
    first = int(np.argmin(np.abs(AXIS.energies_keV - model.energy.offset_keV)))
    fitted = expected[name][first : first + model.energy.size]
    for _ in range(200):
        assert empty_ends(model, random.poisson(fitted / 60)) == []
