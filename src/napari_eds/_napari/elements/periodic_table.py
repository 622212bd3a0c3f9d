"""A periodic table to choose elements on: it shows what it is told and says what is clicked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_eds._napari.elements.facts import N_COLUMNS, N_ROWS, NAMES, place_of
from napari_eds._napari.parts.theme import PALETTE, ThemeColors
from napari_eds._napari.parts.widgets import faded
from napari_eds._napari.state.element_choice import FIT_ONLY, QUANTIFY

#: Height of a cell over its width; gap above the lanthanides, in cells.
_ASPECT, _GAP = 1.0, 0.25
_MIN_CELL_PX, _MAX_CELL_PX = 18.0, 34.0
_NARROW_PX = 370
_DISABLED_OPACITY = 0.5
_QUANTIFIED, _HINT = PALETTE[0], PALETTE[1]
#: The legend lies in the bay above the transition metals: first column, width and rows.
_BAY_COLUMN, _BAY_WIDTH, _BAY_ROWS = 2.4, 9.4, 2.9

_PLACES = {symbol: place_of(number) for number, symbol in enumerate(NAMES, start=1)}
_AT = {place: symbol for symbol, place in _PLACES.items()}
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


@dataclass(frozen=True)
class Cell:
    """How an element is shown.

    `role` is empty, ``"quantify"`` or ``"fit only"``; `hint` is empty, ``"seen"`` or
    ``"perhaps"``.
    """

    role: str = ""
    hint: str = ""
    usable: bool = True
    tooltip: str = ""


class PeriodicTable(QWidget):
    """The elements in 18 columns, each a cell to click.

    Roles are told by filling, hatching and font; hints by a full or an empty dot.

    Attributes
    ----------
    clicked : Signal
        A cell was clicked, or chosen with Space or Enter; carries the symbol.
    menu_asked : Signal
        A menu was asked for; carries the symbol and the place on the screen.
    """

    clicked = Signal(str)
    menu_asked = Signal(str, QPoint)

    def __init__(self, colors: ThemeColors) -> None:
        super().__init__()
        self._cells: Mapping[str, Cell] = {}
        self._colors = colors
        self._current = "Fe"
        self._hovered = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Periodic table")

    @property
    def current(self) -> str:
        """Symbol of the cell that the keys act on."""
        return self._current

    def cell(self, symbol: str) -> Cell:
        """Return how an element is shown."""
        return self._cells.get(symbol, Cell())

    def show_cells(self, cells: Mapping[str, Cell]) -> None:
        """Show elements."""
        if cells != self._cells:
            self._cells = cells
            self.update()

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of a theme."""
        self._colors = colors
        self.update()

    # Geometry.

    def _cell_width(self, width: int | None = None) -> float:
        fitting = ((self.width() if width is None else width) - 2) / N_COLUMNS
        return min(_MAX_CELL_PX, max(_MIN_CELL_PX, fitting))

    def heightForWidth(self, width: int) -> int:
        """Return the height at a width."""
        return round(self._cell_width(width) * _ASPECT * (N_ROWS + _GAP)) + 2

    def resizeEvent(self, _event: Any) -> None:
        """Take the height that goes with the width: layouts in layouts do not ask for it."""
        self.setFixedHeight(self.heightForWidth(self.width()))

    def sizeHint(self) -> QSize:
        """Return the size in a narrow dock."""
        return QSize(_NARROW_PX, self.heightForWidth(_NARROW_PX))

    def minimumSizeHint(self) -> QSize:
        """Return the size of the smallest cells that can be read."""
        width = round(_MIN_CELL_PX * N_COLUMNS) + 2
        return QSize(width, self.heightForWidth(width))

    def cell_rect(self, symbol: str) -> QRectF:
        """Return where the cell of an element is."""
        row, column = _PLACES[symbol]
        w = self._cell_width()
        left = max(0.0, (self.width() - w * N_COLUMNS) / 2)
        top = 1 + w * _ASPECT * (row + (_GAP if row >= N_ROWS - 2 else 0))
        return QRectF(left + column * w, top, w, w * _ASPECT).adjusted(0.5, 0.5, -0.5, -0.5)

    def symbol_at(self, point: QPointF) -> str:
        """Return the element at a point, or nothing."""
        return next((s for s in NAMES if self.cell_rect(s).contains(point)), "")

    # What the user does.

    def mousePressEvent(self, event: Any) -> None:
        """Choose the clicked cell."""
        symbol = self.symbol_at(event.position())
        if not symbol:
            return
        self._current = symbol
        self.update()
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(symbol)

    def mouseMoveEvent(self, event: Any) -> None:
        """Name the element under the pointer."""
        self._hover(self.symbol_at(event.position()))

    def leaveEvent(self, _event: Any) -> None:
        """Name the current element again."""
        self._hover("")

    def _hover(self, symbol: str) -> None:
        if symbol != self._hovered:
            self._hovered = symbol
            self.update()

    def keyPressEvent(self, event: Any) -> None:
        """Move with the arrows, choose with Space and Enter."""
        key = event.key()
        if key in _STEPS:
            self._current = _next_place(self._current, *_STEPS[key])
            self._hovered = ""
            self.update()
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clicked.emit(self._current)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: Any) -> None:
        """Ask for the menu of the cell under the pointer, or of the current one."""
        if event.reason() == event.Reason.Keyboard:
            where = self.mapToGlobal(self.cell_rect(self._current).center().toPoint())
            self.menu_asked.emit(self._current, where)
            return
        symbol = self.symbol_at(QPointF(event.pos()))
        if symbol:
            self.menu_asked.emit(symbol, event.globalPos())

    def event(self, event: Any) -> bool:
        """Show the tooltip of the cell under the pointer."""
        if event.type() != QEvent.Type.ToolTip:
            return super().event(event)
        symbol = self.symbol_at(QPointF(event.pos()))
        if symbol:
            where = event.globalPos()
            QToolTip.showText(where, self.cell(symbol).tooltip, self)
        else:
            QToolTip.hideText()
        return True

    # Drawing.

    def paintEvent(self, _event: Any) -> None:
        """Draw cells and legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self.isEnabled() else _DISABLED_OPACITY)
        font = painter.font()
        font.setPixelSize(max(10, round(self._cell_width() * 0.55)))
        painter.setFont(font)
        for symbol in NAMES:
            self._draw_cell(painter, self.cell_rect(symbol), symbol, self.cell(symbol))
        if self.hasFocus():
            painter.setPen(QPen(QColor(self._colors.text), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(self._current).adjusted(2.5, 2.5, -2.5, -2.5))
        self._draw_legend(painter)
        painter.end()

    def _draw_cell(self, painter: QPainter, rect: QRectF, text: str, cell: Cell) -> None:
        colors = self._colors
        fill, edge, ink = QBrush(QColor(colors.foreground)), QColor(colors.foreground), colors.text
        font = painter.font()
        font.setBold(cell.role == QUANTIFY)
        font.setItalic(cell.role == FIT_ONLY)
        width = 1.0
        if cell.role == QUANTIFY:
            fill, edge, ink = QBrush(QColor(_QUANTIFIED)), QColor(_QUANTIFIED), "#ffffff"
        elif cell.role == FIT_ONLY:
            fill = QBrush(QColor(_QUANTIFIED), Qt.BrushStyle.BDiagPattern)
            edge, width = QColor(_QUANTIFIED), 2.0
        elif not cell.usable:
            fill, edge, ink = QBrush(Qt.BrushStyle.NoBrush), QColor(0, 0, 0, 0), faded(colors)
        painter.setPen(QPen(edge, width))
        painter.setBrush(fill)
        inset = width / 2
        painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), 2, 2)
        painter.setFont(font)
        painter.setPen(QColor(ink))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
        if cell.hint:
            self._draw_dot(painter, rect, cell)

    def _draw_dot(self, painter: QPainter, rect: QRectF, cell: Cell) -> None:
        """Draw a full dot in the corner for what is seen, an empty one for what may be."""
        full = cell.hint == "seen"
        radius = max(2.3, rect.width() * 0.12)
        center = QPointF(rect.right() - radius - 1, rect.top() + radius + 1)
        painter.setPen(QPen(QColor("#ffffff" if cell.role == QUANTIFY else _HINT), 1.2))
        painter.setBrush(QColor(_HINT) if full else QColor(self._colors.background))
        painter.drawEllipse(center, radius, radius)

    def _draw_legend(self, painter: QPainter) -> None:
        """Name the element in question, and below it the meanings of the cells."""
        w = self._cell_width()
        height = w * _ASPECT * _BAY_ROWS / 3
        left = self.cell_rect("H").left() + _BAY_COLUMN * w
        symbol = self._hovered or (self._current if self.hasFocus() else "")
        font = painter.font()
        font.setBold(False)
        font.setItalic(False)
        font.setPixelSize(max(10, round(w * 0.52)))
        painter.setFont(font)
        samples = (
            (Cell(role=QUANTIFY), "quantified", 0, 1),
            (Cell(role=FIT_ONLY), "fitted only", 0, 2),
            (Cell(hint="seen"), "line seen", 1, 1),
            (Cell(hint="perhaps"), "perhaps", 1, 2),
        )
        for cell, meaning, column, row in samples:
            x, y = left + column * _BAY_WIDTH * w * 0.53, row * height
            box = QRectF(x, y + height * 0.16, w * 0.8, height * 0.72)
            self._draw_cell(painter, box, "", cell)
            self._write(painter, QRectF(x + w * 1.05, y, w * 4, height), meaning)
        if symbol:
            number = 1 + list(NAMES).index(symbol)
            text = f"{number} {symbol} {NAMES[symbol]}"
            self._write(painter, QRectF(left, 0, w * _BAY_WIDTH, height), text)

    def _write(self, painter: QPainter, rect: QRectF, text: str) -> None:
        font = painter.font()
        font.setBold(False)
        font.setItalic(False)
        painter.setFont(font)
        painter.setPen(QColor(self._colors.text))
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _next_place(symbol: str, rows: int, columns: int) -> str:
    """Return the next element in a direction, over empty places; the same at the border."""
    row, column = _PLACES[symbol]
    while True:
        row, column = row + rows, column + columns
        if not (0 <= row < N_ROWS and 0 <= column < N_COLUMNS):
            return symbol
        if (row, column) in _AT:
            return _AT[row, column]
