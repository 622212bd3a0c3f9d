"""Peaks of a spectrum that no line of its model explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.sum_fit import SumFit
from napari_eds.physics import lines as xray

#: A peak is told if it stands out this many deviations, counting and the errors of shapes taken
#: together, and holds this share of the counts of all lines, and this part of what is drawn
#: within one full width: below, it is more likely an imperfect shape.
_SIGNIFICANT, _LEAST_SHARE, _LEAST_PART = 6.0, 0.008, 0.06
#: Counts within a full width below which a spectrum's own noise is no measure: single counts where
#: none is expected are no peak, in however many labels one looks.
_LEAST_COUNTS = 20.0
#: What drawn lines and background may be wrong by at a place, relative to them.
_LINE_ERROR, _BACKGROUND_ERROR = 0.02, 0.05
#: At most so many peaks, the largest first, and so many elements for each.
_MOST_PEAKS, _MOST_ELEMENTS = 3, 3
#: How far an alpha line may lie from a peak that it explains, in full widths.
_NEAR = 0.2


@dataclass(frozen=True)
class UnexplainedPeak:
    """A peak that is not in the model.

    Attributes
    ----------
    energy_keV : float
    share : float
        Of its counts in those of all lines.
    elements : tuple of str
        Whose alpha lines lie there, the nearest first.
    """

    energy_keV: float
    share: float
    elements: tuple[str, ...]

    def __str__(self) -> str:
        who = f": {' or '.join(self.elements)}?" if self.elements else ""
        percent = 100 * self.share
        told = f"{percent:.2g}" if percent < 99.5 else f"{min(percent, 1000):.0f}"
        told = f"over {told}" if percent > 1000 else told
        return f"{self.energy_keV:.2f} keV ({told} % of the lines{who})"


def unexplained_peaks(
    model: SpectralModel, counts: np.ndarray, fitted: SumFit
) -> tuple[UnexplainedPeak, ...]:
    """Return the peaks that stand out of the residual of a fit, the largest first.

    Parameters
    ----------
    model : SpectralModel
    counts : ndarray, (channels of the fit,)
    fitted : SumFit
        Of the counts by the model.
    """
    n = len(model.families)
    return peaks_beside(model, counts, fitted.coefficients[:n], fitted.expected)


def peaks_beside(
    model: SpectralModel, counts: np.ndarray, alpha_areas: np.ndarray, expected: np.ndarray
) -> tuple[UnexplainedPeak, ...]:
    """Return the peaks of a spectrum that stand out of what was fitted, the largest first.

    Parameters
    ----------
    model : SpectralModel
    counts : ndarray, (channels of the fit,)
    alpha_areas : ndarray, (families,)
        Fitted counts of the alpha lines.
    expected : ndarray, (channels of the fit,)
        Fitted counts, positive.
    """
    drawn = model.counts_of_lines(alpha_areas)
    background = np.maximum(expected - drawn, 0)
    variance = expected + (_LINE_ERROR * drawn) ** 2 + (_BACKGROUND_ERROR * background) ** 2
    energies = model.energy.energies_keV
    # Counts within one full width, of what stands out and of what may.
    width = model.response.fwhm_keV(energies)
    residual, lines = (_within(v, width, model) for v in (counts - expected, drawn))
    noise = np.sqrt(np.maximum(_within(expected, width, model), _LEAST_COUNTS))
    shapes = _within(np.sqrt(variance - expected), width, model)
    strength = residual / np.hypot(noise, shapes)
    least = np.maximum(_LEAST_SHARE * drawn.sum(), _LEAST_PART * lines)
    reach = int(np.ceil(width.max() / model.energy.scale_keV)) // 2 * 2 + 1
    is_top = (residual == maximum_filter1d(residual, reach)) & (strength > _SIGNIFICANT)
    found = np.flatnonzero(is_top & (residual > least))
    found = found[np.argsort(-residual[found])][:_MOST_PEAKS]
    # A full width holds 76 % of a Gaussian.
    total = max(float(drawn.sum()), 1e-12)
    return tuple(
        UnexplainedPeak(
            float(energies[i]),
            float(residual[i] / 0.76 / total),
            _elements_at(model, float(energies[i]), float(width[i])),
        )
        for i in found
    )


def _within(values: np.ndarray, width_keV: np.ndarray, model: SpectralModel) -> np.ndarray:
    """Sum values over one full width around each channel."""
    half = np.maximum(np.rint(width_keV / model.energy.scale_keV / 2), 0).astype(int)
    sums = np.append(0, np.cumsum(values))
    index = np.arange(values.size)
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, values.size)
    return np.asarray(sums[high] - sums[low])


def _elements_at(model: SpectralModel, energy_keV: float, width_keV: float) -> tuple[str, ...]:
    """Return elements that are not in the model with an alpha line at an energy."""
    known = {family.element for family in model.families}
    near = []
    for symbol in xray.element_symbols():
        if symbol in known:
            continue
        distances = [
            abs(xray.family(symbol, letter).alpha.energy_keV - energy_keV)
            for letter in xray.families_of(symbol)
        ]
        if distances and min(distances) < _NEAR * width_keV:
            near.append((min(distances), symbol))
    return tuple(symbol for _, symbol in sorted(near)[:_MOST_ELEMENTS])
