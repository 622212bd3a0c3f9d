"""How strong the families of an element are beside each other, as physics lets expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.soft_limits import AreaPriors
from napari_eds.physics import emission
from napari_eds.physics.computed_lines import emits_from_lifted

#: Softer families hold at most this many times what tables give beside the next harder one, on a
#: detector that swallows nothing, and by so many errors of that one; yields of M are hardly known.
_AT_MOST, _SIGMAS = {"L": 1.5, "M": 3.0}, 3.0
#: Bethe's law in the form of Joy and Luo (*Scanning* 11 (1989) 176), whose mean ionisation energy
#: is that of copper; and steps along the path of electrons in bulk.
_BETHE, _IONISATION_KEV, _PATH_STEPS = 1.166, 0.314, 20


@lru_cache(maxsize=2048)
def _counted_per_atom(element: str, family: str, beam_energy_keV: float, *, foil: bool) -> float:
    """Return the counts of a family per atom, up to a common factor; see `emission`.

    In bulk the electrons slow down: the average is over their path, along which they lose energy
    by Bethe's law in a medium-heavy element. Absorption is left out.
    """
    beams, weights = np.array([beam_energy_keV]), np.ones(1)
    if not foil:
        beams = beam_energy_keV * (np.arange(_PATH_STEPS) + 0.5) / _PATH_STEPS
        weights = beams / np.log1p(_BETHE * beams / _IONISATION_KEV)
        weights /= weights.sum()
    return float(weights @ emission.emission_lines(element, family, beams).counted_cm2())


class FamilyRatios:
    """Areas of the families of an element, as expected beside each other.

    Parameters
    ----------
    model : SpectralModel
    foil : bool
        Whether the specimen is thin.
    """

    def __init__(self, model: SpectralModel, *, foil: bool) -> None:
        self._families, self._sums = model.families, model.weight_sums
        self._beam_keV, self._foil = round(model.beam_energy_keV, 3), foil

    def of(self, column: int, other: int) -> float:
        """Return the area expected of a family, relative to that of another one."""
        return self._expected(column) / max(self._expected(other), np.finfo(float).tiny)

    def is_known(self, *columns: int) -> bool:
        """Whether all of these families are expected at all."""
        return all(self._expected(column) > 0 for column in columns)

    def _expected(self, column: int) -> float:
        family = self._families[column]
        counts = _counted_per_atom(family.element, family.family, self._beam_keV, foil=self._foil)
        return counts / float(self._sums[column])


class FamilyLimits:
    """The most that soft families can be beside the next harder one of their element.

    Without it V L, drawn by an axis that is off onto O K, is taken for all of it.

    Parameters
    ----------
    model : SpectralModel
    columns : mapping of str to list of int
        Places of each element's families in the model, the hardest first.
    ratios : FamilyRatios
    """

    def __init__(
        self, model: SpectralModel, columns: Mapping[str, list[int]], ratios: FamilyRatios
    ) -> None:
        self._model, self._columns, self._ratios = model, columns, ratios
        self._at_most: dict[tuple[int, int], float] = {}

    def priors(self, columns: Sequence[int], areas: np.ndarray, errors: np.ndarray) -> AreaPriors:
        """Return the most that some families can be.

        Parameters
        ----------
        columns : sequence of int
            Families of the model.
        areas, errors : ndarray, (columns,)
            Counts of their alpha lines, with standard deviations.
        """
        priors = AreaPriors.free(len(columns))
        place = {column: i for i, column in enumerate(columns)}
        possible = np.maximum(areas, 0) + _SIGMAS * errors
        for column, i in place.items():
            of_element = self._columns[self._model.families[column].element]
            harder = [c for c in of_element[: of_element.index(column)] if c in place]
            if harder:
                priors.most[i] = self._most(column, harder[-1]) * possible[place[harder[-1]]]
        return priors

    def _most(self, soft: int, hard: int) -> float:
        """Return the most alpha counts of a soft family per one of a harder one."""
        pair = soft, hard
        if pair not in self._at_most:
            known = self._ratios.is_known(*pair)
            is_bounded = known and not emits_from_lifted(self._model.lines[soft])
            slack = _AT_MOST[self._model.families[soft].family]
            self._at_most[pair] = slack * self._ratios.of(*pair) if is_bounded else np.inf
        return self._at_most[pair]
