"""Files read in another process: what comes of each, within limits of time and memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import resource
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

#: Outcomes, and those that are none of ours to accept.
FINE, REFUSED, FOREIGN, CRASH, HANG, MEMORY = (
    "fine", "refused", "foreign exception", "crash", "hang", "memory",
)  # fmt: skip
FAILURES = (FOREIGN, CRASH, HANG, MEMORY)

TIME_s = 10.0
#: Files that one process reads: what it keeps of them must not be taken for the need of one.
AT_MOST = 100
#: Memory that a file may take beyond what is loaded already.
MEMORY_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Outcome:
    """What came of reading a file.

    `detail` names the exception and the last line of ours. `peak_bytes` is the memory that the
    processes that read used at most; 0 where that is not known.
    """

    kind: str
    detail: str = ""
    peak_bytes: int = 0

    @property
    def is_failure(self) -> bool:
        """Whether the file did what none may do."""
        return self.kind in FAILURES


class Trials:
    """Reads broken files in a process of its own, made by forking this one, and anew if it ends.

    Processes that readers start there are kept from one file to the next, as they are in use.

    Parameters
    ----------
    read : callable
        Is given a path.
    """

    def __init__(self, read: Callable[[Path], object]) -> None:
        self._read = read
        self._context = multiprocessing.get_context("fork")
        self._process: BaseProcess | None = None
        self._n_left = 0

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def attempt(self, path: Path) -> Outcome:
        """Read a file and return what came of it."""
        if self._n_left == 0:
            self._start()
        self._n_left -= 1
        self._pipe.send(path)
        try:
            if not self._pipe.poll(TIME_s):
                self._end()
                return Outcome(HANG, f"more than {TIME_s:g} s")
            return Outcome(*self._pipe.recv())
        except EOFError:
            return Outcome(CRASH, self._end())

    def _start(self) -> None:
        self._end()
        self._pipe, there = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(self._read, there))
        self._process.start()
        there.close()
        self._n_left = AT_MOST

    def _end(self) -> str:
        """End the process; return how it ended if it had by itself."""
        self._n_left = 0
        if self._process is None:
            return ""
        self._pipe.close()
        self._process.join(1)
        code = self._process.exitcode
        if code is None:
            self._process.kill()
            self._process.join()
        self._process = None
        return f"exit code {code}"


def _serve(read: Callable[[Path], object], pipe: Connection) -> None:
    """Read one file after another, and say what came of each."""
    _limit_memory()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        _forget_peak()
        said = _outcome(read, path)
        pipe.send((*said, _peak()))


def _outcome(read: Callable[[Path], object], path: Path) -> tuple[str, str]:
    from napari_eds.errors import EDSError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except EDSError as error:
        return REFUSED, str(error)
    except MemoryError as error:
        return MEMORY, _where(error)
    except BaseException as error:  # noqa: BLE001 - finding them is what this is for
        return FOREIGN, _where(error)
    return FINE, ""


def _processes() -> list[Path]:
    """Return this process and those it started, where the system tells of them."""
    if not _has_proc():
        return []
    own, started = Path("/proc/self"), []
    for tasks in own.glob("task/*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended
            started += tasks.read_text().split()
    return [own, *(Path("/proc") / number for number in started)]


def _forget_peak() -> None:
    for process in _processes():
        with contextlib.suppress(OSError):
            (process / "clear_refs").write_text("5")  # proc(5): resets the peak


def _peak() -> int:
    found = 0
    for process in _processes():
        with contextlib.suppress(OSError):
            text = (process / "status").read_text()
            found += sum(int(kB) * 1024 for kB in re.findall(r"VmHWM:\s+(\d+)", text))
    return found


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if _has_proc() else 0
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _has_proc() -> bool:
    return sys.platform.startswith("linux")


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "napari_eds" in frame.filename] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}: {str(error)[:200]} ({place})"
