"""Oxford Instruments `.h5oina` files: maps, line scans and spectra that AZtec exports.

After the public specification (github.com/oinanoanalysis/h5oina, formats 1.0 to 8.0). Lengths are
in µm and angles in radians there. Spectra are in the files from format 7.0 (AZtec 6.2) on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

from napari_eds.errors import ReadError
from napari_eds.physics.detector_windows import window_named
from napari_eds.readers.beside import readable
from napari_eds.readers.bins import assemble, block_of_rows
from napari_eds.readers.choice import chosen
from napari_eds.readers.damage import check_size, damage_told
from napari_eds.readers.hdf5_checks import all_values
from napari_eds.readers.notes import note
from napari_eds.readers.options import Options
from napari_eds.readers.oxford.header import Header, elements
from napari_eds.readers.oxford.images import images
from napari_eds.spectra.acquisition import Acquisition, Detector
from napari_eds.spectra.axes import EnergyAxis, PixelSize, pixel_size
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Dense values read at a time.
_BLOCK_VALUES = 2**22
#: Microscopes for bulk specimens end at 30 keV, few at 40 keV.
_SEM_UP_TO_keV = 40.0


@dataclass(frozen=True, eq=False)
class _Technique:
    """What one detector recorded: a group ``EDS``, ``EDS1``, ..."""

    name: str
    group: h5py.Group
    header: Header

    @property
    def spectrum(self) -> h5py.Dataset | None:
        found = self.group.get("Data/Spectrum")
        return found if isinstance(found, h5py.Dataset) else None


def is_oxford(file: h5py.File) -> bool:
    """Whether an HDF5 file was written by AZtec."""
    return "Format Version" in file and "Index" in file


def read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return every map of a file, and its spectra if asked for; without a map, all there is.

    Parameters
    ----------
    path : Path
    options : Options
        `detectors` are the groups ``EDS1``, ``EDS2``, ..., all of which are summed by default;
        `frames` must be None.

    Raises
    ------
    ReadError
        If the file holds no spectra, or is damaged.
    """
    if options.frames is not None:
        raise ReadError(f"{path.name} keeps the sum of its frames: none of them can be chosen")
    with damage_told(path), h5py.File(path) as file:
        slices = [group for _, group in _slices(file)]
        found = [(group, _techniques(group)) for group in slices]
        found = [(group, ones) for group, ones in found if any(o.spectrum for o in ones)]
        if not found:
            raise ReadError(_without_spectra(path.name, file, slices))
        maps = [(group, ones) for group, ones in found if min(_cells(ones[0])) > 1]
        spectra = [(group, ones) for group, ones in found if max(_cells(ones[0])) == 1]
        others = spectra if maps and options.spectra else []
        several = len(maps or found) > 1
        return [
            *(_spectrum_image(path, *one, options, several=several) for one in maps or found),
            *readable(
                partial(_spectrum_image, path, *one, options, several=True) for one in others
            ),
        ]


def _slices(file: h5py.File) -> Iterator[tuple[str, h5py.Group]]:
    """Yield the acquisitions of a file: one, or one for each particle of an analysis."""
    names = [name for name in file if isinstance(file[name], h5py.Group)]
    for name in sorted(names, key=lambda name: (not name.isdecimal(), name.zfill(12))):
        yield name, file[name]


def _techniques(group: h5py.Group) -> list[_Technique]:
    names = [name for name in group if re.fullmatch(r"EDS ?\d*", name) and "Data" in group[name]]
    return [
        _Technique(name, group[name], Header(group[name].get("Header")))
        for name in sorted(names, key=lambda name: (len(name), name))
    ]


def _spectrum_image(
    path: Path, group: h5py.Group, ones: Sequence[_Technique], options: Options, *, several: bool
) -> SpectrumImage:
    ones = [one for one in ones if one.spectrum is not None]
    ones = [ones[i] for i in chosen([one.name for one in ones], options.detectors)]
    shape, energy = _common_shape(ones), _common_axis(ones)
    size, unit = _pixel_size(ones[0], shape)
    parts = [_counts(one, shape, path) for one in ones]
    totals = [int(part.sum(dtype=np.int64)) for part in parts]
    # Sums may exceed the type of their parts.
    total = parts[0] if len(parts) == 1 else sum(part.astype(np.int64) for part in parts)
    image = SpectrumImage.from_matrix(
        total,
        shape,
        options.energy(energy),
        pixel_size=size,
        pixel_unit=unit,
        name=f"{path.stem}: {group.name.strip('/')}" if several else path.stem,
        source=path,
        acquisition=_acquisition(ones, totals),
        images=images(group, ones[0].header, unit),
        metadata=MappingProxyType({one.name: one.header.as_dict() for one in ones}),
    )
    return options.apply_to_energy(image)


def _cells(one: _Technique) -> tuple[int, int]:
    """Return (rows, columns); a line scan is one row."""
    columns = one.header.whole("X Cells") or 1
    return one.header.whole("Y Cells") or 1, columns


def _common_shape(ones: Sequence[_Technique]) -> tuple[int, int]:
    shapes = {_cells(one) for one in ones}
    if len(shapes) > 1:
        raise ReadError(
            f"the detectors have maps of different sizes ({sorted(shapes)}) and cannot be "
            "summed; choose one of them with detectors="
        )
    rows, columns = shapes.pop()
    check_size(ones[0].group.name, rows, columns)
    return rows, columns


def _common_axis(ones: Sequence[_Technique]) -> EnergyAxis:
    axes = {_axis(one) for one in ones}
    if len(axes) > 1:
        told = [f"{a.offset_keV:g} + {a.scale_keV:g} keV, {a.size} channels" for a in axes]
        raise ReadError(
            f"the detectors have different energy axes ({'; '.join(sorted(told))}) and cannot be "
            "summed; choose one of them with detectors="
        )
    return axes.pop()


def _axis(one: _Technique) -> EnergyAxis:
    spectrum = one.spectrum
    assert spectrum is not None  # noqa: S101 - those without were left out
    if spectrum.ndim != 2 or spectrum.dtype.kind not in "iuf":
        raise ReadError(
            f"{spectrum.name} is {spectrum.dtype} of shape {spectrum.shape}, not counts of shape "
            "(pixels, channels)"
        )
    size = spectrum.shape[1]
    told = one.header.whole("Number Channels")
    if told is not None and told != size:
        note(f"{spectrum.name} has {size} channels, but the header says {told}")
    width_eV, start_eV = one.header.number("Channel Width"), one.header.number("Start Channel")
    if not width_eV or width_eV < 0 or start_eV is None:
        return EnergyAxis.uncalibrated(size)
    return EnergyAxis(start_eV / 1000, width_eV / 1000, size)


def _pixel_size(one: _Technique, shape: tuple[int, int]) -> PixelSize:
    column = one.header.number("X Step") or 0.0
    # A line scan has the step along the line only.
    row = column if shape[0] == 1 else one.header.number("Y Step") or 0.0
    return pixel_size(row, column, "µm")


def _counts(one: _Technique, shape: tuple[int, int], path: Path) -> Any:
    """Return the counts of one detector, (pixels, channels), read some pixels at a time."""
    spectrum = one.spectrum
    assert spectrum is not None  # noqa: S101
    n_pixels, (n_spectra, n_channels) = math.prod(shape), spectrum.shape
    if n_spectra > n_pixels:
        raise ReadError(
            f"{spectrum.name} holds {n_spectra} spectra, but the map has {shape[0]} x {shape[1]} "
            "pixels"
        )
    if n_spectra < n_pixels:
        note(
            f"{path.name}: {spectrum.name} holds the spectra of {n_spectra} of {n_pixels} pixels; "
            "the others are left empty"
        )
    step = max(1, _BLOCK_VALUES // max(n_channels, 1))
    if spectrum.chunks:
        step = max(1, step // spectrum.chunks[0]) * spectrum.chunks[0]
    blocks = [
        block_of_rows(_whole(spectrum[first : first + step]))
        for first in range(0, n_spectra, step)
    ]
    if n_spectra < n_pixels:
        blocks.append(block_of_rows(np.zeros((n_pixels - n_spectra, 1), np.uint8)))
    matrix = assemble(blocks, n_channels)
    order = _order(one.group, shape)
    return matrix if order is None else matrix[order]


def _whole(rows: np.ndarray) -> np.ndarray:
    """Pixels outside an acquisition of irregular shape are NaN; they hold no counts."""
    return np.nan_to_num(rows, posinf=np.inf) if rows.dtype.kind == "f" else rows


def _order(group: h5py.Group, shape: tuple[int, int]) -> np.ndarray | None:
    """Return which spectrum belongs to each pixel by its position, or None for row order."""
    places = []
    for name, n in (("Y", shape[0]), ("X", shape[1])):
        dataset = group.get(f"Data/{name}")
        if dataset is None or dataset.size != math.prod(shape):
            return None
        values, place = np.unique(np.round(np.ravel(all_values(dataset)), 6), return_inverse=True)
        if len(values) != n or not np.isfinite(values).all():
            return None
        places.append(place)
    pixels = places[0] * shape[1] + places[1]
    in_order = np.arange(pixels.size)
    if np.array_equal(pixels, in_order) or np.unique(pixels).size < pixels.size:
        return None
    order = np.empty_like(in_order)
    order[pixels] = in_order
    return order


def _acquisition(ones: Sequence[_Technique], totals: Sequence[int]) -> Acquisition:
    detectors = tuple(_detector(one, total) for one, total in zip(ones, totals, strict=True))
    header = ones[0].header
    beam = header.number("Beam Voltage")
    return Acquisition(
        signal_type=None if not beam else "STEM" if beam > _SEM_UP_TO_keV else "SEM",
        beam_energy_keV=beam or None,
        take_off_angle_deg=_mean([one.elevation_deg for one in detectors]),
        live_time_s=_mean([one.live_time_s for one in detectors]),
        real_time_s=_mean([one.real_time_s for one in detectors]),
        elements=elements([one.group for one in ones]),
        detectors=detectors,
        frames_summed=header.number("Number Frames") or None,
        tilt_deg=_tilt(header),
        detector_window=window_named(header.text("Window Type") or ""),
    )


def _tilt(header: Header) -> tuple[float, float] | None:
    """Return the tilt about X and Y: an angle, and the axis that it is about, 0 for X."""
    angle, axis = header.number("Tilt Angle"), header.number("Tilt Axis")
    if angle is None or axis is None or not math.isfinite(angle + axis):
        return None
    about_y = round(math.degrees(axis)) % 180 == 90
    return (0.0, _degrees(angle)) if about_y else (_degrees(angle), 0.0)


def _detector(one: _Technique, counts: int) -> Detector:
    elevation = one.header.number("Detector Elevation")
    azimuth = one.header.number("Detector Azimuth")
    return Detector(
        one.name,
        None if not elevation else _degrees(elevation),
        None if azimuth is None else _degrees(azimuth),
        _time(one.group, "Live Time"),
        _time(one.group, "Real Time"),
        counts,
    )


def _degrees(radians: float) -> float:
    # Single precision in the file.
    return round(math.degrees(radians), 4)


def _time(group: h5py.Group, name: str) -> float | None:
    """Return the sum over all pixels in seconds."""
    dataset = group.get(f"Data/{name}")
    total = 0.0 if dataset is None else float(np.nansum(all_values(dataset), dtype=float))
    return total if math.isfinite(total) and total > 0 else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _without_spectra(name: str, file: h5py.File, slices: Sequence[h5py.Group]) -> str:
    """Return why there is nothing to open, and what would help."""
    version = Header(file).text("Format Version") or "unknown"
    techniques = sorted({technique for group in slices for technique in group})
    if not any(re.match("EDS", technique) for technique in techniques):
        return f"{name} holds no EDS data, but {', '.join(techniques) or 'nothing'}"
    return (
        f"{name} holds no spectra, only results that AZtec made of them (format {version}). "
        "AZtec exports spectra from version 6.2 (format 7.0) on: export the map or line scan "
        "there again as .h5oina, with its spectrum data"
    )
