"""JEOL maps made for tests: the header of a measured one, and any stream."""

import re
import struct

import numpy as np

COLUMN, ROW, SIGNAL, XRAY = 0x8000, 0x9000, 0xA000, 0xB000


def with_stream(measured: bytes, shape: tuple[int, int], words) -> bytes:
    """Return the file of a map with the header of `measured`, but other pixels and another stream.

    Parameters
    ----------
    measured : bytes
    shape : tuple of int
        (rows, columns).
    words : array-like of int, (words,)
    """
    rows, columns = shape
    (data_at,) = struct.unpack_from("<I", measured, 28)
    header = measured[:data_at]
    text = f"{columns}x{rows}\0".encode()
    header = re.sub(
        rb"Pixels\0" + struct.pack("<i", 12) + rb"....[0-9]+x[0-9]+\0",
        lambda _: b"Pixels\0" + struct.pack("<ii", 12, len(text)) + text,
        header,
        flags=re.DOTALL,
    )
    area = b"Aim Area\0" + struct.pack("<ii", 7, 8)
    header = re.sub(
        re.escape(area) + rb".{8}",
        lambda _: area + struct.pack("<4H", 0, 0, columns - 1, rows - 1),
        header,
        flags=re.DOTALL,
    )
    body = np.asarray(words, "<u2").tobytes()
    header = header[:data_at].ljust(data_at, b"\0")
    return header[:32] + struct.pack("<I", data_at + len(body)) + header[36:] + body


def stream_of(counts: np.ndarray, *, signal: bool = True) -> np.ndarray:
    """Return the stream of one frame, of counts (rows, columns, 4096)."""
    rows, columns, _ = counts.shape
    words = []
    for row in range(rows):
        words.append([ROW | row * (4096 // rows)])
        for column in range(columns):
            words.append([COLUMN | column * (4096 // columns)])
            if signal:
                words.append([SIGNAL | (row * columns + column) % 4096])
            channels = np.repeat(np.arange(4096), counts[row, column])
            words.append(XRAY | channels)
    return np.concatenate(words).astype(np.uint16)
