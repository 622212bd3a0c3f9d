"""The panels of the plugin: finding one that is open, opening one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def dock_of(widget: Any) -> Any:
    """Return the dock that a panel's widget lies in."""
    return widget.parent()
