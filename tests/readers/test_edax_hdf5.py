"""Projects of EDAX APEX, made after what two public readers say of their layout."""

import h5py
import numpy as np
import pytest

import napari_eds
from napari_eds.errors import ReadError

TABLE = np.dtype(
    [
        ("eVOffset", "<f4"),
        ("evPch", "<f4"),
        ("KV", "<f4"),
        ("LiveTime", "<f4"),
        ("ElevationAngle", "<f4"),
        ("NumberOfPoints", "<i4"),
        ("AtomicNumberOfPeakIds", "<i4", 3),
        ("SpectrumCounts", "<i4", 600),
    ]
)


@pytest.fixture
def project(tmp_path):
    """Function that writes a project with the maps and spectra asked for; returns path, counts."""

    def write(*, maps=1, name="x.edaxh5", shape=(5, 7)):
        path = tmp_path / name
        counts = np.random.default_rng(3).poisson(0.05, (*shape, 600)).astype("<i2")
        row = np.zeros(1, TABLE)
        row["eVOffset"], row["evPch"], row["KV"], row["LiveTime"] = -10, 10, 200, 33
        row["ElevationAngle"], row["NumberOfPoints"] = 20, 600
        row["AtomicNumberOfPeakIds"], row["SpectrumCounts"] = (26, 8, 0), counts.sum((0, 1))
        with h5py.File(path, "w") as file:
            base = file.create_group("Project")
            base.attrs["Company"] = np.array([b"EDAX, LLC"])
            base["Sample/Area 1/Full Area 1/SPC"] = row
            for i in range(maps):
                group = base.create_group(f"Sample/Area 1/Live Map {i + 1}")
                group["SPC"] = row
                nested = group.create_dataset("SPD", shape, dtype=np.dtype(("<i2", 600)))
                nested[...] = counts
                nested.attrs["MicronPerPixelX"] = [0.004]
                nested.attrs["MicronPerPixelY"] = [0.005]
        return path, counts

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
