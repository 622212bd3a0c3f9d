"""The command ``compare``: what it prints, writes and refuses."""

import argparse

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.cli import compare as cli_compare
from napari_eds.exchange.session import save_session


def compare(*arguments):
    parser = argparse.ArgumentParser()
    cli_compare.add_parser(parser.add_subparsers())
    options = parser.parse_args(["compare", *map(str, arguments)])
    options.run(options)


@pytest.fixture
def run_csv(tmp_path):
    """A table as `quantify` saves it, of two phases."""
    path = tmp_path / "run.csv"
    pd.DataFrame(
        {
            "label": [1, 2, 3, 4],
            "chip": ["R0C0", "R0C1", "R1C0", "R1C1"],
            "La_at_pct": [8.40, 8.40, 0.0, np.nan],
            "Fe_at_pct": [19.33, 19.33, 0.0, np.nan],
            "O_at_pct": [49.72, 49.72, 50.0, np.nan],
            "Sr_at_pct": [22.55, 22.55, 25.0, np.nan],
            "Ti_at_pct": [0.0, 0.0, 25.0, np.nan],
            **{f"{e}_at_pct_error": 0.5 for e in ("La", "Fe", "O", "Sr", "Ti")},
        }
    ).to_csv(path, index=False)
    return path


def test_formulas_of_groups_of_labels(run_csv, tmp_path, capsys):
    out = tmp_path / "errors.csv"
    groups = ("--labels", "1-2", "--formula", "SrTiO3", "--labels", "R1C0,4")
    compare(run_csv, "--formula", "LaFeO3", *groups, "-o", out)
    printed = capsys.readouterr().out
    for part in (
        "± in all ± counting ± k-factors",
        "-45.77",
        "+24.79",
        "+6.99",
        "2 labels",
        "Without a composition: 4",
        str(out),
    ):
        assert part in printed
    table = pd.read_csv(out, index_col=["formula", "element"])
    assert table.loc[("SrTiO3", "O"), "percent_error"] == pytest.approx(-100 / 6, rel=1e-5)
    assert table.loc[("LaFeO3", "O"), "labels"] == 2


def test_errors_stand_in_the_unit_of_their_heading(run_csv, tmp_path, capsys):
    """All are in at.% but the last column, which is in percent of what is expected."""
    out = tmp_path / "errors.csv"
    compare(run_csv, "--formula", "SrTiO3", "--labels", "3", "-o", out)
    heading, columns, *rows = capsys.readouterr().out.splitlines()[:5]
    assert heading.startswith("SrTiO3, at.%")
    assert columns.split()[-2:] == ["error", "%"]
    relative = pd.read_csv(out, index_col="element")["percent_error_error"]
    for line in rows:
        element, expected, _, found, difference, _, counting, _, percent = line.split()
        assert float(difference) == pytest.approx(float(found) - float(expected), abs=0.02)
        of_expected = 100 / float(expected)
        assert float(percent) == pytest.approx(float(difference) * of_expected, abs=0.05)
        assert relative[element] == pytest.approx(float(counting) * of_expected, abs=0.05)


def test_one_formula_is_saved_with_its_labels_and_figure(run_csv, tmp_path):
    out, figure = tmp_path / "known.csv", tmp_path / "known.svg"
    compare(run_csv, "--formula", "SrTiO3", "--labels", "3", "-o", out, "--figure", figure)
    assert pd.read_csv(tmp_path / "known_labels.csv")["label"].tolist() == [3]
    assert "<svg" in figure.read_text()


def test_with_another_table(run_csv, tmp_path, capsys):
    other = tmp_path / "velox.csv"
    other.write_text("chip;Fe at.%;O at.%;Cu at.%\nR0C0;18,33;50,72;1\nR1C0;1,0;50,0;1\n")
    labels = np.kron([[1, 2], [3, 4]], np.ones((5, 5), np.uint8))
    np.save(tmp_path / "labels.npy", labels)
    out, figure = tmp_path / "difference.csv", tmp_path / "difference.png"
    where = ("--label-map", tmp_path / "labels.npy")
    compare(run_csv, "--with", other, *where, "-o", out, "--figure", figure)
    printed = capsys.readouterr().out
    for part in ("Only in run.csv: La, Sr, Ti", "Only in velox.csv: Cu", "2 labels only in run"):
        assert part in printed
    table = pd.read_csv(out, index_col="label")
    assert table["Fe_difference"].tolist() == [1, -1]
    assert (tmp_path / "difference_statistics.csv").is_file()
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_velox_from_the_map_of_a_session(data_dir, tmp_path, capsys):
    source = tmp_path / "map.emd"
    source.write_bytes((data_dir / "real/velox/EDS-STO.emd").read_bytes())
    image = eds.read(source)[0]
    k = eds.read_k_factors(data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv")
    recipe = eds.Recipe(elements=("O", "Ti", "Cu", "Sr"), k_factors=k)
    result = eds.quantify(image, np.ones((1, 1), int), recipe)
    session = save_session(None, result)
    compare(session, "--with", "velox")
    from_session = capsys.readouterr().out
    assert "46.21" in from_session
    assert "last of 20 results" in from_session
    result.to_csv(tmp_path / "run.csv")
    compare(tmp_path / "run.csv", "--with", source)
    assert capsys.readouterr().out.splitlines()[2:6] == from_session.splitlines()[2:6]
    # The recipe beside the table names the map, also from another folder.
    (tmp_path / "results").mkdir()
    for table in (tmp_path / "run.csv", result.to_csv(tmp_path / "results" / "of.csv")[0]):
        compare(table, "--with", "velox")
        assert capsys.readouterr().out.splitlines()[2:6] == from_session.splitlines()[2:6]
    assert eds.Recipe.from_json(tmp_path / "results" / "of_recipe.json") == result.recipe
    source.rename(tmp_path / "elsewhere.emd")
    with pytest.raises(eds.EDSError, match="is not beside it"):
        compare(session, "--with", "velox")
    with pytest.raises(eds.EDSError, match=r"neither .*map\.emd nor beside it: name it"):
        compare(tmp_path / "run.csv", "--with", "velox")
    result.recipe.to_json(tmp_path / "run_recipe.json", overwrite=True)
    with pytest.raises(eds.EDSError, match=r"run_recipe\.json names no map"):
        compare(tmp_path / "run.csv", "--with", "velox")
    (tmp_path / "run_recipe.json").unlink()
    with pytest.raises(eds.EDSError, match=r"there is no run_recipe\.json beside run\.csv: name"):
        compare(tmp_path / "run.csv", "--with", "velox")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "either --with another result or --formula"),
        (("--with", "a.csv", "--formula", "Fe"), "either --with another result or --formula"),
        (("--formula", "Fe", "--labels", "1", "--labels", "2"), "give each formula its labels"),
        (("--formula", "Fe", "--labels", "9-2"), "runs backwards"),
        (("--formula", "Fe", "--labels", ","), "ids such as 1,2,5-9"),
        (("--formula", "Fe", "--labels", "R7C7"), "no label R7C7"),
        (("--formula", "Fe", "--formula", "O", "--figure", "a.png"), "one by one"),
        (("--formula", "Al2O3"), "has no Al"),
    ],
)
def test_wrong_usage_is_explained(run_csv, arguments, problem):
    with pytest.raises(eds.EDSError, match=problem):
        compare(run_csv, *arguments)
