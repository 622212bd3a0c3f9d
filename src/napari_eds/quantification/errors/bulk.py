"""What is not corrected in a bulk specimen, for which Cliff and Lorimer's ratios do not hold.

X-rays are born at all depths and energies of the slowing electrons, and swallowed on the way out.
Neither is undone, so that both are in doubt as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_eds.fitting.self_absorption import ASSUMED_TAKE_OFF_DEG, born_in_bulk
from napari_eds.fitting.soft_limits import counted_cm2
from napari_eds.physics import lines as xray
from napari_eds.physics.absorption import LOWEST_ATTENUATION_keV, mass_absorption_cm2_g
from napari_eds.physics.bulk import escaping_share
from napari_eds.quantification.conditions.contradictions import lowest_beam_keV
from napari_eds.quantification.conditions.directions import take_off_angle_told
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.spectrum_image import SpectrumImage

#: What atomic-number effect (stopping, backscattering) and fluorescence amount to, relatively:
#: mostly up to 10 % each (J. I. Goldstein et al., Scanning Electron Microscopy and X-Ray
#: Microanalysis, 4th ed., Springer 2018, on matrix corrections).
_OTHER_CORRECTIONS = 0.10
#: No edge is nearer to the beam energy, over it.
_NEAREST_EDGE = 0.99


@dataclass(frozen=True, eq=False)
class BulkErrors:
    """What is in doubt of lines of a flat, thick specimen.

    Attributes
    ----------
    elements : tuple of str
    beam_energy_keV, take_off_angle_deg : float
    edges_keV : ndarray, (families,)
        What the beam must have to make the X-rays of one family per element.
    mass_absorption_cm2_g : ndarray, (elements, families)
    born : ndarray, (families,)
        Logarithms of what is born while electrons slow down, over what a foil emits for which the
        k-factors are.
    """

    elements: tuple[str, ...]
    beam_energy_keV: float
    take_off_angle_deg: float
    edges_keV: np.ndarray
    mass_absorption_cm2_g: np.ndarray
    born: np.ndarray

    @classmethod
    def of(
        cls, families: tuple[xray.Family, ...], image: SpectrumImage, recipe: Recipe
    ) -> BulkErrors:
        """Take what recipe and file tell of a bulk specimen."""
        beam = lowest_beam_keV(image.acquisition, recipe)
        table = recipe.k_factors
        of_foil = beam if table is None else table.beam_energy_keV or beam
        elements = tuple(family.element for family in families)
        energies = np.array([family.alpha.energy_keV for family in families])
        return cls(
            elements=elements,
            beam_energy_keV=beam,
            take_off_angle_deg=take_off_angle_told(image, recipe.geometry) or ASSUMED_TAKE_OFF_DEG,
            edges_keV=np.minimum(energies, _NEAREST_EDGE * beam),
            mass_absorption_cm2_g=mass_absorption_cm2_g(
                elements, np.maximum(energies, LOWEST_ATTENUATION_keV)
            ),
            born=np.array([_born(family, beam, of_foil) for family in families]),
        )

    def variance(self, weight_fractions: np.ndarray, by_logarithms: np.ndarray) -> np.ndarray:
        """Return variances of atomic fractions, (labels, elements).

        What escapes and what is born move all elements together, each by all of its logarithm as
        one standard deviation; other corrections move each element by itself.

        Parameters
        ----------
        weight_fractions : ndarray, (labels, elements)
        by_logarithms : ndarray, (labels, elements, families)
            Derivatives of atomic fractions by ln(k I).
        """
        escaping = np.einsum("lef,lf->le", by_logarithms, np.log(self.escaping(weight_fractions)))
        born = by_logarithms @ self.born
        others = _OTHER_CORRECTIONS**2 * (by_logarithms**2).sum(axis=2)
        return np.asarray(escaping**2 + born**2 + others)

    def escaping(self, weight_fractions: np.ndarray) -> np.ndarray:
        """Return the shares of X-rays that leave labels, (labels, families)."""
        c = np.maximum(weight_fractions, 0)
        c = c / c.sum(axis=1, keepdims=True)
        return escaping_share(
            c @ self.mass_absorption_cm2_g,
            self.beam_energy_keV,
            self.edges_keV,
            atomic_number=c @ self._of_elements(xray.atomic_number),
            atomic_weight=c @ self._of_elements(xray.atomic_weight),
            take_off_angle_deg=self.take_off_angle_deg,
        )

    def _of_elements(self, known: Callable[[str], float]) -> np.ndarray:
        return np.array([[known(element)] for element in self.elements], float)


def _born(family: xray.Family, beam_keV: float, of_foil_keV: float) -> float:
    """Return ln of what is born in bulk over what a foil emits; 0 where either is not known."""
    bulk = born_in_bulk(family.element, family.family, beam_keV)
    thin = counted_cm2(family.element, family.family, of_foil_keV)
    return float(np.log(bulk / thin)) if bulk > 0 and thin > 0 else 0.0
