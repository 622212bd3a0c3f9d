"""Parts of a map as they are read, beside the same parts of the dense counts."""

import numpy as np
import pytest

import napari_eds as eds
from velox_files import encode, write_velox

STREAM = "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd"


@pytest.fixture(scope="module")
def dense(data_dir):
    """Counts of the whole measured map, (rows, columns, channels)."""
    return eds.load(data_dir / STREAM).to_array()


def test_a_crop_in_pixels_is_that_of_the_dense_counts(data_dir, dense):
    image = eds.load(data_dir / STREAM, crop=((12, 39), (None, 7)))
    np.testing.assert_array_equal(image.to_array(), dense[12:39, :7])
    assert image.part == eds.MapPart(crop=((12, 39), (0, 7)))
    assert image.origin == (12, 0)
    whole = eds.load(data_dir / STREAM)
    fitting = [i for i in whole.images if i.fits(whole.shape)]
    cropped = [i for i in image.images if i.fits(image.shape)]
    assert len(fitting) == len(cropped) > 0
    np.testing.assert_array_equal(cropped[0].data, fitting[0].data[12:39, :7])


def test_a_crop_in_nm_follows_the_size_of_pixels(data_dir, dense):
    height, width = eds.load(data_dir / STREAM).pixel_size
    crop = ((10.2 * height, 20.51 * height), (1.6 * width, 6.4 * width))
    image = eds.load(data_dir / STREAM, crop=crop, crop_unit="nm")
    # Centres at 10.5 ... 20.5 and at 2.5 ... 5.5 pixels lie inside.
    np.testing.assert_array_equal(image.to_array(), dense[10:21, 2:6])
    assert image.part == eds.MapPart(crop=((10, 21), (2, 6)))


def test_all_parts_together_are_read_again(data_dir):
    path = data_dir / STREAM
    detector = eds.load(path).acquisition.detectors[0].name
    image = eds.load(
        path,
        detectors=detector,
        frames=(1, 5),
        crop=((4, 44), (0, 6)),
        energy_range_keV=(0.5, 9),
        rebin_energy=3,
    )
    again = eds.load(path, part=image.part)
    assert again.part == image.part
    np.testing.assert_array_equal(again.to_array(), image.to_array())
    assert again.energy == image.energy
    # What is asked for goes before what is repeated.
    other = eds.load(path, part=image.part, frames=(1, 2), crop=((0, 2), (0, 3)))
    assert (other.part.frames, other.shape) == ((1, 2), (2, 3))


@pytest.mark.parametrize("order", [("pixels", "energy", "rebin"), ("rebin", "pixels", "energy")])
def test_parts_of_parts_are_read_again(data_dir, order):
    image = eds.load(data_dir / STREAM, crop=((3, 50), (1, 9)))
    change = {
        "pixels": lambda im: im.crop(slice(None, -5), slice(2, 7)),
        "energy": lambda im: im.crop_energy(1.234, 7.89).crop_energy(2, 7),
        "rebin": lambda im: im.rebin_energy(2).rebin_energy(3),
    }
    for name in order:
        image = change[name](image)
    again = eds.load(data_dir / STREAM, part=image.part)
    np.testing.assert_array_equal(again.to_array(), image.to_array())
    np.testing.assert_allclose(again.energy.energies_keV, image.energy.energies_keV)
    assert again.part == image.part


def test_what_no_reader_can_repeat_has_no_part(data_dir):
    image = eds.load(data_dir / STREAM)
    assert image.crop(slice(0, 8, 2), slice(None)).part is None
    cut = image.crop_energy(1, 5).with_energy_axis(offset_keV=0, scale_keV=0.01)
    assert cut.part is None
    made = eds.SpectrumImage.from_array(np.ones((2, 2, 3)), image.energy.crop(slice(3)))
    assert made.part is None


def test_another_axis_is_remembered(data_dir):
    image = eds.load(data_dir / STREAM).rebin_energy(4)
    image = image.with_energy_axis(offset_keV=-0.1, scale_keV=0.02)
    again = eds.load(data_dir / STREAM, part=image.part)
    np.testing.assert_allclose(again.energy.energies_keV, image.energy.energies_keV)
    np.testing.assert_array_equal(again.to_array(), image.to_array())


def test_one_of_several_maps_is_remembered(data_dir):
    path = data_dir / "real/velox/EDS-STO.emd"
    image = eds.load(path, 2)
    assert image.part == eds.MapPart(index=2)
    assert eds.load(path, part=image.part).name == image.name
    assert [i.part.index for i in eds.read(path)] == [0, 1, 2, 3, 4]


def test_formats_of_other_vendors_are_cropped_alike(data_dir):
    path = data_dir / "real/ripple/bruker_bcf_fileformat_16x16.rpl"
    whole = eds.load(path).to_array()
    image = eds.load(path, crop=((3, 9), (0, 16)))
    np.testing.assert_array_equal(image.to_array(), whole[3:9])
    with pytest.raises(eds.ReadError, match="columns 0:17 px of 16 x 16 pixels"):
        eds.load(path, crop=((3, 9), (0, 17)))


def test_an_image_that_only_seems_to_fit_what_is_left_goes(tmp_path):
    counts = np.arange(24 * 8).reshape(24, 8) % 3
    picture = np.zeros((2, 3), np.uint16)  # an overview, not of these pixels
    path = write_velox(tmp_path / "map.emd", {"D": encode(counts)}, (4, 6), picture=picture)
    assert [i.data.shape for i in eds.load(path).images] == [(2, 3)]
    assert not eds.load(path, crop=((0, 2), (0, 3))).images
    assert len(eds.load(path, crop=((0, 3), (0, 3))).images) == 1
