"""HyperSpy and eXSpy: imported late, since that takes seconds, and kept quiet."""

from __future__ import annotations

import gc
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_import_lock = threading.Lock()


def exspy() -> Any:
    """Return the module eXSpy, importing it and HyperSpy on first use.

    Safe from any thread: runs of the window are threads of their own.
    """
    with _import_lock, quiet(), _no_collections():
        import exspy
        import hyperspy.api  # noqa: F401 - needed by the fit, and part of the waiting time

        return exspy


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep garbage from being collected, if it is at all.

    An import makes no garbage but a heap that grows; each full collection that sets off would
    stop every thread, that of the window too, for a fifth of a second.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep deprecation notices and hints about speed, meant for developers, from the console."""
    logger = logging.getLogger("hyperspy")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
