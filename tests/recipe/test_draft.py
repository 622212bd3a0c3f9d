"""Drafts of recipes: nothing is lost on the way there and back; what is missing is said."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_eds import (
    Absorption,
    AxisCorrection,
    Dose,
    KFactorTable,
    LowEnergyTail,
    Recipe,
    RecipeError,
    ZetaFactorTable,
)
from napari_eds.physics.detector_windows import WINDOWS
from napari_eds.recipe.draft import AbsorptionDraft, RecipeDraft
from napari_eds.recipe.geometry import Geometry
from napari_eds.recipe.recipe import Background, Engine
from napari_eds.recipe.uncertainties import Uncertainties

TABLES = ["O_K", "La_L", "Fe_K"]
positive = st.floats(0, exclude_min=True, allow_infinity=False)
finite = st.floats(allow_nan=False, allow_infinity=False)
families = st.sampled_from(["O", "La_L", "Fe_K", "Sr"])
ZETA = st.builds(
    ZetaFactorTable,
    st.builds(
        KFactorTable.from_mapping,
        st.dictionaries(st.sampled_from(TABLES), positive),
        st.sampled_from(["family", "alpha"]),
    ),
    positive,
    st.floats(0, allow_infinity=False),
)
FIELDS = {
    "elements": st.lists(families, min_size=1, unique=True).map(tuple),
    "k_factors": st.none()
    | st.builds(
        KFactorTable.from_mapping,
        st.dictionaries(st.sampled_from(TABLES), positive),
        st.sampled_from(["family", "alpha"]),
        source=st.text(),
    ),
    "fit_only": st.lists(st.sampled_from(["Cu", "C", "Ga_K"]), unique=True).map(tuple),
    "energy_range_keV": st.lists(positive, min_size=2, max_size=2, unique=True).map(
        lambda pair: tuple(sorted(pair))
    ),
    "background": st.sampled_from(get_args(Background)),
    "background_order": st.integers(0, 10),
    "engine": st.sampled_from(get_args(Engine)),
    "calibrate": st.booleans(),
    "axis_correction": st.none()
    | st.builds(
        AxisCorrection,
        offset_eV=finite,
        gain_percent=st.floats(-50, 50, exclude_min=True, exclude_max=True),
    ),
    "correct_lines": st.booleans(),
    "refine_line_ratios": st.booleans(),
    "low_energy_tail": st.none()
    | st.builds(
        LowEnergyTail,
        fraction=st.floats(0, 1, exclude_max=True),
        decay_keV=positive,
        below_keV=st.none() | positive,
    ),
    "non_negative": st.booleans(),
    "beam_energy_keV": st.none() | positive,
    "energy_resolution_MnKa_eV": st.none() | positive,
    "detector_window": st.none() | st.sampled_from(WINDOWS),
    "absorption": st.none()
    | st.builds(
        Absorption,
        thickness_nm=st.floats(0, 10_000, exclude_min=True),
        density_g_cm3=st.none() | st.floats(0, 30, exclude_min=True),
        take_off_angle_deg=st.none() | st.floats(0, 90, exclude_min=True),
    ),
    "allow_beam_energy_mismatch": st.booleans(),
    "uncertainties": st.builds(
        Uncertainties, line_shape_percent=st.floats(0, 200), unknown_thickness_nm=positive
    ),
    "method": st.just("cliff_lorimer"),
    "zeta_factors": st.none() | ZETA,
    "dose": st.builds(
        Dose,
        beam_current_nA=st.none() | positive,
        current_error_percent=st.floats(0, 200),
        dwell_time_us=st.none() | positive,
        frames=st.none() | positive,
        live_percent=st.none() | st.floats(0, 100, exclude_min=True),
    ),
    "detectors": st.sampled_from(("sum", "joint")),
    "geometry": st.builds(
        Geometry,
        tilt_deg=st.none() | st.tuples(st.floats(-89, 89), st.floats(-89, 89)),
        elevation_deg=st.none() | st.floats(-90, 90),
        azimuth_deg=st.none() | st.lists(st.floats(0, 360), max_size=4).map(tuple),
    ),
}
RECIPES = st.builds(Recipe, **FIELDS) | st.builds(
    Recipe.by_zeta, st.builds(Recipe, **FIELDS), ZETA
)


def test_every_setting_of_a_recipe_is_tried_here():
    assert set(FIELDS) == set(Recipe.model_fields)
    assert set(RecipeDraft.model_fields) == set(Recipe.model_fields)
    assert set(AbsorptionDraft.model_fields) == set(Absorption.model_fields)


@given(RECIPES)
def test_a_recipe_comes_back_from_its_draft(recipe):
    draft = RecipeDraft.of(recipe)
    assert draft.recipe() == recipe
    assert type(draft.recipe()) is Recipe
    assert RecipeDraft.of(draft.recipe()) == draft
    assert hash(RecipeDraft.of(recipe)) == hash(draft)


@given(RECIPES, RECIPES)
def test_settings_put_in_one_after_the_other_make_the_recipe(first, wanted):
    """As a form does it; on the way they need not go together."""
    draft, target = RecipeDraft.of(first), RecipeDraft.of(wanted)
    for name in RecipeDraft.model_fields:
        draft = draft.edited(**{name: getattr(target, name)})
    assert draft.recipe() == wanted


def test_an_empty_draft_asks_for_elements_and_then_has_the_defaults():
    with pytest.raises(RecipeError, match="choose at least one element to quantify"):
        RecipeDraft().recipe()
    draft = RecipeDraft().edited(elements=("O", "La"))
    assert draft.recipe() == Recipe(elements=("O", "La"))
    assert RecipeDraft(fit_only=("Cu",)).elements == ()


def test_a_draft_may_be_what_a_recipe_may_not():
    draft = RecipeDraft(elements=("O",), energy_range_keV=(10, 2), fit_only=("O_K",))
    with pytest.raises(RecipeError, match="both quantified and fitted only: O"):
        draft.recipe()
    with pytest.raises(RecipeError, match="the energy range 10 to 2 keV is empty"):
        draft.edited(fit_only=()).recipe()


def test_absorption_is_corrected_once_there_is_a_thickness():
    foil = AbsorptionDraft(density_g_cm3=6.5, take_off_angle_deg=22)
    draft = RecipeDraft(elements=("O",), absorption=foil)
    assert draft.recipe().absorption is None
    thick = draft.edited(absorption=AbsorptionDraft(**{**dict(foil), "thickness_nm": 40}))
    assert thick.recipe().absorption == Absorption(
        thickness_nm=40, density_g_cm3=6.5, take_off_angle_deg=22
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beam_energy_keV": 0}, "beam_energy_keV: Input should be greater than 0"),
        ({"background_order": 11}, "background_order: "),
        ({"thickness": 5}, "thickness: Extra inputs are not permitted"),
        ({"absorption": None}, "absorption: "),
    ],
)
def test_a_value_that_is_never_possible_is_refused_at_once(change, message):
    with pytest.raises(RecipeError, match=message):
        RecipeDraft().edited(**change)


def test_a_draft_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        RecipeDraft().engine = "linear"
