"""What pages of kinds of regions have in common: fields that can be kept and filled in."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QWidget

from napari_eds._napari.regions.preview import Plan
from napari_eds._napari.regions.sources import image_choices
from napari_eds._napari.state.focus import Focus
from napari_eds.errors import LabelError

#: What is said where there is no map.
NO_MAP = "open an EDS map first"


class KindPage(QWidget):
    """Fields of one kind of regions.

    Attributes
    ----------
    edited : Signal
        The user changed a field.
    """

    edited = Signal()
    title = ""

    def __init__(self, focus: Focus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.focus = focus
        self.fields: dict[str, Any] = {}
        self.form = QFormLayout(self)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.listening = True
        self.make_fields()
        self.show_rows()

    def add(self, name: str, text: str, field: Any) -> Any:
        """Add a row with a magicgui field."""
        self.fields[name] = field
        label = QLabel(text)
        label.setToolTip(field.tooltip)
        self.form.addRow(label, field.native)
        if isinstance(field, ComboBox):
            # Long names of layers must not widen the dock.
            field.native.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        field.changed.connect(self.on_edited)
        return field

    def on_edited(self, _value: Any = None) -> None:
        """Tell that the user changed a field."""
        self.show_rows()
        if self.listening:
            self.edited.emit()

    def values(self) -> dict[str, Any]:
        """Return what the fields say, by name; layers are left out."""
        return {
            name: field.value
            for name, field in self.fields.items()
            if isinstance(field.value, (bool, int, float, str))
        }

    def shown(self) -> list[Any]:
        """Return what all fields show."""
        return [field.value for field in self.fields.values()]

    def fill(self, values: dict[str, Any]) -> None:
        """Fill fields with what `values` returned, without `edited`."""
        self.listening = False
        try:
            for name, value in values.items():
                field = self.fields[name]
                if not isinstance(field, ComboBox) or value in field.choices:
                    field.value = value
        finally:
            self.listening = True
        self.show_rows()

    def refresh(self) -> None:
        """Offer the layers and settings there are now, without `edited`."""
        self.listening = False
        try:
            self.offer()
        finally:
            self.listening = True
        self.show_rows()

    # For subclasses.

    def make_fields(self) -> None:
        """Make the fields."""
        raise NotImplementedError

    def offer(self) -> None:
        """Offer the layers and settings there are now."""
        for field in self.fields.values():
            if isinstance(field, ComboBox):
                field.reset_choices()

    def show_rows(self) -> None:
        """Show the rows that mean something with what the others say."""

    def plan(self) -> Plan:
        """Return what is to be made.

        Raises
        ------
        LabelError
            If a field says nothing.
        """
        raise NotImplementedError

    def images_now(self, _widget: Any = None) -> list[tuple[str, Any]]:
        """Return the images that can be chosen, by name."""
        return image_choices(self.focus)


def require(what: Any, message: str) -> Any:
    """Return what a field says; raise LabelError where it says nothing."""
    if what is None or what == "":
        raise LabelError(message)
    return what
