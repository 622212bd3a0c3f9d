"""The parts of errors for people: as a table, and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_eds.labels.chips import LABEL
from napari_eds.quantification.errors.budget import BULK, DOSE, PARTS, Part
from napari_eds.quantification.methods.composition import Composition

ELEMENT, TOTAL = "element", "total"

#: What parts of an error are called in text.
PART_WORDS: dict[Part, str] = {
    "counting": "counting",
    "k_factors": "k-factors",
    "axis": "energy axis",
    "ratios": "line ratios",
    "line_shapes": "line shapes",
    "background": "background",
    "thickness": "thickness",
    "density": "density",
    "attenuation": "attenuation",
    "dose": "dose",
    "bulk": "bulk not corrected",
}

#: Parts below this share of the largest one are not told, as they do not show in the total; but
#: counting is, since it alone differs from label to label.
_WORTH_TELLING = 0.1
#: So many parts are named in the account.
_NAMED = 3


def error_table(
    labels: Sequence[int], elements: Sequence[str], found: Composition
) -> pd.DataFrame:
    """Put the parts of every error into one row.

    Parameters
    ----------
    labels : sequence of int
    elements : sequence of str
    found : Composition
        Of these labels and elements.

    Returns
    -------
    DataFrame
        One row per label and element: ``label``, ``element``, a column per part of
        `error_budget.PARTS` and ``total``, standard deviations in at.%. NaN where a part is not
        known (shapes, of HyperSpy's engines) or the label has no composition. ``dose`` is there
        for the zeta-factor method only, ``bulk`` for bulk specimens.
    """
    n_labels, n_elements = len(labels), len(elements)
    unknown = np.full((n_labels, n_elements), np.nan)
    known = np.isfinite(found.atomic_errors_total)
    parts = {
        part: 100 * np.where(known, found.atomic_error_parts.get(part, unknown), np.nan).ravel()
        for part in _parts_of(found)
    }
    return pd.DataFrame(
        {
            LABEL: np.repeat(np.asarray(labels), n_elements),
            ELEMENT: list(elements) * n_labels,
            **{str(part): errors for part, errors in parts.items()},
            TOTAL: 100 * found.atomic_errors_total.ravel(),
        }
    )


def parts_text(found: Composition, row: int, column: int) -> str:
    """Name the parts of one error in at.%, the largest first; empty where there is none."""
    parts = found.atomic_error_parts
    return _told(
        {part: 100 * parts[part][row, column] for part in _parts_of(found) if part in parts}
    )


def errors_account(elements: Sequence[str], found: Composition) -> str:
    """Say in a sentence what the errors of the mean label are made of.

    The mean label is the mean over labels of each part; the element is the one of the largest
    total error.
    """
    known = np.isfinite(found.atomic_errors_total).all(axis=1)
    if not known.any():
        return "Errors: none, since no label has a composition."
    total = 100 * found.atomic_errors_total[known].mean(axis=0)
    worst = int(np.argmax(total))
    parts: dict[Part, float] = {
        part: 100 * found.atomic_error_parts[part][known, worst].mean()
        for part in _parts_of(found)
        if part in found.atomic_error_parts
    }
    largest = sorted(parts, key=lambda part: -parts[part])[:_NAMED]
    if not total[worst] > 0:
        return f"Errors: none, for {elements[worst]} alone is 100 % whatever its counts."
    shapes = "" if "line_shapes" in parts else " and, with HyperSpy's engines, shapes of lines"
    mostly = _told({part: parts[part] for part in largest})
    return (
        f"Errors: largest in the mean label for {elements[worst]}, {total[worst]:.2g} at.% in "
        f"all, mostly of {mostly}; all parts but counting have a common cause and move labels of "
        "like composition and thickness alike. Not contained: elements that were left out, a "
        f"specimen that is not homogeneous{shapes}."
    )


def _parts_of(found: Composition) -> tuple[Part, ...]:
    """Return the parts of an error by method and specimen of a composition, in their order."""
    return (*PARTS, *(part for part in (DOSE, BULK) if part in found.atomic_error_parts))


def _told(parts: dict[Part, float]) -> str:
    known = {part: value for part, value in parts.items() if np.isfinite(value) and value > 0}
    least = _WORTH_TELLING * max(known.values(), default=0.0)
    return ", ".join(
        f"{PART_WORDS[part]} {value:.2g}"
        for part, value in sorted(known.items(), key=lambda item: -item[1])
        if value >= least or part == "counting"
    )
