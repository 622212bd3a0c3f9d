"""Commands for single pixels, few-shot programs and sessions, beside the functions they call."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_eds as eds
from napari_eds.cli.main import main
from napari_eds.labels.from_counts import adaptive_chips
from napari_eds.quantification.pixels.kernels import Kernel
from napari_eds.quantification.pixels.maps import pixel_maps

ELEMENTS = ("La", "Fe", "O", "Sr", "Ti", "Pt")
FIT_ONLY = ("Cu", "C")


@pytest.fixture
def options(data_dir):
    return [
        *("--elements", ",".join(ELEMENTS)),
        *("--fit-only", ",".join(FIT_ONLY)),
        *("--k-factors", str(data_dir / "simulated/kfactors_family_sum_windowless.csv")),
    ]


@pytest.fixture
def recipe(data_dir):
    return eds.Recipe(
        elements=ELEMENTS,
        fit_only=FIT_ONLY,
        k_factors=eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
    )


@pytest.fixture
def map_file(data_dir, tmp_path):
    return shutil.copy(data_dir / "simulated/LFO_STO_96.emd", tmp_path / "map.emd")


def test_pixel_maps_are_those_of_the_function(map_file, options, recipe, tmp_path, capsys):
    command = ["pixel-maps", str(map_file), *options, "--kernel", "5px", "-o", str(tmp_path / "m")]
    assert main(command) == 0
    expected = pixel_maps(eds.load(map_file), recipe, kernel=Kernel("mean", 5)).maps()["Fe"]
    (path,) = [p for p in (tmp_path / "m").glob("*Fe*.tif*") if "error" not in p.name]
    np.testing.assert_allclose(tifffile.imread(path), expected, rtol=1e-5)
    assert "5 px" in capsys.readouterr().out


def test_a_kernel_without_a_unit_is_explained(map_file, options, tmp_path, capsys):
    command = ["pixel-maps", str(map_file), *options, "--kernel", "5", "-o", str(tmp_path / "m")]
    assert main(command) == 2
    assert "such as 5px or 12nm, not '5'" in capsys.readouterr().err


def test_few_shot_writes_the_folder(map_file, options, tmp_path, capsys):
    folder = tmp_path / "few"
    command = ["few-shot", str(map_file), *options, "--grid", "24", "--picture", "HAADF"]
    assert main([*command, "-o", str(folder)]) == 0
    ids = json.loads((folder / "chip_ids.json").read_text())
    assert len(ids) == 16
    assert np.load(folder / "spectra_sum.npy").shape == (16, 4096)
    assert main([*command, "-o", str(folder)]) == 1
    assert "holds an earlier export" in capsys.readouterr().err
    assert main([*command[:-1], "nothing", "-o", str(tmp_path / "other")]) == 1
    assert "it has HAADF" in capsys.readouterr().err


def test_a_session_repeats_the_run(map_file, options, tmp_path):
    command = ["quantify", str(map_file), *options, "--min-counts", "100000", "--session"]
    assert main([*command, "-o", str(tmp_path / "first.csv")]) == 0
    session = tmp_path / "map.edsession"
    assert main(["repeat", str(session), str(map_file), "-o", str(tmp_path / "again.csv")]) == 0
    first, again = (tmp_path / name for name in ("first.csv", "again.csv"))
    assert first.read_text() == again.read_text()
    chips = adaptive_chips(eds.load(map_file).counts_map(), 100_000)
    table = pd.read_csv(first, index_col="label")
    assert list(table["chip"]) == list(chips.names.values())
    assert (table["counts"] >= 100_000).all()


def test_a_session_of_another_map_is_refused(map_file, options, tmp_path, data_dir, capsys):
    command = ["quantify", str(map_file), *options, "--grid", "48", "--session"]
    assert main([*command, "-o", str(tmp_path / "first.csv")]) == 0
    other = data_dir / "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd"
    out = str(tmp_path / "again.csv")
    assert main(["repeat", str(tmp_path / "map.edsession"), str(other), "-o", out]) == 1
    assert "10" in capsys.readouterr().err
