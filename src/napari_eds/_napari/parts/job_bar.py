"""One piece of work at a time: what runs in a thread, how far it is, Cancel, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from napari_eds._napari.parts.jobs import Job, cancel_with, notify
from napari_eds._napari.parts.reasons import lacking, offer
from napari_eds._support.progress import Progress

#: Height of a bar that has nothing to say: its words stand above or below it.
_SLIM_PX = 16


class OneJob(QObject):
    """Runs one function at a time in a thread; it is true while one runs.

    Work that replaces what runs can be replaced itself: it counts as left at once, while its
    thread ends by itself. Other work runs until its thread has ended, also after it was left, so
    that two never run side by side. Nothing is answered once this object is destroyed.

    Attributes
    ----------
    changed : Signal
        Work began, or ended in whatever way, after its answer was given.
    progressed : Signal
        Carries how much is done, of how much, and of what.
    left : Signal
        The user asked to leave the work.
    cancelled : Signal
        Work that the user left has ended.
    """

    changed = Signal()
    progressed = Signal(int, int, str)
    left = Signal()
    cancelled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._answer: Callable[[Any], None] | None = None
        self._failure: Callable[[Exception], None] = notify
        self._replaceable = self._was_left = False
        self._running: list[Job] = []
        cancel_with(self, self._running)

    def __bool__(self) -> bool:
        return self._job is not None

    def run(
        self,
        what: str,
        function: Callable[[Progress], Any],
        answer: Callable[[Any], None],
        *,
        replaces: bool,
        failure: Callable[[Exception], None] = notify,
    ) -> bool:
        """Run a function in a thread and return whether it was started.

        Parameters
        ----------
        what : str
            What is told until the function reports progress itself.
        function : callable
            Gets the callback for progress, which raises once the work was left.
        answer, failure : callable
            Get what the function returns or raises, in the window's thread. Work that was left
            or replaced is never answered.
        replaces : bool
            Whether the work takes the place of what is running; else it is not started beside it.
        """
        if self._job is not None and not replaces:
            return False
        self._forget()
        job = Job(function)
        job.progressed.connect(self.progressed)
        job.returned.connect(self._on_returned)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)
        self._job, self._answer, self._failure = job, answer, failure
        self._replaceable = replaces
        self._running.append(job)
        self.changed.emit()
        self.progressed.emit(0, 0, what)
        job.start()
        return True

    def leave(self) -> None:
        """Cancel what is running, as the user asks."""
        if self._job is not None:
            self._was_left = True
            self.left.emit()
            self._cancel()

    def drop(self) -> None:
        """Cancel what is running because its answer is not wanted any more."""
        if self._job is not None:
            self._cancel()

    def _cancel(self) -> None:
        if self._replaceable:
            self._on_cancelled()
        elif self._job is not None:
            self._job.cancel()

    def _forget(self) -> None:
        """Hear no more of the running work."""
        job, self._job, self._answer = self._job, None, None
        self._was_left = False
        self._running.clear()
        if job is not None:
            job.progressed.disconnect(self.progressed)
            job.returned.disconnect(self._on_returned)
            job.failed.disconnect(self._on_failed)
            job.cancelled.disconnect(self._on_cancelled)
            job.cancel()

    def _on_returned(self, value: Any) -> None:
        answer = self._answer
        self._forget()
        try:
            if answer is not None:
                answer(value)
        finally:
            self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        failure = self._failure
        self._forget()
        try:
            failure(error)
        finally:
            self.changed.emit()

    def _on_cancelled(self) -> None:
        was_left = self._was_left
        self._forget()
        if was_left:
            self.cancelled.emit()
        self.changed.emit()


def counted(what: str, done: int, total: int) -> str:
    """Return what is going on, with numbers where something is counted."""
    return f"{what}: {done} of {total}" if _is_counted(done, total) else what


def going_on(what: str, _done: int, _total: int) -> str:
    """Return what is going on, where the bar beside it tells how far it is."""
    return f"{what}…"


def silent(_what: str, _done: int, _total: int) -> str:
    """Return nothing, where others tell what is going on."""
    return ""


class JobBar(QWidget):
    """Progress bar with Cancel around one job at a time; true while there is work.

    Parameters
    ----------
    job : OneJob, optional
        Work that is shown, if others run it, too.
    text : QLabel, optional
        Tells what is going on, laid out by whoever gives it. Without one the bar tells it, and
        keeps its room while nothing runs, so that fields do not jump under the pointer.
    words : callable
        Makes that text of what is done, how much of it, and of how much.
    cancel : QPushButton, optional
        Button to leave the work, laid out by whoever gives it, and always in sight.

    Attributes
    ----------
    changed, cancelled : Signal
        Those of the job.
    """

    def __init__(
        self,
        job: OneJob | None = None,
        *,
        text: QLabel | None = None,
        words: Callable[[str, int, int], str] = counted,
        cancel: QPushButton | None = None,
    ) -> None:
        super().__init__()
        self.job = OneJob(self) if job is None else job
        self.text = text
        self._words = words
        self._told = ""
        self.changed, self.cancelled = self.job.changed, self.job.cancelled
        self.run, self.leave, self.drop = self.job.run, self.job.leave, self.job.drop
        self.progress = QProgressBar()
        self.cancel = QPushButton("Cancel") if cancel is None else cancel
        self._cancel_is_given = cancel is not None
        self._lay_out()
        self.cancel.clicked.connect(self.job.leave)
        self.job.changed.connect(self._on_changed)
        self.job.progressed.connect(self._on_progress)
        self.job.left.connect(self._on_left)
        self._on_changed()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.progress, 1)
        if not self._cancel_is_given:
            self.cancel.setToolTip("Leave the work that is going on; nothing of it is kept")
            row.addWidget(self.cancel)
        if self.text is not None:
            self.progress.setFixedHeight(_SLIM_PX)
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(self.text is None and self._words is not silent)
        self.setSizePolicy(policy)

    def __bool__(self) -> bool:
        return bool(self.job)

    def say(self, text: str) -> None:
        """Tell what came of the work."""
        if self.text is not None:
            self.text.setText(text)

    def _on_changed(self) -> None:
        running = bool(self.job)
        self.setVisible(running)
        if self._cancel_is_given:
            offer(self.cancel, unless=lacking((running, "Nothing is running.")))
        if not running and self.text is not None and self.text.text() == self._told:
            # Nobody told what came of it: it failed, and a notification says why.
            self.say("")

    def _on_progress(self, done: int, total: int, what: str) -> None:
        is_counted = _is_counted(done, total)
        # Not a range of nothing: the bar would run to and fro, and without a graphics card each
        # of its steps has the canvas drawn anew, which costs more than the work itself.
        self.progress.setRange(0, total if is_counted else 1)
        self.progress.setValue(done if is_counted else 0)
        self._tell(self._words(what, done, total))
        if self.text is None:
            self.progress.setToolTip(what)

    def _on_left(self) -> None:
        self._tell(self._words("cancelling", 0, 0))

    def _tell(self, words: str) -> None:
        self._told = words
        if self.text is None:
            self.progress.setFormat(words)
        else:
            self.say(words)


def _is_counted(done: int, total: int) -> bool:
    return 0 < done < total
