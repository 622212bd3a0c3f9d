"""What a specimen swallows of lines, which differs inside a family.

An L or M line beyond an edge of its own element, such as the L beta of iron beyond the L3 edge,
leaves a bulk specimen far less than the alpha line does, and 60 nm of TiN hold back a fifth more
of Ti L alpha than of the Ll line, which lies on N K. And where a line lies within the width of
such an edge, as alpha lines of metals with open d shells do, its own absorption is in doubt by as
much as the edge is high: so the ratios of the others to it are, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from napari_eds.fitting.model import SpectralModel
from napari_eds.fitting.soft_limits import counted_cm2
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import (
    Foil,
    LOWEST_ATTENUATION_keV,
    attenuation_cm2_g,
    attenuation_uncertainty,
    mixed_absorption_cm2_g,
)
from napari_eds.physics.bulk import escaping_share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Where a file does not tell the take-off angle.
ASSUMED_TAKE_OFF_DEG = 35.0
#: A line and an edge of its own element that is up to this far above it may overlap: both have
#: widths, and bonds move them.
_EDGE_KEV = np.array([0.0, 0.005, 0.010])
#: Composition and absorption are found by turns, so often; and X-rays are born at so many energies
#: of the slowing electron.
_COMPOSITIONS, _ENERGIES = 3, 6

#: Factors, doubts and ratio doubts of a family's lines, see `SelfAbsorption`.
_OfLines = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class FoilOfSum:
    """The foil that the X-rays of a summed spectrum have passed.

    Attributes
    ----------
    foil : Foil
        Of one label; where nothing is known of it, one as thick as it may well be.
    error : float or None
        Relative standard deviation of its mass thickness; None where nothing is known.
    """

    foil: Foil
    error: float | None


@dataclass(frozen=True, eq=False)
class SelfAbsorption:
    """What leaves the specimen.

    Attributes
    ----------
    factors : tuple of ndarray, by family, (lines of the family,)
        What leaves of each line, relative to the family's strongest. K lines, far below their
        edge but for K beta, are left as they are.
    doubts : tuple of ndarray, by family, (lines of the family,)
        Standard deviations of the logarithms of what leaves of each line.
    ratio_doubts : tuple of ndarray, by family, (lines of the family,)
        The same of ratios to the strongest line.
    strengths : ndarray, (quantified families,), or None
        Counts of families per atom that leave a bulk specimen, in units of their own.
    continuum : ndarray, (channels of the fit,), or None
        What leaves of bremsstrahlung, which falls at each edge of the specimen. None for a foil
        of which nothing is known.
    """

    factors: tuple[np.ndarray, ...]
    doubts: tuple[np.ndarray, ...]
    ratio_doubts: tuple[np.ndarray, ...]
    strengths: np.ndarray | None
    continuum: np.ndarray | None

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
        specimen = _Specimen.of(model, alpha_areas, take_off_angle_deg or ASSUMED_TAKE_OFF_DEG)
        return cls(
            *_of_families(model, specimen.of_lines),
            specimen.strengths(model.families),
            specimen.escaping(_known(model.energy.energies_keV)),
        )

    @classmethod
    def of_foil(
        cls, model: SpectralModel, emitted: np.ndarray, specimen: FoilOfSum
    ) -> SelfAbsorption:
        """Work it out for a foil.

        Parameters
        ----------
        model : SpectralModel
            With its lines as they are made.
        emitted : ndarray, (quantified families,)
            Weights of the elements in any unit, from counts that absorption has lowered.
        specimen : FoilOfSum
        """
        elements = [family.element for family in model.quantified]
        fractions = unabsorbed(emitted[None], specimen.foil)

        def of_lines(element: str, lines: Sequence[xray.XRayLine]) -> _OfLines:
            seen = _Seen.of(lines, elements, fractions, specimen.foil)
            return seen.leaving(element, specimen.error)

        continuum = None
        if specimen.error is not None:
            foil = specimen.foil.for_xrays(elements, _known(model.energy.energies_keV))
            continuum = 1 / foil.factors(fractions)[0]
        return cls(*_of_families(model, of_lines), None, continuum)

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
        return _by_name(model.lines[family], self.doubts[family])

    def ratio_doubts_of(self, model: SpectralModel, family: int) -> dict[str, float]:
        """Return the doubts of ratios inside a family by the names of its lines."""
        return _by_name(model.lines[family], self.ratio_doubts[family])


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
                born_in_bulk(f.element, f.family, self.beam_energy_keV)
                * self._escaping(self._mixed(_known([f.alpha.energy_keV])), f.alpha.energy_keV)[0]
                for f in families
            ]
        )

    def of_lines(self, element: str, lines: Sequence[xray.XRayLine]) -> _OfLines:
        """Return what leaves of an element's lines, and the doubts of it."""
        energies = _known([line.energy_keV for line in lines])
        mixed = self._mixed(energies)
        own = attenuation_cm2_g(element, energies[:, None] + _EDGE_KEV, "total")
        beyond = mixed + self._shares().get(element, 0.0) * (own.max(axis=1) - own[:, 0])
        edge = float(energies.max())
        likely, least = (np.log(self._escaping(mac, edge)) for mac in (mixed, beyond))
        strongest = int(np.argmax([line.weight for line in lines]))
        doubts = np.abs(likely - least) / 2
        of_any = np.full(len(doubts), doubts.max(initial=0.0))
        return np.exp(likely - likely[strongest]), doubts, of_any

    def escaping(self, energies_keV: np.ndarray) -> np.ndarray:
        """Return what leaves of bremsstrahlung, (energies,)."""
        return self._escaping(self._mixed(energies_keV), energies_keV)

    def _mixed(self, energies_keV: np.ndarray) -> np.ndarray:
        """Return coefficients of the specimen, shape of `energies_keV`."""
        return mixed_absorption_cm2_g(self._shares(), energies_keV)

    def _shares(self) -> dict[str, float]:
        return dict(zip(self.elements, self.weight_fractions.tolist(), strict=True))

    def _escaping(self, absorption_cm2_g: np.ndarray, edge_keV: float | np.ndarray) -> np.ndarray:
        numbers = np.array([xray.atomic_number(element) for element in self.elements])
        weights = np.array([xray.atomic_weight(element) for element in self.elements])
        return escaping_share(
            absorption_cm2_g,
            self.beam_energy_keV,
            np.minimum(edge_keV, 0.99 * self.beam_energy_keV),
            atomic_number=float(numbers @ self.weight_fractions),
            atomic_weight=float(weights @ self.weight_fractions),
            take_off_angle_deg=self.take_off_angle_deg,
        )


def _of_families(
    model: SpectralModel, of_lines: Callable[[str, Sequence[xray.XRayLine]], _OfLines]
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Return what leaves of the lines of each family, and its doubts; K lines are left alone."""
    found = [
        _untouched(lines) if family.family == "K" else of_lines(family.element, lines)
        for family, lines in zip(model.families, model.lines, strict=True)
    ]
    factors, doubts, of_ratios = zip(*found, strict=True)
    return factors, doubts, of_ratios


def _untouched(lines: Sequence[xray.XRayLine]) -> _OfLines:
    none = np.zeros(len(lines))
    return np.ones(len(lines)), none, none


def _by_name(lines: Sequence[xray.XRayLine], values: np.ndarray) -> dict[str, float]:
    return dict(zip([line.name for line in lines], values.tolist(), strict=True))


def unabsorbed(emitted: np.ndarray, foil: Foil) -> np.ndarray:
    """Return weight fractions that, absorbed by foils, give what is emitted, roughly.

    Parameters
    ----------
    emitted : ndarray, (labels, elements)
        Weights of elements in any unit, from counts that absorption has lowered.
    foil : Foil
        Of each label.
    """
    emitted = np.maximum(emitted, 0)
    fractions = emitted = emitted / emitted.sum(axis=1, keepdims=True)
    for _ in range(_COMPOSITIONS):
        fractions = emitted * foil.factors(fractions)
        fractions = fractions / fractions.sum(axis=1, keepdims=True)
    return fractions


@dataclass(frozen=True, eq=False)
class _Seen:
    """Lines of a family, and the foil as these X-rays see it."""

    energies_keV: np.ndarray
    weights: np.ndarray
    elements: Sequence[str]
    fractions: np.ndarray
    foil: Foil

    @classmethod
    def of(
        cls,
        lines: Sequence[xray.XRayLine],
        elements: Sequence[str],
        fractions: np.ndarray,
        foil: Foil,
    ) -> _Seen:
        energies = _known([line.energy_keV for line in lines])
        weights = np.array([line.weight for line in lines])
        return cls(energies, weights, elements, fractions, foil.for_xrays(elements, energies))

    def leaving(self, element: str, error: float | None) -> _OfLines:
        """Return what leaves of the lines of an element, and the doubts of it."""
        strongest = int(np.argmax(self.weights))
        escaping = self._escaping(self.foil)
        relative = escaping - escaping[strongest]
        if error is None:
            return np.ones(len(relative)), np.zeros(len(relative)), np.abs(relative)
        slopes = self.foil.depth_log_slopes(self.fractions)[0]
        of_path = (slopes - slopes[strongest]) * error
        of_tables = slopes * self._attenuation_error()
        doubts = np.hypot(of_tables, (escaping - self._beyond_edges(element)) / 2)
        of_ratio = np.linalg.norm(
            [of_path, doubts, np.full(len(doubts), doubts[strongest])], axis=0
        )
        return np.exp(relative), doubts, of_ratio

    def _attenuation_error(self) -> np.ndarray:
        """Relative standard deviations of the foil's coefficients, (lines,)."""
        parts = self.fractions.T * self.foil.mass_absorption_cm2_g
        errors = parts * attenuation_uncertainty(self.elements, self.energies_keV)
        return np.asarray(np.linalg.norm(errors, axis=0) / parts.sum(axis=0))

    def _escaping(self, foil: Foil) -> np.ndarray:
        """Logarithms of what leaves of the lines, (lines,)."""
        return np.asarray(-np.log(foil.factors(self.fractions)[0]))

    def _beyond_edges(self, element: str) -> np.ndarray:
        """Logarithms of what leaves of lines of an element if edges of its own are met."""
        if element not in self.elements:
            return self._escaping(self.foil)
        beyond = self.foil.mass_absorption_cm2_g.copy()
        own = attenuation_cm2_g(element, self.energies_keV[:, None] + _EDGE_KEV, "total")
        beyond[self.elements.index(element)] = own.max(axis=1)
        return self._escaping(replace(self.foil, mass_absorption_cm2_g=beyond))


def _known(energies_keV: ArrayLike) -> np.ndarray:
    """Return energies, not below those of the tables."""
    return np.maximum(energies_keV, LOWEST_ATTENUATION_keV)


@cache
def born_in_bulk(element: str, family: str, beam_energy_keV: float) -> float:
    """Return what is born while an electron slows down and would be counted, in units of its own.

    The energy lost per mass goes with 1 / E, but for a logarithm.
    """
    energies = beam_energy_keV * (np.arange(_ENERGIES) + 0.5) / _ENERGIES
    return sum(e * counted_cm2(element, family, e) for e in energies.tolist())
