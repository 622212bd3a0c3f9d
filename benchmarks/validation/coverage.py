"""How often the truth lies within the total error that is stated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from itertools import chain
from pathlib import Path

import numpy as np

import napari_eds as eds

from .cores import spread
from .materials import (
    COUNTS,
    ENERGY,
    Found,
    Material,
    at_many_counts,
    drawn,
    findings,
    materials,
    quantified,
    true_k_factors,
)
from .measured import ERRORS_OF_K_RATIOS, k_ratios_K412, k_ratios_K2496
from .report import Run, Section, share_between, table

#: Relative errors stated of k-factors, by family, and of the thickness.
K_ERRORS = {"K": 0.03, "L": 0.05, "M": 0.10}
THICKNESS_ERROR = 0.10
#: The axis of the file is off by at most this, all values being as likely.
OFFSET_eV, GAIN_percent = 20.0, 0.2
DRAWS = 2
#: Wanted shares of errors within one and within two total errors, percent.
WITHIN_ONE, WITHIN_TWO = (60, 76), (90, 98)


def coverage(run: Run) -> Section:
    section = Section("How often the truth is within the error")
    exact = at_many_counts(run.data, quick=run.quick)
    moved = with_drawn_inputs(run.data, quick=run.quick)
    sets = {name: z_of(found) for name, found in subsets(exact).items()}
    sets[MOVED] = z_of(moved)
    ratios = [*k_ratios_K2496(run.data), *k_ratios_K412(run.data)] if not run.quick else []
    if ratios:
        sets[RATIOS] = np.array([r.z for r in ratios])
    section.say(
        "Shares of errors that are within one and within two total errors; 68 and 95 % where "
        f"errors are normal and right. Compounds as above, {COUNTS:,} counts: once with exact k, "
        f"thickness and axis, and {DRAWS} times with all three drawn: k-factors log-normally by "
        f"the errors stated with them (K {K_ERRORS['K']:.0%}, L {K_ERRORS['L']:.0%}, M "
        f"{K_ERRORS['M']:.0%}), thickness by {THICKNESS_ERROR:.0%}, the axis of the file off by "
        f"up to {OFFSET_eV:g} eV and {GAIN_percent:g} %. k-ratios are those of K2496 and K412 "
        "beside the published ones, whose own errors are left out; spectra of one glass share "
        "their standards, so these are far fewer than they seem. "
        f"{ERRORS_OF_K_RATIOS}"
    )
    rows = [
        (name, len(z), *(f"{share(z, n):.0f} %" for n in (1, 2, 3)), f"{np.median(np.abs(z)):.2f}")
        for name, z in sets.items()
    ]
    head = ["", "errors", "within 1", "within 2", "within 3", "median size"]
    section.say(table(head, rows))
    if not run.quick:
        for name in (ALL, MOVED, RATIOS):
            for limits, n in ((WITHIN_ONE, 1), (WITHIN_TWO, 2)):
                what = f"{name}: truth within {'one total error' if n == 1 else 'two'}"
                section.checks.append(share_between(what, share(sets[name], n), *limits))
    return section


ALL = "compounds, both tables"
MOVED = "compounds, k, thickness and axis drawn"
RATIOS = "k-ratios of glasses"


def subsets(found: Sequence[Found]) -> dict[str, list[Found]]:
    """Return all, and parts by what they have in common."""
    return {
        ALL: list(found),
        "nominal tables": [f for f in found if f.material.tables == "nominal"],
        "varied tables": [f for f in found if f.material.tables == "varied"],
        "1 nm": [f for f in found if f.material.thickness_nm == 1],
        "60 nm": [f for f in found if f.material.thickness_nm > 1],
        "majors": [f for f in found if f.major],
        "absent": [f for f in found if not f.true],
    }


def z_of(found: Sequence[Found]) -> np.ndarray:
    return np.array([f.z for f in found])


def share(z: np.ndarray, n: float) -> float:
    """Return the share of errors within n total errors, in percent."""
    return 100 * float(np.mean(np.abs(z) <= n))


@cache
def with_drawn_inputs(data: Path, *, quick: bool = False) -> tuple[Found, ...]:
    """Quantify every compound with what a user would know of it: drawn, with stated errors."""
    chosen = materials(data, quick=quick)
    draws = [(draw, n, of) for draw in range(1 if quick else DRAWS) for n, of in enumerate(chosen)]
    return tuple(chain.from_iterable(spread(partial(one_draw, data), draws)))


def one_draw(data: Path, draw: tuple[int, int, Material]) -> list[Found]:
    """Quantify a compound once; two numbers of the draw are its seed."""
    *seed, of = draw
    rng = np.random.default_rng(seed)
    absorption = eds.Absorption(
        thickness_nm=of.thickness_nm * np.exp(rng.normal(0, THICKNESS_ERROR)),
        density_g_cm3=of.density_g_cm3,
    )
    spectra = drawn(data, of, COUNTS, seed=1 + int(rng.integers(1_000_000)))
    result = quantified(
        data,
        of,
        spectra,
        wrong_axis(rng),
        k_factors=drawn_k_factors(data, rng),
        absorption=absorption,
    )
    return findings(of, result)


def drawn_k_factors(data: Path, rng: np.random.Generator) -> eds.KFactorTable:
    """Return k-factors that are off as the errors stated with them say."""
    exact = true_k_factors(data)
    factors = []
    for factor in exact.factors:
        error = K_ERRORS[factor.family]
        value = factor.value * float(np.exp(rng.normal(0, error)))
        factors.append(factor.model_copy(update={"value": value, "relative_error": error}))
    return exact.model_copy(update={"factors": tuple(factors)})


def wrong_axis(rng: np.random.Generator) -> eds.EnergyAxis:
    """Return the axis of a file that is off: true = (1 + gain) x energy of the file + offset."""
    offset_keV = rng.uniform(-OFFSET_eV, OFFSET_eV) / 1000
    gain = 1 + rng.uniform(-GAIN_percent, GAIN_percent) / 100
    return eds.EnergyAxis(
        (ENERGY.offset_keV - offset_keV) / gain, ENERGY.scale_keV / gain, ENERGY.size
    )
