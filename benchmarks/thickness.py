"""Thickness that nobody typed, against simulated truth: ``python -m benchmarks.thickness``.

One region calibrates, and the thickness of all other blocks is withheld: on `LFO_STO_96` and
`LFO_STO_512` of ../shared/data, where they are there, and on two wedges that are simulated here,
one of other materials. ``--quick`` leaves out the large map.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

import napari_eds as eds
from napari_eds.physics.absorption import attenuation_uncertainty, mass_absorption_cm2_g
from napari_eds.simulate import Phase, simulate

SIMULATED = Path(__file__).resolve().parents[1].parent / "shared/data/simulated"
LFO_STO = (
    Phase("LaFeO3", {"La": 20, "Fe": 20, "O": 60}, 6.64),
    Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, 5.12),
)
NIO_MGO = (
    Phase("NiO", {"Ni": 50, "O": 50}, 6.67),
    Phase("MgO", {"Mg": 50, "O": 50}, 3.58),
)
#: Elements above so many at.% count.
_LEAST_PCT = 5.0
#: How often errors are drawn.
_DRAWS = 40


@dataclass(frozen=True)
class Case:
    """A map, its truth, and the region that calibrates.

    `thickness` in nm, `density` in g/cm³ and `at_pct` by element are maps; `blocks` and `region`
    label maps, in which `formula` is what the region consists of.
    """

    name: str
    image: eds.SpectrumImage
    recipe: eds.Recipe
    thickness: np.ndarray
    density: np.ndarray
    at_pct: dict[str, np.ndarray]
    blocks: np.ndarray
    region: np.ndarray
    formula: str


def main() -> None:
    """Print a table of all maps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the large map")
    quick = parser.parse_args().quick
    for case in cases(quick=quick):
        for line in judged(case):
            print(line, flush=True)


def cases(*, quick: bool) -> Iterator[Case]:
    """Yield every map."""
    if SIMULATED.is_dir():
        yield published("LFO_STO_96", 12)
        if not quick:
            yield published("LFO_STO_512", 48)
    yield wedge("wedge LaFeO3/SrTiO3", LFO_STO, "SrTiO3", seed=1)
    yield wedge("wedge NiO/MgO", NIO_MGO, "MgO", seed=2)


def published(name: str, side: int) -> Case:
    """Return one of the maps of the data."""
    truth = np.load(SIMULATED / f"{name}_truth.npz")
    phase, pure = truth["label"], truth["pure"]
    row, column = np.indices(phase.shape)
    per_row = phase.shape[1] // side + 1
    blocks = np.where(np.isin(phase, (2, 3)), (row // side) * per_row + column // side + 1, 0)
    blocks = np.where(phase == 3, blocks + blocks.max() * (blocks > 0), blocks)
    elements = ("La", "Fe", "O", "Sr", "Ti")
    return Case(
        name,
        eds.load(SIMULATED / f"{name}.emd"),
        eds.Recipe.create(
            elements=elements,
            fit_only=("Cu", "C", "Ga", "Pt"),
            k_factors=eds.read_k_factors(SIMULATED / "kfactors_family_sum_windowless.csv"),
        ),
        truth["thickness_nm"].astype(float),
        truth["density_g_cm3"].astype(float),
        {e: truth[f"at_{e}"].astype(float) for e in elements},
        _large(np.where(pure, blocks, 0), 0.9 * side**2),
        np.where((phase == 3) & pure & (column < phase.shape[1] // 4), 1, 0),
        "SrTiO3",
    )


def wedge(name: str, phases: tuple[Phase, Phase], formula: str, *, seed: int) -> Case:
    """Return a wedge from 30 to 120 nm of two materials, one above the other."""
    shape = (96, 96)
    row, column = np.indices(shape)
    labels = np.where(row < shape[0] // 2, 1, 2)
    made = simulate(
        labels, phases, 30 + 90 * column / shape[1], counts_per_pixel=300, seed=seed, name=name
    )
    values = {f"{e}_{f}": value for (e, f), value in made.k_factors.items()}
    table = eds.KFactorTable.from_mapping(
        values, "family", source="simulation", beam_energy_keV=made.conditions.beam_energy_keV
    )
    elements = tuple(made.atomic_percent)
    density = np.array([0, *(phase.density_g_cm3 for phase in phases)])[labels]
    return Case(
        name,
        made.image,
        eds.Recipe.create(elements=elements, k_factors=table),
        made.thickness_nm,
        density,
        {e: np.nan_to_num(made.atomic_percent[e]) for e in elements},
        (row // 12) * 8 + column // 12 + 1,
        np.where((labels == 2) & (column < 24), 1, 0),
        formula,
    )


def _large(blocks: np.ndarray, least: float) -> np.ndarray:
    few = np.bincount(blocks.ravel()) < least
    return np.where(few[blocks], 0, blocks)


def judged(case: Case) -> Iterator[str]:
    """Yield what came out of a map, in lines."""
    known = eds.quantify(case.image, case.region, case.recipe)
    inside = case.region > 0
    true_nm, density = (float(m[inside].mean()) for m in (case.thickness, case.density))
    given = _calibrated(known, case, known.k_factors)
    result = eds.quantify(case.image, case.blocks, case.recipe)
    yield f"{case.name}: {len(result.table)} blocks"
    yield from _against_truth(case, eds.quantify_by_zeta(result, given), known)
    withheld = known.thickness_from(1, case.formula, density_g_cm3=density)
    yield (
        f"  region withheld too: absorption says {withheld.thickness_nm:.1f} +- "
        f"{withheld.error_statistical_nm:.1f} (counting) nm for {true_nm:.1f} nm"
    )


def _against_truth(
    case: Case, result: eds.Quantification, known: eds.Quantification
) -> Iterator[str]:
    ids = result.label_spectra.ids

    def mean(values: np.ndarray) -> np.ndarray:
        return np.array([values[case.blocks == i].mean() for i in ids])

    composition, thickness = result.composition, _mass_thickness(result)
    mass = mean(case.thickness * case.density) * 1e-6
    true = np.stack([mean(case.at_pct[e]) for e in result.elements], axis=1)
    counts = true > _LEAST_PCT
    deviation = thickness.kg_m2 / mass - 1
    of_mass = thickness.error_parts
    error, offset = (100 * np.median(values) for values in (np.abs(deviation), deviation))
    yield f"  mass thickness: median error {error:.2f} %, common offset {offset:+.2f} %"
    ours = 100 * composition.atomic_fractions
    beside = _with_true_thickness(case)
    off = np.abs(ours / beside - 1)[counts]
    yield (
        f"  at.% against true thickness: median {100 * np.median(off):.2f} %, largest "
        f"{100 * off.max():.2f} %, within 1 % {100 * np.mean(off < 0.01):.0f} %"
    )
    for name, drawn in (("as they are", False), ("drawn by their errors", True)):
        inside = _coverage(known, result, mass, true, case, drawn=drawn)
        yield (
            f"  k-factors and coefficients {name}: inside the total error "
            f"{100 * inside[0]:.0f} % of mass thicknesses, {100 * inside[1]:.0f} % of at.%"
        )
    yield "  parts of the error of mass thickness, %: " + _shares(of_mass, mass)
    at_parts = {p: 100 * v[counts] for p, v in composition.atomic_error_parts.items()}
    yield "  parts of the error of at.%, relative %: " + _shares(at_parts, true[counts])


def _coverage(  # noqa: PLR0913 - what is found, and what is true
    known: eds.Quantification,
    result: eds.Quantification,
    mass: np.ndarray,
    true: np.ndarray,
    case: Case,
    *,
    drawn: bool,
) -> np.ndarray:
    """Return the parts of mass thicknesses and of at.% that lie inside their total errors.

    The simulation's k-factors and coefficients are those of the evaluation. To see whether their
    errors are told rightly, both are drawn anew many times, each by its own error.
    """
    rng = np.random.default_rng(5)
    counts = true > _LEAST_PCT
    inside = []
    for _ in range(_DRAWS if drawn else 1):
        with _wrong_coefficients(rng if drawn else None):
            zeta = _calibrated(known, case, _drawn(known.k_factors, rng if drawn else None))
            again = eds.quantify_by_zeta(result, zeta)
        found, thickness = again.composition, _mass_thickness(again)
        off = np.abs(thickness.kg_m2 - mass)
        wrong = np.abs(100 * found.atomic_fractions - true)
        inside.append(
            (
                np.mean(off < thickness.errors_total),
                np.mean((wrong < 100 * found.atomic_errors_total)[counts]),
            )
        )
    return np.mean(inside, axis=0)


def _mass_thickness(result: eds.Quantification) -> eds.MassThickness:
    found = result.composition.mass_thickness
    if found is None:
        raise ValueError("quantified by another method")
    return found


def _calibrated(
    known: eds.Quantification, case: Case, table: eds.KFactorTable
) -> eds.ZetaFactorTable:
    inside = case.region > 0
    thickness, density = (float(m[inside].mean()) for m in (case.thickness, case.density))
    return eds.zeta_factors_from_label(
        known, 1, case.formula, thickness_nm=thickness, density_g_cm3=density, k_factors=table
    )


def _drawn(table: eds.KFactorTable, rng: np.random.Generator | None) -> eds.KFactorTable:
    if rng is None:
        return table
    factors = tuple(
        one.model_copy(update={"value": one.value * np.exp(one.relative_error * rng.normal())})
        for one in table.factors
    )
    return table.model_copy(update={"factors": factors})


@contextmanager
def _wrong_coefficients(rng: np.random.Generator | None) -> Iterator[None]:
    """Let coefficients of attenuation be wrong by their errors; each the same in all foils."""
    if rng is None:
        yield
        return
    wrong: dict[tuple[str, float], float] = {}

    def drawn(elements: Sequence[str], energies_keV: Sequence[float]) -> np.ndarray:
        found = mass_absorption_cm2_g(elements, energies_keV)
        errors = attenuation_uncertainty(elements, energies_keV)
        for place in np.ndindex(found.shape):
            key = elements[place[0]], float(np.ravel(energies_keV)[place[1]])
            found[place] *= np.exp(errors[place] * wrong.setdefault(key, rng.normal()))
        return found

    with (
        patch("napari_eds.quantification.calibration.zeta.mass_absorption_cm2_g", drawn),
        patch("napari_eds.recipe.absorption.mass_absorption_cm2_g", drawn),
    ):
        yield


def _shares(parts: dict[str, np.ndarray], of: np.ndarray) -> str:
    return ", ".join(f"{name} {100 * np.median(v / of):.2f}" for name, v in parts.items())


def _with_true_thickness(case: Case) -> np.ndarray:
    """At.% by Cliff and Lorimer with true thickness and density, (blocks, elements)."""
    settings = eds.Absorption(thickness_nm=1.0, density_g_cm3=1.0)
    again = eds.quantify(
        case.image,
        case.blocks,
        case.recipe.model_copy(update={"absorption": settings}),
        thickness_nm=case.thickness,
        density_g_cm3=case.density,
    )
    return 100 * again.composition.atomic_fractions


if __name__ == "__main__":
    main()
