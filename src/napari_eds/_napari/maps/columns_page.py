"""The page *Columns* of the maps dock: any column of a result, two combined, and overlays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, LineEdit, PushButton
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFormLayout, QWidget

from napari_eds._napari.parts.ending import Listening
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import tell_deleted
from napari_eds._napari.parts.reasons import BUSY, NO_RESULT, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText, may_be_narrow, scrolled_column
from napari_eds._napari.state.column_maps import (
    ALONE,
    ColumnMaps,
    Columns,
    find_columns,
    find_overlay,
    show_columns,
    show_overlay,
)
from napari_eds._napari.state.covering import show_alone
from napari_eds._napari.state.derived import OVERLAY, PICTURE
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import QUANTIFICATION
from napari_eds.quantification.combinations import OPERATIONS, numeric_columns
from napari_eds.quantification.result import Quantification
from napari_eds.spectra.overlays import Overlay

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

_SIGNS = {ALONE: "alone", "ratio": "/ (ratio)", "sum": "+ (sum)", "difference": "− (difference)"}
_HOW = "Choose a column of the result, or two, and show them as a layer."


class ColumnsPage(QWidget):
    """Maps of what the table of a result holds; they become layers of its labels."""

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self.focus, self.work = focus, work
        self.left = ComboBox(tooltip="Column of the table of results")
        self.operation = ComboBox(
            choices=[(_SIGNS[name], name) for name in (ALONE, *OPERATIONS)],
            tooltip="Show the column alone, or combined with another one",
        )
        self.right = ComboBox(tooltip="The other column")
        self.show_map = PushButton(
            text="Show as layer", tooltip="Add the map, and of two columns also that of its error"
        )
        self.elements = LineEdit(tooltip="Elements such as La, Ti, Pt; in colours: La=#ff2020, Ti")
        self.show_overlay = PushButton(
            text="Show overlay", tooltip="Add the elements' at. % up in one picture of colours"
        )
        self.text = WrappedText(lines=3)
        self._overlay = Listening(self)
        self._lay_out()
        for signal in (focus.result_changed, focus.labels_changed):
            signal.connect(self._on_result)
        work.changed.connect(self._show_state)
        self.operation.changed.connect(self._show_state)
        self.show_map.changed.connect(self._on_show)
        self.show_overlay.changed.connect(self._on_overlay)
        self._on_result()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Column", self.left.native)
        form.addRow("Combine", self.operation.native)
        form.addRow("with", self.right.native)
        form.addRow(self.show_map.native)
        form.addRow("Overlay of", self.elements.native)
        form.addRow(self.show_overlay.native)
        may_be_narrow(*(field.native for field in (self.left, self.operation, self.right)))
        column = scrolled_column(self)
        column.addLayout(form)
        column.addWidget(self.text)
        column.addStretch(1)

    def _on_result(self) -> None:
        """Offer the columns of the result that is looked at."""
        result = self.focus.result
        columns = [] if result is None else numeric_columns(result)
        for field in (self.left, self.right):
            before = field.value
            field.choices = columns
            if before in columns:
                field.value = before
        if result is not None and not self.elements.value:
            self.elements.value = ", ".join(result.elements[:3])
        self._follow_overlay()
        self._show_text()
        self._show_state()

    def _show_state(self, _value: Any = None) -> None:
        there = self.focus.result is not None
        self.right.enabled = there and self.operation.value != ALONE
        needs = (there, NO_RESULT), (not self.work, BUSY)
        offer(self.show_map, self.show_overlay, unless=lacking(*needs))

    def _on_show(self) -> None:
        columns = Columns(self.left.value, self.operation.value, self.right.value)
        self._make(partial(find_columns, columns=columns), show_columns, self._tell_columns)

    def _on_overlay(self) -> None:
        parts = [p.strip().partition("=") for p in self.elements.value.split(",") if p.strip()]
        colors = {e.strip(): c.strip() for e, _, c in parts if c}
        elements = [e.strip() for e, _, _ in parts]
        find = partial(find_overlay, elements=elements, colors=colors)
        self._make(find, show_overlay, self._tell_overlay)

    def _make(
        self,
        find: Callable[[Quantification], Any],
        show: Callable[[ViewerModel, Labels, Quantification, Any], Image],
        say: Callable[[Any], None],
    ) -> None:
        """Find something of the result in a thread, and show it, whatever is looked at then."""
        result, labels = self.focus.result, self.focus.labels_layer
        if result is None or labels is None:
            return

        def show_found(found: Any) -> None:
            viewer = self.focus.viewer
            if labels not in viewer.layers:
                tell_deleted("Labels layer", "the map was made")
                return
            if labels.metadata.get(QUANTIFICATION) is not result:
                show_info("The result was replaced while the map was made: nothing is shown.")
                return
            with self.focus.staying():
                shown = show(viewer, labels, result, found)
            show_alone(viewer, shown, self.focus.map_layers())
            say(found)

        self.work.run("making the map", lambda _report: find(result), show_found, replaces=False)

    def _tell_columns(self, found: ColumnMaps) -> None:
        self.text.setText(found.note)

    def _tell_overlay(self, _found: Overlay) -> None:
        self._follow_overlay()
        self._show_text()

    def _follow_overlay(self) -> None:
        """Listen to the overlay of the labels, whose limits change with their result."""
        layer = OVERLAY.layer(self.focus.viewer, self.focus.labels_layer, None)
        if layer is None:
            self._overlay.end()
        else:
            self._overlay.to((layer.events.data, self._show_text))

    def _show_text(self, _event: Any = None) -> None:
        """Tell which colour is which element in the overlay that is shown, or what to do."""
        layer = OVERLAY.layer(self.focus.viewer, self.focus.labels_layer, None)
        picture = PICTURE.of(layer)
        if self.focus.result is None:
            self.text.setText("Quantify labels first: there is no result yet.")
        elif layer is None or picture is None or not layer.visible:
            self.text.setText(_HOW)
        else:
            self.text.setText(_legend(picture))


def _legend(picture: Overlay) -> str:
    rows = [
        f'<span style="background-color:{color}">&nbsp;&nbsp;&nbsp;&nbsp;</span> '
        f"{name}: {picture.limits[name][0]:.3g} to {picture.limits[name][1]:.3g} at. %"
        for name, color in picture.colors.items()
    ]
    return "<br>".join(rows)
