"""Times and memory of maps from 256 x 256 to 4096 x 4096 pixels, beside other programs.

``python benchmarks/growing.py [--sizes 256 512] [--folder DIR] [--pymca PYTHON] [--write JSON]``

Maps are tiled simulated ones of 4096 channels, written once into the folder. Each task has a
process of its own, whose imports are not counted. Processor time is that of all its threads,
memory the largest it ever held. A task that needs more than `LIMIT_GB` or `LIMIT_S` of processor
time is stopped, and larger maps are not tried then. What comes out is checked: the same number of
counts from all that open, like areas of a line from all that fit. PyMca wants its own interpreter,
for it has no place among the dependencies.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

COUNTS_PER_PIXEL, TILE, CHANNELS, CHIP = 60, 256, 4096, 15
SIZES = (256, 512, 1024, 2048, 4096)
ELEMENTS, FIT_ONLY = ("La", "Fe", "O", "Sr", "Ti", "Pt"), ("C", "Cu")
LIMIT_GB, LIMIT_S = 12, 400
CHECKED = "Sr_K"


def make(path: Path, size: int) -> None:
    from dataclasses import replace

    from napari_eds.simulate.conditions import DEFAULT_ENERGY
    from napari_eds.simulate.files import save_simulation
    from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

    simulation = lanthanum_ferrite_on_strontium_titanate(
        (TILE, TILE), COUNTS_PER_PIXEL, energy=replace(DEFAULT_ENERGY, size=CHANNELS)
    )
    # From two tiles on the stream is not packed, as in files of Velox.
    save_simulation(simulation, path, tiles=(size // TILE,) * 2)


def open_ours(path: Path):
    import napari_eds as eds
    from napari_eds.readers.velox import maps  # noqa: F401 - for what it imports

    return lambda: float(eds.load(path).total_counts)


def quantify_ours(path: Path):
    import napari_eds as eds
    import napari_eds.quantification.run

    image = eds.load(path)
    chips = eds.grid_chips(image.shape, CHIP)
    recipe = eds.Recipe(elements=ELEMENTS, fit_only=FIT_ONLY)
    kept = {}

    def run() -> float:
        result = kept["result"] = eds.quantify(image, chips, recipe)
        return float(result.table[f"{CHECKED}_intensity"].mean())

    def after() -> None:
        import numpy as np

        result = kept["result"]
        np.savez(
            path.with_suffix(".npz"),
            counts=result.fit.counts,
            families=[str(f) for f in result.fit.model.families],
            axis=[result.fit.model.energy.offset_keV, result.fit.model.energy.scale_keV],
        )

    run.after = after  # type: ignore[attr-defined]  # functions have attributes, too
    return run


def inverse_ours(path: Path):
    """Do what PyMca's fast fit does: one pseudo-inverse for all spectra."""
    import numpy as np

    import napari_eds as eds
    from napari_eds.fitting.model import build_model
    from napari_eds.fitting.poisson import shared_inverse
    from napari_eds.fitting.preparation import prepare

    with np.load(path.with_suffix(".npz")) as held:
        counts = held["counts"]
    image = eds.load(path.with_name("256.emd"))
    recipe = eds.Recipe(elements=ELEMENTS, fit_only=FIT_ONLY)
    prepared = prepare(
        build_model(image.energy, image.acquisition, recipe), counts.sum(axis=0), recipe
    )
    model = prepared.model
    (at,) = [i for i, f in enumerate(model.families) if str(f) == CHECKED]

    def run() -> float:
        inverse = shared_inverse(model, prepared.sum_fit.expected)
        found = np.concatenate([counts[i : i + 256] @ inverse for i in range(0, len(counts), 256)])
        return float(found[:, at].mean() * model.weight_sums[at])

    return run


def open_hyperspy(path: Path):
    import hyperspy.api as hs

    return lambda: float(hs.load(path)[-1].data.sum(dtype="int64"))


def open_rosettasciio(path: Path):
    from rsciio.emd import file_reader

    return lambda: float(
        max(file_reader(path), key=lambda e: e["data"].ndim)["data"].sum(dtype="int64")
    )


def lstsq_hyperspy(path: Path, optimizer: str = "lstsq", most: int | None = None):
    import numpy as np

    import napari_eds as eds
    from napari_eds._support import hyperspy
    from napari_eds.fitting.model import build_model

    with np.load(path.with_suffix(".npz")) as held:
        counts = held["counts"].astype(float)
    if most is not None:
        counts = counts[len(counts) // (2 * most) :: len(counts) // most][:most]
    image = eds.load(path.with_name("256.emd"))
    recipe = eds.Recipe(elements=ELEMENTS, fit_only=FIT_ONLY, engine="linear")
    model = build_model(image.energy, image.acquisition, recipe)
    hyperspy.exspy()

    def run() -> float:
        with hyperspy.quiet():
            fitted = model.exspy_model(counts)
            options = {"bounded": True} if optimizer == "trf" else {}
            fitted.multifit(optimizer=optimizer, show_progressbar=False, **options)
        (at,) = [i for i, f in enumerate(model.families) if str(f) == CHECKED]
        alpha = fitted[str(model.families[at].alpha)].A.map["values"]
        return float(np.mean(alpha) * model.weight_sums[at])

    return run


def multifit_hyperspy(path: Path):
    return lstsq_hyperspy(path, "trf", most=8)


def fast_pymca(path: Path):
    import numpy as np
    from PyMca5.PyMcaPhysics.xrf.ClassMcaTheory import ClassMcaTheory
    from PyMca5.PyMcaPhysics.xrf.FastXRFLinearFit import FastXRFLinearFit

    with np.load(path.with_suffix(".npz")) as held:
        counts, families = held["counts"].astype(float), held["families"].tolist()
        offset, scale = held["axis"]
    config = ClassMcaTheory().getConfiguration()
    peaks: dict[str, list[str]] = {}
    for family in families:
        element, _, shell = family.partition("_")
        peaks.setdefault(element, []).append(shell)
    config["peaks"] = peaks
    # A polynomial beneath, Gaussians of the detector's resolution, weights from the counts.
    config["fit"] |= {"continuum": 4, "linpolorder": 6, "hypermetflag": 1, "fitweight": 1}
    config["fit"] |= {"linearfitflag": 1, "use_limit": 1, "xmin": 0, "xmax": counts.shape[1] - 1}
    config["fit"] |= {"energy": None, "escapeflag": 0, "stripflag": 0, "fitfunction": 0}
    config["detector"] |= {"zero": offset, "gain": scale, "noise": 0.05, "fano": 0.114}
    at = families.index(CHECKED)

    def run() -> float:
        found = FastXRFLinearFit().fitMultipleSpectra(
            y=counts[None], configuration=config, weight=1, refit=0, concentrations=False
        )
        names = [str(n).replace(" ", "_") for n in found.labels("parameters")]
        name = next(n for n in names if n.startswith(families[at]))
        return float(np.mean(found["parameters"][names.index(name)]))

    return run


TASKS = {
    "open, napari-eds": open_ours,
    "open, HyperSpy hs.load": open_hyperspy,
    "open, RosettaSciIO": open_rosettasciio,
    "chips, napari-eds quantify": quantify_ours,
    "chips, napari-eds one inverse": inverse_ours,
    "chips, HyperSpy multifit lstsq": lstsq_hyperspy,
    "8 chips, HyperSpy multifit trf": multifit_hyperspy,
    "chips, PyMca FastXRFLinearFit": fast_pymca,
}


def one(task: str, path: Path) -> None:
    """Do a task, and print what it took and found."""
    run = TASKS[task](path)
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S + 5))
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        found = run()
    except MemoryError:
        print(json.dumps({"stopped": f"more than {LIMIT_GB} GB"}))
        return
    taken = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "found": found,
    }
    print(json.dumps(taken))
    getattr(run, "after", lambda: None)()


def started(task: str, path: Path, python: str) -> dict:
    limit = f"ulimit -v {LIMIT_GB * 1_000_000}; exec "
    command = f"{python} {__file__} --task '{task}' --map {path}"
    ran = subprocess.run(
        ["bash", "-c", limit + command], capture_output=True, text=True, check=False
    )
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if lines:
        return json.loads(lines[-1])
    if ran.returncode in (-24, 152, -9, 137):
        return {"stopped": f"more than {LIMIT_S} s or {LIMIT_GB} GB"}
    told = ran.stderr.strip().splitlines()
    memory = any("MemoryError" in line or "Unable to allocate" in line for line in told)
    return {"stopped": f"more than {LIMIT_GB} GB" if memory else (told or ["failed"])[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/growing"))
    parser.add_argument("--pymca", default=sys.executable, help="interpreter that has PyMca")
    parser.add_argument("--write", type=Path, help="save what was measured as JSON")
    parser.add_argument("--task")
    parser.add_argument("--map", type=Path)
    options = parser.parse_args()
    if options.task:
        one(options.task, options.map)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    measured: list[dict] = []
    for size in options.sizes:
        path = options.folder / f"{size}.emd"
        if not path.exists():
            # In a process of its own: what this one ever held would count for all it starts.
            code = f"from growing import make, Path; make(Path({str(path)!r}), {size})"
            subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)
        for task in TASKS:
            if any(m["task"] == task and "stopped" in m for m in measured):
                continue
            python = options.pymca if "PyMca" in task else sys.executable
            found = {"task": task, "size": size, **started(task, path, python)}
            measured.append(found)
            print(json.dumps(found), flush=True)
            if options.write:
                options.write.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
