"""A measured spectrum of SrTiO3, beside the numbers its vendor's program left in the file."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import napari_eds as eds
from napari_eds.quantification.table import REDUCED_CHI_SQUARED

from .published import AS_EXSPY, VELOX
from .report import Run, Section, all_near, at_most, joined, near, table

FILE = "real/velox/EDS-STO.emd"
ELEMENTS = ("O", "Ti", "Cu", "Sr")
EXSPY_LINES = {"correct_lines": False, "refine_line_ratios": False}
DENSITY = 5.12
#: Thickness and lines as they leave a foil so thick are found by turns, so often.
TURNS = 2
ONE = np.ones((1, 1), int)


def titanate(run: Run) -> Section:
    section = Section("Strontium titanate, measured")
    image = eds.read(run.data / FILE)[0]
    k = eds.read_k_factors(run.data / VELOX)
    steps = {
        "plain eXSpy: equal weights, axis of the file": fitted(image, k, **AS_EXSPY),
        "weighted by expected counts": fitted(image, k, calibrate=False, **EXSPY_LINES),
        "and axis and resolution calibrated": fitted(image, k, **EXSPY_LINES),
        "and K doublets, channel integrals": fitted(image, k, refine_line_ratios=False),
        "and line ratios refined (the default)": fitted(image, k),
    }
    section.say(
        "The sum of four detectors (190,830 counts, 200 kV), quantified with a table of Velox "
        "k-factors for whole families. The file holds what Velox made of it, without absorption "
        "correction, Cu included, which is that of the grid."
    )
    section.say(step_table(image, steps))
    calibrated = steps["and axis and resolution calibrated"]
    section.checks += axis_checks(calibrated)
    section.checks += composition_checks(calibrated)
    section.say(axis_text(calibrated, steps["and line ratios refined (the default)"]))
    without_absorption(section, image, k)
    before, after = (steps[name] for name in (next(iter(steps)), list(steps)[-1]))
    section.show(
        "titanate", fit_figure(before, after), "Fit of the spectrum before and after the steps"
    )
    return section


def fitted(image, k_factors, **settings) -> eds.Quantification:
    settings = {"elements": ELEMENTS, "fit_only": ("C",)} | settings
    recipe = eds.Recipe.create(k_factors=k_factors, **settings)
    return eds.quantify(image, ONE, recipe)


def composition(result: eds.Quantification) -> np.ndarray:
    return 100 * result.composition.atomic_fractions[0]


def step_table(image, steps: dict[str, eds.Quantification]) -> str:
    rows = []
    velox = {row.element: row for row in image.acquisition.vendor.compositions[-1]}
    for name, result in steps.items():
        at = composition(result)
        chi = result.table[REDUCED_CHI_SQUARED].iloc[0]
        rows.append((name, joined(at), f"{at[3] / at[1]:.3f}", chi))
    errors = 100 * steps[name].composition.atomic_errors_statistical[0]
    rows.append(("statistical errors of these", joined(errors), "", ""))
    at = [velox[e].atomic_percent for e in ELEMENTS]
    rows.append(("Velox", joined(at), f"{at[3] / at[1]:.3f}", ""))
    rows.append(("errors Velox gives", joined([velox[e].atomic_error for e in ELEMENTS]), "", ""))
    return table(["", " / ".join(ELEMENTS) + ", at.%", "Sr / Ti", "reduced chi-squared"], rows)


def axis_checks(result: eds.Quantification) -> list:
    found = result.preparation.calibration
    what = "SrTiO3, eXSpy's lines:"
    return [
        near(f"{what} gain, %", found.gain_percent, 0.32, 0.02, 3),
        near(f"{what} offset, eV", found.offset_eV, -5.5, 1.5, 1),
        near(f"{what} resolution at Mn Ka, eV", found.resolution_MnKa_eV, 131, 2, 1),
    ]


def composition_checks(result: eds.Quantification) -> list:
    at = composition(result)
    chi = result.table[REDUCED_CHI_SQUARED].iloc[0]
    wanted = (43.9, 25.4, 5.7, 25.0)
    return [
        all_near("SrTiO3, O / Ti / Cu / Sr, at.%, no absorption", at, wanted, 0.4),
        at_most("SrTiO3, reduced chi-squared", chi, 2.0),
        near("SrTiO3, Sr / Ti", at[3] / at[1], 0.98, 0.02, 3),
    ]


def axis_text(exspy: eds.Quantification, default: eds.Quantification) -> str:
    def words(result: eds.Quantification) -> str:
        c = result.preparation.calibration
        return (
            f"gain {c.gain_percent:+.3f} ± {c.gain_error_percent:.3f} %, offset {c.offset_eV:+.1f}"
            f" ± {c.offset_error_eV:.1f} eV, resolution {c.resolution_MnKa_eV:.1f} ± "
            f"{c.resolution_error_eV:.1f} eV"
        )

    return (
        f"The axis, with eXSpy's lines: {words(exspy)}. With K doublets and refined ratios: "
        f"{words(default)}. Four tenths of the gain were none: eXSpy draws the Sr K alpha doublet "
        "at Ka1, 22 eV above its mean. The difference shows how much the line table matters."
    )


def without_absorption(section: Section, image, k) -> None:
    """Solve the thickness for SrTiO3 and correct absorption with it."""
    settings = {"elements": ("O", "Ti", "Sr"), "fit_only": ("C", "Cu")}
    thin = fitted(image, k, **settings)
    corrected = thin
    # Lines are drawn as they leave the foil, so that the second turn finds a little less of O.
    for _ in range(TURNS):
        found = corrected.thickness_from(1, "SrTiO3", DENSITY)
        absorption = eds.Absorption(thickness_nm=found.thickness_nm, density_g_cm3=DENSITY)
        corrected = fitted(image, k, absorption=absorption, **settings)
    five = [f.model_copy(update={"relative_error": 0.05 * (f.element == "O")}) for f in k.factors]
    five_k = k.model_copy(update={"factors": tuple(five)})
    from_k = fitted(image, five_k, absorption=absorption, **settings)
    error_k = from_k.thickness_from(1, "SrTiO3", DENSITY).error_k_nm
    rows = [
        ("absorption not corrected", joined(composition(thin))),
        (f"{found.thickness_nm:.0f} nm", joined(composition(corrected))),
        ("nominal", joined((20, 20, 60)[::-1])),
    ]
    section.say(
        "Without Cu, and with absorption corrected for the thickness solved from the O of SrTiO3, "
        f"{found.thickness_nm:.1f} ± {found.error_statistical_nm:.1f} nm by counting; 5 % in the "
        f"k-factor of O are another {error_k:.1f} nm. What this does not adjust is the ratio of "
        "Sr to Ti."
    )
    section.say(table(["", "O / Ti / Sr, at.%"], rows))
    section.checks.append(
        all_near(
            "SrTiO3, Ti / Sr, at.%, thickness solved", composition(corrected)[1:], (20, 20), 0.4
        )
    )


def fit_figure(before: eds.Quantification, after: eds.Quantification) -> Figure:
    """Draw counts and fits on a root scale, and residuals in standard deviations."""
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    top, *rest = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [2.2, 1, 1]}, squeeze=True
    )
    fits = {"plain eXSpy": (before, "#c44e52"), "default": (after, "#1f6f9f")}
    counts = before.fit.counts[0]
    energies = after.fit.model.energy.energies_keV
    top.plot(energies, counts, color="0.75", lw=2.5, label="counts", drawstyle="steps-mid")
    for (name, (result, color)), axes in zip(fits.items(), rest, strict=True):
        own = result.fit.model.energy.energies_keV
        top.plot(own, result.fit.fitted[0], color=color, lw=0.9, label=name)
        residual = (counts - result.fit.fitted[0]) / np.sqrt(result.fit.expected[0])
        axes.plot(own, residual, color=color, lw=0.6)
        axes.axhspan(-2, 2, color="0.9", zorder=0)
        axes.set(ylabel="residual, σ", ylim=(-9, 19))
        chi = result.table[REDUCED_CHI_SQUARED].iloc[0]
        axes.text(
            0.66,
            0.92,
            f"{name}, reduced χ² {chi:.2f}",
            transform=axes.transAxes,
            ha="right",
            va="top",
        )
    top.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    top.set(ylabel="counts per channel", ylim=(0, 1.15 * counts.max()), xlim=(0.2, 17))
    top.legend(loc="upper right")
    name_lines(top, after, counts)
    rest[-1].set_xlabel("energy, keV")
    return figure


def name_lines(axes, result: eds.Quantification, counts: np.ndarray) -> None:
    """Write the names of strong families above their alpha lines, unless a stronger is near."""
    model, areas = result.fit.model, result.fit.alpha_areas[0]
    alphas = np.array([family.alpha.energy_keV for family in model.families])
    for family, area, alpha in zip(model.families, areas, alphas, strict=True):
        if area > 400 and area == areas[np.abs(alphas - alpha) < 0.25].max():
            channel = int(np.argmin(np.abs(model.energy.energies_keV - alpha)))
            axes.annotate(
                f"{family.element} {family.family}",
                (alpha, counts[max(channel - 8, 0) : channel + 8].max()),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
