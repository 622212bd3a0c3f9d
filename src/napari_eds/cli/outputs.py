"""Outputs of a command: checked all at once before it starts, and told if it then fails."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from napari_eds._support.files import CSV, check_ending, written_files
from napari_eds._support.outputs import (
    check_apart,
    check_files,
    check_folder,
    check_space,
    protected,
)

#: Options that name what is written. Every other one with a path names an input.
OUTPUTS = {"output", "maps", "session_file", "figure", "log", "class_map", "csv", "save_zeta"}
#: About how much room a file takes, in bytes: a table of thousands of labels, a map.
_FILE_BYTES = 1e6

LOG = logging.getLogger("napari_eds")


def forced(options: argparse.Namespace) -> bool:
    """Whether outputs that are there may be replaced."""
    return bool(getattr(options, "force", False))


def inputs_of(options: argparse.Namespace) -> list[Path]:
    """Return the files that the options of a command name as inputs, as far as they are there."""
    named: list[object] = []
    for option, value in vars(options).items():
        if option not in OUTPUTS:
            named += value if isinstance(value, list) else [value]
    return [Path(value) for value in named if isinstance(value, str | Path) and _is_there(value)]


def _is_there(path: str | Path) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        # No name of a file: a list of elements, say, that is longer than names can be.
        return False


@contextmanager
def writing(
    options: argparse.Namespace,
    files: Iterable[Path] = (),
    folders: Iterable[Path] = (),
    *,
    table: Path | None = None,
    endings: Sequence[str] = CSV,
) -> Iterator[None]:
    """Check what a command will write, do it, and tell what was saved if it fails midway.

    Inside, no function replaces an input of the command. Folders that do not exist are made, and
    removed again if nothing came into them. `endings` are those that `table`, one of the files,
    may have.

    Raises
    ------
    OutputError
        If something is in the way, or a place cannot be written.
    EDSError
        If the table's name has another ending.
    """
    files, folders, inputs = list(files), list(folders), inputs_of(options)
    log: Path | None = getattr(options, "log", None)
    check_apart(files if log is None else [*files, log], folders)
    check_files(files, overwrite=forced(options), inputs=inputs, make_folders=True)
    if table is not None:
        check_ending(table, endings)
    for folder in folders:
        check_folder(folder, overwrite=forced(options), inputs=inputs)
    for folder in {*folders, *(file.parent for file in files)}:
        check_space(folder, _FILE_BYTES * (len(files) + len(folders)))
    made = _make_folders([file.parent for file in files])
    with protected(inputs), written_files() as written:
        try:
            yield
        except BaseException:
            if written:
                LOG.error("saved before that: %s", ", ".join(map(str, written)))
            raise
        finally:
            _remove_empty(made)


def _make_folders(folders: Iterable[Path]) -> list[Path]:
    """Make folders, and return all that were made, the innermost last."""
    made: list[Path] = []
    for folder in folders:
        missing = [p for p in (folder, *folder.parents) if not p.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        made += reversed(missing)
    return made


def _remove_empty(folders: list[Path]) -> None:
    for folder in reversed(folders):
        try:
            folder.rmdir()
        except OSError:
            # It holds what was saved.
            return
