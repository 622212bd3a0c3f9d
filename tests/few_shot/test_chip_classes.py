"""Tables of few-shot programs, written as those programs write them."""

import numpy as np
import pandas as pd
import pytest

from napari_eds import LabelError, grid_chips
from napari_eds.few_shot.chip_classes import read_chip_classes

CLASSES = ["film", "substrate", "interface"]


@pytest.fixture
def grid():
    return grid_chips((23, 31), 7)  # 3 rows of 4 chips


def table(grid, seed=0):
    """Result in the order of Multimodal-Few-Shot: columns of the grid one after the other."""
    rng = np.random.default_rng(seed)
    rows, columns = grid.grid
    chips = [f"R{r}C{c}" for c in range(columns) for r in range(rows)]
    frame = pd.DataFrame(rng.dirichlet(np.ones(3), len(chips)), columns=CLASSES)
    return frame.assign(prediction=frame[CLASSES].idxmax(axis=1), chip=chips)


def test_every_chip_gets_its_class(tmp_path, grid):
    written = table(grid)
    written.to_csv(tmp_path / "result.csv")
    classes = read_chip_classes(tmp_path / "result.csv", grid)
    assert list(classes.chips.names.values()) == CLASSES
    assert classes.table.index.tolist() == list(range(1, 13))
    by_chip = written.set_index("chip")
    for label, name in grid.names.items():
        found = classes.chips.labels[grid.labels == label]
        assert {classes.chips.names[i] for i in found.tolist()} == {
            by_chip.loc[name, "prediction"]
        }
        assert classes.table.loc[label, "chip"] == name
    np.testing.assert_allclose(
        classes.table.set_index("chip")[CLASSES], by_chip.loc[list(grid.names.values()), CLASSES]
    )
    np.testing.assert_array_equal(classes.chips.labels > 0, grid.labels > 0)


def test_files_of_chips_stand_for_chips(tmp_path, grid):
    written = table(grid)
    written.to_csv(tmp_path / "result.csv")
    places = written["chip"].str.extract(r"R(\d+)C(\d+)")
    written.index = [f"chips/cropX_{c}_Y_{r}.jpg" for r, c in places.itertuples(index=False)]
    written.drop(columns="chip").to_csv(tmp_path / "files.csv")
    one, other = (read_chip_classes(tmp_path / f"{n}.csv", grid) for n in ("result", "files"))
    np.testing.assert_array_equal(one.chips.labels, other.chips.labels)
    pd.testing.assert_frame_equal(one.table, other.table)


def test_chips_that_were_not_classified_are_background(tmp_path, grid):
    written = table(grid).query("chip in ['R0C0', 'R2C3']").assign(prediction="substrate")
    written.to_csv(tmp_path / "result.csv")
    classes = read_chip_classes(tmp_path / "result.csv", grid)
    assert classes.chips.names == {1: "substrate"}
    assert set(np.unique(grid.labels[classes.chips.labels == 1])) == {1, 12}


def test_names_of_classes_may_look_like_numbers_or_nothing(tmp_path, grid):
    text = ",1,NA,prediction,chip\n0,0.9,0.1,1,R0C0\n1,0.2,0.8,NA,R0C1\n"
    (tmp_path / "result.csv").write_text(text)
    classes = read_chip_classes(tmp_path / "result.csv", grid)
    assert classes.chips.names == {1: "1", 2: "NA"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        (",prediction,chip\n0,a,R0C0\n", "no result of a few-shot"),
        (",a,b,chip\n0,1,0,R0C0\n", "no result of a few-shot"),
        (",a,prediction,chip\n", "0 rows"),
        (",a,prediction,chip\n0,1,a,R9C0\n", "chip size.*R9C0"),
        (",a,prediction\n0,1,a\n", "not in this grid"),
        (",a,prediction,chip\n0,1,a,R0C0\n1,1,a,R0C0\n", "more than once: R0C0"),
        (",a,prediction,chip\n0,1,b,R0C0\n", "predicts b"),
        (",a,prediction,chip\n0,high,a,R0C0\n", "column a of .* probabilities"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, grid, text, message):
    (tmp_path / "result.csv").write_text(text)
    with pytest.raises(LabelError, match=message):
        read_chip_classes(tmp_path / "result.csv", grid)


def test_a_missing_file_is_said_to_be_missing(tmp_path, grid):
    with pytest.raises(FileNotFoundError, match=r"result\.csv"):
        read_chip_classes(tmp_path / "result.csv", grid)
