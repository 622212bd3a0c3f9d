"""Writing files so that a failed write never destroys what was there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from napari_eds.errors import EDSError, MissingFileError, OutputError, ReadError

#: Endings of tables that are saved as CSV.
CSV = (".csv", ".txt")
#: How the names of unfinished files and folders begin, and of files end. A program that is killed
#: leaves them behind.
_UNFINISHED, _PART = ".napari-eds-", ".part"
#: What is older is nobody's any more.
_STALE_s = 86400

#: Where the paths that are written are noted, while somebody wants to know.
_written: ContextVar[list[Path] | None] = ContextVar("written", default=None)


def existing_file(path: str | Path, error: type[EDSError] = ReadError) -> Path:
    """Return the path of a file that is there to be read.

    A pipe is one, too; a folder and a device are not: some devices never end.

    Raises
    ------
    MissingFileError
    EDSError
        Of the kind `error`, if there is something else, or nobody may look.
    """
    path = Path(path)
    try:
        if path.is_file() or path.is_fifo():
            return path
        if path.is_dir():
            raise error(f"{path} is a folder, and a file is needed: give the one in it")
        if path.is_symlink() and not path.exists():
            raise MissingFileError(
                f"no such file: {path} leads to {path.readlink()}, which is not there"
            )
        if path.exists():
            raise error(f"{path} is a device, and a file is needed")
    except OSError as problem:
        if isinstance(problem, EDSError):
            raise
        raise error(f"cannot read {path}: {problem.strerror or problem}") from problem
    raise MissingFileError(f"no such file: {path}")


def told_of_system(error: OSError) -> str:
    """Return what an error of the system says, without its number."""
    if error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror}"
    return error.strerror or str(error)


def write_atomically(
    path: str | Path, content: str | bytes | Callable[[Path], None], *, overwrite: bool = True
) -> Path:
    """Write `content` to a temporary neighbour of `path`, then put it in place.

    Readers see the old file or the new one, never a part, and an error leaves the old file.

    Parameters
    ----------
    path : str or Path
    content : str, bytes or callable
        Text is written in UTF-8. What is too large to be held is written by a function, which
        gets the path of the temporary file.
    overwrite : bool
        Whether a file may be replaced. What else must hold is checked by `outputs.check_files`;
        here a file that came up since then is left alone.

    Raises
    ------
    OutputError
        If there is a file that may not be replaced.
    OSError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED, suffix=_PART)
    except OSError as error:
        # Name what the user named, not the temporary file.
        error.filename = str(path.parent)
        raise
    temporary = Path(name)
    try:
        with os.fdopen(handle, "r+b") as file:
            if callable(content):
                content(temporary)
            else:
                file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_for(path))
        _put_in_place(temporary, path, overwrite=overwrite)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno is not None:
            # Of a full disk the system names no file, and of others the temporary one.
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        # Gone already, unless something failed or was interrupted.
        temporary.unlink(missing_ok=True)
    note_written([path])
    return path


@contextmanager
def folder_aside(parent: Path) -> Iterator[Path]:
    """Yield a folder in which another one is made before it takes its place in `parent`."""
    with tempfile.TemporaryDirectory(
        dir=parent, prefix=_UNFINISHED, ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


def is_unfinished(name: str) -> bool:
    """Whether a file is one of those that are written before they take their place."""
    return name.startswith(_UNFINISHED) and name.endswith(_PART)


def remove_stale(folder: Path) -> None:
    """Remove what programs that were killed a day ago or earlier left unfinished in a folder."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        try:
            if time.time() - path.lstat().st_mtime < _STALE_s:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif is_unfinished(path.name):
                path.unlink()
        except OSError:
            # Gone already, or somebody else's.
            continue


def beside(path: str | Path, *endings: str) -> list[Path]:
    """Return a path and its neighbours, whose names have these endings after its stem."""
    path = Path(path)
    if not path.name:
        return [path]  # such as ".", a folder: that is found where the files are checked
    return [path, *(path.with_name(f"{path.stem}{ending}") for ending in endings)]


def check_ending(path: str | Path, known: Sequence[str]) -> None:
    """Raise if the name of a table has an ending that stands for another kind of file.

    Parameters
    ----------
    path : str or Path
        Without an ending it is fine.
    known : sequence of str
        Endings, with their point, in lower case.

    Raises
    ------
    EDSError
        If it has another one; the message names those that are known.
    """
    ending = Path(path).suffix
    if ending and ending.lower() not in known:
        raise EDSError(
            f"{Path(path).name}: tables are not saved as {ending}; choose a name that ends in "
            f"{' or '.join(known)}"
        )


def note_written(paths: list[Path]) -> None:
    """Tell whoever `written_files` told to listen that files were written."""
    listening = _written.get()
    if listening is not None:
        listening.extend(paths)


@contextmanager
def written_files() -> Iterator[list[Path]]:
    """Yield a list that gets every path written inside the context, also if it then fails."""
    paths: list[Path] = []
    token = _written.set(paths)
    try:
        yield paths
    finally:
        _written.reset(token)


def _put_in_place(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)  # fails where something is, in one step
        return
    except FileExistsError:
        pass
    except OSError:
        # A file system without hard links.
        if not os.path.lexists(path):
            temporary.replace(path)
            return
    raise OutputError(f"{path} was written by somebody else meanwhile; it is left as it is")


def _sync_folder(folder: Path) -> None:
    """Let the new name outlive a loss of power, too, where folders can be synchronised."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)


def _mode_for(path: Path) -> int:
    """Permissions of the file to be replaced, else those of any new file."""
    if path.exists():
        return path.stat().st_mode & 0o777
    # The only way to read the umask is to set it.
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
