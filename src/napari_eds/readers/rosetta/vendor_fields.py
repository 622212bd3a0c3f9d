"""What files of Bruker, JEOL and EDAX say of dose and tilt, which RosettaSciIO hands on as it is.

Units are those that the files' own numbers confirm: Bruker's dwell times, lines and frames give
its real time, EDAX's `.msa` of a spectrum repeats the tilt of its `.spc`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from napari_eds.physics.detector_windows import window_named
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.recorded import child, number, positive

_Tree = Mapping[str, Any]


def with_vendor_fields(
    told: Acquisition, suffix: str, original: _Tree, n_pixels: int
) -> Acquisition:
    """Return an acquisition with what else the file of a vendor says.

    Parameters
    ----------
    told : Acquisition
        Out of the metadata that RosettaSciIO translates.
    suffix : str
        Of the file, in lower case: what a program saved again may have been cut since.
    original : mapping
        Metadata as the file has them.
    n_pixels : int
    """
    add = _VENDORS.get(suffix)
    return told if add is None else add(told, original, n_pixels)


def _bruker_map(told: Acquisition, original: _Tree, n_pixels: int) -> Acquisition:
    """Bruker averages points, in µs, and lines; what is left of the real time are frames."""
    scan = child(original, "DSP Configuration")
    factors = [positive(scan.get(n)) for n in ("PixelTime", "PixelAverage", "LineAverage")]
    known = [factor for factor in factors if factor is not None]
    dwell = known[0] * known[1] * known[2] * 1e-6 if len(known) == 3 else None
    frames = told.real_time_s / (dwell * n_pixels) if dwell and told.real_time_s else None
    return _tilted(
        replace(_bruker_window(told, original), dwell_time_s=dwell, frames_summed=frames),
        child(original, "Stage").get("Tilt"),
    )


def _bruker_window(told: Acquisition, original: _Tree) -> Acquisition:
    """Name the window, such as "slew AP3.3" or "no window"."""
    named = child(original, "Detector").get("WindowType")
    return replace(told, detector_window=window_named(str(named)) if named else None)


def _bruker_spectrum(told: Acquisition, original: _Tree, n_pixels: int) -> Acquisition:  # noqa: ARG001
    """Pulses that came in, per second, without those of the zero peak."""
    rate = positive(child(original, "Hardware").get("PulseDensity"))
    return replace(
        _bruker_window(told, original),
        detectors=tuple(replace(one, input_rate_per_s=rate) for one in told.detectors),
    )


def _jeol_spectrum(told: Acquisition, original: _Tree, n_pixels: int) -> Acquisition:  # noqa: ARG001
    real = positive(child(original, "Header").get("real time"))
    current = positive(child(child(original, "Footer"), "Parameters").get("AccNA"))
    return replace(
        told,
        real_time_s=real,
        beam_current_nA=current,
        detectors=tuple(replace(one, real_time_s=real) for one in told.detectors),
    )


def _edax_spectrum(told: Acquisition, original: _Tree, n_pixels: int) -> Acquisition:  # noqa: ARG001
    return _tilted(told, child(original, "spc_header").get("tilt"))


def _tilted(told: Acquisition, angle: Any) -> Acquisition:
    """Return it with a tilt: a stage with one angle has one axis, the second counts as level."""
    tilt = number(angle)
    return told if tilt is None else replace(told, tilt_deg=(tilt, 0.0))


_VENDORS: dict[str, Callable[[Acquisition, _Tree, int], Acquisition]] = {
    ".bcf": _bruker_map,
    ".spx": _bruker_spectrum,
    ".eds": _jeol_spectrum,
    ".spc": _edax_spectrum,
}
