"""Choice of elements: one row each, quantified or fitted only, with its family."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from magicgui.widgets import ComboBox, Container, Label, LineEdit, PushButton, Widget
from psygnal import Signal

AUTO = "auto"
QUANTIFY, FIT_ONLY = "quantify", "fit only"


class ElementChoice(NamedTuple):
    """An element, what to do with it, and the family to quantify with (or ``"auto"``)."""

    symbol: str
    role: str = QUANTIFY
    family: str = AUTO

    @property
    def entry(self) -> str:
        """The element as a recipe names it."""
        return self.symbol if self.family == AUTO else f"{self.symbol}_{self.family}"


class ElementRow(Container):
    """One element."""

    def __init__(self, choice: ElementChoice) -> None:
        self.symbol = choice.symbol
        self._name = Label(value=choice.symbol, tooltip="Element")
        self._name.min_width = 28
        self._role = ComboBox(
            choices=[QUANTIFY, FIT_ONLY],
            value=choice.role,
            tooltip="Fit only: in the spectrum but not in the specimen, such as a Cu grid. "
            "It is fitted, so that it does not disturb the others, but not quantified.",
        )
        self._family = ComboBox(
            choices=[AUTO, "K", "L", "M"],
            value=choice.family,
            tooltip="Line family whose k-factor is used; auto takes the hardest one in range "
            "that the beam excites well",
        )
        self.delete = PushButton(text="✕", tooltip=f"Remove {choice.symbol}")
        self.delete.max_width = 28
        super().__init__(
            widgets=[self._name, self._role, self._family, self.delete],
            layout="horizontal",
            labels=False,
        )
        self.margins = (0, 0, 0, 0)

    @property
    def choice(self) -> ElementChoice:
        """What is chosen now."""
        return ElementChoice(self.symbol, self._role.value, self._family.value)


class ElementList(Container[Widget]):
    """All chosen elements, with a field to add some.

    `edited` is emitted with the tuple of choices whenever the user changes one; `changed` would
    also fire for the field in which symbols are typed.
    """

    edited = Signal(tuple)

    def __init__(self) -> None:
        self._rows: Container[ElementRow] = Container(labels=False)
        self._rows.margins = (0, 0, 0, 0)
        self._new = LineEdit(tooltip="Symbols to add, such as: Fe La O")
        self._new.native.setPlaceholderText("add elements: Fe La O")
        self._add = PushButton(text="Add")
        self._add.max_width = 60
        entry: Container[Widget] = Container(
            widgets=[self._new, self._add], layout="horizontal", labels=False
        )
        entry.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self._rows, entry], labels=False)
        self.margins = (0, 0, 0, 0)
        self._add.changed.connect(self._on_add)
        self._new.native.returnPressed.connect(self._on_add)

    @property
    def choices(self) -> tuple[ElementChoice, ...]:
        """What is chosen now, in the order shown."""
        return tuple(row.choice for row in self._rows)

    def set_choices(self, choices: Iterable[ElementChoice]) -> None:
        """Replace all rows."""
        self._rows.clear()
        for choice in choices:
            self._append(choice)

    def _append(self, choice: ElementChoice) -> None:
        row = ElementRow(choice)
        row.delete.changed.connect(lambda: self._on_remove(row))
        row.changed.connect(self._emit)
        self._rows.append(row)

    def _on_remove(self, row: ElementRow) -> None:
        self._rows.remove(row)
        row.native.deleteLater()
        self._emit()

    def _on_add(self) -> None:
        """Add the symbols typed; those already there are left as they are."""
        present = {choice.symbol for choice in self.choices}
        typed = self._new.value.replace(",", " ").split()
        for symbol in dict.fromkeys(s[:1].upper() + s[1:].lower() for s in typed):
            if symbol not in present:
                self._append(ElementChoice(symbol))
        self._new.value = ""
        self._emit()

    def _emit(self) -> None:
        self.edited.emit(self.choices)
