"""What errors are made of: as a table, in words, in files."""

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.quantification.error_table import PART_WORDS, parts_text
from napari_eds.quantification.errors.budget import BULK, DOSE, PARTS
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

ELEMENTS = ("La", "Fe", "O", "Sr", "Ti")
SHAPES = ["axis", "ratios", "line_shapes", "background"]


@pytest.fixture(scope="module")
def image():
    return lanthanum_ferrite_on_strontium_titanate((48, 48), counts_per_pixel=200).image


def quantified(image, **settings):
    recipe = eds.Recipe.create(
        **{"elements": ELEMENTS, "fit_only": ("Cu", "C", "Pt"), "energy_range_keV": (0.3, 19)}
        | settings
    )
    return eds.quantify(image, eds.grid_chips(image.shape, 12), recipe)


@pytest.fixture(scope="module")
def result(image):
    return quantified(image)


def test_the_table_holds_every_part_of_every_error(result):
    budget = result.error_budget()
    assert budget.columns.tolist() == ["label", "element", *PARTS, "total"]
    assert set(PART_WORDS) == {*PARTS, DOSE, BULK}
    assert len(budget) == len(result.table) * len(ELEMENTS)
    for element, rows in budget.groupby("element"):
        assert rows["label"].tolist() == result.table.index.tolist()
        for part, column in {"total": "error_total", "k_factors": "error_k"}.items():
            expected = result.table[f"{element}_at_pct_{column}"]
            np.testing.assert_allclose(rows[part], expected, equal_nan=True)
    known = budget.dropna()
    assert len(known)
    independent = np.sqrt((known[[p for p in PARTS if p not in SHAPES]] ** 2).sum(axis=1))
    assert (known["total"] > independent).all()
    assert (known["total"] <= known[list(PARTS)].sum(axis=1) * (1 + 1e-9)).all()


def test_a_label_without_a_composition_has_no_errors(lfo_sto_96):
    recipe = eds.Recipe(elements=ELEMENTS, fit_only=("Cu", "C", "Pt"))
    found = eds.quantify(lfo_sto_96, eds.grid_chips(lfo_sto_96.shape, 12), recipe)
    empty = found.table.index[found.table["O_at_pct"].isna()]
    assert len(empty)
    budget = found.error_budget()
    rows = budget[budget["label"].isin(empty)]
    assert rows[[*PARTS, "total"]].isna().all(axis=None)
    assert parts_text(found.composition, int(empty[0]) - 1, 0) == ""


def test_without_shapes_of_lines_their_parts_are_unknown(image):
    linear = quantified(image, engine="linear", background="polynomial")
    budget = linear.error_budget()
    assert budget[SHAPES].isna().all(axis=None)
    seen = budget["total"].notna()
    assert budget.loc[seen, ["counting", "k_factors", "thickness"]].notna().all(axis=None)
    assert "with HyperSpy's engines, shapes of lines" in linear.account()[-1]
    n = len(ELEMENTS)
    widened = linear.intensity_errors_total / linear.fit.intensity_errors[:, :n]
    chi_squared = np.nan_to_num(linear.fit.reduced_chi_squared, nan=1.0)
    np.testing.assert_allclose(
        widened[seen.to_numpy().reshape(-1, n).all(axis=1)],
        np.sqrt(np.maximum(chi_squared, 1))[seen.to_numpy().reshape(-1, n).all(axis=1), None]
        * np.ones(n),
    )


def test_errors_of_counts_contain_what_is_stated_of_shapes(image, result):
    """An independent error of each drawn line is in proportion to what is stated of it."""
    counting = result.fit.intensity_errors[:, : len(ELEMENTS)]
    assert result.intensity_errors_total.shape == counting.shape
    assert (result.intensity_errors_total >= counting * (1 - 1e-9)).all()
    squares = [
        quantified(
            image, uncertainties=eds.Uncertainties(line_shape_percent=percent)
        ).intensity_errors_total
        ** 2
        for percent in (20, 40, 60)
    ]
    first, second = squares[1] - squares[0], squares[2] - squares[1]
    seen = result.composition.detected
    # 40^2 - 20^2 to 60^2 - 40^2
    np.testing.assert_allclose(second[seen] / first[seen], 2000 / 1200, rtol=1e-6)


def test_errors_of_counts_do_not_depend_on_the_convention_of_k_factors(image, result):
    families = result.k_factors
    model = result.fit.model
    alpha = eds.KFactorTable.from_mapping(
        {
            f"{f.element}_{f.family}": families.value_for(f, "family") * weight
            for f, weight in zip(model.quantified, model.weight_sums, strict=False)
        },
        "alpha",
    )
    found = quantified(image, k_factors=alpha)
    np.testing.assert_allclose(
        found.intensity_errors_total, result.intensity_errors_total, rtol=1e-2
    )


def test_words_tell_the_largest_part_first_and_leave_out_what_does_not_show(result):
    row = int(np.flatnonzero(result.composition.detected[:, 2])[0])
    budget = result.error_budget().set_index(["label", "element"])
    parts = budget.loc[(result.table.index[row], "O"), list(PARTS)].astype(float)
    text = parts_text(result.composition, row, 2)
    told = [item.rpartition(" ") for item in text.split(", ")]
    worth = (parts >= 0.1 * parts.max()) | (parts.index == "counting")
    shown = parts[worth].sort_values(ascending=False)
    assert [name for name, _, _ in told] == [PART_WORDS[part] for part in shown.index]
    assert [value for _, _, value in told] == [f"{value:.2g}" for value in shown]
    sentence = result.account()[-1]
    assert "all parts but counting have a common cause" in sentence
    assert "HyperSpy" not in sentence
    assert "Not contained" in sentence


def test_parts_are_saved_when_asked_for(result, tmp_path):
    assert [p.name for p in result.to_csv(tmp_path / "a.csv")] == ["a.csv", "a_recipe.json"]
    written = result.to_csv(tmp_path / "b.csv", errors=True)
    assert [path.name for path in written] == ["b.csv", "b_recipe.json", "b_errors.csv"]
    pd.testing.assert_frame_equal(
        pd.read_csv(written[-1]), result.error_budget(), rtol=1e-5, check_dtype=False
    )
