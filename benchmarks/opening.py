"""Opening every test file, beside HyperSpy: seconds and peak memory, each in a fresh process.

Run as ``python benchmarks/opening.py [DATA_FOLDER] [--write FILE]``. It stops if a file has other
counts than HyperSpy finds in it, except where HyperSpy is known to lose them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from importlib.metadata import version
from pathlib import Path

STARTED = time.perf_counter()

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

REPEATS = 3

#: The file that HyperSpy opens with the shape of another image, see the notes below.
OTHER_SHAPE = "example_velox_EELS_EDS.emd"

INTRODUCTION = """\
# Opening files

How long it takes to open every test file, and the most memory that takes, beside `hs.load` of
HyperSpy. Each number is that of a fresh Python process and includes importing what is needed.
`times` says how many times faster, or smaller, opening with napari-eds is. Total counts are
equal in both (checked in the same run), except where a note says otherwise.

Event streams of Velox and JEOL are decoded straight into sparse counts, which never exist as a
dense array; frames and detectors are merged on the way. Oxford `.h5oina`, EDAX `.spd` `.lsd`
`.edaxh5` and Ripple have readers of their own, too. Everything else is read by the readers of
RosettaSciIO, without HyperSpy, in a process of its own: its memory counts here.

`made 512.pts` is a made stream of JEOL: 512 x 512 pixels, four frames, 15.7 million counts.

Measured with `python benchmarks/opening.py --write docs/opening.md`, {versions}, {cores} cores.

| File | Rows x columns x channels | Counts | s | HyperSpy s | times | MB | HyperSpy MB | times |
|---|---|---|---|---|---|---|---|---|
"""

NOTES = """
\\* HyperSpy finds no counts in these: a line scan stored as a map, of which it drops the only
frame as unfinished, and spectra whose header has no blank after its last colon.

\\*\\* HyperSpy lays the 320 pixels of this map out on the 128 x 128 of an overview image.
"""

#: Where the part of the page begins that is no measurement, and stays as it is.
TEXT = "\n## Unfinished"


#: Files for the price of a process: maps and spectra, by readers that take long to import or not.
PRICED = (
    "bruker/L2083-K-4-1_tilt0.bcf",
    "bruker/P45_12bit_packed_8bit.bcf",
    "bruker/bruker_nano.spx",
    "edax/647_leo_edax_test.spc",
    "dm/test-EDS_spectrum.dm3",
    "phenom/Elid2Version4.elid",
    "hspy/bare_core.hdf5",
)

PRICE = """
## The price of a process

RosettaSciIO's readers are made for sound files: of damaged ones some end the process, some never
come back, some ask for terabytes. They run in a process that is started beside the imports of the
first file and kept for the next ones. A crash there, or a read that takes longer than 20 s and a
second for every megabyte, is an error that names the file; memory is limited to what the machine
has; counts come back without their zeros. Bruker and Phenom files that are shorter than they say
are refused before. Our own readers of `.h5oina` and `.edaxh5` run there, too, for HDF5 can
loop for ever in a damaged file; text (`.msa`) is read directly. Seconds, best of {repeats},
each first one in a fresh Python with all imports:

| File | first, in its process | first, directly | next, in its process | next, directly |
|---|---|---|---|---|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--write", type=Path, help="Markdown file for the table")
    parser.add_argument("--only", default="", help="part of the names of the files to open")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        CHILDREN[arguments.child](arguments.data)
        return
    with tempfile.TemporaryDirectory() as folder:
        # In another process: one that is started later would count the memory of this one.
        run("make", Path(folder) / "made 512.pts")
        files = [
            path for path in find_files(arguments.data, folder) if arguments.only in path.name
        ]
        assert files, f"there are no files to open in {arguments.data}"
        rows = list(filter(None, map(compare, files)))
    if arguments.write:
        versions = ", ".join(f"{name} {version(name)}" for name in ("hyperspy", "rosettasciio"))
        versions = f"Python {platform.python_version()}, {versions}"
        introduction = INTRODUCTION.format(versions=versions, cores=os.cpu_count())
        before = arguments.write.read_text() if arguments.write.exists() else ""
        text = "".join(before.partition(TEXT)[1:])
        prices = PRICE.format(repeats=REPEATS) + "\n".join(map(price, PRICED)) + "\n"
        arguments.write.write_text(introduction + "\n".join(rows) + "\n" + NOTES + prices + text)


def make_jeol_map(path: Path, size: int = 512, n_frames: int = 4) -> None:
    """Write a map of JEOL, 15 counts to a pixel and frame, with the header of a measured one."""
    import numpy as np

    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from jeol_files import COLUMN, ROW, SIGNAL, XRAY, with_stream

    rng = np.random.default_rng(0)
    places = np.arange(size) * (4096 // size)
    words = []
    for row in np.tile(places, n_frames):
        counts = rng.poisson(15, size)
        channels = np.minimum(96 + rng.exponential(300, counts.sum()).astype(int), 4095)
        # The column of a pixel and the signal there stand before its X-rays.
        starts = np.repeat(np.concatenate([[0], np.cumsum(counts)[:-1]]), 2)
        marks = np.stack([COLUMN | places, SIGNAL | rng.integers(0, 4000, size)], axis=1)
        words += [[ROW | row], np.insert(XRAY | channels, starts, marks.ravel())]
    measured = (DATA / "real/jeol/64.pts").read_bytes()
    path.write_bytes(with_stream(measured, (size, size), np.concatenate(words)))
    print("{}")


def find_files(data: Path, folder: str) -> list[Path]:
    """Return every file that may hold EDS data, those in zip files unpacked into `folder`."""
    from napari_eds._support.raw_files import SUFFIXES

    for archive in data.rglob("*.zip"):
        with zipfile.ZipFile(archive) as file:
            file.extractall(Path(folder) / archive.stem)
    found = [*sorted(data.rglob("*")), *sorted(Path(folder).rglob("*"))]
    return [path for path in found if path.suffix.lower() in SUFFIXES]


def compare(path: Path) -> str | None:
    """Return a row of the table, or None if the file holds no EDS data."""
    ours = run("ours", path)
    if "error" in ours:
        print(f"{path.name}: not opened, {ours['error']}")
        return None
    theirs = run("hyperspy", path)
    # HyperSpy loses some files whole, see the notes; any other difference is an error.
    lost = not any(theirs["counts"])
    for counts in ours["counts"]:
        assert (counts in theirs["counts"]) is not lost, (path, ours["counts"], theirs["counts"])
    shapes, their_shapes = ({tuple(s) for s in one["shapes"]} for one in (ours, theirs))
    note = r"\*" if lost else ""
    if not (lost or shapes <= their_shapes):
        assert path.name == OTHER_SHAPE, (path, shapes, their_shapes)
        note = r"\*\*"
    row = format_row(path.name + note, ours, theirs)
    print(row, flush=True)
    return row


def price(name: str) -> str:
    """Return a row of the second table."""
    cells = [Path(name).name]
    seconds = {
        kind: [run(kind, DATA / "real" / name) for _ in range(REPEATS)]
        for kind in ("isolated", "directly")
    }
    for read in ("first", "next"):
        cells += [f"{min(done[read] for done in seconds[kind]):.2f}" for kind in seconds]
    row = f"| {' | '.join(cells)} |"
    print(row, flush=True)
    return row


def format_row(name: str, ours: dict, theirs: dict) -> str:
    shapes = ", ".join(dict.fromkeys(" x ".join(map(str, shape)) for shape in ours["shapes"]))
    counts = ", ".join(f"{counts:,}" for counts in ours["counts"])
    cells = [
        name,
        shapes,
        counts,
        f"{ours['seconds']:.2f}",
        f"{theirs['seconds']:.2f}",
        f"{theirs['seconds'] / ours['seconds']:.1f}",
        f"{ours['MB']:.0f}",
        f"{theirs['MB']:.0f}",
        f"{theirs['MB'] / ours['MB']:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def run(child: str, path: Path) -> dict:
    """Open a file in a process of its own."""
    command = [sys.executable, __file__, str(path), "--child", child]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def open_with_napari_eds(path: Path) -> None:
    import napari_eds

    try:
        images = napari_eds.read(path)
    except napari_eds.ReadError as error:
        print(json.dumps({"error": str(error)}))
        return
    report(
        [[*image.shape, image.n_channels] for image in images],
        lambda: [image.total_counts for image in images],
    )


def open_with_hyperspy(path: Path) -> None:
    import hyperspy.api as hs

    options = {"file_format": "HSPY"} if path.suffix == ".hdf5" else {}
    loaded = hs.load(path, escape_square_brackets=True, **options)
    signals = loaded if isinstance(loaded, list) else [loaded]
    spectra = [signal for signal in signals if signal.axes_manager.signal_dimension == 1]
    report(
        [([1, 1, *signal.data.shape])[-3:] for signal in spectra],
        lambda: [round(float(signal.data.sum(dtype=float))) for signal in spectra],
    )


def open_twice(path: Path) -> None:
    import napari_eds

    napari_eds.read(path)
    first, began = time.perf_counter() - STARTED, time.perf_counter()
    napari_eds.read(path)
    print(json.dumps({"first": first, "next": time.perf_counter() - began}))


def open_twice_directly(path: Path) -> None:
    from napari_eds.readers.rosetta import call, isolated

    isolated.warm_up = lambda _suffix: None
    isolated.read = call.call_here
    open_twice(path)


def report(shapes: list, counts) -> None:
    """Print what was opened; adding the counts up is not part of opening."""
    seconds, megabytes = time.perf_counter() - STARTED, peak_megabytes()
    print(json.dumps({"shapes": shapes, "seconds": seconds, "MB": megabytes, "counts": counts()}))


def peak_megabytes() -> float:
    """Return the most memory this process and the one that reads for it have held.

    The system must be Linux or macOS, where the other process is not counted.
    """
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if sys.platform == "darwin":
        return peak / 1e6
    return (peak + sum(map(peak_of, reading_processes()))) * 1024 / 1e6


def reading_processes() -> list[int]:
    isolated = sys.modules.get("napari_eds.readers.rosetta.isolated")
    return [child.pid for child in isolated._idle] if isolated else []


def peak_of(process: int) -> int:
    """Return the most memory another process has held, in kB."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


CHILDREN = {
    "ours": open_with_napari_eds,
    "hyperspy": open_with_hyperspy,
    "make": make_jeol_map,
    "isolated": open_twice,
    "directly": open_twice_directly,
}

if __name__ == "__main__":
    main()
