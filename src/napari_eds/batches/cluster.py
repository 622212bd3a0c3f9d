"""Tasks on a scheduler of dask.distributed: on this machine, or on the nodes of a cluster.

Nothing else in the package knows dask.distributed, which ``napari-eds[cluster]`` installs.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

from napari_eds._version import __version__
from napari_eds.batches.entry import BatchEntry
from napari_eds.batches.task import Task, run_task, told
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from distributed import Client

#: Files given ahead to each thread of a worker, so that none waits for the next.
_AHEAD = 2
#: A file whose worker is lost goes to another one so often.
_MOVES = 3
_CONNECT_s = 30


class ClusterWorkers:
    """An `Engine` of the workers of a scheduler; they may come and go.

    Parameters
    ----------
    scheduler : str or distributed.Client
        Its address, such as ``tcp://node1:8786``, or a client, which is left open.

    Raises
    ------
    EDSError
        If dask.distributed is not installed, or nothing answers.
    """

    def __init__(self, scheduler: str | Client) -> None:
        client_class = _client_class()
        self._is_ours = isinstance(scheduler, str)
        try:
            self._client: Any = (
                client_class(scheduler, timeout=_CONNECT_s) if self._is_ours else scheduler
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise EDSError(
                f"no scheduler of dask.distributed answers at {scheduler}: {error}. Start one "
                "with 'dask scheduler', and workers with 'dask worker ADDRESS --nthreads 1'"
            ) from error
        self._futures: dict[Any, Task] = {}
        self._ended: queue.Queue[Any] = queue.Queue()

    @property
    def room(self) -> int:
        """How many tasks can be given now; one at least, which waits for a first worker."""
        threads = sum(self._client.nthreads().values())
        return max(_AHEAD * threads, 1) - len(self._futures)

    @property
    def busy(self) -> int:
        """How many tasks were given and are not finished."""
        return len(self._futures)

    def give(self, task: Task) -> None:
        """Give a task to the scheduler."""
        future = self._client.submit(run_task, task, pure=False, retries=_MOVES)
        self._futures[future] = task
        future.add_done_callback(self._ended.put)

    def finished(self, timeout_s: float) -> list[BatchEntry]:
        """Return what has finished since it was last asked."""
        found = []
        try:
            future = self._ended.get(timeout=timeout_s)
            while True:
                found.append(self._entry(future))
                future = self._ended.get_nowait()
        except queue.Empty:
            return found

    def close(self) -> None:
        """Take back what is not finished; the scheduler stays."""
        if self._futures:
            self._client.cancel(list(self._futures))
            self._futures.clear()
        if self._is_ours:
            self._client.close()

    def _entry(self, future: Any) -> BatchEntry:
        task = self._futures.pop(future)
        lost = BatchEntry(
            task.file,
            recipe_sha256=task.recipe_sha256,
            version=__version__,
            state="failed",
            error="the scheduler gave the file up",
        )
        if future.status == "finished":
            entry: BatchEntry = future.result()
            return entry
        error = future.exception() if future.status == "error" else None
        if error is None:
            return lost
        return BatchEntry(**vars(lost) | {"error": f"its workers were lost: {told(error)}"})


def _client_class() -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise EDSError(
            "a scheduler needs the package distributed, which is not installed: "
            "pip install 'napari-eds[cluster]'"
        ) from error
    return Client
