"""Projects of EDAX APEX, `.edaxh5` or `.h5`: maps, line scans and spectra in one HDF5 file.

EDAX publishes no description. Names and meanings are those that two public readers agree on:
SciFiReaders (pycroscopy) and pynxtools-em (FAIRmat), for APEX 2.1 to 2.5. Below project, sample
and area lie groups such as ``Live Map 1`` with counts in ``SPD`` (lines x points, each an array of
channels) or ``LSD`` (points), and the sum spectrum ``SPC``, a table of one row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.beside import readable
from napari_eds.readers.bins import assemble, block_of_rows
from napari_eds.readers.damage import check_size, damage_told
from napari_eds.readers.hdf5_checks import first_value
from napari_eds.readers.notes import note
from napari_eds.readers.options import Options
from napari_eds.readers.rosetta.maps import refuse_choice
from napari_eds.readers.symbols import SYMBOLS
from napari_eds.spectra.acquisition import Acquisition, Detector
from napari_eds.spectra.axes import EnergyAxis, PixelSize, pixel_size
from napari_eds.spectra.spectrum_image import SpectrumImage

_BLOCK_VALUES = 2**22
_SEM_UP_TO_keV = 40.0


def is_edax(file: h5py.File) -> bool:
    """Whether an HDF5 file was written by APEX: its only group names company or version."""
    groups = [item for item in file.values() if isinstance(item, h5py.Group)]
    if len(groups) != 1:
        return False
    company = groups[0].attrs.get("Company")
    return "PRODUCT_VERSION" in groups[0].attrs or "EDAX" in str(company)


def read(path: Path, options: Options) -> list[SpectrumImage]:
    """Return every map of a project; without one its line scans, without those its spectra.

    Parameters
    ----------
    path : Path
    options : Options
        `detectors` and `frames` must be None.

    Raises
    ------
    ReadError
        If the project holds no spectra, or is damaged.
    """
    refuse_choice(path, options)
    found: dict[str, list[h5py.Dataset]] = {"SPD": [], "LSD": [], "SPC": []}
    with damage_told(path), h5py.File(path) as file:
        file.visititems(lambda name, item: _collect(name, item, found))
        chosen = found["SPD"] or found["LSD"] or found["SPC"]
        if not chosen:
            raise ReadError(f"{path.name} holds no spectra: no SPD, LSD or SPC of APEX")
        images = [
            _spectrum_image(path, name, dataset, options)
            for name, dataset in zip(_names(path, chosen), chosen, strict=True)
        ]
        alone = [one for one in found["SPC"] if _is_alone(one)]
        others = alone if options.spectra and found["SPD"] else []
        return images + readable(
            partial(_spectrum_image, path, _long_name(path, one), one, options) for one in others
        )


def _is_alone(spectrum: h5py.Dataset) -> bool:
    """Whether a spectrum is that of a point or an area, not the sum of a map or line scan."""
    return not any(isinstance(spectrum.parent.get(k), h5py.Dataset) for k in ("SPD", "LSD"))


def _collect(name: str, item: Any, found: dict[str, list[h5py.Dataset]]) -> None:
    kind = name.rpartition("/")[2]
    if isinstance(item, h5py.Dataset) and kind in found:
        found[kind].append(item)


def _names(path: Path, datasets: Sequence[h5py.Dataset]) -> list[str]:
    if len(datasets) == 1:
        return [path.stem]
    return [_long_name(path, one) for one in datasets]


def _long_name(path: Path, dataset: h5py.Dataset) -> str:
    return f"{path.stem}: {' '.join(dataset.name.split('/')[2:-1])}"


def _spectrum_image(
    path: Path, name: str, dataset: h5py.Dataset, options: Options
) -> SpectrumImage:
    row = _sum_spectrum(dataset)
    if dataset.name.endswith("/SPC"):
        counts, shape = np.atleast_2d(np.asarray(_field(row, "SpectrumCounts"))), (1, 1)
    else:
        counts, shape = _counts(dataset)
    size, unit = _pixel_size(dataset)
    image = SpectrumImage.from_matrix(
        counts,
        shape,
        options.energy(_energy(row, counts.shape[1], dataset)),
        pixel_size=size,
        pixel_unit=unit,
        name=name,
        source=path,
        acquisition=_acquisition(row),
        metadata=MappingProxyType({key: _plain(value) for key, value in row.items()}),
    )
    return options.apply_to_energy(image)


def _sum_spectrum(dataset: h5py.Dataset) -> dict[str, Any]:
    """Return the fields and attributes of the spectrum that belongs to a dataset."""
    spectrum = dataset.parent.get("SPC")
    if not isinstance(spectrum, h5py.Dataset):
        return {}
    row = {str(key): np.ravel(value)[0] for key, value in spectrum.attrs.items() if np.size(value)}
    if spectrum.dtype.names and spectrum.size:
        first = first_value(spectrum)
        row |= {field: first[field] for field in spectrum.dtype.names}
    return row


def _field(row: dict[str, Any], *names: str) -> Any:
    """Return a field by the first of its names that is there; versions spell them otherwise."""
    by_name = {key.lower(): value for key, value in row.items()}
    return next((by_name[name.lower()] for name in names if name.lower() in by_name), None)


def _number(row: dict[str, Any], *names: str) -> float | None:
    value = _field(row, *names)
    if value is None or np.size(value) != 1:
        return None
    try:
        number = float(str(np.ravel(value)[0]))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _counts(dataset: h5py.Dataset) -> tuple[Any, tuple[int, int]]:
    """Return the counts (pixels, channels), read some lines at a time, and (rows, columns)."""
    layout = dataset.shape + dataset.dtype.shape
    if not 2 <= len(layout) <= 3 or dataset.dtype.base.kind not in "iu":
        raise ReadError(f"{dataset.name} is {dataset.dtype} of shape {dataset.shape}, not counts")
    *pixels, n_channels = layout
    shape = (1, pixels[0]) if len(pixels) == 1 else (pixels[0], pixels[1])
    check_size(dataset.name, *shape)
    step = max(1, _BLOCK_VALUES // max(math.prod(layout[1:]), 1))
    if dataset.chunks:
        step = max(1, step // dataset.chunks[0]) * dataset.chunks[0]
    blocks = [
        block_of_rows(np.reshape(dataset[first : first + step], (-1, n_channels)))
        for first in range(0, layout[0], step)
    ]
    return assemble(blocks, n_channels), shape


def _pixel_size(dataset: h5py.Dataset) -> PixelSize:
    attributes = {str(key): value for key, value in dataset.attrs.items()}
    row = _number(attributes, "MicronPerPixelY", "MicronsPerPixelY") or 0.0
    column = _number(attributes, "MicronPerPixelX", "MicronsPerPixelX") or 0.0
    return pixel_size(row, column, "µm")


def _energy(row: dict[str, Any], size: int, dataset: h5py.Dataset) -> EnergyAxis:
    width_eV = _number(row, "evPch", "evPerChannel", "evPerChan")
    start_eV = _number(row, "eVOffset")
    if start_eV is None:
        start_eV = (_number(row, "StartEnergy") or 0.0) * 1000
    if not width_eV or width_eV < 0:
        return EnergyAxis.uncalibrated(size)
    n_channels = _number(row, "NumberOfPoints")
    if n_channels and n_channels != size:
        note(
            f"{dataset.name} has {size} channels, its sum spectrum {n_channels:.0f}: both are "
            "taken to begin alike, with channels of one width; look whether peaks are in place"
        )
    return EnergyAxis(start_eV / 1000, width_eV / 1000, size)


def _acquisition(row: dict[str, Any]) -> Acquisition:
    beam = _number(row, "KV") or None
    elevation = _number(row, "ElevationAngle") or _number(row, "TakeOffAngle") or None
    live = _number(row, "LiveTime") or None
    numbers = np.ravel(_field(row, "AtomicNumberOfPeakIds"))
    elements = [
        SYMBOLS[int(z) - 1]
        for z in (numbers if numbers.dtype.kind in "iu" else ())
        if 1 <= z <= len(SYMBOLS)
    ]
    detector = Detector("EDS", elevation, _number(row, "AzimuthAngle"), live)
    acquisition = Acquisition(
        signal_type=None if beam is None else "STEM" if beam > _SEM_UP_TO_keV else "SEM",
        beam_energy_keV=beam,
        take_off_angle_deg=elevation,
        live_time_s=live,
        elements=tuple(dict.fromkeys(elements)),
        detectors=(detector,),
    )
    # The name is spelt so by APEX.
    resolution = _number(row, "DetectorResoultion", "DetectorResolution")
    return replace(acquisition, energy_resolution_MnKa_eV=resolution or None)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value
