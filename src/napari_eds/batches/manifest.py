"""The manifest of a batch: one row per file, written as each is taken up and as it ends.

Rows are added at the end of ``manifest.csv`` and are on the disk before the work goes on; of
several rows of one file the last holds, and a last line that was not finished counts for nothing.
When the batch ends, the file is written anew with one row per file, by name.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from io import StringIO
from pathlib import Path
from typing import Any, get_args

from napari_eds._support.csv_cells import defused, restored
from napari_eds._support.files import write_atomically
from napari_eds.batches.entry import BatchEntry, State
from napari_eds.errors import OutputError

NAME = "manifest.csv"
_COLUMNS = [field.name for field in fields(BatchEntry)]
_NUMBERS = {"size_bytes", "modified_ns", "n_labels"}


def read_manifest(path: Path) -> dict[str, BatchEntry]:
    """Return what a manifest tells of each file; nothing where there is none.

    Raises
    ------
    OutputError
        If the file is no manifest.
    """
    if not path.is_file():
        return {}
    # A line that a killed program had not finished has no end.
    whole = path.read_bytes().rpartition(b"\n")[0].decode("utf-8", errors="replace")
    try:
        rows = list(csv.reader(StringIO(whole, newline="")))
    except csv.Error as error:
        raise OutputError(f"{path} is damaged: {error}. Choose another folder") from error
    if rows and rows[0] != _COLUMNS:
        raise OutputError(f"{path} is no manifest of a batch: choose another folder")
    found = {}
    for row in rows[1:]:
        entry = _entry(row)
        if entry is None:
            raise OutputError(
                f"{path} is damaged: it holds the row {','.join(row)[:80]!r}. "
                "Choose another folder"
            )
        found[entry.file] = entry
    return found


def _entry(row: list[str]) -> BatchEntry | None:
    values: dict[str, Any] = dict(zip(_COLUMNS, map(restored, row), strict=False))
    try:
        values |= {name: int(values[name]) for name in _NUMBERS}
    except (KeyError, ValueError):
        return None
    known = len(row) == len(_COLUMNS) and values["state"] in get_args(State)
    return BatchEntry(**values) if known else None


class Manifest:
    """The manifest of a batch that runs.

    Parameters
    ----------
    path : Path
        Rows are added where it is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries = read_manifest(path)
        # Also mends the end of a file that was cut off.
        self.finish()
        self._file = path.open("ab")

    def note(self, entry: BatchEntry) -> None:
        """Add what is known of a file, and have it on the disk."""
        self.entries[entry.file] = entry
        self._file.write(_text([entry]).encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def forget(self, file: str) -> None:
        """Know no more of a file, once the manifest is written anew."""
        del self.entries[file]

    def finish(self) -> None:
        """Write one row per file, by name."""
        write_atomically(self._path, manifest_text(self.entries), overwrite=True)

    def close(self) -> None:
        """Write one row per file, and add none any more."""
        self._file.close()
        self.finish()


def manifest_text(entries: Mapping[str, BatchEntry]) -> str:
    """Return a manifest with one row per file, by name."""
    return ",".join(_COLUMNS) + "\n" + _text(entries[name] for name in sorted(entries))


def _text(entries: Iterable[BatchEntry]) -> str:
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for entry in entries:
        # Lines of a file are told apart by their ends: a cell has none.
        writer.writerow(
            [defused(" ".join(str(value).splitlines())) for value in asdict(entry).values()]
        )
    return buffer.getvalue()
