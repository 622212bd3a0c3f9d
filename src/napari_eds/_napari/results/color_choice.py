"""The row of the results dock that colours labels by a column of their result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QSignalBlocker
from qtpy.QtWidgets import QComboBox

from napari_eds._napari.parts.color_bar import COLORMAPS, ColorBar, scale_of
from napari_eds._napari.parts.ending import Listening
from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.parts.reasons import lacking, offer
from napari_eds._napari.results.color_key import ColorKey
from napari_eds._napari.results.columns import Column
from napari_eds._napari.state import label_colors
from napari_eds._napari.state.covering import give_way, pictures_beside
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.label_colors import Coloring, coloring_of

_OWN_COLORS = "own colours"


class ColorChoice(QObject):
    """Colours the labels in focus as two lists say, and shows the scale.

    How labels are coloured lives in their layer, where the user may change it, too. Ends with
    `color_by`.
    """

    def __init__(
        self, focus: Focus, color_by: QComboBox, colormap: QComboBox, color_bar: ColorBar
    ) -> None:
        super().__init__(color_by)
        self._focus = focus
        self._color_by, self._colormap, self._color_bar = color_by, colormap, color_bar
        self._columns: list[Column] = []
        self._colors = Listening(self)
        self.key = ColorKey(self, focus)
        color_by.activated.connect(self._on_chosen)
        colormap.activated.connect(self._on_chosen)
        focus.labels_changed.connect(self._on_labels_changed)
        focus.result_changed.connect(self._on_result_changed)
        self._on_labels_changed()

    def show_result(self, columns: Sequence[Column]) -> None:
        """Offer the columns of a result, and let the labels' colours follow it."""
        # The label's number, which is in no group, says nothing.
        self._columns = [c for c in columns if not c.is_text and c.group]
        with QSignalBlocker(self._color_by):
            self._color_by.clear()
            self._color_by.addItem(_OWN_COLORS, "")
            for column in self._columns:
                self._color_by.addItem(column.title, column.name)
        layer = self._focus.labels_layer
        how = coloring_of(layer)
        if layer is not None and how is not None:
            self._color(layer, how)
        self._show(coloring_of(layer))

    def _show(self, how: Coloring | None) -> None:
        self._color_by.setCurrentIndex(max(0, self._color_by.findData(how.column) if how else 0))
        self._colormap.setCurrentText(how.colormap if how else self._colormap.currentText())
        offer(self._colormap, unless=lacking((how, "Choose a column to colour by first.")))
        values = self._values(how.column) if how else None
        scale = None if values is None else scale_of(values)
        self._color_bar.set_scale(scale, how.colormap if how else COLORMAPS[0])
        layer = self._focus.labels_layer
        if layer is None or how is None or scale is None:
            self.key.hide()
        else:
            self.key.show(layer, self._title(how.column), scale, how.colormap)

    def _title(self, name: str) -> str:
        return next(c.title for c in self._columns if c.name == name)

    def _values(self, name: str) -> np.ndarray | None:
        column = next((c for c in self._columns if c.name == name), None)
        return None if column is None else column.values.astype(float)

    def _on_chosen(self) -> None:
        layer = self._focus.labels_layer
        if layer is None:
            return
        column = self._color_by.currentData()
        if not column:
            label_colors.restore_colors(layer)
            self.key.remove()
            self._show(None)
            return
        self._color(layer, Coloring(column, self._colormap.currentText()))
        one_per_turn([*self._bringing_forward(layer), partial(self._show_for, layer)])

    def _show_for(self, layer: Labels) -> None:
        if layer is self._focus.labels_layer:
            self._show(coloring_of(layer))

    def _color(self, layer: Labels, how: Coloring) -> None:
        values, result = self._values(how.column), self._focus.result
        if values is None or result is None:
            label_colors.restore_colors(layer)
        else:
            label_colors.color_labels(layer, result.table.index.to_numpy(), values, how)

    def _bringing_forward(self, layer: Labels) -> list[Callable[[], None]]:
        """Return what shows what was asked for: nothing lies over the colours of the map."""
        focus = self._focus

        def show() -> None:
            layer.visible = True

        covering = pictures_beside(focus.viewer, layer, focus.map_layers())
        return [show, *(partial(give_way, focus.viewer, other) for other in covering)]

    def _on_labels_changed(self) -> None:
        """Listen to the layer's colours, which its owner may change too."""
        layer = self._focus.labels_layer
        if layer is None:
            self._colors.end()
            return
        self._colors.to((layer.events.colormap, self._on_layer_colormap))
        label_colors.warm_up(layer.data.dtype)

    def _on_result_changed(self) -> None:
        """Say nothing of colours where nothing is known of labels, or there are none."""
        if self._focus.result is None:
            self.key.hide()

    def _on_layer_colormap(self, _event: Any = None) -> None:
        how = coloring_of(self._focus.labels_layer)
        if how is None and self._focus.result is not None:
            self._show(None)
