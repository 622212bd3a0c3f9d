"""Parts of a column of settings under headings that fold them away, and remember it."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_eds._napari.parts import view_memory

#: Between the fields of a section and those of others, in pixels.
_MARGINS_PX = (0, 0, 0, 4)
#: Section of what is remembered of the view.
_MEMORY = "folded sections"


class Section(QWidget):
    """Fields under a heading; a click on it folds them away or shows them, also the next time.

    Parameters
    ----------
    panel, title : str
        Which section of which panel is remembered.

    Attributes
    ----------
    head : QToolButton
    form : QFormLayout
        Of the fields.
    """

    def __init__(self, panel: str, title: str) -> None:
        super().__init__()
        self._panel, self._title = panel, title
        self.head = QToolButton()
        self.head.setText(title)
        self.head.setCheckable(True)
        self.head.setAutoRaise(True)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.head.setStyleSheet("QToolButton { font-weight: bold; text-align: left; }")
        self.head.setToolTip(f"Fold {title.lower()} away, or show it; it stays so")
        self._body = QWidget()
        self.form = QFormLayout(self._body)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setContentsMargins(*_MARGINS_PX)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.head)
        column.addWidget(self._body)
        self.head.setChecked(title not in _folded(panel))
        self._show(self.is_open)
        self.head.toggled.connect(self._on_toggled)

    @property
    def is_open(self) -> bool:
        """Whether the fields are in sight."""
        return self.head.isChecked()

    def _on_toggled(self, is_open: bool) -> None:  # noqa: FBT001 - Qt calls it
        others = [title for title in _folded(self._panel) if title != self._title]
        titles = others if is_open else [*others, self._title]
        view_memory.keep(_MEMORY, view_memory.kept(_MEMORY) | {self._panel: titles})
        self._show(is_open)

    def _show(self, is_open: bool) -> None:  # noqa: FBT001
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self.head.setArrowType(arrow)
        self._body.setVisible(is_open)


def align(sections: Iterable[Section]) -> None:
    """Give the fields of all sections one left edge."""
    labels = [
        label
        for section in sections
        for label in section.findChildren(QLabel)
        if section.form.labelForField(_field_of(section.form, label)) is label
    ]
    width = max((label.sizeHint().width() for label in labels), default=0)
    for label in labels:
        label.setMinimumWidth(width)


def _field_of(form: QFormLayout, label: QLabel) -> QWidget | None:
    row, role = form.getWidgetPosition(label)
    if row < 0 or role != QFormLayout.ItemRole.LabelRole:
        return None
    item = form.itemAt(row, QFormLayout.ItemRole.FieldRole)
    return None if item is None else item.widget()


def _folded(panel: str) -> list[str]:
    """Return which sections of a panel the user folded away."""
    found = view_memory.kept(_MEMORY).get(panel)
    return found if isinstance(found, list) else []
