"""The door to RosettaSciIO: its readers return plain dictionaries and need no HyperSpy."""

from __future__ import annotations

import importlib
import logging
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from napari_eds.errors import ReadError

Entries = list[dict[str, Any]]


def call(plugin: str, path: Path, **options: Any) -> Entries:
    """Return what a reader of RosettaSciIO finds in a file.

    Parameters
    ----------
    plugin : str
        Module of RosettaSciIO, such as ``"bruker"``.
    path : Path
    **options
        Those of the reader.

    Raises
    ------
    ReadError
        If the reader fails, or a package it needs is missing.
    """
    with _messages() as messages:
        entries = _call(plugin, path, options)
    if messages and not entries:
        raise ReadError(f"{path.name} cannot be read as {plugin}: {'; '.join(messages)}")
    for message in messages:
        warnings.warn(f"{path.name}: {message}", stacklevel=3)
    return entries


def _call(plugin: str, path: Path, options: dict[str, Any]) -> Entries:
    try:
        reader = importlib.import_module(f"rsciio.{plugin}").file_reader
        return reader(str(path), **options) or []
    except ImportError as error:
        raise ReadError(f"reading {path.name} needs a package that is missing: {error}") from error
    except Exception as error:  # noqa: BLE001
        # Readers are made for sound files; damaged ones end in any kind of exception. Its
        # traceback would keep open what the reader forgot to close.
        raise ReadError(
            f"{path.name} cannot be read as {plugin}: {error!r}"
        ) from error.with_traceback(None)


def read_emi(path: Path) -> Entries:
    """Return what is in a `.emi` file and its `.ser` files.

    RosettaSciIO looks for the `.ser` files by a pattern, in which brackets in the path stand for
    something else; it then gets copies in a folder with a plain name.
    """
    if not re.search(r"[][*?]", str(path)):
        return call("tia", path)
    with TemporaryDirectory() as folder:
        for part in path.parent.iterdir():
            if part == path or (part.suffix == ".ser" and part.name.startswith(path.stem + "_")):
                shutil.copy(part, Path(folder) / part.name.replace(path.stem, "plain"))
        return call("tia", Path(folder) / f"plain{path.suffix}")


def read_jeol(path: Path) -> Entries:
    """Return the spectrum in a JEOL `.eds` file, or the image in one of a project."""
    entries = call("jeol", path)
    for entry in entries:
        told = entry["original_metadata"].get("Header", {}).get("NumCH")
        _check_size(entry, path, told)
    return entries


def read_msa(path: Path) -> Entries:
    """Return the spectrum of a `.msa` file.

    RosettaSciIO splits a line of the header at ": ". It does not know ``#SPECTRUM    :`` with
    nothing behind the colon for the start of the data, and then finds none.
    """
    text = path.read_bytes()
    repaired = re.sub(rb"(?m)^(#[^:\r\n]*:)(?=[^ \r\n]|\r?$)", rb"\1 ", text)
    if repaired == text:
        entries = call("msa", path)
    else:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_bytes(repaired)
            entries = call("msa", copy)
    for entry in entries:
        _check_size(entry, path, entry["original_metadata"].get("NPOINTS"))
    return entries


def _check_size(entry: dict[str, Any], path: Path, told: Any) -> None:
    promised = int(float(told or 0))
    if entry["data"].size < promised:
        raise ReadError(
            f"{path.name} is cut short: it holds {entry['data'].size} of {promised} channels"
        )


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Collect what RosettaSciIO logs as warnings, instead of having it printed."""
    # Importing it sets up its logger.
    importlib.import_module("rsciio")
    logger = logging.getLogger("rsciio")
    collector = _Collector(logging.WARNING)
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [collector], False
    try:
        with warnings.catch_warnings():
            # The reader of JEOL's .eds leaves that to the garbage collector.
            warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
            # What a reader will have to change in itself is no news for who opens a file.
            warnings.filterwarnings("ignore", category=FutureWarning, module="rsciio")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="rsciio")
            yield collector.texts
    finally:
        logger.handlers, logger.propagate = handlers, propagate


class _Collector(logging.Handler):
    """Keeps messages instead of showing them."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
