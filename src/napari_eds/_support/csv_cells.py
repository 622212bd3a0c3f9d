"""Cells of CSV files that a spreadsheet would run as formulas, made harmless and read back.

A name such as ``=HYPERLINK(...)`` is a formula to Excel and LibreOffice when they open a CSV file
(OWASP, *CSV injection*: cells that begin with ``=``, ``+``, ``-``, ``@``, tab, carriage return or
line feed). A quote in front makes it text. Quotes that stand there already get one more, so that
what is read back is what was written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_DEFUSED = re.compile(r"'+[=+\-@\t\r\n]")


def defused(cell: Any) -> Any:
    """Return a cell as it is written: texts that begin as formulas with a quote in front."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """Return a cell as it was before `defused`."""
    return cell[1:] if _DEFUSED.match(cell) else cell


def csv_text(table: pd.DataFrame, **options: Any) -> str:
    """Return a table as CSV text without formulas; `options` are those of ``DataFrame.to_csv``."""
    safe = table.copy()
    for position in range(safe.shape[1]):
        column = safe.iloc[:, position]
        if not hasattr(column.dtype, "itemsize") or column.dtype.kind == "O":
            safe.isetitem(position, column.map(defused))
    safe.columns = safe.columns.map(defused)
    safe.index = safe.index.map(_defused_key)
    safe.index.names, safe.columns.names = table.index.names, table.columns.names
    return str(safe.to_csv(lineterminator="\n", **options))


def _defused_key(key: Any) -> Any:
    return tuple(map(defused, key)) if isinstance(key, tuple) else defused(key)
