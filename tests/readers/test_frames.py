"""Frames read in one pass: the same counts as frames read one by one, and as RosettaSciIO's."""

import warnings

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.simulate.files import save_frames
from napari_eds.simulate.frames import film_frames

FILES = {
    "real/velox/fei_SI_EDS-HAADF-4detectors_2frames.emd": 2,
    "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd": 10,
    "real/jeol/64.pts": 50,
}


def same(a, b):
    if a.is_sparse and b.is_sparse:
        return (a.counts != b.counts).nnz == 0
    return np.array_equal(np.asarray(a.counts), np.asarray(b.counts))


@pytest.mark.parametrize("name", FILES)
def test_frames_are_those_that_are_read_one_by_one(data_file, name):
    path = data_file(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series, whole = eds.read_frames(path), eds.load(path)
        assert series.n_frames == FILES[name]
        assert same(series.sum(), whole)
        for i in {0, FILES[name] // 2, FILES[name] - 1}:
            one = eds.load(path, frames=(i, i + 1))
            assert same(series.frame(i), one)
            if one.acquisition.live_time_s is not None:
                assert series.frame(i).acquisition.live_time_s == pytest.approx(
                    one.acquisition.live_time_s
                )


def test_frames_are_those_of_rosettasciio(data_file):
    path = data_file("real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")
    from rsciio.emd import file_reader

    maps = [m for m in file_reader(path, sum_frames=False) if np.ndim(m["data"]) == 4]
    series = eds.read_frames(path)
    counts = series.stacked.counts
    found = counts.toarray() if series.stacked.is_sparse else counts
    np.testing.assert_array_equal(
        found.reshape(10, *series.shape, -1), np.asarray(maps[0]["data"])
    )


def test_a_range_of_frames_is_read(data_file):
    path = data_file("real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")
    series = eds.read_frames(path, frames=(3, 7))
    assert [r.first for r in series.ranges] == [4, 5, 6, 7]
    assert same(series.sum(), eds.load(path, frames=(3, 7)))
    assert series.images[0].data.shape == (4, *series.shape)


def test_simulated_frames_come_back_from_their_file(tmp_path):
    film = film_frames((32, 24), 4, 30, drift_px=1.0, seed=5)
    save_frames(film, tmp_path / "film.emd")
    series = eds.read_frames(tmp_path / "film.emd")
    assert same(series.stacked, film.series.stacked)
    np.testing.assert_array_equal(series.images[0].data, film.series.images[0].data)


def test_a_stopped_scan_covers_what_was_recorded(tmp_path):
    import h5py

    film = film_frames((16, 16), 3, 30, seed=5)
    path = save_frames(film, tmp_path / "film.emd")[0]
    with h5py.File(path, "a") as file:
        for group in file["Data/SpectrumStream"].values():
            events = group["Data"][:, 0]
            end = np.flatnonzero(events == 65535)[2 * 256 + 99] + 1  # 100 pixels of frame 3
            del group["Data"]
            group["Data"] = events[:end, None]
    with pytest.warns(eds.ReadWarning, match="stopped"):
        series = eds.read_frames(path)
    assert series.covered.sum(axis=(1, 2)).tolist() == [256, 256, 100]
    assert series.recorded[-1] == pytest.approx(100 / 256)


@pytest.mark.parametrize(
    "name", ["real/velox/EDS-STO.emd", "real/bruker/P45_12bit_packed_8bit.bcf"]
)
def test_files_without_frames_say_so(data_file, name):
    path = data_file(name)
    with pytest.raises(eds.ReadError, match="frames"):
        eds.read_frames(path)
