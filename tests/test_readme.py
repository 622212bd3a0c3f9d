"""What the README says, done: its script and its commands, in order, on a simulated map.

For the script, files that a reader would have are made from the simulation: k-factors, painted
regions, examples. The commands begin in an empty folder.
"""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_eds.cli.main import main

README = Path(__file__).parents[1] / "README.md"
SUBSTRATE, FILM = 3, 2


@pytest.fixture(scope="module")
def sections():
    if not README.is_file():
        pytest.skip("the README lies in the repository, not in the package")
    text = README.read_text(encoding="utf-8")
    return dict(re.findall(r"\n## ([^\n]+)\n(.*?)(?=\n## |\Z)", text, flags=re.DOTALL))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add_what_readers_have():
    shutil.copy("map_k-factors.csv", "k-factors.csv")
    shutil.copy("map.emd", "other.emd")
    phases = tifffile.imread("map_phases.tif")
    tifffile.imwrite("painted.tif", (phases == SUBSTRATE).astype(np.uint8))
    chips = {name: chips_inside(phases == label) for name, label in PHASES.items()}
    Path("support.json").write_text(json.dumps(chips))


PHASES = {"film": FILM, "substrate": SUBSTRATE}


def chips_inside(inside, size=15, n=3):
    """Names of chips of the README's grid that lie wholly in a phase."""
    rows, columns = (length // size for length in inside.shape)
    whole = inside[: rows * size, : columns * size].reshape(rows, size, columns, size)
    places = np.argwhere(whole.all(axis=(1, 3)))
    return [f"R{row}C{column}" for row, column in places[:: max(len(places) // n, 1)][:n]]


def blocks(section, language):
    return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)


def test_the_script_runs_and_gives_the_truth(sections, folder, capsys):
    assert main(["simulate", "map.emd", "--size", "128"]) == 0
    add_what_readers_have()
    known = {}
    for block in blocks(sections["In a script"], "python"):
        exec(block, known)
    assert "corrected for 60 nm" in capsys.readouterr().out
    result = known["result"]
    table = result.table.set_index("chip")
    for chip in json.loads(Path("support.json").read_text())["film"]:
        found = table.loc[chip, ["La_at_pct", "Fe_at_pct", "O_at_pct"]]
        np.testing.assert_allclose(found.astype(float), [20, 20, 60], rtol=0.15)
    assert np.isfinite(result.maps()["Fe"]).any()
    written = ["map.csv", "map_spectra.csv", "map_recipe.json", "map.hspy", "map.edsession"]
    assert all(Path(name).is_file() for name in written)
    assert Path("chips/chip_ids.json").is_file()
    assert (known["pixels"].maps()["Fe"].shape) == (128, 128)


def test_the_commands_run_one_after_the_other(sections, folder, capsys):
    (block,) = blocks(sections["In a shell"], "sh")
    lines = block.replace("\\\n", " ").splitlines()
    assert len(lines) > 15
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        if program == "echo":
            text, into, name = arguments
            assert into == ">"
            Path(name).write_text(text)
            continue
        assert program == "napari-eds"
        code, error = main(arguments), capsys.readouterr().err
        assert code == 0, f"{line}: {error}"
        if "-o" in arguments:
            assert Path(arguments[-1]).exists(), line
    again, adaptive = (pd.read_csv(f"{name}.csv") for name in ("again", "adaptive"))
    pd.testing.assert_frame_equal(again, adaptive)
    # Chips of Pt, which is fitted only, have no composition.
    assert adaptive["O_at_pct"].dropna().between(30, 80).all()
    classes = pd.read_csv("classes.csv")
    assert set(classes["prediction"].dropna()) == set(PHASES)
    substrate = pd.read_csv("other.csv").iloc[0]
    # Its own k-factors give the formula back, within the noise of both maps.
    for column, percent in {"Sr_at_pct": 20, "Ti_at_pct": 20, "O_at_pct": 60}.items():
        noise = np.hypot(substrate[f"{column}_error"], substrate[f"{column}_error_k"])
        assert noise < 0.2
        assert substrate[column] == pytest.approx(percent, abs=3 * noise), column
