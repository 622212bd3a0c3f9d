"""Damaged files never crash, hang, eat the memory, or end in another error than ours."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from .formats import FORMATS

HERE = Path(__file__).parent
KEPT = sorted((HERE / "kept").glob("*-*.*"))
QUICK = [one.name for one in FORMATS if one.quick]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trials are forks")

#: Broken files of each format in every run of the tests; `python -m tests.fuzz` reads more.
COUNT = 200


@pytest.mark.parametrize("name", QUICK)
def test_broken_files(name):
    """In a process of its own: pytest has threads, and those do not go with forks."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--count", str(COUNT), "--formats", name],
        capture_output=True, text=True, timeout=300, check=False, cwd=HERE.parents[1],
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}"
    # Broken in earnest: some files are refused, and some faults do no harm.
    counts = {kind: int(n) for n, kind in re.findall(r"(\d+) (fine|refused)", done.stdout)}
    assert sum(counts.values()) == COUNT
    assert counts["refused"] > COUNT / 20


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_files_that_failed_once(path):
    """They open now, or say why they do not."""
    from napari_eds.errors import EDSError

    (one,) = [one for one in FORMATS if one.name == path.stem.rpartition("-")[0]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            one.read(path)
        except EDSError as error:
            assert path.name in str(error)  # noqa: PT017 - opening is as good
