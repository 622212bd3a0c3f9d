"""The command ``napari-eds frames``: compositions of labels frame by frame."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.options import part_from, regions_from
from napari_eds.cli.outputs import forced, writing
from napari_eds.cli.recipe_options import add_run_options, recipe_and_map
from napari_eds.cli.run import TerminalProgress, warn_of_left_out
from napari_eds.cli.usage import UsageError, at_least_1

if TYPE_CHECKING:
    from napari_eds.quantification.frames.series import FrameResult
    from napari_eds.spectra.drift import Drift


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    frames = commands.add_parser(
        "frames", help="follow compositions over the frames of a map: loss, drift, dose"
    )
    add_run_options(frames)
    frames.add_argument(
        "--every",
        type=at_least_1,
        default=1,
        metavar="N",
        help="sum so many frames into one, where counts are few",
    )
    frames.add_argument(
        "--align",
        default="no",
        metavar="BY",
        help="take out drift by whole pixels: 'counts', 'images', or the name of an image of the "
        "file; 'no' leaves frames as they are",
    )
    frames.add_argument(
        "--against",
        choices=("frame", "time", "dose"),
        default="frame",
        help="what is extrapolated to 0, and drawn against",
    )
    frames.add_argument(
        "-o", "--output", type=Path, required=True, metavar="CSV", help="table of all frames"
    )
    frames.add_argument("--figure", type=Path, metavar="PNG", help="save a figure (PNG, PDF, SVG)")
    frames.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds._support.figures import figure_format
    from napari_eds.quantification.frames.series import csv_files

    figures = [] if options.figure is None else [options.figure]
    for path in figures:
        figure_format(path)
    files = [*csv_files(options.output), *figures]
    with writing(options, files, table=options.output):
        result = _quantify(options)
        print("\n".join([*_report(result, options.against), *result.account()]))
        force = forced(options)
        written = result.to_csv(options.output, against=options.against, overwrite=force)
        for path in figures:
            written.append(result.save_figure(path, options.against, overwrite=force))
    print(f"Saved {', '.join(map(str, written))}")


def _quantify(options: argparse.Namespace) -> FrameResult:
    from napari_eds.quantification.frames.series import quantify_frames
    from napari_eds.readers.reading import read_frames
    from napari_eds.spectra.drift import without_drift

    part = part_from(options)
    if part.crop is not None:
        raise UsageError("--crop: frames are read whole; give --labels of the part instead")
    series = without_drift(read_frames(options.file, part=part), options.align, told=_tell)
    recipe, _ = recipe_and_map(options)
    regions = regions_from(options, series.sum())
    with TerminalProgress() as progress:
        result = quantify_frames(series, regions, recipe, every=options.every, progress=progress)
    warn_of_left_out(result.result)
    return result


def _tell(drift: Drift) -> None:
    """Say how far frames are moved."""
    for number, (down, right) in enumerate(drift.shifts_px.tolist(), start=1):
        print(f"frame {number}: off by {down:+.2f} rows, {right:+.2f} columns, by {drift.source}")


def _report(result: FrameResult, against: Any) -> list[str]:
    """Return the test of every label and element, a line each."""
    from napari_eds.labels.chips import CHIP
    from napari_eds.quantification.frames.series import UNITS

    head = ("mean", 8), ("chi2/n", 8), ("p", 10), ("at 0", 8), ("±", 8)
    named = "".join(f"{name:>{width}}" for name, width in head)
    lines = [f"{'label':>6} {CHIP:<10} {'':<6}{named}   changes from"]
    for _, row in result.changes(against).iterrows():
        onset = f"{row['onset']:.4g}" if row["changes"] else "-"
        per_degree = row["chi_squared"] / max(row["degrees"], 1)
        lines.append(
            f"{row['label']:>6} {row[CHIP]!s:<10.10} {row['element']:<6}{row['mean']:8.4g}"
            f"{per_degree:8.2f}{row['p_value']:10.2g}{row['at_zero']:8.4g}"
            f"{row['at_zero_error']:8.2g}   {onset}"
        )
    return [
        *lines,
        f"at.%, rho_t in kg/m²; at 0 of {UNITS[against]} by a straight line, errors of counting.",
    ]
