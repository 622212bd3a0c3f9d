"""Edges of labels as lines between pixels, which stay sharp at any size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from napari_eds.errors import LabelError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Segments = np.ndarray


def label_edges(labels: np.ndarray) -> Segments:
    """Return the edges between different labels, and around them.

    Parameters
    ----------
    labels : ndarray of int, (rows, columns)

    Returns
    -------
    ndarray, (segments, 2, 2)
        Ends (x, y) of each, in pixels from the upper left corner of the map. Pieces in one line
        are one segment.
    """
    padded = np.pad(labels, 1)
    across = _runs(padded[1:, 1:-1] != padded[:-1, 1:-1])  # along rows
    down = _runs((padded[1:-1, 1:] != padded[1:-1, :-1]).T)[..., ::-1]
    return np.concatenate([across, down])


def _runs(edges: np.ndarray) -> Segments:
    """Return runs of true along the second axis as ((start, line), (end, line))."""
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    line, start = np.nonzero(steps == 1)
    _, end = np.nonzero(steps == -1)
    return np.stack([np.stack([start, line], -1), np.stack([end, line], -1)], axis=1).astype(float)


def chosen_labels(labels: np.ndarray, chosen: Iterable[int] | None) -> np.ndarray:
    """Return labels with all but the chosen ones as background; all of them for None.

    Raises
    ------
    LabelError
        If a chosen label is not there.
    """
    if chosen is None:
        return labels
    wanted = np.unique(np.fromiter(chosen, dtype=np.int64))
    missing = np.setdiff1d(wanted, labels)
    if missing.size:
        raise LabelError(f"there is no label {missing[0]}: outlines are drawn of labels there are")
    return np.where(np.isin(labels, wanted), labels, 0)


def draw(
    axes: Axes, segments: Segments, pixel: tuple[float, float], color: str, width_pt: float
) -> None:
    """Draw edges over a map whose axes are in units of length."""
    from matplotlib.collections import LineCollection

    scaled = segments * np.array(pixel[::-1])
    axes.add_collection(
        LineCollection(list(scaled), colors=color, linewidths=width_pt, capstyle="projecting"),
        autolim=False,
    )
