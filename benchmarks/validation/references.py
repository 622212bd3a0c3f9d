"""k-ratios without any model of lines: one spectrum as a sum of others that were measured.

Where families overlap, a fit of lines rests on their tables. Spectra of standards hold the same
lines as the detector draws them; shifted and stretched to the axis of the unknown, they need none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

import napari_eds as eds

RANGE_keV = (4.1, 5.35)


def dose(image: eds.SpectrumImage) -> float:
    """Return the dose of a spectrum in nA s."""
    return image.acquisition.beam_current_nA * image.acquisition.live_time_s


@dataclass(frozen=True)
class Sum:
    """One spectrum as a sum of others.

    Attributes
    ----------
    k_ratios : tuple of float
        To each standard.
    chi_squared : float
        Reduced.
    moved_eV : float
        How far the standards moved in the middle of `RANGE_keV`.
    """

    k_ratios: tuple[float, ...]
    chi_squared: float
    moved_eV: float


def as_sum(
    unknown: eds.SpectrumImage, standards: Sequence[eds.SpectrumImage], *, moves: bool
) -> Sum:
    """Describe a spectrum over `RANGE_keV` by those of standards, channel by channel.

    The continuum of the standards goes with their lines; a straight line makes up for what
    differs. If it `moves`, the axis of the standards is shifted and stretched to the unknown's:
    that of a spectrometer drifts.
    """
    energies = unknown.energy.energies_keV
    channels = np.flatnonzero((energies > RANGE_keV[0]) & (energies < RANGE_keV[1])).astype(float)
    counts = unknown.total_spectrum()[channels.astype(int)].astype(float)
    weights, middle = 1 / np.sqrt(counts), channels.mean()

    def fitted(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shift, gain = axis
        at = channels + shift + gain * (channels - middle)
        drawn = [np.interp(at, np.arange(s.energy.size), s.total_spectrum()) for s in standards]
        design = np.column_stack([*drawn, np.ones_like(at), channels - middle])
        found = np.linalg.lstsq(design * weights[:, None], counts * weights, rcond=None)[0]
        return found, (design @ found - counts) * weights

    axis = np.zeros(2)
    if moves:
        axis = least_squares(lambda axis: fitted(axis)[1], axis, x_scale=(0.1, 0.001)).x
    found, residuals = fitted(axis)
    return Sum(
        tuple(float(a) * dose(s) / dose(unknown) for a, s in zip(found, standards, strict=False)),
        float(residuals @ residuals / len(residuals)),
        float(1000 * axis[0] * unknown.energy.scale_keV),
    )
