"""Classes by a few examples: beside the truth of a simulated map and densities of scipy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from napari_eds import LabelError, Recipe, grid_chips, quantify, read_k_factors
from napari_eds.few_shot.chips import FewShotError
from napari_eds.few_shot.classification import (
    _Features,
    _log_densities,
    classify,
    read_chip_classes,
    read_classification,
)
from napari_eds.spectra.label_sums import HeldSums

CHIP = 6
PHASES = {0: "vacuum", 2: "LaFeO3", 3: "SrTiO3"}


@pytest.fixture(scope="module")
def result(lfo_sto_96, data_dir):
    table = read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv")
    recipe = Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti", "Pt"), fit_only=("C", "Cu", "Ga"), k_factors=table
    )
    return quantify(lfo_sto_96, grid_chips(lfo_sto_96.shape, CHIP), recipe)


@pytest.fixture(scope="module")
def phase(data_dir):
    """Phase of every chip of one phase by the truth, by chip id."""
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")["label"]
    found = {}
    for row in range(96 // CHIP):
        for column in range(96 // CHIP):
            inside = truth[row * CHIP : (row + 1) * CHIP, column * CHIP : (column + 1) * CHIP]
            if (inside == inside[0, 0]).all() and inside[0, 0] in PHASES:
                found[f"R{row}C{column}"] = PHASES[inside[0, 0]]
    return pd.Series(found)


def examples(phase, n, seed):
    rng = np.random.default_rng(seed)
    return {
        name: list(rng.choice(phase.index[phase == name], n, replace=False))
        for name in PHASES.values()
    }


@pytest.mark.parametrize("features", [["spectra"], ["spectra", "composition"]])
@pytest.mark.parametrize("n", [1, 3])
def test_pure_chips_get_their_phase_whatever_the_examples(result, phase, features, n):
    for seed in range(5):
        found = classify(result, examples(phase, n, seed), features=features)
        predicted = found.table.set_index("chip")["prediction"][phase.index]
        assert (predicted == phase).mean() > (0.99 if n > 1 else 0.95)


def test_chips_at_an_interface_are_of_a_phase_beside_it(result, phase, data_dir):
    truth = np.load(data_dir / "simulated/LFO_STO_96_truth.npz")["label"]
    found = classify(result, examples(phase, 3, 0)).table["prediction"]
    for chip, name in found.items():
        row, column = (CHIP * int(part) for part in chip[1:].split("C"))
        inside = np.unique(truth[row : row + CHIP, column : column + CHIP])
        if inside.tolist() == [2, 3]:
            assert name in {"LaFeO3", "SrTiO3"}


def test_chips_of_another_phase_lie_far_from_every_class(result, phase):
    examples_ = examples(phase, 3, 0)
    del examples_["SrTiO3"]
    distances = classify(result, examples_).distances.min(axis=1)[phase.index]
    assert distances[phase == "LaFeO3"].median() < 2
    assert distances[phase == "SrTiO3"].min() > 10


def test_the_table_is_that_of_the_few_shot_programs(result, phase, tmp_path):
    found = classify(result, examples(phase, 3, 0))
    path = found.to_csv(tmp_path / "classes.csv")
    header, first, second, *_ = path.read_text().splitlines()
    assert header == ",vacuum,LaFeO3,SrTiO3,prediction,chip"
    assert first.startswith("R0C0,")
    assert first.endswith(",vacuum,R0C0")
    assert second.startswith("R1C0,")  # down each column in turn
    probabilities = found.table[list(PHASES.values())]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.idxmax(axis=1) == found.table["prediction"]).all()


def test_the_class_map_paints_each_chip(result, phase):
    found = classify(result, examples(phase, 3, 0))
    painted = found.class_map()
    assert painted.shape == result.labels.shape
    assert found.class_names == {1: "vacuum", 2: "LaFeO3", 3: "SrTiO3"}
    for chip in ("R0C0", "R15C3", "R5C7"):
        row, column = (CHIP * int(part) for part in chip[1:].split("C"))
        inside = painted[row : row + CHIP, column : column + CHIP]
        number = list(PHASES.values()).index(found.table.loc[chip, "prediction"]) + 1
        assert (inside == number).all()


def test_a_table_reads_back(result, phase, tmp_path):
    found = classify(result, examples(phase, 3, 0))
    path = found.to_csv(tmp_path / "classes.csv")
    back = read_classification(path, result.labels)
    pd.testing.assert_frame_equal(back.table, found.table)
    np.testing.assert_array_equal(back.class_map(), found.class_map())


def test_tables_of_both_programs_are_read(tmp_path):
    labels = grid_chips((4, 6), 2).labels
    multimodal = tmp_path / "multimodal.csv"
    multimodal.write_text(
        ",Pt,Bright,prediction,chip\nR0C0,0.56,0.44,Pt,R0C0\nR1C0,0.1,0.9,Bright,R1C0\n"
    )
    pychip = tmp_path / "pychip.csv"
    pychip.write_text(
        ",Pt,Bright,prediction\nall/cropX_0_Y_0.jpg,0.56,0.44,Pt\nall/cropX_0_Y_1.jpg,.1,.9,Bright\n"
    )
    expected = np.zeros((4, 6), int)
    expected[:2, :2] = 1
    expected[2:, :2] = 2
    for path in (multimodal, pychip):
        np.testing.assert_array_equal(read_classification(path, labels).class_map(), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no table of classes"),
        ("a,b\n1,2\n", "needs a column"),
        (",A,prediction,chip\n", "names no chip"),
        (",A,prediction,chip\nR9C9,1,A,R9C9\n", "no chip 'R9C9'"),
        (",A,prediction,chip\nR0C0,1,B,R0C0\n", "predicts 'B'"),
        (",A,prediction,chip\nR0C0,x,A,R0C0\n", "column A of .*probabilities: could not convert"),
        (",A,prediction,chip\nR0C0,1,A,R0C0\nR0C0,1,A,R0C0\n", "more than once: R0C0"),
        (",A,prediction,chip\nR9C9,1,A,R9C9\n", "chip size.*R9C9"),
        (",A,prediction\nR9,1,A\n", "no chip 'R9'"),
        (",prediction,chip\nR0C0,A,R0C0\n", "no table of classes"),
    ],
)
def test_what_is_no_such_table_is_refused_with_the_reason(text, message, tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text(text)
    with pytest.raises(FewShotError, match=message):
        read_classification(path, grid_chips((4, 4), 2).labels)


@pytest.fixture
def grid():
    return grid_chips((23, 31), 7)  # 3 rows of 4 chips


def written_for(grid, seed=0):
    """Result in the order of Multimodal-Few-Shot: columns of the grid one after the other."""
    rng = np.random.default_rng(seed)
    rows, columns = grid.grid
    chips = [f"R{r}C{c}" for c in range(columns) for r in range(rows)]
    classes = ["film", "substrate", "interface"]
    frame = pd.DataFrame(rng.dirichlet(np.ones(3), len(chips)), columns=classes)
    return frame.assign(prediction=frame[classes].idxmax(axis=1), chip=chips)


def test_every_chip_is_in_the_label_of_its_class(tmp_path, grid):
    written = written_for(grid)
    written.to_csv(tmp_path / "result.csv")
    found = read_classification(tmp_path / "result.csv", grid.labels, grid.names)
    classes = found.class_labels()
    assert classes.names == {1: "film", 2: "substrate", 3: "interface"}
    assert classes.labels.dtype == np.int32
    by_chip = written.set_index("chip")
    for label, name in grid.names.items():
        inside = classes.labels[grid.labels == label]
        assert {classes.names[i] for i in inside.tolist()} == {by_chip.loc[name, "prediction"]}
    np.testing.assert_array_equal(classes.labels > 0, grid.labels > 0)
    probabilities = list(found.classes)
    np.testing.assert_allclose(
        found.table.loc[by_chip.index, probabilities], by_chip[probabilities], rtol=1e-12
    )


def test_files_of_chips_stand_for_chips(tmp_path, grid):
    written = written_for(grid)
    written.to_csv(tmp_path / "result.csv")
    places = written["chip"].str.extract(r"R(\d+)C(\d+)")
    written.index = [f"chips/cropX_{c}_Y_{r}.jpg" for r, c in places.itertuples(index=False)]
    written.drop(columns="chip").to_csv(tmp_path / "files.csv")
    one, other = (
        read_classification(tmp_path / f"{n}.csv", grid.labels) for n in ("result", "files")
    )
    np.testing.assert_array_equal(one.class_labels().labels, other.class_labels().labels)
    pd.testing.assert_frame_equal(one.table, other.table)


def test_classes_without_chips_have_no_label(tmp_path, grid):
    written = written_for(grid).query("chip in ['R0C0', 'R2C3']").assign(prediction="substrate")
    written.to_csv(tmp_path / "result.csv")
    classes = read_classification(tmp_path / "result.csv", grid.labels).class_labels()
    assert classes.names == {1: "substrate"}
    assert set(np.unique(grid.labels[classes.labels == 1])) == {1, 12}
    assert set(np.unique(classes.labels)) == {0, 1}


def test_names_of_classes_may_look_like_numbers_or_nothing(tmp_path, grid):
    text = ",1,NA,prediction,chip\n0,0.9,0.1,1,R0C0\n1,0.2,0.8,NA,R0C1\n"
    (tmp_path / "result.csv").write_text(text)
    found = read_classification(tmp_path / "result.csv", grid.labels)
    assert found.class_labels().names == {1: "1", 2: "NA"}


def test_the_deprecated_reader_gives_the_same_by_label(tmp_path, grid):
    written = written_for(grid)
    written.to_csv(tmp_path / "result.csv")
    with pytest.deprecated_call():
        old = read_chip_classes(tmp_path / "result.csv", grid)
    classes = ["film", "substrate", "interface"]
    assert old.table.index.tolist() == list(range(1, 13))
    assert old.table.index.name == "label"
    assert old.table.columns.tolist() == ["chip", "prediction", *classes]
    assert old.table["chip"].tolist() == list(grid.names.values())
    by_chip = written.set_index("chip").loc[list(grid.names.values())]
    np.testing.assert_allclose(old.table[classes], by_chip[classes], rtol=1e-12)
    labels = read_classification(tmp_path / "result.csv", grid.labels).class_labels()
    np.testing.assert_array_equal(old.chips.labels, labels.labels)
    assert old.chips.names == labels.names
    (tmp_path / "result.csv").write_text(",a,prediction,chip\n0,1,a,R9C0\n")
    with pytest.deprecated_call(), pytest.raises(LabelError, match=r"chip size.*R9C0"):
        read_chip_classes(tmp_path / "result.csv", grid)
    with pytest.deprecated_call(), pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        read_chip_classes(tmp_path / "nowhere.csv", grid)


def test_labels_without_counts_get_no_class(lfo_sto_96, result, phase, tmp_path):
    spectra = result.label_spectra.spectra.copy()
    spectra[0] = 0
    emptied = replace(result, label_spectra=replace(result.label_spectra, sums=HeldSums(spectra)))
    shown = {n: [c for c in ids if c != "R0C0"] for n, ids in examples(phase, 3, 1).items()}
    found = classify(emptied, shown)
    assert found.table.loc["R0C0", "prediction"] == ""
    assert found.table.loc["R0C0", list(PHASES.values())].isna().all()
    assert found.class_map()[0, 0] == 0
    path = found.to_csv(tmp_path / "classes.csv")
    back = read_classification(path, result.labels)
    pd.testing.assert_frame_equal(back.table, found.table)
    with pytest.deprecated_call():
        of_grid = read_chip_classes(path, grid_chips(result.labels.shape, CHIP))
    assert of_grid.table.loc[1, "prediction"] == ""
    np.testing.assert_array_equal(of_grid.chips.labels > 0, back.class_map() > 0)
    assert of_grid.chips.labels[0, 0] == 0
    with pytest.raises(FewShotError, match=r"R0C0.*no counts"):
        classify(emptied, {"a": ["R0C0"], "b": ["R1C1"]})


@pytest.mark.parametrize(
    ("support", "message"),
    [
        ({"a": ["R0C0"]}, "two classes at least"),
        ({"a": ["R0C0"], "b": []}, "no chip"),
        ({"a": ["R0C0"], "b": ["R0C0"]}, "two classes"),
        ({"a": ["R0C0"], "b": ["R99C0"]}, "no chip 'R99C0'"),
        ({"a": ["R0C0"], "b": [999]}, "no chip 999"),
        ({"a": ["R0C0"], "b": "R1C0"}, "list of chips"),
        ({"a": ["R0C0"], "chip": ["R1C0"]}, "name other than"),
    ],
)
def test_unusable_examples_are_refused(result, support, message):
    with pytest.raises(FewShotError, match=message):
        classify(result, support)


def test_unknown_features_are_refused(result):
    with pytest.raises(FewShotError, match="colour"):
        classify(result, {"a": ["R0C0"], "b": ["R9C9"]}, features=["colour"])


def test_label_ids_and_chip_ids_mean_the_same(result):
    by_id = classify(result, {"a": ["R0C0", "R0C1"], "b": ["R15C0"]})
    by_label = classify(result, {"a": [1, 2], "b": [15 * 16 + 1]})
    pd.testing.assert_frame_equal(by_id.table, by_label.table)
    assert by_label.support == {"a": ("R0C0", "R0C1"), "b": ("R15C0",)}


def test_labels_must_be_a_map(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text(",A,prediction,chip\nR0C0,1,A,R0C0\n")
    with pytest.raises(LabelError, match="no pixel is labelled"):
        read_classification(path, np.zeros((3, 3), int))


def test_densities_are_those_of_a_multivariate_t():
    """One class per feature scale, against scipy's own t with the same scale and freedom."""
    rng = np.random.default_rng(0)
    values, noise = rng.normal(0, 5, (12, 3)), rng.uniform(0.5, 2, (12, 3))
    members = [[0, 1, 2], [3, 4]]
    density, squares = _log_densities(_Features(values, noise), members)
    # Pooled scatter by the textbook's formula, feature by feature.
    q, freedom, c, means, errors = np.zeros(3), 0, np.zeros(3), [], []
    for rows in members:
        w = 1 / noise[rows]
        mean = np.average(values[rows], axis=0, weights=w)
        q += (w * (values[rows] - mean) ** 2).sum(0)
        c += w.sum(0) - (w**2).sum(0) / w.sum(0)
        freedom += len(rows) - 1
        means.append(mean)
        errors.append(1 / w.sum(0))
    tau = (2 * 0.01 * np.var(means, axis=0) + 3 * np.maximum(0, (q - freedom) / c)) / 5
    for i, rows in enumerate(members):
        for label in range(12):
            scale = noise[label] + np.median(errors, axis=0) + tau * (1 + 1 / len(rows))
            t = stats.multivariate_t(means[i], np.diag(scale), df=5)
            constant = stats.multivariate_t(np.zeros(3), np.eye(3), df=5).logpdf(np.zeros(3))
            assert density[label, i] == pytest.approx(t.logpdf(values[label]) - constant)
            expected = ((values[label] - means[i]) ** 2 / scale).mean()
            assert squares[label, i] == pytest.approx(expected)
