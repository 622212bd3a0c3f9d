"""k-ratios of NIST's glass K412 beside those of DTSA-II: bulk samples in an SEM."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import napari_eds as eds
from napari_eds.quantification.table import REDUCED_CHI_SQUARED, intensity

from .references import dose
from .report import Check, Run, Section, table

FOLDER = "real/msa/NIST_K412"
#: Published with the test suite of NeXLSpectrum, for the first unknown.
DTSA = {"O": 0.6529, "Mg": 0.1473, "Al": 0.0668, "Si": 0.3506, "Ca": 0.1921, "Fe": 0.0669}
STANDARDS = {"O": "SiO2", "Mg": "MgO", "Al": "Al2O3", "Si": "SiO2", "Ca": "CaF2", "Fe": "Fe"}
RANGE_keV = (0.35, 9.0)
LIMIT_percent = 3.0
UNKNOWNS = 5

SAME_SHAPES = "Poisson, same shapes in all spectra"
WAYS = {
    SAME_SHAPES: {"calibrate": False, "refine_line_ratios": False},
    "default": {},
    "HyperSpy's least squares, same shapes": {"calibrate": False, "engine": "linear"},
}


def glass(run: Run) -> Section:
    section = Section("k-ratios of a glass")
    unknowns = range(1 if run.quick else UNKNOWNS)
    found, chi = {}, {}
    for way, settings in WAYS.items():
        found[way], chi[way] = k_ratios(run.data / FOLDER, unknowns, settings)
    rows = [
        (
            element,
            f"{wanted:.4f}",
            *(f"{r[element][0]:.4f} ({percent(r[element][0], wanted)})" for r in found.values()),
            f"{100 * found[SAME_SHAPES][element].std() / wanted:.1f} %",
        )
        for element, wanted in DTSA.items()
    ]
    section.say(
        "NIST's K412 (a glass of Mg, Al, Si, Ca, Fe and O, 20 kV, 8 million counts) against "
        "standards of up to 54 million counts: counts of a K family per nA and second over those "
        "in the standard. Published values are those of DTSA-II for the first of five spectra."
    )
    head = ["", "DTSA-II", *WAYS, f"spread of {len(unknowns)}"]
    section.say(table(head, rows))
    section.checks += [ratio_check(way, found[way]) for way in WAYS]
    section.say(explanation(chi))
    return section


def percent(got: float, wanted: float) -> str:
    return f"{100 * (got / wanted - 1):+.1f} %"


def k_ratios(folder: Path, unknowns, settings) -> tuple[dict[str, np.ndarray], list[float]]:
    """k-ratios of every unknown by element, and reduced chi-squared of first unknown and MgO."""
    standards = {
        name: per_dose(folder / f"{name} std.msa", settings) for name in set(STANDARDS.values())
    }
    results = [per_dose(folder / f"III-E K412[{i}][4].msa", settings) for i in unknowns]
    ratios = {
        element: np.array([r[0][element] / standards[name][0][element] for r in results])
        for element, name in STANDARDS.items()
    }
    return ratios, [results[0][1], standards["MgO"][1]]


def per_dose(path: Path, settings) -> tuple[dict[str, float], float]:
    """Family counts per nA s of every element, and reduced chi-squared."""
    image = eds.read(path)[0]
    recipe = eds.Recipe.create(
        elements=tuple(f"{element}_K" for element in DTSA),
        fit_only=("C", "F"),
        # A k-ratio needs none; the numbers are not used.
        k_factors=eds.KFactorTable.from_mapping(
            dict.fromkeys([f"{e}_K" for e in DTSA], 1), "family"
        ),
        energy_range_keV=RANGE_keV,
        **settings,
    )
    row = eds.quantify(image, np.ones(image.shape, int), recipe).table.iloc[0]
    return {e: row[intensity(f"{e}_K")] / dose(image) for e in DTSA}, row[REDUCED_CHI_SQUARED]


def ratio_check(way: str, ratios: dict[str, np.ndarray]) -> Check:
    errors = {e: 100 * (ratios[e][0] / wanted - 1) for e, wanted in DTSA.items()}
    worst = max(errors, key=lambda e: abs(errors[e]))
    return Check(
        f"K412, {way}: largest difference to DTSA-II",
        f"≤ {LIMIT_percent:g} %",
        f"{errors[worst]:+.1f} % ({worst})",
        abs(errors[worst]) <= LIMIT_percent,
    )


def explanation(chi: dict[str, list[float]]) -> str:
    unknown, oxide = chi[SAME_SHAPES]
    default = chi["default"]
    return (
        "A k-ratio is a ratio of the same shape in two spectra, so axis, resolution and line "
        "ratios have to be the same in both: the first column keeps those of the file and of the "
        "table. The default settles them on every spectrum anew, which is right for one map and "
        "not for this. At this many counts no "
        "way describes the spectra (reduced chi-squared "
        f"{unknown:.0f} for the glass and {oxide:.0f} for MgO, {default[0]:.0f} and "
        f"{default[1]:.0f} by default): the edges of a bulk sample's continuum and the whole of "
        "its incomplete charge collection are not in the model, which was made for thin foils."
    )
