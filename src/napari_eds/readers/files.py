"""Finding the files that belong to a file, whichever case their names are in.

Programs on Windows name them in any case, and there it does not matter; on Linux it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def find(folder: Path, parts: Sequence[str]) -> Path | None:
    """Return what `parts` lead to from a folder: the exact name first, then in any case.

    None if there is nothing, or if they lead out of the folder.
    """
    found = folder
    for part in parts:
        if part in ("", "."):
            continue
        if part == ".." or "/" in part or "\\" in part or ":" in part:
            return None
        inside = _inside(found, part)
        if inside is None:
            return None
        found = inside
    return found


def companion(path: Path, suffix: str) -> Path | None:
    """Return the file beside `path` with its name and another suffix, in any case."""
    return find(path.parent, [path.stem + suffix])


def _inside(folder: Path, name: str) -> Path | None:
    exact = folder / name
    if exact.exists():
        return exact
    if not folder.is_dir():
        return None
    alike = (one for one in sorted(folder.iterdir()) if one.name.lower() == name.lower())
    return next(alike, None)
