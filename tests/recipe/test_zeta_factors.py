"""Tables of zeta-factors, as cross-sections too, and recipes that hold them."""

import json

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.errors import EDSError, KFactorError
from napari_eds.physics import lines as xray
from napari_eds.recipe.zeta_factors import ZetaFactorTable, read_zeta_factors

FAMILIES = [xray.family(element, "K") for element in ("O", "Ti", "Sr")]
TABLE = eds.theoretical_zeta_factors(200.0, 0.7)


def test_cross_sections_and_zeta_factors_are_read_as_the_same_table(tmp_path):
    TABLE.to_csv(tmp_path / "zeta.csv")
    TABLE.to_csv(tmp_path / "sigma.csv", quantity="cross_section")
    zeta, sigma = (read_zeta_factors(tmp_path / f"{name}.csv") for name in ("zeta", "sigma"))
    for family in FAMILIES:
        wanted = TABLE.value_kg_m2(family, "family")
        assert zeta.value_kg_m2(family, "family") == pytest.approx(wanted, rel=1e-12)
        assert sigma.value_kg_m2(family, "family") == pytest.approx(wanted, rel=1e-12)
    assert sigma.common_relative_error == TABLE.common_relative_error
    assert sigma.k_factors.beam_energy_keV == 200
    assert sigma.k_factors.find("O", "K").relative_error == pytest.approx(
        TABLE.k_factors.find("O", "K").relative_error
    )


def test_a_table_written_by_hand_needs_four_columns(tmp_path):
    path = tmp_path / "sigma.csv"
    path.write_text("element,family,cross_section_barn,convention\nO,K,2.1,alpha\nTi,K,14,alpha\n")
    table = read_zeta_factors(path)
    # A / (N_A sigma), by hand.
    assert table.value_kg_m2(FAMILIES[0], "alpha") == pytest.approx(
        15.999e-3 / 6.02214076e23 / 2.1e-28, rel=1e-4
    )
    same = ZetaFactorTable.from_cross_sections({"O_K": 2.1, "Ti_K": 14.0}, "alpha")
    assert same.value_kg_m2(FAMILIES[1], "alpha") == table.value_kg_m2(FAMILIES[1], "alpha")


def test_columns_may_be_named_and_separated_as_people_do(tmp_path):
    path = tmp_path / "zeta.csv"
    path.write_text(
        "# of a wedge\nElement;Line;ζ (kg/m²);Error %;Common error (%);Convention;kV;why\n"
        "O;Ka;1234,5;4;12;alpha;300;x\nTi;K;701;;12;alpha;300;y\n",
        encoding="utf-8-sig",
    )
    table = read_zeta_factors(path)
    assert table.value_kg_m2(FAMILIES[0], "alpha") == 1234.5
    assert table.value_kg_m2(FAMILIES[1], "alpha") == 701
    assert table.common_relative_error == pytest.approx(0.12)
    assert table.k_factors.beam_energy_keV == 300
    assert table.k_factors.find("O", "K").relative_error == pytest.approx(0.04)
    # That of its class, which is said, and so is the column that is not used.
    assert table.k_factors.find("Ti", "K").relative_error > 0
    assert any("Ti_K" in note for note in table.k_factors.notes)
    assert any("'why'" in note for note in table.k_factors.notes)


def test_a_table_that_was_read_is_saved_as_it_was(tmp_path):
    path = tmp_path / "zeta.csv"
    path.write_text(
        "element,family,zeta_kg_m2,relative_error,convention,detector,date,notes\n"
        "O,K,1200,0.1,alpha,=SUM(1),2024-05-01,by hand\n"
        "Ti,K,700,,alpha,=SUM(1),2024-05-01,by hand\n"
    )
    table = read_zeta_factors(path)
    assert table.k_factors.detector == "=SUM(1)"
    again = table.to_csv(tmp_path / "again.csv")
    assert ",'=SUM(1)," in again.read_text()  # no formula to a spreadsheet
    assert pd.read_csv(again)["relative_error"].isna().tolist() == [False, True]
    same = read_zeta_factors(again)
    assert same.k_factors.factors == table.k_factors.factors
    assert same.k_factors.date == "2024-05-01"
    assert same.k_factors.detector == "=SUM(1)"
    assert "by hand" in same.k_factors.notes
    with pytest.raises(EDSError, match=r"zeta\.docx: tables are not saved as \.docx"):
        table.to_csv(tmp_path / "zeta.docx")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("element,family,convention\nO,K,alpha\n", "lacks zeta_kg_m2 or cross_section_barn"),
        ("element,family,zeta_kg_m2\nO,K,5\n", "lacks convention"),
        ("element,family,zeta_kg_m2,convention\nO,K,many,alpha\n", "O_K = 'many' .*line 2"),
        ("element,family,cross_section_barn,convention\nO,K,-1,alpha\n", "O_K: .* above 0"),
        ("element,family,cross_section_barn,convention\nXx,K,1,alpha\n", "Xx"),
        ("element,family,zeta_kg_m2,convention\nO,K,5,alpha\nTi,K,5,family\n", "mixes alpha"),
        ("element,family,zeta_kg_m2,convention\nO,K,5,alpha\nO,K,6,alpha\n", "lines 2 and 3"),
        (
            "element,family,zeta_kg_m2,convention,kV\nO,K,5,alpha,high\n",
            "line 2: the beam energy is not a number: 'high'",
        ),
        (
            "element,family,zeta_kg_m2,convention,error\nO,K,5,alpha,7\n",
            "line 2: 'error'.*percent",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, text, message):
    path = tmp_path / "zeta.csv"
    path.write_text(text)
    with pytest.raises(KFactorError, match=message):
        read_zeta_factors(path)


def test_a_recipe_keeps_its_method_table_and_dose(tmp_path):
    recipe = eds.Recipe(elements=("O", "Ti", "Sr")).by_zeta(
        TABLE, dose=eds.Dose(beam_current_nA=0.3, live_percent=90), take_off_angle_deg=21.0
    )
    recipe.to_json(tmp_path / "recipe.json")
    again = eds.Recipe.from_json(tmp_path / "recipe.json")
    assert again == recipe
    assert again.method == "zeta"
    assert again.zeta_factors == TABLE
    assert again.absorption.take_off_angle_deg == 21


def test_a_recipe_from_before_there_was_a_method_is_read(tmp_path):
    text = eds.Recipe(elements=("O",), absorption=eds.Absorption(thickness_nm=50)).as_json()
    old = json.loads(text)
    for name in ("method", "zeta_factors", "dose"):
        del old[name]
    (tmp_path / "old.json").write_text(json.dumps(old))
    again = eds.Recipe.from_json(tmp_path / "old.json")
    assert again.method == "cliff_lorimer"
    assert again.absorption.thickness_nm == 50


def test_a_recipe_says_what_its_method_lacks_or_has_no_use_for(tmp_path):
    with pytest.raises(eds.RecipeError, match="needs zeta_factors"):
        eds.Recipe.create(elements=("O",), method="zeta")
    with pytest.raises(eds.RecipeError, match="finds the thickness: leave absorption"):
        eds.Recipe.create(
            elements=("O",),
            method="zeta",
            zeta_factors=TABLE,
            absorption=eds.Absorption(thickness_nm=50),
        )
    with pytest.raises(eds.RecipeError, match="thickness_nm is needed"):
        eds.Recipe.create(elements=("O",), absorption=eds.Absorption(density_g_cm3=5))
    spoilt = json.loads(eds.Recipe(elements=("O",), zeta_factors=TABLE).as_json())
    spoilt["zeta_factors"]["constant_kg_m2"] = -1.0
    (tmp_path / "spoilt.json").write_text(json.dumps(spoilt))
    with pytest.raises(eds.RecipeError, match=r"spoilt.json: zeta_factors: .*must be positive"):
        eds.Recipe.from_json(tmp_path / "spoilt.json")


def test_zeta_factors_are_k_factors_up_to_a_common_factor():
    table = TABLE.as_k_factors()
    ratio = [
        table.find(f.element, "K").value / TABLE.k_factors.find(f.element, "K").value
        for f in FAMILIES
    ]
    assert np.ptp(ratio) == pytest.approx(0, abs=1e-9 * ratio[0])
    assert table.convention == TABLE.k_factors.convention
