"""Having a file read in a process of its own, which is kept for the next one.

Whatever happens there, a crash, an endless loop, any need of memory, ends in a `ReadError` here.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from napari_eds._support.progress import check_cancelled
from napari_eds.errors import ReadError
from napari_eds.readers.notes import note
from napari_eds.readers.rosetta.messages import Reply, receive, send
from napari_eds.readers.rosetta.plugins import PLUGINS

#: A read may take this long, and a second more for every megabyte; a sound file of 3 MB takes one.
#: It is time of the processor, so that a busy machine or a slow disk makes no file a damaged one.
_LIMIT_s = 8.0
_SECONDS_PER_MB = 1.0
_FOLDER_LIMIT_s = 600.0
#: Times as long by the clock: for what waits for ever, and systems that cannot limit processes.
_BY_THE_CLOCK = 2.5

#: How often a wait looks whether it was cancelled.
_LOOK_EVERY_s = 0.05

if TYPE_CHECKING:
    from napari_eds.readers.options import Options
    from napari_eds.spectra.spectrum_image import SpectrumImage

_CODE = "from napari_eds.readers.rosetta.child import main; main()"


class _Child:
    """A process that reads files, one at a time."""

    def __init__(self, *plugins: str) -> None:
        # The package as it is here; the current folder must not hide modules of Python there.
        folders = [str(Path(__file__).parents[3]), *filter(None, sys.path)]
        self._process = subprocess.Popen(  # noqa: S603 - our own code, no shell
            [sys.executable, "-P", "-c", _CODE, *plugins],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(folders))},
        )

    def ask(self, request: tuple[Any, ...], limit_s: float) -> Reply:
        """Return the reply to a request that may take some processor time, or be waited for.

        On whatever else the process is ended.

        Raises
        ------
        EOFError
            If the process ends without one.
        TimeoutError
            If there is none in time.
        """
        answer: list[Reply] = []
        waiter = threading.Thread(
            target=self._exchange, args=((*request, limit_s), answer), name="read a file",
            daemon=True,
        )  # fmt: skip
        end = time.monotonic() + _BY_THE_CLOCK * limit_s
        waiter.start()
        try:
            while waiter.is_alive():
                waiter.join(_LOOK_EVERY_s)
                check_cancelled()
                if time.monotonic() > end and waiter.is_alive():
                    raise TimeoutError
        except BaseException:
            self.end()
            waiter.join()
            raise
        if not answer:
            self.end()
            raise TimeoutError if self.cause == "SIGXCPU" else EOFError
        return answer[0]

    def _exchange(self, request: tuple[Any, ...], answer: list[Reply]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - made so
        assert self._process.stdout is not None  # noqa: S101
        try:
            send(self._process.stdin, request)  # type: ignore[arg-type]
            answer.append(receive(self._process.stdout))  # type: ignore[arg-type]
        except (EOFError, OSError, ValueError):
            return  # gone, or ended meanwhile

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def cause(self) -> str:
        """What ended the process, in words."""
        code = self._process.wait()
        if code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def end(self) -> None:
        """End the process, whatever it does."""
        if self.is_alive:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # what was still to be sent has nowhere to go


_idle: list[_Child] = []
_lock = threading.Lock()


def warm_up(suffix: str) -> None:
    """Start the process, so that it gets ready while this one imports what it needs itself."""
    if suffix not in PLUGINS:
        return
    with _lock:
        if not _idle:
            try:
                _idle.append(_Child(PLUGINS[suffix]))
            except OSError:
                return  # where no process can be started, reading says so


def read(plugin: str, path: Path, options: dict[str, Any]) -> Reply:
    """Return what a reader of RosettaSciIO, run in another process, replies.

    Raises
    ------
    ReadError
        If the reader ended its process, or did not come back in time.
    """
    child = _take()
    limit_s = _limit(path)
    try:
        reply = child.ask((plugin, str(path), options), limit_s)
    except EOFError:
        raise ReadError(
            f"{path.name} cannot be read: its reader ({plugin}) broke down ({child.cause}). The "
            "file is damaged, cut short, or larger than memory"
        ) from None
    except TimeoutError:
        raise ReadError(
            f"{path.name} cannot be read: its reader ({plugin}) did not come to an end in "
            f"{limit_s:.0f} s. The file is damaged or cut short"
        ) from None
    _put_back(child)
    return reply


def read_own(module: str, path: Path, options: Options) -> list[SpectrumImage]:
    """Return what a reader of this package finds, run in another process.

    For readers that lean on a library which may not come back from a damaged file, as HDF5.

    Raises
    ------
    ReadError
        As the reader, or if it ended its process or did not come back in time.
    """
    reply = read(f"napari_eds.readers.{module}", path, {"options": options})
    if reply.error:
        raise ReadError(reply.error)
    for message in reply.messages:
        note(message)
    return [replace(one, metadata=MappingProxyType(one.metadata)) for one in reply.entries]


def _take() -> _Child:
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.is_alive:
                return child
            child.end()
    try:
        return _Child()
    except OSError as error:
        raise ReadError(f"no process can be started to read files: {error}") from error


def _put_back(child: _Child) -> None:
    with _lock:
        if not _idle:
            _idle.append(child)
            return
    child.end()


def _limit(path: Path) -> float:
    if path.is_dir():
        return _FOLDER_LIMIT_s
    # The data of some formats are in files beside the one that is opened.
    beside = (one for one in path.parent.glob("*") if one.stem.startswith(path.stem))
    size = sum(one.stat().st_size for one in beside if one.is_file())
    return _LIMIT_s + _SECONDS_PER_MB * size / 1e6


@atexit.register
def _end_idle() -> None:
    with _lock:
        while _idle:
            _idle.pop().end()
