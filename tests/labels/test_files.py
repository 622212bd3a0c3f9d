"""Label maps from files: what programs write is read, what is damaged is refused by its header."""

import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

import napari_eds as eds

LABELS = np.arange(30).reshape(5, 6) // 4


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "u4", "i8", "f4", "f8", "?"])
@pytest.mark.parametrize("suffix", ["npy", "tif"])
def test_every_type_of_number(suffix, dtype, tmp_path):
    path, labels = tmp_path / f"labels.{suffix}", LABELS.astype(dtype)
    if suffix == "npy":
        np.save(path, labels)
    elif dtype == "?":
        tifffile.imwrite(path, labels, photometric="minisblack")
    else:
        tifffile.imwrite(path, labels)
    found = eds.read_labels(path, LABELS.shape)
    assert found.dtype.kind in "biu"
    np.testing.assert_array_equal(found, labels.astype(found.dtype))


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"bigtiff": True, "byteorder": ">"},
        {"imagej": True},
        {"tile": (16, 16)},
        {"rowsperstrip": 1},
    ],
)
def test_every_kind_of_tiff(options, tmp_path):
    tifffile.imwrite(tmp_path / "labels.tif", LABELS.astype(np.uint16), **options)
    np.testing.assert_array_equal(eds.read_labels(tmp_path / "labels.tif"), LABELS)


@pytest.mark.parametrize("mode", ["grey", "16 bits", "palette", "1 bit"])
def test_every_kind_of_png(mode, tmp_path):
    labels = LABELS > 3 if mode == "1 bit" else LABELS.astype("u2" if "16" in mode else "u1")
    picture = Image.fromarray(labels)
    if mode == "palette":
        picture.putpalette(bytes(range(255, -1, -1)) * 3)
        assert picture.mode == "P"
    picture.save(tmp_path / "labels.png")
    np.testing.assert_array_equal(eds.read_labels(tmp_path / "labels.png"), labels)


def test_axes_of_length_one(tmp_path):
    np.save(tmp_path / "labels.npy", LABELS[None, :, :, None])
    np.testing.assert_array_equal(eds.read_labels(tmp_path / "labels.npy", (5, 6)), LABELS)
    np.save(tmp_path / "line.npy", np.arange(4)[None])
    assert eds.read_labels(tmp_path / "line.npy", (1, 4)).shape == (1, 4)


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, -np.inf, 1e300])
def test_fractions_are_no_labels(value, tmp_path):
    labels = LABELS.astype(float)
    labels[2, 3] = value
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(eds.LabelError, match="at row 2, column 3; labels are whole"):
        eds.read_labels(tmp_path / "labels.npy")


def test_another_size_than_the_map(tmp_path):
    Image.fromarray(LABELS.astype("u1")).save(tmp_path / "labels.png")
    tifffile.imwrite(tmp_path / "labels.tif", LABELS)
    np.save(tmp_path / "labels.npy", LABELS)
    for suffix in ("png", "tif", "npy"):
        with pytest.raises(eds.LabelError, match=r"5 x 6 pixels, which does not fit .* 6 x 5"):
            eds.read_labels(tmp_path / f"labels.{suffix}", (6, 5))


def test_files_that_are_no_label_maps(tmp_path):
    Image.fromarray(np.zeros((4, 4, 3), "u1")).save(tmp_path / "rgb.png")
    tifffile.imwrite(tmp_path / "pages.tif", np.zeros((3, 4, 4), "u1"), photometric="minisblack")
    np.save(tmp_path / "pickled.npy", np.array([[None]]), allow_pickle=True)
    np.save(tmp_path / "complex.npy", LABELS.astype(complex))
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "short.npy").write_bytes((tmp_path / "complex.npy").read_bytes()[:-9])
    (tmp_path / "empty.tif").write_bytes(b"")
    for name, said in {
        "rgb.png": "picture of the kind RGB",
        "pages.tif": "several pages",
        "pickled.npy": "pickled objects",
        "complex.npy": "whole numbers",
        "text.npy": "damaged, or no .npy file",
        "short.npy": "cut short",
        "empty.tif": "does not begin as one",
    }.items():
        with pytest.raises(eds.LabelError, match=said) as error:
            eds.read_labels(tmp_path / name)
        assert name in str(error.value)


def test_tiff_whose_pages_never_end(tmp_path):
    """The page that follows the first is the first."""
    tifffile.imwrite(tmp_path / "labels.tif", LABELS.astype("u1"))
    data = bytearray((tmp_path / "labels.tif").read_bytes())
    place = int.from_bytes(data[4:8], "little")
    end = place + 2 + 12 * int.from_bytes(data[place : place + 2], "little")
    data[end : end + 4] = place.to_bytes(4, "little")
    (tmp_path / "labels.tif").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(eds.LabelError, match="several pages"):
            eds.read_labels(tmp_path / "labels.tif")
