"""The folder of a batch: whose it is, whether it can go on there, and what lies in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import locket

from napari_eds._support.files import is_unfinished, write_atomically
from napari_eds._support.outputs import check_folder
from napari_eds.batches.entry import BatchEntry
from napari_eds.batches.inputs import Inputs
from napari_eds.batches.manifest import NAME as MANIFEST
from napari_eds.batches.manifest import read_manifest
from napari_eds.batches.settings import BatchSettings
from napari_eds.batches.task import table_of
from napari_eds.errors import OutputError

#: File by which the folder of a batch is known again.
_ABOUT = "batch.json"
#: Held by the batch that works in the folder; the system lets go of it however that ends.
_LOCK = ".batch.lock"
_FORMAT = "napari-eds batch"


@dataclass(frozen=True)
class Place:
    """The folder of a batch.

    Attributes
    ----------
    path : Path
        Absolute.
    common : Path
        Folder from which its files are named.
    lock : locket lock
        Held until `leave`.
    """

    path: Path
    common: Path
    lock: Any = field(repr=False)

    def leave(self) -> None:
        """Let another batch work here."""
        self.lock.release()

    @property
    def manifest(self) -> Path:
        """What is known of each file."""
        return self.path / MANIFEST

    def name_of(self, path: Path) -> str:
        """Return what a file is called in the batch."""
        return path.relative_to(self.common).as_posix()


def open_place(output: Path, inputs: Inputs, settings: BatchSettings, *, overwrite: bool) -> Place:
    """Make the folder of a batch, or go on in that of the same batch.

    Parameters
    ----------
    output : Path
    inputs : Inputs
    settings : BatchSettings
    overwrite : bool
        Whether to begin anew where there are results.

    Raises
    ------
    OutputError
        If the folder lies in an input or holds one, if it holds something else than a batch, or
        one of other settings, or one that is at work.
    """
    output = output.absolute()
    _check_outside(output, inputs)
    if _about(output) is None:
        check_folder(output, overwrite=overwrite, inputs=inputs.found())
        output.mkdir(parents=True, exist_ok=True)
    lock = _locked(output)
    try:
        about = _about(output)
        if about is None or overwrite:
            about = _begin(output, inputs, settings)
        _check_same(output, about, inputs, settings)
    except BaseException:
        lock.release()
        raise
    return Place(output, Path(about["inputs"]), lock)


def _locked(output: Path) -> Any:
    """Hold the folder, so that no other batch works in it."""
    lock = locket.lock_file(str(output / _LOCK), timeout=0)
    try:
        lock.acquire()
    except locket.LockError:
        raise OutputError(
            f"another batch is at work in {output}: wait for it, or choose another folder"
        ) from None
    return lock


def _begin(output: Path, inputs: Inputs, settings: BatchSettings) -> dict[str, Any]:
    """Make the folder one of a new batch; return what it says of it."""
    _forget(output)
    about = {"format": _FORMAT, "inputs": str(inputs.common), **settings.to_dict()}
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    write_atomically(output / _ABOUT, text, overwrite=True)
    return about


def _check_same(
    output: Path, about: dict[str, Any], inputs: Inputs, settings: BatchSettings
) -> None:
    if differing := _differing(about, settings):
        raise OutputError(
            f"{output} holds a batch with other settings ({', '.join(differing)}): choose another "
            "folder, or give overwrite=True to begin anew"
        )
    if not inputs.common.is_relative_to(about["inputs"]):
        raise OutputError(
            f"{output} holds a batch of files in {about['inputs']}, and {inputs.common} lies "
            "outside of it: choose another folder, or give overwrite=True to begin anew"
        )


def remove_unfinished(folder: Path) -> None:
    """Remove what workers that were killed were writing; no worker may be at work."""
    for path in folder.rglob("*"):
        if is_unfinished(path.name):
            path.unlink(missing_ok=True)


def _about(output: Path) -> dict[str, Any] | None:
    """Return what a folder says of its batch; None where it holds none."""
    try:
        found = json.loads((output / _ABOUT).read_text(encoding="utf-8"))
        known = found["format"] == _FORMAT and isinstance(found["inputs"], str)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if known else None


def _differing(about: dict[str, Any], settings: BatchSettings) -> list[str]:
    asked = json.loads(json.dumps(settings.to_dict()))
    return [name for name, value in asked.items() if about.get(name) != value]


def _check_outside(output: Path, inputs: Inputs) -> None:
    real = Path(os.path.realpath(output))
    for folder in inputs.folders:
        if real.is_relative_to(os.path.realpath(folder)):
            raise OutputError(
                f"{output} lies in the input {folder}: results are never put among the maps. "
                "Choose another folder"
            )


def _forget(output: Path) -> None:
    """Remove the tables that an earlier batch lists, and its list."""
    if _about(output) is None:
        return
    earlier: Iterable[BatchEntry] = read_manifest(output / MANIFEST).values()
    for entry in earlier:
        table = table_of(output, entry.file)
        if output in table.resolve().parents or output.resolve() in table.resolve().parents:
            for ending in (".csv", "_recipe.json", "_spectra.csv", "_errors.csv"):
                table.with_name(f"{table.stem}{ending}").unlink(missing_ok=True)
    (output / MANIFEST).unlink(missing_ok=True)
