"""Makes the figures and the tables of ``docs/comparing.md``.

``python docs/make_comparison.py [DATA_FOLDER]``
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd

import napari_eds as eds
from napari_eds.compare import Comparison, KnownComparison, compare_known, compare_results

HERE = Path(__file__).parent
DEFAULT_DATA = HERE.resolve().parents[1] / "shared" / "data"
CHIP = 12
DENSITY = 5.12

#: Published mean at.% of chips of two films, as HyperSpy and Velox gave them.
PUBLISHED = {
    "HyperSpy, LaFeO3": ("LaFeO3", {"La": 8.40, "Fe": 19.33, "O": 49.72}),
    "HyperSpy, SrTiO3": ("SrTiO3", {"Sr": 21.15, "Ti": 24.12, "O": 45.60}),
    "Velox, LaFeO3": ("LaFeO3", {"La": 13.51, "Fe": 17.35, "O": 44.27}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    data = parser.parse_args().data
    tables = {"published": published(), **titanate(data), **simulated(data)}
    page = HERE / "comparing.md"
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        block = f"<!-- {name} -->\n{table}\n<!-- end -->"
        pattern = rf"<!-- {name} -->\n.*?<!-- end -->"
        text, found = re.subn(pattern, lambda _, b=block: b, text, flags=re.DOTALL)
        assert found == 1, f"no place for the table {name}"
    page.write_text(text, encoding="utf-8")


def published() -> str:
    rows = []
    for name, (formula, percent) in PUBLISHED.items():
        table = compare_known(percent, formula).table
        cells = [
            " / ".join(f"{v:.2f}" for v in table[column])
            for column in ("summed_at_pct", "normalised_at_pct", "percent_error")
        ]
        rows.append([f"{name} ({' / '.join(table.index)})", *cells])
    return markdown(["", "summed at.%", "normalised", "percent error"], rows)


def titanate(data: Path) -> dict[str, str]:
    image = eds.read(data / "real/velox/EDS-STO.emd")[0]
    k = eds.read_k_factors(data / "real/kfactors/k-factors-Spectra300UTK200keV.csv")
    recipe = eds.Recipe(elements=("O", "Ti", "Cu", "Sr"), k_factors=k)
    result = eds.quantify(image, np.ones((1, 1), int), recipe)
    comparison = compare_results(result, image)
    comparison.save_figure(HERE / "images/compare_velox.png", overwrite=True)
    row = comparison.table.iloc[0]
    rows = [
        [e, *(f"{row[f'{e}_{c}']:.2f}" for c in ("ours", "other", "difference_error", "z"))]
        for e in comparison.elements
    ]
    for cells in rows:
        cells.insert(3, f"{row[f'{cells[0]}_difference']:+.2f}")
    known = compare_known(result, "SrTiO3")
    known.save_figure(HERE / "images/compare_known.png", overwrite=True)
    return {
        "velox": markdown(["", "napari-eds", "Velox", "difference", "error of it", "z"], rows),
        "known": known_table(known),
    }


def simulated(data: Path) -> dict[str, str]:
    image = eds.load(data / "simulated/LFO_STO_512.emd")
    truth = np.load(data / "simulated/LFO_STO_512_truth.npz")
    chips = eds.grid_chips(image.shape, CHIP).labels
    # A mean over the pixels of a chip says nothing of one that is half heavy cap or vacuum.
    unfit = ~truth["specimen"] | (truth["at_Pt"] > 0.5)
    labels = np.where(np.isin(chips, chips[unfit]), 0, chips)
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"),
        fit_only=("C", "Cu", "Ga", "Pt"),
        k_factors=eds.read_k_factors(data / "simulated/kfactors_family_sum_windowless.csv"),
        absorption=eds.Absorption(thickness_nm=55, density_g_cm3=DENSITY),
    )
    thickness = truth["thickness_nm"] * truth["density_g_cm3"] / DENSITY
    ours, linear = (
        eds.quantify(image, labels, r, thickness_nm=thickness)
        for r in (recipe, recipe.model_copy(update={"engine": "linear"}))
    )
    with_truth = compare_results(
        ours, {e: truth[f"at_{e}"] for e in ours.elements}, names=("napari-eds", "truth")
    )
    with_truth.save_figure(HERE / "images/compare_truth.png", ["La", "Fe", "O"], overwrite=True)
    with_linear = compare_results(ours, linear)
    with_linear.save_figure(HERE / "images/compare_linear.png", ["La", "Fe", "O"], overwrite=True)
    film = np.setdiff1d(labels[truth["label"] == 2], labels[truth["label"] != 2])
    return {
        "truth": statistics_table(with_truth),
        "linear": statistics_table(with_linear),
        "film": known_table(compare_known(ours, "LaFeO3", film.tolist())),
    }


def statistics_table(comparison: Comparison) -> str:
    columns = ["mean_difference", "sd_difference", "rms_difference", "max_difference"]
    rows = [
        [
            e,
            *(f"{s[c]:+.2f}" if c[0] == "m" else f"{s[c]:.2f}" for c in columns),
            f"{s['correlation']:.4f}",
            f"{s['rms_z']:.2f}",
            f"{s['n']:.0f}",
        ]
        for e, s in comparison.statistics.iterrows()
    ]
    return markdown(["", "mean", "sd", "rms", "largest", "correlation", "rms of z", "n"], rows)


def known_table(known: KnownComparison) -> str:
    rows = [
        [
            e,
            f"{row['expected_at_pct']:.2f}",
            f"{row['summed_at_pct']:.2f}",
            f"{row['normalised_at_pct']:.2f} ± {row['error_total']:.2f}",
            f"{row['percent_error']:+.2f} ± {row['percent_error_error_total']:.2f}",
            f"{row['percent_error_error']:.2f}",
            f"{row['z']:+.1f}",
        ]
        for e, row in known.table.iterrows()
    ]
    head = ["", "expected", "summed", "normalised", "percent error", "± counting alone", "z"]
    return markdown(head, rows)


def markdown(header: list[str], rows: list[list[str]]) -> str:
    table = pd.DataFrame(rows, columns=header)
    lines = [header, ["---"] * len(header), *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
