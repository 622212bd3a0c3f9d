"""Classes, kinds of regions, chip sizes and simulated maps from the shell."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_eds as eds
from napari_eds.cli.main import main


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A simulated map, written by the command."""
    path = tmp_path_factory.mktemp("simulated") / "map.emd"
    assert main(["simulate", str(path), "--size", "72x64", "--counts", "150", "--seed", "3"]) == 0
    return path


@pytest.fixture
def options(simulated):
    k_factors = simulated.with_name("map_k-factors.csv")
    elements = ["--elements", "La,Fe,O,Sr,Ti,Pt", "--fit-only", "Cu,C"]
    return [str(simulated), *elements, "--k-factors", str(k_factors)]


@pytest.fixture
def truth(simulated):
    """Phases of the simulated map: 0 vacuum, 1 Pt, 2 LaFeO3, 3 SrTiO3, 4 Fe-rich."""
    return tifffile.imread(simulated.with_name("map_phases.tif"))


def test_a_simulated_map_reads_back_as_it_was_drawn(simulated, truth):
    from napari_eds.simulate import lanthanum_ferrite_on_strontium_titanate

    expected = lanthanum_ferrite_on_strontium_titanate((72, 64), counts_per_pixel=150, seed=3)
    image = eds.load(simulated)
    np.testing.assert_array_equal(image.to_array(), expected.image.to_array())
    np.testing.assert_allclose(image.energy.energies_keV, expected.image.energy.energies_keV)
    np.testing.assert_array_equal(image.images[0].data, expected.image.images[0].data)
    assert image.images[0].name == "HAADF"
    np.testing.assert_allclose(image.pixel_size, expected.image.pixel_size)
    assert image.acquisition.beam_energy_keV == expected.image.acquisition.beam_energy_keV
    assert set(image.acquisition.elements) == set(expected.image.acquisition.elements)
    np.testing.assert_array_equal(truth, expected.labels)
    phases = pd.read_csv(simulated.with_name("map_phases.csv"))
    assert phases.loc[1, ["La", "Fe", "O", "Sr"]].tolist() == [20, 20, 60, 0]
    k_factors = eds.read_k_factors(simulated.with_name("map_k-factors.csv"))
    found = k_factors.find("La", "L").value / k_factors.find("Fe", "K").value
    assert found == pytest.approx(
        expected.k_factors["La", "L"] / expected.k_factors["Fe", "K"], rel=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [(["--size", "big"], 2, "such as 512"), (["--size", "8"], 1, "16 x 16")],
)
def test_a_map_that_cannot_be_simulated_is_explained(arguments, code, message, tmp_path, capsys):
    assert main(["simulate", str(tmp_path / "map.emd"), *arguments]) == code
    assert message in capsys.readouterr().err
    assert main(["simulate", str(tmp_path / "map.tif")]) == 1
    assert ".emd" in capsys.readouterr().err


def chips_of(truth, size, label):
    """Names of the chips that lie wholly in a phase."""
    rows, columns = (extent // size for extent in truth.shape)
    return [
        f"R{r}C{c}"
        for r in range(rows)
        for c in range(columns)
        if (truth[r * size : (r + 1) * size, c * size : (c + 1) * size] == label).all()
    ]


def test_classes_of_a_few_examples_are_the_phases(options, truth, tmp_path, capsys):
    film, substrate = chips_of(truth, 8, 2), chips_of(truth, 8, 3)
    support = tmp_path / "support.json"
    support.write_text(json.dumps({"film": film[:3], "substrate": substrate[:3]}))
    out, painted = tmp_path / "classes.csv", tmp_path / "classes.tif"
    command = ["classify", *options, "--grid", "8", "--support", str(support)]
    assert main([*command, "--class-map", str(painted), "-o", str(out)]) == 0
    table = pd.read_csv(out, index_col=0)
    assert (table.loc[film, "prediction"] == "film").all()
    assert (table.loc[substrate, "prediction"] == "substrate").all()
    assert "film" in capsys.readouterr().out

    # Read back: the map of classes, and one region a class.
    chips, again = tmp_path / "chips.npy", tmp_path / "again.npy"
    np.save(chips, eds.grid_chips(truth.shape, 8).labels)
    assert main(["read-classes", str(out), "--labels", str(chips), "-o", str(again)]) == 0
    np.testing.assert_array_equal(np.load(again), tifffile.imread(painted))
    table_of_classes = tmp_path / "by_class.csv"
    joined = ["quantify", *options, "--grid", "8", "--classes", str(out)]
    assert main([*joined, "-o", str(table_of_classes)]) == 0
    by_class = pd.read_csv(table_of_classes).set_index("chip")
    assert set(by_class.index) == {"film", "substrate"}
    assert by_class.loc["substrate", "Sr_at_pct"] > 10 > by_class.loc["film", "Sr_at_pct"]


def test_painted_examples_do_the_same(options, truth, tmp_path):
    painting, out = np.zeros(truth.shape, np.uint8), tmp_path / "classes.csv"
    painting[20:23, 8:24], painting[60:62, 8:24] = 1, 2
    np.save(tmp_path / "painting.npy", painting)
    painted = ["--painting", str(tmp_path / "painting.npy"), "--class-names", "1=film, 2=rest"]
    assert main(["classify", *options, "--grid", "8", *painted, "-o", str(out)]) == 0
    table = pd.read_csv(out, index_col=0)
    assert (table.loc[chips_of(truth, 8, 2), "prediction"] == "film").all()
    assert (table.loc[chips_of(truth, 8, 3), "prediction"] == "rest").all()
    folder = tmp_path / "few"
    assert main(["few-shot", *options, "--grid", "8", *painted, "-o", str(folder)]) == 0
    support = json.loads((folder / "support_set.json").read_text())
    assert support == {"film": ["R2C1", "R2C2"], "rest": ["R7C1", "R7C2"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--support or --painting"),
        (["--class-names", "1=film"], "of --painting, which is not given"),
        (["--support", "{}"], "two classes at least"),
        (["--support", "[1]"], "names no examples"),
        (["--support", '{"a": ["R99C0"], "b": ["R0C0"]}'], "there is no chip 'R99C0'"),
    ],
)
def test_examples_that_are_missing_are_explained(options, arguments, message, tmp_path, capsys):
    if "--support" in arguments:
        (tmp_path / "support.json").write_text(arguments[1])
        arguments = ["--support", str(tmp_path / "support.json")]
    kind = "few-shot" if "--class-names" in arguments else "classify"
    command = [kind, *options, "--grid", "24", *arguments]
    code = 1 if "--support" in arguments else 2
    assert main([*command, "-o", str(tmp_path / "out.csv")]) == code
    assert message in capsys.readouterr().err


def test_superpixels_and_clusters_are_those_of_the_functions(options, simulated, truth, tmp_path):
    out, image = tmp_path / "out.csv", eds.load(simulated)
    made = {
        ("--superpixels", "12"): eds.superpixels(image.images[0].data, n_regions=12),
        ("--superpixels", "12", "--of", "counts"): eds.superpixels(
            image.counts_map(), n_regions=12
        ),
        ("--clusters", "3"): eds.cluster_labels(image, 3),
        ("--whole",): eds.whole_map(image.shape),
    }
    for arguments, chips in made.items():
        assert main(["quantify", *options, *arguments, "--force", "-o", str(out)]) == 0
        table = pd.read_csv(out)
        assert table["chip"].tolist() == list(chips.names.values())
        assert table["n_pixels"].tolist() == np.bincount(chips.labels.ravel())[1:].tolist()


def test_an_image_that_is_not_there_is_named(options, tmp_path, capsys):
    run = ["quantify", *options, "-o", str(tmp_path / "out.csv")]
    assert main([*run, "--superpixels", "9", "--of", "BF"]) == 1
    assert "no image 'BF' of the map's pixels; it has HAADF, counts" in capsys.readouterr().err
    assert main([*run, "--grid", "9", "--of", "HAADF"]) == 2
    assert "--superpixels, which is not asked for" in capsys.readouterr().err


def test_chip_size_advises_as_the_function_does(options, simulated, tmp_path, capsys):
    out = tmp_path / "advice.csv"
    command = ["chip-size", *options, "--sizes", "4,8,16", "--error", "1.5", "-o", str(out)]
    assert main(command) == 0
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti", "Pt"),
        fit_only=("Cu", "C"),
        k_factors=eds.read_k_factors(simulated.with_name("map_k-factors.csv")),
    )
    advice = eds.chip_size_advice(eds.load(simulated), recipe, [4, 8, 16], error_at_pct=1.5)
    table = pd.read_csv(out, index_col=0)
    np.testing.assert_allclose(table["worst_error"], advice.frame["worst_error"], rtol=1e-5)
    assert f": {advice.recommended_px} px" in capsys.readouterr().out
    assert main([*command[:-2], "--sizes", "4,x"]) == 2
    assert "such as 5,10,20" in capsys.readouterr().err


def test_chip_size_says_where_elements_are_missing(simulated, capsys):
    assert main(["chip-size", str(simulated), "--elements", "O,Ti,Sr", "--sizes", "8,16"]) == 0
    printed = capsys.readouterr().out
    assert "No size is advised: the recipe does not describe these spectra" in printed
    assert "poor fit" in printed
    assert "Smallest that keeps" not in printed


def test_chips_inside_a_known_phase_are_compared(options, truth, tmp_path, capsys):
    out, folder, table = (tmp_path / name for name in ("run.csv", "few", "known.csv"))
    part = ["--crop", "4:72", ":60", "--grid", "10", "--csv", str(out)]
    assert main(["few-shot", *options, *part, "--thickness", "55", "-o", str(folder)]) == 0
    np.save(tmp_path / "phases.npy", truth)
    inside = ["--inside", f"{tmp_path / 'phases.npy'}=3"]
    compare = ["compare", str(out), "--formula", "SrTiO3", *inside]
    labels = ["--label-map", str(folder / "labels.npy")]
    assert main([*compare, *labels, "-o", str(table)]) == 0
    n = len(chips_of(truth[4:, :60], 10, 3))
    assert f"{n} labels, beside SrTiO3" in capsys.readouterr().out
    found = pd.read_csv(table).set_index("element")
    np.testing.assert_allclose(found["normalised_at_pct"], found["expected_at_pct"], rtol=0.05)
    assert main(compare) == 2
    assert "a session, or --label-map" in capsys.readouterr().err
    assert main([*compare, *labels, "--labels", "1"]) == 2
    assert "not by both" in capsys.readouterr().err
    assert main([*compare[:-1], f"{tmp_path / 'phases.npy'}=9", *labels]) == 1
    assert "lies wholly in label 9" in capsys.readouterr().err
