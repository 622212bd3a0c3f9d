"""The page's examples for clusters and workflows, run as far as one machine can."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import napari_eds as eds

pytestmark = pytest.mark.filterwarnings("ignore::")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "batch.md"
_PATIENCE_s = 300


def example(language, word):
    """Return the block of the page in a language that has a word in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if word in block]
    return found


def rows_of(folder):
    return (folder / "all.csv").read_bytes()


def test_snakemake(maps, recipe, tmp_path):
    """A folder is a step; one that failed is made again, and one that is done is left."""
    pytest.importorskip("snakemake")
    (tmp_path / "Snakefile").write_text(example("snakemake", "rule batch"), encoding="utf-8")
    recipe.to_json(tmp_path / "map_recipe.json")
    (tmp_path / "maps" / "film").mkdir()
    (maps / "film0.emd").replace(maps / "film" / "film0.emd")
    (maps / "film" / "cut.emd").write_bytes((maps / "cut.emd").read_bytes())

    def run():
        commands = Path(sys.executable).parent
        return subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "1", "results/film/all.csv"],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=_PATIENCE_s,
            env=os.environ | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"},
        )  # fmt: skip

    failed = run()
    assert failed.returncode != 0
    assert not (tmp_path / "results" / "film" / "all.csv").exists()
    (maps / "film" / "cut.emd").unlink()
    done = run()
    assert done.returncode == 0, done.stderr[-2000:]
    alone = eds.batch(maps / "film", recipe, 15, tmp_path / "alone", workers=1)
    assert rows_of(tmp_path / "results" / "film") == rows_of(alone.output)
    assert "Nothing to be done" in run().stderr


def test_jobs_of_dask_jobqueue(reference, made_maps, recipe, tmp_path):
    """The example, with jobs that are programs of this machine in place of SLURM's."""
    pytest.importorskip("dask_jobqueue")
    code = example("python", "SLURMCluster")
    for theirs, here in (
        ("from dask_jobqueue import SLURMCluster", "from dask_jobqueue.local import LocalCluster"),
        ("SLURMCluster(cores=8, processes=8,", "LocalCluster(cores=1, processes=1,"),
        ("jobs=4", "jobs=2"),
        ('"maps", recipe, 15', f"{str(made_maps)!r}, recipe, 8"),
    ):
        assert code.count(theirs) == 1
        code = code.replace(theirs, here)
    recipe.to_json(tmp_path / "map_recipe.json")
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, timeout=_PATIENCE_s, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert rows_of(tmp_path / "results") == rows_of(reference.output)


def test_what_slurm_is_asked_for(monkeypatch, tmp_path):
    """One thread a worker, and the limits of the example."""
    jobqueue = pytest.importorskip("dask_jobqueue")
    monkeypatch.chdir(tmp_path)
    (arguments,) = re.findall(r"SLURMCluster\((.*)\)", example("python", "SLURMCluster"))
    asked = eval(f"dict({arguments})")  # the page's own
    with jobqueue.SLURMCluster(**asked, scheduler_options={"dashboard_address": None}) as cluster:
        script = cluster.job_script()
    assert "#SBATCH -t 02:00:00" in script
    assert "#SBATCH --mem=30G" in script
    assert {"--nthreads 1", "--nworkers 8"} <= set(re.findall(r"--n\w+ \d+", script))
