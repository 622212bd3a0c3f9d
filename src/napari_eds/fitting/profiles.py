"""Shapes of X-ray lines as a detector records them, in counts per channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import erfcx, ndtr, ndtri

from napari_eds.fitting.response import EmittedLines, Peaks, Response
from napari_eds.physics import lines as xray
from napari_eds.spectra.axes import EnergyAxis

#: Lines of weight 1 are drawn this many standard deviations, and tails this many decay lengths,
#: out; weaker ones until as little is left.
_REACH_SIGMA, _LEAST_SIGMA = 7.0, 3.0
_REACH_DECAY, _LEAST_DECAY = 12.0, 3.0
#: Deviations of a normal distribution that are as likely as each other.
_DEVIATIONS = ndtri((np.arange(21) + 0.5) / 21)
#: Tails below this part of their line are not drawn.
_NEGLIGIBLE_TAIL = 1e-4


def family_profiles(
    energy: EnergyAxis, families: Sequence[Sequence[xray.XRayLine]], response: Response
) -> np.ndarray:
    """Draw families of lines.

    Parameters
    ----------
    energy : EnergyAxis
    families : sequence of sequences of XRayLine
        The lines of each family, weights relative to its alpha line.
    response : Response

    Returns
    -------
    ndarray, (channels, families)
        Counts per channel for an alpha line of 1 count.
    """
    points = _Points.of(energy, families, response)
    return points.summed(points.curve, points.peaks.counts)


@dataclass(frozen=True)
class Moved:
    """What lines are drawn with, a little off, and by how much all lines lie higher."""

    energy: EnergyAxis
    response: Response
    higher_keV: float = 0.0


def family_slopes(
    energy: EnergyAxis,
    families: Sequence[Sequence[xray.XRayLine]],
    response: Response,
    moved: Sequence[Moved],
) -> Iterator[np.ndarray]:
    """Yield by how much profiles change if axis, response or lines move a little.

    By the chain rule, so that lines are drawn once for all.

    Parameters
    ----------
    energy, families, response
        As of `family_profiles`.
    moved : sequence of Moved
        By little from `energy` and `response`.

    Yields
    ------
    ndarray, (channels, families)
        The change to first order.
    """
    # What happens to be gone may come back.
    points = _Points.of(energy, families, response, negligible=True)
    slopes = _Slopes.of(points)
    for end in moved:
        peaks = points.lines.higher(end.higher_keV).recorded(end.response)
        bent = slopes.along(end, peaks)
        larger = peaks.counts - points.peaks.counts
        if not response.integrated:
            larger += peaks.counts * (end.energy.scale_keV / energy.scale_keV - 1)
        change = np.zeros((energy.size, len(families)))
        if bent is not None:
            change += points.summed(bent, points.peaks.counts)
        if larger.any():
            change += points.summed(points.curve, larger)
        yield change


def resolved(energy: EnergyAxis, values: np.ndarray, response: Response) -> np.ndarray:
    """Return a curve as a detector resolves it, which smears its edges, (channels,).

    Parameters
    ----------
    energy : EnergyAxis
    values : ndarray, (channels,)
    response : Response
    """
    energies = energy.energies_keV
    sigma = response.sigma_keV(energies)
    return np.asarray(
        np.mean([np.interp(energies + d * sigma, energies, values) for d in _DEVIATIONS], axis=0)
    )


@dataclass(frozen=True, eq=False)
class _Points:
    """Peaks of 1 count at the channels that they reach, all in one go.

    Attributes
    ----------
    place, channel : ndarray of int, (points,)
        Which peak, and the channel at whose centre or, where channels hold integrals, at whose
        lower edge it is drawn.
    leaks : ndarray of int, (leaking points,)
        The points of peaks with tails.
    """

    energy: EnergyAxis
    n_families: int
    lines: EmittedLines
    peaks: Peaks
    integrated: bool
    place: np.ndarray
    channel: np.ndarray
    leaks: np.ndarray

    @classmethod
    def of(
        cls,
        energy: EnergyAxis,
        families: Sequence[Sequence[xray.XRayLine]],
        response: Response,
        *,
        negligible: bool = False,
    ) -> _Points:
        """Lay out peaks and their tails, those that hardly count only if asked for."""
        lines = EmittedLines.of(families, integrated=response.integrated)
        peaks = lines.recorded(response)
        has_tail = (peaks.leaking > _NEGLIGIBLE_TAIL) | negligible
        has_tail &= peaks.decays_keV > 0
        ends = np.array(_reached(lines, peaks, has_tail))
        channels = np.ceil((ends - energy.offset_keV) / energy.scale_keV)
        start, stop = np.clip(channels, 0, energy.size).astype(int)
        # One edge more than channels.
        is_drawn = (stop > start) & ((peaks.counts != 0) | negligible)
        stop = np.where(is_drawn, stop + response.integrated, start)
        place, channel = _runs(start, stop)
        leaks = np.flatnonzero(has_tail[place])
        return cls(energy, len(families), lines, peaks, response.integrated, place, channel, leaks)

    @cached_property
    def distance(self) -> np.ndarray:
        """From the centre of the peak, keV, (points,)."""
        energies = self.energy.offset_keV + self.energy.scale_keV * self.steps
        return energies - self.lines.centres_keV[self.place]

    @cached_property
    def steps(self) -> np.ndarray:
        """From the start of the axis, in channels, (points,)."""
        return self.channel - 0.5 if self.integrated else self.channel

    @cached_property
    def sigma(self) -> np.ndarray:
        return self.peaks.sigmas_keV[self.place]

    @cached_property
    def z(self) -> np.ndarray:
        return self.distance / self.sigma

    @cached_property
    def density(self) -> np.ndarray:
        """The normal one, per keV, (points,)."""
        return np.asarray(np.exp(-0.5 * self.z**2) / (self.sigma * np.sqrt(2 * np.pi)))

    @cached_property
    def tails(self) -> _Tails:
        at, place = self.leaks, self.place[self.leaks]
        return _Tails(self.distance[at], self.sigma[at], self.peaks.decays_keV[place])

    @cached_property
    def curve(self) -> np.ndarray:
        """Counts in a channel, or below its edge, (points,)."""
        if not self.integrated:
            return self.density * self.energy.scale_keV
        cumulative = ndtr(self.z)
        cumulative[self.leaks] += self.peaks.leaking[self.place[self.leaks]] * self.tails.excess
        return np.asarray(cumulative)

    @cached_property
    def _cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points that stand for a channel, their peaks, and channel times family, flat."""
        place, used = self.place, np.arange(len(self.place))
        if self.integrated:
            # From the last edge of a peak to the first of the next is nothing.
            used = np.flatnonzero(place[1:] == place[:-1])
        place = place[used]
        return used, place, self.channel[used] * self.n_families + self.lines.columns[place]

    def summed(self, curve: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Add up (channels, families) a curve (points,) for so many counts of each peak."""
        used, place, cells = self._cells
        drawn = curve[used + 1] - curve[used] if self.integrated else curve
        shape = self.energy.size, self.n_families
        return np.bincount(cells, drawn * counts[place], shape[0] * shape[1]).reshape(shape)


def _reached(
    lines: EmittedLines, peaks: Peaks, has_tail: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest energy to which each peak is drawn, keV."""
    # A line falls with the square of its reach, a tail with its own.
    weaker = np.log(np.maximum(lines.weights, np.finfo(float).tiny))
    sigmas = np.sqrt(np.maximum(_REACH_SIGMA**2 + 2 * weaker, _LEAST_SIGMA**2))
    decays = np.where(has_tail, np.maximum(_REACH_DECAY + weaker, _LEAST_DECAY), 0.0)
    width = sigmas * peaks.sigmas_keV
    low = lines.centres_keV - width - decays * peaks.decays_keV
    return low, lines.centres_keV + width


def _runs(start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``range(start, stop)`` of every pair, one after another, and which pair it is of."""
    sizes = stop - start
    place = np.repeat(np.arange(len(sizes)), sizes)
    return place, np.arange(len(place)) + (start - np.cumsum(sizes) + sizes)[place]


@dataclass(frozen=True, eq=False)
class _Tails:
    """What a tail adds to the cumulative distribution of a line, and its derivatives.

    That of a Gaussian minus an exponential, less that of the Gaussian. For X = N(0, sigma) -
    Exp(decay): ``T = exp(d / decay + sigma^2 / (2 decay^2)) Q(d / sigma + sigma / decay)``, Q the
    upper tail of the normal distribution.
    """

    distance: np.ndarray
    sigma: np.ndarray
    decay: np.ndarray

    @cached_property
    def excess(self) -> np.ndarray:
        """T, with the scaled complementary error function, finite where Q is small."""
        distance, sigma, decay = self.distance, self.sigma, self.decay
        argument = (distance / sigma + sigma / decay) / np.sqrt(2)
        near = 0.5 * erfcx(np.maximum(argument, -5.0)) * np.exp(-0.5 * (distance / sigma) ** 2)
        far = np.exp(np.minimum(distance / decay + 0.5 * (sigma / decay) ** 2, 0.0))
        return np.where(argument > -5.0, near, far)

    def by_distance(self, density: np.ndarray) -> np.ndarray:
        return self.excess / self.decay - density

    def by_sigma(self, density: np.ndarray) -> np.ndarray:
        sigma, decay = self.sigma, self.decay
        grown = density * (self.distance / sigma - sigma / decay)
        return self.excess * sigma / decay**2 + grown

    def by_decay(self, density: np.ndarray) -> np.ndarray:
        sigma, decay = self.sigma, self.decay
        grown = self.distance / decay**2 + sigma**2 / decay**3
        return density * (sigma / decay) ** 2 - self.excess * grown


@dataclass(frozen=True, eq=False)
class _Slopes:
    """Derivatives of curves at points by the distance, the width and the tail of their peaks."""

    points: _Points
    by_distance: np.ndarray
    by_sigma: np.ndarray
    by_share: np.ndarray
    by_decay: np.ndarray

    @classmethod
    def of(cls, points: _Points) -> _Slopes:
        z, density, sigma = points.z, points.density, points.sigma
        if not points.integrated:
            curve, nothing = points.curve, np.zeros(0)
            return cls(points, -z / sigma * curve, (z**2 - 1) / sigma * curve, nothing, nothing)
        tails, at = points.tails, points.leaks
        share, density_there = points.peaks.leaking[points.place[at]], density[at]
        by_distance, by_sigma = density.copy(), -z * density
        by_distance[at] += share * tails.by_distance(density_there)
        by_sigma[at] += share * tails.by_sigma(density_there)
        by_decay = share * tails.by_decay(density_there)
        return cls(points, by_distance, by_sigma, tails.excess, by_decay)

    def along(self, end: Moved, peaks: Peaks) -> np.ndarray | None:
        """Return by how much curves change towards another axis and other peaks there.

        None where these have the shapes that they had.
        """
        here, before = self.points.energy, self.points.peaks
        place, leaks = self.points.place, self.points.leaks
        parts = []
        if end.energy != here or end.higher_keV:
            away = (end.energy.scale_keV - here.scale_keV) * self.points.steps
            away = away + end.energy.offset_keV - here.offset_keV - end.higher_keV
            parts.append(self.by_distance * away)
        if (wider := peaks.sigmas_keV - before.sigmas_keV).any():
            parts.append(self.by_sigma * wider[place])
        more, longer = peaks.leaking - before.leaking, peaks.decays_keV - before.decays_keV
        if more.any() or longer.any():
            there = place[leaks]
            in_tails = np.zeros(len(place))
            in_tails[leaks] = self.by_share * more[there] + self.by_decay * longer[there]
            parts.append(in_tails)
        return np.sum(parts, axis=0) if parts else None
