"""Fitting one summed spectrum: the step that everything settled on the sum is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from napari_eds.fitting.least_squares import weighted_fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray

_ROUNDS = 4
_FAR_LARGER = 3.0
#: Channels over which counts are averaged for the first guess of their variance.
_SMOOTHING_CHANNELS = 9
#: Degrees of freedom of Student's t where fits are compared whose models lack something.
_FREEDOM = 4.0


@dataclass(frozen=True)
class SumFit:
    """A weighted fit of a model to the summed spectrum.

    Attributes
    ----------
    coefficients : ndarray, (columns of the design,)
    errors : ndarray, (columns of the design,)
    expected : ndarray, (channels of the fit,)
        Fitted counts, positive.
    reduced_chi_squared : float
    """

    coefficients: np.ndarray
    errors: np.ndarray
    expected: np.ndarray
    reduced_chi_squared: float


def fit_sum(model: SpectralModel, total: np.ndarray) -> SumFit:
    """Fit the summed spectrum, weighted by expected counts.

    Parameters
    ----------
    model : SpectralModel
    total : ndarray, (channels of the fit,)
    """
    return fit_design(model.design, total, model.n_parameters)


def fit_design(design: np.ndarray, total: np.ndarray, n_parameters: int) -> SumFit:
    """Fit a summed spectrum with a design, weighted by expected counts.

    Parameters
    ----------
    design : ndarray, (channels of the fit, columns)
    total : ndarray, (channels of the fit,)
    n_parameters : int
        What the design cost: its columns, and what was fitted to draw it.
    """
    counts = np.asarray(total, dtype=float)
    expected = np.maximum(counts, 1.0)
    for _ in range(_ROUNDS):
        coefficients, covariance = weighted_fit(design, counts, expected)
        fitted = design @ coefficients
        expected = positive_counts(fitted, counts)
    chi_squared = ((counts - fitted) ** 2 / expected).sum() / (counts.size - n_parameters)
    errors = np.sqrt(np.maximum(np.diagonal(covariance), 0))
    return SumFit(coefficients, errors, expected, float(chi_squared))


def with_sum_background(model: SpectralModel, total: np.ndarray) -> SpectralModel:
    """Return the model with the background of the summed spectrum as its shape."""
    n = len(model.families)
    background = model.background @ fit_sum(model, total).coefficients[n:]
    return replace(model, background_shape=positive_shape(background))


def positive_shape(background: np.ndarray) -> np.ndarray:
    """Return a background's shape, lifted where it dips below a thousandth of its mean.

    Flat where there is no background at all.
    """
    mean = background.mean()
    return np.maximum(background, 1e-3 * mean) if mean > 0 else np.ones_like(background)


def positive_counts(fitted: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return fitted counts, not below a thousandth of the mean of what was counted."""
    return np.maximum(fitted, 1e-3 * max(counts.mean(), 1e-6))


def smoothed(counts: np.ndarray) -> np.ndarray:
    """Return a first guess of the variance of counts, (channels,)."""
    return np.maximum(uniform_filter1d(counts, _SMOOTHING_CHANNELS), 1.0)


def surprise(counts: np.ndarray, expected: np.ndarray, misfit: np.ndarray) -> float:
    """Return what residuals weigh where large ones are no rarity, as Student's t has it.

    Parameters
    ----------
    counts, expected : ndarray, (channels,)
    misfit : ndarray, (channels,)
        What the model is off by, as a standard deviation in counts.
    """
    squares = (counts - expected) ** 2 / (expected + misfit**2)
    return float(np.log1p(squares / _FREEDOM).sum())


def inflated(variance: np.ndarray, residual: np.ndarray, model: SpectralModel) -> np.ndarray:
    """Return variances, larger where residuals are no scatter, (channels,).

    As at a peak that is not in the model: where squared residuals exceed the variance by more than
    `_FAR_LARGER` times over the width of a line, they take its place.
    """
    width = xray.fwhm_keV(xray.MN_KA_KEV, model.resolution_MnKa_eV)
    channels = max(round(float(width) / model.energy.scale_keV), 1)
    squares = uniform_filter1d(residual**2, channels)
    times = squares / uniform_filter1d(variance, channels)
    return np.asarray(variance * np.where(times > _FAR_LARGER, times, 1.0))
