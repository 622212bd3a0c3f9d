"""The command *EDS workbench*: all panels in a layout that leaves the map in sight."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from napari.viewer import Viewer
from qtpy.QtCore import QSize, Qt, QTimer

from napari_eds._napari.parts.ending import when_destroyed
from napari_eds._napari.parts.jobs import Job, one_per_turn
from napari_eds._napari.parts.panels import (
    ELEMENTS,
    LAYOUT_MS,
    RESULTS,
    SPECTRUM,
    dock_of,
    leave_left_whole,
    open_panel,
)
from napari_eds._napari.parts.small_screens import room_for, share_small
from napari_eds._napari.quantify.dock import QuantificationWidget
from napari_eds._support.progress import Progress

#: Sizes of the panels in pixels; on 1400 x 900 they leave half of the window to the map.
_BOTTOM_HEIGHT_PX = 310
_RIGHT_WIDTH_PX = 390
#: Height of the largest letters that this width is for.
_LETTERS_PX = 13
#: Most of the height and width of a small window.
_BOTTOM_PART, _RIGHT_PART = 0.4, 0.36
#: A window of at least this width and height keeps its size; the part of the screen that a smaller
#: one gets.
_ENOUGH_PX = (1280, 688)
_PART_OF_SCREEN = 0.95
_SPECTRUM_TO_RESULTS = (610, 470)

_RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
_BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea


class Workbench(QuantificationWidget):
    """The quantification dock, which brings elements, spectrum and results with it.

    Settings lie to the right, in tabs; spectrum and results below, side by side.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        # Modules of panels take a moment to import, and napari docks this widget only once it is
        # made.
        self._importing = Job(_import_panels)
        self._importing.finished.connect(self._open_others)
        self._importing.start()

    def _open_others(self) -> None:
        if dock_of(self) is None:
            return
        window = dock_of(self).parent()
        size = first_size(window.size(), room_for(window))
        leave_left_whole(window)
        destroyed: list[bool] = []
        when_destroyed(self, lambda: destroyed.append(True))

        def go_through(steps: list[Callable[[], object]]) -> None:
            # Whoever closes the dock meanwhile does not want the others either.
            one_per_turn(partial(self._while_open, destroyed, step) for step in steps)

        laid_out: list[Callable[[], object]] = [
            lambda: self._settle(window, size),
            self.focus.fit_view,
            lambda: _show_scale_bar(self._viewer),
        ]
        steps: list[Callable[[], object]] = [
            lambda: window.addDockWidget(_RIGHT, dock_of(self)),
            lambda: window.tabifyDockWidget(dock_of(self), self._dock(ELEMENTS)),
            lambda: window.addDockWidget(_BOTTOM, self._dock(SPECTRUM)),
            lambda: window.addDockWidget(_BOTTOM, self._dock(RESULTS), Qt.Orientation.Horizontal),
            lambda: share_small(
                window, room_for(window), self._dock(SPECTRUM), self._dock(RESULTS)
            ),
            # Not before Qt has laid the docks out: until then the window cannot be made smaller.
            lambda: QTimer.singleShot(LAYOUT_MS, partial(go_through, laid_out)),
        ]
        go_through(steps)

    def _while_open(self, destroyed: list[bool], step: Callable[[], object]) -> None:
        if not destroyed and dock_of(self) is not None:
            step()

    def _dock(self, title: str) -> Any:
        return dock_of(open_panel(self._viewer, title))

    def _settle(self, window: Any, size: Any) -> None:
        """Give every dock its share, in the size that the window had."""
        dock_of(self).raise_()
        spectrum, results = self._dock(SPECTRUM), self._dock(RESULTS)
        spectrum.raise_()
        if not window.isMaximized():
            window.resize(size)
        along, across = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks([spectrum, results], list(_SPECTRUM_TO_RESULTS), along)
        height = min(_BOTTOM_HEIGHT_PX, round(_BOTTOM_PART * window.height()))
        window.resizeDocks([spectrum], [height], across)
        larger = max(1.0, self.about.fontInfo().pixelSize() / _LETTERS_PX)
        width = min(round(larger * _RIGHT_WIDTH_PX), round(_RIGHT_PART * window.width()))
        window.resizeDocks([dock_of(self)], [width], along)


def first_size(size: QSize, screen: QSize) -> QSize:
    """Return the size of a window in which the workbench opens.

    One that has room for map and panels stays as it is; a smaller one gets most of the screen, and
    none is larger than that.
    """
    if size.width() < _ENOUGH_PX[0] or size.height() < _ENOUGH_PX[1]:
        size = size.expandedTo(screen * _PART_OF_SCREEN)
    return size.boundedTo(screen)


def _show_scale_bar(viewer: Any) -> None:
    """Show napari's scale bar: 0.9 moved it, and warns of its old place."""
    canvas = getattr(viewer, "canvas", None)
    bar = viewer.scale_bar if canvas is None else canvas.overlays.scale_bar
    bar.visible = True


def _import_panels(_report: Progress) -> None:
    for panel in ("elements", "results", "spectrum"):
        import_module(f"napari_eds._napari.{panel}.dock")
