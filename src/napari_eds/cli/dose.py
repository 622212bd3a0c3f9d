"""What ``napari-eds info`` says of dose and detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from napari_eds.spectra.acquisition import Detector
    from napari_eds.spectra.spectrum_image import SpectrumImage


def dose_lines(image: SpectrumImage) -> list[str]:
    """Return what is known of current, times, tilt and dose, a line each."""
    from napari_eds.spectra.dose import electrons_per_pixel, pixel_time_s

    told = image.acquisition
    lines = []
    if told.beam_current_nA is not None:
        lines.append(f"  current       {told.beam_current_nA:.4g} nA")
    if told.dwell_time_s is not None:
        frames = "" if told.frames_summed is None else f" x {told.frames_summed:.6g} frames"
        lines.append(f"  dwell         {told.dwell_time_s * 1e6:.6g} us per pixel{frames}")
    live = told.live_fraction()
    if live is not None:
        lines.append(f"  live          {100 * live:.1f} % of the time")
    if told.tilt_deg is not None:
        lines.append("  tilt          {:.2f} and {:.2f} deg".format(*told.tilt_deg))
    try:
        electrons = electrons_per_pixel(image)
    except EDSError:
        return lines
    time = pixel_time_s(image)
    return [*lines, f"  dose          {electrons:.4g} electrons per pixel in {time:.6g} s"]


def recorded_by(detector: Detector) -> str:
    """Return angles, times, rates and solid angle of a detector, as far as they are known."""
    told = (
        ("elevation {:.1f} deg", detector.elevation_deg),
        ("azimuth {:.0f} deg", detector.azimuth_deg),
        ("live {:.4g} s", detector.live_time_s),
        ("real {:.4g} s", detector.real_time_s),
        ("in {:.4g} /s", detector.input_rate_per_s),
        ("out {:.4g} /s", detector.output_rate_per_s),
        ("{:.4g} sr", detector.solid_angle_sr),
    )
    return "".join(f", {text.format(value)}" for text, value in told if value is not None)
