"""Table of the chosen elements: role, family and k-factor, all of them to edit in place."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, QPoint, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QFont, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QShortcut,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from napari_eds._napari.elements.facts import NAMES, family_text
from napari_eds._napari.elements.k_factor_rows import COMPUTED, Row
from napari_eds._napari.parts.theme import PALETTE, ThemeColors
from napari_eds._napari.parts.widgets import faded
from napari_eds._napari.state.element_choice import AUTO, FIT_ONLY, QUANTIFY

ELEMENT, ROLE, FAMILY, FACTOR, ERROR, ORIGIN = range(6)
_TITLES = ("", "Role", "Family", "k-factor", "± %", "From")
_TOOLTIPS = (
    "Element",
    "Quantified: gets an at. %. Fitted only: its lines are fitted, but it is not in the 100 %",
    "Family whose counts are quantified; auto takes the hardest in range",
    "Cliff-Lorimer k-factor by weight, relative to a standard that is the same for all of them",
    "Relative standard deviation of the k-factor in %",
    "Where the k-factor comes from",
)
_WIDTHS_PX = (32, 76, 68, 76, 38)
_ROW_HEIGHT_PX = 20
_UNSURE = 0.65
_MISSING, _MISSING_COLOR = "⚠ missing", PALETTE[1]


class KFactorModel(QAbstractTableModel):
    """Rows of chosen elements; edits are announced, not kept.

    Attributes
    ----------
    edited : Signal
        The user changed a cell; carries row, column and the new value: a role, a family, a
        k-factor, or a relative error (0.05 for 5 %).
    refused : Signal
        What the user typed is no number; carries a text that says so.
    """

    edited = Signal(object, int, object)
    refused = Signal(str)

    def __init__(self, colors: ThemeColors, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Row, ...] = ()
        self._colors = colors

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows."""
        return self._rows

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Show rows; the selection stays where the same elements are shown."""
        if rows == self._rows:
            return
        if [r.choice.symbol for r in rows] == [r.choice.symbol for r in self._rows]:
            self._rows = rows
            self._tell_all_changed()
        else:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of a theme."""
        self._colors = colors
        self._tell_all_changed()

    def _tell_all_changed(self) -> None:
        if self._rows:
            last = self.index(len(self._rows) - 1, len(_TITLES) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of elements."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return titles and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return _TOOLTIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Return what can be edited: numbers only of what is quantified."""
        flags = super().flags(index)
        row, column = self._rows[index.row()], index.column()
        numbers = column in (FACTOR, ERROR) and row.needs_factor
        if numbers or column in (ROLE, FAMILY):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, look and explanation of a cell."""
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _shown(row, column)
        if role == Qt.ItemDataRole.EditRole:
            return _to_edit(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _explained(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (FACTOR, ERROR):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return self._look(row, column, role)

    def _look(self, row: Row, column: int, role: int) -> Any:
        """Return font and colour: bold what is quantified, italic what is not given."""
        missing = bool(row.problem) and column == FACTOR
        unsure = column >= FACTOR and (row.origin == COMPUTED or not row.needs_factor)
        if role == Qt.ItemDataRole.FontRole:
            font = QFont()
            font.setBold(column == ELEMENT and row.needs_factor)
            font.setItalic(unsure or (column == ELEMENT and not row.needs_factor))
            return font
        if role == Qt.ItemDataRole.ForegroundRole:
            if missing:
                return QColor(_MISSING_COLOR)
            return QColor(faded(self._colors, _UNSURE) if unsure else self._colors.text)
        return None

    def setData(
        self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """Announce an edit; the rows change when the settings have."""
        row, column = self._rows[index.row()], index.column()
        if role != Qt.ItemDataRole.EditRole or value == _to_edit(row, column):
            return False
        if column in (FACTOR, ERROR):
            try:
                value = float(str(value).replace(",", ".").rstrip(" %"))
            except ValueError:
                self.refused.emit(f"{value!r} is not a number")
                return False
            if column == ERROR:
                value /= 100
        self.edited.emit(row, column, value)
        return True


def _shown(row: Row, column: int) -> str:
    """Return a cell as a person would write it; ▾ marks what opens a list."""
    texts = {
        ELEMENT: row.choice.symbol,
        ROLE: f"{row.choice.role} ▾",
        FAMILY: f"{family_text(row.choice.family, row.facts)} ▾",
        ORIGIN: row.origin if row.needs_factor else "not needed",
    }
    if column in texts:
        return texts[column]
    if row.factor is None:
        missing = row.problem and column == FACTOR
        return _MISSING if missing else "–"
    if column == FACTOR:
        return f"{row.factor.value:.4g}"
    return f"{100 * row.factor.relative_error:.3g}"


def _to_edit(row: Row, column: int) -> str:
    """Return what the editor of a cell starts with."""
    if column == ROLE:
        return row.choice.role
    if column == FAMILY:
        return row.choice.family
    if row.factor is None:
        return ""
    value = row.factor.value if column == FACTOR else 100 * row.factor.relative_error
    return f"{value:.10g}"


def _explained(row: Row, column: int) -> str:
    if column == ELEMENT:
        lines = row.facts.lines if row.facts is not None else ""
        return f"{row.choice.symbol} {NAMES.get(row.choice.symbol, '')}\n{lines}".strip()
    if column in (FACTOR, ERROR, ORIGIN) and row.problem:
        return row.problem
    if column == ORIGIN:
        return row.origin or _TOOLTIPS[column]
    return _TOOLTIPS[column]


class ListDelegate(QStyledItemDelegate):
    """Edits roles and families by a list that opens at once."""

    def createEditor(
        self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget | None:
        """Return a list, opened as soon as it is in place."""
        if index.column() not in (ROLE, FAMILY):
            return super().createEditor(parent, option, index)
        model: Any = index.model()
        row = model.rows[index.row()]
        box = QComboBox(parent)
        if index.column() == ROLE:
            for role in (QUANTIFY, FIT_ONLY):
                box.addItem(role, role)
        else:
            offered = row.facts.offered(row.choice.family) if row.facts is not None else ()
            for family in (AUTO, *offered):
                box.addItem(family_text(family, row.facts), family)
        # Choosing is the end of the edit: nobody should have to press Enter as well.
        box.activated.connect(lambda _: self._finish(box))
        QTimer.singleShot(0, box.showPopup)
        return box

    def _finish(self, box: QComboBox) -> None:
        self.commitData.emit(box)
        self.closeEditor.emit(box)

    def setEditorData(self, editor: QWidget | None, index: QModelIndex) -> None:
        """Start with what is chosen."""
        if isinstance(editor, QComboBox):
            chosen = editor.findData(index.data(Qt.ItemDataRole.EditRole))
            editor.setCurrentIndex(max(0, chosen))
        else:
            super().setEditorData(editor, index)

    def setModelData(self, editor: QWidget | None, model: Any, index: QModelIndex) -> None:
        """Announce what was chosen."""
        if isinstance(editor, QComboBox):
            model.setData(index, editor.currentData(), Qt.ItemDataRole.EditRole)
        else:
            super().setModelData(editor, model, index)


class KFactorView(QTableView):
    """The table; Delete removes the selected rows.

    Attributes
    ----------
    removed : Signal
        Carries the symbols of the rows to remove.
    menu_asked : Signal
        A menu was asked for; carries the symbol and the place on the screen.
    """

    removed = Signal(tuple)
    menu_asked = Signal(str, QPoint)

    def __init__(self, model: KFactorModel) -> None:
        super().__init__()
        self._chosen = model
        self.setModel(model)
        self.setItemDelegate(ListDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        trigger = QAbstractItemView.EditTrigger
        self.setEditTriggers(
            trigger.DoubleClicked | trigger.EditKeyPressed | trigger.AnyKeyPressed
        )
        self.setTabKeyNavigation(False)  # arrows go through the cells; Tab must lead on
        self.clicked.connect(self._on_clicked)
        rows: Any = self.verticalHeader()
        rows.hide()
        rows.setDefaultSectionSize(_ROW_HEIGHT_PX)
        header: Any = self.horizontalHeader()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, width in enumerate(_WIDTHS_PX):
            header.resizeSection(column, width)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self._on_delete)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)

    def _on_clicked(self, index: QModelIndex) -> None:
        """Open lists by one click; numbers want two, so that rows can be selected."""
        if index.column() in (ROLE, FAMILY):
            self.edit(index)

    def _on_delete(self) -> None:
        rows = {index.row() for index in self.selectedIndexes()}
        symbols = tuple(self._chosen.rows[row].choice.symbol for row in sorted(rows))
        if symbols:
            self.removed.emit(symbols)

    def _on_menu(self, point: QPoint) -> None:
        index = self.indexAt(point)
        if index.isValid():
            symbol = self._chosen.rows[index.row()].choice.symbol
            viewport: Any = self.viewport()
            self.menu_asked.emit(symbol, viewport.mapToGlobal(point))
