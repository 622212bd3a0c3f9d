"""Shapes of X-ray lines as a detector records them, in counts per channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.special import erfcx, ndtr

from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import attenuation_cm2_g
from napari_eds.physics.detector import SILICON_KA_KEV, silicon_escape
from napari_eds.recipe.recipe import LowEnergyTail
from napari_eds.spectra.axes import EnergyAxis

_FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))

_OXYGEN_KA_KEV, _CARBON_KA_KEV = 0.525, 0.277

#: Lines are drawn this many standard deviations, and tails this many decay lengths, out.
_REACH_SIGMA = 9.0
_REACH_DECAY = 12.0
#: Escape peaks below this part of an alpha line are not drawn.
_NEGLIGIBLE = 1e-5
#: Tails below this part of their line are not drawn.
_NEGLIGIBLE_TAIL = 1e-4


def family_profiles(  # noqa: PLR0913 - a detector has this many sides
    energy: EnergyAxis,
    families: Sequence[Sequence[xray.XRayLine]],
    resolution_MnKa_eV: float,
    *,
    integrated: bool,
    tail: LowEnergyTail | None = None,
    fano_eV: float = xray.FANO_EV,
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
    fano_eV : float
        See `lines.fwhm_keV`.

    Returns
    -------
    ndarray, (channels, families)
        Counts per channel for an alpha line of 1 count.
    """
    columns = np.zeros((energy.size, len(families)))

    def add(column: int, energy_keV: float, counts: float, leaking: float) -> None:
        sigma = xray.fwhm_keV(energy_keV, resolution_MnKa_eV, fano_eV) / _FWHM_PER_SIGMA
        decay = 0.0 if tail is None else tail.decay_keV
        channels, drawn = _draw(energy, energy_keV, float(sigma), integrated, (leaking, decay))
        columns[channels, column] += counts * drawn

    for column, lines in enumerate(families):
        for line in lines:
            escaped = silicon_escape(line.energy_keV) if integrated else 0.0
            leaking = tail_fraction(tail, line.energy_keV)
            leaking = leaking if leaking > _NEGLIGIBLE_TAIL else 0.0
            add(column, line.energy_keV, (1 - escaped) * line.weight, leaking)
            if escaped * line.weight > _NEGLIGIBLE:
                add(column, line.energy_keV - SILICON_KA_KEV, escaped * line.weight, 0.0)
    return columns


def tail_fraction(tail: LowEnergyTail | None, energy_keV: float) -> float:
    """Return the share of a line's counts that leak into a tail."""
    if tail is None:
        return 0.0
    if tail.below_keV is not None:
        return tail.fraction if energy_keV < tail.below_keV else 0.0
    return tail.fraction * _absorbed_near_surface(energy_keV)


@cache
def _absorbed_near_surface(energy_keV: float) -> float:
    """How strongly silicon absorbs, relative to O K; at most that at C K.

    Charge is lost near the contact, in a layer thin beside the way of X-rays in silicon, so that
    the part of them which is absorbed there goes with the coefficient.
    """
    at = np.array([max(energy_keV, _CARBON_KA_KEV), _OXYGEN_KA_KEV])
    line, oxygen = attenuation_cm2_g("Si", at, "photo")
    return float(line / oxygen)


def _draw(
    energy: EnergyAxis,
    centre_keV: float,
    sigma_keV: float,
    integrated: bool,  # noqa: FBT001 - private
    tail: tuple[float, float],
) -> tuple[slice, np.ndarray]:
    """Return a line of 1 count over the channels it reaches; `tail` are its share and decay."""
    leaking, decay_keV = tail
    reach = _REACH_SIGMA * sigma_keV
    low = centre_keV - reach - (_REACH_DECAY * decay_keV if leaking else 0)
    start, stop = (
        min(max(math.ceil((e - energy.offset_keV) / energy.scale_keV), 0), energy.size)
        for e in (low, centre_keV + reach)
    )
    index = np.arange(start, stop)
    distance = energy.offset_keV + energy.scale_keV * index - centre_keV
    if not integrated:
        density = np.exp(-0.5 * (distance / sigma_keV) ** 2) / (sigma_keV * np.sqrt(2 * np.pi))
        return slice(start, stop), density * energy.scale_keV
    first = energy.offset_keV - energy.scale_keV / 2 - centre_keV
    edges = first + energy.scale_keV * np.arange(start, stop + 1)
    cumulative = ndtr(edges / sigma_keV)
    if leaking:
        cumulative = cumulative + leaking * _tail_excess(edges, sigma_keV, decay_keV)
    return slice(start, stop), cumulative[1:] - cumulative[:-1]


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
