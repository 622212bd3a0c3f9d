"""What an HDF5 file may not do to whoever opens it, checked before anything of it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py

from napari_eds.errors import ReadError

#: Anything up to here is read without a question, in bytes.
_SMALL_BYTES = 2**26
#: Deflate packs at most 1032 to 1 (zlib's technical details); nothing in use here packs better.
_LARGEST_RATIO = 1100

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
