"""How far the specimen moved from frame to frame, from pictures or from the counts themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from napari_eds._support.arguments import expect
from napari_eds._support.brief import brief
from napari_eds._support.progress import begin, check_cancelled
from napari_eds.errors import EDSError
from napari_eds.spectra.frame_series import FrameSeries

#: Name of the counts in place of a picture.
COUNTS = "counts"
#: What drift is taken out by: by nothing, and by the first picture of a series.
AS_THEY_ARE, IMAGES = "no", "images"
#: Parts of a pixel to which shifts are found; standard deviation in pixels of the smoothing
#: before, without which single X-rays of frames with few of them rule; share of the edges that is
#: faded out, for what comes in there is not in the other frame.
_UPSAMPLING, _SMOOTHING, _FADED = 20, 1.0, 0.25
#: Counts are compared by the differences between materials that stand out most: so many principal
#: components of maps of so many energies.
_COMPONENTS, _ENERGIES = 4, 24
#: Frames are compared with the mean of the others, which gets sharper with every round.
_ROUNDS, _SETTLED_PX = 8, 0.02


@brief
@dataclass(frozen=True, eq=False)
class Drift:
    """Drift of a series of frames.

    Attributes
    ----------
    shifts_px : ndarray, (frames, 2)
        How far the specimen lies off against the first frame, in rows and columns.
    source : str
        What was compared: ``"counts"`` or the name of a picture.
    """

    shifts_px: np.ndarray
    source: str

    @property
    def whole_px(self) -> np.ndarray:
        """The shifts in whole pixels, (frames, 2), by which counts can be moved."""
        return np.rint(self.shifts_px).astype(np.int64)


def find_drift(series: FrameSeries, source: str | None = None) -> Drift:
    """Find the rigid drift of a series.

    Every frame is compared with the mean of all others by cross-correlation (scikit-image's
    `phase_cross_correlation` without normalisation, which noise would rule), and again with a mean
    that was aligned by what was found, until nothing moves.

    Parameters
    ----------
    series : FrameSeries
    source : str, optional
        ``"counts"``, or the name of one of the series' pictures. Without it the first picture,
        which holds far more electrons than there are X-rays, or else the counts.

    Raises
    ------
    EDSError
        If there is no such picture, or a map is too small to be compared.
    """
    expect(series=(series, FrameSeries), source=(source, str | None))
    if source is None:
        source = series.images[0].name if series.images else COUNTS
    begin("making maps of the frames")
    pictures = _pictures(series, source)
    if min(series.shape) < 8:
        raise EDSError(f"drift needs at least 8 x 8 pixels, not {series.shape}")
    smooth = ndimage.gaussian_filter(pictures, (0, 0, _SMOOTHING, _SMOOTHING))
    shifts = np.zeros((series.n_frames, 2))
    if series.n_frames < 2:
        return Drift(shifts, source)
    for done in range(_ROUNDS):
        begin(f"finding drift, round {done + 1}")
        back = [_back(frame, by) for frame, by in zip(smooth, shifts, strict=True)]
        steps = _residuals(np.stack(back))
        shifts = shifts + steps
        shifts -= shifts[0]
        if np.abs(steps - steps[0]).max() < _SETTLED_PX:
            break
    return Drift(shifts, source)


def without_drift(
    series: FrameSeries, by: str, *, told: Callable[[Drift], None] = lambda _drift: None
) -> FrameSeries:
    """Return a series whose frames are moved back by whole pixels.

    Parameters
    ----------
    series : FrameSeries
    by : str
        `AS_THEY_ARE` for the series itself, `IMAGES` for its first picture, ``"counts"`` or the
        name of a picture.
    told : callable
        Gets what was found.

    Raises
    ------
    EDSError
        If pictures are wanted and the series has none; otherwise as `find_drift`.
    """
    if by == AS_THEY_ARE:
        return series
    if by == IMAGES and not series.images:
        raise EDSError("the file keeps no image of every frame; take out drift by counts")
    drift = find_drift(series, None if by == IMAGES else by)
    told(drift)
    return series.shifted(drift.whole_px)


def _back(frame: np.ndarray, by_px: np.ndarray) -> np.ndarray:
    check_cancelled()
    return np.asarray(ndimage.shift(frame, (0, *-by_px), order=1, mode="nearest"))


def _pictures(series: FrameSeries, source: str) -> np.ndarray:
    """Return what is compared, (frames, pictures, rows, columns)."""
    if source == COUNTS:
        return _component_maps(series)
    for image in series.images:
        if image.name == source:
            return np.nan_to_num(image.data.astype(float))[:, None]
    names = ", ".join([COUNTS, *(image.name for image in series.images)])
    raise EDSError(f"frames cannot be compared by {source!r}; there are: {names}")


def _component_maps(series: FrameSeries) -> np.ndarray:
    """Return maps of the components in which pixels differ most, beside counting noise.

    Principal components of counts that are scaled to the same variance in all energies (Keenan and
    Kotula, Surf. Interface Anal. 36 (2004) 203), of groups of channels that hold the same counts.
    """
    spectrum = series.stacked.total_spectrum().astype(float)
    xrays = np.zeros(spectrum.size, bool)
    xrays[series.stacked.energy.xray_channels] = True
    running = np.cumsum(np.where(xrays, spectrum, 0))
    if not running[-1]:
        raise EDSError("frames without X-rays cannot be compared by counts")
    group = np.minimum((_ENERGIES * running / running[-1]).astype(int), _ENERGIES - 1)
    groups = np.zeros((spectrum.size, _ENERGIES))
    groups[np.flatnonzero(xrays), group[xrays]] = 1
    groups /= np.sqrt(np.maximum(spectrum @ groups, 1))
    maps = series.stacked.project(groups).reshape(series.n_frames, *series.shape, _ENERGIES)
    check_cancelled()
    mean = ndimage.gaussian_filter(maps.sum(axis=0), (_SMOOTHING, _SMOOTHING, 0))
    pixels = mean.reshape(-1, _ENERGIES)
    check_cancelled()
    vectors = np.linalg.eigh(np.cov(pixels, rowvar=False))[1][:, ::-1][:, :_COMPONENTS]
    return np.moveaxis(maps @ vectors, -1, 1)


def _residuals(aligned: np.ndarray) -> np.ndarray:
    """Return how far each frame still lies off the mean of the others, (frames, 2)."""
    from skimage.registration import phase_cross_correlation

    fade = np.outer(*(signal.windows.tukey(n, 2 * _FADED) for n in aligned.shape[2:]))
    total = aligned.sum(axis=0)

    def spectra(pictures: np.ndarray) -> np.ndarray:
        means = np.average(pictures, axis=(1, 2), weights=np.broadcast_to(fade, pictures.shape))
        return np.fft.fft2((pictures - means[:, None, None]) * fade)

    found = []
    for frame in aligned:
        check_cancelled()
        others = (total - frame) / (len(aligned) - 1)
        # The correlations of all pictures, summed: the library takes one pair.
        both = (spectra(others) * spectra(frame).conj()).sum(axis=0)
        back = phase_cross_correlation(
            both,
            np.ones_like(both),
            space="fourier",
            upsample_factor=_UPSAMPLING,
            normalization=None,
        )[0]
        found.append(-np.asarray(back))
    return np.array(found)
