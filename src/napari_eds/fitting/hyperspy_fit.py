"""Fits through HyperSpy, all channels weighing the same: the independent check of our own."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_eds._support import hyperspy
from napari_eds._support.progress import Progress, leavable
from napari_eds.fitting.model import SpectralModel

#: Expected counts of a channel are not taken below this part of the background: noise can give an
#: absent line a negative intensity, but never a channel a negative variance.
_LINES_FLOOR = 0.5

#: The background of all labels together is not taken below this part of its mean: a polynomial
#: can dip to zero and below. The background of a label is not taken below this part of its counts.
_BACKGROUND_FLOOR = 0.1
_BACKGROUND_SHARE_FLOOR = 0.05


def fit_hyperspy(
    model: SpectralModel, counts: np.ndarray, report: Progress, *, nonlinear: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Fit eXSpy's model with HyperSpy's ``multifit``.

    Parameters
    ----------
    model : SpectralModel
        With eXSpy's lines and a polynomial background, as `build_model` makes it.
    counts : ndarray, (labels, channels of the fit)
    report : callable
    nonlinear : bool
        Whether to go on, label by label, with intensities bounded at zero (``trf``).

    Returns
    -------
    alpha_areas : ndarray, (labels, families)
    background_coefficients : ndarray, (labels, order + 1)
    """
    n_labels = counts.shape[0]
    report(0, n_labels, "building the model")
    with hyperspy.quiet():
        exspy_model = leavable(model.exspy_model, counts)
        report(0, n_labels, "fitting")
        leavable(exspy_model.multifit, optimizer="lstsq", show_progressbar=False)
        if nonlinear:
            _refine(exspy_model, n_labels, report)
    return _alpha_areas(exspy_model, model), _background_coefficients(exspy_model)


def equal_weight_expectation(
    model: SpectralModel,
    counts: np.ndarray,
    alpha_areas: np.ndarray,
    background_coefficients: np.ndarray,
    background_of_all: np.ndarray,
) -> np.ndarray:
    """Return the expected counts per channel, the Poisson variance of the counts; positive.

    The label's own lines on the background of all labels together, scaled to the label's: at a
    few hundred counts, a label's own polynomial is often negative somewhere. Zero for a label
    without counts. (labels, channels of the fit).
    """
    fitted = background_coefficients @ model.background.T
    shape = background_of_all
    shape = np.maximum(shape, _BACKGROUND_FLOOR * shape.mean())
    if shape.sum() <= 0:
        shape = np.ones_like(shape)
    total = counts.sum(axis=1)
    share = np.maximum(fitted.sum(axis=1), _BACKGROUND_SHARE_FLOOR * total)
    background = np.outer(share, shape / shape.sum())
    lines = alpha_areas @ model.profiles.T
    expected = np.maximum(lines + background, _LINES_FLOOR * background)
    return np.where(total[:, None] > 0, expected, 0.0)


def equal_weight_chi_squared(
    model: SpectralModel, counts: np.ndarray, fitted: np.ndarray, expected: np.ndarray
) -> np.ndarray:
    """Squared residuals over expected counts, summed, over what counting noise alone gives.

    With the projector P on the design, residuals are ``(1 - P) y``, so that Poisson noise gives
    ``sum_ij (1 - P)_ij^2 mu_j / expected_i``. Observed counts stand for their means ``mu_j``: the
    ratio then has mean 1 for any number of counts and labels, where the number of channels as
    denominator is off by several percent. (labels,); NaN for a label without counts in the range
    of the fit.
    """
    counted = counts.sum(axis=1) > 0
    weights = 1 / np.where(counted[:, None], expected, 1.0)
    chi_squared = (weights * (counts - fitted) ** 2).sum(axis=1)
    basis, _ = np.linalg.qr(_scaled(model.design)[0])
    leverage = (basis**2).sum(axis=1)
    pairs = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    from_noise = (counts * weights) @ (1 - 2 * leverage)
    from_noise += ((weights @ pairs) * (counts @ pairs)).sum(axis=1)
    return np.where(counted, chi_squared, np.nan) / np.where(counted, from_noise, 1.0)


def equal_weight_covariance(model: SpectralModel, expected: np.ndarray) -> np.ndarray:
    """Covariance of the family intensities, (labels, families, families).

    The estimate is linear in the counts, ``I = H y`` with the pseudo-inverse H of the design, and
    the counts are Poisson distributed: ``C = H diag(expected) H'``. A bound of the non-linear fit
    is not considered.
    """
    n = len(model.families)
    design, norms = _scaled(model.design)
    rows = np.linalg.pinv(design)[:n] / norms[:n, None] * model.weight_sums[:, None]
    pairs = (rows[:, None, :] * rows[None, :, :]).reshape(n * n, -1)
    return (expected @ pairs.T).reshape(-1, n, n)


def _refine(exspy_model: Any, n_labels: int, report: Progress) -> None:
    """Fit label by label with intensities bounded at zero, reporting after each."""
    for line in exspy_model.xray_lines:
        # eXSpy bounds them at zero already, but the linear fit does not heed that.
        line.A.map["values"] = np.maximum(line.A.map["values"], 0)
    done = 0

    def on_fitted(**_: Any) -> None:
        nonlocal done
        done += 1
        report(done, n_labels, "fitting")

    exspy_model.events.fitted.connect(on_fitted, [])
    try:
        exspy_model.multifit(optimizer="trf", bounded=True, show_progressbar=False)
    finally:
        exspy_model.events.fitted.disconnect(on_fitted)


def _alpha_areas(exspy_model: Any, model: SpectralModel) -> np.ndarray:
    """Read the alpha areas by component name: (labels, families)."""
    components = [exspy_model[str(family.alpha)] for family in model.families]
    return np.stack([np.atleast_1d(c.A.map["values"]) for c in components], axis=1)


def _background_coefficients(exspy_model: Any) -> np.ndarray:
    """Read the polynomial's coefficients, a0 first: (labels, order + 1)."""
    (background,) = exspy_model.background_components
    values = [
        np.atleast_1d(getattr(background, f"a{i}").map["values"])
        for i in range(len(background.parameters))
    ]
    return np.stack(values, axis=1)


def _scaled(design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the design with unit columns, and their norms: powers of E differ by 10^8."""
    norms = np.linalg.norm(design, axis=0)
    norms[norms == 0] = 1
    return design / norms, norms
