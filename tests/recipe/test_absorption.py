"""Settings of the absorption correction: densities that are none are refused, not used."""

import re

import numpy as np
import pytest

import napari_eds as eds
from napari_eds.physics import lines as xray
from napari_eds.recipe.absorption import Absorption, foil, read_density

KG_M3 = r"5120 g/cm³ .* give it in g/cm³; 5\.12 g/cm³, if 5120 is in kg/m³"


def test_a_density_in_kg_m3_is_refused_and_guessed():
    for refused in (
        lambda: read_density("5120"),
        lambda: Absorption(thickness_nm=80, density_g_cm3=5120),
        lambda: Absorption(thickness_nm=80, density_g_cm3="5120"),
    ):
        with pytest.raises(ValueError, match=KG_M3):
            refused()


@pytest.mark.parametrize("text", ["31", "1e6", "inf"])
def test_what_is_no_density_in_kg_m3_either_is_refused_without_a_guess(text):
    with pytest.raises(eds.EDSError, match=r"give it in g/cm³$"):
        read_density(text)


def test_the_densest_elements_are_allowed():
    assert read_density("Os") == pytest.approx(22.6, abs=0.1)
    assert Absorption(density_g_cm3="Os").density_g_cm3 == read_density("Os")
    assert Absorption(density_g_cm3=22.6).density_g_cm3 == 22.6


def test_a_density_of_one_label_in_kg_m3_is_refused():
    families = [xray.family("O", "K"), xray.family("Ti", "K")]
    with pytest.raises(eds.EDSError, match=KG_M3):
        foil(
            Absorption(thickness_nm=80),
            families,
            2,
            take_off_angle_deg=20,
            density_g_cm3=np.array([5.12, 5120]),
        )


def test_what_no_electron_goes_through_is_no_thickness_of_a_foil():
    refused = r"1e\+09 nm is more than electrons go through .* in nm, 10,000 at most"
    with pytest.raises(eds.EDSError, match=f"thickness_nm: .*{refused}"):
        Absorption.create(thickness_nm=1e9)
    with pytest.raises(eds.EDSError, match=refused):
        foil(
            Absorption(thickness_nm=80),
            [xray.family("O", "K"), xray.family("Ti", "K")],
            2,
            take_off_angle_deg=20,
            thickness_nm=np.array([50, 1e9]),
        )
    assert Absorption(thickness_nm=5000).thickness_nm == 5000


@pytest.mark.parametrize("written", ["6,5", " 6,5 ", "5,120"])
def test_a_decimal_comma_is_told_from_a_formula(written):
    point = written.strip().replace(",", ".")
    with pytest.raises(eds.EDSError, match=rf"write {re.escape(point)}, with a decimal point"):
        read_density(written)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"density_g_cm3": "Foo"}, "density_g_cm3: .*Foo"),
        ({"density_g_cm3": 5120}, "density_g_cm3: .*kg/m³"),
        ({"thickness_nm": -1}, "thickness_nm: .*greater than 0"),
        ({"thickness": 5}, "thickness: Extra inputs"),
    ],
)
def test_settings_that_are_none_are_told_in_one_line(settings, message):
    with pytest.raises(eds.RecipeError, match=message) as error:
        Absorption.create(**settings)
    assert "\n" not in str(error.value)
    assert "pydantic.dev" not in str(error.value)
    assert Absorption.create(thickness_nm=5) == Absorption(thickness_nm=5)
