"""Densities of published phases, and those that follow from compositions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_eds import Absorption, EDSError
from napari_eds.physics import lines as xray
from napari_eds.physics.densities import _densities, density_from_composition, density_of
from napari_eds.physics.volumes import DENSITY_RELATIVE_ERROR, AtomicVolumes

#: Compounds outside of the shipped table, in g/cm³ (handbooks, and lattice parameters).
OTHERS = {
    "La0.7Sr0.3MnO3": 6.4, "Sr2RuO4": 5.9, "Gd2Zr2O7": 7.0, "Al6Si2O13": 3.16,
    "Ca2Fe2O5": 4.0, "MnFe2O4": 4.87, "PbMoO4": 6.95, "Ni3Ti": 7.9, "CoSb3": 7.6,
    "CaMoO4": 4.35, "Y2Ti2O7": 4.98, "Sr3Al2O6": 4.1, "Al2TiO5": 3.7, "BaFe12O19": 5.3,
    "Cr3C2": 6.68, "Ti2AlN": 4.31, "CuInSe2": 5.77, "Bi2Te2Se": 7.8, "ZrSi2": 4.88,
}  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "density"), [("SrTiO3", 5.12), ("O3TiSr", 5.12), ("LaFeO3", 6.64), ("Pt", 21.45)]
)
def test_densities_of_known_phases(formula, density):
    assert density_of(formula) == pytest.approx(density, rel=0.01)


def test_strontium_titanate_is_as_dense_as_its_unit_cell():
    """One formula unit in a cube of 3.905 angstrom."""
    grams = (87.62 + 47.867 + 3 * 15.999) / 6.02214076e23
    assert density_of("SrTiO3") == pytest.approx(grams / (3.905e-8) ** 3, rel=0.005)


def test_an_unknown_density_asks_for_a_number():
    with pytest.raises(EDSError, match="La2Ti2O7 is not known here; give it"):
        density_of("La2Ti2O7")


def test_every_density_of_the_table_belongs_to_a_formula():
    assert all(0.5 < density_of(formula) < 25 for formula in _densities())


def test_absorption_settings_take_a_formula_for_the_density():
    assert Absorption(thickness_nm=50, density_g_cm3="LaFeO3").density_g_cm3 == 6.64
    with pytest.raises(ValueError, match="not known here"):
        Absorption(thickness_nm=50, density_g_cm3="La2Ti2O7")


def test_the_density_may_be_left_to_the_composition():
    assert Absorption(thickness_nm=50).density_g_cm3 is None
    assert Absorption(thickness_nm=50, density_g_cm3="composition").density_g_cm3 is None
    assert Absorption(thickness_nm=50, density_g_cm3="5.5").density_g_cm3 == 5.5


def test_published_densities_follow_from_compositions_as_well_as_is_told():
    misfit = np.log([density_from_composition(f) / density_of(f) for f in _densities()])
    assert np.sqrt(np.mean(misfit**2)) < DENSITY_RELATIVE_ERROR
    assert abs(misfit.mean()) < 0.02


def test_densities_of_other_compounds_follow_as_well_as_is_told():
    misfit = np.log([density_from_composition(f) / density for f, density in OTHERS.items()])
    assert np.sqrt(np.mean(misfit**2)) < DENSITY_RELATIVE_ERROR


@pytest.mark.parametrize("element", ["Al", "Si", "Fe", "Sr", "La", "Pt", "Au", "Te", "S"])
def test_elements_alone_have_their_own_density(element):
    assert density_from_composition(element) == pytest.approx(density_of(element), rel=0.01)


def test_an_element_of_unknown_volume_is_named():
    with pytest.raises(EDSError, match="composition with Rn, of unknown atomic volume: give it"):
        AtomicVolumes.of(["O", "Rn"])


ELEMENTS = ["La", "Fe", "O", "Si", "S", "Pt"]


@given(st.lists(st.floats(0.01, 1), min_size=6, max_size=6))
def test_slopes_are_those_of_the_densities(amounts):
    volumes = AtomicVolumes.of(ELEMENTS)
    fractions = np.array([amounts]) / sum(amounts)
    slopes = volumes.log_slopes(fractions)[0]
    for element, step in enumerate(1e-6 * np.eye(6)):
        up, down = (np.log(volumes.densities_g_cm3(fractions + s * step)) for s in (1, -1))
        assert slopes[element] == pytest.approx((up - down)[0] / 2e-6, rel=1e-3, abs=1e-4)


def test_noise_and_labels_without_composition():
    volumes = AtomicVolumes.of(["Sr", "Ti", "O"])
    fractions = np.array([[0.48, 0.26, 0.26], [1.1, 0.0, -0.1], 3 * [np.nan], [0.0, 0.0, 1.0]])
    found = volumes.densities_g_cm3(fractions)
    assert found[0] == pytest.approx(5.12, rel=DENSITY_RELATIVE_ERROR)
    assert found[1] == pytest.approx(xray.atomic_weight("Sr") / 33.9, rel=0.05)
    assert np.isnan(found[2])
    assert np.isfinite(found[3])
    assert np.isnan(volumes.log_slopes(fractions)[2]).all()
