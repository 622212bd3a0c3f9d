"""Programs killed while they write, and disks that are full: nothing of the user's is harmed."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

TASKS = ("tables", "session", "few-shot folder", "HyperSpy", "folder of maps")
KILLS = 12
PATIENCE_s = 600


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked, to be killed at once")
def test_nothing_is_harmed_by_kills_and_full_disks():
    root = Path(__file__).resolve().parents[1]
    if not (root / "benchmarks").is_dir():
        pytest.skip("the benchmarks lie in the repository, not in the package")
    # Other moments in every run. In a process of its own: one that holds windows cannot fork.
    seed = random.randrange(10**6)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.killing", str(KILLS), "--seed", str(seed)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_s,
        check=False,
        cwd=root,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    killed = dict(re.findall(r"\| ([\w -]+) \| (\d+) \| 0 \|", done.stdout))
    assert {*TASKS, "painting"} == killed.keys()
    assert sum(map(int, killed.values())) == KILLS
    full = re.findall(r"full disk, ([\w -]+): OSError: (.*)", done.stdout)
    assert tuple(name for name, _ in full) == TASKS
    assert all("too large" in told or "may be full" in told for _, told in full)
