"""What a model of lines may be wrong by, as directions in which a fit may move them.

Line ratios of tables, energies and widths of lines, tails of soft ones, escape peaks, and steps
of the background. Each is a column of counts per channel for one standard deviation. Beside them,
a peak counts as that of another element only if no likely error of the lines that are there
explains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.signal import fftconvolve
from scipy.special import ndtr

from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.nuisances import unresolved
from napari_eds.fitting.profiles import family_profiles
from napari_eds.fitting.response import Response
from napari_eds.physics import lines as xray
from napari_eds.physics.computed_lines import has_disputed_m2, subshell_of
from napari_eds.physics.detector import SILICON_K_EDGE_KEV
from napari_eds.recipe.recipe import LowEnergyTail
from napari_eds.recipe.uncertainties import Uncertainties
from napari_eds.spectra.acquisition import is_foil_beam
from napari_eds.spectra.axes import EnergyAxis

#: How far lines are off where tables and axis have them, as standard deviation in keV:
#: tables differ (Deslattes et al., *Rev. Mod. Phys.* 75 (2003) 35); detectors are not linear.
_SHIFT_KEV = 0.003
#: Weights inside a family of soft lines are hardly known: yields and Coster-Kronig rates of outer
#: shells, chemistry.
_SOFT_KEV, _SOFT_RATIO = 0.9, {"K": 0.05, "L": 0.3, "M": 0.3}
#: In bulk, the element's own edges lie among these lines and swallow most of some of them.
_SOFT_RATIO_BULK = {"K": 0.05, "L": 1.0, "M": 1.0}
#: Of lines of M2 where tables differ tenfold: some have 10 times what is drawn.
_DISPUTED_M2 = 4.0
#: How far the resolution at Mn Ka of one family's lines may be off that of all, in eV.
_WIDTH_EV = 1.5
#: Part of a soft line's counts that incomplete charge collection may move to lower energy, as
#: standard deviation, and how far (Scholze and Procop, *X-Ray Spectrometry* 30 (2001) 69).
_TAIL, _TAIL_BELOW_KEV = LowEnergyTail(fraction=0.04, decay_keV=0.06, below_keV=2.5), 2.5
#: Size of escape peaks beside theory, as standard deviation: half of it to 1.4 times is seen in
#: spectra of TEMs, and some programs strip them from what they save.
_ESCAPE = 0.5
#: The background may step by this part at the K edges (keV) of what lies in front of detectors and
#: on specimens: carbon, of which windows are made, oxygen, aluminium, silicon.
_STEPS = ((0.284, 0.3), (0.543, 0.05), (1.560, 0.03), (1.839, 0.05))
#: Part of all counts that may come in pairs, as one count at the sum of two energies, as standard
#: deviation.
_PILE_UP = 0.02
#: What weighs less than this many standard deviations of counting in all is left out.
_NEGLIGIBLE = 0.3


@dataclass(frozen=True, eq=False)
class Directions:
    """Columns of counts for one standard deviation each; `owners` are columns of the model.

    The owner of what background and pile-up may be wrong by is -1.
    """

    counts: np.ndarray
    owners: np.ndarray

    @classmethod
    def none(cls, channels: int) -> Directions:
        """Return no direction at all."""
        return cls(np.zeros((channels, 0)), np.zeros(0, dtype=int))


class LineErrors:
    """Errors of the lines of a model, computed for those families that are asked for.

    Parameters
    ----------
    model : SpectralModel
        On the axis as calibrated.
    counts : ndarray, (channels of the model,)
        Of which some come in pairs.
    """

    def __init__(self, model: SpectralModel, counts: np.ndarray) -> None:
        self._model = model
        self._pairs = _PILE_UP * _pairs_of_all(model.energy, counts)
        self._own: dict[int, np.ndarray] = {}
        energies = model.energy.energies_keV
        steps = []
        for edge, part in _STEPS:
            sigma = float(xray.fwhm_keV(edge, model.resolution_MnKa_eV)) / xray.FWHM_PER_SIGMA
            steps.append(part * (0.5 - ndtr((energies - edge) / sigma)))
        self._steps = np.stack(steps, axis=1)

    def directions(
        self,
        columns: Sequence[int],
        areas: np.ndarray,
        background: np.ndarray,
        variance: np.ndarray,
    ) -> Directions:
        """Return what families with some areas, and their background, may be wrong by.

        Parameters
        ----------
        columns : sequence of int
            Families of the model.
        areas : ndarray, (columns,)
        background, variance : ndarray, (channels,)
        """
        found = [self._steps * np.maximum(background, 0)[:, None], self._pairs[:, None]]
        owners = [-1] * (len(_STEPS) + 1)
        for column, area in zip(columns, areas, strict=True):
            if area > 0:
                found.append(area * self._of_family(column))
                owners += [column] * found[-1].shape[1]
        counts = np.hstack(found)
        weighs = np.einsum("ij,ij,i->j", counts, counts, 1 / variance) > _NEGLIGIBLE**2
        return Directions(counts[:, weighs], np.array(owners)[weighs])

    def _of_family(self, column: int) -> np.ndarray:
        """Return the directions of a family whose alpha line holds 1 count, (channels, n)."""
        if column not in self._own:
            family = self._model.families[column]
            lines = self._model.lines_in_range(family)
            self._own[column] = self._drawn(family, lines) if lines else self._nothing
        return self._own[column]

    @property
    def _nothing(self) -> np.ndarray:
        return np.zeros((self._model.energy.size, 0))

    def _drawn(self, family: xray.Family, lines: list[xray.XRayLine]) -> np.ndarray:
        groups = unresolved(lines, self._model.resolution_MnKa_eV)
        is_soft = family.alpha.energy_keV < _SOFT_KEV
        ratio = Uncertainties().line_ratio(family.family)
        if is_soft:
            is_foil = is_foil_beam(self._model.beam_energy_keV)
            ratio = (_SOFT_RATIO if is_foil else _SOFT_RATIO_BULK)[family.family]
        # Relative to the strongest group, which stands for the family.
        groups.sort(key=lambda group: -sum(line.weight for line in group))
        drawn = self._profiles(groups)
        whole = drawn.sum(axis=1, keepdims=True)
        step = self._model.energy.scale_keV
        slope = np.gradient(whole, step, axis=0)
        wider = widened(whole, self._model)
        found = [ratio * drawn[:, 1:], _SHIFT_KEV * slope, _WIDTH_EV * wider]
        if family.alpha.energy_keV < _TAIL_BELOW_KEV:
            found.append(self._profiles([lines], tail=_TAIL) - whole)
        if (
            max(line.energy_keV for line in lines) > SILICON_K_EDGE_KEV
            and self._model.response.integrated
        ):
            found.append(_ESCAPE * (whole - self._profiles([lines], escape=0.0)))
        if family.family == "M" and has_disputed_m2(family.element):
            of_m2 = [line for line in lines if subshell_of(line) == "M2"]
            found.append(_DISPUTED_M2 * self._profiles([of_m2]))
        return np.hstack(found)

    def _profiles(self, groups: list[list[xray.XRayLine]], **changes: Any) -> np.ndarray:
        """Draw groups of lines, with some attributes of the response changed."""
        known = self._model.response
        plain = Response(known.resolution_MnKa_eV, integrated=known.integrated)
        return family_profiles(self._model.energy, groups, replace(plain, **changes))


def widened(lines: np.ndarray, model: SpectralModel) -> np.ndarray:
    """Return what lines change by if the resolution at Mn Ka grows by 1 eV, (channels, ...).

    A Gaussian obeys the equation of diffusion, its variance taking the place of time.
    """
    step = model.energy.scale_keV
    curvature = np.gradient(np.gradient(lines, step, axis=0), step, axis=0)
    return model.resolution_MnKa_eV * 1e-6 / xray.FWHM_PER_SIGMA**2 * curvature


def _pairs_of_all(energy: EnergyAxis, counts: np.ndarray) -> np.ndarray:
    """Return the spectrum of pairs of counts that meet by chance, one pair per count."""
    size, total = counts.size, float(counts.sum())
    if total <= 0:
        return np.zeros(size)
    sums = fftconvolve(counts, counts) / total
    # Channels i and j add up to channel i + j + offset / scale.
    places = np.arange(size) - round(energy.offset_keV / energy.scale_keV)
    known = (places >= 0) & (places < sums.size)
    return np.where(known, np.maximum(sums[np.clip(places, 0, sums.size - 1)], 0), 0)
