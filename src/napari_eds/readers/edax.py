"""EDAX maps `.spd` and line scans `.lsd`; what their channels mean is in the `.spc` beside them.

Layout after EDAX's published descriptions of its files, as RosettaSciIO's documentation has them.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from types import MappingProxyType

import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.bins import assemble, block_of_rows
from napari_eds.readers.damage import check_size
from napari_eds.readers.files import companion, find
from napari_eds.readers.notes import note
from napari_eds.readers.options import Options
from napari_eds.readers.rosetta import maps as rosetta
from napari_eds.spectra.axes import NO_SIZE, EnergyAxis, PixelSize, pixel_size
from napari_eds.spectra.spectrum_image import SpectrumImage

_TAG = b"MAPSPECTRA_DATA"
#: Tag, then version, spectra, points, lines, channels, bytes to a count, start of the counts and
#: frames, then the name of the image that the map belongs to.
_HEADER = struct.Struct("<16s8i120s")
_COUNT_TYPES = {1: "<u1", 2: "<u2", 4: "<u4"}
#: Where an image file `.ipr` has µm per pixel, of columns and of rows.
_IPR_SIZE = struct.Struct("<2f")
_IPR_SIZE_AT = 64
_BLOCK_VALUES = 2**22
_DISTANCE = "Distance (nm)"


@dataclass(frozen=True)
class _Header:
    n_spectra: int
    shape: tuple[int, int]
    n_channels: int
    count_bytes: int
    data_at: int
    image: str


def read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return the map of a `.spd` file, or the line of a `.lsd` file.

    A map that was stopped is kept: the pixels that it did not come to stay empty.

    Parameters
    ----------
    path : Path
    options : Options
        `detectors` and `frames` must be None.

    Raises
    ------
    ReadError
        If the file is none of EDAX's, or holds no spectra.
    """
    rosetta.refuse_choice(path, options)
    header = _header(path)
    is_line = path.suffix.lower() == ".lsd"
    n_there = (path.stat().st_size - header.data_at) // (header.n_channels * header.count_bytes)
    n_pixels = header.shape[0] * header.shape[1]
    if is_line and 0 < header.n_spectra < n_pixels:
        n_pixels = header.n_spectra
    n_filled = min(n_there, n_pixels)
    if n_filled < 1:
        raise ReadError(f"{path.name} is cut short: it holds no spectra")
    _warn(path, header, n_filled, n_pixels)
    blocks = [block_of_rows(rows) for rows in _rows(path, header, n_filled)]
    if n_filled < n_pixels:
        blocks.append(block_of_rows(np.zeros((n_pixels - n_filled, 1), np.uint8)))
    size, unit = _line_step(path) if is_line else _map_size(path, header)
    image = SpectrumImage.from_matrix(
        assemble(blocks, header.n_channels),
        (1, n_pixels) if is_line else header.shape,
        EnergyAxis.uncalibrated(header.n_channels),
        pixel_size=size,
        pixel_unit=unit,
        name=path.stem,
        source=path,
        metadata=MappingProxyType({"spd_header": vars(header)}),
    )
    image = _with_spectrum(image, path)
    image = replace(image, energy=options.energy(image.energy))
    return [options.apply_to_energy(image)]


def _header(path: Path) -> _Header:
    with path.open("rb") as file:
        start = file.read(_HEADER.size)
    if not start.startswith(_TAG):
        raise ReadError(f"{path.name} is no map or line scan of EDAX")
    if len(start) < _HEADER.size:
        raise ReadError(f"{path.name} is cut short in its header")
    _, _, n_spectra, n_points, n_lines, n_channels, count_bytes, data_at, _, name = _HEADER.unpack(
        start
    )
    n_lines = max(n_lines, 1)
    if min(n_points, n_channels, data_at) < 1 or count_bytes not in _COUNT_TYPES:
        raise ReadError(
            f"{path.name} is damaged: its header tells of {n_lines} x {n_points} pixels with "
            f"{n_channels} channels of {count_bytes} bytes"
        )
    check_size(path.name, n_lines, n_points)
    image = PureWindowsPath(name.partition(b"\0")[0].decode("latin-1")).stem
    return _Header(n_spectra, (n_lines, n_points), n_channels, count_bytes, data_at, image)


def _warn(path: Path, header: _Header, n_filled: int, n_pixels: int) -> None:
    told = header.n_spectra if 0 < header.n_spectra < n_pixels else n_pixels
    if n_filled < told:
        problem = f"is cut short: it holds {n_filled} of {told} spectra"
    elif told < n_pixels:
        problem = f"was stopped after {told} of {n_pixels} pixels"
    else:
        return
    note(f"{path.name} {problem}; the pixels behind are empty")


def _rows(path: Path, header: _Header, n_filled: int) -> Iterator[np.ndarray]:
    """Yield the spectra, some pixels at a time."""
    dtype = np.dtype(_COUNT_TYPES[header.count_bytes])
    step = max(1, _BLOCK_VALUES // header.n_channels)
    with path.open("rb") as file:
        file.seek(header.data_at)
        for first in range(0, n_filled, step):
            n_values = min(step, n_filled - first) * header.n_channels
            yield np.fromfile(file, dtype, n_values).reshape(-1, header.n_channels)


def _with_spectrum(image: SpectrumImage, path: Path) -> SpectrumImage:
    """Return the map with the energies and the acquisition of the `.spc` file beside it."""
    beside = companion(path, ".spc")
    if beside is None:
        note(
            f"{path.stem}.spc is not beside {path.name}: energies, beam energy and elements are "
            "unknown"
        )
        return image
    try:
        (spectrum,) = rosetta.read(beside, Options())
    except ReadError as error:
        note(f"energies of {path.name} are unknown: {error}")
        return image
    return replace(
        image,
        energy=replace(spectrum.energy, size=image.n_channels),
        acquisition=spectrum.acquisition,
        metadata=MappingProxyType({**image.metadata, **spectrum.metadata}),
    )


def _map_size(path: Path, header: _Header) -> PixelSize:
    """Return the size of a pixel, which the image file of the map has."""
    names = [f"{name}.ipr" for name in (header.image, f"{path.stem}_Img", path.stem) if name]
    beside = next(filter(None, (find(path.parent, [name]) for name in names)), None)
    data = beside.read_bytes() if beside else b""
    if len(data) < _IPR_SIZE_AT + _IPR_SIZE.size:
        note(f"{names[0]} is not beside {path.name}: the size of its pixels is unknown")
        return NO_SIZE
    columns, rows = _IPR_SIZE.unpack_from(data, _IPR_SIZE_AT)
    return pixel_size(rows, columns, "µm")


def _line_step(path: Path) -> PixelSize:
    """Return the step of a line scan, from the table beside it."""
    beside = companion(path, ".csv")
    lines = beside.read_text("utf-8-sig", "replace").splitlines() if beside else []
    start = next((i for i, line in enumerate(lines) if _DISTANCE in line), len(lines))
    rows = list(csv.DictReader(lines[start : start + 3], skipinitialspace=True))
    try:
        step = abs(float(rows[1][_DISTANCE]) - float(rows[0][_DISTANCE]))
    except (IndexError, KeyError, TypeError, ValueError):
        note(f"{path.stem}.csv with the distances is not beside {path.name}: its step is unknown")
        return NO_SIZE
    return pixel_size(step, step, "nm")
