"""Detectors fitted apart and directions stated, on the command line."""

import json

import numpy as np
import pytest

from napari_eds.cli.main import main
from napari_eds.simulate import Phase, SimulatedDetector, save_detectors, simulate_detectors

TITANATE = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)


@pytest.fixture(scope="module")
def two_detectors(tmp_path_factory):
    detectors = [
        SimulatedDetector("NEAR", 22, 45),
        SimulatedDetector("DARK", 22, 225, shadow_g_cm2=4e-4),
    ]
    simulation = simulate_detectors(
        np.ones((16, 16), int), (TITANATE,), 40.0, detectors, counts_per_pixel=400
    )
    return save_detectors(simulation, tmp_path_factory.mktemp("two") / "two.emd")


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_detectors_are_quantified_together(two_detectors, tmp_path, capsys):
    out = tmp_path / "joint.csv"
    options = ("--elements", "Sr,Ti,O", "--grid", 8, "--thickness", 40, "--joint-detectors")
    assert not run("quantify", two_detectors, *options, "--tilt", 5, 0, "-o", out)
    said = capsys.readouterr().out
    assert "DARK contradicts the others and is left out" in said
    assert "by hand: tilt_deg" in said
    recipe = json.loads((tmp_path / "joint_recipe.json").read_text())
    assert recipe["detectors"] == "joint"
    assert recipe["geometry"]["tilt_deg"] == [5, 0]


def test_the_window_of_the_detector_is_told_and_kept(two_detectors, tmp_path, capsys):
    out = tmp_path / "behind.csv"
    options = ("--elements", "Sr,Ti,O", "--grid", 8, "--detector-window", "polymer")
    assert not run("quantify", two_detectors, *options, "-o", out)
    assert "a detector behind a polymer window" in capsys.readouterr().out
    recipe = tmp_path / "behind_recipe.json"
    assert json.loads(recipe.read_text())["detector_window"] == "polymer"
    again = tmp_path / "again.csv"
    assert not run("quantify", two_detectors, "--recipe", recipe, "--grid", 8, "-o", again)
    assert again.read_text() == out.read_text()


def test_azimuths_that_are_no_numbers_are_refused(two_detectors, tmp_path, capsys):
    options = ("--elements", "Sr,Ti,O", "--grid", 8, "--azimuth", "north")
    assert run("quantify", two_detectors, *options, "-o", tmp_path / "no.csv")
    assert "--azimuth north" in capsys.readouterr().err
