"""How long work tells how far it is, and how it is left before its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

#: Called with (done, total, what); it may raise to cancel.
Progress = Callable[[int, int, str], None]

#: Called now and then by work that can be left; it raises to leave it.
Check = Callable[[], None]

#: Pause between looks at the flag while a library works.
_PAUSE_s = 0.1
#: What tells progress is not asked more often than this whether to go on.
_LEAST_s = 0.2

_check: ContextVar[Check | None] = ContextVar("check", default=None)
_progress: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def cancellable(check: Check | None) -> Iterator[None]:
    """Have `check` called by whatever is done within, in this thread, at least once a second.

    None leaves it to whoever checks already.
    """
    if check is None:
        yield
        return
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


@contextmanager
def telling(progress: Progress | None) -> Iterator[None]:
    """Have every step that begins within told to `progress`, which may leave it as `check` may.

    None leaves it to whoever is told already.
    """
    if progress is None:
        yield
        return
    told, check = _Told(progress), _check.get()

    def both() -> None:
        if check is not None:
            check()
        told.again()

    tokens = _progress.set(told), _check.set(both)
    try:
        yield
    finally:
        _progress.reset(tokens[0])
        _check.reset(tokens[1])


def begin(what: str) -> None:
    """Say what begins now, to the progress of the surrounding `telling`; leave if wanted."""
    tell(0, 0, what)


def tell(done: int, total: int, what: str) -> None:
    """Say how far something is, to the progress of the surrounding `telling`; leave if wanted."""
    check_cancelled()
    progress = _progress.get()
    if progress is not None:
        progress(done, total, what)


def tells_steps(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a function, whose keyword `progress` is given or None, run within `telling` it."""

    @wraps(function)
    def within(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with telling(kwargs.get("progress")):  # type: ignore[arg-type]
            return function(*args, **kwargs)

    return within


def leavable(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Call a function of a library that looks at no flag, so that it can be left all the same.

    Where somebody may want to leave, it runs in a thread of its own, which is left to its end
    when that happens; its result is not waited for then.
    """
    if _check.get() is None:
        return function(*args, **kwargs)
    returned: list[Result] = []
    raised: list[BaseException] = []
    context: Any = copy_context()

    def run() -> None:
        try:
            returned.append(context.run(function, *args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised again by who called
            raised.append(error)

    thread = threading.Thread(target=run, name="napari-eds library", daemon=True)
    thread.start()
    while thread.is_alive():
        check_cancelled()
        thread.join(_PAUSE_s)
    if raised:
        raise raised[0]
    return returned[0]


class _Told:
    """Progress that can be told again what it was told last."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last: tuple[int, int, str] | None = None
        self._when = time.monotonic()

    def __call__(self, done: int, total: int, what: str) -> None:
        self._last, self._when = (done, total, what), time.monotonic()
        self._progress(done, total, what)

    def again(self) -> None:
        if self._last is not None and time.monotonic() > self._when + _LEAST_s:
            self(*self._last)
