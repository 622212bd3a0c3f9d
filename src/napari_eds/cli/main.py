"""The command ``napari-eds``: its parser, what ends it, and the commands that open a window."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from napari_eds._support.files import told_of_system
from napari_eds._version import __version__
from napari_eds.cli import (
    batch,
    calibrate,
    classes,
    compare,
    denoise,
    detectors,
    exchange,
    figures,
    find_elements,
    frames,
    info,
    maps,
    profile,
    quantify,
    simulate,
    sizes,
    thickness,
)
from napari_eds.cli.examples import Help, epilog
from napari_eds.cli.interrupts import INTERRUPTS
from napari_eds.cli.options import add_part_options, part_from
from napari_eds.cli.outputs import LOG, writing
from napari_eds.cli.run import TerminalProgress
from napari_eds.cli.talk import DEFAULTS, add_options, talking
from napari_eds.cli.usage import UsageError, in_shell_words
from napari_eds.errors import EDSError


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
        return in_shell_words(told_of_system(error))
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
    info.add_parser(commands)
    find_elements.add_parser(commands)
    quantify.add_parser(commands)
    calibrate.add_parser(commands)
    detectors.add_parser(commands)
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


def _open(options: argparse.Namespace) -> None:
    from napari_eds._napari.window import open_files

    open_files(options.files, part_from(options))


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
