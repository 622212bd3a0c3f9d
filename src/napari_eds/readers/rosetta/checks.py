"""Is a file whole? Asked before its reader, which might break down over the answer or keep it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from napari_eds.errors import ReadError


def check(path: Path) -> None:
    """Raise `ReadError` if a file is shorter than it says itself, or lacks its end."""
    checker = _CHECKS.get(path.suffix.lower())
    if checker is not None and path.is_file():
        checker(path)


def _check_bcf(path: Path) -> None:
    """Bruker's container says of how many chunks of which size it is made.

    Size and number lie where RosettaSciIO's reader has them; the chunks begin at 0x118.
    """
    with path.open("rb") as file:
        start = file.read(0x14C)
    if len(start) < 0x14C or not start.startswith(b"AAMVHFSS"):
        raise ReadError(f"{path.name} is no map of Bruker, or is cut short")
    (chunk_size,) = struct.unpack_from("<I", start, 0x128)
    (n_chunks,) = struct.unpack_from("<I", start, 0x148)
    needed, there = 0x118 + n_chunks * chunk_size, path.stat().st_size
    if there < needed:
        raise _cut_short(path, there, needed)


def _cut_short(path: Path, there: int, needed: int) -> ReadError:
    return ReadError(
        f"{path.name} is cut short: {there:,} of {needed:,} bytes are there. Copy it again from "
        "where it came from"
    )


#: What a bzip2 stream begins with behind "BZh1" to "BZh9", and ends with before its checksum.
_BZIP2_END, _CHECKSUM_BITS = 0x177245385090, 32


def _check_elid(path: Path) -> None:
    """Phenom's file is one bzip2 stream, whose end mark may lie at any bit."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(max(0, path.stat().st_size - 11))
        bits = int.from_bytes(file.read(), "big")
    if start[:2] == b"\x1f\x8b":
        raise ReadError(f"{path.name} is of a Phenom before version 3.8, which cannot be read")
    if start[:3] != b"BZh":
        raise ReadError(f"{path.name} is no file of Phenom")
    ends = (bits >> (shift + _CHECKSUM_BITS) & (1 << 48) - 1 for shift in range(8))
    if _BZIP2_END not in ends:
        raise ReadError(
            f"{path.name} is cut short: its compressed data have no end. Copy it again from where "
            "it came from"
        )


_CHECKS: dict[str, Callable[[Path], None]] = {".bcf": _check_bcf, ".elid": _check_elid}
