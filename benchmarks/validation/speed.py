"""Seconds for the chips of a map, beside HyperSpy's own fit of the same spectra."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import napari_eds as eds
from napari_eds.fitting import fit as fitting
from napari_eds.fitting import hyperspy_fit
from napari_eds.fitting.model import build_model
from napari_eds.fitting.preparation import prepare

from .report import Run, Section, at_most, table
from .simulated import FAMILY, opened

CHIP = 15
#: Rounds in which two versions take turns, and by how much the newer one may be slower.
ROUNDS = 6
SLOWER = 1.3
WORKER = Path(__file__).with_name("timed_runs.py")
ELEMENTS, FIT_ONLY = ("La", "Fe", "O", "Sr", "Ti", "Pt"), ("C", "Cu", "Ga")


def speed(run: Run) -> Section:
    section = Section("Speed")
    name = "LFO_STO_96" if run.quick else "LFO_STO_512"
    image = opened(run.data / f"simulated/{name}.emd")
    chips = eds.grid_chips(image.shape, CHIP)
    recipe = eds.Recipe.create(
        elements=ELEMENTS, fit_only=FIT_ONLY, k_factors=eds.read_k_factors(run.data / FAMILY)
    )
    stages, whole = seconds(image, chips, recipe)
    model = build_model(image.energy, image.acquisition, recipe)
    counts = image.label_spectra(chips.labels).spectra[:, model.channels]
    # Of several runs the fastest: others may use the machine, too.
    theirs = min(
        timed(lambda: hyperspy_fit.fit_hyperspy(model, counts, lambda *_: None, nonlinear=False))[
            0
        ]
        for _ in range(1 if run.quick else 2)
    )
    section.say(
        f"{len(chips):,} chips of {CHIP} x {CHIP} pixels of `{name}`, {model.n_parameters} "
        f"columns on {counts.shape[1]:,} channels. Seconds, imports and opening not counted, "
        "best of three on two cores."
    )
    rows = [(what, f"{s:.2f}") for what, s in stages.items()]
    rows.append(("**`quantify` in all**, with table", f"**{whole:.2f}**"))
    rows.append(("HyperSpy's linear least squares alone, no covariance", f"{theirs:.2f}"))
    rows += pymca(model, counts)
    section.say(table(["", "s"], rows))
    section.say(
        "HyperSpy fits the same chips with equal weights; calibration, errors and compositions "
        "are not in its time. PyMca's `FastXRFLinearFit` was given the same families, range and "
        "polynomial, on the axis of the file; it returns areas and their errors."
    )
    if run.earlier:
        say_beside(section, run, name)
    return section


def say_beside(section: Section, run: Run, name: str) -> None:
    """Say how long an earlier version takes for the same chips."""
    here = Path(__file__).resolve().parents[2]
    theirs, ours = in_turns((run.earlier, here), run.data, name)
    section.say(
        f"`quantify` for the same chips by the version before (its source tree was given with "
        f"`--earlier`), the two taking {ROUNDS} turns in one session, each warm, the fastest of "
        f"each: {theirs[0]:.2f} s then, {ours[0]:.2f} s now ({theirs[1]:.2f} and {ours[1]:.2f} s "
        "of the processor, which others that use the machine disturb less)."
    )
    section.checks.append(
        at_most(
            "chips of the map: processor time beside that of the version before",
            ours[1] / theirs[1],
            SLOWER,
        )
    )


def in_turns(trees: tuple[Path, ...], data: Path, name: str) -> np.ndarray:
    """Return seconds (trees, [clock, processor]), the least of runs one after another."""
    workers = [worker(tree, data, name) for tree in trees]
    rounds = [[answer(one) for one in workers] for _ in range(ROUNDS + 1)]
    for one in workers:
        one.communicate()
    return np.min(rounds[1:], axis=0)


def worker(tree: Path, data: Path, name: str) -> subprocess.Popen[str]:
    """Start a process that imports a source tree and times a run for each line it gets."""
    source = (tree / "src").resolve()
    process = subprocess.Popen(
        [sys.executable, str(WORKER), str(data), name],
        env=os.environ | {"PYTHONPATH": str(source)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    imported = process.stdout.readline().strip()
    assert Path(imported).is_relative_to(source), f"{imported} is not of {source}"
    return process


def answer(process: subprocess.Popen[str]) -> list[float]:
    """Let a worker run once; return its seconds on the clock and of the processor."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return [float(s) for s in process.stdout.readline().split()]


def pymca(model, counts) -> list[tuple[str, str]]:
    """Time PyMca's fast linear fit, where it is installed."""
    try:
        from PyMca5.PyMcaPhysics.xrf.ClassMcaTheory import ClassMcaTheory
        from PyMca5.PyMcaPhysics.xrf.FastXRFLinearFit import FastXRFLinearFit
    except ImportError:
        return [("PyMca", "not installed")]
    configuration = ClassMcaTheory().getConfiguration()
    configuration["detector"].update(
        zero=model.energy.offset_keV, gain=model.energy.scale_keV, noise=0.05, fano=0.114
    )
    configuration["fit"].update(
        use_limit=0, linearfitflag=1, stripflag=0, escapeflag=0, sumflag=0, scatterflag=0,
        energy=[model.beam_energy_keV], energyweight=[1.0], energyflag=[1], energyscatter=[0],
        continuum=4, linpolorder=model.background_order,
    )  # fmt: skip
    peaks: dict[str, list[str]] = {}
    for family in model.families:
        peaks.setdefault(family.element, []).append(family.family)
    configuration["peaks"] = peaks

    def fit(weight: int):
        return FastXRFLinearFit().fitMultipleSpectra(
            y=counts[:, None].astype(float),
            weight=weight,
            configuration=configuration,
            concentrations=0,
            refit=0,
        )

    kinds = {0: "equal weights", 1: "weights of the sum"}
    return [
        (f"PyMca, {kind}", f"{min(timed(lambda: fit(w))[0] for _ in range(3)):.2f}")  # noqa: B023
        for w, kind in kinds.items()
    ]


def timed(function):
    start = time.perf_counter()
    value = function()
    return time.perf_counter() - start, value


def seconds(image, chips, recipe) -> tuple[dict[str, float], float]:
    """Time of each station and of all together, the fastest of three runs."""
    model = build_model(image.energy, image.acquisition, recipe)
    runs = []
    for _ in range(3):
        summing, spectra = timed(lambda: image.label_spectra(chips.labels))
        counts = spectra.spectra[:, model.channels]
        total = counts.sum(axis=0)
        preparing, ready = timed(lambda: prepare(model, total, recipe, recipe.k_factors))  # noqa: B023
        fit, _ = timed(lambda: fitting.fit(ready.model, counts))  # noqa: B023
        whole, _ = timed(lambda: eds.quantify(image, chips, recipe))
        runs.append((summing, preparing, fit, whole))
    best = np.min(runs, axis=0)
    names = ("spectra of all chips", "axis, line ratios, background", "fit with covariance")
    return dict(zip(names, best[:3], strict=True)), float(best[3])
