"""HAADF and other images of a Velox file.

RosettaSciIO reads them, too, but importing its units takes a quarter of the time in which a map
of 16 million counts is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.hdf5_checks import check_size
from napari_eds.readers.images import in_unit
from napari_eds.readers.velox import metadata as meta
from napari_eds.readers.velox.document import DamageError, lenient, part, read_json
from napari_eds.spectra.spectrum_image import AuxiliaryImage

#: Values of a series that are summed at a time.
_BLOCK_VALUES = 2**22


def images(
    file: h5py.File, unit: str, *, frames_apart: bool = False
) -> tuple[tuple[AuxiliaryImage, ...], tuple[str, ...]]:
    """Return every real-valued image, sizes in `unit`, and notes on those that cannot be read.

    A series gives the mean of its frames, or with `frames_apart` all of them, data
    (frames, rows, columns).
    """
    titles = dict(_titles(file))
    found, notes = [], []
    for key, group in _members(file, "Data/Image"):
        try:
            data = part(group, "Data")
            if data.dtype.kind not in "biuf":
                continue
            image, told = _image(group, data, titles.get(key), frames_apart=frames_apart)
        except (ReadError, OSError) as error:
            notes.append(f"an image was left out: {error}")
            continue
        found.append(in_unit(image, unit))
        notes += told
    return tuple(found), tuple(notes)


def _image(
    group: h5py.Group, data: h5py.Dataset, title: str | None, *, frames_apart: bool
) -> tuple[AuxiliaryImage, tuple[str, ...]]:
    where = part(group, "Metadata")
    metadata, notes = lenient(read_json(where), where.name)
    size, unit = meta.pixel_size(metadata)
    name = title or metadata.binary_result.detector or "image"
    _check(data)
    values = np.moveaxis(data[()], -1, 0) if frames_apart else _mean(data)
    return AuxiliaryImage(name, values, size, unit), notes


def _check(data: h5py.Dataset) -> None:
    if data.ndim != 3 or not data.size:
        raise DamageError(
            f"{data.name} has the shape {data.shape}, expected (rows, columns, frames) above 0"
        )
    check_size(data)


def _mean(data: h5py.Dataset) -> np.ndarray:
    """Return the mean over the frames of a series (rows, columns, frames)."""
    n_frames = data.shape[2]
    if n_frames == 1:
        return data[:, :, 0]
    step = max(1, _BLOCK_VALUES // (data.shape[0] * data.shape[1]))
    total = sum(
        data[:, :, first : first + step].sum(axis=2, dtype=np.float64)
        for first in range(0, n_frames, step)
    )
    return np.asarray(total / n_frames, np.float32)


def _titles(file: h5py.File) -> Iterator[tuple[str, str]]:
    """Yield the name of the group of an image, and what Velox shows it as."""
    # From version 11 on, a display leads to its image by way of a reference.
    for display in _displays(file, "Displays/ImageDisplay"):
        name = display.get("data", "")
        reference = file.get(name) if isinstance(name, str) and name else None
        if isinstance(reference, h5py.Dataset):
            try:
                yield _group_name(read_json(reference)), str(display.get("id", ""))
            except ReadError:
                continue
    for display in _displays(file, "Presentation/Displays/ImageDisplay"):
        shown = display.get("display", {})
        label = shown.get("label", "") if isinstance(shown, Mapping) else ""
        yield _group_name(display), str(label)


def _members(file: h5py.File, path: str) -> Iterator[tuple[str, Any]]:
    group = file.get(path)
    return iter(group.items() if isinstance(group, h5py.Group) else ())


def _displays(file: h5py.File, path: str) -> Iterator[Mapping[str, Any]]:
    for _, dataset in _members(file, path):
        try:
            yield read_json(dataset)
        except ReadError:
            continue  # nothing but a title is lost


def _group_name(reference: Mapping[str, Any]) -> str:
    return str(reference.get("dataPath", "")).rpartition("/")[2]
