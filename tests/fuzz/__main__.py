"""Break files, read them, and tell what happened: ``python -m tests.fuzz --count 10000``.

Files that fail are kept in the folder ``--keep``; those put into ``tests/fuzz/kept`` are read
again by every run of the tests.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

from napari_eds.readers.rosetta.plugins import PLUGINS

from .formats import Format, available
from .mutations import mutate
from .trial import FAILURES, FINE, Outcome, Trials

#: The example as it is, among seeds.
GOOD = -1


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit code is 1 if a file failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="files of all formats together")
    parser.add_argument("--seed", type=int, default=0, help="of the first file")
    parser.add_argument("--formats", nargs="*", help="names of formats; all without it")
    parser.add_argument(
        "--quick", action="store_true", help="only what is read without another process"
    )
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    parser.add_argument(
        "--alone", action="store_true", help="read with RosettaSciIO itself, without protection"
    )
    options = parser.parse_args(arguments)
    formats = [one for one in available(options.formats) if one.quick or not options.quick]
    if options.alone:
        formats = [alone for one in formats if (alone := unprotected(one)) is not None]
    preload()
    each = max(1, options.count // max(len(formats), 1))
    failed = False
    for one in formats:
        started = time.monotonic()
        outcomes = fuzz(one, range(options.seed, options.seed + each), options.keep)
        kinds = Counter(one.kind for seed, one in outcomes.items() if seed != GOOD)
        told = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
        peak = max(outcome.peak_bytes for outcome in outcomes.values())
        memory = f"{peak / outcomes[GOOD].peak_bytes:.1f} times its memory" if peak else "?"
        seconds = time.monotonic() - started
        print(f"{one.name:<16}{told}, {memory} ({seconds:.0f} s)", flush=True)  # noqa: T201
        for detail, seeds in _grouped(outcomes).items():
            some = ", ".join(map(str, seeds[:5]))
            print(f"    {len(seeds)} x {detail} - seeds {some}")  # noqa: T201
        failed |= any(kinds[kind] for kind in FAILURES)
    return int(failed)


def preload() -> None:
    """Import what the readers import, once: what reads is a fork of this process."""
    for name in (
        "h5py", "pandas", "PIL.Image", "skimage.io", "tifffile", "xraylib",
        "napari_eds.readers.hdf5",
        "napari_eds.compare.files", "napari_eds.exchange.session", "napari_eds.exchange.hyperspy",
        "napari_eds.few_shot.classification", "napari_eds.labels.files",
        "napari_eds.recipe.recipe",
        "napari_eds.recipe.k_factor_files", "rsciio.hspy", "rsciio.zspy",
    ):  # fmt: skip
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def fuzz(one: Format, seeds: range, keep: Path | None = None) -> dict[int, Outcome]:
    """Return what came of a format's example, as it is and broken once for each seed."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as name, Trials(one.read) as trials:
        folder = Path(name)
        (folder / "example").mkdir()
        example = one.make(folder / "example")
        trials.attempt(example)
        # Once more, for what is imported by the first does not count.
        outcomes[GOOD] = trials.attempt(example)
        if outcomes[GOOD].kind != FINE:
            raise SystemExit(f"{one.name}: the example does not open: {outcomes[GOOD].detail}")
        for seed in seeds:
            broken = folder / f"{seed}{example.suffix}"
            for suffix in one.beside:
                shutil.copy(example.with_suffix(suffix), broken.with_suffix(suffix))
            of = Random(f"{one.name} {seed}")
            mutate(example, broken, one.kinds[seed % len(one.kinds)], of)
            outcomes[seed] = trials.attempt(broken)
            if outcomes[seed].is_failure and keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(broken, keep / f"{one.name}-{seed}{example.suffix}")
            broken.unlink()
    return outcomes


def unprotected(one: Format) -> Format | None:
    """Return a format as RosettaSciIO reads it by itself; None where it does not."""
    plugins = {**PLUGINS, ".hspy": "hspy", ".nxs": "nexus", ".rpl": "ripple", ".pts": "jeol"}
    name = "hspy" if one.name.startswith("hspy") else one.name
    plugin = plugins.get(f".{name}")
    if plugin is None:
        return None

    def read(path: Path) -> object:
        return importlib.import_module(f"rsciio.{plugin}").file_reader(str(path))

    return replace(one, read=read)


def _grouped(outcomes: dict[int, Outcome]) -> dict[str, list[int]]:
    """Return the seeds of every failure, by what happened."""
    found: dict[str, list[int]] = {}
    for seed, outcome in outcomes.items():
        if outcome.is_failure:
            found.setdefault(f"{outcome.kind}: {outcome.detail}", []).append(seed)
    return found


if __name__ == "__main__":
    sys.exit(main())
