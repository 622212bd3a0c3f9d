"""A result as a workbook of Excel, whose texts are texts and whose numbers are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from io import BytesIO

import pandas as pd

from napari_eds._support.csv_cells import defused
from napari_eds.errors import EDSError

#: Ending of workbooks.
XLSX = ".xlsx"
#: What a sheet can hold.
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_WIDEST = 60
#: What XML, and so a sheet, cannot hold.
_CONTROL = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def check_excel() -> None:
    """Make sure that workbooks can be written.

    Raises
    ------
    EDSError
    """
    if find_spec("openpyxl") is None:
        raise EDSError(
            "a workbook of Excel needs the package openpyxl, which is not installed: "
            "pip install openpyxl, or save the table as .csv"
        )


def workbook(sheets: Mapping[str, pd.DataFrame]) -> bytes:
    """Return tables as the sheets of a workbook, their headers kept in sight.

    Texts that a spreadsheet would take for formulas begin with a quote; see `csv_cells`.

    Parameters
    ----------
    sheets : mapping of str to DataFrame
        By name; the index is not written.

    Raises
    ------
    EDSError
        If openpyxl is not installed, or a table is larger than a sheet.
    """
    check_excel()
    buffer = BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        for name, table in sheets.items():
            if len(table) >= _MOST_ROWS or table.shape[1] > _MOST_COLUMNS:
                raise EDSError(
                    f"{len(table):,} rows of {table.shape[1]:,} columns are more than a sheet of "
                    "Excel holds: save the table as .csv or .parquet"
                )
            safe = table.map(_cell)
            safe.columns = [_cell(str(column)) for column in table.columns]
            safe.to_excel(writer, sheet_name=name, index=False, freeze_panes=(1, 0))
            _fit_columns(writer.sheets[name])
    return buffer.getvalue()


def _cell(value: object) -> object:
    return defused(value.translate(_CONTROL)) if isinstance(value, str) else value


def _fit_columns(sheet: object) -> None:
    """Make columns as wide as their heading; long texts are cut by the next cell."""
    for cells in sheet.iter_cols(max_row=1):  # type: ignore[attr-defined]
        head = cells[0]
        width = min(max(len(str(head.value)) + 2, 9), _WIDEST)
        sheet.column_dimensions[head.column_letter].width = width  # type: ignore[attr-defined]
