"""Regions that an image shows: superpixels, what lies above a threshold, touching particles."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from napari_eds._support.arguments import each, expect, map_shape, numbers
from napari_eds._support.progress import leavable
from napari_eds.errors import LabelError
from napari_eds.labels.chips import Chips
from napari_eds.labels.edits import TOUCHING, in_reading_order, split_labels
from napari_eds.spectra.spectrum_image import AuxiliaryImage

#: How a threshold is found: scikit-image's functions of these names.
ThresholdMethod = Literal["otsu", "li", "triangle"]
#: Where watershed begins: in the middle of regions, or where the image is brightest.
Markers = Literal["distance", "peaks"]

#: Percentiles of an image that become 0 and 1: single hot pixels must not set its scale.
_ROBUST_PERCENT = (1.0, 99.0)


def resampled(image: AuxiliaryImage | np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return an image of the same field of view on the pixels of a map.

    Parameters
    ----------
    image : AuxiliaryImage or ndarray, (rows, columns) or (rows, columns, 3 or 4)
    shape : tuple of int
        (rows, columns) of the map.

    Returns
    -------
    ndarray of float64, (rows, columns) of the map, and the colours of the image
        Interpolated linearly, after smoothing where pixels become larger; values keep their
        range.

    Raises
    ------
    LabelError
        If it is no image.
    """
    from skimage.transform import resize

    shape = map_shape(shape)

    data = image.data if isinstance(image, AuxiliaryImage) else numbers("image", image, LabelError)
    if data.ndim not in (2, 3) or data.size == 0:
        raise LabelError(f"expected an image (rows, columns), got shape {data.shape}")
    if data.shape[:2] == tuple(shape):
        return data.astype(float)
    return resize(
        data.astype(float),
        (*shape, *data.shape[2:]),
        order=1,
        mode="edge",
        anti_aliasing=True,
        preserve_range=True,
    )


def superpixels(
    images: np.ndarray | Sequence[np.ndarray],
    *,
    n_regions: int | None = None,
    mean_pixels: float | None = None,
    compactness: float = 0.1,
    smoothing_px: float = 0.0,
) -> Chips:
    """Cut a map into connected regions of similar size that follow the edges in images.

    Simple linear iterative clustering, SLIC (R. Achanta et al., IEEE Trans. Pattern Anal. Mach.
    Intell. 34 (2012) 2274), on images scaled to 0 to 1 between their 1st and 99th percentiles.

    Parameters
    ----------
    images : ndarray, (rows, columns), or sequence of such
        Such as HAADF and maps of elements, on the same pixels (see `resampled`). Pixels that are
        NaN in any of them stay unlabelled.
    n_regions : int, optional
        About how many regions.
    mean_pixels : float, optional
        About how large a region is, in pixels. Give this or `n_regions`.
    compactness : float
        Weight of closeness in space against that in value: 1 gives nearly squares, 0.01 follows
        every edge.
    smoothing_px : float
        Standard deviation in pixels of a Gaussian that smooths the images first.

    Returns
    -------
    Chips
        Named ``S1``, ``S2``, ... in reading order.

    Raises
    ------
    LabelError
        If the images do not belong together, or a number makes no sense.
    """
    from skimage.segmentation import slic

    expect(
        n_regions=(n_regions, Real | None),
        mean_pixels=(mean_pixels, Real | None),
        compactness=(compactness, Real),
    )

    stack = _stack(images, smoothing_px)
    known = np.isfinite(stack).all(axis=2)
    if not known.any():
        raise LabelError("no pixel has a value in every image")
    if not (np.isfinite(compactness) and compactness > 0):
        raise LabelError(f"the compactness must be a positive number, not {compactness}")
    n = _number_of_regions(n_regions, mean_pixels, int(known.sum()))
    # Its own masks leave known pixels without a label, so the map is filled and masked later.
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    labels = leavable(
        slic,
        stack[tuple(nearest)],
        n_segments=max(round(n * known.size / known.sum()), 1),
        compactness=compactness,
        convert2lab=False,
        channel_axis=-1,
        start_label=1,
    )
    labels = split_labels(np.where(known, labels, 0))
    return _chips(labels, "S{}")


def threshold_regions(  # noqa: PLR0913 - options with defaults
    image: np.ndarray,
    method: ThresholdMethod | float = "otsu",
    *,
    dark: bool = False,
    connected: bool = True,
    min_pixels: int = 1,
    smoothing_px: float = 0.0,
) -> Chips:
    """Label what is brighter than a threshold.

    Parameters
    ----------
    image : ndarray, (rows, columns)
        NaN is never labelled.
    method : {"otsu", "li", "triangle"} or float
        How the threshold is found, or the threshold itself.
    dark : bool
        Whether to label what is not brighter instead.
    connected : bool
        Whether each connected part (by edges or corners) is a region, or all are one.
    min_pixels : int
        Parts of fewer pixels are left out.
    smoothing_px : float
        Standard deviation in pixels of a Gaussian that smooths the image first.

    Returns
    -------
    Chips
        Named ``T1``, ``T2``, ... in reading order.

    Raises
    ------
    LabelError
        If nothing is labelled, or an argument makes no sense.
    """
    expect(method=(method, str | Real), min_pixels=(min_pixels, Real))
    smooth = _smoothed(image, smoothing_px)
    inside = _foreground(smooth, method, dark=dark)
    parts, _ = ndimage.label(inside, structure=TOUCHING)
    kept = _without_small(parts, min_pixels)
    return _chips(kept if connected else (kept > 0).astype(np.int32), "T{}")


def watershed_regions(  # noqa: PLR0913 - options with defaults
    image: np.ndarray,
    method: ThresholdMethod | float = "otsu",
    *,
    markers: Markers = "distance",
    min_distance: int = 5,
    dark: bool = False,
    min_pixels: int = 1,
    smoothing_px: float = 1.0,
) -> Chips:
    """Label what is brighter than a threshold, parted where particles touch.

    Parameters
    ----------
    markers : {"distance", "peaks"}
        Whether regions are parted at their necks, beginning from the pixels farthest inside, or
        along the valleys of the image, beginning from its peaks.
    min_distance : int
        Markers are at least this many pixels apart.
    image, method, dark, min_pixels, smoothing_px
        See `threshold_regions`.

    Returns
    -------
    Chips
        Named ``W1``, ``W2``, ... in reading order.

    Raises
    ------
    LabelError
        If nothing is labelled, or an argument makes no sense.
    """
    from skimage.segmentation import watershed

    expect(
        method=(method, str | Real),
        min_distance=(min_distance, Real),
        min_pixels=(min_pixels, Real),
    )

    if markers not in get_args(Markers):
        raise LabelError(f"markers are 'distance' or 'peaks', not {markers!r}")
    if min_distance != int(min_distance) or min_distance < 1:
        raise LabelError(f"markers must be 1 pixel or more apart, not {min_distance}")
    smooth = _smoothed(image, smoothing_px)
    inside = _foreground(smooth, method, dark=dark)
    parts, _ = ndimage.label(inside, structure=TOUCHING)
    if inside.all() and markers == "distance":
        height = np.zeros(inside.shape)  # without a border there is no distance to one
    elif markers == "distance":
        height = ndimage.distance_transform_edt(inside)
    else:
        height = np.where(inside, -smooth if dark else smooth, 0.0)
    seeds = _seeds(height, parts, int(min_distance))
    labels = watershed(-height, seeds, mask=inside, connectivity=2)
    return _chips(_without_small(labels, min_pixels), "W{}")


def _seeds(height: np.ndarray, parts: np.ndarray, min_distance: int) -> np.ndarray:
    """Return markers at the peaks of a height, at least one in every part."""
    from skimage.feature import peak_local_max

    peaks = peak_local_max(
        height - height.min() + 1,
        min_distance=min_distance,
        labels=parts,
        exclude_border=False,
    )
    seeds = np.zeros(parts.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    # A part that is flat has no peak.
    unseeded = np.setdiff1d(parts[parts > 0], parts[seeds > 0])
    highest = ndimage.maximum_position(height, parts, unseeded) if unseeded.size else []
    for i, place in enumerate(highest, start=len(peaks) + 1):
        seeds[place] = i
    return seeds


def _stack(images: np.ndarray | Sequence[np.ndarray], smoothing_px: float) -> np.ndarray:
    """Return images scaled to about 0 to 1, (rows, columns, images)."""
    if isinstance(images, np.ndarray) and images.ndim == 2:
        images = [images]
    several = each("images", images, object)
    if not several:
        raise LabelError("no image is given")
    smooth = [_smoothed(image, smoothing_px) for image in several]
    if len({image.shape for image in smooth}) > 1:
        shapes = ", ".join(str(image.shape) for image in smooth)
        raise LabelError(f"images of different shapes, {shapes}: resample them to the map first")
    return np.stack([_scaled(image) for image in smooth], axis=2)


def _scaled(image: np.ndarray) -> np.ndarray:
    """Return an image from 0 to 1 between its robust extremes; 0 if it is flat."""
    known = image[np.isfinite(image)]
    if not known.size:
        return image
    low, high = np.percentile(known, _ROBUST_PERCENT)
    if high <= low:
        low, high = known.min(), known.max()
    scaled = (image - low) / (high - low) if high > low else image - low
    return np.clip(scaled, 0, 1)


def _smoothed(image: np.ndarray, smoothing_px: float) -> np.ndarray:
    """Return a checked image as float, infinities as NaN, smoothed without spreading NaN."""
    expect(smoothing_px=(smoothing_px, Real))
    values = numbers("image", image, LabelError)
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "biuf":
        raise LabelError(
            f"expected an image (rows, columns) of numbers, not {values.dtype} values of shape "
            f"{values.shape}"
        )
    if not (np.isfinite(smoothing_px) and smoothing_px >= 0):
        raise LabelError(f"smoothing must be 0 pixels or more, not {smoothing_px}")
    values = values.astype(float)
    known = np.isfinite(values)
    values[~known] = np.nan
    if smoothing_px == 0 or not known.any():
        return values
    weight = ndimage.gaussian_filter(known.astype(float), smoothing_px)
    filled = ndimage.gaussian_filter(np.where(known, values, 0.0), smoothing_px)
    return np.where(known, filled / np.where(known, weight, 1.0), np.nan)


def _foreground(image: np.ndarray, method: ThresholdMethod | float, *, dark: bool) -> np.ndarray:
    """Return which pixels lie above a threshold, or not above; NaN does neither."""
    known = np.isfinite(image)
    if not known.any():
        raise LabelError("no pixel of the image has a value")
    threshold = _threshold(image[known], method)
    return (image <= threshold) if dark else (image > threshold)


def _threshold(values: np.ndarray, method: ThresholdMethod | float) -> float:
    from skimage import filters

    if not isinstance(method, str):
        if not np.isfinite(method):
            raise LabelError(f"the threshold must be finite, not {method}")
        return float(method)
    if method not in get_args(ThresholdMethod):
        raise LabelError(
            f"the threshold is a number or found by {', '.join(get_args(ThresholdMethod))}, not "
            f"{method!r}"
        )
    if values.min() == values.max():
        raise LabelError("the image is the same everywhere, so no threshold parts it")
    return float(getattr(filters, f"threshold_{method}")(values))


def _without_small(parts: np.ndarray, min_pixels: int) -> np.ndarray:
    sizes = np.bincount(parts.ravel())
    return np.where(sizes[parts] >= min_pixels, parts, 0)


def _number_of_regions(n_regions: int | None, mean_pixels: float | None, n_pixels: int) -> int:
    if (n_regions is None) == (mean_pixels is None):
        raise LabelError("give either the number of regions or their mean size in pixels")
    wanted = n_pixels / mean_pixels if mean_pixels else n_regions
    if wanted is None or not 1 <= wanted <= n_pixels:
        raise LabelError(
            f"{n_pixels} pixels cannot be cut into {wanted} regions; there must be 1 or more, of "
            "1 pixel or more"
        )
    return round(wanted)


def _chips(labels: np.ndarray, name: str) -> Chips:
    """Return regions counted in reading order, with their names."""
    ordered = in_reading_order(labels).astype(np.int32)
    n = int(ordered.max(initial=0))
    if n == 0:
        raise LabelError("no region is left: change the threshold or the smallest size")
    return Chips(ordered, MappingProxyType({i: name.format(i) for i in range(1, n + 1)}))
