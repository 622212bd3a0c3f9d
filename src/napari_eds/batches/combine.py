"""One table of all files of a batch, with where each row comes from."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_eds._support.csv_cells import defused
from napari_eds._support.files import folder_aside
from napari_eds.batches.entry import BatchEntry
from napari_eds.batches.task import table_of
from napari_eds.errors import EDSError
from napari_eds.quantification.table import read_table

CSV, PARQUET = "all.csv", "all.parquet"
#: Columns before those of the results: fields of `BatchEntry`.
PROVENANCE = ("file", "file_sha256", "labels_sha256", "recipe_sha256", "version")


def check_parquet() -> None:
    """Raise `EDSError` where no Parquet can be written."""
    if find_spec("pyarrow") is None:
        raise EDSError(
            "a Parquet file needs the package pyarrow, which is not installed: "
            "pip install pyarrow, or leave it out"
        )


def combine(output: Path, entries: Iterable[BatchEntry], *, parquet: bool = False) -> list[Path]:
    """Write the rows of all tables below each other, file by file.

    Files that lack an element of others have empty cells there.

    Parameters
    ----------
    output : Path
        Folder of the batch.
    entries : iterable of BatchEntry
        Those that are done, in the order of the rows.
    parquet : bool
        Whether to write ``all.parquet`` beside ``all.csv``, with the same numbers.

    Returns
    -------
    list of Path
        The files written.
    """
    done = [entry for entry in entries if entry.state == "done"]
    columns = dict.fromkeys(PROVENANCE)
    for entry in done:
        columns |= dict.fromkeys(next(_rows(table_of(output, entry.file)), []))
    with _in_place(output / CSV) as path:
        _write_csv(path, output, done, list(columns))
    if not parquet:
        return [output / CSV]
    with _in_place(output / PARQUET) as path:
        _write_parquet(path, output, done, list(columns))
    return [output / CSV, output / PARQUET]


@contextmanager
def _in_place(path: Path) -> Iterator[Path]:
    """Yield where a file is written that takes the place of another one when it is whole."""
    with folder_aside(path.parent) as aside:
        yield aside / path.name
        try:
            (aside / path.name).replace(path)
        except OSError as error:
            # Name what the user knows, not the folder aside.
            error.filename, error.filename2 = str(path), None
            raise


def _rows(table: Path) -> Iterator[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file)


def _write_csv(
    path: Path, output: Path, entries: Sequence[BatchEntry], columns: Sequence[str]
) -> None:
    """Write cells as they are in the tables: nothing is rounded twice."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for entry in entries:
            rows = _rows(table_of(output, entry.file))
            own = next(rows)
            place = {name: position for position, name in enumerate(own)}
            before = [defused(getattr(entry, name)) for name in PROVENANCE]
            taken = [place.get(name) for name in columns[len(PROVENANCE) :]]
            for row in rows:
                writer.writerow([*before, *("" if i is None else row[i] for i in taken)])


def _write_parquet(
    path: Path, output: Path, entries: Sequence[BatchEntry], columns: Sequence[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(output, entries, columns)
    with pq.ParquetWriter(path, schema) as writer:
        for entry in entries:
            table = read_table(table_of(output, entry.file).read_bytes()).reset_index()
            values: dict[str, Any] = {name: table[name].tolist() for name in table.columns}
            values |= {name: [getattr(entry, name)] * len(table) for name in PROVENANCE}
            missing = [None] * len(table)
            arrays = [
                pa.array(values.get(field.name, missing), type=field.type) for field in schema
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _schema(output: Path, entries: Sequence[BatchEntry], columns: Sequence[str]) -> Any:
    """Return columns with kinds that hold the values of every file."""
    import pyarrow as pa

    kinds: dict[str, set[type]] = {name: {str} for name in PROVENANCE}
    for entry in entries:
        table = read_table(table_of(output, entry.file).read_bytes()).reset_index()
        for name in table.columns:
            kinds.setdefault(name, set()).update(map(type, table[name].tolist()))
    types = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    return pa.schema(
        [(n, next(t for k, t in types.items() if k in kinds[n] or k is int)) for n in columns]
    )
