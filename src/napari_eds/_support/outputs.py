"""What may be written where: nothing of the user's is ever overwritten.

Every function that writes asks here first, about all its files at once, so that a run is refused
before it starts and nothing is left half done:

- an input is never replaced, under whatever name it is reached;
- raw data are never replaced, and nothing that is not raw data gets their extensions;
- other files are replaced only where that is asked for;
- a folder of outputs holds the files of one run: see `OutputFolder`.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._support.csv_cells import csv_text
from napari_eds._support.files import (
    CSV,
    check_ending,
    is_unfinished,
    remove_stale,
    write_atomically,
    written_files,
)
from napari_eds._support.provenance import file_sha256
from napari_eds._support.raw_files import RAW_FOLDER, has_raw_name, is_raw
from napari_eds.errors import OutputError

if TYPE_CHECKING:
    import pandas as pd

#: File in which a folder of outputs notes what was written into it.
MANIFEST = ".napari-eds.json"
_FORMAT = "napari-eds folder of outputs"
#: What file managers leave in folders.
_LITTER = {MANIFEST, ".DS_Store", "Thumbs.db", "desktop.ini", ".directory"}
#: Longest name of a file on the common file systems, in bytes.
_LONGEST_NAME = 255

Inputs = Sequence[Path | None]

#: Files that are not to be replaced meanwhile, whoever writes.
_protected: ContextVar[tuple[Path, ...]] = ContextVar("protected", default=())


def check_files(
    files: Iterable[str | Path],
    *,
    overwrite: bool = False,
    inputs: Inputs = (),
    raw: bool = False,
    make_folders: bool = False,
) -> None:
    """Check that files may be written, before any of them is.

    Parameters
    ----------
    files : iterable of str or Path
    overwrite : bool
        Whether files that are there may be replaced. Inputs and raw data never are.
    inputs : sequence of Path or None
        What the outputs were made from, as far as it came from files.
    raw : bool
        Whether the files are in a format of raw data themselves, such as ``.hspy``. One that is
        there is then replaced only if it was written here.
    make_folders : bool
        Whether the folders of the files will be made where they do not exist.


    Raises
    ------
    OutputError
        If something is in the way, or the folder cannot be written.
    FileNotFoundError
        If the folder does not exist and will not be made.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        _check_possible(path)
    check_apart(paths)
    for path in paths:
        _check_no_input(path, (*inputs, *_protected.get()))
        _check_name(path, raw=raw)
        if os.path.lexists(path):
            _check_replaceable(path, overwrite=overwrite)
    for folder in dict.fromkeys(path.parent for path in paths):
        check_place(folder, make=make_folders)


def write_files(
    files: Iterable[str | Path],
    contents: Iterable[str | bytes],
    *,
    overwrite: bool = False,
    inputs: Inputs = (),
) -> list[Path]:
    """Write the files of one output, each whole or not at all, if all of them may be written.

    Parameters
    ----------
    files : iterable of str or Path
    contents : iterable of str or bytes
        One of each file; taken, and so made, only after the check, and all before one is written:
        what is left, or fails, meanwhile leaves nothing.
    overwrite, inputs
        See `check_files`.

    Raises
    ------
    OutputError, FileNotFoundError
        As `check_files`; nothing is written then.
    OSError
        If a file cannot be written.
    """
    paths = [Path(file) for file in files]
    check_files(paths, overwrite=overwrite, inputs=inputs)
    made = list(contents)
    return [
        write_atomically(path, content, overwrite=overwrite)
        for path, content in zip(paths, made, strict=True)
    ]


def write_table(
    path: str | Path,
    table: pd.DataFrame,
    *,
    overwrite: bool = False,
    inputs: Inputs = (),
    **options: Any,
) -> Path:
    """Write one table as CSV, of which a spreadsheet runs nothing.

    Parameters
    ----------
    path : str or Path
        Its ending is one of `files.CSV`, or none.
    table : DataFrame
    overwrite, inputs
        See `check_files`.
    **options
        Of ``DataFrame.to_csv``.

    Raises
    ------
    EDSError
        If the name ends as that of another kind of file.
    OutputError, OSError
        As `write_files`.
    """
    check_ending(path, CSV)
    (written,) = write_files(
        [path], [csv_text(table, **options)], overwrite=overwrite, inputs=inputs
    )
    return written


@contextmanager
def protected(inputs: Iterable[Path]) -> Iterator[None]:
    """Let nothing that is written inside replace one of these files."""
    token = _protected.set((*_protected.get(), *inputs))
    try:
        yield
    finally:
        _protected.reset(token)


def check_folder(
    folder: str | Path,
    names: Iterable[str] = (),
    *,
    overwrite: bool = False,
    inputs: Inputs = (),
) -> None:
    """Check that a folder may get the files of a run; it is made where it does not exist.

    Parameters
    ----------
    folder : str or Path
    names : iterable of str
        Files that will be written, as far as they are known.
    overwrite : bool
        Whether the folder may hold anything but inputs. What others put there stays, unless it
        has the name of a file that is written.
    inputs : sequence of Path or None

    Raises
    ------
    OutputError
        If something is in the way, or the folder cannot be made or written.
    """
    folder = Path(folder)
    _check_possible(folder)
    _check_name(folder, raw=False)
    _check_holds_no_input(folder, (*inputs, *_protected.get()))
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputError(f"{folder} is a file, and a folder is needed: choose another name")
    others = _others(folder)
    if others and not overwrite:
        raise OutputError(
            f"the folder {folder} is not empty: it holds {others[0]}. Results of two runs are not "
            "mixed: choose another folder, or give overwrite=True to replace the earlier ones"
        )
    check_files(
        [folder / name for name in (*names, MANIFEST)],
        overwrite=True,
        inputs=inputs,
        make_folders=True,
    )


@contextmanager
def output_folder(
    folder: str | Path, *, overwrite: bool = False, inputs: Inputs = ()
) -> Iterator[OutputFolder]:
    """Make a folder that holds the files of one run, and yield it.

    What an earlier run wrote there and this one does not is removed at the end, if it is as it
    was written; what others put there stays. The folder notes its files in ``.napari-eds.json``.

    Raises
    ------
    OutputError
        As `check_folder`.
    OSError
        If the folder cannot be made or written.
    """
    folder = Path(folder)
    check_folder(folder, overwrite=overwrite, inputs=inputs)
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    earlier = _files_of(folder)
    made = OutputFolder(folder, inputs=inputs, earlier=earlier)
    yield made
    for name, digest in earlier.items():
        if name not in made.digests and _is_unchanged(folder / name, digest):
            (folder / name).unlink()
    _note(folder, made.digests)


@dataclass
class OutputFolder:
    """A folder and the files that a run wrote into it.

    Attributes
    ----------
    path : Path
    inputs : sequence of Path or None
        Never replaced.
    digests : dict of str to str
        SHA-256 of each file written, by name.
    earlier : dict of str to str
        The same of what was there before.
    """

    path: Path
    inputs: Inputs = ()
    digests: dict[str, str] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file into the folder, whole or not at all."""
        path = self.path / name
        check_files([path], overwrite=True, inputs=self.inputs)
        self.add([write_atomically(path, content, overwrite=True)])
        return path

    def add(self, paths: Iterable[Path]) -> None:
        """Note files that others wrote into the folder for this run."""
        self.digests |= {path.name: file_sha256(path) for path in paths}
        # At once: if the program is killed, the next run knows whose these files are.
        _note(self.path, self.earlier | self.digests)


def check_space(folder: Path, n_bytes: float) -> None:
    """Check that about so many bytes are free where a folder is or will be.

    Raises
    ------
    OutputError
        If less is free.
    """
    there = _nearest(folder)
    free = shutil.disk_usage(there).free
    if free < n_bytes:
        raise OutputError(
            f"about {_megabytes(n_bytes)} are needed in {folder}, and {_megabytes(free)} are "
            "free: make room, or choose another place"
        )


def check_place(folder: Path, *, make: bool) -> None:
    """Check that files can be written into a folder, by a nameless one that is gone at once.

    Raises
    ------
    OutputError
        If it cannot be made or written.
    FileNotFoundError
        If it does not exist and will not be made.
    """
    there = _nearest(folder)
    if there.absolute() != folder.absolute() and not make:
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(folder))
    if not there.is_dir():
        raise OutputError(f"{there} is a file, not a folder: nothing can be written into it")
    if not there.stat().st_mode & 0o222:
        # An administrator could write all the same, as programs in containers are: somebody
        # protected it, nevertheless.
        raise OutputError(f"the folder {there} is write-protected: choose another place")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        what = "write into" if there.absolute() == folder.absolute() else f"make {folder} in"
        raise OutputError(
            f"cannot {what} the folder {there}: {error.strerror or error}. Choose another place"
        ) from error


def existing(files: Iterable[str | Path]) -> list[Path]:
    """Return the files that are there already."""
    return [path for path in map(Path, files) if os.path.lexists(path)]


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, or would on a file system that ignores case."""
    try:
        if one.samefile(other):
            return True
    except OSError:
        # One of them is not there.
        pass
    return _folded(one) == _folded(other)


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def check_apart(files: Sequence[Path], folders: Sequence[Path] = ()) -> None:
    """Check that outputs of one run do not take each other's place.

    Raises
    ------
    OutputError
        If two have one name, or one would lie inside of another one that is a file.
    """
    seen: set[object] = set()
    for path in (*files, *folders):
        keys = {_folded(path), _inode(path)} - {None}
        if seen & keys:
            raise OutputError(f"two outputs of this run are called {path}: name them apart")
        seen |= keys
    taken = {_folded(path) for path in files}
    for path in (*files, *folders):
        if any(str(parent) in taken for parent in Path(_folded(path)).parents):
            raise OutputError(f"{path} cannot lie in another output of this run, a file")


def _inode(path: Path) -> tuple[int, int] | None:
    """Return what hard links of a file have in common."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _check_possible(path: Path) -> None:
    if "\0" in str(path):
        raise OutputError(f"{str(path)!r} is no name of a file")
    if max(len(os.fsencode(part)) for part in (*path.parts, "")) > _LONGEST_NAME:
        raise OutputError(f"the name {path.name[:40]}... is too long for a file")


def _check_name(path: Path, *, raw: bool) -> None:
    if not raw and has_raw_name(path):
        raise OutputError(
            f"{path} would be taken for raw data, which end in {path.suffix}: choose a name that "
            "ends otherwise"
        )
    inside = next((p for p in path.absolute().parents if p.suffix.lower() == RAW_FOLDER), None)
    if inside is not None:
        raise OutputError(f"{path} lies inside the raw data {inside}: choose another place")


def _check_no_input(path: Path, inputs: Inputs) -> None:
    for source in inputs:
        if source is not None and is_same(path, source):
            raise OutputError(
                f"{path} is the input {source} itself, which is never replaced: choose another "
                "name for the output"
            )


def _check_holds_no_input(folder: Path, inputs: Inputs) -> None:
    _check_no_input(folder, inputs)
    for source in inputs:
        if source is not None and any(is_same(folder, p) for p in source.resolve().parents):
            raise OutputError(f"{folder} holds the input {source}: choose another folder")


def _check_replaceable(path: Path, *, overwrite: bool) -> None:
    """Check a path where something is."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder, and a file is needed: choose another name")
    if path.exists():
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise OutputError(f"{path} is no regular file: choose another name")
        if is_raw(path):
            raise OutputError(f"{path} holds raw data, which are never replaced: choose another")
        if overwrite and not mode & 0o222:
            raise OutputError(f"{path} is write-protected: choose another name")
    if not overwrite:
        raise OutputError(f"{path} exists already: choose another name, or give overwrite=True")


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    there = folder.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    return there


def _others(folder: Path) -> list[str]:
    """Return what a folder holds, without what file managers leave there."""
    try:
        names = {entry.name for entry in folder.iterdir()} - _LITTER
        # What a program was writing that was killed is nobody's result.
        return sorted(name for name in names if not is_unfinished(name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(f"cannot look into the folder {folder}: {error.strerror}") from error


def _files_of(folder: Path) -> dict[str, str]:
    """Return the files that an earlier run noted, with their digests."""
    try:
        noted = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if noted["format"] != _FORMAT:
            return {}
        files = {str(name): str(digest) for name, digest in noted["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Not ours, then.
        return {}
    return {name: digest for name, digest in files.items() if Path(name).name == name}


def _is_unchanged(path: Path, digest: str) -> bool:
    return path.is_file() and not path.is_symlink() and file_sha256(path) == digest


def _note(folder: Path, digests: dict[str, str]) -> None:
    text = json.dumps({"format": _FORMAT, "files": digests}, indent=2, ensure_ascii=False)
    with written_files():  # no output that is told of
        write_atomically(folder / MANIFEST, f"{text}\n", overwrite=True)


def _megabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"
