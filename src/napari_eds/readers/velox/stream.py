"""Velox's event streams, decoded straight into sparse counts.

A stream is a row of 16-bit values. A value below 65535 is one X-ray in that channel; 65535, the
*gate*, says that the beam moves on to the next pixel. Pixels run row by row, then frame by frame,
and every detector has a stream of its own. Merging frames and detectors means gathering the
X-rays of one pixel from many places, which is done here for a block of pixels at a time: nothing
larger than the streams themselves and the finished counts is ever in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_eds._support.threads import in_order
from napari_eds.errors import ReadError
from napari_eds.readers.bins import Block, assemble, block_of_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy import sparse

GATE = 65535

#: Events scanned for gates at a time, which bounds the positions (8 bytes each) held at once.
_SCAN_EVENTS = 2**22
#: Events merged at a time: few enough to stay in the processor's cache, and enough for each frame
#: and detector that calls into NumPy do not dominate.
_BLOCK_EVENTS = 2**16
_SLICE_EVENTS = 512


@dataclass(frozen=True, eq=False)
class Stream:
    """Events of one detector: `events` is (events,) of uint16."""

    detector: str
    events: np.ndarray

    @cached_property
    def n_gates(self) -> int:
        """Number of pixels that were finished, over all frames."""
        return sum(
            int(np.count_nonzero(self.events[begin : begin + _SCAN_EVENTS] == GATE))
            for begin in range(0, self.events.size, _SCAN_EVENTS)
        )

    @property
    def ends_in_pixel(self) -> bool:
        """Whether X-rays follow the last gate: those of a pixel that was not finished."""
        return self.events.size > 0 and self.events[-1] != GATE


@dataclass(frozen=True)
class Grid:
    """What a stream is laid out on, and which part of it is wanted.

    `frames` is a range of frames, `channels` a slice of the `n_channels` of the stream, of which
    groups of `rebin` are summed; a remainder is dropped.
    """

    n_pixels: int
    n_channels: int
    frames: range
    channels: slice
    rebin: int = 1

    @property
    def n_bins(self) -> int:
        """Number of channels of the result."""
        return (self.channels.stop - self.channels.start) // self.rebin


def _check(stream: Stream, grid: Grid) -> None:
    """Raise `ReadError` unless the events of `stream` name known channels only."""
    beyond = (stream.events >= grid.n_channels) & (stream.events != GATE)
    if beyond.any():
        raise ReadError(
            f"the event stream of detector {stream.detector} is damaged: it names channel "
            f"{stream.events[beyond][0]}, but there are {grid.n_channels} channels"
        )


def decode(streams: Sequence[Stream], grid: Grid) -> tuple[sparse.csr_array, list[int]]:
    """Merge streams into one matrix of counts.

    Parameters
    ----------
    streams : sequence of Stream
        One for each detector, all laid out on the same pixels and frames. A stream that ends
        early adds nothing to the pixels behind its end.
    grid : Grid

    Returns
    -------
    counts : scipy.sparse.csr_array, (pixels, channels)
        Canonical (sorted, no duplicates), in the smallest unsigned type that holds every count.
    totals : list of int
        Counts of every stream in the frames of `grid`, all channels.

    Raises
    ------
    ReadError
        If a stream names channels that do not exist.
    """
    for stream in streams:
        _check(stream, grid)
    edges = _block_edges(sum(stream.events.size for stream in streams), len(streams), grid)
    starts = [_frame_starts(stream.events, edges, grid) for stream in streams]

    def merged(block: int) -> Block:
        slices = [
            stream.events[frame[block] : frame[block + 1]]
            for stream, frames in zip(streams, starts, strict=True)
            for frame in frames
        ]
        return _merge(slices, int(edges[block + 1] - edges[block]), grid)

    n_events = sum(int(frames[:, -1].sum() - frames[:, 0].sum()) for frames in starts)
    blocks = in_order(merged, range(edges.size - 1))
    counts = assemble(blocks, grid.n_bins, n_events)
    totals = [
        int(np.count_nonzero(stream.events[frames[0, 0] : frames[-1, -1]] != GATE))
        for stream, frames in zip(streams, starts, strict=True)
    ]
    return counts, totals


def decode_frames(streams: Sequence[Stream], grid: Grid) -> tuple[sparse.csr_array, list[int]]:
    """Merge the detectors of streams, with the frames of `grid` below each other.

    To a stream, frames are nothing but more pixels: one pass decodes them all.

    Parameters
    ----------
    streams, grid
        As of `decode`.

    Returns
    -------
    counts : scipy.sparse.csr_array, (frames * pixels, channels)
    totals : list of int

    Raises
    ------
    ReadError
        As `decode`.
    """
    frames = grid.frames
    tall = replace(grid, n_pixels=grid.n_pixels * len(frames), frames=range(1))
    first = np.array([frames.start * grid.n_pixels])
    used = [replace(s, events=s.events[_starts(s.events, first)[0] :]) for s in streams]
    return decode(used, tall)


def _block_edges(n_events: int, n_streams: int, grid: Grid) -> np.ndarray:
    """Return the first pixel of every block, and the end of the last one."""
    events = max(_BLOCK_EVENTS, _SLICE_EVENTS * n_streams * len(grid.frames))
    pixels = max(1, events * grid.n_pixels // max(n_events, 1))
    # A pixel and a channel share one 32-bit number in `_merge`.
    pixels = min(pixels, grid.n_pixels, (2**32 - 1) // grid.n_bins)
    return np.append(np.arange(0, grid.n_pixels, pixels), grid.n_pixels)


def _frame_starts(events: np.ndarray, edges: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the event at which every block begins in every frame, shape (frames, edges)."""
    pixels = np.add.outer(np.array(grid.frames) * grid.n_pixels, edges)
    return _starts(events, pixels.ravel()).reshape(pixels.shape)


def _starts(events: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the index of the first event of each of the ascending `pixels`."""
    starts = np.full(pixels.size, events.size)
    starts[pixels == 0] = 0
    passed = 0
    for begin in range(0, events.size, _SCAN_EVENTS):
        gates = np.flatnonzero(events[begin : begin + _SCAN_EVENTS] == GATE)
        first, stop = np.searchsorted(pixels, [passed + 1, passed + gates.size + 1])
        starts[first:stop] = begin + 1 + gates[pixels[first:stop] - passed - 1]
        passed += gates.size
    return starts


def _merge(slices: Sequence[np.ndarray], n_pixels: int, grid: Grid) -> Block:
    """Return the counts of a block of pixels, whose X-rays are in many slices of streams."""
    bins = np.concatenate([_bins(events, grid) for events in slices])
    bins.sort()
    return block_of_events(bins, n_pixels, grid.n_bins)


def _bins(events: np.ndarray, grid: Grid) -> np.ndarray:
    """Return ``pixel * n_bins + channel`` of every X-ray, the first pixel of `events` being 0."""
    # Below 0, unsigned numbers start again at 65535: beyond every channel, as the gates are.
    channel = events - np.uint16(grid.channels.start)
    is_wanted = channel < np.uint16(grid.n_bins * grid.rebin)
    bins = np.cumsum(events == GATE, dtype=np.uint32)
    bins *= np.uint32(grid.n_bins)
    bins += channel if grid.rebin == 1 else channel // np.uint16(grid.rebin)
    return bins[is_wanted]
