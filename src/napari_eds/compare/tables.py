"""Compositions of labels in percent, with errors: what `compare` works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from napari_eds._support.brief import brief
from napari_eds.errors import EDSError


@brief
@dataclass(frozen=True, eq=False)
class CompositionTable:
    """Compositions of labels, or one of them all.

    Attributes
    ----------
    name : str
        How figures and reports call it.
    percent : DataFrame
        Percent, (labels, elements), indexed by label id, by chip name, or by ``"all"``.
    errors, errors_k : DataFrame
        Standard deviations in percent from counting and from k-factors, shaped as `percent`; NaN
        where they are not known.
    errors_total : DataFrame or None
        Standard deviations in percent of all that is uncertain, counting among it; None where the
        source tells none.
    keyed_by : {"label", "chip", "whole"}
    chips : Series or None
        Chip names by label.
    weights : Series or None
        Amount of matter in each label, for means over labels; None weighs all the same.
    labels : ndarray of int64, (rows, columns), or None
        Where the labels lie.
    pixel_size : (float, float)
        (row, column) in `pixel_unit`.
    pixel_unit : str
    remarks : tuple of str
        What was assumed on reading it.
    source : Path or None
        File that it was read from, or that of the map of a quantification.
    errors_of_map : DataFrame or None
        Standard deviations in percent of what is the map's own, counting and what was fitted to
        its sum (axis, ratios of lines, background): what differs between maps that were quantified
        alike. None where the source does not tell.
    counts_key : str or None
        The same for results of the same counts; None where they are not known.
    """

    name: str
    percent: pd.DataFrame
    errors: pd.DataFrame
    errors_k: pd.DataFrame
    keyed_by: Literal["label", "chip", "whole"]
    chips: pd.Series | None = None
    weights: pd.Series | None = None
    labels: np.ndarray | None = None
    pixel_size: tuple[float, float] = (1.0, 1.0)
    pixel_unit: str = "pixel"
    remarks: tuple[str, ...] = ()
    errors_total: pd.DataFrame | None = None
    source: Path | None = None
    errors_of_map: pd.DataFrame | None = None
    counts_key: str | None = None

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements, in the order of the source."""
        return tuple(self.percent.columns)

    @property
    def error_names(self) -> tuple[str, ...]:
        """Names of the attributes that hold errors."""
        known = (n for n in ("errors_total", "errors_of_map") if getattr(self, n) is not None)
        return ("errors", "errors_k", *known)

    def common_errors(self, of: str = "errors_total") -> np.ndarray | None:
        """Return what of some errors moves all labels alike, shaped as `percent`.

        None where they are not known; NaN where they are not known of a label.
        """
        errors = getattr(self, of)
        if errors is None:
            return None
        counting = np.nan_to_num(self.errors.to_numpy(float))
        rest = errors.to_numpy(float) ** 2 - counting**2
        return np.sqrt(np.where(rest < 0, 0, rest))

    def rows(self, keys: Sequence[Any] | pd.Index) -> CompositionTable:
        """Return the table of some labels, in the order given."""
        chosen = {
            name: getattr(self, name).loc[keys]
            for name in ("percent", *self.error_names, "chips", "weights")
            if getattr(self, name) is not None
        }
        return replace(self, **chosen)

    def total(self) -> CompositionTable:
        """Return the mean over the labels that have a composition, weighted by `weights`.

        Counting errors of labels are independent, all others are the same in all.

        Raises
        ------
        EDSError
            If no label has a composition.
        """
        known = self.percent.notna().all(axis=1)
        if not known.any():
            raise EDSError(f"{self.name}: no label has a composition")
        weights = pd.Series(1.0, self.percent.index) if self.weights is None else self.weights
        share = (weights[known] / weights[known].sum()).to_numpy()[:, None]
        errors = self.errors[known].to_numpy()
        rows = {
            "percent": (share * self.percent[known].to_numpy()).sum(axis=0),
            "errors": np.sqrt((share**2 * errors**2).sum(axis=0)),
            "errors_k": (share * self.errors_k[known].to_numpy()).sum(axis=0),
        }
        for name in self.error_names[2:]:
            common = self.common_errors(name)
            if common is not None:
                rest = (share * common[known.to_numpy()]).sum(axis=0)
                rows[name] = np.hypot(np.nan_to_num(rows["errors"]), rest)
        frames = {
            name: pd.DataFrame([row], index=["all"], columns=self.percent.columns)
            for name, row in rows.items()
        }
        told = {name: getattr(self, name) for name in ("name", "remarks", "source", "counts_key")}
        return CompositionTable(keyed_by="whole", **told, **frames)

    def only(self, elements: Sequence[str]) -> CompositionTable:
        """Return the table of some elements, made to add up to 100 %.

        Counting errors follow `closed_covariance`.
        """
        values = self.percent[list(elements)]
        total = values.sum(axis=1, skipna=False)
        scaled = values.div(total.where(total > 0), axis=0) * 100
        errors = {
            name: pd.DataFrame(
                [
                    100 * normalised_errors(x, e, self.elements, elements)
                    for x, e in zip(
                        self.percent.to_numpy() / 100, frame.to_numpy() / 100, strict=True
                    )
                ],
                index=values.index,
                columns=list(elements),
            )
            for name, frame in ((name, getattr(self, name)) for name in self.error_names)
        }
        return replace(self, percent=scaled, **errors)


def errors_k_given(errors_k: pd.DataFrame, total: pd.DataFrame) -> pd.DataFrame:
    """Return errors from k-factors as a table of ours holds them; NaN where nobody gave any.

    Version 0.1.0, whose tables have no total errors, wrote 0 for unknown.
    """
    unknown = total.isna().to_numpy().all() and not (errors_k.to_numpy(float) > 0).any()
    return errors_k * np.nan if unknown else errors_k


def closed_covariance(fractions: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Covariance of fractions that add up to 1, from their standard deviations alone.

    Fractions are amounts m over their sum. With independent amounts of standard deviation s (in
    units of the sum), ``dx_i = ds_i - x_i sum(ds)``, so ``var_i = (1 - 2 x_i) s_i^2 + x_i^2
    sum(s^2)``: a linear system for s^2, solved with s^2 at or above zero. Correlations between
    amounts, from overlapping lines, are not contained.

    Parameters
    ----------
    fractions, errors : ndarray, (elements,)

    Returns
    -------
    ndarray, (elements, elements)
        NaN if an error is not known.
    """
    n = fractions.size
    if not (np.isfinite(fractions).all() and np.isfinite(errors).all()):
        return np.full((n, n), np.nan)
    from scipy.optimize import nnls

    system = np.diag(1 - 2 * fractions) + np.outer(fractions**2, np.ones(n))
    scale = max(float((errors**2).max()), np.finfo(float).tiny)
    variances = nnls(system, errors**2 / scale)[0] * scale
    jacobian = np.eye(n) - fractions[:, None]
    return jacobian * variances @ jacobian.T


def normalised_errors(
    fractions: np.ndarray, errors: np.ndarray, elements: Sequence[str], chosen: Sequence[str]
) -> np.ndarray:
    """Errors of some fractions after these are made to add up to 1, (chosen,).

    Parameters
    ----------
    fractions, errors : ndarray, (elements,)
        Of the whole composition; what they lack to a sum of 1 is taken as known exactly.
    elements, chosen : sequences of str
    """
    covariance = closed_covariance(fractions / fractions.sum(), errors / fractions.sum())
    place = [list(elements).index(e) for e in chosen]
    part = fractions[place] / fractions.sum()
    total = part.sum()
    jacobian = (np.eye(len(place)) - (part / total)[:, None]) / total
    variances = np.diagonal(jacobian @ covariance[np.ix_(place, place)] @ jacobian.T)
    return np.sqrt(np.maximum(variances, 0))


def whole(cells: Mapping[str, tuple[float, float]], name: str) -> CompositionTable:
    """Return one composition, with its errors, for everything."""
    columns = list(cells)
    values, errors = (
        pd.DataFrame([[cell[i] for cell in cells.values()]], index=["all"], columns=columns)
        for i in (0, 1)
    )
    return CompositionTable(name, values, errors, errors * np.nan, "whole")
