"""Labels of drawn shapes: polygons, rectangles and ellipses."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from napari_eds._support.arguments import each, map_shape
from napari_eds.errors import LabelError
from napari_eds.labels.chips import Chips

#: Kinds of shapes that enclose an area.
KINDS = ("polygon", "rectangle", "ellipse")


def labels_from_shapes(
    shapes: Sequence[tuple[str, ArrayLike]],
    shape: tuple[int, int],
    names: Sequence[str] | None = None,
) -> Chips:
    """Label the pixels whose centres lie in drawn shapes.

    Parameters
    ----------
    shapes : sequence of (str, array_like)
        Kind (``"polygon"``, ``"rectangle"`` or ``"ellipse"``) and vertices, (n, 2), as (row,
        column) in pixels; the centre of the first pixel is (0, 0), as in napari. A rectangle or
        the box around an ellipse has four corners in turn, and may be tilted, or two opposite
        ones. Later shapes lie on top, and what is outside the map is cut off.
    shape : tuple of int
        (rows, columns) of the map.
    names : sequence of str, optional
        One for each shape.

    Returns
    -------
    Chips
        Shape number i, counted from 1, has label i, named ``shape i`` unless `names` says
        otherwise. One that covers no pixel, or is hidden by others, has no name either.

    Raises
    ------
    LabelError
        If a shape encloses no area by its kind or its vertices, or no pixel is covered.

    Examples
    --------
    >>> labels_from_shapes([("rectangle", [(0, 1), (1, 2)])], (3, 4)).labels
    array([[0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]], dtype=int32)
    """
    shape = map_shape(shape)
    shapes = each("shapes", shapes, tuple | list)
    names = None if names is None else each("names", names, str)
    if names is not None and len(names) != len(shapes):
        raise LabelError(f"{len(names)} names do not belong to {len(shapes)} shapes")
    labels = np.zeros(shape, np.int32)
    for i, (kind, vertices) in enumerate(shapes, start=1):
        labels[_covered(kind, _checked(kind, vertices, i), labels.shape)] = i
    seen = np.unique(labels[labels > 0]).tolist()
    if not seen:
        raise LabelError(f"no pixel of the map of {tuple(shape)} is inside a shape")
    called = [f"shape {i}" for i in range(1, len(shapes) + 1)] if names is None else names
    return Chips(labels, MappingProxyType({i: called[i - 1] for i in seen}))


def _checked(kind: str, vertices: ArrayLike, number: int) -> np.ndarray:
    """Return the vertices of a shape, (n, 2), four for rectangles and ellipses."""
    if kind not in KINDS:
        raise LabelError(
            f"shape {number} is a {kind}, which encloses no area; draw a {', a '.join(KINDS)}"
        )
    points = np.asarray(vertices, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise LabelError(
            f"the vertices of shape {number} must be (n, 2) finite numbers, not of shape "
            f"{points.shape}"
        )
    if kind == "polygon":
        if len(points) < 3:
            raise LabelError(f"shape {number}, a polygon, has {len(points)} vertices, not 3")
        return points
    if len(points) == 2:
        (top, left), (bottom, right) = points
        points = np.array([(top, left), (top, right), (bottom, right), (bottom, left)])
    if len(points) != 4:
        raise LabelError(f"shape {number}, a {kind}, has {len(points)} corners, not 4 or 2")
    return points


def _covered(
    kind: str, points: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels, rows and columns, whose centres lie in a shape."""
    from skimage.draw import polygon

    if kind != "ellipse":
        return polygon(points[:, 0], points[:, 1], shape)
    lowest = np.maximum(np.ceil(points.min(axis=0)), 0).astype(int)
    highest = np.minimum(np.floor(points.max(axis=0)), np.array(shape) - 1).astype(int)
    rows, columns = (np.arange(a, b + 1) for a, b in zip(lowest, highest, strict=True))
    # Half axes from the corners, so that the ellipse touches all four sides of its box.
    along, across = (points[1] - points[0]) / 2, (points[3] - points[0]) / 2
    area = along[0] * across[1] - along[1] * across[0]
    if area == 0:
        return np.zeros(0, int), np.zeros(0, int)
    row, column = rows[:, None] - points[:, 0].mean(), columns - points[:, 1].mean()
    u = (row * across[1] - column * across[0]) / area
    v = (column * along[0] - row * along[1]) / area
    inside_rows, inside_columns = np.nonzero(u**2 + v**2 <= 1)
    return rows[inside_rows], columns[inside_columns]
