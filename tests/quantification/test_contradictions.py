"""Settings that contradict the file or the table of k-factors are told with every result."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.cli import main
from napari_eds.physics import lines as xray
from napari_eds.quantification.conditions.contradictions import (
    beam_remarks,
    looks_bulk,
    table_remarks,
)

K = eds.KFactorTable.from_mapping({"Ga_K": 1, "As_K": 1}, "family")
BULK = "bulk specimen"


@pytest.fixture(scope="module")
def gallium_arsenide(data_dir):
    """A bulk specimen at 30 kV."""
    return eds.read(data_dir / "real/msa/GaAs/GaAs_30kV.emsa")[0]


def flag_of(image, **settings):
    recipe = eds.Recipe(elements=("Ga", "As"), k_factors=K, **settings)
    result = eds.quantify(image, np.ones(image.shape, int), recipe)
    return result.table.iloc[0]["flag"], " ".join(result.account())


def test_another_beam_energy_is_told_and_makes_no_foil_of_a_bulk_specimen(gallium_arsenide):
    said = "eam energy 200 keV, though the file says 30"
    flag, account = flag_of(gallium_arsenide, beam_energy_keV=200)
    assert said in flag
    assert BULK in flag
    assert said in account
    for same in ({}, {"beam_energy_keV": 30.3}):
        flag, account = flag_of(gallium_arsenide, **same)
        assert "though the file says" not in flag + account
        assert BULK in flag


def test_a_file_without_beam_energy_leaves_it_to_the_recipe(gallium_arsenide):
    silent = replace(
        gallium_arsenide,
        acquisition=replace(gallium_arsenide.acquisition, beam_energy_keV=None),
    )
    flag, _ = flag_of(silent, beam_energy_keV=200)
    assert "though the file says" not in flag
    assert BULK not in flag
    flag, _ = flag_of(silent, beam_energy_keV=30)
    assert BULK in flag


@pytest.mark.parametrize(
    ("stated", "used", "bulk", "told"),
    [
        (200, 200, False, False),
        (200, 203, False, False),
        (200, 300, False, True),
        (200, 15, True, True),
        (15, 200, True, True),
        (None, 200, False, False),
    ],
)
def test_whichever_beam_energy_speaks_for_a_bulk_specimen_is_heard(stated, used, bulk, told):
    acquisition = eds.Acquisition(beam_energy_keV=stated, signal_type="STEM")
    recipe = eds.Recipe(elements=("O",), beam_energy_keV=used)
    assert looks_bulk(acquisition, recipe) is bulk
    assert bool(beam_remarks(acquisition, used)) is told


def test_the_command_says_it_in_shell_and_table(data_dir, tmp_path, capsys):
    spectrum, out = data_dir / "real/msa/GaAs/GaAs_30kV.emsa", tmp_path / "o.csv"
    arguments = ["quantify", spectrum, "--elements", "Ga,As", "--whole", "--beam-energy", "200"]
    assert main.main([str(a) for a in (*arguments, "-o", out)]) == 0
    (flag,) = pd.read_csv(out)["flag"]
    assert "though the file says 30" in flag
    assert capsys.readouterr().out.count("though the file says 30") == 2


# Tables of k-factors


@pytest.fixture(scope="module")
def velox_table(data_dir):
    """Function from a convention to Velox's table, which is of families."""
    path = data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv"
    return lambda convention: eds.read_k_factors(path, convention=convention)


ALPHA = "k-factors taken for alpha lines, but they look like whole families"


def test_a_convention_that_theory_contradicts_is_told_in_every_label(
    lfo_sto_96, velox_table, tmp_path
):
    labels = eds.grid_chips(lfo_sto_96.shape, 48)
    settings = {"elements": ("O", "Ti", "Sr"), "fit_only": ("La", "Fe", "Cu")}
    flags = {}
    for convention in ("alpha", "family", None):
        recipe = eds.Recipe(k_factors=velox_table(convention), **settings)
        flags[convention] = eds.quantify(lfo_sto_96, labels, recipe).table["flag"]
    assert flags["alpha"].str.contains(ALPHA, regex=False).all()
    for right in ("family", None):
        assert not flags[right].str.contains("look like").any()


def test_a_contradicted_convention_outlives_files_and_ends_with_another_choice(
    velox_table, tmp_path
):
    table = velox_table("alpha")
    again = eds.read_k_factors(table.to_csv(tmp_path / "k.csv"))
    recipe = eds.Recipe(elements=("O", "Ti"), k_factors=table)
    (tmp_path / "r.json").write_text(recipe.as_json(None), "utf-8")
    saved = eds.Recipe.from_json(tmp_path / "r.json").k_factors
    assert all(table_remarks(one, 200) == [ALPHA] for one in (table, again, saved))
    assert table_remarks(table.taken_as("family"), 200) == []


@pytest.mark.parametrize(
    ("told", "remarks"),
    [(200, ["k-factors for 200 keV, map at 300 keV"]), (299, []), (300, []), (None, [])],
)
def test_a_table_for_another_beam_energy_is_told(lfo_sto_96, told, remarks):
    """The map was simulated for 300 keV. A table that gives no beam energy contradicts nothing."""
    beam = lfo_sto_96.acquisition.beam_energy_keV
    assert beam == 300
    k = eds.KFactorTable.from_mapping({"O_K": 1, "Ti_K": 1}, "family", beam_energy_keV=told)
    assert table_remarks(k, beam) == remarks
    recipe = eds.Recipe(elements=("O", "Ti"), k_factors=k, allow_beam_energy_mismatch=True)
    (flag,) = eds.quantify(lfo_sto_96, np.ones(lfo_sto_96.shape, int), recipe).table["flag"]
    assert [r for r in flag.split("; ") if r.startswith("k-factors for")] == remarks


def test_factors_far_from_theory_are_told_where_they_are_used():
    """The inverse of what it should be leaves the convention of a table plain."""
    right = eds.theoretical_k_factors(200, elements=("Sr", "Ti", "O", "Pt"))
    turned = {f"{f.element}_{f.family}": 1 / f.value for f in right.factors}
    table = eds.KFactorTable.from_mapping(turned, "family")
    used = [xray.family("Sr", "K"), xray.family("O", "K")]
    assert table_remarks(right, 200, used) == []
    (told,) = table_remarks(table, 200, used)
    assert re.fullmatch(r"k-factors far from theory: O_K x [5-6]\.\d, Sr_K x 0\.2\d", told)
    assert table_remarks(table, 200) == []
    assert table_remarks(table, 15, used) == []
