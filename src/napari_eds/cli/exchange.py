"""Commands for single pixels, few-shot programs and sessions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_eds._support.numbers import counted
from napari_eds.cli.classes import add_support_options, support_from
from napari_eds.cli.options import TABLE, add_map_options, add_ome_option
from napari_eds.cli.outputs import LOG, inputs_of, writing
from napari_eds.cli.recipe_options import add_recipe_options, add_run_options, recipe_and_map
from napari_eds.cli.run import TerminalProgress, report, run
from napari_eds.cli.usage import UsageError, at_least_1, bad_options, number

_FOLDER = "folder, empty or not there yet, for the files of this run"


def add_parsers(commands: Any) -> None:
    """Add the commands."""
    _add_pixel_maps(commands)
    _add_few_shot(commands)
    _add_repeat(commands)


def _add_pixel_maps(commands: Any) -> None:
    pixels = commands.add_parser(
        "pixel-maps", help="at.%% maps of every pixel, averaged with its neighbours"
    )
    add_map_options(pixels)
    add_recipe_options(pixels)
    pixels.add_argument(
        "--kernel",
        metavar="5px",
        help="side of the square, or with --gaussian the full width at half maximum, in px or nm: "
        "5px, 12nm; chosen from the counts without it",
    )
    pixels.add_argument("--gaussian", action="store_true", help="nearer pixels weigh more")
    pixels.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help=_FOLDER)
    add_ome_option(pixels)
    pixels.set_defaults(run=_pixel_maps)


def _add_few_shot(commands: Any) -> None:
    few_shot = commands.add_parser(
        "few-shot", help="chips, spectra and compositions in the form few-shot programs read"
    )
    add_run_options(few_shot)
    few_shot.add_argument(
        "--picture",
        metavar="HAADF",
        help="image of the file to cut into chips, by name, or 'counts' for the X-ray counts; its "
        "first one on the map's pixels without",
    )
    few_shot.add_argument(
        "--colormap",
        default="viridis",
        metavar="NAME",
        help="colours of the chips for pychip_gui (default: viridis, as it makes its own); gray",
    )
    few_shot.add_argument(
        "--map", action="store_true", help="write map.npy, too: dense, it can take gigabytes"
    )
    few_shot.add_argument(
        "--rebin",
        type=at_least_1,
        default=1,
        metavar="N",
        help="sum N channels in spectra and map",
    )
    few_shot.add_argument(
        "--export-range",
        nargs=2,
        type=number,
        metavar=("LOW", "HIGH"),
        help="channels in spectra and map, in keV",
    )
    add_support_options(few_shot)
    few_shot.add_argument(
        "--csv",
        type=Path,
        metavar="CSV",
        help="save the table as 'quantify' does",
    )
    few_shot.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help=_FOLDER)
    few_shot.set_defaults(run=_few_shot)


def _add_repeat(commands: Any) -> None:
    again = commands.add_parser("repeat", help="repeat the run of a session file on its map")
    again.add_argument("session", type=Path, metavar="SESSION", help="file of a session")
    again.add_argument("map", type=Path, help="the map the session was made from")
    again.add_argument(
        "--any-file",
        action="store_true",
        help="take a file that was saved anew, as long as its counts are the same",
    )
    again.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="CSV",
        help=TABLE,
    )
    again.set_defaults(run=_repeat)


def _pixel_maps(options: argparse.Namespace) -> None:
    from napari_eds.quantification.pixels.kernels import Kernel, Shape
    from napari_eds.quantification.pixels.maps import pixel_maps, recommended_kernel
    from napari_eds.quantification.remarks.of_map import left_out

    shape: Shape = "gaussian" if options.gaussian else "mean"
    with bad_options():
        asked = None if options.kernel is None else Kernel(shape, *_size(options.kernel))
    with writing(options, folders=[options.output]):
        recipe, image = recipe_and_map(options)
        kernel = asked or recommended_kernel(image, recipe, shape=shape)
        with TerminalProgress() as progress:
            maps = pixel_maps(image, recipe, kernel=kernel, progress=progress)
        for remark in left_out(maps.preparation, recipe, image.acquisition):
            LOG.warning("all pixels: %s", remark)
        print("\n".join(maps.account()))
        written = maps.save(options.output, ome_tiff=options.ome_tiff, overwrite=options.force)
    print(f"Saved {len(written)} files in {options.output}")


def _size(text: str) -> tuple[float, Any]:
    """Read a length such as ``5px`` or ``12 nm``."""
    for unit in ("px", "nm"):
        number = text.strip().removesuffix(unit)
        if number != text.strip():
            try:
                return float(number), unit
            except ValueError:
                break
    raise UsageError(f"--kernel takes a length such as 5px or 12nm, not {text!r}")


def _few_shot(options: argparse.Namespace) -> None:
    from napari_eds.few_shot.export import check_target
    from napari_eds.quantification.saving.results import TABLES, csv_files

    check_target(options.output, overwrite=options.force, inputs=inputs_of(options))
    files = [] if options.csv is None else csv_files(options.csv)
    with writing(options, files, table=options.csv, endings=TABLES):
        _write_few_shot(options)


def _write_few_shot(options: argparse.Namespace) -> None:
    from napari_eds.few_shot.export import export_few_shot
    from napari_eds.few_shot.folder import FewShotFormat
    from napari_eds.labels.rule import picture_of

    settings = FewShotFormat(
        rebin=options.rebin,
        energy_range_keV=options.export_range and tuple(options.export_range),
        save_map=options.map,
        pychip_colormap=options.colormap,
    )
    result = run(options, is_reported=True)
    named = options.picture is not None
    with TerminalProgress() as progress:
        folder = export_few_shot(
            options.output,
            result,
            picture=picture_of(options.picture, result.image) if named else None,
            support=support_from(options, result),
            settings=settings,
            overwrite=options.force,
            progress=progress,
        )
    written = [] if options.csv is None else result.to_csv(options.csv, overwrite=options.force)
    print("\n".join(report(result)))
    chips = counted(len(result.table), "few-shot chip")
    print(f"Saved {chips} in {folder}{''.join(f', {path}' for path in written)}")


def _repeat(options: argparse.Namespace) -> None:
    from napari_eds.exchange.session import load_session, repeat
    from napari_eds.quantification.saving.results import TABLES, csv_files

    files = csv_files(options.output)
    with writing(options, files, table=options.output, endings=TABLES):
        session = load_session(options.session)
        with TerminalProgress() as progress:
            result = repeat(
                session, options.map, check_file=not options.any_file, progress=progress
            )
        print("\n".join(report(result)))
        written = result.to_csv(options.output, overwrite=options.force)
    print(f"Saved {', '.join(map(str, written))}")
