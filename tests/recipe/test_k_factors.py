"""k-factor tables against a real export, simulated ones, and the arithmetic of conventions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_eds import KFactor, KFactorError, KFactorTable, read_k_factors
from napari_eds.physics import emission
from napari_eds.physics import lines as xray
from napari_eds.physics.detector import AbsorbingLayer, DetectorModel
from napari_eds.recipe.k_factor_theory import theoretical_k_factors

VELOX = "real/kfactors/k-factors-Spectra300UTK200keV.csv"
FAMILY_SUM = "simulated/kfactors_family_sum_windowless.csv"
ALPHA_LINE = "simulated/kfactors_alpha_line_windowless.csv"


def write(tmp_path, text):
    path = tmp_path / "k.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_velox_export_is_read(data_dir):
    table = read_k_factors(data_dir / VELOX)
    known = {
        ("O", "K"): 0.371908,
        ("Ti", "K"): 0.379229,
        ("Sr", "K"): 1.399,
        ("Sr", "L"): 0.569435,
        ("Fe", "K"): 0.432916,
        ("B", "K"): 1.0,
    }
    assert {key: table.find(*key).value for key in known} == known
    assert table.convention == "family"
    assert table.source == "k-factors-Spectra300UTK200keV.csv (Velox's layout)"
    assert (
        "since all lines of a family have the same factor; table / theory is 0.86"
        in table.notes[1]
    )


def test_every_k_l_and_m_family_of_a_velox_export_is_taken(data_dir):
    text = (data_dir / VELOX).read_text(encoding="utf-8")
    # 41 Ka1, 76 La1 and 38 Ma1 rows; the nine Na1 rows belong to families eXSpy does not know.
    assert [text.count(f"-{family}a1,") for family in "KLMN"] == [41, 76, 38, 9]
    families = [factor.family for factor in read_k_factors(data_dir / VELOX).factors]
    assert [families.count(family) for family in "KLM"] == [41, 76, 38]


@pytest.mark.parametrize("given_convention", [None, "family"])
def test_a_table_of_family_sums_is_recognised(data_dir, given_convention):
    table = read_k_factors(data_dir / FAMILY_SUM, convention=given_convention)
    assert table.convention == "family"
    assert table.find("La", "L").value == pytest.approx(2.3269, abs=1e-4)
    assert table.find("Pt", "L").value == pytest.approx(3.1449, abs=1e-4)


def test_a_table_of_alpha_lines_is_told_by_theory(data_dir):
    table = read_k_factors(data_dir / ALPHA_LINE)
    assert table.convention == "alpha"
    assert "taken as alpha lines, for table / theory is 1.54 as whole families" in table.notes[1]
    assert "since" not in "".join(table.notes)
    wrongly = read_k_factors(data_dir / ALPHA_LINE, convention="family")
    assert wrongly.convention == "family"
    assert "said to be whole families, and taken so, although" in wrongly.notes[1]
    assert table.find("La", "L").value == pytest.approx(4.3650, abs=1e-4)


def test_a_table_with_a_factor_per_line_is_not_taken_for_families(tmp_path):
    rows = ["Fe-Ka1,6404,0,0,1.6", "Fe-Ka2,6391,0,0,1.6", "Fe-Kb1,7058,0,0,12.5"]
    header = ["Line identifier,Energy level,Intensity,Chi,K-factor", "-,eV,counts,-,-"]
    path = write(tmp_path, "\n".join(header + rows))
    with pytest.raises(KFactorError, match=r"each line a k-factor of its own.*convention='alpha'"):
        read_k_factors(path)
    assert read_k_factors(path, convention="alpha").find("Fe", "K").value == 1.6


def test_a_family_factor_belongs_to_more_counts_than_an_alpha_factor():
    lanthanum = xray.family("La", "L")
    as_family = KFactorTable.from_mapping({"La_L": 2.0}, "family")
    as_alpha = KFactorTable.from_mapping({"La_L": 2.0}, "alpha")
    assert as_family.value_for(lanthanum, "family") == 2.0
    assert as_alpha.value_for(lanthanum, "alpha") == 2.0
    # 2.0111 is the intensity of the La L family relative to its alpha line.
    assert as_family.value_for(lanthanum, "alpha") == pytest.approx(2 * 2.0111, rel=1e-4)
    assert as_alpha.value_for(lanthanum, "family") == pytest.approx(2 / 2.0111, rel=1e-4)


@pytest.mark.parametrize("element", ["Fe", "Ti", "Sr", "O"])
def test_simulated_tables_of_both_conventions_agree_for_k_lines(data_dir, element):
    # The line tables differ by a few percent, conventions by 10 to 15 (except for O).
    family = xray.family(element, "K")
    sums = read_k_factors(data_dir / FAMILY_SUM)
    alphas = read_k_factors(data_dir / ALPHA_LINE, convention="alpha")
    silicon = xray.family("Si", "K")
    ratios = [
        table.value_for(family, "family") / table.value_for(silicon, "family")
        for table in (sums, alphas)
    ]
    assert ratios[0] == pytest.approx(ratios[1], rel=0.03)


positive = st.floats(1e-6, 1e6)
tables = st.builds(
    lambda rows, convention, beam, source: KFactorTable(
        factors=tuple(
            KFactor(element=element, family=family, value=value, relative_error=error)
            for (element, family), (value, error) in rows.items()
        ),
        convention=convention,
        beam_energy_keV=beam,
        source=source,
    ),
    st.dictionaries(
        st.tuples(st.sampled_from(["Na", "O", "N", "Fe", "In", "Y"]), st.sampled_from("KLM")),
        st.tuples(positive, st.floats(0, 1)),
        min_size=1,
    ),
    st.sampled_from(["family", "alpha"]),
    st.none() | st.floats(1, 400),
    st.sampled_from(["my table, measured", 'Müller "2019"', "k"]),
)


@given(tables)
def test_a_saved_table_reads_back_the_same(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("k") / "k.csv"
    table.to_csv(path)
    read = read_k_factors(path)
    assert read.model_copy(update={"notes": table.notes}) == table
    # Drawn factors may contradict what is said of them.
    assert all(note.startswith("Convention: said to be") for note in read.notes)


def test_a_plain_table_needs_three_columns_only(tmp_path):
    path = write(tmp_path, "element, family, k_factor\nNa, K, 1.25\nO, K, 2\n")
    table = read_k_factors(path, convention="family", beam_energy_keV=80)
    # "Na" is sodium, not a missing value.
    assert table.find("Na", "K") == KFactor(
        element="Na", family="K", value=1.25, relative_error=0.1
    )
    assert (table.convention, table.beam_energy_keV, table.source) == ("family", 80, "k.csv")
    with pytest.raises(KFactorError, match=r"does not tell whether.*Say convention="):
        read_k_factors(path)


def test_a_missing_value_is_not_a_factor(tmp_path):
    path = write(tmp_path, "element,family,k_factor\nNa,K,\n")
    with pytest.raises(KFactorError, match="bad k-factor Na_K = nan"):
        read_k_factors(path, convention="family")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "k.csv is not a k-factor table.*found nothing"),
        ("\n\n", "k.csv is not a k-factor table.*found nothing"),
        ("some,thing\n1,2\n", "not a k-factor table.*found some, thing"),
        ("element,family,k_factor\nFe,K,-1\n", "Fe_K = -1"),
        ("element,family,k_factor\nFe,K,0\n", "Fe_K = 0"),
        ("element,family,k_factor\nFe,K,many\n", "Fe_K = 'many'"),
        ("element,family,k_factor\nFe,N,1\n", "Fe_N = 1"),
        ("element,family,k_factor\nIron,K,1\n", "Iron_K = 1"),
        ("element,family,k_factor\nFe,K,1\nFe,K,2\n", "more than once: Fe_K"),
        (
            "element,family,k_factor,convention\nFe,K,1,family\nO,K,1,alpha\n",
            "'convention' mixes family, alpha",
        ),
        (
            "Line identifier,Energy level,K-factor\n-,eV,-\nFe-Ka1,6404,many\n",
            "the k-factor of 'Fe-Ka1' is not a number: 'many'",
        ),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(tmp_path, text, message):
    with pytest.raises(KFactorError, match=message):
        read_k_factors(
            write(tmp_path, text), convention="family" if "mixes" not in message else None
        )


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "k.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    with pytest.raises(KFactorError, match=r"k\.csv is no table of factors"):
        read_k_factors(path)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_k_factors(tmp_path / "k.csv")


@pytest.mark.parametrize(
    "factors",
    [{"O": 1.0}, {"O_X": 1.0}, {"o_K": 1.0}, {"": 1.0}, {"O_K": -1.0}, {"O_Kb": 1.0}]
    + [{"O_K": value} for value in (float("nan"), float("inf"), 0.0, None)],
)
def test_a_mapping_that_is_no_table_is_refused(factors):
    with pytest.raises(KFactorError, match="bad k-factor"):
        KFactorTable.from_mapping(factors, "family")


@pytest.mark.parametrize("names", [("O_K", "La_L"), ("O_Ka", "La_La"), ("O_Ka1", "La_La1")])
def test_a_mapping_may_name_families_or_their_alpha_lines(names):
    table = KFactorTable.from_mapping(dict(zip(names, (1.134, 2.327), strict=True)), "alpha")
    assert table.find("O", "K").value == 1.134
    assert table.find("La", "L").value == 2.327
    assert table.find("La", "K") is None


def test_missing_factors_are_named_with_the_families_there_are():
    table = KFactorTable.from_mapping({"Sr_L": 1.0, "O_K": 1.0}, "family", source="table 3")
    wanted = [xray.family("Sr", "K"), xray.family("O", "K"), xray.family("Ti", "K")]
    message = r"no k-factor for Sr_K, Ti_K in the table \(table 3\)\. For Sr it has the family L"
    with pytest.raises(KFactorError, match=message):
        table.require(wanted)
    with pytest.raises(KFactorError, match="no k-factor for Sr_K"):
        table.value_for(wanted[0], "family")
    table.require([wanted[1]])


def test_a_table_cannot_be_changed():
    table = KFactorTable.from_mapping({"O_K": 1.0}, "family")
    with pytest.raises(ValueError, match="frozen"):
        table.convention = "alpha"
    with pytest.raises(ValueError, match="frozen"):
        table.factors[0].value = 2.0


def test_a_mapping_may_bring_errors():
    table = KFactorTable.from_mapping(
        {"O_Ka": 1.0, "Fe_K": 2.0}, "family", relative_errors={"O_Ka": 0.1}
    )
    assert table.find("O", "K").relative_error == 0.1
    assert table.find("Fe", "K").relative_error == 0.05
    assert table.notes == ("Errors: none given for Fe_K; taken as 5 to 50 %, by class of line.",)
    with pytest.raises(KFactorError, match="an error of 0 or more"):
        KFactorTable.from_mapping({"O_K": 1.0}, "family", relative_errors={"O_K": -0.1})


@pytest.mark.parametrize(("convention", "file"), [("family", FAMILY_SUM), ("alpha", ALPHA_LINE)])
def test_computed_factors_are_those_behind_the_simulation(data_dir, convention, file):
    """Two programs on the same physics; K, L and M of every element of the simulation."""
    ours = theoretical_k_factors(300, convention=convention)
    theirs = read_k_factors(data_dir / file, convention=convention)
    for element, family in [("O", "K"), ("Ti", "K"), ("Fe", "K"), ("Sr", "K")]:
        ratio = ours.find(element, family).value / theirs.find(element, family).value
        assert ratio == pytest.approx(1, abs=0.02), element
    for element in ("Sr", "La", "Pt"):
        ratio = ours.find(element, "L").value / theirs.find(element, "L").value
        assert ratio == pytest.approx(1, abs=0.03), element
    assert ours.find("Si", "K").value == 1


def test_computed_factors_say_what_they_are():
    table = theoretical_k_factors(200)
    assert table.source == (
        "first principles (Bote-Salvat cross-sections, xraylib) for a windowless detector, not "
        "measured"
    )
    assert (table.convention, table.beam_energy_keV) == ("family", 200)
    assert all(table.find(element, "K") for element in ("B", "O", "Fe", "Cs"))
    assert all(table.find(element, "L") for element in ("Ti", "La", "Pt", "Cf"))
    assert len(table.factors) > 180
    # Computed once, whoever asks.
    assert theoretical_k_factors(200.0) is table


def test_computed_factors_follow_beam_energy_and_detector():
    at_80, at_200 = theoretical_k_factors(80), theoretical_k_factors(200)
    for table, energy in ((at_80, 80), (at_200, 200)):
        expected = emission.theoretical_k_factor(
            "Sr", "K", energy
        ) / emission.theoretical_k_factor("Si", "K", energy)
        assert table.find("Sr", "K").value == pytest.approx(float(expected), rel=1e-12)
    assert at_80.find("Sr", "K").value > 1.1 * at_200.find("Sr", "K").value
    windowed = theoretical_k_factors(
        200, DetectorModel(window=(AbsorbingLayer("Be", 8000, 1.85),))
    )
    assert windowed.find("F", "K").value > 10 * at_200.find("F", "K").value
    assert windowed.find("O", "K") is None  # not a hundredth of it passes
    # A beam of 40 keV cannot ionise K of Pm, whose lines lie at 38 keV.
    at_40 = theoretical_k_factors(40)
    assert at_40.find("Pm", "K") is None
    assert at_200.find("Pm", "K") is not None
    assert np.isfinite([factor.value for factor in at_40.factors]).all()


@pytest.mark.parametrize(
    ("family", "error"),
    [
        ("Ca_K", 0.05),  # 3.7 keV
        ("Mo_K", 0.05),  # 17.4 keV
        ("Na_K", 0.10),  # 1.04 keV
        ("Cl_K", 0.10),  # 2.6 keV
        ("F_K", 0.30),  # 0.68 keV
        ("Ag_K", 0.30),  # 22 keV
        ("La_L", 0.25),  # 4.65 keV
        ("U_L", 0.25),  # 13.6 keV
        ("Sr_L", 0.30),  # 1.8 keV
        ("Fe_L", 0.50),
        ("Pt_M", 0.50),
        ("La_M", 0.50),
        ("U_M", 0.50),  # 3.2 keV
    ],
)
def test_computed_factors_have_errors_by_class(family, error):
    assert theoretical_k_factors(200).find(*family.split("_")).relative_error == error


def test_velox_lies_within_two_errors_of_theory(data_dir):
    velox = read_k_factors(data_dir / VELOX)
    theory = theoretical_k_factors(200)
    scale = velox.find("Ti", "K").value / theory.find("Ti", "K").value
    pulls = [
        np.log(factor.value / (scale * computed.value)) / computed.relative_error
        for factor in velox.factors
        if factor.family in "KL" and (computed := theory.find(factor.element, factor.family))
    ]
    assert len(pulls) > 110
    assert np.mean(np.abs(pulls) < 2) > 0.8


def test_computed_factors_of_chosen_elements():
    table = theoretical_k_factors(300, elements=("Fe", "La"))
    assert [(f.element, f.family) for f in table.factors] == [
        ("Fe", "K"),
        ("Fe", "L"),
        ("La", "K"),
        ("La", "L"),
        ("La", "M"),
    ]
    # Si is the reference, chosen or not.
    assert table.find("Fe", "K").value == theoretical_k_factors(300).find("Fe", "K").value
    with pytest.raises(KFactorError, match="cannot be computed for 'He', 'Xx'"):
        theoretical_k_factors(300, elements=("Xx", "Fe", "He"))


@pytest.mark.parametrize("energy", [39.9, 400.1, 0, -200, float("nan"), float("inf")])
def test_factors_are_not_computed_for_any_beam(energy):
    with pytest.raises(KFactorError, match="beam energies of 40 to 400 keV"):
        theoretical_k_factors(energy)


def test_a_table_for_another_beam_energy_is_noticed():
    table = KFactorTable.from_mapping({"O_K": 1.0}, "family", source="mine", beam_energy_keV=200)
    table.check_beam_energy(200)
    table.check_beam_energy(203.9)
    table.check_beam_energy(300, tolerance=0.5)
    for energy in (195, 205, 300):
        message = rf"\(mine\) are for 200 keV.* at {energy} keV.*allow_beam_energy_mismatch=True"
        with pytest.raises(KFactorError, match=message):
            table.check_beam_energy(energy)
    # Where the table does not tell, nothing can be said.
    KFactorTable.from_mapping({"O_K": 1.0}, "family").check_beam_energy(300)


def test_alpha_energies_without_an_alpha_line():
    assert emission.alpha_energy_keV("Fe", "K", 200) == pytest.approx(6.40, abs=0.01)
    # xraylib has no M alpha rates of La.
    assert emission.alpha_energy_keV("La", "M", 200) == pytest.approx(0.85, abs=0.15)
    with pytest.raises(ValueError, match="a beam of 40 keV excites no Pm K line"):
        emission.alpha_energy_keV("Pm", "K", 40)


def test_a_factor_is_changed_in_its_place_and_the_source_says_so():
    table = KFactorTable.from_mapping({"O_K": 1.1, "Fe_K": 1.4, "La_L": 2.3}, "family", source="a")
    changed = table.with_factor(KFactor(element="Fe", family="K", value=1.5, relative_error=0.1))
    assert [(f.element, f.value) for f in changed.factors] == [
        ("O", 1.1),
        ("Fe", 1.5),
        ("La", 2.3),
    ]
    added = changed.with_factor(KFactor(element="Fe", family="L", value=3.0))
    assert added.factors == (*changed.factors, KFactor(element="Fe", family="L", value=3.0))
    assert added.source == "a, edited by hand"
    assert table.find("Fe", "K").value == 1.4


# Columns as people call them


def table_of(tmp_path, header, row, convention="family"):
    path = tmp_path / "k.csv"
    path.write_text(f"{header}\n{row}\n", "utf-8")
    return read_k_factors(path, convention=convention)


@pytest.mark.parametrize(
    ("error", "written"),
    [
        ("Error", "0.01"),
        ("k error", "0.01"),
        ("Relative-Error", "0.01"),
        ("RELATIVE ERROR", "0.01"),
        ("error percent", "1"),
        ("Error (%)", "1"),
        ("relative_error_percent", "1"),
    ],
)
@pytest.mark.parametrize(
    "beam", ["Beam energy", "beam_energy_keV", "beam energy [keV]", "kV", "HT"]
)
def test_errors_and_beam_energy_are_known_by_their_usual_names(tmp_path, error, written, beam):
    header = f"Element,Line,K factor,{error},{beam}"
    table = table_of(tmp_path, header, f"O,Ka1,1.2,{written},80")
    (factor,) = table.factors
    assert (factor.element, factor.family, factor.value) == ("O", "K", 1.2)
    assert factor.relative_error == pytest.approx(0.01)
    assert table.beam_energy_keV == 80
    assert not any(note.startswith("Columns:") for note in table.notes)
    taken = [note for note in table.notes if "taken as relative" in note]
    assert len(taken) == (error in {"Error", "k error"})


def test_columns_that_are_not_known_are_named(tmp_path):
    table = table_of(tmp_path, "element,family,Line,k_factor,Sigma,,Eror", "O,K,Ka1,1.2,1,,0.1")
    assert "Columns: not known, and not used: 'Line', 'Sigma', 'Eror'." in table.notes
    assert np.isnan(table.factors[0].given_error)


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("element,family,k_factor,error", "O,K,1.2,5", r"line 2: 'error' .* \(500 %\).*percent'"),
        (
            "element,family,k_factor,error %",
            "O,K,1.2,500",
            r"line 2: .*\(500 %\).*relative to it$",
        ),
        ("element,family,k_factor,error,k error", "O,K,1.2,0.1,0.1", "relative_error: error, k e"),
        ("element,family,k_factor,kV,HT", "O,K,1.2,80,80", "beam_energy_keV: kV, HT"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused(tmp_path, header, row, message):
    with pytest.raises(KFactorError, match=message):
        table_of(tmp_path, header, row)
