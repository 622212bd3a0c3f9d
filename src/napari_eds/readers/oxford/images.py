"""Electron images of an `.h5oina` file, placed beside the map."""

from __future__ import annotations

import re
from collections.abc import Iterator

import h5py
import numpy as np

from napari_eds.readers.hdf5_checks import all_values
from napari_eds.readers.images import in_unit
from napari_eds.readers.notes import note
from napari_eds.readers.oxford.header import Header
from napari_eds.spectra.axes import pixel_size
from napari_eds.spectra.spectrum_image import AuxiliaryImage

#: Groups of an image's data that hold no images.
_OTHERS = {"Feature"}


def images(group: h5py.Group, map_header: Header, unit: str) -> tuple[AuxiliaryImage, ...]:
    """Return every electron image of an acquisition, sizes and offset in `unit`.

    An acquisition covers a part of the electron image: ``Relative Offset`` is the corner of the
    map, as a part of the image's width and height.
    """
    found = []
    for name in sorted(group):
        if re.match("Electron Image", name) and isinstance(group[name], h5py.Group):
            found += list(_images(group[name], map_header))
    return tuple(in_unit(image, unit) for image in found)


def _images(group: h5py.Group, map_header: Header) -> Iterator[AuxiliaryImage]:
    header = Header(group.get("Header"))
    rows, columns = header.whole("Y Cells") or 0, header.whole("X Cells") or 0
    size, unit = _size(header, map_header, (rows, columns))
    corner = map_header.pair("Relative Offset")
    offset = None
    if corner is not None and unit != "pixel":
        offset = (-corner[1] * rows * size[0], -corner[0] * columns * size[1])
    for title, dataset in _datasets(group.get("Data")):
        data = all_values(dataset)
        if data.size % max(rows * columns, 1) or data.size // max(rows * columns, 1) not in (1, 3):
            note(
                f"{dataset.name} is left out: its {data.size} values are no image of {rows} x "
                f"{columns} pixels"
            )
            continue
        layout = (rows, columns) if data.size == rows * columns else (rows, columns, 3)
        yield AuxiliaryImage(title, np.reshape(data, layout), size, unit, offset)


def _size(
    header: Header, map_header: Header, shape: tuple[int, int]
) -> tuple[tuple[float, float], str]:
    """Return the (row, column) size of a pixel: from its step, or from the map's place in it."""
    row, column = header.number("Y Step") or 0.0, header.number("X Step") or 0.0
    box, part = map_header.pair("Bounding Box Size"), map_header.pair("Relative Size")
    if not (row > 0 and column > 0) and box and part and min(*part, *shape) > 0:
        row, column = box[1] / part[1] / shape[0], box[0] / part[0] / shape[1]
    return pixel_size(row, column, "µm")


def _datasets(data: h5py.Group | None) -> Iterator[tuple[str, h5py.Dataset]]:
    for kind, group in () if data is None else sorted(data.items()):
        if not isinstance(group, h5py.Group) or kind in _OTHERS:
            continue
        for name, dataset in sorted(group.items()):
            if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind in "iuf":
                yield (name if kind in name else f"{kind} {name}"), dataset
