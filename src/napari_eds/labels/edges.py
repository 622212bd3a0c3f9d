"""Edges of labels as lines between pixels, which stay sharp at any size."""

from __future__ import annotations

import numpy as np


def label_edges(labels: np.ndarray) -> np.ndarray:
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


def _runs(edges: np.ndarray) -> np.ndarray:
    """Return runs of true along the second axis as ((start, line), (end, line))."""
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    line, start = np.nonzero(steps == 1)
    _, end = np.nonzero(steps == -1)
    return np.stack([np.stack([start, line], -1), np.stack([end, line], -1)], axis=1).astype(float)
