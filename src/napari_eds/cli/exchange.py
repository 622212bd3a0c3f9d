"""Commands for single pixels, few-shot programs and sessions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_eds._support.outputs import protected
from napari_eds.cli.options import (
    TABLE,
    add_map_options,
    add_ome_option,
    add_recipe_options,
    add_run_options,
    recipe_from,
)
from napari_eds.cli.outputs import LOG, inputs_of, writing
from napari_eds.cli.run import TerminalProgress, load_map, report, run, warn_of_left_out
from napari_eds.cli.usage import UsageError, bad_options
from napari_eds.errors import EDSError

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
        "--picture", metavar="HAADF", help="name of an image of the file; the X-ray counts without"
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
    from napari_eds.quantification.kernels import Kernel, Shape
    from napari_eds.quantification.pixels import pixel_maps, recommended_kernel
    from napari_eds.quantification.remarks import left_out

    shape: Shape = "gaussian" if options.gaussian else "mean"
    with bad_options():
        asked = None if options.kernel is None else Kernel(shape, *_size(options.kernel))
    with writing(options, folders=[options.output]):
        recipe, image = recipe_from(options), load_map(options)
        kernel = asked or recommended_kernel(image, recipe, shape=shape)
        with TerminalProgress() as progress:
            maps = pixel_maps(image, recipe, kernel=kernel, progress=progress)
        for remark in left_out(maps.preparation, image.acquisition):
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

    check_target(options.output, overwrite=options.force, inputs=inputs_of(options))
    with protected(inputs_of(options)):
        _write_few_shot(options)


def _write_few_shot(options: argparse.Namespace) -> None:
    from napari_eds.few_shot.export import export_few_shot

    result = run(options)
    picture = None
    if options.picture is not None:
        pictures = {p.name: p.data for p in result.image.images if p.fits(result.image.shape)}
        if options.picture not in pictures:
            raise EDSError(
                f"the file has no image {options.picture!r} of the map's pixels; it has "
                f"{', '.join(pictures) or 'none'}"
            )
        picture = pictures[options.picture]
    with TerminalProgress() as progress:
        folder = export_few_shot(
            options.output, result, picture=picture, overwrite=options.force, progress=progress
        )
    print("\n".join(report(result)))
    print(f"Saved {len(result.table)} chips in {folder}")


def _repeat(options: argparse.Namespace) -> None:
    from napari_eds.exchange.session import load_session, repeat
    from napari_eds.quantification.saving import csv_files
    from napari_eds.readers.reading import load

    with writing(options, csv_files(options.output)):
        session, image = load_session(options.session), load(options.map)
        with TerminalProgress() as progress:
            result = repeat(session, image, check_file=not options.any_file, progress=progress)
        warn_of_left_out(result)
        print("\n".join(report(result)))
        written = result.to_csv(options.output, overwrite=options.force)
    print(f"Saved {', '.join(map(str, written))}")
