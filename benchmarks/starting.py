"""Processor time of starting: imports, the commands, the plugin; each in processes of its own.

``python benchmarks/starting.py [--earlier SRC]``

The shortest of three runs, user and system together. The work itself, which is taken off for what
is above it, is a second run in the same process. With `--earlier`, the source folder of an earlier
version, that stands beside.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAP = ROOT.parent / "shared" / "data" / "simulated" / "LFO_STO_96.emd"
QUANTIFY = ["--elements", "La,Fe,O,Sr,Ti,Pt", "--fit-only", "C,Cu,Ga", "--grid", "15", "--force"]

_WARM = """
import sys, time
from napari_eds.cli.main import main
main(sys.argv[1:])
begin = time.process_time()
main(sys.argv[1:])
print("warm", time.process_time() - begin)
"""
_PLUGIN = """
from npe2 import PluginManager
PluginManager.instance().discover()
import napari_eds._napari.reader
"""
_DOCK = """
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
import napari, threading, time
viewer = napari.Viewer(show=False)
begin = time.process_time()
import napari_eds._napari.quantify.dock
from napari_eds._napari.parts.jobs import preload
preload()
for thread in threading.enumerate():
    if thread is not threading.current_thread() and thread.daemon:
        thread.join(60)
print("warm", time.process_time() - begin)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("map", nargs="?", type=Path, default=MAP)
    parser.add_argument("--earlier", type=Path, help="folder src of an earlier version")
    options = parser.parse_args()
    versions = {"now": ROOT / "src"}
    if options.earlier:
        versions = {"earlier": options.earlier} | versions
    print(f"| processor time, s | {' | '.join(versions)} |")
    print("|---|" + "---|" * len(versions))
    with tempfile.TemporaryDirectory() as folder:
        for name, times in measured(options.map, Path(folder), list(versions.values())):
            print(f"| {name} | {' | '.join(f'{t:.2f}' for t in times)} |", flush=True)


def measured(path: Path, folder: Path, versions: list[Path]):
    out = [*QUANTIFY, "-o", str(folder / "table.csv")]
    command = ["-m", "napari_eds"]
    imported = [spent(v, ["-c", "import napari_eds"])[0] for v in versions]
    yield "`import napari_eds as eds`", imported
    yield "plugin found and its reader imported", [spent(v, ["-c", _PLUGIN])[0] for v in versions]
    yield "first panel: imports in the background", [spent(v, ["-c", _DOCK])[1] for v in versions]
    for name, more in {"info": [], "quantify": out}.items():
        whole = [spent(v, [*command, name, str(path), *more])[0] for v in versions]
        yield f"`napari-eds {name}`, in all", whole
        work = [spent(v, ["-c", _WARM, name, str(path), *more])[1] for v in versions]
        yield (
            f"`napari-eds {name}`, above its work",
            [a - b for a, b in zip(whole, work, strict=True)],
        )


def spent(version: Path, arguments: list[str]) -> tuple[float, float]:
    """Return the least processor time of three runs, and the least that a run told itself."""
    environment = os.environ | {"PYTHONPATH": str(version)}
    whole, told = [], [float("inf")]
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran = subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        told += [float(x.split()[1]) for x in ran.stdout.splitlines() if x.startswith("warm")]
    return min(whole), min(told)


if __name__ == "__main__":
    main()
