"""Editing labels: joining them, and changing their shapes.

The functions return a new map and leave the given one alone; what they do not mention, such as
holes and disconnected parts, they keep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from numbers import Integral, Real

import numpy as np
from scipy import ndimage

from napari_eds._support.arguments import each, expect, numbers
from napari_eds.errors import LabelError
from napari_eds.spectra.label_sums import check_labels

#: Pixels touch at edges and at corners: a diagonal line of single pixels is one part.
TOUCHING = np.ones((3, 3), dtype=bool)


def merge_labels(labels: np.ndarray, ids: Iterable[int]) -> np.ndarray:
    """Return labels in which some are one, with the lowest of their ids.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    ids : iterable of int
        Those that label no pixel are left out.

    Raises
    ------
    LabelError
        If fewer than two of the labels are there.

    Examples
    --------
    >>> merge_labels(np.array([[1, 1, 2, 3]]), [3, 2]).tolist()
    [[1, 1, 2, 2]]
    """
    labels = numbers("labels", labels, LabelError)
    wanted = np.setdiff1d(each("ids", ids, Integral), [0])
    joined = np.isin(labels, wanted)
    there = np.unique(labels[joined])
    if len(there) < 2:
        raise LabelError("select at least two labels to merge")
    merged = labels.copy()
    merged[joined] = there[0]
    return merged


def grow_labels(
    labels: np.ndarray,
    pixels: float,
    *,
    ids: Iterable[int] | None = None,
    into_labels: bool = False,
) -> np.ndarray:
    """Return a map in which labels reach further by a number of pixels.

    A pixel goes to the nearest label, if that is not farther than `pixels` between centres.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    pixels : float
    ids : iterable of int, optional
        Labels that grow; all by default.
    into_labels : bool
        Whether they take pixels of the labels that do not grow, or of the background only.

    Raises
    ------
    LabelError
        If the labels are no label map, or `pixels` is negative.
    """
    ids = _chosen(ids)
    checked, growing = _checked(labels, ids)
    _check_pixels(pixels)
    if not growing.any():
        return np.array(labels)
    distance, nearest = ndimage.distance_transform_edt(~growing, return_indices=True)
    reached = ~growing & (distance <= pixels)
    if not into_labels:
        reached &= checked == 0
    return _like(labels, np.where(reached, checked[tuple(nearest)], checked))


def shrink_labels(
    labels: np.ndarray, pixels: float, *, ids: Iterable[int] | None = None
) -> np.ndarray:
    """Return a map in which labels end earlier by a number of pixels.

    A pixel goes to the background if one that is not of its label, background or other, is not
    farther than `pixels` between centres. The edge of the map takes nothing away. A label that
    is thin everywhere vanishes.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    pixels : float
    ids : iterable of int, optional
        Labels that shrink; all by default.

    Raises
    ------
    LabelError
        If the labels are no label map, or `pixels` is negative.
    """
    ids = _chosen(ids)
    checked, _ = _checked(labels, ids)
    _check_pixels(pixels)
    result = checked.copy()
    for i, box in _boxes(checked, ids, margin=int(np.ceil(pixels))):
        inside = checked[box] == i
        if not inside.all():
            result[box][inside & (ndimage.distance_transform_edt(inside) <= pixels)] = 0
    return _like(labels, result)


def smooth_labels(labels: np.ndarray, radius: int = 1) -> np.ndarray:
    """Return a map in which every pixel has the label most frequent around it.

    The background takes part like a label. Of equally frequent labels the pixel's own wins,
    else the lowest. Thin and small labels can vanish.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    radius : int
        Of the square of ``2 radius + 1`` pixels a side that is looked at; the map ends there.

    Raises
    ------
    LabelError
        If the labels are no label map, or `radius` is no whole number above 0.
    """
    expect(radius=(radius, Real))
    checked, _ = _checked(labels, None)
    if radius != int(radius) or radius < 1:
        raise LabelError(f"the radius must be a whole number of pixels above 0, not {radius}")
    most = _votes(checked == 0, radius)
    result = np.zeros_like(checked)
    for i, box in _boxes(checked, None, margin=int(radius)):
        votes = _votes(checked[box] == i, radius)
        wins = votes > most[box]
        result[box][wins] = i
        most[box][wins] = votes[wins]
    return _like(labels, result)


def remove_small_labels(
    labels: np.ndarray, min_pixels: int, *, into_neighbour: bool = False
) -> np.ndarray:
    """Return a map without the labels of fewer than a number of pixels.

    All parts of a label count together; `split_labels` makes labels of its parts.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    min_pixels : int
    into_neighbour : bool
        Whether their pixels go to the label with which they share most edges of pixels, the
        smallest labels first, or to the background, as those without a neighbour always do.

    Raises
    ------
    LabelError
        If the labels are no label map.
    """
    expect(min_pixels=(min_pixels, Real))
    checked, _ = _checked(labels, None)
    ids, dense, sizes = np.unique(checked, return_inverse=True, return_counts=True)
    dense = dense.reshape(checked.shape)
    goes_to = np.arange(len(ids))
    if into_neighbour:
        small = np.flatnonzero((sizes < min_pixels) & (ids > 0))
        shared = _shared_edges(dense, ids == 0)
        goes_to = _into_neighbours(small.tolist(), min_pixels, sizes, shared)
    joined = np.bincount(goes_to, weights=sizes, minlength=len(ids))
    target = np.where(joined[goes_to] < min_pixels, 0, ids[goes_to])
    return _like(labels, target[dense])


def split_labels(labels: np.ndarray, ids: Iterable[int] | None = None) -> np.ndarray:
    """Return a map in which parts of a label that do not touch are labels of their own.

    Pixels touch at edges and at corners. The largest part keeps the id, of equal ones the first
    in reading order; the others get ids above all there were.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    ids : iterable of int, optional
        Labels to split; all by default.

    Raises
    ------
    LabelError
        If the labels are no label map.
    """
    ids = _chosen(ids)
    checked, _ = _checked(labels, ids)
    result = checked.copy()
    free = int(checked.max(initial=0)) + 1
    for i, box in _boxes(checked, ids):
        parts, n = ndimage.label(checked[box] == i, structure=TOUCHING)
        largest = np.bincount(parts.ravel())[1:].argmax() + 1
        for part in range(1, n + 1):
            if part != largest:
                result[box][parts == part] = free
                free += 1
    return _like(labels, result)


def fill_holes(labels: np.ndarray, ids: Iterable[int] | None = None) -> np.ndarray:
    """Return a map in which background enclosed by one label belongs to it.

    Other labels in a hole stay. Background inside several labels goes to the innermost.
    Background enclosed only by several labels together, or by the edge of the map, stays.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
    ids : iterable of int, optional
        Labels whose holes are filled; all by default.

    Raises
    ------
    LabelError
        If the labels are no label map.
    """
    ids = _chosen(ids)
    checked, _ = _checked(labels, ids)
    filled = []
    for i, box in _boxes(checked, ids):
        whole = ndimage.binary_fill_holes(checked[box] == i)
        filled.append((int(whole.sum()), i, box, whole))
    result = checked.copy()
    # What lies inside another label is smaller than it.
    for _, i, box, whole in sorted(filled, key=lambda found: -found[0]):
        result[box][whole & (checked[box] == 0)] = i
    return _like(labels, result)


def reading_order(labels: np.ndarray) -> dict[int, int]:
    """Return the ids of labels with those that count from 1 by first pixel in reading order.

    Raises
    ------
    LabelError
        If the labels are no label map.

    Examples
    --------
    >>> reading_order(np.array([[0, 7, 7], [3, 3, 7]]))
    {7: 1, 3: 2}
    """
    checked, _ = _checked(labels, None)
    ids, first = np.unique(checked, return_index=True)
    ordered = ids[np.argsort(first)]
    return {int(i): place for place, i in enumerate(ordered[ordered > 0], start=1)}


def in_reading_order(labels: np.ndarray) -> np.ndarray:
    """Return the labels with ids as `reading_order` counts them.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)

    Returns
    -------
    ndarray, as `labels`
    """
    new = reading_order(labels)
    ids, dense = np.unique(labels, return_inverse=True)
    renamed = np.array([new.get(int(i), 0) for i in ids], np.int64)
    return _like(labels, renamed[dense.reshape(np.shape(labels))])


def _checked(labels: np.ndarray, ids: Iterable[int] | None) -> tuple[np.ndarray, np.ndarray]:
    """Return a checked copy of a label map, and which pixels have one of the ids."""
    checked = check_labels(labels)
    if ids is None:
        return checked, checked > 0
    return checked, (checked > 0) & np.isin(checked, list(ids))


def _chosen(ids: Iterable[int] | None) -> tuple[int, ...] | None:
    """Return chosen labels as what can be gone through more than once."""
    return None if ids is None else each("ids", ids, Integral)


def _check_pixels(pixels: float) -> None:
    expect(pixels=(pixels, Real))
    if not (np.isfinite(pixels) and pixels >= 0):
        raise LabelError(f"the number of pixels must be finite and not negative, not {pixels}")


def _like(labels: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Return a result in the type of the labels it came from, if that holds its ids."""
    dtype = np.asarray(labels).dtype
    fits = dtype.kind in "iu" and result.max(initial=0) <= np.iinfo(dtype).max
    return result.astype(dtype if fits else np.int64)


def _boxes(
    labels: np.ndarray, ids: Iterable[int] | None, margin: int = 0
) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Yield labels, ascending, with the rectangle around each, widened inside the map."""
    found, dense = np.unique(labels, return_inverse=True)
    wanted = None if ids is None else set(ids)
    places = ndimage.find_objects(dense.reshape(labels.shape) + 1)
    for i, place in zip(found.tolist(), places, strict=True):
        if i > 0 and (wanted is None or i in wanted):
            rows, columns = (slice(max(s.start - margin, 0), s.stop + margin) for s in place)
            yield i, (rows, columns)


def _votes(inside: np.ndarray, radius: int) -> np.ndarray:
    """Return how many pixels around each are inside, and half a vote more for its own."""
    width = np.ones(2 * int(radius) + 1)
    votes = inside.astype(float)
    for axis in (0, 1):
        votes = ndimage.convolve1d(votes, width, axis=axis, mode="constant")
    return votes + 0.5 * inside


def _shared_edges(dense: np.ndarray, background: np.ndarray) -> dict[int, Counter[int]]:
    """Return with which labels each shares how many edges of pixels."""
    shared: dict[int, Counter[int]] = {}
    n = int(dense.max(initial=0)) + 1
    for one, other in ((dense[1:], dense[:-1]), (dense[:, 1:], dense[:, :-1])):
        apart = (one != other) & ~background[one] & ~background[other]
        pairs, counts = np.unique(one[apart] * n + other[apart], return_counts=True)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            for a, b in (divmod(pair, n), divmod(pair, n)[::-1]):
                shared.setdefault(a, Counter())[b] += count
    return shared


def _into_neighbours(
    small: list[int], min_pixels: int, sizes: np.ndarray, shared: dict[int, Counter[int]]
) -> np.ndarray:
    """Return where each label goes: the small ones, smallest first, into a neighbour."""
    goes_to = np.arange(len(sizes))
    for label in sorted(small, key=lambda i: (sizes[i], i)):
        members = np.flatnonzero(goes_to == label)
        if sizes[members].sum() >= min_pixels:
            continue
        edges: Counter[int] = Counter()
        for member in members.tolist():
            for neighbour, count in shared.get(member, Counter()).items():
                if goes_to[neighbour] != label:
                    edges[int(goes_to[neighbour])] += count
        if edges:
            best = min(edges, key=lambda i: (-edges[i], i))
            goes_to[members] = best
    return goes_to
