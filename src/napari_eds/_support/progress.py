"""How long work tells how far it is, and how it is left before its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Called with (done, total, what); it may raise to cancel.
Progress = Callable[[int, int, str], None]

#: Called now and then by work that can be left; it raises to leave it.
Check = Callable[[], None]

_check: ContextVar[Check | None] = ContextVar("check", default=None)


@contextmanager
def cancellable(check: Check | None) -> Iterator[None]:
    """Have `check` called by whatever is done within, in this thread, at least once a second."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def check_cancelled() -> None:
    """Leave the work here if that is wanted: call the check of the surrounding `cancellable`."""
    check = _check.get()
    if check is not None:
        check()
