"""JEOL projects `.asw`: a tree of samples and views, whose data are in files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

from napari_eds.errors import ReadError
from napari_eds.readers.beside import readable
from napari_eds.readers.files import find
from napari_eds.readers.images import auxiliary_images
from napari_eds.readers.jeol import maps
from napari_eds.readers.jeol.tree import Tree, parse
from napari_eds.readers.notes import note
from napari_eds.readers.options import Options
from napari_eds.readers.rosetta import maps as rosetta
from napari_eds.readers.rosetta.call import Entries
from napari_eds.spectra.spectrum_image import SpectrumImage

_TREE_AT = 12
_SPECTRUM = "spectrum"
#: Missing files of a folder that are named one by one in a message.
_NAMED = 30


def read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return the maps of all views of a project; without one, their spectra.

    What is missing or damaged of it is named in a warning, and the others are read.

    Raises
    ------
    ReadError
        If the project cannot be read, or nothing of it can be opened.
    """
    missing: list[PureWindowsPath] = []
    damaged: list[str] = []
    found: list[SpectrumImage] = []
    entries: Entries = []
    for view in _views(path):
        files = {name: find(path.parent, name.parts) for name in view}
        missing += [name for name, file in files.items() if file is None or not file.is_file()]
        there = [file for file in files.values() if file is not None and file.is_file()]
        own, others = _read_view(path, there, options, damaged)
        entries += others
        images = auxiliary_images(others, own[0].pixel_unit) if own else ()
        found += [replace(image, images=image.images + images) for image in own]
    problem = f"{path.name}: {_listed(missing, damaged)}" if missing or damaged else ""
    if not found and not entries:
        raise ReadError(problem or f"{path.name} names no files of data")
    if problem:
        note(problem)
    if not found:
        return rosetta.from_entries(entries, path, options)
    spectra = [entry for entry in entries if options.spectra and len(entry["axes"]) == 1]
    return [*found, *(_spectra(spectra, path, options) if spectra else [])]


def _spectra(entries: Entries, path: Path, options: Options) -> list[SpectrumImage]:
    """Return the spectra beside maps, named by the project and their numbers."""

    def read(entry: Any) -> SpectrumImage:
        (image,) = rosetta.from_entries([entry], path, options)
        return image

    found = readable(partial(read, entry) for entry in entries)
    return [
        replace(image, name=f"{path.stem}: {_SPECTRUM} {number}")
        for number, image in enumerate(found, start=1)
    ]


def _views(path: Path) -> Iterator[list[PureWindowsPath]]:
    """Yield the files of every view, as the project names them."""
    try:
        tree = parse(path.read_bytes(), _TREE_AT)
    except ReadError as error:
        raise ReadError(f"{path.name} cannot be read: {error}") from error
    for sample in _nodes(tree, "SampleInfo"):
        for view in _nodes(sample, "ViewInfo"):
            names = [data.get("Filename") for data in _nodes(view, "ViewData")]
            yield [PureWindowsPath(name) for name in names if isinstance(name, str) and name]


def _nodes(tree: Tree, name: str) -> list[dict[str, Any]]:
    nodes = tree.get(name)
    return [n for n in nodes.values() if isinstance(n, dict)] if isinstance(nodes, dict) else []


def _read_view(
    path: Path, files: list[Path], options: Options, damaged: list[str]
) -> tuple[list[SpectrumImage], Entries]:
    """Return the maps of a view and what else there is; tell `damaged` what cannot be read."""
    found: list[SpectrumImage] = []
    entries: Entries = []
    for file in files:
        try:
            if file.suffix.lower() == ".pts":
                own = maps.read(file, options)
                found += [replace(image, name=f"{path.stem}: {image.name}") for image in own]
            elif file.suffix.lower() in (".eds", ".img", ".map"):
                entries += rosetta.entries_of(file)
        except ReadError as error:
            damaged.append(str(error))
    return found, entries


def _listed(missing: list[PureWindowsPath], damaged: list[str]) -> str:
    """Return what cannot be opened, for a message: missing files by folder, then damaged ones."""
    folders: dict[PureWindowsPath, list[str]] = {}
    for name in missing:
        folders.setdefault(name.parent, []).append(name.name)
    parts = [f"{_some(names)} cannot be found in {folder}" for folder, names in folders.items()]
    return "; ".join([*parts, *damaged])


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} others" if more > 0 else "")
