"""The page *Edit* of the regions dock: buttons that change the Labels layer looked at."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from magicgui.widgets import CheckBox, FloatSpinBox, PushButton, SpinBox
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QWidget,
)

from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.numbers import counted
from napari_eds._napari.parts.reasons import BUSY, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText, foot_of, scrolled_column
from napari_eds._napari.state import label_edits as edits
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.unsaved import unsaved_of
from napari_eds.errors import EDSError, LabelError

_STATUS_LINES = 2


class EditPage(QWidget):
    """Edits labels; it holds no state."""

    def __init__(self, focus: Focus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.focus = focus
        self.about = WrappedText()
        self.selected = QRadioButton("selected: none")
        self.selected.setToolTip(
            "Change the selected labels only; select several in the results dock or plots"
        )
        self.all = QRadioButton("all labels")
        self.all.setToolTip("Change every label of the layer")
        self.selected.setChecked(True)
        self.scope = QButtonGroup(self)
        self.scope.addButton(self.selected)
        self.scope.addButton(self.all)
        self._make_buttons()
        self.work = JobBar()
        self.status = WrappedText(lines=_STATUS_LINES)
        self._lay_out()
        self._connect()
        self._show_state()

    def _make_buttons(self) -> None:
        self.merge = _button("Merge", "Join the labels into the lowest of them")
        self.split = _button("Split parts", "Make a label of each part that does not touch")
        self.fill = _button("Fill holes", "Give each label the background it encloses")
        self.relabel = _button(
            "Reading order", "Number the labels from 1 by their first pixel, row by row"
        )
        self.grow = _button("Grow", "Let the labels reach further by these pixels")
        self.grow_by = FloatSpinBox(value=1, min=1, max=1000, step=1, tooltip="Pixels to grow by")
        self.into_labels = CheckBox(
            text="over others", tooltip="Also take pixels of labels that do not grow"
        )
        self.shrink = _button("Shrink", "Let the labels end earlier by these pixels")
        self.shrink_by = FloatSpinBox(
            value=1, min=1, max=1000, step=1, tooltip="Pixels to shrink by"
        )
        self.smooth = _button(
            "Smooth", "Give every pixel the label most frequent within this radius"
        )
        self.radius = SpinBox(value=1, min=1, max=100, tooltip="Radius in pixels")
        self.remove = _button("Remove small", "Remove labels of fewer pixels than this")
        self.least = SpinBox(value=10, min=1, max=10_000_000, tooltip="Least area in pixels")
        self.into_neighbour = CheckBox(
            text="to neighbour", tooltip="Their pixels go to the neighbour with the longest border"
        )
        self.undo = _button("Undo", "Take back the last step in this layer (Ctrl+Z)")
        self.redo = _button("Redo", "Do again what was taken back (Ctrl+Shift+Z)")
        self.bring_back = _button(
            "Bring back deleted", "Add the labels again that were deleted from the map last"
        )

    def _lay_out(self) -> None:
        column = scrolled_column(self)
        column.addWidget(self.about)
        column.addLayout(_row(self.selected, self.all))
        grid = QGridLayout()
        grid.setColumnStretch(3, 1)
        rows: list[tuple[Any, ...]] = [
            (self.grow, self.grow_by, self.into_labels),
            (self.shrink, self.shrink_by),
            (self.smooth, self.radius),
            (self.remove, self.least, self.into_neighbour),
        ]
        for i, (button, number, *more) in enumerate(rows):
            grid.addWidget(button.native, i, 0)
            grid.addWidget(number.native, i, 1)
            grid.addWidget(QLabel("px"), i, 2)
            for box in more:
                grid.addWidget(box.native, i, 3)
        column.addLayout(_row(self.merge.native, self.split.native))
        column.addLayout(_row(self.fill.native, self.relabel.native))
        column.addSpacing(6)
        column.addLayout(grid)
        column.addSpacing(6)
        column.addLayout(_row(self.undo.native, self.redo.native))
        column.addWidget(self.bring_back.native)
        column.addStretch(1)
        hint = QLabel("Compositions of changed labels are unknown until quantified again.")
        hint.setWordWrap(True)
        column.addWidget(hint)
        foot = foot_of(self)
        foot.addWidget(self.status)
        foot.addWidget(self.work)

    def _connect(self) -> None:
        focus = self.focus
        focus.labels_changed.connect(self._on_labels_changed)
        focus.layers_changed.connect(self._show_state)
        # What was deleted is known once all else has heard of it.
        focus.layers_changed.connect(self._show_deleted, Qt.ConnectionType.QueuedConnection)
        focus.selection_changed.connect(self._show_state)
        self.work.changed.connect(self._show_state)
        self.work.cancelled.connect(partial(self.status.setText, "Cancelled; nothing changed."))
        self.scope.buttonToggled.connect(self._show_state)
        actions = {
            self.merge: edits.merged,
            self.split: edits.split,
            self.fill: edits.filled,
            self.relabel: edits.in_order,
            self.grow: self._grown,
            self.shrink: lambda: edits.shrunk(self.shrink_by.value),
            self.smooth: lambda: edits.smoothed(self.radius.value),
            self.remove: self._without_small,
        }
        for button, make in actions.items():
            button.changed.connect(partial(self._edit, make))
        self.undo.changed.connect(partial(self._step, "undo"))
        self.redo.changed.connect(partial(self._step, "redo"))
        self.bring_back.changed.connect(self._on_bring_back)

    def _grown(self) -> edits.Edit:
        return edits.grown(self.grow_by.value, into_labels=self.into_labels.value)

    def _without_small(self) -> edits.Edit:
        return edits.without_small(self.least.value, into_neighbour=self.into_neighbour.value)

    def _buttons(self) -> tuple[Any, ...]:
        return (
            self.merge,
            self.split,
            self.fill,
            self.relabel,
            self.grow,
            self.shrink,
            self.smooth,
            self.remove,
            self.undo,
            self.redo,
        )

    # What the window tells.

    def _show_state(self, *_: Any) -> None:
        layer, ids = self.focus.labels_layer, self.focus.selected
        self.about.setText("No labels yet: make or paint some." if layer is None else layer.name)
        self.selected.setText(f"selected: {_listed(ids)}")
        needs = (layer, self.focus.no_labels), (not self.work, BUSY)
        offer(*self._buttons(), unless=lacking(*needs))
        several = self.all.isChecked() or len(ids) > 1
        offer(
            self.merge,
            unless=lacking(*needs, (several, "Select two labels or more in the results first.")),
        )

        self._show_deleted()

    def _show_deleted(self) -> None:
        offer(
            self.bring_back,
            unless=lacking((bool(self._deleted()), "No labels of this map were deleted.")),
        )

    def _deleted(self) -> list[Labels]:
        work = unsaved_of(self.focus)
        return [] if work is None else work.deleted_labels(self.focus.map_layer)

    def _on_labels_changed(self) -> None:
        self.work.drop()
        self.status.setText("")
        self._show_state()

    # What the user does.

    def _edit(self, make: Any, *_: Any) -> None:
        """Do an edit in a thread on a copy, and write it into the layer it is for."""
        layer, image = self.focus.labels_layer, self.focus.image
        if layer is None:
            return
        ids = None if self.all.isChecked() else self.focus.selected
        if ids is not None and not ids:
            notify(LabelError("select a label first, or choose all labels"))
            return
        what, before, features = make(), np.array(layer.data), layer.features.copy()

        def work(_progress: Any) -> edits.Edited:
            counts = None if image is None else image.counts_map()
            return edits.edit(before, features, what, ids, counts)

        self.work.run(
            what.words,
            work,
            partial(self._on_edited, layer, what),
            replaces=True,
            failure=self._say,
        )

    def _on_edited(self, layer: Labels, what: edits.Edit, done: edits.Edited) -> None:
        if layer not in self.focus.viewer.layers:
            return
        try:
            changed = edits.apply(self.focus, layer, done)
        except LabelError as error:
            notify(error)
            return
        self.status.setText(
            f"{what.words.capitalize()}: {counted(changed, 'pixel')} changed (Undo: Ctrl+Z)."
        )

    def _on_bring_back(self, *_: Any) -> None:
        work, map_layer = unsaved_of(self.focus), self.focus.map_layer
        back = None if work is None or map_layer is None else work.bring_back(map_layer)
        if back is not None:
            self.status.setText(f"{back.name} is back.")

    def _say(self, error: Exception) -> None:
        """Say here why nothing was done: a notification would be too loud for it."""
        if not isinstance(error, EDSError):
            raise error
        self.status.setText(f"Nothing done: {error}.")

    def _step(self, way: str, *_: Any) -> None:
        layer = self.focus.labels_layer
        if layer is not None:
            getattr(layer, way)()
            self.status.setText("Taken back." if way == "undo" else "Done again.")


def _listed(ids: tuple[int, ...]) -> str:
    if not ids:
        return "none"
    return ", ".join(map(str, ids)) if len(ids) <= 4 else counted(len(ids), "label")


def _button(text: str, tip: str) -> PushButton:
    return PushButton(text=text, tooltip=tip)


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row
