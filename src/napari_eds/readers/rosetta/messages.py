"""What the process that reads and the one that asks for it tell each other.

A message is the number of its buffers, the size of its pickle, the pickle, then size and bytes of
each buffer. Requests are (plugin, path, options); replies are a `Reply`.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

_SIZE = struct.Struct("<Q")


@dataclass
class Reply:
    """What came of a request: entries, or what is wrong, and what the reader had to say."""

    entries: list[Any]
    messages: list[str]
    error: str | None = None
    missing_package: bool = False


def send(stream: BinaryIO, message: Any) -> None:
    """Write a message; arrays go straight from where they are."""
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    stream.write(_SIZE.pack(len(buffers)) + _SIZE.pack(len(content)) + content)
    for buffer in buffers:
        with buffer.raw() as raw:
            stream.write(_SIZE.pack(raw.nbytes))
            stream.write(raw)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read a message; arrays are read to where they stay.

    Raises
    ------
    EOFError
        If the other process has gone.
    """
    n_buffers, size = _number(stream), _number(stream)
    content = _exactly(stream, size)
    buffers = [_exactly(stream, _number(stream)) for _ in range(n_buffers)]
    return pickle.loads(content, buffers=buffers)  # noqa: S301 - from a process of our own


def _number(stream: BinaryIO) -> int:
    return int(_SIZE.unpack(_exactly(stream, _SIZE.size))[0])


def _exactly(stream: BinaryIO, size: int) -> bytearray:
    content = bytearray(size)
    view, done = memoryview(content), 0
    while done < size:
        n = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not n:
            raise EOFError
        done += n
    return content
