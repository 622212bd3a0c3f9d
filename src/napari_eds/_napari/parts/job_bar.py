"""Work that a page of the regions dock runs: one piece at a time, with progress and Cancel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from magicgui.widgets import ProgressBar, PushButton
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_eds._napari.parts.jobs import Job, notify
from napari_eds._support.progress import Progress


class JobRow(QWidget):
    """Progress bar with a button; empty while nothing runs.

    Attributes
    ----------
    changed : Signal
        Work began, or ended in whatever way.
    cancelled : Signal
        The user left the work.
    """

    changed = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._answer: Callable[[Any], None] | None = None
        self._failure: Callable[[Exception], None] = notify
        self.progress = ProgressBar()
        self.cancel = PushButton(
            text="Cancel", tooltip="Leave the running work; nothing is changed (Esc)"
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.progress.native, 1)
        row.addWidget(self.cancel.native)
        # The room is kept, so that fields do not jump under the pointer.
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.hide()
        self.cancel.changed.connect(self.leave)
        running: list[Job] = []
        self._running = running
        # Needs no `self`, which is gone when Qt calls this.
        self.destroyed.connect(partial(_cancel, running))

    def __bool__(self) -> bool:
        return self._job is not None

    def run(
        self,
        function: Callable[[Progress], Any],
        answer: Callable[[Any], None],
        what: str,
        failure: Callable[[Exception], None] = notify,
    ) -> None:
        """Run a function in a thread, in place of what is running.

        `answer` gets what it returns and `failure` what it raises, in the window's thread. Work
        left for other work, or cancelled, is never answered.
        """
        self._drop()
        job = Job(function)
        job.progressed.connect(self._on_progress)
        job.returned.connect(self._on_returned)
        job.failed.connect(self._on_failed)
        self._job, self._answer, self._failure = job, answer, failure
        self._running[:] = [job]
        self._on_progress(0, 0, what)
        self.show()
        job.start()
        self.changed.emit()

    def leave(self) -> None:
        """Cancel what is running, as the button does."""
        if self._job is not None:
            self._end()
            self.cancelled.emit()

    def drop(self) -> None:
        """Leave what is running because its answer is not wanted any more."""
        if self._job is not None:
            self._end()

    def _drop(self) -> None:
        """Hear no more of the running work."""
        job, self._job, self._answer = self._job, None, None
        if job is not None:
            job.progressed.disconnect(self._on_progress)
            job.returned.disconnect(self._on_returned)
            job.failed.disconnect(self._on_failed)
            job.cancel()

    def _end(self) -> None:
        self._drop()
        self.hide()
        self.changed.emit()

    def _on_progress(self, done: int, total: int, what: str) -> None:
        busy = done in (0, total)
        # A range of nothing makes the bar run to and fro.
        self.progress.max = 0 if busy else total
        self.progress.value = 0 if busy else done
        self.progress.native.setFormat(what if busy else f"{what}: {done} of {total}")
        self.progress.tooltip = what

    def _on_returned(self, value: Any) -> None:
        answer = self._answer
        self._end()
        if answer is not None:
            answer(value)

    def _on_failed(self, error: Exception) -> None:
        failure = self._failure
        self._end()
        failure(error)


def _cancel(jobs: list[Job], *_: Any) -> None:
    for job in jobs:
        job.cancel()
