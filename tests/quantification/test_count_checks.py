"""Spectra that are no counts, or not of the whole range, are told."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

import napari_eds as eds
from napari_eds.quantification.conditions.count_checks import empty_ends
from napari_eds.simulate import Phase, simulate

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


@pytest.mark.parametrize("times", [0.0123, 0.123])
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


def test_the_end_of_a_soft_beam_hides_nothing():
    """Empty channels above the beam energy neither scatter too little nor hide what does not."""
    phase = Phase("SiO2", {"Si": 33.3, "O": 66.7}, 2.2)
    soft = simulate(
        np.ones((2, 2), int), (phase,), 20.0, counts_per_pixel=1e5, beam_energy_keV=5.0
    )
    table = eds.KFactorTable(
        factors=tuple(
            eds.KFactor(element=e, family="K", value=k) for e, k in (("Si", 1.0), ("O", 1.3))
        ),
        convention="family",
    )
    recipe = eds.Recipe(elements=("Si", "O"), k_factors=table)
    flag = eds.quantify(soft.image, soft.labels, recipe).table.loc[1, "flag"]
    assert "scatters less" not in flag


@pytest.mark.parametrize(
    ("times", "unit"), [(3, "3"), (1.5, "1.5"), (0.25, "0.25"), (1, None), (0.4321, None)]
)
def test_multiples_of_counts_are_told(expected, times, unit):
    drawn = np.random.default_rng(1).poisson(expected["PbS"])
    flag = flag_of(times * drawn, KINDS["PbS"])
    assert ("all numbers are multiples of" in flag) == (unit is not None)
    assert unit is None or f"multiples of {unit}: scaled" in flag


@pytest.mark.parametrize("blur_px", [0.0, 0.7, 1.5])
def test_maps_that_were_blurred_are_told(blur_px):
    """The sum of such a map scatters as counts do; its labels do not."""
    phase = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)
    simulated = simulate(np.ones((16, 16), int), (phase,), 40.0, counts_per_pixel=1500)
    counts = simulated.image.to_array().astype(float)
    blurred = gaussian_filter(counts, (blur_px, blur_px, 0)) if blur_px else counts
    image = eds.SpectrumImage.from_array(
        blurred, simulated.image.energy, acquisition=simulated.image.acquisition
    )
    labels = eds.grid_chips(image.shape, 1)
    flags = eds.quantify(image, labels, eds.Recipe(elements=("Sr", "Ti", "O"))).table["flag"]
    assert flags.str.contains("scatters less than counts do").all() == bool(blur_px)
