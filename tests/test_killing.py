"""Programs killed while they write, and disks that are full: nothing of the user's is harmed."""

import os
import random
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="children are forked, to be killed within a second"
)

TASKS = ("tables", "session", "few-shot folder", "HyperSpy", "folder of maps")
#: Other moments in every run; a failure tells the seed.
SEED = random.randrange(10**6)


@pytest.fixture(scope="module")
def killing():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parents[1])
        from benchmarks import killing

        killing.results()
        yield killing


@pytest.fixture
def task(killing, request):
    return next(task for task in killing.TASKS if task.name == request.param)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("task", TASKS, indirect=True)
def test_files_are_whole_whenever_a_writer_is_killed(killing, task, tmp_path, number):
    delay = random.Random(SEED + number).uniform(0, killing.LONGEST_s)
    killing.kill(task, tmp_path / "run", delay)


def test_no_stroke_but_the_last_is_lost(killing, tmp_path):
    delay = random.Random(SEED).uniform(0, killing.LONGEST_s)
    killing.kill_painting(tmp_path / "run", delay)


@pytest.mark.parametrize("task", TASKS, indirect=True)
def test_a_full_disk_harms_nothing(killing, task, tmp_path):
    told = killing.fill(task, tmp_path / "run")
    assert told.startswith("OSError: ")
    assert "too large" in told or "may be full" in told
    assert str(tmp_path) in told or "temporary files" in told


def test_every_task_is_killed(killing):
    assert tuple(task.name for task in killing.TASKS) == TASKS
