"""Spectrum images as signals of HyperSpy and arrays of xarray, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from napari_eds._support import hyperspy
from napari_eds.errors import EDSError
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.axes import NO_SIZE, EnergyAxis, PixelSize, pixel_size
from napari_eds.spectra.described import Described
from napari_eds.spectra.recorded import MEASURED, acquisition
from napari_eds.spectra.storage import Counts

#: Values of a block of rows that are held dense at a time, about.
_BLOCK = 2**26


class Source(Described, Protocol):
    """The image that is handed on."""

    @property
    def counts(self) -> Counts:
        """(pixels, channels)."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The file's own."""

    def to_array(self) -> np.ndarray:
        """Return a dense copy (rows, columns, channels)."""


def to_signal(image: Source, *, lazy: bool) -> Any:
    """Return an image as eXSpy's signal; see `SpectrumImage.to_hyperspy`."""
    exspy = hyperspy.exspy()
    kind = "EDSSEMSpectrum" if image.acquisition.signal_type == "SEM" else "EDSTEMSpectrum"
    data = lazy_array(image) if lazy else image.to_array()
    with hyperspy.quiet():
        signal = getattr(exspy.signals, f"Lazy{kind}" if lazy else kind)(data)
        for axis, place in zip(signal.axes_manager.navigation_axes, (1, 0), strict=False):
            axis.name, axis.scale = "yx"[place], float(image.pixel_size[place])
            axis.units = image.pixel_unit
        _set_energy(signal.axes_manager.signal_axes[0], image.energy)
        signal.metadata.General.title = image.name
        describe(signal, image.acquisition)
        signal.original_metadata.add_dictionary(_plain(image.metadata))
    return signal


def describe(signal: Any, how: Acquisition) -> None:
    """Write how spectra were recorded into a signal, where eXSpy looks for it.

    eXSpy fills what it is not told with values of its own; a branch of ours names those that
    were measured, so that they are known on the way back.
    """
    instrument = "SEM" if signal.metadata.Signal.signal_type == "EDS_SEM" else "TEM"
    first = how.detectors[0] if len(how.detectors) == 1 else None
    values = {
        "beam_energy": how.beam_energy_keV,
        "beam_current": how.beam_current_nA,
        "Detector.EDS.elevation_angle": how.take_off_angle_deg,
        "Detector.EDS.azimuth_angle": None if first is None else first.azimuth_deg,
        "Detector.EDS.energy_resolution_MnKa": how.energy_resolution_MnKa_eV,
        "Detector.EDS.live_time": how.live_time_s,
        "Detector.EDS.real_time": how.real_time_s,
        "dwell_time": how.dwell_time_s,
        "frames_summed": how.frames_summed,
        "Stage.tilt_alpha": None if how.tilt_deg is None else how.tilt_deg[0],
        "Stage.tilt_beta": None if how.tilt_deg is None else how.tilt_deg[1],
        "Detector.EDS.window": how.detector_window,
        "Detector.EDS.detector_type": ", ".join(d.name for d in how.detectors) or None,
    }
    known = {key: value for key, value in values.items() if value is not None}
    for key, value in known.items():
        signal.metadata.set_item(f"Acquisition_instrument.{instrument}.{key}", value)
    if how.elements:
        signal.metadata.set_item("Sample.elements", list(how.elements))
    measured = [key.rpartition(".")[2] for key in known]
    kind = [] if how.signal_type is None else ["signal_type"]
    signal.metadata.set_item(MEASURED, [*measured, *kind, "counts"])


def of_signal(signal: Any) -> dict[str, Any]:
    """Return what `SpectrumImage.from_matrix` makes an image of.

    Raises
    ------
    EDSError
        If it is no signal of spectra over two axes at most.
    """
    try:
        manager = signal.axes_manager
        energy_axes, places = manager.signal_axes, manager.navigation_axes
    except AttributeError:
        raise EDSError(f"{type(signal).__name__} is no signal of HyperSpy") from None
    if len(energy_axes) != 1 or len(places) > 2:
        raise EDSError(
            f"expected a signal of spectra over up to two axes of places, not {signal!r}: sum "
            "what is too many, or turn images into spectra with signal.as_signal1D(...)"
        )
    axes = sorted([*places, energy_axes[0]], key=lambda axis: axis.index_in_array)
    crooked = [str(axis.name) for axis in axes if not axis.is_uniform]
    if crooked:
        raise EDSError(
            f"the axis {', '.join(crooked)} has no constant step: bring the signal onto one that "
            "has, with signal.interpolate_on_axis('uniform', ...)"
        )
    data = signal.data
    if data.ndim == len(axes):
        data = np.moveaxis(data, energy_axes[0].index_in_array, -1)
    data = data.reshape((1,) * (3 - data.ndim) + data.shape)
    size, unit = _pixels([axis for axis in axes if axis is not energy_axes[0]])
    return {
        "matrix": _matrix(data),
        "shape": data.shape[:2],
        "energy": _energy(energy_axes[0]),
        "pixel_size": size,
        "pixel_unit": unit,
        "name": str(signal.metadata.get_item("General.title", "") or "EDS"),
        "acquisition": acquisition(
            {"metadata": signal.metadata.as_dictionary(), "package": "hyperspy"}
        ),
        "metadata": MappingProxyType(signal.original_metadata.as_dictionary()),
    }


def to_xarray(image: Source, *, lazy: bool) -> Any:
    """Return an image as a DataArray; see `SpectrumImage.to_xarray`."""
    try:
        import xarray
    except ImportError as error:
        raise EDSError(
            "to_xarray needs the package xarray, which is not installed: pip install xarray"
        ) from error
    how, axis = image.acquisition, image.energy
    units = {"y": image.pixel_unit, "x": image.pixel_unit, "energy": "keV"}
    values = {
        name: np.arange(n) * step
        for name, n, step in zip("yx", image.shape, image.pixel_size, strict=True)
    }
    if axis.calibrated:
        values["energy"] = axis.energies_keV
    told = {
        "beam_energy_keV": how.beam_energy_keV,
        "take_off_angle_deg": how.take_off_angle_deg,
        "live_time_s": how.live_time_s,
        "elements": list(how.elements) or None,
    }
    return xarray.DataArray(
        lazy_array(image) if lazy else image.to_array(),
        dims=("y", "x", "energy" if axis.calibrated else "channel"),
        coords={name: (name, value, {"units": units[name]}) for name, value in values.items()},
        name=image.name,
        attrs={"units": "counts", **{k: v for k, v in told.items() if v is not None}},
    )


def lazy_array(image: Source) -> Any:
    """Return the counts as a dask array (rows, columns, channels), dense by blocks of rows."""
    import dask.array
    from dask.delayed import delayed

    (rows, columns), channels = image.shape, image.energy.size
    step = max(_BLOCK // max(columns * channels, 1), 1)

    def block(counts: Counts) -> np.ndarray:
        dense = counts if isinstance(counts, np.ndarray) else counts.toarray()
        return dense.reshape(-1, columns, channels)

    blocks = []
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        part = image.counts[start * columns : stop * columns]
        shape = (stop - start, columns, channels)
        blocks.append(
            dask.array.from_delayed(delayed(block)(part), shape, dtype=image.counts.dtype)
        )
    return dask.array.concatenate(blocks)


def _matrix(data: Any) -> Counts:
    """Return (rows, columns, channels), dense or lazy, as (pixels, channels).

    What is lazy is computed by blocks of rows, of which only the counts are kept.
    """
    channels = data.shape[-1]
    if isinstance(data, np.ndarray):
        return data.reshape(-1, channels)
    step = max(_BLOCK // max(data.shape[1] * channels, 1), 1)
    blocks = [
        sparse.csr_array(np.asarray(data[start : start + step]).reshape(-1, channels))
        for start in range(0, data.shape[0], step)
    ]
    return sparse.csr_array(sparse.vstack(blocks))


def _set_energy(axis: Any, energy: EnergyAxis) -> None:
    axis.name = "Energy"
    axis.offset, axis.scale = energy.offset_keV, energy.scale_keV
    if energy.calibrated:
        axis.units = "keV"


def _energy(axis: Any) -> EnergyAxis:
    """Return the energy axis in keV; uncalibrated where the unit is none of energy."""
    unit = re.search(r"\bk?ev\b", str(axis.units).lower())
    if unit is None:
        return EnergyAxis.uncalibrated(int(axis.size))
    keV = {"kev": 1.0, "ev": 1e-3}[unit.group()]
    return EnergyAxis(float(axis.offset) * keV, float(axis.scale) * keV, int(axis.size))


def _pixels(places: list[Any]) -> PixelSize:
    """Return the (row, column) size of a pixel and its unit; a line's pixels are square."""
    units = {str(axis.units) for axis in places}
    if len(units) != 1:
        return NO_SIZE
    return pixel_size(float(places[0].scale), float(places[-1].scale), units.pop())


def _plain(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings as dictionaries, which HyperSpy can save."""
    return {
        str(key): _plain(value) if isinstance(value, Mapping) else value
        for key, value in tree.items()
    }
