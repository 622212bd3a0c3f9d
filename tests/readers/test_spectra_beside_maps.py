"""Single spectra of files that hold maps, too: of AZtec, APEX and HyperSpy."""

import h5py
import numpy as np
import pytest

import napari_eds as eds
from edax_files import write_project
from napari_eds.errors import ReadError


def test_points_of_aztec_come_after_the_map(mixed_aztec):
    path, points = mixed_aztec
    assert [image.shape for image in eds.read(path)] == [(12, 16)]
    mapped, *single = eds.read(path, spectra=True)
    assert mapped.name == path.stem
    assert [image.name for image in single] == [f"{path.stem}: 2", f"{path.stem}: 3"]
    for image, counts in zip(single, points, strict=True):
        assert image.shape == (1, 1)
        np.testing.assert_array_equal(image.total_spectrum(), counts)
    assert eds.load(path).shape == (12, 16), "the only map is meant"
    for index in (1, 2):
        again = eds.load(path, index)
        np.testing.assert_array_equal(again.total_spectrum(), points[index - 1])
        assert eds.load(path, part=single[index - 1].part).name == again.name
    with pytest.raises(ReadError, match="there is none with index=3"):
        eds.load(path, 3)


def test_spectra_have_no_pixels_to_be_cropped(mixed_aztec):
    path, _ = mixed_aztec
    images = eds.read(path, spectra=True, crop=((2, 8), (0, 4)))
    assert [image.shape for image in images] == [(6, 4)]


def test_sums_of_maps_of_apex_are_no_spectra_beside_them(tmp_path):
    counts = write_project(tmp_path / "x.edaxh5", maps=2)
    first, second, point = eds.read(tmp_path / "x.edaxh5", spectra=True)
    assert first.shape == second.shape == (5, 7)
    assert point.shape == (1, 1)
    assert point.name == "x: Sample Area 1 Full Area 1"
    np.testing.assert_array_equal(point.total_spectrum(), counts.sum((0, 1)))
    alone = write_project(tmp_path / "y.edaxh5", maps=0)
    (point,) = eds.read(tmp_path / "y.edaxh5", spectra=True)
    assert point.total_counts == alone.sum()


def test_spectra_of_hyperspy_beside_its_map(tmp_path, mixed_hyperspy):
    mapped, point = eds.read(mixed_hyperspy, spectra=True)
    assert mapped.shape == (4, 5)
    assert point.shape == (1, 1)
    np.testing.assert_array_equal(point.total_spectrum(), np.arange(64) % 7)


@pytest.fixture
def mixed_hyperspy(tmp_path):
    """File of HyperSpy with two experiments: a map, and a spectrum."""
    hs = pytest.importorskip("hyperspy.api")
    rng = np.random.default_rng(1)
    for name, data in (("map", rng.poisson(1, (4, 5, 64))), ("point", np.arange(64) % 7)):
        signal = hs.signals.Signal1D(data)
        signal.set_signal_type("EDS_TEM")
        signal.metadata.General.title = name
        axis = signal.axes_manager[-1]
        axis.name, axis.units, axis.scale, axis.offset = "Energy", "keV", 0.02, 0
        signal.save(tmp_path / f"{name}.hspy")
    with (
        h5py.File(tmp_path / "map.hspy", "a") as file,
        h5py.File(tmp_path / "point.hspy") as other,
    ):
        other.copy("Experiments/point", file["Experiments"])
    return tmp_path / "map.hspy"


def test_a_spectrum_that_cannot_be_read_leaves_the_map(mixed_aztec):
    path, points = mixed_aztec
    with h5py.File(path, "a") as file:
        file["2/EDS/Data/Spectrum"][...] = -1
    images = eds.read(path, spectra=True)
    assert [image.shape for image in images] == [(12, 16), (1, 1)]
    np.testing.assert_array_equal(images[1].total_spectrum(), points[1])
    assert any("a spectrum beside the maps is left out" in note for note in images[0].notes)
