"""Every format other than Velox, through RosettaSciIO."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_eds.errors import EDSError, ReadError
from napari_eds.readers.hdf5_checks import FAULTS
from napari_eds.readers.images import auxiliary_images, axes_pixel_size, is_image
from napari_eds.readers.options import Options
from napari_eds.readers.rosetta.call import Entries, call, read_emi, read_jeol, read_msa, read_zspy
from napari_eds.readers.rosetta.counts import (
    NOTES,
    not_negative,
    summed_frames,
    uniform,
    uniform_places,
)
from napari_eds.spectra.axes import NO_SIZE, EnergyAxis
from napari_eds.spectra.recorded import acquisition
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage

_PLUGINS = {
    ".bcf": "bruker",
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".elid": "phenom",
    ".rpl": "ripple",
    ".ser": "tia",
    ".spc": "edax",
    ".spd": "edax",
    ".spx": "bruker",
}
_READERS: dict[str, Callable[[Path], Entries]] = {
    ".asw": read_jeol,
    ".eds": read_jeol,
    ".emi": read_emi,
    ".emsa": read_msa,
    ".msa": read_msa,
    ".pts": read_jeol,
    ".zspy": read_zspy,
}

#: Spectra in eV without a signal type are X-rays if they go beyond this, else energy losses.
_LOSSES_END_keV = 5.0


def read(path: Path, options: Options, plugin: str | None = None) -> list[SpectrumImage]:
    """Return every EDS map of a file; without a map, every line scan and spectrum.

    Parameters
    ----------
    path : Path
    options : Options
        `detectors` must be None; `frames` are those of a map with four axes.
    plugin : str, optional
        Module of RosettaSciIO; by default the extension decides.

    Raises
    ------
    ReadError
        If the file cannot be read, or holds something else than EDS data.
    """
    if options.detectors is not None:
        raise ReadError(f"{path.name}: detectors can be chosen in event streams of Velox only")
    entries = call(plugin, path) if plugin else _entries(path)
    try:
        return _images(entries, path, options)
    except EDSError:
        raise
    except FAULTS as error:
        # What entries hold is what the file says, which in damaged files may be anything.
        raise ReadError(f"{path.name} is damaged: {error!r} while it was put together") from error


def read_images(path: Path, plugin: str | None = None) -> tuple[AuxiliaryImage, ...]:
    """Return the images of a file without EDS data, nothing of one with EDS data.

    Raises
    ------
    ReadError
        If the file cannot be read.
    """
    entries = call(plugin, path) if plugin else _entries(path)
    try:
        with_eds = any(_is_eds(entry, Options()) for entry in entries)
        return () if with_eds else auxiliary_images(entries, "nm")
    except EDSError:
        raise
    except FAULTS as error:
        raise ReadError(f"{path.name} is damaged: {error!r} while it was put together") from error


def _images(entries: Entries, path: Path, options: Options) -> list[SpectrumImage]:
    for entry in entries:
        uniform_places(entry)
    found = [entry for entry in entries if _is_eds(entry, options)]
    if not found:
        raise ReadError(f"{path.name} holds no EDS data, but {_describe(entries)}")
    chosen = [entry for entry in found if len(entry["axes"]) >= 3] or found
    others = [entry for entry in entries if is_image(entry) and not _is_eds(entry, options)]
    names = _names(chosen, path)
    return [
        _spectrum_image(entry, name, path, others, options)
        for entry, name in zip(chosen, names, strict=True)
    ]


def _entries(path: Path) -> Entries:
    suffix = path.suffix.lower()
    reader = _READERS.get(suffix)
    return reader(path) if reader else call(_PLUGINS[suffix], path)


def _spectrum_image(
    entry: Mapping[str, Any],
    name: str,
    path: Path,
    others: Sequence[Mapping[str, Any]],
    options: Options,
) -> SpectrumImage:
    axes = list(entry["axes"])
    position = _energy_axis(entry)
    axis = axes.pop(position)
    size, unit = axes_pixel_size(axes[-2:][0], axes[-1]) if axes else NO_SIZE
    try:
        counts = np.moveaxis(_in_memory(entry["data"]), position, -1)
        counts, frames = summed_frames(counts, axes, options.frames)
        counts, of_clipping = not_negative(counts, clip=options.clip_negative)
        image = SpectrumImage.from_array(
            counts,
            options.energy(_energy(axis)),
            pixel_size=size,
            pixel_unit=unit,
            name=name,
            source=path,
            acquisition=acquisition(entry),
            images=auxiliary_images(others, unit),
            frames=frames,
            notes=(*entry.get(NOTES, ()), *of_clipping),
            metadata=MappingProxyType(dict(entry["original_metadata"] or entry["metadata"])),
        )
    except EDSError as error:
        raise ReadError(f"{name} in {path.name} is no EDS map: {error}") from error
    return options.apply_to_energy(image)


def _is_eds(entry: Mapping[str, Any], options: Options) -> bool:
    """Whether an entry holds X-ray spectra, by what it says or by its axes."""
    position = _energy_axis(entry)
    if position < 0 or entry["data"].size == 0:
        return False
    kind = _signal_type(entry)
    if kind:
        return kind.startswith("EDS")
    axis = entry["axes"][position]
    energy = _energy(axis)
    if energy.calibrated:
        return energy.offset_keV + energy.scale_keV * energy.size > _LOSSES_END_keV
    has_unit = isinstance(axis.get("units"), str) and axis["units"].strip()
    return not has_unit and (len(entry["axes"]) == 3 or options.energy_axis is not None)


def _signal_type(entry: Mapping[str, Any]) -> str:
    return str(entry["metadata"].get("Signal", {}).get("signal_type") or "")


def _energy_axis(entry: Mapping[str, Any]) -> int:
    """Return the position of the only axis that is none of places, or -1."""
    axes = entry["axes"]
    found = [i for i, axis in enumerate(axes) if not axis.get("navigate")]
    if len(found) > 1:
        # The Berkeley form of .emd does not say which axes are places.
        found = [i for i in found if _energy_unit(axes[i])]
    return found[0] if len(found) == 1 else -1


def _in_memory(data: np.ndarray) -> np.ndarray:
    # A memory map would keep the file open and follow its changes.
    return np.array(data) if isinstance(data, np.memmap) else np.asarray(data)


def _energy(axis: Mapping[str, Any]) -> EnergyAxis:
    """Return the energy axis in keV; uncalibrated where the unit is none of energy."""
    axis = uniform(axis)
    size, unit = int(axis["size"]), _energy_unit(axis)
    if unit is None:
        return EnergyAxis.uncalibrated(size)
    keV = {"kev": 1.0, "ev": 1e-3}[unit]
    return EnergyAxis(float(axis["offset"]) * keV, float(axis["scale"]) * keV, size)


def _energy_unit(axis: Mapping[str, Any]) -> str | None:
    # EDAX writes "Energy (EV)".
    found = re.search(r"\bk?ev\b", str(axis.get("units")).lower())
    return found and found.group()


def _names(entries: Sequence[Mapping[str, Any]], path: Path) -> list[str]:
    if len(entries) == 1:
        return [path.stem]
    titles = [entry["metadata"].get("General", {}).get("title") for entry in entries]
    if len(set(titles)) < len(titles):
        # Several spectra of one project, say, are all called "EDX".
        titles = [f"{title or 'EDS'} {number}" for number, title in enumerate(titles, start=1)]
    return [f"{path.stem}: {title}" for title in titles]


def _describe(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return what there is instead, for an error message."""
    return "; ".join(map(_describe_one, entries)) or "nothing that can be read"


def _describe_one(entry: Mapping[str, Any]) -> str:
    title = entry["metadata"].get("General", {}).get("title") or "untitled"
    shape = " x ".join(map(str, entry["data"].shape))
    if is_image(entry):
        return f"an image '{title}' ({shape})"
    units = ", ".join(str(axis.get("units") or "no unit") for axis in entry["axes"])
    kind = _signal_type(entry) or "unknown"
    return f"'{title}' ({shape}; axes in {units}; signal type {kind})"
