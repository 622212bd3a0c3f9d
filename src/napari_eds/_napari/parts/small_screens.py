"""Where the screen is small, docks share tabs that elsewhere lie side by side.

napari's layer controls and layer list need 540 pixels one above the other, the spectrum and the
table of results some 850 side by side, beside the 320 of napari's docks. A laptop of 1366 x 768 at
125 % has 1093 x 614 for all, and at 150 % has 911 x 512.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QDockWidget, QTabBar

#: What the title bar of the system takes of the screen, in pixels, where the window is not yet
#: shown and cannot tell.
_FRAME_PX = 32
#: Windows less wide or high than this have docks in tabs.
_WIDE_PX, _HIGH_PX = 1150, 600
#: Names that napari gives its docks.
_CONTROLS, _LIST = "layer controls", "layer list"


def room_for(window: Any) -> QSize:
    """Return the largest size of a window on its screen: its frame goes off."""
    frame = window.frameGeometry().height() - window.geometry().height()
    available = window.screen().availableSize()
    return QSize(available.width(), available.height() - (frame or _FRAME_PX))


def share_small(window: Any, room: QSize, left_below: Any, right_below: Any) -> None:
    """Put docks into tabs that the largest size of the window does not hold beside each other.

    Parameters
    ----------
    window : QMainWindow
        That of napari.
    room : QSize
        The largest size that the window can have.
    left_below, right_below : QDockWidget
        The docks below the map; the first is in front of the other.
    """
    if room.width() < _WIDE_PX:
        _tabify(window, left_below, right_below)
        for dock in (left_below, right_below):
            dock.setWindowTitle(tab_title(dock.name))
    if room.height() < _HIGH_PX:
        found = {dock.objectName(): dock for dock in window.findChildren(QDockWidget)}
        if _CONTROLS in found and _LIST in found:
            _tabify(window, found[_LIST], found[_CONTROLS])
    show_tabs_whole(window)


def tab_title(name: str) -> str:
    """Return the one word that a tab has room for, from napari's name of a dock."""
    return name.partition(" (")[0].removeprefix("EDS ").capitalize()


def show_tabs_whole(window: Any) -> None:
    """Let tabs of docks scroll rather than shorten their titles to a letter."""
    for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
        bar.setElideMode(Qt.TextElideMode.ElideNone)
        bar.setUsesScrollButtons(True)


def _tabify(window: Any, front: Any, other: Any) -> None:
    if front.isFloating() or other.isFloating() or other in window.tabifiedDockWidgets(front):
        return
    if window.dockWidgetArea(front) == window.dockWidgetArea(other):
        window.tabifyDockWidget(front, other)
        front.raise_()
