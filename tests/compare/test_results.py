"""Comparisons: published arithmetic, simulated truth, Velox's own numbers, tables of others."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import napari_eds as eds
from napari_eds.compare.known import compare_known
from napari_eds.compare.results import compare_results
from napari_eds.compare.sources import composition_table
from napari_eds.compare.tables import closed_covariance, normalised_errors

#: Published: summed at.%, normalised at.%, percent error in size. The inputs were rounded before
#: they were printed; `WITHIN` are inputs that round to them and give every printed digit.
PUBLISHED = {
    "HyperSpy, LaFeO3": (
        "LaFeO3",
        {"La": 8.40, "Fe": 19.33, "O": 49.72},
        {"La": 8.4002, "Fe": 19.3331, "O": 49.7167},
        (10.85, 24.96, 64.19),
        (45.77, 24.81, 6.99),
    ),
    "HyperSpy, SrTiO3": (
        "SrTiO3",
        {"Sr": 21.15, "Ti": 24.12, "O": 45.60},
        {"Sr": 21.1459, "Ti": 24.1229, "O": 45.6032},
        (23.27, 26.55, 50.18),
        (16.35, 32.73, 16.36),
    ),
    "Velox, LaFeO3": (
        "LaFeO3",
        {"La": 13.51, "Fe": 17.35, "O": 44.27},
        {"La": 13.51, "Fe": 17.35, "O": 44.27},
        (17.98, 23.09, 58.92),
        (10.09, 15.47, 1.79),
    ),
}


@pytest.fixture(scope="module")
def truth(data_dir):
    return dict(np.load(data_dir / "simulated/LFO_STO_96_truth.npz"))


@pytest.fixture(scope="module")
def recipe(data_dir):
    return eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"),
        fit_only=("C", "Cu", "Ga", "Pt"),
        k_factors=eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
        absorption=eds.Absorption(thickness_nm=55, density_g_cm3=5.12),
    )


@pytest.fixture(scope="module")
def labels(truth):
    """Chips of 8 pixels that lie in pure film or substrate."""
    chips = eds.grid_chips((96, 96), 8).labels
    inside = truth["pure"] & np.isin(truth["label"], (2, 3))
    return np.where(np.isin(chips, chips[~inside]), 0, chips)


@pytest.fixture(scope="module")
def thickness(truth):
    """The thickness that has the true mass at the density of the recipe."""
    return truth["thickness_nm"] * truth["density_g_cm3"] / 5.12


@pytest.fixture(scope="module")
def result(lfo_sto_96, labels, recipe, thickness):
    return eds.quantify(lfo_sto_96, labels, recipe, thickness_nm=thickness)


@pytest.fixture(scope="module")
def linear(lfo_sto_96, labels, recipe, thickness):
    recipe = recipe.model_copy(update={"engine": "linear"})
    return eds.quantify(lfo_sto_96, labels, recipe, thickness_nm=thickness)


# With a known composition


@pytest.mark.parametrize("case", PUBLISHED, ids=str)
def test_published_percent_errors_to_every_digit(case):
    formula, printed, within, normalised, errors = PUBLISHED[case]
    for element, value in printed.items():
        assert round(within[element], 2) == value
    table = compare_known(within, formula).table
    assert tuple(table["normalised_at_pct"].round(2)) == normalised
    assert tuple(table["absolute_percent_error"].round(2)) == errors


@pytest.mark.parametrize("case", PUBLISHED, ids=str)
def test_published_percent_errors_from_the_printed_inputs(case):
    formula, printed, _, normalised, errors = PUBLISHED[case]
    table = compare_known(printed, formula).table
    # An input rounded by 0.005 moves a normalised value of 65 of 77 by up to 0.01, and the
    # percent error by that over 20.
    np.testing.assert_allclose(table["normalised_at_pct"], normalised, atol=0.011)
    np.testing.assert_allclose(table["absolute_percent_error"], errors, atol=0.035)


def test_errors_have_signs():
    table = compare_known(PUBLISHED["HyperSpy, LaFeO3"][1], "LaFeO3").table
    assert list(np.sign(table["percent_error"])) == [-1, 1, 1]
    assert table["expected_at_pct"].tolist() == [20, 20, 60]


def test_labels_are_averaged_and_other_elements_left_out():
    frame = pd.DataFrame(
        {
            "label": [4, 9, 11, 12],
            "chip": ["a", "b", "c", "d"],
            "Sr_at_pct": [10.0, 20, 90, np.nan],
            "Ti_at_pct": [30.0, 20, 5, np.nan],
            "Cu_at_pct": [60.0, 60, 5, np.nan],
        }
    )
    known = compare_known(frame, {"Sr": 1, "Ti": 1}, [4, "b", 12])
    assert known.labels == (4, 9)
    assert known.left_out == (12,)
    assert known.others == {"Cu": 60}
    assert known.table["summed_at_pct"].tolist() == [15, 25]
    assert known.table["normalised_at_pct"].tolist() == [37.5, 62.5]
    assert known.table["percent_error"].tolist() == [-25, 25]
    assert known.per_label.loc[4, "Sr_percent_error"] == -50
    assert known.per_label.loc[9, "Sr_percent_error"] == 0
    text = " ".join(known.account())
    for part in ("2 labels", "SrTi", "Cu 60.00", "12"):
        assert part in text


def test_known_composition_from_a_map(result, truth, labels):
    film = np.setdiff1d(labels[truth["label"] == 2], [0])
    known = compare_known(result, "LaFeO3", film)
    assert len(known.labels) == len(film) > 20
    assert (known.table["absolute_percent_error"] < 2).all()
    assert abs(known.others["Sr"]) < 0.3
    # The mean of n labels scatters by their scatter over root n.
    scatter = known.per_label["Fe_normalised_at_pct"].std() / np.sqrt(len(film))
    assert known.table.loc["Fe", "error"] == pytest.approx(scatter, rel=0.35)


def test_error_of_a_normalised_mean_follows_the_covariance_of_the_fit(result):
    """Beside the exact first-order result of one label, with all correlations of its fit."""
    row = int(np.argmax(result.table["Sr_at_pct"]))
    names = list(result.elements)
    chosen = [names.index(e) for e in ("Sr", "Ti", "O")]
    per_count = (
        result.fit.alpha_areas[row, : len(names)] * result.fit.model.weight_sums[: len(names)]
    )
    amounts = result.composition.atomic_fractions[row, chosen]
    slopes = amounts / per_count[chosen]
    share = amounts / amounts.sum()
    jacobian = (np.eye(3) - share[:, None]) * slopes / amounts.sum()
    covariance = result.fit.covariance[row][np.ix_(chosen, chosen)]
    exact = np.sqrt(np.diagonal(jacobian @ covariance @ jacobian.T))
    label = result.table.index[row]
    found = compare_known(result, "SrTiO3", [label]).table["error"] / 100
    # What is left is that absorption answers to a change of the composition.
    np.testing.assert_allclose(found, exact, rtol=0.25)


@given(st.lists(st.floats(0.5, 100), min_size=2, max_size=6), st.integers(0, 2**32 - 1))
def test_the_covariance_of_independent_amounts_is_recovered(amounts, seed):
    amounts = np.array(amounts)
    spread = np.random.default_rng(seed).uniform(0.01, 0.2, amounts.size) * amounts
    x = amounts / amounts.sum()
    jacobian = (np.eye(x.size) - x[:, None]) / amounts.sum()
    exact = jacobian * spread**2 @ jacobian.T
    found = closed_covariance(x, np.sqrt(np.diagonal(exact)))
    np.testing.assert_allclose(np.diagonal(found), np.diagonal(exact), rtol=1e-5)
    if x.size != 2 and np.abs(1 - 2 * x).min() > 0.05:
        np.testing.assert_allclose(found, exact, atol=1e-5 * np.abs(exact).max())


def test_errors_of_a_part_beside_a_large_rest():
    """Two of three independent amounts: the third cancels."""
    amounts, spread = np.array([30.0, 20, 50]), np.array([0.3, 0.4, 2.0])
    x = amounts / 100
    jacobian = (np.eye(3) - x[:, None]) / 100
    errors = np.sqrt(np.diagonal(jacobian * spread**2 @ jacobian.T))
    found = normalised_errors(x, errors, ["A", "B", "C"], ["A", "B"])
    # d(A / (A + B)) = (B dA - A dB) / (A + B)^2
    expected = np.hypot(20 * 0.3, 30 * 0.4) / 50**2
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-6)


def test_normalised_errors_do_not_depend_on_the_scale():
    """Percentages of a part of what is there are as good as those of the whole."""
    x, errors = np.array([0.3, 0.2, 0.5]), np.array([0.02, 0.015, 0.03])
    elements = ["A", "B", "C"]
    whole = normalised_errors(x, errors, elements, ["A", "C"])
    part = normalised_errors(0.7 * x, 0.7 * errors, elements, ["A", "C"])
    np.testing.assert_allclose(part, whole, rtol=1e-9)


def test_what_cannot_be_compared_with_a_formula_is_said(result):
    with pytest.raises(eds.EDSError, match="no Al"):
        compare_known(result, "LaAlO3")
    with pytest.raises(eds.LabelError, match="no label 99999"):
        compare_known(result, "LaFeO3", [99999])
    with pytest.raises(eds.EDSError, match="none of the labels"):
        compare_known(pd.DataFrame({"label": [1], "Fe": [np.nan]}), "Fe")
    with pytest.raises(eds.EDSError, match="as a formula"):
        compare_known(result, "Xx2")


# With another result


def test_a_result_equals_itself(result):
    comparison = compare_results(result, result)
    assert comparison.elements == result.elements
    assert (comparison.statistics["rms_difference"] == 0).all()
    np.testing.assert_allclose(comparison.statistics["correlation"], 1)
    assert not comparison.only_ours
    assert not comparison.labels_only_other
    for element, data in comparison.maps().items():
        np.testing.assert_array_equal(data == 0, result.labels > 0)
        np.testing.assert_array_equal(comparison.maps("ours")[element], result.maps()[element])


def test_differences_and_their_statistics_by_hand():
    ours = pd.DataFrame(
        {
            "label": [1, 2, 3, 7],
            "Fe_at_pct": [10.0, 20, 30, 1],
            "Fe_at_pct_error": [3.0, 3, 3, 3],
            "Cu_at_pct": [1.0, 1, 1, 1],
        }
    )
    other = pd.DataFrame(
        {"label": [3, 2, 1, 8], "Fe": [33.0, 21, 9, 5], "Fe error": [4.0, 4, 4, 4], "O": 1.0}
    )
    found = compare_results(ours, other)
    assert found.table.index.tolist() == [1, 2, 3]
    assert found.table["Fe_difference"].tolist() == [1, -1, -3]
    assert found.table["Fe_z"].tolist() == [0.2, -0.2, -0.6]
    row = found.statistics.loc["Fe"]
    assert row["n"] == 3
    assert row["mean_difference"] == -1
    assert row["sd_difference"] == 2
    assert row["rms_difference"] == pytest.approx(np.sqrt(11 / 3))
    assert (row["max_difference"], row["max_label"]) == (-3, 3)
    assert row["correlation"] == pytest.approx(np.corrcoef([10, 20, 30], [9, 21, 33])[0, 1])
    assert row["rms_z"] == pytest.approx(np.sqrt((0.04 + 0.04 + 0.36) / 3))
    assert (found.only_ours, found.only_other) == (("Cu",), ("O",))
    assert (found.labels_only_ours, found.labels_only_other) == ((7,), (8,))
    text = " ".join(found.account())
    assert "Only in table: Cu" in text
    assert "1 label only in table: 7" in text


def test_maps_of_the_truth(result, truth):
    comparison = compare_results(result, {e: truth[f"at_{e}"] for e in result.elements})
    statistics = comparison.statistics
    # Simulated with another table of attenuation, 8 % lower for O K in SrTiO3.
    assert (statistics["mean_difference"].abs() < 0.9).all()
    assert (statistics["correlation"].drop("O") > 0.999).all()
    in_film = truth["label"] == 2
    errors = comparison.maps("difference_error")["Fe"][in_film]
    difference = comparison.maps()["Fe"][in_film]
    # Systematic errors are below 0.3 at.%, so that counting explains nearly all.
    assert np.nanstd(difference) == pytest.approx(np.sqrt(np.nanmean(errors**2)), rel=0.2)


def test_the_engines_differ_by_less_than_their_noise(result, linear):
    comparison = compare_results(result, linear)
    assert comparison.other.name == "HyperSpy, linear"
    assert (comparison.statistics["rms_z"] < 1.5).all()
    assert (comparison.statistics["correlation"].drop("O") > 0.99).all()


def test_tables_on_disk_give_the_same_differences(result, linear, tmp_path):
    result.to_csv(tmp_path / "ours.csv")
    linear.to_csv(tmp_path / "theirs.csv")
    direct = compare_results(result, linear).statistics
    from_files = compare_results(tmp_path / "ours.csv", tmp_path / "theirs.csv").statistics
    numbers = direct.columns.drop("max_label")
    np.testing.assert_allclose(
        from_files[numbers].astype(float), direct[numbers].astype(float), rtol=1e-3, atol=1e-4
    )


def test_normalised_over_the_common_elements():
    ours = pd.DataFrame({"label": [1], "Sr": [20.0], "Ti": [30.0], "Cu": [50.0]})
    found = compare_results(ours, {"Sr": 45, "Ti": 55}, normalise=True)
    assert found.table.loc["all", "Sr_ours"] == pytest.approx(40)
    assert found.table.loc["all", "Sr_difference"] == pytest.approx(-5)
    assert "100 % over Sr, Ti" in " ".join(found.account())


def test_velox_own_result_in_the_file(data_dir):
    image = eds.read(data_dir / "real/velox/EDS-STO.emd")[0]
    k = eds.read_k_factors(data_dir / "real/kfactors/k-factors-Spectra300UTK200keV.csv")
    recipe = eds.Recipe(elements=("O", "Ti", "Cu", "Sr"), k_factors=k)
    result = eds.quantify(image, np.ones((1, 1), int), recipe)
    for other in (image, image.acquisition.vendor, data_dir / "real/velox/EDS-STO.emd"):
        found = compare_results(result, other)
        row = found.table.loc["all"]
        assert row["O_other"] == 46.21
        assert row["O_difference"] == pytest.approx(result.table.loc[1, "O_at_pct"] - 46.21)
        own = result.table.loc[1, "O_at_pct_error"]
        assert row["O_difference_error"] == pytest.approx(np.hypot(own, 2.41))
        assert (found.statistics["rms_z"] < 1.5).all()
    assert "last of 20 results" in " ".join(found.account()).lower()
    weight = compare_results(result, image, quantity="wt_pct")
    assert weight.table.loc["all", "Sr_ours"] == pytest.approx(result.table.loc[1, "Sr_wt_pct"])


def test_the_mean_over_labels_is_the_composition_of_all_their_counts(lfo_sto_96, labels, recipe):
    plain = recipe.model_copy(
        update={"absorption": None, "calibrate": False, "refine_line_ratios": False}
    )
    parts = eds.quantify(lfo_sto_96, labels, plain)
    whole = eds.quantify(lfo_sto_96, (labels > 0).astype(int), plain)
    sums = {e: whole.table.loc[1, f"{e}_at_pct"] for e in whole.elements}
    found = compare_results(parts, sums).table.loc["all"]
    for e in whole.elements:
        # The same but for the weights of the fit: 0.15 at.% at a counting error of 0.1.
        assert found[f"{e}_ours"] == pytest.approx(sums[e], abs=0.15)
        assert found[f"{e}_difference_error"] == pytest.approx(
            whole.table.loc[1, f"{e}_at_pct_error"], rel=0.15
        )


def test_labels_weigh_what_matter_they_hold(result):
    """Thick labels are absorbed more, and still weigh more."""
    names = [str(family) for family in result.fit.model.quantified]
    k = [result.k_factors.value_for(f, "family") for f in result.fit.model.quantified]
    weights = {"La": 138.905, "Fe": 55.845, "O": 15.999, "Sr": 87.62, "Ti": 47.867}
    amounts = result.table[[f"{name}_intensity" for name in names]].to_numpy()
    amounts = (amounts * k * result.composition.absorption_factors).sum(axis=0)
    moles = amounts / [weights[e] for e in result.elements]
    row = compare_results(result, dict.fromkeys(result.elements, 20)).table.loc["all"]
    for e, share in zip(result.elements, 100 * moles / moles.sum(), strict=True):
        assert row[f"{e}_ours"] == pytest.approx(share, rel=1e-4, abs=1e-4)


# Tables of others


@pytest.mark.parametrize(
    "text",
    [
        "label,Fe_at_pct,Fe_at_pct_error\n1,12.5,0.5\n2,30,1\n",
        "label,Fe,Fe error\n1,12.5,0.5\n2,30,1\n",
        "Label;Fe at.%;Fe at.% error\n1;12,5;0,5\n2;30,0;1,0\n",
        "Label\tFe (at.%)\t± Fe (at.%)\n1\t12.5\t0.5\n2\t30\t1\n",
        "label,Fe_K at%,Fe_K sigma at%,Fe_K_intensity,Fe wt%\n1,12.5,0.5,999,1\n2,30,1,999,1\n",
        "exported on some day\n\nlabel,At.% Fe,Error At.% Fe\n1,12.5,0.5\n2,30,1\n",
        "No,Label,Fe,Fe error\n7,1.0,12.5,0.5\n8,2.0,30,1\n",
        "label,Fe Atomic Fraction (%),Fe Atomic Error (%)\n1,12.5,0.5\n2,30,1\n",
        "chip,Fe,Fe error\nR0C0,12.5 %,0.5\nR0C1,30,1\nR9C9,1,1\n",
    ],
)
def test_columns_by_many_names(text, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text(text, encoding="utf-8")
    ours = pd.DataFrame({"label": [1, 2], "chip": ["R0C0", "R0C1"], "Fe": [10.0, 31]})
    table = compare_results(ours, path).table
    assert table["Fe_other"].tolist() == [12.5, 30]
    assert table["Fe_difference_error"].tolist() == [0.5, 1]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_elements_as_velox_writes_it(delimiter, tmp_path):
    rows = [
        ("Z", "Element", "Family", "Atomic Fraction (%)", "Atomic Error (%)", "Mass Fraction (%)"),
        ("8", "O", "K", "46.21", "2.41", "16.80"),
        ("22", "Ti", "K", "24.56", "3.23", "26.70"),
        ("", "Total", "", "100", "", "100"),
    ]
    path = tmp_path / "velox.csv"
    path.write_text("\n".join(delimiter.join(row) for row in rows))
    ours = {"O": 46.0, "Ti": 25.0}
    table = compare_results(ours, path).table.loc["all"]
    assert table["O_other"] == 46.21
    assert table["Ti_difference_error"] == 3.23
    weight = compare_results({"O": 46.0}, path, quantity="wt_pct").table.loc["all"]
    assert weight["O_other"] == 16.80


def test_fractions_are_taken_as_such_and_said():
    found = compare_results({"Fe": 40, "O": 60}, pd.DataFrame({"Fe": [0.41], "O": [0.59]}))
    assert found.table.loc["all", "Fe_other"] == pytest.approx(41)
    assert "fractions" in " ".join(found.account())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("label,Fe\n1,12\n1,13\n", "label 1 is there more than once"),
        ("label,Fe\n1,twelve\n", "'twelve' in the column 'Fe' is no number"),
        ("label,Fe,Fe\n1,2,3\n", "column Fe is there more than once"),
        ("label,Fe at.%,Fe atomic %\n1,2,3\n", "are both of Fe"),
        ("Fe,O\n1,2\n3,4\n", "no column 'label' or 'chip'"),
        ("label,iron\n1,2\n", "no table of compositions"),
        ("label,Fe\n", "no rows"),
        ("label,Cu\n1,2\n", "no element is in both"),
        ("label,Fe\n5,2\n", "no label is in both"),
        ("label,Fe\nx,2\n", "no whole number"),
        ("chip,Fe\nR1C1,2\n", "no label is in both"),
    ],
)
def test_a_bad_table_is_explained(text, problem, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text(text)
    ours = pd.DataFrame({"label": [1, 2], "chip": ["a", "b"], "Fe": [10.0, 31]})
    with pytest.raises(eds.EDSError, match=problem):
        compare_results(ours, path)


def test_results_of_other_regions_are_refused(result, lfo_sto_96, labels, recipe):
    shifted = eds.quantify(lfo_sto_96, np.roll(labels, 4, axis=1), recipe)
    with pytest.raises(eds.LabelError, match="another region"):
        compare_results(result, shifted)
    with pytest.raises(eds.LabelError, match="different label maps"):
        compare_results(
            pd.DataFrame({"label": [1], "chip": ["R0C0"], "Fe": [1.0]}),
            pd.DataFrame({"label": [1], "chip": ["R0C1"], "Fe": [1.0]}),
        )
    with pytest.raises(eds.LabelError, match="does not fit"):
        compare_results(result, {"Fe": np.zeros((3, 3))})


def test_other_bad_sources_are_refused(result, lfo_sto_96, tmp_path):
    with pytest.raises(eds.EDSError, match="no composition of the vendor"):
        compare_results(result, lfo_sto_96)
    with pytest.raises(eds.EDSError, match="no result to compare with"):
        compare_results(result, 3)
    with pytest.raises(eds.EDSError, match="at_pct or wt_pct"):
        compare_results(result, result, quantity="mol")
    with pytest.raises(FileNotFoundError):
        compare_results(result, tmp_path / "nothing.csv")


# Files and figures


def test_saved_tables_read_back(result, linear, tmp_path):
    comparison = compare_results(result, linear)
    written = comparison.to_csv(tmp_path / "difference.csv")
    assert [p.name for p in written] == ["difference.csv", "difference_statistics.csv"]
    table = pd.read_csv(written[0], index_col="label")
    np.testing.assert_allclose(table["Fe_z"], comparison.table["Fe_z"], rtol=1e-5)
    statistics = pd.read_csv(written[1], index_col="element")
    np.testing.assert_allclose(
        statistics["rms_difference"], comparison.statistics["rms_difference"], rtol=1e-5
    )
    known = compare_known(result, "LaFeO3")
    names = [p.name for p in known.to_csv(tmp_path / "known.csv")]
    assert names == ["known.csv", "known_labels.csv"]


def test_what_a_comparison_came_from_is_known_and_never_replaced(result, linear, tmp_path):
    ours, other = tmp_path / "ours.csv", tmp_path / "other.csv"
    result.to_csv(ours)
    linear.to_csv(other)
    before = ours.read_bytes()
    comparison = compare_results(ours, str(other))
    assert comparison.sources == (ours, other)
    assert compare_results(result, other).sources == (result.image.source, other)
    assert compare_results(result, {"Fe": 20, "O": 60}).sources == (result.image.source,)
    known = compare_known(ours, "LaFeO3")
    assert (known.source, compare_known({"Fe": 1}, "Fe").source) == (ours, None)
    for save in (comparison.to_csv, known.to_csv):
        with pytest.raises(eds.OutputError, match="is the input"):
            save(ours, overwrite=True)
    assert ours.read_bytes() == before


def test_difference_maps_are_symmetric_about_zero(result, linear, tmp_path):
    comparison = compare_results(result, linear)
    figure = comparison.figure(["Fe", "O"])
    images = [axes.get_images()[0] for axes in figure.axes if axes.get_images()]
    assert len(images) == 6
    for left, middle, right in (images[:3], images[3:]):
        assert left.get_clim() == middle.get_clim()
        low, high = right.get_clim()
        assert low == -high < 0
        assert right.get_cmap().name == "RdBu_r"
    # Red is the upper end: ours larger.
    red, _, blue, _ = images[2].get_cmap()(1.0)
    assert red > blue
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert any(text.endswith(" nm") for text in texts)
    path = comparison.save_figure(tmp_path / "maps.png", ["Fe"])
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(eds.EDSError, match="Xe is not compared"):
        comparison.figure(["Xe"])


def test_figures_without_a_map(result, linear, tmp_path):
    clouds = compare_results(result.table, linear.table)
    with pytest.raises(eds.LabelError, match="where the labels lie"):
        clouds.maps()
    assert clouds.save_figure(tmp_path / "clouds.svg").read_text().startswith("<?xml")
    bars = compare_results(result, {"Fe": 15, "La": 15})
    bars.save_figure(tmp_path / "bars.png")
    compare_known(result, "LaFeO3").save_figure(tmp_path / "known.pdf")
    assert (tmp_path / "known.pdf").read_bytes().startswith(b"%PDF")


def with_totals(**columns):
    return pd.DataFrame(
        {
            "label": [1, 2],
            "Sr_at_pct": [52.0, 54],
            "Ti_at_pct": [48.0, 46],
            "Sr_at_pct_error": [3.0, 4],
            "Ti_at_pct_error": [3.0, 4],
            "Sr_at_pct_error_k": [1.0, 1],
            "Ti_at_pct_error_k": [1.0, 1],
            **columns,
        }
    )


def test_beside_a_known_composition_the_total_error_counts():
    """What all labels share does not fall with their number, counting does."""
    totals = {f"{e}_at_pct_error_total": [5.0, np.sqrt(32)] for e in ("Sr", "Ti")}
    known = compare_known(with_totals(**totals), "SrTi")
    row = known.table.loc["Sr"]
    # Common parts of 4 and 4, counting of the mean of 2.5.
    assert row["error_total"] == pytest.approx(np.hypot(4, 2.5))
    assert row["error"] == pytest.approx(2.5)
    assert row["error_k"] == pytest.approx(1)
    assert row["percent_error_error_total"] == pytest.approx(2 * np.hypot(4, 2.5))
    assert row["z"] == pytest.approx(3 / np.hypot(4, 2.5))
    assert "all that is uncertain" in " ".join(known.account())


@pytest.mark.parametrize("part", [{}, {"Sr_at_pct_error_total": [5.0, 5]}])
def test_a_table_without_totals_leaves_counting_and_k_factors(part):
    known = compare_known(with_totals(**part), "SrTi")
    assert known.table["error_total"].tolist() == pytest.approx([np.hypot(2.5, 1)] * 2)
    assert known.table["z"].tolist() == pytest.approx(
        [3 / np.hypot(2.5, 1), -3 / np.hypot(2.5, 1)]
    )
    assert "uncertain" not in " ".join(known.account())


def test_differences_of_two_results_have_errors_of_counting(result):
    found = compare_results(result, result)
    error = found.table["O_difference_error"]
    np.testing.assert_allclose(error, np.sqrt(2) * result.table["O_at_pct_error"])


def test_the_mean_over_labels_keeps_what_they_share(tmp_path):
    totals = {f"{e}_at_pct_error_total": [5.0, np.sqrt(32)] for e in ("Sr", "Ti")}
    path = tmp_path / "run.csv"
    with_totals(**totals).to_csv(path, index=False)
    for source in (path, with_totals(**totals)):
        mean = composition_table(source).total()
        np.testing.assert_allclose(mean.errors_total.loc["all"], np.hypot(4, 2.5))
        again = mean.only(["Sr", "Ti"])
        np.testing.assert_allclose(again.errors_total.loc["all"], np.hypot(4, 2.5))


def of_version_0_1_0(**columns):
    """A table as that version wrote it, without total errors."""
    return pd.DataFrame(
        {
            "label": [1, 2],
            "Sr_at_pct": [52.0, 54],
            "Ti_at_pct": [48.0, 46],
            "Sr_at_pct_error": [3.0, 4],
            "Ti_at_pct_error": [3.0, 4],
            **columns,
        }
    )


@pytest.mark.parametrize("value", [None, 0.0, np.nan])
def test_errors_that_nobody_gave_are_unknown(value, tmp_path):
    """Not there, 0 in tables of version 0.1.0, or empty: no 0, and no total of counting alone."""
    columns = {} if value is None else {f"{e}_at_pct_error_k": [value] * 2 for e in ("Sr", "Ti")}
    path = tmp_path / "run.csv"
    of_version_0_1_0(**columns).to_csv(path, index=False)
    for source in (path, of_version_0_1_0(**columns)):
        assert composition_table(source).errors_k.isna().all(axis=None)
        known = compare_known(source, "SrTi")
        for column in ("error_k", "error_total", "percent_error_error_total"):
            assert known.table[column].isna().all()
        assert known.table["error"].tolist() == pytest.approx([2.5, 2.5])
        assert known.table["z"].tolist() == pytest.approx([3 / 2.5, -3 / 2.5])
        assert "of counting alone" in " ".join(known.account())


def test_errors_that_were_given_as_0_are_0():
    totals = {f"{e}_at_pct_error_total": [3.0, 4] for e in ("Sr", "Ti")}
    given = {f"{e}_at_pct_error_k": [0.0, 0] for e in ("Sr", "Ti")}
    source = composition_table(of_version_0_1_0(**given, **totals))
    assert (source.errors_k == 0).all(axis=None)


def test_figures_draw_no_error_where_none_is_known(tmp_path):
    found = compare_results(of_version_0_1_0(), {"Sr": 50.0, "Ti": 50.0})
    assert found.save_figure(tmp_path / "bars.png").stat().st_size > 0
    half = of_version_0_1_0(Sr_at_pct_error=[3.0, np.nan])
    found = compare_results(half, of_version_0_1_0())
    assert found.save_figure(tmp_path / "clouds.png").stat().st_size > 0


def test_labels_without_a_composition_are_left_out_and_said():
    """What is empty of elements outside of the formula does not matter."""
    table = of_version_0_1_0(Sr_at_pct=[52.0, np.nan], La_at_pct=[np.nan, 3.0])
    known = compare_known(table, "SrTi")
    assert (known.labels, known.left_out) == ((1,), (2,))
    assert known.table.loc["Sr", "normalised_at_pct"] == pytest.approx(52)
    assert "Without a composition: 2." in known.account()
