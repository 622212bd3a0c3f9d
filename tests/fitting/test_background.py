"""The background's shape on the summed spectrum: which is chosen, and that it is positive."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.fitting.background import sum_background
from napari_eds.fitting.model import build_model
from napari_eds.physics import emission
from napari_eds.physics.absorption import mixed_absorption_cm2_g

RECIPE = eds.Recipe(elements=("Sr", "Ti", "O"), fit_only=("Cu",))
WEIGHTS = np.array([0.478, 0.261, 0.261])  # SrTiO3


@pytest.fixture(scope="module")
def model():
    axis = eds.EnergyAxis(-0.25, 0.01, 2048)
    return build_model(axis, eds.Acquisition(beam_energy_keV=300), RECIPE)


def bremsstrahlung(energies, mass_thickness):
    """Kramers' law behind SrTiO3 of a mass thickness in g/cm2 and a detector."""
    composition = dict(zip(["Sr", "Ti", "O"], WEIGHTS, strict=True))
    mac = mixed_absorption_cm2_g(composition, energies)
    depth = mac * mass_thickness
    return emission.DetectorModel().efficiency(energies) / energies * -np.expm1(-depth) / depth


def drawn(model, background, counts):
    lines = model.profiles @ np.full(len(model.families), 0.1 * counts)
    expected = lines + counts * background / background.sum()
    return np.random.default_rng(2).poisson(expected)


def test_bremsstrahlung_is_recognised_with_its_absorber(model):
    energies = model.energy.energies_keV
    true = bremsstrahlung(energies, 3e-4)
    total = drawn(model, true, 3e6)
    found = sum_background(model, total, WEIGHTS, "auto")
    assert "bremsstrahlung behind" in found.description
    thickness = float(found.description.split("behind ")[1].split()[0])
    assert thickness == pytest.approx(300, rel=0.2)
    hard = energies > 1
    np.testing.assert_allclose(found.shape[hard], 3e6 * true[hard] / true.sum(), rtol=0.03)
    assert found.reduced_chi_squared == pytest.approx(1, abs=0.1)


def test_a_polynomial_stays_where_bremsstrahlung_is_no_better(model):
    energies = model.energy.energies_keV
    total = drawn(model, (1 - energies / 25) ** 3, 3e6)
    found = sum_background(model, total, WEIGHTS, "auto")
    assert "polynomial" in found.description
    assert found.reduced_chi_squared == pytest.approx(1, abs=0.1)
    physical = sum_background(model, total, WEIGHTS, "physical")
    assert physical.reduced_chi_squared > found.reduced_chi_squared


@pytest.mark.parametrize("choice", ["polynomial", "physical"])
def test_the_shape_is_positive_even_without_counts(model, choice):
    for total in (np.zeros(model.energy.size), drawn(model, np.eye(1, model.energy.size)[0], 1e4)):
        assert (sum_background(model, total, WEIGHTS, choice).shape > 0).all()
