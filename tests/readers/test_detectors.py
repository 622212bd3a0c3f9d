"""Comparing detectors: real files, and a shadow made by hand."""

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.cli.main import main
from napari_eds.readers.detectors import compare_detectors, compare_spectra


def test_the_shadowed_detector_of_a_real_file_is_named(data_dir):
    """Its Cu to Ti ratio is 2.35, that of the others 0.15 to 0.2."""
    found = compare_detectors(data_dir / "real/velox/EDS-STO.emd")
    assert [detector.name for detector in found if detector.shadowed] == ["SuperXG22"]
    assert len(found) == 4


@pytest.mark.parametrize(
    "name", ["simulated/LFO_STO_96.emd", "real/velox/fei_SI_EDS-HAADF-4detectors_2frames.emd"]
)
def test_even_detectors_are_not_blamed(data_dir, name):
    found = compare_detectors(data_dir / name)
    assert len(found) == 4
    assert not any(detector.shadowed for detector in found)
    whole = eds.load(data_dir / name)
    visible = whole.total_spectrum()[whole.energy.channels(0.2, 18)].sum()
    assert sum(detector.counts for detector in found) == visible


def test_a_file_of_one_detector_has_nothing_to_compare(data_dir):
    with pytest.raises(eds.ReadError, match="does not keep its detectors apart"):
        compare_detectors(data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")


def test_a_layer_that_stops_soft_x_rays_is_seen():
    energy = eds.EnergyAxis(0.0, 0.01, 2000)
    even = np.full(2000, 1000)
    energies = energy.energies_keV
    behind = np.rint(even * np.exp(-((1.0 / np.maximum(energies, 0.1)) ** 3))).astype(int)
    found = compare_spectra({"A": (energy, even), "B": (energy, even), "C": (energy, behind)})
    assert [detector.shadowed for detector in found] == [False, False, True]
    assert found[2].relative_counts > 0.8


def test_the_command_line_warns(data_dir, capsys):
    assert main(["detectors", str(data_dir / "real/velox/EDS-STO.emd")]) == 0
    printed = capsys.readouterr().out
    assert "SuperXG22" in printed
    assert "shadowed" in printed
    assert "--detectors SuperXG21,SuperXG23,SuperXG24" in printed
