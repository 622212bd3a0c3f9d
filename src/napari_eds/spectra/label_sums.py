"""Summed spectra of labels, and the matrix that sums them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from napari_eds._support.brief import brief
from napari_eds.errors import LabelError
from napari_eds.spectra.axes import EnergyAxis


@brief
@dataclass(frozen=True, eq=False)
class LabelSpectra:
    """Summed spectra of labels.

    Attributes
    ----------
    ids : ndarray of int64, (labels,)
        Label ids in ascending order; 0 is never among them.
    spectra : ndarray, (labels, channels)
        Counts, int64 for integer data and float64 otherwise.
    n_pixels : ndarray of int64, (labels,)
    energy : EnergyAxis
    """

    ids: np.ndarray
    spectra: np.ndarray
    n_pixels: np.ndarray
    energy: EnergyAxis

    @property
    def xray_counts(self) -> np.ndarray:
        """X-rays above the noise peak of every label, (labels,): see `EnergyAxis`."""
        return np.asarray(self.spectra[:, self.energy.xray_channels].sum(axis=1))


def check_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return `labels` as an int64 map of `shape`, or say why it is none.

    Raises
    ------
    LabelError
        If the shape differs, values are not integers, or an id is negative.
    """
    labels = np.asarray(labels)
    if labels.shape != tuple(shape):
        raise LabelError(f"labels of shape {labels.shape} do not fit the map of {tuple(shape)}")
    if labels.dtype == bool or np.issubdtype(labels.dtype, np.integer):
        if labels.dtype == np.uint64 and labels.size and labels.max() > np.iinfo(np.int64).max:
            raise LabelError("label ids above 2**63 - 1 are not supported")
        labels = labels.astype(np.int64)
    else:
        raise LabelError(f"labels must be integers, not {labels.dtype}")
    if labels.size and labels.min() < 0:
        raise LabelError(f"label ids must not be negative; found {labels.min()}")
    return labels


def label_membership(
    labels: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, sparse.csr_array]:
    """Return which pixels belong to which label, as a 0/1 matrix (labels, pixels).

    Returns
    -------
    ids : ndarray of int64, (labels,)
        Ids in ascending order without 0.
    membership : scipy.sparse.csr_array of int64, (labels, pixels)
        Row `i` belongs to ``ids[i]``; pixels are counted in row order.
    """
    flat = check_labels(labels, shape).ravel()
    pixels = np.flatnonzero(flat)
    ids, row = np.unique(flat[pixels], return_inverse=True)
    # A stable sort by label puts the pixels of each label together, in row order.
    order = np.argsort(row, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=ids.size))])
    membership = sparse.csr_array(
        (np.ones(pixels.size, np.int64), pixels[order], indptr), shape=(ids.size, flat.size)
    )
    return ids, membership
