"""The fields of the window for figures; it decides nothing."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.parts.color_bar import COLORMAPS
from napari_eds.exchange.figures.page import FigureStyle

MAPS, SPECTRUM = "Maps", "Spectrum with fit"
PLOTS = {"Histograms": "histogram", "Scatter": "scatter", "Ternary": "ternary"}
NO_OUTLINE, SELECTED, ALL = "none", "of selected labels", "of all labels"

_DEFAULT = FigureStyle()


class FigureForm(QWidget):
    """What is drawn, how large, and buttons to save it, beside the preview."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = QComboBox()
        self.kind.addItems([MAPS, SPECTRUM, *PLOTS])
        self.maps = QListWidget()
        self.maps.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.maps.setToolTip("Maps that are checked are shown, in this order: drag to change it")
        self.maps.setMinimumHeight(140)
        self.outline = QComboBox()
        self.outline.addItems([NO_OUTLINE, SELECTED, ALL])
        self.columns = QSpinBox()
        self.columns.setRange(0, 12)
        self.columns.setSpecialValueText("automatic")
        self.same_scale = QCheckBox("one scale for maps of one unit")
        self.log = QCheckBox("logarithmic counts")
        self.elements = QListWidget()
        self.elements.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.elements.setMaximumHeight(110)
        self.elements.setToolTip("Elements that are checked are plotted, in this order")
        self.width_mm = _number(_DEFAULT.width_mm, 20, 1000, " mm", 0)
        self.width_mm.setToolTip("One column of a journal is about 85 mm wide, two 170")
        self.dpi = QSpinBox()
        self.dpi.setRange(30, 2400)
        self.dpi.setValue(_DEFAULT.dpi)
        self.dpi.setSuffix(" dpi")
        self.letters = _number(_DEFAULT.font_size_pt, 3, 40, " pt", 1)
        self.colormap = QComboBox()
        self.colormap.addItems(COLORMAPS)
        self.preview = QLabel()
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview.setMinimumSize(420, 320)
        self.preview.setStyleSheet("background: white; color: #444;")
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.save, self.copy = QPushButton("Save…"), QPushButton("Copy")
        self.save.setToolTip("Save as PNG, SVG or PDF; letters stay letters in SVG and PDF")
        self.copy.setToolTip("Copy the figure as a picture")
        self.close_button = QPushButton("Close")
        for button in (self.save, self.copy, self.close_button):
            # Return in a field ends its edit: it must not ask for a file, too.
            button.setAutoDefault(False)
        self._lay_out()

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for words, field in (
            ("Show", self.kind),
            ("Maps", self.maps),
            ("Outlines", self.outline),
            ("Maps in a row", self.columns),
            ("", self.same_scale),
            ("", self.log),
            ("Elements", self.elements),
            ("Width", self.width_mm),
            ("Resolution", self.dpi),
            ("Letters", self.letters),
            ("Colours", self.colormap),
        ):
            self.form.addRow(words, field)
        buttons = QHBoxLayout()
        for button in (self.save, self.copy, self.close_button):
            buttons.addWidget(button)
        left = QVBoxLayout()
        left.addLayout(self.form)
        left.addStretch(1)
        left.addWidget(self.about)
        left.addLayout(buttons)
        row = QHBoxLayout(self)
        row.addLayout(left)
        row.addWidget(self.preview, 1)

    def show_fields(self) -> None:
        """Show the fields that the chosen kind of figure has."""
        kind = self.kind.currentText()
        for field in (self.maps, self.outline, self.columns, self.same_scale, self.colormap):
            self.form.setRowVisible(field, kind == MAPS)
        self.form.setRowVisible(self.log, kind == SPECTRUM)
        self.form.setRowVisible(self.elements, kind in PLOTS)

    def style_chosen(self) -> FigureStyle:
        """Return size and letters that are chosen."""
        return FigureStyle(
            width_mm=self.width_mm.value(),
            dpi=self.dpi.value(),
            font_size_pt=self.letters.value(),
            colormap=self.colormap.currentText(),
        )


def _number(value: float, low: float, high: float, suffix: str, digits: int) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setDecimals(digits)
    field.setValue(value)
    field.setSuffix(suffix)
    return field


def fill(listed: QListWidget, names: list[str], checked: list[str]) -> None:
    """List names, those checked first and in their order."""
    listed.clear()
    for name in [*checked, *(n for n in names if n not in checked)]:
        item = QListWidgetItem(name)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        on = Qt.CheckState.Checked if name in checked else Qt.CheckState.Unchecked
        item.setCheckState(on)
        listed.addItem(item)


def checked_names(listed: QListWidget) -> list[str]:
    """Return the names that are checked, in the order shown."""
    items = [listed.item(row) for row in range(listed.count())]
    return [i.text() for i in items if i is not None and i.checkState() == Qt.CheckState.Checked]
