"""Absorption in a thick specimen against the integral over depth that the formula is of."""

import numpy as np
import pytest
from scipy.integrate import quad

from napari_eds.physics.bulk import escaping_share

IRON = {"atomic_number": 26, "atomic_weight": 55.845, "take_off_angle_deg": 40.0}


@pytest.mark.parametrize("coefficient", [100.0, 2_000.0, 15_000.0])
def test_the_share_is_that_of_the_integral_over_depth(coefficient):
    beam, edge = 15.0, 0.707
    h, s = 1.2 * 55.845 / 26**2, 4.5e5 / (beam**1.65 - edge**1.65)
    x = coefficient / np.sin(np.radians(40))

    def born(depth):
        return np.exp(-s * depth) - np.exp(-s * depth * (1 + 1 / h))

    leaving = quad(lambda z: born(z) * np.exp(-x * z), 0, 40 / s, limit=200)[0]
    share = escaping_share(np.array([coefficient]), beam, edge, **IRON)
    assert share == pytest.approx([leaving / quad(born, 0, 40 / s, limit=200)[0]], rel=1e-6)


def test_nothing_is_lost_without_absorption():
    assert escaping_share(np.zeros(2), 20.0, 6.4, **IRON) == pytest.approx([1, 1])
