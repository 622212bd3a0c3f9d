"""A file is replaced from the window only where the user was asked."""

import pytest
from qtpy.QtWidgets import QMessageBox

from napari_eds._napari.parts.saving import may_replace


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
