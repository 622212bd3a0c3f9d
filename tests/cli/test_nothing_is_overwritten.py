"""No sequence of commands changes a file that was there, and what a run leaves is its own."""

import hashlib
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_eds as eds
from napari_eds.cli.main import main

#: What commands may be told to write to: what is there, what is not, and other names for it.
NAMES = (
    *("map.emd", "Map.emd", "link.csv", "hard.csv", "run.csv", "run_recipe.json", "kk.csv"),
    *("labels.npy", "run.edsession", "run.hspy", "sub", "sub/deep/new.csv", "new.csv", "new"),
    *("NEW.csv", "sub/notes.txt", "kk.csv/new.csv", "new.edsession", "new_recipe.json", "."),
)
#: Settings of a run that needs no recipe.
QUICK = ("--elements", "La,Fe,O,Sr,Ti", "--fit-only", "Cu,C,Pt", "--no-calibrate")
RUN = ("map.emd", "--recipe", "run_recipe.json")
#: Commands before their output; what they read.
COMMANDS = (
    (("quantify", *RUN, "--labels", "labels.npy", "-o"), ("labels.npy", "run_recipe.json")),
    (("quantify", *RUN, "--grid", "8", "--spectra", "--session", "-o"), ("run_recipe.json",)),
    (("quantify", "map.emd", *QUICK, "--k-factors", "kk.csv", "--grid", "8", "-o"), ("kk.csv",)),
    (("quantify", *RUN, "--grid", "8", "-o", "fixed.csv", "--maps"), ("run_recipe.json",)),
    (("quantify", *RUN, "--grid", "8", "-o", "fixed.csv", "--session"), ("run_recipe.json",)),
    (("quantify", *RUN, "--grid", "8", "-o", "other.csv", "--log"), ("run_recipe.json",)),
    (("repeat", "run.edsession", "map.emd", "-o"), ("run.edsession",)),
    (("pixel-maps", *RUN, "--kernel", "3px", "-o"), ("run_recipe.json",)),
    (("few-shot", *RUN, "--labels", "labels.npy", "-o"), ("labels.npy", "run_recipe.json")),
    (("compare", "run.csv", "--with", "run.edsession", "-o"), ("run.csv", "run.edsession")),
    (("compare", "run.csv", "--formula", "LaFeO3", "--figure"), ("run.csv",)),
)
RAW = ("map.emd", "run.hspy", "hard.csv")


def state(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def work(made, tmp_path_factory):
    """Function that gives a fresh copy of the inputs."""

    def fresh():
        folder = tmp_path_factory.mktemp("sequence") / "work"
        shutil.copytree(made, folder)
        (folder / "sub").mkdir()
        (folder / "sub" / "notes.txt").write_text("a user's own")
        (folder / "link.csv").symlink_to("map.emd")
        os.link(folder / "map.emd", folder / "hard.csv")
        return folder

    return fresh


sequences = st.lists(
    st.tuples(st.sampled_from(COMMANDS), st.sampled_from(NAMES)), min_size=2, max_size=5
)


@settings(max_examples=7)
@given(sequences)
def test_without_force_nothing_that_was_there_changes(work, sequence):
    folder, here = work(), Path.cwd()
    os.chdir(folder)
    try:
        for (command, _), name in sequence:
            before = state(folder)
            code = main([*command, name])
            assert code in (0, 1, 2)
            after = state(folder)
            assert {path: after.get(path) for path in before} == before
            if code:
                assert set(after) - {name} == set(before) - {name}, "a log at most"
    finally:
        os.chdir(here)


@settings(max_examples=7)
@given(sequences)
def test_with_force_neither_inputs_nor_raw_data_change(work, sequence):
    folder, here = work(), Path.cwd()
    os.chdir(folder)
    try:
        for (command, inputs), name in sequence:
            before = state(folder)
            assert main([*command, name, "--force"]) in (0, 1, 2)
            after = state(folder)
            kept = {*inputs, *RAW, "sub/notes.txt"} - {name} | {*inputs, *RAW}
            kept &= set(before)
            assert {path: after.get(path) for path in kept} == {
                path: before[path] for path in kept
            }
    finally:
        os.chdir(here)


@pytest.fixture
def folder(work, monkeypatch):
    folder = work()
    monkeypatch.chdir(folder)
    return folder


def test_the_tables_of_one_run_go_into_folders_that_are_made(folder, capsys):
    run = ["quantify", *RUN, "--grid", "8", "-o", "a/b/out.csv", "--maps", "a/b"]
    assert main([*run, "--session", "c/new.edsession"]) == 0
    assert (folder / "c" / "new.edsession").is_file()
    assert not (folder / "map.edsession").exists(), "beside the map only where asked for"
    names = {path.name for path in (folder / "a" / "b").iterdir()}
    assert {"out.csv", "out_recipe.json", "Fe_at_pct.tif"} <= names
    assert main([*run, "--session", "a"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main([*run, "--session", "a", "--force"]) == 0
    assert (folder / "a" / "map.edsession").is_file()


def test_maps_of_another_run_are_not_left_among_the_new_ones(folder):
    less = ("--elements", "Fe,O", "--fit-only", "La,Sr,Ti,Cu,C,Pt")
    run = ["quantify", *RUN, "--grid", "8", "--maps", "maps"]
    assert main([*run, "-o", "a.csv"]) == 0
    (folder / "maps" / "notes.txt").write_text("a user's own")
    assert main([*run, *less, "-o", "b.csv"]) == 1
    assert main([*run, *less, "-o", "b.csv", "--force"]) == 0
    names = {path.name for path in (folder / "maps").glob("[!.]*")}
    assert names == {f"{e}_at_pct.{end}" for e in ("Fe", "O") for end in ("tif", "png")} | {
        "notes.txt"
    }


def test_nothing_is_left_of_a_run_that_fails(folder, monkeypatch, capsys):
    def fail(*_, **__):
        raise OSError(28, "No space left on device", "/somewhere/.tmp123")

    monkeypatch.setattr("napari_eds.quantification.run.quantify", fail)
    before = state(folder)
    assert main(["quantify", *RUN, "--grid", "8", "-o", "a/b.csv"]) == 1
    assert "No space left" in capsys.readouterr().err
    assert state(folder) == before
    assert not (folder / "a").exists()


def test_what_was_saved_before_a_failure_is_named(folder, monkeypatch, capsys):
    def fail(*_, **__):
        raise eds.SessionError("no session today")

    monkeypatch.setattr("napari_eds.exchange.session.save_session", fail)
    assert main(["quantify", *RUN, "--grid", "8", "--session", "-o", "a.csv"]) == 1
    printed = capsys.readouterr()
    assert "saved before that: a.csv, a_recipe.json" in printed.err
    assert "4 labels quantified" in printed.out, "the report is not lost"
    assert len(pd.read_csv("a.csv")) == 4


def test_k_factors_are_not_saved_over_the_table_they_come_from(folder, capsys):
    before = (folder / "kk.csv").read_bytes()
    known = [
        "--elements",
        "Sr,Ti,O",
        "--fit-only",
        "La,Fe,Cu,C,Pt",
        "--label",
        "2",
        "--formula",
        "SrTiO3",
        "--reference",
        "Ti",
    ]
    run = ["calibrate-k", *RUN, "--labels", "labels.npy", "--k-factors", "kk.csv", *known, "-o"]
    assert main([*run, "kk.csv", "--force"]) == 1
    assert (folder / "kk.csv").read_bytes() == before
    assert main([*run, "new/k.csv"]) == 0
    assert eds.read_k_factors("new/k.csv").find("Ti", "K") is not None
