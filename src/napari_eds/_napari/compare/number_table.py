"""Tables of comparisons: statistics per element, and found beside expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QGuiApplication, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_eds.compare.known import KnownComparison
from napari_eds.compare.results import Comparison
from napari_eds.quantification.table import CHIP

_ROW_HEIGHT_PX = 21
#: So many rows are always seen; more scroll where there is no room.
_ROWS_IN_SIGHT = 6
_NONE = "–"


class Column(NamedTuple):
    """A column of a table: its head, key of the numbers, format, and what it means."""

    head: str
    key: str
    form: str
    tip: str


STATISTICS = (
    Column("ours", "ours_mean", ".2f", "mean over labels, ours"),
    Column("other", "other_mean", ".2f", "mean over labels, the other's"),
    Column("diff.", "mean_difference", "+.2f", "mean difference, ours minus other"),
    Column("sd", "sd_difference", ".2f", "standard deviation of the difference over labels"),
    Column("rms", "rms_difference", ".2f", "root mean square of the difference"),
    Column("max", "max_difference", "+.2f", "largest difference in size, with its sign"),
    Column("z", "rms_z", ".2f", "root mean square of difference over its counting error"),
    Column("n", "n", ".0f", "number of labels with a value in both"),
)
WHOLE = (
    Column("ours", "ours", ".2f", "mean over all labels by amount of matter, ours"),
    Column("other", "other", ".2f", "the other's"),
    Column("diff.", "difference", "+.2f", "ours minus other"),
    Column("±", "difference_error", ".2f", "standard deviation of the difference from counting"),
    Column("z", "z", "+.1f", "difference over its counting error"),
)
KNOWN = (
    Column("found", "summed_at_pct", ".2f", "mean at.% over the labels"),
    Column("norm.", "normalised_at_pct", ".2f", "the same, to 100 % over the formula's elements"),
    Column("expect.", "expected_at_pct", ".2f", "at.% of the formula"),
    Column("error %", "percent_error", "+.2f", "(normalised − expected) / expected, in percent"),
    Column(
        "±",
        "percent_error_error_total",
        ".2f",
        "standard deviation of it from all that is uncertain (from counting and k-factors where "
        "the result tells no more), %",
    ),
    Column("± count", "percent_error_error", ".2f", "standard deviation from counting alone, %"),
    Column("± k", "percent_error_error_k", ".2f", "standard deviation from the k-factors, %"),
)


class NumberTable(QTableWidget):
    """Numbers by element; Ctrl+C copies them with their heads, for a spreadsheet."""

    def __init__(self) -> None:
        super().__init__()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)  # arrows go through the cells; Tab must lead on
        # Qt promises these; its type hints do not.
        self._top: Any = self.horizontalHeader()
        headers: list[Any] = [self._top, self.verticalHeader()]
        for header in headers:
            header.setHighlightSections(False)
            header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
            header.setMinimumSectionSize(_ROW_HEIGHT_PX)
            header.setDefaultSectionSize(_ROW_HEIGHT_PX)
        self._columns: tuple[Column, ...] = ()

    def element(self) -> str:
        """Return the element of the chosen row; of the first one if none is chosen."""
        head = self.verticalHeaderItem(max(self.currentRow(), 0))
        return "" if head is None else head.text()

    def fill(self, numbers: pd.DataFrame, columns: Sequence[Column], unit: str) -> None:
        """Show numbers, one row per element; the element chosen stays so."""
        chosen = self.element()
        with QSignalBlocker(self):
            self._fill(numbers, columns, unit)
            if chosen in numbers.index:
                self.setCurrentCell(list(numbers.index).index(chosen), 0)
        self._fit_columns()
        self.setMaximumHeight(self._height_of(len(numbers)))
        self.setMinimumHeight(self._height_of(min(len(numbers), _ROWS_IN_SIGHT)))

    def _fill(self, numbers: pd.DataFrame, columns: Sequence[Column], unit: str) -> None:
        self._columns = tuple(columns)
        self.setColumnCount(len(columns))
        self.setRowCount(len(numbers))
        self.setVerticalHeaderLabels([str(e) for e in numbers.index])
        for i, column in enumerate(columns):
            head = QTableWidgetItem(column.head)
            unitless = column.key in ("n", "z", "rms_z") or "percent" in column.key
            head.setToolTip(f"{column.tip}" if unitless else f"{column.tip}, in {unit}")
            self.setHorizontalHeaderItem(i, head)
            for row, value in enumerate(numbers[column.key]):
                self.setItem(row, i, _cell(float(value), column))

    def _fit_columns(self) -> None:
        """Share what is left of the width among columns that are as wide as their numbers."""
        self._top.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        needed = [
            max(self.sizeHintForColumn(i), self._top.sectionSizeHint(i))
            for i in range(self.columnCount())
        ]
        room: Any = self.viewport()
        spare = max(room.width() - sum(needed), 0)
        for i, width in enumerate(needed):
            self.setColumnWidth(i, width + spare // len(needed))

    def resizeEvent(self, event: Any) -> None:
        """Give columns the whole width where they fit."""
        super().resizeEvent(event)
        self._fit_columns()

    def _height_of(self, rows: int) -> int:
        head = self._top.sizeHint().height() + 2 * self.frameWidth() + 2
        return head + max(rows, 2) * _ROW_HEIGHT_PX

    def keyPressEvent(self, event: Any) -> None:
        """Copy all numbers as text with tabs."""
        if event.matches(QKeySequence.StandardKey.Copy):
            clipboard: Any = QGuiApplication.clipboard()
            clipboard.setText(self.as_text())
            return
        super().keyPressEvent(event)

    def as_text(self) -> str:
        """Return the table as text, columns apart by tabs."""
        lines = ["\t".join(["", *(c.head for c in self._columns)])]
        for row in range(self.rowCount()):
            head = self.verticalHeaderItem(row)
            cells = [self.item(row, i) for i in range(self.columnCount())]
            texts = ["" if cell is None else cell.text() for cell in cells]
            lines.append("\t".join(["" if head is None else head.text(), *texts]))
        return "\n".join(lines)


def fill_comparison(table: NumberTable, comparison: Comparison) -> None:
    """Show statistics over labels, or both compositions where one is of everything."""
    if not comparison.is_whole:
        table.fill(comparison.statistics, STATISTICS, comparison.unit)
        _tell_labels(table, comparison)
        return
    row = comparison.table.iloc[0]
    numbers = {c.key: [row[f"{e}_{c.key}"] for e in comparison.elements] for c in WHOLE}
    table.fill(
        pd.DataFrame(numbers, index=list(comparison.elements)).astype(float),
        WHOLE,
        comparison.unit,
    )


def _tell_labels(table: NumberTable, comparison: Comparison) -> None:
    """Say in the tooltip of the largest difference where it is."""
    place = [c.key for c in STATISTICS].index("max_difference")
    for row, label in enumerate(comparison.statistics["max_label"]):
        item = table.item(row, place)
        if item is not None and label is not None:
            chip = comparison.table[CHIP].get(label, "") if CHIP in comparison.table else ""
            item.setToolTip(f"label {label} {chip}; a double-click selects it")


def fill_known(table: NumberTable, known: KnownComparison) -> None:
    """Show found and expected at.% with percent errors."""
    table.fill(known.table, KNOWN, "at.%")


def _cell(value: float, column: Column) -> QTableWidgetItem:
    item = QTableWidgetItem(f"{value:{column.form}}" if np.isfinite(value) else _NONE)
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
