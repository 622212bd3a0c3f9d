"""Whether hard X-rays of labels grow or fade over frames: a thickness that changes, or drift.

Absorption is corrected with one thickness in all frames, or not at all. A foil that grows thinner
loses fewer of its soft X-rays, and seems to change its composition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_eds.labels.chips import LABEL
from napari_eds.physics.lines import Family
from napari_eds.quantification.table import error_of, intensity

#: Lines above this energy leave any foil; and hardly one below, so that all else is soft.
_HARD_keV = 2.0
#: A change is told beyond so many errors of counting, and this part of the mean.
_SIGMAS, _LEAST = 4.0, 0.10


@dataclass(frozen=True)
class Faded:
    """How hard X-rays of a label change over the frames.

    Attributes
    ----------
    label : int
    percent, error_percent : float
        From the first frame to the last, on a straight line, of the mean; NaN where unknown.
    """

    label: int
    percent: float
    error_percent: float

    @property
    def is_sure(self) -> bool:
        """Whether it is more than counting and small losses explain."""
        large = abs(self.percent) > 100 * _LEAST
        return bool(large and abs(self.percent) > _SIGMAS * self.error_percent)

    def __str__(self) -> str:
        """Say it in a sentence."""
        way = "fall" if self.percent < 0 else "rise"
        return (
            f"Hard X-rays of label {self.label} {way} by {abs(self.percent):.2g} ± "
            f"{self.error_percent:.1g} % over the frames: what changes there may be its "
            "thickness, or drift off it. Zeta-factors follow the thickness."
        )


def faded(table: pd.DataFrame, families: Sequence[Family], doses: np.ndarray) -> list[Faded]:
    """Return how hard X-rays of each label change.

    Parameters
    ----------
    table : DataFrame
        A row per label and frame, in the order of frames.
    families : sequence of Family
        The quantified ones. Where none is hard, the hardest is taken.
    doses : ndarray, (rows,)
        In any unit.
    """
    energies = np.array([family.alpha.energy_keV for family in families])
    hard = energies >= min(_HARD_keV, float(energies.max()))
    columns = [intensity(f) for f, taken in zip(families, hard, strict=True) if taken]
    rates = table[columns].sum(axis=1).to_numpy() / doses
    of_counting = [error_of(column) for column in columns]
    errors = np.sqrt((table[of_counting] ** 2).sum(axis=1).to_numpy()) / doses
    rows = pd.Series(np.arange(len(table))).groupby(table[LABEL].to_numpy(), sort=True)
    return [_faded(int(label), rates[own], errors[own]) for label, own in rows.indices.items()]


def can_mislead(families: Sequence[Family]) -> bool:
    """Whether there are soft lines, which thickness changes beside hard ones."""
    return any(family.alpha.energy_keV < _HARD_keV for family in families)


def _faded(label: int, rates: np.ndarray, errors: np.ndarray) -> Faded:
    known = np.isfinite(rates) & (errors > 0)
    rates, errors = rates[known], errors[known]
    if rates.size < 2 or not rates.mean() > 0:
        return Faded(label, float("nan"), float("nan"))
    # Weights of a common error: those by counting would draw the line towards low counts.
    x = np.linspace(-0.5, 0.5, rates.size)
    by_rates = x / (x @ x) / rates.mean()
    error = np.sqrt((by_rates**2) @ errors**2)
    return Faded(label, 100 * float(by_rates @ rates), 100 * float(error))
