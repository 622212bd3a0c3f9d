"""Axes and values of RosettaSciIO's entries, made into those of one map of counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from napari_eds.errors import ReadError
from napari_eds.readers.choice import frames_chosen
from napari_eds.spectra.acquisition import FrameRange

#: Key of an entry under which notes on it are kept.
NOTES = "napari_eds_notes"

#: Steps of an axis are equal if no value is further off the straight line than this part of a
#: step.
_ROUNDING = 1e-3


def uniform(axis: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an axis as offset, scale and size.

    HyperSpy's `DataAxis` gives every value; that of a calibration or a conversion is a straight
    line all the same.

    Raises
    ------
    ReadError
        If its steps differ: with its name.
    """
    values = axis.get("axis")
    if values is None and all(key in axis for key in ("size", "offset", "scale")):
        return axis
    name = axis.get("name") or "without a name"
    values = np.asarray(() if values is None else values)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "iuf":
        raise ReadError(f"the axis '{name}' gives neither its values nor offset, scale and size")
    values = values.astype(float)
    scale = float(values[-1] - values[0]) / max(values.size - 1, 1) if values.size > 1 else 1.0
    off = np.abs(values - values[0] - scale * np.arange(values.size)).max()
    if not (np.isfinite(values).all() and scale > 0 and off <= _ROUNDING * scale):
        raise ReadError(
            f"the axis '{name}' is not uniform: its {values.size} steps are not all equal. In "
            "HyperSpy, signal.interpolate_on_axis('uniform', axis) makes them so"
        )
    return {**axis, "offset": float(values[0]), "scale": scale, "size": values.size}


def uniform_places(entry: dict[str, Any]) -> None:
    """Make the axes of places of an entry, or of an image, uniform; note those that are not.

    Where pixels are is not needed to count them: the size of a pixel is then unknown.
    """
    notes: list[str] = []
    axes = []
    is_image = sum(not axis.get("navigate") for axis in entry["axes"]) > 1
    for axis, size in zip(entry["axes"], entry["data"].shape, strict=False):
        made = axis
        if axis.get("navigate") or is_image:
            try:
                made = uniform(axis)
            except ReadError as error:
                notes.append(f"{error}. The size of a pixel is taken as unknown")
                made = {**axis, "offset": 0.0, "scale": 1.0, "size": size, "units": None}
        axes.append(made)
    entry["axes"] = axes
    entry[NOTES] = tuple(notes)


def summed_frames(
    counts: np.ndarray, axes: Sequence[Mapping[str, Any]], wanted: tuple[int, int] | None
) -> tuple[np.ndarray, FrameRange | None]:
    """Sum the frames of a map (frames, rows, columns, channels).

    Parameters
    ----------
    counts : ndarray
    axes : sequence of mapping
        Those of places, in the order of `counts`.
    wanted : (int, int) or None
        First frame, counted from 0, and the one after the last.

    Returns
    -------
    counts : ndarray, (rows, columns, channels) or less
    frames : FrameRange or None

    Raises
    ------
    ReadError
        If there are no frames to choose from, or more axes than those of frames.
    """
    if counts.ndim != 4:
        if wanted is not None:
            refuse_frames()
        if counts.ndim > 4:
            names = ", ".join(str(axis.get("name") or axis.get("units")) for axis in axes)
            raise ReadError(
                f"expected (rows, columns, channels) or (frames, rows, columns, channels), got "
                f"shape {counts.shape} with the axes {names}: sum the others first"
            )
        return counts, None
    n = counts.shape[0]
    used = frames_chosen(wanted, n)
    dtype = np.float64 if counts.dtype.kind == "f" else np.int64
    frames = FrameRange(used.start + 1, used.stop, n)
    return counts[used.start : used.stop].sum(axis=0, dtype=dtype), frames


def refuse_frames() -> NoReturn:
    """Raise `ReadError` for frames of a file that does not keep them apart."""
    raise ReadError(
        "frames can be chosen in event streams of Velox and JEOL only, and in maps of HyperSpy "
        "with an axis of frames"
    )


def not_negative(counts: np.ndarray, *, clip: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return counts of which none is negative, and a note if that took clipping.

    Raises
    ------
    ReadError
        If there are negative values and `clip` is False.
    """
    lowest = counts.min() if counts.size and counts.dtype.kind in "if" else 0
    if not lowest < 0:
        return counts, ()
    share = f"{100 * np.count_nonzero(counts < 0) / counts.size:.2g} % of the values"
    if not clip:
        raise ReadError(
            f"counts must not be negative; {share} are, the lowest {lowest:.3g}: these are no "
            "measured counts, but denoised ones (by PCA, say) or differences. Load the measured "
            "map: labels sum the spectra of their pixels, which makes denoising needless, and "
            "errors by counting statistics are false for anything but counts. "
            "clip_negative=True takes negative values as 0, and says so in "
            "every account"
        )
    clipped = np.where(counts < 0, counts.dtype.type(0), counts)
    note = (
        f"{share} were negative (lowest {lowest:.3g}) and were taken as 0, as asked for: the data "
        "are no measured counts, and errors and detection limits mean nothing"
    )
    return clipped, (note,)
