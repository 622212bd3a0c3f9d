"""What a file of HyperSpy may not make HyperSpy do, checked before HyperSpy or its readers see it.

HyperSpy evaluates texts of such files: expressions of axes, of components and of ties between
parameters; it unpickles components and functions, which runs whatever their author wanted, and
zarr unpickles arrays that say so. Here, no text of a file is ever evaluated: what would be is
refused, with a reason, or not read.

Sources: hyperspy/axes.py, component.py, model.py and misc/export_dictionary.py of HyperSpy 2.5;
the format of zarr, versions 2 and 3; the codecs of numcodecs.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.hdf5_checks import FAULTS, check_size, refuse_other_files

#: Components of the models that `save_hspy` stores, all of HyperSpy itself.
COMPONENTS = ("Gaussian", "Polynomial", "ScalableFixedPattern")
#: A tie between parameters that is nothing but a factor.
_FACTOR = re.compile(r"\s*(x\s*\*\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?)?\s*")
#: What `_whitelist` says of functions, which may be pickled.
_FUNCTION_FLAG = "fn"

#: Codecs that turn bytes into numbers or text, and nothing else.
_CODECS = {
    "adler32", "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "delta",
    "endian", "fixedscaleoffset", "fletcher32", "gzip", "json2", "lz4", "lzma", "msgpack2",
    "packbits", "pcodec", "quantize", "sharding_indexed", "shuffle", "transpose", "vlen-array",
    "vlen-bytes", "vlen-utf8", "zlib", "zstd",
}  # fmt: skip
_ZARR_HEADS = (".zarray", "zarr.json", ".zmetadata")
_LARGEST_HEAD_BYTES = 2**24
_SMALL_BYTES = 2**26
#: Zstandard packs a block of 128 kB of one value into a few bytes.
_LARGEST_ZARR_RATIO = 50_000


def check_hdf5(file: h5py.File, *, models: bool = False) -> None:
    """Check a `.hspy` file.

    Parameters
    ----------
    file : h5py.File
    models : bool
        Whether to check stored models as well, for whoever restores them.

    Raises
    ------
    ReadError
        If it would have text evaluated or other files read, or claims more than it holds.
    """
    name = Path(str(file.filename)).name
    refuse_other_files(file)
    for group in _members(file.get("Experiments")):
        _check_experiment(group, name)
    file.visititems(lambda _, item: _check_dataset(item, name))
    if models:
        for group in _members(file.get("Analysis/models")):
            group.visititems(lambda path, item: _check_model_part(path, item, name))


def _members(group: Any) -> Iterator[h5py.Group]:
    if isinstance(group, h5py.Group):
        yield from (item for item in group.values() if isinstance(item, h5py.Group))


def _check_dataset(item: Any, name: str) -> None:
    if isinstance(item, h5py.Dataset):
        try:
            check_size(item)
        except ReadError as error:
            raise ReadError(f"{name} is damaged: {error}") from error


def _check_experiment(group: h5py.Group, name: str) -> None:
    data = group.get("data")
    shapes = {"ragged_shapes", "_ragged_shapes_data"}
    if isinstance(data, h5py.Dataset) and (data.dtype.kind == "O" or shapes & set(group)):
        raise ReadError(
            f"{name}: {data.name} is a ragged array, every pixel of which may be anything; a map "
            "has as many channels in every pixel"
        )
    axes = [group[key] for key in group if key.startswith(("axis-", "_list_"))]
    for axis in axes:
        for part in (axis, *_members(axis)):
            _refuse_expression(part.attrs, part.name, name)


def _refuse_expression(attributes: Any, axis: str, name: str) -> None:
    if "expression" in attributes or _text(attributes.get("_type")) == "FunctionalDataAxis":
        called = _text(attributes.get("name")) or "without a name"
        raise ReadError(
            f"{name}: the axis '{called}' ({axis}) is given by an expression. To read it would be "
            "to run a program of whoever wrote the file, and is refused. In HyperSpy, from a "
            "source you trust, axis.convert_to_uniform_axis() or convert_to_non_uniform_axis() "
            "makes numbers of it"
        )


def _check_model_part(path: str, item: Any, name: str) -> None:
    """Allow what `save_hspy` stores, and nothing else."""
    is_component = re.search(r"(^|/)_list_(\d+_)?components/[^/]+$", path)
    if "_class_dump" in item.attrs or "_bs__class_dump" in item.attrs or "_class_dump" in path:
        raise ReadError(f"{name}: {item.name} is a pickled component, which is refused")
    component = _text(item.attrs.get("_id_name"))
    if is_component and component not in COMPONENTS:
        raise ReadError(
            f"{name}: {item.name} is a component of the kind {component!r}, which may be a "
            f"program; only {', '.join(COMPONENTS)} are taken"
        )
    for key, value in item.attrs.items():
        text = _text(value)
        if key.endswith("function_expr") and not _FACTOR.fullmatch(text):
            raise ReadError(
                f"{name}: {item.name} ties a parameter by the expression {text[:60]!r}, which is "
                "refused; only factors such as 'x * 0.5' are taken"
            )
        is_function = path.endswith("_whitelist") and _FUNCTION_FLAG in text.split(",")
        if is_function or key == "expression":
            raise ReadError(f"{name}: {item.name} holds a function, which is refused")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else ""


def check_zarr(path: Path) -> None:
    """Check a `.zspy` file or folder.

    Raises
    ------
    ReadError
        As `check_hdf5`; and if an array is pickled.
    """
    heads = _heads_of_zip(path) if path.is_file() else _heads_of_folder(path)
    for where, head, stored in heads:
        _check_head(where, head, stored, path.name)


def _heads_of_folder(path: Path) -> Iterator[tuple[str, Any, int]]:
    for file in sorted(path.rglob("*")):
        if file.is_symlink():
            raise ReadError(f"{path.name}: {file.name} is a link to another file")
        if file.name in (*_ZARR_HEADS, ".zattrs"):
            stored = sum(one.stat().st_size for one in file.parent.rglob("*") if one.is_file())
            where = str(file.relative_to(path))
            if file.stat().st_size > _LARGEST_HEAD_BYTES:
                raise ReadError(f"{path.name}: {where} is too large for a description")
            yield where, _json(file.read_bytes(), where, path.name), stored


def _heads_of_zip(path: Path) -> Iterator[tuple[str, Any, int]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for member in members:
                inside = PurePosixPath(member.filename)
                if inside.name not in (*_ZARR_HEADS, ".zattrs"):
                    continue
                if member.file_size > _LARGEST_HEAD_BYTES:
                    raise ReadError(f"{path.name}: {inside} is too large for a description")
                folder = f"{inside.parent}/" if inside.parent.name else ""
                stored = sum(m.compress_size for m in members if m.filename.startswith(folder))
                text = archive.read(member)
                yield member.filename, _json(text, member.filename, path.name), stored
    except ReadError:
        raise
    except (zipfile.BadZipFile, zlib.error, *FAULTS, EOFError) as error:
        raise ReadError(f"{path.name} is no zspy file, or is damaged: {error}") from error


def _json(text: bytes, where: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{name} is damaged: {where} is no JSON: {error}") from error


def _check_head(where: str, head: Any, stored: int, name: str) -> None:
    for part in _dictionaries(head):
        _refuse_expression(part, where, name)
        for key in ("filters", "compressor", "codecs", "object_codec"):
            for codec in _codecs(part.get(key)):
                if codec.removeprefix("numcodecs.") not in _CODECS:
                    raise ReadError(
                        f"{name}: {where} is packed by {codec!r}, which is refused: it may run "
                        "a program of whoever wrote the file"
                    )
        if "shape" in part and ("dtype" in part or "data_type" in part):
            _check_array(part, where, stored, name)


def _check_array(part: dict[str, Any], where: str, stored: int, name: str) -> None:
    dtype = part.get("dtype", part.get("data_type"))
    if PurePosixPath(where).parent.name == "data" and dtype == "|O":
        raise ReadError(f"{name}: {where} is a ragged array; a map has numbers in every pixel")
    try:
        size = math.prod(int(n) for n in part["shape"]) * _item_bytes(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ReadError(f"{name} is damaged: {where} gives no shape: {error}") from error
    if size > _SMALL_BYTES + _LARGEST_ZARR_RATIO * stored:
        raise ReadError(
            f"{name} is damaged: {where} claims {size / 1e9:.3g} GB, but {stored:,} bytes are "
            "stored"
        )


def _item_bytes(dtype: Any) -> int:
    try:
        return np.dtype(dtype).itemsize
    except TypeError:
        return 8


def _dictionaries(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside of JSON."""
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _codecs(value: Any) -> Iterable[str]:
    for codec in value if isinstance(value, list) else [value]:
        if isinstance(codec, dict):
            yield str(codec.get("id", codec.get("name", "")))
        elif isinstance(codec, str):
            yield codec
