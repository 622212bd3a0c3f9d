"""Velox `.emd` files: maps from their event streams, or single spectra."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.choice import chosen, frames_chosen
from napari_eds.readers.options import Options
from napari_eds.readers.velox import metadata as meta
from napari_eds.readers.velox.images import images as read_images
from napari_eds.readers.velox.settings import quantification
from napari_eds.readers.velox.stream import Grid, Stream, decode
from napari_eds.spectra.acquisition import Detector
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage


@dataclass(frozen=True, eq=False)
class _Entry:
    """One spectrum or stream of the file."""

    detector: str
    group: h5py.Group
    metadata: Mapping[str, Any]


def is_velox(file: h5py.File) -> bool:
    """Whether an HDF5 file was written by Velox."""
    version = file.get("Version")
    if not isinstance(version, h5py.Dataset):
        return False
    try:
        return meta.read_json(version).get("format") in ("Velox", "DevelopersKit")
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
        file), or is damaged.
    """
    try:
        with h5py.File(path) as file:
            data = file.get("Data", {})
            if len(data.get("SpectrumImage", ())):
                return [_read_map(file, path, options)]
            if len(data.get("Spectrum", ())):
                return _read_spectra(file, path, options)
            found = ", ".join(sorted(data)) or "nothing"
    except (KeyError, OSError) as error:
        # KeyError: h5py misses a part that every file has.
        raise ReadError(f"{path.name} is damaged: {error}") from error
    raise ReadError(f"{path.name} holds no EDS data, only: {found}")


def _read_map(file: h5py.File, path: Path, options: Options) -> SpectrumImage:
    entries = _choose(_entries(file, "SpectrumStream"), options.detectors)
    streams = [Stream(entry.detector, _events(entry.group)) for entry in entries]
    common = _common(path, entries[0])
    images = read_images(file, common["pixel_unit"])
    shape, n_frames = _layout(file, entries[0].metadata, streams[0], images)
    energy = _energy(entries, _n_channels(entries), options)
    grid = Grid(
        n_pixels=math.prod(shape),
        n_channels=energy.size,
        frames=frames_chosen(options.frames, n_frames),
        channels=options.channels(energy),
        rebin=options.rebin_energy,
    )
    counts, totals = decode(streams, grid)
    acquisition = meta.acquisition(
        _detectors(entries, totals),
        entries[0].metadata,
        frames=(len(grid.frames), n_frames),
        **_quantification(file),
    )
    return SpectrumImage.from_matrix(
        counts,
        shape,
        energy.crop(grid.channels).rebin(grid.rebin),
        name=path.stem,
        images=images,
        acquisition=acquisition,
        **common,
    )


def _read_spectra(file: h5py.File, path: Path, options: Options) -> list[SpectrumImage]:
    # The sum is called after the whole detector: "SuperXG2" comes before "SuperXG21".
    entries = _entries(file, "Spectrum")
    if options.frames is not None:
        raise ReadError(f"{path.name} holds single spectra, which have no frames to choose from")
    if options.detectors is None:
        return [_spectrum(file, path, [entry], options) for entry in entries]
    return [_spectrum(file, path, _choose(entries, options.detectors), options)]


def _spectrum(
    file: h5py.File, path: Path, entries: Sequence[_Entry], options: Options
) -> SpectrumImage:
    """Return the sum of spectra as a map of one pixel."""
    counts = np.array([entry.group["Data"][:, 0] for entry in entries], dtype=np.uint64)
    totals = [int(total) for total in counts.sum(axis=1)]
    detectors = _detectors(entries, totals)
    image = SpectrumImage.from_array(
        counts.sum(axis=0),
        _energy(entries, counts.shape[1], options),
        name=f"{path.stem}: {', '.join(map(_describe, entries))}",
        acquisition=meta.acquisition(detectors, entries[0].metadata, **_quantification(file)),
        **_common(path, entries[0]),
    )
    return options.apply_to_energy(image)


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
        "metadata": MappingProxyType(dict(entry.metadata)),
    }


def _entries(file: h5py.File, kind: str) -> list[_Entry]:
    """Return all spectra or streams of the file, in the order of their detectors' names."""
    groups = list(file["Data"].get(kind, {}).values())
    if not groups:
        raise ReadError(
            f"{Path(file.filename).name} is a pruned file: its map is kept only in Velox's own "
            "compressed form, without the event stream, and cannot be read. Save it from Velox "
            "again without pruning"
        )
    metadata = [meta.read_json(group["Metadata"]) for group in groups]
    entries = [
        _Entry(meta.detector_name(entry), group, entry)
        for group, entry in zip(groups, metadata, strict=True)
    ]
    return sorted(entries, key=lambda entry: entry.detector)


def _choose(entries: Sequence[_Entry], detectors: Sequence[int | str] | None) -> Sequence[_Entry]:
    """Return the entries of the detectors asked for, by position or name."""
    return [entries[i] for i in chosen([entry.detector for entry in entries], detectors)]


def _events(group: h5py.Group) -> np.ndarray:
    data = group["Data"]
    if data.dtype != np.uint16:
        raise ReadError(f"events of type {data.dtype} are not supported, only those of uint16")
    return data[:, 0]


def _n_channels(entries: Sequence[_Entry]) -> int:
    return int(meta.read_json(entries[0].group["AcquisitionSettings"])["bincount"])


def _energy(entries: Sequence[_Entry], n_channels: int, options: Options) -> EnergyAxis:
    names = [entry.detector for entry in entries]
    return options.energy(meta.energy_axis(names, entries[0].metadata, n_channels))


def _detectors(entries: Sequence[_Entry], totals: Sequence[int]) -> list[Detector]:
    return [
        meta.detector(entry.detector, entry.metadata, total)
        for entry, total in zip(entries, totals, strict=True)
    ]


def _layout(
    file: h5py.File,
    metadata: Mapping[str, Any],
    stream: Stream,
    images: Sequence[AuxiliaryImage],
) -> tuple[tuple[int, int], int]:
    """Return the shape of the map, and the number of its frames.

    The scanned part of the raster gives the shape. Where a file does not say, or the number of
    pixels in the stream disagrees, an image that has exactly that number is of the same scan.
    """
    shape = meta.scan_shape(metadata)
    shapes = [shape] if shape else []
    shapes += [image.data.shape[:2] for image in images]
    if not shapes:
        raise ReadError("the file does not say how many rows and columns the map has")
    n_frames = _frames_in_file(file)
    n_gates = stream.n_gates
    fitting = [shape for shape in shapes if _fits(shape, n_frames, n_gates)]
    rows, columns = (fitting or shapes)[0]
    return (rows, columns), n_frames or max(1, (n_gates + 1) // (rows * columns))


def _fits(shape: tuple[int, int], n_frames: int | None, n_gates: int) -> bool:
    """Whether a stream holds exactly the frames of a map of `shape`, whole ones if None."""
    n_pixels = math.prod(shape)
    expected = n_pixels * (n_frames or max(1, n_gates // n_pixels))
    # The last pixel may lack its gate.
    return n_gates in (expected, expected - 1)


def _frames_in_file(file: h5py.File) -> int | None:
    for group in file["Data/SpectrumImage"].values():
        settings = group.get("SpectrumImageSettings")
        if settings is not None:
            return int(meta.read_json(settings).get("endFramePosition", 0)) or None
    return None


def _quantification(file: h5py.File) -> dict[str, Any]:
    """Return elements and Velox's own quantification, as attributes of `Acquisition`."""
    try:
        elements, vendor = quantification(file)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # A version that keeps them otherwise is no reason not to show its map.
        warnings.warn(
            f"the quantification settings in {Path(file.filename).name} cannot be read: {error!r}",
            stacklevel=2,
        )
        return {}
    return {"elements": elements, "vendor": vendor}
