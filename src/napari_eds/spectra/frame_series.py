"""`FrameSeries`: the frames of a map, kept apart, on one axis and one raster.

A frame is one pass of the beam over the map. Pixels of all frames are rows of one sparse matrix,
so that everything made for maps serves frames as well: a label in one frame is a region of a map
that has the frames below each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse

from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.spectra.acquisition import FrameRange
from napari_eds.spectra.dose import ELEMENTARY_CHARGE_C
from napari_eds.spectra.label_sums import check_labels
from napari_eds.spectra.spectrum_image import AuxiliaryImage, SpectrumImage
from napari_eds.spectra.storage import stored


@brief
@dataclass(frozen=True, eq=False)
class FrameSeries:
    """Frames of one map.

    Attributes
    ----------
    stacked : SpectrumImage
        The frames below each other: a map of (frames * rows, columns). Its acquisition is that of
        all of them, and it has no images.
    ranges : tuple of FrameRange
        Which frames of the file each one is; several where they were summed in groups.
    images : tuple of AuxiliaryImage
        Pictures recorded in every frame, such as HAADF, data (frames, rows, columns).
    covered : ndarray of bool, (frames, rows, columns)
        Which pixels of each frame were recorded, and not shifted in from outside.
    recorded : ndarray, (frames,)
        The part of each frame that was recorded, 1 for a whole one.
    shifts : ndarray of int, (frames, 2)
        Rows and columns by which each was shifted against the first, see `shifted`.
    """

    stacked: SpectrumImage
    ranges: tuple[FrameRange, ...]
    images: tuple[AuxiliaryImage, ...] = ()
    covered: np.ndarray = field(default_factory=lambda: np.ones((0, 0, 0), bool))
    recorded: np.ndarray = field(default_factory=lambda: np.ones(0))
    shifts: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def __post_init__(self) -> None:
        n = len(self.ranges)
        if not n or self.stacked.shape[0] % n:
            raise EDSError(f"{self.stacked.shape[0]} rows do not make {n} frames")
        if not self.covered.size:
            object.__setattr__(self, "covered", np.ones((n, *self.shape), bool))
        if not self.recorded.size:
            object.__setattr__(self, "recorded", np.ones(n))
        if not self.shifts.size:
            object.__setattr__(self, "shifts", np.zeros((n, 2), np.int64))

    def _brief(self) -> str:
        return (
            f"{self.stacked.name!r}, {self.n_frames} frames of {self.shape[0]} x {self.shape[1]} "
            f"pixels, {self.stacked.n_channels} channels"
        )

    @classmethod
    def of_images(cls, images: Sequence[SpectrumImage], n_in_file: int) -> FrameSeries:
        """Join frames that were read one by one, in their order from the first on.

        Pictures that have a map's pixels in every one are kept.

        Raises
        ------
        EDSError
            If they differ in pixels or channels.
        """
        first = images[0]
        for image in images:
            if image.shape != first.shape or image.energy != first.energy:
                raise EDSError("frames of one map have the same pixels and channels")
        joined: Any = sparse.vstack if first.is_sparse else np.vstack
        counts = joined([image.counts for image in images])
        ranges = tuple(
            image.frames or FrameRange(i, i, n_in_file) for i, image in enumerate(images, 1)
        )
        pictures = tuple(
            replace(picture, data=np.stack([image.images[i].data for image in images]))
            for i, picture in enumerate(first.images)
            if picture.data.ndim == 2 and picture.fits(first.shape)
        )
        shape = (first.shape[0] * len(images), first.shape[1])
        acquisition = replace(
            first.acquisition,
            live_time_s=_sum([image.acquisition.live_time_s for image in images]),
            real_time_s=_sum([image.acquisition.real_time_s for image in images]),
            frames_summed=_sum([image.acquisition.frames_summed for image in images]),
        )
        stacked = replace(
            first,
            counts=stored(counts),
            shape=shape,
            images=(),
            frames=None,
            part=None,
            acquisition=acquisition,
            notes=tuple(dict.fromkeys(note for image in images for note in image.notes)),
        )
        return cls(stacked, ranges, pictures)

    @property
    def n_frames(self) -> int:
        """Number of frames, or of groups of them."""
        return len(self.ranges)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of a frame."""
        return self.stacked.shape[0] // self.n_frames, self.stacked.shape[1]

    @property
    def frame_times_s(self) -> np.ndarray | None:
        """Seconds that each frame took, (frames,); None where the file does not say.

        The file's real time, or else its live time, in the proportion of what was recorded.
        """
        acquisition = self.stacked.acquisition
        total = acquisition.real_time_s or acquisition.live_time_s
        if not total:
            return None
        return total * self._parts

    @property
    def doses_per_nm2(self) -> np.ndarray | None:
        """Electrons on a square nm in each frame, (frames,); None where that is not known.

        Beam current times seconds of the frame over the area of the map; the pixels have to have
        a size.
        """
        current, times = self.stacked.acquisition.beam_current_nA, self.frame_times_s
        pixel_nm = self.stacked.pixel_size_nm
        if not current or times is None or pixel_nm is None:
            return None
        area = self.recorded * np.prod(pixel_nm) * np.prod(self.shape)
        return np.asarray(current * 1e-9 / ELEMENTARY_CHARGE_C * times / area)

    def frame(self, i: int) -> SpectrumImage:
        """Return one frame, counted from 0 in this series, with its own pictures.

        Raises
        ------
        EDSError
            If there is no such frame.
        """
        if not 0 <= i < self.n_frames:
            raise EDSError(f"there is no frame {i} of {self.n_frames}, counted from 0")
        return self.sum(range(i, i + 1))

    def sum(self, frames: range | None = None) -> SpectrumImage:
        """Return the map of the sum of frames, counted from 0 in this series; of all without it.

        Pictures are means. Times are those of the frames in the sum.

        Raises
        ------
        EDSError
            If there are no such frames, or they are not consecutive.
        """
        frames = range(self.n_frames) if frames is None else frames
        if not frames or frames.start < 0 or frames.stop > self.n_frames or frames.step != 1:
            raise EDSError(f"there are frames 0 to {self.n_frames - 1}, not {frames}")
        n = self.shape[0] * self.shape[1]
        counts = self.stacked.counts[frames.start * n : frames.stop * n]
        total = counts[:n] if len(frames) == 1 else _folded(counts, n, len(frames))
        acquisition, times = self.stacked.acquisition, self._parts[frames.start : frames.stop]
        part = float(times.sum())
        n_summed = acquisition.frames_summed
        kept = replace(acquisition.in_part(part), frames_summed=n_summed and n_summed * part)
        first, last = self.ranges[frames.start], self.ranges[frames.stop - 1]
        return replace(
            self.stacked,
            counts=stored(total),
            shape=self.shape,
            acquisition=kept,
            frames=FrameRange(first.first, last.last, first.of),
            images=tuple(
                replace(im, data=im.data[frames.start : frames.stop].mean(axis=0))
                for im in self.images
            ),
        )

    @property
    def _lengths(self) -> np.ndarray:
        """How many frames of the file each one is, (frames,)."""
        return np.array([r.last - r.first + 1 for r in self.ranges])

    @property
    def _parts(self) -> np.ndarray:
        """The part of all that was recorded in each frame, (frames,)."""
        n = self._lengths * self.recorded
        return np.asarray(n / n.sum())

    @property
    def dose_parts(self) -> np.ndarray:
        """Dose of a covered pixel in each frame over that of a pixel in all of them, (frames,)."""
        lengths = self._lengths
        return np.asarray(lengths / (lengths * self.recorded).sum())

    def counts_maps(self) -> np.ndarray:
        """Return X-rays above the noise peak of every pixel, (frames, rows, columns)."""
        return self.stacked.counts_map().reshape(self.n_frames, *self.shape)

    def labels_apart(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give every label a number of its own in every frame, where that was recorded.

        Parameters
        ----------
        labels : ndarray of int, (rows, columns)

        Returns
        -------
        stacked : ndarray of int64, (frames * rows, columns)
            Labels of `stacked`.
        ids : ndarray, (regions,)
            The label each region is part of, by its number less 1.
        frames : ndarray, (regions,)
            The frame it lies in, counted from 0.
        """
        labels = check_labels(labels, self.shape)
        own = np.unique(labels[labels > 0])
        place = np.zeros(labels.max(initial=0) + 1, np.int64)
        place[own] = np.arange(1, own.size + 1)
        apart = place[labels] + own.size * np.arange(self.n_frames)[:, None, None]
        apart *= (labels > 0) & self.covered
        ids, frames = np.tile(own, self.n_frames), np.repeat(np.arange(self.n_frames), own.size)
        return apart.reshape(self.stacked.shape), ids, frames

    def shifted(self, shifts: np.ndarray) -> FrameSeries:
        """Return the series with every frame's pixels moved by whole pixels.

        Counts are never interpolated: a pixel's counts stay together and whole. Pixels that would
        come from outside are empty and not `covered`; what leaves the map is lost to it.

        Parameters
        ----------
        shifts : ndarray of int, (frames, 2)
            How far the specimen lies off in each frame, in rows and columns: 3 means that what was
            in row 10 of the first frame is in row 13 of this one, and is moved back to 10.

        Raises
        ------
        EDSError
            If they are no whole numbers, one pair for each frame.
        """
        shifts = np.asarray(shifts)
        if shifts.shape != (self.n_frames, 2) or shifts.dtype.kind not in "iu":
            raise EDSError(
                f"shifts are whole pixels, ({self.n_frames}, 2), not {shifts.dtype} "
                f"{shifts.shape}; round what drift was found"
            )
        rows, columns = self.shape
        n = rows * columns
        source = np.full((self.n_frames, n), -1)
        for i, (down, right) in enumerate(shifts.tolist()):
            r, c = np.arange(rows) + down, np.arange(columns) + right
            inside = ((r >= 0) & (r < rows))[:, None] & ((c >= 0) & (c < columns))
            pixels = r[:, None] * columns + c + i * n
            source[i] = np.where(inside, pixels, -1).ravel()
        flat = source.ravel()
        covered = (flat >= 0) & self.covered.ravel()[flat]
        moved = replace(self.stacked, counts=_rows(self.stacked.counts, flat), part=None)
        pictures = tuple(replace(im, data=_moved(im.data, source, n)) for im in self.images)
        return replace(
            self,
            stacked=moved,
            covered=covered.reshape(self.covered.shape),
            images=pictures,
            shifts=self.shifts + shifts,
        )

    def grouped(self, every: int) -> FrameSeries:
        """Return the series with so many consecutive frames summed into one.

        What is left at the end makes a smaller group. A pixel is covered in a group where it is in
        all frames of it.

        Raises
        ------
        EDSError
            If a group would hold no frame.
        """
        if every < 1:
            raise EDSError(f"groups hold 1 frame or more, not {every}")
        if every == 1:
            return self
        starts = range(0, self.n_frames, every)
        groups = [range(a, min(a + every, self.n_frames)) for a in starts]
        images = [self.sum(group) for group in groups]
        whole = FrameSeries.of_images(images, self.ranges[0].of)
        lengths = np.array([r.last - r.first + 1 for r in self.ranges])
        edges = np.array(starts)
        recorded = np.add.reduceat(lengths * self.recorded, edges) / np.add.reduceat(
            lengths, edges
        )
        return replace(
            whole,
            stacked=replace(whole.stacked, acquisition=self.stacked.acquisition),
            covered=np.array([self.covered[g.start : g.stop].all(axis=0) for g in groups]),
            recorded=recorded,
            shifts=self.shifts[edges],
        )


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _folded(counts: Any, n_pixels: int, n_frames: int) -> Any:
    """Return the sum of frames (frames * pixels, channels) as (pixels, channels)."""
    total = counts[:n_pixels].astype(np.uint32)
    for i in range(1, n_frames):
        total = total + counts[i * n_pixels : (i + 1) * n_pixels]
    return total


def _rows(counts: Any, source: np.ndarray) -> Any:
    """Return rows of counts in another order; empty ones for -1."""
    if not sparse.issparse(counts):
        return np.where((source >= 0)[:, None], counts[source], 0)
    empty = sparse.csr_array((1, counts.shape[1]), dtype=counts.dtype)
    return sparse.csr_array(sparse.vstack([counts, empty], format="csr")[source])


def _moved(pictures: np.ndarray, source: np.ndarray, n_pixels: int) -> np.ndarray:
    """Return pictures (frames, rows, columns) moved along; what comes from outside is NaN."""
    flat = pictures.reshape(len(pictures), n_pixels).astype(float)
    moved = np.full(flat.shape, np.nan)
    for i, places in enumerate(source):
        inside = places >= 0
        moved[i, inside] = flat[i, places[inside] - i * n_pixels]
    return moved.reshape(pictures.shape)
