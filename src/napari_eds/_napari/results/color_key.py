"""What colours of labels mean, on the canvas: the column's name and a colour bar with numbers."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import QObject

from napari_eds._napari.parts.color_bar import COLOR_KEY, Scale
from napari_eds._napari.parts.ending import Listening
from napari_eds._napari.parts.jobs import one_per_turn
from napari_eds._napari.state.belonging import MADE_FOR
from napari_eds._napari.state.derived import telling
from napari_eds._napari.state.focus import Focus


class ColorKey(QObject):
    """Keeps a layer that draws nothing but napari's own name and colour bar.

    napari gives a colour bar to images only, not to labels, and draws it into screenshots, too.
    The layer is hidden with the labels and with their colours.
    """

    def __init__(self, parent: QObject, focus: Focus) -> None:
        super().__init__(parent)
        self._focus = weakref.ref(focus)
        self._labels: Labels | None = None
        self._visible = Listening(self)

    @property
    def layer(self) -> Image | None:
        """The layer, while there is one."""
        focus = self._focus()
        if focus is None or focus.is_orphaned:
            return None
        return next((x for x in focus.viewer.layers if COLOR_KEY in x.metadata), None)

    def show(self, labels: Labels, title: str, scale: Scale, colormap: str) -> None:
        """Say on the canvas that labels are coloured by a column."""
        focus, layer = self._focus(), self.layer
        if focus is None:
            return
        limits = (scale.low, scale.high)
        self._listen(labels)
        if layer is None:
            layer = _layer(labels, title, limits, colormap)
            with focus.staying():
                focus.viewer.add_layer(layer)
            layer.visible = labels.visible
            one_per_turn(telling(focus.viewer, layer))
            return
        for name, value in _place(labels).items():
            setattr(layer, name, value)
        layer.metadata[MADE_FOR] = labels.unique_id
        layer.name, layer.colormap = title, colormap
        layer.contrast_limits_range = layer.contrast_limits = limits
        layer.visible = labels.visible

    def hide(self) -> None:
        """Show no meaning of colours.

        The layer of labels that are there stays: napari holds the window up to remove one.
        """
        self._let_go()
        focus, layer = self._focus(), self.layer
        if focus is None or layer is None:
            return
        if any(x.unique_id == layer.metadata[MADE_FOR] for x in focus.viewer.layers):
            layer.visible = False
        else:
            self.remove()

    def remove(self) -> None:
        """Take the layer away."""
        self._let_go()
        focus, layer = self._focus(), self.layer
        if focus is not None and layer is not None:
            focus.viewer.layers.remove(layer)

    def _listen(self, labels: Labels) -> None:
        if labels is not self._labels:
            self._labels = labels
            self._visible.to((labels.events.visible, self._on_visible))

    def _let_go(self) -> None:
        self._visible.end()
        self._labels = None

    def _on_visible(self, _event: Any = None) -> None:
        layer = self.layer
        if layer is not None and self._labels is not None:
            layer.visible = self._labels.visible


def _layer(labels: Labels, title: str, limits: tuple[float, float], colormap: str) -> Image:
    """Return one pixel without a value, as large as the labels, so that nothing is drawn."""
    return Image(
        np.full((1,) * labels.ndim, np.nan, np.float32),
        name=title,
        colormap=colormap,
        contrast_limits=limits,
        metadata={COLOR_KEY: True, MADE_FOR: labels.unique_id},
        **_place(labels),
    )


def _place(labels: Labels) -> dict[str, Any]:
    shape = np.array(labels.data.shape)
    return {
        "scale": labels.scale * shape,
        # A layer is placed by the centre of its first pixel.
        "translate": labels.translate + labels.scale * (shape - 1) / 2,
        "units": labels.units,
        "axis_labels": labels.axis_labels,
    }
