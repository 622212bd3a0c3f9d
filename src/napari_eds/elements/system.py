"""Weighted normal equations, with columns that are held by a prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_eds.fitting.soft_limits import AreaPriors

#: Added to a normal matrix of unit diagonal, for columns that are all but the same.
_RIDGE = 1e-10


@dataclass(frozen=True, eq=False)
class System:
    """Normal equations of a weighted fit, each column scaled to length 1 by `norms`.

    Some columns are held by a normal prior: to 0, what the model may be wrong by, and areas to the
    most that they can be; `pull` is what holds these.
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
        priors: AreaPriors,
    ) -> System:
        """Weight columns by the variance of the channels.

        Parameters
        ----------
        design : ndarray, (channels, columns)
            Free columns.
        errors : ndarray, (channels, directions)
            Columns whose coefficients are expected to be 0 with standard deviation 1.
        variance : ndarray, (channels,)
        priors : AreaPriors
            Of the first of the free columns.
        """
        weighted = np.hstack([design, errors]) / np.sqrt(variance)[:, None]
        norms = np.sqrt(np.einsum("ij,ij->j", weighted, weighted))
        norms[norms == 0] = 1
        weighted /= norms
        normal = weighted.T @ weighted
        normal[np.diag_indices_from(normal)] += _RIDGE
        precision, mean = np.zeros((2, len(norms)))
        n = len(priors.mean)
        precision[:n], mean[:n] = priors.precision, priors.mean
        precision[design.shape[1] :] = 1
        normal[np.diag_indices_from(normal)] += precision / norms**2
        pull = precision * mean / norms
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
