"""Conditions on labels, and statistics over them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from napari_eds.quantification.statistics import (
    ConditionError,
    matching,
    names_of,
    spread,
    spreads,
)

ELEMENTS = ("Fe", "In")


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "chip": ["R0C0", "R0C1", "R1C0", "R1C1"],
            "n_pixels": [4, 4, 9, 1],
            "counts": [100, 50, 900, 0],
            "Fe_at_pct": [10.0, 30.0, 60.0, np.nan],
            "Fe_at_pct_error": [1.0, 2.0, 3.0, np.nan],
            "In_at_pct": [90.0, 70.0, 40.0, np.nan],
            "In_at_pct_error": [1.0, 2.0, 3.0, np.nan],
            "Fe_wt_pct": [5.0, 18.0, 42.0, np.nan],
            "In_wt_pct": [95.0, 82.0, 58.0, np.nan],
            "reduced_chi_squared": [1.0, 1.6, 2.5, np.nan],
            "flag": ["", "few counts", "", "no counts"],
        },
        index=pd.Index([1, 2, 7, 9], name="label"),
    )


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("", [1, 2, 7, 9]),
        ("  ", [1, 2, 7, 9]),
        ("Fe > 20", [2, 7]),
        ("Fe_at_pct > 20 and reduced_chi_squared < 2", [2]),
        ("Fe > 20 and chi2 < 2", [2]),
        ("10 < Fe <= 60", [2, 7]),
        ("not (Fe > 20)", [1, 9]),
        ("Fe + In > 99 or label == 9", [1, 2, 7, 9]),
        ("Fe / In > 1", [7]),
        ("-Fe < -20", [2, 7]),
        ("(Fe - 30) * (Fe - 30) < 1", [2]),
        ("In < 50", [7]),
        ("counts >= 100 and pixels > 4", [7]),
        ("chip == 'R0C1'", [2]),
        ("chip in ['R0C1', 'R1C1']", [2, 9]),
        ("label not in [1, 2]", [7, 9]),
        ("flag != ''", [2, 9]),
    ],
)
def test_conditions(table, condition, met):
    assert table.index[matching(table, ELEMENTS, condition)].tolist() == met


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("Fx > 1", "no column Fx; there are label, Fe, In, chi2, pixels, chip"),
        ("Fe = 3", "equality is written =="),
        ("Fe >", "not complete"),
        ("(" * 300, "not complete"),
        ("Fe", "compares nothing"),
        ("True", "compares nothing"),
        ("1 < 2", "compares nothing"),
        ("chip > 5", "text with text"),
        ("Fe > 'a'", "text with text"),
        ("not Fe", "text with text"),
        ("chi2 < 1 / 0", "text with text"),
        ("Fe > 1 & In > 1", "joined by and, or, not"),
        ("None == Fe", "only numbers and text"),
        ("label in chip", "list stands"),
        ("[1, 2] == label", "list stands"),
    ],
)
def test_what_is_wrong_with_a_condition_is_said(table, condition, words):
    with pytest.raises(ConditionError, match=words):
        matching(table, ELEMENTS, condition)


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('touch /tmp/owned')",
        "open('/etc/passwd') == 1",
        "@table > 1",
        "@__builtins__",
        "Fe.to_csv('/tmp/owned') == 1",
        "Fe.__class__ == 1",
        "().__class__.__base__.__subclasses__()",
        "Fe[0] > 1",
        "(lambda: 1)() == 1",
        "[x for x in 'ab'] == 1",
        "(Fe := 1) > 0",
        "f'{Fe}' == '1'",
        "9 ** 9 ** 9 > Fe",
        "1 << 10 > Fe",
        "chip * 999999999 == 'a'",
        "'a' * 999999999 == chip",
        "[1] * 999999999 == Fe",
        "Fe if Fe else Fe",
        "Fe > 1; In > 1",
        "Fe = 1",
        "Fe > 1\nIn > 1",
        "Fe > 0 and " * 100 + "Fe > 0",
        "not " * 2000 + "Fe > 0",
        "Fe > " + "9" * 5000,
        "\0 > Fe",
    ],
)
def test_nothing_but_comparisons_is_evaluated(table, condition, monkeypatch):
    def evaluated(*_, **__):
        raise AssertionError("this reached pandas")

    monkeypatch.setattr(pd.DataFrame, "eval", evaluated)
    with pytest.raises(ConditionError):
        matching(table, ELEMENTS, condition)


def test_names_hold_short_ones_and_all_columns(table):
    names = names_of(table, ELEMENTS)
    assert names["Fe"] == "Fe_at_pct"
    assert names["chi2"] == "reduced_chi_squared"
    assert {"label", *table.columns} <= set(names)
    assert all(name.isidentifier() for name in names)


def test_spread_is_that_of_numpy():
    rng = np.random.default_rng(1)
    errors = rng.uniform(0.5, 2, 40)
    values = rng.normal(20, errors)
    found = spread(np.append(values, np.nan), np.append(errors, 1))
    assert found.n == 40
    assert found.mean == pytest.approx(np.mean(values))
    assert found.deviation == pytest.approx(np.std(values, ddof=1))
    assert found.expected == pytest.approx(np.sqrt(np.mean(errors**2)))
    mean, total = np.average(values, weights=1 / errors**2, returned=True)
    assert found.weighted_mean == pytest.approx(mean)
    assert found.weighted_error == pytest.approx(1 / np.sqrt(total))
    chi_squared = np.sum((values - mean) ** 2 / errors**2)
    assert found.probability == pytest.approx(1 - stats.chi2(39).cdf(chi_squared))


def test_scatter_beyond_counting_is_told_and_rarely_by_mistake():
    rng = np.random.default_rng(2)
    errors = np.ones(30)
    mistakes = sum(spread(rng.normal(0, 1, 30), errors).real for _ in range(1000))
    # Binomial with probability 0.01.
    assert mistakes <= stats.binom.ppf(0.9999, 1000, 0.01)
    assert spread(rng.normal(0, 3, 30), errors).real


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_labels_give_nan_not_warnings(n):
    found = spread(np.full(n, 5.0), np.full(n, 1.0))
    assert found.n == n
    assert np.isnan(found.deviation)
    assert not found.real
    assert np.isnan(spread(np.full(3, np.nan), np.ones(3)).mean)


def test_spreads_over_chosen_labels(table):
    found = spreads(table, ELEMENTS, [1, 7, 1000])
    assert found["Fe"].mean == pytest.approx(35)
    assert found["In"].deviation == pytest.approx(np.std([90, 40], ddof=1))
    weights = spreads(table, ELEMENTS, [1, 7], "wt_pct")
    assert weights["Fe"].mean == pytest.approx(23.5)
    assert np.isnan(weights["Fe"].expected)
