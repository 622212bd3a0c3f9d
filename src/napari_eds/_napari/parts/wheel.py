"""The wheel scrolls a panel; it changes a value only in a field that has the focus."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QScrollBar,
    QWidget,
)

#: Fields whose value the wheel changes.
_FIELDS = (QAbstractSpinBox, QComboBox, QAbstractSlider)


class WheelGuard(QObject):
    """Keeps the wheel from fields without focus, in a panel and in whatever is added to it.

    The wheel then scrolls the area that the field lies in.
    """

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self._watch(panel)

    def _watch(self, widget: QWidget) -> None:
        for each in (widget, *widget.findChildren(QWidget)):
            each.installEventFilter(self)  # a second time does nothing but put it in front
            if isinstance(each, _FIELDS) and each.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                # Else the wheel itself would give the field the focus.
                each.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Keep the wheel from a field without focus, and watch what is added."""
        if event.type() == QEvent.Type.ChildPolished and isinstance(event.child(), QWidget):
            self._watch(event.child())
        elif event.type() == QEvent.Type.Wheel and _is_field(watched) and not _has_focus(watched):
            _scroll(watched, event)
            return True
        return False


def _scroll(field: QWidget, event: Any) -> None:
    """Let the innermost area around a field, if there is one, scroll by an event."""
    event.accept()
    around = field.parentWidget()
    while around is not None and not isinstance(around, QAbstractScrollArea):
        around = around.parentWidget()
    if around is not None:
        QApplication.sendEvent(around.verticalScrollBar(), event)


def _is_field(widget: Any) -> bool:
    return isinstance(widget, _FIELDS) and not isinstance(widget, QScrollBar)


def _has_focus(field: QWidget) -> bool:
    """Whether a field or a part of it, such as its line of text, has the focus."""
    window = field.window()
    focused = None if window is None else window.focusWidget()
    return field.hasFocus() or (
        focused is not None and focused.hasFocus() and field.isAncestorOf(focused)
    )
