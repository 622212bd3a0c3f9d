"""Fitting the model to the spectra of all labels: intensities, covariance, chi-squared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_eds._support.progress import Progress
from napari_eds._support.threads import in_order
from napari_eds.fitting import hyperspy_fit
from napari_eds.fitting.label_backgrounds import LabelBackgrounds
from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.poisson import expected_counts, fit_poisson
from napari_eds.fitting.refinement import SURE_SIGMA, relative_misfit
from napari_eds.fitting.sum_fit import fit_sum, with_sum_background
from napari_eds.recipe.recipe import Engine
from napari_eds.spectra.storage import sum_dtype

#: Labels whose misfit is judged at a time.
_MISFIT_LABELS = 64


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of fitting one model to many spectra.

    Attributes
    ----------
    model : SpectralModel
    counts : ndarray, (labels, channels of the fit)
        The spectra that were fitted, the one array of this size that is held: whole counts are
        int32 where that holds them.
    alpha_areas : ndarray, (labels, families)
        Counts of the alpha line of each family.
    background_coefficients : ndarray, (labels, columns of the background)
    covariance : ndarray, (labels, families, families)
        Covariance of the family intensities, in counts squared, one count of each included
        (`with_one_count`).
    reduced_chi_squared : ndarray, (labels,)
        NaN for a label with too few counts in the range of the fit. ``"poisson"``: over groups of
        channels, see `poisson.grouped_chi_squared`.
    engine : {"poisson", "linear", "nonlinear"}
    background_of_all : ndarray, (channels of the fit,), or None
        Background of all labels together, which HyperSpy's engines take for the shape of each.
    backgrounds : LabelBackgrounds or None
        By what the backgrounds of labels differ from the model's; None where none does.
    """

    model: SpectralModel
    counts: np.ndarray
    alpha_areas: np.ndarray
    background_coefficients: np.ndarray
    covariance: np.ndarray
    reduced_chi_squared: np.ndarray
    engine: Engine
    background_of_all: np.ndarray | None = None
    backgrounds: LabelBackgrounds | None = None

    @cached_property
    def intensities(self) -> np.ndarray:
        """Counts of each whole family, (labels, families)."""
        return self.alpha_areas * self.model.weight_sums

    @property
    def background(self) -> np.ndarray:
        """Fitted background in counts per channel, (labels, channels of the fit), made anew."""
        return self.background_of(slice(None))

    def background_of(self, labels: slice) -> np.ndarray:
        """Return the fitted background of some labels, (labels, channels of the fit)."""
        found = np.asarray(self.background_coefficients[labels] @ self.model.background.T)
        factors = self._factors(labels)
        return found if factors is None else found * factors

    def _factors(self, labels: slice) -> np.ndarray | None:
        return None if self.backgrounds is None else self.backgrounds.fitted(labels)

    @cached_property
    def background_counts(self) -> np.ndarray:
        """Counts of the fitted background in all channels of the fit, (labels,)."""
        columns = self.model.background
        if self.backgrounds is not None:
            return self.backgrounds.counts(self.background_coefficients, columns)
        return np.asarray(self.background_coefficients @ columns.sum(axis=0))

    @property
    def fitted(self) -> np.ndarray:
        """Fitted spectrum in counts per channel, (labels, channels of the fit), made anew."""
        return np.asarray(self.alpha_areas @ self.model.profiles.T + self.background)

    @property
    def expected(self) -> np.ndarray:
        """Fitted counts, positive: the variance of the counts; made anew, as `expected_of`."""
        return self.expected_of(slice(None))

    def expected_of(self, labels: slice) -> np.ndarray:
        """Return the expected counts of some labels, (labels, channels of the fit).

        Zero for a label without counts.
        """
        areas, background = self.alpha_areas[labels], self.background_coefficients[labels]
        if self.background_of_all is None:
            coefficients = np.hstack([areas, background])
            expected = expected_counts(self.model, coefficients, self._factors(labels))
            expected[~self.counts[labels].any(axis=1)] = 0
            return expected
        return hyperspy_fit.equal_weight_expectation(
            self.model, self.counts[labels], areas, background, self.background_of_all
        )

    @cached_property
    def misfit(self) -> np.ndarray:
        """What the model lacks for sure, relative to its lines, (labels,); `relative_misfit`."""
        # Arrays of a block stay in the processor's cache.
        starts = range(0, len(self.counts), _MISFIT_LABELS)
        return np.concatenate([*in_order(self._misfit_from, starts), np.zeros(0)])

    def _misfit_from(self, start: int) -> np.ndarray:
        block = slice(start, start + _MISFIT_LABELS)
        lines = np.maximum(self.alpha_areas[block], 0) @ self.model.profiles.T
        expected = self.expected_of(block)
        return relative_misfit(self.counts[block], expected, lines, beyond_sigma=SURE_SIGMA)

    @cached_property
    def intensity_errors(self) -> np.ndarray:
        """Standard deviation of each family's intensity, (labels, families)."""
        return np.sqrt(np.maximum(np.diagonal(self.covariance, axis1=1, axis2=2), 0))


def fit(  # noqa: PLR0913 - keyword-only ones have defaults
    model: SpectralModel,
    counts: np.ndarray,
    engine: Engine = "poisson",
    progress: Progress | None = None,
    *,
    non_negative: bool = False,
    backgrounds: LabelBackgrounds | None = None,
    first: np.ndarray | None = None,
) -> Fit:
    """Fit a model to spectra.

    Parameters
    ----------
    model : SpectralModel
    counts : ndarray, (labels, channels of the fit)
        Spectra over the model's channels.
    engine : {"poisson", "linear", "nonlinear"}
        ``"poisson"``: weights from expected counts, iterated to the Poisson maximum likelihood.
        ``"linear"``: HyperSpy's linear least squares, all channels weighing the same.
        ``"nonlinear"``: HyperSpy's bounded fit, label by label; about half a second each.
    progress : callable, optional
        Called with (done, total, what); raising in it cancels the fit.
    non_negative : bool
        Keep intensities at or above zero; ``"poisson"`` only (``"nonlinear"`` always does).
    backgrounds : LabelBackgrounds, optional
        By what the backgrounds of labels differ from the model's; ``"poisson"`` only.
    first : ndarray, (labels, columns of the design), optional
        That of `poisson.first_estimate`, if it is known; ``"poisson"`` only.

    Returns
    -------
    Fit
    """
    report = progress or (lambda _done, _total, _what: None)
    counts = np.asarray(counts)
    if engine == "poisson":
        result = _poisson(
            model, counts, report, non_negative=non_negative, backgrounds=backgrounds, first=first
        )
    else:
        areas, background = hyperspy_fit.fit_hyperspy(
            model, counts, report, nonlinear=engine == "nonlinear"
        )
        result = equal_weight_fit(model, counts, areas, background, engine)
    report(len(counts), len(counts), "fitted")
    return result


def equal_weight_fit(
    model: SpectralModel,
    counts: np.ndarray,
    alpha_areas: np.ndarray,
    background_coefficients: np.ndarray,
    engine: Engine,
) -> Fit:
    """Give least-squares estimates with equal weights their errors and chi-squared."""
    background_of_all = model.background @ background_coefficients.sum(axis=0)
    expected = hyperspy_fit.equal_weight_expectation(
        model, counts, alpha_areas, background_coefficients, background_of_all
    )
    fitted = alpha_areas @ model.profiles.T + background_coefficients @ model.background.T
    return Fit(
        model=model,
        counts=counts,
        alpha_areas=alpha_areas,
        background_coefficients=background_coefficients,
        covariance=with_one_count(
            hyperspy_fit.equal_weight_covariance(model, expected), np.asarray(counts.any(axis=1))
        ),
        reduced_chi_squared=hyperspy_fit.equal_weight_chi_squared(model, counts, fitted, expected),
        engine=engine,
        background_of_all=background_of_all,
    )


def _poisson(  # noqa: PLR0913 - keyword-only ones are those of `fit`
    model: SpectralModel,
    counts: np.ndarray,
    report: Progress,
    *,
    non_negative: bool,
    backgrounds: LabelBackgrounds | None,
    first: np.ndarray | None,
) -> Fit:
    report(0, len(counts), "fitting")
    total = counts.sum(axis=0, dtype=sum_dtype(counts))
    if model.background_shape is None:
        model = with_sum_background(model, total)
    n = len(model.families)
    coefficients, covariance, chi_squared = fit_poisson(
        model,
        counts,
        fit_sum(model, total).expected,
        non_negative=non_negative,
        backgrounds=backgrounds,
        first=first,
        progress=report,
    )
    return Fit(
        model=model,
        counts=counts,
        alpha_areas=coefficients[:, :n],
        background_coefficients=coefficients[:, n:],
        covariance=with_one_count(
            covariance[:, :n, :n] * np.outer(model.weight_sums, model.weight_sums),
            np.asarray(counts.any(axis=1)),
        ),
        reduced_chi_squared=chi_squared,
        engine="poisson",
        backgrounds=backgrounds,
    )


def with_one_count(covariance: np.ndarray, of_one: np.ndarray | float) -> np.ndarray:
    """Add to the variance of each family what a fit of few counts does not see, one count.

    Where n counts are found, their mean has the variance n + 1 (the posterior of a flat prior is a
    gamma distribution of shape n + 1; P. C. Gregory, *Bayesian Logical Data Analysis for the
    Physical Sciences*, 2005, 14.2). A fit takes n for the mean, and is certain of a line of which
    no count was found.

    Parameters
    ----------
    covariance : ndarray, (spectra, families, families)
        Of family intensities.
    of_one : ndarray, (spectra,), or float
        What one count is in them: 1, less in an average, 0 where nothing was counted.
    """
    added, families = covariance.copy(), np.arange(covariance.shape[1])
    added[:, families, families] += np.reshape(np.asarray(of_one, float), (-1, 1)) ** 2
    return added
