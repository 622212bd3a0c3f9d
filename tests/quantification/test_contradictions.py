"""Settings that contradict the file or the table of k-factors are told with every result."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.cli import main
from napari_eds.quantification.contradictions import beam_remarks, looks_bulk

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
    assert looks_bulk(acquisition, used) is bulk
    assert bool(beam_remarks(acquisition, used)) is told


def test_the_command_says_it_in_shell_and_table(data_dir, tmp_path, capsys):
    spectrum, out = data_dir / "real/msa/GaAs/GaAs_30kV.emsa", tmp_path / "o.csv"
    arguments = ["quantify", spectrum, "--elements", "Ga,As", "--whole", "--beam-energy", "200"]
    assert main.main([str(a) for a in (*arguments, "-o", out)]) == 0
    (flag,) = pd.read_csv(out)["flag"]
    assert "though the file says 30" in flag
    assert capsys.readouterr().out.count("though the file says 30") == 2
