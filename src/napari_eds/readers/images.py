"""Images beside a map, and sizes of pixels, out of RosettaSciIO's dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from napari_eds.spectra.axes import NM_PER_UNIT, NO_SIZE, PixelSize, pixel_size
from napari_eds.spectra.spectrum_image import AuxiliaryImage


def axes_pixel_size(row: Mapping[str, Any], column: Mapping[str, Any]) -> PixelSize:
    """Return the size of a pixel that two axes span."""
    unit = column.get("units")
    return pixel_size(row["scale"], column["scale"], unit) if row.get("units") == unit else NO_SIZE


def auxiliary_images(
    entries: Iterable[Mapping[str, Any]], unit: str
) -> tuple[AuxiliaryImage, ...]:
    """Return every entry that is an image, sizes in `unit` where both are lengths."""
    return tuple(in_unit(_image(entry), unit) for entry in entries if is_image(entry))


def is_image(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is a real-valued image or a colour picture, by its axes."""
    axes = entry["axes"]
    # Some readers give images two axes of navigation instead of two of signal.
    same_kind = len({bool(axis.get("navigate")) for axis in axes}) == 1
    dtype = entry["data"].dtype
    return len(axes) == 2 and same_kind and (dtype.names is not None or dtype.kind in "biuf")


def _image(entry: Mapping[str, Any]) -> AuxiliaryImage:
    data = np.asarray(entry["data"])
    if data.dtype.names:
        data = np.stack([data[name] for name in data.dtype.names], axis=-1)
    size, unit = axes_pixel_size(*entry["axes"])
    title = entry["metadata"].get("General", {}).get("title")
    return AuxiliaryImage(str(title or "image"), data, size, unit)


def in_unit(image: AuxiliaryImage, unit: str) -> AuxiliaryImage:
    """Return `image` with its pixel size in `unit`, if both are lengths."""
    if not {image.pixel_unit, unit} <= set(NM_PER_UNIT):
        return image
    factor = NM_PER_UNIT[image.pixel_unit] / NM_PER_UNIT[unit]
    (row, column), offset = image.pixel_size, image.offset
    return replace(
        image,
        pixel_size=(row * factor, column * factor),
        pixel_unit=unit,
        offset=offset and (offset[0] * factor, offset[1] * factor),
    )
