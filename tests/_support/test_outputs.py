"""What may be written where, asked of the one module that decides it."""

import ast
import json
import os
from pathlib import Path

import numpy as np
import pytest

import napari_eds
import napari_eds as eds
from napari_eds._support.files import write_atomically, written_files
from napari_eds._support.outputs import (
    MANIFEST,
    check_apart,
    check_files,
    check_folder,
    check_place,
    check_space,
    output_folder,
    protected,
)
from napari_eds._support.raw_files import SUFFIXES
from napari_eds.errors import EDSError, OutputError

PACKAGE = Path(napari_eds.__file__).parent


@pytest.fixture
def table(tmp_path):
    """An input that is no raw data: a table of k-factors, say."""
    path = tmp_path / "kk.csv"
    path.write_text("years of work")
    return path


def disguises(path):
    """Names that lead to a file, or would elsewhere."""
    folder = path.parent
    (folder / "inside").mkdir()
    (folder / "symlink.csv").symlink_to(path)
    (folder / "twice.csv").symlink_to(folder / "symlink.csv")
    os.link(path, folder / "hardlink.csv")
    (folder / "linked").symlink_to(folder)
    return [
        path,
        folder / "inside" / ".." / path.name,
        folder / "." / path.name,
        folder / "symlink.csv",
        folder / "twice.csv",
        folder / "hardlink.csv",
        folder / "linked" / path.name,
        folder / path.name.upper(),
        Path(os.path.relpath(path)),
    ]


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("overwrite", [False, True])
def test_an_input_is_never_an_output(table, number, overwrite):
    output = disguises(table)[number]
    with pytest.raises(OutputError, match="never replaced"):
        check_files([output], overwrite=overwrite, inputs=[table])
    with protected([table]), pytest.raises(OutputError, match="never replaced"):
        check_files([output], overwrite=overwrite)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".EMD", ".raw"])
def test_raw_data_are_never_replaced_nor_feigned(tmp_path, suffix):
    path = tmp_path / f"map{suffix}"
    with pytest.raises(OutputError, match="taken for raw data"):
        check_files([path])
    path.write_bytes(b"counts")
    for raw in (False, True):
        with pytest.raises(OutputError, match="raw data"):
            check_files([path], overwrite=True, raw=raw)


@pytest.mark.parametrize(
    "beginning", [b"\x89HDF\r\n\x1a\n", b"AAMVHFSS", b"#FORMAT      : EMSA/MAS", b"II\x97\x01"]
)
def test_raw_data_are_known_under_other_names(tmp_path, beginning):
    path = tmp_path / "renamed.csv"
    path.write_bytes(beginning + bytes(100))
    with pytest.raises(OutputError, match="holds raw data"):
        check_files([path], overwrite=True)


def test_what_is_there_is_replaced_only_where_that_is_asked_for(table):
    with pytest.raises(OutputError, match="exists already"):
        check_files([table])
    check_files([table], overwrite=True)
    table.chmod(0o444)
    with pytest.raises(OutputError, match="write-protected"):
        check_files([table], overwrite=True)
    # An error of this package and of the system alike.
    assert issubclass(OutputError, EDSError)
    assert issubclass(OutputError, OSError)


def test_places_that_cannot_be_written_are_named(table, tmp_path):
    with pytest.raises(OutputError, match=r"kk\.csv is a file, not a folder"):
        check_files([table / "new" / "out.csv"], make_folders=True)
    with pytest.raises(FileNotFoundError, match="none"):
        check_files([tmp_path / "none" / "out.csv"])
    check_files([tmp_path / "none" / "deep" / "out.csv"], make_folders=True)
    assert not (tmp_path / "none").exists()
    with pytest.raises(OutputError, match="is a folder"):
        check_files([tmp_path])
    with pytest.raises(OutputError, match="too long"):
        check_files([tmp_path / ("x" * 300)])
    with pytest.raises(OutputError, match="no name"):
        check_files([tmp_path / "a\0b"])
    with pytest.raises(OutputError, match="no regular file"):
        check_files([os.devnull], overwrite=True)
    with pytest.raises(OutputError, match="are needed"):
        check_space(tmp_path, 1e18)
    (tmp_path / "map.zspy").mkdir()
    with pytest.raises(OutputError, match="inside the raw data"):
        check_files([tmp_path / "map.zspy" / "out.csv"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_protected_folder_is_left_alone_also_by_an_administrator(tmp_path):
    folder = tmp_path / "protected"
    folder.mkdir()
    folder.chmod(0o555)
    for path in (folder / "out.csv", folder / "new" / "out.csv"):
        with pytest.raises(OutputError, match="protected is write-protected"):
            check_files([path], make_folders=True)
    with pytest.raises(OutputError, match="protected is write-protected"):
        check_folder(folder)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder that nobody can write")
def test_a_folder_without_rights_is_found_before(tmp_path):
    with pytest.raises(OutputError, match="folder /proc"):
        check_place(Path("/proc"), make=True)


def test_outputs_of_one_run_are_apart(tmp_path, table):
    os.link(table, tmp_path / "link.csv")
    for one, other in (
        ("out.csv", "OUT.csv"),
        ("out.csv", "x/../out.csv"),
        ("out.csv", "out.csv/maps"),
        ("kk.csv", "link.csv"),
    ):
        with pytest.raises(OutputError, match="output"):
            check_apart([tmp_path / one, tmp_path / other])
    check_apart([tmp_path / "maps" / "out.csv"], [tmp_path / "maps"])


def test_a_folder_holds_one_run(tmp_path):
    folder = tmp_path / "maps"
    with output_folder(folder) as made:
        made.write("old.tif", b"1")
        made.write("both.tif", b"1")
        made.write("edited.csv", "1")
    with pytest.raises(OutputError, match="is not empty"):
        check_folder(folder)
    (folder / "edited.csv").write_text("a user's own")
    (folder / "notes.txt").write_text("a user's own")
    with output_folder(folder, overwrite=True) as made:
        made.write("both.tif", b"2")
    names = {path.name for path in folder.iterdir()}
    assert names == {MANIFEST, "both.tif", "edited.csv", "notes.txt"}
    assert (folder / "both.tif").read_bytes() == b"2"


def test_a_run_that_failed_leaves_no_stale_files_to_the_next(tmp_path):
    folder = tmp_path / "maps"

    def fail():
        with output_folder(folder) as made:
            made.write("part.tif", b"1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with output_folder(folder, overwrite=True) as made:
        made.write("new.tif", b"1")
    assert {path.name for path in folder.iterdir()} == {MANIFEST, "new.tif"}


def test_a_note_of_files_elsewhere_removes_nothing(tmp_path):
    precious = tmp_path / "precious.csv"
    precious.write_text("1")
    folder = tmp_path / "maps"
    with output_folder(folder) as made:
        made.write("a.tif", b"1")
        made.digests["../precious.csv"] = made.digests["a.tif"]
    (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace('"a.tif"', '"b.tif"'))
    with output_folder(folder, overwrite=True):
        pass
    assert precious.exists()
    assert (folder / "a.tif").exists()


def test_a_folder_with_an_input_is_none_for_outputs(tmp_path, table):
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="holds the input"):
            check_folder(tmp_path, overwrite=overwrite, inputs=[table])
        with pytest.raises(OutputError, match="is a file"):
            check_folder(table, overwrite=overwrite)


def test_a_file_that_came_up_meanwhile_is_left_alone(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    path.write_text("somebody else's")
    with pytest.raises(OutputError, match="meanwhile"):
        write_atomically(path, "mine", overwrite=False)

    def no_links(*_):
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(OutputError, match="meanwhile"):
        write_atomically(path, "mine", overwrite=False)
    assert path.read_text() == "somebody else's"
    write_atomically(tmp_path / "new.csv", "mine", overwrite=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.csv", "out.csv"]


def test_what_was_written_is_told_also_when_the_rest_fails(tmp_path):
    with written_files() as written:
        write_atomically(tmp_path / "a", "1", overwrite=False)
        with pytest.raises(FileNotFoundError) as failed:
            write_atomically(tmp_path / "none" / "b", "1", overwrite=False)
    assert written == [tmp_path / "a"]
    assert failed.value.filename == str(tmp_path / "none")


def test_only_our_own_hspy_and_msa_are_replaced(tmp_path):
    h5py = pytest.importorskip("h5py")
    theirs = tmp_path / "theirs.hspy"
    with h5py.File(theirs, "w") as file:
        file.create_group("Experiments/map/metadata")
    with pytest.raises(OutputError, match="raw data"):
        check_files([theirs], overwrite=True, raw=True)
    with h5py.File(theirs, "a") as file:
        file.create_group("Experiments/map/metadata/napari_eds")
    check_files([theirs], overwrite=True, raw=True)

    axis, spectrum = eds.EnergyAxis(0, 0.01, 4), np.ones((1, 4))
    path = tmp_path / "sum.msa"
    eds.save_spectra(path, ["sum"], spectrum, axis)
    with pytest.raises(OutputError, match="exists already"):
        eds.save_spectra(path, ["sum"], spectrum, axis)
    eds.save_spectra(path, ["sum"], spectrum, axis, overwrite=True)
    assert eds.load(path).counts.sum() == 4
    path.write_text("#FORMAT      : EMSA/MAS Spectral Data File\n")
    with pytest.raises(OutputError, match="raw data"):
        eds.save_spectra(path, ["sum"], spectrum, axis, overwrite=True)


def calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def test_every_writer_says_whether_it_may_replace():
    """No file is written but by `write_atomically`, with `overwrite` said."""
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        for node in calls(path):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            keywords = {keyword.arg for keyword in node.keywords}
            if name == "write_atomically" and "overwrite" not in keywords:
                wrong.append(f"{path}:{node.lineno}")
            # Those of few-shot write into a folder of their own that is put in place as a whole.
            if name in {"write_text", "write_bytes"} and path.parent.name != "few_shot":
                wrong.append(f"{path}:{node.lineno}")
    # Copies that RosettaSciIO reads in a folder of their own.
    allowed = {"call.py"}
    assert [place for place in wrong if Path(place.split(":")[0]).name not in allowed] == []


def test_what_a_killed_run_left_in_a_folder_is_no_result_of_anybody(tmp_path):
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / ".napari-eds-abc.part").write_text("half")
    with output_folder(folder) as made:
        made.write("a.txt", "1")
        made.write("b.txt", "1")
        # Noted at once, so that a run after a kill here knows them as its own kind's.
        assert set(json.loads((folder / MANIFEST).read_text())["files"]) == {"a.txt", "b.txt"}
    with output_folder(folder, overwrite=True) as made:
        made.write("a.txt", "2")
    assert not (folder / "b.txt").exists()
