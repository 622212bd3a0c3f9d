"""What a detector makes of lines: widths, tails, escape peaks and bands beside their peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import attenuation_cm2_g
from napari_eds.physics.detector import SILICON_KA_KEV, hard_tail, silicon_escape
from napari_eds.physics.radiative_auger import radiative_auger
from napari_eds.recipe.recipe import LowEnergyTail

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_OXYGEN_KA_KEV, _CARBON_KA_KEV = 0.525, 0.277
#: Escape peaks below this part of an alpha line are not drawn.
_NEGLIGIBLE = 1e-5


@dataclass(frozen=True)
class Response:
    """How a detector records lines.

    Attributes
    ----------
    resolution_MnKa_eV : float
        Full width at half maximum at Mn Ka.
    fano_eV : float
        Growth of squared widths with the energy, see `lines.fwhm_keV`.
    integrated : bool
        Whether a channel holds the line's integral over its width, as a detector counts, or its
        density at the centre times the width, as HyperSpy draws it. Tails, escape peaks and bands
        are drawn with the first only.
    tail : LowEnergyTail or None
        Of soft lines, or of all.
    hard_tail : float
        Share of Ti K alpha in its tail; that of other lines follows, see `detector.hard_tail`.
    escape : float
        Size of escape peaks over theory, see `detector.silicon_escape`.
    radiative_auger, radiative_auger_beta : float
        Strength of the bands below K alpha and below K beta over those of the table
        (`physics.radiative_auger`), drawn in addition to the line's counts.
    """

    resolution_MnKa_eV: float
    fano_eV: float = xray.FANO_EV
    integrated: bool = False
    tail: LowEnergyTail | None = None
    hard_tail: float = 0.0
    escape: float = 1.0
    radiative_auger: float = 0.0
    radiative_auger_beta: float = 0.0

    def fwhm_keV(self, energies_keV: ArrayLike) -> np.ndarray:
        """Return full widths of peaks at half maximum, shape of `energies_keV`."""
        energies = np.asarray(energies_keV, float)
        return np.asarray(xray.fwhm_keV(energies, self.resolution_MnKa_eV, self.fano_eV))

    def sigma_keV(self, energies_keV: ArrayLike) -> np.ndarray:
        """Return standard deviations of peaks, shape of `energies_keV`."""
        return self.fwhm_keV(energies_keV) / xray.FWHM_PER_SIGMA


@dataclass(frozen=True, eq=False)
class Peaks:
    """Peaks as a detector records them, (peaks,) each.

    Attributes
    ----------
    counts, sigmas_keV : ndarray
    leaking, decays_keV : ndarray
        Share of the counts in the tail, and its length.
    """

    counts: np.ndarray
    sigmas_keV: np.ndarray
    leaking: np.ndarray
    decays_keV: np.ndarray


@dataclass(frozen=True, eq=False)
class EmittedLines:
    """Lines of several families, and where their peaks lie, whatever the size of these.

    Attributes
    ----------
    columns : ndarray of int, (peaks,)
        Which family each peak is of: lines first, then escape peaks, then bands.
    centres_keV, weights : ndarray, (peaks,)
        Counts, for those beside the lines as tables have them, per count of an alpha line.
    escaping : ndarray, (lines,)
        Share of each line's counts in its escape peak.
    n_bands : tuple of int
        Peaks of the bands below K alpha and K beta.
    """

    columns: np.ndarray
    centres_keV: np.ndarray
    weights: np.ndarray
    escaping: np.ndarray
    n_bands: tuple[int, int]

    @classmethod
    def of(cls, families: Sequence[Sequence[xray.XRayLine]], *, integrated: bool) -> EmittedLines:
        """List the lines of families and, where they are drawn, what lies beside them."""
        lines = [(column, line) for column, family in enumerate(families) for line in family]
        rows = [(column, line.energy_keV, line.weight) for column, line in lines]
        if not integrated:
            return cls(*_columns(rows), np.zeros(len(rows)), (0, 0))
        escaping = silicon_escape([energy for _, energy, _ in rows])
        escapes = [
            (column, energy - SILICON_KA_KEV, share * weight)
            for (column, energy, weight), share in zip(rows, escaping.tolist(), strict=True)
            if share * weight > _NEGLIGIBLE
        ]
        alpha, beta = (
            [
                (column, line.energy_keV - below, share * line.weight)
                for column, line in lines
                if line.name.startswith(name)
                for below, share in radiative_auger(line.element, name)
            ]
            for name in ("Ka", "Kb")
        )
        n_bands = len(alpha), len(beta)
        return cls(*_columns(rows + escapes + alpha + beta), escaping, n_bands)

    def higher(self, by_keV: float) -> EmittedLines:
        """Return them at higher energies."""
        return replace(self, centres_keV=self.centres_keV + by_keV) if by_keV else self

    def recorded(self, response: Response) -> Peaks:
        """Return the peaks that a detector makes of them."""
        n = len(self.escaping)
        n_alpha, n_beta = self.n_bands
        n_escapes = len(self.columns) - n - n_alpha - n_beta
        factors = np.repeat(
            [response.escape, response.radiative_auger, response.radiative_auger_beta],
            [n_escapes, n_alpha, n_beta],
        )
        factors = np.append(1 - response.escape * self.escaping, factors)
        leaking, decays = np.zeros((2, len(self.columns)))
        if response.integrated:
            leaking[:n], decays[:n] = self._tails(response)
        sigmas = response.sigma_keV(self.centres_keV)
        return Peaks(self.weights * factors, sigmas, leaking, decays)

    def _tails(self, response: Response) -> tuple[np.ndarray, np.ndarray]:
        """Return the share of each line in its tail, and the length of that, keV.

        Hard lines have both kinds, drawn as one of their mean length.
        """
        shares, decays = self._hard_tails
        hard, tail = response.hard_tail * shares, response.tail
        if tail is None:
            return hard, decays
        energies = self.centres_keV[: len(hard)]
        soft = tail.fraction * (
            self._near_surface if tail.below_keV is None else energies < tail.below_keV
        )
        both = np.maximum(hard + soft, np.finfo(float).tiny)
        return hard + soft, tail.decay_keV + hard / both * (decays - tail.decay_keV)

    @cached_property
    def _hard_tails(self) -> tuple[np.ndarray, np.ndarray]:
        return hard_tail(self.centres_keV[: len(self.escaping)])

    @cached_property
    def _near_surface(self) -> np.ndarray:
        """How strongly silicon absorbs, relative to O K; at most that at C K.

        Charge is lost near the contact, in a layer thin beside the way of X-rays in silicon, so
        that the part of them which is absorbed there goes with the coefficient.
        """
        energies = np.maximum(self.centres_keV[: len(self.escaping)], _CARBON_KA_KEV)
        *lines, oxygen = attenuation_cm2_g("Si", np.append(energies, _OXYGEN_KA_KEV), "photo")
        return np.array(lines) / oxygen


def _columns(
    rows: Sequence[tuple[int, float, float]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    columns, centres, weights = np.array(rows, dtype=float).reshape(-1, 3).T
    return columns.astype(int), centres, weights
