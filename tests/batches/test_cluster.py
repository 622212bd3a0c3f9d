"""The same batch on dask.distributed: clusters of this machine, and processes of their own."""

import os
import signal
import subprocess
import sys
import time

import pytest

import napari_eds as eds

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore::")

#: Busy machines are slow to start processes.
_PATIENCE_s = 180


def tables(folder):
    return {p.name: p.read_bytes() for p in (folder / "tables").rglob("*.emd.csv")} | {
        "all.csv": (folder / "all.csv").read_bytes()
    }


@pytest.fixture
def start():
    """Function that starts a program of dask in a process of its own; ended afterwards."""
    processes = []

    def run(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_local_cluster_makes_the_same_bytes(reference, made_maps, recipe, tmp_path, n_workers):
    with (
        distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = eds.batch(made_maps, recipe, 8, tmp_path / "out", scheduler=client)
    assert tables(found.output) == tables(reference.output)
    assert [entry.file for entry in found.failed] == ["cut.emd"]


def test_a_worker_that_is_killed_costs_nothing(reference, made_maps, recipe, tmp_path, start):
    about = tmp_path / "scheduler.json"
    start("scheduler", "--scheduler-file", about, "--no-dashboard", "--port", "0")
    wait_for(about.is_file)
    doomed = start("worker", "--scheduler-file", about, "--nthreads", "1", "--no-dashboard")
    with distributed.Client(scheduler_file=str(about), timeout=_PATIENCE_s) as client:
        client.wait_for_workers(1, timeout=_PATIENCE_s)
        address = client.scheduler.address
        killed = []

        def kill_one(entry):
            if entry.state == "running" and len(killed) == 0:
                killed.append(entry.file)
            elif entry.state == "done" and len(killed) == 1:
                killed.append(entry.file)
                os.killpg(doomed.pid, signal.SIGKILL)
                start("worker", address, "--nthreads", "1", "--no-dashboard")

        found = eds.batch(
            made_maps, recipe, 8, tmp_path / "out", scheduler=address, on_entry=kill_one
        )
    assert len(killed) == 2
    assert tables(found.output) == tables(reference.output)


def wait_for(holds):
    end = time.monotonic() + _PATIENCE_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_scheduler_that_does_not_answer_is_told(made_maps, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_eds.batches.cluster._CONNECT_s", 1)
    with pytest.raises(eds.EDSError, match="no scheduler of dask"):
        eds.batch(made_maps, recipe, 8, tmp_path / "out", scheduler="tcp://127.0.0.1:9")
