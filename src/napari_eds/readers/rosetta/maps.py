"""Every format other than Velox, through RosettaSciIO."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_eds.errors import EDSError, ReadError
from napari_eds.readers.beside import readable
from napari_eds.readers.bins import ThinCounts, matrix_of, shape_of
from napari_eds.readers.hdf5_checks import FAULTS
from napari_eds.readers.images import auxiliary_images, axes_pixel_size, is_image
from napari_eds.readers.options import Options
from napari_eds.readers.ripple import read_ripple
from napari_eds.readers.rosetta.axes import energy_axis, energy_unit
from napari_eds.readers.rosetta.call import (
    Entries,
    call,
    read_emi,
    read_jeol,
    read_msa,
    read_spc,
    read_spx,
    read_zspy,
)
from napari_eds.readers.rosetta.counts import (
    NOTES,
    not_negative,
    refuse_frames,
    summed_frames,
    uniform,
    uniform_places,
)
from napari_eds.readers.rosetta.plugins import PLUGINS
from napari_eds.readers.rosetta.vendor_fields import with_vendor_fields
from napari_eds.spectra.acquisition import FrameRange
from napari_eds.spectra.axes import NO_SIZE, EnergyAxis
from napari_eds.spectra.recorded import acquisition
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage

#: Readers that need help; the others are called as `PLUGINS` has them.
_READERS: dict[str, Callable[[Path], Entries]] = {
    ".eds": read_jeol,
    ".emi": read_emi,
    ".ems": read_msa,
    ".emsa": read_msa,
    ".mas": read_msa,
    ".msa": read_msa,
    ".rpl": read_ripple,
    ".spc": read_spc,
    ".spx": read_spx,
    ".img": read_jeol,
    ".map": read_jeol,
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
    refuse_choice(path, options)
    return from_entries(call(plugin, path) if plugin else entries_of(path), path, options)


def refuse_choice(path: Path, options: Options) -> None:
    """Raise `ReadError` if detectors of a format were asked for that does not keep them apart."""
    if options.detectors is not None:
        raise ReadError(f"{path.name}: detectors can be chosen in files of Velox and AZtec only")


def from_entries(entries: Entries, path: Path, options: Options) -> list[SpectrumImage]:
    """Return the EDS data among what was found in a file, or in all files of a project."""
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
    entries = call(plugin, path) if plugin else entries_of(path)
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
    maps = [entry for entry in found if len(entry["axes"]) >= 3]
    spectra = [entry for entry in found if len(entry["axes"]) == 1]
    chosen = maps or found
    beside = spectra if maps and options.spectra else []
    others = [entry for entry in entries if is_image(entry) and not _is_eds(entry, options)]
    images = [
        _spectrum_image(entry, name, path, others, options)
        for entry, name in zip(chosen, _names(chosen, path), strict=True)
    ]
    return images + readable(
        partial(_spectrum_image, entry, name, path, others, options)
        for entry, name in zip(beside, _long_names(beside, path), strict=True)
    )


def entries_of(path: Path) -> Entries:
    """Return what RosettaSciIO finds in a file, its reader chosen by the extension."""
    suffix = path.suffix.lower()
    reader = _READERS.get(suffix)
    return reader(path) if reader else call(PLUGINS[suffix], path)


def _spectrum_image(
    entry: Mapping[str, Any],
    name: str,
    path: Path,
    others: Sequence[Mapping[str, Any]],
    options: Options,
) -> SpectrumImage:
    axes = list(entry["axes"])
    position = energy_axis(entry["axes"])
    axis = axes.pop(position)
    size, unit = axes_pixel_size(axes[-2:][0], axes[-1]) if axes else NO_SIZE
    try:
        data, frames, of_clipping = _measured(entry["data"], position, axes, options)
        shape = shape_of(data)
        image = SpectrumImage.from_matrix(
            matrix_of(data),
            shape,
            options.energy(_energy(axis)),
            pixel_size=size,
            pixel_unit=unit,
            name=name,
            source=path,
            acquisition=with_vendor_fields(
                acquisition(entry),
                path.suffix.lower(),
                entry["original_metadata"] or {},
                shape[0] * shape[1],
            ),
            images=auxiliary_images(others, unit),
            frames=frames,
            notes=(*entry.get(NOTES, ()), *of_clipping),
            metadata=MappingProxyType(dict(entry["original_metadata"] or entry["metadata"])),
        )
    except EDSError as error:
        raise ReadError(f"{name} in {path.name} is no EDS map: {error}") from error
    return options.apply_to_energy(image)


def _measured(
    data: np.ndarray | ThinCounts,
    position: int,
    axes: Sequence[Mapping[str, Any]],
    options: Options,
) -> tuple[np.ndarray | ThinCounts, FrameRange | None, tuple[str, ...]]:
    """Return counts with the energy last and frames summed, the frames, and what was clipped."""
    if isinstance(data, ThinCounts):
        if options.frames is not None:
            refuse_frames()
        values, notes = not_negative(data.counts, clip=options.clip_negative)
        return replace(data, counts=values), None, notes
    counts, frames = summed_frames(np.moveaxis(data, position, -1), axes, options.frames)
    counts, notes = not_negative(counts, clip=options.clip_negative)
    return counts, frames, notes


def _is_eds(entry: Mapping[str, Any], options: Options) -> bool:
    """Whether an entry holds X-ray spectra, by what it says or by its axes."""
    position = energy_axis(entry["axes"])
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


def _energy(axis: Mapping[str, Any]) -> EnergyAxis:
    """Return the energy axis in keV; uncalibrated where the unit is none of energy."""
    axis = uniform(axis)
    size, unit = int(axis["size"]), energy_unit(axis)
    if unit is None:
        return EnergyAxis.uncalibrated(size)
    keV = {"kev": 1.0, "ev": 1e-3}[unit]
    return EnergyAxis(float(axis["offset"]) * keV, float(axis["scale"]) * keV, size)


def _names(entries: Sequence[Mapping[str, Any]], path: Path) -> list[str]:
    if len(entries) == 1:
        return [path.stem]
    return _long_names(entries, path)


def _long_names(entries: Sequence[Mapping[str, Any]], path: Path) -> list[str]:
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
