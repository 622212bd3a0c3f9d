"""Velox `.emd` files: maps from their event streams, or single spectra."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

from napari_eds.errors import EDSError, ReadError
from napari_eds.readers.choice import chosen
from napari_eds.readers.hdf5_checks import FAULTS, check_size, refuse_other_files
from napari_eds.readers.options import Options
from napari_eds.readers.velox import metadata as meta
from napari_eds.readers.velox.document import (
    NEEDED_FOR_ENERGIES,
    AcquisitionSettings,
    DamageError,
    Metadata,
    SpectrumImageSettings,
    lenient,
    part,
    read_json,
    required,
)
from napari_eds.readers.velox.frames import Frames, choose_frames, map_shape
from napari_eds.readers.velox.images import images as read_images
from napari_eds.readers.velox.settings import quantification
from napari_eds.readers.velox.stream import Grid, Stream, decode, decode_frames
from napari_eds.spectra.acquisition import Acquisition, Detector, FrameRange
from napari_eds.spectra.axes import MOST_PIXELS, EnergyAxis
from napari_eds.spectra.frame_series import FrameSeries
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage

#: 16-bit events can name so many.
_MOST_CHANNELS = 65535


@dataclass(frozen=True, eq=False)
class _Entry:
    """One spectrum or stream of the file; `raw` are its metadata as they are."""

    detector: str
    group: h5py.Group
    metadata: Metadata
    raw: dict[str, Any]
    notes: tuple[str, ...]


def is_velox(file: h5py.File) -> bool:
    """Whether an HDF5 file was written by Velox."""
    version = file.get("Version")
    if not isinstance(version, h5py.Dataset):
        return False
    try:
        return read_json(version).get("format") in ("Velox", "DevelopersKit")
    except ReadError:
        return False


def read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return the map of a Velox file, or its single spectra as maps of one pixel.

    Beside a map, Velox keeps one summed spectrum for each detector; these are left out. In a
    file without a map, the sum over all detectors comes first, then every detector on its own.

    Parameters
    ----------
    path : Path
    options : Options

    Raises
    ------
    ReadError
        If the file holds no EDS data, holds them in Velox's own compressed form only (a "pruned"
        file), or is damaged: then with the group and key at fault.
    """
    with _opened(path) as file:
        return _read(file, path, options)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a file; what is wrong with it is a `ReadError`."""
    try:
        with h5py.File(path) as file:
            refuse_other_files(file)
            yield file
    except DamageError as error:
        raise ReadError(f"{path.name} is damaged: {error}") from error
    except EDSError:
        raise
    except FAULTS as error:
        raise ReadError(f"{path.name} is damaged: {error}") from error


def read_images_only(path: Path) -> tuple[AuxiliaryImage, ...]:
    """Return the images of a file that holds nothing else, nothing of one with EDS data.

    Raises
    ------
    ReadError
        If it is damaged.
    """
    with _opened(path) as file:
        data = part(file, "Data", h5py.Group) if "Data" in file else {}
        with_eds = any(len(data.get(name, ())) for name in ("SpectrumImage", "Spectrum"))
        return () if with_eds else read_images(file, "nm")[0]


def _read(file: h5py.File, path: Path, options: Options) -> list[SpectrumImage]:
    data = part(file, "Data", h5py.Group) if "Data" in file else {}
    if len(data.get("SpectrumImage", ())):
        return [_read_map(file, path, options)]
    if len(data.get("Spectrum", ())):
        return _read_spectra(file, path, options)
    raise ReadError(f"{path.name} holds no EDS data, only: {', '.join(sorted(data)) or 'nothing'}")


@dataclass(frozen=True, eq=False)
class _Recording:
    """The streams of a map, how they are laid out, and all that is told beside the counts."""

    entries: Sequence[_Entry]
    streams: Sequence[Stream]
    shape: tuple[int, int]
    frames: Frames
    energy: EnergyAxis
    grid: Grid
    images: tuple[AuxiliaryImage, ...]
    attributes: dict[str, Any]
    vendor: dict[str, Any]


def _recording(
    file: h5py.File, path: Path, options: Options, *, frames_apart: bool = False
) -> _Recording:
    entries = _choose(_entries(file, "SpectrumStream", options), options.detectors)
    n_channels = _n_channels(entries)
    streams = [Stream(entry.detector, _events(entry.group)) for entry in entries]
    common = _common(path, entries[0])
    images, of_images = read_images(file, common["pixel_unit"], frames_apart=frames_apart)
    settings = _settings(file)
    shape = map_shape(
        meta.scan_shape(entries[0].metadata),
        [image.data.shape[-2:] if frames_apart else image.data.shape[:2] for image in images],
        settings.end_frame_position,
        streams,
    )
    _check_shape(shape)
    frames = choose_frames(options.frames, settings, math.prod(shape), streams)
    energy = _energy(entries, n_channels, options)
    grid = Grid(
        n_pixels=math.prod(shape),
        n_channels=energy.size,
        frames=frames.used,
        channels=options.channels(energy),
        rebin=options.rebin_energy,
    )
    vendor, of_vendor = _quantification(file)
    notes = _unique(*frames.notes, *_notes(entries), *of_images, *of_vendor)
    return _Recording(
        entries=entries,
        streams=streams,
        shape=shape,
        frames=frames,
        energy=energy.crop(grid.channels).rebin(grid.rebin),
        grid=grid,
        images=images,
        attributes={"name": path.stem, "notes": notes, **common},
        vendor=vendor,
    )


def _acquisition(of: _Recording, totals: Sequence[int]) -> Acquisition:
    detectors = _detectors(of.entries, totals)
    return meta.acquisition(detectors, of.entries[0].metadata, frames=of.frames.parts, **of.vendor)


def _read_map(file: h5py.File, path: Path, options: Options) -> SpectrumImage:
    of = _recording(file, path, options)
    counts, totals = decode(of.streams, of.grid)
    return SpectrumImage.from_matrix(
        counts,
        of.shape,
        of.energy,
        images=of.images,
        acquisition=_acquisition(of, totals),
        frames=of.frames.told,
        **of.attributes,
    )


def read_frames(path: Path, options: Options) -> FrameSeries:
    """Return the frames of a map, decoded in one pass.

    Raises
    ------
    ReadError
        As `read`, and if the file holds single spectra.
    """
    with _opened(path) as file:
        data = part(file, "Data", h5py.Group) if "Data" in file else {}
        if not len(data.get("SpectrumImage", ())):
            raise ReadError(f"{path.name} holds no map, whose frames could be told apart")
        of = _recording(file, path, options, frames_apart=True)
    used = of.frames.used
    counts, totals = decode_frames(of.streams, of.grid)
    stacked = SpectrumImage.from_matrix(
        counts,
        (len(used) * of.shape[0], of.shape[1]),
        of.energy,
        acquisition=_acquisition(of, totals),
        **of.attributes,
    )
    begun = min(stream.n_gates + stream.ends_in_pixel for stream in of.streams)
    covered = np.arange(used.start * of.grid.n_pixels, used.stop * of.grid.n_pixels) < begun
    covered = covered.reshape(len(used), *of.shape)
    return FrameSeries(
        stacked,
        tuple(FrameRange(i + 1, i + 1, of.frames.recorded) for i in used),
        tuple(_of_frames(of.images, used, of.shape)),
        covered,
        covered.mean(axis=(1, 2)),
    )


def _of_frames(
    images: Sequence[AuxiliaryImage], used: range, shape: tuple[int, int]
) -> Iterator[AuxiliaryImage]:
    """Yield the pictures of which there is one for each frame in use."""
    for image in images:
        if len(image.data) >= used.stop and image.data.shape[1:] == shape:
            yield replace(image, data=image.data[used.start : used.stop])


def _read_spectra(file: h5py.File, path: Path, options: Options) -> list[SpectrumImage]:
    # The sum is called after the whole detector: "SuperXG2" comes before "SuperXG21".
    entries = _entries(file, "Spectrum", options)
    if options.frames is not None:
        raise ReadError(f"{path.name} holds single spectra, which have no frames to choose from")
    if options.detectors is None:
        return [_spectrum(file, path, [entry], options) for entry in entries]
    return [_spectrum(file, path, _choose(entries, options.detectors), options)]


def _spectrum(
    file: h5py.File, path: Path, entries: Sequence[_Entry], options: Options
) -> SpectrumImage:
    """Return the sum of spectra as a map of one pixel."""
    spectra = [_channels(entry.group) for entry in entries]
    if len({spectrum.size for spectrum in spectra}) > 1:
        raise DamageError(f"spectra of {', '.join(str(s.size) for s in spectra)} channels")
    counts = np.array(spectra, dtype=np.uint64)
    totals = [int(total) for total in counts.sum(axis=1)]
    detectors = _detectors(entries, totals)
    vendor, of_vendor = _quantification(file)
    image = SpectrumImage.from_array(
        counts.sum(axis=0),
        _energy(entries, counts.shape[1], options),
        name=f"{path.stem}: {', '.join(map(_describe, entries))}",
        acquisition=meta.acquisition(detectors, entries[0].metadata, **vendor),
        notes=_unique(*_notes(entries), *of_vendor),
        **_common(path, entries[0]),
    )
    return options.apply_to_energy(image)


def _channels(group: h5py.Group) -> np.ndarray:
    data = _data(group)
    if data.dtype.kind not in "ui":
        raise DamageError(f"{data.name} is of type {data.dtype}, expected whole numbers")
    if data.shape[0] > _MOST_CHANNELS:
        raise DamageError(
            f"{data.name} has {data.shape[0]} channels, expected up to {_MOST_CHANNELS}"
        )
    counts = data[:, 0]
    if counts.min() < 0:
        raise DamageError(f"{data.name} holds {counts.min()} counts, expected 0 or more")
    return counts


def _describe(entry: _Entry) -> str:
    n = len(meta.analytical_detectors(entry.metadata, entry.detector))
    return f"{entry.detector} (sum of {n} detectors)" if n > 1 else entry.detector


def _common(path: Path, entry: _Entry) -> dict[str, Any]:
    """Return the attributes that maps and spectra get in the same way."""
    size, unit = meta.pixel_size(entry.metadata)
    return {
        "pixel_size": size,
        "pixel_unit": unit,
        "source": path,
        "metadata": MappingProxyType(dict(entry.raw)),
    }


def _notes(entries: Sequence[_Entry]) -> tuple[str, ...]:
    return tuple(note for entry in entries for note in entry.notes)


def _unique(*notes: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))


def _entries(file: h5py.File, kind: str, options: Options) -> list[_Entry]:
    """Return all spectra or streams of the file, in the order of their detectors' names."""
    data = file["Data"]
    groups = list(part(data, kind, h5py.Group).values()) if kind in data else []
    if not groups:
        raise ReadError(
            f"{Path(file.filename).name} is a pruned file: its map is kept only in Velox's own "
            "compressed form, without the event stream, and cannot be read. Save it from Velox "
            "again without pruning"
        )
    needed = NEEDED_FOR_ENERGIES if options.energy_axis is None else ()
    return sorted((_entry(group, needed) for group in groups), key=lambda entry: entry.detector)


def _entry(group: Any, needed: tuple[str, ...]) -> _Entry:
    dataset = part(group, "Metadata")
    raw = read_json(dataset)
    metadata, notes = lenient(raw, dataset.name, needed=needed)
    return _Entry(metadata.binary_result.detector, group, metadata, raw, notes)


def _choose(entries: Sequence[_Entry], detectors: Sequence[int | str] | None) -> Sequence[_Entry]:
    """Return the entries of the detectors asked for, by position or name."""
    return [entries[i] for i in chosen([entry.detector for entry in entries], detectors)]


def _data(group: h5py.Group) -> h5py.Dataset:
    """Return the column of data of a spectrum or stream."""
    data = part(group, "Data")
    if data.ndim != 2 or not data.shape[1] or not data.shape[0]:
        raise DamageError(f"{data.name} has the shape {data.shape}, expected a column of values")
    check_size(data)
    return data


def _events(group: h5py.Group) -> np.ndarray:
    try:
        data = _data(group)
    except ReadError as error:
        raise DamageError(str(error)) from error
    if data.dtype != np.uint16:
        raise ReadError(f"events of type {data.dtype} are not supported, only those of uint16")
    return data[:, 0]


def _n_channels(entries: Sequence[_Entry]) -> int:
    found = {
        required(AcquisitionSettings, part(entry.group, "AcquisitionSettings")).bincount
        for entry in entries
    }
    if len(found) > 1:
        raise DamageError(
            f"AcquisitionSettings: bincount differs between detectors ({sorted(found)}), expected "
            "the same; choose some of them with detectors="
        )
    return found.pop()


def _energy(entries: Sequence[_Entry], n_channels: int, options: Options) -> EnergyAxis:
    names = [entry.detector for entry in entries]
    return options.energy(meta.energy_axis(names, entries[0].metadata, n_channels))


def _detectors(entries: Sequence[_Entry], totals: Sequence[int]) -> list[Detector]:
    return [
        meta.detector(entry.detector, entry.metadata, total)
        for entry, total in zip(entries, totals, strict=True)
    ]


def _check_shape(shape: tuple[int, int]) -> None:
    if math.prod(shape) > MOST_PIXELS:
        raise DamageError(
            f"Scan.ScanSize makes a map of {shape[0]} x {shape[1]} pixels, expected up to "
            f"{MOST_PIXELS:,} pixels"
        )


def _settings(file: h5py.File) -> SpectrumImageSettings:
    for group in part(file, "Data/SpectrumImage", h5py.Group).values():
        if isinstance(group, h5py.Group) and "SpectrumImageSettings" in group:
            return required(SpectrumImageSettings, group["SpectrumImageSettings"])
    return SpectrumImageSettings()


def _quantification(file: h5py.File) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return elements and Velox's own quantification, as attributes of `Acquisition`."""
    try:
        elements, vendor = quantification(file)
    except FAULTS as error:
        # A version that keeps them otherwise is no reason not to show its map.
        return {}, (f"Velox's quantification settings cannot be read: {error!r}",)
    return {"elements": elements, "vendor": vendor}, ()
