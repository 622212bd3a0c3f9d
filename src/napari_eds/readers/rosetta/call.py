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
from napari_eds.readers.hyperspy_checks import check_zarr
from napari_eds.readers.notes import note
from napari_eds.readers.rosetta import isolated
from napari_eds.readers.rosetta.checks import check
from napari_eds.readers.rosetta.messages import Reply

Entries = list[dict[str, Any]]


def call(plugin: str, path: Path, **options: Any) -> Entries:
    """Return what a reader of RosettaSciIO finds in a file, read in a process of its own.

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
        If the file is not whole, the reader fails, or a package it needs is missing.
    """
    check(path)
    return told(plugin, path, isolated.read(plugin, path, options))


def told(plugin: str, path: Path, reply: Reply) -> Entries:
    """Return the entries of a reply; what the reader had to say is a warning, or the error."""
    if reply.missing_package:
        raise ReadError(f"reading {path.name} needs a package that is missing: {reply.error}")
    if reply.error:
        raise ReadError(f"{path.name} cannot be read as {plugin}: {reply.error}")
    if reply.messages and not reply.entries:
        raise ReadError(f"{path.name} cannot be read as {plugin}: {'; '.join(reply.messages)}")
    for message in reply.messages:
        note(f"{path.name}: {message}")
    return reply.entries


def call_here(plugin: str, path: Path, options: dict[str, Any]) -> Reply:
    """Run a reader in this process."""
    with _messages() as messages:
        reply = Reply([], messages)
        try:
            reader = importlib.import_module(f"rsciio.{plugin}").file_reader
            reply.entries = reader(str(path), **options) or []
        except ImportError as error:
            reply.error, reply.missing_package = str(error), True
        except Exception as error:  # noqa: BLE001
            # Readers are made for sound files; damaged ones end in any kind of exception.
            reply.error = repr(error)
    return reply


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
        _check_size(entry, path, entry["original_metadata"].get("Header", {}).get("NumCH"))
    return entries


def read_zspy(path: Path) -> Entries:
    """Return what is in HyperSpy's `.zspy`, if reading it runs nothing."""
    check_zarr(path)
    return call("zspy", path)


def read_msa(path: Path) -> Entries:
    """Return the spectrum of a `.msa` file.

    RosettaSciIO splits a line of the header at ": ". It does not know ``#SPECTRUM    :`` with
    nothing behind the colon for the start of the data, and then finds none.
    """
    text = path.read_bytes()
    repaired = re.sub(rb"(?m)^(#[^:\r\n]*:)(?=[^ \r\n]|\r?$)", rb"\1 ", text)
    if repaired == text:
        entries = _call_msa(path)
    else:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_bytes(repaired)
            entries = _call_msa(copy)
    for entry in entries:
        _check_size(entry, path, entry["original_metadata"].get("NPOINTS"))
    return entries


def _call_msa(path: Path) -> Entries:
    # A loop over lines of text can neither break down nor go on for ever, nor take much time.
    return told("msa", path, call_here("msa", path, {}))


def read_spx(path: Path) -> Entries:
    """Return the spectrum of a Bruker `.spx` file."""
    entries = call("bruker", path)
    for entry in entries:
        spectrum = entry["original_metadata"].get("Spectrum", {})
        _check_size(entry, path, spectrum.get("ChannelCount"))
    return entries


def read_spc(path: Path) -> Entries:
    """Return the spectrum of an EDAX `.spc` file."""
    entries = call("edax", path)
    for entry in entries:
        _check_size(entry, path, entry["original_metadata"].get("spc_header", {}).get("numPts"))
    return entries


def _check_size(entry: dict[str, Any], path: Path, n_channels: Any) -> None:
    promised = int(float(n_channels or 0))
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
