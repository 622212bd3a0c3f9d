"""The command line: what it prints, writes and returns."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_eds as eds
from napari_eds.cli.main import main
from window_actions import nothing_is_due

ELEMENTS = "La,Fe,O,Sr,Ti"


@pytest.fixture
def command(data_dir):
    """Arguments of a run that works, to be changed by a test."""
    return [
        "quantify",
        str(data_dir / "simulated/LFO_STO_96.emd"),
        "--elements",
        ELEMENTS,
        "--fit-only",
        "Cu,C,Pt",
        "--k-factors",
        str(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
    ]


def test_info_tells_what_a_file_holds(data_dir, capsys):
    assert main(["info", str(data_dir / "simulated/LFO_STO_96.emd")]) == 0
    text = capsys.readouterr().out
    for part in ("96 x 96 pixels", "4096 channels", "2,763,027", "300 keV", "22 deg", "HAADF"):
        assert part in text


@pytest.fixture
def noisy_file(data_dir):
    """File of a map whose counts are the noise peak but for 206."""
    path = data_dir.parent / "cases/10-noise-peak/velox_16x16.emd"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    return str(path)


def test_info_tells_xrays_from_the_noise_peak(noisy_file, data_dir, capsys):
    assert main(["info", noisy_file]) == 0
    text = capsys.readouterr().out
    assert "206 (X-rays above the noise peak" in text
    assert "42,097" in text
    assert main(["info", str(data_dir / "real/ripple/bruker_bcf_fileformat_16x16.rpl")]) == 0
    assert "72,418 (all channels, for the axis has no energies" in capsys.readouterr().out


def test_noise_does_not_make_chips(noisy_file, tmp_path, capsys):
    out = tmp_path / "out.csv"
    run = ["quantify", noisy_file, "--elements", "C,O,Ca", "--fit-only", "Cu", "-o", str(out)]
    assert main([*run, "--min-counts", "2000"]) == 1
    assert "the map holds 206 counts (counted are X-rays above" in capsys.readouterr().err
    assert not out.exists()
    assert main([*run, "--min-counts", "100"]) == 0
    assert pd.read_csv(out)["counts"].tolist() == [105, 101]


def test_one_label_is_told_as_one(command, tmp_path, capsys):
    """Elements are missing, so that it carries a remark."""
    out = tmp_path / "one.csv"
    few = [*command[:2], "--elements", "O,Ti", "--whole", "-o", str(out)]
    assert main(few) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("1 label quantified. ")
    assert "1 label carries a remark" in printed
    (tmp_path / "docx").mkdir()
    for ending in ("docx", "html"):
        assert main([*few[:-1], str(tmp_path / f"docx/one.{ending}")]) == 1
    assert not list((tmp_path / "docx").iterdir())


def test_info_shows_the_vendors_own_result(data_dir, capsys):
    assert main(["info", str(data_dir / "real/velox/EDS-STO.emd")]) == 0
    assert "O 46.21 ± 2.41, Ti 24.56 ± 3.23" in capsys.readouterr().out


def test_grid_gives_what_the_api_gives(command, lfo_sto_96, tmp_path, capsys):
    out, maps = tmp_path / "out.csv", tmp_path / "maps"
    arguments = ["--grid", "24x32", "--spectra", "--maps", str(maps), "-o", str(out)]
    assert main([*command, *arguments]) == 0

    recipe = eds.Recipe.from_json(tmp_path / "out_recipe.json")
    assert recipe.elements == tuple(ELEMENTS.split(","))
    expected = eds.quantify(lfo_sto_96, eds.grid_chips((96, 96), (24, 32)), recipe)
    table = pd.read_csv(out, index_col="label")
    np.testing.assert_allclose(table["Fe_at_pct"], expected.table["Fe_at_pct"], rtol=1e-5)
    spectra = pd.read_csv(tmp_path / "out_spectra.csv", index_col="label")
    assert spectra.drop(columns="chip").to_numpy().sum() == expected.spectra.sum()
    tiff = tifffile.imread(maps / "O_at_pct.tif")
    np.testing.assert_allclose(tiff, expected.maps()["O"], rtol=1e-6)
    assert (maps / "O_at_pct.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr()
    assert "12 labels quantified" in printed.out
    assert "Absorption in the specimen: not corrected" in printed.out
    assert not printed.err, "progress is for terminals"


def test_the_total_error_is_printed_first_and_follows_what_is_stated(command, tmp_path, capsys):
    out, careful = tmp_path / "out.csv", tmp_path / "careful.csv"
    assert main([*command, "--grid", "48", "--errors", "-o", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["mean", "±", "in", "all", "±", "counting", "scatter"]
    oxygen = next(line for line in lines if line.startswith("  O "))
    table = pd.read_csv(out)
    expected = [
        table["O_at_pct"].mean(),
        *(np.sqrt((table[f"O_at_pct_{kind}"] ** 2).mean()) for kind in ("error_total", "error")),
        table["O_at_pct"].std(),
    ]
    assert oxygen.split()[1:] == [f"{value:.2f}" for value in expected]
    assert any("all parts but counting have a common cause" in line for line in lines)
    budget = pd.read_csv(tmp_path / "out_errors.csv")
    np.testing.assert_allclose(
        budget.loc[budget["element"] == "O", "total"], table["O_at_pct_error_total"], rtol=1e-5
    )

    stated = ["--uncertainty", "unknown_thickness_nm=0", "--uncertainty", "background_percent=0"]
    repeat = [*command, "--grid", "48", "--recipe", str(tmp_path / "out_recipe.json"), *stated]
    assert main([*repeat, "-o", str(careful)]) == 0
    assert (pd.read_csv(careful)["O_at_pct_error_total"] < table["O_at_pct_error_total"]).all()
    recipe = eds.Recipe.from_json(tmp_path / "careful_recipe.json")
    assert recipe.uncertainties == eds.Uncertainties(unknown_thickness_nm=0, background_percent=0)


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_labels_from_a_file(command, tmp_path, suffix):
    labels = np.zeros((96, 96), np.uint16)
    labels[30:40, 10:50], labels[60:80, 20:70] = 7, 40_000
    path = tmp_path / f"painted{suffix}"
    np.save(path, labels) if suffix == ".npy" else tifffile.imwrite(path, labels)
    out = tmp_path / "out.csv"
    assert main([*command, "--labels", str(path), "-o", str(out)]) == 0
    assert list(pd.read_csv(out)["label"]) == [7, 40_000]


def test_a_recipe_repeats_a_run_and_options_override_it(command, tmp_path):
    first, again, other = (tmp_path / f"{name}.csv" for name in ("first", "again", "other"))
    assert main([*command, "--grid", "48", "-o", str(first)]) == 0
    repeat = [*command[:2], "--grid", "48", "--recipe", str(tmp_path / "first_recipe.json")]
    assert main([*repeat, "-o", str(again)]) == 0
    assert first.read_text() == again.read_text()
    assert main([*repeat, "--energy-range", "0.3", "12", "-o", str(other)]) == 0
    assert json.loads((tmp_path / "other_recipe.json").read_text())["energy_range_keV"] == [
        0.3,
        12,
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--grid", "0"], 2, "do not fit"),
        (["--grid", "ten"], 2, "number of pixels"),
        (["--grid", "5x5x5"], 2, "number of pixels"),
        (["--grid", "8", "--elements", "Li"], 2, "'Li' is not an element with known X-ray lines"),
        (["--grid", "8", "--k-factors", "gone.csv"], 1, "gone.csv"),
        (["--labels", "gone.npy"], 1, "gone.npy"),
        (["--grid", "8", "--index", "3"], 1, "--index 3"),
        (["--grid", "8", "--uncertainty", "thickness=9"], 2, "choose one of line_ratio_K_percent"),
        (["--grid", "8", "--uncertainty", "density_percent"], 2, "write density_percent=10"),
        (["--grid", "8", "--uncertainty", "density_percent=-1"], 2, "greater than or equal to 0"),
    ],
)
def test_bad_input_is_one_line_on_standard_error(
    command, arguments, code, message, tmp_path, capsys
):
    out = tmp_path / "out.csv"
    assert main([*command, *arguments, "-o", str(out)]) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert not out.exists()


def test_a_missing_k_factor_is_named(command, tmp_path, capsys):
    table = tmp_path / "k.csv"
    table.write_text("element,family,k_factor,convention\nO,K,1.1,family\nFe,L,2,family\n")
    arguments = ["--grid", "8", "--k-factors", str(table), "-o", str(tmp_path / "out.csv")]
    assert main([*command, *arguments]) == 1
    error = capsys.readouterr().err
    assert "no k-factor for La_L, Fe_K, Sr_K, Ti_K" in error
    assert "For Fe it has the family L" in error


def test_absorption_is_corrected_and_told(command, tmp_path, capsys):
    plain, corrected = tmp_path / "plain.csv", tmp_path / "corrected.csv"
    assert main([*command, "--grid", "48", "-o", str(plain)]) == 0
    thick = ["--thickness", "55", "--density", "5.5"]
    assert main([*command, "--grid", "48", *thick, "-o", str(corrected)]) == 0
    assert "corrected for 55 nm" in capsys.readouterr().out
    oxygen = [pd.read_csv(path)["O_at_pct"] for path in (plain, corrected)]
    assert (oxygen[1] > oxygen[0] + 3).all()
    for density in ([], ["--density", "composition"]):
        assert (
            main([*command, "--grid", "48", *thick[:2], *density, "-o", str(plain), "--force"])
            == 0
        )
        assert "density from each composition" in capsys.readouterr().out
    assert main([*command, "--grid", "48", *thick[2:], "-o", str(tmp_path / "new.csv")]) == 2
    assert "give --thickness, too" in capsys.readouterr().err


def test_k_factors_of_another_beam_energy_are_refused(data_dir, tmp_path, capsys):
    table = data_dir / "simulated/kfactors_family_sum_windowless.csv"
    other = tmp_path / "200keV.csv"
    k_factors = eds.read_k_factors(table, beam_energy_keV=200)
    k_factors.to_csv(other)
    command = ["quantify", str(data_dir / "simulated/LFO_STO_96.emd"), "--elements", "Fe,O"]
    command += ["--k-factors", str(other), "--grid", "48", "-o", str(tmp_path / "out.csv")]
    assert main(command) == 1
    assert "200 keV, the measurement was made at 300 keV" in capsys.readouterr().err
    assert main([*command, "--allow-beam-energy-mismatch"]) == 0
    assert "although the map was taken at 300 keV" in capsys.readouterr().out


def test_without_a_table_k_factors_are_computed_and_labelled(data_dir, tmp_path, capsys):
    file = str(data_dir / "simulated/LFO_STO_96.emd")
    out = tmp_path / "out.csv"
    arguments = ["quantify", file, "--elements", ELEMENTS, "--grid", "48", "-o", str(out)]
    assert main(arguments) == 0
    assert "first principles" in capsys.readouterr().out
    assert pd.read_csv(out)["La_at_pct_error_k"].gt(0).all()


def test_a_label_of_known_composition_gives_k_factors_and_thickness(data_dir, tmp_path, capsys):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz", allow_pickle=False)
    labels, out = tmp_path / "labels.npy", tmp_path / "k.csv"
    np.save(labels, (truth["pure"] & (truth["label"] == 3)).astype(np.uint8))
    command = ["calibrate-k", str(data_dir / "simulated/LFO_STO_96.emd")]
    command += ["--elements", "Sr,Ti,O", "--fit-only", "La,Fe,Cu,C,Ga", "--labels", str(labels)]
    command += ["--k-factors", str(data_dir / "simulated/kfactors_family_sum_windowless.csv")]
    command += ["--label", "1", "--formula", "SrTiO3", "--reference", "Ti", "-o", str(out)]
    assert main([*command, "--density", "SrTiO3"]) == 0
    printed = capsys.readouterr().out
    thickness = float(printed.split("Thickness of label 1: ")[1].split()[0])
    expected = truth["thickness_nm"][np.load(labels) == 1].mean()
    assert thickness == pytest.approx(expected, rel=0.1)
    assert "k-factors for no thickness: absorption stays in them" in printed
    table = eds.read_k_factors(out)
    assert table.convention == "family"
    # Absorption stayed in: oxygen needs a larger factor than the simulation's.
    assert table.find("O", "K").value > 1.3 * 1.1342
    assert table.find("Ti", "K").value == pytest.approx(1.2629, rel=1e-4)


def test_a_calibration_says_its_thickness_and_what_it_left_aside(data_dir, tmp_path, capsys):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz", allow_pickle=False)
    labels, out = tmp_path / "labels.npy", tmp_path / "k.csv"
    np.save(labels, (truth["pure"] & (truth["label"] == 3)).astype(np.uint8))
    command = ["calibrate-k", str(data_dir / "simulated/LFO_STO_96.emd")]
    command += ["--elements", "Sr,Ti,O,La,Fe", "--fit-only", "Cu,C,Ga,Pt", "--labels", str(labels)]
    command += ["--k-factors", str(data_dir / "simulated/kfactors_family_sum_windowless.csv")]
    command += ["--label", "1", "--formula", "SrTiO3", "--reference", "Ti", "-o", str(out)]
    assert main([*command, "--thickness", "55"]) == 0
    printed = capsys.readouterr().out
    for part in (
        "k-factors for 55 nm, as given",
        "55 nm, 5.12 g/cm³, 22°",
        "300 keV",
        "Not in SrTiO3, and taken as fitted only: La_L, Fe_K.",
    ):
        assert part in printed
    table = pd.read_csv(out)
    assert table["element"].tolist() == ["Sr", "Ti", "O"]
    assert set(table["beam_energy_keV"]) == {300}
    assert set(table["date"]) == {eds.read_k_factors(out).date}
    assert table["detector"].notna().all()
    # The simulation's own, to what its map of thickness differs from 55 nm.
    assert table["k_factor"][2] == pytest.approx(1.1342, rel=0.06)


def test_k_factors_are_measured_where_none_can_be_computed(data_file, tmp_path, capsys):
    """At 15 kV it asked for k-factors that were measured, of which it is to make the first."""
    wafer, table = str(data_file("real/msa/GaAs/GaAs_15kV.emsa")), tmp_path / "k.csv"
    command = ["calibrate-k", wafer, "--elements", "Ga_K,As_K", "--whole", "--label", "1"]
    command += ["--formula", "GaAs", "--reference", "Ga", "-o", str(table)]
    assert main(command) == 0
    assert set(pd.read_csv(table)["beam_energy_keV"]) == {15.05}
    out = tmp_path / "wafer.csv"
    command = ["quantify", wafer, "--elements", "Ga_K,As_K", "--whole", "-o", str(out)]
    assert main([*command, "--k-factors", str(table)]) == 0
    assert pd.read_csv(out)["Ga_at_pct"][0] == pytest.approx(50, abs=0.1)


def test_a_thickness_needs_k_factors_of_the_maps_beam_energy(data_file, tmp_path, capsys):
    wafer = str(data_file("real/msa/GaAs/GaAs_15kV.emsa"))
    command = ["calibrate-k", wafer, "--elements", "Ga_K,As_K", "--whole", "--label", "1"]
    command += ["--formula", "GaAs", "--reference", "Ga", "-o", str(tmp_path / "k.csv")]
    assert main([*command, "--density", "GaAs"]) == 1
    assert "use k-factors measured on standards" in capsys.readouterr().err


def test_a_calibration_tells_its_own_correction_and_not_that_of_the_table_before(
    data_dir, tmp_path, capsys
):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz", allow_pickle=False)
    labels, first = tmp_path / "labels.npy", tmp_path / "first.csv"
    np.save(labels, (truth["pure"] & (truth["label"] == 3)).astype(np.uint8))
    command = ["calibrate-k", str(data_dir / "simulated/LFO_STO_96.emd"), "--elements", "Sr,Ti,O"]
    command += ["--fit-only", "Cu,C,Ga,Pt,La,Fe", "--labels", str(labels)]
    command += ["--label", "1", "--formula", "SrTiO3", "--reference", "Ti"]
    assert main([*command, "-o", str(first)]) == 0
    assert "k-factors for no thickness" in capsys.readouterr().out
    second = ["--k-factors", str(first), "--thickness", "55", "-o", str(tmp_path / "second.csv")]
    assert main([*command, *second]) == 0
    assert "k-factors for 55 nm, as given" in capsys.readouterr().out


def test_elements_that_are_left_out_are_said_in_table_and_once_in_the_summary(
    command, data_dir, tmp_path, capsys
):
    """Pure SrTiO3 as La and O: the numbers look like numbers."""
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz", allow_pickle=False)
    labels, out = tmp_path / "labels.npy", tmp_path / "out.csv"
    np.save(labels, (truth["pure"] & (truth["label"] == 3)).astype(np.uint8))
    command = [*command[:2], *command[4:], "--labels", str(labels), "-o", str(out)]
    assert main([*command, "--elements", "La,O"]) == 0
    said = capsys.readouterr()
    (flag,) = pd.read_csv(out)["flag"]
    for part in ("poor fit", "Sr?", "Ti?", "left out, though the file names it: Fe Sr Ti"):
        assert part in flag
    assert said.out.count(f"All labels: {flag}.") == 1
    assert not said.err
    out.unlink()
    arguments = [*command, "--elements", "La,Fe,Sr,Ti,O", "--force"]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert not said.err
    assert "left out, though" not in said.out


def test_a_label_that_lacks_an_element_is_named_though_the_sum_shows_little(
    command, data_dir, tmp_path, capsys
):
    """The cap of Pt in one label among those of film and substrate."""
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz", allow_pickle=False)
    chips = eds.grid_chips((96, 96), 12).labels
    capped = np.unique(chips[truth["label"] == 1])
    kept = np.where(np.isin(chips, capped[1:]), 0, chips)
    labels, out = tmp_path / "labels.npy", tmp_path / "out.csv"
    np.save(labels, kept)
    command = [*command[:4], "--fit-only", "Cu,C,Ga", *command[6:], "--labels", str(labels)]
    assert main([*command, "-o", str(out)]) == 0
    flags = pd.read_csv(out, index_col="label")["flag"].fillna("")
    assert "Pt?" in flags[capped[0]]
    others = flags.drop(capped[0])
    assert not others.str.contains("unexplained").any() or "All labels" in capsys.readouterr().out


def test_maps_in_one_file_and_a_table_as_parquet(command, tmp_path):
    pytest.importorskip("pyarrow")
    out, maps = tmp_path / "run.parquet", tmp_path / "maps"
    arguments = [*command, "--grid", "48", "-o", str(out), "--maps", str(maps), "--ome-tiff"]
    assert main(arguments) == 0
    table = pd.read_parquet(out)
    with tifffile.TiffFile(maps / "at_pct.ome.tif") as file:
        data = file.asarray()
    assert data.shape == (5, 96, 96)
    np.testing.assert_allclose(data[0, 0, 0], table.loc[1, "La_at_pct"], rtol=1e-6)
    assert (tmp_path / "run_recipe.json").is_file()


def test_settings_that_are_missing_are_named(data_dir, tmp_path, capsys):
    file = str(data_dir / "simulated/LFO_STO_96.emd")
    assert main(["quantify", file, "--grid", "8", "-o", str(tmp_path / "out.csv")]) == 2
    assert "--elements" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["quantify", "x.emd"], ["unknown"]])
def test_wrong_usage_exits_with_2(arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


def test_an_uncalibrated_map_needs_its_axis(data_dir, tmp_path, capsys):
    k_factors = data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv"
    file = data_dir / "real/ripple/bruker_bcf_fileformat_16x16.rpl"
    command = ["quantify", str(file), "--elements", "Fe", "--k-factors", str(k_factors)]
    command += ["--beam-energy", "20", "--grid", "8", "-o", str(tmp_path / "out.csv")]
    assert main(command) == 1
    assert "not calibrated" in capsys.readouterr().err
    assert main([*command, "--energy-axis", "-0.5", "0.02"]) == 0


def test_demo_prints_truth_and_writes_files(tmp_path, capsys):
    folder = tmp_path / "demo"
    assert main(["demo", "--no-window", "-o", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "truth" in text
    assert str(folder) in text
    names = {path.name for path in folder.iterdir()}
    assert {"quantification.csv", "comparison.csv", "La_at_pct.png", "O_at_pct.tif"} <= names
    comparison = pd.read_csv(folder / "comparison.csv").set_index(["phase", "element"])
    major = comparison[comparison["truth"] > 10].loc[["LaFeO3", "SrTiO3"]]
    assert len(major) == 6
    np.testing.assert_allclose(major["found"], major["truth"], rtol=0.03)
    absent = comparison[comparison["truth"] == 0]
    assert (absent["found"].abs() < 0.3).all()


def wait_for_the_workbench(qtbot, viewer):
    """Wait until all panels are open: they come one after the other."""
    qtbot.waitUntil(lambda: any("EDS results" in name for name in viewer.window.dock_widgets))
    nothing_is_due(qtbot)


def test_demo_opens_a_window_with_the_result(qtbot, make_napari_viewer, monkeypatch, tmp_path):
    import napari

    viewers = []
    monkeypatch.setattr(
        napari, "Viewer", lambda **_: viewers.append(make_napari_viewer()) or viewers[0]
    )
    monkeypatch.setattr(napari, "run", lambda: None)
    monkeypatch.setenv("DISPLAY", "anything")
    assert main(["demo", "-o", str(tmp_path)]) == 0
    (viewer,) = viewers
    names = [layer.name for layer in viewer.layers]
    assert "chips" in names
    assert sum("at. %" in name for name in names) == 6
    assert [name for name in viewer.window.dock_widgets if "EDS workbench" in name]
    wait_for_the_workbench(qtbot, viewer)


def test_open_shows_the_map_in_the_workbench(qtbot, make_napari_viewer, monkeypatch, data_dir):
    import napari

    viewers = []
    monkeypatch.setattr(
        napari, "Viewer", lambda **_: viewers.append(make_napari_viewer()) or viewers[0]
    )
    monkeypatch.setattr(napari, "run", lambda: None)
    assert main(["open", str(data_dir / "simulated/LFO_STO_96.emd")]) == 0
    (viewer,) = viewers
    assert [layer.name for layer in viewer.layers][-1] == "X-ray counts · LFO_STO_96"
    assert [name for name in viewer.window.dock_widgets if "EDS workbench" in name]
    wait_for_the_workbench(qtbot, viewer)


@pytest.mark.filterwarnings("default")
def test_open_takes_each_of_several_files_on_its_own(
    qtbot, make_napari_viewer, monkeypatch, made, tmp_path, capsys
):
    import napari

    viewers = []
    monkeypatch.setattr(
        napari, "Viewer", lambda **_: viewers.append(make_napari_viewer()) or viewers[0]
    )
    monkeypatch.setattr(napari, "run", lambda: None)
    files = [made / "empty.emd", made / "map.emd", tmp_path / "gone.emd"]
    assert main(["open", *map(str, files)]) == 0
    (viewer,) = viewers
    assert [layer.name for layer in viewer.layers][-1] == "X-ray counts · map"
    error = capsys.readouterr().err
    assert "empty.emd is empty" in error
    assert "gone.emd" in error
    assert "Traceback" not in error
    wait_for_the_workbench(qtbot, viewer)
    assert main(["open", str(files[0]), str(files[2])]) == 1
    error = capsys.readouterr().err
    assert "empty.emd is empty" in error
    assert "gone.emd" in error
    assert len(viewers) == 1


def test_open_says_what_is_wrong_before_a_window_comes(capsys, tmp_path):
    assert main(["open", str(tmp_path / "gone.emd")]) == 1
    assert "gone.emd" in capsys.readouterr().err
