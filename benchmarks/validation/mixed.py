"""Measured spectra of BaF2 and of Ti, added up: how much of each is found again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import napari_eds as eds
from napari_eds.quantification.table import error_of, intensity

from .measured import (
    BARIUM_FLUORIDE,
    CARBON_OXYGEN,
    TITANIUM_15_kV,
    fitted,
    of_sample,
    opened,
)
from .report import Check, Run, Section, joined, table

#: Counts of BaF2 to counts of Ti.
SHARES = {"1:1": 0.5, "3:1": 0.75, "1:3": 0.25}
#: Draws by counts of the sum.
DRAWS = {5_000: 6, 50_000: 3, 500_000: 1}
FAMILIES = {"Ba_L": BARIUM_FLUORIDE, "Ti_K": TITANIUM_15_kV}
LIMIT_percent = 5.0


@dataclass(frozen=True)
class Recovery:
    """Mean of found over added counts, and its standard deviation from counting."""

    mean: float
    sigma: float

    @property
    def beyond_counting_percent(self) -> float:
        """How far the mean is from 1, two standard deviations taken off."""
        return 100 * max(abs(self.mean - 1) - 2 * self.sigma, 0)

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.sigma:.3f}"


def mixed(run: Run) -> Section:
    section = Section("Measured spectra, added up")
    draws = {50_000: 1} if run.quick else DRAWS
    found = {
        (shares, counts): recovered(run.data, share, counts, n)
        for shares, share in SHARES.items()
        for counts, n in draws.items()
    }
    section.say(
        "Ba L lies under Ti K. The spectra of BaF2 and of Ti (15 kV, 2.8 and 2.5 million counts) "
        "were thinned, keeping every count by chance, and added: BaF2 to Ti in shares of counts. "
        "Areas over those that fits of the pure spectra give, times what was kept; means over "
        f"{joined(list(draws.values()), 0)} draws with their standard deviations from counting."
    )
    rows = [
        (shares, f"{counts:,}", *map(str, ratios.values()))
        for (shares, counts), ratios in found.items()
    ]
    section.say(table(["BaF2 : Ti", "counts", *FAMILIES], rows))
    key, family = max(
        ((key, f) for key in found for f in FAMILIES),
        key=lambda kf: found[kf[0]][kf[1]].beyond_counting_percent,
    )
    worst = found[key][family]
    section.checks.append(
        Check(
            "BaF2 + Ti: areas beside those of the pure spectra, largest difference",
            f"≤ {LIMIT_percent:g} % (+ 2 σ)",
            f"{worst} ({family}, {key[0]}, {key[1]:,} counts)",
            worst.beyond_counting_percent <= LIMIT_percent,
        )
    )
    return section


@cache
def pure_areas(data: Path) -> dict[str, float]:
    return {
        family: float(of_sample(data, sample).table[intensity(family)].iloc[0])
        for family, sample in FAMILIES.items()
    }


def recovered(data: Path, share: float, counts: int, draws: int) -> dict[str, Recovery]:
    """Return the recovery of each family in a mixture."""
    images = {f: opened(data / sample.path) for f, sample in FAMILIES.items()}
    kept = {
        family: counts * part / images[family].total_counts
        for family, part in zip(FAMILIES, (share, 1 - share), strict=True)
    }
    rng = np.random.default_rng([counts, round(100 * share)])
    ratios: dict[str, list[float]] = {family: [] for family in FAMILIES}
    errors: dict[str, list[float]] = {family: [] for family in FAMILIES}
    for _ in range(draws):
        spectrum = sum(
            rng.binomial(images[f].total_spectrum().astype(int), kept[f]) for f in FAMILIES
        )
        image = eds.SpectrumImage.from_array(
            spectrum, images["Ti_K"].energy, acquisition=images["Ti_K"].acquisition
        )
        row = fitted(image, ("F", "Ti", "Ba"), CARBON_OXYGEN).table.iloc[0]
        for family in FAMILIES:
            added = pure_areas(data)[family] * kept[family]
            ratios[family].append(row[intensity(family)] / added)
            errors[family].append(row[error_of(intensity(family))] / added)
    return {
        f: Recovery(float(np.mean(ratios[f])), float(np.mean(errors[f]) / np.sqrt(draws)))
        for f in FAMILIES
    }
