"""Settings of the window: elements as lists show them, and the recipe they make."""

from pathlib import Path

import pytest

from napari_eds import KFactorTable, Recipe, RecipeError
from napari_eds._napari.state.element_choice import FIT_ONLY, ElementChoice
from napari_eds._napari.state.settings import Settings

CHOICES = (ElementChoice("Cu", FIT_ONLY), ElementChoice("La", family="L"), ElementChoice("O"))
K = KFactorTable.from_mapping({"O_K": 1.134, "La_L": 2.327}, "family")


def test_elements_keep_their_places_whatever_their_role():
    settings = Settings().edited(elements=CHOICES)
    assert settings.elements == CHOICES
    assert settings.recipe() == Recipe(elements=("La_L", "O"), fit_only=("Cu",))
    changed = (CHOICES[0], CHOICES[1]._replace(role=FIT_ONLY), CHOICES[2])
    assert settings.edited(elements=changed).elements == changed
    assert settings.edited(elements=changed).recipe().fit_only == ("Cu", "La_L")


def test_one_edit_leaves_the_rest_to_the_last_digit():
    recipe = Recipe(elements=("O",), energy_range_keV=(0.21371, 18.12345), k_factors=K)
    settings = Settings().with_recipe(recipe).edited(chip_size=5, calibrate=False)
    assert settings.chip_size == 5
    assert settings.recipe() == recipe.model_copy(update={"calibrate": False})


def test_k_factors_of_the_draft_go_before_the_file():
    settings = Settings().edited(elements=CHOICES, k_factor_file=Path("gone.csv"))
    with pytest.raises(FileNotFoundError):
        settings.recipe()
    assert settings.edited(k_factors=K).recipe().k_factors == K
    assert settings.with_recipe(Recipe(elements=("O",))).k_factor_file is None


def test_an_unknown_setting_is_refused():
    with pytest.raises(RecipeError, match="thickness: Extra inputs are not permitted"):
        Settings().edited(thickness=5)
