"""A measured spectrum of SrTiO3: whether its total errors reach the truth, however it is run."""

from __future__ import annotations

import napari_eds as eds
from napari_eds.quantification.table import at_pct, error_of

from .judging import total_error
from .published import VELOX
from .report import Check, Run, Section, joined, table
from .titanate import DENSITY, FILE, fitted

TRUE = {"O": 60.0, "Ti": 20.0, "Sr": 20.0}
THICKNESS_nm = 60.0


def stated(run: Run) -> Section:
    section = Section("Strontium titanate within its errors")
    image = eds.read(run.data / FILE)[0]
    tables = {"computed k": None, "Velox's k": eds.read_k_factors(run.data / VELOX)}
    foils = {
        "absorption not corrected": None,
        f"{THICKNESS_nm:g} nm": eds.Absorption(thickness_nm=THICKNESS_nm, density_g_cm3=DENSITY),
    }
    section.say(
        "The same spectrum in every way a user may run it. The errors of counting say little of "
        "how far the truth is; the total errors have to."
    )
    rows = []
    for k_name, k_factors in tables.items():
        for foil_name, absorption in foils.items():
            result = fitted(
                image, k_factors, elements=tuple(TRUE), fit_only=("C", "Cu"), absorption=absorption
            )
            row = result.table.iloc[0]
            at = {e: float(row[at_pct(e)]) for e in TRUE}
            total = {e: total_error(row, at_pct(e)) for e in TRUE}
            sizes = {e: abs(at[e] - true) / total[e] for e, true in TRUE.items()}
            worst = max(sizes, key=sizes.__getitem__)
            way = f"{k_name}, {foil_name}"
            counting = [float(row[error_of(at_pct(e))]) for e in TRUE]
            rows.append(
                (way, joined(list(at.values())), joined(list(total.values())), joined(counting))
            )
            section.checks.append(
                Check(
                    f"SrTiO3, {way}: farthest from the truth, in total errors",
                    "≤ 1",
                    f"{sizes[worst]:.2f} ({worst})",
                    sizes[worst] <= 1,
                )
            )
    head = ["", " / ".join(TRUE) + ", at.%", "total errors", "errors of counting"]
    section.say(table(head, [*rows, ("truth", joined(list(TRUE.values())), "", "")]))
    return section
