"""The panels of the plugin: finding one that is open, opening one that is not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QTabBar

from napari_eds._napari.parts.small_screens import room_for, show_tabs_whole, tab_title

if TYPE_CHECKING:
    from napari.viewer import Viewer

PLUGIN = "napari-eds"
WORKBENCH = "EDS workbench"
QUANTIFICATION = "EDS quantification"
ELEMENTS = "EDS elements"
SPECTRUM = "EDS spectrum"
RESULTS = "EDS results"
REGIONS = "EDS regions"
COMPARE = "EDS compare"
EXCHANGE = "EDS exchange"
FRAMES = "EDS frames"
PROFILE = "EDS profile"
MAPS = "EDS maps"
THICKNESS = "EDS thickness"
BATCH = "EDS batch"

#: Time in which Qt lays docks out.
LAYOUT_MS = 50

#: Panels that share a tab.
_SETTINGS = (
    WORKBENCH,
    QUANTIFICATION,
    ELEMENTS,
    REGIONS,
    COMPARE,
    EXCHANGE,
    FRAMES,
    PROFILE,
    MAPS,
    THICKNESS,
    BATCH,
)


def is_panel(name: str) -> bool:
    """Whether a dock of this name is one of the plugin's."""
    titles = (*_SETTINGS, SPECTRUM, RESULTS)
    return any(name == title or name.startswith(f"{title} (") for title in titles)


def find_panel(viewer: Viewer, title: str) -> Any:
    """Return the widget of an open panel, or None.

    A panel may be open under the name that napari's menu gives it, or under a bare title.
    """
    for name, widget in viewer.window.dock_widgets.items():
        if name == title or name.startswith(f"{title} ("):
            return widget
    return None


def find_quantification(viewer: Viewer) -> Any:
    """Return the widget that quantifies, which the workbench is, too, or None."""
    return find_panel(viewer, WORKBENCH) or find_panel(viewer, QUANTIFICATION)


def open_panel(viewer: Viewer, title: str) -> Any:
    """Return the widget of a panel, opened if need be, in front of others in its tab."""
    widget = find_panel(viewer, title)
    if widget is None:
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, title)
    dock = dock_of(widget)
    dock.show()
    dock.raise_()
    return widget


def leave_left_whole(window: Any) -> None:
    """Give the left side the corner below: layer controls and list need all of its height."""
    window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)


def show_panel_soon(viewer: Any, title: str) -> None:
    """Bring a panel to the front once what is going on is done, below the map if it is not open.

    A viewer without a window, or one that is closed meanwhile, shows nothing.
    """
    if getattr(viewer, "window", None) is not None:
        QTimer.singleShot(LAYOUT_MS, partial(_show_below, ref(viewer), title))


def _show_below(viewer_ref: Any, title: str) -> None:
    viewer = viewer_ref()
    try:
        window = None if viewer is None else getattr(viewer.window, "_qt_window", None)
        if window is None or not window.isVisible():
            return
        was_open = find_panel(viewer, title) is not None
        dock = dock_of(open_panel(viewer, title))
        if not was_open:
            window = dock.parent()
            leave_left_whole(window)
            window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    except RuntimeError:  # the window was closed meanwhile
        return


def open_quantification(viewer: Viewer) -> Any:
    """Return the widget that quantifies, opened if need be."""
    return find_quantification(viewer) or open_panel(viewer, QUANTIFICATION)


def share_tab(viewer: Viewer, widget: Any) -> None:
    """Put a panel that is just being made into one tab with others of its kind, once it is docked.

    napari stacks what it docks, so that the window grows and docks below shrink; they get the
    sizes back that they had.
    """
    others = [find_panel(viewer, title) for title in _SETTINGS]
    docks = [dock_of(other) for other in others if other is not None]
    docked = [dock for dock in docks if not dock.isFloating()]
    if docked:
        window = docked[0].parent()
        size = window.size().boundedTo(room_for(window))
        heights = _heights_below(window)
        then = partial(_restore, window, size, heights)
        QTimer.singleShot(0, partial(_join, docked[0], widget, then))


def _heights_below(window: Any) -> dict[Any, int]:
    """Return how high the docks below the map are, as Qt takes it: with the bar of their tabs."""
    bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    bar = max((bar.height() for bar in bars if bar.isVisible()), default=0)
    return {
        dock: dock.height() + bar * bool(window.tabifiedDockWidgets(dock))
        for dock in window.findChildren(QDockWidget)
        if window.dockWidgetArea(dock) == Qt.DockWidgetArea.BottomDockWidgetArea
        and dock.isVisible()
        and not dock.isFloating()
    }


def _join(other: Any, widget: Any, then: Callable[[], None]) -> None:
    try:
        dock = dock_of(widget)
        dock.parent().tabifyDockWidget(other, dock)
    except (RuntimeError, TypeError):  # one of them was closed meanwhile
        return
    for tab in (other, dock):
        tab.setWindowTitle(tab_title(tab.name))
    dock.raise_()
    # Only once Qt has laid the docks out can the window become smaller again.
    QTimer.singleShot(LAYOUT_MS, then)


def _restore(window: Any, size: Any, heights: dict[Any, int]) -> None:
    with suppress(RuntimeError):  # the window, or a dock, was closed meanwhile
        if not window.isMaximized():
            window.resize(size)
        window.resizeDocks(list(heights), list(heights.values()), Qt.Orientation.Vertical)
        show_tabs_whole(window)


def dock_of(widget: Any) -> Any:
    """Return the dock that a panel's widget lies in."""
    return widget.parent()
