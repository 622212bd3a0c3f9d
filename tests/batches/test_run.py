"""Batches: the same bytes whatever runs them and however often they were left."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.batches import local
from napari_eds.batches.manifest import read_manifest
from napari_eds.errors import EDSError, OutputError

#: Files and folders as they are called in the batch.
DONE = ("film0.emd", "film1.emd", "measured.hdf5", "more/film2.emd")


class Left(Exception):  # noqa: N818 - not an error
    """Raised to leave a batch."""


def files_of(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def without_place(files):
    """What does not depend on where inputs lie: all but times of files and their folder."""
    return {
        name: content
        for name, content in files.items()
        if name not in {"batch.json", "manifest.csv"} and not name.endswith("_recipe.json")
    }


def test_a_damaged_file_costs_one_row_and_the_others_are_as_quantify_makes_them(
    reference, made_maps, recipe
):
    assert tuple(entry.file for entry in reference.done) == DONE
    (failed,) = reference.failed
    assert failed.file == "cut.emd"
    assert failed.error
    table = reference.output / "tables" / "film1.emd.csv"
    image = eds.load(made_maps / "film1.emd")
    alone = eds.quantify(image, eds.grid_chips(image.shape, 8), recipe)
    alone.to_csv(reference.output.parent / "alone.csv")
    assert table.read_bytes() == (reference.output.parent / "alone.csv").read_bytes()


def test_the_table_of_all_holds_every_row_with_where_it_comes_from(reference):
    table = pd.read_csv(reference.output / "all.csv")
    assert table["file"].unique().tolist() == list(DONE)
    assert len(table) == sum(entry.n_labels for entry in reference.done) == 3 * 4 + 16
    digests = {entry.file: entry.file_sha256 for entry in reference.done}
    assert table["file_sha256"].tolist() == table["file"].map(digests).tolist()
    assert set(table["version"]) == {eds.__version__}
    one = pd.read_csv(reference.output / "tables" / "measured.hdf5.csv")
    same = table[table["file"] == "measured.hdf5"][one.columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, one, check_dtype=False)


def test_what_differs_is_told_per_file(reference):
    remarks = {entry.file: entry.remark for entry in reference.done}
    assert "seen in no label" in remarks["measured.hdf5"]
    assert "La" in remarks["measured.hdf5"]
    assert "seen in no label" not in remarks["more/film2.emd"]


def test_two_workers_make_the_same_bytes_as_one(reference, made_maps, recipe, tmp_path):
    told = []
    found = eds.batch(made_maps, recipe, 8, tmp_path / "out", workers=2, on_entry=told.append)
    assert files_of(found.output).keys() == files_of(reference.output).keys()
    assert without_place(files_of(found.output)) == without_place(files_of(reference.output))
    names = ("manifest.csv", "batch.json")
    for name in names:
        assert (found.output / name).read_bytes() == (reference.output / name).read_bytes()
    assert {e.state for e in told if e.file == "film0.emd"} == {"waiting", "running", "done"}


def test_a_batch_that_was_left_goes_on_where_it_was(reference, made_maps, recipe, tmp_path):
    output = tmp_path / "out"

    def leave(done, _total, _what):
        if done >= 2:
            raise Left

    with pytest.raises(Left):
        eds.batch(made_maps, recipe, 8, output, workers=1, progress=leave)
    before = {e.file for e in read_manifest(output / "manifest.csv").values() if e.state == "done"}
    assert 0 < len(before) < len(DONE)
    ran = []
    eds.batch(
        made_maps,
        recipe,
        8,
        output,
        workers=1,
        on_entry=lambda e: ran.append(e.file) if e.state == "running" else None,
    )
    assert not before & set(ran)
    assert without_place(files_of(output)) == without_place(files_of(reference.output))
    assert (output / "manifest.csv").read_bytes() == (
        reference.output / "manifest.csv"
    ).read_bytes()


def test_a_batch_that_is_killed_with_all_its_processes_goes_on(
    reference, made_maps, recipe, tmp_path
):
    recipe.to_json(tmp_path / "recipe.json")
    output = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_eds", "batch", made_maps, "--recipe",
         tmp_path / "recipe.json", "--grid", "8", "--workers", "1", "-o", output],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    manifest, end = output / "manifest.csv", time.monotonic() + 300
    while not (manifest.is_file() and ",done," in manifest.read_text()):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with manifest.open("ab") as file:
        file.write(b"film1.emd,12")  # a row that was being written
    eds.batch(made_maps, recipe, 8, output, workers=2)
    assert without_place(files_of(output)) == without_place(files_of(reference.output))


def test_a_process_that_dies_costs_no_other_file(reference, made_maps, recipe, tmp_path):
    killed = []

    class Watched(local.LocalWorkers):
        def give(self, task):
            super().give(task)
            if task.file == "film1.emd" and not killed:
                killed.append(task.file)
                (worker,) = [w for w, g in self._at_work.items() if g.task is task]
                os.kill(worker.pid, signal.SIGKILL)

    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr("napari_eds.batches.run.LocalWorkers", Watched)
        found = eds.batch(made_maps, recipe, 8, tmp_path / "out", workers=2)
    assert killed
    assert without_place(files_of(found.output)) == without_place(files_of(reference.output))


def test_a_file_on_which_processes_die_becomes_an_error(made_maps, recipe, tmp_path, monkeypatch):
    class Deadly(local.LocalWorkers):
        def _give(self, worker, given):
            super()._give(worker, given)
            if given.task.file == "film1.emd":
                os.kill(worker.pid, signal.SIGKILL)

    monkeypatch.setattr("napari_eds.batches.run.LocalWorkers", Deadly)
    named = [made_maps / "film0.emd", made_maps / "film1.emd"]
    found = eds.batch(named, recipe, 8, tmp_path / "out", workers=1)
    assert [e.file for e in found.done] == ["film0.emd"]
    assert "died 2 times" in found.failed[0].error


def test_labels_beside_each_file_by_a_naming_rule(maps, recipe, tmp_path):
    labels = np.ones((16, 16), np.uint8)
    labels[:, 8:] = 2
    np.save(maps / "film0_regions.npy", labels)
    rule = eds.LabelRule.beside("{stem}_regions.npy")
    found = eds.batch([maps / "film0.emd", maps / "film1.emd"], recipe, rule, tmp_path / "out")
    assert [(e.file, e.n_labels) for e in found.done] == [("film0.emd", 2)]
    assert "film1_regions.npy" in found.failed[0].error
    np.save(maps / "film1_regions.npy", labels)
    again = eds.batch([maps / "film0.emd", maps / "film1.emd"], recipe, rule, tmp_path / "out")
    assert len(again.done) == 2
    np.save(maps / "film1_regions.npy", labels.T)
    other = eds.batch([maps / "film0.emd", maps / "film1.emd"], recipe, rule, tmp_path / "out")
    assert other.changed == ("film1.emd",)


def test_chips_are_joined_by_the_classes_beside_each_file(maps, recipe, tmp_path):
    image = eds.load(maps / "film0.emd")
    result = eds.quantify(image, eds.grid_chips(image.shape, 8), recipe)
    eds.classify(result, {"left": ["R0C0"], "right": ["R0C1"]}).to_csv(maps / "film0_classes.csv")
    found = eds.batch(
        maps / "film0.emd", recipe, 8, tmp_path / "out", classes="{stem}_classes.csv", workers=1
    )
    (entry,) = found.done
    table = pd.read_csv(found.output / "tables" / "film0.emd.csv")
    assert set(table["chip"]) <= {"left", "right"}
    assert entry.labels_sha256


def test_maps_spectra_and_parquet_where_they_are_asked_for(made_maps, recipe, tmp_path):
    named = [made_maps / "film0.emd", made_maps / "measured.hdf5"]
    found = eds.batch(
        named, recipe, 8, tmp_path / "out", maps=True, spectra=True, errors=True, parquet=True
    )
    files = set(files_of(found.output))
    assert {
        "tables/film0.emd_spectra.csv",
        "tables/film0.emd_errors.csv",
        "maps/film0.emd_maps/Fe_at_pct.tif",
        "all.parquet",
    } <= files
    exact = pd.read_parquet(found.output / "all.parquet")
    text = pd.read_csv(found.output / "all.csv")
    pd.testing.assert_frame_equal(
        exact.select_dtypes("number"),
        text[exact.select_dtypes("number").columns],
        check_dtype=False,
    )


def test_results_are_never_put_among_the_maps_nor_in_the_way(maps, recipe, tmp_path):
    before = files_of(maps)
    for output in (maps, maps / "out", maps / "more"):
        with pytest.raises(eds.OutputError):
            eds.batch(maps, recipe, 8, output, overwrite=True)
    with pytest.raises(eds.OutputError, match="holds the input"):
        eds.batch(maps / "film0.emd", recipe, 8, maps, overwrite=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(eds.OutputError, match="not empty"):
        eds.batch(maps, recipe, 8, tmp_path / "full")
    assert files_of(maps) == before


def test_other_settings_and_changed_files_need_the_word(maps, recipe, tmp_path):
    named, output = maps / "film0.emd", tmp_path / "out"
    eds.batch(named, recipe, 8, output, workers=1)
    first = files_of(output)
    with pytest.raises(eds.OutputError, match="other settings"):
        eds.batch(named, recipe, 16, output, workers=1)
    named.write_bytes((maps / "film1.emd").read_bytes())
    assert eds.batch(named, recipe, 8, output, workers=1).changed == ("film0.emd",)
    assert files_of(output) == first
    again = eds.batch(named, recipe, 8, output, workers=1, overwrite=True)
    assert not again.changed
    assert files_of(output)["all.csv"] != first["all.csv"]


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [(["nowhere.emd"], "no file or folder"), (["no*.emd"], "matches"), ([], "needs files")],
)
def test_inputs_that_are_not_there(tmp_path, recipe, inputs, problem):
    named = [tmp_path / name for name in inputs]
    with pytest.raises((FileNotFoundError, eds.EDSError), match=problem):
        eds.batch(named, recipe, 8, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_map_is_refused_unless_it_is_watched(tmp_path, recipe):
    empty = tmp_path / "maps"
    (empty / "deeper").mkdir(parents=True)
    (empty / "notes.txt").write_text("no map")
    with pytest.raises(FileNotFoundError, match=r"no file that can be read lies in .*maps"):
        eds.batch(empty, recipe, 8, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_watched_folder_takes_files_once_they_have_settled(made_maps, recipe, tmp_path):
    folder = tmp_path / "recording"
    folder.mkdir()
    content = (made_maps / "film0.emd").read_bytes()
    growing = folder / "film.emd"
    growing.write_bytes(content[:1000])
    seen, half = [], [time.monotonic()]

    def microscope(done, _total, _what):
        """Write on, in steps that are shorter than what counts as settled."""
        if growing.stat().st_size < len(content) and time.monotonic() - half[0] > 0.3:
            with growing.open("ab") as file:
                file.write(content[growing.stat().st_size :][:100_000])
            half[0] = time.monotonic()
        if done == 1:
            raise KeyboardInterrupt

    found = eds.batch(
        folder,
        recipe,
        8,
        tmp_path / "out",
        workers=1,
        watch=True,
        stable_s=2.0,
        progress=microscope,
        on_entry=seen.append,
    )
    assert [e.file for e in found.done] == ["film.emd"]
    assert (found.output / "all.csv").is_file()
    assert growing.read_bytes() == content


def test_one_batch_at_a_time_works_in_a_folder(made_maps, recipe, tmp_path):
    """The other is refused, and what is there goes on; afterwards the folder is free."""
    refused = []

    def second(*_):
        if not refused:
            with pytest.raises(OutputError, match="another batch is at work"):
                eds.batch(made_maps, recipe, 8, tmp_path / "out", workers=1)
            refused.append(True)

    first = eds.batch(made_maps, recipe, 8, tmp_path / "out", workers=1, progress=second)
    assert refused
    again = eds.batch(made_maps, recipe, 8, tmp_path / "out", workers=1)
    assert again.done == first.done


def test_a_report_of_each_file(made_maps, recipe, tmp_path):
    files = [made_maps / "film0.emd", made_maps / "cut.emd"]
    found = eds.batch(files, recipe, 8, tmp_path / "out", workers=1, report="html")
    (page,) = (found.output / "reports").rglob("*.html")
    assert page.name == "film0.emd.html"
    text = page.read_text(encoding="utf-8")
    assert "film0" in text
    table = pd.read_csv(found.output / "tables" / "film0.emd.csv")
    assert all(str(name) in text for name in table["chip"].head(2))
    with pytest.raises(EDSError, match="html or pdf"):
        eds.batch(files, recipe, 8, tmp_path / "other", report="doc")


def test_a_damaged_file_that_was_taken_away_fails_no_more(maps, recipe, tmp_path):
    first = eds.batch(maps, recipe, 8, tmp_path / "out", workers=1)
    assert [entry.file for entry in first.failed] == ["cut.emd"]
    (maps / "cut.emd").unlink()
    (maps / "film0.emd").unlink()
    second = eds.batch(maps, recipe, 8, tmp_path / "out", workers=1)
    assert not second.failed
    # Results stay, whatever became of the file.
    assert [entry.file for entry in second.done] == list(DONE)
    assert "cut.emd" not in (tmp_path / "out" / "manifest.csv").read_text(encoding="utf-8")


def test_what_the_system_says_of_a_file_is_told_in_words(maps, recipe, tmp_path):
    rule = eds.LabelRule.beside("{stem}_labels.tif")
    found = eds.batch(maps / "film0.emd", recipe, rule, tmp_path / "out", workers=1)
    assert found.failed[0].error.endswith("film0_labels.tif: No such file or directory")
    assert "Errno" not in found.failed[0].error


@pytest.mark.parametrize("name", ["all.csv", "manifest.csv", ".batch.lock"])
def test_what_is_in_the_way_is_named(maps, recipe, tmp_path, name):
    output = tmp_path / "out"
    one = maps / "cut.emd"
    eds.batch(one, recipe, 8, output, workers=1)
    (output / name).unlink(missing_ok=True)
    (output / name).mkdir()
    with pytest.raises(OutputError, match=rf"cannot go on in .*out: .*{name}: Is a directory"):
        eds.batch(one, recipe, 8, output, workers=1)
