"""The command ``napari-eds info``: what a file holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from napari_eds._support.numbers import known
from napari_eds.cli.options import add_map_options, part_from
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from napari_eds.spectra.acquisition import Detector, VendorComposition
    from napari_eds.spectra.spectrum_image import SpectrumImage


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    info = commands.add_parser("info", help="say what a file holds")
    add_map_options(info)
    info.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds.readers.reading import load, read

    part = part_from(options)
    if part.index is not None:
        print("\n".join(_description(part.index, load(options.file, part=part))))
        return
    for index, image in enumerate(read(options.file, **part.reading(), spectra=True)):
        print("\n".join(_description(index, image)))


def _description(index: int, image: SpectrumImage) -> list[str]:
    rows, columns = image.shape
    axis, acquisition = image.energy, image.acquisition
    energy = (
        f"{axis.offset_keV:g} keV + {axis.scale_keV:g} keV per channel"
        if axis.calibrated
        else "no energy axis (give it with --energy-axis)"
    )
    size = " x ".join(f"{s:g}" for s in image.pixel_size)
    lines = [
        f"[{index}] {image.name}",
        f"  map           {rows} x {columns} pixels of {size} {image.pixel_unit}",
        f"  spectra       {image.n_channels} channels, {energy}",
        f"  counts        {image.xray_counts:,} ({axis.counted})",
        f"  all counts    {image.total_counts:,} ({'sparse' if image.is_sparse else 'dense'})",
        f"  beam          {known(acquisition.beam_energy_keV, 'keV')}",
        f"  microscope    {acquisition.signal_type or 'unknown'}",
        f"  take-off      {known(acquisition.take_off_angle_deg, 'deg')}",
        f"  elements      {' '.join(acquisition.elements) or 'none named'}",
        *_dose_lines(image),
    ]
    for detector in acquisition.detectors:
        counts = (
            "counts unknown" if detector.counts is None else f"{detector.counts:,} counts in all"
        )
        lines.append(f"  detector      {detector.name}: {counts}{_recorded_by(detector)}")
    if image.frames is not None:
        lines.append(f"  summed        {image.frames}")
    lines += [
        f"  image         {i.name} {' x '.join(map(str, i.data.shape))}" for i in image.images
    ]
    return [*lines, *_vendor_lines(image), *(f"  note          {n}" for n in image.notes)]


def _dose_lines(image: SpectrumImage) -> list[str]:
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


def _recorded_by(detector: Detector) -> str:
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


def _vendor_lines(image: SpectrumImage) -> list[str]:
    vendor = image.acquisition.vendor
    if vendor is None:
        return []
    lines = []
    if vendor.families:
        families = " ".join(f"{e}_{f}" for e, f in vendor.families.items())
        lines.append(f"  {vendor.program:<13} families {families}")
    if vendor.compositions:
        cells = [_cell(row) for row in vendor.compositions[-1]]
        count = len(vendor.compositions)
        which = "result" if count == 1 else f"last of {count} results"
        lines.append(f"  {vendor.program:<13} {which}, at.%: {', '.join(cells)}")
    return lines


def _cell(row: VendorComposition) -> str:
    error = "" if row.atomic_error is None else f" ± {row.atomic_error:g}"
    return f"{row.element} {row.atomic_percent:g}{error}"
