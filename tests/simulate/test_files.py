"""Simulated maps as files, repeated to large ones."""

import numpy as np
import pytest
import tifffile

from napari_eds import load
from napari_eds.cli.main import main
from napari_eds.simulate.files import save_simulation
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate


@pytest.fixture(scope="module")
def film():
    return lanthanum_ferrite_on_strontium_titanate((20, 18), 40)


def test_a_map_is_repeated_pixel_by_pixel(film, tmp_path):
    files = save_simulation(film, tmp_path / "large.emd", tiles=(3, 2))
    image = load(files[0])
    assert image.shape == (60, 36)
    np.testing.assert_array_equal(image.to_array(), np.tile(film.image.to_array(), (3, 2, 1)))
    np.testing.assert_array_equal(tifffile.imread(files[1]), np.tile(film.labels, (3, 2)))
    counts = [detector.counts for detector in image.acquisition.detectors]
    assert sum(counts) == 6 * film.image.total_counts
    (haadf,) = image.images
    np.testing.assert_array_equal(haadf.data, np.tile(film.image.images[0].data, (3, 2)))


def test_another_program_reads_the_same(film, tmp_path):
    from rsciio.emd import file_reader

    files = save_simulation(film, tmp_path / "map.emd", tiles=(1, 2))
    (cube,) = [e for e in file_reader(files[0]) if e["data"].ndim == 3]
    np.testing.assert_array_equal(cube["data"], np.tile(film.image.to_array(), (1, 2, 1)))
    energy = cube["axes"][-1]
    assert energy["offset"] == pytest.approx(film.image.energy.offset_keV)
    assert energy["scale"] == pytest.approx(film.image.energy.scale_keV)


def test_the_command_repeats(tmp_path, capsys):
    path = tmp_path / "map.emd"
    arguments = ["--size", "16", "--counts", "9", "--channels", "1024", "--tiles", "2x3"]
    assert main(["simulate", str(path), *arguments]) == 0
    image = load(path)
    assert (image.shape, image.n_channels) == ((32, 48), 1024)
    told = sum(
        int(line.split("pixels")[0].split(",", 1)[1].replace(",", ""))
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("label")
    )
    assert told == (tifffile.imread(path.with_name("map_phases.tif")) > 0).sum()


@pytest.mark.parametrize("tiles", ["0", "2x0", "many", "1x2x3", "9999"])
def test_wrong_numbers_of_tiles_are_refused(tmp_path, capsys, tiles):
    path = tmp_path / "map.emd"
    assert main(["simulate", str(path), "--size", "512", "--tiles", tiles]) == 2
    assert "--tiles" in capsys.readouterr().err
    assert not path.exists()
