"""Frames: time and memory of reading them apart, drift found, compositions over them.

``python -m benchmarks.frames [DATA_FOLDER]`` prints the tables of ``docs/frames.md``, and with
``--pictures docs/images`` only draws its figures of measured maps. Times are of
the processor, which other work on the machine does not change.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

import napari_eds as eds
from napari_eds.quantification.table import at_pct, error_of
from napari_eds.simulate.frames import FrameSimulation, film_frames

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FILES = (
    "simulated/LFO_STO_512.emd",
    "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd",
    "real/velox/fei_SI_EDS-HAADF-4detectors_2frames.emd",
    "real/jeol/64.pts",
)
#: Read twice, so that the second time is without imports, in a process of its own.
_READ = """
import re, sys, time, warnings
import napari_eds as eds
warnings.simplefilter("ignore")
read = getattr(eds, sys.argv[1])
read(sys.argv[2])
start = time.process_time()
read(sys.argv[2])
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())
print(time.process_time() - start, int(peak[1]) / 1024)
"""
SEEDS = range(8)
#: More, for a scatter that is known to 2 %.
SCATTER_SEEDS = range(100, 148)


class Measured(NamedTuple):
    """A measured map, followed as a whole."""

    name: str
    file: str
    elements: tuple[str, ...]
    fit_only: tuple[str, ...]
    every: int


#: By the lines that are seen.
MEASURED = (
    Measured("alloy", FILES[1], ("Ni", "Cr", "Fe", "Nb", "Ti"), ("Al", "Si", "O", "C", "Cu"), 1),
    Measured("carbon", FILES[3], ("C", "O", "Al", "Si"), ("Au", "Cu", "Cr", "Fe", "Co"), 5),
)
LAYERS = {2: ("La", "Fe", "O"), 3: ("Sr", "Ti", "O")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=DEFAULT_DATA)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw the figures only")
    options = parser.parse_args()
    data = options.data
    warnings.simplefilter("ignore")
    if options.pictures is not None:
        for one in MEASURED:
            draw(one, data, options.pictures)
        return
    print("| file | frames | sum, s | frames, s | ratio | sum, MB | frames, MB |")
    print("|---|---|---|---|---|---|---|")
    for name in FILES:
        n = eds.read_frames(data / name).n_frames
        (a, low), (b, high) = (measured(f, data / name) for f in ("load", "read_frames"))
        cells = (Path(name).name, n, f"{a:.2f}", f"{b:.2f}", f"{b / a:.2f}", f"{low:.0f}")
        print("|", " | ".join(map(str, cells)), f"| {high:.0f} |")
    print("\n| counts a pixel and frame | by counts, rms px | by HAADF, rms px |\n|---|---|---|")
    for counts in (5, 10, 20, 50):
        found = [film_frames((96, 96), 8, counts, drift_px=1.0, seed=s) for s in SEEDS]
        rms = [off(found, source) for source in ("counts", "HAADF")]
        print(f"| {counts} | {rms[0]:.2f} | {rms[1]:.2f} |")
    print(f"\nz of frames around their mean: {scatter():.3f}")
    for share in (0.01, 0.02, 0.04):
        print(loss(share))


def measured(function: str, path: Path) -> tuple[float, float]:
    """Return seconds of the processor and the peak in MB of reading a file the second time."""
    command = [sys.executable, "-c", _READ, function, str(path)]
    seconds, peak = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()
    return float(seconds), float(peak)


def off(films: list[FrameSimulation], source: str) -> float:
    """Return by how many pixels drift is found wrong."""
    errors = [eds.find_drift(f.series, source).shifts_px - f.drift_px for f in films]
    return float(np.sqrt(np.mean(np.square(errors))))


def regions(shape: tuple[int, int]) -> np.ndarray:
    labels = np.zeros(shape, int)
    labels[int(0.40 * shape[0]) : int(0.47 * shape[0]), 4 : shape[1] // 2] = 2
    # Where the foil is as thick as the recipe says.
    inside = slice(int(0.3 * shape[1]), int(0.6 * shape[1]))
    labels[int(0.65 * shape[0]) : int(0.90 * shape[0]), inside] = 3
    return labels


def followed(film: FrameSimulation) -> eds.FrameResult:
    k = {f"{element}_{family}": value for (element, family), value in film.k_factors.items()}
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"),
        fit_only=("Cu", "C", "Pt"),
        k_factors=eds.KFactorTable.from_mapping(k, "family"),
        absorption=eds.Absorption(thickness_nm=55),
    )
    return eds.quantify_frames(film.series, regions(film.labels.shape), recipe)


def scatter() -> float:
    """Return the scatter of frames over their counting errors; 1 where these are right."""
    z = []
    for seed in SCATTER_SEEDS:
        table = followed(film_frames((80, 64), 8, 40, seed=seed)).table
        for label, elements in LAYERS.items():
            own = table[table["label"] == label]
            for e in elements:
                value, error = own[at_pct(e)], own[error_of(at_pct(e))]
                z.append((value - value.mean()) / error * np.sqrt(8 / 7))
    return float(np.sqrt(np.mean(np.square(z))))


def loss(share: float) -> str:
    """Say when a loss of O is found, and when it exceeds twice its error."""
    onsets, expected, zero = [], [], []
    for seed in SEEDS:
        film = film_frames((80, 64), 12, 40, seed=seed, lost={"O": share})
        found = followed(film)
        row = found.changes().set_index(["label", "element"]).loc[3, "O"]
        own = found.table[found.table["label"] == 3]
        error = own[error_of(at_pct("O"))].to_numpy()
        true = film.true_at_pct(3, "O")
        above = np.flatnonzero(true[0] - true > 2 * np.hypot(error, error[0]))
        expected.append(above[0] + 0.5 if above.size else np.nan)
        onsets.append(row["onset"])
        zero.append((row["at_zero"] - 60, row["at_zero_error"], row["changes"]))
    off_zero, zero_error, changes = np.array(zero, float).T
    return (
        f"O losing {100 * share:g} % a frame: found in {int(changes.sum())} of {len(zero)} maps, "
        f"from frame {np.nanmedian(onsets):.1f} on (effect above twice its error from "
        f"{np.nanmedian(expected):.1f} on); at zero dose {off_zero.mean():+.2f} at.% off, "
        f"errors {zero_error.mean():.2f}"
    )


def draw(one: Measured, data: Path, folder: Path) -> None:
    """Draw the composition of a measured map over its frames, and print what changes."""
    series = eds.read_frames(data / one.file)
    aligned = series.shifted(eds.find_drift(series).whole_px)
    recipe = eds.Recipe(elements=one.elements, fit_only=one.fit_only)
    whole = np.ones(aligned.shape, int)
    found = eds.quantify_frames(aligned, whole, recipe, every=one.every)
    found.save_figure(folder / f"frames_{one.name}.png", overwrite=True)
    print(found.changes()[["element", "mean", "p_value", "slope", "slope_error", "at_zero"]])


if __name__ == "__main__":
    main()
