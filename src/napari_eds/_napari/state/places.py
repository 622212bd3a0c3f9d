"""Panels come back to the side of the window where the user put them."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any
from weakref import ref

from qtpy.QtCore import Qt, QTimer

from napari_eds._napari.parts import view_memory
from napari_eds._napari.parts.panels import dock_of

_SECTION = "places"
_AREAS = {
    name: getattr(Qt.DockWidgetArea, f"{name.capitalize()}DockWidgetArea")
    for name in ("left", "right", "top", "bottom")
}


def come_back(widget: Any, title: str) -> None:
    """Put a panel that is just being made where it was last, and note where it goes from now on.

    napari docks a panel once it is made, and always at the same side; whoever opens it may put it
    elsewhere in the same turn of the event loop.
    """
    QTimer.singleShot(0, partial(_put, ref(widget), title))


def _put(widget_ref: Any, title: str) -> None:
    # The panel, or its window, may be gone by now, or it stands outside of a window.
    with suppress(RuntimeError, AttributeError):
        dock = dock_of(widget_ref())
        place = view_memory.kept(_SECTION).get(title)
        if isinstance(place, dict):
            area = _AREAS.get(str(place.get("area")))
            window = dock.parent()
            if area is not None and window.dockWidgetArea(dock) != area:
                window.addDockWidget(area, dock)
            dock.setFloating(place.get("floating") is True)
        note = partial(_note, ref(widget_ref()), title)
        dock.dockLocationChanged.connect(note)
        dock.topLevelChanged.connect(note)


def _note(widget_ref: Any, title: str, *_: Any) -> None:
    with suppress(RuntimeError, AttributeError):
        dock = dock_of(widget_ref())
        area = dock.parent().dockWidgetArea(dock)
        known = next((name for name, one in _AREAS.items() if one == area), None)
        if known is not None:
            places = view_memory.kept(_SECTION)
            places[title] = {"area": known, "floating": dock.isFloating()}
            view_memory.keep(_SECTION, places)
