"""Shapes of X-ray lines as a detector records them, in counts per channel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import erfcx, ndtr

from napari_eds.physics import lines as xray
from napari_eds.physics.detector import SILICON_KA_KEV, silicon_escape
from napari_eds.recipe.recipe import LowEnergyTail
from napari_eds.spectra.axes import EnergyAxis

_FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))

#: Lines are drawn this many standard deviations, and tails this many decay lengths, out.
_REACH_SIGMA = 9.0
_REACH_DECAY = 12.0


def family_profiles(
    energy: EnergyAxis,
    families: Sequence[Sequence[xray.XRayLine]],
    resolution_MnKa_eV: float,
    *,
    integrated: bool,
    tail: LowEnergyTail | None = None,
) -> np.ndarray:
    """Draw families of lines.

    Parameters
    ----------
    energy : EnergyAxis
    families : sequence of sequences of XRayLine
        The lines of each family, weights relative to its alpha line.
    resolution_MnKa_eV : float
        Full width at half maximum at Mn Ka.
    integrated : bool
        Whether a channel holds the line's integral over its width, as a detector counts, or
        its density at the centre times the width, as HyperSpy draws it.
    tail : LowEnergyTail, optional

    Returns
    -------
    ndarray, (channels, families)
        Counts per channel for an alpha line of 1 count.
    """
    columns = np.zeros((energy.size, len(families)))
    for column, lines in enumerate(families):
        for line in lines:
            sigma = xray.fwhm_keV(line.energy_keV, resolution_MnKa_eV) / _FWHM_PER_SIGMA
            own_tail = tail if tail is not None and line.energy_keV < tail.below_keV else None
            escaped = silicon_escape(line.energy_keV) if integrated else 0.0
            channels, counts = _draw(energy, line.energy_keV, float(sigma), integrated, own_tail)
            columns[channels, column] += (1 - escaped) * line.weight * counts
            if escaped:
                left = line.energy_keV - SILICON_KA_KEV
                sigma = xray.fwhm_keV(left, resolution_MnKa_eV) / _FWHM_PER_SIGMA
                channels, counts = _draw(energy, left, float(sigma), integrated, None)
                columns[channels, column] += escaped * line.weight * counts
    return columns


def _draw(
    energy: EnergyAxis,
    centre_keV: float,
    sigma_keV: float,
    integrated: bool,  # noqa: FBT001 - private
    tail: LowEnergyTail | None,
) -> tuple[slice, np.ndarray]:
    """Return a line of 1 count over the channels it reaches."""
    reach = _REACH_SIGMA * sigma_keV
    low = centre_keV - reach - (0 if tail is None else _REACH_DECAY * tail.decay_keV)
    start, stop = (
        min(max(math.ceil((e - energy.offset_keV) / energy.scale_keV), 0), energy.size)
        for e in (low, centre_keV + reach)
    )
    index = np.arange(start, stop)
    distance = energy.offset_keV + energy.scale_keV * index - centre_keV
    if not integrated:
        density = np.exp(-0.5 * (distance / sigma_keV) ** 2) / (sigma_keV * np.sqrt(2 * np.pi))
        return slice(start, stop), density * energy.scale_keV
    edges = np.append(distance, distance[-1:] + energy.scale_keV) - energy.scale_keV / 2
    cumulative = ndtr(edges / sigma_keV)
    if tail is not None:
        cumulative = cumulative + tail.fraction * _tail_excess(edges, sigma_keV, tail.decay_keV)
    return slice(start, stop), np.diff(cumulative)


def _tail_excess(distance: np.ndarray, sigma: float, decay: float) -> np.ndarray:
    """Cumulative distribution of a Gaussian minus an exponential, less that of the Gaussian.

    For X = N(0, sigma) - Exp(decay): ``exp(d / decay + sigma^2 / (2 decay^2)) Q(d / sigma +
    sigma / decay)``, Q the upper tail of the normal distribution; written with the scaled
    complementary error function, which neither over- nor underflows where Q is small.
    """
    argument = (distance / sigma + sigma / decay) / np.sqrt(2)
    near = 0.5 * erfcx(np.maximum(argument, -5.0)) * np.exp(-0.5 * (distance / sigma) ** 2)
    far = np.exp(np.minimum(distance / decay + 0.5 * (sigma / decay) ** 2, 0.0))
    return np.where(argument > -5.0, near, far)
