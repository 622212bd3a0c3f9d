"""What a Velox file says about axes, detectors and acquisition."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from napari_eds.errors import ReadError
from napari_eds.physics.take_off import Direction, effective_take_off_angle_deg
from napari_eds.readers.velox.document import DetectorEntry, Metadata
from napari_eds.spectra import axes as sizes
from napari_eds.spectra.acquisition import Acquisition, Detector
from napari_eds.spectra.axes import EnergyAxis, PixelSize

#: Real times in a file are those of the scan within this factor, or of something else: some
#: versions store that of a single line or of the last read-out.
_REAL_TIME_FACTOR = 1.2


def analytical_detectors(metadata: Metadata, name: str) -> list[DetectorEntry]:
    """Return the entries of the detector called `name`, or of all segments that make it up."""
    named = [entry for entry in metadata.detectors.values() if entry.dispersion is not None]
    exact = [entry for entry in named if entry.detector_name == name]
    # "SuperXG2" is the sum of "SuperXG21" to "SuperXG24".
    return exact or [entry for entry in named if entry.detector_name.startswith(name)]


def detector(name: str, metadata: Metadata, counts: int) -> Detector:
    """Return what `metadata` says about the detector called `name`."""
    entries = analytical_detectors(metadata, name)
    elevations, azimuths = zip(*map(_angles, entries), strict=True) if entries else ((), ())
    return Detector(
        name=name,
        elevation_deg=_mean(elevations),
        # The azimuth of a ring of segments means nothing.
        azimuth_deg=azimuths[0] if len(azimuths) == 1 else None,
        live_time_s=_mean(entry.live_time for entry in entries),
        real_time_s=_mean(entry.real_time for entry in entries),
        counts=counts,
        # 0 is what files say where nothing was measured.
        input_rate_per_s=_sum(entry.input_count_rate or None for entry in entries),
        output_rate_per_s=_sum(entry.output_count_rate or None for entry in entries),
        solid_angle_sr=_sum(entry.collection_angle or None for entry in entries),
    )


def _angles(entry: DetectorEntry) -> tuple[float | None, float | None]:
    """Return elevation and azimuth in degrees.

    Files hold radians, some degrees, and never say which. An elevation of up to a right angle is
    below pi / 2 in radians, and no detector looks from less than 2 degrees.
    """
    elevation, azimuth = entry.elevation_angle, entry.azimuth_angle
    if elevation is None:
        return None, None
    to_degrees = math.degrees(1.0) if abs(elevation) <= math.pi / 2 else 1.0
    return elevation * to_degrees, None if azimuth is None else azimuth * to_degrees


def energy_axis(names: Iterable[str], metadata: Metadata, size: int) -> EnergyAxis:
    """Return the energy axis that the detectors called `names` share.

    Raises
    ------
    ReadError
        If they are calibrated differently, so that their channels must not be added.
    """
    axes = {
        (entry.offset_energy, entry.dispersion or 0.0)
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


def scan_shape(metadata: Metadata) -> tuple[int, int] | None:
    """Return (rows, columns) of the scanned part of the raster, or None if it is not given."""
    size, area = metadata.scan.scan_size, metadata.scan.scan_area
    rows, columns = size.height, size.width
    if not rows or not columns:
        return None
    if area is not None:
        rows *= area.bottom - area.top
        columns *= area.right - area.left
    shape = round(rows), round(columns)
    return shape if min(shape) >= 1 else None


def pixel_size(metadata: Metadata) -> PixelSize:
    """Return the (row, column) size of a pixel and its unit."""
    result = metadata.binary_result
    size = result.pixel_size
    return sizes.pixel_size(size.height or 0.0, size.width or 0.0, result.pixel_unit_x)


def acquisition(
    detectors: Iterable[Detector],
    metadata: Metadata,
    *,
    frames: tuple[float, float] | None = None,
    **attributes: Any,
) -> Acquisition:
    """Return how spectra were recorded; `frames` are those of a scan in use, and in the file.

    Of a frame that was not finished, they count the part that was recorded.
    """
    detectors = tuple(detectors)
    voltage = metadata.optics.acceleration_voltage
    live, real = _times(detectors, metadata, frames)
    current = metadata.optics.last_measured_screen_current or 0.0
    tilt = _tilt_deg(metadata)
    return Acquisition(
        signal_type="STEM",
        beam_energy_keV=voltage / 1000 if voltage else None,
        take_off_angle_deg=effective_take_off_angle_deg(_directions(detectors, metadata), tilt),
        # Below 0 the screen was read in a column without a beam on it.
        beam_current_nA=current * 1e9 if current > 0 else None,
        live_time_s=live,
        real_time_s=real,
        detectors=detectors,
        dwell_time_s=metadata.scan.dwell_time or None,
        frames_summed=None if frames is None else frames[0],
        tilt_deg=tilt,
        **attributes,
    )


def _tilt_deg(metadata: Metadata) -> tuple[float, float] | None:
    alpha, beta = metadata.stage.alpha_tilt, metadata.stage.beta_tilt
    return None if alpha is None or beta is None else (math.degrees(alpha), math.degrees(beta))


def _directions(detectors: Iterable[Detector], metadata: Metadata) -> list[Direction]:
    """Return where all segments are, and what each counted, as far as that is known."""
    found = []
    for one in detectors:
        entries = analytical_detectors(metadata, one.name)
        shares = _shares(entries)
        for entry, share in zip(entries, shares, strict=True):
            elevation, azimuth = _angles(entry)
            if elevation is not None:
                counts = 1 if one.counts is None else one.counts
                found.append(Direction(elevation, azimuth, counts * share))
    # Without a count anywhere, all count alike.
    if not any(direction.weight for direction in found):
        found = [direction._replace(weight=1.0) for direction in found]
    return found


def _shares(entries: Sequence[DetectorEntry]) -> list[float]:
    """Return the share of each segment in the counts: by their rates, where all are known."""
    counted = [(e.output_count_rate or 0.0) * (e.live_time or 1.0) for e in entries]
    if not all(counted):
        counted = [1.0] * len(entries)
    return [one / sum(counted) for one in counted]


def _times(
    detectors: tuple[Detector, ...], metadata: Metadata, frames: tuple[float, float] | None
) -> tuple[float | None, float | None]:
    """Return live and real time in seconds, mean over detectors, for the frames in use."""
    live = _mean(one.live_time_s for one in detectors)
    real = _mean(one.real_time_s for one in detectors)
    if frames is None:
        return live, real
    frame_time = metadata.scan.frame_time
    if not frame_time:
        return None, None
    used, in_file = frames
    agreement = (real or 0.0) / (frame_time * in_file)
    if live is None or not 1 / _REAL_TIME_FACTOR < agreement < _REAL_TIME_FACTOR:
        return None, frame_time * used
    return live * used / in_file, frame_time * used


def _sum(values: Iterable[float | None]) -> float | None:
    """Sum over segments; None unless all are known, for a part of them says nothing."""
    known = list(values)
    return sum(v for v in known if v) if known and None not in known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
