"""HAADF and other images of a Velox file.

RosettaSciIO reads them, too, but importing its units takes a quarter of the time in which a map
of 16 million counts is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py

from napari_eds.errors import ReadError
from napari_eds.readers.images import in_unit
from napari_eds.readers.velox import metadata as meta
from napari_eds.spectra.spectrum_image import AuxiliaryImage


def images(file: h5py.File, unit: str) -> tuple[AuxiliaryImage, ...]:
    """Return every real-valued image, of a series its first frame, sizes in `unit`."""
    titles = dict(_titles(file))
    groups = file.get("Data/Image", {}).items()
    return tuple(
        in_unit(_image(group, titles.get(key)), unit)
        for key, group in groups
        if group["Data"].dtype.kind in "biuf"
    )


def _image(group: h5py.Group, title: str | None) -> AuxiliaryImage:
    metadata = meta.read_json(group["Metadata"])
    size, unit = meta.pixel_size(metadata)
    name = title or meta.detector_name(metadata) or "image"
    return AuxiliaryImage(name, group["Data"][:, :, 0], size, unit)


def _titles(file: h5py.File) -> Iterator[tuple[str, str]]:
    """Yield the name of the group of an image, and what Velox shows it as."""
    # From version 11 on, a display leads to its image by way of a reference.
    for display in _displays(file, "Displays/ImageDisplay"):
        reference = file.get(display.get("data", ""))
        if isinstance(reference, h5py.Dataset):
            yield _group_name(meta.read_json(reference)), display.get("id", "")
    for display in _displays(file, "Presentation/Displays/ImageDisplay"):
        yield _group_name(display), display.get("display", {}).get("label", "")


def _displays(file: h5py.File, path: str) -> Iterator[Mapping[str, Any]]:
    for dataset in file.get(path, {}).values():
        try:
            yield meta.read_json(dataset)
        except ReadError:
            continue  # nothing but a title is lost


def _group_name(reference: Mapping[str, Any]) -> str:
    return str(reference.get("dataPath", "")).rpartition("/")[2]
