"""``napari-eds thickness --from``, as typed."""

import numpy as np
import pandas as pd
import pytest

from napari_eds.cli.main import main

FILM = ["--counts", "900", "--size", "48x40", "--seed", "3"]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("film")
    assert main(["simulate", str(folder / "film.emd"), *FILM]) == 0
    np.save(folder / "t.npy", np.full((24, 20), 0.5))
    np.save(folder / "odd.npy", np.full((23, 20), 0.5))
    return folder


def run(folder, *others):
    return main(
        [
            *("thickness", str(folder / "film.emd"), "--labels", str(folder / "film_phases.tif")),
            *("--elements", "La,Fe,O,Sr,Ti", "--fit-only", "Cu,C,Pt"),
            *("--k-factors", str(folder / "film_k-factors.csv")),
            *others,
        ]
    )


def test_ways_are_set_beside_each_other(film, tmp_path, capsys):
    out = tmp_path / "t.csv"
    ways = ["--from", "kl:Ti", "--from-map", str(film / "t.npy"), "--nm-per-unit", "110"]
    assert run(film, *ways, "-o", str(out)) == 0
    told = capsys.readouterr().out
    assert "Ti_L over Ti_K: " in told
    assert "map t.npy: 55 ± 5.5 nm" in told
    table = pd.read_csv(out)
    assert table["way"].unique().tolist() == ["Ti_L over Ti_K", "map t.npy"]
    of_map = table[(table["way"] == "map t.npy") & (table["label"] == 3)]
    assert of_map["O (at.%)"].iloc[0] == pytest.approx(60, abs=2)
    assert run(film, *ways, "-o", str(out)) == 1  # nothing is replaced unasked
    capsys.readouterr()
    assert run(film, *ways, "-o", str(tmp_path / "t.docx")) == 1
    assert "t.docx: tables are not saved as .docx" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("others", "told"),
    [
        (["--from", "kk:Ti"], "write kl:Sr"),
        (["--from", "Sr"], "write kl:Sr"),
        (["--from", "kl:Ni"], "nothing of Ni"),
        (["--from-map", "{}/odd.npy"], "whole factor"),
        (["--from-map", "{}/none.npy"], "no such file"),
        (["--from-map", "{}/t.npy", "--nm-per-unit", "0"], "--nm-per-unit"),
        (["--from", "kl:Ti", "--save-zeta", "z.csv"], "--save-zeta needs"),
        (["--from", "kl:Ti", "--label", "9", "--known-thickness", "9"], "no label 9"),
    ],
)
def test_bad_calls_say_what_is_wrong(film, tmp_path, capsys, others, told):
    try:
        code = run(film, *(o.format(film) for o in others), "-o", str(tmp_path / "x.csv"))
    except SystemExit as error:
        code = error.code
    assert code in {1, 2}
    assert told in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()
