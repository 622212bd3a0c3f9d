"""Fitting the model to the spectra of all labels: intensities, covariance, chi-squared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from napari_eds import _hyperspy
from napari_eds.model import SpectralModel
from napari_eds.recipe import Engine

#: Called with (done, total, what); it may raise to cancel.
Progress = Callable[[int, int, str], None]

#: Expected counts of a channel are not taken below this part of the background: noise can give an
#: absent line a negative intensity, but never a channel a negative variance.
_LINES_FLOOR = 0.5

#: The background of all labels together is not taken below this part of its mean: a polynomial
#: can dip to zero and below. The background of a label is not taken below this part of its counts.
_BACKGROUND_FLOOR = 0.1
_BACKGROUND_SHARE_FLOOR = 0.05


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of fitting one model to many spectra.

    Attributes
    ----------
    model : SpectralModel
    counts : ndarray, (labels, channels of the fit)
        The spectra that were fitted.
    alpha_areas : ndarray, (labels, families)
        Counts of the alpha line of each family.
    background_coefficients : ndarray, (labels, order + 1)
    engine : {"linear", "nonlinear"}
    """

    model: SpectralModel
    counts: np.ndarray
    alpha_areas: np.ndarray
    background_coefficients: np.ndarray
    engine: Engine

    @cached_property
    def intensities(self) -> np.ndarray:
        """Counts of each whole family, (labels, families)."""
        return self.alpha_areas * self.model.weight_sums

    @cached_property
    def background(self) -> np.ndarray:
        """Fitted background in counts per channel, (labels, channels of the fit)."""
        return self.background_coefficients @ self.model.background.T

    @cached_property
    def fitted(self) -> np.ndarray:
        """Fitted spectrum in counts per channel, (labels, channels of the fit)."""
        return self.alpha_areas @ self.model.profiles.T + self.background

    @cached_property
    def expected(self) -> np.ndarray:
        """Expected counts per channel, the Poisson variance of the counts; positive.

        The label's own lines on the background of all labels together, scaled to the label's:
        at a few hundred counts, a label's own polynomial is often negative somewhere. Zero for a
        label without counts.
        """
        shape = self.background.sum(axis=0)
        shape = np.maximum(shape, _BACKGROUND_FLOOR * shape.mean())
        if shape.sum() <= 0:
            shape = np.ones_like(shape)
        counts = self.counts.sum(axis=1)
        share = np.maximum(self.background.sum(axis=1), _BACKGROUND_SHARE_FLOOR * counts)
        background = np.outer(share, shape / shape.sum())
        lines = self.alpha_areas @ self.model.profiles.T
        expected = np.maximum(lines + background, _LINES_FLOOR * background)
        return np.where(counts[:, None] > 0, expected, 0.0)

    @cached_property
    def reduced_chi_squared(self) -> np.ndarray:
        """Squared residuals over `expected`, summed, over what counting noise alone gives.

        With the projector P on the design, residuals are ``(1 - P) y``, so that Poisson noise
        gives ``sum_ij (1 - P)_ij^2 mu_j / expected_i``. Observed counts stand for their means
        ``mu_j``: the ratio then has mean 1 for any number of counts and labels, where the number
        of channels as denominator is off by several percent. (labels,); NaN for a label without
        counts in the range of the fit.
        """
        counted = self.counts.sum(axis=1) > 0
        weights = 1 / np.where(counted[:, None], self.expected, 1.0)
        chi_squared = (weights * (self.counts - self.fitted) ** 2).sum(axis=1)
        basis, _ = np.linalg.qr(_scaled(self.model.design)[0])
        leverage = (basis**2).sum(axis=1)
        pairs = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
        from_noise = (self.counts * weights) @ (1 - 2 * leverage)
        from_noise += ((weights @ pairs) * (self.counts @ pairs)).sum(axis=1)
        return np.where(counted, chi_squared, np.nan) / np.where(counted, from_noise, 1.0)

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of the family intensities, (labels, families, families).

        The estimate is linear in the counts, ``I = H y`` with the pseudo-inverse H of the
        design, and the counts are Poisson distributed: ``C = H diag(expected) H'``. A bound of
        the non-linear engine is not considered.
        """
        n = len(self.model.families)
        rows = np.linalg.pinv(_scaled(self.model.design)[0])[:n]
        rows = rows / _scaled(self.model.design)[1][:n, None] * self.model.weight_sums[:, None]
        pairs = (rows[:, None, :] * rows[None, :, :]).reshape(n * n, -1)
        return (self.expected @ pairs.T).reshape(-1, n, n)

    @cached_property
    def intensity_errors(self) -> np.ndarray:
        """Standard deviation of each family's intensity, (labels, families)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))


def fit(
    model: SpectralModel,
    counts: np.ndarray,
    engine: Engine = "linear",
    progress: Progress | None = None,
) -> Fit:
    """Fit a model to spectra with HyperSpy.

    Parameters
    ----------
    model : SpectralModel
    counts : ndarray, (labels, channels of the fit)
        Spectra over the model's channels.
    engine : {"linear", "nonlinear"}
        ``"linear"``: one linear least squares for all labels (HyperSpy's ``lstsq``).
        ``"nonlinear"``: label by label, starting there, intensities bounded at zero
        (HyperSpy's ``trf``); about half a second per label.
    progress : callable, optional
        Called with (done, total, what); raising in it cancels the fit.

    Returns
    -------
    Fit
    """
    report = progress or (lambda _done, _total, _what: None)
    n_labels = counts.shape[0]
    report(0, n_labels, "building the model")
    with _hyperspy.quiet():
        exspy_model = model.exspy_model(counts)
        report(0, n_labels, "fitting")
        exspy_model.multifit(optimizer="lstsq", show_progressbar=False)
        if engine == "nonlinear":
            _refine(exspy_model, n_labels, report)
    report(n_labels, n_labels, "fitted")
    return Fit(
        model=model,
        counts=counts,
        alpha_areas=_alpha_areas(exspy_model, model),
        background_coefficients=_background_coefficients(exspy_model),
        engine=engine,
    )


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
