"""The command for many files: what it says, and how it ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

from napari_eds.cli.main import main


def call(made, output, *more):
    return main(
        ["batch", str(made), "--recipe", str(made / "run_recipe.json"), "-o", str(output),
         "--workers", "1", *(more or ("--grid", "8"))]
    )  # fmt: skip


def test_files_that_fail_are_told_and_the_exit_code_says_so(made, tmp_path, capsys):
    assert call(made, tmp_path / "out") == 1
    told = capsys.readouterr()
    assert "file with 4 labels" in told.out or "files with" in told.out
    for name in ("cut.emd", "empty.emd", "text.emd"):
        assert name in told.err
    assert "the same command tries them again" in told.err
    assert (tmp_path / "out" / "tables" / "map.emd.csv").is_file()


def test_a_sound_file_ends_well_and_again(made, tmp_path, capsys):
    named = [str(made / "map.emd"), "--recipe", str(made / "run_recipe.json")]
    rest = ["-o", str(tmp_path / "out"), "--workers", "1", "--labels-from", "labels{stem}.npy"]
    assert main(["batch", *named, *rest]) == 1
    assert "labelsmap.npy" in capsys.readouterr().err
    rest[1], rest[-2:] = str(tmp_path / "other"), ["--whole"]
    assert main(["batch", *named, *rest]) == main(["batch", *named, *rest]) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ("--labels-from", "labels.tif"),
        ("--labels-from", "{stem"),
        ("--grid", "8", "--classes-from", "{stam}.csv"),
        ("--grid", "8", "--elements", "find"),
        ("--grid", "0"),
    ],
)
def test_wrong_usage(made, tmp_path, wrong):
    assert call(made, tmp_path / "out", *wrong) == 2
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_watching_cleanly(made, tmp_path):
    folder = tmp_path / "recording"
    folder.mkdir()
    (folder / "map.emd").write_bytes((made / "map.emd").read_bytes())
    output = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_eds", "batch", folder, "--recipe",
         made / "run_recipe.json", "--whole", "--watch", "--stable", "0.1", "--workers", "1",
         "-o", output],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    manifest, end = output / "manifest.csv", time.monotonic() + 300
    while not (manifest.is_file() and ",done," in manifest.read_text()):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "1 file with 1 label: " in out
    assert not err
    assert (output / "all.csv").is_file()
