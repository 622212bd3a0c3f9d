"""Copies of unsaved work: one for a map, of several programs, and never of another map."""

import json
import os
import time
import zipfile

import numpy as np
import pytest

import napari_eds as eds
from napari_eds._support.files import remove_stale
from napari_eds.exchange import autosave
from napari_eds.exchange.autosave import Unsaved, UnsavedCopy, UnsavedLabels, key_of, prune


def map_of(counts=3, shape=(6, 5)):
    return eds.SpectrumImage.from_array(
        np.full((*shape, 8), counts, np.uint8), eds.EnergyAxis(0, 0.1, 8), name="map"
    )


def labels_of(value, shape=(6, 5), dtype=np.int32):
    labels = np.zeros(shape, dtype)
    labels[2:4, 1:3] = value
    return labels


def work(writer, value=1, **more):
    return Unsaved(writer, (UnsavedLabels("mine", labels_of(value, **more), {1: "filmé"}),))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1, bool), (200, np.uint8), (70000, np.int32), (-3, np.int64), (2**40, np.uint64)],
)
def test_labels_come_back_as_they_were(tmp_path, value, dtype):
    image = map_of()
    layers = (UnsavedLabels("mine", labels_of(value, dtype=dtype), {1: "filmé"}, outlines=1),)
    settings = {"draft": {"elements": ["Fe"]}}
    UnsavedCopy(image, "a", tmp_path).write(Unsaved("a", layers, settings))
    (found,) = UnsavedCopy(map_of(), "b", tmp_path).others()
    np.testing.assert_array_equal(found.layers[0].labels, layers[0].labels)
    assert (found.layers[0].name, dict(found.layers[0].names)) == ("mine", {1: "filmé"})
    assert found.layers[0].outlines == 1
    assert dict(found.settings) == settings
    assert found.saved
    assert "labels" not in repr(found)[:8]


def test_a_copy_is_found_by_counts_and_only_by_them(tmp_path):
    UnsavedCopy(map_of(3), "a", tmp_path).write(work("a"))
    assert not UnsavedCopy(map_of(4), "b", tmp_path).others()
    assert key_of(map_of(3)) != key_of(map_of(3, (5, 6)))
    assert UnsavedCopy(map_of(3), "b", tmp_path).others()


def test_each_program_leaves_the_work_of_others_alone(tmp_path):
    one, other = (UnsavedCopy(map_of(), name, tmp_path) for name in "ab")
    one.write(work("a", 1))
    other.write(work("b", 2))
    one.write(work("a", 3))
    assert len(list(tmp_path.iterdir())) == 1
    found = {
        w.writer: w.layers[0].labels.max() for w in UnsavedCopy(map_of(), "c", tmp_path).others()
    }
    assert found == {"a": 3, "b": 2}
    third = UnsavedCopy(map_of(), "c", tmp_path)
    third.write(work("c", 4), without=["a"])
    assert [w.writer for w in other.others()] == ["c"]
    third.write(None)
    other.write(None)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_where_nothing_changed(tmp_path):
    copy = UnsavedCopy(map_of(), "a", tmp_path)
    copy.write(work("a"))
    before = copy.path.stat().st_mtime_ns
    copy.write(work("a"))
    assert copy.path.stat().st_mtime_ns == before
    copy.path.unlink()
    copy.write(work("a"))
    assert copy.path.is_file()


def rewritten(path, change):
    """Write an archive again with other parts."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def other_head(**changes):
    def change(parts):
        parts["work.json"] = json.dumps(json.loads(parts["work.json"]) | changes)

    return change


def with_pickle(parts):
    from io import BytesIO

    buffer = BytesIO()
    np.savez_compressed(buffer, labels=np.array([[print]], dtype=object))
    parts["labels0.npz"] = buffer.getvalue()


def too_large(parts):
    parts["labels0.npz"] = autosave.pack_labels(np.zeros((4000, 4000), np.uint8))


def elsewhere(parts):
    parts["../evil"] = b"x"


@pytest.mark.parametrize(
    "change",
    [
        with_pickle,
        too_large,
        elsewhere,
        other_head(format="another"),
        other_head(version=99),
        other_head(works=[{"writer": "a", "layers": [{"part": "work.json"}]}]),
        other_head(works="?"),
    ],
)
def test_what_was_made_up_is_not_taken(tmp_path, change):
    copy = UnsavedCopy(map_of(), "a", tmp_path)
    copy.write(work("a"))
    rewritten(copy.path, change)
    other = UnsavedCopy(map_of(), "b", tmp_path)
    assert not other.others()
    other.write(work("b"))
    assert [w.writer for w in UnsavedCopy(map_of(), "c", tmp_path).others()][-1:] == ["b"]


@pytest.mark.parametrize("size", [0, 10, 300])
def test_a_damaged_copy_is_set_aside(tmp_path, size):
    copy = UnsavedCopy(map_of(), "a", tmp_path)
    copy.write(work("a"))
    content = copy.path.read_bytes()[:size]
    copy.path.write_bytes(content)
    other = UnsavedCopy(map_of(), "b", tmp_path)
    assert not other.others()
    other.write(work("b"))
    (aside,) = tmp_path.glob("*.damaged")
    assert aside.read_bytes() == content


def test_old_copies_go_and_the_current_one_stays(tmp_path, monkeypatch):
    paths = []
    for days in (0, 10, 20, 40):
        copy = UnsavedCopy(map_of(days), "a", tmp_path)
        copy.write(work("a"))
        when = time.time() - 86400 * days
        os.utime(copy.path, (when, when))
        paths.append(copy.path)
    prune(tmp_path, keep=[paths[3]])
    assert all(path.is_file() for path in paths)
    prune(tmp_path)
    assert [path.is_file() for path in paths] == [True, True, True, False]
    monkeypatch.setattr(autosave, "MOST_BYTES", int(2.5 * paths[0].stat().st_size))
    prune(tmp_path)
    assert [path.is_file() for path in paths] == [True, True, False, False]
    prune(tmp_path / "none")


def test_a_folder_that_cannot_be_written_is_an_error_and_changes_nothing(tmp_path):
    copy = UnsavedCopy(map_of(), "a", tmp_path / "file")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        copy.write(work("a"))
    assert (tmp_path / "file").read_text() == "in the way"


def test_only_old_unfinished_files_are_removed(tmp_path):
    names = {".napari-eds-a.part": 2, ".napari-eds-b.part": 0, ".napari-eds.json": 2, "x.part": 2}
    for name, days in names.items():
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (time.time() - 86400 * days,) * 2)
    remove_stale(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == names.keys() - {".napari-eds-a.part"}
