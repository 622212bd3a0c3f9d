"""The command ``napari-eds``: look into files, quantify them, show the demo."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._version import __version__
from napari_eds.cli import compare, exchange
from napari_eds.cli.options import add_map_options, add_run_options, density_from
from napari_eds.cli.run import TerminalProgress, report, run
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from napari_eds.elements.proposals import Proposal
    from napari_eds.spectra.acquisition import VendorComposition
    from napari_eds.spectra.spectrum_image import SpectrumImage


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        Exit code: 0 done, 1 the input cannot be used (the reason is on standard error), 2 wrong
        usage, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output, such as `head`, has enough: that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (EDSError, OSError) as error:
        print(f"napari-eds: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("napari-eds: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="napari-eds",
        description="Atomic percent from EDS spectrum images, region by region.",
    )
    parser.add_argument("--version", action="version", version=f"napari-eds {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_info(commands)
    _add_find_elements(commands)
    _add_quantify(commands)
    _add_calibrate(commands)
    _add_detectors(commands)
    compare.add_parser(commands)
    exchange.add_parsers(commands)
    _add_open(commands)
    _add_demo(commands)
    return parser


def _add_info(commands: Any) -> None:
    info = commands.add_parser("info", help="say what a file holds")
    add_map_options(info)
    info.set_defaults(run=_info)


def _add_detectors(commands: Any) -> None:
    detectors = commands.add_parser(
        "detectors", help="compare the detectors of a Velox or .h5oina file, name shadowed ones"
    )
    detectors.add_argument("file", type=Path)
    detectors.set_defaults(run=_detectors)


def _add_find_elements(commands: Any) -> None:
    find = commands.add_parser(
        "find-elements", help="say which elements the summed spectrum of a map shows, and why"
    )
    add_map_options(find)
    find.add_argument("--beam-energy", type=float, metavar="KEV", help="where the file gives none")
    find.set_defaults(run=_find_elements)


def _add_open(commands: Any) -> None:
    window = commands.add_parser("open", help="open maps in a napari window with the workbench")
    window.add_argument("files", type=Path, nargs="+", metavar="FILE")
    window.set_defaults(run=_open)


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser(
        "demo", help="quantify a simulated map, print it beside the truth, save and show it"
    )
    demo.add_argument(
        "-o", "--output", type=Path, default=Path("napari-eds-demo"), help="folder for the files"
    )
    demo.add_argument("--no-window", action="store_true", help="do not open napari")
    demo.set_defaults(run=_demo)


def _add_quantify(commands: Any) -> None:
    quantify = commands.add_parser("quantify", help="quantify the labels or chips of a map")
    add_run_options(quantify)
    quantify.add_argument("-o", "--output", type=Path, required=True, metavar="CSV")
    quantify.add_argument("--spectra", action="store_true", help="save the spectra as well")
    quantify.add_argument(
        "--errors",
        action="store_true",
        help="save what each error is made of, in at.%%, as NAME_errors.csv beside the table",
    )
    quantify.add_argument(
        "--maps", type=Path, metavar="DIR", help="save at.%% maps as TIFF and PNG"
    )
    quantify.add_argument(
        "--session",
        action="store_true",
        help="save a session beside the map, from which the run can be repeated",
    )
    quantify.set_defaults(run=_quantify)


def _add_calibrate(commands: Any) -> None:
    calibrate = commands.add_parser(
        "calibrate-k",
        help="k-factors from a label of known composition; with --density also its thickness",
    )
    add_run_options(calibrate)
    calibrate.add_argument("--label", type=int, required=True, help="label of known composition")
    calibrate.add_argument("--formula", required=True, metavar="SrTiO3")
    calibrate.add_argument(
        "--reference", required=True, metavar="Ti", help="element whose k-factor is kept"
    )
    calibrate.add_argument("-o", "--output", type=Path, required=True, metavar="CSV")
    calibrate.set_defaults(run=_calibrate)


def _open(options: argparse.Namespace) -> None:
    from napari_eds._napari.window import open_files

    open_files(options.files)


def _info(options: argparse.Namespace) -> None:
    from napari_eds.readers.reading import read

    for index, image in enumerate(read(options.file, energy_axis=options.energy_axis)):
        if options.index in {None, index}:
            print("\n".join(_description(index, image)))


def _detectors(options: argparse.Namespace) -> None:
    from napari_eds.readers.detectors import compare_detectors

    found = compare_detectors(options.file)
    print("detector          counts   of median   soft/hard, of median")
    for d in found:
        remark = "   shadowed" if d.shadowed else ""
        print(
            f"{d.name:<12}{d.counts:>12,}{d.relative_counts:>12.2f}{d.relative_softness:>12.2f}"
            f"{remark}"
        )
    good = [d.name for d in found if not d.shadowed]
    if len(good) < len(found):
        print(f"Leave the shadowed ones out with --detectors {','.join(good)}")


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
        f"  beam          {_known(acquisition.beam_energy_keV, 'keV')}",
        f"  microscope    {acquisition.signal_type or 'unknown'}",
        f"  take-off      {_known(acquisition.take_off_angle_deg, 'deg')}",
        f"  elements      {' '.join(acquisition.elements) or 'none named'}",
    ]
    for detector in acquisition.detectors:
        counts = (
            "counts unknown" if detector.counts is None else f"{detector.counts:,} counts in all"
        )
        lines.append(f"  detector      {detector.name}: {counts}")
    lines += [
        f"  image         {i.name} {' x '.join(map(str, i.data.shape))}" for i in image.images
    ]
    return lines + _vendor_lines(image)


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


def _known(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:g} {unit}"


def _find_elements(options: argparse.Namespace) -> None:
    from napari_eds.elements.proposals import recipe_elements, search_elements
    from napari_eds.readers.reading import load

    image = load(options.file, options.index, energy_axis=options.energy_axis)
    evidence = search_elements(
        image.energy,
        image.total_spectrum(),
        image.acquisition,
        beam_energy_keV=options.beam_energy,
    )
    proposals = evidence.proposals
    if options.beam_energy is None and image.acquisition.beam_energy_keV is None:
        print("The beam energy is unknown; the end of the axis is taken (--beam-energy sets it).")
    if not proposals:
        print("No element is seen: the counts are too few, or no line stands out.")
        return
    print("\n".join(_proposal_table(proposals)))
    if evidence.warning:
        print(f"\n{evidence.warning[0].upper()}{evidence.warning[1:]}.")
    elements, fit_only = recipe_elements(proposals)
    named = {"--elements": elements, "--fit-only": fit_only}
    options_line = " ".join(
        f"{option} {','.join(names)}" for option, names in named.items() if names
    )
    print(f"\n{options_line}" if options_line else "\nNone of them is certain.")


def _proposal_table(proposals: Sequence[Proposal]) -> list[str]:
    lines = ["      line       keV         counts          z   share  remark"]
    for p in proposals:
        remarks = ["system"] if p.system else []
        remarks += [f"overlaps {', '.join(p.overlaps)}"] if p.overlaps else []
        remarks += [] if p.certain else [f"suggested only: {p.doubt}"]
        counts = f"{p.counts:,.0f} ± {p.counts_error:,.0f}"
        lines.append(
            f"  {p.element:<3} {p.line!s:<6} {p.line.energy_keV:7.3f} {counts:>20} {p.z:7.0f} "
            f"{100 * p.share:6.2f}%  {'; '.join(remarks)}".rstrip()
        )
    return lines


def _quantify(options: argparse.Namespace) -> None:
    from napari_eds.exchange.session import save_session
    from napari_eds.quantification.saving import save_maps

    result = run(options)
    written = result.to_csv(options.output, spectra=options.spectra, errors=options.errors)
    if options.maps is not None:
        written += save_maps(result, options.maps)
    if options.session:
        written.append(save_session(None, result))
    print("\n".join(report(result)))
    print(f"Saved {', '.join(map(str, written))}")


def _calibrate(options: argparse.Namespace) -> None:
    result = run(options)
    if options.density is not None:
        thickness = result.thickness_from(options.label, options.formula, density_from(options))
        print(
            f"Thickness of label {options.label}: {thickness.thickness_nm:.1f} nm, "
            f"± {thickness.error_statistical_nm:.1f} from counting, ± {thickness.error_k_nm:.1f} "
            "from the k-factors in use"
        )
    table = result.k_factors_from(
        options.label, options.formula, options.reference, density_g_cm3=density_from(options)
    )
    table.to_csv(options.output)
    print(table.to_frame().to_string(index=False))
    print("\n".join(result.account()))
    print(f"Saved {options.output}")


def _demo(options: argparse.Namespace) -> None:
    from napari_eds.cli import demo

    print("Simulating a LaFeO3 film on SrTiO3 and quantifying it on a grid ...")
    with TerminalProgress() as progress:
        shown = demo.run(progress)
    comparison = shown.comparison.to_string(index=False, float_format=lambda x: f"{x:.2f}")
    print(f"\nAtomic % found beside the truth, chips inside one phase:\n{comparison}\n")
    print("\n".join(shown.result.account()))
    written = demo.save(shown, options.output)
    print(
        f"\nSaved {len(written)} files (tables, spectra, recipe, maps) in "
        f"{options.output.resolve()}"
    )
    if options.no_window:
        return
    if not _has_display():
        print("No display: not opening napari.")
        return
    from napari_eds._napari.window import open_result

    open_result(shown.result)


def _has_display() -> bool:
    """Whether a window can be opened; elsewhere than on Linux there is always a display."""
    return not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
