"""Notifications that are whole: napari shows one line of them, and the rest after a click."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QApplication, QDialog, QLabel, QPushButton

#: napari's names of what unfolds a notification.
_UNFOLD, _UNFOLDED = "expand_button", "expanded"
#: Until napari has put a new notification in its place.
_PLACED_MS = 300
#: How long a letter is read, and a text at least, as napari shows short ones.
_READ_MS, _LEAST_MS = 60, 4000


class _Notices(QObject):
    """Unfolds notifications in the window's thread, wherever they come from."""

    came = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.came.connect(self._later)

    def _later(self) -> None:
        QTimer.singleShot(_PLACED_MS, unfold_notices)


_notices: list[_Notices] = []


def whole_notices() -> None:
    """Let all notifications of this program be shown whole from now on."""
    if not _notices:
        _notices.append(_Notices())
        notification_manager.notification_ready.connect(_on_notification)


def _on_notification(_notification: Any) -> None:
    _notices[0].came.emit()


def unfold_notices() -> None:
    """Unfold the notifications in sight whose text is cut, and leave time to read them."""
    for window in QApplication.topLevelWidgets():
        for button in window.findChildren(QPushButton, _UNFOLD):
            notice = _dialog_of(button)
            if notice is None or notice.property(_UNFOLDED) or not notice.isVisible():
                continue
            text = max((label.text() for label in notice.findChildren(QLabel)), key=len)
            if notice.sizeHint().height() > notice.height():
                button.click()
                notice.timer.start(max(_LEAST_MS, _READ_MS * len(text)))


def _dialog_of(widget: Any) -> Any:
    while widget is not None and not isinstance(widget, QDialog):
        widget = widget.parentWidget()
    return widget
