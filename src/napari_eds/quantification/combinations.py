"""Ratio, sum and difference of two columns of a result, with errors that know correlations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from napari_eds._support.arguments import expect
from napari_eds._support.brief import brief
from napari_eds.errors import EDSError
from napari_eds.physics.lines import atomic_weight
from napari_eds.quantification.errors.budget import (
    Doubts,
    absorption_errors,
    doubts_of,
    shape_errors_of,
)
from napari_eds.quantification.methods.composing import common_variances, jacobians_of
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import AT_PCT, composition_column, intensity

Operation = Literal["ratio", "sum", "difference"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
_SIGNS: dict[Operation, str] = {"ratio": "/", "sum": "+", "difference": "-"}
#: A ratio is told where its denominator is this many counting errors from zero.
_LEAST_DENOMINATOR = 3.0


@brief
@dataclass(frozen=True, eq=False)
class Combined:
    """Two columns of a result combined, per label.

    Attributes
    ----------
    left, right : str
        Columns.
    operation : {"ratio", "sum", "difference"}
    value : ndarray, (labels,)
        Of a ratio NaN where the denominator does not stand out of its counting error.
    counting, total : ndarray, (labels,)
        Standard deviations from counting and in all; NaN where they cannot be stated.
    note : str
        How errors were found, or why there are none.
    """

    left: str
    right: str
    operation: Operation
    value: np.ndarray
    counting: np.ndarray
    total: np.ndarray
    note: str

    @property
    def name(self) -> str:
        """The combination in signs, such as ``La_at_pct / Fe_at_pct``."""
        return f"{self.left} {_SIGNS[self.operation]} {self.right}"

    @property
    def stem(self) -> str:
        """The combination as part of a file's name."""
        return f"{self.operation}_{self.left}_{self.right}"


def combined(result: Quantification, left: str, right: str, operation: Operation) -> Combined:
    """Combine two columns of a result's table.

    Of two columns of compositions (at. % or wt. %), errors are propagated with all correlations:
    counts of overlapping lines, and k-factors, shapes and absorption that both rest on. So the
    k-factors of third elements drop out of a ratio, and the sum of all elements has no error. Of
    two columns of intensities, counts and shapes are correlated likewise. Of any other two,
    errors are withheld, for their correlation is not known.

    Parameters
    ----------
    result : Quantification
    left, right : str
        Names of numeric columns.
    operation : {"ratio", "sum", "difference"}

    Raises
    ------
    EDSError
        If a column is not there or holds no numbers, or the operation is unknown.
    """
    expect(
        result=(result, Quantification),
        left=(left, str),
        right=(right, str),
        operation=(operation, str),
    )
    if operation not in OPERATIONS:
        raise EDSError(f"columns are combined as {', '.join(OPERATIONS)}, not {operation!r}")
    a, b = (numbers_of(result, column) for column in (left, right))
    by_a, by_b = _slopes(a, b, operation)
    found = _of_compositions(result, (left, right), (by_a, by_b))
    note = "errors with all correlations of both columns"
    if found is None:
        found = _of_intensities(result, (left, right), (by_a, by_b))
        note = "errors with the correlations of counts and shapes"
    if found is None:
        found = (np.full(len(a), np.nan), np.full(len(a), np.nan))
        note = f"no errors, for it is not known how those of {left} and {right} are correlated"
    if operation == "sum":
        value = a + b
    elif operation == "difference":
        value = a - b
    else:
        error = _counting_error(result, right)
        seen = np.abs(b) > np.where(np.isfinite(error), _LEAST_DENOMINATOR * error, 0)
        value = np.where(seen, a / np.where(b == 0, np.nan, b), np.nan)
        found = (np.where(seen, found[0], np.nan), np.where(seen, found[1], np.nan))
    counting, total = found
    return Combined(left, right, operation, value, counting, total, note)


def label_map(result: Quantification, values: np.ndarray) -> np.ndarray:
    """Return the map of one value per label, (rows, columns), NaN outside labels."""
    place = np.searchsorted(result.label_spectra.ids, result.labels)
    return np.append(values.astype(float), np.nan)[np.where(result.labels > 0, place, -1)]


def numbers_of(result: Quantification, column: str) -> np.ndarray:
    """Return a numeric column of a result's table, (labels,).

    Raises
    ------
    EDSError
        If there is none of that name.
    """
    numeric = numeric_columns(result)
    if column not in numeric:
        raise EDSError(f"there is no column {column} with numbers; there are {', '.join(numeric)}")
    return result.table[column].to_numpy(dtype=float)


def numeric_columns(result: Quantification) -> list[str]:
    """Return the names of the columns that hold numbers, in their order."""
    return [str(name) for name in result.table.select_dtypes("number").columns]


def _slopes(a: np.ndarray, b: np.ndarray, operation: Operation) -> tuple[np.ndarray, np.ndarray]:
    """Return derivatives of the combination by both columns, (labels,) each."""
    one = np.ones_like(a)
    if operation == "ratio":
        safe = np.where(b == 0, np.nan, b)
        return 1 / safe, -a / safe**2
    return one, one if operation == "sum" else -one


def _of_compositions(
    result: Quantification, columns: tuple[str, str], slopes: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return errors from counting and in all; None unless both columns are of compositions."""
    told = [composition_column(column) for column in columns]
    x = result.composition.atomic_fractions
    gradient = np.zeros_like(x)
    weights = np.array([atomic_weight(e) for e in result.elements])
    for column, slope in zip(told, slopes, strict=True):
        if column is None or column.kind != "value":
            return None
        i = result.elements.index(column.element)
        by_x = np.zeros_like(x)
        by_x[:, i] = 1.0
        if column.quantity != AT_PCT:
            mass = (x * weights).sum(axis=1, keepdims=True)
            w = result.composition.weight_fractions[:, [i]]
            by_x = (by_x * weights[i] - w * weights) / mass
        gradient += 100 * slope[:, None] * by_x
    return _propagated(result, gradient)


def _propagated(result: Quantification, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return errors of something with a gradient by atomic fractions, (labels, elements)."""
    fit, table = result.fit, result.k_factors
    intensities = Intensities.of_fit(
        fit.model, table, alpha_areas=fit.alpha_areas, covariance=fit.covariance
    )
    by_logarithms, by_counts = (
        np.einsum("le,lef->lf", gradient, jacobian)[:, None, :]
        for jacobian in jacobians_of(result.composition, intensities, result.foil)
    )
    counting = np.einsum("lei,lij,lej->le", by_counts, intensities.covariance, by_counts)
    of_k = np.einsum("lei,ij,lej->le", by_logarithms, intensities.k_covariance, by_logarithms)
    absorption = absorption_errors(
        fit.model.quantified,
        result.image,
        result.recipe,
        result.foil,
        len(gradient),
        wrong_thickness=None if result.evenness is None else result.evenness.wrong,
    )
    shapes = shape_errors_of(result.preparation, result.recipe, table.convention)
    doubts = doubts_of(fit, shapes, absorption)
    _, total = doubts.variances(
        counting,
        of_k,
        weight_fractions=result.composition.weight_fractions,
        by_logarithms=by_logarithms,
        by_counts=by_counts,
    )
    total = total + common_variances(result.recipe, result.composition, by_logarithms)
    return np.sqrt(np.maximum(counting[:, 0], 0)), np.sqrt(np.maximum(total[:, 0], 0))


def _of_intensities(
    result: Quantification, columns: tuple[str, str], slopes: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return errors from counting and in all; None unless both columns are of intensities."""
    families = {intensity(family): i for i, family in enumerate(result.fit.model.families)}
    if not all(column in families for column in columns):
        return None
    places = [families[column] for column in columns]
    fit = result.fit
    counting = _quadratic(fit.covariance, places, slopes)
    doubts: Doubts = doubts_of(
        fit, shape_errors_of(result.preparation, result.recipe, "family"), None
    )
    total = counting * doubts.widening**2
    if max(places) >= fit.model.n_quantified:
        total = np.full_like(counting, np.nan)  # shapes are known of quantified families only
    elif "total" in doubts.shapes:
        total = total + _quadratic(doubts.shapes["total"], places, slopes)
    return np.sqrt(np.maximum(counting, 0)), np.sqrt(np.maximum(total, 0))


def _quadratic(
    covariance: np.ndarray, places: list[int], slopes: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return the variance of a combination of two of several correlated values, (labels,)."""
    (i, j), (a, b) = places, slopes
    own = a**2 * covariance[:, i, i] + b**2 * covariance[:, j, j]
    return np.asarray(own + 2 * a * b * covariance[:, i, j])


def _counting_error(result: Quantification, column: str) -> np.ndarray:
    """Return the standard deviation from counting of a column, NaN where it has none."""
    one = np.ones(len(result.table))
    slopes = (one, np.zeros_like(one))
    found = _of_compositions(result, (column, column), slopes)
    found = _of_intensities(result, (column, column), slopes) if found is None else found
    return np.full(len(one), np.nan) if found is None else found[0]
