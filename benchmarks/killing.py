"""Killing the program while it writes: what is on the disk afterwards.

Run as ``python -m benchmarks.killing [KILLS]`` on a system that forks; no display is needed. A
child paints in a viewer whose unsaved work is kept, or quantifies and saves tables, sessions,
few-shot folders, HyperSpy files and folders of maps over earlier ones, and is killed (SIGKILL) at
a random moment. Then every file that was there must be whole, in the version before or after; no
stroke but the last may be lost; and the next run must not trip over anything. The same is asked
for on a disk that is full, which a limit of file sizes stands for.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
from PIL import Image

import napari_eds as eds
from napari_eds._support.files import is_unfinished
from napari_eds.exchange.autosave import UnsavedCopy
from napari_eds.simulate import Phase, simulate

#: Bytes of the largest file on the disk that is "full".
FULL_BYTES = 2000
#: Longest time from the first write of a child to its death.
LONGEST_s = 1.0
#: A child begins within this time, or hangs.
_PATIENCE_s = 120


@cache
def image() -> eds.SpectrumImage:
    """Return a small simulated map."""
    phase = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12)
    return simulate(np.ones((32, 32), int), [phase], 40.0, counts_per_pixel=200).image


@cache
def results() -> tuple[eds.Quantification, eds.Quantification]:
    """Return two results with other numbers of labels, which take turns."""
    factors = eds.KFactorTable.from_mapping({"Sr_K": 3.0, "Ti_K": 1.0}, "family")
    recipe = eds.Recipe(elements=("Sr", "Ti"), k_factors=factors)
    coarse, fine = (eds.quantify(image(), eds.grid_chips((32, 32), n), recipe) for n in (16, 8))
    return coarse, fine


@dataclass(frozen=True)
class Task:
    """Something that writes again and again, and what must hold whenever it is killed.

    `write` gets the folder and a number that tells the versions apart; `check` the folder.
    """

    name: str
    write: Callable[[Path, int], object]
    check: Callable[[Path], object]


def _result(number: int) -> eds.Quantification:
    return results()[number % 2]


# Tables, also of a quantification that runs between them.


def write_csv(folder: Path, number: int) -> None:
    before = _result(number)
    result = eds.quantify(image(), before.labels, before.recipe)
    result.to_csv(folder / "run.csv", spectra=True, errors=True, overwrite=True)


def check_csv(folder: Path) -> None:
    lengths = [len(r.table) for r in results()]
    assert len(pd.read_csv(folder / "run.csv", comment="#")) in lengths
    assert len(pd.read_csv(folder / "run_spectra.csv", comment="#")) > 0
    assert len(pd.read_csv(folder / "run_errors.csv", comment="#")) > 0
    eds.Recipe.from_json(folder / "run_recipe.json")


def write_session(folder: Path, number: int) -> None:
    eds.save_session(folder / "map.edsession", _result(number), overwrite=True)


def check_session(folder: Path) -> None:
    session = eds.load_session(folder / "map.edsession")
    assert any(np.array_equal(session.labels, r.labels) for r in results())


def write_few_shot(folder: Path, number: int) -> None:
    eds.export_few_shot(folder / "chips", _result(number), overwrite=True)


def check_few_shot(folder: Path) -> None:
    chips, earlier = folder / "chips", folder / "chips.earlier"
    # Between two renames the earlier folder lies, whole, beside its place.
    there = chips if chips.is_dir() else earlier
    told = json.loads((there / "provenance.json").read_text(encoding="utf-8"))
    files = {p.relative_to(there).as_posix() for p in there.rglob("*") if p.is_file()}
    assert files == {*told["files"], "provenance.json"}
    for path in there.rglob("*.png"):
        Image.open(path).load()
    for path in there.rglob("*.npy"):
        np.load(path, allow_pickle=False)


def write_hspy(folder: Path, number: int) -> None:
    eds.save_hspy(_result(number), folder / "spectra.hspy", overwrite=True)


def check_hspy(folder: Path) -> None:
    found = eds.read_hspy(folder / "spectra.hspy")
    assert len(found.table) in [len(r.table) for r in results()]


def write_maps(folder: Path, number: int) -> None:
    # On its own, each run leaves out what the other has.
    eds.save_maps(_result(number), folder / "maps", overwrite=True)


def check_maps(folder: Path) -> None:
    files = [p for p in (folder / "maps").iterdir() if not p.name.startswith(".")]
    assert files
    for path in (p for p in files if p.suffix == ".tif"):
        assert tifffile.imread(path).shape[-2:] == (32, 32)


# Painting.


def paint(folder: Path, tell: Connection) -> None:
    """Paint strokes in a viewer without a window; tell the number of each that is kept."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QApplication

    from napari_eds._napari.reader import add_layers
    from napari_eds._napari.state import unsaved
    from napari_eds._napari.state.focus import focus_of
    from napari_eds._napari.state.layers import image_layers

    application = QApplication.instance() or QApplication(["killing"])
    unsaved.SETTLE_MS = 20  # so that most kills meet a write
    viewer = ViewerModel()
    work = unsaved.watch(focus_of(viewer), folder)
    add_layers(viewer, image_layers(image()))
    layer = viewer.add_labels(np.zeros((32, 32), np.int32), name="painted")
    for stroke in range(1, 10**6):
        layer.selected_label = stroke
        layer.paint((stroke % 32, (7 * stroke) % 32), stroke)
        # All is kept once no change waits and nothing is being written.
        while work._timer.isActive() or work._writing:
            application.processEvents()
            time.sleep(0.001)
        tell.send(stroke)


def check_painting(folder: Path, last: int) -> None:
    """At most the last stroke is lost: the one that was not yet told of."""
    found = UnsavedCopy(image(), "another program", folder).others()
    strokes = max((int(work.layers[0].labels.max()) for work in found if work.layers), default=0)
    assert last <= strokes <= last + 1, f"stroke {last} was kept, {strokes} is there"
    assert not list(folder.glob("*.damaged"))


TASKS = (
    Task("tables", write_csv, check_csv),
    Task("session", write_session, check_session),
    Task("few-shot folder", write_few_shot, check_few_shot),
    Task("HyperSpy", write_hspy, check_hspy),
    Task("folder of maps", write_maps, check_maps),
)
PAINTING = "painting"


def kill(task: Task, folder: Path, delay_s: float) -> None:
    """Kill a child while it writes, and check what it left; then run once more."""
    fork = multiprocessing.get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    folder.mkdir()
    task.write(folder, 0)
    child = fork.Process(target=_write_on, args=(task, folder, send))
    child.start()
    _told(receive, child)
    time.sleep(delay_s)
    _end(child)
    task.check(folder)
    task.write(folder, 1)
    task.check(folder)


def kill_painting(folder: Path, delay_s: float) -> None:
    """Kill a child that paints, and check which strokes are there."""
    fork = multiprocessing.get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    folder.mkdir()
    child = fork.Process(target=paint, args=(folder, send))
    child.start()
    last = _told(receive, child)
    time.sleep(delay_s)
    _end(child)
    last = max([last, *_sent(receive)])
    check_painting(folder, last)


def fill(task: Task, folder: Path) -> str:
    """Write on a full disk; the earlier version stays, and nothing else. Return the error."""
    folder.mkdir()
    task.write(folder, 0)
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    fork = multiprocessing.get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    child = fork.Process(target=_write_on_full_disk, args=(task, folder, send))
    child.start()
    error = _told(receive, child)
    child.join()
    task.check(folder)
    litter = [p for p in folder.rglob("*") if is_unfinished(p.name) or p.name == "new"]
    assert not litter, f"left behind: {litter}"
    after = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    # Small files may be new, large ones are those of before.
    assert before.keys() <= after.keys()
    for path, content in after.items():
        assert len(content) <= FULL_BYTES or content == before[path], path
    return error


def _write_on(task: Task, folder: Path, tell: Connection) -> None:
    tell.send(0)
    for number in range(1, 10**6):
        task.write(folder, number)


def _write_on_full_disk(task: Task, folder: Path, tell: Connection) -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))
    try:
        task.write(folder, 1)
    except (OSError, eds.EDSError) as error:
        tell.send(f"{type(error).__name__}: {error}")
    except BaseException as error:  # noqa: BLE001 - told to the parent
        tell.send(f"not an error for users: {error!r}")
    else:
        tell.send("nothing was raised")


def _told(receive: Connection, child: multiprocessing.process.BaseProcess) -> Any:
    """Return what a child says first; one that says nothing is ended, and an error."""
    if not receive.poll(_PATIENCE_s):
        child.kill()
        raise TimeoutError(f"a child said nothing for {_PATIENCE_s} s")
    return receive.recv()


def _end(child: multiprocessing.process.BaseProcess) -> None:
    assert child.is_alive(), "the child ended by itself"
    child.kill()
    child.join()


def _sent(receive: Connection) -> Iterator[int]:
    try:
        while receive.poll():
            yield receive.recv()
    except EOFError:
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    done: Counter[str] = Counter()
    results()
    for number in range(arguments.kills):
        task = (*TASKS, None)[number % (len(TASKS) + 1)]
        with tempfile.TemporaryDirectory() as folder:
            delay = draw.uniform(0, LONGEST_s)
            if task is None:
                kill_painting(Path(folder) / "run", delay)
            else:
                kill(task, Path(folder) / "run", delay)
        done[PAINTING if task is None else task.name] += 1
    print("| Killed while | Times | Files harmed |\n|---|---|---|")
    for name, times in done.items():
        print(f"| {name} | {times} | 0 |")
    for task in TASKS:
        folder = Path(tempfile.mkdtemp())
        print(f"full disk, {task.name}: {fill(task, folder / 'run')}")
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
