"""Projects of EDAX APEX: maps, spectra, and what is none."""

import h5py
import numpy as np
import pytest

import napari_eds
from edax_files import write_project
from napari_eds.errors import ReadError


@pytest.fixture
def project(tmp_path):
    """Function that writes a project with the maps and spectra asked for; returns path, counts."""

    def write(*, name="x.edaxh5", **options):
        return tmp_path / name, write_project(tmp_path / name, **options)

    return write


@pytest.mark.parametrize("name", ["x.edaxh5", "x.h5"])
def test_map(project, name):
    path, counts = project(name=name)
    image = napari_eds.load(path)
    np.testing.assert_array_equal(image.to_array(), counts)
    assert image.energy.offset_keV == pytest.approx(-0.01)
    assert image.energy.scale_keV == pytest.approx(0.01)
    assert image.pixel_size == pytest.approx((5, 4))
    assert image.acquisition.beam_energy_keV == 200
    assert image.acquisition.take_off_angle_deg == 20
    assert image.acquisition.live_time_s == 33
    assert image.acquisition.elements == ("Fe", "O")


def test_several_maps_and_spectra_alone(project):
    path, _ = project(maps=2)
    names = [image.name for image in napari_eds.read(path)]
    assert names == ["x: Sample Area 1 Live Map 1", "x: Sample Area 1 Live Map 2"]
    path, counts = project(maps=0, name="y.edaxh5")
    (image,) = napari_eds.read(path)
    assert image.shape == (1, 1)
    np.testing.assert_array_equal(image.total_spectrum(), counts.sum((0, 1)))


def test_without_spectra(tmp_path):
    with h5py.File(tmp_path / "x.edaxh5", "w") as file:
        file["Project/Sample/OIM Map 1/EBSD"] = [1]
    with pytest.raises(ReadError, match="holds no spectra"):
        napari_eds.read(tmp_path / "x.edaxh5")
