"""How much of the X-rays born in a bulk specimen leaves it."""

from __future__ import annotations

import numpy as np


def escaping_share(  # noqa: PLR0913 - what the formula holds
    absorption_cm2_g: np.ndarray,
    beam_energy_keV: float,
    edge_keV: float | np.ndarray,
    *,
    atomic_number: float | np.ndarray,
    atomic_weight: float | np.ndarray,
    take_off_angle_deg: float,
) -> np.ndarray:
    """Return the share of X-rays that leaves a thick, flat specimen, as `absorption_cm2_g`.

    Philibert's formula with Heinrich's constants (K. F. J. Heinrich, Electron Beam X-Ray
    Microanalysis, Van Nostrand 1981): ``(1 + h) / ((1 + x / s) (1 + h (1 + x / s)))`` with ``x``
    the coefficient over the sine of the take-off angle, ``h = 1.2 A / Z^2``, and
    ``s = 4.5e5 / (E0^1.65 - Ec^1.65)`` cm²/g.

    Parameters
    ----------
    absorption_cm2_g : ndarray
        Mass attenuation coefficients of the specimen.
    beam_energy_keV : float
        E0.
    edge_keV : float, or ndarray as `absorption_cm2_g`
        Ec that the beam must have to make the X-rays; below E0.
    atomic_number, atomic_weight : float, or ndarray that broadcasts with `absorption_cm2_g`
        Z and A, means of the specimen by weight.
    take_off_angle_deg : float
    """
    h = 1.2 * atomic_weight / atomic_number**2
    s = 4.5e5 / (beam_energy_keV**1.65 - edge_keV**1.65)
    depth = 1 + absorption_cm2_g / np.sin(np.radians(take_off_angle_deg)) / s
    return np.asarray((1 + h) / (depth * (1 + h * depth)))
