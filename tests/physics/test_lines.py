"""Lines, families and resolution against published sums and eXSpy's own choices."""

import numpy as np
import pytest

from napari_eds import EDSError, ModelError
from napari_eds.physics import lines as xray

# Intensity of a family relative to its alpha line, the sum of eXSpy's line weights.
FAMILY_SUMS = {"La_L": 2.0111, "Fe_K": 1.1272, "Ti_K": 1.1167, "Sr_K": 1.1500, "O_K": 1.0}


@pytest.mark.parametrize(("name", "weight_sum"), FAMILY_SUMS.items())
def test_family_sums(name, weight_sum):
    assert xray.family(*name.split("_")).weight_sum == pytest.approx(weight_sum, abs=1e-4)


@pytest.mark.parametrize("resolution_eV", [123.0, 130.0, 160.0])
def test_width_of_a_line_is_that_of_exspy(resolution_eV):
    from exspy._misc.eds.utils import get_FWHM_at_Energy

    energies = [0.525, 1.74, 5.8987, 14.165, 40.0]
    expected = [get_FWHM_at_Energy(resolution_eV, energy) for energy in energies]
    np.testing.assert_allclose(xray.fwhm_keV(np.array(energies), resolution_eV), expected)


@pytest.mark.parametrize("resolution_eV", [10.0, 60.0, 105.0, 121.0])
def test_detectors_narrower_than_silicon_have_widths_above_zero(resolution_eV):
    widths = 1000 * xray.fwhm_keV(np.array([0.0, 0.3, 0.5, 1.0, xray.MN_KA_KEV]), resolution_eV)
    assert widths[-1] == pytest.approx(resolution_eV)
    assert np.all(np.diff(widths) > 0)
    assert widths[0] == pytest.approx(resolution_eV / 4)


@pytest.mark.parametrize(
    ("element", "high_keV", "family"),
    [("Sn", 80, "K"), ("Nd", 80, "K"), ("Gd", 80, "L"), ("Pb", 80, "L"), ("Pb", 19, "L")],
)
def test_lines_that_silicon_hardly_stops_are_no_default(element, high_keV, family):
    assert xray.default_family(element, 0.2, high_keV, 300.0).family == family


def test_resolution_is_stated_at_the_manganese_line():
    assert xray.fwhm_keV(xray.family("Mn", "K").alpha.energy_keV, 131.0) == pytest.approx(0.131)


@pytest.mark.parametrize("beam_energy_keV", [200.0, 20.0])
def test_default_families_are_exspys_choice_for_every_element(beam_energy_keV):
    import exspy

    low, high = 0.2, 19.0
    signal = exspy.signals.EDSTEMSpectrum(np.zeros(1881))
    axis = signal.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units = low, 0.01, "keV"
    signal.set_microscope_parameters(beam_energy=beam_energy_keV)
    for element in xray.element_symbols():
        signal.set_elements([element])
        signal.metadata.Sample.xray_lines = []
        signal.add_lines(only_lines=["a"])
        found = xray.families_in_range(element, low, high, beam_energy_keV)
        ours = [xray.default_family(element, low, high, beam_energy_keV).alpha] if found else []
        assert [str(line) for line in ours] == signal.metadata.Sample.xray_lines


def test_every_element_has_valid_families():
    symbols = xray.element_symbols()
    assert len(symbols) == 91  # H to U without Li, whose line eXSpy does not know
    numbers = [xray.atomic_number(symbol) for symbol in symbols]
    assert numbers == sorted(set(numbers))
    for symbol in symbols:
        assert 1 <= xray.atomic_weight(symbol) < 240
        names = xray.families_of(symbol)
        assert names
        for name in names:
            family = xray.family(symbol, name)
            assert str(family) == f"{symbol}_{name}"
            assert family.alpha.name == f"{name}a"
            assert family.alpha.weight == 1
            assert all(line.name.startswith(name) for line in family.lines)
            assert len({line.name for line in family.lines}) == len(family.lines)
            assert all(line.energy_keV > 0 and line.weight >= 0 for line in family.lines)
            assert 1 <= family.weight_sum < 3


def test_an_element_off_the_range_is_named_with_its_lines():
    with pytest.raises(ModelError, match=r"Sr has no line between 3 and 10 keV.*Sr_Ka 14\.165"):
        xray.default_family("Sr", 3, 10, 200)


def test_lines_above_the_beam_energy_are_not_excited():
    assert xray.default_family("Sr", 0.2, 19, 10).family == "L"
    with pytest.raises(ModelError, match=r"Ca has no line between 3 and 3\.5 keV"):
        xray.default_family("Ca", 3, 19, 3.5)


def test_atomic_weights_of_both_tables_are_the_same_but_for_rounding():
    for symbol in xray.element_symbols():
        if 5 <= xray.atomic_number(symbol) <= 92 and symbol not in {"Tc", "Pm"}:  # no stable ones
            theirs = xray.atomic_weight(symbol, source="xraylib")
            assert theirs == pytest.approx(xray.atomic_weight(symbol), rel=2e-3), symbol
    assert xray.atomic_weight("Tm", source="xraylib") == 168.934219
    with pytest.raises(EDSError, match="unknown element 'Xx'"):
        xray.atomic_weight("Xx", source="xraylib")


def test_elements_without_lines_have_a_weight():
    assert xray.atomic_weight("Li") == pytest.approx(6.94, abs=0.01)
    with pytest.raises(ModelError, match="'Xx' is not an element"):
        xray.atomic_weight("Xx")


@pytest.mark.parametrize("symbol", ["Xx", "fe", "Li", ""])
def test_an_unknown_element_is_named(symbol):
    with pytest.raises(ModelError, match=f"'{symbol}' is not an element"):
        xray.check_element(symbol)


@pytest.mark.parametrize("name", ["M", "N", ""])
def test_a_missing_family_is_named_with_those_that_exist(name):
    with pytest.raises(ModelError, match=f"Fe has no {name} family; its families are K, L"):
        xray.family("Fe", name)
