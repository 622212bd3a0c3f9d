"""Weighted normal equations, with columns that are held by a prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

#: What stands at its most is held there so tightly, relative to it.
_TIGHT = 1e-3
#: Added to a normal matrix of unit diagonal, for columns that are all but the same.
_RIDGE = 1e-10
NOTHING: Mapping[int, float] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class System:
    """Normal equations of a weighted fit, each column scaled to length 1 by `norms`.

    Some columns are held by a normal prior: to 0, what the model may be wrong by, and others to
    the most that they can be; `pull` is what holds these.
    """

    weighted: np.ndarray
    covariance: np.ndarray
    norms: np.ndarray
    pull: np.ndarray

    @classmethod
    def of(
        cls,
        design: np.ndarray,
        errors: np.ndarray,
        variance: np.ndarray,
        held: Mapping[int, float] = NOTHING,
    ) -> System:
        """Weight columns by the variance of the channels.

        Parameters
        ----------
        design : ndarray, (channels, columns)
            Free columns.
        errors : ndarray, (channels, directions)
            Columns whose coefficients are expected to be 0 with standard deviation 1.
        variance : ndarray, (channels,)
        held : mapping of int to float
            Free columns that are held at a number.
        """
        weighted = np.hstack([design, errors]) / np.sqrt(variance)[:, None]
        norms = np.sqrt(np.einsum("ij,ij->j", weighted, weighted))
        norms[norms == 0] = 1
        weighted /= norms
        normal = weighted.T @ weighted
        normal[np.diag_indices_from(normal)] += _RIDGE
        at_zero = np.arange(design.shape[1], len(norms))
        normal[at_zero, at_zero] += 1 / norms[at_zero] ** 2
        pull = np.zeros(len(norms))
        for column, most in held.items():
            precision = (_TIGHT * most) ** -2
            normal[column, column] += precision / norms[column] ** 2
            pull[column] = precision * most / norms[column]
        return cls(weighted, np.linalg.inv(normal), norms, pull)

    def solve(self, target: np.ndarray) -> np.ndarray:
        """Return the coefficients that fit a weighted spectrum."""
        return self.covariance @ (self.weighted.T @ target + self.pull) / self.norms

    def errors(self) -> np.ndarray:
        """Return the standard deviations of the coefficients."""
        smallest = np.finfo(float).tiny
        return np.sqrt(np.maximum(np.diagonal(self.covariance), smallest)) / self.norms

    def remove(self, columns: np.ndarray) -> np.ndarray:
        """Return weighted columns without what this system could take up.

        With held columns that is the inverse of the covariance of the channels times the columns
        (Woodbury), so scalar products are to be taken with the columns themselves.
        """
        return columns - self.weighted @ (self.covariance @ (self.weighted.T @ columns))
