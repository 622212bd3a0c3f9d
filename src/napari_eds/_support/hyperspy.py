"""HyperSpy and eXSpy: imported late, since that takes seconds, and kept quiet."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_import_lock = threading.Lock()


def exspy() -> Any:
    """Return the module eXSpy, importing it and HyperSpy on first use.

    Safe from any thread: the window imports it in the background while a user may already fit.
    """
    with _import_lock, quiet():
        import exspy
        import hyperspy.api  # noqa: F401 - needed by the fit, and part of the waiting time

        return exspy


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
