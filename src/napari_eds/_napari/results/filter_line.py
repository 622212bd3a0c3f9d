"""The line in which a condition on labels is typed, with the columns' names completed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qtpy.QtCore import QModelIndex, QStringListModel, Qt, Signal
from qtpy.QtWidgets import QCompleter, QLineEdit, QWidget
from superqt.utils import QSignalDebouncer

#: Pause after typing until the condition is tried.
_PAUSE_MS = 250

_LAST_WORD = re.compile(r"[A-Za-z_]\w*$")


class FilterEdit(QLineEdit):
    """Line for a condition; `edited` follows a pause in typing, or Enter at once."""

    edited = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText("filter: Fe > 20 and chi2 < 2")
        self.setToolTip(
            "Show only labels that meet a condition, such as Fe > 20 and chi2 < 2.\n"
            "Fe means at.% of Fe; chi2, counts, pixels, label, chip and every column's name can "
            "be used,\nwith < <= == != >= >, in [...], and, or, not, + - * /. Text in quotes."
        )
        self.setClearButtonEnabled(True)
        self._names = QStringListModel(self)
        self.setCompleter(_WordCompleter(self._names, self))
        self._pause = QSignalDebouncer(parent=self)
        self._pause.setTimeout(_PAUSE_MS)
        self._pause.triggered.connect(self._tell)
        self.textChanged.connect(self._pause.throttle)
        self.returnPressed.connect(self._tell)

    def set_names(self, names: Sequence[str]) -> None:
        """Set the names that are completed."""
        if list(names) != self._names.stringList():
            self._names.setStringList(list(names))

    def set_condition(self, condition: str) -> None:
        """Show a condition that is in force already."""
        if condition != self.text().strip():
            self.setText(condition)
            self._pause.cancel()

    def _tell(self) -> None:
        self._pause.cancel()
        self.edited.emit(self.text().strip())


class _WordCompleter(QCompleter):
    """Completes the last word of a line rather than the whole line."""

    def __init__(self, model: QStringListModel, line: QLineEdit) -> None:
        super().__init__(model, line)
        self._line = line
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def splitPath(self, path: str | None) -> list[str]:
        word = _LAST_WORD.search(path or "")
        # A word no name begins with: an empty one would offer all names after every blank.
        return [word.group() if word else "\0"]

    def pathFromIndex(self, index: QModelIndex) -> str:
        before = _LAST_WORD.sub("", self._line.text())
        return before + str(index.data())
