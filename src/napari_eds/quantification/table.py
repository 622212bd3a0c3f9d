"""The table of a result: what its columns are called, how it is made, how it is read back.

Elements and families are parts of names: ``Sr_at_pct`` is the atomic percent of Sr. No other
module spells these names; docs/results-table.md lists them.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from napari_eds._support.csv_cells import restored
from napari_eds.fitting.fit import Fit
from napari_eds.labels.chips import CHIP, COLUMN, LABEL, N_PIXELS, ROW
from napari_eds.physics.lines import Family
from napari_eds.quantification.methods.composition import Composition, MassThickness
from napari_eds.spectra.label_sums import LabelSpectra

__all__ = [
    "AT_PCT",
    "CHIP",
    "COLUMN",
    "COUNTS",
    "DENSITY",
    "ELECTRONS",
    "FLAG",
    "LABEL",
    "MASS_THICKNESS",
    "NOT_DETECTED",
    "N_PIXELS",
    "REDUCED_CHI_SQUARED",
    "ROW",
    "THICKNESS",
    "WT_PCT",
    "CompositionColumn",
    "Quantity",
    "at_pct",
    "column_of",
    "composition_column",
    "detection_limit",
    "error_k_of",
    "error_of",
    "error_total_of",
    "intensity",
    "label_table",
    "read_table",
    "wt_pct",
]

#: Units of a composition, each the ending of a column of every element.
Quantity = Literal["at_pct", "wt_pct"]
AT_PCT: Quantity = "at_pct"
WT_PCT: Quantity = "wt_pct"

COUNTS = "counts"
REDUCED_CHI_SQUARED = "reduced_chi_squared"
#: Of the zeta-factor method, in nm, kg/m², g/cm³ and electrons.
THICKNESS, MASS_THICKNESS = "thickness_nm", "mass_thickness_kg_m2"
DENSITY, ELECTRONS = "density_g_cm3", "electrons"
NOT_DETECTED = "not_detected"
FLAG = "flag"

#: Columns that hold text; all others hold numbers.
_TEXT = (CHIP, NOT_DETECTED, FLAG)
_ERROR, _ERROR_K, _ERROR_TOTAL = "_error", "_error_k", "_error_total"
_COMPOSITION = re.compile(r"([A-Z][a-z]?)_(at_pct|wt_pct)(_error_k|_error_total|_error)?")


def column_of(element: str, ending: str) -> str:
    """Return the column of an element with an ending, such as `AT_PCT`."""
    return f"{element}_{ending}"


def at_pct(element: str) -> str:
    """Return the column of an element's atomic percent."""
    return column_of(element, AT_PCT)


def wt_pct(element: str) -> str:
    """Return the column of an element's weight percent, which has no errors."""
    return column_of(element, WT_PCT)


def detection_limit(element: str) -> str:
    """Return the column of the least atomic percent of an element that would be detected."""
    return column_of(element, f"detection_limit_{AT_PCT}")


def intensity(family: Family | str) -> str:
    """Return the column of the counts of a whole family, such as ``Sr_K``."""
    return f"{family}_intensity"


def error_of(column: str) -> str:
    """Return the column of the standard deviation from counting of what a column holds."""
    return f"{column}{_ERROR}"


def error_total_of(column: str) -> str:
    """Return the column of the standard deviation of what a column holds, everything included."""
    return f"{column}{_ERROR_TOTAL}"


def error_k_of(column: str) -> str:
    """Return the column of the standard deviation from the k-factors."""
    return f"{column}{_ERROR_K}"


#: What a column of a composition holds: the value, or the error from counting, from k-factors or
#: in all.
ColumnKind = Literal["value", "error", "error_k", "error_total"]
_KINDS: dict[str | None, ColumnKind] = {
    None: "value",
    _ERROR: "error",
    _ERROR_K: "error_k",
    _ERROR_TOTAL: "error_total",
}


class CompositionColumn(NamedTuple):
    """What a column of a composition holds: of which element, in which unit, value or error."""

    element: str
    quantity: Quantity
    kind: ColumnKind


def composition_column(name: str) -> CompositionColumn | None:
    """Return what a column of a composition holds; None for any other column."""
    found = _COMPOSITION.fullmatch(name)
    if found is None:
        return None
    quantity = AT_PCT if found[2] == AT_PCT else WT_PCT
    return CompositionColumn(found[1], quantity, _KINDS[found[3]])


def label_table(
    description: pd.DataFrame,
    label_spectra: LabelSpectra,
    fit: Fit,
    composition: Composition,
    remarks: list[str],
) -> pd.DataFrame:
    """Put everything known of each label into one row.

    Parameters
    ----------
    description : DataFrame
        That of `describe_labels`.
    label_spectra : LabelSpectra
    fit : Fit
    composition : Composition
    remarks : list of str
        Of each label; see `remarks.label_remarks`.

    Returns
    -------
    DataFrame
        Indexed by ``label``: the description (``chip``, ``n_pixels``, bounding box and centroid);
        ``counts`` (X-rays above the noise peak); by the zeta-factor method ``thickness_nm`` and
        ``mass_thickness_kg_m2``, both with ``_error_total`` and ``_error`` (counting),
        ``density_g_cm3`` and ``electrons``; per quantified element ``Sr_at_pct``,
        ``Sr_at_pct_error_total`` (of all that is uncertain), ``Sr_at_pct_error`` (counting
        alone), ``Sr_at_pct_error_k`` (from the k-factors' errors),
        ``Sr_detection_limit_at_pct`` and ``Sr_wt_pct``; per fitted family ``Sr_K_intensity`` and
        ``Sr_K_intensity_error`` (counts); ``reduced_chi_squared``; ``not_detected`` (elements
        below the detection limit) and ``flag`` (what to beware of; empty where nothing is).
    """
    columns: dict[str, np.ndarray | list[str]] = {
        COUNTS: label_spectra.xray_counts,
        **_thickness_columns(composition),
    }
    for i, family in enumerate(fit.model.quantified):
        e = family.element
        columns[at_pct(e)] = 100 * composition.atomic_fractions[:, i]
        columns[error_total_of(at_pct(e))] = 100 * composition.atomic_errors_total[:, i]
        columns[error_of(at_pct(e))] = 100 * composition.atomic_errors_statistical[:, i]
        columns[error_k_of(at_pct(e))] = 100 * composition.atomic_errors_k[:, i]
        columns[detection_limit(e)] = 100 * composition.detection_limits[:, i]
        columns[wt_pct(e)] = 100 * composition.weight_fractions[:, i]
    for i, family in enumerate(fit.model.families):
        columns[intensity(family)] = fit.intensities[:, i]
        columns[error_of(intensity(family))] = fit.intensity_errors[:, i]
    columns[REDUCED_CHI_SQUARED] = fit.reduced_chi_squared
    columns[NOT_DETECTED] = _not_detected(fit, composition)
    columns[FLAG] = remarks
    # At once: pandas warns of a hundred columns that were added one by one.
    return pd.concat([description, pd.DataFrame(columns, index=description.index)], axis=1)


def _thickness_columns(composition: Composition) -> dict[str, np.ndarray | list[str]]:
    """Return what the zeta-factor method tells; nothing for Cliff-Lorimer."""
    found: MassThickness | None = composition.mass_thickness
    if found is None:
        return {}
    return {
        THICKNESS: found.thickness_nm,
        error_total_of(THICKNESS): found.thickness_errors_total,
        error_of(THICKNESS): found.thickness_errors_statistical,
        MASS_THICKNESS: found.kg_m2,
        error_total_of(MASS_THICKNESS): found.errors_total,
        error_of(MASS_THICKNESS): found.errors_statistical,
        DENSITY: composition.densities_g_cm3,
        ELECTRONS: found.electrons,
    }


def _not_detected(fit: Fit, composition: Composition) -> list[str]:
    """Name the quantified elements below the detection limit, per label."""
    elements = np.array([family.element for family in fit.model.quantified])
    return [" ".join(elements[~seen]) for seen in composition.detected]


def read_table(text: bytes) -> pd.DataFrame:
    """Read a table back from CSV as it was: whole numbers whole, fractions to the last bit.

    Raises
    ------
    ValueError, KeyError
        If the text is no such table.
    """
    cells = pd.read_csv(BytesIO(text), dtype=str, keep_default_na=False)
    columns = {name: _column(name, cells[name].tolist()) for name in cells.columns}
    return pd.DataFrame(columns).set_index(LABEL)


def _column(name: str, cells: list[str]) -> list[Any]:
    if name in _TEXT:
        return [restored(cell) for cell in cells]
    if all(cell.lstrip("-").isdecimal() for cell in cells):
        return [int(cell) for cell in cells]
    return [float(cell or "nan") for cell in cells]
