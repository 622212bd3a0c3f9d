"""Work in threads for a dock that may be closed before an answer comes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from qtpy.QtCore import QObject

from napari_eds._napari.parts.jobs import Job, cancel_with, notify


class Jobs:
    """Work that is running, by what it is for.

    Work for the same thing replaces what is running; the answer to that is dropped, as are all
    answers once `owner` is destroyed.
    """

    def __init__(self, owner: QObject) -> None:
        running: dict[Hashable, Job] = {}
        self._running = running
        cancel_with(owner, running.values())

    def __contains__(self, key: Hashable) -> bool:
        return key in self._running

    def __bool__(self) -> bool:
        return bool(self._running)

    def run(
        self, key: Hashable, function: Callable[[], Any], answer: Callable[[Any], None]
    ) -> None:
        """Run a function in a thread; `answer` gets what it returns, in that of the window."""
        self.drop(key)
        job = Job(lambda _report: function())
        self._running[key] = job
        job.returned.connect(partial(self._on_returned, key, answer))
        job.failed.connect(partial(self._on_failed, key))
        job.start()

    def drop(self, key: Hashable) -> None:
        """Wait no longer for the answer to something."""
        job = self._running.pop(key, None)
        if job is not None:
            job.cancel()

    def _on_returned(self, key: Hashable, answer: Callable[[Any], None], value: Any) -> None:
        self._running.pop(key, None)
        answer(value)

    def _on_failed(self, key: Hashable, error: Exception) -> None:
        self._running.pop(key, None)
        notify(error)
