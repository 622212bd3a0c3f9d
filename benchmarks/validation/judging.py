"""What counts as right and as wrong, and which error a result is judged by."""

from __future__ import annotations

import pandas as pd

from napari_eds.quantification.table import error_total_of

#: An element of less than this is none of the majors, whose relative errors count.
MAJOR_at_pct = 5.0
#: An absent element is wrong where more than this is found.
ABSENT_at_pct = 1.0
#: A major is wrong where it is off by more.
WRONG_percent = 5.0


def total_error(row: pd.Series, column: str) -> float:
    """Return the total error of what a column holds; that of counting where there is no other."""
    return float(row[error_total_of(column)])
