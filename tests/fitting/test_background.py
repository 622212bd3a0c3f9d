"""The background's shape on the summed spectrum: which is chosen, and that it is positive."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.fitting.background import sum_background
from napari_eds.fitting.model import build_model
from napari_eds.physics.absorption import mixed_absorption_cm2_g
from napari_eds.physics.detector import DetectorModel

RECIPE = eds.Recipe(elements=("Sr", "Ti", "O"), fit_only=("Cu",))
WEIGHTS = np.array([0.478, 0.261, 0.261])  # SrTiO3


@pytest.fixture(scope="module")
def model():
    axis = eds.EnergyAxis(-0.25, 0.01, 2048)
    return build_model(axis, eds.Acquisition(beam_energy_keV=300), RECIPE)


def bremsstrahlung(energies, mass_thickness):
    """Kramers' law behind SrTiO3 of a mass thickness in g/cm2, as a detector resolves it."""
    composition = dict(zip(["Sr", "Ti", "O"], WEIGHTS, strict=True))
    mac = mixed_absorption_cm2_g(composition, energies)
    depth = mac * mass_thickness
    step = energies[1] - energies[0]
    sharp = -np.expm1(-depth) / depth
    fwhm = np.sqrt(0.13**2 + 2.5e-3 * (energies - 5.8987))
    smeared = [
        np.average(sharp, weights=np.exp(-0.5 * ((energies - e) / (w / 2.355)) ** 2))
        for e, w in zip(energies, np.maximum(fwhm, step), strict=True)
    ]
    return DetectorModel().efficiency(energies) / energies * smeared


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
    polynomial = sum_background(model, total, WEIGHTS, "polynomial")
    assert found.surprise < polynomial.surprise


def test_bremsstrahlung_is_recognised_beside_lines_that_are_not_as_drawn(model):
    """They have nearly all of chi-squared, and say nothing of the background."""
    true = bremsstrahlung(model.energy.energies_keV, 3e-4)
    for times in (1.02, 1.03):
        wider = model.recorded(resolution_MnKa_eV=times * model.resolution_MnKa_eV)
        found = sum_background(model, drawn(wider, true, 1e7), WEIGHTS, "auto")
        assert "bremsstrahlung" in found.description


def test_a_polynomial_stays_where_bremsstrahlung_is_no_better(model):
    energies = model.energy.energies_keV
    total = drawn(model, (1 - energies / 25) ** 3, 3e6)
    found = sum_background(model, total, WEIGHTS, "auto")
    assert "polynomial" in found.description
    physical = sum_background(model, total, WEIGHTS, "physical")
    assert physical.surprise > found.surprise


def test_a_polynomial_has_the_edges_of_the_specimen(model):
    """Without, it goes smoothly through the steps of Ti L and O K beside O K."""
    energies = model.energy.energies_keV
    composition = dict(zip(["Sr", "Ti", "O"], WEIGHTS, strict=True))
    depth = mixed_absorption_cm2_g(composition, energies) * 1e-4
    escaping = -np.expm1(-depth) / depth
    true = (1 - energies / 25) ** 3 * escaping
    total = drawn(model, true, 3e6)
    with_edges = sum_background(model, total, WEIGHTS, "polynomial", escaping)
    without = sum_background(model, total, WEIGHTS, "polynomial")
    assert "edges" in with_edges.description
    assert with_edges.surprise < without.surprise
    below, above = (int(np.argmin(np.abs(energies - e))) for e in (0.40, 0.50))
    steps = [f.shape[below] / f.shape[above] for f in (with_edges, without)]
    wanted = true[below] / true[above]
    assert abs(steps[0] - wanted) < abs(steps[1] - wanted)


@pytest.mark.parametrize("choice", ["polynomial", "physical"])
def test_the_shape_is_positive_even_without_counts(model, choice):
    for total in (np.zeros(model.energy.size), drawn(model, np.eye(1, model.energy.size)[0], 1e4)):
        assert (sum_background(model, total, WEIGHTS, choice).shape > 0).all()
