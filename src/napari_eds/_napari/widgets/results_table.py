"""Table of a quantification: one row per label, sorted by any column, linked to the layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Labels
from napari.viewer import Viewer
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.layers import QUANTIFICATION
from napari_eds.analysis import Quantification

_SORT_ROLE = Qt.ItemDataRole.UserRole

_MIN_HEIGHT_PX = 180


def display_frame(result: Quantification) -> pd.DataFrame:
    """Return the columns a person reads: chip, pixels, counts, at. % and wt. %, fit quality."""
    table = result.table
    columns: dict[str, Any] = {
        "chip": table["chip"],
        "pixels": table["n_pixels"],
        "counts": table["counts"],
    }
    for e in result.elements:
        columns[f"{e} at.%"] = table[f"{e}_at_pct"]
        columns[f"± {e}"] = table[f"{e}_at_pct_error"]
    for e in result.elements:
        columns[f"{e} wt.%"] = table[f"{e}_wt_pct"]
    columns["χ²/ν"] = table["reduced_chi_squared"]
    columns["remark"] = table["flag"]
    return pd.DataFrame(columns, index=table.index)


class FrameModel(QAbstractTableModel):
    """A DataFrame as a read-only Qt table; sorts by value, shows what a person would write."""

    def __init__(self, frame: pd.DataFrame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = frame
        self._columns = [frame.iloc[:, i].to_numpy() for i in range(frame.shape[1])]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of labels."""
        return 0 if parent is not None and parent.isValid() else len(self._frame)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self._columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text, the value to sort by, or the alignment of a cell."""
        value = self._columns[index.column()][index.row()]
        text = isinstance(value, str)
        if role == Qt.ItemDataRole.DisplayRole:
            return _shown(value)
        if role == _SORT_ROLE:
            # NaN compares with nothing: sort it below every number.
            if text:
                return value
            return float(value) if np.isfinite(value) else float("-inf")
        if role == Qt.ItemDataRole.TextAlignmentRole and not text:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return column titles and, at the left, label ids."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return str(self._frame.columns[section])
        return str(self._frame.index[section])

    def label_at(self, row: int) -> int:
        """Return the label id of a row."""
        return int(self._frame.index[row])


class ResultsTable(QWidget):
    """Dock that shows the result of the active layer; clicking a row selects the label."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._result: Quantification | None = None
        self._title = QLabel()
        self._title.setWordWrap(True)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSortRole(_SORT_ROLE)
        self._view = self._make_view()
        layout = QVBoxLayout(self)
        layout.addWidget(self._title)
        layout.addWidget(self._view)
        self.setMinimumHeight(_MIN_HEIGHT_PX)
        self._viewer.layers.selection.events.active.connect(self._follow_active)
        self.destroyed.connect(self._make_disconnect())
        self._follow_active()

    def _make_view(self) -> QTableView:
        view = QTableView()
        view.setModel(self._proxy)
        view.setSortingEnabled(True)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = view.horizontalHeader()
        if header is not None:
            # Sizes from the rows on screen only: thousands of rows would take seconds.
            header.setResizeContentsPrecision(50)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        selection = view.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(self._on_row)
        return view

    def _make_disconnect(self) -> Any:
        """Return a function that needs no `self`, which is gone when Qt calls it."""
        events, follow = self._viewer.layers.selection.events.active, self._follow_active
        return lambda *_: events.disconnect(follow)

    def _follow_active(self, _event: Any = None) -> None:
        """Show the result of the active layer; keep the last one where it has none."""
        layer = self._viewer.layers.selection.active
        if layer is not None and QUANTIFICATION in layer.metadata:
            self.show_result(layer.metadata[QUANTIFICATION])
        elif self._result is None:
            self._title.setText("No result yet: quantify labels, then select their layer.")

    def show_result(self, result: Quantification) -> None:
        """Show a result."""
        if result is self._result:
            return
        self._result = result
        self._title.setText(
            f"{result.image.name}: {len(result.table)} labels, {', '.join(result.elements)}. "
            "Click a row to select its label; click a heading to sort."
        )
        self._proxy.setSourceModel(FrameModel(display_frame(result), self))
        self._view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self._view.resizeColumnsToContents()

    def _on_row(self, current: QModelIndex, _previous: QModelIndex) -> None:
        model = self._proxy.sourceModel()
        if not current.isValid() or not isinstance(model, FrameModel):
            return
        label = model.label_at(self._proxy.mapToSource(current).row())
        for layer in self._viewer.layers:
            if isinstance(layer, Labels) and layer.metadata.get(QUANTIFICATION) is self._result:
                layer.selected_label = label


def _shown(value: Any) -> str:
    """Return a cell as a person would write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, np.integer)):
        return f"{value:,}".replace(",", "\u202f")
    return f"{value:.2f}" if np.isfinite(value) else "–"
