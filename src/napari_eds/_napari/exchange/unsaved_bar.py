"""A bar above the map that offers unsaved work of earlier."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from napari.layers import Image
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from napari_eds._napari.parts.panels import LAYOUT_MS
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.unsaved import UnsavedWork, told, watch

if TYPE_CHECKING:
    from napari.components import ViewerModel

TITLE = "Unsaved work"


class UnsavedBar(QWidget):
    """Says what was left of a map, and restores or discards it; then the bar goes."""

    def __init__(self, viewer: ViewerModel, work: UnsavedWork, layer: Image) -> None:
        super().__init__()
        self._viewer, self._work, self._layer = viewer, work, layer
        self.about = QLabel(f"Unsaved work on {layer.name}: {told(work.others(layer))}")
        self.about.setWordWrap(True)
        self.restore, self.discard = QPushButton("Restore"), QPushButton("Discard")
        self.restore.setToolTip(
            "Bring it back as new layers; layers and settings that are there stay as they are"
        )
        self.discard.setToolTip("Delete it for good")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        row.addWidget(self.about, 1)
        row.addWidget(self.restore)
        row.addWidget(self.discard)
        self.restore.clicked.connect(self._on_restore)
        self.discard.clicked.connect(self._on_discard)

    def _on_restore(self) -> None:
        self._work.restore(self._layer)
        self._close()

    def _on_discard(self) -> None:
        self._work.discard(self._layer)
        self._close()

    def _close(self) -> None:
        self._viewer.window.remove_dock_widget(self)


def keep_unsaved(viewer: ViewerModel) -> None:
    """Keep unsaved work of a viewer from now on, and offer in its window what was left earlier."""
    focus = focus_of(viewer)
    known = focus.findChild(UnsavedWork)
    if known is not None:
        return
    work = watch(focus)
    work.found.connect(lambda layer: _offer(focus.viewer, work, layer))


def _offer(viewer: ViewerModel, work: UnsavedWork, layer: Image) -> None:
    window = getattr(viewer, "window", None)
    if window is not None and work.others(layer):
        bar = UnsavedBar(viewer, work, layer)
        window.add_dock_widget(bar, name=f"{TITLE}: {layer.name}", area="top")
        # The bar takes its height from the map, which was fitted when it was opened just before.
        QTimer.singleShot(LAYOUT_MS, partial(_fit_view, ref(viewer)))


def _fit_view(viewer_ref: Any) -> None:
    viewer = viewer_ref()
    if viewer is not None:
        focus_of(viewer).fit_view()
