"""The balance of two lines of one element: against a foil made by formula, and random draws."""

import numpy as np
import pytest

from napari_eds.physics.absorption import absorption_factors
from napari_eds.quantification.thickness.absorption_balance import Balance, log_factor

#: g/cm² of foils, weight fractions of two elements, and coefficients for: both elements' own
#: families, then a softer and a harder family of the second.
MASS = np.array([1e-6, 3e-5, 2e-4])
C = np.array([0.3, 0.7])
MAC = np.array([[3000.0, 150.0, 4000.0, 150.0], [9000.0, 200.0, 2500.0, 200.0]])
ANGLE = 20.0


def emitted(mass=MASS):
    a = absorption_factors(np.tile(C, (len(mass), 1)), MAC, mass, ANGLE)
    true = np.array([C[0], C[1], C[1], C[1]])
    return true / a * mass[:, None]


def balance(values, mac=MAC):
    return Balance(np.log(values), np.log(mac), 2, 3, np.sin(np.radians(ANGLE)))


def test_the_foil_that_made_the_counts_is_found():
    solved = balance(emitted())
    assert solved.mass_thickness_g_cm2() == pytest.approx(MASS, rel=1e-8)
    assert solved.fractions(MASS) == pytest.approx(np.tile(C, (3, 1)), rel=1e-8)


def test_noise_around_no_foil_gives_values_below_0():
    thin = emitted(np.array([1e-9, 1e-9]))
    thin[:, 2] *= [1.01, 0.99]
    below, above = balance(thin).mass_thickness_g_cm2()
    assert below < 0 < above
    assert below == pytest.approx(-above, rel=0.05)


def test_a_ratio_that_no_thickness_makes_gives_none():
    wrong = emitted()
    wrong[:, 2] /= 100
    assert np.isnan(balance(wrong).mass_thickness_g_cm2()).all()


def test_errors_are_those_of_random_draws():
    rng = np.random.default_rng(1)
    one = emitted()[2:]
    errors = np.array([0.01, 0.005, 0.01, 0.005])
    drawn = np.exp(np.log(one) + rng.normal(0, errors, (4000, 4)))
    found = balance(drawn).mass_thickness_g_cm2()
    told = np.linalg.norm(balance(one).slopes_by_emitted()[0] * errors)
    assert told == pytest.approx(found.std(), rel=0.06)


def test_slopes_by_coefficients_are_differences():
    one = emitted()[2:]
    slopes = balance(one).slopes_by_mac()[0]
    moved = MAC.copy()
    moved[0, 2] *= 1.01
    change = balance(one, moved).mass_thickness_g_cm2()[0] - MASS[2]
    assert change == pytest.approx(0.01 * slopes[0, 2], rel=0.05)


def test_the_factor_is_continued_below_0():
    x = np.array([-30.0, -1.0, -1e-7, 0.0, 1e-7, 1.0, 800.0])
    assert np.exp(log_factor(x)[[1, 5]]) == pytest.approx([1 / np.expm1(1), 1 / -np.expm1(-1)])
    assert np.all(np.diff(log_factor(x)) > 0)
