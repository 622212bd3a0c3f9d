"""Ratios of softer to harder families in labels, as a stated thickness corrects them.

Both families of a pair count the same atoms, so that ``k_s I_s a_s = k_h I_h a_h``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_eds.fitting.fit import Fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics.absorption import (
    Foil,
    LOWEST_ATTENUATION_keV,
    attenuation_uncertainty,
)
from napari_eds.quantification.methods.composition import Composition
from napari_eds.quantification.thickness.family_pairs import FamilyPairs

#: Relative counting error of a family above which its logarithm tells nothing.
_COUNTED = 0.2
#: Standard deviations of a logarithm from what is drawn and attenuated wrongly, which differs from
#: label to label, and from lines that overlap, times their correlation. Of simulated compounds of
#: exact k-factors, 1 and 60 nm thick, all ratios were within 0.15, without overlaps within 0.05.
_OF_SHAPES, _OF_OVERLAPS = 0.08, 0.15


@dataclass(frozen=True, eq=False)
class SoftRatios:
    """Ratios of softer to harder families of labels, as the stated thickness corrects them.

    Attributes
    ----------
    pairs : FamilyPairs
    logarithms : ndarray, (labels, pairs)
        Of ``I_s a_s / (I_h a_h)``; NaN where not `usable`.
    counting : ndarray, (labels, pairs)
        Their standard deviations from counting.
    overlaps : ndarray, (labels, pairs)
        How much of either family may be of another one, see `_overlaps`.
    by_path : ndarray, (labels, pairs)
        Their derivatives by the logarithm of the mass thickness.
    by_coefficients : ndarray, (labels, pairs, coefficients)
        What each coefficient, wrong by one standard deviation, moves them by.
    usable : ndarray of bool, (labels, pairs)
        Whether both families are counted well enough, in a label with a thickness.
    foil, model, composition
        What the labels were quantified with, and found to be.
    """

    pairs: FamilyPairs
    logarithms: np.ndarray
    counting: np.ndarray
    overlaps: np.ndarray
    by_path: np.ndarray
    by_coefficients: np.ndarray
    usable: np.ndarray
    foil: Foil
    model: SpectralModel
    composition: Composition

    @classmethod
    def of(cls, fit: Fit, composition: Composition, foil: Foil, pairs: FamilyPairs) -> SoftRatios:
        """Work them out for labels of a fit, as `foil` corrected their composition."""
        soft, hard = pairs.soft, pairs.hard
        c, counts = composition.weight_fractions, fit.intensities
        # Families of no count have no logarithm; they are not usable.
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithms = np.log(counts[:, soft] / counts[:, hard])
            relative = fit.covariance / (counts[:, :, None] * counts[:, None, :])
            own = np.diagonal(relative, axis1=1, axis2=2)
            variance = own[:, soft] + own[:, hard] - 2 * relative[:, soft, hard]
        widening = np.maximum(np.nan_to_num(fit.reduced_chi_squared, nan=1.0), 1.0)
        seen = (counts > 0) & (own < _COUNTED**2)
        thick = (foil.thickness_nm > 0) & np.isfinite(c).all(axis=1)
        usable = seen[:, soft] & seen[:, hard] & thick[:, None]
        overlaps = _overlaps(fit)
        by_path, by_coefficients = _slopes(fit.model, foil, c, pairs)
        absorbed = _log_absorbed(fit.model, foil, c, pairs)
        return cls(
            pairs=pairs,
            logarithms=np.where(usable, logarithms + absorbed, np.nan),
            counting=np.sqrt(np.maximum(variance, 0) * widening[:, None]),
            overlaps=np.maximum(overlaps[:, soft], overlaps[:, hard]),
            by_path=by_path,
            by_coefficients=by_coefficients,
            usable=usable,
            foil=foil,
            model=fit.model,
            composition=composition,
        )

    def errors(self, path_error: np.ndarray) -> np.ndarray:
        """Return standard deviations of the logarithms, k-factors aside, (labels, pairs)."""
        return self._errors(path_error, self.by_coefficients)

    def beside_others(self) -> np.ndarray:
        """Return logarithms less their median over labels, (labels, pairs)."""
        return self.logarithms - self._median(self.logarithms)

    def errors_beside_others(self, path_error: np.ndarray) -> np.ndarray:
        """Return their standard deviations: what labels share cancels, (labels, pairs)."""
        shared = np.where(self.usable[:, :, None], self.by_coefficients, np.nan)
        return self._errors(path_error, self.by_coefficients - self._median(shared))

    def _errors(self, path_error: np.ndarray, by_coefficients: np.ndarray) -> np.ndarray:
        of_coefficients = (by_coefficients**2).sum(axis=2)
        of_path = (path_error * self.by_path) ** 2
        of_shapes = _OF_SHAPES**2 + (_OF_OVERLAPS * self.overlaps) ** 2
        return np.sqrt(self.counting**2 + of_path + of_coefficients + of_shapes)

    def _median(self, values: np.ndarray) -> np.ndarray:
        """Medians over the labels where a pair is of use; 0 where it is in none."""
        known = self.usable.any(axis=0)
        found = np.zeros(values.shape[1:])
        found[known] = np.nanmedian(values[:, known], axis=0)
        return found

    def shifts(self, label: int, factors: np.ndarray) -> np.ndarray:
        """Return by what factors of its thickness move the logarithms of a label.

        Parameters
        ----------
        label : int
            Its position.
        factors : ndarray, (factors,)

        Returns
        -------
        ndarray, (factors, pairs)
        """
        foil, c = self.of_thicknesses(label, np.append(factors, 1.0))
        found = _log_absorbed(self.model, foil, c, self.pairs)
        return np.asarray(found[:-1] - found[-1])

    def of_thicknesses(self, label: int, factors: np.ndarray) -> tuple[Foil, np.ndarray]:
        """Return foils of a label whose thickness has factors, and as often its composition."""
        n = len(factors)
        foil = self.foil.of(np.full(n, label))
        c = np.repeat(self.composition.weight_fractions[label][None], n, axis=0)
        return replace(foil, thickness_nm=foil.thickness_nm * factors), c


def _overlaps(fit: Fit) -> np.ndarray:
    """Return the largest correlation of each family with another one, (labels, families).

    A family that is weaker than its neighbour suffers by as much more.
    """
    sigma = np.sqrt(np.diagonal(fit.covariance, axis1=1, axis2=2))
    counts = np.maximum(fit.intensities, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.abs(fit.covariance) / (sigma[:, :, None] * sigma[:, None, :])
        relative = np.maximum(counts[:, None, :] / counts[:, :, None], 1.0)
        suffered = sizes * relative * (1 - np.eye(sizes.shape[1]))
    return np.asarray(suffered.max(axis=2))


def _log_absorbed(
    model: SpectralModel, foil: Foil, weight_fractions: np.ndarray, pairs: FamilyPairs
) -> np.ndarray:
    """Return ln(a_s / a_h) of whole families, as their lines are seen, (labels, pairs)."""
    elements = [family.element for family in model.quantified]
    places = sorted({*pairs.soft, *pairs.hard})
    lines = [line for i in places for line in model.lines[i] if line.weight > 0]
    energies = np.maximum([line.energy_keV for line in lines], LOWEST_ATTENUATION_keV)
    factors = foil.for_xrays(elements, energies).factors(weight_fractions)
    found = np.zeros((len(factors), len(model.families)))
    start = 0
    for i in places:
        weights = np.array([line.weight for line in model.lines[i] if line.weight > 0])
        of_family = factors[:, start : start + len(weights)]
        found[:, i] = np.log(of_family @ (weights / weights.sum()))
        start += len(weights)
    return found[:, pairs.soft] - found[:, pairs.hard]


def _slopes(
    model: SpectralModel, foil: Foil, weight_fractions: np.ndarray, pairs: FamilyPairs
) -> tuple[np.ndarray, np.ndarray]:
    """Return `by_path` and `by_coefficients` of `SoftRatios`, by alpha lines."""
    elements = [family.element for family in model.quantified]
    energies = np.array([[f.alpha.energy_keV for f in both] for both in pairs.families]).T
    energies = np.maximum(energies, LOWEST_ATTENUATION_keV)
    c = np.maximum(weight_fractions, 0)
    by_path, by_coefficients = [], []
    for of_side, sign in zip(energies, (1, -1), strict=True):
        seen = foil.for_xrays(elements, of_side)
        slopes = sign * seen.depth_log_slopes(weight_fractions)
        parts = c[:, :, None] * seen.mass_absorption_cm2_g
        parts = parts / np.maximum(parts.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        doubt = parts * attenuation_uncertainty(elements, of_side)
        by_path.append(slopes)
        by_coefficients.append(slopes[:, :, None] * np.swapaxes(doubt, 1, 2))
    return np.asarray(sum(by_path)), np.concatenate(by_coefficients, axis=2)
