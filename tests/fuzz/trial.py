"""One file in one process: what comes of it, within limits of time and memory."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Outcomes, and those that are none of ours to accept.
FINE, REFUSED, FOREIGN, CRASH, HANG, MEMORY = (
    "fine", "refused", "foreign exception", "crash", "hang", "memory",
)  # fmt: skip
FAILURES = (FOREIGN, CRASH, HANG, MEMORY)

TIME_s = 10.0
#: Memory that a file may take beyond what is loaded already.
MEMORY_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Outcome:
    """What came of reading a file; `detail` names the exception and the last line of ours."""

    kind: str
    detail: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether the file did what none may do."""
        return self.kind in FAILURES


def attempt(read: Callable[[Path], object], path: Path) -> Outcome:
    """Read a file in a process of its own, made by forking this one."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _in_child(read, path, send)
    os.close(send)
    try:
        answer = _answer(receive, time.monotonic() + TIME_s)
    finally:
        os.close(receive)
    if answer is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return Outcome(HANG, f"more than {TIME_s:g} s")
    _, status = os.waitpid(child, 0)
    if answer:
        kind, _, detail = answer.partition("\n")
        return Outcome(kind, detail)
    return Outcome(CRASH, f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "exit")


def _answer(receive: int, end: float) -> str | None:
    """Return what the child says, empty if it ends without a word, None if it takes too long."""
    parts = []
    while True:
        ready, _, _ = select.select([receive], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return None
        part = os.read(receive, 65536)
        if not part:
            return b"".join(parts).decode(errors="replace")
        parts.append(part)


def _in_child(read: Callable[[Path], object], path: Path, send: int) -> None:
    """Read the file, say what came of it, and end."""
    from napari_eds.errors import EDSError

    _limit_memory()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
        said = FINE
    except EDSError as error:
        said = f"{REFUSED}\n{error}"
    except MemoryError as error:
        said = f"{MEMORY}\n{_where(error)}"
    except BaseException as error:  # noqa: BLE001 - finding them is what this is for
        said = f"{FOREIGN}\n{_where(error)}"
    os.write(send, said.encode(errors="replace")[:4000])
    os._exit(0)


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
