"""The background's shape, settled on the summed spectrum: a polynomial or bremsstrahlung.

Both end at the beam energy and are positive: where one dips below 0, lines fill the gap. Both have
the edges of the specimen where it is known: without, a weak line that lies on one, such as O K on
those of Sb M, takes the step for its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from napari_eds.fitting.least_squares import regularised_fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.profiles import resolved
from napari_eds.fitting.sum_fit import (
    SumFit,
    fit_design,
    inflated,
    positive_counts,
    positive_shape,
    smoothed,
    surprise,
)
from napari_eds.physics.absorption import LOWEST_ATTENUATION_keV, mixed_absorption_cm2_g
from napari_eds.recipe.recipe import Background
from napari_eds.spectra.axes import EnergyAxis

#: Range of the fitted absorber in g/cm2: 1 nm to 10 µm of a medium-heavy solid.
_ABSORBER_RANGE_G_CM2 = (5e-7, 5e-3)

#: Bremsstrahlung is preferred where its residuals weigh less than this part of the polynomial's:
#: it bends into lines that are missing from the model, which then are not told.
_CLEARLY_BETTER = 0.95
#: How far lines are off that do not follow the sum yet, relative to their height: where they are
#: high, they say nothing of the background.
_UNSETTLED = 0.05
#: Order of the polynomial that bends the background.
_BENDS = 6
#: A polynomial that falls below this part of its mean dips, and may become negative.
_DIPS = 0.02
#: One of the logarithm is one in that of the energy plus this; starts as one of this order, from
#: which it may bend so far; most steps towards it, and by how much the last one moves it.
_SHIFT_KEV, _START_ORDER, _FREE_BENDING, _STEPS, _SETTLED = 1.0, 2, 2.0, 20, 0.01
#: What is left of bremsstrahlung at the beam energy and above, where continuum piles up.
_LEAST_LEFT = 1e-3
#: Shares of X-rays that leave are not taken below this, for logarithms.
_LEAST_ESCAPING = 1e-6


@dataclass(frozen=True, eq=False)
class SumBackground:
    """The background of the summed spectrum.

    Attributes
    ----------
    shape : ndarray, (channels of the fit,)
        In counts per channel, positive.
    curves : ndarray, (channels of the fit, bends)
        What its logarithm may still bend by: edges of detector and specimen, which it may have,
        stay.
    description : str
        What it is, in words.
    surprise : float
        What residuals of the summed spectrum with it weigh, see `sum_fit.surprise`.
    """

    shape: np.ndarray
    curves: np.ndarray
    description: str
    surprise: float

    def bent(self, bends: np.ndarray) -> np.ndarray:
        """Return it with its logarithm bent, (channels,); `bends` are (bends,)."""
        return np.asarray(self.shape * np.exp(self.curves @ bends))


def sum_background(
    model: SpectralModel,
    total: np.ndarray,
    weight_fractions: np.ndarray,
    choice: Background,
    escaping: np.ndarray | None = None,
) -> SumBackground:
    """Fit the background of the summed spectrum.

    Parameters
    ----------
    model : SpectralModel
        With a polynomial background.
    total : ndarray, (channels of the fit,)
        Summed counts.
    weight_fractions : ndarray, (quantified elements,)
        Rough composition of the specimen, which absorbs the bremsstrahlung.
    choice : {"auto", "polynomial", "physical"}
        ``"auto"`` takes the polynomial unless bremsstrahlung describes the sum clearly better.
    escaping : ndarray, (channels of the fit,), optional
        What leaves the specimen of X-rays: the polynomial gets its edges.
    """
    if choice == "physical":
        return _physical(model, total, weight_fractions)
    polynomial = _polynomial(model, total, escaping)
    if choice == "polynomial":
        return polynomial
    physical = _physical(model, total, weight_fractions)
    limit = _CLEARLY_BETTER * polynomial.surprise
    return physical if physical.surprise < limit else polynomial


def smooth_curves(energy: EnergyAxis, order: int, shift_keV: float = 0.0) -> np.ndarray:
    """Return Legendre polynomials in the logarithm of the energy, (channels, order + 1).

    Backgrounds are smooth in it: steep where the energy is low. A shift of the energy leaves them
    less freedom there, and more where it is high.
    """
    t = np.log(energy.energies_keV + shift_keV)
    t = 2 * (t - t[0]) / (t[-1] - t[0]) - 1
    return np.polynomial.legendre.legvander(t, order)


def _polynomial(
    model: SpectralModel, total: np.ndarray, escaping: np.ndarray | None
) -> SumBackground:
    """Fit a polynomial, or one of the logarithm where that is better or the other one dips."""
    told = f"a polynomial of order {model.background_order}"
    known = _limit(model)
    if escaping is not None:
        known = known * _edges(model, escaping)
        told += " with the edges of the specimen"
    counts, profiles = np.asarray(total, dtype=float), model.profiles
    design = np.hstack([profiles, known[:, None] * model.background])
    fitted = fit_design(design, counts, model.n_parameters)
    linear = model.background @ fitted.coefficients[len(model.families) :]
    shape = _exponential(model, counts, known, linear)
    positive = fit_design(np.column_stack([profiles, shape]), counts, model.n_parameters)
    dips = linear.min() < _DIPS * linear.mean()
    if not dips and fitted.reduced_chi_squared < positive.reduced_chi_squared:
        shape, positive = known * linear, fitted
    return SumBackground(
        positive_shape(shape), _bends(model), told, _surprise(model, counts, positive)
    )


def _surprise(model: SpectralModel, counts: np.ndarray, fitted: SumFit) -> float:
    """Return what residuals weigh before lines follow the sum."""
    lines = model.counts_of_lines(fitted.coefficients[: len(model.families)])
    return surprise(counts, fitted.expected, _UNSETTLED * lines)


def _exponential(
    model: SpectralModel, counts: np.ndarray, known: np.ndarray, linear: np.ndarray
) -> np.ndarray:
    """Return the background that is best with a polynomial for its logarithm, (channels,).

    Weighted least squares by Gauss's and Newton's steps, from a parabola through where a linear
    polynomial is well positive. As later, peaks that are not in the model weigh little.
    """
    profiles = model.profiles
    curves = smooth_curves(model.energy, model.background_order, _SHIFT_KEV)
    start = _parabola(curves, counts, linear)
    # The height is free, the first of the curves.
    held = np.full(curves.shape[1], 1 / _FREE_BENDING**2)
    held[0] = 0
    nothing = np.zeros(profiles.shape[1])
    variance, logarithm = smoothed(counts), start
    background = known * np.exp(curves @ logarithm)
    for _ in range(_STEPS):
        found, _ = regularised_fit(
            np.hstack([profiles, background[:, None] * curves]),
            counts - background,
            variance,
            np.append(nothing, held),
            np.append(nothing, start - logarithm),
        )
        areas, step = np.split(found, [len(nothing)])
        logarithm = logarithm + np.clip(step, -1, 1)
        background = known * np.exp(curves @ logarithm)
        fitted = profiles @ areas + background
        variance = inflated(positive_counts(fitted, counts), counts - fitted, model)
        if np.abs(step).max() < _SETTLED:
            break
    return background


def _parabola(curves: np.ndarray, counts: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Return coefficients of the first few curves for the logarithm of a polynomial."""
    least = max(_DIPS * float(counts.mean()), 1e-6)
    order = min(_START_ORDER + 1, curves.shape[1])
    sure = linear > least
    if sure.sum() <= order:
        linear, sure = np.maximum(linear, least), np.ones(len(linear), dtype=bool)
    found, *_ = np.linalg.lstsq(curves[sure, :order], np.log(linear[sure]), rcond=None)
    return np.append(found, np.zeros(curves.shape[1] - order))


def _limit(model: SpectralModel) -> np.ndarray:
    """Return what the beam energy leaves of bremsstrahlung, (channels,).

    ``(E0 - E) / E0``, Kramers' law for a bulk specimen (Phil. Mag. 46, 1923, 836). For a foil
    under a beam of far higher energy it is nearly flat.
    """
    left = 1 - model.energy.energies_keV / model.beam_energy_keV
    return np.maximum(_resolved(model, np.maximum(left, 0)), _LEAST_LEFT)


def _bends(model: SpectralModel) -> np.ndarray:
    return smooth_curves(model.energy, _BENDS)[:, 1:]


def _edges(model: SpectralModel, escaping: np.ndarray) -> np.ndarray:
    """Return what no smooth curve draws of what leaves a specimen, (channels,), around 1.

    A polynomial follows the rest better than theory, which for soft X-rays of bulk specimens is
    off by factors.
    """
    logarithms = np.log(np.maximum(_resolved(model, escaping), _LEAST_ESCAPING))
    smooth = smooth_curves(model.energy, _BENDS)
    trend, *_ = np.linalg.lstsq(smooth, logarithms, rcond=None)
    return np.asarray(np.exp(logarithms - smooth @ trend))


def _resolved(model: SpectralModel, values: np.ndarray) -> np.ndarray:
    return resolved(model.energy, values, model.response)


def _physical(
    model: SpectralModel, total: np.ndarray, weight_fractions: np.ndarray
) -> SumBackground:
    """Bremsstrahlung behind specimen and detector.

    ``(a / E + b) x limit(E) x efficiency(E) x absorption(E)``: Kramers' law for a thin foil and
    its first correction, which end at the beam energy (see `_limit`), the efficiency of the
    detector behind its window, and the absorption of a layer of the specimen's composition whose
    mass thickness is fitted (N. J. Zaluzec, in Introduction to Analytical Electron Microscopy,
    Plenum 1979, ch. 4).
    """
    energies = model.energy.energies_keV
    counted = model.detector.efficiency(energies) * _limit(model)
    elements = [family.element for family in model.quantified]
    composition = dict(zip(elements, weight_fractions.tolist(), strict=True))
    # A calibrated axis may begin below the tables, where hardly anything leaves the specimen.
    tabulated = np.maximum(energies, LOWEST_ATTENUATION_keV)
    coefficients = mixed_absorption_cm2_g(composition, tabulated)

    def columns(mass_thickness: float) -> np.ndarray:
        depth = coefficients * mass_thickness
        transmitted = _resolved(model, -np.expm1(-depth) / np.maximum(depth, 1e-12))
        emitted = np.stack([1 / energies, np.ones_like(energies)], axis=1)
        return (counted * transmitted)[:, None] * emitted

    def fit(logarithm: float) -> tuple[SumFit, np.ndarray]:
        return _fit_with(model, total, columns(float(np.exp(logarithm))))

    best = minimize_scalar(
        lambda logarithm: fit(logarithm)[0].reduced_chi_squared,
        bounds=tuple(np.log(_ABSORBER_RANGE_G_CM2)),
        method="bounded",
        options={"xatol": 0.05},
    )
    fitted, shape = fit(best.x)
    return SumBackground(
        positive_shape(shape),
        _bends(model),
        f"bremsstrahlung behind {1e6 * np.exp(best.x):.0f} µg/cm² of the specimen",
        _surprise(model, np.asarray(total, dtype=float), fitted),
    )


def _fit_with(
    model: SpectralModel, total: np.ndarray, background: np.ndarray
) -> tuple[SumFit, np.ndarray]:
    """Fit the sum with background columns of its own; return the fit and its background."""
    design = np.hstack([model.profiles, background])
    # The absorber, which is fitted around this, costs a degree of freedom as well.
    fitted = fit_design(design, total, design.shape[1] + 1)
    return fitted, background @ fitted.coefficients[len(model.families) :]
