"""What the command says while it works: less, more, and into a file."""

from __future__ import annotations

import argparse
import logging
import platform
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from io import TextIOBase
from pathlib import Path
from typing import TextIO

from napari_eds._support.outputs import check_files
from napari_eds._version import __version__
from napari_eds.cli.outputs import LOG, inputs_of

#: What holds unless it is said before the command or after it.
DEFAULTS = {"verbose": False, "quiet": False, "log": None, "force": False}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has, which may also stand before it."""
    common = parser.add_argument_group("options of every command")
    loudness = common.add_mutually_exclusive_group()
    loudness.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=argparse.SUPPRESS,
        help="say also what is done, and where errors are",
    )
    loudness.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="say nothing but errors and what was asked for",
    )
    common.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="write what -v says into a file",
    )
    common.add_argument(
        "--force",
        action="store_true",
        default=argparse.SUPPRESS,
        help="replace outputs that are there; inputs and raw data never are",
    )


@contextmanager
def talking(options: argparse.Namespace) -> Iterator[None]:
    """Say inside as much as the options want.

    Raises
    ------
    OutputError
        If the log would replace a file.
    """
    before = LOG.level, LOG.propagate
    with ExitStack() as stack:
        LOG.setLevel(logging.DEBUG)
        LOG.propagate = False
        stack.callback(_restore, *before)
        loudness = logging.WARNING
        if options.verbose or options.quiet:
            loudness = logging.DEBUG if options.verbose else logging.ERROR
        stack.enter_context(_handler(sys.stderr, loudness, "napari-eds: "))
        log: TextIO | None = None
        if options.log is not None:
            check_files([options.log], overwrite=options.force, inputs=inputs_of(options))
            mode = "w" if options.force else "x"
            log = stack.enter_context(options.log.open(mode, encoding="utf-8"))
            stack.enter_context(_handler(log, logging.DEBUG, "%(asctime)s %(levelname)s "))
        # Only where results are files is there something not to say.
        silent = options.quiet and getattr(options, "output", None) is not None
        if silent or log is not None:
            stack.enter_context(redirect_stdout(_Tee(None if silent else sys.stdout, log)))
        stack.enter_context(_warnings_as_lines())
        LOG.debug("napari-eds %s, Python %s", __version__, platform.python_version())
        given = {name: value for name, value in vars(options).items() if value and name != "run"}
        LOG.debug("%s", ", ".join(f"{name} {value}" for name, value in given.items()))
        start = time.monotonic()
        try:
            yield
        finally:
            LOG.debug("took %.1f s", time.monotonic() - start)


def _restore(level: int, propagate: bool) -> None:  # noqa: FBT001 - as it was read
    LOG.setLevel(level)
    LOG.propagate = propagate


@contextmanager
def _handler(stream: TextIO, level: int, beginning: str) -> Iterator[None]:
    handler = _Handler(stream)
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter(f"{beginning}%(message)s"))
    LOG.addHandler(handler)
    try:
        yield
    finally:
        LOG.removeHandler(handler)


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Say warnings for users as errors are; those for developers only with -v or in the log."""

    def show(message: Warning | str, category: type[Warning], *_: object) -> None:
        level = logging.WARNING if category is UserWarning else logging.DEBUG
        LOG.log(level, "%s", message)

    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]
        yield


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that keeps quiet where its stream is closed or full."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing: there is nowhere to tell it."""


class _Tee(TextIOBase):
    """Standard output that also goes into the log, or only there."""

    def __init__(self, shown: TextIO | None, log: TextIO | None) -> None:
        self._shown, self._log = shown, log

    def write(self, text: str) -> int:
        for stream in (self._shown, self._log):
            if stream is not None:
                stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in (self._shown, self._log):
            if stream is not None:
                stream.flush()

    def writable(self) -> bool:
        return True
