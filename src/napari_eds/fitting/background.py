"""The background's shape, settled on the summed spectrum: a polynomial or bremsstrahlung.

Both have the edges of the specimen where it is known: without, a weak line that lies on one, such
as O K on those of Sb M, takes the step for its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.profiles import resolved
from napari_eds.fitting.sum_fit import SumFit, fit_design, positive_shape
from napari_eds.physics import emission
from napari_eds.physics.absorption import mixed_absorption_cm2_g
from napari_eds.recipe.recipe import Background
from napari_eds.spectra.axes import EnergyAxis

#: Range of the fitted absorber in g/cm2: 1 nm to 10 µm of a medium-heavy solid.
_ABSORBER_RANGE_G_CM2 = (5e-7, 5e-3)

#: Bremsstrahlung is preferred where it has less than this part of the polynomial's chi-squared:
#: below that, misfit of soft lines decides, and on maps of known composition the polynomial came
#: nearer to the truth.
_CLEARLY_BETTER = 0.9
#: Order of the polynomial that bends the background.
_BENDS = 6
#: Shares of X-rays that leave are not taken below this, for logarithms.
_LEAST_ESCAPING = 1e-6


@dataclass(frozen=True, eq=False)
class SumBackground:
    """The background of the summed spectrum.

    Attributes
    ----------
    shape : ndarray, (channels of the fit,)
        In counts per channel, positive.
    description : str
        What it is, in words.
    reduced_chi_squared : float
        Of the summed spectrum with it.
    """

    shape: np.ndarray
    description: str
    reduced_chi_squared: float


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
    limit = _CLEARLY_BETTER * polynomial.reduced_chi_squared
    return physical if physical.reduced_chi_squared < limit else polynomial


def bending(energy: EnergyAxis, shape: np.ndarray) -> np.ndarray:
    """Return ways to bend a background of known shape, (channels, columns), the first itself.

    The shape times Legendre polynomials in the logarithm of the energy: edges of detector and
    specimen, which it may have, stay.
    """
    return shape[:, None] * smooth_curves(energy, _BENDS)


def smooth_curves(energy: EnergyAxis, order: int) -> np.ndarray:
    """Return Legendre polynomials in the logarithm of the energy, (channels, order + 1).

    Backgrounds are smooth in it: steep where the energy is low.
    """
    t = np.log(energy.energies_keV)
    t = 2 * (t - t[0]) / (t[-1] - t[0]) - 1
    return np.polynomial.legendre.legvander(t, order)


def _polynomial(
    model: SpectralModel, total: np.ndarray, escaping: np.ndarray | None
) -> SumBackground:
    background, told = model.background, f"a polynomial of order {model.background_order}"
    if escaping is not None:
        background = background * _edges(model, escaping)[:, None]
        told += " with the edges of the specimen"
    design = np.hstack([model.profiles, background])
    fitted = fit_design(design, total, model.n_parameters)
    shape = positive_shape(background @ fitted.coefficients[len(model.families) :])
    return SumBackground(shape, told, fitted.reduced_chi_squared)


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
    return resolved(model.energy, values, model.resolution_MnKa_eV, model.fano_eV)


def _physical(
    model: SpectralModel, total: np.ndarray, weight_fractions: np.ndarray
) -> SumBackground:
    """Bremsstrahlung behind specimen and detector.

    ``(a / E + b) x efficiency(E) x absorption(E)``: Kramers' law for a thin foil and its first
    correction, the efficiency of a windowless silicon detector, and the absorption of a layer of
    the specimen's composition whose mass thickness is fitted (N. J. Zaluzec, in Introduction to
    Analytical Electron Microscopy, Plenum 1979, ch. 4).
    """
    energies = model.energy.energies_keV
    efficiency = emission.DetectorModel().efficiency(energies)
    elements = [family.element for family in model.quantified]
    composition = dict(zip(elements, weight_fractions.tolist(), strict=True))
    coefficients = mixed_absorption_cm2_g(composition, energies)

    def columns(mass_thickness: float) -> np.ndarray:
        depth = coefficients * mass_thickness
        transmitted = _resolved(model, -np.expm1(-depth) / np.maximum(depth, 1e-12))
        emitted = np.stack([1 / energies, np.ones_like(energies)], axis=1)
        return (efficiency * transmitted)[:, None] * emitted

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
        f"bremsstrahlung behind {1e6 * np.exp(best.x):.0f} µg/cm² of the specimen",
        fitted.reduced_chi_squared,
    )


def _fit_with(
    model: SpectralModel, total: np.ndarray, background: np.ndarray
) -> tuple[SumFit, np.ndarray]:
    """Fit the sum with background columns of its own; return the fit and its background."""
    design = np.hstack([model.profiles, background])
    # The absorber, which is fitted around this, costs a degree of freedom as well.
    fitted = fit_design(design, total, design.shape[1] + 1)
    return fitted, background @ fitted.coefficients[len(model.families) :]
