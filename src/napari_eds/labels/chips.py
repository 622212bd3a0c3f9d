"""Label maps made by tiling, and descriptions of any label map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy import ndimage

from napari_eds._support.arguments import expect, map_shape, numbers
from napari_eds._support.brief import brief
from napari_eds.errors import LabelError
from napari_eds.spectra.label_sums import check_labels

#: What `describe_labels` calls its index, the names of labels, their pixels and their centroids.
LABEL, CHIP, N_PIXELS, ROW, COLUMN = "label", "chip", "n_pixels", "row", "column"


@brief
@dataclass(frozen=True, eq=False)
class Chips:
    """Labels of a map with their names: a grid, or regions of any shape.

    Attributes
    ----------
    labels : ndarray of int32, (rows, columns)
        Label map; 0 where there is no chip. Ids count from 1 in reading order, by the first
        pixel of each.
    names : mapping of int to str
        Label id to chip name. In a grid it is ``R{row}C{col}``, with zero-based row and column
        of the grid; every maker of other regions says how it names them.
    grid : tuple of int or None
        Number of chips along (rows, columns); None where the chips form no grid.
    size : tuple of int or None
        Chip size in pixels along (rows, columns); None where the chips form no grid.
    """

    labels: np.ndarray
    names: Mapping[int, str] = field(repr=False)
    grid: tuple[int, int] | None = None
    size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.names)


def labelled(
    labels: np.ndarray | Chips, names: Mapping[int, str] | None, shape: tuple[int, int]
) -> tuple[np.ndarray, Mapping[int, str] | None]:
    """Return labels of a map as `check_labels` does, and their names: chips bring theirs.

    Raises
    ------
    LabelError
        If it is no label map of `shape`, or labels no pixel.
    """
    expect(names=(names, Mapping | None))
    if isinstance(labels, Chips):
        names = labels.names if names is None else names
        labels = labels.labels
    labels = check_labels(labels, shape)
    if not labels.any():
        raise LabelError("no pixel is labelled; paint a region or make a grid first")
    return labels, names


def grid_chips(shape: tuple[int, int], size: int | tuple[int, int]) -> Chips:
    """Tile a map into equal chips.

    ``floor(extent / size)`` chips fit along each axis; the remainder at the bottom and right
    stays unlabelled.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of the map.
    size : int or tuple of int
        Chip size in pixels, one number for squares or (rows, columns).

    Raises
    ------
    LabelError
        If a size is below one pixel or larger than the map.

    Examples
    --------
    >>> chips = grid_chips((512, 512), 15)
    >>> len(chips), chips.grid, chips.names[1156]
    (1156, (34, 34), 'R33C33')
    """
    shape = map_shape(shape)
    size_rc = chip_size(shape, size)
    n_rows, n_columns = (extent // step for extent, step in zip(shape, size_rc, strict=True))
    ids = np.arange(1, n_rows * n_columns + 1, dtype=np.int32).reshape(n_rows, n_columns)
    labels = np.zeros(shape, np.int32)
    tiled = np.kron(ids, np.ones(size_rc, np.int32))
    labels[: tiled.shape[0], : tiled.shape[1]] = tiled
    names = {
        row * n_columns + column + 1: f"R{row}C{column}"
        for row in range(n_rows)
        for column in range(n_columns)
    }
    return Chips(labels, MappingProxyType(names), (n_rows, n_columns), size_rc)


def whole_map(shape: tuple[int, int]) -> Chips:
    """Make the whole map one region, named ``map``.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of the map.
    """
    shape = map_shape(shape)
    return Chips(np.ones(shape, np.int32), MappingProxyType({1: "map"}))


def chip_size(shape: tuple[int, int], size: int | tuple[int, int]) -> tuple[int, int]:
    """Return a chip size as (rows, columns), checked against the map."""
    given = numbers("size", size, LabelError)
    pair = np.broadcast_to(given, 2) if given.ndim == 0 else given
    if pair.shape != (2,) or not np.isfinite(pair).all() or (pair != np.floor(pair)).any():
        raise LabelError(f"chip size must be one or two whole numbers of pixels, not {size}")
    rows, columns = (int(s) for s in pair)
    if not (1 <= rows <= shape[0] and 1 <= columns <= shape[1]):
        raise LabelError(
            f"chips of {rows} x {columns} pixels do not fit a map of {shape[0]} x {shape[1]}"
        )
    return rows, columns


def describe_labels(labels: np.ndarray, names: Mapping[int, str] | None = None) -> pd.DataFrame:
    """Describe where labels lie.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)
        Label map; 0 is background.
    names : mapping of int to str, optional
        Names of labels; one without a name is called by its id.

    Returns
    -------
    DataFrame
        One row per label, indexed by ``label`` in ascending order: ``chip`` (name),
        ``n_pixels``, bounding box ``row_start``, ``row_stop``, ``column_start``,
        ``column_stop`` (half open, as in numpy) and centroid ``row``, ``column`` in pixels.
    """
    expect(names=(names, Mapping | None))
    labels = check_labels(labels)
    ids, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape)
    if ids.size and ids[0] == 0:
        ids = ids[1:]
    else:
        dense = dense + 1
    wanted = np.arange(1, ids.size + 1)
    boxes = np.array(
        [(r.start, r.stop, c.start, c.stop) for r, c in ndimage.find_objects(dense)],
        dtype=np.int64,
    ).reshape(-1, 4)
    n_pixels = np.bincount(dense.ravel(), minlength=ids.size + 1)[1:]
    centroids = [
        ndimage.sum_labels(position, dense, wanted) / n_pixels
        for position in np.indices(labels.shape)
    ]
    names = names or {}
    return pd.DataFrame(
        {
            CHIP: [names.get(int(i), str(i)) for i in ids],
            N_PIXELS: n_pixels,
            "row_start": boxes[:, 0],
            "row_stop": boxes[:, 1],
            "column_start": boxes[:, 2],
            "column_stop": boxes[:, 3],
            ROW: centroids[0],
            COLUMN: centroids[1],
        },
        index=pd.Index(ids, name=LABEL),
    )
