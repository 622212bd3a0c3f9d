"""Reading in a process of its own: what `isolated` starts.

RosettaSciIO's readers are made for sound files. Of damaged ones they may end the process, never
come back, or ask for any amount of memory; here that costs nothing but the one read.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from napari_eds.readers.rosetta.messages import Reply, receive, send

#: Values beyond which it pays to look whether counts are mostly zeros.
_LARGE = 2**18


def main() -> None:
    """Answer requests until there are no more."""
    requests, replies = _own_streams()
    _limit_memory()
    # What will be needed, while the other process still gets ready itself.
    for plugin in sys.argv[1:]:
        with contextlib.suppress(ImportError):
            importlib.import_module(f"rsciio.{plugin}._api")
    while True:
        try:
            plugin, path, options, limit_s = receive(requests)
        except EOFError:
            return
        _limit_work(limit_s)
        send(replies, _answer(plugin, Path(path), options))


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the streams of messages; what readers print must not come between them."""
    replies = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (0, replies):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return os.fdopen(os.dup(0), "rb"), os.fdopen(replies, "wb")


def _limit_memory() -> None:
    """Let no reader ask for more than there is, nor have another process ended for it."""
    if sys.platform == "win32":
        return
    import resource

    # OSError, ValueError: a smaller limit is in force, or the system keeps none.
    with contextlib.suppress(OSError, ValueError):
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (physical, hard))
    with contextlib.suppress(OSError):
        # A setting of the system, which is there or is not: no file is made.
        setting = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        try:
            os.write(setting, b"1000")
        finally:
            os.close(setting)


def _limit_work(seconds: float) -> None:
    """Be ended by the system (SIGXCPU) after this much more time of the processor."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    # ValueError: a smaller limit is in force.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _answer(plugin: str, path: Path, options: dict[str, Any]) -> Reply:
    from napari_eds.readers.rosetta.call import call_here

    if plugin.startswith("napari_eds."):
        return _own(plugin, path, **options)
    reply = call_here(plugin, path, options)
    try:
        reply.entries = [_portable(entry) for entry in reply.entries]
    except Exception as error:  # noqa: BLE001
        # What a reader returned of a damaged file may be anything.
        return Reply([], reply.messages, repr(error))
    return reply


def _own(module: str, path: Path, options: Any) -> Reply:
    """Run a reader of this package; its images go without the wrapper of their metadata."""
    import warnings

    from napari_eds.errors import EDSError
    from napari_eds.readers.notes import keeping_notes

    with warnings.catch_warnings(record=True) as told, keeping_notes() as notes:
        warnings.simplefilter("always")
        try:
            images = importlib.import_module(module).read(path, options)
        except (EDSError, MemoryError) as error:
            return Reply([], [], str(error) or repr(error))
    images = [replace(image, metadata=dict(image.metadata)) for image in images]
    return Reply(images, [*notes, *(str(one.message) for one in told)])


def _portable(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of plain values, its counts sparse if they are mostly zeros."""
    from napari_eds.spectra.recorded import mapped

    axes = [_plain(axis) for axis in entry["axes"]]
    data, axes = _thin(entry["data"], axes)
    return {
        "data": data,
        "axes": axes,
        "metadata": _plain(entry["metadata"]),
        "original_metadata": _plain(entry.get("original_metadata") or {}),
        "mapped": _plain(mapped(entry)),
        **{key: _plain(entry[key]) for key in ("package",) if key in entry},
    }


def _thin(data: Any, axes: list[dict[str, Any]]) -> tuple[Any, list[dict[str, Any]]]:
    import numpy as np

    data = np.array(data) if isinstance(data, np.memmap) else np.asarray(data)
    if data.ndim != 3 or data.size < _LARGE or data.dtype.kind not in "iuf":
        return data, axes
    from napari_eds.readers.bins import thin
    from napari_eds.readers.rosetta.axes import energy_axis

    position = energy_axis(axes)
    if position < 0:
        return data, axes
    counts = thin(np.moveaxis(data, position, -1))
    if counts is None:
        return data, axes
    return counts, [*axes[:position], *axes[position + 1 :], axes[position]]


def _plain(value: Any) -> Any:
    """Return a value without types and functions of the reader, which must not travel."""
    import numpy as np

    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in value}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return [_plain(one) for one in value.tolist()]
    if value is None or isinstance(value, str | bytes | bool | int | float | complex):
        return value
    return value if isinstance(value, np.ndarray | np.generic) else str(value)
