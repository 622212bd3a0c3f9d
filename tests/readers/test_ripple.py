"""Ripple files as different programs write them, all of the same counts."""

import numpy as np
import pytest

import napari_eds
from napari_eds.errors import ReadError

SIZES = "key\tvalue\nwidth\t7\nheight\t5\ndepth\t900\noffset\t0\n"
NUMBERS = "data-length\t2\ndata-type\tunsigned\nbyte-order\tlittle-endian\n"
INCA = """(MLX::LISPIX-FILE
(MLX::width : 7)
(MLX::height : 5)
(MLX::depth : 900)
(MLX::offset : 0)
(MLX::data-length : 2)
(MLX::data-type : unsigned)
(MLX::byte-order : little-endian)
(MLX::record-by : image (image, vector, dont-care))
"""


@pytest.fixture
def counts():
    return np.random.default_rng(0).poisson(0.3, (5, 7, 900)).astype("<u2")


@pytest.fixture
def write(tmp_path):
    """Function that writes header and numbers, and returns the header's path."""

    def write(header, numbers, suffix=".raw"):
        (tmp_path / "x.rpl").write_text(header)
        (tmp_path / f"x{suffix}").write_bytes(np.ascontiguousarray(numbers).tobytes())
        return tmp_path / "x.rpl"

    return write


def by_image(counts):
    return np.moveaxis(counts, -1, 0)


def test_by_vector(write, counts):
    image = napari_eds.load(write(SIZES + NUMBERS + "record-by\tvector\n", counts))
    np.testing.assert_array_equal(image.to_array(), counts)
    assert not image.energy.calibrated


def test_by_image_in_other_spellings(write, counts):
    header = SIZES + NUMBERS.replace("data-length", "data-Length").replace("little", "Big")
    header += "Record-By\tImage\n; a remark\n"
    image = napari_eds.load(write(header, by_image(counts).astype(">u2"), ".RAW"))
    np.testing.assert_array_equal(image.to_array(), counts)


def test_inca(write, counts):
    image = napari_eds.load(write(INCA, by_image(counts)))
    np.testing.assert_array_equal(image.to_array(), counts)


def test_energies_of_lispix(write, counts):
    """The format has no key for the energy of the first channel."""
    path = write(SIZES + NUMBERS + "record-by\tvector\nev-per-chan\t10\n", counts)
    with pytest.warns(UserWarning, match="energy of its first channel, and 0 keV is taken"):
        image = napari_eds.load(path)
    assert (image.energy.offset_keV, image.energy.scale_keV) == pytest.approx((0, 0.01))


def test_energies_of_hyperspy(write, counts):
    header = (
        SIZES + NUMBERS + "record-by\tvector\nev-per-chan\t10\ndepth-scale\t0.01\n"
        "depth-origin\t-0.1\ndepth-units\tkeV\nsignal\tEDS_TEM\nbeam-energy\t200\nlive-time\t30\n"
        "elevation-angle\t18\nwidth-scale\t4\nheight-scale\t5\nwidth-units\tnm\nheight-units\tnm\n"
    )
    image = napari_eds.load(write(header, counts))
    assert (image.energy.offset_keV, image.energy.scale_keV) == pytest.approx((-0.1, 0.01))
    assert image.pixel_size == pytest.approx((5, 4))
    acquisition = image.acquisition
    assert (acquisition.signal_type, acquisition.beam_energy_keV) == ("STEM", 200)
    assert (acquisition.take_off_angle_deg, acquisition.live_time_s) == (18, 30)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("data-length\t2", "data-length\t4", r"x\.raw is cut short.* 63,000 of 126,000 bytes"),
        ("width\t7\n", "", "its width is missing"),
        ("width\t7", "width\t-7", "its width is -7, not a whole number"),
        ("vector", "pixel", "its record-by is pixel, not one of vector, image"),
        ("unsigned", "float", "no float numbers of 2 bytes"),
        ("data-length\t2", "data-length\t3", "no unsigned numbers of 3 bytes"),
    ],
)
def test_unusable(write, counts, old, new, told):
    header = (SIZES + NUMBERS + "record-by\tvector\n").replace(old, new)
    with pytest.raises(ReadError, match=told):
        napari_eds.read(write(header, counts))


def test_without_its_numbers(tmp_path):
    (tmp_path / "x.rpl").write_text(SIZES + NUMBERS + "record-by\tvector\n")
    with pytest.raises(ReadError, match=r"x\.raw with its data is not there"):
        napari_eds.read(tmp_path / "x.rpl")
