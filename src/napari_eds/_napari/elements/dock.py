"""The dock *EDS elements*: which elements are quantified, with which lines and k-factors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from napari.viewer import Viewer
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.elements.chosen_page import ChosenPage
from napari_eds._napari.elements.facts import (
    NAMES,
    ElementFacts,
    describe,
    family_text,
)
from napari_eds._napari.elements.found_page import FindPage
from napari_eds._napari.elements.line_tables import LineTables
from napari_eds._napari.elements.map_search import MapSearch
from napari_eds._napari.elements.periodic_table import Cell, PeriodicTable
from napari_eds._napari.parts.ending import when_destroyed
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.panels import ELEMENTS, share_tab
from napari_eds._napari.parts.reasons import NO_MAP, lacking, offer
from napari_eds._napari.parts.theme import on_theme, theme_colors
from napari_eds._napari.parts.widgets import scrolling
from napari_eds._napari.state.element_choice import (
    AUTO,
    FIT_ONLY,
    QUANTIFY,
    ElementChoice,
    certain_choices,
    choice_of,
    with_added,
)
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.places import come_back
from napari_eds.errors import EDSError
from napari_eds.physics import lines as xray

#: From this width on, the pages lie beside the periodic table.
_WIDE_PX = 760
_MIN_WIDTH_PX = 350
#: What a click makes of an element that is so far left out, quantified, or fitted only.
_NEXT_ROLE = {"": QUANTIFY, QUANTIFY: FIT_ONLY, FIT_ONLY: ""}
_ROLES = ((QUANTIFY, "Quantify"), (FIT_ONLY, "Fit only"), ("", "Leave out"))


class ElementsWidget(QWidget):
    """Periodic table over the chosen elements with their k-factors, and the search.

    It holds no state: what is chosen lives in the settings of the map, what was found in its
    layer.
    """

    #: The button; it hides a static method of Qt that nobody needs here.
    find: Any

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self._colors = theme_colors(self.focus.viewer)
        self.lines = LineTables(self.focus, self)
        self.search = MapSearch(self.focus, self)
        self._make()
        self._lay_out()
        self._connect()
        self._on_tab()
        self._refresh()
        share_tab(self.focus.viewer, self)
        come_back(self, ELEMENTS)

    def _make(self) -> None:
        self.periodic_table = PeriodicTable(self._colors)
        self.add_field = QLineEdit()
        self.add_field.setPlaceholderText("Add elements: Fe La O")
        self.add_field.setToolTip("Symbols of elements to quantify, and Return; Sr_L for a family")
        self.find = QPushButton("Find elements")
        self.find.setToolTip(
            "Search the summed spectrum of the whole map for elements, and show the evidence"
        )
        self.chosen = ChosenPage(self.focus, self._colors)
        self.found = FindPage(self._colors, self.search.work)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.chosen, "Chosen && k-factors")
        self.tabs.addTab(self.found, "Found")
        self.tabs.setCornerWidget(self.found.add_buttons)
        # The parts that others use by name.
        self.k_table_view = self.chosen.view
        self.convention = self.chosen.convention
        self.k_status = self.chosen.status

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.add_field, 1)
        row.addWidget(self.find)
        top = QVBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.periodic_table)
        top.addLayout(row)
        top.addStretch(0)
        content = QWidget()
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom, content)
        self._box.setContentsMargins(4, 4, 4, 4)
        self._box.setSpacing(4)
        self._box.addLayout(top)
        self._box.addWidget(self.tabs, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolling(content))
        self.setMinimumWidth(_MIN_WIDTH_PX)

    def _connect(self) -> None:
        self.focus.map_changed.connect(self._refresh)
        self.focus.settings_changed.connect(self._refresh)
        self.lines.changed.connect(self._refresh)
        self.search.changed.connect(self._refresh)
        self.search.progressed.connect(self._on_progressed)
        self.periodic_table.clicked.connect(self._on_cycled)
        self.periodic_table.menu_asked.connect(self._show_menu)
        self.chosen.menu_asked.connect(self._show_menu)
        self.add_field.returnPressed.connect(self._on_typed)
        self.find.clicked.connect(self._on_find)
        self.found.wanted.connect(self._on_wanted)
        self.found.all_wanted.connect(self._on_all_wanted)
        self.tabs.currentChanged.connect(self._on_tab)
        when_destroyed(self, on_theme(self.focus.viewer, self._on_theme))

    def resizeEvent(self, event: Any) -> None:
        """Put the pages beside the periodic table where there is room."""
        direction = QBoxLayout.Direction
        wide = self.width() >= _WIDE_PX
        self._box.setDirection(direction.LeftToRight if wide else direction.TopToBottom)
        super().resizeEvent(event)

    def _on_tab(self, _place: int = 0) -> None:
        """Offer to add proposals where they are in sight."""
        self.found.add_buttons.setVisible(self.tabs.currentWidget() is self.found)

    def _on_theme(self, _event: Any = None) -> None:
        self._colors = theme_colors(self.focus.viewer)
        for part in (self.periodic_table, self.chosen, self.found):
            part.set_colors(self._colors)

    # Showing.

    def _refresh(self) -> None:
        """Show the settings of the map and what was found in it."""
        self.lines.need()
        settings = self.focus.settings
        facts, proposals = self.lines.facts(), self.search.proposals
        elements = () if settings is None else settings.elements
        offer(self.periodic_table, self.add_field, self.find, unless=lacking((settings, NO_MAP)))
        hints = {p.element: p for p in proposals}
        choices = {choice.symbol: choice for choice in elements}
        cells = {}
        for symbol in NAMES:
            known, choice, hint = facts.get(symbol), choices.get(symbol), hints.get(symbol)
            cells[symbol] = Cell(
                role=choice.role if choice else "",
                hint=("seen" if hint.certain else "perhaps") if hint else "",
                usable=known is None or not known.reason,
                tooltip=describe(symbol, known, choice, hint),
            )
        self.periodic_table.show_cells(cells)
        self.chosen.show_state(facts, self.lines.theory())
        found = self.search.found
        evidence = None if found is None else found.evidence
        self.found.show_state(evidence, elements, self._found_text())
        self.tabs.setTabText(1, f"Found ({len(proposals)})" if proposals else "Found")

    def _found_text(self) -> str:
        found = self.search.found
        if self.focus.image is None:
            return "Open an EDS map first."
        if self.search.running:
            return "Searching the summed spectrum of the whole map…"
        if found is None:
            return "Nothing was searched yet."
        if found.error is not None:
            return f"⚠ {found.error}"
        if found.evidence is not None and found.evidence.proposals:
            return f"⚠ {found.evidence.warning}" if found.evidence.warning else ""
        return "No element stands out of the summed spectrum."

    def _on_progressed(self, what: str) -> None:
        self.found.detail.setText(f"Searching: {what}")

    # Choosing.

    def _set_elements(self, elements: tuple[ElementChoice, ...]) -> None:
        settings = self.focus.settings
        if settings is not None:
            self.focus.set_settings(settings.edited(elements=elements))

    def _choice(self, symbol: str) -> ElementChoice | None:
        settings = self.focus.settings
        elements = () if settings is None else settings.elements
        return next((c for c in elements if c.symbol == symbol), None)

    def choose(self, symbol: str, role: str, family: str | None = None) -> None:
        """Choose an element; no role leaves it out, no family leaves that as it is."""
        settings, old = self.focus.settings, self._choice(symbol)
        if settings is None:
            return
        kept = family or (old.family if old else AUTO)
        if not role:
            self._set_elements(tuple(c for c in settings.elements if c.symbol != symbol))
        elif old is None:
            self._set_elements((*settings.elements, ElementChoice(symbol, role, kept)))
        else:
            new = ElementChoice(symbol, role, kept)
            self._set_elements(tuple(new if c == old else c for c in settings.elements))

    def _on_cycled(self, symbol: str) -> None:
        old = self._choice(symbol)
        known = self.lines.facts().get(symbol)
        if old is None and known is not None and known.reason:
            self.chosen.complain(known.reason)
            return
        self.choose(symbol, _NEXT_ROLE[old.role if old else ""])

    def _show_menu(self, symbol: str, where: QPoint) -> None:
        """Offer roles and families of an element."""
        if self.focus.settings is None:
            return
        menu = self._menu(symbol)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def _menu(self, symbol: str) -> QMenu:
        old, known = self._choice(symbol), self.lines.facts().get(symbol)
        role, family = (old.role, old.family) if old else ("", AUTO)
        menu = QMenu(self)
        menu.setObjectName("element menu")
        _add_title(menu, f"{symbol} {NAMES[symbol]}")
        usable = old is not None or known is None or not known.reason
        for value, text in _ROLES:
            action: Any = menu.addAction(text, lambda v=value: self.choose(symbol, v))
            action.setCheckable(True)
            action.setChecked(value == role)
            action.setEnabled(usable)
        menu.addSeparator()
        _add_title(menu, "Family to quantify")
        for value in (AUTO, *(known.offered(family) if known else ())):
            action = menu.addAction(
                _family_entry(value, known),
                lambda v=value: self.choose(symbol, role or QUANTIFY, v),
            )
            action.setCheckable(True)
            action.setChecked(value == family)
            action.setEnabled(usable)
        return menu

    def _on_typed(self) -> None:
        """Add the typed symbols; what is none stays in the field."""
        settings = self.focus.settings
        if settings is None:
            return
        added, faults = [], {}
        for word in re.split(r"[\s,;]+", self.add_field.text().strip()):
            choice, fault = self._parse(word)
            if fault:
                faults[word] = fault
            elif choice is not None:
                added.append(choice)
        self._set_elements(with_added(settings.elements, tuple(added)))
        self.add_field.setText(" ".join(faults))
        if faults:
            problem = EDSError("Not added: " + "; ".join(faults.values()))
            self.chosen.complain(str(problem))
            notify(problem)

    def _parse(self, word: str) -> tuple[ElementChoice | None, str]:
        """Return the choice that a typed word means, or what is wrong with it."""
        symbol, _, family = word.partition("_")
        symbol = symbol.capitalize() if symbol.islower() else symbol
        if not word:
            return None, ""
        if symbol not in NAMES:
            return None, f"{word!r} is no symbol of an element"
        known = self.lines.facts().get(symbol)
        if known is not None and known.reason:
            return None, known.reason
        if family and family not in (known.offered() if known else xray.FAMILIES):
            return None, f"{symbol} has no {family} family that can be used here"
        return ElementChoice(symbol, QUANTIFY, family or AUTO), ""

    # Finding.

    def _on_find(self) -> None:
        self.tabs.setCurrentWidget(self.found)
        found = self.search.found
        if found is None:
            self.search.start()
        elif found.error is not None:
            notify(found.error)

    def _on_all_wanted(self) -> None:
        self._add(certain_choices(self.search.proposals))

    def _on_wanted(self, symbols: tuple[str, ...]) -> None:
        self._add(tuple(choice_of(p) for p in self.search.proposals if p.element in symbols))

    def _add(self, choices: tuple[ElementChoice, ...]) -> None:
        settings = self.focus.settings
        if settings is not None:
            self._set_elements(with_added(settings.elements, choices))

    # k-factors.

    def load_k_factors(self, path: str | Path) -> None:
        """Use a file of k-factors, as the button does."""
        self.chosen.load_k_factors(path)


def _add_title(menu: QMenu, text: str) -> None:
    """Add a line that says what follows; napari's style leaves Qt's own titles out."""
    title: Any = menu.addAction(text)
    title.setEnabled(False)


def _family_entry(family: str, known: ElementFacts | None) -> str:
    text = family_text(family, known)
    alpha = next((f.alpha for f in known.families if f.family == family), None) if known else None
    return text if alpha is None else f"{text}   {alpha.name} {alpha.energy_keV:.3f} keV"
