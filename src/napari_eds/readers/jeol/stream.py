"""The event stream of JEOL maps, decoded straight into sparse counts.

A stream is a row of 16-bit words: the upper four bits say what the lower twelve are. 8 and 9 are
the column and the row of the beam, on a raster of 4096 x 4096 whatever the map's size; A is the
signal of the electron detector there, B the channel of an X-ray. Rows never go back within a
frame: one that does begins the next frame. After RosettaSciIO's reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from napari_eds._support.progress import check_cancelled
from napari_eds.readers.bins import assemble, block_of_events

RASTER = 4096
N_CHANNELS = 4096

_COLUMN, _ROW, _SIGNAL, _XRAY = 0x8000, 0x9000, 0xA000, 0xB000
_KIND, _NUMBER = 0xF000, 0x0FFF

#: Words decoded at a time, and bins counted at a time: what is held beside the events.
_BLOCK_WORDS = 2**18
_BLOCK_BINS = 2**20


@dataclass(frozen=True)
class Scan:
    """What a stream is laid out on: `shape` is (rows, columns), `area` what was scanned of it.

    `area` is (first row, first column, last row, last column).
    """

    shape: tuple[int, int]
    area: tuple[int, int, int, int]

    @property
    def step(self) -> tuple[int, int]:
        """Raster points to a pixel, of rows and of columns."""
        return RASTER // self.shape[0], RASTER // self.shape[1]

    @property
    def is_line(self) -> bool:
        """Whether one row alone was scanned: then columns going back begin a frame."""
        return self.area[0] == self.area[2]


@dataclass(frozen=True, eq=False)
class Decoded:
    """Counts of a stream.

    Attributes
    ----------
    counts : scipy.sparse.csr_array, (pixels, 4096)
    shape : tuple of int
        (rows, columns).
    signal : ndarray of uint32, (rows, columns), or None
        Sum of the electron signal over the frames in use, where the stream has one.
    n_frames : int
        Frames in the stream, the last one included.
    last : tuple of int
        Last (row, column) of the map that the last frame came to.
    """

    counts: sparse.csr_array
    shape: tuple[int, int]
    signal: np.ndarray | None
    n_frames: int
    last: tuple[int, int]


@dataclass
class _State:
    """Where the beam is at the end of a block of words."""

    frame: int = 0
    row: int = 0
    column: int = 0


@dataclass(frozen=True, eq=False)
class _Events:
    """Frame, pixel and number of events of one kind; pixel is -1 outside of the map."""

    frames: np.ndarray
    pixels: np.ndarray
    numbers: np.ndarray


def count_frames(words: np.ndarray, scan: Scan) -> tuple[int, tuple[int, int]]:
    """Return the number of frames of a stream, and where the last one ends."""
    state = _State()
    for _ in _blocks(words, scan, state, kinds=()):
        pass
    rows, columns = scan.step
    return state.frame + 1, (state.row // rows, state.column // columns)


def decode(
    words: np.ndarray, scan: Scan, frames: range | None = None, *, apart: bool = False
) -> Decoded:
    """Sum the frames of a stream, or put them below each other.

    Parameters
    ----------
    words : ndarray of uint16, (words,)
        May be a memory map: it is read from its beginning to its end, a block at a time.
    scan : Scan
    frames : range, optional
        Frames to sum; all without it.
    apart : bool
        Whether frames are kept apart, `frames` then being needed: the result is a map that has
        them below each other.
    """
    in_frame = scan.shape[0] * scan.shape[1]
    shape = (scan.shape[0] * len(frames), scan.shape[1]) if apart and frames else scan.shape
    n_pixels = shape[0] * shape[1]
    bins = np.empty(_n_xrays(words), np.uint32 if n_pixels * N_CHANNELS <= 2**32 else np.uint64)
    signal = np.zeros(n_pixels, np.float64)

    def places(events: _Events) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels of the result and numbers of the events in use."""
        wanted = _wanted(events, frames)
        pixels = events.pixels[wanted]
        if apart and frames:
            pixels = pixels.astype(np.int64) + (events.frames[wanted] - frames.start) * in_frame
        return pixels, events.numbers[wanted]

    filled, has_signal, state = 0, False, _State()
    for xrays, signals in _blocks(words, scan, state, kinds=(_XRAY, _SIGNAL)):
        has_signal |= bool(signals.pixels.size)
        pixels, channels = places(xrays)
        found = pixels.astype(bins.dtype)
        found *= bins.dtype.type(N_CHANNELS)
        found += channels
        bins[filled : filled + found.size] = found
        filled += found.size
        signal += np.bincount(*places(signals), minlength=n_pixels)
    bins = bins[:filled]
    bins.sort()
    rows, columns = scan.step
    return Decoded(
        _count(bins, n_pixels),
        shape,
        signal.astype(np.uint32).reshape(shape) if has_signal else None,
        state.frame + 1,
        (state.row // rows, state.column // columns),
    )


def _count(bins: np.ndarray, n_pixels: int) -> sparse.csr_array:
    """Count sorted bins, a few pixels at a time."""
    step = max(1, n_pixels * _BLOCK_BINS // max(bins.size, 1))
    edges = np.append(np.arange(0, n_pixels, step), n_pixels)
    # In the type of the bins, which would all be converted else.
    starts = np.searchsorted(bins, (edges[:-1] * N_CHANNELS).astype(bins.dtype))
    blocks = []
    for first, stop, start, end in zip(
        edges[:-1], edges[1:], starts, np.append(starts[1:], bins.size), strict=True
    ):
        own = bins[start:end] - bins.dtype.type(int(first) * N_CHANNELS)
        blocks.append(block_of_events(own, int(stop - first), N_CHANNELS))
    return assemble(blocks, N_CHANNELS)


def _n_xrays(words: np.ndarray) -> int:
    return sum(
        int(np.count_nonzero((words[first : first + _BLOCK_WORDS] & _KIND) == _XRAY))
        for first in range(0, words.size, _BLOCK_WORDS)
    )


def _wanted(events: _Events, frames: range | None) -> np.ndarray:
    inside = events.pixels >= 0
    if frames is None:
        return inside
    return inside & (events.frames >= frames.start) & (events.frames < frames.stop)


def _blocks(
    words: np.ndarray, scan: Scan, state: _State, kinds: tuple[int, ...]
) -> Iterator[tuple[_Events, ...]]:
    """Yield the events of each of `kinds`, block by block; `state` follows the beam."""
    for first in range(0, words.size, _BLOCK_WORDS):
        check_cancelled()
        block = np.asarray(words[first : first + _BLOCK_WORDS])
        yield _block(block & _KIND, block & _NUMBER, scan, state, kinds)


def _block(
    kind: np.ndarray, number: np.ndarray, scan: Scan, state: _State, kinds: tuple[int, ...]
) -> tuple[_Events, ...]:
    """Return the events of one block of words, each where the beam was before it."""
    at_row, at_column = np.flatnonzero(kind == _ROW), np.flatnonzero(kind == _COLUMN)
    # What the beam's row and column were before the block comes first.
    rows = np.concatenate([[state.row], number[at_row]]).astype(np.int32)
    columns = np.concatenate([[state.column], number[at_column]]).astype(np.int32)
    begins = at_column[_goes_back(columns)] if scan.is_line else at_row[_goes_back(rows)]
    if not scan.is_line:
        # A frame begins in the first column, until the stream says otherwise.
        columns = np.insert(columns, np.searchsorted(at_column, begins) + 1, 0)
        at_column = np.insert(at_column, np.searchsorted(at_column, begins), begins)
    frame = state.frame + _following(np.arange(begins.size + 1), begins, kind.size)
    row = _following(rows // scan.step[0], at_row, kind.size)
    column = _following(columns // scan.step[1], at_column, kind.size)
    pixels = row * scan.shape[1] + column
    pixels[(row >= scan.shape[0]) | (column >= scan.shape[1])] = -1
    state.frame += begins.size
    state.row, state.column = int(rows[-1]), int(columns[-1])
    chosen = [np.flatnonzero(kind == wanted) for wanted in kinds]
    return tuple(_Events(frame[at], pixels[at], number[at]) for at in chosen)


def _following(values: np.ndarray, at: np.ndarray, n_words: int) -> np.ndarray:
    """Return the value that holds at each word: the first one, and a next one from each `at`."""
    return np.repeat(values, np.diff(at, prepend=0, append=n_words))


def _goes_back(places: np.ndarray) -> np.ndarray:
    """Return which places but the first lie before the one that precedes them."""
    return np.flatnonzero(places[1:] < places[:-1])
