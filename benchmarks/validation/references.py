"""k-ratios without any model of lines: one spectrum as a sum of others that were measured.

Where families overlap, a fit of lines rests on their tables. Spectra of standards hold the same
lines as the detector draws them; shifted and stretched to the axis of the unknown, they need none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares

import napari_eds as eds

RANGE_keV = (4.1, 5.35)


def dose(image: eds.SpectrumImage) -> float:
    """Return the dose of a spectrum in nA s."""
    return image.acquisition.beam_current_nA * image.acquisition.live_time_s


def k_ratios(
    unknown: eds.SpectrumImage, standards: Sequence[eds.SpectrumImage]
) -> tuple[list[float], float]:
    """Return k-ratios to standards over `RANGE_keV`, and reduced chi-squared.

    The continuum of the standards goes with their lines; a straight line makes up for what
    differs.
    """
    energies = unknown.energy.energies_keV
    inside = (energies > RANGE_keV[0]) & (energies < RANGE_keV[1])
    energies, counts = energies[inside], unknown.total_spectrum()[inside].astype(float)
    weights = 1 / np.sqrt(counts)
    around = energies - np.mean(RANGE_keV)

    def fitted(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        offset_keV, gain = axis
        at = energies * (1 + gain) + offset_keV
        drawn = [np.interp(at, s.energy.energies_keV, s.total_spectrum()) for s in standards]
        design = np.column_stack([*drawn, np.ones_like(at), around])
        found = np.linalg.lstsq(design * weights[:, None], counts * weights, rcond=None)[0]
        return found, (design @ found - counts) * weights

    best = least_squares(lambda axis: fitted(axis)[1], [0.0, 0.0], x_scale=0.001)
    found, residuals = fitted(best.x)
    ratios = [float(a) * dose(s) / dose(unknown) for a, s in zip(found, standards, strict=False)]
    return ratios, float(residuals @ residuals / len(residuals))
