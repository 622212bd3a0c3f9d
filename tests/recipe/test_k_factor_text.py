"""k-factor tables as spreadsheets and people write them."""

import pandas as pd
import pytest

from napari_eds import KFactorError, read_k_factors

MUELLER = ",family,Müller\r"
PLAIN = "element,family,k_factor,convention\r\nFe,K,1.32,family\r\nCr,K,1.25,family\r\n"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.replace(",", ";").replace(".", ",").encode(),
        PLAIN.replace(",", "\t").replace(".", ",").encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace(
            "element,family,k_factor,convention", "Element,LINE,K-Factor,Convention"
        ).encode(),
        PLAIN.replace("Cr,", ",,,\r\n\r\nCr,").encode(),
        ('# Titan, 200 kV; "mine\r\n' + PLAIN).encode(),
        ("sep=;\r\n" + PLAIN.replace(",", ";")).encode(),
        PLAIN.replace("Fe,K", "Fe,Ka").replace("Cr,K", "Cr,Ka1").encode(),
        PLAIN.replace("Fe,K,1.32", ' Fe , K, "1,32" ').encode(),
        PLAIN.replace("convention\r", "convention,source\r")
        .replace(",family\r", MUELLER)
        .encode("cp1252"),
    ],
)
def test_one_table_in_many_forms(tmp_path, data):
    path = tmp_path / "k.csv"
    path.write_bytes(data)
    table = read_k_factors(path)
    assert [(f.element, f.family, f.value) for f in table.factors] == [
        ("Fe", "K", 1.32),
        ("Cr", "K", 1.25),
    ]
    assert table.convention == "family"
    assert table.source == ("Müller" if b"M\xfcller" in data else "k.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("element,family,k_factor\nFe,K,1,32\n", "more cells than the header.*decimal commas"),
        ('element,family,k_factor\nFe,K,"1,320"\n', "Fe_K = '1,320'"),
        ("element,family,k_factor\nFe,K,1\nFe,Ka,2\n", "more than once: Fe_K"),
        ("element,family,k_factor,K-Factor\nFe,K,1,1\n", "more than one column k_factor"),
        ("element,family,k_factor,convention\nFe,K,1,both\n", "'family' or 'alpha', not 'both'"),
        (
            "element,family,k_factor,beam_energy_keV\nFe,K,1,high\n",
            "the beam energy is not a number",
        ),
        ("Line identifier,K-factor\nFe-Ka1,1\nFe-Ka1,2\n", "more than once: Fe-Ka1"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, text, message):
    path = tmp_path / "k.csv"
    path.write_text(text)
    with pytest.raises(KFactorError, match=message):
        read_k_factors(path)


def test_errors_that_are_given_are_kept_and_others_are_those_of_the_class(tmp_path):
    path = tmp_path / "k.csv"
    path.write_text(
        "element;family;k_factor;relative_error\nNa;K;1,1;\nFe;K;1,32;0\nCr;K;1,2;0,02\n"
        "La;L;2,3;\nPt;M;2;\n"
    )
    table = read_k_factors(path, convention="family")
    assert [f.relative_error for f in table.factors] == [0.1, 0, 0.02, 0.25, 0.5]
    assert table.notes == (
        "Errors: none given for Na_K, La_L, Pt_M; taken as 5 to 50 %, by class of line.",
    )
    table.to_csv(path, overwrite=True)
    assert read_k_factors(path) == table
    # What nobody gave stays empty, and is no number of anybody's in the next program.
    written = pd.read_csv(path)["relative_error"]
    assert written.isna().tolist() == [True, False, False, True, True]
    assert written[1] == 0
    assert "Na_K" in read_k_factors(path).notes[0]
