"""A file is replaced from the window only where the user was asked."""

import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_eds._napari.parts.saving import ask_to_save, may_replace


@pytest.fixture
def answer(monkeypatch, qapp):
    """Function that sets the answer, and returns the questions that were asked."""

    def set_answer(button):
        asked = []

        def question(_parent, _title, text):
            asked.append(text)
            return button

        monkeypatch.setattr(QMessageBox, "question", question)
        return asked

    return set_answer


def test_new_files_are_no_question(answer, tmp_path):
    asked = answer(QMessageBox.StandardButton.No)
    assert may_replace(None, [tmp_path / "a.csv"]) is False
    assert asked == []


def test_what_the_dialog_asked_about_is_not_asked_again(answer, tmp_path):
    asked = answer(QMessageBox.StandardButton.No)
    path = tmp_path / "a.csv"
    path.write_text("")
    assert may_replace(None, [path], str(path)) is True
    assert asked == []
    # The name that was typed got an ending after the dialog.
    assert may_replace(None, [path], str(tmp_path / "a")) is None
    assert len(asked) == 1


def test_files_beside_it_are_asked_about_by_name(answer, tmp_path):
    files = [tmp_path / f"{n}.csv" for n in range(8)]
    for path in files:
        path.write_text("")
    asked = answer(QMessageBox.StandardButton.Yes)
    assert may_replace(None, files, files[0]) is True
    assert "1.csv, 2.csv, 3.csv, 4.csv, 5.csv and 2 more" in asked[0]


FIGURES = "Picture (*.png);;Vector (*.svg *.pdf)"


@pytest.mark.parametrize(
    ("typed", "kind", "named"),
    [
        ("map.pdf", "Picture (*.png)", "map.pdf"),
        ("map", "Vector (*.svg *.pdf)", "map.svg"),
        ("map", "", "map.png"),
        ("map 1.5 nm", "Picture (*.png)", "map 1.5 nm.png"),
        ("map.PNG", "Picture (*.png)", "map.PNG"),
        ("map.txt", "Picture (*.png)", "map.txt"),
    ],
)
def test_a_name_without_a_known_ending_gets_that_of_its_kind(
    monkeypatch, tmp_path, typed, kind, named
):
    answer = str(tmp_path / typed), kind
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: answer)
    target = ask_to_save(None, "Save", "map.png", FIGURES, (".txt",))
    assert target == (tmp_path / named, tmp_path / typed)


def test_a_dialog_that_is_left_names_no_file(monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    assert ask_to_save(None, "Save", "map.csv") is None
