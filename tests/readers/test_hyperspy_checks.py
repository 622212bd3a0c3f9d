"""HyperSpy files that would have HyperSpy run something: none of it is run, and it is told why."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

import napari_eds as eds

FITTED = Path(__file__).parents[1] / "earlier_files" / "fitted.hspy"


def write_zspy(path, **head):
    """Write a map of 2 x 3 pixels, and change the description of its array."""
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs.update({"file_format": "ZSpy", "file_format_version": "3.3"})
    signal = root.create_group("Experiments").create_group("EDS")
    signal["data"] = np.arange(60, dtype=np.uint16).reshape(2, 3, 10)
    for i, size in enumerate((2, 3, 10)):
        signal.create_group(f"axis-{i}").attrs.update(
            {"name": "x", "units": "keV", "offset": 0.0, "scale": 0.5, "size": size,
             "navigate": i < 2}
        )  # fmt: skip
    signal.create_group("metadata").create_group("Signal").attrs["signal_type"] = "EDS_TEM"
    signal.create_group("original_metadata")
    file = path / "Experiments/EDS/data/.zarray"
    file.write_text(json.dumps(json.loads(file.read_text()) | head))
    return path


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"filters": [{"id": "pickle"}]}, "packed by 'pickle', which is refused"),
        ({"compressor": {"id": "mine"}}, "packed by 'mine'"),
        ({"dtype": "|O"}, "ragged array"),
        ({"shape": [10**6, 10**6, 10]}, "claims 2e.04 GB, but .* bytes are stored"),
        ({"shape": ["x"]}, "gives no shape"),
    ],
)
def test_arrays_of_zarr_that_are_refused(head, said, tmp_path):
    assert eds.load(write_zspy(tmp_path / "good.zspy")).total_counts == 1770
    with pytest.raises(eds.ReadError, match=rf"^bad\.zspy.*{said}"):
        eds.read(write_zspy(tmp_path / "bad.zspy", **head))


def test_axis_of_zarr_by_expression(tmp_path):
    path = write_zspy(tmp_path / "map.zspy")
    axis = path / "Experiments/EDS/axis-2/.zattrs"
    axis.write_text(json.dumps({"_type": "FunctionalDataAxis", "expression": "x", "name": "E"}))
    with pytest.raises(eds.ReadError, match=r"axis 'E' .* is given by an expression"):
        eds.read(path)


def test_link_out_of_a_folder(tmp_path):
    path = write_zspy(tmp_path / "map.zspy")
    (path / "Experiments/EDS/data/0.0.0").unlink()
    (path / "Experiments/EDS/data/0.0.0").symlink_to("/etc/hostname")
    with pytest.raises(eds.ReadError, match="link to another file"):
        eds.read(path)


@pytest.fixture
def fitted(tmp_path):
    shutil.copy(FITTED, tmp_path / "fitted.hspy")
    (tmp_path / "fitted.hspy").chmod(0o644)
    return tmp_path / "fitted.hspy"


def components(file):
    (model,) = file["Analysis/models"].values()
    found = [part for name, part in model["_dict"].items() if name.endswith("_components")]
    return next(part for part in found if isinstance(part, h5py.Group))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("_id_name", "Expression", "component of the kind 'Expression'"),
        ("_class_dump", np.void(b"pickled"), "pickled component"),
        ("expression", "x", "holds a function"),
    ],
)
def test_stored_models_of_other_components(key, value, said, fitted):
    assert eds.read_hspy(fitted).table.shape[0] == 4
    with h5py.File(fitted, "a") as file:
        components(file)["0"].attrs[key] = value
    with pytest.raises(eds.ReadError, match=said):
        eds.read_hspy(fitted)
    # As a map it is read without its model.
    assert eds.read(fitted)


@pytest.mark.parametrize("key", ["twin_function_expr", "twin_inverse_function_expr"])
def test_ties_that_are_programs(key, fitted):
    with h5py.File(fitted, "a") as file:
        parameters = components(file)["0/_list_3_parameters"]
        parameters["0"].attrs[key] = "__import__('os').getpid() * x"
    with pytest.raises(eds.ReadError, match="only factors such as"):
        eds.read_hspy(fitted)


def test_ragged_arrays(fitted):
    with h5py.File(fitted, "a") as file:
        (group,) = file["Experiments"].values()
        del group["data"]
        group.create_dataset("data", (3,), h5py.vlen_dtype(np.float64))
    for read in (eds.read, eds.read_hspy):
        with pytest.raises(eds.ReadError, match="is a ragged array"):
            read(fitted)


def test_claims_beyond_what_is_stored(fitted):
    with h5py.File(fitted, "a") as file:
        (group,) = file["Experiments"].values()
        del group["data"]
        group.create_dataset("data", (10**6, 10**6), np.uint8, chunks=True)
    for read in (eds.read, eds.read_hspy):
        with pytest.raises(eds.ReadError, match=r"claims 1000000 x 1000000 .*stores 0 bytes"):
            read(fitted)


@pytest.mark.parametrize("keep", [True, False])
def test_axis_that_lists_its_values(keep, tmp_path):
    """Equal steps are read, others refused with the name of the axis."""
    shutil.copy(FITTED, tmp_path / "map.hspy")
    (tmp_path / "map.hspy").chmod(0o644)
    with h5py.File(tmp_path / "map.hspy", "a") as file:
        (group,) = file["Experiments"].values()
        axis = group["axis-1"]
        offset, scale, size = (axis.attrs.pop(key) for key in ("offset", "scale", "size"))
        values = offset + scale * np.arange(size)
        axis["axis"] = values if keep else values + np.linspace(0, 1, size) ** 2
    if keep:
        (image,) = eds.read(tmp_path / "map.hspy")
        assert image.energy.offset_keV == pytest.approx(offset)
        assert image.energy.scale_keV == pytest.approx(scale)
    else:
        with pytest.raises(eds.ReadError, match="the axis 'Energy' is not uniform"):
            eds.read(tmp_path / "map.hspy")
