"""``napari-eds quantify --zeta-factors`` and ``napari-eds thickness``, as typed."""

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.cli.main import main

SUBSTRATE = 3


@pytest.fixture(scope="module")
def labels(data_dir, tmp_path_factory):
    """Label 1 is SrTiO3 of known thickness, 2 is SrTiO3 that is thicker."""
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")
    inside = (truth["label"] == SUBSTRATE) & truth["pure"]
    column = np.indices(inside.shape)[1]
    regions = np.where(inside & (column < 24), 1, np.where(inside & (column >= 72), 2, 0))
    path = tmp_path_factory.mktemp("labels") / "regions.npy"
    np.save(path, regions)
    mass = truth["thickness_nm"] * truth["density_g_cm3"] * 1e-6
    return path, float(truth["thickness_nm"][regions == 1].mean()), mass[regions == 2].mean()


@pytest.fixture
def asked(data_dir, labels):
    k_factors = data_dir / "simulated/kfactors_family_sum_windowless.csv"
    return [
        str(data_dir / "simulated/LFO_STO_96.emd"),
        *("--labels", str(labels[0]), "--k-factors", str(k_factors)),
        *("--elements", "O,Ti,Sr", "--fit-only", "Cu,C,Ga,Pt,La,Fe"),
    ]


def test_a_label_calibrates_and_its_table_quantifies(asked, labels, tmp_path, capsys):
    _, known_nm, mass = labels
    zeta, first, again = (tmp_path / name for name in ("zeta.csv", "first.csv", "again.csv"))
    region = ["--label", "1", "--formula", "SrTiO3", "--known-thickness", f"{known_nm:.3f}"]
    assert main(["thickness", *asked, *region, "--save-zeta", str(zeta), "-o", str(first)]) == 0
    told = capsys.readouterr().out
    assert "Thickness: mean " in told
    assert "solved together with composition and mass thickness" in told
    found = pd.read_csv(first).set_index("label")
    assert found.loc[2, "mass_thickness_kg_m2"] == pytest.approx(mass, rel=0.02)
    recipe = eds.Recipe.from_json(tmp_path / "first_recipe.json")
    assert recipe.method == "zeta"
    assert recipe.zeta_factors.k_factors.source.endswith("nm")
    by_table = ["--method", "zeta", "--zeta-factors", str(zeta), "-o", str(again)]
    assert main(["quantify", *asked, *by_table]) == 0
    same = pd.read_csv(again).set_index("label")
    assert same.loc[2, "thickness_nm"] == pytest.approx(found.loc[2, "thickness_nm"], rel=1e-4)
    twice = ["--recipe", str(tmp_path / "again_recipe.json"), "--beam-current-nA", "0.4"]
    half = tmp_path / "half.csv"
    assert main(["quantify", *asked, *twice, "-o", str(half)]) == 0
    halved = pd.read_csv(half).set_index("label")
    assert halved.loc[2, "electrons"] == pytest.approx(2 * same.loc[2, "electrons"], rel=1e-5)
    # A little less than half: a thinner foil absorbs less.
    assert 0.4 < halved.loc[2, "thickness_nm"] / same.loc[2, "thickness_nm"] < 0.5


@pytest.mark.parametrize(
    ("command", "others", "message"),
    [
        ("quantify", ["--method", "zeta"], "--method zeta needs --zeta-factors"),
        ("quantify", ["--method", "magic"], "invalid choice: 'magic'"),
        ("quantify", ["--beam-current-nA", "0"], "0 is not larger than 0"),
        ("thickness", [], "give one of --zeta-factors, --label with --formula"),
        ("thickness", ["--label", "1"], "--label and --formula belong together"),
        ("thickness", ["--solid-angle", "0.7", "--label", "1", "--formula", "O"], "give one of"),
        ("thickness", ["--solid-angle", "0.7", "--known-thickness", "5"], "that of a --label"),
        ("thickness", ["--solid-angle", "0.7", "--method", "cliff_lorimer"], "no thickness"),
    ],
)
def test_what_cannot_be_meant_is_said(asked, command, others, message, tmp_path, capsys):
    try:
        code = main([command, *asked, *others, "-o", str(tmp_path / "out.csv")])
    except SystemExit as left:
        code = left.code
    assert code == 2
    assert message in capsys.readouterr().err


def test_a_thickness_is_not_given_beside_zeta_factors(asked, tmp_path, capsys):
    zeta = eds.theoretical_zeta_factors(300, 0.7).to_csv(tmp_path / "zeta.csv")
    options = ["--zeta-factors", str(zeta), "-o", str(tmp_path / "out.csv")]
    assert main(["quantify", *asked, *options, "--thickness", "50"]) == 2
    assert "--thickness is what zeta-factors find" in capsys.readouterr().err
    bad = tmp_path / "bad.csv"
    bad.write_text("a\n1\n")
    options = ["--zeta-factors", str(bad), "-o", str(tmp_path / "out.csv")]
    assert main(["quantify", *asked, *options]) == 1
    assert "bad.csv is no table of zeta-factors" in capsys.readouterr().err
