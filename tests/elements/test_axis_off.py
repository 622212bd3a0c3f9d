"""Elements are found on an axis that is far off the file's, where soft lines lie near others."""

import numpy as np
import pytest

import napari_eds as eds

STEM = eds.Acquisition(
    signal_type="STEM",
    beam_energy_keV=200.0,
    take_off_angle_deg=22.0,
    energy_resolution_MnKa_eV=130.0,
)
COUNTS = 1_000_000


@pytest.fixture(scope="module")
def spectra(data_dir):
    with np.load(data_dir / "simulated/materials/materials.npz") as file:
        return dict(file)


@pytest.mark.parametrize(
    ("key", "elements"),
    [
        ("nominal/MnF2/60", "Mn F"),
        ("nominal/TiN/60", "Ti N"),
        ("varied/TiN/60", "Ti N"),
        ("nominal/VO2/60", "V O"),
    ],
)
@pytest.mark.parametrize("off_keV", [-0.03, -0.02, 0.02, 0.03])
def test_soft_lines_of_metals_do_not_pass_for_those_of_light_elements(
    spectra, key, elements, off_keV
):
    drawn = np.random.default_rng(1).poisson(COUNTS * spectra[key])
    axis = eds.EnergyAxis(-0.25 + off_keV, 0.005, drawn.size)
    found = {p.element for p in eds.find_elements(axis, drawn, STEM) if p.certain}
    assert found - {"C", "Cu"} == {*elements.split()}
