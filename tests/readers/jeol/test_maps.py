"""JEOL maps: counts equal to RosettaSciIO's, frames, what is unfinished or cut short."""

import contextlib
import warnings

import numpy as np
import pytest
from rsciio.jeol import file_reader

import napari_eds
from jeol_files import COLUMN, ROW, XRAY, stream_of, with_stream
from napari_eds.errors import ReadError
from napari_eds.readers.jeol import stream, tree

MAP = "real/jeol/64.pts"
LINE = "real/jeol/DigiLine/View000_0000003.pts"


@pytest.fixture
def made(data_file, tmp_path):
    """Function that writes a map of any shape and stream, and returns its path."""
    measured = data_file(MAP).read_bytes()

    def make(shape, words, *, cut=0):
        content = with_stream(measured, shape, words)
        path = tmp_path / "made.pts"
        path.write_bytes(content[: len(content) - cut])
        return path

    return make


@pytest.mark.parametrize("name", [MAP, LINE])
@pytest.mark.parametrize("block", [stream._BLOCK_WORDS, 1000])
def test_counts_are_those_of_rosettasciio(data_file, name, block, monkeypatch):
    """Also where blocks of words end anywhere within frames and rows."""
    monkeypatch.setattr(stream, "_BLOCK_WORDS", block)
    path = data_file(name)
    spectra, *images = file_reader(
        str(path), SI_dtype=np.uint16, only_valid_data=False, read_em_image=True
    )
    image = napari_eds.load(path)
    np.testing.assert_array_equal(image.to_array(), spectra["data"])
    assert len(image.images) == len(images)
    for ours, theirs in zip(image.images, images, strict=True):
        np.testing.assert_array_equal(ours.data, theirs["data"])
    energy = spectra["axes"][-1]
    assert image.energy.offset_keV == pytest.approx(energy["offset"])
    assert image.energy.scale_keV == pytest.approx(energy["scale"])


@pytest.mark.parametrize("frames", [(0, 1), (3, 7), (49, 50), (0, 50)])
def test_frames(data_file, frames):
    path = data_file(MAP)
    spectra, picture = file_reader(
        str(path), SI_dtype=np.uint16, read_em_image=True, frame_list=list(range(*frames))
    )
    image = napari_eds.load(path, frames=frames)
    np.testing.assert_array_equal(image.to_array(), spectra["data"])
    np.testing.assert_array_equal(image.images[0].data, picture["data"])
    part = (frames[1] - frames[0]) / 50
    assert image.acquisition.live_time_s == pytest.approx(993.85 * part)


def test_frames_that_are_not_there(data_file):
    with pytest.raises(ReadError, match=r"not within the 50 frames of the file"):
        napari_eds.load(data_file(MAP), frames=(0, 51))
    with pytest.raises(ReadError, match="one detector"):
        napari_eds.load(data_file(MAP), detectors=[0])


def test_what_the_header_says(data_file):
    acquisition = napari_eds.load(data_file(MAP)).acquisition
    assert acquisition.beam_energy_keV == 200
    assert acquisition.take_off_angle_deg == 21.5
    assert acquisition.energy_resolution_MnKa_eV == 133
    assert acquisition.real_time_s == pytest.approx(1023.8)
    assert acquisition.detectors[0].name == "EX-24360AHH"


@pytest.mark.parametrize("shape", [(3, 5), (64, 32), (100, 7)])
def test_any_shape(made, shape):
    """Also where the raster of 4096 points is no multiple of the map's pixels."""
    rng = np.random.default_rng(shape)
    frames = rng.poisson(0.002, (3, *shape, 4096))
    path = made(shape, np.concatenate([stream_of(frame) for frame in frames]))
    image = napari_eds.load(path)
    np.testing.assert_array_equal(image.to_array(), frames.sum(axis=0))
    np.testing.assert_array_equal(
        napari_eds.load(path, frames=(1, 3)).to_array(), frames[1:].sum(axis=0)
    )


def test_counts_beyond_16_bits(made):
    words = np.concatenate([[ROW, COLUMN], np.full(70_000, XRAY | 5)])
    image = napari_eds.load(made((1, 1), words))
    assert image.to_array()[0, 0, 5] == 70_000


def test_words_of_other_kinds_are_passed_over(made):
    image = napari_eds.load(made((1, 1), [0x1234, ROW, 0x6000, COLUMN, XRAY | 7, 0x2007, 0xF007]))
    assert image.total_counts == image.to_array()[0, 0, 7] == 1


@pytest.mark.parametrize("signal", [True, False])
def test_unfinished_frame_is_kept_and_told(made, signal):
    frame = np.zeros((4, 4, 4096), int)
    frame[..., 100] = 1
    words = stream_of(frame, signal=signal)
    begun = words[: len(words) // 2]
    path = made((4, 4), np.concatenate([words, begun]))
    with pytest.warns(
        UserWarning, match=r"\(2 of 2\) was not finished: it ends in row 2 of 4.*\(0, 1\)"
    ):
        image = napari_eds.load(path)
    assert image.total_counts == 16 + 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert napari_eds.load(path, frames=(0, 1)).total_counts == 16


def test_cut_short(made, data_file, tmp_path):
    frame = np.zeros((4, 4, 4096), int)
    frame[..., 100] = 1
    path = made((4, 4), stream_of(frame), cut=41)
    with pytest.warns(UserWarning, match=r"made\.pts is cut short.*frame 1, row"):
        image = napari_eds.load(path)
    assert 0 < image.total_counts < 16
    beginning = tmp_path / "beginning.pts"
    content = data_file(MAP).read_bytes()
    for length in (3, 40, 3000, 20_000, 32_768 - 1):
        beginning.write_bytes(content[:length])
        with pytest.raises(ReadError, match=r"beginning\.pts cannot be read: it"):
            napari_eds.read(beginning)


def test_damaged_headers_end_in_an_error_or_a_map(data_file, tmp_path):
    """Whatever stands in the header: never another exception, and never an endless loop."""
    content = bytearray(data_file(MAP).read_bytes()[:40_000])
    rng = np.random.default_rng(1)
    path = tmp_path / "damaged.pts"
    for _ in range(150):
        damaged = content.copy()
        for place in rng.integers(0, 21_700, 8):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.suppress(ReadError):
                napari_eds.read(path)


def test_tree_that_never_ends():
    node = b"\1" + (2).to_bytes(4, "little") + b"a\0" + bytes(8)
    with pytest.raises(ReadError, match="never ends"):
        tree.parse(node * 1000, 0)


def test_cancel(made):
    class Leave(Exception):  # noqa: N818
        pass

    def check():
        raise Leave

    with pytest.raises(Leave):
        napari_eds.read(made((1, 1), [ROW, COLUMN, XRAY]), check=check)
