"""How far amounts of components may be averaged over neighbours, by halves of the counts."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_eds._support.progress import check_cancelled
from napari_eds.spectra.factors import Factors, scaled_projection
from napari_eds.spectra.storage import Counts

#: Standard deviations of Gaussians that are tried, in pixels.
SIGMAS_px = (0.0, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)


def choose_sigmas(fitted: Factors, scored: Counts, shape: tuple[int, int]) -> tuple[float, ...]:
    """Return the Gaussian for the amounts of every component that foretells the other half best.

    The other half, projected on the components, tells amounts with independent noise; the squared
    distance of smoothed amounts from them is least where noise taken away and edges blurred
    balance, in half of the counts. With all counts a little less would do.

    Parameters
    ----------
    fitted : Factors
        Of one half of the counts.
    scored : csr_array or ndarray, (pixels, channels)
        The other half.
    shape : tuple of int
        (rows, columns).
    """
    amounts, weights = scaled_projection(fitted, scored)
    chosen = []
    for one, other in zip(fitted.amounts.T, amounts.T, strict=True):
        losses = [
            float((weights * (smoothed(one, shape, sigma) - other) ** 2).sum())
            for sigma in SIGMAS_px
        ]
        chosen.append(SIGMAS_px[int(np.argmin(losses))])
    return tuple(chosen)


def smooth(factors: Factors, shape: tuple[int, int], sigmas_px: tuple[float, ...]) -> Factors:
    """Return components with their amounts averaged over neighbours."""
    columns = [
        smoothed(one, shape, sigma)
        for one, sigma in zip(factors.amounts.T, sigmas_px, strict=True)
    ]
    return Factors(np.stack(columns, axis=1), factors.spectra)


def smoothed(values: np.ndarray, shape: tuple[int, int], sigma_px: float) -> np.ndarray:
    """Return values of pixels, (pixels,), averaged by a Gaussian; borders are mirrored."""
    check_cancelled()
    if not sigma_px:
        return values
    return np.asarray(ndimage.gaussian_filter(values.reshape(shape), sigma_px)).ravel()
