"""Processes of this machine that run tasks: each reads one file at a time and stays for the next.

A process that dies costs its file a second try, in a new process, and then an error; the others
go on. (A pool of `concurrent.futures` breaks as a whole when one of its processes dies, without
telling on which file, and starts the script of its caller again in every process.)
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_eds._version import __version__
from napari_eds.batches.entry import BatchEntry
from napari_eds.batches.task import Task

_CODE = "from napari_eds.batches.worker import main; main()"
#: Linear algebra keeps to one thread: processes use the cores, and sums come out the same.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
    ),
    "1",
)
#: A file whose process dies is tried so often.
_TRIES = 2


def n_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class _Given:
    task: Task
    tries: int = 1


class LocalWorkers:
    """An `Engine` of processes on this machine.

    Parameters
    ----------
    n_workers : int
        Processes that are kept warm and busy.
    """

    def __init__(self, n_workers: int) -> None:
        self._replies: queue.Queue[tuple[_Worker, str]] = queue.Queue()
        self._free: deque[_Worker] = deque()
        self._at_work: dict[_Worker, _Given] = {}
        for _ in range(n_workers):
            self._free.append(_Worker(self._replies))

    @property
    def room(self) -> int:
        """How many processes are free."""
        return len(self._free)

    @property
    def busy(self) -> int:
        """How many processes are at work."""
        return len(self._at_work)

    def give(self, task: Task) -> None:
        """Give a task to a free process."""
        self._give(self._free.popleft(), _Given(task))

    def finished(self, timeout_s: float) -> list[BatchEntry]:
        """Return what has finished since it was last asked."""
        found = []
        try:
            reply = self._replies.get(timeout=timeout_s)
            while True:
                entry = self._taken(*reply)
                found += [] if entry is None else [entry]
                reply = self._replies.get_nowait()
        except queue.Empty:
            return found

    def close(self) -> None:
        """End the processes, whatever they do; files are written whole or not at all."""
        for worker in (*self._free, *self._at_work):
            worker.end()
        self._free.clear()
        self._at_work.clear()

    def _give(self, worker: _Worker, given: _Given) -> None:
        self._at_work[worker] = given
        worker.ask(json.dumps(asdict(given.task)))

    def _taken(self, worker: _Worker, reply: str) -> BatchEntry | None:
        """Return what a process replied; nothing where it died and its file is tried again."""
        given = self._at_work.pop(worker, None)
        if reply:
            self._free.append(worker)
            return BatchEntry(**json.loads(reply))
        worker.end()
        if worker in self._free:
            self._free.remove(worker)
        fresh = _Worker(self._replies)
        if given is not None and given.tries < _TRIES:
            self._give(fresh, _Given(given.task, given.tries + 1))
            return None
        self._free.append(fresh)
        return None if given is None else _died(given.task, worker.exit_code)


def _died(task: Task, code: int) -> BatchEntry:
    return BatchEntry(
        task.file,
        recipe_sha256=task.recipe_sha256,
        version=__version__,
        state="failed",
        error=f"the process that worked on it died {_TRIES} times (exit code {code}): the memory "
        "may not suffice, or the file may be damaged in a way that is not known",
    )


class _Worker:
    """One process; what it replies, and an empty text when it has ended, goes into a queue."""

    def __init__(self, replies: queue.Queue[tuple[_Worker, str]]) -> None:
        # The package as it is here; the current folder must not hide modules of Python there.
        folders = [str(Path(__file__).parents[2]), *filter(None, sys.path)]
        path = os.pathsep.join(dict.fromkeys(folders))
        self._process = subprocess.Popen(  # noqa: S603 - our own code, no shell
            [sys.executable, "-P", "-c", _CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path, "PYTHONUTF8": "1"},
        )
        threading.Thread(target=self._listen, args=(replies,), daemon=True).start()

    def _listen(self, replies: queue.Queue[tuple[_Worker, str]]) -> None:
        assert self._process.stdout is not None  # noqa: S101 - made so
        try:
            for line in self._process.stdout:
                # A process that is killed while it writes leaves part of a line.
                if line.endswith("\n"):
                    replies.put((self, line))
        except (OSError, ValueError):
            pass  # ended meanwhile
        replies.put((self, ""))

    def ask(self, line: str) -> None:
        """Send a task; where the process has ended, its queue tells."""
        assert self._process.stdin is not None  # noqa: S101 - made so
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except OSError:
            return

    @property
    def exit_code(self) -> int:
        """How the process ended."""
        return self._process.wait()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue  # what was still to be sent has nowhere to go
