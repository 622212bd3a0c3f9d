"""What the dock is set to for one spectrum image, as a value kept in the image's layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from napari_eds._napari.state.element_choice import FIT_ONLY, QUANTIFY, ElementChoice
from napari_eds.elements import prior
from napari_eds.errors import RecipeError
from napari_eds.recipe.absorption import Absorption
from napari_eds.recipe.k_factor_files import read_k_factors
from napari_eds.recipe.k_factors import KFactorTable
from napari_eds.recipe.recipe import Engine, Recipe
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Where the k-factor file does not tell its convention, the user must.
FROM_FILE: Literal["from file"] = "from file"


@dataclass(frozen=True)
class Settings:
    """Settings of the dock.

    Energies in keV; `beam_energy_keV` of 0 means "as the file says", `thickness_nm` of 0 "do not
    correct absorption", no `k_factor_file` "compute k-factors". `convention` is ``"from file"``,
    ``"family"`` or ``"alpha"``. A `k_factor_table`, edited by hand, goes before the file.
    """

    elements: tuple[ElementChoice, ...] = ()
    k_factor_file: Path | None = None
    convention: Literal["from file", "family", "alpha"] = FROM_FILE
    k_factor_table: KFactorTable | None = None
    energy_low_keV: float = Recipe.model_fields["energy_range_keV"].default[0]
    energy_high_keV: float = Recipe.model_fields["energy_range_keV"].default[1]
    beam_energy_keV: float = 0.0
    calibrate: bool = Recipe.model_fields["calibrate"].default
    thickness_nm: float = 0.0
    density_g_cm3: float = 5.0
    engine: Engine = field(default=Recipe.model_fields["engine"].default)
    chip_size: int = 16

    def k_factors(self) -> KFactorTable | None:
        """Return the k-factors edited by hand, or read the file, if one is chosen.

        Raises
        ------
        KFactorError, OSError
            If it cannot be used.
        """
        if self.k_factor_table is not None or self.k_factor_file is None:
            return self.k_factor_table
        convention = None if self.convention == FROM_FILE else self.convention
        return read_k_factors(self.k_factor_file, convention=convention)

    def absorption(self) -> Absorption | None:
        """Return the absorption settings; None for a thickness of 0."""
        if self.thickness_nm == 0:
            return None
        return Absorption(thickness_nm=self.thickness_nm, density_g_cm3=self.density_g_cm3)

    def recipe(self) -> Recipe:
        """Build the recipe.

        Raises
        ------
        RecipeError, KFactorError, OSError
            If settings are missing or inconsistent, or the file cannot be used.
        """
        quantified = tuple(c.entry for c in self.elements if c.role == QUANTIFY)
        if not quantified:
            raise RecipeError("choose at least one element to quantify")
        return Recipe.create(
            elements=quantified,
            fit_only=tuple(c.entry for c in self.elements if c.role == FIT_ONLY),
            k_factors=self.k_factors(),
            energy_range_keV=(self.energy_low_keV, self.energy_high_keV),
            beam_energy_keV=self.beam_energy_keV or None,
            calibrate=self.calibrate,
            absorption=self.absorption(),
            engine=self.engine,
        )


def default_settings(image: SpectrumImage) -> Settings:
    """Return settings to start an image with: elements and families from its file."""
    return Settings(elements=tuple(_default_elements(image.acquisition)))


def _default_elements(acquisition: Acquisition) -> list[ElementChoice]:
    vendor = acquisition.vendor
    families = vendor.families if vendor else {}
    quantified = set(vendor.quantified) if vendor else set()
    symbols = list(dict.fromkeys([*acquisition.elements, *families]))
    foil = prior.is_foil(acquisition, acquisition.beam_energy_keV)
    choices = []
    for symbol in symbols:
        in_specimen = (
            symbol in quantified if quantified else not prior.is_system(symbol, foil=foil)
        )
        role = QUANTIFY if in_specimen else FIT_ONLY
        choices.append(ElementChoice(symbol, role, families.get(symbol, "auto")))
    return choices
