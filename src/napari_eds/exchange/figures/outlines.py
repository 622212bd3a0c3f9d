"""Outlines of labels in figures, as lines between pixels."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from napari_eds._support.arguments import each
from napari_eds.errors import LabelError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def chosen_labels(labels: np.ndarray, chosen: Iterable[int] | None) -> np.ndarray:
    """Return labels with all but the chosen ones as background; all of them for None.

    Raises
    ------
    LabelError
        If a chosen label is not there.
    """
    if chosen is None:
        return labels
    wanted = np.unique(np.array(each("outline", chosen, Integral), np.int64))
    missing = np.setdiff1d(wanted, labels)
    if missing.size:
        raise LabelError(f"there is no label {missing[0]}: outlines are drawn of labels there are")
    return np.where(np.isin(labels, wanted), labels, 0)


def draw(
    axes: Axes, segments: np.ndarray, pixel: tuple[float, float], color: str, width_pt: float
) -> None:
    """Draw edges over a map whose axes are in units of length."""
    from matplotlib.collections import LineCollection

    scaled = segments * np.array(pixel[::-1])
    axes.add_collection(
        LineCollection(list(scaled), colors=color, linewidths=width_pt, capstyle="projecting"),
        autolim=False,
    )
