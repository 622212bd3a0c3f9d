"""The page on the architecture tells what the code is, and its check sees when it does not."""

import importlib
import re
import sys
from pathlib import Path

import pytest

import napari_eds

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"

pytestmark = pytest.mark.skipif(
    not PAGE.is_file(), reason="the documents lie in the repository, not in the package"
)


@pytest.fixture
def make_architecture(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(PAGE.parent), *sys.path])
    return importlib.import_module("make_architecture")


@pytest.fixture
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture
def figure(make_architecture):
    return make_architecture.FIGURE.read_text(encoding="utf-8")


def test_every_file_on_the_ways_through_the_code_exists(page):
    package = Path(napari_eds.__file__).parent
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", page)) - {"tests/test_walls.py"}
    assert len(named) > 25
    assert not [name for name in named if not (ROOT / name).exists() | (package / name).exists()]


def test_the_rooms_are_told_in_the_order_of_the_rule(make_architecture, page):
    told = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", page, re.MULTILINE)
    assert tuple(told) == tuple(room for room in make_architecture.ROOMS if room != "_version")


def test_a_new_import_makes_figure_and_table_stale(make_architecture, page, figure):
    uses = dict(make_architecture.rooms_used())
    uses["physics"] = (*uses["physics"], "recipe")
    assert len(make_architecture.stale(uses, figure, page)) == 3


def test_the_arrows_are_those_of_the_table_and_the_figure_tells_them(make_architecture, page):
    uses = dict.fromkeys(make_architecture.ROOMS, ()) | {"cli": ("errors",)}
    text = make_architecture.as_text(uses)
    assert "cli -> errors" in text
    figure = f"<dc:description>{text.replace('>', '&gt;')}</dc:description>"
    assert not make_architecture.stale(uses, figure, make_architecture.with_table(page, uses))
