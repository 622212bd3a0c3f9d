"""Peaks of a spectrum: where they are, and what they hold above what lies under them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_eds._support.arguments import numbers
from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.axes import EnergyAxis

#: Softer lines lie in the noise peak.
LOWEST_KEV = 0.1
#: Half width of the windows in which lines are counted, in full widths.
HALF_WINDOW_FWHM = 0.6
#: Net counts above this many errors are a peak.
SIGNIFICANT = 3.0

_CHANNEL_KEV = 0.01
#: Width of the weights of a centroid relative to a line, and how often it is improved.
_KERNEL, _CENTROID_ROUNDS = 0.6, 10
#: What the background under a peak is wrong by, relative to it.
_BACKGROUND_ERROR = 0.03


@dataclass(frozen=True)
class Peak:
    """A peak near an energy: position with its counting error in keV, net counts and error.

    `found` is false where nothing stands out; the position is then the energy asked for.
    """

    energy_keV: float
    error_keV: float
    counts: float
    counts_error: float
    found: bool


def settle_peak(
    energy_keV: float, energy: EnergyAxis, counts: np.ndarray, acquisition: Acquisition
) -> Peak:
    """Return the peak nearest to an energy, at most half a full width away.

    Raises
    ------
    UncalibratedError
        If the axis has no energies.
    EDSError
        If the spectrum does not fit the axis or the energy is not on it.
    """
    spectrum = NetSpectrum.of(energy, counts, acquisition)
    return spectrum.settle(energy_keV)


@dataclass(frozen=True, eq=False)
class NetSpectrum:
    """A spectrum in channels not much finer than needed, and what lies under its peaks.

    `sums` are counts and background added up from the first channel, (2, channels + 1).
    """

    axis: EnergyAxis
    counts: np.ndarray
    background: np.ndarray
    resolution_eV: float
    sums: np.ndarray

    @classmethod
    def of(cls, energy: EnergyAxis, counts: np.ndarray, acquisition: Acquisition) -> NetSpectrum:
        """Estimate the background of a spectrum.

        Raises
        ------
        UncalibratedError
            If the axis has no energies.
        EDSError
            If the spectrum does not fit the axis.
        """
        energy.require_calibrated()
        counts = numbers("counts", counts).astype(float)
        if counts.shape != (energy.size,):
            raise EDSError(
                f"a spectrum of {energy.size} channels is needed, not one of shape {counts.shape}"
            )
        factor = min(max(1, round(_CHANNEL_KEV / energy.scale_keV)), energy.size)
        axis = energy.rebin(factor)
        summed = counts[: axis.size * factor].reshape(axis.size, factor).sum(axis=1)
        resolution = acquisition.resolution_MnKa_eV()
        widths = np.asarray(xray.fwhm_keV(axis.energies_keV, resolution)) / axis.scale_keV
        background = clipped_background(summed, 2 * widths)
        sums = np.cumsum(np.stack([summed, background]), axis=1)
        return cls(axis, summed, background, resolution, np.pad(sums, ((0, 0), (1, 0))))

    def fwhm(self, energy_keV: float) -> float:
        """Full width at half maximum of a line, in keV."""
        return float(xray.fwhm_keV(energy_keV, self.resolution_eV))

    def holds(self, energy_keV: float) -> bool:
        """Whether the whole window around an energy lies on the axis and above the noise peak."""
        half = HALF_WINDOW_FWHM * self.fwhm(energy_keV)
        low = max(LOWEST_KEV, self.axis.offset_keV)
        return low <= energy_keV - half and energy_keV + half <= self.axis.last_keV

    def net(self, energy_keV: float) -> tuple[float, float]:
        """Return net counts in the window around an energy, and their error."""
        half = HALF_WINDOW_FWHM * self.fwhm(energy_keV)
        edges = (energy_keV + np.array([-half, half]) - self.axis.offset_keV) / self.axis.scale_keV
        # Channel i covers i - 1/2 to i + 1/2.
        at = np.arange(self.axis.size + 1) - 0.5
        gross, background = (float(np.diff(np.interp(edges, at, s))[0]) for s in self.sums)
        variance = max(gross, 1.0) + (_BACKGROUND_ERROR * background) ** 2
        return gross - background, float(np.sqrt(variance))

    def settle(self, near_keV: float) -> Peak:
        """Find the top of the peak at most half a full width from an energy, and its position.

        Raises
        ------
        EDSError
            If the energy is not on the axis.
        """
        first, last = self.axis.offset_keV, self.axis.last_keV
        if not first <= near_keV <= last:
            raise EDSError(f"{near_keV:g} keV is off the axis of {first:.3f} to {last:.3f} keV")
        width = self.fwhm(near_keV)
        energies = self.axis.energies_keV
        smooth = np.convolve(self.counts - self.background, np.ones(3) / 3, mode="same")
        reach = np.abs(energies - near_keV) <= width / 2
        centre = near_keV
        if reach.any():
            # A top at the edge of the reach is the flank of another peak.
            inside = np.flatnonzero(reach)
            top = inside[np.argmax(smooth[inside])]
            if inside[0] < top < inside[-1]:
                centre = float(energies[top])
        counts, error = self.net(centre)
        found = counts > SIGNIFICANT * error
        if not found:
            return Peak(near_keV, width / 2, max(self.net(near_keV)[0], 0.0), error, found=False)
        centre, uncertainty = self._centroid(centre)
        counts, error = self.net(centre)
        return Peak(centre, uncertainty, counts, error, found=True)

    def _centroid(self, start_keV: float) -> tuple[float, float]:
        """Return the centroid of net counts around a top, and its error.

        The weights are a Gaussian narrower than a line, so that neighbours that are just resolved
        do not pull; where the weighted mean stays in place is the top of the smoothed peak.
        """
        energies, net = self.axis.energies_keV, self.counts - self.background
        sigma = self.fwhm(start_keV) / xray.FWHM_PER_SIGMA
        # The product of line and weights is narrower than both: the mean moves a part of the way.
        gain = (1 + _KERNEL**2) / _KERNEL**2
        centre, weights, total = start_keV, np.zeros(0), 1.0
        for _ in range(_CENTROID_ROUNDS):
            weights = np.exp(-0.5 * ((energies - centre) / (_KERNEL * sigma)) ** 2)
            total = max(float(weights @ net), 1e-12)
            step = gain * float(weights @ (net * (energies - centre))) / total
            centre += float(np.clip(step, -sigma / 2, sigma / 2))
        centre = float(np.clip(centre, start_keV - sigma, start_keV + sigma))
        spread = float(np.sqrt(np.sum((weights * (energies - centre)) ** 2 * self.counts)))
        return centre, min(gain * spread / total, 2 * sigma)


def clipped_background(counts: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Estimate what lies under the peaks of a spectrum.

    Parameters
    ----------
    counts : ndarray, (channels,)
    widths : ndarray, (channels,)
        Half width of what counts as a peak, in channels.

    Returns
    -------
    ndarray, (channels,)

    Notes
    -----
    Peak clipping on the doubly logarithmic square root: C. G. Ryan et al., *Nuclear Instruments
    and Methods B* 34 (1988) 396.
    """
    smooth = np.convolve(np.pad(counts, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    level = np.log(np.log(np.sqrt(np.maximum(smooth, 0) + 1) + 1) + 1)
    # Wide windows first: the result is smooth then.
    for half in range(max(1, int(np.ceil(widths.max()))), 0, -1):
        padded = np.pad(level, half, mode="edge")
        mean = (padded[: -2 * half] + padded[2 * half :]) / 2
        level = np.where(half <= widths, np.minimum(level, mean), level)
    return np.maximum((np.exp(np.exp(level) - 1) - 1) ** 2 - 1, 0)
