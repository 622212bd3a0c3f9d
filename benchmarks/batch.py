"""A batch of 300 files with 1 and 2 workers, and one that is killed in the middle and resumed.

Run as ``python benchmarks/batch.py [--files N] [--write docs/batch.md]``. It stops if the runs do
not leave the same bytes, or if other files fail than the three that are damaged.

Other programs take processor time from the runs. The system counts for how long each process was
ready and had to wait for a core (``/proc/<pid>/schedstat``, the second number); what remains of
the time on the clock without the waiting of the workers (the mean over them) is what the run
would take on a quiet machine.
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

import napari_eds as eds
from napari_eds.simulate.files import save_simulation
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

SHIPPED = Path(eds.__file__).parent / "data" / "core_shell.hdf5"
MEASURED = Path(__file__).resolve().parents[2] / "shared" / "data" / "real" / "hspy"
BEGIN, END = "<!-- begin: benchmarks/batch.py -->\n", "<!-- end -->\n"
N_DAMAGED = 3


@dataclass
class Run:
    """What a run took: on the clock, of the processors, and how its workers waited for them."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    waits_s: dict[int, float] = field(default_factory=dict)

    @property
    def quiet_s(self) -> float:
        """Time on the clock without the waiting of the workers for a core."""
        return self.wall_s - sum(self.waits_s.values()) / max(len(self.waits_s), 1)


def main() -> int:
    options = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_maps(folder / "maps", options.files)
        recipe = eds.Recipe(
            elements=("O", "Fe", "La_L", "Sr_K", "Ti"), fit_only=("C", "Cu", "Pt", "Si", "Ga")
        )
        recipe.to_json(folder / "recipe.json")
        two = run(folder, "two", 2)
        one = run(folder, "one", 1)
        done_before = killed(folder, "resumed", options.files // 3)
        rest = run(folder, "resumed", 2)
        check(folder, options.files)
        text = told(options.files, one, two, rest, done_before)
    print(text)
    if options.write:
        before = options.write.read_text(encoding="utf-8")
        start, end = before.index(BEGIN) + len(BEGIN), before.index(END)
        options.write.write_text(before[:start] + text + before[end:], encoding="utf-8")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--write", type=Path)
    return parser.parse_args()


def write_maps(folder: Path, n_files: int) -> None:
    """Write simulated maps, copies of measured ones with fewer counts, and damaged ones."""
    (folder / "more").mkdir(parents=True)
    rng = np.random.default_rng(15)
    measured = [p for p in (SHIPPED, MEASURED / "bare_core.hdf5") if p.is_file()]
    for i in range(n_files - N_DAMAGED):
        place = folder / "more" if i % 2 else folder
        if i % 3 == 2:
            path = place / f"measured_{i:03d}.hdf5"
            shutil.copyfile(measured[i // 3 % len(measured)], path)
            thin(path, rng.uniform(0.4, 1.0), rng)
            continue
        side = int(rng.integers(24, 41))
        made = lanthanum_ferrite_on_strontium_titanate(
            (side, side), counts_per_pixel=float(rng.uniform(100, 300)), seed=i
        )
        save_simulation(made, place / f"simulated_{i:03d}.emd")
    whole = (folder / "simulated_000.emd").read_bytes()
    (folder / "cut.emd").write_bytes(whole[: len(whole) // 2])
    (folder / "text.emd").write_text("no map")
    (folder / "more" / "empty.hdf5").write_bytes(b"")


def thin(path: Path, part: float, rng: np.random.Generator) -> None:
    """Keep each count of a HyperSpy file with a probability: as if recorded for less time."""
    with h5py.File(path, "r+") as file:
        (experiment,) = file["Experiments"].values()
        experiment["data"][...] = rng.binomial(experiment["data"][...].astype(int), part)


def command(folder: Path, output: str, workers: int) -> list[str]:
    return [
        *(sys.executable, "-m", "napari_eds", "batch", str(folder / "maps")),
        *("--recipe", str(folder / "recipe.json"), "--grid", "8"),
        *("--workers", str(workers), "-o", str(folder / output)),
    ]


def run(folder: Path, output: str, workers: int) -> Run:
    found = Run()
    used, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command(folder, output, workers), stderr=subprocess.DEVNULL)
    while process.poll() is None:
        for pid in children(process.pid):
            found.waits_s[pid] = waited_s(pid) or found.waits_s.get(pid, 0.0)
        time.sleep(0.5)
    found.wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found.cpu_s = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    print(output, found, f"{found.quiet_s:.0f} s on a quiet machine", flush=True)
    return found


def killed(folder: Path, output: str, after: int) -> int:
    """Kill a run with all its processes once so many files are done; return how many were."""
    process = subprocess.Popen(
        command(folder, output, 2), stderr=subprocess.DEVNULL, start_new_session=True
    )
    manifest = folder / output / "manifest.csv"
    while not manifest.is_file() or (n := manifest.read_text().count(",done,")) < after:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return n


def children(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            about = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        if int(about[1]) == parent:
            found.append(int(path.parent.name))
    return found


def waited_s(pid: int) -> float | None:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return None


def check(folder: Path, n_files: int) -> None:
    """Stop unless all runs left the same files, and failed on the damaged ones alone."""
    names = [{p.relative_to(folder / o) for p in (folder / o).rglob("*") if p.is_file()}
             for o in ("one", "two", "resumed")]  # fmt: skip
    assert names[0] == names[1] == names[2], "the runs wrote other files"
    for name in names[0]:
        for other in ("two", "resumed"):
            assert filecmp.cmp(folder / "one" / name, folder / other / name, shallow=False), name
    with (folder / "one" / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    failed = {row["file"] for row in rows if row["state"] == "failed"}
    assert len(rows) == n_files, len(rows)
    assert failed == {"cut.emd", "text.emd", "more/empty.hdf5"}, failed
    assert all(row["error"] for row in rows if row["state"] == "failed")


def told(n_files: int, one: Run, two: Run, rest: Run, done_before: int) -> str:
    rows = [("1 worker", one), ("2 workers", two), (f"killed after {done_before}, resumed", rest)]
    beginning = (
        f"{n_files} files, {N_DAMAGED} of them damaged; same bytes of all three runs, with "
        f"{N_DAMAGED} rows of errors.\n"
    )
    lines = [
        beginning,
        "| Run | On the clock, s | Processor, s | Waited for a core, s | Quiet machine, s |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {r.wall_s:.0f} | {r.cpu_s:.0f} | {r.wall_s - r.quiet_s:.0f} "
        f"| {r.quiet_s:.0f} |"
        for name, r in rows
    ]
    return "\n".join(lines) + (
        f"\n\nEfficiency of 2 workers: {one.wall_s / two.wall_s / 2:.0%} on the clock, "
        f"{one.cpu_s / two.cpu_s:.0%} in processor time, {one.quiet_s / two.quiet_s / 2:.0%} on a "
        f"quiet machine. Load of the machine at the end: {os.getloadavg()[0]:.1f}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
