"""Maps as TIFF files that know the size of their pixels, for ImageJ and for readers of OME."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np

from napari_eds.spectra.axes import NM_PER_UNIT

#: How ImageJ and OME write units that can be written in several ways; others are the same.
_IMAGEJ = {"Å": "angstrom", "um": "micron", "µm": "micron", "μm": "micron"}
_OME = {"um": "µm", "μm": "µm"}


def map_tiff(data: np.ndarray, pixel_size: tuple[float, float], unit: str) -> bytes:
    """Return a map (rows, columns) as a TIFF of 32-bit floats, as ImageJ writes it.

    Resolution tags hold pixels per unit, ImageJ's description the unit; neither where the pixels
    have no length.
    """
    told: dict[str, Any] = {}
    if unit in NM_PER_UNIT:
        row, column = pixel_size
        told = {
            "resolution": (1 / column, 1 / row),
            "resolutionunit": "NONE",  # the unit is none that TIFF knows
            "metadata": {"unit": _IMAGEJ.get(unit, unit)},
        }
    return _written(data.astype(np.float32), imagej=True, **told)


def ome_tiff(maps: Mapping[str, np.ndarray], pixel_size: tuple[float, float], unit: str) -> bytes:
    """Return maps (rows, columns) as the channels of one OME-TIFF of 32-bit floats.

    Parameters
    ----------
    maps : mapping of str to ndarray, (rows, columns)
        By the name of their channel.
    pixel_size : (float, float)
        (row, column).
    unit : str
        Of length; the size is left out where it is none.
    """
    told: dict[str, Any] = {"axes": "CYX", "Channel": {"Name": list(maps)}}
    if unit in NM_PER_UNIT:
        for axis, size in zip("YX", pixel_size, strict=True):
            told |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": _OME.get(unit, unit)}
    data = np.stack(list(maps.values())).astype(np.float32)
    return _written(data, ome=True, photometric="minisblack", metadata=told)


def _written(data: np.ndarray, **settings: Any) -> bytes:
    import tifffile

    buffer = BytesIO()
    tifffile.imwrite(buffer, data, **settings)
    return buffer.getvalue()
