"""The command ``napari-eds quantify``: a table of compositions, with maps and a session."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_eds.cli.options import TABLE, add_ome_option
from napari_eds.cli.outputs import writing
from napari_eds.cli.recipe_options import add_run_options
from napari_eds.cli.run import report, run
from napari_eds.cli.usage import UsageError

#: Value of ``--session`` without a path.
_BESIDE = Path("beside the map")


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
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
        const=_BESIDE,
        metavar="PATH",
        help="save a session, from which the run can be repeated; beside the map without PATH",
    )
    quantify.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from napari_eds.exchange.session import save_session
    from napari_eds.quantification.saving.results import TABLES, csv_files, save_maps

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
    if path is None or path == _BESIDE:
        return None if path is None else beside(options.file)
    if path.is_dir():
        return path / beside(options.file).name
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"--session {path}: a session ends in {SUFFIX}; {path} would not")
    return path
