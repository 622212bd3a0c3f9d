"""Where along a line one composition goes over into another, and how gradually."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from napari_eds._support.brief import brief
from napari_eds._support.numbers import with_error
from napari_eds.errors import EDSError

#: From 10 to 90 % of an error function, in its standard deviations: twice the 90 % quantile of
#: the normal distribution.
WIDTH_PER_SIGMA = 2 * float(special.ndtri(0.9))
#: Levels on both sides, position and width are four unknowns.
_LEAST_BINS = 6
#: Least standard deviation, in bins: that of a place anywhere in one bin, 1 / sqrt(12). What is
#: steeper cannot be told from a step between two bins.
_STEEPEST = 12**-0.5
#: Of a step in its own error: what is less is no interface.
_LEAST_STEP = 3.0


@brief
@dataclass(frozen=True)
class Interface:
    """An interface along a line, by an error function between two levels.

    Errors are standard deviations from counting, widened where the fit is poor. What all bins have
    in common (k-factors, thickness) moves the levels and, to first order, neither position nor
    width, so it is not counted again here.

    Attributes
    ----------
    position, position_error : float
        Where half of the step is made, in nm along the line, or in pixels where those have no
        length.
    width_10_90, width_10_90_error : float
        Distance in which the step goes from 10 to 90 %: 2.563 standard deviations. It contains
        beam, pixel and the roughness within the width of the line; the length of bins is taken
        into account.
    before, before_error, after, after_error : float
        Levels on both sides, in the quantity's unit.
    reduced_chi_squared : float
    unit : str
        Of position and width.
    resolved : bool
        Whether the width is larger than three times its error.
    """

    position: float
    position_error: float
    width_10_90: float
    width_10_90_error: float
    before: float
    before_error: float
    after: float
    after_error: float
    reduced_chi_squared: float
    unit: str

    @property
    def sigma(self) -> float:
        """Standard deviation of the error function."""
        return self.width_10_90 / WIDTH_PER_SIGMA

    @property
    def sigma_error(self) -> float:
        """Standard deviation of `sigma`."""
        return self.width_10_90_error / WIDTH_PER_SIGMA

    @property
    def resolved(self) -> bool:
        """Whether the width is larger than three times its error."""
        return self.width_10_90 > 3 * self.width_10_90_error

    def __str__(self) -> str:
        """Return position and width with errors, in words."""
        width = f"{with_error(self.width_10_90, self.width_10_90_error)} {self.unit}"
        steep = "" if self.resolved else ", not resolved"
        return (
            f"position {with_error(self.position, self.position_error)} {self.unit}, "
            f"width (10-90 %) {width}{steep}, "
            f"from {with_error(self.before, self.before_error)} to "
            f"{with_error(self.after, self.after_error)}"
        )


def fit_interface(
    values: np.ndarray,
    errors: np.ndarray,
    bins: np.ndarray,
    distances: np.ndarray,
    *,
    unit: str = "nm",
) -> Interface:
    """Fit an error function to values of bins.

    The model of a bin is the mean over its pixels of ``a + (b - a) Phi((d - x) / sigma)``, so that
    long bins do not widen the interface. Least squares weighted by counting errors
    (`scipy.optimize.curve_fit`).

    Parameters
    ----------
    values, errors : ndarray, (bins,)
        With standard deviations from counting; bins that are NaN are left out.
    bins : ndarray of int, (pixels,)
        Position in `values` of the bin of every pixel.
    distances : ndarray, (pixels,)
        Along the line.
    unit : str
        Of `distances`.

    Raises
    ------
    EDSError
        If there are too few bins, or no step stands out.
    """
    known = np.isfinite(values) & np.isfinite(errors) & (errors > 0)
    if known.sum() < _LEAST_BINS:
        raise EDSError(
            f"an interface needs {_LEAST_BINS} bins with a value at least, and {known.sum()} have "
            "one: make the line longer or the bins shorter"
        )
    n = np.bincount(bins, minlength=len(values))

    def model(_: object, x: float, log_sigma: float, a: float, b: float) -> np.ndarray:
        share = special.ndtr((distances - x) / np.exp(log_sigma))
        of_bin = np.bincount(bins, share, minlength=len(values)) / np.maximum(n, 1)
        return (a + (b - a) * of_bin)[known]

    places = np.bincount(bins, distances, minlength=len(values)) / np.maximum(n, 1)
    found, covariance, chi_squared = _best(model, places[known], values[known], errors[known])
    dof = max(int(known.sum()) - 4, 1)
    spread = np.sqrt(np.diag(covariance) * max(chi_squared / dof, 1.0))
    step, step_error = found[3] - found[2], np.hypot(spread[2], spread[3])
    low, high = places[known].min(), places[known].max()
    if not (abs(step) > _LEAST_STEP * step_error and low < found[0] < high):
        raise EDSError(
            "no interface is found along the line: no step stands out of the errors. Choose an "
            "element that changes across it, or a wider line"
        )
    width = WIDTH_PER_SIGMA * float(np.exp(found[1]))
    least = _STEEPEST * _step(places[known])
    if np.exp(found[1]) < 1.01 * least:
        # Somewhere in a bin, and not wider than one.
        spread[0], spread[1] = np.hypot(spread[0], least), max(spread[1], 0.5)
    return Interface(
        position=float(found[0]),
        position_error=float(spread[0]),
        width_10_90=width,
        width_10_90_error=width * float(spread[1]),
        before=float(found[2]),
        before_error=float(spread[2]),
        after=float(found[3]),
        after_error=float(spread[3]),
        reduced_chi_squared=chi_squared / dof,
        unit=unit,
    )


def _step(places: np.ndarray) -> float:
    """Return the distance of neighbouring bins."""
    return float(np.median(np.diff(np.sort(places))))


def _best(
    model: Callable[..., np.ndarray], places: np.ndarray, values: np.ndarray, errors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the best of fits from several starts, with its covariance and chi-squared."""
    extent, step = np.ptp(places), _step(places)
    low, high = np.log(_STEEPEST * step), np.log(extent)
    levels = np.ptp(values) or 1.0
    bounds = (
        [places.min() - extent, low, values.min() - levels, values.min() - levels],
        [places.max() + extent, high, values.max() + levels, values.max() + levels],
    )
    best = None
    for share in (0.25, 0.4, 0.5, 0.6, 0.75):
        place = places.min() + share * extent
        left, right = values[places <= place], values[places > place]
        start = [place, np.log(max(extent / 20, step)), np.median(left), np.median(right)]
        try:
            found, covariance = optimize.curve_fit(
                model, places, values, start, errors, absolute_sigma=True, bounds=bounds
            )
        except (RuntimeError, ValueError):  # from this start no minimum is found
            continue
        rest = (values - model(None, *found)) / errors
        chi_squared = float(rest @ rest)
        if best is None or chi_squared < best[2]:
            best = (found, covariance, chi_squared)
    if best is None:
        raise EDSError("no interface is found along the line: the fit does not settle")
    return best
