"""Maps and spectra without most of their counting noise, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import numpy as np
import pandas as pd
from scipy import sparse

from napari_eds._support.arguments import expect, pair
from napari_eds._support.brief import brief
from napari_eds._support.progress import Progress, begin, leavable, tells_steps
from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.spectra import count_splitting, smoothing
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.factors import (
    METHODS,
    Factors,
    Method,
    factorise,
    scaled_projection,
)
from napari_eds.spectra.label_sums import label_membership
from napari_eds.spectra.products import rebinned
from napari_eds.spectra.spectrum_image import SpectrumImage
from napari_eds.spectra.storage import Counts, stored
from napari_eds.spectra.windows import family_windows

#: Channels are summed until there are at most so many: lines stay several channels wide, and the
#: matrix of products of channels stays small.
_MOST_CHANNELS = 1024
#: Width of the summed channels: half of the full width of O K. Fewer channels have less noise
#: that components could be mistaken for.
_WIDTH_keV = 0.04
#: Counts that groups of neighbours shall hold, so that spectra stand out, and their longest side.
_GROUP_COUNTS, _LONGEST_SIDE = 1000.0, 4
MOST_COMPONENTS = 16
_NO_QUANTITIES = (
    "Not for quantities: errors of denoised maps cannot be stated, and what few pixels hold may "
    "be missing. Compositions are made of the map as it was measured."
)
_LEAST_PIXELS = 16


@brief
@dataclass(frozen=True, eq=False)
class Denoised:
    """A map described by few components.

    What it shows is no measurement: a component that the counts could not tell is missing, and
    spectra of rare pixels are drawn towards those of the many. So no composition is made of it,
    and errors of its maps are not known (`errors_known` is False).

    Attributes
    ----------
    image : SpectrumImage
        The map as it was measured.
    energy : EnergyAxis
        Of the summed channels.
    factors : Factors
        In pixels of the map, in row order, and channels of `energy`.
    method : {"pca", "nmf"}
    scores : tuple of Score
        Of every number of components tried; empty where the number was given.
    rebin : int
        Channels of the map that were summed into one.
    sigmas_px : tuple of float
        Gaussian over which the amounts of every component were averaged.
    """

    image: SpectrumImage
    energy: EnergyAxis
    factors: Factors
    method: Method
    scores: tuple[count_splitting.Score, ...]
    rebin: int
    sigmas_px: tuple[float, ...]
    errors_known: bool = False

    @property
    def n_components(self) -> int:
        """Number of components."""
        return self.factors.n

    def window_map(self, low_keV: float, high_keV: float) -> np.ndarray:
        """Return the expected counts in ``low_keV <= E < high_keV``, (rows, columns)."""
        channels = self.energy.channels(low_keV, high_keV)
        window = self.factors.spectra[:, channels].sum(axis=1)
        return (self.factors.amounts @ window).reshape(self.image.shape)

    def raw_window_map(self, low_keV: float, high_keV: float) -> np.ndarray:
        """Return the measured counts in the same channels, (rows, columns)."""
        channels = self.energy.channels(low_keV, high_keV)
        edges = self.energy.offset_keV + self.energy.scale_keV * (
            np.array([channels.start, channels.stop]) - 0.5
        )
        return self.image.window_map(float(edges[0]), float(edges[1]))

    def line_window_keV(self, line: str) -> tuple[float, float]:
        """Return the window of the main line of an element or family, such as ``"Fe"``.

        Raises
        ------
        EDSError
            If there is no such line on the axis.
        """
        return line_window_keV(self.image, line, self.energy)

    def spectrum(self, mask: np.ndarray | None = None) -> np.ndarray:
        """Return the expected counts of the pixels of a boolean map, all by default, (channels,).

        Raises
        ------
        EDSError
            If the mask has another shape than the map.
        """
        if mask is None:
            return np.asarray(self.factors.amounts.sum(axis=0) @ self.factors.spectra)
        if np.shape(mask) != self.image.shape:
            raise EDSError(f"mask of shape {np.shape(mask)} does not fit {self.image.shape}")
        inside = np.asarray(mask, bool).ravel()
        return np.asarray(self.factors.amounts[inside].sum(axis=0) @ self.factors.spectra)

    def amount_maps(self) -> np.ndarray:
        """Return how much of every component is in each pixel, (components, rows, columns)."""
        return self.factors.amounts.T.reshape(-1, *self.image.shape)

    def score_table(self) -> pd.DataFrame:
        """Return the scores of all numbers of components tried, and which one was chosen."""
        return pd.DataFrame(
            {
                "components": [s.n for s in self.scores],
                "deviance_per_count": [s.deviance for s in self.scores],
                "gain": [s.gain for s in self.scores],
                "gain_error": [s.gain_error for s in self.scores],
                "chosen": [s.n == self.n_components for s in self.scores],
            }
        )

    def account(self) -> list[str]:
        """Say in plain words what was done, one sentence each."""
        name = {
            "pca": "principal components weighted for Poisson counts",
            "nmf": "non-negative factors of counts weighted for Poisson noise",
        }[self.method]
        how = (
            "chosen by splitting the counts in halves, fitting one and scoring the other"
            if self.scores
            else "as given"
        )
        sigmas = ", ".join(f"{sigma:g}" for sigma in self.sigmas_px)
        averaged = (
            f"Amounts averaged over neighbours by Gaussians of {sigmas} px (standard deviation), "
            "as far as the other half confirms."
            if any(self.sigmas_px)
            else "Pixels are not averaged with their neighbours."
        )
        channels = (
            f"{self.energy.size} channels of {1000 * self.energy.scale_keV:g} eV from "
            f"{self.energy.offset_keV:.3g} keV on ({self.rebin} of the map's summed in each)."
        )
        return [
            f"Denoised by {self.n_components} {name}, their number {how}.",
            averaged,
            channels,
            _NO_QUANTITIES,
        ]


def line_window_keV(
    image: SpectrumImage, line: str, energy: EnergyAxis | None = None
) -> tuple[float, float]:
    """Return the window of the main line of an element or family, such as ``"Fe"`` or ``"La_L"``.

    Parameters
    ----------
    image : SpectrumImage
    line : str
    energy : EnergyAxis, optional
        The line must lie on; that of the image by default.

    Raises
    ------
    EDSError
        If there is no such line on the axis.
    """
    element, _, name = line.partition("_")
    xray.check_element(element)
    axis = image.energy if energy is None else energy
    if name:
        family = xray.family(element, name)
    else:
        last = axis.last_keV
        beam = image.acquisition.beam_energy_keV or last
        family = xray.default_family(element, max(axis.offset_keV, 0.0), last, beam)
    windows = family_windows([family], axis, image.acquisition.resolution_MnKa_eV())
    if not windows:
        raise EDSError(f"{line} has no line in the energies that were denoised")
    return windows[family]


@tells_steps
def denoise(  # noqa: PLR0913 - all but the first have defaults
    image: SpectrumImage,
    n_components: int | None = None,
    *,
    method: Method = "pca",
    energy_range_keV: tuple[float, float] | None = None,
    smooth: bool = True,
    most: int = MOST_COMPONENTS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Denoised:
    """Describe a map by few components.

    Counts stay as they are held: what is dense has the size of the channels squared, or of the
    pixels times the components, or of a block of pixels.

    Parameters
    ----------
    image : SpectrumImage
        Of whole counts.
    n_components : int, optional
        By default as many as half of the counts shows the other half; see `count_splitting`.
    method : {"pca", "nmf"}
        Weighted principal components, which are quick and hardly biased, or non-negative factors,
        whose amounts lie together in space and so are smoothed better, but which miss components
        that others can stand in for, and read high where counts are few.
    energy_range_keV : (float, float), optional
        By default the X-rays above the noise peak.
    smooth : bool
        Whether amounts are averaged over neighbours as far as the other half confirms.
    most : int
        Components tried at most.
    seed : int
        Of the split.
    progress : callable, optional
        Called with (done, total, what); raising in it cancels.

    Raises
    ------
    EDSError
        If the map is too small, its counts are not whole, or a number makes no sense.
    UncalibratedError
        If the map has no energies.
    """
    expect(
        image=(image, SpectrumImage),
        n_components=(n_components, Integral | None),
        method=(method, str),
        most=(most, Integral),
    )
    image.energy.require_calibrated()
    if method not in METHODS:
        raise EDSError(f"a map is denoised by {' or '.join(METHODS)}, not by {method!r}")
    if image.n_pixels < _LEAST_PIXELS:
        raise EDSError(
            f"{image.n_pixels} pixels are too few to be denoised: {_LEAST_PIXELS} at least"
        )
    begin("summing channels")
    part, rebin = leavable(_reduced, image, energy_range_keV)
    if n_components is not None and not 1 <= n_components <= min(part.n_channels, part.n_pixels):
        raise EDSError(f"a map cannot be described by {n_components} components")
    begin("splitting counts")
    halves = leavable(count_splitting.split, part.counts, seed)
    averaged = partial(_averaged, scored=halves[1], shape=part.shape) if smooth else _as_it_is
    sums = _groups(part) if smooth else None
    most = min(most, part.n_channels, part.n_pixels if sums is None else sums.shape[0])
    scores: list[count_splitting.Score] = []
    if n_components is None:
        half, scores = count_splitting.choose(
            *halves,
            max(most, 1),
            method,
            sums=sums,
            averaged=lambda f: averaged(f)[0],
            progress=progress,
        )
        n_components = half.n
    sigmas = (0.0,) * n_components
    if progress is not None:
        progress(0, 1, "fitting components to all counts")
    factors = factorise(part.counts, n_components, method, sums=sums)
    if smooth:
        # Components of all counts come in another order: their own half tells their Gaussians.
        own = Factors(scaled_projection(factors, halves[0])[0], factors.spectra)
        _, sigmas = averaged(own)
    factors = smoothing.smooth(factors, part.shape, sigmas)
    return Denoised(image, part.energy, factors, method, tuple(scores), rebin, sigmas)


def _groups(part: SpectrumImage) -> sparse.csr_array | None:
    """Return squares of neighbours with enough counts each, (groups, pixels); None for pixels."""
    mean = part.total_counts / part.n_pixels
    side = int(np.clip(np.ceil(np.sqrt(_GROUP_COUNTS / max(mean, 1e-9))), 1, _LONGEST_SIDE))
    side = min(side, *(max(extent // 4, 1) for extent in part.shape))
    if side == 1:
        return None
    rows, columns = (np.arange(extent) // side for extent in part.shape)
    labels = 1 + rows[:, None] * (columns[-1] + 1) + columns
    return label_membership(labels, part.shape)[1]


def _averaged(
    factors: Factors, scored: Counts, shape: tuple[int, int]
) -> tuple[Factors, tuple[float, ...]]:
    """Return components averaged over neighbours as the other half confirms, and how far."""
    sigmas = smoothing.choose_sigmas(factors, scored, shape)
    return smoothing.smooth(factors, shape, sigmas), sigmas


def _as_it_is(factors: Factors) -> tuple[Factors, tuple[float, ...]]:
    return factors, (0.0,) * factors.n


def _reduced(
    image: SpectrumImage, energy_range_keV: Sequence[float] | None
) -> tuple[SpectrumImage, int]:
    """Return the energies of interest in channels that are not more than needed."""
    if energy_range_keV is None:
        counts = stored(image.counts[:, image.energy.xray_channels])
        energy = image.energy.crop(image.energy.xray_channels)
    else:
        part = image.crop_energy(*pair("energy_range_keV", energy_range_keV))
        counts, energy = part.counts, part.energy
    fewest = -(-energy.size // _MOST_CHANNELS)
    factor = min(max(fewest, round(_WIDTH_keV / energy.scale_keV), 1), energy.size)
    matrix = stored(rebinned(counts, factor))
    return SpectrumImage(matrix, image.shape, energy.rebin(factor)), factor
