"""The page *Find elements*: what was found, why, and where it shows in the spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.parts.job_bar import JobBar, OneJob, silent
from napari_eds._napari.parts.reasons import lacking, offer
from napari_eds._napari.parts.theme import PALETTE, ThemeColors
from napari_eds._napari.parts.widgets import SMALL_TEXT, faded
from napari_eds._napari.state.element_choice import ElementChoice, choice_of
from napari_eds.elements.proposals import Evidence, Proposal
from napari_eds.physics import lines as xray

_TITLES = ("", "Line", "Share %", "z", "Proposed", "Chosen")
_TOOLTIPS = (
    "Element",
    "Line that speaks for it, and its energy in keV",
    "Part of the counts of all lines that the family holds",
    "Counts over the error they would have if the element were absent",
    "What is proposed; system: of grid, holder, preparation or coating",
    "What is chosen now",
)
_WIDTHS_PX = (30, 84, 54, 44, 70)
_NUMBERS = (2, 3)
_SYMBOL = Qt.ItemDataRole.UserRole
_LIST_HEIGHT_PX, _PLOT_HEIGHT_PX = 48, 84
_FIT, _WITHOUT = PALETTE[0], PALETTE[1]

#: Full width at half maximum in keV that is good enough to choose what to show.
_RESOLUTION_EV = 135.0
_MARGIN_WIDTHS = 4.0
_MARKED_WEIGHT = 0.04
#: Half of what is taken for the top of a line at least, so that it holds a channel.
_CHANNEL_KEV = 0.02
#: Below this part of the plot's height, a line is shown without the zero of the counts.
_SMALL_LINE = 0.3


class FindPage(QWidget):
    """List of proposals, the evidence of the selected one in words and in the spectrum.

    Attributes
    ----------
    wanted : Signal
        Carries the symbols of proposals to add.
    all_wanted : Signal
        All that are certain are to be added.
    add_buttons : QWidget
        The buttons that add proposals, for beside the page's tab: the page itself is full.
    """

    wanted = Signal(tuple)
    all_wanted = Signal()

    def __init__(self, colors: ThemeColors, job: OneJob) -> None:
        super().__init__()
        self._colors, self._job = colors, job
        self._evidence: Evidence | None = None
        self._chosen: tuple[ElementChoice, ...] = ()
        self._text = ""
        self._make()
        self._lay_out()
        self.add_all.clicked.connect(self.all_wanted)
        self.add_selected.clicked.connect(self._on_add)
        self.list.itemDoubleClicked.connect(self._on_add)
        self.list.currentItemChanged.connect(self._show_detail)

    def _make(self) -> None:
        self.add_buttons = QWidget()
        self.add_all = QPushButton("Add all certain")
        self.add_all.setToolTip(
            "Add what is certain: system elements to be fitted only, the others to be quantified"
        )
        self.add_selected = QPushButton("Add")
        self.add_selected.setToolTip("Add the selected proposals, as a double click does")
        self.work = JobBar(self._job, words=silent)
        self.work.cancel.setToolTip("Leave the search")
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setHeaderLabels(_TITLES)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setMinimumHeight(_LIST_HEIGHT_PX)
        header: Any = self.list.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate(_WIDTHS_PX):
            header.resizeSection(column, width)
        titles: Any = self.list.headerItem()
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for column, tooltip in enumerate(_TOOLTIPS):
            titles.setToolTip(column, tooltip)
        for column in _NUMBERS:
            titles.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
        self.detail = QLabel()
        self.detail.setWordWrap(True)
        self.detail.setStyleSheet(SMALL_TEXT)
        self.detail.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.plot: EvidencePlot | None = None

    def _lay_out(self) -> None:
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(4, 4, 4, 4)
        self._column.setSpacing(3)
        actions = QHBoxLayout(self.add_buttons)
        actions.setContentsMargins(0, 0, 0, 0)
        actions.setSpacing(4)
        actions.addWidget(self.add_selected)
        actions.addWidget(self.add_all)
        self._column.addWidget(self.work)
        self._column.addWidget(self.list, 1)
        self._column.addWidget(self.detail)

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of a theme."""
        self._colors = colors
        if self.plot is not None:
            self.plot.set_colors(colors)
        self._show_detail()

    def show_state(
        self, evidence: Evidence | None, chosen: tuple[ElementChoice, ...], text: str
    ) -> None:
        """Show proposals; `text` says what there is to say while none of them is selected."""
        self._text = text
        self._chosen = chosen
        found = evidence is not None and bool(evidence.proposals)
        offer(self.add_all, self.add_selected, unless=lacking((found, "Find elements first.")))
        if evidence is not self._evidence:
            self._evidence = evidence
            self._fill()
        self._mark_chosen()
        self._show_detail()

    def _fill(self) -> None:
        self.list.clear()
        for p in self._evidence.proposals if self._evidence is not None else ():
            item = QTreeWidgetItem(
                [
                    p.element,
                    f"{p.line.name} {p.line.energy_keV:.3f}",
                    f"{100 * p.share:.2g}",
                    f"{p.z:.0f}",
                    _proposed(p),
                ]
            )
            item.setData(0, _SYMBOL, p.element)
            font = item.font(0)
            font.setBold(p.certain)
            font.setItalic(not p.certain)
            item.setFont(0, font)
            for column in _NUMBERS:
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
            for column in range(len(_TITLES)):
                item.setToolTip(column, p.evidence)
            self.list.addTopLevelItem(item)
        if self.list.topLevelItemCount():
            self.list.setCurrentItem(self.list.topLevelItem(0))

    def _mark_chosen(self) -> None:
        roles = {choice.symbol: choice.role for choice in self._chosen}
        for item in self._items():
            role = roles.get(item.data(0, _SYMBOL))
            item.setText(len(_TITLES) - 1, f"✓ {role}" if role else "")

    def _items(self) -> list[Any]:
        return [self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount())]

    def selected(self) -> tuple[str, ...]:
        """Return the symbols of the selected proposals."""
        return tuple(item.data(0, _SYMBOL) for item in self.list.selectedItems())

    def select(self, symbol: str) -> None:
        """Select a proposal."""
        for item in self._items():
            if item.data(0, _SYMBOL) == symbol:
                self.list.setCurrentItem(item)

    def _on_add(self, *_: Any) -> None:
        if self.selected():
            self.wanted.emit(self.selected())

    def _current(self) -> Proposal | None:
        item = self.list.currentItem()
        if item is None or self._evidence is None:
            return None
        symbol = item.data(0, _SYMBOL)
        return next((p for p in self._evidence.proposals if p.element == symbol), None)

    def showEvent(self, event: Any) -> None:
        """Draw what was not drawn while nobody could see it."""
        super().showEvent(event)
        self._show_detail()

    def _show_detail(self, *_: Any) -> None:
        """Say and draw why the current proposal is one."""
        proposal = self._current()
        self.detail.setText(self._text if proposal is None else proposal.evidence)
        self.detail.setToolTip(self.detail.text())
        if proposal is None or self._evidence is None or not self.isVisible():
            if self.plot is not None and proposal is None:
                self.plot.hide()
            return
        if self.plot is None:
            # pyqtgraph takes a third of a second to import: not before it is looked at.
            self.plot = EvidencePlot(self._colors)
            self._column.addWidget(self.plot, 1)
        self.plot.show()
        self.list.scrollToItem(self.list.currentItem())
        self.plot.show_proposal(self._evidence, proposal)


def _proposed(p: Proposal) -> str:
    if not p.certain:
        return "suggested"
    return "fit only" if choice_of(p).role == "fit only" else "quantify"


class EvidencePlot(QWidget):
    """The summed spectrum around the lines of a proposal, with the fit, and that without it."""

    def __init__(self, colors: ThemeColors) -> None:
        super().__init__()
        import pyqtgraph as pg

        self._pg = pg
        self._colors = colors
        self._shown: tuple[Evidence, Proposal] | None = None
        self._legend = QLabel()
        self._legend.setStyleSheet(SMALL_TEXT)
        self.view = pg.PlotWidget()
        self.view.setMinimumHeight(_PLOT_HEIGHT_PX)
        self.view.setMenuEnabled(False)
        self.view.hideButtons()
        self.view.setMouseEnabled(x=True, y=False)
        self.view.setToolTip("Counts per channel of the summed spectrum; energy in keV")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._legend)
        column.addWidget(self.view)

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of a theme."""
        self._colors = colors
        if self._shown is not None:
            evidence, proposal = self._shown
            self._shown = None
            self.show_proposal(evidence, proposal)

    def show_proposal(self, evidence: Evidence, proposal: Proposal) -> None:
        """Draw a proposal."""
        if self._shown is not None and self._shown == (evidence, proposal):
            return
        self._shown = (evidence, proposal)
        colors, pg = self._colors, self._pg
        self.view.clear()
        self.view.setBackground(colors.background)
        for side in ("left", "bottom"):
            axis = self.view.getAxis(side)
            axis.setPen(colors.text)
            axis.setTextPen(colors.text)
            axis.enableAutoSIPrefix(enable=False)
        energies, fitted = evidence.energies_keV, evidence.fitted
        without = fitted - evidence.lines[proposal.element]
        self.view.plot(energies, evidence.counts, pen=pg.mkPen(colors.text, width=1))
        self.view.plot(energies, fitted, pen=pg.mkPen(_FIT, width=2))
        dashed = pg.mkPen(_WITHOUT, width=2, style=Qt.PenStyle.DashLine)
        self.view.plot(energies, without, pen=dashed)
        self._mark(evidence, proposal)
        self._frame(evidence, proposal, without)
        self._legend.setText(
            f"counts —&nbsp;&nbsp; <font color='{_FIT}'><b>fit —</b></font>&nbsp;&nbsp; "
            f"<font color='{_WITHOUT}'><b>fit without {proposal.element} - -</b></font>"
            "&nbsp;&nbsp; keV"
        )

    def _mark(self, evidence: Evidence, proposal: Proposal) -> None:
        """Mark the lines of the proposal, and the alpha lines of others in sight."""
        family = xray.family(proposal.element, proposal.family)
        for line in family.lines:
            if line.weight >= _MARKED_WEIGHT:
                named = line is family.alpha or line.weight >= 2 * _MARKED_WEIGHT
                self._mark_line(line, str(line) if named else "", self._colors.text, 0.92)
        for other in evidence.proposals:
            if other.element != proposal.element:
                self._mark_line(other.line, str(other.line), faded(self._colors, 0.6), 0.72)

    def _mark_line(self, line: xray.XRayLine, text: str, color: str, height: float) -> None:
        pen = self._pg.mkPen(color, width=1, style=Qt.PenStyle.DotLine)
        options = {"position": height, "color": QColor(color), "movable": False}
        label = {"label": text, "labelOpts": options} if text else {}
        self.view.addItem(self._pg.InfiniteLine(line.energy_keV, pen=pen, **label))

    def _frame(self, evidence: Evidence, proposal: Proposal, without: np.ndarray) -> None:
        """Show the lines of the proposal from foot to top, whatever is beside them."""
        energies = evidence.energies_keV
        lines = xray.family(proposal.element, proposal.family).lines
        spots = [x.energy_keV for x in lines if x.weight >= _MARKED_WEIGHT]
        spots = [e for e in spots if energies[0] <= e <= energies[-1]]
        width = float(xray.fwhm_keV(proposal.line.energy_keV, _RESOLUTION_EV))
        low, high = min(spots) - _MARGIN_WIDTHS * width, max(spots) + _MARGIN_WIDTHS * width
        alpha = np.abs(energies - proposal.line.energy_keV) < max(0.25 * width, _CHANNEL_KEV)
        top, foot = float(evidence.counts[alpha].max()), float(without[alpha].min())
        bottom = 0.0 if top - foot > _SMALL_LINE * top else max(0.0, foot - (top - foot))
        self.view.setXRange(low, high, padding=0)
        self.view.setYRange(bottom, top + 0.45 * (top - bottom), padding=0)
