"""What damaged files do to readers of our own, told as what it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_eds.errors import ReadError
from napari_eds.readers.hdf5_checks import FAULTS
from napari_eds.spectra.axes import MOST_PIXELS


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Raise `ReadError` for whatever a damaged file raises within."""
    try:
        yield
    except ReadError:
        raise
    except FAULTS as error:
        raise ReadError(f"{path.name} is damaged: {error}") from error


def check_size(name: str, rows: int, columns: int) -> None:
    """Raise `ReadError` unless a map may well have so many pixels."""
    if min(rows, columns) < 1 or rows * columns > MOST_PIXELS:
        raise ReadError(f"{name} is damaged: it says that its map has {rows} x {columns} pixels")
