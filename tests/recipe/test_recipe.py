"""Recipes: what is refused and how it is said, immutability, files."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_eds import KFactorTable, Recipe, RecipeError
from napari_eds.recipe.draft import RecipeDraft

K = KFactorTable.from_mapping({"O_K": 1.134, "La_L": 2.327}, "family")


def recipe(**changes):
    return Recipe.create(**{"elements": ("O", "La"), "k_factors": K, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elements": ()}, "no element to quantify"),
        ({"elements": ("o",)}, "elements: 'o' is neither an element"),
        ({"elements": ("O_X",)}, "elements: 'O_X' is neither an element"),
        ({"elements": ("O_",)}, "elements: 'O_' is neither an element"),
        ({"elements": ("Iron",)}, "elements: 'Iron' is neither an element"),
        ({"elements": ("",)}, "elements: '' is neither an element"),
        ({"elements": ("O", "O_K")}, "elements: named more than once: O"),
        ({"fit_only": ("La_M",)}, "both quantified and fitted only: La"),
        ({"energy_range_keV": (10, 2)}, "the energy range 10 to 2 keV is empty"),
        ({"energy_range_keV": (5, 5)}, "the energy range 5 to 5 keV is empty"),
        ({"energy_range_keV": (-1, 5)}, "energy_range_keV.0: Input should be greater than 0"),
        ({"background_order": -1}, "background_order: "),
        ({"background_order": 11}, "background_order: "),
        ({"engine": "magic"}, "engine: Input should be 'poisson', 'linear' or 'nonlinear'"),
        ({"beam_energy_keV": 0}, "beam_energy_keV: Input should be greater than 0"),
        ({"beam_energy_keV": float("inf")}, "beam_energy_keV: "),
        ({"k_factors": {"O_K": 1}}, "k_factors.factors: Field required"),
        ({"thickness": 50}, "thickness: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes, message):
    with pytest.raises(RecipeError) as error:
        recipe(**changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "pydantic" not in str(error.value)


def test_every_fault_is_named():
    with pytest.raises(RecipeError, match=r"background_order: .*; engine: "):
        recipe(background_order=99, engine="magic")


def test_a_recipe_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        recipe().engine = "nonlinear"
    assert isinstance(recipe(elements=["O"]).elements, tuple)


def test_equal_settings_are_equal_recipes():
    assert recipe() == recipe()
    assert hash(recipe()) == hash(recipe())
    assert recipe() != recipe(background_order=4)


energies = st.floats(0.1, 1000)
recipes = st.builds(
    Recipe,
    elements=st.lists(st.sampled_from(["O", "La_L", "Fe_K", "Sr"]), min_size=1, unique=True).map(
        tuple
    ),
    fit_only=st.lists(st.sampled_from(["Cu", "C", "Ga_K"]), unique=True).map(tuple),
    k_factors=st.builds(
        KFactorTable.from_mapping,
        st.dictionaries(
            st.sampled_from(["O_K", "La_L", "Fe_K"]),
            st.floats(0, exclude_min=True, allow_infinity=False),
        ),
        st.sampled_from(["family", "alpha"]),
        source=st.text(),
    ),
    energy_range_keV=st.tuples(energies, st.floats(0.1, 100)).map(
        lambda pair: (pair[0], pair[0] + pair[1])
    ),
    background_order=st.integers(0, 10),
    engine=st.sampled_from(["linear", "nonlinear"]),
    beam_energy_keV=st.none() | energies,
    energy_resolution_MnKa_eV=st.none() | energies,
)


@given(recipes)
def test_a_saved_recipe_reads_back_the_same(tmp_path_factory, saved):
    path = tmp_path_factory.getbasetemp() / "recipe.json"
    saved.to_json(path, overwrite=True)
    assert Recipe.from_json(path) == saved


def test_a_saved_recipe_can_be_read_by_any_program(tmp_path):
    recipe(energy_range_keV=(0.2, 12)).to_json(tmp_path / "recipe.json")
    content = json.loads((tmp_path / "recipe.json").read_text(encoding="utf-8"))
    assert content["elements"] == ["O", "La"]
    assert content["energy_range_keV"] == [0.2, 12.0]
    assert content["k_factors"]["factors"][1]["value"] == 2.327
    assert content["k_factors"]["convention"] == "family"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "recipe.json: Invalid JSON"),
        ("\x00\xff", "recipe.json: Invalid JSON"),
        ("{}", "recipe.json: elements: Field required"),
        ("[1, 2]", "recipe.json: "),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text, message):
    (tmp_path / "recipe.json").write_text(text, encoding="latin-1")
    with pytest.raises(RecipeError) as error:
        Recipe.from_json(tmp_path / "recipe.json")
    assert message in str(error.value)


def test_a_file_with_unknown_settings_is_refused(tmp_path):
    path = tmp_path / "recipe.json"
    recipe().to_json(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "absorbtion": True}), encoding="utf-8")
    with pytest.raises(
        RecipeError, match=r"recipe\.json: absorbtion: Extra inputs are not permitted"
    ):
        Recipe.from_json(path)


def test_a_recipe_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        Recipe.from_json(tmp_path / "recipe.json")


def test_an_error_that_nobody_gave_is_not_given_in_a_saved_recipe(tmp_path):
    table = KFactorTable.from_mapping(
        {"O_K": 1.1, "Ti_K": 1.2, "Fe_K": 1.3},
        "family",
        # Fe: as large as that of its class, but given.
        relative_errors={"Ti_K": 0.0, "Fe_K": 0.05},
    )
    recipe(k_factors=table).to_json(tmp_path / "recipe.json")
    stored = json.loads((tmp_path / "recipe.json").read_text())["k_factors"]["factors"]
    assert ["relative_error" in factor for factor in stored] == [False, True, True]
    draft = RecipeDraft.of(Recipe.from_json(tmp_path / "recipe.json")).edited(
        background="physical"
    )
    again = RecipeDraft.model_validate_json(draft.model_dump_json()).recipe().k_factors
    assert again == table
    np.testing.assert_equal([f.given_error for f in again.factors], [np.nan, 0, 0.05])
    assert [f.relative_error for f in again.factors] == [f.relative_error for f in table.factors]
