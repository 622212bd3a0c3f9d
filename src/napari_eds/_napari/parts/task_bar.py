"""The foot of a dock that works in a thread: what is going on, how far it is, and Cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.parts.jobs import Job, notify
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._support.progress import Progress

_BAR_HEIGHT_PX = 16


class TaskBar(QWidget):
    """One piece of work at a time, with progress, Cancel and a text of what came of it.

    Attributes
    ----------
    busy_changed : Signal
        Work began or ended.
    """

    busy_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._job: Job | None = None
        self.text = WrappedText(lines=1)
        self.bar = QProgressBar()
        self.bar.setFixedHeight(_BAR_HEIGHT_PX)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Leave the work that is going on; nothing of it is kept")
        self.cancel.clicked.connect(self._on_cancel)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self.text)
        box.addLayout(row)
        self._show_running(running=False)

    @property
    def is_busy(self) -> bool:
        """Whether there is work going on."""
        return self._job is not None

    def run(
        self, what: str, function: Callable[[Progress], Any], answer: Callable[[Any], None]
    ) -> None:
        """Run a function in a thread, unless there is work; `answer` gets what it returns."""
        if self._job is not None:
            return
        job = Job(function)
        self.destroyed.connect(job.cancel)
        job.progressed.connect(self._on_progress)
        job.returned.connect(answer)
        job.failed.connect(notify)
        job.cancelled.connect(self._on_cancelled)
        job.finished.connect(self._on_finished)
        self._job = job
        self._show_running(running=True)
        self._on_progress(0, 0, what)
        self.busy_changed.emit()
        job.start()

    def say(self, text: str, *, details: str = "") -> None:
        """Tell what came of the work, and more of it in the tooltip."""
        self.text.setText(text)
        self.text.setToolTip(details)

    def _on_progress(self, done: int, total: int, what: str) -> None:
        # A range of nothing makes the bar run to and fro.
        self.bar.setRange(0, total if 0 < done < total else 0)
        self.bar.setValue(done)
        self.say(f"{what}…")

    def _on_cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self.say("cancelling…")

    def _on_cancelled(self) -> None:
        self.say("Cancelled.")

    def _on_finished(self) -> None:
        self._job = None
        self._show_running(running=False)
        if self.text.text().endswith("…"):
            # Nobody told what came of it: it failed, and a notification says why.
            self.say("")
        self.busy_changed.emit()

    def _show_running(self, *, running: bool) -> None:
        self.bar.setVisible(running)
        self.cancel.setVisible(running)
