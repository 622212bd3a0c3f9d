"""Poisson draws of a known spectrum: noise beside its theoretical limit, bias, stated errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

import napari_eds as eds
from napari_eds.fitting import fit as fitting
from napari_eds.fitting.model import SpectralModel, build_model
from napari_eds.physics import lines as xray
from napari_eds.quantification.methods.cliff_lorimer import cliff_lorimer
from napari_eds.quantification.methods.intensities import Intensities

from .report import Check, Run, Section, at_most, table

#: Counts of alpha lines, relative to each other; Ti is absent.
AREAS = {"La_L": 1.0, "Fe_K": 1.1, "O_K": 1.2, "Fe_L": 0.9, "La_M": 0.4, "Cu_K": 0.2}
K = {"La_L": 1.5, "Fe_K": 0.8, "O_K": 1.0, "Ti_K": 0.9}
COUNTS = (500, 5000, 50_000)
ENGINES = {"poisson": "Poisson", "linear": "HyperSpy's least squares"}
DRAWS, QUICK_DRAWS = 6000, 3000


@dataclass(frozen=True, eq=False)
class Draws:
    """Statistics of the fits of many draws, per family or quantified element."""

    noise: np.ndarray
    bias: np.ndarray
    z_intensities: np.ndarray
    z_atomic: np.ndarray
    chi_squared: float
    negative_backgrounds: float


def noise(run: Run) -> Section:
    section = Section("Noise, bias and stated errors")
    draws = QUICK_DRAWS if run.quick else DRAWS
    model, expected = known_spectrum()
    areas = alpha_areas(model)
    found = {
        (engine, counts): statistics(model, expected, counts, engine, draws)
        for engine in ENGINES
        for counts in COUNTS
    }
    section.say(
        f"{draws:,} Poisson draws each of a spectrum of La, Fe, O and Cu, half of it background, "
        "0.35 to 9.5 keV; Ti is fitted but absent. The limit is that of Cramér and Rao for "
        "these lines on a background known up to height and slope. Bias is in standard "
        "deviations of a single fit. z is the error made over the error stated; its standard "
        "deviation is 1 where errors are right (that of intensities is the Poisson fit's)."
    )
    section.say(noise_table(model, areas, found))
    section.say(summary(found))
    section.show("noise", figure(model, areas, found), "Noise over its theoretical limit")
    for counts in COUNTS:
        section.checks += checks(model, areas, counts, found["poisson", counts])
    return section


def known_spectrum() -> tuple[SpectralModel, np.ndarray]:
    """Model and expected spectrum, summing to 1."""
    recipe = eds.Recipe.create(
        elements=("La", "Fe", "O", "Ti"),
        fit_only=("Cu",),
        k_factors=eds.KFactorTable.from_mapping(K, "family"),
        energy_range_keV=(0.35, 9.5),
        background_order=4,
    )
    axis = eds.EnergyAxis(0, 0.01, 1024)
    model = build_model(axis, eds.Acquisition(beam_energy_keV=200), recipe)
    lines = model.profiles @ alpha_areas(model)
    background = background_shape(model)
    expected = lines / lines.sum() + background / background.sum()
    return model, expected / expected.sum()


def alpha_areas(model: SpectralModel) -> np.ndarray:
    return np.array([AREAS.get(str(family), 0.0) for family in model.families])


def background_shape(model: SpectralModel) -> np.ndarray:
    return (1 - model.energy.energies_keV / 20) ** 4


def statistics(model, expected, counts: int, engine: str, draws: int) -> Draws:
    mean = expected * counts
    drawn = np.random.default_rng(counts).poisson(mean, (draws, mean.size))
    fit = fitting.fit(model, drawn, engine)
    areas = alpha_areas(model)
    true = areas * model.weight_sums * counts / 2 / (model.profiles @ areas).sum()
    sd = fit.intensities.std(axis=0)
    n = model.n_quantified
    names = [str(f) for f in model.quantified]
    weights = np.array([xray.atomic_weight(f.element) for f in model.quantified])
    k = np.array([K[name] for name in names])
    composition = cliff_lorimer(
        Intensities(
            counts=fit.intensities[:, :n],
            covariance=fit.covariance[:, :n, :n],
            k_factors=k,
            k_covariance=np.zeros((n, n)),
            atomic_weights=weights,
        )
    )
    moles = true[:n] * k / weights
    z = composition.atomic_fractions - moles / moles.sum()
    return Draws(
        noise=sd / limit(model, mean),
        bias=(fit.intensities.mean(axis=0) - true) / sd,
        z_intensities=((fit.intensities - true) / fit.intensity_errors).std(axis=0),
        z_atomic=np.nanstd(z / composition.atomic_errors_statistical, axis=0),
        chi_squared=float(fit.reduced_chi_squared.mean()),
        negative_backgrounds=float((fit.background.min(axis=1) < 0).mean()),
    )


def limit(model: SpectralModel, mean: np.ndarray) -> np.ndarray:
    """Cramér and Rao's bound of the standard deviations of family intensities."""
    known = replace(model, background_shape=background_shape(model))
    norms = np.linalg.norm(known.design, axis=0)
    design = known.design / norms
    bound = np.linalg.inv(design.T @ (design / mean[:, None]))
    n = len(model.families)
    return (np.sqrt(np.diag(bound)) / norms)[:n] * model.weight_sums


def noise_table(model, areas, found) -> str:
    head = ["counts", "line"]
    head += [f"{what}, {name}" for what in ("sd / limit", "bias") for name in ENGINES.values()]
    head += ["sd of z, intensity", *(f"sd of z, at.%, {name}" for name in ENGINES.values())]
    rows = []
    for counts in COUNTS:
        both = [found[engine, counts] for engine in ENGINES]
        for i, family in enumerate(model.families):
            absent = "" if areas[i] else " (absent)"
            z = [f"{d.z_atomic[i]:.3f}" if i < model.n_quantified else "" for d in both]
            rows.append(
                (
                    f"{counts:,}",
                    f"{family}{absent}",
                    *(f"{d.noise[i]:.3f}" for d in both),
                    *(f"{d.bias[i]:+.3f}" for d in both),
                    f"{both[0].z_intensities[i]:.3f}",
                    *z,
                )
            )
    return table(head, rows)


def summary(found) -> str:
    chi, negative = (
        [getattr(found[engine, counts], name) for engine in ENGINES for counts in COUNTS]
        for name in ("chi_squared", "negative_backgrounds")
    )
    n = len(COUNTS)
    few = found["poisson", COUNTS[0]].z_intensities
    return (
        "Backgrounds that are negative somewhere, at "
        f"{', '.join(f'{c:,}' for c in COUNTS)} counts: "
        f"{', '.join(f'{100 * share:.0f} %' for share in negative[n:])} with HyperSpy's "
        f"polynomial, {', '.join(f'{100 * share:.0f} %' for share in negative[:n])} here. "
        f"Mean reduced chi-squared: {', '.join(f'{c:.4f}' for c in chi[:n])}. At 500 counts, "
        "normal errors reach their end for lines of a handful of counts: those of absent lines "
        f"are up to {100 * (1 / few.min() - 1):.0f} % too large (half of their fluctuations count "
        "towards their own variance, and one count that might have been), that of Cu K, about ten "
        f"counts, is {100 * (1 - 1 / few.max()):.0f} % too small (a low count takes its own error "
        "for smaller than it is), in both engines. Elements that matter in the composition are "
        "right."
    )


def checks(model, areas, counts: int, draws: Draws) -> list[Check]:
    present = areas > 0
    quantified = present[: model.n_quantified]
    z = draws.z_atomic[quantified]
    what = f"{counts:,} counts:"
    return [
        at_most(f"{what} sd / limit, lines present", draws.noise[present].max(), 1.05, 3),
        at_most(f"{what} sd / limit, lines absent", draws.noise[~present].max(), 1.15, 3),
        at_most(f"{what} bias in sd", np.abs(draws.bias).max(), 0.2, 3),
        Check(
            f"{what} sd of z of at.%, elements present",
            "0.95 to 1.05",
            f"{z.min():.3f} to {z.max():.3f}",
            bool(z.min() >= 0.95 and z.max() <= 1.05),
        ),
        at_most(f"{what} sd of z of at.%, absent", draws.z_atomic[~quantified].max(), 1.05, 3),
        at_most(f"{what} share of negative backgrounds", draws.negative_backgrounds, 0, 3),
    ]


def figure(model, areas, found) -> Figure:
    fig = Figure(figsize=(9, 3.6), layout="constrained")
    order = np.argsort(areas == 0, kind="stable")
    names = [f"{model.families[i]}{'' if areas[i] else chr(10) + 'absent'}" for i in order]
    colors = {"poisson": "#1f6f9f", "linear": "#c44e52"}
    for axes, counts in zip(fig.subplots(1, len(COUNTS), sharey=True), COUNTS, strict=True):
        for shift, engine in ((-0.2, "linear"), (0.2, "poisson")):
            heights = found[engine, counts].noise[order] - 1
            axes.bar(
                np.arange(len(order)) + shift,
                100 * heights,
                0.38,
                color=colors[engine],
                label=ENGINES[engine],
            )
        axes.axhline(0, color="k", lw=0.8)
        axes.set_xticks(range(len(order)), names, rotation=90, fontsize=8)
        axes.set_title(f"{counts:,} counts", fontsize=10)
    fig.axes[0].set_ylabel("noise above the Cramér-Rao limit, %")
    fig.axes[0].legend(fontsize=8, loc="upper left")
    return fig
