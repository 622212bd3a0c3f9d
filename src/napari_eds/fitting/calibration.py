"""Calibration of energy axis and resolution on the summed spectrum, once, then frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from napari_eds._support.progress import check_cancelled
from napari_eds.fitting.least_squares import weighted_solution
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.nuisances import AXIS_PRIOR
from napari_eds.fitting.refinement import Refined
from napari_eds.fitting.sum_fit import inflated, smoothed
from napari_eds.spectra.acquisition import DEFAULT_RESOLUTION_EV

#: Bounds of the fit: offset in eV, gain in percent, resolution at Mn Ka in eV. Below 120 eV,
#: Fiori and Newbury's law leaves soft lines no width; old Si(Li) detectors have up to 200 eV.
BOUNDS = {"offset": (-60.0, 60.0), "gain": (-0.8, 0.8), "resolution": (120.0, 220.0)}

#: Steps of the numerical derivatives, small beside any uncertainty that matters.
_STEP = {"offset": 0.01, "gain": 1e-4, "resolution": 0.01}

#: A value this close to a bound, in parts of the allowed range, counts as at it.
_AT_BOUND = 1e-3

#: Fewer counts than this in the summed spectrum say nothing about the axis.
MINIMUM_COUNTS = 2000.0
#: Order of the polynomial background during the calibration.
_ORDER = 6
_ROUNDS = 2


@dataclass(frozen=True)
class Calibration:
    """Result of a calibration: true energy = (1 + gain) x energy of the file + offset.

    Attributes
    ----------
    offset_eV, gain_percent, resolution_MnKa_eV : float
    offset_error_eV, gain_error_percent, resolution_error_eV : float
        Standard deviations, from counting and misfit; 0 for a value that was not fitted.
    at_bound : tuple of str
        Parameters the fit pushed against their bound, where they are held: something is wrong
        with the axis of the file or the elements in the fit.
    source : str
        Where the values come from, in words.
    """

    offset_eV: float = 0.0
    gain_percent: float = 0.0
    resolution_MnKa_eV: float = DEFAULT_RESOLUTION_EV
    offset_error_eV: float = 0.0
    gain_error_percent: float = 0.0
    resolution_error_eV: float = 0.0
    at_bound: tuple[str, ...] = ()
    source: str = "as the file gives it"

    def apply(self, model: SpectralModel) -> SpectralModel:
        """Return the model, which is on the axis of the file, on the calibrated axis."""
        gain = 1 + self.gain_percent / 100
        energy = replace(
            model.energy,
            offset_keV=model.energy.offset_keV * gain + self.offset_eV / 1000,
            scale_keV=model.energy.scale_keV * gain,
        )
        recorded = model.recorded(resolution_MnKa_eV=self.resolution_MnKa_eV)
        return replace(recorded, energy=energy)

    def moved(self, refined: Refined) -> Calibration:
        """Return the calibration after a model that had it was refined, with its errors.

        Priors and misfit, which only the refinement knows, may take a value back from its bound.
        """
        values, errors = refined.value_of, refined.error_of
        found = replace(
            self,
            offset_eV=(self.offset_eV + values("offset")) * (1 + values("gain") / 100),
            gain_percent=self.gain_percent + values("gain") * (1 + self.gain_percent / 100),
            resolution_MnKa_eV=self.resolution_MnKa_eV + values("resolution"),
            offset_error_eV=errors("offset") or self.offset_error_eV,
            gain_error_percent=errors("gain") or self.gain_error_percent,
            resolution_error_eV=errors("resolution") or self.resolution_error_eV,
        )
        return replace(found, at_bound=tuple(n for n in self.at_bound if not found.is_inside(n)))

    def is_inside(self, name: str) -> bool:
        """Say whether a value is farther inside its bounds than its error reaches."""
        error = getattr(self, _ERROR_FIELDS[name])
        return _within_bounds(name, _value(self, name)) > max(error, _least_within(name))


def calibrate(
    model: SpectralModel,
    total: np.ndarray,
    *,
    start: Calibration,
    fit_axis: bool = True,
    fit_resolution: bool = True,
) -> Calibration:
    """Fit offset, gain and resolution to a summed spectrum.

    A bounded non-linear least squares around a linear fit of all intensities and a polynomial
    background, weighted by expected counts.

    Parameters
    ----------
    model : SpectralModel
        On the axis of the file.
    total : ndarray, (channels of the fit,)
        Summed counts.
    start : Calibration
        First guess, and the values of what is not fitted.
    fit_axis, fit_resolution : bool
        Whether to fit offset and gain, and the resolution.

    Returns
    -------
    Calibration
        `start` where there are too few counts to tell.
    """
    counts = np.asarray(total, dtype=float)
    names = (["offset", "gain"] if fit_axis else []) + (["resolution"] if fit_resolution else [])
    if counts.sum() < MINIMUM_COUNTS or not names:
        reason = ", since the counts are too few to calibrate on" if names else ""
        return replace(start, source=start.source + reason)
    expected = smoothed(counts)
    values = np.array([np.clip(_value(start, name), *BOUNDS[name]) for name in names])
    for _ in range(_ROUNDS):
        problem = _Problem(model, counts, expected, tuple(names), start)
        solution = least_squares(
            problem.residual,
            values,
            jac=problem.jacobian,
            bounds=np.array([BOUNDS[name] for name in names]).T,
            x_scale=[AXIS_PRIOR[name] for name in names],
            xtol=1e-4,
            ftol=1e-6,
        )
        values, expected = solution.x, problem.expected_at(solution.x)
    return _result(start, names, solution.x, solution.jac)


@dataclass(frozen=True, eq=False)
class _Problem:
    """Residuals of the best linear fit as a function of the axis: variable projection."""

    model: SpectralModel
    counts: np.ndarray
    expected: np.ndarray
    names: tuple[str, ...]
    start: Calibration

    def fitted(self, values: np.ndarray) -> np.ndarray:
        """Return the best fit on the axis of `values`, (channels,)."""
        check_cancelled()
        moved = _with_values(self.start, self.names, values).apply(self.model)
        t = np.linspace(-1, 1, self.counts.size)
        design = np.hstack([moved.profiles, np.polynomial.legendre.legvander(t, _ORDER)])
        return design @ weighted_solution(design, self.counts, self.expected)

    def residual(self, values: np.ndarray) -> np.ndarray:
        """Return residuals in standard deviations, those of the prior last."""
        data = (self.fitted(values) - self.counts) / np.sqrt(self.expected)
        prior = [
            (value - _value(self.start, name)) / AXIS_PRIOR[name]
            for name, value in zip(self.names, values, strict=True)
        ]
        return np.append(data, prior)

    def jacobian(self, values: np.ndarray) -> np.ndarray:
        """Return the residuals' derivatives by differences that stay inside the bounds."""
        here = self.residual(values)
        columns = []
        for i, name in enumerate(self.names):
            step = _STEP[name] if values[i] + _STEP[name] <= BOUNDS[name][1] else -_STEP[name]
            moved = values.copy()
            moved[i] += step
            columns.append((self.residual(moved) - here) / step)
        return np.stack(columns, axis=1)

    def expected_at(self, values: np.ndarray) -> np.ndarray:
        """Return by what counts vary around the fit, positive.

        Where residuals are far larger over the width of a line, as at a peak that is not in the
        model, it is by these.
        """
        fitted = self.fitted(values)
        expected = np.maximum(fitted, 1e-3 * fitted.mean())
        return inflated(expected, self.counts - fitted, self.model)


_FIELDS = {"offset": "offset_eV", "gain": "gain_percent", "resolution": "resolution_MnKa_eV"}
_ERROR_FIELDS = {
    "offset": "offset_error_eV",
    "gain": "gain_error_percent",
    "resolution": "resolution_error_eV",
}


def _value(calibration: Calibration, name: str) -> float:
    return getattr(calibration, _FIELDS[name])


def _with_values(
    start: Calibration, names: tuple[str, ...] | list[str], values: np.ndarray
) -> Calibration:
    fields = {_FIELDS[n]: float(v) for n, v in zip(names, values, strict=True)}
    return replace(start, **fields)  # type: ignore[arg-type]


def _result(
    start: Calibration, names: list[str], values: np.ndarray, jacobian: np.ndarray
) -> Calibration:
    """Put values, errors and bounds reached into a `Calibration`."""
    variances = np.diagonal(np.linalg.inv(jacobian.T @ jacobian))
    errors = {_ERROR_FIELDS[n]: float(np.sqrt(v)) for n, v in zip(names, variances, strict=True)}
    reached = []
    for name, value in zip(names, values, strict=True):
        if _within_bounds(name, value) < _least_within(name):
            reached.append(name)
    fitted = _with_values(start, names, values)
    return replace(
        fitted,
        **errors,
        at_bound=tuple(reached),
        source="fitted to the summed spectrum",
    )


def _within_bounds(name: str, value: float) -> float:
    """Return how far a value lies inside its nearer bound; negative outside."""
    low, high = BOUNDS[name]
    return float(min(value - low, high - value))


def _least_within(name: str) -> float:
    """Return how far inside its bounds a value that is not at them lies at least."""
    low, high = BOUNDS[name]
    return _AT_BOUND * (high - low)
