"""What a calibration hands on: against derivatives by differences, and limits known by hand."""

from dataclasses import replace

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil, mass_absorption_cm2_g
from napari_eds.quantification.errors.budget import AbsorptionErrors
from napari_eds.quantification.errors.calibration import (
    attenuation_slopes,
    calibrated_slopes,
    with_errors_of_constant,
)

FAMILIES = [xray.family(element, "K") for element in ("Sr", "Ti", "O")]
C = np.array([0.4775, 0.2609, 0.2616])
MAC = mass_absorption_cm2_g(("Sr", "Ti", "O"), [f.alpha.energy_keV for f in FAMILIES])


def foil(thickness_nm, mac=MAC):
    return Foil(mac, np.array([thickness_nm]), np.array([5.12]), 22.0)


def test_slopes_are_differences():
    slopes = attenuation_slopes(FAMILIES, foil(60.0), C)
    moved = MAC.copy()
    moved[1, 2] *= 1.001  # Ti for O K
    change = np.log(foil(60.0, moved).factors(C[None]) / foil(60.0).factors(C[None]))[0, 2]
    assert slopes["O_K"]["Ti"] == pytest.approx(-change / 1e-3, rel=1e-3)


def test_errors_cancel_in_a_foil_like_the_one_that_calibrated():
    slopes = attenuation_slopes(FAMILIES, foil(60.0), C)
    told = AbsorptionErrors(foil(60.0), True, 0.0, 0.0, np.full(MAC.shape, 0.1))
    calibrated = replace(told, calibrated=calibrated_slopes(slopes, FAMILIES))
    by_logarithms = np.eye(3)[None]
    without = told.variances(C[None], by_logarithms)["attenuation"]
    within = calibrated.variances(C[None], by_logarithms)["attenuation"]
    assert without[0, 2] > 1e-5
    assert within == pytest.approx(0.0, abs=1e-20)
    # In a foil without thickness, the whole error of the calibration is left.
    thin = replace(calibrated, foil=foil(0.0))
    assert thin.variances(C[None], by_logarithms)["attenuation"] == pytest.approx(without)


def test_elements_beside_those_of_the_region_take_over_the_errors_of_its_constant():
    table = eds.KFactorTable.from_mapping(
        {"Sr_K": 5.0, "Ti_K": 1.3, "O_K": 1.1, "Fe_K": 1.5}, "family",
        relative_errors={"Sr_K": 0.1, "Ti_K": 0.1, "O_K": 0.2, "Fe_K": 0.05}, source="a test",
    )  # fmt: skip
    found = with_errors_of_constant(table, FAMILIES, np.array([2.0, 1.0, 1.0]))
    by_hand = np.hypot(0.05, np.linalg.norm([0.5 * 0.1, 0.25 * 0.1, 0.25 * 0.2]))
    assert found.find("Fe", "K").relative_error == pytest.approx(by_hand)
    assert found.find("O", "K").relative_error == 0.2


def test_a_table_that_calibrated_nothing_has_no_slopes():
    assert calibrated_slopes({}, FAMILIES) is None
