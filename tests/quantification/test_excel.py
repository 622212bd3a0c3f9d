"""Workbooks: numbers stay numbers, and no text becomes a formula."""

import math
from io import BytesIO

import pandas as pd
import pytest

from napari_eds.quantification.saving.excel import workbook

openpyxl = pytest.importorskip("openpyxl")


def test_cells_are_what_they_were_and_no_formula():
    table = pd.DataFrame({"chip": ["=1+1", "R0C0", "a\x00b"], "Fe": [1.5, math.nan, -2.0]})
    sheet = openpyxl.load_workbook(BytesIO(workbook({"labels": table})))["labels"]
    rows = list(sheet.iter_rows(min_row=2))
    assert [row[0].value for row in rows] == ["'=1+1", "R0C0", "ab"]
    assert [row[1].value for row in rows] == [1.5, None, -2.0]
    assert "f" not in {cell.data_type for row in rows for cell in row}
    assert sheet.freeze_panes == "A2"
