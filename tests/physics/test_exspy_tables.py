"""The copies of eXSpy's tables hold what eXSpy holds."""

import numpy as np
import pytest

from napari_eds._support import hyperspy
from napari_eds.physics import exspy_tables


@pytest.fixture(scope="module")
def material():
    return hyperspy.exspy().material


def test_elements_and_lines_are_those_of_exspy(material):
    theirs = {s: e for s, e in material.elements.as_dictionary().items() if isinstance(e, dict)}
    assert set(exspy_tables.elements()) == set(theirs)
    for symbol, entry in exspy_tables.elements().items():
        general = theirs[symbol]["General_properties"]
        assert entry["Z"] == general["Z"]
        assert entry["atomic_weight"] == general["atomic_weight"]
        lines = theirs[symbol].get("Atomic_properties", {}).get("Xray_lines", {})
        expected = {name: [line["energy (keV)"], line["weight"]] for name, line in lines.items()}
        assert entry["lines"] == expected
        assert list(entry["lines"]) == list(expected)


@pytest.mark.parametrize("energy_keV", [0.1, 0.277, 0.5249, 1.7397, 5.8987, 17.479, 100.0])
def test_attenuation_is_that_of_exspy(material, energy_keV):
    n_compared = 0
    for symbol in exspy_tables.elements():
        ours = exspy_tables.chantler_cm2_g(symbol, energy_keV)
        try:
            with np.errstate(all="ignore"):
                theirs = material.mass_absorption_coefficient(symbol, np.array([energy_keV]))[0]
        except (AttributeError, KeyError, ValueError):
            assert np.isnan(ours)  # what eXSpy has no table of
            continue
        n_compared += 1
        assert ours == pytest.approx(theirs or np.nan, rel=1e-13, nan_ok=True)
    assert n_compared > 85


def test_no_attenuation_beyond_the_tables():
    assert np.isnan(exspy_tables.chantler_cm2_g("Fe", 1e-6))
    assert np.isnan(exspy_tables.chantler_cm2_g("Fe", 1e6))
    assert np.isnan(exspy_tables.chantler_cm2_g("Xx", 1.0))
