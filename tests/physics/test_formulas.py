"""Formulas, and the two units of composition."""

import numpy as np
import pytest
import xraylib
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_eds import EDSError
from napari_eds.physics.formulas import (
    parse_formula,
    to_atoms,
    weight_from_atomic,
)


@pytest.mark.parametrize(
    ("formula", "atoms"),
    [
        ("SrTiO3", {"Sr": 1, "Ti": 1, "O": 3}),
        ("La0.7Sr0.3MnO3", {"La": 0.7, "Sr": 0.3, "Mn": 1, "O": 3}),
        ("(La.7Sr.3)MnO2.95", {"La": 0.7, "Sr": 0.3, "Mn": 1, "O": 2.95}),
        ("Ca5(PO4)3(OH)", {"Ca": 5, "P": 3, "O": 13, "H": 1}),
        ("[(Mg0.9Fe0.1)2SiO4]3", {"Mg": 5.4, "Fe": 0.6, "Si": 3, "O": 12}),
        ("{[(Fe)2]2}2", {"Fe": 8}),
        ("C", {"C": 1}),
        ("CO", {"C": 1, "O": 1}),
        ("Co", {"Co": 1}),
        ("NaCl 2 H", {"Na": 1, "Cl": 2, "H": 1}),
        ("LiFePO₄", {"Li": 1, "Fe": 1, "P": 1, "O": 4}),
        (" Fe2 O3 ", {"Fe": 2, "O": 3}),
    ],
)
def test_formulas(formula, atoms):
    parsed = parse_formula(formula)
    assert list(parsed) == list(atoms)
    assert parsed == pytest.approx(atoms)


@pytest.mark.parametrize("formula", ["SrTiO3", "Ca5(PO4)3OH", "La0.7Sr0.3MnO3", "KAl3Si3O12H2"])
def test_formulas_are_read_as_xraylib_reads_them(formula):
    theirs = xraylib.CompoundParser(formula)
    symbols = [xraylib.AtomicNumberToSymbol(Z) for Z in theirs["Elements"]]
    expected = dict(zip(symbols, theirs["nAtoms"], strict=True))
    assert parse_formula(formula) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("", "it names no element"),
        ("  ", "it names no element"),
        ("3", "amount 3 does not follow"),
        ("2SrTiO3", "amount 2 does not follow"),
        ("Sr(2)", "amount 2 does not follow"),
        ("Fe2 3", "amount 3 does not follow"),
        ("Fe0", "amount 0 is not positive"),
        ("Xx2", "there is no element 'Xx'"),
        ("FE", "there is no element 'E'"),
        ("srTiO3", "'srTiO3' does not start with an element"),
        ("O3-d", "'-d' does not start with an element"),
        ("Fe-2", "'-2' does not start with an element"),
        ("(Fe", "bracket '\\(' is not closed"),
        ("Fe)", "bracket '\\)' closes nothing"),
        ("[Fe)", "bracket '\\)' closes nothing"),
        ("Fe()", "a group is empty"),
        ("Fe((O))2(", "bracket '\\(' is not closed"),
    ],
)
def test_what_is_no_formula_is_refused_with_the_reason(formula, message):
    with pytest.raises(EDSError, match=f"as a formula such as SrTiO3: .*{message}"):
        parse_formula(formula)


amounts = st.floats(0.01, 100).map(lambda x: round(x, 3))
formulas = st.dictionaries(
    st.sampled_from(["O", "Fe", "La", "C", "Co", "Si", "S"]), amounts, min_size=1
)


@given(formulas)
def test_a_written_formula_reads_back(atoms):
    text = "".join(f"{element}{n:g}" for element, n in atoms.items())
    assert parse_formula(text) == atoms
    assert parse_formula(f"({text})2") == pytest.approx({e: 2 * n for e, n in atoms.items()})


@given(st.text(alphabet="FeOSr()[]{}0123456789.- ₂x", max_size=12))
def test_any_text_is_read_or_refused(text):
    try:
        atoms = parse_formula(text)
    except EDSError:
        return
    assert atoms
    assert all(n > 0 for n in atoms.values())


def test_a_composition_is_a_formula_or_amounts():
    assert to_atoms("FeO") == {"Fe": 1, "O": 1}
    assert to_atoms({"Fe": 50, "O": 50}) == {"Fe": 50, "O": 50}
    for bad in ({}, {"Fe": 0}, {"Fe": -1.0}, {"Fe": float("nan")}, {"Fe": float("inf")}):
        with pytest.raises(EDSError, match="positive amounts"):
            to_atoms(bad)


def test_strontium_titanate_by_weight():
    """47.75 % Sr, 26.09 % Ti, 26.16 % O, as mineral tables give for tausonite."""
    weights = np.array([87.62, 47.867, 15.999])
    fractions = weight_from_atomic(np.array([[1.0, 1.0, 3.0], [0.2, 0.2, 0.6]]), weights)
    np.testing.assert_allclose(fractions, 2 * [[0.4775, 0.2609, 0.2616]], atol=1e-4)


@given(
    hnp.arrays(float, (3, 4), elements=st.floats(1e-3, 1)),
    hnp.arrays(float, 4, elements=st.floats(1, 250)),
)
def test_units_convert_back_and_forth(amounts, weights):
    atomic = amounts / amounts.sum(axis=1, keepdims=True)
    by_weight = weight_from_atomic(atomic, weights)
    np.testing.assert_allclose(by_weight.sum(axis=1), 1)
    moles = by_weight / weights
    np.testing.assert_allclose(moles / moles.sum(axis=1, keepdims=True), atomic)


def test_labels_without_a_composition_stay_so():
    rows = np.array([[np.nan, 1.0], [0.0, 0.0], [1.0, 1.0]])
    found = weight_from_atomic(rows, np.array([16.0, 16.0]))
    assert np.isnan(found[:2]).all()
    assert found[2].tolist() == [0.5, 0.5]
