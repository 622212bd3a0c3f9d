"""Chips as small as the counts allow: a quadtree over the map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from numbers import Real
from types import MappingProxyType

import numpy as np

from napari_eds._support.arguments import expect, numbers
from napari_eds._support.progress import check_cancelled
from napari_eds.errors import LabelError
from napari_eds.labels.chips import Chips

#: A rectangle of pixels: first row, row after the last, first column, column after the last.
_Box = tuple[int, int, int, int]


def adaptive_chips(
    counts_map: np.ndarray,
    min_counts: float,
    *,
    smallest: int = 1,
    largest: int | None = None,
    counted: str | None = None,
) -> Chips:
    """Cut a map into rectangles that all hold enough counts, small where there are many.

    Beginning with the whole map, a rectangle is halved across its longer side, so that a square
    becomes four, as long as every part holds `min_counts`; where that fails and its sides are
    nearly equal, across the other (a quadtree, R. A. Finkel and J. L. Bentley, Acta Informatica 4
    (1974) 1, for maps of any shape). Odd sides give parts that differ by one pixel.

    Parameters
    ----------
    counts_map : ndarray, (rows, columns)
        Counts of each pixel, such as `SpectrumImage.counts_map`, the X-rays above the noise peak,
        or `window_map` of the energies that are fitted.
    min_counts : float
        What each chip must hold at least.
    smallest : int
        Shortest side of a chip in pixels.
    largest : int, optional
        Longest side of a chip in pixels. What cannot gather `min_counts` within it, such as
        vacuum, stays unlabelled. Without it every pixel is in exactly one chip.
    counted : str, optional
        What `counts_map` counts, such as `EnergyAxis.counted`, to be told where it is too little.

    Returns
    -------
    Chips
        Named ``Q{row}-{column}-{rows}x{columns}`` by first pixel and size, such as
        ``Q128-64-16x16``.

    Raises
    ------
    LabelError
        If no chip could hold `min_counts`, or an argument makes no sense.

    Examples
    --------
    >>> counts = np.ones((4, 4))
    >>> counts[:2, :2] = 100
    >>> adaptive_chips(counts, 4).labels
    array([[1, 2, 3, 3],
           [4, 5, 3, 3],
           [6, 6, 7, 7],
           [6, 6, 7, 7]], dtype=int32)
    """
    expect(
        min_counts=(min_counts, Real), smallest=(smallest, Real), largest=(largest, Real | None)
    )
    counts = _checked_counts(counts_map)
    limits = _Limits.create(min_counts, smallest, largest, counts.shape)
    boxes = sorted(_boxes(counts, limits), key=lambda box: (box[0], box[2]))
    if not boxes:
        where = "the map" if largest is None else f"no chip of at most {largest} pixels a side"
        holds = f"holds {counts.sum():,g} counts" if largest is None else "holds that many"
        of = "" if counted is None else f" (counted are {counted})"
        raise LabelError(
            f"{where} {holds}{of}, and each chip is to hold {min_counts:,g}; ask for fewer counts"
        )
    labels = np.zeros(counts.shape, np.int32)
    names = {}
    for i, (top, bottom, left, right) in enumerate(boxes, start=1):
        labels[top:bottom, left:right] = i
        names[i] = f"Q{top}-{left}-{bottom - top}x{right - left}"
    return Chips(labels, MappingProxyType(names))


@dataclass(frozen=True)
class _Limits:
    """What a chip must hold, and between which sides in pixels it must stay."""

    min_counts: float
    smallest: int
    largest: int

    @classmethod
    def create(
        cls, min_counts: float, smallest: int, largest: int | None, shape: tuple[int, ...]
    ) -> _Limits:
        if not (np.isfinite(min_counts) and min_counts > 0):
            raise LabelError(f"chips must hold a positive number of counts, not {min_counts}")
        highest = max(shape) if largest is None else largest
        for name, side in (("smallest", smallest), ("largest", highest)):
            if side != int(side) or side < 1:
                raise LabelError(f"the {name} side is a whole number of pixels, not {side}")
        if smallest > min(shape):
            raise LabelError(
                f"chips of at least {smallest} pixels a side do not fit a map of {shape} pixels"
            )
        # A side just above the largest is halved, and its halves must be allowed.
        if largest is not None and largest < min(2 * smallest - 1, max(shape)):
            raise LabelError(
                f"the largest side must be at least {2 * smallest - 1} pixels, so that what is "
                f"cut is not below the smallest of {smallest}; it is {largest}"
            )
        return cls(float(min_counts), int(smallest), int(highest))


def _checked_counts(counts_map: np.ndarray) -> np.ndarray:
    counts = numbers("counts_map", counts_map, LabelError)
    if counts.ndim != 2 or counts.size == 0 or counts.dtype.kind not in "biuf":
        raise LabelError(
            f"expected the counts of a map (rows, columns), not {counts.dtype} values of shape "
            f"{counts.shape}"
        )
    counts = counts.astype(np.float64 if counts.dtype.kind == "f" else np.int64)
    if not np.isfinite(counts).all() or counts.min() < 0:
        raise LabelError("counts of pixels must be finite and not negative")
    return counts


def _boxes(counts: np.ndarray, limits: _Limits) -> Iterator[_Box]:
    """Yield the leaves of the tree, in no particular order."""
    below = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1), counts.dtype)
    below[1:, 1:] = counts.cumsum(axis=0).cumsum(axis=1)

    def enough(box: _Box) -> bool:
        top, bottom, left, right = box
        inside = below[bottom, right] - below[top, right] - below[bottom, left] + below[top, left]
        return inside >= limits.min_counts

    waiting: list[_Box] = [(0, counts.shape[0], 0, counts.shape[1])]
    while waiting:
        check_cancelled()
        box = waiting.pop()
        parts = next((p for p in _cuts(box, limits.smallest) if all(map(enough, p))), None)
        if parts is None:
            parts = _parts(box, *_too_long(box, limits.largest))
        if len(parts) > 1:
            waiting.extend(parts)
        elif enough(box):
            yield box


def _cuts(box: _Box, smallest: int) -> Iterator[list[_Box]]:
    """Yield the ways to cut a rectangle, the preferred first."""
    rows, columns = box[1] - box[0], box[3] - box[2]
    # Only what is nearly square is cut across its shorter side: strips would be poor pictures.
    nearly_square = 2 * max(rows, columns) < 3 * min(rows, columns)
    for by_row in (rows >= columns, rows < columns):
        longer = by_row == (rows >= columns)
        if (longer or nearly_square) and (rows if by_row else columns) >= 2 * smallest:
            yield _parts(box, by_row=by_row, by_column=not by_row)


def _too_long(box: _Box, largest: int) -> tuple[bool, bool]:
    """Along which axes, (rows, columns), a rectangle must be cut whatever it holds."""
    return box[1] - box[0] > largest, box[3] - box[2] > largest


def _parts(box: _Box, by_row: bool, by_column: bool) -> list[_Box]:  # noqa: FBT001
    """Halve a rectangle along the axes asked for."""
    top, bottom, left, right = box
    row_edges = [top, (top + bottom) // 2, bottom] if by_row else [top, bottom]
    column_edges = [left, (left + right) // 2, right] if by_column else [left, right]
    return [
        (*rows, *columns)
        for rows, columns in product(
            pairwise(row_edges),
            pairwise(column_edges),
        )
    ]
