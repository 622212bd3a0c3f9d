"""Panels by keyboard: one sees what has the focus, and it is scrolled into sight."""

from __future__ import annotations

import weakref
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QApplication, QDockWidget, QScrollArea, QWidget

from napari_eds._napari.parts.panels import is_panel
from napari_eds._napari.parts.theme import theme_colors

_RING_PX = 2


class Ring(QWidget):
    """A frame over a widget, which the mouse does not notice."""

    def __init__(self, over: QWidget, color: str) -> None:
        super().__init__(over)
        self._color = QColor(color)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        over.installEventFilter(self)
        self.resize(over.size())
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Be as large as the widget."""
        if event is not None and event.type() == QEvent.Type.Resize and watched is self.parent():
            self.resize(watched.size())  # type: ignore[union-attr]
        return False

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the frame."""
        painter = QPainter(self)
        painter.setPen(QPen(self._color, _RING_PX))
        inset = _RING_PX // 2
        painter.drawRect(self.rect().adjusted(inset, inset, -inset, -inset))


class KeyboardFocus(QObject):
    """Frames what got the focus of a window's panels by a key: napari's style shows it nowhere.

    A click needs no frame, and takes away that of before.
    """

    def __init__(self, owner: QObject, viewer: Any) -> None:
        super().__init__(owner)
        self._viewer = weakref.ref(viewer)
        self._ring: Ring | None = None
        #: What had the focus last: a window that is activated gives it back, framed as before.
        self._last: weakref.ref[QWidget] | None = None
        application: Any = QApplication.instance()
        if application is not None:
            application.focusChanged.connect(self._on_focus)

    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        if new is None:
            return
        is_back = old is None and self._last is not None and self._last() is new
        if is_back:
            return
        self._last = weakref.ref(new)
        self._drop()
        viewer = self._viewer()
        by_key = old is not None and QApplication.mouseButtons() == Qt.MouseButton.NoButton
        window = new.window()
        is_popup = window is not None and window.windowType() == Qt.WindowType.Popup
        if viewer is None or not by_key or is_popup or not _is_in_panel(new, viewer):
            return
        _bring_into_sight(new)
        self._ring = Ring(new, theme_colors(viewer).highlight)

    def _drop(self) -> None:
        ring, self._ring = self._ring, None
        if ring is not None:
            try:
                ring.hide()
                ring.deleteLater()
            except RuntimeError:  # it went with its widget
                return


def _is_in_panel(widget: QWidget, viewer: Any) -> bool:
    window = getattr(getattr(viewer, "window", None), "_qt_window", None)
    place: QWidget | None = widget
    while place is not None and not isinstance(place, QDockWidget):
        place = place.parentWidget()
    return place is not None and place.parent() is window and is_panel(place.objectName())


def _bring_into_sight(widget: QWidget) -> None:
    """Scroll to a widget; Qt does so only where the focus was in the same area before."""
    place = widget.parentWidget()
    while place is not None:
        if isinstance(place, QScrollArea):
            place.ensureWidgetVisible(widget)
        place = place.parentWidget()
