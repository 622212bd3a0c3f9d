"""Summed spectra of labels, and the matrix that sums them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy import sparse

from napari_eds._support.arguments import numbers
from napari_eds._support.brief import brief
from napari_eds._support.threads import in_order
from napari_eds.errors import LabelError
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.products import costs_of_pixels, sums_of_groups, sums_of_window
from napari_eds.spectra.storage import Counts, sum_dtype

#: Stored counts that are summed at a time, and as how many of them a label counts: both bound the
#: memory of a block.
_BLOCK_COST, _LABEL_COST = 2**22, 2**14


class Sums(Protocol):
    """Spectra of labels that are made when they are asked for."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the counts."""

    def edges(self) -> np.ndarray:
        """Return the labels at which blocks begin, and the number of labels."""

    def of(self, labels: slice) -> np.ndarray:
        """Return the spectra of some labels, by their positions, (labels, channels)."""

    def in_window(self, channels: slice) -> np.ndarray:
        """Return the sum of some neighbouring channels of every label, (labels,)."""


@brief
@dataclass(frozen=True, eq=False)
class LabelSpectra:
    """Summed spectra of labels, made from the counts of the pixels when they are asked for.

    Tens of thousands of spectra would take gigabytes: `within` gives a part of their channels,
    `of` some labels, and `blocks` all of them one after the other. `spectra` holds all from its
    first use on.

    Attributes
    ----------
    ids : ndarray of int64, (labels,)
        Label ids in ascending order; 0 is never among them.
    n_pixels : ndarray of int64, (labels,)
    energy : EnergyAxis
    sums : Sums
        What makes the spectra.
    """

    ids: np.ndarray
    n_pixels: np.ndarray
    energy: EnergyAxis
    sums: Sums = field(repr=False)

    @classmethod
    def held(
        cls, ids: np.ndarray, spectra: np.ndarray, n_pixels: np.ndarray, energy: EnergyAxis
    ) -> LabelSpectra:
        """Take spectra that are there already, (labels, channels).

        Parameters
        ----------
        ids : ndarray of int64, (labels,)
        spectra : ndarray, (labels, channels)
        n_pixels : ndarray of int64, (labels,)
        energy : EnergyAxis
        """
        return cls(ids, n_pixels, energy, HeldSums(spectra))

    @cached_property
    def spectra(self) -> np.ndarray:
        """Counts of all labels, (labels, channels): int64 for integer data, float64 otherwise."""
        return self.within(slice(0, self.energy.size), smallest=False)

    def of(self, label: int) -> np.ndarray:
        """Return the spectrum of one label by its position in `ids`, (channels,)."""
        return self.sums.of(slice(label, label + 1))[0]

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the spectra of all labels, some labels at a time."""
        return in_order(self.sums.of, self._slices())

    def within(self, channels: slice, *, smallest: bool = True) -> np.ndarray:
        """Return the counts of all labels in some neighbouring channels, (labels, channels).

        Parameters
        ----------
        channels : slice
            Without a step.
        smallest : bool
            Whether whole counts are int32 where that holds them, instead of int64.
        """
        dtype = self.sums.dtype
        if smallest and dtype.kind == "i" and self._highest() <= np.iinfo(np.int32).max:
            dtype = np.dtype(np.int32)
        start, stop, _ = channels.indices(self.energy.size)
        spectra = np.empty((self.ids.size, max(stop - start, 0)), dtype)

        def fill(labels: slice) -> None:
            spectra[labels] = self.sums.of(labels)[:, channels]

        for _ in in_order(fill, self._slices()):
            pass
        return spectra

    @property
    def xray_counts(self) -> np.ndarray:
        """X-rays above the noise peak of every label, (labels,): see `EnergyAxis`."""
        return self.sums.in_window(self.energy.xray_channels)

    def total(self) -> np.ndarray:
        """Return the sum over all labels, (channels,)."""
        total = np.zeros(self.energy.size, self.sums.dtype)
        for block in self.blocks():
            total += block.sum(axis=0)
        return total

    def _slices(self) -> list[slice]:
        return [slice(a, b) for a, b in pairwise(self.sums.edges().tolist())]

    def _highest(self) -> int:
        """Return a bound of the counts of a channel."""
        return int(self.sums.in_window(slice(0, self.energy.size)).max(initial=0))


@dataclass(frozen=True, eq=False)
class HeldSums:
    """Spectra of labels that are held, (labels, channels)."""

    spectra: np.ndarray

    @property
    def dtype(self) -> np.dtype:
        """Type of the counts."""
        return self.spectra.dtype

    def edges(self) -> np.ndarray:
        """Return both ends: there is one block."""
        return np.array([0, len(self.spectra)])

    def of(self, labels: slice) -> np.ndarray:
        """Return the spectra of some labels, (labels, channels)."""
        return self.spectra[labels]

    def in_window(self, channels: slice) -> np.ndarray:
        """Return the sum of some neighbouring channels of every label, (labels,)."""
        return np.asarray(self.spectra[:, channels].sum(axis=1))


@dataclass(frozen=True, eq=False)
class PixelSums:
    """Spectra of labels as sums over their pixels.

    Attributes
    ----------
    membership : csr_array, (labels, pixels)
        That of `label_membership`.
    counts : (pixels, channels)
    """

    membership: sparse.csr_array
    counts: Counts

    @property
    def dtype(self) -> np.dtype:
        """Type of the counts."""
        return np.dtype(sum_dtype(self.counts))

    def edges(self) -> np.ndarray:
        """Return the labels at which blocks begin, and the number of labels."""
        costs = costs_of_pixels(self.counts, self.membership.indices)
        passed = np.concatenate([[0], np.cumsum(costs)])[self.membership.indptr]
        passed = passed + _LABEL_COST * np.arange(passed.size)
        blocks = passed // _BLOCK_COST
        starts = np.flatnonzero(np.diff(blocks[:-1], prepend=-1))
        return np.append(starts, self.membership.shape[0])

    def of(self, labels: slice) -> np.ndarray:
        """Return the spectra of some labels, (labels, channels)."""
        bounds = self.membership.indptr[labels.start : labels.stop + 1]
        pixels = self.membership.indices[bounds[0] : bounds[-1]]
        return sums_of_groups(self.counts, pixels, bounds - bounds[0])

    def in_window(self, channels: slice) -> np.ndarray:
        """Return the sum of some neighbouring channels of every label, (labels,)."""
        of_pixels = sums_of_window(self.counts, channels)[self.membership.indices]
        # A sum of nothing is an error there; every label has a pixel.
        return (
            np.add.reduceat(of_pixels, self.membership.indptr[:-1])
            if of_pixels.size
            else of_pixels
        )


def check_labels(labels: np.ndarray, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Return `labels` as an int64 map of `shape`, or of any shape, or say why it is none.

    Raises
    ------
    LabelError
        If the shape differs, values are not integers, or an id is negative.
    """
    labels = numbers("labels", labels, LabelError)
    if shape is None and (labels.ndim != 2 or not labels.size):
        raise LabelError(f"a label map is (rows, columns), not of shape {labels.shape}")
    if shape is not None and labels.shape != tuple(shape):
        raise LabelError(f"labels of shape {labels.shape} do not fit the map of {tuple(shape)}")
    if labels.dtype == bool or np.issubdtype(labels.dtype, np.integer):
        if labels.dtype == np.uint64 and labels.size and labels.max() > np.iinfo(np.int64).max:
            raise LabelError("label ids above 2**63 - 1 are not supported: renumber the labels")
        labels = labels.astype(np.int64)
    else:
        raise LabelError(
            f"labels must be integers, not {labels.dtype}: labels.astype(int) makes them"
        )
    if labels.size and labels.min() < 0:
        raise LabelError(
            f"label ids must not be negative; found {labels.min()}: give its pixels another id, "
            "or 0 for none"
        )
    return labels


def label_membership(
    labels: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, sparse.csr_array]:
    """Return which pixels belong to which label, as a 0/1 matrix (labels, pixels).

    Returns
    -------
    ids : ndarray of int64, (labels,)
        Ids in ascending order without 0.
    membership : scipy.sparse.csr_array of int8, (labels, pixels)
        Row `i` belongs to ``ids[i]``; pixels are counted in row order.
    """
    flat = check_labels(labels, shape).ravel()
    pixels = np.flatnonzero(flat).astype(np.int32 if flat.size < 2**31 else np.int64)
    ids, row = _ids_and_rows(flat[pixels])
    # To compressed rows by counting, which keeps the pixels of each label in their order.
    ones = np.ones(pixels.size, np.int8)
    membership = sparse.coo_array((ones, (row, pixels)), shape=(ids.size, flat.size)).tocsr()
    return ids, sparse.csr_array(membership)


def _ids_and_rows(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids that occur, ascending, and the position among them of each label."""
    if labels.size and labels.max() < labels.size:
        present = np.zeros(int(labels.max()) + 1, bool)
        present[labels] = True
        ids = np.flatnonzero(present)
        place = np.zeros(present.size, np.int32)
        place[ids] = np.arange(ids.size)
        return ids, place[labels]
    ids, row = np.unique(labels, return_inverse=True)
    return ids, row.astype(np.int32)
