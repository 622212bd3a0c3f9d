"""The table of the results dock: choosing rows, copying them, choosing columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QMimeData,
    QModelIndex,
    QPoint,
    Qt,
    Signal,
)
from qtpy.QtGui import QAction, QGuiApplication, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QMenu, QTableView, QWidget

from napari_eds._napari.results.columns import GROUPS, UNITS
from napari_eds._napari.results.table_model import ResultsModel
from napari_eds._support import html

_ROW_HEIGHT_PX = 20
#: Beside the widest text of a cell.
_PADDING_PX = 12
#: No text takes more room from numbers; a tooltip holds what is cut.
_WIDEST_PX = 300

_COPY, _ALL = QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.SelectAll
_SELECT = QItemSelectionModel.SelectionFlag


class ResultsView(QTableView):
    """Table of labels.

    Attributes
    ----------
    chosen : Signal
        The user selected rows; carries the labels' ids, the one clicked last at the end.
    brought : Signal
        A row was clicked, selected before or not; carries the label's id.
    opened : Signal
        A row was double-clicked; carries the label's id.
    columns_chosen : Signal
        Carries the groups of columns to show.
    unit_chosen : Signal
        Carries a key of `UNITS`.
    """

    chosen = Signal(list)
    brought = Signal(int)
    opened = Signal(int)
    columns_chosen = Signal(tuple)
    unit_chosen = Signal(str)

    def __init__(self, model: ResultsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._following = False
        self._groups: tuple[str, ...] = ()
        self._unit = ""
        self.setModel(model)
        # Qt promises these two; its type hints do not.
        self.header: Any = self.horizontalHeader()
        self._selection: Any = self.selectionModel()
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # arrows go through the cells; Tab must lead on
        self._set_up()
        self.clicked.connect(self._on_click)
        self.doubleClicked.connect(self._on_double_click)

    def _set_up(self) -> None:
        rows: Any = self.verticalHeader()
        rows.hide()
        rows.setMinimumSectionSize(_ROW_HEIGHT_PX)
        rows.setDefaultSectionSize(_ROW_HEIGHT_PX)
        header = self.header
        header.setHighlightSections(False)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        self._selection.selectionChanged.connect(self._on_selection)

    # Rows.

    def selected_ids(self) -> list[int]:
        """Return the ids of the selected rows, the current one at the end."""
        # By ranges: an index per row and column takes seconds for thousands of rows.
        rows = [row for area in self._selection.selection() for row in _rows_of(area)]
        current = self.currentIndex().row()
        if current in rows:
            rows.remove(current)
            rows.append(current)
        return self._model.ids[rows].tolist()

    def follow(self, ids: Sequence[int]) -> None:
        """Select the rows of labels that were selected elsewhere."""
        rows = self._model.rows_of(ids)
        if len(rows) and set(self._model.ids[rows].tolist()) == set(self.selected_ids()):
            return
        selection = QItemSelection()
        last = self._model.columnCount() - 1
        for first, after in _runs(rows):
            selection.select(self._model.index(first, 0), self._model.index(after - 1, last))
        current = self._model.rows_of(ids[-1:])
        column = max(self.currentIndex().column(), 0)
        self._following = True
        try:
            # Qt compares every old range of rows with every new one, unless there is none.
            self._selection.reset()
            if len(current):
                index = self._model.index(int(current[0]), column)
                self._selection.setCurrentIndex(index, _SELECT.NoUpdate)
                self.scrollTo(index)
            self._selection.select(selection, _SELECT.Select)
            self.repaint_cells()
        finally:
            self._following = False

    def _on_selection(self) -> None:
        if not self._following:
            self.chosen.emit(self.selected_ids())

    def _on_click(self, index: QModelIndex) -> None:
        self.brought.emit(int(self._model.ids[index.row()]))

    def _on_double_click(self, index: QModelIndex) -> None:
        self.opened.emit(int(self._model.ids[index.row()]))

    def repaint_cells(self) -> None:
        """Show cells in other colours."""
        viewport: Any = self.viewport()
        viewport.update()

    # Copying.

    def event(self, event: Any) -> bool:
        """Keep Ctrl+C and Ctrl+A, which the window's menus may give another meaning."""
        if event.type() == QEvent.Type.ShortcutOverride and (
            event.matches(_COPY) or event.matches(_ALL)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: Any) -> None:
        """Copy rows with Ctrl+C; Qt itself would copy one cell."""
        if event.matches(_COPY):
            self.copy_selected()
        else:
            super().keyPressEvent(event)

    def copy_selected(self) -> None:
        """Copy the selected rows as text, with their header."""
        self._copy(self._model.rows_of(self.selected_ids()))

    def copy_all(self) -> None:
        """Copy all rows that are shown as text, with their header."""
        self._copy(np.arange(self._model.rowCount()))

    def _copy(self, rows: np.ndarray) -> None:
        clipboard = QGuiApplication.clipboard()
        if len(rows) and clipboard is not None:
            text = self._model.as_text(rows)
            data = QMimeData()
            data.setText(text)
            # Word processors and mail make a table of it.
            header, *cells = (line.split("\t") for line in text.split("\n"))
            data.setHtml(html.table(cells, header))
            clipboard.setMimeData(data)

    # Columns.

    def set_choice(self, groups: Sequence[str], unit: str) -> None:
        """Tell which groups of columns, and which unit, are shown now."""
        self._groups, self._unit = tuple(groups), unit

    def fit_columns(self) -> None:
        """Make columns as wide as their heading and the widest of some cells."""
        metrics = self.fontMetrics()
        for column, text in enumerate(self._model.longest_texts()):
            width = max(metrics.horizontalAdvance(text), self.header.sectionSizeHint(column))
            self.setColumnWidth(column, min(width + _PADDING_PX, _WIDEST_PX))

    def fill_menu(self, menu: QMenu) -> None:
        """Offer units, columns and copying."""
        menu.clear()
        menu.addSection("Composition in")
        for unit, words in UNITS.items():
            self._check(menu, words, on=unit == self._unit).triggered.connect(
                lambda _on, unit=unit: self.unit_chosen.emit(unit)
            )
        menu.addSection("Columns")
        for group, words in GROUPS.items():
            self._check(menu, words, on=group in self._groups).triggered.connect(
                lambda on, group=group: self._on_group(group, on=on)
            )
        menu.addSection("Copy as text")
        menu.addAction("Selected rows (Ctrl+C)", self.copy_selected)
        menu.addAction("All rows", self.copy_all)

    def _check(self, menu: QMenu, words: str, *, on: bool) -> QAction:
        action = QAction(words, menu)
        menu.addAction(action)
        action.setCheckable(True)
        action.setChecked(on)
        return action

    def _on_group(self, group: str, *, on: bool) -> None:
        chosen = {*self._groups, group} if on else set(self._groups) - {group}
        self.columns_chosen.emit(tuple(g for g in GROUPS if g in chosen))

    def _on_header_menu(self, spot: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill_menu(menu)
        menu.popup(self.header.mapToGlobal(spot))


def _rows_of(area: Any) -> Iterable[int]:
    return range(area.top(), area.bottom() + 1)


def _runs(rows: np.ndarray) -> Iterator[tuple[int, int]]:
    """Return half-open ranges of consecutive rows."""
    if not len(rows):
        return
    breaks = np.flatnonzero(np.diff(rows) > 1) + 1
    for run in np.split(rows, breaks):
        yield int(run[0]), int(run[-1]) + 1
