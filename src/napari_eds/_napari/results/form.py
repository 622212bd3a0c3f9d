"""What the results dock is made of, laid out for 700 x 300 pixels; it decides nothing."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from napari_eds._napari.parts.color_bar import COLORMAPS, ColorBar
from napari_eds._napari.parts.job_bar import JobBar, silent
from napari_eds._napari.parts.widgets import flowing, may_be_narrow
from napari_eds._napari.results.filter_line import FilterEdit
from napari_eds._napari.results.plots import Histogram, LabelPlot, Scatter, Ternary
from napari_eds._napari.results.table_model import ResultsModel
from napari_eds._napari.results.table_view import ResultsView

NO_RESULT = (
    "No result yet.\n\nOpen an EDS map, make a grid or paint labels, and press Quantify, in "
    "the workbench or the panel “EDS quantification”. Its result appears here: a row per label, "
    "to sort, filter, plot and save. If there are results already, select their Labels layer."
)
#: What there is to say of a result whose labels, or settings, are others now.
EDITED = "⚠ Labels were edited after this result: quantify again."
OTHER_SETTINGS = "⚠ Settings were changed after this result: quantify again."
BOTH_CHANGED = "⚠ Labels and settings were changed after this result: quantify again."

#: Of table or plot, where the window is low.
_LEAST_LINES = 3
_PAGES = ("Table", "Histogram", "Scatter", "Ternary")


class ResultsForm(QWidget):
    """Widgets of the results dock."""

    def __init__(self) -> None:
        super().__init__()
        self.model = ResultsModel(self)
        self.table = ResultsView(self.model)
        self.histogram, self.scatter, self.ternary = Histogram(), Scatter(), Ternary()
        self.plots: tuple[LabelPlot, ...] = (self.histogram, self.scatter, self.ternary)
        self.help = QLabel(NO_RESULT)
        self.help.setWordWrap(True)
        self.help.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.help.setMargin(12)
        self.content = QWidget()
        rows = QVBoxLayout(self.content)
        rows.setContentsMargins(4, 2, 4, 2)
        rows.setSpacing(2)
        rows.addLayout(self._make_top())
        self.message = _line("")
        self.edited = _line(EDITED)
        rows.addWidget(self.message)
        rows.addWidget(self.edited)
        self.pages = QStackedWidget()
        self.pages.setMinimumHeight(_LEAST_LINES * self.fontMetrics().lineSpacing())
        for page in (self.table, *self.plots):
            self.pages.addWidget(page)
        rows.addWidget(self.pages, 1)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        rows.addWidget(self.summary)
        self.work = JobBar(words=silent)
        rows.addWidget(self.work)
        rows.addLayout(self._make_bottom())
        self.outer = QStackedWidget()
        self.outer.addWidget(self.help)
        self.outer.addWidget(self.content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.outer)

    def _make_top(self) -> QHBoxLayout:
        self.tabs = QTabBar()
        for page in _PAGES:
            self.tabs.addTab(page)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.filter = FilterEdit()
        self.columns = QToolButton()
        self.columns.setText("Columns   ")
        self.columns.setToolTip("Choose columns, at.% or wt.%; copy rows as text")
        self.columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.columns)
        menu.aboutToShow.connect(lambda: self.table.fill_menu(menu))
        self.columns.setMenu(menu)
        return _row(self.tabs, self.filter, self.columns, stretched=self.filter)

    def _make_bottom(self) -> QFlowLayout:
        self.color_by = QComboBox()
        self.color_by.setToolTip(
            "Colour the labels of the layer by a column; “own colours” brings back their own"
        )
        may_be_narrow(self.color_by)
        self.colormap = QComboBox()
        self.colormap.addItems(COLORMAPS)
        may_be_narrow(self.colormap, letters=5)
        self.colormap.setToolTip("Colours from low to high values; grey labels have no value")
        self.color_bar = ColorBar()
        self.merge = _button(
            "Merge", "Merge the selected labels into the lowest of them (undo: Ctrl+Z)"
        )
        self.again = _button("Quantify again", "Quantify the labels as they are now")
        self.save = _button(
            "Save CSV…", "Save the whole result: table, spectra (counts) and recipe"
        )
        colour = QLabel("Colour")
        return flowing(
            *(colour, self.color_by, self.colormap, self.color_bar),
            *(self.merge, self.again, self.save),
        )


def _button(words: str, tip: str) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tip)
    button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return button


def _line(text: str) -> QLabel:
    line = QLabel(text)
    line.setWordWrap(True)
    line.hide()
    return line


def _row(*widgets: QWidget, stretched: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, int(widget is stretched))
    return row
