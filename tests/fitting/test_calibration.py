"""Energy axis and resolution, found on measured, simulated and drawn spectra."""

from dataclasses import replace

import numpy as np
import pytest

from napari_eds import (
    Acquisition,
    AxisCorrection,
    EnergyAxis,
    KFactorTable,
    Recipe,
    SpectrumImage,
    quantify,
    read,
)
from napari_eds.fitting.calibration import BOUNDS, Calibration, calibrate
from napari_eds.fitting.corrections import corrected
from napari_eds.fitting.model import build_model
from napari_eds.simulate import Conditions, lanthanum_ferrite_on_strontium_titanate

EXSPY_LINES = {"correct_lines": False, "refine_line_ratios": False}
K = KFactorTable.from_mapping({"O_K": 1, "Ti_K": 1, "Sr_K": 1}, "family")
STRONTIUM_TITANATE = {"elements": ("O", "Ti", "Sr"), "fit_only": ("C", "Cu"), "k_factors": K}
START = Calibration(resolution_MnKa_eV=130.0)

#: Where the lines of a drawn spectrum lie, as a correction of the axis the file gives.
TRUE = Calibration(offset_eV=-7.0, gain_percent=0.2, resolution_MnKa_eV=136.0)


def result_of(image, **settings):
    recipe = Recipe.create(**{**STRONTIUM_TITANATE, **settings})
    return quantify(image, np.ones(image.shape, int), recipe)


def calibration_of(image, **settings):
    return result_of(image, **settings).preparation.calibration


@pytest.fixture(scope="module")
def titanate(data_dir):
    """A measured spectrum of SrTiO3, the sum of four detectors."""
    return read(data_dir / "real/velox/EDS-STO.emd")[0]


@pytest.fixture(scope="module")
def model():
    recipe = Recipe.create(**STRONTIUM_TITANATE)
    axis = EnergyAxis(-0.25, 0.01, 2048)
    return corrected(build_model(axis, Acquisition(beam_energy_keV=200), recipe))


def expected_spectrum(model, truth, counts=200_000):
    """Lines of the model where `truth` puts them, on a falling background."""
    areas = {"O_K": 3, "Ti_K": 4, "Sr_K": 2, "Ti_L": 1, "Sr_L": 3, "C_K": 0.5, "Cu_K": 1}
    areas = np.array([areas.get(str(family), 0.3) for family in model.families])
    lines = truth.apply(model).profiles @ areas
    background = (1 - model.energy.energies_keV / 25) ** 4
    expected = lines + background * lines.sum() / background.sum() / 2
    return expected * counts / expected.sum()


def image_of(model, counts):
    """An image of one pixel with the given counts over the channels of the fit."""
    spectrum = np.zeros(2048)
    spectrum[model.channels] = counts
    return SpectrumImage.from_array(
        spectrum, EnergyAxis(-0.25, 0.01, 2048), acquisition=Acquisition(beam_energy_keV=200)
    )


def test_a_measured_spectrum_has_the_known_axis(titanate):
    found = calibration_of(titanate, **EXSPY_LINES)
    assert found.gain_percent == pytest.approx(0.32, abs=0.02)
    assert found.offset_eV == pytest.approx(-5.5, abs=1.5)
    assert found.resolution_MnKa_eV == pytest.approx(131, abs=2)
    assert found.at_bound == ()


def test_with_doublets_the_gain_is_smaller(titanate):
    """eXSpy puts the Sr K alpha doublet 22 eV too high, which is 0.16 % of gain."""
    assert calibration_of(titanate).gain_percent == pytest.approx(0.19, abs=0.05)


def test_calibrated_energies_put_lines_where_they_are(titanate):
    result = result_of(titanate)
    spectrum, energies = result.spectra[0], result.energies_keV
    for line_keV in (0.5249, 4.5089, 14.143):  # O Ka, and means of the doublets of Ti and Sr
        near = np.abs(energies - line_keV) < 0.06
        assert np.average(energies[near], weights=spectrum[near]) == pytest.approx(
            line_keV, abs=0.006
        )


def test_a_drawn_axis_is_recovered_within_its_errors(model):
    expected = expected_spectrum(model, TRUE)
    rng = np.random.default_rng(1)
    found = [calibrate(model, rng.poisson(expected), start=START) for _ in range(30)]
    for value, error in (
        ("offset_eV", "offset_error_eV"),
        ("gain_percent", "gain_error_percent"),
        ("resolution_MnKa_eV", "resolution_error_eV"),
    ):
        z = np.array(
            [(getattr(c, value) - getattr(TRUE, value)) / getattr(c, error) for c in found]
        )
        assert abs(z.mean()) < 4 / np.sqrt(30)
        # A standard deviation from 30 draws is known to 13 %.
        assert z.std() == pytest.approx(1, abs=0.4)


def test_a_simulated_map_on_a_wrong_axis_is_recovered():
    """Its lines are those of another table: what is left over is their difference."""
    claimed = Conditions().energy
    true = replace(
        claimed,
        offset_keV=claimed.offset_keV * 1.001 - 0.008,
        scale_keV=claimed.scale_keV * 1.001,
    )
    simulation = lanthanum_ferrite_on_strontium_titanate(
        (48, 48), 300, true_energy=true, resolution_MnKa_eV=138
    )
    found = calibration_of(
        simulation.image, elements=("La", "Fe", "O", "Sr", "Ti", "Pt"), k_factors=None
    )
    assert found.gain_percent == pytest.approx(0.1, abs=0.03)
    assert found.offset_eV == pytest.approx(-8, abs=2)
    # Files give the resolution, which is the start, so it is not what was found by chance.
    assert found.resolution_MnKa_eV == pytest.approx(138, abs=1.5)


def test_a_given_correction_is_used_as_it_is(titanate):
    given = AxisCorrection(offset_eV=-3, gain_percent=0.2)
    found = calibration_of(titanate, axis_correction=given)
    assert (found.offset_eV, found.gain_percent) == (-3, 0.2)
    assert (found.offset_error_eV, found.gain_error_percent) == (0, 0)
    assert found.resolution_MnKa_eV != 130
    assert found.resolution_error_eV > 0


def test_without_calibration_the_axis_is_that_of_the_file(titanate):
    result = result_of(titanate, calibrate=False)
    assert result.preparation.calibration == START
    np.testing.assert_array_equal(result.energies_keV, titanate.energy.energies_keV)
    given = AxisCorrection(offset_eV=-3, gain_percent=0.2)
    found = calibration_of(titanate, calibrate=False, axis_correction=given)
    assert (found.offset_eV, found.gain_percent, found.resolution_MnKa_eV) == (-3, 0.2, 130)


def test_a_given_resolution_is_not_fitted(titanate):
    found = calibration_of(titanate, energy_resolution_MnKa_eV=133.0)
    assert (found.resolution_MnKa_eV, found.resolution_error_eV) == (133.0, 0)
    assert found.gain_error_percent > 0


def test_with_too_few_counts_the_axis_is_that_of_the_file(model):
    result = result_of(image_of(model, np.rint(expected_spectrum(model, TRUE, 1500))))
    found = result.preparation.calibration
    assert (found.offset_eV, found.gain_percent) == (0, 0)
    assert any("too few to calibrate" in sentence for sentence in result.account())


def test_a_value_at_its_bound_is_told_and_held_there_alone(model):
    far = replace(TRUE, gain_percent=1.2, offset_eV=0.0)
    assert far.gain_percent > BOUNDS["gain"][1]
    result = result_of(image_of(model, np.rint(expected_spectrum(model, far, 2_000_000))))
    found = result.preparation.calibration
    assert found.at_bound == ("gain",)
    assert found.gain_percent > 0.5
    sentence = next(s for s in result.account() if s.startswith("Energy axis"))
    assert "bound of its gain" in sentence


@pytest.mark.parametrize("folder", ["NIST_K309", "NIST_K412"])
def test_soft_lines_alone_do_not_condemn_a_sound_axis(data_dir, folder):
    """Without priors, two lines below 2 keV take the gain to its bound."""
    (image,) = read(data_dir / "real" / "msa" / folder / "Al2O3 std.msa")
    k = KFactorTable.from_mapping({"O_K": 1, "Al_K": 1}, "family")
    found = calibration_of(image, elements=("O", "Al"), fit_only=("C",), k_factors=k)
    assert abs(found.gain_percent) < 0.8 - found.gain_error_percent
    assert found.at_bound == ()


def test_a_detector_of_an_older_kind_keeps_its_axis(model):
    """Si(Li), 172 eV."""
    old = replace(TRUE, resolution_MnKa_eV=172.0)
    result = result_of(image_of(model, np.rint(expected_spectrum(model, old, 500_000))))
    found = result.preparation.calibration
    assert found.at_bound == ()
    assert found.resolution_MnKa_eV == pytest.approx(172, abs=1)
    assert found.offset_eV == pytest.approx(TRUE.offset_eV, abs=2)
