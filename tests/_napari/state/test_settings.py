"""Settings of the window: elements as lists show them, and the recipe they make."""

from pathlib import Path

import numpy as np
import pytest

import napari_eds as eds
from napari_eds import KFactorTable, Recipe, RecipeError
from napari_eds._napari.state.element_choice import FIT_ONLY, ElementChoice
from napari_eds._napari.state.settings import Settings, default_settings

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


def _flat(shape, counts, last_keV=10.24):
    data = np.zeros((*shape, 1024), np.uint16)
    data[..., 500] = counts
    return eds.SpectrumImage.from_array(data, eds.EnergyAxis(0.0, last_keV / 1024, 1024))


@pytest.mark.parametrize(
    ("shape", "counts", "size"),
    [
        ((64, 64), 200, 16),  # 16 x 16 x 200 = 51,200 X-rays
        ((64, 64), 800, 8),
        ((64, 64), 1, 16),  # four along the side
        ((1, 1), 1_000, 1),
    ],
)
def test_chips_start_with_a_size_that_counts_ask_for(shape, counts, size):
    assert default_settings(_flat(shape, counts)).chip_size == size


def test_the_fitted_range_starts_within_the_energy_axis():
    low, high = default_settings(_flat((4, 4), 10, last_keV=5.12)).draft.energy_range_keV
    assert 0 <= low < high <= 5.12
