"""Writing files so that a failed write never destroys what was there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | Path, content: str | bytes) -> Path:
    """Write `content` to a temporary neighbour of `path`, then put it in place.

    Readers see the old file or the new one, never a part, and an error leaves the old file.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(_mode_for(path))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _mode_for(path: Path) -> int:
    """Permissions of the file to be replaced, else those of any new file."""
    if path.exists():
        return path.stat().st_mode & 0o777
    # The only way to read the umask is to set it.
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
