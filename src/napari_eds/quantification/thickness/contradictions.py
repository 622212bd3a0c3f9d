"""Whether softer families of an element are as weak as the stated thickness makes them.

The softer family of an element is absorbed more than the harder one, and so shows a wrong
thickness, with which a spectrum is fitted as well as with the right one. All pairs of a label have
one mass thickness. k-factors of soft families are known so poorly that, beside them, only large
factors mean something; between labels of a map they cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_eds.fitting.fit import Fit
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import Foil
from napari_eds.quantification.methods.composition import Composition, shares
from napari_eds.quantification.thickness.family_pairs import FamilyPairs, RatiosOfK
from napari_eds.quantification.thickness.soft_ratios import SoftRatios
from napari_eds.recipe.k_factors import KFactorTable

#: A thickness is contradicted by so many standard deviations, and where the one that fits differs
#: by such a factor and would move an element above `_MAJOR` by such a part, and by its error.
_SIGMAS, _LEAST_FACTOR, _LEAST_CHANGE, _MAJOR = 3.0, 1.5, 0.05, 0.05
#: Thicknesses that are tried, over the stated one, 1 being among them.
_FACTORS = np.geomspace(1 / 32, 32, 121)
_STATED = len(_FACTORS) // 2


@dataclass(frozen=True)
class Contradiction:
    """What the soft families of a label say against its thickness.

    Attributes
    ----------
    pairs : str
        Those whose ratio is off, such as ``"Ti L/K"``.
    stated_nm : float
    low_nm, high_nm : float
        Between which thicknesses chi-squared is less than one above its least; 0 and infinite
        where it is beyond those that were tried.
    is_thinner : bool
    beside_others : bool
        Whether other labels contradict it, and not the k-factors. Then no thickness follows: that
        of the others is none the better known.
    """

    pairs: str
    stated_nm: float
    low_nm: float
    high_nm: float
    is_thinner: bool
    beside_others: bool


def contradictions(
    fit: Fit,
    composition: Composition,
    foil: Foil,
    table: KFactorTable,
    path_error: float | np.ndarray,
) -> list[Contradiction | None]:
    """Say of each label what contradicts its thickness; None where nothing does.

    Parameters
    ----------
    fit : Fit
    composition : Composition
    foil : Foil
        That the composition was corrected by.
    table : KFactorTable
    path_error : float, or ndarray, (labels,)
        Relative standard deviation of its mass thickness.
    """
    found: list[Contradiction | None] = [None] * len(fit.counts)
    pairs = FamilyPairs.of(fit.model)
    if not pairs.names or not (foil.thickness_nm > 0).any():
        return found
    seen = SoftRatios.of(fit, composition, foil, pairs)
    k = RatiosOfK.of(pairs, table, fit.model)
    path_error = np.reshape(path_error, (-1, 1))
    errors = np.hypot(seen.errors(path_error), k.errors)
    tests = [
        (_Off(seen.logarithms + k.logarithms, errors, k.swallowed), False),
        (_Off(seen.beside_others(), seen.errors_beside_others(path_error)), True),
    ]
    for off, beside_others in tests:
        for i, fits, names in _contradicted(seen, off):
            if found[i] is None:
                nm = float(foil.thickness_nm[i])
                found[i] = Contradiction(
                    ", ".join(names),
                    nm,
                    fits.low * nm,
                    fits.high * nm,
                    is_thinner=fits.best < 1,
                    beside_others=beside_others,
                )
    return found


@dataclass(frozen=True, eq=False)
class _Off:
    """How far ratios are off what they should be.

    Attributes
    ----------
    logarithms, errors : ndarray, (labels, pairs)
        Of ratios over what they should be, and their independent standard deviations.
    common : ndarray, (pairs,), or float
        One standard deviation of what moves all of them together.
    """

    logarithms: np.ndarray
    errors: np.ndarray
    common: np.ndarray | float = 0.0

    def chi_squared(self, labels: slice | int, moved: np.ndarray | float = 0.0) -> np.ndarray:
        """Return chi-squared of labels or of one of them, its logarithms being moved.

        By Sherman and Morrison's formula for ``diag(errors^2) + common common'``. Those that are
        NaN do not count.
        """
        off = self.logarithms[labels] + moved
        weights = np.where(np.isnan(off), 0.0, self.errors[labels] ** -2.0)
        off, common = np.nan_to_num(off), np.broadcast_to(self.common, off.shape)
        along = (weights * off * common).sum(axis=-1)
        return np.asarray(
            (weights * off**2).sum(axis=-1) - along**2 / (1 + (weights * common**2).sum(axis=-1))
        )


@dataclass(frozen=True)
class _Fits:
    """Which factors of the stated thickness fit a label: the best, and one deviation around it."""

    best: float
    low: float
    high: float

    @classmethod
    def of(cls, chi_squared: np.ndarray) -> _Fits:
        """Take chi-squared of `_FACTORS`."""
        best = int(np.argmin(chi_squared))
        near = np.flatnonzero(chi_squared <= chi_squared[best] + 1)
        first, last = int(near[0]), int(near[-1])
        return cls(
            best=float(_FACTORS[best]),
            low=0.0 if first == 0 else float(_FACTORS[first]),
            high=np.inf if last == len(_FACTORS) - 1 else float(_FACTORS[last]),
        )


def _contradicted(seen: SoftRatios, off: _Off) -> list[tuple[int, _Fits, list[str]]]:
    """Return labels that are contradicted, what factors of thickness fit, and by which pairs."""
    found = []
    # No thickness fits better than by all of chi-squared, so that most labels need no search.
    for i in np.flatnonzero(off.chi_squared(slice(None)) > _SIGMAS**2).tolist():
        chi_squared = off.chi_squared(i, seen.shifts(i, _FACTORS))
        fits = _Fits.of(chi_squared)
        gain = chi_squared[_STATED] - chi_squared.min()
        differs = abs(np.log(fits.best)) > np.log(_LEAST_FACTOR)
        if gain > _SIGMAS**2 and differs and _matters(seen, i, fits.best):
            size = np.nan_to_num(np.abs(off.logarithms[i] / off.errors[i]))
            names = [seen.pairs.names[p] for p in np.flatnonzero(size > size.max() / 2)]
            found.append((i, fits, names))
    return found


def _matters(seen: SoftRatios, label: int, factor: float) -> bool:
    """Whether a thickness changed by a factor changes the composition of a label."""
    foil, c = seen.of_thicknesses(label, np.array([1.0, factor]))
    stated, other = foil.factors(c)
    weights = [xray.atomic_weight(family.element) for family in seen.model.quantified]
    x = seen.composition.atomic_fractions[label]
    moved = shares(np.maximum(c[:1], 0) * other / stated / weights)[0] - x
    limit = np.maximum(_LEAST_CHANGE * x, seen.composition.atomic_errors_total[label])
    return bool(np.any((x > _MAJOR) & (np.abs(moved) > limit)))
