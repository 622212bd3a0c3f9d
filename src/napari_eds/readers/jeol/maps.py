"""JEOL maps `.pts`: header, event stream, and what they say about the acquisition."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.choice import frames_chosen
from napari_eds.readers.jeol.stream import N_CHANNELS, RASTER, Decoded, Scan, count_frames, decode
from napari_eds.readers.jeol.tree import Tree, at, parse
from napari_eds.readers.notes import note
from napari_eds.readers.options import Options
from napari_eds.spectra.acquisition import Acquisition, Detector, FrameRange, is_foil_beam
from napari_eds.spectra.axes import EnergyAxis, PixelSize, pixel_size
from napari_eds.spectra.frame_series import FrameSeries
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage

_MAGIC = 304
#: The beginning of a file: its kind, eight letters, and where header and stream are. A length of
#: the stream counts from the beginning of the file: it is the file's size.
_START = struct.Struct("<I8s6I")
#: Header trees lie this far behind the place that the beginning names.
_TREE_OFFSET = 12
_MEASURED = ("PTTD Data", "AnalyzableMap MeasData")
_PARAMETERS = ("PTTD Param", "Params")


@dataclass(frozen=True, eq=False)
class _File:
    """The parts of a file: header tree, words of the stream, and bytes that are missing."""

    header: Tree
    words: np.ndarray
    size: int
    told_size: int


def read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return the map of a `.pts` file.

    The last frame is kept even if it was not finished: its counts are as good as any others, and
    a line scan stored as a map may consist of nothing but such a frame.

    Parameters
    ----------
    path : Path
    options : Options
        `detectors` must be None.

    Raises
    ------
    ReadError
        If the file is none of JEOL's, its header is damaged, or it lacks frames asked for.
    """
    if options.detectors is not None:
        raise ReadError(f"{path.name} has one detector: there is none to choose")
    try:
        file = _open(path)
        scan = _scan(file.header)
        frames = None
        if options.frames is not None:
            frames = frames_chosen(options.frames, count_frames(file.words, scan)[0])
        decoded = decode(file.words, scan, frames)
        part = 1.0 if frames is None else len(frames) / decoded.n_frames
        used = range(decoded.n_frames) if frames is None else frames
        told = FrameRange(used.start + 1, used.stop, decoded.n_frames)
        image = replace(_spectrum_image(file.header, decoded, part, path, options), frames=told)
    except ReadError as error:
        raise ReadError(f"{path.name} cannot be read: {error}") from error
    _warn(file, scan, decoded, frames, path)
    return [image]


def read_frames(path: Path, options: Options) -> FrameSeries:
    """Return the frames of a map, decoded in one pass.

    Raises
    ------
    ReadError
        As `read`.
    """
    if options.detectors is not None:
        raise ReadError(f"{path.name} has one detector: there is none to choose")
    try:
        file = _open(path)
        scan = _scan(file.header)
        n, last = count_frames(file.words, scan)
        frames = range(n) if options.frames is None else frames_chosen(options.frames, n)
        decoded = decode(file.words, scan, frames, apart=True)
        tall = _spectrum_image(file.header, decoded, len(frames) / n, path, options)
    except ReadError as error:
        raise ReadError(f"{path.name} cannot be read: {error}") from error
    _warn(file, scan, decoded, frames, path)
    covered = np.ones((len(frames), *scan.shape), bool)
    if frames.stop == n:
        covered[-1, last[0] + 1 :] = False
        covered[-1, last[0], last[1] + 1 :] = False
    return FrameSeries(
        replace(tall, images=(), pixel_size=_pixel_size(file.header, scan.shape)[0]),
        tuple(FrameRange(i + 1, i + 1, n) for i in frames),
        tuple(replace(im, data=im.data.reshape(len(frames), *scan.shape)) for im in tall.images),
        covered,
        covered.mean(axis=(1, 2)),
    )


def _open(path: Path) -> _File:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_START.size)
        if len(start) < _START.size:
            raise ReadError("it is cut short")
        magic, _, _, _, header_at, _, data_at, told_size = _START.unpack(start)
        if magic != _MAGIC:
            raise ReadError("it is no map of JEOL")
        if not header_at < data_at:
            raise ReadError("its header is damaged: it lies behind the data")
        file.seek(0)
        beginning = file.read(data_at)
    header = parse(beginning, header_at + _TREE_OFFSET)
    if size < data_at:
        raise ReadError("it is cut short: nothing of its event stream is there")
    end = min(size, told_size) if told_size > data_at else size
    n_words = (end - data_at) // 2
    words = (
        np.memmap(path, "<u2", mode="r", offset=data_at, shape=(n_words,))
        if n_words
        else np.empty(0, np.uint16)
    )
    return _File(header, words, size, told_size)


def _scan(header: Tree) -> Scan:
    conditions = at(header, *_MEASURED, "Meas Cond")
    found = re.fullmatch(r"\s*(\d+)\s*x\s*(\d+)\s*", str(at(conditions, "Pixels")))
    columns, rows = map(int, found.groups()) if found else (0, 0)
    if not (0 < columns <= RASTER and 0 < rows <= RASTER):
        raise ReadError(f"its header is damaged: the map has {at(conditions, 'Pixels')!r} pixels")
    area = np.ravel(conditions.get("Aim Area", ()))
    left, top, right, bottom = area if area.size == 4 else (0, 0, columns - 1, rows - 1)
    if not (left <= right < columns and top <= bottom < rows):
        left, top, right, bottom = 0, 0, columns - 1, rows - 1
    return Scan((rows, columns), (int(top), int(left), int(bottom), int(right)))


def _spectrum_image(
    header: Tree, decoded: Decoded, part: float, path: Path, options: Options
) -> SpectrumImage:
    """Return the map; `part` of the time of acquisition went into the frames in use."""
    size, unit = _pixel_size(header, decoded.shape)
    images: tuple[AuxiliaryImage, ...] = ()
    if decoded.signal is not None:
        title = f"S(T)EM Image extracted from {path.name}"
        images = (AuxiliaryImage(title, decoded.signal, size, unit),)
    image = SpectrumImage.from_matrix(
        decoded.counts,
        decoded.shape,
        options.energy(_energy(header)),
        pixel_size=size,
        pixel_unit=unit,
        name=path.stem,
        source=path,
        acquisition=_acquisition(header, part),
        images=images,
        metadata=MappingProxyType(header),
    )
    return options.apply_to_energy(image)


def _pixel_size(header: Tree, shape: tuple[int, int]) -> PixelSize:
    """Return the size of a pixel: the width of the screen in mm over the magnification."""
    width_mm = _number(header, *_PARAMETERS, "PARAMPAGE0_SEM", "ScanSize")
    magnification = _number(header, *_MEASURED, "MeasCond", "Mag")
    if not width_mm or not magnification:
        return pixel_size(0.0, 0.0, None)
    field_um = width_mm / magnification * 1e3
    return pixel_size(field_um / shape[0], field_um / shape[1], "µm")


def _energy(header: Tree) -> EnergyAxis:
    """Return the energy axis; the channel of 0 keV depends on the time of the pulse processor."""
    scale = _number(header, *_MEASURED, "Doc", "CoefA")
    offset = _number(header, *_MEASURED, "Doc", "CoefB")
    processor = str(at(header, *_MEASURED, "Meas Cond", "Tpl"))
    zero = _number(header, *_PARAMETERS, "PARAMPAGE1_EDXRF", "Tpl", processor, "DigZ")
    if not scale or scale < 0 or offset is None or zero is None:
        return EnergyAxis.uncalibrated(N_CHANNELS)
    return EnergyAxis(offset - scale * zero, scale, N_CHANNELS)


def _acquisition(header: Tree, part: float) -> Acquisition:
    """Return how the map was recorded."""
    beam = _number(header, *_MEASURED, "MeasCond", "AccKV") or None
    microscope = (*_PARAMETERS, "PARAMPAGE0_SEM")
    elevation = _number(header, *microscope, "ElevAng") or None
    live, real = (_number(header, *_MEASURED, "Doc", f"{kind}Time") for kind in ("Live", "Real"))
    live, real = (time * part if time else None for time in (live, real))
    dwell = _number(header, *_MEASURED, "Doc", "DwellTime(msec)")
    frames = _number(header, *_MEASURED, "Doc", "Sweep")
    name = header.get("PTTD Param", {}).get("Params", {}).get("PARAMPAGE0_SEM", {}).get("DetT")
    detector = Detector(
        str(name or "EDS"), elevation, _number(header, *microscope, "DirAng"), live, real
    )
    return Acquisition(
        signal_type=None if beam is None else "STEM" if is_foil_beam(beam) else "SEM",
        beam_energy_keV=beam,
        take_off_angle_deg=elevation,
        energy_resolution_MnKa_eV=_number(header, *microscope, "MnKaRES") or None,
        # The operator's number, or the microscope's: JEOL does not measure it during a map.
        beam_current_nA=_number(header, *_MEASURED, "MeasCond", "AccNA") or None,
        live_time_s=live,
        real_time_s=real,
        dwell_time_s=dwell * 1e-3 if dwell else None,
        frames_summed=frames * part if dwell and frames else None,
        detectors=(detector,),
    )


def _number(header: Tree, *names: str) -> float | None:
    try:
        found: Any = at(header, *names)
        value = float(found["value"] if isinstance(found, dict) else found)
    except (ReadError, KeyError, TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _warn(file: _File, scan: Scan, decoded: Decoded, frames: range | None, path: Path) -> None:
    """Say what is missing: of the file, or of its last frame."""
    if file.size < file.told_size:
        note(
            f"{path.name} is cut short: {file.size:,} of {file.told_size:,} bytes are there, and "
            f"counts from frame {decoded.n_frames}, row {decoded.last[0] + 1} on are missing"
        )
        return
    unfinished = decoded.last[0] < scan.area[2] or (
        (decoded.signal is not None or scan.is_line) and decoded.last[1] < scan.area[3]
    )
    if unfinished and (frames is None or frames.stop == decoded.n_frames):
        others = (
            f"; frames=(0, {decoded.n_frames - 1}) leaves it out" if decoded.n_frames > 1 else ""
        )
        note(
            f"the last frame of {path.name} ({decoded.n_frames} of {decoded.n_frames}) was not "
            f"finished: it ends in row {decoded.last[0] + 1} of {scan.shape[0]}. Its counts are "
            f"kept{others}"
        )
