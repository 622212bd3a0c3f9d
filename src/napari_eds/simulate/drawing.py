"""Poisson counts drawn from a mixture of spectra, without densifying the map."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

#: Events drawn at a time; bounds the memory. Changing it changes the counts of a seed.
_BLOCK_EVENTS = 2_000_000


def draw_counts(
    weights: sparse.csr_array, spectra: np.ndarray, rng: np.random.Generator
) -> sparse.csr_array:
    """Draw Poisson counts of mean ``weights @ spectra``, (pixels, channels).

    A sum of Poisson variables is one, so each pixel's count of each component is drawn first,
    then a channel for every single count by inverting the component's cumulative spectrum.
    Time and memory go with the counts, not with pixels x channels.
    """
    totals = spectra.sum(axis=1)
    cumulative = np.cumsum(spectra, axis=1) / np.where(totals > 0, totals, 1)[:, None]
    # One ascending table for all components: that of component c runs from c to c + 1.
    table = (cumulative.clip(max=1) + np.arange(len(spectra))[:, None]).ravel()
    expected = weights.data * totals[weights.indices]
    running = np.concatenate([[0.0], np.cumsum(expected)])[weights.indptr]
    blocks = []
    for start, stop in _blocks(running):
        # Beyond one count per channel, drawing channels is cheaper than drawing counts.
        if running[stop] - running[start] > (stop - start) * spectra.shape[1]:
            block = sparse.csr_array(rng.poisson(weights[start:stop] @ spectra))
        else:
            block = _draw_events(weights[start:stop], totals, table, rng)
        blocks.append(block)
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


def _draw_events(
    weights: sparse.csr_array, totals: np.ndarray, table: np.ndarray, rng: np.random.Generator
) -> sparse.csr_array:
    """Draw the counts of some pixels one by one, (pixels, channels)."""
    n_channels = table.size // totals.size
    n = rng.poisson(weights.data * totals[weights.indices])
    pixel = np.repeat(np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr)), n)
    component = np.repeat(weights.indices, n)
    found = np.searchsorted(table, component + rng.random(component.size), side="right")
    channel = np.minimum(found - component * n_channels, n_channels - 1)
    events = (np.ones(channel.size, np.uint32), (pixel, channel))
    return sparse.csr_array(events, shape=(weights.shape[0], n_channels))


def _blocks(running: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield ranges of pixels of about `_BLOCK_EVENTS` expected counts, at least one pixel each."""
    start, n_pixels = 0, running.size - 1
    while start < n_pixels:
        stop = int(np.searchsorted(running, running[start] + _BLOCK_EVENTS, side="right"))
        stop = min(max(stop - 1, start + 1), n_pixels)
        yield start, stop
        start = stop
