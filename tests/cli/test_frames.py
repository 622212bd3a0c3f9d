"""``napari-eds simulate --n-frames`` and ``napari-eds frames``, as typed."""

import pandas as pd
import pytest

from napari_eds.cli.main import main

FILM = ["--n-frames", "4", "--counts", "60", "--size", "48x40", "--seed", "3"]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    assert main(["simulate", str(folder / "film.emd"), *FILM, "--lose", "O=0.1"]) == 0
    return folder


def run(folder, *others):
    return main(
        [
            "frames",
            str(folder / "film.emd"),
            *("--elements", "La,Fe,O,Sr,Ti", "--fit-only", "Cu,C,Pt", "--thickness", "55"),
            *("--k-factors", str(folder / "film_k-factors.csv")),
            *others,
        ]
    )


def test_a_loss_is_told(film, tmp_path, capsys):
    out = tmp_path / "out" / "frames.csv"
    labels = ["--labels", str(film / "film_phases.tif"), "--align", "images"]
    assert run(film, *labels, "-o", str(out), "--figure", str(tmp_path / "f.png")) == 0
    told = capsys.readouterr().out
    assert "O in label 3 changes over the frames" in told
    assert "by HAADF" in told
    table = pd.read_csv(out)
    own = table[table["label"] == 3]
    assert own["O_at_pct"].iloc[0] > own["O_at_pct"].iloc[-1] + 3
    assert (tmp_path / "f.png").stat().st_size > 10_000
    assert run(film, *labels, "-o", str(out)) == 1  # nothing is replaced unasked


@pytest.mark.parametrize(
    ("others", "told"),
    [
        (["--crop", "0:10,0:10"], "--crop"),
        (["--align", "BF"], "BF"),
        (["--every", "0"], "--every"),
    ],
)
def test_bad_calls_say_what_is_wrong(film, tmp_path, capsys, others, told):
    try:
        code = run(film, "--whole", *others, "-o", str(tmp_path / "x.csv"))
    except SystemExit as error:
        code = error.code
    assert code in {1, 2}
    assert told in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


def test_frames_of_one_pass_have_nothing_to_lose(tmp_path, capsys):
    assert main(["simulate", str(tmp_path / "a.emd"), "--lose", "O=0.1"]) == 2
    assert "--n-frames" in capsys.readouterr().err
