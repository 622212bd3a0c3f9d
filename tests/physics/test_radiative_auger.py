"""Bands below K alpha and K beta; energies of the first against those measured by others."""

import pytest

from napari_eds.physics import lines as xray
from napari_eds.physics.radiative_auger import radiative_auger

#: keV: H. Takahashi et al., Surf. Interface Anal. 31 (2001) 118.
MEASURED_keV = {"Na": 0.990, "Mg": 1.186, "Al": 1.396, "Si": 1.619, "P": 1.865, "S": 2.121}


@pytest.mark.parametrize(("element", "energy_keV"), MEASURED_keV.items())
def test_the_band_begins_where_it_was_measured(element, energy_keV):
    alpha = xray.family(element, "K").alpha.energy_keV
    nearest, step = radiative_auger(element)[0][0], radiative_auger(element)[1][0]
    edge = alpha - nearest + (step - nearest) / 2
    assert edge == pytest.approx(energy_keV, abs=0.020)


def test_the_band_lies_below_the_line_and_falls_off():
    below, shares = zip(*radiative_auger("Al"), strict=True)
    assert min(below) > 0
    assert list(shares) == sorted(shares, reverse=True)


def test_lighter_elements_have_more_of_it():
    totals = [sum(share for _, share in radiative_auger(e)) for e in ("Mg", "Si", "Ca", "Fe")]
    assert totals == sorted(totals, reverse=True)
    assert 0.01 < totals[0] < 0.02
    assert totals[-1] < 0.003


@pytest.mark.parametrize("element", ["C", "O", "Sr", "Ba"])
def test_elements_whose_band_is_not_seen_have_none(element):
    assert radiative_auger(element) == ()


def test_the_band_below_k_beta_is_a_tenth_of_it_from_calcium_to_iron():
    totals = [sum(share for _, share in radiative_auger(e, "Kb")) for e in ("Ca", "Ti", "Fe")]
    assert totals == sorted(totals, reverse=True)
    assert totals == pytest.approx([0.09, 0.085, 0.065], rel=0.25)


@pytest.mark.parametrize("element", ["Si", "Ga", "Sr"])
def test_elements_have_no_band_below_k_beta_without_electrons_for_it(element):
    assert radiative_auger(element, "Kb") == ()
