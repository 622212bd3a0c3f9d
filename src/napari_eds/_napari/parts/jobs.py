"""Long work in a thread, with progress and cancel, reported to the thread of the window."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
import pint
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QThread, QTimer, Signal

from napari_eds._napari.parts.ending import when_destroyed
from napari_eds._napari.parts.label_look_ups import compile_look_ups
from napari_eds._support.progress import Progress, cancellable, telling
from napari_eds.errors import EDSError

#: Time from one report of the same step to the next. Without a graphics card each has the window
#: put together anew with its canvas, which takes 5 to 15 ms.
_REPORT_EVERY_s = 0.5
#: Pause between steps that share the window's thread: time to draw and to answer the mouse.
_PAUSE_MS = 10
#: Time for the panels to open before modules are imported for later.
_PRELOAD_AFTER_MS = 1500
#: As napari has for labels unless told otherwise, to the type of their texture.
_FEW_COLORS = 50


class Cancelled(Exception):  # noqa: N818 - not an error: the user asked for it
    """Raised inside the work to leave it."""


class Job(QObject):
    """One piece of work in a worker thread; it must be held until it has finished.

    The function gets a progress callback ``(done, total, what)``, which raises `Cancelled` once
    `cancel` was called, as `check_cancelled` does within it. Exactly one of `returned`, `failed`
    and `cancelled` follows `start`, then `finished`; all signals arrive in the thread the job was
    made in.
    """

    progressed = Signal(int, int, str)
    returned = Signal(object)
    failed = Signal(Exception)
    cancelled = Signal()
    finished = Signal()

    def __init__(self, function: Callable[[Progress], Any]) -> None:
        super().__init__()
        self._cancel = threading.Event()
        self._worker = create_worker(
            _Work(function, self, self._cancel), _start_thread=False, _ignore_errors=True
        )
        self._worker.returned.connect(self._on_returned)
        self._worker.errored.connect(self._on_errored)

    def start(self) -> None:
        """Start the work."""
        self._worker.start()

    def cancel(self) -> None:
        """Leave the work where it next looks, and drop a result that comes anyway."""
        self._cancel.set()

    def _on_returned(self, value: Any) -> None:
        if self._cancel.is_set():
            self.cancelled.emit()
        else:
            self.returned.emit(value)
        self.finished.emit()

    def _on_errored(self, error: Exception) -> None:
        if self._cancel.is_set() or isinstance(error, Cancelled):
            self.cancelled.emit()
        else:
            self.failed.emit(error)
        self.finished.emit()


class _Work:
    """What runs in the thread. Workers are never freed, so it must hold neither data nor job."""

    def __init__(
        self, function: Callable[[Progress], Any], job: Job, cancel: threading.Event
    ) -> None:
        self._function: Callable[[Progress], Any] | None = function
        self._job = weakref.ref(job)
        self._cancel = cancel
        self._what, self._when = "", -np.inf

    def __call__(self) -> Any:
        function, self._function = self._function, None
        if function is None:
            return None
        # Whatever checks or tells within is heard, though it be given no callback.
        with telling(self._report), cancellable(self._check):
            return function(self._report)

    def _check(self) -> None:
        if self._job() is None or self._cancel.is_set():
            raise Cancelled

    def _report(self, done: int, total: int, what: str) -> None:
        """Signals cross to the window's thread by themselves."""
        self._check()
        now, job = time.monotonic(), self._job()
        if job is not None and (what != self._what or now > self._when + _REPORT_EVERY_s):
            self._what, self._when = what, now
            job.progressed.emit(done, total, what)


def cancel_with(owner: QObject, running: Collection[Job]) -> None:
    """Cancel the jobs that are in a collection when their owner is destroyed."""

    def cancel() -> None:
        for job in running:
            job.cancel()

    when_destroyed(owner, cancel)


def notify(error: Exception) -> None:
    """Show an error the user can act on as a notification; raise one that is a defect.

    napari turns what is raised in a slot into a notification that holds the traceback.
    """
    if isinstance(error, (EDSError, OSError)):
        show_error(str(error))
    else:
        raise error


def tell_deleted(what: str, meanwhile: str) -> None:
    """Tell that what the answer is for was deleted while the work went on.

    Parameters
    ----------
    what : str
        Such as ``"map"``.
    meanwhile : str
        What went on, such as ``"it was denoised"``.
    """
    show_error(f"The {what} was deleted while {meanwhile}; nothing is shown.")


def one_per_turn(steps: Iterable[Callable[[], object]]) -> None:
    """Run steps one per turn of the event loop, so that the window answers in between.

    Without a running event loop, as in a script, they are run at once. A step that raises is
    reported by napari and the rest is left.
    """
    remaining = iter(steps)
    if not event_loop_runs():
        for step in remaining:
            step()
        return

    def turn() -> None:
        step = next(remaining, None)
        if step is not None:
            step()
            QTimer.singleShot(_PAUSE_MS, turn)

    turn()


def event_loop_runs() -> bool:
    """Whether a window is waiting for events: then nothing may block this thread."""
    thread = QThread.currentThread()
    return thread is not None and thread.loopLevel() > 0


def preload() -> None:
    """Import what a run needs and compile napari's label look-ups in a thread: both take time."""
    # The registry of units is filled at its first use, which is not safe from two threads at once.
    pint.get_application_registry().Unit("pixel")
    # A daemon, so that a window closed meanwhile does not wait for it.
    thread = threading.Thread(target=_preload, name="preload", daemon=True)
    # Imports want the interpreter as much as panels that are being opened do.
    QTimer.singleShot(_PRELOAD_AFTER_MS, lambda: thread.start())  # noqa: PLW0108 - holds the thread


def _preload() -> None:
    import skimage.color

    import napari_eds.quantification.run  # noqa: F401 - for what it imports

    skimage.color.lab2rgb  # noqa: B018 - imported when it is first asked for
    with contextlib.suppress(ImportError):
        import xarray  # noqa: F401 - napari imports it with the first layer, where it is installed
    compile_look_ups(_FEW_COLORS, np.dtype(np.int32))
