"""What the window is set to for one spectrum image, as a value kept in the image's layer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from napari_eds._napari.state.element_choice import FIT_ONLY, QUANTIFY, ElementChoice
from napari_eds.elements.from_file import named_in_file
from napari_eds.errors import RecipeError
from napari_eds.physics.detector import DetectorModel
from napari_eds.recipe.draft import RecipeDraft
from napari_eds.recipe.k_factor_files import read_k_factors
from napari_eds.recipe.k_factors import NAMES, Convention, KFactorTable
from napari_eds.recipe.recipe import Recipe
from napari_eds.recipe.zeta_factors import ZetaFactorTable
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Where the k-factor file does not tell its convention, the user must.
FROM_FILE: Literal["from file"] = "from file"


#: X-rays that a chip holds at first: major elements to about 1 at. %.
_XRAYS_PER_CHIP = 50_000
_MOST_CHIPS = 10_000


@dataclass(frozen=True)
class Settings:
    """Settings of the window for one map: the recipe so far, and what only the window has.

    Attributes
    ----------
    draft : RecipeDraft
        The recipe as far as it is filled in. Its k-factors, edited by hand or of a session, go
        before the file.
    order : tuple of str
        Symbols in the order in which lists show them, whatever their role.
    k_factor_file : Path or None
        None computes k-factors.
    convention : {"from file", "family", "alpha"}
        Of the file.
    chip_size : int
        In pixels.
    """

    draft: RecipeDraft = field(default_factory=RecipeDraft)
    order: tuple[str, ...] = ()
    k_factor_file: Path | None = None
    convention: Literal["from file", "family", "alpha"] = FROM_FILE
    chip_size: int = 16

    @property
    def elements(self) -> tuple[ElementChoice, ...]:
        """The chosen elements, in their order."""
        choices = [
            *(ElementChoice.of(entry, QUANTIFY) for entry in self.draft.elements),
            *(ElementChoice.of(entry, FIT_ONLY) for entry in self.draft.fit_only),
        ]
        place = {symbol: i for i, symbol in enumerate(self.order)}
        return tuple(sorted(choices, key=lambda c: place.get(c.symbol, len(place))))

    def edited(self, **changes: Any) -> Settings:
        """Return settings with changes, to their own fields or to those of the draft.

        `elements` are `ElementChoice`, which tell `fit_only`, too.

        Raises
        ------
        RecipeError
            If a setting of the recipe is unknown or of no possible value.
        """
        own = {f.name: changes.pop(f.name) for f in fields(self) if f.name in changes}
        choices = changes.pop("elements", None)
        if choices is not None:
            own["order"] = tuple(c.symbol for c in choices)
            changes["elements"] = tuple(c.entry for c in choices if c.role == QUANTIFY)
            changes["fit_only"] = tuple(c.entry for c in choices if c.role == FIT_ONLY)
        return replace(self, draft=self.draft.edited(**changes), **own)

    def k_factors(self) -> KFactorTable | None:
        """Return the k-factors of the draft, or read the file, if one is chosen.

        Raises
        ------
        KFactorError, OSError
            If it cannot be used.
        """
        if self.draft.k_factors is not None or self.k_factor_file is None:
            return self.draft.k_factors
        convention = None if self.convention == FROM_FILE else self.convention
        return _k_factors_of(self.k_factor_file, convention, self.draft.beam_energy_keV)

    def detector(self, image: SpectrumImage) -> DetectorModel:
        """Return the detector a recipe will use: behind the window chosen here, or the file's."""
        return image.acquisition.detector(self.draft.detector_window)

    def recipe(self) -> Recipe:
        """Build the recipe.

        Raises
        ------
        RecipeError, KFactorError, OSError
            If settings are missing or inconsistent, or the file cannot be used.
        """
        return self.draft.edited(k_factors=self.k_factors()).recipe()

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON knows them."""
        return {
            "draft": self.draft.model_dump(mode="json"),
            "order": list(self.order),
            "k_factor_file": None if self.k_factor_file is None else str(self.k_factor_file),
            "convention": self.convention,
            "chip_size": self.chip_size,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """Return the settings that `to_json` gave.

        Raises
        ------
        RecipeError
            If they are none.
        """
        try:
            file, convention = values["k_factor_file"], values["convention"]
            if convention not in {FROM_FILE, "family", "alpha"}:
                raise ValueError(f"no convention of k-factors is called {convention!r}")
            return cls(
                draft=RecipeDraft.model_validate_json(json.dumps(values["draft"])),
                order=tuple(map(str, values["order"])),
                k_factor_file=None if file is None else Path(file),
                convention=convention,
                chip_size=max(int(values["chip_size"]), 1),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise RecipeError(f"these are no settings: {problem}") from problem

    def with_recipe(self, recipe: Recipe) -> Settings:
        """Return settings that make a recipe."""
        return replace(self, draft=RecipeDraft.of(recipe), order=(), k_factor_file=None)


def about_zeta_factors(table: ZetaFactorTable) -> str:
    """Say in short which zeta-factors a table holds, how well they are known, and whence."""
    of = NAMES[table.k_factors.convention]
    return (
        f"{len(table.k_factors.factors)} zeta-factors of {of}, known together to "
        f"{100 * table.common_relative_error:.2g} %: {table.k_factors.source}"
    )


def _k_factors_of(
    path: Path, convention: Convention | None, beam_energy_keV: float | None
) -> KFactorTable:
    state = path.stat()
    return _read_k_factors(path, (state.st_mtime_ns, state.st_size), convention, beam_energy_keV)


@lru_cache(maxsize=8)
def _read_k_factors(
    path: Path,
    _state: tuple[int, int],
    convention: Convention | None,
    beam_energy_keV: float | None,
) -> KFactorTable:
    """Read a table once for each state of its file: every panel asks, and theory takes time."""
    return read_k_factors(path, convention=convention, map_beam_energy_keV=beam_energy_keV)


def default_settings(image: SpectrumImage) -> Settings:
    """Return settings to start an image with: elements and families from its file.

    The fitted range ends where the energy axis does, and chips are as large as counts ask for.
    """
    start = Settings(chip_size=_chip_size(image))
    low, high = start.draft.energy_range_keV
    axis = image.energy
    if axis.calibrated:
        within = (max(low, axis.offset_keV), min(high, axis.last_keV))
        if within[0] < within[1]:
            low, high = within
    return start.edited(
        elements=_default_elements(image.acquisition), energy_range_keV=(low, high)
    )


def _chip_size(image: SpectrumImage) -> int:
    """Return the power of two that is nearest to the edge of chips that hold enough X-rays.

    Neither are there more than `_MOST_CHIPS`, nor fewer than four along the shorter side.
    """
    if image.n_pixels == 1:
        return 1
    per_pixel = max(image.xray_counts / image.n_pixels, 1e-9)
    wanted = max((_XRAYS_PER_CHIP / per_pixel) ** 0.5, (image.n_pixels / _MOST_CHIPS) ** 0.5)
    size = 2 ** round(math.log2(max(wanted, 1)))
    return max(min(size, min(image.shape) // 4), 1)


def _default_elements(acquisition: Acquisition) -> list[ElementChoice]:
    return [
        ElementChoice.of(entry, QUANTIFY if in_specimen else FIT_ONLY)
        for entry, in_specimen in named_in_file(acquisition)
    ]
