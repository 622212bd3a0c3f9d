"""Simulated maps of known composition: conventions, absorption, a known region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import napari_eds as eds
from napari_eds.quantification.table import at_pct, error_of

from .report import Check, Run, Section, all_near, at_most, joined, table

FAMILY = "simulated/kfactors_family_sum_windowless.csv"
ALPHA = "simulated/kfactors_alpha_line_windowless.csv"
FIT_ONLY = ("C", "Cu", "Ga")
#: Errors of elements below this are of counting more than of physics.
MAJOR_at_pct = 10.0
#: Phases with fewer pixels hold too few counts to check physics.
ENOUGH_PIXELS = 1000
WAYS = {
    "eXSpy's lines": {"correct_lines": False, "refine_line_ratios": False},
    "default": {},
    "bremsstrahlung": {"background": "physical"},
}
LIMITS = {"eXSpy's lines": 5.0, "default": 2.0, "bremsstrahlung": 3.0}

#: Errors are allowed to exceed a limit by so many statistical standard deviations.
SIGMAS = 2.0


@dataclass(frozen=True, eq=False)
class Phase:
    """A phase of a map: where it is pure, and what it is there."""

    name: str
    mask: np.ndarray
    true: dict[str, float]
    density_g_cm3: float


@cache
def opened(path: Path) -> eds.SpectrumImage:
    return eds.load(path)


def truth_of(data: Path, name: str):
    return np.load(data / f"simulated/{name}_truth.npz", allow_pickle=False)


def phases(truth) -> Iterator[Phase]:
    """Phases of more than one element with enough pixels."""
    for number, name in enumerate(truth["phase_names"]):
        mask = truth["pure"] & (truth["label"] == number)
        at = {str(e): float(truth[f"at_{e}"][mask].mean()) for e in truth["elements"]}
        true = {e: value for e, value in at.items() if value > 1}
        if len(true) > 1 and mask.sum() >= ENOUGH_PIXELS:
            density = float(truth["phase_density_g_cm3"][number])
            yield Phase(str(name), mask, true, density)


@dataclass(frozen=True)
class Deviation:
    """Relative error of an element's at.% and its statistical standard deviation, in percent."""

    element: str
    error: float
    sigma: float
    major: bool

    @property
    def beyond_counting(self) -> float:
        """What is left of the error after `SIGMAS` standard deviations."""
        return max(abs(self.error) - SIGMAS * self.sigma, 0.0)

    def __str__(self) -> str:
        name = self.element if self.major else f"({self.element})"
        return f"{name} {self.error:+.1f}"


def simulated(run: Run) -> Section:
    section = Section("Simulated maps of known composition")
    section.say(
        "Maps made from cross-sections, fluorescence yields and attenuation that owe nothing to "
        "eXSpy: an LaFeO3 film with Fe-rich domains on SrTiO3, 30 to 80 nm thick. Each phase, "
        "where it is pure, is quantified with the k-factors that the simulation implies, with "
        "its density and the true map of thickness. Relative errors in percent of at.%; σ is the "
        "largest statistical one. Elements in brackets are below 10 at.%, where counting errors "
        "are more than any of this."
    )
    found = {}
    for name in ("LFO_STO_96",) if run.quick else ("LFO_STO_96", "LFO_STO_512"):
        image, truth = opened(run.data / f"simulated/{name}.emd"), truth_of(run.data, name)
        for phase in phases(truth):
            for way, settings in WAYS.items():
                for convention in ("family", "alpha"):
                    table_ = read_table(run.data, convention)
                    result = quantified(image, truth, phase, k_factors=table_, **settings)
                    found[name, phase.name, way, convention] = deviations(result, phase)
    section.say(deviation_table(found))
    for way, limit in LIMITS.items():
        chosen = [d for key, ds in found.items() if key[2] == way for d in ds if d.major]
        worst = max(chosen, key=lambda d: d.beyond_counting)
        section.checks.append(
            Check(
                f"simulated maps, {way}: largest error",
                f"≤ {limit:g} % (+ {SIGMAS:g} σ)",
                f"{worst.error:+.1f} ± {worst.sigma:.1f} % ({worst.element})",
                worst.beyond_counting <= limit,
            )
        )
    section.say(conventions_text())
    section.checks.append(recognised(run.data))
    section.show("simulated", figure(found), "Errors of simulated compositions")
    say_corrections(section, run.data)
    return section


def deviations(result: eds.Quantification, phase: Phase) -> list[Deviation]:
    row = result.table.iloc[0]
    return [
        Deviation(
            e,
            100 * (row[at_pct(e)] / true - 1),
            100 * row[error_of(at_pct(e))] / true,
            true >= MAJOR_at_pct,
        )
        for e, true in phase.true.items()
    ]


def deviation_table(found: dict[tuple[str, str, str, str], list[Deviation]]) -> str:
    columns = [(way, convention) for way in WAYS for convention in ("family", "alpha")]
    rows = []
    for name, phase in dict.fromkeys(key[:2] for key in found):
        cells = [found[name, phase, *column] for column in columns]
        sigma = max(d.sigma for d in cells[0] if d.major)
        texts = [" / ".join(map(str, ds)) for ds in cells]
        rows.append((name.rpartition("_")[2], phase, f"{sigma:.1f}", *texts))
    head = ["map", "phase", "σ", *(f"{way}, {convention} k" for way, convention in columns)]
    return table(head, rows)


def read_table(data: Path, convention: str) -> eds.KFactorTable:
    path = data / (FAMILY if convention == "family" else ALPHA)
    return eds.read_k_factors(path, convention=convention)


def quantified(image, truth, phase: Phase, **settings) -> eds.Quantification:
    absorption = eds.Absorption(thickness_nm=50, density_g_cm3=phase.density_g_cm3)
    settings = {"absorption": absorption} | settings
    recipe = eds.Recipe.create(elements=tuple(phase.true), fit_only=FIT_ONLY, **settings)
    thickness = truth["thickness_nm"] if recipe.absorption else None
    return eds.quantify(image, phase.mask.astype(int), recipe, thickness_nm=thickness)


def conventions_text() -> str:
    return (
        "With eXSpy's lines, what is left are its weights (La L: 49.7 % in the alpha line, 51.9"
        " % here), K alpha drawn as one line (Sr K), and the low-energy tail of O K. Doublets, "
        "measured K beta and ratios that follow the summed spectrum remove nearly all of it, "
        "without knowing the tables of the simulation. Then it hardly matters any more which of"
        " the two k-factor tables is used, as long as it is used with its own intensities. On "
        "these maps the default background is bremsstrahlung where there are counts enough to "
        "tell it from the polynomial; it has to be clearly better to be chosen, since it bends "
        "into lines of elements that are missing from the recipe, which then are not told."
    )


def recognised(data: Path) -> Check:
    """Read a table of alpha lines that does not say so."""
    found = eds.read_k_factors(data / ALPHA).convention
    return Check("k-factors of alpha lines, not said", "alpha", found, found == "alpha")


def say_corrections(section: Section, data: Path) -> None:
    """Say what each correction is worth, and what a wrong convention does."""
    name = "LFO_STO_96"
    image, truth = opened(data / f"simulated/{name}.emd"), truth_of(data, name)
    chosen = {phase.name: phase for phase in phases(truth)}
    family, alpha = read_table(data, "family"), read_table(data, "alpha")
    cases = {
        "all corrections": {},
        "axis of the file": {"calibrate": False},
        "no absorption": {"absorption": None},
        "k-factors of alpha lines taken as family": {
            "k_factors": alpha.model_copy(update={"convention": "family"})
        },
        "k-factors of families taken as alpha": {
            "k_factors": family.model_copy(update={"convention": "alpha"})
        },
        "k-factors from first principles": {"k_factors": None},
    }
    rows = []
    for case, changes in cases.items():
        row = [case]
        for phase in (chosen["LaFeO3"], chosen["SrTiO3"]):
            settings = {"k_factors": family} | changes
            row.append(at_of(quantified(image, truth, phase, **settings), 1))
        rows.append(row)
    head = ["", *(f"{' / '.join(chosen[n].true)} in {n}" for n in ("LaFeO3", "SrTiO3"))]
    section.say(
        "What each correction is worth on the smaller map, at.% (La, Fe, Sr, Ti 20, O 60). A "
        "table that does not tell its convention is compared with theory, and refused unless that "
        "is clear; saying it wrongly gives the rows of a wrong "
        "convention. k-factors from first principles share their cross-sections with the "
        "simulation, so the last row is no test of those."
    )
    section.say(table(head, rows))


def figure(found) -> Figure:
    fig = Figure(figsize=(10, 4.2), layout="constrained")
    colors = {"family": "#1f6f9f", "alpha": "#dd8452"}
    places = [
        (key[:2], d.element)
        for key, ds in found.items()
        if key[2:] == ("default", "family")
        for d in ds
        if d.major
    ]
    for axes, way in zip(fig.subplots(1, len(WAYS), sharey=True), WAYS, strict=True):
        for convention, shift in (("family", -0.17), ("alpha", 0.17)):
            values = [
                next(d for d in found[*key, way, convention] if d.element == element)
                for key, element in places
            ]
            axes.errorbar(
                np.arange(len(places)) + shift,
                [d.error for d in values],
                [d.sigma for d in values],
                fmt="o",
                ms=4,
                color=colors[convention],
                label=f"{convention} k-factors",
            )
        axes.axhspan(-LIMITS[way], LIMITS[way], color="0.93", zorder=0)
        axes.axhline(0, color="k", lw=0.8)
        names = [f"{e}, {phase}, {name.rpartition('_')[2]}" for (name, phase), e in places]
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axes.set_title(f"{way} (grey: ± {LIMITS[way]:g} %)", fontsize=9)
    fig.axes[0].legend(fontsize=8, loc="upper left")
    fig.axes[0].set_ylabel("relative error of at.%, %")
    return fig


def known_region(run: Run) -> Section:
    """Calibrate k-factors on one half of the substrate and use them on the other."""
    section = Section("k-factors from a region of known composition")
    name = "LFO_STO_96"
    image, truth = opened(run.data / f"simulated/{name}.emd"), truth_of(run.data, name)
    substrate = next(phase for phase in phases(truth) if phase.name == "SrTiO3")
    columns = np.arange(image.shape[1])[None, :]
    halves = np.where(substrate.mask, np.where(columns < image.shape[1] / 2, 1, 2), 0)
    thickness = truth["thickness_nm"]
    absorption = eds.Absorption(thickness_nm=50, density_g_cm3=substrate.density_g_cm3)
    first, then = calibrated_on_first(image, halves, absorption, thickness)
    _, without = calibrated_on_first(image, halves, None, None)
    at = [float(then.table.loc[2, at_pct(e)]) for e in then.elements]
    errors = [float(then.table.loc[2, error_of(at_pct(e))]) for e in then.elements]
    means = [float(thickness[halves == half].mean()) for half in (1, 2)]
    section.say(
        f"The SrTiO3 of `{name}` is split into a left half, {means[0]:.0f} nm thick on average, "
        f"and a right half, {means[1]:.0f} nm. k-factors of O and Sr relative to Ti come from the "
        "left half, said to be SrTiO3, and are used on the right one. No table is read; "
        "the computed k-factors at the start only lend Ti its value. They are good here because "
        "the simulation rests on the same cross-sections; with real detectors they are not."
    )
    rows = [
        ("first principles", at_of(first, 2)),
        ("k-factors of the left half", at_of(then, 2)),
        ("the same, absorption corrected on neither half", at_of(without, 2)),
        ("truth", joined((60, 20, 20))),
    ]
    section.say(table(["", "O / Ti / Sr in the right half, at.%"], rows))
    section.say(
        "Statistical errors: " + joined(errors) + ". Without absorption correction, the "
        "k-factors hold for the thickness of their own region only."
    )
    worst = max(abs(100 * (a / b - 1)) for a, b in zip(at, (60, 20, 20), strict=True))
    section.checks += [
        at_most("known region, other half: largest error, %", worst, 2.0),
        all_near("known region, other half, O / Ti / Sr, at.%", at, (60, 20, 20), 0.4),
    ]
    return section


def calibrated_on_first(
    image, halves: np.ndarray, absorption: eds.Absorption | None, thickness: np.ndarray | None
) -> tuple[eds.Quantification, eds.Quantification]:
    """Quantify two halves with computed k-factors, and with those of the first one."""
    recipe = eds.Recipe.create(
        elements=("O", "Ti", "Sr"), fit_only=FIT_ONLY, absorption=absorption
    )
    first = eds.quantify(image, halves, recipe, thickness_nm=thickness)
    measured = recipe.model_copy(update={"k_factors": first.k_factors_from(1, "SrTiO3", "Ti")})
    return first, eds.quantify(image, halves, measured, thickness_nm=thickness)


def at_of(result: eds.Quantification, label: int) -> str:
    return joined([float(result.table.loc[label, at_pct(e)]) for e in result.elements])
