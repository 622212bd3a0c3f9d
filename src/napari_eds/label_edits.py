"""Joining labels: which pixels change, and what the labels' features then say."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from napari_eds.errors import LabelError

#: What the features of a joined label say until it is quantified.
MERGED = "merged, not yet quantified"


def pixels_to_merge(
    labels: np.ndarray, ids: Iterable[int]
) -> tuple[tuple[np.ndarray, ...], int, list[int]]:
    """Return the pixels that change when labels are joined into the lowest of them.

    Parameters
    ----------
    labels : ndarray of int
    ids : iterable of int
        Those that label no pixel are left out.

    Returns
    -------
    pixels : tuple of ndarray
        Indices of the pixels that get another label.
    lowest : int
        The label they get.
    others : list of int
        The labels that vanish.

    Raises
    ------
    LabelError
        If fewer than two of the labels are there.

    Examples
    --------
    >>> pixels, lowest, others = pixels_to_merge(np.array([[1, 1, 2, 3]]), [3, 2])
    >>> pixels[1].tolist(), lowest, others
    ([3], 2, [3])
    """
    wanted = np.setdiff1d(np.fromiter(ids, np.int64), [0])
    there = np.unique(labels[np.isin(labels, wanted)])
    if len(there) < 2:
        raise LabelError("select at least two labels to merge")
    lowest, *others = (int(i) for i in there)
    return np.nonzero(np.isin(labels, others)), lowest, others


def features_after_merge(
    features: pd.DataFrame, lowest: int, others: Iterable[int]
) -> pd.DataFrame:
    """Return features in which the lowest label has the pixels and counts of all.

    Its composition is not known: it is NaN, and ``flag`` says why. The rows of the other labels
    stay, as undoing brings the labels back.
    """
    if "index" not in features:
        return features
    changed = features.copy()
    row = changed["index"] == lowest
    joined = changed["index"].isin([lowest, *others])
    for name in changed.columns.drop("index"):
        if name in {"n_pixels", "counts"}:
            changed.loc[row, name] = changed.loc[joined, name].sum()
        elif name == "flag":
            changed.loc[row, name] = MERGED
        elif pd.api.types.is_float_dtype(changed[name]):
            changed.loc[row, name] = np.nan
    return changed


def features_as_measured(features: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return features in which merged labels say again what the table holds of them."""
    if "index" not in features or "flag" not in features:
        return features
    changed = features.copy()
    known = (changed["flag"] == MERGED) & changed["index"].isin(table.index)
    for name in changed.columns.intersection(table.columns):
        changed.loc[known, name] = table.loc[changed.loc[known, "index"], name].to_numpy()
    return changed
