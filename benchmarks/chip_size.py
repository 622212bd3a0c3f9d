"""Sets the errors predicted for chips of several sizes beside the scatter of such chips.

``python benchmarks/chip_size.py [DATA_FOLDER] [--write FILE] [--figure FILE]``
"""

from __future__ import annotations

import argparse
import re
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import napari_eds as eds
from napari_eds.quantification.advice import WANTED_ERROR_AT_PCT, ChipSizeAdvice, chip_size_advice
from napari_eds.quantification.table import at_pct, error_of

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAP = "simulated/LFO_STO_512.emd"
TRUTH = "simulated/LFO_STO_512_truth.npz"
K_FACTORS = "simulated/kfactors_family_sum_windowless.csv"
HEADING = "## How large must a chip be?"

ELEMENTS = ("La", "Fe", "O", "Sr", "Ti", "Pt")
FIT_ONLY = ("C", "Cu", "Ga")
#: Here the foil is 45 to 67 nm thick, so that chips differ little in counts.
COLUMNS = slice(128, 384)
SIZES = (2, 3, 4, 6, 8, 10, 12, 15, 20, 24)
PHASES = {"SrTiO3": ("Sr", "Ti", "O"), "LaFeO3": ("La", "Fe", "O")}
#: Chips above which the scatter is known well enough to say that a prediction is wrong.
ENOUGH_CHIPS = 100
#: How far a prediction may be off, beyond three standard deviations of the scatter.
AGREEMENT = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--write", type=Path, help="page of which this becomes a section")
    parser.add_argument("--figure", type=Path, help="save the figure")
    options = parser.parse_args()

    image = eds.load(options.data / MAP).crop(slice(None), COLUMNS)
    recipe = eds.Recipe(
        elements=ELEMENTS,
        fit_only=FIT_ONLY,
        k_factors=eds.read_k_factors(options.data / K_FACTORS),
    )
    truth = np.load(options.data / TRUTH, allow_pickle=False)
    names = truth["phase_names"].tolist()
    pure = np.where(truth["pure"], truth["label"], 0)[:, COLUMNS]
    inside = {phase: pure == names.index(phase) for phase in PHASES}
    advice = {
        phase: chip_size_advice(image, recipe, SIZES, labels=region.astype(int))
        for phase, region in inside.items()
    }
    found = pd.concat([compare(image, recipe, size, inside, advice) for size in SIZES])
    check(found)
    section = f"{HEADING}\n\n{text(image, advice, found)}\n"
    print(section)
    if options.figure:
        figure(advice, found).savefig(options.figure, dpi=110)
    if options.write:
        put_section(options.write, section)


def compare(image, recipe, size, inside, advice) -> pd.DataFrame:
    """Return predicted error and scatter of chips of a size, a row per phase and element."""
    chips = eds.grid_chips(image.shape, size)
    table = eds.quantify(image, chips, recipe).table
    rows = []
    for phase, elements in PHASES.items():
        kept = table.drop(np.unique(chips.labels[~inside[phase]]), errors="ignore")
        assert len(kept) == advice[phase].frame.loc[size, "n_chips"]
        for element in elements:
            scatter, chance = scatter_of(kept, element)
            predicted = advice[phase].frame.loc[size, error_of(at_pct(element))]
            stated = np.sqrt((kept[error_of(at_pct(element))] ** 2).mean())
            errors = (predicted, stated, scatter, scatter * chance, predicted / scatter)
            rows.append((size, phase, element, len(kept), kept["counts"].mean(), *errors))
    head = ["size", "phase", "element", "chips", "counts", "predicted", "stated", "scatter"]
    return pd.DataFrame(rows, columns=[*head, "chance", "ratio"])


def scatter_of(table: pd.DataFrame, element: str) -> tuple[float, float]:
    """Return the standard deviation around a quadratic trend, and its own relative error.

    The thickness changes smoothly, and with it what absorption takes.
    """
    known = table[at_pct(element)].notna()
    percent = table.loc[known, at_pct(element)].to_numpy()
    row, column = (table.loc[known, name] / table[name].max() for name in ("row", "column"))
    trend = np.stack([row**0, row, column, row**2, row * column, column**2], axis=1)
    residual = percent - trend @ np.linalg.lstsq(trend, percent, rcond=None)[0]
    degrees = len(percent) - trend.shape[1]
    return float(np.sqrt((residual**2).sum() / degrees)), float(1 / np.sqrt(2 * degrees))


def check(found: pd.DataFrame) -> None:
    """Stop where a prediction is wrong and the statistics are good enough to say so."""
    sure = found[found["chips"] >= ENOUGH_CHIPS]
    off = (sure["ratio"] - 1).abs()
    wrong = sure[off > AGREEMENT + 3 * sure["chance"] / sure["scatter"]]
    assert wrong.empty, f"predicted errors are wrong:\n{wrong.to_string()}"


def text(image, advice: dict[str, ChipSizeAdvice], found: pd.DataFrame) -> str:
    """Return the section below its heading."""
    sure = found[found["chips"] >= ENOUGH_CHIPS]
    off = 100 * (sure["ratio"] - 1)
    recommended = ", ".join(
        f"{a.recommended_px} px for {phase} (worst error "
        f"{a.frame.loc[a.recommended_px, 'worst_error']:.2f} at.%)"
        for phase, a in advice.items()
    )
    intro = (
        "`chip_size_advice` quantifies the whole map, or each of some regions, and scales the "
        "statistical error to the counts of a chip: it goes with one over the side. It recommends "
        "the smallest size at which the worst error of the elements above 5 at.% is at most "
        f"{WANTED_ERROR_AT_PCT:g} at.%, or what else is asked for. This is the error from "
        "counting, the only one that falls with the size; k-factors, shapes and absorption add "
        "theirs, the same to every chip. `worst_error_total` and `Sr_at_pct_error_total` say how "
        "much that makes in all."
    )
    done = (
        f"Below, this is set beside the scatter of chips of pure {' and '.join(PHASES)} in the "
        f"simulated map `{Path(MAP).name}` ({image.total_counts / image.n_pixels:.0f} counts per "
        "pixel), around a quadratic trend, as thickness and absorption change across the map. "
        "Made by `benchmarks/chip_size.py`."
    )
    outcome = (
        f"Where there are {ENOUGH_CHIPS} chips or more, predicted error and scatter differ by "
        f"{off.mean():+.0f} % in the mean and by {off.min():+.0f} to {off.max():+.0f} % at most; "
        f"chance alone makes up to {100 * (sure['chance'] / sure['scatter']).max():.0f} % "
        f"(standard deviation). Recommended: {recommended}."
    )
    parts = [textwrap.fill(part, 99) for part in (intro, done, outcome)]
    picture = "![Predicted errors and scatter by chip size](images/chip_size.png)"
    return "\n\n".join([*parts, picture, markdown(found)])


def markdown(found: pd.DataFrame) -> str:
    head = ["chip, px", "phase", "chips", "counts", "element", "predicted, at.%"]
    head += ["mean stated", "scatter", "predicted / scatter"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for r in found.itertuples():
        cells = [r.size, r.phase, r.chips, f"{r.counts:,.0f}", r.element, f"{r.predicted:.2f}"]
        cells += [f"{r.stated:.2f}", f"{r.scatter:.2f} ± {r.chance:.2f}", f"{r.ratio:.2f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def figure(advice: dict[str, ChipSizeAdvice], found: pd.DataFrame) -> Figure:
    picture = Figure(figsize=(9, 4), layout="constrained")
    for axes, (phase, elements) in zip(
        picture.subplots(1, 2, sharey=True), PHASES.items(), strict=True
    ):
        for color, element in zip(("C0", "C1", "C3"), elements, strict=True):
            predicted = advice[phase].frame[error_of(at_pct(element))]
            axes.loglog(predicted.index, predicted, color=color, label=f"{element}, predicted")
            seen = found[(found["phase"] == phase) & (found["element"] == element)]
            axes.errorbar(
                seen["size"],
                seen["scatter"],
                seen["chance"],
                fmt="o",
                ms=4,
                color=color,
                label=f"{element}, scatter of chips",
            )
        axes.axhline(WANTED_ERROR_AT_PCT, color="0.5", lw=1, ls="--")
        axes.set(title=phase, xlabel="side of a chip (px)")
        axes.set_xticks(SIZES, map(str, SIZES))
        axes.minorticks_off()
        axes.legend(fontsize=8)
    picture.axes[0].set_ylabel("error (at.%)")
    picture.axes[0].set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    return picture


def put_section(page: Path, section: str) -> None:
    """Replace the section of a page up to the next heading, or add it at the end."""
    before = page.read_text(encoding="utf-8") if page.exists() else "# Chips\n"
    pattern = re.compile(re.escape(HEADING) + r"\n.*?(?=\n## |\Z)", re.DOTALL)
    if pattern.search(before):
        after = pattern.sub(lambda _: section, before)
    else:
        after = f"{before.rstrip()}\n\n{section}"
    page.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
