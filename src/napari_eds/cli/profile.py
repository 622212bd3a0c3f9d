"""The command ``napari-eds profile``: compositions along lines over a map."""

from __future__ import annotations

import argparse
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds.cli.options import add_map_options
from napari_eds.cli.outputs import LOG, forced, writing
from napari_eds.cli.recipe_options import add_recipe_options, recipe_and_map
from napari_eds.cli.run import TerminalProgress, warn_of_left_out
from napari_eds.cli.usage import UsageError, bad_options, positive

if TYPE_CHECKING:
    from napari_eds.labels.along_lines import Line
    from napari_eds.quantification.profiles.interfaces import Interface
    from napari_eds.quantification.profiles.lines import LineProfile
    from napari_eds.spectra.spectrum_image import SpectrumImage


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    profile = commands.add_parser(
        "profile", help="composition along lines, with errors; place and width of an interface"
    )
    add_map_options(profile)
    add_recipe_options(profile)
    _add_line_options(profile)
    profile.add_argument(
        "--interface",
        action="append",
        default=[],
        metavar="La",
        help="fit an error function to this element along every line; can be repeated",
    )
    profile.add_argument(
        "--quantity",
        choices=("at_pct", "wt_pct", "intensity", "counts"),
        default="at_pct",
        help="what --figure and --interface are of",
    )
    profile.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="CSV",
        help="table with a row per bin; its recipe is saved beside it",
    )
    profile.add_argument(
        "--figure", type=Path, metavar="PNG", help="save a figure (PNG, PDF, SVG)"
    )
    profile.set_defaults(run=run)


def _add_line_options(profile: argparse.ArgumentParser) -> None:
    profile.add_argument(
        "--from",
        dest="starts",
        action="append",
        required=True,
        metavar="R,C",
        help="where a line begins: row,column in pixels (10,20), or in nm (2.5,5nm), from the "
        "centre of the first pixel; can be repeated, each with its --to",
    )
    profile.add_argument(
        "--to", dest="ends", action="append", required=True, metavar="R,C", help="where it ends"
    )
    profile.add_argument(
        "--width", default="1", metavar="W", help="full width of the lines: 20 (pixels) or 5nm"
    )
    lengths = profile.add_mutually_exclusive_group()
    lengths.add_argument(
        "--bin",
        metavar="L",
        help="length of a bin: 2 (pixels) or 0.5nm; by default as long as --error needs",
    )
    lengths.add_argument(
        "--error",
        type=positive,
        metavar="AT_PCT",
        help="error of major elements in a bin, from counting, in at.%%: 2 unless given",
    )


def run(options: argparse.Namespace) -> None:
    """Quantify along the lines, print what came out, and save it."""
    from napari_eds._support.figures import figure_format
    from napari_eds.quantification.profiles.lines import profile_files, save_profiles

    if len(options.starts) != len(options.ends):
        raise UsageError(
            f"{len(options.starts)} --from and {len(options.ends)} --to: each line needs both"
        )
    files = profile_files(options.output)
    if options.figure is not None:
        with bad_options():
            figure_format(options.figure)
        files.append(options.figure)
    with writing(options, files, table=options.output):
        profiles = _profiles(options)
        found = _interfaces(options, profiles)
        print("\n".join(_report(profiles, found)))
        written = save_profiles(profiles, options.output, overwrite=forced(options))
        if options.figure is not None:
            written.append(_save_figure(options, profiles, found))
    print(f"Saved {', '.join(map(str, written))}")


def _profiles(options: argparse.Namespace) -> list[LineProfile]:
    from napari_eds.quantification.advice import WANTED_ERROR_AT_PCT
    from napari_eds.quantification.profiles.lines import line_profile

    recipe, image = recipe_and_map(options)
    error = WANTED_ERROR_AT_PCT if options.error is None else options.error
    length = None if options.bin is None else _length(options.bin, "--bin", image)
    with TerminalProgress() as progress:
        ways: dict[str, Any] = {"bin_px": length, "error_at_pct": error, "progress": progress}
        lines = _lines(options, image)
        profiles = [line_profile(image, line, recipe, **ways) for line in lines]
    for profile in profiles:
        for remark in profile.remarks:
            LOG.warning("%s", remark)
        warn_of_left_out(profile.result)
    return profiles


def _lines(options: argparse.Namespace, image: SpectrumImage) -> list[Line]:
    import numpy as np

    from napari_eds.labels.along_lines import Line
    from napari_eds.quantification.profiles.lines import named

    width = _length(options.width, "--width", image)
    ends = [
        (_point(start, "--from", image), _point(end, "--to", image))
        for start, end in zip(options.starts, options.ends, strict=True)
    ]
    return named(Line(np.array(points), width) for points in ends)


def _point(text: str, option: str, image: SpectrumImage) -> Any:
    """Read ``10,20`` or ``2.5,5nm``."""
    from napari_eds.labels.along_lines import points_from
    from napari_eds.spectra.axes import NM_PER_UNIT

    unit = "nm" if text.strip().endswith("nm") else "px"
    parts = text.strip().removesuffix("nm").replace("nm,", ",").split(",")
    try:
        row, column = (float(part) for part in parts)
    except ValueError:
        raise UsageError(
            f"{option} takes a row and a column such as 10,20 or 2.5,5nm, not {text!r}"
        ) from None
    in_nm = NM_PER_UNIT.get(image.pixel_unit, float("nan"))
    size = (image.pixel_size[0] * in_nm, image.pixel_size[1] * in_nm)
    return points_from([(row, column)], unit, size)[0]


def _length(text: str, option: str, image: SpectrumImage) -> float:
    """Read ``20`` or ``5nm`` as a number of pixels."""
    unit = "nm" if text.strip().endswith("nm") else "px"
    try:
        value = float(text.strip().removesuffix("nm").removesuffix("px"))
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UsageError(f"{option} takes a length such as 20 or 5nm, not {text!r}")
    if unit == "px":
        return value
    nm = image.pixel_side_nm
    if isnan(nm):
        raise UsageError(f"{option}: the pixels of this map have no length; give it in pixels")
    return value / nm


def _interfaces(
    options: argparse.Namespace, profiles: list[LineProfile]
) -> list[tuple[int, str, Interface]]:
    """Fit what is asked for; a line without an interface is told, and no reason to stop."""
    from napari_eds.errors import EDSError

    found = []
    for i, profile in enumerate(profiles):
        for element in options.interface:
            if element not in profile.elements:
                raise UsageError(
                    f"--interface: {element} is not quantified; there are "
                    f"{', '.join(profile.elements)}"
                )
            try:
                found.append((i, element, profile.interface(element, options.quantity)))
            except EDSError as error:
                LOG.warning("%s, %s: %s", profile.line.name, element, error)
    return found


def _report(profiles: list[LineProfile], found: list[tuple[int, str, Interface]]) -> list[str]:
    lines = []
    for i, profile in enumerate(profiles):
        length = profile.distances[-1] - profile.distances[0]
        lines.append(
            f"{profile.line.name}: {len(profile.result.table)} bins of {profile.bin_px:.3g} px "
            f"over {length:.4g} {profile.unit}"
        )
        lines += [f"  {e}: {interface}" for place, e, interface in found if place == i]
    return lines + profiles[0].result.account()


def _save_figure(
    options: argparse.Namespace,
    profiles: list[LineProfile],
    found: list[tuple[int, str, Interface]],
) -> Path:
    from napari_eds._support import figures
    from napari_eds.quantification.profiles.figure import draw_profiles

    figure = draw_profiles(profiles, options.quantity, interfaces=found)
    return figures.save_figure(figure, options.figure, dpi=figures.DPI, overwrite=forced(options))
