"""Maps of thickness and density with gaps: what is not known, and what is not there."""

import numpy as np
import pytest

import napari_eds as eds


@pytest.fixture(scope="module")
def recipe(data_dir):
    return eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"),
        fit_only=("C", "Cu", "Ga", "Pt"),
        k_factors=eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
        absorption=eds.Absorption(thickness_nm=55, density_g_cm3=5.5),
    )


@pytest.fixture(scope="module")
def labels(lfo_sto_96):
    return eds.grid_chips(lfo_sto_96.shape, 48).labels


def even(labels, value):
    """A map that has one value everywhere."""
    return np.full(labels.shape, float(value))


@pytest.mark.parametrize("name", ["thickness_nm", "density_g_cm3"])
def test_pixels_that_are_not_known_do_not_count(lfo_sto_96, recipe, labels, name):
    """Half of each label unknown: as if the other half stood for all of it."""
    values = {"thickness_nm": 80, "density_g_cm3": 6.0}[name]
    gaps = even(labels, values)
    gaps[::2] = np.nan
    whole, some = (
        eds.quantify(lfo_sto_96, labels, recipe, **{name: given})
        for given in (even(labels, values), gaps)
    )
    np.testing.assert_array_equal(
        some.composition.atomic_fractions, whole.composition.atomic_fractions
    )


@pytest.mark.parametrize("name", ["thickness", "density"])
def test_labels_of_which_nothing_is_known_are_named(lfo_sto_96, recipe, labels, name):
    argument = {"thickness": "thickness_nm", "density": "density_g_cm3"}[name]
    unknown = np.where(np.isin(labels, [2, 4]), np.nan, 6.0)
    with pytest.raises(eds.EDSError, match=rf"the {name} map is NaN in all of label 2, 4: give"):
        eds.quantify(lfo_sto_96, labels, recipe, **{argument: unknown})
    kept = np.where(np.isnan(unknown), 0, labels)
    assert len(eds.quantify(lfo_sto_96, kept, recipe, **{argument: unknown}).table) == 2


def test_a_label_without_thickness_is_told_and_as_uncertain_as_without_correction(
    lfo_sto_96, recipe, labels
):
    """The density of a run without correction follows from the composition; here, too."""
    absorption = eds.Absorption(thickness_nm=55)
    settings = recipe.model_copy(update={"absorption": absorption})
    bare = np.where(labels == 2, 0.0, 55.0)
    corrected, some = (
        eds.quantify(lfo_sto_96, labels, settings, thickness_nm=given)
        for given in (even(labels, 55), bare)
    )
    without = eds.quantify(lfo_sto_96, labels, recipe.model_copy(update={"absorption": None}))
    said = "thickness 0 nm in the map: absorption not corrected"
    assert some.table["flag"].str.contains(said).tolist() == [False, True, False, False]
    assert "O ±" in some.table["flag"][2]
    errors = [r.composition.atomic_error_parts["thickness"] for r in (corrected, some, without)]
    others = [0, 2, 3]
    np.testing.assert_allclose(errors[1][1], errors[2][1], rtol=0.1, atol=1e-4)
    assert errors[1][1].max() > 3 * errors[0][1].max()
    np.testing.assert_allclose(errors[1][others], errors[0][others], rtol=0.1, atol=1e-4)


def test_pixel_maps_say_in_how_many_pixels_a_map_is_not_known(lfo_sto_96, recipe, labels):
    unknown = even(labels, 55)
    unknown[:2, :3] = np.nan
    with pytest.raises(eds.EDSError, match="the thickness map is NaN in 6 of the pixels"):
        eds.pixel_maps(lfo_sto_96, recipe, thickness_nm=unknown)
    mask = ~np.isnan(unknown)
    found = eds.pixel_maps(
        lfo_sto_96, recipe, mask=mask, thickness_nm=unknown, kernel=eds.Kernel("mean", 5, "px")
    )
    assert np.isfinite(found.atomic_pct[:, mask]).any()
