"""What a batch asks of whatever runs its tasks."""

from __future__ import annotations

from typing import Protocol

from napari_eds.batches.entry import BatchEntry
from napari_eds.batches.task import Task


class Engine(Protocol):
    """Runs tasks beside each other."""

    @property
    def room(self) -> int:
        """How many tasks can be given now."""

    @property
    def busy(self) -> int:
        """How many tasks were given and are not finished."""

    def give(self, task: Task) -> None:
        """Take up a task."""

    def finished(self, timeout_s: float) -> list[BatchEntry]:
        """Return what has finished since it was last asked; waits so long for a first one."""

    def close(self) -> None:
        """Leave what is running and free all that is held."""
