"""Label maps from files, whose headers are checked before what they claim is allocated."""

from __future__ import annotations

import math
import struct
import warnings
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.files import existing_file, write_atomically
from napari_eds._support.npy import read_npy_header
from napari_eds.errors import LabelError
from napari_eds.spectra.axes import MOST_PIXELS

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Kinds of PNG with one number per pixel: grey, and indices of a palette.
_PNG_KINDS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
_PNG_LABELS = (0, 3)

#: What readers of images raise on damaged files.
_FAULTS = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


def read_labels(path: str | Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a label map from a ``.npy``, ``.tif`` or ``.png`` file.

    Axes of length one are left out, and floats taken if all are whole. Of a picture with a
    palette, the indices are the labels.

    Parameters
    ----------
    path : str or Path
    shape : (int, int), optional
        (rows, columns) of the map, where it is known: a file of another size is refused by its
        header, before anything is allocated.

    Returns
    -------
    ndarray of int, (rows, columns)

    Raises
    ------
    FileNotFoundError
    LabelError
        If the file is of another kind, damaged, of another size, or holds no two-dimensional map
        of whole numbers.
    """
    expect(path=(path, PATH))
    path = Path(path)
    _check_file(path)
    readers = {".npy": _read_npy, ".tif": _read_tiff, ".tiff": _read_tiff, ".png": _read_png}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise LabelError(f"labels are read from {', '.join(readers)} files, not {path.name}")
    try:
        return _integers(reader(path, shape), path)
    except LabelError:
        raise
    except _FAULTS as error:
        raise LabelError(
            f"{path.name} cannot be read as a label map: {error}. It is damaged, or no "
            f"{path.suffix} file: save the labels again"
        ) from error


def _check_file(path: Path) -> None:
    existing_file(path, LabelError)


def read_numbers(path: Path) -> np.ndarray:
    """Read a map of any real numbers from a ``.npy`` or ``.tif`` file, with the same checks.

    Returns
    -------
    ndarray of float, (rows, columns)

    Raises
    ------
    FileNotFoundError
    LabelError
        If the file is of another kind, damaged, or holds no two-dimensional map of numbers.
    """
    _check_file(path)
    readers = {".npy": _read_npy, ".tif": _read_tiff, ".tiff": _read_tiff}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise LabelError(f"maps are read from {', '.join(readers)} files, not {path.name}")
    try:
        values = reader(path, None)
    except LabelError:
        raise
    except _FAULTS as error:
        raise LabelError(
            f"{path.name} cannot be read: {error}. It is damaged, or no {path.suffix} file"
        ) from error
    shape = _squeezed(values.shape)
    if len(shape) != 2 or values.dtype.kind not in "buif":
        raise LabelError(
            f"{path.name} holds {values.dtype} values of shape {values.shape}; a map is "
            "(rows, columns) of numbers"
        )
    return values.reshape(shape).astype(float)


def _integers(labels: np.ndarray, path: Path) -> np.ndarray:
    """Return a map (rows, columns) of integers."""
    rows_columns = _squeezed(labels.shape)
    if len(rows_columns) != 2 or labels.dtype.kind not in "biuf":
        raise LabelError(
            f"{path.name} holds {labels.dtype} values of shape {labels.shape}; a label map is "
            "(rows, columns) of whole numbers"
        )
    labels = labels.reshape(rows_columns)
    if labels.dtype.kind != "f":
        return labels
    whole = np.isfinite(labels) & (labels == np.floor(labels)) & (np.abs(labels) < 2.0**53)
    if not whole.all():
        row, column = np.argwhere(~whole)[0]
        raise LabelError(
            f"{path.name} holds {labels[row, column]} at row {row}, column {column}; labels are "
            "whole numbers"
        )
    return labels.astype(np.int64)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out axes of length one, as long as two remain."""
    kept = list(shape)
    for i in reversed(range(len(shape))):
        if len(kept) > 2 and kept[i] == 1:
            del kept[i]
    return tuple(kept)


def check_writable(path: Path) -> None:
    """Raise `LabelError` if `write_labels` writes no files of such a name."""
    if path.suffix.lower() not in (".npy", ".tif", ".tiff"):
        raise LabelError(f"a label map is written as .npy or .tif, not as {path.name}")


def write_labels(path: Path, labels: np.ndarray, *, overwrite: bool = False) -> Path:
    """Write a label map as NumPy or TIFF file, in the smallest integers; `read_labels` reads it.

    Parameters
    ----------
    path : Path
    labels : ndarray of int, (rows, columns)
    overwrite : bool
        Whether to replace a file that is there.

    Raises
    ------
    LabelError
        As `check_writable`.
    OutputError, OSError
        If the file may not be replaced, or cannot be written.
    """
    import tifffile

    check_writable(path)
    buffer, whole = BytesIO(), labels.astype(np.min_scalar_type(int(labels.max(initial=0))))
    if path.suffix.lower() == ".npy":
        np.save(buffer, whole, allow_pickle=False)
    else:
        tifffile.imwrite(buffer, whole)
    return write_atomically(path, buffer.getvalue(), overwrite=overwrite)


def _check_shape(found: tuple[int, ...], wanted: tuple[int, int] | None, path: Path) -> None:
    """Raise where a file claims another size than the map's, or more than any map has."""
    claimed = " x ".join(map(str, found))
    if wanted is not None and _squeezed(found) != tuple(wanted):
        raise LabelError(
            f"{path.name} is a map of {claimed} pixels, which does not fit the map of "
            f"{wanted[0]} x {wanted[1]}"
        )
    if math.prod(found) > MOST_PIXELS:
        raise LabelError(
            f"{path.name} claims {claimed} pixels, more than the {MOST_PIXELS:,} of the largest "
            "map that is taken"
        )


def _read_npy(path: Path, shape: tuple[int, int] | None) -> np.ndarray:
    if zipfile.is_zipfile(path):
        raise LabelError(
            f"{path.name} is an archive of several arrays (.npz): save the map alone with "
            "numpy.save"
        )
    with path.open("rb") as file:
        header = read_npy_header(file)
        if header.dtype.hasobject:
            raise LabelError(
                f"{path.name} holds pickled objects, which are not read: save numbers"
            )
        _check_shape(header.shape, shape, path)
        there = path.stat().st_size - file.tell()
    if there < header.n_bytes:
        raise LabelError(
            f"{path.name} is cut short: it holds {there:,} of {header.n_bytes:,} bytes"
        )
    return np.load(path, allow_pickle=False)


def _read_png(path: Path, shape: tuple[int, int] | None) -> np.ndarray:
    from PIL import Image

    with path.open("rb") as file:
        head = file.read(29)
    if len(head) < 29 or head[:8] != _PNG_SIGNATURE or head[12:16] != b"IHDR":
        raise LabelError(
            f"{path.name} is damaged, or no .png file: it does not begin as one. Save it again"
        )
    width, height, _, kind = struct.unpack(">IIBB", head[16:26])
    if kind not in _PNG_LABELS:
        raise LabelError(
            f"{path.name} is a picture of the kind {_PNG_KINDS.get(kind, kind)}; a label map has "
            "one number per pixel: save it as grey values"
        )
    _check_shape((height, width), shape, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, on sizes that were checked
        with Image.open(path) as picture:
            return np.array(picture)


class _Tag(NamedTuple):
    """Where the values of a tag of a TIFF file are."""

    kind: int
    n_values: int
    offset: int


#: Bytes of the values of a tag, by its type (TIFF 6.0 and BigTIFF).
_TIFF_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8,
               13: 4, 16: 8, 17: 8, 18: 8}  # fmt: skip
_TIFF_WHOLE = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _LENGTH, _BITS, _SAMPLES = 256, 257, 258, 277
#: Tags of where strips or tiles begin, and how many bytes they have.
_PARTS = ((273, 279), (324, 325))


def _read_tiff(path: Path, shape: tuple[int, int] | None) -> np.ndarray:
    """Read the only page of a TIFF file, after a look at it that always comes to an end."""
    import tifffile

    _check_tiff(path, shape)
    with tifffile.TiffFile(path) as file:
        return file.pages[0].asarray()


def _check_tiff(path: Path, shape: tuple[int, int] | None) -> None:
    data = path.read_bytes()
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    version = struct.unpack(f"{order}H", data[2:4])[0] if order and len(data) >= 8 else 0
    if version not in (42, 43):
        raise LabelError(f"{path.name} is damaged, or no .tif file: it does not begin as one")
    big = version == 43
    place = struct.unpack(f"{order}{'Q' if big else 'I'}", data[8:16] if big else data[4:8])[0]
    tags, following = _tiff_page(data, place, f"{order}", big=big)
    if following:
        raise LabelError(f"{path.name} has several pages, or is damaged; a map is one page")

    def value(tag: int, default: int | None = None) -> int:
        if tag in tags:
            return _tiff_values(data, tags[tag], f"{order}")[0]
        if default is None:
            raise ValueError(f"its tag {tag} is missing")
        return default

    samples, bits = value(_SAMPLES, 1), value(_BITS, 1)
    found = (value(_LENGTH), value(_WIDTH), *([samples] if samples != 1 else []))
    _check_shape(found, shape, path)
    if bits not in (1, 8, 16, 32, 64):
        raise ValueError(f"it has {bits} bits per value")
    pair = next((pair for pair in _PARTS if set(pair) <= set(tags)), None)
    if pair is None:
        raise ValueError("it does not say where its strips or tiles are")
    offsets, counts = (_tiff_values(data, tags[tag], f"{order}") for tag in pair)
    ends = [offset + count for offset, count in zip(offsets, counts, strict=True)]
    if not ends or max(ends) > len(data):
        raise ValueError(
            f"it is cut short: its strips or tiles end at byte {max(ends, default=0)} of "
            f"{len(data)}"
        )


def _tiff_page(data: bytes, place: int, order: str, *, big: bool) -> tuple[dict[int, _Tag], int]:
    """Return the tags of a page, and where the next one is (0: nowhere)."""
    head, entry, number = (8, 20, "Q") if big else (2, 12, "I")
    (n_tags,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, place)
    end = place + head + entry * n_tags
    if end > len(data):
        raise ValueError("its list of tags is longer than the file")
    tags: dict[int, _Tag] = {}
    for start in range(place + head, end, entry):
        tag, kind, count = struct.unpack_from(f"{order}HH{number}", data, start)
        if kind not in _TIFF_BYTES:
            raise ValueError(f"its tag {tag} is of an unknown type {kind}")
        inside = start + (12 if big else 8)
        is_inline = count * _TIFF_BYTES[kind] <= (8 if big else 4)
        where = inside if is_inline else struct.unpack_from(f"{order}{number}", data, inside)[0]
        if where + count * _TIFF_BYTES[kind] > len(data):
            raise ValueError(f"the values of its tag {tag} lie behind its end")
        tags.setdefault(tag, _Tag(kind, count, where))
    return tags, struct.unpack_from(f"{order}{number}", data, end)[0]


def _tiff_values(data: bytes, tag: _Tag, order: str) -> tuple[int, ...]:
    if tag.kind not in _TIFF_WHOLE or not tag.n_values:
        raise ValueError("a tag that should hold whole numbers holds none")
    return struct.unpack_from(f"{order}{tag.n_values}{_TIFF_WHOLE[tag.kind]}", data, tag.offset)
