"""The table of a result: its columns, their names, and that these are spelt in one place only."""

import ast
import re
import warnings
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.quantification.table import (
    at_pct,
    column_of,
    composition_column,
    detection_limit,
    error_k_of,
    error_of,
    error_total_of,
    intensity,
    read_table,
    wt_pct,
)
from napari_eds.simulate import Phase, simulate

PACKAGE = Path(eds.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "results-table.md"

#: What only the table of a result is called; common words such as counts and row are not looked
#: for. Names end so with an element or a family before, whether it is written out or filled in.
NAMES = {"at_pct", "wt_pct", "reduced_chi_squared", "not_detected", "flag", "chip", "n_pixels"}
ENDING = re.compile(
    r"^.*_(at|wt)_pct(_error|_error_k|_error_total)?$|^.*_intensity(_error)?$|^_error(_k|_total)?$"
)
#: Files that spell some of them, and why.
EXCEPTIONS = {
    "quantification/table.py": "the table itself",
    "labels/chips.py": "describes labels before there is a result; the table takes its names over",
    "quantification/profiles/lines.py": "what a profile shows is called as in the table",
    "cli/profile.py": "lets choose one of these; error_at_pct is an option's name",
    "_napari/profile/dock.py": "error_at_pct is an option's name",
    "compare/known.py": "its own table beside a formula, such as normalised_at_pct",
    "compare/figures.py": "draws that table",
    "_napari/compare/number_table.py": "shows that table",
    "cli/compare.py": "prints that table",
    "compare/files.py": "chip is what a file of another program can call its labels",
    "few_shot/chips.py": "chip is a column of the files of few-shot programs",
    "few_shot/classification.py": "the same",
    "exchange/hyperspy.py": "n_pixels is a key in the metadata of its files",
}


def spelt_names(text: str) -> set[str]:
    """Names of columns in the strings of a program.

    Docstrings, annotations and what is counted in words, as chips are, do not count.
    """
    tree = ast.parse(text)
    passed_over = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed_over.add(id(node.value))
        elif isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation:
            passed_over |= {id(inside) for inside in ast.walk(node.annotation)}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "counted":
            passed_over |= {id(argument) for argument in node.args}
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in passed_over
    ]
    return {text for text in strings if text in NAMES or ENDING.match(text)}


def test_no_other_file_spells_a_column_of_the_table():
    found = {
        path.relative_to(PACKAGE).as_posix(): spelt_names(path.read_text(encoding="utf-8"))
        for path in PACKAGE.rglob("*.py")
    }
    assert len(found) > 150
    spelling = {name for name, spelt in found.items() if spelt}
    assert spelling - set(EXCEPTIONS) == set()
    assert set(EXCEPTIONS) - spelling == set(), "an exception that is not needed any more"


def test_the_rule_sees_names_however_they_are_made():
    text = (
        '"""Sr_at_pct in a docstring."""\n'
        "def f(table, element, column: 'chip'):\n"
        '    a = table[f"{element}_at_pct"], table["Sr_K_intensity_error"]\n'
        '    return a, table[f"{column}_error"], table.flag, table["flag"], "relative_error"\n'
        '    b = counted(3, "chip")\n'
    )
    assert spelt_names(text) == {"_at_pct", "Sr_K_intensity_error", "_error", "flag"}


@pytest.fixture(scope="module")
def result(lfo_sto_96):
    recipe = eds.Recipe(elements=("La", "Fe", "O"), fit_only=("Sr", "Ti"))
    return eds.quantify(lfo_sto_96, eds.grid_chips(lfo_sto_96.shape, 48), recipe)


def part_of_name(column: str) -> str:
    """What stands for an element or a family in a name in the documentation."""
    return next((part for part in ("Sr_K", "Sr") if column.startswith(f"{part}_")), "")


@pytest.fixture(scope="module")
def by_zeta(result):
    return eds.quantify_by_zeta(
        result,
        eds.theoretical_zeta_factors(300, 0.7),
        dose=eds.Dose(beam_current_nA=0.2, dwell_time_us=200, frames=2, live_percent=95),
    )


@pytest.mark.parametrize("method", ["cliff_lorimer", "zeta"])
def test_the_documentation_lists_the_columns_in_their_order(result, by_zeta, method):
    listed = re.findall(r"^\| `(\S+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed.pop(0) == result.table.index.name
    if method == "zeta":
        result = by_zeta
    else:
        start = listed.index("thickness_nm")
        assert listed[start + 7] == "electrons"
        del listed[start : start + 8]
    names = {
        "Sr": result.elements,
        "Sr_K": [str(family) for family in result.fit.model.families],
        "": [""],
    }
    expected = []
    for kind, group in groupby(listed, part_of_name):
        templates = list(group)
        expected += [c.replace(kind, name, 1) for name in names[kind] for c in templates]
    assert result.table.columns.tolist() == expected


def test_names_of_columns_are_those_of_the_table(result):
    for element in result.elements:
        for name in (at_pct(element), wt_pct(element), detection_limit(element)):
            assert name in result.table
        assert error_of(at_pct(element)) in result.table
        assert error_total_of(at_pct(element)) in result.table
        assert error_k_of(at_pct(element)) in result.table
        assert column_of(element, "at_pct") == at_pct(element)
    for family in result.fit.model.families:
        np.testing.assert_array_equal(
            result.table[intensity(family)],
            result.fit.intensities[:, result.fit.model.families.index(family)],
        )
        assert error_of(intensity(str(family))) in result.table


def test_columns_of_compositions_are_told_from_others(result):
    found = [composition_column(name) for name in result.table]
    assert [tuple(c) for c in found if c is not None] == [
        (element, quantity, kind)
        for element in result.elements
        for quantity, kind in (
            ("at_pct", "value"),
            ("at_pct", "error_total"),
            ("at_pct", "error"),
            ("at_pct", "error_k"),
            ("wt_pct", "value"),
        )
    ]


def test_a_table_reads_back_to_the_last_bit(result):
    text = result.table.to_csv().encode()
    back = read_table(text)
    pd.testing.assert_frame_equal(back, result.table, check_exact=True, check_dtype=False)
    assert back["n_pixels"].dtype.kind == "i"


def test_many_elements_make_a_table_without_a_warning():
    elements = ("Mg", "Si", "Ca", "Ti", "Cr", "Fe", "Ni", "Cu", "Ge", "Se", "Zr", "Mo")
    phase = Phase("alloy", dict.fromkeys(elements, 100 / 12), 6.0)
    image = simulate(np.ones((8, 8), int), [phase], 60.0, counts_per_pixel=300, seed=2).image
    recipe = eds.Recipe(elements=elements, calibrate=False, refine_line_ratios=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = eds.quantify(image, np.ones((8, 8), int), recipe).table
    assert table[[at_pct(e) for e in elements]].sum(axis=1).to_numpy() == pytest.approx(100)
