"""Classifies phases of the simulated maps by a few examples; counts how often it is right.

``python benchmarks/classifying.py [DATA_FOLDER] [--draws N] [--write FILE] [--picture FILE]``

The examples are drawn at random from the chips of one phase, again and again. Beside it, what the
nearest class mean of the spectra themselves gives (scikit-learn's ``NearestCentroid``).
"""

from __future__ import annotations

import argparse
import warnings
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestCentroid

import napari_eds as eds
from napari_eds.few_shot import chips as few_shot_grid
from napari_eds.few_shot import classification as classify_module

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
K_FACTORS = "simulated/kfactors_family_sum_windowless.csv"
MAPS = (
    ("LFO_STO_512", 15),
    ("LFO_STO_512", 10),
    ("LFO_STO_512", 6),
    ("LFO_STO_96", 6),
    ("LFO_STO_96", 4),
)
PEER = "scikit-learn, nearest mean of spectra over their sum"
ELEMENTS = ("La", "Fe", "O", "Sr", "Ti", "Pt")
FIT_ONLY = ("C", "Cu", "Ga")
METHODS = {
    "spectra and composition": ("spectra", "composition"),
    "spectra": ("spectra",),
    "composition": ("composition",),
    PEER: (),
}
SHOTS = (1, 3)


class Map(NamedTuple):
    """A quantified map, what is classified and what is true, chips in the order of export.

    `phase` is that of most pixels of a chip, `pure` whether all are of it, `present` says which
    phases are in it.
    """

    result: eds.Quantification
    chips: few_shot_grid.ChipOrder
    features: dict[str, tuple[np.ndarray, np.ndarray]]
    spectra: np.ndarray
    phase: np.ndarray
    pure: np.ndarray
    present: np.ndarray
    names: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--write", type=Path, help="save the tables as markdown")
    parser.add_argument("--picture", type=Path, help="draw the classes of the large map")
    options = parser.parse_args()
    maps = {map_: quantified(options.data, *map_) for map_ in MAPS}
    sections = [accuracy(maps, shots, options.draws) for shots in SHOTS]
    report = "\n\n".join([*sections, by_phase(maps[MAPS[1]], options.draws)])
    print(report)
    if options.write:
        options.write.write_text(report + "\n", encoding="utf-8")
    if options.picture:
        draw(maps[MAPS[1]], options.picture)


@cache
def loaded(path: Path) -> eds.SpectrumImage:
    return eds.load(path)


def quantified(data: Path, name: str, size: int) -> Map:
    image = loaded(data / f"simulated/{name}.emd")
    recipe = eds.Recipe(
        elements=ELEMENTS, fit_only=FIT_ONLY, k_factors=eds.read_k_factors(data / K_FACTORS)
    )
    result = eds.quantify(image, eds.grid_chips(image.shape, size), recipe)
    chips = few_shot_grid.order_chips(result.labels)
    rows = np.searchsorted(result.label_spectra.ids, chips.label_ids)
    counts = result.spectra[rows][:, result.fit.model.channels].astype(float)
    both = METHODS["spectra and composition"]
    features = dict(zip(both, classify_module._features(result, rows, counts, both), strict=True))
    # As in the example of Multimodal-Few-Shot.
    coarse = counts[:, : counts.shape[1] // 4 * 4].reshape(len(counts), -1, 4).sum(axis=2)
    truth = np.load(data / f"simulated/{name}_truth.npz", allow_pickle=False)
    names = truth["phase_names"].tolist()
    inside = [result.labels.ravel(), truth["label"].ravel()]
    pixels, *_ = np.histogram2d(
        *inside, bins=[np.arange(result.labels.max() + 2), np.arange(len(names) + 1)]
    )
    pixels = pixels[list(chips.label_ids)]
    return Map(
        result,
        chips,
        features,
        coarse / np.maximum(coarse.sum(axis=1, keepdims=True), 1),
        pixels.argmax(axis=1),
        pixels.max(axis=1) == pixels.sum(axis=1),
        pixels > 0,
        names,
    )


def draw_support(map_: Map, shots: int, rng: np.random.Generator) -> dict[str, list[int]]:
    """Draw examples of every phase that has more pure chips than examples, by their places."""
    support = {}
    for number, name in enumerate(map_.names):
        pure = np.flatnonzero(map_.pure & (map_.phase == number))
        if pure.size > shots:
            support[name] = rng.choice(pure, shots, replace=False).tolist()
    return support


def accuracy(maps: dict[tuple[str, int], Map], shots: int, draws: int) -> str:
    title = f"### {shots} example{'s' if shots > 1 else ''} of each phase, {draws} random draws"
    head = (
        "| map, chips | phases | | pure chips: mean | worst draw | mean over phases | "
        "stated probability | mixed chips: main phase | one of its phases |"
    )
    lines = [title, "", head, "|---" * 9 + "|"]
    for (name, size), map_ in maps.items():
        rng = np.random.default_rng(0)
        supports = [draw_support(map_, shots, rng) for _ in range(draws)]
        check(map_, supports[0])
        for method in METHODS:
            scores = np.array([score(map_, support, method) for support in supports])
            mean = scores.mean(axis=0)
            stated = "" if np.isnan(mean[2]) else f"{100 * mean[2]:.1f}"
            lines.append(
                f"| `{name}`, {size} px | {len(supports[0])} | {method} | {100 * mean[0]:.1f} | "
                f"{100 * scores[:, 0].min():.1f} | {100 * mean[1]:.1f} | {stated} | "
                f"{100 * mean[3]:.0f} | {100 * mean[4]:.0f} |"
            )
    return "\n".join(lines)


def by_name(map_: Map, support: dict[str, list[int]]) -> dict[str, list[str]]:
    return {name: [map_.chips.ids[row] for row in rows] for name, rows in support.items()}


def check(map_: Map, support: dict[str, list[int]]) -> None:
    """Check that features computed once give what `classify` gives."""
    table = classify_module.classify(map_.result, by_name(map_, support)).table
    predicted, stated = predict(map_, support, "spectra and composition")
    assert [map_.names[number] for number in predicted] == table["prediction"].tolist()
    np.testing.assert_allclose(table[list(support)].max(axis=1), stated)


def predict(map_: Map, support: dict[str, list[int]], method: str):
    """Return number of the predicted phase of each chip and the probability stated."""
    numbers = np.array([map_.names.index(name) for name in support])
    members = list(support.values())
    if method == PEER:
        shown = np.repeat(numbers, [len(rows) for rows in members])
        with warnings.catch_warnings():
            # Of scatter it finds none in single examples or empty channels; only means matter.
            warnings.simplefilter("ignore")
            model = NearestCentroid().fit(map_.spectra[np.concatenate(members)], shown)
        return model.predict(map_.spectra), np.full(len(map_.spectra), np.nan)
    densities = [
        classify_module._log_densities(map_.features[name], members)[0] for name in METHODS[method]
    ]
    probabilities = classify_module._softmax(np.mean(densities, axis=0))
    return numbers[probabilities.argmax(axis=1)], probabilities.max(axis=1)


def score(map_: Map, support: dict[str, list[int]], method: str):
    """Return shares right of pure chips (all, mean over phases), stated; of mixed chips."""
    predicted, stated = predict(map_, support, method)
    numbers = [map_.names.index(name) for name in support]
    asked = np.isin(map_.phase, numbers)
    asked[np.concatenate(list(support.values()))] = False
    right = predicted == map_.phase
    pure, mixed = asked & map_.pure, asked & ~map_.pure
    per_phase = [right[pure & (map_.phase == n)].mean() for n in numbers]
    among = map_.present[mixed, predicted[mixed]].mean()
    return right[pure].mean(), np.mean(per_phase), stated[pure].mean(), right[mixed].mean(), among


def by_phase(map_: Map, draws: int) -> str:
    """Return for each phase what its pure chips are taken for, 3 examples each."""
    rng = np.random.default_rng(0)
    table = np.zeros((len(map_.names), len(map_.names)))
    for _ in range(draws):
        support = draw_support(map_, 3, rng)
        predicted, _ = predict(map_, support, "spectra and composition")
        pure = map_.pure.copy()
        pure[np.concatenate(list(support.values()))] = False
        np.add.at(table, (map_.phase[pure], predicted[pure]), 1)
    shares = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    rows = [
        f"| {name} | {' | '.join(f'{share:.2f}' if share else '' for share in row)} |"
        for name, row in zip(map_.names, shares, strict=True)
    ]
    start = perf_counter()
    classify_module.classify(map_.result, by_name(map_, support))
    seconds = perf_counter() - start
    return "\n".join(
        [
            f"### What pure chips are taken for (%), `{MAPS[1][0]}`, {MAPS[1][1]} px, 3 examples",
            "",
            f"| pure chips of | {' | '.join(map_.names)} |",
            "|---" * (len(map_.names) + 1) + "|",
            *rows,
            "",
            f"One classification of {len(map_.phase):,} chips takes {seconds:.2f} s.",
        ]
    )


def draw(map_: Map, path: Path) -> None:
    """Draw the truth, the classes found and their probability side by side."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    support = draw_support(map_, 3, np.random.default_rng(0))
    result, chips = map_.result, map_.chips
    found = classify_module.classify(result, by_name(map_, support))
    n = len(found.classes)
    by_label = np.zeros(result.labels.max() + 1)
    by_label[list(chips.label_ids)] = 1 + map_.phase
    probability = np.full(result.labels.max() + 1, np.nan)
    probability[list(chips.label_ids)] = found.table[list(found.classes)].max(axis=1)
    colours = ListedColormap(["white", *(f"C{i}" for i in range(n))])
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3, sharex=True, sharey=True)
    left.imshow(by_label[result.labels], cmap=colours, vmin=-0.5, vmax=n + 0.5)
    drawn = middle.imshow(found.class_map(), cmap=colours, vmin=-0.5, vmax=n + 0.5)
    bar = figure.colorbar(drawn, ax=middle, ticks=range(1, n + 1))
    bar.ax.set_yticklabels(found.classes)
    bar.ax.set_ylim(0.5, n + 0.5)
    shown = right.imshow(probability[result.labels], cmap="viridis", vmin=0.5, vmax=1)
    figure.colorbar(shown, ax=right)
    for rows in support.values():
        place = chips.table.iloc[rows]
        middle.plot(place["column"], place["row"], "k.", markersize=3)
    left.set_title("truth: main phase of each chip")
    middle.set_title("found from three chips each (dots)")
    right.set_title("probability")
    for axes in (left, middle, right):
        axes.set_axis_off()
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
