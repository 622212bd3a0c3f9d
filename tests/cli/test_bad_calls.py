"""Bad calls: an exit code, a line that says what is wrong, nothing changed and no traceback.

Calls are run beside the files of `made` in ``conftest.py``. Those of ``docs/command-line.md`` are
run as well, so that the page tells what the command prints.
"""

import hashlib
import importlib
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from napari_eds.cli.main import main

DOCS = Path(__file__).parents[2] / "docs" / "command-line.md"

R = "--recipe run_recipe.json"
Q = f"quantify map.emd {R} --labels labels.npy"
C = f"calibrate-k map.emd {R} --labels labels.npy --label 1 --formula SrTiO3 --reference Ti"

#: Usage that argparse knows to be wrong, or values that cannot be meant: exit code 2.
USAGE = [
    ("", "the following arguments are required: COMMAND"),
    ("frobnicate", "invalid choice: 'frobnicate'"),
    ("info", "required: file"),
    ("info map.emd other.emd", "unrecognized arguments: other.emd"),
    ("quantify map.emd", "required: -o"),
    (f"quantify map.emd {R} -o out.csv", "one of the arguments --grid"),
    (f"quantify map.emd {R} --grid 5 --labels labels.npy -o out.csv", "not allowed with"),
    (f"quantify map.emd {R} --grid ten -o out.csv", "number of pixels such as 15 or 15x20"),
    (f"quantify map.emd {R} --grid 5x5x5 -o out.csv", "number of pixels such as 15 or 15x20"),
    (f"quantify map.emd {R} --grid 0 -o out.csv", "sides of 1 pixel or more"),
    (f"quantify map.emd {R} --grid -3 -o out.csv", "number of pixels such as 15 or 15x20"),
    (f"quantify map.emd {R} --grid 4.5 -o out.csv", "number of pixels such as 15 or 15x20"),
    (f"quantify map.emd {R} --min-counts many -o out.csv", "'many' is no whole number"),
    (f"quantify map.emd {R} --min-counts 0 -o out.csv", "give a whole number from 1"),
    (f"quantify map.emd {R} --min-counts -5 -o out.csv", "--min-counts"),
    ("quantify map.emd --grid 8 -o out.csv", "--elements is needed, or --recipe"),
    ("quantify map.emd --grid 8 --elements '' -o out.csv", "no element to quantify"),
    ("quantify map.emd --grid 8 --elements Xx -o out.csv", "'Xx'"),
    ("quantify map.emd --grid 8 --elements Fe_Q -o out.csv", "--elements: 'Fe_Q' is neither"),
    ("quantify map.emd --grid 8 --elements iron -o out.csv", "--elements: 'iron' is neither"),
    ("quantify map.emd --grid 8 --elements Fe,Fe -o out.csv", "named more than once: Fe"),
    ("quantify map.emd --grid 8 --elements Fe --fit-only Fe -o out.csv", "Fe"),
    ("quantify map.emd --grid 8 --elements Li,Fe -o out.csv", "'Li' is not an element with"),
    (f"{Q} --index -1 -o out.csv", "--index"),
    (f"{Q} --index one -o out.csv", "'one' is no whole number"),
    (f"{Q} --energy-axis 0 -o out.csv", "expected 2 arguments"),
    (f"{Q} --energy-axis nan 0.01 -o out.csv", "'nan' is no number"),
    (f"{Q} --energy-axis zero 0.01 -o out.csv", "'zero' is no number"),
    (f"{Q} --energy-range 5 2 -o out.csv", "the energy range 5 to 2 keV is empty"),
    (f"{Q} --energy-range inf 2 -o out.csv", "'inf' is no number"),
    (f"{Q} --energy-range 0.2 -o out.csv", "expected 2 arguments"),
    (f"{Q} --beam-energy 0 -o out.csv", "0 is not larger than 0"),
    (f"{Q} --beam-energy -200 -o out.csv", "--beam-energy"),
    (f"{Q} --beam-energy 200keV -o out.csv", "'200keV' is no number"),
    (f"{Q} --background flat -o out.csv", "invalid choice: 'flat'"),
    (f"{Q} --engine steam -o out.csv", "invalid choice: 'steam'"),
    (f"{Q} --convention other -o out.csv", "invalid choice: 'other'"),
    (f"{Q} --thickness -50 -o out.csv", "--thickness"),
    (f"{Q} --thickness 0 -o out.csv", "0 is not larger than 0"),
    (f"{Q} --density 5 -o out.csv", "give --thickness, too"),
    (f"{Q} --thickness 50 --density -1 -o out.csv", "--density: "),
    (f"{Q} --thickness 50 --density heavy -o out.csv", "heavy"),
    (f"{Q} --thickness 1e9 -o out.csv", "--thickness: a thickness of 1e+09 nm is more than"),
    (f"{Q} --thickness 50 --take-off-angle 100 -o out.csv", "--take-off-angle: "),
    (f"{Q} --take-off-angle 95 -o out.csv", "--take-off-angle: "),
    (f"{Q} --uncertainty thickness=9 -o out.csv", "choose one of line_ratio_K_percent"),
    (f"{Q} --uncertainty density_percent -o out.csv", "write density_percent=10"),
    (f"{Q} --uncertainty density_percent=-1 -o out.csv", "--uncertainty density_percent: "),
    (f"{Q} --session out.csv -o out.csv", "a session ends in .edsession"),
    (f"{Q} -v -q -o out.csv", "not allowed with argument"),
    (f"{C.replace('--label 1', '--label 0')} -o k.csv", "0 is too few"),
    (f"{C.replace('SrTiO3', 'SrTiO3(')} -o k.csv", "SrTiO3("),
    (f"{C.replace('SrTiO3', 'Nothing')} -o k.csv", "Nothing"),
    (f"{C.replace('--reference Ti', '--reference Fe')} -o k.csv", "--reference Fe: choose one"),
    (f"pixel-maps map.emd {R} --kernel 5 -o px", "such as 5px or 12nm, not '5'"),
    (f"pixel-maps map.emd {R} --kernel 0px -o px", "positive number"),
    (f"pixel-maps map.emd {R} --kernel -2nm -o px", "--kernel"),
    (f"pixel-maps map.emd {R} --kernel nanpx -o px", "positive number"),
    ("compare run.csv", "either --with another result or --formula"),
    ("compare run.csv --with run.csv --formula Fe", "either --with another result or --formula"),
    ("compare run.csv --formula LaFeO3 --labels 9-2", "runs backwards"),
    ("compare run.csv --formula LaFeO3 --labels ,", "ids such as 1,2,5-9"),
    ("compare run.csv --formula Fe --labels 1 --labels 2", "give each formula its labels"),
    ("compare run.csv --formula Fe --formula O --figure a.png", "one by one"),
    ("compare run.csv --with run.csv --figure a.docx", "saved as .png, .pdf or .svg"),
    ("compare run.csv --with run.csv --labels 1 --labels 2", "given once with --with"),
    ("find-elements map.emd --beam-energy nan", "'nan' is no number"),
    ("demo --no-window -o", "expected one argument"),
]
#: Files that are not there, not what they should be, or do not fit: exit code 1.
FILES = [
    ("info gone.emd", "gone.emd"),
    ("info .", "none of the extensions"),
    ("info run.csv", "none of the extensions"),
    ("info text.emd", "text.emd"),
    ("info empty.emd", "empty.emd is empty"),
    ("info cut.emd", "cut.emd"),
    ("find-elements gone.emd", "gone.emd"),
    ("detectors run.hspy", "run.hspy"),
    ("open gone.emd", "gone.emd"),
    (f"quantify gone.emd {R} --grid 8 -o out.csv", "gone.emd"),
    (f"quantify map.emd {R} --grid 99 -o out.csv", "do not fit"),
    (f"quantify map.emd {R} --min-counts 99999999 -o out.csv", "counts"),
    (f"quantify map.emd {R} --labels gone.npy -o out.csv", "gone.npy"),
    (f"quantify map.emd {R} --labels . -o out.csv", ". is a folder, and a file is needed"),
    (
        f"thickness map.emd {R} --labels labels.npy --solid-angle 100 -o out.csv",
        "12.57) sr, not 100",
    ),
    (f"quantify map.emd {R} --labels . -o out.csv", "."),
    (f"quantify map.emd {R} --labels run.csv -o out.csv", "run.csv"),
    (f"quantify map.emd {R} --labels text.npy -o out.csv", "text.npy"),
    (f"quantify map.emd {R} --labels objects.npy -o out.csv", "objects.npy"),
    (f"quantify map.emd {R} --labels small.npy -o out.csv", "(3, 3)"),
    (f"quantify map.emd {R} --labels floats.npy -o out.csv", "whole numbers"),
    (f"quantify map.emd {R} --labels nothing.npy -o out.csv", "no pixel"),
    ("quantify map.emd --recipe gone.json --grid 8 -o out.csv", "gone.json"),
    ("quantify map.emd --recipe words.json --grid 8 -o out.csv", "words.json"),
    ("quantify map.emd --recipe list.json --grid 8 -o out.csv", "list.json"),
    ("quantify map.emd --recipe deep.json --grid 8 -o out.csv", "deep.json"),
    ("quantify map.emd --recipe . --grid 8 -o out.csv", "."),
    (f"{Q} --k-factors gone.csv -o out.csv", "gone.csv"),
    (f"{Q} --k-factors bad.csv -o out.csv", "bad.csv"),
    (f"{Q} --k-factors bytes.csv -o out.csv", "bytes.csv"),
    (f"{Q} --k-factors map.emd -o out.csv", "map.emd"),
    (f"{Q} --k-factors . -o out.csv", "."),
    (f"{Q} --index 3 -o out.csv", "--index 3"),
    (f"{Q} --detectors Nobody -o out.csv", "Nobody"),
    (f"{Q} --energy-axis 0 -0.01 -o out.csv", "positive"),
    (f"{C.replace('--label 1', '--label 7')} -o k.csv", "7"),
    (f"few-shot map.emd {R} --grid 8 --picture nothing -o few", "it has HAADF"),
    ("repeat gone.edsession map.emd -o out.csv", "gone.edsession"),
    ("repeat bad.edsession map.emd -o out.csv", "bad.edsession"),
    ("repeat run.edsession gone.emd -o out.csv", "gone.emd"),
    ("repeat run.edsession run.hspy -o out.csv", "is not the image that was saved"),
    ("compare gone.csv --with run.csv", "gone.csv"),
    ("compare bad.csv --with run.csv", "bad.csv"),
    ("compare bytes.csv --with run.csv", "bytes.csv"),
    ("compare run.csv --with bad.edsession", "bad.edsession"),
    ("compare run.csv --with run.csv --label-map small.npy", "small.npy"),
    ("compare run.csv --formula Al2O3", "has no Al"),
    ("compare run.csv --formula LaFeO3 --labels R7C7", "no label R7C7"),
]
#: Outputs that would replace something, or cannot be written: exit code 1.
OUTPUTS = [
    (f"{Q} -o map.emd", "is the input map.emd itself"),
    (f"{Q} -o map.emd --force", "is the input map.emd itself"),
    (f"{Q} -o sub/../map.emd --force", "is the input map.emd itself"),
    (f"{Q} -o MAP.EMD --force", "is the input map.emd itself"),
    (f"{Q} -o symlink.csv --force", "is the input map.emd itself"),
    (f"{Q} -o hardlink.csv --force", "is the input map.emd itself"),
    (f"{Q} -o linked/map.emd --force", "is the input map.emd itself"),
    (f"{Q} -o labels.npy --force", "is the input labels.npy itself"),
    (f"{Q} -o run_recipe.json --force", "is the input run_recipe.json itself"),
    (f"{Q} -o run.csv --force", "run_recipe.json is the input run_recipe.json itself"),
    (f"{Q} -o renamed.csv --force", "holds raw data"),
    (f"{Q} -o new.emd", "would be taken for raw data"),
    (f"{Q} -o run.hspy --force", "would be taken for raw data"),
    (f"{Q} -o kk.csv", "kk.csv exists already: choose another name, or give --force"),
    (f"{Q} --k-factors kk.csv -o kk.csv --force", "is the input kk.csv itself"),
    (f"{Q} -o sub", "sub is a folder"),
    (f"{Q} -o .", "is a folder"),
    (f"{Q} -o ''", "is a folder"),
    (f"{Q} -o kk.csv/out.csv", "kk.csv is a file, not a folder"),
    (f"{Q} -o {'x' * 300}.csv", "too long"),
    (f"{Q} -o out.edsession --session OUT.edsession", "two outputs of this run"),
    (f"{Q} -o out.csv --maps out.csv", "two outputs of this run"),
    (f"{Q} -o out.csv --maps kk.csv", "kk.csv is a file"),
    (f"{Q} -o out.csv --maps full", "the folder full is not empty: it holds notes.txt"),
    (f"{Q} -o out.csv --maps . --force", "holds the input"),
    (f"{Q} -o out.csv --session run.edsession", "run.edsession exists already"),
    (f"{Q} -o out.csv --log kk.csv", "kk.csv exists already"),
    (f"{Q} -o out.csv --log map.emd --force", "is the input map.emd itself"),
    (f"{C} -o map.emd --force", "is the input map.emd itself"),
    (f"{C} --k-factors kk.csv -o kk.csv --force", "is the input kk.csv itself"),
    (f"{C} -o run.csv", "run.csv exists already"),
    (f"pixel-maps map.emd {R} --kernel 3px -o full", "the folder full is not empty"),
    (f"pixel-maps map.emd {R} --kernel 3px -o map.emd --force", "map.emd"),
    (f"few-shot map.emd {R} --grid 8 -o full --force", "holds notes.txt"),
    (f"few-shot map.emd {R} --grid 8 -o kk.csv --force", "is a file"),
    (f"few-shot map.emd {R} --grid 8 -o . --force", "holds the input"),
    ("repeat run.edsession map.emd -o run.csv", "run.csv exists already"),
    ("repeat run.edsession map.emd -o run.edsession --force", "is the input run.edsession itself"),
    ("compare run.csv --with run.edsession -o run.csv --force", "is the input run.csv itself"),
    ("compare run.csv --with kk.csv -o kk.csv --force", "is the input kk.csv itself"),
    ("compare run.csv --with run.edsession --figure there.png", "there.png exists already"),
    ("compare run.csv --with run.edsession -o a.csv --figure a.csv", ""),
    ("demo --no-window -o full", "the folder full is not empty"),
    ("demo --no-window -o kk.csv", "is a file"),
    ("info map.emd --log map.emd --force", "is the input map.emd itself"),
]


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """The files of `made` and their disguises, to be run in."""
    folder = tmp_path / "work"
    shutil.copytree(made, folder)
    (folder / "sub").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "notes.txt").write_text("a user's own")
    (folder / "there.png").write_text("a user's own")
    shutil.copy(folder / "map.emd", folder / "renamed.csv")
    (folder / "symlink.csv").symlink_to("map.emd")
    os.link(folder / "map.emd", folder / "hardlink.csv")
    (folder / "linked").symlink_to(".")
    monkeypatch.chdir(folder)
    return folder


def state(folder):
    """What a folder holds: digests by path."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        )
        for path in folder.rglob("*")
    }


def exit_code(line):
    try:
        return main(shlex.split(line))
    except SystemExit as left:  # argparse
        return left.code


def check(line, code, message, folder, capsys):
    before = state(folder)
    assert exit_code(line) == code, capsys.readouterr().err
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert "unexpected" not in error
    assert error.strip()
    # Options in a shell have dashes.
    assert not re.search(r"\b(overwrite|index|energy_axis|check_file|detectors)=", error)
    assert state(folder) == before


@pytest.mark.parametrize(("line", "message"), USAGE)
def test_wrong_usage_exits_with_2(line, message, folder, capsys):
    check(line, 2, message, folder, capsys)


@pytest.mark.parametrize(("line", "message"), FILES)
def test_files_that_cannot_be_used(line, message, folder, capsys):
    check(line, 1, message, folder, capsys)


@pytest.mark.parametrize(("line", "message"), OUTPUTS)
def test_outputs_that_cannot_be_written(line, message, folder, capsys):
    code = 2 if "--figure a.csv" in line else 1
    check(line, code, message, folder, capsys)


def calls_of_the_docs():
    """Rows of the page: call, exit code, what is printed."""
    text = DOCS.read_text(encoding="utf-8") if DOCS.is_file() else ""
    rows = re.findall(r"^\| `napari-eds (.+?)` \| (\d+) \| `(.+?)` \|$", text, re.MULTILINE)
    return [(line.replace("\\|", "|"), int(code), printed) for line, code, printed in rows]


@pytest.mark.skipif(not DOCS.is_file(), reason="the documents lie in the repository alone")
def test_the_page_shows_many_calls():
    assert len(calls_of_the_docs()) >= 15


@pytest.mark.skipif(not DOCS.is_file(), reason="the documents lie in the repository alone")
def test_the_page_tells_the_options_there_are(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS.parent), *sys.path])
    page = DOCS.read_text(encoding="utf-8")
    assert importlib.import_module("make_command_line").with_tables(page) == page


@pytest.mark.parametrize(("line", "code", "printed"), calls_of_the_docs())
def test_the_page_tells_what_is_printed(line, code, printed, folder, capsys):
    check(line, code, printed, folder, capsys)
