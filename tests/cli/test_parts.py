"""Parts of a map from the shell, beside the counts of the whole one, and that runs repeat them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.cli.main import main

ELEMENTS = ["--elements", "La,Fe,O,Sr,Ti,Pt", "--fit-only", "Cu,C"]


@pytest.fixture
def map_file(data_dir, tmp_path):
    return str(shutil.copy(data_dir / "simulated/LFO_STO_96.emd", tmp_path / "map.emd"))


@pytest.fixture(scope="module")
def dense(lfo_sto_96):
    return lfo_sto_96.to_array()


def test_chips_of_a_crop_hold_the_counts_of_the_dense_part(map_file, dense, tmp_path):
    out = tmp_path / "out.csv"
    crop = ["--crop", "10:92", "4:90", "--grid", "20", "--spectra"]
    assert main(["quantify", map_file, *ELEMENTS, *crop, "-o", str(out)]) == 0
    spectra = pd.read_csv(tmp_path / "out_spectra.csv").set_index("chip").drop(columns="label")
    assert list(spectra.index) == [f"R{r}C{c}" for r in range(4) for c in range(4)]
    for row, column in ((0, 0), (2, 3)):
        top, left = 10 + 20 * row, 4 + 20 * column
        expected = dense[top : top + 20, left : left + 20].sum(axis=(0, 1))
        np.testing.assert_array_equal(spectra.loc[f"R{row}C{column}"], expected)


def test_a_recipe_reads_the_same_part_and_options_override_it(map_file, tmp_path, capsys):
    first, again, other = (tmp_path / f"{name}.csv" for name in ("first", "again", "other"))
    part = ["--crop", "0:12nm", ":20nm", "--crop-energy", "0.2", "15", "--rebin-energy", "2"]
    assert main(["quantify", map_file, *ELEMENTS, *part, "--whole", "-o", str(first)]) == 0
    text = capsys.readouterr().out
    assert "rows 0:48 and columns 0:80 (px); 0.2 to 15 keV; 2 channels" in text
    recipe = tmp_path / "first_recipe.json"
    assert json.loads(recipe.read_text())["map_part"]["crop"] == [[0, 48], [0, 80]]
    run = ["quantify", map_file, "--recipe", str(recipe), "--whole"]
    assert main([*run, "-o", str(again)]) == 0
    assert first.read_text() == again.read_text()
    assert main([*run, "--crop", ":", ":", "-o", str(other)]) == 0
    counts = [pd.read_csv(path)["n_pixels"].item() for path in (first, other)]
    assert counts == [48 * 80, 96 * 96]


def test_a_session_repeats_the_part(map_file, tmp_path):
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    part = ["--crop", "30:80", "8:58", "--rebin-energy", "2", "--detectors", "SuperXG21"]
    names = [d.name for d in eds.load(map_file).acquisition.detectors]
    part[-1] = names[0]
    command = ["quantify", map_file, *ELEMENTS, *part, "--grid", "25", "--session"]
    assert main([*command, "-o", str(first)]) == 0
    session = tmp_path / "map.edsession"
    assert main(["repeat", str(session), map_file, "-o", str(again)]) == 0
    assert first.read_text() == again.read_text()
    loaded = eds.load_session(session)
    assert loaded.source.part == eds.MapPart(
        detectors=(names[0],), crop=((30, 80), (8, 58)), rebin_energy=2
    )
    assert eds.repeat(loaded, map_file).table.equals(loaded.table)
    with pytest.raises(eds.SessionError, match="rows 30:80 and columns 8:58"):
        eds.repeat(loaded, eds.load(map_file))


def test_info_and_detectors_know_parts(map_file, dense, capsys):
    assert main(["info", map_file, "--crop", ":40", "5:"]) == 0
    text = capsys.readouterr().out
    assert "40 x 91 pixels" in text
    assert f"{dense[:40, 5:].sum():,}" in text
    assert main(["detectors", map_file, "--crop", ":40", "5:"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 4


@pytest.mark.parametrize(
    ("crop", "code", "message"),
    [
        ([":97", ":"], 1, "rows :97 px of 96 x 96 pixels"),
        ([":", "20nm:30nm"], 2, "such as 0:500 :500"),
        ([":", "20:30nm"], 1, "columns 20:30 nm of 96 x 96 pixels (24 x 24 nm)"),
        (["0:9nm", "0:5"], 2, "in one unit"),
        (["5", ":"], 2, "such as 0:500 :500"),
        (["9:5", ":"], 1, "unlike 9 to 5"),
    ],
)
def test_a_crop_that_cannot_be_is_explained(map_file, crop, code, message, capsys):
    assert main(["info", map_file, "--crop", *crop]) == code
    assert message in capsys.readouterr().err


def test_labels_of_the_whole_map_are_cropped_along(map_file, dense, tmp_path):
    labels, out = np.zeros((96, 96), np.uint8), tmp_path / "out.csv"
    labels[20:60, 30:70] = 5
    np.save(tmp_path / "labels.npy", labels)
    command = ["quantify", map_file, *ELEMENTS, "--labels", str(tmp_path / "labels.npy")]
    assert main([*command, "--crop", "10:50", ":64", "--spectra", "-o", str(out)]) == 0
    spectra = pd.read_csv(tmp_path / "out_spectra.csv").set_index("label").drop(columns="chip")
    np.testing.assert_array_equal(spectra.loc[5], dense[20:50, 30:64].sum(axis=(0, 1)))


def test_a_few_shot_folder_of_a_crop_has_its_own_grid(map_file, dense, tmp_path):
    folder = tmp_path / "few"
    part = ["--crop", ":90", ":90", "--grid", "20", "--map", "--rebin", "4"]
    few = ["few-shot", map_file, *ELEMENTS, *part, "--export-range", "5", "10"]
    assert main([*few, "--csv", str(tmp_path / "few.csv"), "-o", str(folder)]) == 0
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["image"]["shape"] == [90, 90]
    assert provenance["image"]["part"] == {"crop": [[0, 90], [0, 90]]}
    assert provenance["chips"] == {
        "number": 16,
        "size": [20, 20],
        "grid": [4, 4],
        "n_columns": 4,
        "chip_size": 20,
    }
    energies, rebinned = np.load(folder / "energies_keV.npy"), np.load(folder / "map.npy")
    assert ((energies >= 5) & (energies < 10)).all()
    image = eds.load(map_file)
    axis = image.energy.rebin(4)
    channels = axis.channels(5, 10)
    summed = dense.reshape(96, 96, -1, 4).sum(axis=3)[:80, :80, channels]
    np.testing.assert_array_equal(rebinned, summed)
    table = pd.read_csv(tmp_path / "few.csv")
    inside = pd.read_csv(folder / "quantification.csv").set_index("label").loc[table["label"]]
    np.testing.assert_allclose(table["Fe_at_pct"], inside["Fe_at_pct"])


def test_elements_of_the_file_and_of_the_spectrum(map_file, tmp_path, capsys):
    run = ["quantify", map_file, "--whole", "--force", "-o", str(tmp_path / "out.csv")]
    image = eds.load(map_file)
    assert main([*run, "--elements", "file"]) == 0
    recipe = eds.Recipe.from_json(tmp_path / "out_recipe.json")
    assert (recipe.elements, recipe.fit_only) == eds.file_elements(image.acquisition)
    assert main([*run, "--elements", "find"]) == 0
    recipe = eds.Recipe.from_json(tmp_path / "out_recipe.json")
    assert set(recipe.elements) == {"La", "Fe", "O", "Sr", "Ti"}
    assert set(recipe.fit_only) >= {"Cu", "C", "Pt"}  # a coating, grid and film
    assert f"Elements found: --elements {','.join(recipe.elements)}" in capsys.readouterr().out
    assert main([*run, "--elements", "find", "--fit-only", "Ti,C"]) == 0
    recipe = eds.Recipe.from_json(tmp_path / "out_recipe.json")
    assert "Ti" not in recipe.elements
    assert recipe.fit_only[:2] == ("Ti", "C")
    assert {"Cu", "Pt"} <= set(recipe.fit_only)


def test_a_file_that_names_no_element_is_told(data_dir, tmp_path, capsys):
    file = str(data_dir / "real/ripple/bruker_bcf_fileformat_16x16.rpl")
    run = ["quantify", file, "--energy-axis", "-0.5", "0.02", "--whole"]
    assert main([*run, "--elements", "file", "-o", str(tmp_path / "out.csv")]) == 1
    assert "take --elements find" in capsys.readouterr().err
