"""The fast fit: all labels at once, weighted by the counts they are expected to have.

Weights from the summed spectrum give every label the same pseudo-inverse, which is the first
estimate; weights from each label's own fit then lead to the Poisson maximum likelihood, whose
score ``A' (y - mu) / mu`` vanishes where the weights are ``1 / mu``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from napari_eds._support.progress import Progress
from napari_eds._support.threads import in_order
from napari_eds.fitting.least_squares import weighted_fit
from napari_eds.fitting.model import SpectralModel

if TYPE_CHECKING:
    from napari_eds.fitting.label_backgrounds import LabelBackgrounds

#: Labels fitted at a time: bounds memory and lets a fit be cancelled.
BLOCK_LABELS = 256

#: Iterations stop when no coefficient moves by more than this part of its standard deviation.
_CONVERGED_SIGMA = 0.05
_MAX_ITERATIONS = 20

#: Expected counts of a channel are not taken below this part of its background: noise can give an
#: absent line a negative intensity, but never a channel a negative variance.
_LINES_FLOOR = 0.5
#: A label is expected to have at least this many counts of background in all: where none were
#: found, some might have been, and a variance of zero would weigh without bound.
_LEAST_BACKGROUND_COUNTS = 1.0
#: Coefficients move by less than this, in counts, without being told apart.
_TINY = 1e-6
#: Counts expected in a group of channels of chi-squared. A group may come out smaller where a
#: channel with many counts follows; its variance is taken as the floor then.
_GROUP_COUNTS = 3.0
_GROUP_FLOOR = 1.0


def fit_poisson(  # noqa: PLR0913 - keyword-only ones have defaults
    model: SpectralModel,
    counts: np.ndarray,
    expected_shape: np.ndarray,
    *,
    non_negative: bool = False,
    backgrounds: LabelBackgrounds | None = None,
    first: np.ndarray | None = None,
    progress: Progress = lambda _done, _total, _what: None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit spectra by iterated weighted least squares.

    Parameters
    ----------
    model : SpectralModel
        With a background of known shape, so that it cannot become negative.
    counts : ndarray, (labels, channels of the fit)
    expected_shape : ndarray, (channels of the fit,)
        Fitted counts of the summed spectrum, positive.
    non_negative : bool
        Whether to keep intensities at or above zero.
    backgrounds : LabelBackgrounds, optional
        By what the backgrounds of labels differ from the model's.
    first : ndarray, (labels, columns of the design), optional
        That of `first_estimate`, if it is known; not for intensities kept above zero.
    progress : callable, optional
        Called with (done, total, what); raising in it cancels the fit.

    Returns
    -------
    coefficients : ndarray, (labels, columns of the design)
        Zero for a label without counts, as is its covariance.
    covariance : ndarray, (labels, columns, columns)
    chi_squared : ndarray, (labels,)
        Reduced; see `grouped_chi_squared`.
    """
    norms = np.linalg.norm(model.design, axis=0)
    norms[norms == 0] = 1
    solver = _Solver(model.design / norms, len(model.families), non_negative=non_negative)

    def fitted(start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        labels = slice(start, start + BLOCK_LABELS)
        block = np.asarray(counts[labels], dtype=float)
        factors = None if backgrounds is None else backgrounds.fitted(labels)
        begun = None if first is None or non_negative else first[labels] * norms
        coefficients, covariance, expected = solver.fit(block, expected_shape, factors, begun)
        empty = block.sum(axis=1) == 0
        coefficients[empty], covariance[empty], expected[empty] = 0, 0, 0
        return coefficients, covariance, grouped_chi_squared(block, expected, model.n_parameters)

    blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for block in in_order(fitted, range(0, len(counts), BLOCK_LABELS)):
        progress(len(blocks) * BLOCK_LABELS, len(counts), "fitting")
        blocks.append(block)
    progress(len(counts), len(counts), "fitting")
    coefficients, covariance, chi_squared = (
        np.concatenate(part) for part in zip(*blocks, strict=True)
    )
    return coefficients / norms, covariance / np.outer(norms, norms), chi_squared


def expected_counts(
    model: SpectralModel, coefficients: np.ndarray, factors: np.ndarray | None = None
) -> np.ndarray:
    """Return the counts that fitted coefficients let expect, positive, (labels, channels).

    They are what `fit_poisson` weighs with: the background is never nothing, and no negative line
    takes more than half of it away.

    Parameters
    ----------
    model : SpectralModel
    coefficients : ndarray, (labels, columns of the design)
    factors : ndarray, (labels, channels), optional
        Of the background, where labels have one of their own.
    """
    norms = np.linalg.norm(model.background, axis=0)
    # The least background is that of columns of one norm, as they are fitted.
    least = _least_background(model.background / np.where(norms == 0, 1, norms))
    return _expected(model.design, coefficients, len(model.families), least, factors)


def shared_inverse(model: SpectralModel, expected_shape: np.ndarray) -> np.ndarray:
    """Return what a count in a channel adds to each coefficient, (channels, coefficients).

    One pseudo-inverse H serves very many spectra: with the weights of the summed spectrum the
    estimate is ``y H`` and unbiased, at a little more noise than `fit_poisson` where a spectrum is
    unlike the sum. Coefficients are the counts of alpha lines first, then those of the background.

    Parameters
    ----------
    model : SpectralModel
        With a background of known shape.
    expected_shape : ndarray, (channels of the fit,)
        Fitted counts of the summed spectrum, positive.
    """
    weighted = model.design / expected_shape[:, None]
    _, covariance = weighted_fit(model.design, expected_shape, expected_shape)
    return weighted @ covariance


def first_estimate(
    model: SpectralModel, counts: np.ndarray, expected_shape: np.ndarray
) -> np.ndarray:
    """Return coefficients of spectra by one pseudo-inverse, (labels, columns of the design).

    With the weights of the summed spectrum, from which `fit_poisson` begins, too.
    """
    inverse = shared_inverse(model, expected_shape)
    starts = range(0, len(counts), BLOCK_LABELS)
    return np.concatenate([counts[start : start + BLOCK_LABELS] @ inverse for start in starts])


def grouped_chi_squared(counts: np.ndarray, expected: np.ndarray, n_parameters: int) -> np.ndarray:
    """Return Pearson's reduced chi-squared over groups of neighbouring channels.

    Where nearly nothing is expected, a single stray count would outweigh all else: one count
    where a thousandth is expected adds a thousand. So channels are taken together until about
    three counts are expected, as Pearson's test asks for.

    Parameters
    ----------
    counts, expected : ndarray, (labels, channels of the fit)
    n_parameters : int
        Free parameters of each label.

    Returns
    -------
    ndarray, (labels,)
        NaN where there are not more groups than parameters.
    """
    n_labels, n_channels = counts.shape
    if not n_labels:
        return np.zeros(0)
    group = np.floor(np.cumsum(expected, axis=1) / _GROUP_COUNTS)
    begins = np.ones(counts.shape, dtype=bool)
    begins[:, 1:] = group[:, 1:] > group[:, :-1]
    starts = np.flatnonzero(begins)
    observed = np.add.reduceat(np.ravel(counts).astype(float), starts)
    mean = np.add.reduceat(np.ravel(expected), starts)
    squares = (observed - mean) ** 2 / np.maximum(mean, _GROUP_FLOOR)
    degrees = begins.sum(axis=1) - n_parameters
    total = np.bincount(starts // n_channels, squares, minlength=n_labels)
    return np.where(degrees > 0, total, np.nan) / np.maximum(degrees, 1)


class _Solver:
    """Normal equations of one design for many spectra with weights of their own.

    Factors (labels, channels) multiply the columns of the background for each label, if any.
    """

    def __init__(self, design: np.ndarray, n_families: int, *, non_negative: bool) -> None:
        self._design = design
        self._non_negative = non_negative
        self._upper = np.triu_indices(design.shape[1])
        self._pairs = design[:, self._upper[0]] * design[:, self._upper[1]]
        # How many of a pair are columns of the background.
        of_background = (np.stack(self._upper) >= n_families).sum(axis=0)
        places = [np.flatnonzero(of_background == n) for n in range(3)]
        self._by_background = [(found, self._pairs[:, found]) for found in places]
        self._n_families = n_families
        self._least = _least_background(design[:, n_families:])

    def fit(
        self,
        counts: np.ndarray,
        expected_shape: np.ndarray,
        factors: np.ndarray | None,
        start: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return coefficients, covariance and expected counts of a block of spectra."""
        if start is None:
            share = counts.sum(axis=1) / expected_shape.sum()
            expected = np.maximum(np.outer(share, expected_shape), self._least)
            coefficients = np.zeros((len(counts), self._design.shape[1]))
        else:
            coefficients = start.copy()
            coefficients[:, self._n_families :] = np.maximum(start[:, self._n_families :], 0)
            expected = self.expected(coefficients, factors)
        moving = np.arange(len(counts))
        for _ in range(_MAX_ITERATIONS):
            before = coefficients[moving]
            own = None if factors is None else factors[moving]
            after, covariance = self._weighted(counts[moving], 1 / expected[moving], own)
            coefficients[moving] = after
            expected[moving] = self.expected(after, own)
            deviation = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0))
            settled = np.abs(after - before) <= _CONVERGED_SIGMA * deviation + _TINY
            moving = moving[~settled.all(axis=1)]
            if not moving.size:
                break
        return coefficients, self._covariance(coefficients, factors), expected

    def _weighted(
        self, counts: np.ndarray, weights: np.ndarray, factors: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solve weighted least squares; the background's coefficients stay at or above zero."""
        normal = self._normal(weights, factors)
        weighted = weights * counts
        right = weighted @ self._design
        if factors is not None:
            n = self._n_families
            right[:, n:] = (weighted * factors) @ self._design[:, n:]
        if self._non_negative:
            coefficients = np.stack(
                [_non_negative(a, b) for a, b in zip(normal, right, strict=True)]
            )
            return coefficients, _inverse(normal, np.zeros_like(right, dtype=bool))
        held = np.zeros_like(right, dtype=bool)
        while True:
            covariance = _inverse(normal, held)
            coefficients = (covariance @ right[:, :, None])[:, :, 0]
            negative = coefficients < 0
            negative[:, : self._n_families] = False
            if not negative.any():
                return coefficients, covariance
            held |= negative

    def _covariance(self, coefficients: np.ndarray, factors: np.ndarray | None) -> np.ndarray:
        """Return the inverse of the expected information.

        Lines count as at least absent: with those that noise made negative, and with the channels
        they lower, an absent line's error would hang on its own fluctuation.
        """
        positive = coefficients.copy()
        positive[:, : self._n_families] = np.maximum(positive[:, : self._n_families], 0)
        weights = 1 / self.expected(positive, factors)
        return _inverse(self._normal(weights, factors), np.zeros(coefficients.shape, dtype=bool))

    def _normal(self, weights: np.ndarray, factors: np.ndarray | None) -> np.ndarray:
        """Return the normal matrices of weighted least squares, (labels, columns, columns)."""
        n = self._design.shape[1]
        normal = np.empty((len(weights), n, n))
        if factors is None:
            flat = weights @ self._pairs
        else:
            flat = np.empty((len(weights), self._pairs.shape[1]))
            for times, (found, pairs) in enumerate(self._by_background):
                weights = weights * factors if times else weights
                flat[:, found] = weights @ pairs
        normal[:, self._upper[0], self._upper[1]] = flat
        normal[:, self._upper[1], self._upper[0]] = flat
        return normal

    def expected(self, coefficients: np.ndarray, factors: np.ndarray | None) -> np.ndarray:
        """Return the expected counts of a fit, positive."""
        return _expected(self._design, coefficients, self._n_families, self._least, factors)


def _least_background(background: np.ndarray) -> np.ndarray:
    """Return the background that is expected at least, (channels,), of its columns."""
    summed = background.sum(axis=1)
    return np.asarray(_LEAST_BACKGROUND_COUNTS * summed / summed.sum())


def _expected(
    design: np.ndarray,
    coefficients: np.ndarray,
    n_families: int,
    least: np.ndarray,
    factors: np.ndarray | None,
) -> np.ndarray:
    background = coefficients[:, n_families:] @ design[:, n_families:].T
    if factors is not None:
        background *= factors
    background = np.maximum(background, least)
    lines = coefficients[:, :n_families] @ design[:, :n_families].T
    return np.maximum(lines + background, _LINES_FLOOR * background)


def _inverse(normal: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Inverses of normal matrices, rows and columns of held coefficients zero."""
    n = normal.shape[1]
    free = ~held
    both = free[:, :, None] & free[:, None, :]
    matrix = np.where(both, normal, 0.0)
    matrix[:, np.arange(n), np.arange(n)] += held
    # A trace of the diagonal keeps columns without counts from making it singular.
    scale = np.maximum(np.diagonal(matrix, axis1=1, axis2=2), np.finfo(float).tiny)
    matrix[:, np.arange(n), np.arange(n)] += 1e-12 * scale
    return np.where(both, np.linalg.inv(matrix), 0.0)


def _non_negative(normal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Least squares at or above zero from normal equations, through their Cholesky factor."""
    factor = np.linalg.cholesky(normal + 1e-12 * np.diag(np.diagonal(normal)))
    return nnls(factor.T, solve_triangular(factor, right, lower=True))[0]
