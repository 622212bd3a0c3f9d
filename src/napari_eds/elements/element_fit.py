"""A weighted fit of a summed spectrum by the lines of some elements, which grow and shrink."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from napari_eds.fitting.calibration import Calibration, calibrate
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray

#: What is wrong with the model's lines and background, relative to them.
_MODEL_ERROR = 0.03
#: Order of the background, a polynomial.
_ORDER = 6
#: Variances follow from the fit, which they weight, this often.
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class System:
    """Normal equations of a weighted fit, each column scaled to length 1 by `norms`."""

    weighted: np.ndarray
    covariance: np.ndarray
    norms: np.ndarray

    @classmethod
    def of(cls, design: np.ndarray, variance: np.ndarray) -> System:
        """Weight a design, (channels, columns), by the variance of the channels."""
        weighted = design / np.sqrt(variance)[:, None]
        norms = np.linalg.norm(weighted, axis=0)
        norms[norms == 0] = 1
        weighted /= norms
        return cls(weighted, np.linalg.pinv(weighted.T @ weighted, hermitian=True), norms)

    def solve(self, target: np.ndarray) -> np.ndarray:
        """Return the coefficients that fit a weighted spectrum."""
        return self.covariance @ (self.weighted.T @ target) / self.norms

    def errors(self) -> np.ndarray:
        """Return the standard deviations of the coefficients."""
        smallest = np.finfo(float).tiny
        return np.sqrt(np.maximum(np.diagonal(self.covariance), smallest)) / self.norms

    def remove(self, columns: np.ndarray) -> np.ndarray:
        """Return weighted columns without what this design could take up."""
        return columns - self.weighted @ (self.covariance @ (self.weighted.T @ columns))


@dataclass(frozen=True, eq=False)
class Solution:
    """A weighted fit; `columns` are places in the list of all families, `net` counts of lines."""

    columns: list[int]
    areas: np.ndarray
    errors: np.ndarray
    fitted: np.ndarray
    variance: np.ndarray
    system: System
    net: float


class ElementFit:
    """Some elements fitted to a spectrum, on an axis that is calibrated on them.

    Parameters
    ----------
    model : SpectralModel
        All families that may be fitted, on the axis of the file.
    counts : ndarray, (channels of the model,)
    columns : mapping of str to list of int
        Places of each element's families in the model.
    proof : mapping of str to int
        The family that proves the element, if any does.
    elements : collection of str
        Those to start with.

    Attributes
    ----------
    elements : list of str
        Those in the fit, in the order in which they came.
    calibration : Calibration
    profiles : ndarray, (channels, families)
        Of all families of the model, as calibrated.
    sums : ndarray, (families,)
        Counts of a family on the axis per count of its alpha line.
    solution : Solution
    """

    def __init__(
        self,
        model: SpectralModel,
        counts: np.ndarray,
        *,
        columns: Mapping[str, list[int]],
        proof: Mapping[str, int],
        elements: Collection[str],
    ) -> None:
        self.families, self.counts, self.elements = model.families, counts, list(elements)
        self._model, self._columns, self._proof = model, columns, proof
        t = np.linspace(-1, 1, counts.size)
        self._background = np.polynomial.legendre.legvander(t, _ORDER)
        # A channel is not expected to hold less than one count per full width of a line.
        width = xray.fwhm_keV(xray.MN_KA_KEV, model.resolution_MnKa_eV) / model.energy.scale_keV
        self._floor = max(1e-3 * counts.mean(), 1 / float(width))
        self._start = Calibration(resolution_MnKa_eV=model.resolution_MnKa_eV)
        self._use(self._start)

    def add(self, element: str) -> None:
        """Fit an element along."""
        self.elements.append(element)
        self._fit()

    def remove(self, element: str) -> None:
        """Fit without an element."""
        self.elements.remove(element)
        self._fit()

    def keep(self, elements: Collection[str]) -> None:
        """Fit with these elements and no others."""
        self.elements = list(elements)
        self._fit()

    def calibrate(self) -> None:
        """Calibrate on the elements in the fit, from the axis of the file."""
        columns = self._all_columns()
        model = replace(
            self._model,
            families=tuple(self.families[column] for column in columns),
            lines=tuple(self._model.lines[column] for column in columns),
        )
        found = calibrate(model, self.counts, start=self._start)
        # A width or an offset at its bound shows that the elements are not yet the right ones. The
        # gain alone may run there where all strong lines are soft, and does no harm.
        self._use(found if set(found.at_bound) <= {"gain"} else self.calibration)

    def errors_without(self, element: str) -> np.ndarray:
        """Return the errors of the areas in the solution under the hypothesis of its absence."""
        fit, profiles = self.solution, self.profiles[:, self.solution.columns]
        is_own = np.array([self.families[c].element == element for c in fit.columns], dtype=bool)
        areas = np.maximum(fit.areas, 0)
        own, others = profiles @ (areas * is_own), profiles @ (areas * ~is_own)
        variance = self._variance(fit.fitted - own - others, others)
        design = np.hstack([profiles, self._background])
        return System.of(design, variance).errors()[: len(fit.columns)]

    def drawn(self) -> dict[str, np.ndarray]:
        """Return the fitted counts of the lines of each element, and of the background: ""."""
        fit, drawn = self.solution, {"": self.solution.fitted.copy()}
        for column, area in zip(fit.columns, np.maximum(fit.areas, 0), strict=True):
            lines, element = area * self.profiles[:, column], self.families[column].element
            drawn[element] = drawn.get(element, 0) + lines
            drawn[""] -= lines
        return drawn

    def width_keV(self, column: int) -> float:
        """Return the full width at half maximum of a family's alpha line."""
        energy = self.families[column].alpha.energy_keV
        return float(xray.fwhm_keV(energy, self.calibration.resolution_MnKa_eV))

    def neighbours(self, column: int) -> Iterator[tuple[xray.XRayLine, float]]:
        """Yield lines of other elements within one full width of an alpha line, with counts."""
        alpha, width = self.families[column].alpha, self.width_keV(column)
        for other, area in zip(self.solution.columns, self.solution.areas, strict=True):
            if self.families[other].element == alpha.element:
                continue
            for line in self._model.lines[other]:
                if abs(line.energy_keV - alpha.energy_keV) < width:
                    yield line, area * line.weight

    def _all_columns(self) -> list[int]:
        return [column for element in self.elements for column in self._columns[element]]

    def _use(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.profiles = calibration.apply(self._model).profiles
        self.sums = self.profiles.sum(axis=0)
        self._fit()

    def _fit(self) -> None:
        """Fit the families of the elements, without those that would be negative.

        What proves an element stays: a negative line must show as such.
        """
        columns = self._all_columns()
        proving = {self._proof[element] for element in self.elements}
        while True:
            self.solution = self._fit_columns(columns)
            pairs = zip(columns, self.solution.areas, strict=True)
            kept = [column for column, area in pairs if area >= 0 or column in proving]
            if kept == columns:
                return
            columns = kept

    def _fit_columns(self, columns: list[int]) -> Solution:
        profiles, n = self.profiles[:, columns], len(columns)
        design = np.hstack([profiles, self._background])
        variance = np.maximum(self.counts, 1.0)
        for _ in range(_ROUNDS):
            solution = System.of(design, variance).solve(self.counts / np.sqrt(variance))
            fitted = design @ solution
            lines = profiles @ np.maximum(solution[:n], 0)
            variance = self._variance(fitted - lines, lines)
        system = System.of(design, variance)
        return Solution(
            columns=columns,
            areas=solution[:n],
            errors=system.errors()[:n],
            fitted=fitted,
            variance=variance,
            system=system,
            net=float(np.maximum(solution[:n], 0) @ self.sums[columns]),
        )

    def _variance(self, background: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """Variance of channels: counting, and what is wrong with background and lines."""
        counting = np.maximum(background + lines, self._floor)
        return counting + _MODEL_ERROR**2 * (np.maximum(background, 0) ** 2 + lines**2)
