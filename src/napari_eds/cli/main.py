"""The command ``napari-eds``: look into files, quantify them, show the demo."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._version import __version__
from napari_eds.cli import (
    batch,
    classes,
    compare,
    denoise,
    exchange,
    figures,
    frames,
    maps,
    profile,
    simulate,
    sizes,
    thickness,
)
from napari_eds.cli.dose import dose_lines, recorded_by
from napari_eds.cli.examples import Help, epilog
from napari_eds.cli.interrupts import INTERRUPTS
from napari_eds.cli.options import (
    TABLE,
    add_map_options,
    add_ome_option,
    add_part_options,
    part_from,
)
from napari_eds.cli.outputs import LOG, writing
from napari_eds.cli.recipe_options import add_run_options, density_from
from napari_eds.cli.run import TerminalProgress, load_map, report, run
from napari_eds.cli.talk import DEFAULTS, add_options, talking
from napari_eds.cli.usage import UsageError, at_least_1, bad_options, in_shell_words, positive
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from napari_eds.elements.proposals import Proposal
    from napari_eds.recipe.k_factors import KFactorTable
    from napari_eds.spectra.acquisition import VendorComposition
    from napari_eds.spectra.spectrum_image import SpectrumImage

#: Value of ``--session`` without a path.
BESIDE = Path("beside the map")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        Exit code: 0 done, 1 the input cannot be used (the reason is on standard error), 2 wrong
        usage, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        # Signs that a terminal does not know, such as ±, are no reason to stop.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    INTERRUPTS.came = False
    try:
        with INTERRUPTS:
            options = parser().parse_args(arguments)
            with talking(options):
                return _run(options)
    except (EDSError, OSError) as error:
        print(f"napari-eds: {_told(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("napari-eds: interrupted", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    """Run the command and return the exit code; whatever happens is told in a line."""
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output, such as `head`, has enough: that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]
        return 0
    except KeyboardInterrupt:
        raise
    except Exception as error:  # noqa: BLE001 - nobody is helped by a traceback
        INTERRUPTS.check()
        if not isinstance(error, EDSError | OSError):
            LOG.debug("where it arose", exc_info=True)
        LOG.error("%s", _told(error))
        return 2 if isinstance(error, UsageError) else 1
    return 0


def _told(error: Exception) -> str:
    """Return what an error says to somebody in a shell."""
    if isinstance(error, EDSError):
        return in_shell_words(str(error))
    if isinstance(error, MemoryError):
        return "the memory does not suffice: read less of the map, or use a larger machine"
    if isinstance(error, OSError):
        told = error.filename is not None and error.strerror is not None
        return in_shell_words(f"{error.filename}: {error.strerror}" if told else str(error))
    return (
        f"unexpected {type(error).__name__}: {error}. A file may be damaged in a way that is not "
        "known, or this is a fault of napari-eds; -v says where it arose"
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="napari-eds",
        description="Atomic percent from EDS spectrum images, region by region.",
        epilog="napari-eds COMMAND --help says what a command takes, with an example.",
    )
    add_options(parser)
    parser.set_defaults(**DEFAULTS)
    parser.add_argument("--version", action="version", version=f"napari-eds {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_info(commands)
    _add_find_elements(commands)
    _add_quantify(commands)
    _add_calibrate(commands)
    _add_detectors(commands)
    compare.add_parser(commands)
    exchange.add_parsers(commands)
    figures.add_parsers(commands)
    classes.add_parsers(commands)
    sizes.add_parser(commands)
    frames.add_parser(commands)
    profile.add_parser(commands)
    maps.add_parser(commands)
    denoise.add_parser(commands)
    batch.add_parser(commands)
    thickness.add_parser(commands)
    simulate.add_parser(commands)
    _add_open(commands)
    _add_demo(commands)
    for name, command in commands.choices.items():
        command.epilog, command.formatter_class = epilog(name), Help
        add_options(command)
    return parser


def _add_info(commands: Any) -> None:
    info = commands.add_parser("info", help="say what a file holds")
    add_map_options(info)
    info.set_defaults(run=_info)


def _add_detectors(commands: Any) -> None:
    detectors = commands.add_parser(
        "detectors", help="compare the detectors of a Velox or .h5oina file, name shadowed ones"
    )
    add_map_options(detectors)
    detectors.set_defaults(run=_detectors)


def _add_find_elements(commands: Any) -> None:
    find = commands.add_parser(
        "find-elements", help="say which elements the summed spectrum of a map shows, and why"
    )
    add_map_options(find)
    find.add_argument(
        "--beam-energy", type=positive, metavar="KEV", help="where the file gives none"
    )
    find.set_defaults(run=_find_elements)


def _add_open(commands: Any) -> None:
    window = commands.add_parser("open", help="open maps in a napari window with the workbench")
    window.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="what can be opened is"
    )
    add_part_options(window)
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
    quantify.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="CSV",
        help=TABLE,
    )
    quantify.add_argument("--spectra", action="store_true", help="save the spectra as well")
    quantify.add_argument(
        "--errors",
        action="store_true",
        help="save what each error is made of, in at.%%, as NAME_errors.csv beside the table",
    )
    quantify.add_argument(
        "--maps", type=Path, metavar="DIR", help="save at.%% maps as TIFF and PNG"
    )
    add_ome_option(quantify)
    quantify.add_argument(
        "--session",
        dest="session_file",
        type=Path,
        nargs="?",
        const=BESIDE,
        metavar="PATH",
        help="save a session, from which the run can be repeated; beside the map without PATH",
    )
    quantify.set_defaults(run=_quantify)


def _add_calibrate(commands: Any) -> None:
    calibrate = commands.add_parser(
        "calibrate-k",
        help="k-factors from a label of known composition; with --density also its thickness",
    )
    add_run_options(calibrate)
    calibrate.add_argument(
        "--label", type=at_least_1, required=True, help="label of known composition"
    )
    calibrate.add_argument(
        "--formula", required=True, metavar="SrTiO3", help="composition of the label"
    )
    calibrate.add_argument(
        "--reference", required=True, metavar="Ti", help="element whose k-factor is kept"
    )
    calibrate.add_argument(
        "-o", "--output", type=Path, required=True, metavar="CSV", help="table of k-factors"
    )
    calibrate.set_defaults(run=_calibrate)


def _open(options: argparse.Namespace) -> None:
    from napari_eds._napari.window import open_files

    open_files(options.files, part_from(options))


def _info(options: argparse.Namespace) -> None:
    from napari_eds.readers.reading import load, read

    part = part_from(options)
    if part.index is not None:
        print("\n".join(_description(part.index, load(options.file, part=part))))
        return
    for index, image in enumerate(read(options.file, **part.reading(), spectra=True)):
        print("\n".join(_description(index, image)))


def _detectors(options: argparse.Namespace) -> None:
    from napari_eds.readers.detectors import compare_detectors

    found = compare_detectors(options.file, part_from(options))
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
        *dose_lines(image),
    ]
    for detector in acquisition.detectors:
        counts = (
            "counts unknown" if detector.counts is None else f"{detector.counts:,} counts in all"
        )
        lines.append(f"  detector      {detector.name}: {counts}{recorded_by(detector)}")
    if image.frames is not None:
        lines.append(f"  summed        {image.frames}")
    lines += [
        f"  image         {i.name} {' x '.join(map(str, i.data.shape))}" for i in image.images
    ]
    return [*lines, *_vendor_lines(image), *(f"  note          {n}" for n in image.notes)]


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

    image = load_map(options)
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
    from napari_eds.quantification.saving import TABLES, csv_files, save_maps

    extra = {"spectra": options.spectra, "errors": options.errors}
    session = _session_file(options)
    sessions = [] if session is None else [session]
    folders = [] if options.maps is None else [options.maps]
    files = [*csv_files(options.output, **extra), *sessions]
    with writing(options, files, folders, table=options.output, endings=TABLES):
        result = run(options, is_reported=True)
        print("\n".join(report(result)))
        # Maps first: their folder must be empty, and the table may be meant for the same one.
        force = options.force
        ways = {"ome_tiff": options.ome_tiff, "overwrite": force}
        maps = [path for folder in folders for path in save_maps(result, folder, **ways)]
        written = result.to_csv(options.output, **extra, overwrite=force) + maps
        written += [save_session(path, result, overwrite=force) for path in sessions]
    print(f"Saved {', '.join(map(str, written))}")


def _session_file(options: argparse.Namespace) -> Path | None:
    """Return where the session is put, if one is asked for."""
    from napari_eds.exchange.session import SUFFIX, beside

    path: Path | None = options.session_file
    if path is None or path == BESIDE:
        return None if path is None else beside(options.file)
    if path.is_dir():
        return path / beside(options.file).name
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"--session {path}: a session ends in {SUFFIX}; {path} would not")
    return path


def _calibrate(options: argparse.Namespace) -> None:
    from napari_eds.physics.formulas import parse_formula

    with bad_options():
        atoms = parse_formula(options.formula)
    if options.reference not in atoms:
        raise UsageError(
            f"--reference {options.reference}: choose one of {', '.join(atoms)}, which "
            f"--formula {options.formula} holds"
        )
    density_from(options)  # what is wrong with it shows before the run
    with writing(options, [options.output], table=options.output):
        _write_k_factors(options)
    print(f"Saved {options.output}")


def _write_k_factors(options: argparse.Namespace) -> None:
    from napari_eds.physics.densities import density_from_composition

    result = run(options)
    density = density_from(options)
    if options.density is not None:
        thickness = result.thickness_from(options.label, options.formula, density)
        print(
            f"Thickness of label {options.label}: {thickness.thickness_nm:.1f} nm, "
            f"± {thickness.error_statistical_nm:.1f} from counting, ± {thickness.error_k_nm:.1f} "
            "from the k-factors in use"
        )
        # Of --density composition: nothing else was asked for.
        density = density or density_from_composition(options.formula)
    table = result.k_factors_from(
        options.label, options.formula, options.reference, density_g_cm3=density
    )
    print(table.to_frame().to_string(index=False, na_rep="-"))
    print("\n".join([_k_factors_told(options, table), *table.notes, *result.account()]))
    table.to_csv(options.output, overwrite=options.force)


def _k_factors_told(options: argparse.Namespace, table: KFactorTable) -> str:
    """Say what k-factors were calibrated with."""
    if "not corrected" in table.source:
        used = "no thickness: absorption stays in them (--thickness takes it out)"
    elif options.thickness is not None:
        used = f"{options.thickness:g} nm, as given"
    else:
        used = "the thickness of the recipe"
    known = [table.detector, _known(table.beam_energy_keV, "keV"), table.date]
    told = ", ".join(text for text in known if text)
    return f"k-factors for {used}; {table.source}; {told}."


def _demo(options: argparse.Namespace) -> None:
    from napari_eds.cli import demo

    with writing(options, folders=[options.output]):
        print("Simulating a LaFeO3 film on SrTiO3 and quantifying it on a grid ...")
        with TerminalProgress() as progress:
            shown = demo.run(progress)
        comparison = shown.comparison.to_string(index=False, float_format=lambda x: f"{x:.2f}")
        print(f"\nAtomic % found beside the truth, chips inside one phase:\n{comparison}\n")
        print("\n".join(shown.result.account()))
        written = demo.save(shown, options.output, overwrite=options.force)
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
