"""The page *Columns* of the maps dock: any column of a result, two combined, and overlays."""

from __future__ import annotations

from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, LineEdit, PushButton
from napari.layers import Image, Labels
from qtpy.QtWidgets import QFormLayout, QWidget

from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.reasons import NO_RESULT, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText, may_be_narrow, scrolled_column
from napari_eds._napari.state.derived import (
    AT_PCT_MAPS,
    COLUMN_MAPS,
    OVERLAY,
    THICKNESS_MAPS,
    Look,
)
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import geometry
from napari_eds.errors import EDSError
from napari_eds.quantification.combinations import (
    OPERATIONS,
    combined,
    label_map,
    numbers_of,
    numeric_columns,
)
from napari_eds.quantification.result import Quantification
from napari_eds.spectra.overlays import overlay

_ALONE = "alone"
_SIGNS = {_ALONE: "alone", "ratio": "/ (ratio)", "sum": "+ (sum)", "difference": "− (difference)"}
_HOW = "Choose a column of the result, or two, and show them as a layer."


class ColumnsPage(QWidget):
    """Maps of what the table of a result holds; they become layers of its labels."""

    def __init__(self, focus: Focus) -> None:
        super().__init__()
        self.focus = focus
        self.left = ComboBox(tooltip="Column of the table of results")
        self.operation = ComboBox(
            choices=[(_SIGNS[name], name) for name in (_ALONE, *OPERATIONS)],
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
        self._lay_out()
        for signal in (focus.result_changed, focus.labels_changed):
            signal.connect(self._on_result)
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
        self.text.setText(_HOW if columns else "Quantify labels first: there is no result yet.")
        self._show_state()

    def _show_state(self, _value: Any = None) -> None:
        there = self.focus.result is not None
        self.right.enabled = there and self.operation.value != _ALONE
        offer(self.show_map, self.show_overlay, unless=lacking((there, NO_RESULT)))

    def _on_show(self) -> None:
        result, labels = self.focus.result, self.focus.labels_layer
        if result is None or labels is None:
            return
        try:
            maps, note = self._maps(result)
        except EDSError as error:
            notify(error)
            return
        # Its error below, hidden, so that the values are looked at.
        for i, (name, values) in reversed(list(enumerate(maps.items()))):
            look = _look(name, label_map(result, values), result, labels, visible=i == 0)
            with self.focus.staying():
                shown = COLUMN_MAPS.show(self.focus.viewer, labels, name, look)
        # The value comes last.
        self._show_alone(shown, labels)
        self.text.setText(note)

    def _maps(self, result: Quantification) -> tuple[dict[str, np.ndarray], str]:
        """Return values per label by the name of their layer, and what is to be said of them."""
        left, right, operation = self.left.value, self.right.value, self.operation.value
        if operation == _ALONE:
            return {left: numbers_of(result, left)}, f"{left} as a layer."
        found = combined(result, left, right, operation)
        maps = {found.name: found.value}
        if np.isfinite(found.total).any():
            maps[f"± {found.name}"] = found.total
        return maps, f"{found.name}: {found.note}."

    def _on_overlay(self) -> None:
        result, labels = self.focus.result, self.focus.labels_layer
        if result is None or labels is None:
            return
        parts = [p.strip().partition("=") for p in self.elements.value.split(",") if p.strip()]
        try:
            unknown = [e for e, _, _ in parts if e.strip() not in result.elements]
            if unknown or not parts:
                raise EDSError(
                    f"an overlay is made of {', '.join(result.elements)}, not of "
                    f"{', '.join(unknown) or 'nothing'}"
                )
            maps = result.maps()
            picture = overlay(
                {e.strip(): maps[e.strip()] for e, _, _ in parts},
                {e.strip(): c.strip() for e, _, c in parts if c},
            )
        except EDSError as error:
            notify(error)
            return
        look = Look(
            picture.rgb,
            f"overlay {', '.join(picture.colors)} ({labels.name})",
            renewed={},
            first={"rgb": True, **geometry(result.image)},
            follows_name=True,
        )
        with self.focus.staying():
            self._show_alone(OVERLAY.show(self.focus.viewer, labels, None, look), labels)
        self._show_legend(picture.colors, picture.limits)

    def _show_alone(self, shown: Image, labels: Labels) -> None:
        """Hide other maps of the labels: each would say its own name over the same pixels."""
        viewer = self.focus.viewer
        for kind in (AT_PCT_MAPS, COLUMN_MAPS, OVERLAY, THICKNESS_MAPS):
            for layer in kind.layers(viewer, labels).values():
                layer.visible = layer is shown

    def _show_legend(self, colors: Any, limits: Any) -> None:
        """Tell which colour is which element, in that colour."""
        rows = [
            f'<span style="background-color:{color}">&nbsp;&nbsp;&nbsp;&nbsp;</span> '
            f"{name}: {limits[name][0]:.3g} to {limits[name][1]:.3g} at. %"
            for name, color in colors.items()
        ]
        self.text.setText("<br>".join(rows))


def _look(
    name: str, data: np.ndarray, result: Quantification, labels: Labels, *, visible: bool
) -> Look:
    known = data[np.isfinite(data)]
    low, high = (float(v) for v in np.percentile(known, [1, 99])) if known.size else (0.0, 1.0)
    low = min(low, 0.0) if low < 0.5 * high else low
    return Look(
        data,
        f"{name} ({labels.name})",
        renewed={"contrast_limits": (low, high if high > low else low + 1.0)},
        first={
            "colormap": "magma" if name.startswith("±") else "viridis",
            "visible": visible,
            **geometry(result.image),
        },
        says_what_it_is=True,
    )
