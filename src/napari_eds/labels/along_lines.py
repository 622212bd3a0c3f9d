"""Labels of bins along a line: whole pixels, each in one bin by its distance along the line."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from napari_eds._support.arguments import expect, numbers
from napari_eds._support.brief import brief
from napari_eds.errors import LabelError
from napari_eds.labels.chips import Chips

#: Of a pixel: what rounding must not put on the wrong side of a border.
_ROUNDING = 1e-9
#: A last bin that is filled less than this joins the one before.
_LEAST_FILLED = 0.5


@brief
@dataclass(frozen=True, eq=False)
class Line:
    """A line over a map, straight or of several straight parts, with a width.

    Attributes
    ----------
    points : ndarray, (n, 2)
        Ends, and corners between, as (row, column) in pixels; the centre of the first pixel is
        (0, 0), as in napari.
    width_px : float
        Full width across the line, in mean pixels.
    name : str
    """

    points: np.ndarray
    width_px: float = 1.0
    name: str = "line"

    def __post_init__(self) -> None:
        points = numbers("points", self.points, LabelError).astype(float)
        expect(width_px=(self.width_px, Real))
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            raise LabelError(
                f"{self.name}: a line needs two points (row, column) or more, "
                f"got shape {points.shape}"
            )
        if (
            not np.isfinite(points).all()
            or (np.abs(np.diff(points, axis=0)).sum(axis=1) == 0).any()
        ):
            raise LabelError(f"{self.name}: two neighbouring points of a line must differ")
        if not (np.isfinite(self.width_px) and self.width_px > 0):
            raise LabelError(f"{self.name}: the width must be positive, not {self.width_px}")
        object.__setattr__(self, "points", points)

    def _brief(self) -> str:
        ends = " to ".join(f"({r:g}, {c:g})" for r, c in self.points[[0, -1]])
        return f"{self.name!r} from {ends}, {self.width_px:g} px wide"


@dataclass(frozen=True, eq=False)
class LinePixels:
    """Which pixels a line covers, and where along it they lie.

    Attributes
    ----------
    distances : ndarray, (rows, columns)
        From the first point along the line, in mean pixels; NaN beside the line.
    step_px : float
        How far one pixel reaches along the line, in mean pixels.
    length_px : float
        From the first to the last point.
    """

    distances: np.ndarray
    step_px: float
    length_px: float

    @property
    def per_step(self) -> float:
        """Mean number of pixels along one step."""
        n = int(np.isfinite(self.distances).sum())
        return n * self.step_px / (self.length_px + self.step_px)


def line_pixels(
    line: Line, shape: tuple[int, int], pixel_size: tuple[float, float] = (1.0, 1.0)
) -> LinePixels:
    """Find the pixels whose centres lie within half the width of a line.

    Across an end, and half a pixel beyond it, the line stops at a right angle. At corners a pixel
    belongs to the part of the line it is nearer to.

    Parameters
    ----------
    line : Line
    shape : tuple of int
        (rows, columns) of the map.
    pixel_size : (float, float)
        (row, column); distances are true to scale where pixels are not square.

    Raises
    ------
    LabelError
        If the line covers no pixel of the map.
    """
    expect(line=(line, Line))
    # In mean pixels, so that oblong pixels are true to scale.
    scale = np.asarray(pixel_size, float) / np.sqrt(pixel_size[0] * pixel_size[1])
    points = line.points * scale
    parts = np.diff(points, axis=0)
    lengths = np.hypot(*parts.T)
    starts = np.concatenate([[0.0], np.cumsum(lengths)])
    box = _box(line, shape, scale)
    grid = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1)
    place = grid * scale
    nearest = np.full(place.shape[:2], np.inf)
    distances = np.full(place.shape[:2], np.nan)
    half, steps = line.width_px / 2, np.abs(parts / lengths[:, None]) @ scale
    for i, (first, part, length) in enumerate(zip(points, parts, lengths, strict=False)):
        along, across = _along(place - first, part / length)
        before = steps[i] / 2 if i == 0 else 0.0
        after = steps[i] / 2 if i == len(parts) - 1 else 0.0
        # Half open, so that a line of n pixels in width covers n rows whatever its place.
        inside = (along >= -before - _ROUNDING) & (along < length + after - _ROUNDING)
        inside &= (across >= -half - _ROUNDING) & (across < half - _ROUNDING)
        closer = inside & (np.abs(across) < nearest)
        nearest[closer] = np.abs(across[closer])
        distances[closer] = starts[i] + along[closer]
    if not np.isfinite(distances).any():
        raise LabelError(f"{line.name} covers no pixel of the map of {shape[0]} x {shape[1]}")
    whole = np.full(shape, np.nan)
    whole[box] = distances
    return LinePixels(whole, float(np.average(steps, weights=lengths)), float(starts[-1]))


def length_on_map_px(
    line: Line, shape: tuple[int, int], pixel_size: tuple[float, float] = (1.0, 1.0)
) -> float:
    """Return how much of a line lies on a map, along its middle, in mean pixels.

    Parameters
    ----------
    line : Line
    shape : tuple of int
        (rows, columns) of the map, whose border is half a pixel around the outermost centres.
    pixel_size : (float, float)
        (row, column).
    """
    scale = np.asarray(pixel_size, float) / np.sqrt(pixel_size[0] * pixel_size[1])
    found = 0.0
    for first, last in zip(line.points, line.points[1:], strict=False):
        part = last - first
        enters, leaves = 0.0, 1.0
        for start, step, n in zip(first, part, shape, strict=True):
            if step == 0:
                crossings = (0.0, 1.0) if -0.5 <= start <= n - 0.5 else (1.0, 0.0)
            else:
                low, high = sorted(((-0.5 - start) / step, (n - 0.5 - start) / step))
                crossings = (low, high)
            enters, leaves = max(enters, crossings[0]), min(leaves, crossings[1])
        found += max(leaves - enters, 0.0) * float(np.hypot(*(part * scale)))
    return found


def line_bins(pixels: LinePixels, bin_px: float) -> Chips:
    """Cut the pixels of a line into bins, numbered from 1 along it.

    Every pixel belongs to the bin of its distance. A last bin that is filled by less than half
    joins the one before.

    Parameters
    ----------
    pixels : LinePixels
    bin_px : float
        Length of a bin, in mean pixels.

    Raises
    ------
    LabelError
        If the length is not positive.
    """
    expect(bin_px=(bin_px, Real))
    if not (np.isfinite(bin_px) and bin_px > 0):
        raise LabelError(f"bins must have a positive length, not {bin_px}")
    # From half a pixel before the first point to half a pixel after the last one.
    along = pixels.distances + pixels.step_px / 2
    filled = (pixels.length_px + pixels.step_px) / bin_px
    n = max(int(filled + 1 - _LEAST_FILLED + _ROUNDING), 1)
    covered = np.isfinite(along)
    found = np.clip(np.floor(along[covered] / bin_px + _ROUNDING), 0, n - 1).astype(np.int32)
    labels = np.zeros(pixels.distances.shape, np.int32)
    labels[covered] = found + 1
    # Bins without a pixel, as a line across the border of a map has, have no name.
    return Chips(labels, {int(i): f"bin {i}" for i in np.unique(found + 1)})


def points_from(ends: ArrayLike, unit: str, pixel_size_nm: tuple[float, float]) -> np.ndarray:
    """Return points in pixels that were given in pixels or in nm.

    Parameters
    ----------
    ends : array_like, (n, 2)
        (row, column); in nm from the centre of the first pixel.
    unit : {"px", "nm"}
    pixel_size_nm : (float, float)

    Raises
    ------
    LabelError
        If the unit is another, or is nm and the pixels have no length.
    """
    points = np.asarray(ends, float)
    if unit == "px":
        return points
    if unit != "nm":
        raise LabelError(f"points of a line are in px or nm, not {unit!r}")
    if not np.isfinite(pixel_size_nm).all():
        raise LabelError("the pixels of this map have no length: give the line in pixels")
    return points / np.asarray(pixel_size_nm)


def _along(place: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances along a direction of length 1 and to the right of it."""
    return place @ direction, place @ np.array([direction[1], -direction[0]])


def _box(line: Line, shape: tuple[int, int], scale: np.ndarray) -> tuple[slice, slice]:
    """Return the part of the map that the line can cover: a line needs no map of distances."""
    reach = (line.width_px / 2 + 1) / scale + 1
    low = np.floor(line.points.min(axis=0) - reach).astype(int)
    high = np.ceil(line.points.max(axis=0) + reach).astype(int) + 1
    rows, columns = (
        slice(max(int(a), 0), min(max(int(b), 0), n))
        for a, b, n in zip(low, high, shape, strict=True)
    )
    return (rows, columns)
