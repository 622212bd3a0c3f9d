"""The command ``napari-eds maps``: maps of any column, of two combined, and overlays."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.outputs import LOG, forced, writing
from napari_eds.cli.recipe_options import add_run_options
from napari_eds.cli.run import run as quantified
from napari_eds.cli.usage import UsageError, bad_options

if TYPE_CHECKING:
    from napari_eds.quantification.combinations import Combined
    from napari_eds.quantification.result import Quantification


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    maps = commands.add_parser(
        "maps", help="maps of columns, of ratios, sums and differences with errors, overlays"
    )
    add_run_options(maps)
    for operation in ("ratio", "sum", "difference"):
        maps.add_argument(
            f"--{operation}",
            nargs=2,
            action="append",
            default=[],
            metavar=("A", "B"),
            help=f"{operation} of two columns, or at.%% of two elements; can be repeated",
        )
    maps.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME",
        help="column of the table, such as Fe_at_pct_error_total; can be repeated",
    )
    maps.add_argument(
        "--figure",
        type=Path,
        metavar="PNG",
        help="save an overlay of at.%% maps in colours (PNG, PDF, SVG)",
    )
    maps.add_argument(
        "--overlay",
        metavar="La,Fe,O",
        help="elements of --figure, each with a colour if wanted: La=#ff0000,Fe",
    )
    maps.add_argument(
        "--csv", type=Path, metavar="CSV", help="save the maximum-pixel spectrum beside the sum"
    )
    maps.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for the maps (TIFF and PNG)"
    )
    maps.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Quantify, and save the maps that are asked for."""
    from napari_eds._support.figures import figure_format

    asked = bool(options.column or options.ratio or options.sum or options.difference)
    if asked != (options.output is not None):
        raise UsageError("-o names the folder for --ratio, --sum, --difference and --column")
    if (options.overlay is None) != (options.figure is None):
        raise UsageError("--overlay names the elements, and --figure the file of their picture")
    files = [path for path in (options.figure, options.csv) if path is not None]
    if not (asked or files):
        raise UsageError("maps needs --ratio, --sum, --difference, --column, --overlay or --csv")
    if options.figure is not None:
        with bad_options():
            figure_format(options.figure)
    folders = [] if options.output is None else [options.output]
    with writing(options, files, folders):
        written = _save(options, quantified(options), asked=asked)
    print(f"Saved {', '.join(map(str, written))}")


def _save(options: argparse.Namespace, result: Quantification, *, asked: bool) -> list[Path]:
    from napari_eds.quantification.saving.columns import save_column_maps
    from napari_eds.spectra.maximum import save_maximum_spectrum
    from napari_eds.spectra.overlays import save_overlay

    force, written = forced(options), []
    if asked:
        combinations = _combinations(options, result)
        for one in combinations:
            print(_told(one))
        columns = [_column(name, result) for name in options.column]
        written += save_column_maps(
            result,
            options.output,
            columns=columns,
            combinations=combinations,
            overwrite=force,
        )
    if options.figure is not None:
        picture = _overlay(options, result)
        print("\n".join(picture.legend()))
        image = result.image
        where = (image.pixel_size, image.pixel_unit)
        written.append(save_overlay(picture, options.figure, *where, overwrite=force))
    if options.csv is not None:
        written.append(save_maximum_spectrum(result.image, options.csv, overwrite=force))
    return written


def _combinations(options: argparse.Namespace, result: Quantification) -> list[Combined]:
    from napari_eds.quantification.combinations import OPERATIONS, combined

    return [
        combined(result, _column(left, result), _column(right, result), operation)
        for operation in OPERATIONS
        for left, right in getattr(options, operation)
    ]


def _column(name: str, result: Quantification) -> str:
    """Return the column that a name means: its own, or that of an element's at.%."""
    from napari_eds.quantification.combinations import numbers_of
    from napari_eds.quantification.statistics import names_of

    column = names_of(result.table, result.elements).get(name, name)
    numbers_of(result, column)
    return column


def _told(one: Combined) -> str:
    import numpy as np

    known = np.isfinite(one.value)
    if not known.any():
        LOG.warning("%s has no value in any label", one.name)
        return f"{one.name}: none"
    errors = one.total[known & np.isfinite(one.total)]
    error = f" ± {np.median(errors):.3g}" if errors.size else ""
    return f"{one.name}: median {np.median(one.value[known]):.4g}{error}; {one.note}"


def _overlay(options: argparse.Namespace, result: Quantification) -> Any:
    from napari_eds.spectra.overlays import overlay

    wanted = [part.strip().partition("=") for part in options.overlay.split(",") if part.strip()]
    unknown = [e for e, _, _ in wanted if e not in result.elements]
    if unknown or not wanted:
        raise UsageError(
            f"--overlay takes quantified elements ({', '.join(result.elements)}), not "
            f"{', '.join(unknown) or 'nothing'}"
        )
    maps = result.maps()
    with bad_options():
        return overlay({e: maps[e] for e, _, _ in wanted}, {e: c for e, _, c in wanted if c})
