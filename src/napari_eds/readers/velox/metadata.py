"""What a Velox file says about axes, detectors and acquisition."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from napari_eds.errors import ReadError
from napari_eds.spectra import axes as sizes
from napari_eds.spectra.acquisition import Acquisition, Detector
from napari_eds.spectra.axes import EnergyAxis, PixelSize

#: Real times in a file are those of the scan within this factor, or of something else: some
#: versions store that of a single line or of the last read-out.
_REAL_TIME_FACTOR = 1.2


def read_json(dataset: Any) -> dict[str, Any]:
    """Return the JSON object stored in a dataset, as a string or as a column of bytes."""
    try:
        if dataset.dtype == np.uint8:
            # One column for each frame: the first one is there in every file.
            return json.loads(dataset[:, 0].tobytes().rstrip(b"\0"))
        return json.loads(dataset[0])
    except (ValueError, IndexError) as error:
        raise ReadError(f"the file is damaged: {dataset.name} is not readable JSON") from error


def number(value: Any) -> float | None:
    """Return the number that a JSON value or text such as ``"18 deg"`` starts with, or None."""
    found = re.match(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", str(value))
    return float(found.group()) if found else None


def analytical_detectors(metadata: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the entries of the detector called `name`, or of all segments that make it up."""
    detectors = metadata.get("Detectors", {}).values()
    named = [entry for entry in detectors if "Dispersion" in entry]
    exact = [entry for entry in named if entry.get("DetectorName") == name]
    # "SuperXG2" is the sum of "SuperXG21" to "SuperXG24".
    return exact or [entry for entry in named if entry.get("DetectorName", "").startswith(name)]


def detector_name(metadata: Mapping[str, Any]) -> str:
    """Return the name of the detector that recorded an entry."""
    return str(metadata.get("BinaryResult", {}).get("Detector", ""))


def detector(name: str, metadata: Mapping[str, Any], counts: int) -> Detector:
    """Return what `metadata` says about the detector called `name`."""
    entries = analytical_detectors(metadata, name)
    elevations, azimuths = zip(*map(_angles, entries), strict=True) if entries else ((), ())
    return Detector(
        name=name,
        elevation_deg=_mean(elevations),
        # The azimuth of a ring of segments means nothing.
        azimuth_deg=azimuths[0] if len(azimuths) == 1 else None,
        live_time_s=_mean(number(entry.get("LiveTime")) for entry in entries),
        real_time_s=_mean(number(entry.get("RealTime")) for entry in entries),
        counts=counts,
    )


def _angles(entry: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return elevation and azimuth in degrees.

    Files hold radians, some degrees, and never say which. An elevation of up to a right angle is
    below pi / 2 in radians, and no detector looks from less than 2 degrees.
    """
    elevation, azimuth = number(entry.get("ElevationAngle")), number(entry.get("AzimuthAngle"))
    if elevation is None:
        return None, None
    to_degrees = math.degrees(1.0) if abs(elevation) <= math.pi / 2 else 1.0
    return elevation * to_degrees, None if azimuth is None else azimuth * to_degrees


def energy_axis(names: Iterable[str], metadata: Mapping[str, Any], size: int) -> EnergyAxis:
    """Return the energy axis that the detectors called `names` share.

    Raises
    ------
    ReadError
        If they are calibrated differently, so that their channels must not be added.
    """
    axes = {
        (number(entry.get("OffsetEnergy", 0)), number(entry["Dispersion"]))
        for name in names
        for entry in analytical_detectors(metadata, name)
    }
    if len(axes) > 1:
        raise ReadError(
            f"the detectors have different energy axes (offset and eV per channel: {sorted(axes)})"
            " and cannot be summed; choose some of them with detectors="
        )
    offset, scale = axes.pop() if axes else (None, None)
    if offset is None or not scale:
        return EnergyAxis.uncalibrated(size)
    return EnergyAxis(offset / 1000, scale / 1000, size)


def scan_shape(metadata: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return (rows, columns) of the scanned part of the raster, or None if it is not given."""
    scan = metadata.get("Scan", {})
    size, area = scan.get("ScanSize", {}), scan.get("ScanArea")
    rows, columns = number(size.get("height")), number(size.get("width"))
    if not rows or not columns:
        return None
    if area:
        rows *= float(area["bottom"]) - float(area["top"])
        columns *= float(area["right"]) - float(area["left"])
    return round(rows), round(columns)


def pixel_size(metadata: Mapping[str, Any]) -> PixelSize:
    """Return the (row, column) size of a pixel and its unit."""
    result = metadata.get("BinaryResult", {})
    size = result.get("PixelSize", {})
    row, column = number(size.get("height")), number(size.get("width"))
    return sizes.pixel_size(row or 0.0, column or 0.0, result.get("PixelUnitX"))


def acquisition(
    detectors: Iterable[Detector],
    metadata: Mapping[str, Any],
    *,
    frames: tuple[int, int] | None = None,
    **attributes: Any,
) -> Acquisition:
    """Return how spectra were recorded; `frames` are those of a scan in use, and in the file."""
    detectors = tuple(detectors)
    voltage = number(metadata.get("Optics", {}).get("AccelerationVoltage"))
    live, real = _times(detectors, metadata, frames)
    return Acquisition(
        signal_type="STEM",
        beam_energy_keV=voltage / 1000 if voltage else None,
        # Some detectors look from below, at a negative elevation: the path is the same.
        take_off_angle_deg=_mean(
            abs(one.elevation_deg) for one in detectors if one.elevation_deg is not None
        ),
        live_time_s=live,
        real_time_s=real,
        detectors=detectors,
        **attributes,
    )


def _times(
    detectors: tuple[Detector, ...], metadata: Mapping[str, Any], frames: tuple[int, int] | None
) -> tuple[float | None, float | None]:
    """Return live and real time in seconds, mean over detectors, for the frames in use."""
    live = _mean(one.live_time_s for one in detectors)
    real = _mean(one.real_time_s for one in detectors)
    if frames is None:
        return live, real
    frame_time = number(metadata.get("Scan", {}).get("FrameTime"))
    if not frame_time:
        return None, None
    used, in_file = frames
    agreement = (real or 0.0) / (frame_time * in_file)
    if live is None or not 1 / _REAL_TIME_FACTOR < agreement < _REAL_TIME_FACTOR:
        return None, frame_time * used
    return live * used / in_file, frame_time * used


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
