"""Which files a batch is of: named, in folders, or by patterns; and which are still written."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_eds._support.raw_files import RAW_FOLDER, SUFFIXES
from napari_eds.errors import EDSError, MissingFileError


@dataclass(frozen=True)
class Inputs:
    """What a batch was asked to take.

    Attributes
    ----------
    files : tuple of Path
        Named, or found by a pattern.
    folders : tuple of Path
        Looked through with all folders in them.
    """

    files: tuple[Path, ...]
    folders: tuple[Path, ...]

    @classmethod
    def of(cls, named: Iterable[str | os.PathLike[str]]) -> Inputs:
        """Tell files and folders apart, and look for patterns.

        Raises
        ------
        FileNotFoundError
            If there is no such file, or a pattern finds none.
        EDSError
            If nothing is named.
        """
        files: list[Path] = []
        folders: list[Path] = []
        for one in named:
            for path in _matching(Path(one)):
                whole = path.absolute()
                is_folder = whole.is_dir() and whole.suffix.lower() != RAW_FOLDER
                (folders if is_folder else files).append(whole)
        if not files and not folders:
            raise EDSError("a batch needs files, folders or patterns such as maps/*.emd")
        return cls(tuple(dict.fromkeys(files)), tuple(dict.fromkeys(folders)))

    def check_found(self) -> None:
        """Say which folder holds no file that can be read.

        Raises
        ------
        FileNotFoundError
        """
        for folder in self.folders:
            if not maps_in(folder):
                raise MissingFileError(
                    f"no file that can be read lies in {folder}: choose another folder, or give "
                    "watch=True to wait for files there"
                )

    @property
    def common(self) -> Path:
        """The folder in which all of them lie, the innermost one."""
        around = [*self.folders, *(file.parent for file in self.files)]
        try:
            return Path(os.path.commonpath(around))
        except ValueError as error:
            raise EDSError(
                "the inputs lie on several drives: run a batch for each of them"
            ) from error

    def found(self) -> list[Path]:
        """Return the files there are now, in the order of their names."""
        inside = (path for folder in self.folders for path in maps_in(folder))
        return sorted({*self.files, *inside})


def _matching(named: Path) -> Sequence[Path]:
    """Return what a path is, or what it matches as a pattern where there is no such file."""
    if named.exists():
        return [named]
    if not glob.has_magic(str(named)):
        raise MissingFileError(f"there is no file or folder {named}")
    matches = map(Path, sorted(glob.glob(str(named), recursive=True)))  # noqa: PTH207 - absolute, too
    found = [path for path in matches if path.is_dir() or path.suffix.lower() in SUFFIXES]
    if not found:
        raise MissingFileError(f"no file that can be read matches {named}")
    return found


def maps_in(folder: Path) -> list[Path]:
    """Return the files of a folder and of those in it that can be read, hidden ones left out.

    Of data that lie in several files, the one that leads to the others.
    """
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        kept, here = [], Path(place)
        for name in sorted(folders):
            if name.lower().endswith(RAW_FOLDER):
                found.append(here / name)
            elif not name.startswith("."):
                kept.append(name)
        names = [n for n in files if not n.startswith(".") and _suffix(n) in SUFFIXES]
        projects = [n for n in names if _suffix(n) == ".asw"]
        # A project of JEOL names the files in the folders below it.
        folders[:] = [] if projects else kept
        found += [here / n for n in projects or _leading(names)]
    return found


def _leading(names: Sequence[str]) -> list[str]:
    """Return the names without parts of others: TIA's series and EDAX's calibration."""
    stems = {suffix: {Path(n).stem for n in names if _suffix(n) == suffix} for suffix in SUFFIXES}
    return [
        name
        for name in names
        if not (_suffix(name) == ".ser" and Path(name).stem.rpartition("_")[0] in stems[".emi"])
        and not (_suffix(name) == ".spc" and Path(name).stem in stems[".spd"])
    ]


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def parts_of(path: Path) -> list[Path]:
    """Return a file and what belongs to it under its name: all of a folder, Ripple's data."""
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    same = (p for p in path.parent.iterdir() if p.stem == path.stem and p != path)
    return [path, *sorted(p for p in same if p.suffix.lower() in {".raw", ".ipr"} and p.is_file())]


def stamp(path: Path) -> tuple[int, int]:
    """Return size in bytes and time of the last change in ns of a file with its parts."""
    stats = [part.stat() for part in parts_of(path)]
    return sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0)


@dataclass
class Growing:
    """Files that a microscope may still write: one counts once it has stayed as it is.

    Attributes
    ----------
    stable_s : float
        So long a file keeps its size and time of change before it is taken.
    """

    stable_s: float
    _seen: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)

    def settled(self, paths: Iterable[Path]) -> list[Path]:
        """Return the files that are taken now."""
        now, ready = time.monotonic(), []
        for path in paths:
            try:
                is_now = stamp(path)
            except OSError:
                continue  # moved, or not readable yet
            before, since = self._seen.get(path, (None, now))
            if before != is_now:
                self._seen[path] = (is_now, now)
            elif now - since >= self.stable_s and is_now[0] > 0:
                ready.append(path)
        return ready
