"""How spectra were recorded, out of the metadata of HyperSpy and RosettaSciIO."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from napari_eds.physics.detector_windows import window_named
from napari_eds.spectra.acquisition import Acquisition, Detector, is_foil_beam

#: Once a signal is set to EDS, HyperSpy stores these as if they had been measured.
_EXSPY_ELEVATION_DEG, _EXSPY_AZIMUTH_DEG, _EXSPY_RESOLUTION_EV = 35.0, 0.0, 130.0
#: A branch of our own in a signal's metadata names what was measured all the same.
MEASURED = "napari_eds.measured"


def acquisition(entry: Mapping[str, Any]) -> Acquisition:
    """Return how an entry was recorded; `None` for what it does not say."""
    instrument, values = _instrument(entry)
    eds = child(child(values, "Detector"), "EDS")
    told = _measured(entry["metadata"])
    elevation, azimuth = positive(eds.get("elevation_angle")), number(eds.get("azimuth_angle"))
    resolution = positive(eds.get("energy_resolution_MnKa"))
    if "package" in entry:  # the program that wrote a HyperSpy file
        usual = (elevation, azimuth) == (_EXSPY_ELEVATION_DEG, _EXSPY_AZIMUTH_DEG)
        if usual and "elevation_angle" not in told:
            elevation = azimuth = None
        if azimuth == _EXSPY_AZIMUTH_DEG and told and "azimuth_angle" not in told:
            azimuth = None
        if resolution == _EXSPY_RESOLUTION_EV and "energy_resolution_MnKa" not in told:
            resolution = None
    live, real = positive(eds.get("live_time")), positive(eds.get("real_time"))
    name = str(eds.get("detector_type") or eds.get("EDS_det") or "EDS")
    # A .msa file names the window in the type of the detector.
    window = window_named(str(eds.get("window") or eds.get("EDS_det") or name))
    beam = positive(values.get("beam_energy"))
    return Acquisition(
        signal_type=(
            None if told and "signal_type" not in told else _signal_type(entry, instrument, beam)
        ),
        beam_energy_keV=beam,
        take_off_angle_deg=elevation,
        energy_resolution_MnKa_eV=resolution,
        beam_current_nA=positive(values.get("beam_current")),
        live_time_s=live,
        real_time_s=real,
        dwell_time_s=positive(values.get("dwell_time")) if told else None,
        frames_summed=positive(values.get("frames_summed")) if told else None,
        tilt_deg=_tilt(child(values, "Stage")) if "tilt_alpha" in told else None,
        elements=tuple(map(str, child(entry["metadata"], "Sample").get("elements", ()))),
        detectors=(Detector(name, elevation, azimuth, live, real),),
        detector_window=window,
    )


def _tilt(stage: Mapping[str, Any]) -> tuple[float, float] | None:
    alpha, beta = number(stage.get("tilt_alpha")), number(stage.get("tilt_beta"))
    return None if alpha is None or beta is None else (alpha, beta)


def _measured(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what our own branch names; empty where a signal is not from here."""
    branch, _, leaf = MEASURED.partition(".")
    return tuple(map(str, child(metadata, branch).get(leaf, ())))


def positive(value: Any) -> float | None:
    """Return `value` as a number, or None: files write 0 for what was not measured."""
    found = number(value)
    return found if found is not None and found > 0 else None


def number(value: Any) -> float | None:
    """Return `value` as a finite number, or None."""
    # JEOL and EDAX give numbers of NumPy, some files text.
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if np.isfinite(found) else None


def child(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a branch of metadata, empty where there is none."""
    branch = tree.get(key, {})
    return branch if isinstance(branch, Mapping) else {}


def _instrument(entry: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return ``"SEM"``, ``"TEM"`` or ``""`` where it is unknown, and what is known about it."""
    metadata: dict[str, Any] = {}
    _merge(metadata, child(entry["metadata"], "Acquisition_instrument"))
    _merge(metadata, child(entry.get("mapped") or mapped(entry), "Acquisition_instrument"))
    for instrument in ("TEM", "SEM", ""):
        if instrument in metadata:
            return instrument, metadata[instrument]
    return "", {}


def _signal_type(
    entry: Mapping[str, Any], instrument: str, beam_keV: float | None
) -> Literal["STEM", "SEM"] | None:
    # RosettaSciIO files all spectra of EDAX under SEM, from whichever microscope they come.
    if beam_keV is not None and is_foil_beam(beam_keV):
        return "STEM"
    # In a .msa file everything is filed under TEM, and the signal type says it better.
    kind = str(child(entry["metadata"], "Signal").get("signal_type") or "")
    by_name: dict[str, Literal["STEM", "SEM"]] = {"TEM": "STEM", "SEM": "SEM"}
    return by_name.get(kind.removeprefix("EDS_")) or by_name.get(instrument)


def mapped(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that the reader leaves to be translated from the original ones."""
    result: dict[str, Any] = {}
    for source, (target, convert) in (entry.get("mapping") or {}).items():
        value = _find(entry["original_metadata"], source)
        if value is None or not target.startswith("Acquisition_instrument."):
            continue
        try:
            value = convert(value) if convert else value
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            continue  # written for other versions of the file
        for key in reversed(target.split(".")):
            value = {key: value}
        _merge(result, value)
    return result


def _find(tree: Any, path: str) -> Any:
    """Return what lies at a dotted path; blanks and signs in keys may be underscores there."""
    for part in path.split("."):
        if not isinstance(tree, Mapping):
            return None
        tree = {_plain(key): value for key, value in tree.items()}.get(_plain(part))
    return tree


def _plain(key: Any) -> str:
    return re.sub(r"\W", "_", str(key))


def _merge(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Add `other` to `tree`, level by level."""
    for name, value in other.items():
        key = name.strip()  # eXSpy 0.3.2 writes "beam_energy " with a blank
        if isinstance(value, Mapping):
            _merge(tree.setdefault(key, {}), value)
        else:
            tree[key] = value
