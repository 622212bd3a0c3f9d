"""A weighted fit of a summed spectrum by the lines of some elements, which grow and shrink."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from napari_eds.elements.family_ratios import FamilyLimits, FamilyRatios
from napari_eds.elements.line_errors import Directions, LineErrors, widened
from napari_eds.elements.system import System
from napari_eds.fitting.background import smooth_curves
from napari_eds.fitting.calibration import BOUNDS, Calibration, calibrate
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.soft_limits import AreaPriors
from napari_eds.physics import lines as xray

#: What is wrong with single channels of the lines, relative to them, beyond what `line_errors`
#: allows for: to start with, and the bounds within which it is measured on the sum.
_LINE_ERROR, _LINE_ERROR_RANGE = 0.02, (0.005, 0.03)
#: The same of the background, which is a polynomial of this order.
_BACKGROUND_ERROR, _ORDER = 0.03, 8
#: Variances follow from the fit, which they weight; so do, in these rounds, errors of its lines.
_ROUNDS = (False, True, True)
#: How far offset (eV), gain (%) and resolution (eV) are expected to be off the file's; steps
#: towards the best ones, and parts of these below which they are found.
_AXIS_PRIOR, _STEPS, _SETTLED = np.array([20.0, 0.3, 8.0]), 6, 0.02
#: Channels that are off by more standard deviations than this weigh less in a calibration.
_OUTLIER = 3.0
#: Chi-squared per channel from which on an axis far away is tried.
_WELL = 2.0
#: An axis this far from that of the file, in eV, % and eV of its width, may be bent.
_BENT_EV, _BENT_PERCENT, _BENT_WIDTH_EV = 5.0, 0.1, 6.0
#: Above, lines lie far enough apart that what is found there is there.
_HARD_keV = 1.5
#: Chi-squared that an element more has to gain.
_COST_OF_ELEMENT = 64.0
#: Median of a squared normal deviate.
_MEDIAN_CHI_SQUARED = 0.4549


@dataclass(frozen=True, eq=False)
class Solution:
    """A weighted fit; `columns` are places in the list of all families, `net` counts of lines.

    `lines` are the counts drawn for each column, (channels, columns), with what the fit made of
    the errors of its lines, and `background` those of the polynomial; `strain` is the sum of the
    squares of these errors in standard deviations; `held` is what holds areas at the most they can
    be.
    """

    columns: list[int]
    areas: np.ndarray
    errors: np.ndarray
    fitted: np.ndarray
    lines: np.ndarray
    background: np.ndarray
    variance: np.ndarray
    system: System
    strain: float
    net: float
    held: AreaPriors


@dataclass(frozen=True, eq=False)
class State:
    """What a fit can go back to."""

    elements: tuple[str, ...]
    calibration: Calibration
    line_error: float
    misfit: float


def _axis_of(calibration: Calibration) -> tuple[float, float, float]:
    return calibration.offset_eV, calibration.gain_percent, calibration.resolution_MnKa_eV


class ElementFit:
    """Some elements fitted to a spectrum, on an axis that is calibrated on them.

    Parameters
    ----------
    model : SpectralModel
        All families that may be fitted, on the axis of the file.
    counts : ndarray, (channels of the model,)
    columns : mapping of str to list of int
        Places of each element's families in the model, the hardest first.
    proof : mapping of str to int
        The family that proves the element, if any does.
    elements : collection of str
        Those to start with.
    ratios : FamilyRatios
        Of the families of the model.

    Attributes
    ----------
    elements : list of str
        Those in the fit, in the order in which they came.
    calibration : Calibration
    profiles : ndarray, (channels, families)
        Of all families of the model, as calibrated.
    sums : ndarray, (families,)
        Counts of a family on the axis per count of its alpha line.
    ratios : FamilyRatios
    solution : Solution
    """

    def __init__(  # noqa: PLR0913 - keyword-only ones belong together
        self,
        model: SpectralModel,
        counts: np.ndarray,
        *,
        columns: Mapping[str, list[int]],
        proof: Mapping[str, int],
        elements: Collection[str],
        ratios: FamilyRatios,
    ) -> None:
        self.families, self.counts, self.elements = model.families, counts, list(elements)
        self._model, self._columns, self._proof = model, columns, proof
        self.ratios = ratios
        self._limits = FamilyLimits(model, columns, ratios)
        self._background = smooth_curves(model.energy, _ORDER)
        # A channel is not expected to hold less than one count per full width of a line.
        width = xray.fwhm_keV(xray.MN_KA_KEV, model.resolution_MnKa_eV) / model.energy.scale_keV
        self._floor = max(1e-3 * counts.mean(), 1 / float(width))
        self._line_error, self._may_reach_far = _LINE_ERROR, True
        self._start = Calibration(resolution_MnKa_eV=model.resolution_MnKa_eV)
        self.calibration: Calibration = self._start
        self.profiles: np.ndarray = np.zeros((counts.size, len(model.families)))
        self._use(self._start)

    def add(self, element: str) -> None:
        """Fit an element along."""
        self.elements.append(element)
        self._fit()

    def remove(self, element: str) -> None:
        """Fit without an element."""
        self.elements.remove(element)
        self._fit()

    def calibrate(self) -> None:
        """Calibrate on the elements in the fit.

        From the axis as it is and, where that leaves much unexplained, from one that is
        fitted without regard to what the lines may be wrong by, which reaches farther.
        """
        before = self.calibration
        self._settle()
        if self._is_at_bound():
            # That shows that the elements are not yet the right ones.
            self.calibration = before
            self._draw(self._all_columns())
            self._fit()
        near, misfit = self.calibration, self.misfit()
        if self._may_reach_far and misfit > _WELL * self.counts.size:
            self._reach_far()
            if self._is_at_bound() or self.misfit() > misfit:
                # The axis that was is the better one, and elements are what is missing.
                self.calibration, self._may_reach_far = near, False
        self._use(self.calibration)

    def _is_at_bound(self) -> bool:
        """Whether offset or width ran to the end of what is allowed.

        The gain alone may where all strong lines are soft, and does no harm.
        """
        values = dict(zip(BOUNDS, _axis_of(self.calibration), strict=True))
        return any(values[name] in BOUNDS[name] for name in ("offset", "resolution"))

    def _reach_far(self) -> None:
        columns = self._all_columns()
        model = replace(
            self._model,
            families=tuple(self.families[column] for column in columns),
            lines=tuple(self._model.lines[column] for column in columns),
        )
        found = calibrate(model, self.counts, start=self._start)
        if set(found.at_bound) <= {"gain"}:
            self.calibration = found
            self._draw(columns)
            self._fit()
            self._settle()

    def calibrate_on_hard_lines(self) -> None:
        """Calibrate where lines lie far apart, whatever is missing among the soft ones."""
        self._settle(_HARD_keV)

    def _settle(self, from_keV: float = 0.0) -> None:
        """Improve the axis by steps, lines being as uncertain as they are."""
        columns = self._all_columns()
        for _ in range(_STEPS):
            step = self._step(from_keV)
            values = np.array(_axis_of(self.calibration)) + step
            found = Calibration(*np.clip(values, *np.array(list(BOUNDS.values())).T))
            self.calibration = replace(found, source="fitted to the summed spectrum")
            self._draw(columns)
            self._fit()
            if (np.abs(step) < _SETTLED * _AXIS_PRIOR).all():
                break

    def _step(self, from_keV: float) -> np.ndarray:
        """Return by what offset, gain and resolution are to change, by lines from an energy on."""
        fit, energies = self.solution, self._calibrated.energy.energies_keV
        lines = fit.lines.sum(axis=1)
        slope = np.gradient(lines, self._calibrated.energy.scale_keV) / 1000
        wider = widened(lines, self._calibrated)
        moved = np.stack([slope, slope * energies * 10, wider], axis=1) * _AXIS_PRIOR
        off = (np.array(_axis_of(self.calibration)) - _axis_of(self._start)) / _AXIS_PRIOR
        errors = Directions.none(self.counts.size)
        if not from_keV:
            errors = self._line_errors.directions(
                fit.columns, fit.areas, fit.background, fit.variance
            )
        free = np.hstack([self.profiles[:, fit.columns], self._background])
        # Peaks of elements that are not found yet shall not pull the axis.
        variance = fit.variance + np.maximum(
            (self.counts - fit.fitted) ** 2 - _OUTLIER**2 * fit.variance, 0
        )
        variance = np.where(energies < from_keV, np.inf, variance)
        system = System.of(free, np.hstack([errors.counts, moved]), variance, fit.held)
        target = (self.counts + moved @ off) / np.sqrt(variance)
        return np.clip(system.solve(target)[-3:] - off, -1, 1) * _AXIS_PRIOR

    @property
    def is_bent(self) -> bool:
        """Whether the axis came out farther from that of the file than axes mostly are."""
        found = self.calibration
        width = abs(found.resolution_MnKa_eV - self._start.resolution_MnKa_eV)
        shift = abs(found.offset_eV), abs(found.gain_percent)
        return shift[0] > _BENT_EV or shift[1] > _BENT_PERCENT or width > _BENT_WIDTH_EV

    def misfit(self) -> float:
        """Return chi-squared, the strain of the lines, and what elements cost.

        Lines are taken to be as wrong as to start with, so that solutions can be compared whatever
        they make of that.
        """
        fit = self.solution
        counting = np.maximum(np.maximum(fit.fitted, self.counts), self._floor)
        lines = np.maximum(self.counts - fit.background, 0)
        variance = counting + (_LINE_ERROR * lines) ** 2
        chi_squared = ((self.counts - fit.fitted) ** 2 / variance).sum()
        return float(chi_squared + fit.strain + _COST_OF_ELEMENT * len(self.elements))

    def state(self) -> State:
        """Return what `restore` goes back to."""
        return State(tuple(self.elements), self.calibration, self._line_error, self.misfit())

    def restore(self, state: State) -> None:
        """Go back to an earlier state."""
        self.elements, self._line_error = list(state.elements), state.line_error
        self._use(state.calibration)

    def restart(self, elements: Collection[str]) -> None:
        """Fit these elements on the axis of the file."""
        self.elements, self._line_error = list(elements), _LINE_ERROR
        self._may_reach_far = True
        self._use(self._start)

    def measure_misfit(self) -> None:
        """Take what is wrong with the lines from the sum, and fit anew.

        The median of what single channels of the lines deviate by tells it: a peak that is not
        explained does not move it.
        """
        fit = self.solution
        lines = np.maximum(fit.lines.sum(axis=1), 0)
        strong = lines > 0.5 * fit.fitted
        low, high = _LINE_ERROR_RANGE
        if strong.sum() < _ORDER:
            return
        squared = (self.counts - fit.fitted)[strong] ** 2
        counting, lines = np.maximum(fit.fitted, self._floor)[strong], lines[strong]
        tried = np.geomspace(low, high, 20)
        ratios = [np.median(squared / (counting + (e * lines) ** 2)) for e in tried]
        enough = np.flatnonzero(np.array(ratios) <= _MEDIAN_CHI_SQUARED)
        self._line_error = float(tried[enough[0]] if enough.size else high)
        self._fit()

    def errors_without(self, element: str) -> np.ndarray:
        """Return the errors of the areas in the solution under the hypothesis of its absence."""
        fit = self.solution
        others = np.array([self.families[c].element != element for c in fit.columns], dtype=bool)
        areas = np.maximum(fit.areas, 0) * others
        variance = self._variance(fit.background, self.profiles[:, fit.columns] @ areas)
        errors = self._line_errors.directions(fit.columns, areas, fit.background, variance)
        design = np.hstack([self.profiles[:, fit.columns], self._background])
        system = System.of(design, errors.counts, variance, fit.held)
        return system.errors()[: len(fit.columns)]

    def system_without(self, element: str, others: Mapping[int, float] | None = None) -> System:
        """Return the system of all other elements, weighted as the present solution.

        Parameters
        ----------
        element : str
        others : mapping of int to float, optional
            Areas of further families, by column, the errors of whose lines are allowed for.
        """
        fit = self.solution
        kept = [i for i, c in enumerate(fit.columns) if self.families[c].element != element]
        columns = [fit.columns[i] for i in kept]
        areas = {fit.columns[i]: float(fit.areas[i]) for i in kept} | dict(others or {})
        errors = self._line_errors.directions(
            list(areas), np.array(list(areas.values())), fit.background, fit.variance
        )
        design = np.hstack([self.profiles[:, columns], self._background])
        return System.of(design, errors.counts, fit.variance, fit.held.chosen(kept))

    def drawn(self) -> dict[str, np.ndarray]:
        """Return the fitted counts of the lines of each element, and of the background: ""."""
        fit, drawn = self.solution, {"": self.solution.fitted.copy()}
        for column, area, lines in zip(fit.columns, fit.areas, fit.lines.T, strict=True):
            element = self.families[column].element
            shown = lines if area > 0 else np.zeros_like(lines)
            drawn[element] = drawn.get(element, 0) + shown
            drawn[""] -= shown
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

    def _draw(self, columns: list[int]) -> None:
        """Draw some families on the axis as calibrated."""
        self._calibrated = self.calibration.apply(self._model)
        chosen = replace(
            self._calibrated,
            families=tuple(self.families[column] for column in columns),
            lines=tuple(self._model.lines[column] for column in columns),
        )
        self.profiles[:, columns] = chosen.profiles
        self._line_errors = LineErrors(self._calibrated, self.counts)

    def _use(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self._calibrated = calibration.apply(self._model)
        self.profiles = self._calibrated.profiles
        self._line_errors = LineErrors(self._calibrated, self.counts)
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
        nothing = Directions.none(self.counts.size)
        fit = self._solved(columns, nothing, np.maximum(self.counts, 1.0))
        for with_errors in _ROUNDS:
            lines = self.profiles[:, columns] @ np.maximum(fit.areas, 0)
            variance = self._variance(fit.background, lines)
            errors = nothing
            if with_errors:
                # While elements are missing, errors of lines are not to stand in for them; with
                # the whole factor, the strongest of those that are missing would not be proved.
                off = ((self.counts - fit.fitted) ** 2 / variance).mean()
                variance = variance * np.sqrt(max(float(off), 1.0))
                errors = self._line_errors.directions(columns, fit.areas, fit.background, variance)
            fit = self._solved(columns, errors, variance)
        return fit

    def _solved(self, columns: list[int], errors: Directions, variance: np.ndarray) -> Solution:
        profiles, n = self.profiles[:, columns], len(columns)
        free = np.hstack([profiles, self._background])
        target, held = self.counts / np.sqrt(variance), AreaPriors.free(n)
        system = System.of(free, errors.counts, variance, held)
        solution = system.solve(target)
        limits = self._limits.priors(columns, solution[:n], system.errors()[:n])
        if (solution[:n] > limits.most).any():
            held = limits.bound(solution[:n])
            system = System.of(free, errors.counts, variance, held)
            solution = system.solve(target)
        moved = errors.counts * solution[free.shape[1] :]
        belongs = errors.owners[:, None] == np.array(columns, dtype=int)
        background = self._background @ solution[n : free.shape[1]]
        return Solution(
            columns=columns,
            areas=solution[:n],
            errors=system.errors()[:n],
            fitted=profiles @ solution[:n] + background + moved.sum(axis=1),
            lines=profiles * solution[:n] + moved @ belongs,
            background=background,
            variance=variance,
            system=system,
            strain=float((solution[free.shape[1] :] ** 2).sum()),
            net=float(np.maximum(solution[:n], 0) @ self.sums[columns]),
            held=held,
        )

    def _variance(self, background: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """Variance of channels: counting, and what is wrong with background and lines."""
        counting = np.maximum(background + lines, self._floor)
        wrong = _BACKGROUND_ERROR * np.maximum(background, 0)
        return counting + wrong**2 + (self._line_error * lines) ** 2
