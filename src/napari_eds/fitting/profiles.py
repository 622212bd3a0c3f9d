"""Shapes of X-ray lines as a detector records them, in counts per channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from scipy.special import erfcx, ndtr, ndtri

from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import attenuation_cm2_g
from napari_eds.physics.detector import SILICON_KA_KEV, hard_tail, silicon_escape
from napari_eds.physics.radiative_auger import radiative_auger as band_below
from napari_eds.recipe.recipe import LowEnergyTail
from napari_eds.spectra.axes import EnergyAxis

_FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))

_OXYGEN_KA_KEV, _CARBON_KA_KEV = 0.525, 0.277

#: Lines are drawn this many standard deviations, and tails this many decay lengths, out.
_REACH_SIGMA = 9.0
_REACH_DECAY = 12.0
#: Deviations of a normal distribution that are as likely as each other.
_DEVIATIONS = ndtri((np.arange(21) + 0.5) / 21)
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
    hard_tail: float = 0.0,
    escape: float = 1.0,
    radiative_auger: float = 0.0,
    radiative_auger_beta: float = 0.0,
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
        its density at the centre times the width, as HyperSpy draws it. Tails, escape peaks and
        bands are drawn with the first only.
    tail : LowEnergyTail, optional
    fano_eV : float
        See `lines.fwhm_keV`.
    hard_tail : float
        Share of Ti K alpha in its tail; that of other lines follows, see `detector.hard_tail`.
    escape : float
        Size of escape peaks over theory, see `detector.silicon_escape`.
    radiative_auger, radiative_auger_beta : float
        Strength of the bands below K alpha and below K beta over those of the table
        (`radiative_auger`), drawn in addition to the line's counts.

    Returns
    -------
    ndarray, (channels, families)
        Counts per channel for an alpha line of 1 count.
    """
    bands = {"Ka": radiative_auger, "Kb": radiative_auger_beta}
    beside = _Beside(tail, hard_tail, escape, bands) if integrated else _Beside()
    peaks = _Peaks.of(families, beside)
    sigmas = xray.fwhm_keV(peaks.centres_keV, resolution_MnKa_eV, fano_eV) / _FWHM_PER_SIGMA
    place, channel, drawn = _drawn(energy, peaks, sigmas, integrated=integrated)
    cells = channel * len(families) + peaks.columns[place]
    weights = drawn * peaks.counts[place]
    flat = np.bincount(cells, weights, minlength=energy.size * len(families))
    return flat.reshape(energy.size, len(families))


@dataclass(frozen=True)
class _Beside:
    """What there is of a line besides its peak."""

    tail: LowEnergyTail | None = None
    hard_tail: float = 0.0
    escape: float = 0.0
    radiative_auger: Mapping[str, float] = field(default_factory=dict)

    def tail_of(self, energy_keV: float) -> tuple[float, float]:
        """Return the share of a line's counts in its tail, and the tail's length, keV."""
        share, decay_keV = hard_tail(energy_keV)
        share *= self.hard_tail
        soft = tail_fraction(self.tail, energy_keV)
        if self.tail is not None and soft > share:
            share, decay_keV = soft, self.tail.decay_keV
        return (share, decay_keV) if share > _NEGLIGIBLE_TAIL else (0.0, 0.0)

    def band_of(self, line: xray.XRayLine) -> list[tuple[float, float]]:
        """Return the band below a line, as energies in keV and counts per count of the line."""
        strength = self.radiative_auger.get(line.name[:2], 0.0)
        if not strength:
            return []
        return [
            (line.energy_keV - below, strength * share)
            for below, share in band_below(line.element, line.name[:2])
        ]


@dataclass(frozen=True, eq=False)
class _Peaks:
    """Every peak to draw: its family's column, centre, counts, and its tail's share and length."""

    columns: np.ndarray
    centres_keV: np.ndarray
    counts: np.ndarray
    leaking: np.ndarray
    decays_keV: np.ndarray

    @classmethod
    def of(cls, families: Sequence[Sequence[xray.XRayLine]], beside: _Beside) -> _Peaks:
        """List the lines of families, and what lies below them."""
        rows = []
        for column, lines in enumerate(families):
            for line in lines:
                energy = line.energy_keV
                escaped = beside.escape * silicon_escape(energy)
                tail = beside.tail_of(energy)
                rows.append((column, energy, (1 - escaped) * line.weight, *tail))
                if escaped * line.weight > _NEGLIGIBLE:
                    escaping = escaped * line.weight
                    rows.append((column, energy - SILICON_KA_KEV, escaping, 0.0, 0.0))
                rows += [
                    (column, band_keV, counts * line.weight, 0.0, 0.0)
                    for band_keV, counts in beside.band_of(line)
                ]
        columns, *others = np.array(rows, dtype=float).reshape(-1, 5).T
        return cls(columns.astype(int), *others)


def resolved(
    energy: EnergyAxis,
    values: np.ndarray,
    resolution_MnKa_eV: float,
    fano_eV: float = xray.FANO_EV,
) -> np.ndarray:
    """Return a curve as a detector resolves it, which smears its edges, (channels,).

    Parameters
    ----------
    energy : EnergyAxis
    values : ndarray, (channels,)
    resolution_MnKa_eV : float
        Full width at half maximum at Mn Ka.
    fano_eV : float
        See `lines.fwhm_keV`.
    """
    energies = energy.energies_keV
    sigma = xray.fwhm_keV(energies, resolution_MnKa_eV, fano_eV) / _FWHM_PER_SIGMA
    return np.asarray(
        np.mean([np.interp(energies + d * sigma, energies, values) for d in _DEVIATIONS], axis=0)
    )


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


def _drawn(
    energy: EnergyAxis,
    peaks: _Peaks,
    sigmas_keV: np.ndarray,
    *,
    integrated: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw peaks of 1 count over the channels they reach, all in one go.

    Returns
    -------
    place, channel, drawn : ndarray, (points,)
        Which peak, which channel, and the counts there.
    """
    low = peaks.centres_keV - _REACH_SIGMA * sigmas_keV - _REACH_DECAY * peaks.decays_keV
    high = peaks.centres_keV + _REACH_SIGMA * sigmas_keV
    start, stop = (
        np.clip(np.ceil((e - energy.offset_keV) / energy.scale_keV), 0, energy.size).astype(int)
        for e in (low, high)
    )
    place, channel = _runs(start, np.where(stop > start, stop + integrated, start))
    distance = energy.offset_keV + energy.scale_keV * channel - peaks.centres_keV[place]
    sigma = sigmas_keV[place]
    if not integrated:
        density = np.exp(-0.5 * (distance / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        return place, channel, density * energy.scale_keV
    edges = distance - energy.scale_keV / 2
    cumulative = ndtr(edges / sigma)
    leaks = np.flatnonzero(peaks.leaking[place])
    of_leaks = place[leaks]
    cumulative[leaks] += peaks.leaking[of_leaks] * _tail_excess(
        edges[leaks], sigma[leaks], peaks.decays_keV[of_leaks]
    )
    # One edge more than channels: from the last of a peak to the first of the next is nothing.
    inside = place[1:] == place[:-1]
    return place[:-1][inside], channel[:-1][inside], np.diff(cumulative)[inside]


def _runs(start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``range(start, stop)`` of every pair, one after another, and which pair it is of."""
    sizes = stop - start
    place = np.repeat(np.arange(len(sizes)), sizes)
    return place, np.arange(len(place)) + (start - np.cumsum(sizes) + sizes)[place]


def _tail_excess(distance: np.ndarray, sigma: np.ndarray, decay: np.ndarray) -> np.ndarray:
    """Cumulative distribution of a Gaussian minus an exponential, less that of the Gaussian.

    For X = N(0, sigma) - Exp(decay): ``exp(d / decay + sigma^2 / (2 decay^2)) Q(d / sigma +
    sigma / decay)``, Q the upper tail of the normal distribution; written with the scaled
    complementary error function, which neither over- nor underflows where Q is small.
    """
    argument = (distance / sigma + sigma / decay) / np.sqrt(2)
    near = 0.5 * erfcx(np.maximum(argument, -5.0)) * np.exp(-0.5 * (distance / sigma) ** 2)
    far = np.exp(np.minimum(distance / decay + 0.5 * (sigma / decay) ** 2, 0.0))
    return np.where(argument > -5.0, near, far)
