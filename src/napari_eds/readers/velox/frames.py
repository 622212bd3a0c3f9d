"""Frames of a Velox map: how many its streams hold, which are read, and what is missing of them.

The streams say what was recorded; the settings of the map only say which part of it Velox shows.
A scan may have been stopped at any pixel, and its detectors end a few pixels apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from napari_eds.errors import ReadError
from napari_eds.readers.choice import frames_chosen
from napari_eds.readers.velox.document import DamageError, SpectrumImageSettings
from napari_eds.readers.velox.stream import Stream
from napari_eds.spectra.acquisition import FrameRange

Shape = tuple[int, int]


@dataclass(frozen=True)
class Frames:
    """Frames of a map.

    Attributes
    ----------
    used : range
        Those to read, counted from 0.
    recorded : int
        Frames in the streams; the last one may be unfinished.
    parts : (float, float)
        What was recorded of the frames in use, and of all, in frames.
    notes : tuple of str
        What is missing of the frames in use.
    """

    used: range
    recorded: int
    parts: tuple[float, float]
    notes: tuple[str, ...]

    @property
    def told(self) -> FrameRange:
        """The frames in use, counted from 1."""
        return FrameRange(self.used.start + 1, self.used.stop, self.recorded)


def map_shape(
    scan: Shape | None, images: Sequence[Shape], last: int, streams: Sequence[Stream]
) -> Shape:
    """Return the shape of a map.

    The scanned part of the raster gives it. Where the file does not say, or the number of pixels
    in the streams disagrees, an image that has exactly that number is of the same scan.

    Parameters
    ----------
    scan : (int, int) or None
        What the file says.
    images : sequence of (int, int)
    last : int
        Last frame that the file names, counted from 1; 0 where it names none.
    streams : sequence of Stream

    Raises
    ------
    ReadError
        If nothing gives a shape.
    """
    shapes = [*([scan] if scan else []), *images]
    if not shapes:
        raise ReadError("the file does not say how many rows and columns the map has")
    n_gates = max(stream.n_gates for stream in streams)
    named = [shape for shape in shapes if last and _holds(shape, last, n_gates)]
    if named:
        return named[0]
    if scan and n_gates < math.prod(scan) * last:
        return scan  # stopped: any number of pixels may be there
    whole = [shape for shape in shapes if _holds(shape, n_gates // math.prod(shape), n_gates)]
    return (whole or shapes)[0]


def _holds(shape: Shape, n_frames: int, n_gates: int) -> bool:
    """Whether a stream holds exactly so many frames of a map."""
    expected = math.prod(shape) * max(1, n_frames)
    # The last pixel may lack its gate.
    return n_gates in (expected, expected - 1)


def choose_frames(
    wanted: tuple[int, int] | None,
    settings: SpectrumImageSettings,
    n_pixels: int,
    streams: Sequence[Stream],
) -> Frames:
    """Return the frames to read.

    Parameters
    ----------
    wanted : (int, int) or None
        First frame, counted from 0, and the one after the last; None takes those that the file
        has selected, or all.
    settings : SpectrumImageSettings
    n_pixels : int
        Of a frame.
    streams : sequence of Stream

    Raises
    ------
    ReadError
        If frames are asked for, or selected, that are not there.
    """
    last = settings.end_frame_position
    pixels = [_recorded_pixels(stream, n_pixels, last) for stream in streams]
    recorded = max(1, math.ceil(max(pixels) / n_pixels))
    used = _selected(settings, recorded) if wanted is None else frames_chosen(wanted, recorded)
    begin, end = used.start * n_pixels, used.stop * n_pixels
    in_use = sum(min(max(found, begin), end) - begin for found in pixels) / len(pixels)
    notes = _missing(streams, pixels, used, n_pixels)
    if wanted is None and last > recorded:
        notes += (f"the file names frames up to {last}, but recorded are {recorded}",)
    parts = (in_use / n_pixels, sum(pixels) / len(pixels) / n_pixels)
    return Frames(used, recorded, parts, notes)


def _recorded_pixels(stream: Stream, n_pixels: int, last: int) -> int:
    """Return how many pixels were begun, over all frames.

    What comes in after the last frame, until Velox has stopped, belongs to none.
    """
    between_frames = stream.n_gates % n_pixels == 0 and stream.n_gates >= n_pixels
    is_last = between_frames and stream.n_gates // n_pixels >= last
    return stream.n_gates + int(stream.ends_in_pixel and not is_last)


def _selected(settings: SpectrumImageSettings, recorded: int) -> range:
    start = settings.start_frame_position or 1
    end = settings.end_frame_position or recorded
    if start > min(end, recorded):
        raise DamageError(
            f"SpectrumImageSettings: startFramePosition is {start}, expected 1 to "
            f"{min(end, recorded)}: the file selects frames up to {end} of {recorded}. "
            f"frames=(0, {recorded}) reads all of them"
        )
    return range(start - 1, min(end, recorded))


def _missing(
    streams: Sequence[Stream], pixels: Sequence[int], used: range, n_pixels: int
) -> tuple[str, ...]:
    """Say where streams end before the frames in use do."""
    needed = used.stop * n_pixels
    # The last pixel of a scan may lack its gate, and a detector that saw nothing in it its events.
    if min(pixels) >= needed - 1:
        return ()
    finished = {stream.detector: min(stream.n_gates, needed) for stream in streams}
    where = {name: _place(n, used, n_pixels) for name, n in finished.items() if n < needed}
    places = list(dict.fromkeys(where.values()))
    if len(where) < len(streams) or len(places) > 1:
        places = [f"{place} in detector {name}" for name, place in where.items()]
    note = (
        "the acquisition was stopped or the file is cut short: the stream ends after "
        f"{'; '.join(places)}. All counts recorded are kept; the pixels behind have fewer or none"
    )
    return (note,)


def _place(finished: int, used: range, n_pixels: int) -> str:
    begin, end = used.start * n_pixels, used.stop * n_pixels
    frame = min(finished // n_pixels, used.stop - 1)
    return (
        f"pixel {finished - frame * n_pixels} of {n_pixels} of frame {frame + 1} ({finished} of "
        f"{end} pixels; {end - max(finished, begin)} missing)"
    )
