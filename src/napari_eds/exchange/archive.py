"""Zip archives of labels and JSON: what they may hold, checked before any of it is unpacked."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO

import numpy as np

from napari_eds._support.npy import read_npy_header
from napari_eds.spectra.axes import MOST_PIXELS

#: What is small is read however well it is packed; beyond that, JSON, CSV and packed labels hardly
#: shrink by this factor.
_SMALL_BYTES, _LARGEST_RATIO = 2**24, 100

#: Most bytes of packed labels.
LABELS_BYTES = 2**28

#: What reading parts of a file raises that is no archive, or was cut or changed. RuntimeError: an
#: encrypted part, or one packed in an unknown way.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


def check_parts(archive: zipfile.ZipFile, largest: Mapping[str, int]) -> None:
    """Check names and sizes of all parts before one of them is unpacked.

    Parameters
    ----------
    archive : ZipFile
    largest : mapping of str to int
        Most bytes of parts, by name; others must be small.

    Raises
    ------
    ValueError
        If a name leads elsewhere or is there twice, or a part is too large.
    """
    names = [part.filename for part in archive.infolist()]
    odd = [n for n in names if n.startswith("/") or ".." in n.split("/") or "\\" in n or ":" in n]
    twice = [n for n in names if names.count(n) > 1]
    if odd or twice:
        raise ValueError(f"it has parts called {', '.join((odd or twice)[:3])}")
    for part in archive.infolist():
        size, packed = part.file_size, part.compress_size
        most = largest.get(part.filename, _SMALL_BYTES)
        if size > most or (size > _SMALL_BYTES and size > _LARGEST_RATIO * packed):
            raise ValueError(
                f"{part.filename} of {size:,} bytes (packed {packed:,}) is too large for it"
            )


def pack_labels(labels: np.ndarray) -> bytes:
    """Pack a label map of any integers, (rows, columns), in the smallest that hold them."""
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    kind = np.promote_types(np.min_scalar_type(low), np.min_scalar_type(high))
    if kind.kind not in "iu":  # no integers hold both -1 and 2**63
        kind = labels.dtype
    buffer = BytesIO()
    np.savez_compressed(buffer, labels=labels.astype(kind))
    return buffer.getvalue()


def unpack_labels(content: bytes, shape: tuple[int, int]) -> np.ndarray:
    """Unpack a label map, once its header fits the shape of the map.

    Raises
    ------
    ValueError
        If it does not; damage also raises others of `DAMAGE`.
    """
    with zipfile.ZipFile(BytesIO(content)) as inner, inner.open("labels.npy") as file:
        header = read_npy_header(file)
    if header.shape != shape or header.dtype.kind not in "biu" or math.prod(shape) > MOST_PIXELS:
        raise ValueError(f"its labels are {header.dtype} of shape {header.shape}, not of {shape}")
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        return np.asarray(arrays["labels"])
