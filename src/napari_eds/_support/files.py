"""Writing files so that a failed write never destroys what was there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from napari_eds.errors import OutputError

#: Where the paths that are written are noted, while somebody wants to know.
_written: ContextVar[list[Path] | None] = ContextVar("written", default=None)


def write_atomically(path: str | Path, content: str | bytes, *, overwrite: bool = True) -> Path:
    """Write `content` to a temporary neighbour of `path`, then put it in place.

    Readers see the old file or the new one, never a part, and an error leaves the old file.

    Parameters
    ----------
    path : str or Path
    content : str or bytes
        Text is written in UTF-8.
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
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".napari-eds-", suffix=".part")
    except OSError as error:
        # Name what the user named, not the temporary file.
        error.filename = str(path.parent)
        raise
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_for(path))
        _put_in_place(temporary, path, overwrite=overwrite)
    except OSError as error:
        if error.filename is not None:
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        # Gone already, unless something failed or was interrupted.
        temporary.unlink(missing_ok=True)
    note_written([path])
    return path


def beside(path: str | Path, *endings: str) -> list[Path]:
    """Return a path and its neighbours, whose names have these endings after its stem."""
    path = Path(path)
    if not path.name:
        return [path]  # such as ".", a folder: that is found where the files are checked
    return [path, *(path.with_name(f"{path.stem}{ending}") for ending in endings)]


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


def _mode_for(path: Path) -> int:
    """Permissions of the file to be replaced, else those of any new file."""
    if path.exists():
        return path.stat().st_mode & 0o777
    # The only way to read the umask is to set it.
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
