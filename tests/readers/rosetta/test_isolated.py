"""Readers that crash, never come back or want too much cost one read, and nothing else."""

import os
import sys
import time

import numpy as np
import pytest

import napari_eds
from napari_eds._support.progress import cancellable
from napari_eds.errors import ReadError
from napari_eds.readers import bins
from napari_eds.readers.rosetta import call as rosetta_call
from napari_eds.readers.rosetta import checks, child, isolated

BCF = "real/bruker/P45_12bit_packed_8bit.bcf"

#: A module in the place of one of RosettaSciIO's, which does what the name of a file says.
READER = """
import os, signal, sys, time
def file_reader(filename):
    name = os.path.basename(filename)
    print("readers may print")
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("hang"):
        while True:
            time.sleep(0.01)
    if name.startswith("spin"):
        while True:
            pass
    if name.startswith("slow"):
        time.sleep(2.5)
    if name.startswith("greedy"):
        bytearray(1 << 60)
    if name.startswith("leave"):
        sys.exit(3)
    return [{"data": 0, "axes": [], "metadata": {"f": file_reader}, "original_metadata": {}}]
"""


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader that misbehaves, in the path of the process that reads."""
    package = tmp_path / "rsciio"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "odd.py").write_text(READER)
    monkeypatch.syspath_prepend(tmp_path)
    isolated._end_idle()
    yield tmp_path
    isolated._end_idle()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("crash.x", "broke down"),
        ("leave.x", r"SystemExit|broke down"),
        ("greedy.x", "MemoryError|OverflowError"),
        ("hang.x", "did not come to an end in 1 s"),
        ("spin.x", "did not come to an end in 1 s"),
    ],
)
def test_misbehaviour_is_an_error(reader, name, told, monkeypatch):
    monkeypatch.setattr(isolated, "_LIMIT_s", 1.0)
    path = reader / name
    path.write_bytes(b"x")
    with pytest.raises(ReadError, match=told):
        rosetta_call.call("odd", path)
    # The next file is read as if nothing had been.
    (reader / "sound.x").write_bytes(b"x")
    (entry,) = rosetta_call.call("odd", reader / "sound.x")
    assert entry["data"] == 0
    assert isinstance(entry["metadata"]["f"], str)


@pytest.mark.skipif(sys.platform == "win32", reason="processes are limited by the clock there")
def test_limit_is_work_not_time_on_the_clock(reader, monkeypatch):
    """A file on a slow disk, or a busy machine, does not make it a damaged one."""
    (reader / "spin.x").write_bytes(b"x")
    (reader / "slow.x").write_bytes(b"x")
    monkeypatch.setattr(isolated, "_LIMIT_s", 1.0)
    monkeypatch.setattr(isolated, "_BY_THE_CLOCK", 1000.0)
    with pytest.raises(ReadError, match="did not come to an end in 1 s"):
        rosetta_call.call("odd", reader / "spin.x")
    (entry,) = rosetta_call.call("odd", reader / "slow.x")
    assert entry["data"] == 0


def test_cancel_answers_within_a_second(reader):
    path = reader / "hang.x"
    path.write_bytes(b"x")
    began = time.monotonic()

    class Leave(Exception):  # noqa: N818
        pass

    def check():
        if time.monotonic() - began > 0.5:
            raise Leave

    with pytest.raises(Leave), cancellable(check):
        rosetta_call.call("odd", path)
    assert time.monotonic() - began < 1.5


def test_process_is_kept(data_file):
    napari_eds.read(data_file(BCF))
    (kept,) = isolated._idle
    napari_eds.read(data_file("real/bruker/bruker_nano.spx"))
    assert isolated._idle == [kept]


def test_process_that_has_gone_is_replaced(data_file):
    napari_eds.read(data_file(BCF))
    isolated._idle[0]._process.kill()
    isolated._idle[0]._process.wait()
    assert napari_eds.load(data_file(BCF)).total_counts == 915_942


def test_same_as_in_this_process(data_file, monkeypatch):
    """Counts that come sparse from the other process, and all that is known, are the same."""
    there = napari_eds.load(data_file(BCF))
    monkeypatch.setattr(isolated, "read", rosetta_call.call_here)
    here = napari_eds.load(data_file(BCF))
    np.testing.assert_array_equal(there.to_array(), here.to_array())
    assert there.energy == here.energy
    assert there.acquisition == here.acquisition
    assert there.pixel_size == here.pixel_size
    assert [image.name for image in there.images] == [image.name for image in here.images]


@pytest.mark.parametrize(("density", "sparse"), [(0.05, True), (0.5, False)])
def test_counts_travel_sparse_where_most_are_zero(density, sparse):
    rng = np.random.default_rng(2)
    data = (rng.random((40, 30, 500)) < density).astype(np.uint8) * 3
    axes = [
        {"size": 500, "units": "keV", "navigate": False},
        {"size": 40, "units": "nm", "navigate": True},
        {"size": 30, "units": "nm", "navigate": True},
    ]
    sent, ordered = child._thin(np.moveaxis(data, -1, 0), axes)
    assert isinstance(sent, bins.ThinCounts) is sparse
    if sparse:
        assert ordered == [axes[1], axes[2], axes[0]]
        assert (sent.size, sent.ndim, sent.dtype) == (data.size, 3, data.dtype)
        dense = bins.matrix_of(sent).toarray().reshape(data.shape)
        np.testing.assert_array_equal(dense, data)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", [BCF, "real/phenom/Elid2Version4.elid"])
def test_cut_short(data_file, tmp_path, name, part):
    content = data_file(name).read_bytes()
    path = tmp_path / data_file(name).name
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ReadError, match="is cut short"):
        checks.check(path)


def test_whole_files_pass(data_dir):
    for path in data_dir.rglob("*"):
        checks.check(path)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other systems differ")
def test_memory_is_limited(data_file):
    napari_eds.read(data_file(BCF))
    limits = f"/proc/{isolated._idle[0]._process.pid}/limits"
    with open(limits) as file:  # noqa: PTH123
        line = next(line for line in file if line.startswith("Max address space"))
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert int(line.split()[3]) <= physical
