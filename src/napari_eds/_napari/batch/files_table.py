"""The list of a batch's files: their states, how many labels they have, and what is to be told."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem

from napari_eds.batches.entry import BatchEntry

_COLUMNS = ("file", "state", "labels", "error or remark")


class FilesTable(QTableWidget):
    """One row per file, which is renewed as its state changes."""

    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)  # arrows go through the cells; Tab must lead on
        self.setToolTip("Files of the batch; the whole error is told when the pointer rests on it")
        rows: Any = self.verticalHeader()
        rows.hide()
        header: Any = self.horizontalHeader()
        for column in range(3):
            header.setSectionResizeMode(column, header.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self._row_of: dict[str, int] = {}

    def restart(self) -> None:
        """Take all files off."""
        self.setRowCount(0)
        self._row_of = {}

    def show_entry(self, entry: BatchEntry) -> None:
        """Show what is known of a file now."""
        row = self._row_of.setdefault(entry.file, self.rowCount())
        if row == self.rowCount():
            self.insertRow(row)
        labels = str(entry.n_labels) if entry.state == "done" else ""
        for column, text in enumerate(
            (entry.file, entry.state, labels, entry.error or entry.remark)
        ):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            self.setItem(row, column, item)

    def stop(self) -> None:
        """Tell of files that were at work when the batch was left that they wait."""
        for row in range(self.rowCount()):
            item = self.item(row, 1)
            if item is not None and item.text() == "running":
                item.setText("waiting")

    def states(self) -> dict[str, str]:
        """Return the state of each file, as it is shown."""
        cells = {name: self.item(row, 1) for name, row in self._row_of.items()}
        return {name: "" if cell is None else cell.text() for name, cell in cells.items()}
