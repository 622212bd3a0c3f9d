"""The study of chip sizes as its script runs it, on a small map."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds

SCRIPT = Path(__file__).parents[2] / "docs/study.sh"
SIZE, CUT = 128, 125


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Folder of the results of one sample."""
    if not SCRIPT.is_file() or shutil.which("bash") is None:
        pytest.skip("the script lies in the repository, not in the package, and needs bash")
    out = tmp_path_factory.mktemp("study")
    command = out / "napari-eds"
    command.write_text(
        f'#!/usr/bin/env bash\nexec "{sys.executable}" -c '
        "'import sys; from napari_eds.cli.main import main; sys.exit(main())' \"$@\"\n"
    )
    command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{out}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(eds.__file__).parents[1]),
        "SAMPLES": "6",
    }
    done = subprocess.run(
        ["bash", str(SCRIPT), str(out / "study"), str(SIZE)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "study"


def test_the_samples_have_the_chips_that_fit(study):
    samples = pd.read_csv(study / "samples.csv", index_col="sample")
    assert samples.to_numpy().tolist() == [[CUT, 20, (CUT // 20) ** 2]]
    folder = study / "sample6_few-shot"
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["image"]["shape"] == [CUT, CUT]
    assert provenance["chips"]["grid"] == [CUT // 20] * 2
    ids = json.loads((folder / "chip_ids.json").read_text())
    assert (ids[0], len(ids)) == ("R0C0", (CUT // 20) ** 2)
    part = eds.MapPart.from_recipe(study / "sample6_recipe.json")
    assert part == eds.MapPart(crop=((0, CUT), (0, CUT)))


def test_the_page_tells_the_samples_of_the_script():
    if not SCRIPT.is_file():
        pytest.skip("the script lies in the repository, not in the package")
    row = re.compile(r"\| (\d) \| (\d+) x \d+ \| (\d+) \| (\d+) x \d+ = (\d+) \|")
    found = row.findall(SCRIPT.with_suffix(".md").read_text(encoding="utf-8"))
    told = [tuple(map(int, cells)) for cells in found]
    assert [sample for sample, *_ in told] == [1, 2, 3, 4, 5, 6, 7]
    for _, side, chip, along, number in told:
        chips = eds.grid_chips((side, side), chip)
        assert (chips.grid, len(chips)) == ((along, along), number)
    sizes = re.search(r'<<<"([\d ]+)"', SCRIPT.read_text(encoding="utf-8"))
    assert [int(chip) for chip in sizes[1].split()] == [chip for _, _, chip, _, _ in told]


def test_the_spectra_of_chips_are_those_of_the_map(study):
    dense = eds.load(study / "simulated.emd").to_array()
    spectra = np.load(study / "sample6_few-shot/spectra_sum.npy")
    assert (spectra[1] == dense[20:40, :20].sum(axis=(0, 1))).all()  # R1C0: down each column


def test_known_phases_come_out_as_they_are(study):
    known = pd.read_csv(study / "known.csv")
    assert set(zip(known["sample"], known["formula"], strict=True)) == {
        (6, formula) for formula in ("LaFeO3", "SrTiO3")
    }
    difference = known["normalised_at_pct"] - known["expected_at_pct"]
    assert (difference.abs() < 3 * known["error_total"]).all()
    assert (known["percent_error"].abs() < 5).all()
    for name in ("sample6_LaFeO3.png", "sample6_SrTiO3.png", "sample6_hyperspy.png"):
        assert (study / name).read_bytes().startswith(b"\x89PNG")
