"""Numbers as a person would write them, alike all over the window."""

import re
from pathlib import Path

import pytest

import napari_eds._napari
from napari_eds._napari.parts.numbers import counted, grouped


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 labels"), (1, "1 label"), (1156, "1\u202f156 labels")]
)
def test_things_are_counted_in_words(number, words):
    assert counted(number, "label") == words


def test_thousands_are_apart_by_a_thin_space():
    assert grouped(4096, 0) == "4\u202f096"


def test_no_panel_writes_commas_into_numbers():
    for path in Path(napari_eds._napari.__file__).parent.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            written = re.search(r"\{[^{}]*:,[^{}]*\}", line)
            assert not written or "u202f" in line or path.name == "numbers.py", f"{path}: {line}"
