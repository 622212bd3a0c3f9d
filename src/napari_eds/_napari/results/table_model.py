"""The results as a Qt table: sorted, filtered and written fast enough for 10,000 labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QColor, QFont

from napari_eds._napari.results.columns import Column
from napari_eds.quantification.table import FLAG, LABEL

#: Before the number of a label with a remark, so that it is not told by colour alone.
MARK = "⚠ "

#: Rows that decide on the columns' widths.
_ROWS_MEASURED = 200

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ROLE = Qt.ItemDataRole


class ResultsModel(QAbstractTableModel):
    """Columns of a result; which rows are shown, and in which order, is one array.

    Qt's own sorting proxy asks Python for every comparison, which takes seconds for thousands of
    rows; numpy sorts them in a millisecond.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns: list[Column] = []
        self._shown: list[Column] = []
        self._remarks: Sequence[str] | np.ndarray = ()
        self._ids = np.empty(0, np.int64)
        self._met = np.empty(0, bool)
        self._rows = np.empty(0, np.intp)
        self._sorted_by: tuple[str, bool] | None = None
        self._warning = QColor()
        self._bold = QFont()
        self._bold.setBold(True)

    # What is shown.

    def set_content(
        self, columns: Sequence[Column], groups: Sequence[str], met: np.ndarray | None = None
    ) -> None:
        """Show other columns, of a result or of none, and the labels that meet a condition.

        The rows stay in the order of the column that they are sorted by.
        """
        self.beginResetModel()
        self._columns = list(columns)
        self._shown = [c for c in columns if not c.group or c.group in groups]
        by_name = {c.name: c for c in columns}
        self._ids = by_name[LABEL].values if columns else np.empty(0, np.int64)
        self._remarks = by_name[FLAG].values if columns else ()
        self._met = np.ones(len(self._ids), bool) if met is None else met
        self._arrange()
        self.endResetModel()

    def set_met(self, met: np.ndarray) -> None:
        """Show only labels that meet a condition, (labels,)."""
        self.beginResetModel()
        self._met = met
        self._arrange()
        self.endResetModel()

    def set_warning_color(self, color: str) -> None:
        """Set the colour of remarks."""
        self._warning = QColor(color)

    @property
    def columns(self) -> list[Column]:
        """All columns, shown or not."""
        return self._columns

    @property
    def shown_columns(self) -> list[Column]:
        """Columns that are shown."""
        return self._shown

    @property
    def ids(self) -> np.ndarray:
        """Ids of the labels in the order of the rows."""
        return self._ids[self._rows]

    @property
    def rows(self) -> np.ndarray:
        """Positions in the columns' values, in the order of the rows."""
        return self._rows

    @property
    def met(self) -> np.ndarray:
        """Which labels meet the condition, in the order of the columns' values."""
        return self._met

    @property
    def sorted_by(self) -> tuple[str, bool] | None:
        """Name of the column in whose order the rows are, and whether it descends."""
        return self._sorted_by

    def rows_of(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the rows of labels, ascending, of those that are shown."""
        return np.flatnonzero(np.isin(self.ids, ids))

    def longest_texts(self) -> list[str]:
        """Return the longest text of each column, among some rows: all would take too long."""
        step = max(1, len(self._ids) // _ROWS_MEASURED)
        some = range(0, len(self._ids), step)
        return [
            max((self._text(column, row) for row in some), key=len, default="")
            for column in self._shown
        ]

    def as_text(self, rows: Sequence[int] | np.ndarray) -> str:
        """Return rows as tab-separated text with a header, numbers to six digits."""
        header, cells = [], []
        for column in self._shown:
            header.append(column.name)
            cells.append([_plain(v) for v in column.values[self._rows[rows]]])
            if column.errors is not None:
                header.append(column.errors_name)
                cells.append([_plain(v) for v in column.errors[self._rows[rows]]])
        return "\n".join("\t".join(line) for line in (header, *zip(*cells, strict=True)))

    # Sorting.

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column's values, what is missing last in either order; -1 by label."""
        descending = order == Qt.SortOrder.DescendingOrder
        known = 0 <= column < len(self._shown)
        self.sort_by((self._shown[column].name, descending) if known else None)

    def sort_by(self, sorted_by: tuple[str, bool] | None) -> None:
        """Sort by the column of a name, descending or not; None is the order of the labels."""
        if sorted_by == self._sorted_by:
            return
        self.beginResetModel()
        self._sorted_by = sorted_by
        self._arrange()
        self.endResetModel()

    def _arrange(self) -> None:
        self._rows = np.flatnonzero(self._met)
        name, descending = self._sorted_by or ("", False)
        column = next((c for c in self._columns if c.name == name), None)
        if column is not None:
            keys = column.sort_keys[self._rows]
            self._rows = self._rows[np.argsort(-keys if descending else keys, kind="stable")]

    # What Qt asks.

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of labels."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        """Return the text, colour, font, alignment or tooltip of a cell."""
        column, row = self._shown[index.column()], self._rows[index.row()]
        if role == _ROLE.DisplayRole:
            return self._text(column, row)
        if role == _ROLE.TextAlignmentRole:
            return None if column.is_text else _RIGHT
        if role == _ROLE.ToolTipRole:
            return self._tip(column, row)
        if column.name in {FLAG, LABEL} and self._remarks[row]:
            if role == _ROLE.ForegroundRole:
                return self._warning
            if role == _ROLE.FontRole:
                return self._bold
        return None

    def _tip(self, column: Column, row: int) -> str:
        """Say what to beware of in a label, and what the error of a cell is made of."""
        remark = self._remarks[row] and f"Label {self._ids[row]}: {self._remarks[row]}"
        parts = column.tell(row) if column.tell is not None else ""
        return "\n".join(line for line in (parts, remark) if line)

    def _text(self, column: Column, row: int) -> str:
        marked = column.name == LABEL and self._remarks[row]
        return MARK + column.text(row) if marked else column.text(row)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole
    ) -> Any:
        """Return titles of columns and their tooltips."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self._shown[section]
        if role == _ROLE.DisplayRole:
            return column.title
        if role == _ROLE.ToolTipRole:
            return f"{column.help}\nIn conditions: {column.name}"
        return None


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
