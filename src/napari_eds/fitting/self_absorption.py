"""What a bulk specimen swallows of lines, which differs inside a family.

An L or M line beyond an edge of its own element, such as the L beta of iron beyond the L3 edge,
leaves a bulk specimen far less than the alpha line does. And where a line lies within the width of
such an edge, as alpha lines of metals with open d shells do, its own absorption is in doubt by as
much as the edge is high: so the ratios of the others to it are, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.soft_limits import counted_cm2
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import (
    LOWEST_ATTENUATION_keV,
    attenuation_cm2_g,
    mixed_absorption_cm2_g,
)
from napari_eds.physics.bulk import escaping_share

#: Where a file does not tell the take-off angle.
_ASSUMED_TAKE_OFF_DEG = 35.0
#: A line and an edge of its own element that is up to this far above it may overlap: both have
#: widths, and bonds move them.
_EDGE_KEV = np.array([0.0, 0.005, 0.010])
#: Composition and absorption are found by turns, so often; and X-rays are born at so many energies
#: of the slowing electron.
_COMPOSITIONS, _ENERGIES = 3, 6


@dataclass(frozen=True, eq=False)
class SelfAbsorption:
    """What leaves the specimen.

    Attributes
    ----------
    factors, doubts : tuple of ndarray, by family, (lines of the family,)
        What leaves of each line, relative to the family's strongest, and the standard deviations
        of the logarithms. K lines, far below their edge but for K beta, are left as they are.
    strengths : ndarray, (families,)
        Counts of families per atom, in units of their own.
    """

    factors: tuple[np.ndarray, ...]
    doubts: tuple[np.ndarray, ...]
    strengths: np.ndarray

    @classmethod
    def of_bulk(
        cls, model: SpectralModel, alpha_areas: np.ndarray, take_off_angle_deg: float | None
    ) -> SelfAbsorption:
        """Work it out for a bulk specimen, whose composition follows from the counts, roughly.

        Parameters
        ----------
        model : SpectralModel
            With its lines as they are made.
        alpha_areas : ndarray, (families,)
            Of a first fit.
        take_off_angle_deg : float or None
        """
        specimen = _Specimen.of(model, alpha_areas, take_off_angle_deg or _ASSUMED_TAKE_OFF_DEG)
        found = [
            (np.ones(len(lines)), np.zeros(len(lines)))
            if family.family == "K"
            else specimen.of_lines(family.element, lines)
            for family, lines in zip(model.families, model.lines, strict=True)
        ]
        factors, doubts = zip(*found, strict=True)
        return cls(factors, doubts, specimen.strengths(model.families))

    def apply(self, model: SpectralModel) -> SpectralModel:
        """Return the model with lines as they leave the specimen."""
        lines = tuple(
            tuple(
                replace(line, weight=line.weight * factor)
                for line, factor in zip(of_family, factors.tolist(), strict=True)
            )
            for of_family, factors in zip(model.lines, self.factors, strict=True)
        )
        return replace(model, lines=lines)

    def doubts_of(self, model: SpectralModel, family: int) -> dict[str, float]:
        """Return the doubts of a family's lines by their names."""
        names = [line.name for line in model.lines[family]]
        return dict(zip(names, self.doubts[family].tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class _Specimen:
    """A flat, thick specimen under a beam."""

    elements: Sequence[str]
    weight_fractions: np.ndarray
    beam_energy_keV: float
    take_off_angle_deg: float

    @classmethod
    def of(
        cls, model: SpectralModel, alpha_areas: np.ndarray, take_off_angle_deg: float
    ) -> _Specimen:
        """Take the composition that gives the areas of the quantified families."""
        families = model.quantified
        n = len(families)
        elements = [family.element for family in families]
        weights = np.array([xray.atomic_weight(element) for element in elements])
        mass = np.maximum(alpha_areas[:n], 0) * model.weight_sums[:n] * weights
        found = cls(elements, np.full(n, 1 / n), model.beam_energy_keV, take_off_angle_deg)
        for _ in range(_COMPOSITIONS):
            strengths = found.strengths(families)
            fractions = np.divide(mass, strengths, out=np.zeros(n), where=strengths > 0)
            if not fractions.sum() > 0:
                break
            found = replace(found, weight_fractions=fractions / fractions.sum())
        return found

    def strengths(self, families: Sequence[xray.Family]) -> np.ndarray:
        """Return counts of families per atom, (families,)."""
        return np.array(
            [
                _born(f.element, f.family, self.beam_energy_keV)
                * self._escaping(self._mixed(_known([f.alpha.energy_keV])), f.alpha.energy_keV)[0]
                for f in families
            ]
        )

    def of_lines(
        self, element: str, lines: Sequence[xray.XRayLine]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what leaves of an element's lines, and the doubts of it."""
        energies = _known([line.energy_keV for line in lines])
        mixed = self._mixed(energies)
        own = attenuation_cm2_g(element, energies[:, None] + _EDGE_KEV, "total")
        beyond = mixed + self._shares().get(element, 0.0) * (own.max(axis=1) - own[:, 0])
        edge = float(energies.max())
        likely, least = (np.log(self._escaping(mac, edge)) for mac in (mixed, beyond))
        strongest = int(np.argmax([line.weight for line in lines]))
        return np.exp(likely - likely[strongest]), np.abs(likely - least) / 2

    def _mixed(self, energies_keV: np.ndarray) -> np.ndarray:
        """Return coefficients of the specimen, shape of `energies_keV`."""
        return mixed_absorption_cm2_g(self._shares(), energies_keV)

    def _shares(self) -> dict[str, float]:
        return dict(zip(self.elements, self.weight_fractions.tolist(), strict=True))

    def _escaping(self, absorption_cm2_g: np.ndarray, edge_keV: float) -> np.ndarray:
        numbers = np.array([xray.atomic_number(element) for element in self.elements])
        weights = np.array([xray.atomic_weight(element) for element in self.elements])
        return escaping_share(
            absorption_cm2_g,
            self.beam_energy_keV,
            min(edge_keV, 0.99 * self.beam_energy_keV),
            atomic_number=float(numbers @ self.weight_fractions),
            atomic_weight=float(weights @ self.weight_fractions),
            take_off_angle_deg=self.take_off_angle_deg,
        )


def _known(energies_keV: Sequence[float]) -> np.ndarray:
    """Return energies, not below those of the tables."""
    return np.maximum(energies_keV, LOWEST_ATTENUATION_keV)


@cache
def _born(element: str, family: str, beam_energy_keV: float) -> float:
    """Return what is born while an electron slows down and would be counted, in units of its own.

    The energy lost per mass goes with 1 / E, but for a logarithm.
    """
    energies = beam_energy_keV * (np.arange(_ENERGIES) + 0.5) / _ENERGIES
    return sum(e * counted_cm2(element, family, e) for e in energies.tolist())
