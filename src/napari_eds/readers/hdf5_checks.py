"""What an HDF5 file may not do to whoever opens it, checked before anything of it is read."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

import h5py

from napari_eds.errors import ReadError

#: Anything up to here is read without a question, in bytes.
_SMALL_BYTES = 2**26
#: Deflate packs at most 1032 to 1 (zlib's technical details); nothing in use here packs better.
_LARGEST_RATIO = 1100

#: Beginning of a global heap: signature, version 1, three zeros; then its size.
_HEAP = b"GCOL\x01\x00\x00\x00"
_HEAP_HEADER = struct.Struct("<8sQ")
#: Index, count of references, reserved, size.
_HEAP_OBJECT = struct.Struct("<HHIQ")

#: What h5py raises on damaged files, beside errors of the package itself.
FAULTS = (
    AttributeError,
    KeyError,
    MemoryError,
    OSError,
    OverflowError,
    RecursionError,
    RuntimeError,
    SystemError,
    TypeError,
    ValueError,
)


def check_heaps(path: Path) -> None:
    """Raise where a heap of texts is damaged so that the HDF5 library would never end reading it.

    A global heap is a row of objects (HDF5 File Format Specification 3.0, III.E): index and count
    (2 bytes each), 4 reserved, size (8), content. The library goes from one to the next, and stays
    where a free object has no size.

    Raises
    ------
    ReadError
    """
    if not _HEAP_HEADER.size < path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_HEAP)
        while start >= 0:
            if not _heap_ends(data, start):
                raise ReadError(f"{path.name} is damaged: its heap of texts at byte {start}")
            start = data.find(_HEAP, start + len(_HEAP))


def _heap_ends(data: mmap.mmap, start: int) -> bool:
    place = start + _HEAP_HEADER.size
    if place > len(data):
        return True
    end = start + _HEAP_HEADER.unpack_from(data, start)[1]
    if end > len(data):
        return True  # the library says so itself
    while place + _HEAP_OBJECT.size <= end:
        index, _, _, size = _HEAP_OBJECT.unpack_from(data, place)
        if size > end - place or (index == 0 and size == 0):
            return False
        place += _HEAP_OBJECT.size + -(-size // 8) * 8 if index else size
    return True


def refuse_other_files(file: h5py.File) -> None:
    """Raise where a file would have parts of other files read as if they were its own.

    External links, external storage and virtual datasets can name any file of the reader's disk.
    """

    def fault(name: bytes, info: Any) -> str | None:
        text = name.decode(errors="replace")
        if info.type == h5py.h5l.TYPE_EXTERNAL:
            return f"{text} is a link into another file, which is not followed"
        if info.type != h5py.h5l.TYPE_HARD:
            return None
        try:
            found = h5py.h5o.open(file.id, name)
        except FAULTS as error:
            return f"{text} is damaged: {error}"
        if isinstance(found, h5py.h5d.DatasetID):
            layout = found.get_create_plist()
            if layout.get_external_count() or layout.get_layout() == h5py.h5d.VIRTUAL:
                return f"{text} is stored in another file, which is not read"
        return None

    # What a callback raises is lost in HDF5; what it returns ends the visit.
    try:
        found = file.id.links.visit(fault, info=True)
    except FAULTS as error:
        found = f"the list of its parts is damaged: {error}"
    if found is not None:
        raise ReadError(f"{Path(str(file.filename)).name}: {found}")


def check_size(dataset: h5py.Dataset) -> None:
    """Raise if a dataset claims to hold more than what is stored of it can be.

    Raises
    ------
    ReadError
        With the name of the dataset, what it claims and what there is.
    """
    claimed, stored = dataset.nbytes, dataset.id.get_storage_size()
    if claimed > _SMALL_BYTES + _LARGEST_RATIO * stored:
        raise ReadError(
            f"{dataset.name} claims {' x '.join(map(str, dataset.shape))} values of "
            f"{dataset.dtype} ({claimed / 1e9:.3g} GB), but stores {stored:,} bytes; expected "
            "as much as it claims"
        )


def first_value(dataset: h5py.Dataset) -> Any:
    """Return the first value of a dataset, however many it claims to hold; None without any."""
    if not dataset.size:
        return None
    # One value takes reading one chunk.
    return dataset[(0,) * dataset.ndim]


def all_values(dataset: h5py.Dataset) -> Any:
    """Return all values of a dataset that can hold as many as it claims.

    Raises
    ------
    ReadError
        As `check_size`.
    """
    check_size(dataset)
    return dataset[()]
