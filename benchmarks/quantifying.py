"""Times 1,156 chips of a simulated 512 x 512 x 4096 map beside HyperSpy; checks them by truth.

``python benchmarks/quantifying.py [DATA_FOLDER] [--write FILE]``
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import napari_eds as eds
from napari_eds._support import hyperspy
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import build_model
from napari_eds.fitting.preparation import prepare
from napari_eds.quantification.table import at_pct, error_of, error_total_of

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAP = "simulated/LFO_STO_512.emd"
TRUTH = "simulated/LFO_STO_512_truth.npz"
K_FACTORS = "simulated/kfactors_family_sum_windowless.csv"
CHIP = 15
ELEMENTS = ("La", "Fe", "O", "Sr", "Ti", "Pt")
FIT_ONLY = ("C", "Cu", "Ga")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--write", type=Path, help="save the report as markdown")
    options = parser.parse_args()
    hyperspy.exspy()  # imports are not counted

    image, opening = timed(eds.load, options.data / MAP)
    recipe = eds.Recipe(
        elements=ELEMENTS,
        fit_only=FIT_ONLY,
        k_factors=eds.read_k_factors(options.data / K_FACTORS),
    )
    chips = eds.grid_chips(image.shape, CHIP)
    stages = {"opening": opening, **ours(image, chips, recipe)}
    result, whole = timed(eds.quantify, image, chips, recipe)
    peer_areas, peer = hyperspy_script(options.data / MAP, recipe, image)
    plain = recipe.model_copy(update={"engine": "linear", "calibrate": False})
    same = eds.quantify(image, chips, plain).fit.alpha_areas
    difference = np.abs(same - peer_areas).max() / np.abs(peer_areas).max()
    assert difference < 1e-6, f"alpha areas differ from HyperSpy's by {difference:g}"
    intro = (
        f"{len(chips):,} chips of {CHIP} x {CHIP} pixels of the simulated map `{Path(MAP).name}` "
        f"({image.shape[0]} x {image.shape[1]} x {image.n_channels}, {image.total_counts:,} "
        "counts), made by `benchmarks/quantifying.py`. Imports are not counted. HyperSpy ran in "
        "the same process on the same chips, with eXSpy's model and its linear least squares; "
        'with that engine (`engine="linear"`) our alpha areas differ from its own by at most '
        f"{difference:.0e} of the largest."
    )
    truth = np.load(options.data / TRUTH, allow_pickle=False)
    corrected = eds.quantify(
        image,
        chips,
        recipe.model_copy(update={"absorption": eds.Absorption()}),
        thickness_nm=truth["thickness_nm"],
    )
    meaning = (
        "At. % over the chips whose every pixel is of one pure phase: their mean and standard "
        "deviation, the mean error from counting, by which they differ from each other, and the "
        "mean total error, by which they may differ from the truth."
    )
    parts = ["# Quantifying", intro, times(stages, whole, peer), "## Beside the truth", meaning]
    uncorrected = (
        "Without a correction of absorption in the specimen, 30 to 80 nm, which costs O most and "
        "is in the total error:"
    )
    parts += [uncorrected, compare(result, truth), "With its map of thickness:"]
    report = "\n\n".join([*parts, compare(corrected, truth)])
    print(report)
    if options.write:
        options.write.write_text(report + "\n", encoding="utf-8")


def timed(function, *arguments):
    start = time.perf_counter()
    value = function(*arguments)
    return value, time.perf_counter() - start


def ours(image, chips, recipe) -> dict[str, float]:
    """Time the stations of the way one by one, in seconds."""
    spectra, summing = timed(image.label_spectra, chips.labels)
    model, designing = timed(build_model, image.energy, image.acquisition, recipe)
    counts = spectra.spectra[:, model.channels]
    prepared, preparing = timed(prepare, model, counts.sum(axis=0), recipe, recipe.k_factors)
    _, fit = timed(fitting.fit, prepared.model, counts)
    result = eds.quantify(image, chips, recipe)
    with tempfile.TemporaryDirectory() as folder:
        _, table = timed(result.to_csv, Path(folder) / "out.csv")
        _, saving = timed(lambda: result.to_csv(Path(folder) / "spectra.csv", spectra=True))
    return {
        "spectra of all chips": summing,
        "design": designing,
        "calibration and line ratios": preparing,
        "fit with covariance": fit,
        "table as CSV": table,
        "table and spectra as CSV": saving,
    }


def hyperspy_script(path: Path, recipe, image) -> tuple[np.ndarray, dict[str, float]]:
    """Do the same with HyperSpy alone, as its users do; return alpha areas and seconds."""
    import hyperspy.api as hs

    with hyperspy.quiet():
        loaded, opening = timed(hs.load, path)
        signal = loaded[-1]
        rows, columns = (extent // CHIP * CHIP for extent in image.shape)
        chips, summing = timed(
            lambda: signal.inav[:columns, :rows].rebin(
                scale=(CHIP, CHIP, 1), dtype=np.dtype("int64")
            )
        )
        model = build_model(image.energy, image.acquisition, recipe)
        start = time.perf_counter()
        chips = chips.isig[model.channels.start : model.channels.stop]
        chips.set_microscope_parameters(energy_resolution_MnKa=model.resolution_MnKa_eV)
        fitted = chips.create_model(auto_background=False, auto_add_lines=False)
        fitted.add_family_lines([str(family.alpha) for family in model.families])
        fitted.add_polynomial_background(order=model.background_order)
        fitted.multifit(optimizer="lstsq", show_progressbar=False)
        fit = time.perf_counter() - start
    areas = [fitted[str(f.alpha)].A.map["values"].ravel() for f in model.families]
    seconds = {
        "opening": opening,
        "spectra of all chips": summing,
        "model and fit (HyperSpy)": fit,
    }
    return np.stack(areas, axis=1), seconds


def times(stages: dict[str, float], whole: float, peer: dict[str, float]) -> str:
    lines = ["| | napari-eds, s | HyperSpy, s |", "|---|---|---|"]
    for name, seconds in stages.items():
        theirs = f"{peer[name]:.2f}" if name in peer else ""
        lines.append(f"| {name} | {seconds:.2f} | {theirs} |")
    lines.append(f"| **`quantify`, in all** | **{whole:.2f}** | |")
    return "\n".join(lines)


def compare(result, truth) -> str:
    """Return a table of truth and result per phase and element."""
    rows = []
    for number, name in enumerate(truth["phase_names"]):
        inside = (truth["label"] == number) & truth["pure"]
        chips = np.setdiff1d(result.labels[inside], [0, *np.unique(result.labels[~inside])])
        table = result.table.loc[result.table.index.isin(chips)]
        if number == 0 or table.empty:
            continue
        for element in result.elements:
            at = table[at_pct(element)]
            counting = table[error_of(at_pct(element))].mean()
            total = table[error_total_of(at_pct(element))].mean()
            known = truth[f"at_{element}"][inside].mean()
            if known < 1:
                continue
            row = (name, len(table), element, known, at.mean(), at.std(), counting, total)
            rows.append(row)
    head = ["phase", "chips", "element", "truth", "mean", "sd", "counting error", "total error"]
    return markdown(pd.DataFrame(rows, columns=head))


def markdown(frame: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * frame.shape[1]]
    for row in frame.itertuples(index=False):
        cells = [f"{c:.2f}" if isinstance(c, float) else str(c) for c in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
