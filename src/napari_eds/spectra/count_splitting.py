"""How many components a map holds, by splitting its counts and scoring one half by the other.

Each count goes into one of two halves by a coin (binomial thinning). Halves of Poisson counts are
independent Poisson counts of the same mean, so what is fitted to one half and describes the other
better is no noise (A. Neufeld et al., Biostatistics 25 (2024) 270).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from napari_eds._support.progress import Progress, check_cancelled
from napari_eds.errors import EDSError
from napari_eds.spectra.factors import Factors, Method, factorise
from napari_eds.spectra.storage import Counts

#: Share of a pixel's mean spectrum below which no description is taken: zero times a count that
#: came all the same would rule out all others.
FLOOR = 0.02
#: A component more must lower the deviance by this many standard errors, and beyond that by this
#: much for every component: so much the choice among eight Gaussians gains by chance, 2 ln 8.
_CLEARLY, _BY_CHANCE = 3.0, 4.0
#: So many components in turn that told nothing end the search.
_IN_VAIN = 3
_BLOCK_VALUES = 2_000_000


@dataclass(frozen=True, eq=False)
class Score:
    """How well `n` components of one half describe the other.

    Attributes
    ----------
    n : int
    deviance : float
        Poisson deviance per count of the half that was not fitted, up to a constant.
    gain, gain_error : float
        By how much the deviance of all counts is lower than with the best of fewer components,
        and its standard error over pixels; NaN for the first.
    """

    n: int
    deviance: float
    gain: float
    gain_error: float


def split(counts: Counts, seed: int) -> tuple[Counts, Counts]:
    """Split whole counts into two independent halves.

    Raises
    ------
    EDSError
        If counts are not whole: such data are no Poisson counts.
    """
    if counts.dtype.kind == "f":
        raise EDSError(
            "counts must be whole numbers to be split in halves; this map holds fractions, as "
            "after smoothing or scaling: take the map as it was measured"
        )
    rng = np.random.default_rng(seed)
    if isinstance(counts, np.ndarray):
        half = rng.binomial(counts.astype(np.int64), 0.5)
        return half, counts - half
    half_data = rng.binomial(counts.data.astype(np.int64), 0.5)
    first, second = (
        sparse.csr_array((data, counts.indices, counts.indptr), shape=counts.shape)
        for data in (half_data, counts.data.astype(np.int64) - half_data)
    )
    return first, second


def choose(  # noqa: PLR0913 - two halves and how they are described
    fitted: Counts,
    scored: Counts,
    most: int,
    method: Method,
    *,
    sums: sparse.csr_array | None = None,
    averaged: Callable[[Factors], Factors] = lambda factors: factors,
    progress: Progress | None = None,
) -> tuple[Factors, list[Score]]:
    """Return the components that one half shows and the other confirms, and all scores.

    More components are taken as long as they lower the deviance clearly: by three standard errors
    of the gain, and by more than chance. Each half has half of the dose: a component that only
    all counts could tell is not found.

    Parameters
    ----------
    fitted, scored : csr_array or ndarray, (pixels, channels)
        Halves of the counts, as `split` gives them.
    most : int
        Components tried at most.
    method : {"pca", "nmf"}
    sums : csr_array, optional
        See `factorise`.
    averaged : callable
        Returns components as they shall be scored: with amounts averaged over neighbours, say.
    progress : callable, optional

    Raises
    ------
    EDSError
        If there are no counts.
    """
    n_counts = int(scored.sum())
    if not (n_counts and fitted.sum()):
        raise EDSError("there are no counts to describe in this range of energies")
    tried = _tried(fitted, most, method, sums)
    n, best = next(tried)
    best_deviance = pixel_deviances(averaged(best), fitted, scored)
    scores = [Score(n, float(best_deviance.sum() / n_counts), np.nan, np.nan)]
    for n, factors in tried:
        if progress is not None:
            progress(n, most, "scoring components on the other half of the counts")
        deviances = pixel_deviances(averaged(factors), fitted, scored)
        gains = best_deviance - deviances
        gain, error = float(gains.sum()), float(gains.std() * np.sqrt(gains.size))
        scores.append(Score(n, float(deviances.sum() / n_counts), gain, error))
        if gain > _CLEARLY * error + _BY_CHANCE * n:
            best, best_deviance = factors, deviances
        if n >= best.n + _IN_VAIN:
            break
    return best, scores


def pixel_deviances(factors: Factors, fitted: Counts, scored: Counts) -> np.ndarray:
    """Return the Poisson deviance ``2 sum(mu - x ln mu)`` of every pixel, (pixels,).

    Without the terms that no description changes. `mu` is not below `FLOOR` of the pixel's share
    of the mean spectrum of the half that was `fitted`, and is computed in blocks of pixels.
    """
    mean = np.asarray(fitted.sum(axis=0, dtype=float)).ravel()
    total = max(mean.sum(), 1.0)
    # A pixel without a count may hold one in the other half.
    of_pixels = np.asarray(fitted.sum(axis=1, dtype=float)).ravel() + 0.5
    least = np.maximum(mean, 0.5)
    found = np.empty(fitted.shape[0])
    for block in blocks(*fitted.shape):
        check_cancelled()
        mu = factors.amounts[block] @ factors.spectra
        np.maximum(mu, FLOOR * np.outer(of_pixels[block], least / total), out=mu)
        x = scored[block]
        found[block] = 2 * mu.sum(axis=1)
        if isinstance(x, np.ndarray):
            found[block] -= 2 * (x * np.log(mu)).sum(axis=1)
        else:
            x = x.tocoo()
            told = x.data * np.log(mu[x.coords])
            found[block] -= 2 * np.bincount(x.coords[0], told, minlength=len(mu))
    return found


def blocks(n_pixels: int, n_channels: int) -> Iterator[slice]:
    """Yield blocks of pixels that are small once dense."""
    step = max(_BLOCK_VALUES // max(n_channels, 1), 1)
    for start in range(0, n_pixels, step):
        yield slice(start, min(start + step, n_pixels))


def _tried(
    counts: Counts, most: int, method: Method, sums: sparse.csr_array | None
) -> Iterator[tuple[int, Factors]]:
    """Yield descriptions by one component, two, and so on."""
    if method == "pca":
        every = factorise(counts, most, method, sums=sums)
        yield from ((n, every.first(n)) for n in range(1, most + 1))
        return
    for n in range(1, most + 1):
        yield n, factorise(counts, n, method, sums=sums)
