"""Unsaved work on a map, kept in a folder of its own until it is saved or restored.

There is one copy for a map, whatever its file is called and wherever it lies: the counts tell.
Several programs may work on one map; each has its own part of the copy and leaves the others'
alone, so that work of a program that crashed stays until somebody restores or discards it.

A copy is a zip archive of ``work.json`` and one ``.npz`` of each label map: nothing in it is
executed on reading.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from platformdirs import user_data_dir

from napari_eds._support.brief import brief
from napari_eds._support.files import remove_stale, write_atomically
from napari_eds.exchange.archive import (
    DAMAGE,
    LABELS_BYTES,
    check_parts,
    pack_labels,
    unpack_labels,
)
from napari_eds.exchange.session import counts_sha256
from napari_eds.spectra.spectrum_image import SpectrumImage

SUFFIX = ".edsunsaved"
_FORMAT, _VERSION = "napari-eds unsaved work", 1
_HEAD, _HEAD_BYTES = "work.json", 2**26
#: Most label maps of a copy that are read.
_MOST_LAYERS = 1000

#: Names the folder where it is not to be the user's own, as in scripts that paint by themselves.
FOLDER_VARIABLE = "NAPARI_EDS_UNSAVED"

#: What is kept at most.
MOST_DAYS, MOST_BYTES = 30, 200 * 10**6


@brief
@dataclass(frozen=True, eq=False)
class UnsavedLabels:
    """A label map as it was painted.

    Attributes
    ----------
    name : str
        Of its layer.
    labels : ndarray of int, (rows, columns)
    names : mapping of int to str
        Names of labels, as far as they have some.
    outlines : int
        Width of the outlines it is shown as, in pixels; 0 fills the labels.
    """

    name: str
    labels: np.ndarray
    names: Mapping[int, str] = field(default_factory=dict)
    outlines: int = 0


@brief
@dataclass(frozen=True, eq=False)
class Unsaved:
    """What one program left unsaved of a map.

    Attributes
    ----------
    writer : str
        The program; unique.
    layers : tuple of UnsavedLabels
    settings : mapping or None
        As JSON; None where there were only those of the file.
    saved : str
        Date and time in UTC, ISO 8601.
    """

    writer: str
    layers: tuple[UnsavedLabels, ...]
    settings: Mapping[str, Any] | None = None
    saved: str = ""


class _Packed(NamedTuple):
    """Work of one writer as it stands in the file: what is in its head, and packed labels."""

    head: Mapping[str, Any]
    labels: tuple[bytes, ...]


def folder() -> Path:
    """Return the user's folder of unsaved work, which need not exist.

    The environment variable `FOLDER_VARIABLE` names another one.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(user_data_dir("napari-eds", appauthor=False)) / "unsaved"


def key_of(image: SpectrumImage) -> str:
    """Return what identifies a map: its pixels, channels and counts."""
    what = f"{tuple(image.shape)} {image.n_channels} {counts_sha256(image)}"
    return hashlib.sha256(what.encode()).hexdigest()[:32]


class UnsavedCopy:
    """The copy of unsaved work on one map, as one program sees it.

    Its methods take the time of a file and are called one at a time, in a thread.

    Parameters
    ----------
    image : SpectrumImage
    writer : str
        The program that writes; unique.
    place : Path, optional
        Folder; the user's own by default.
    """

    def __init__(self, image: SpectrumImage, writer: str, place: Path | None = None) -> None:
        self.path = (place or folder()) / f"{key_of(image)}{SUFFIX}"
        self._shape = (int(image.shape[0]), int(image.shape[1]))
        self._writer = writer
        self._about = {
            "file": None if image.source is None else str(image.source),
            "name": image.name,
            "shape": self._shape,
        }
        self._packed: dict[bytes, bytes] = {}
        self._seen: tuple[int, ...] | None = None
        self._told: object = None
        self._others: dict[str, _Packed] = {}

    def others(self) -> list[Unsaved]:
        """Return what other programs left, the earliest first; nothing where a copy is damaged."""
        self._read()
        found = [self._unpack(writer, packed) for writer, packed in self._others.items()]
        return sorted((work for work in found if work is not None), key=lambda w: w.saved)

    def write(self, work: Unsaved | None, *, without: Collection[str] = ()) -> None:
        """Keep work, or none, in place of that of the same writer.

        Parameters
        ----------
        work : Unsaved or None
        without : collection of str
            Other writers whose work is no longer needed: it was restored, or discarded.

        Raises
        ------
        OSError
            If the folder cannot be written; what was kept before is then as it was.
        """
        before = self._seen
        self._read()
        kept = {w: packed for w, packed in self._others.items() if w not in without}
        told = None if work is None else _told(work)
        if self._seen == before and len(kept) == len(self._others) and told == self._told:
            return
        self._others = kept
        works = dict(self._others)
        if work is not None and (work.layers or work.settings is not None):
            works[self._writer] = self._pack(work)
        if works:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, self._archive(works), overwrite=True)
        else:
            self.path.unlink(missing_ok=True)
        self._seen, self._told = _stamp(self.path), told

    # The file.

    def _read(self) -> None:
        """Take up what others wrote since it was last looked at."""
        stamp = _stamp(self.path)
        if stamp == self._seen:
            return
        self._seen, self._others = stamp, {}
        if stamp is not None:
            try:
                found = dict(self._works(self.path.read_bytes()))
            except DAMAGE:
                _set_aside(self.path)
                return
            found.pop(self._writer, None)
            self._others = found

    def _works(self, content: bytes) -> Iterator[tuple[str, _Packed]]:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            named = [f"labels{i}.npz" for i in range(_MOST_LAYERS)]
            check_parts(archive, {_HEAD: _HEAD_BYTES, **dict.fromkeys(named, LABELS_BYTES)})
            head = json.loads(archive.read(_HEAD))
            if head["format"] != _FORMAT or head["version"] > _VERSION:
                raise ValueError("it is another format, or of a later version")
            for work in head["works"]:
                parts = [layer["part"] for layer in work["layers"]]
                if not set(parts) <= set(named):
                    raise ValueError(f"its labels are called {parts}")
                yield str(work["writer"]), _Packed(work, tuple(map(archive.read, parts)))

    def _unpack(self, writer: str, packed: _Packed) -> Unsaved | None:
        try:
            layers = tuple(
                UnsavedLabels(
                    name=str(told["name"]),
                    labels=unpack_labels(content, self._shape),
                    names=MappingProxyType({int(i): str(n) for i, n in told["names"].items()}),
                    outlines=min(max(int(told["outlines"]), 0), 100),
                )
                for told, content in zip(packed.head["layers"], packed.labels, strict=True)
            )
            settings, saved = packed.head["settings"], str(packed.head["saved"])
        except DAMAGE:
            return None
        known = isinstance(settings, dict)
        return Unsaved(writer, layers, MappingProxyType(settings) if known else None, saved)

    def _pack(self, work: Unsaved) -> _Packed:
        packed: dict[bytes, bytes] = {}
        layers, contents = [], []
        for layer in work.layers:
            digest = _digest(layer.labels)
            # Layers that nobody painted on meanwhile are packed already.
            packed[digest] = self._packed.get(digest) or pack_labels(layer.labels)
            contents.append(packed[digest])
            names = {str(i): str(name) for i, name in layer.names.items()}
            layers.append({"name": layer.name, "names": names, "outlines": layer.outlines})
        self._packed = packed
        head = {
            "writer": self._writer,
            "saved": work.saved or datetime.now(UTC).isoformat(timespec="seconds"),
            "settings": None if work.settings is None else dict(work.settings),
            "layers": layers,
        }
        return _Packed(head, tuple(contents))

    def _archive(self, works: Mapping[str, _Packed]) -> bytes:
        buffer, told = BytesIO(), []
        # Labels are packed already.
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            number = 0
            for packed in works.values():
                layers = []
                for layer, content in zip(packed.head["layers"], packed.labels, strict=True):
                    part, number = f"labels{number}.npz", number + 1
                    archive.writestr(part, content)
                    layers.append({**layer, "part": part})
                told.append({**packed.head, "layers": layers})
            head = {"format": _FORMAT, "version": _VERSION, "map": self._about, "works": told}
            archive.writestr(_HEAD, json.dumps(head, ensure_ascii=False))
        return buffer.getvalue()


def prune(place: Path | None = None, *, keep: Collection[Path] = ()) -> None:
    """Remove copies that are older than `MOST_DAYS`, and the oldest beyond `MOST_BYTES`.

    Parameters
    ----------
    place : Path, optional
        Folder; the user's own by default.
    keep : collection of Path
        Never removed.
    """
    place = place or folder()
    remove_stale(place)
    copies = [(path, stat) for path in place.glob(f"*{SUFFIX}*") if (stat := _stat(path))]
    total = 0
    for path, stat in sorted(copies, key=lambda copy: copy[1].st_mtime, reverse=True):
        total += stat.st_size
        old = time.time() - stat.st_mtime > MOST_DAYS * 86400
        if path not in keep and (old or total > MOST_BYTES):
            total -= stat.st_size
            path.unlink(missing_ok=True)


def _set_aside(path: Path) -> None:
    """Let a damaged copy lie for whoever can read it; it goes as old copies do."""
    try:
        path.replace(path.with_name(f"{path.name}.damaged"))
    except OSError:
        return


def _told(work: Unsaved) -> object:
    """Return what differs where work differs."""
    layers = [(x.name, _digest(x.labels), dict(x.names), x.outlines) for x in work.layers]
    return layers, None if work.settings is None else dict(work.settings)


def _digest(labels: np.ndarray) -> bytes:
    digest = hashlib.blake2b(f"{labels.shape} {labels.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(labels).data)
    return digest.digest()


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Return what changes when a file is replaced; None without one."""
    stat = _stat(path)
    return None if stat is None else (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
