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

#: Around a notification, beside its text, and at least as wide as one that can be read.
_MARGIN_PX, _BESIDE_PX, _LEAST_PX = 8, 120, 200


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
            message = max(notice.findChildren(QLabel), key=lambda label: len(label.text()))
            text = message.text()
            _fit_in(notice, message)
            if notice.sizeHint().height() > notice.height():
                button.click()
                notice.timer.start(max(_LEAST_MS, _READ_MS * len(text)))


def _fit_in(notice: Any, message: QLabel) -> None:
    """Make a notification as narrow as its canvas: napari would cut where its text begins."""
    canvas = notice.parentWidget()
    room = 0 if canvas is None else canvas.width() - 2 * _MARGIN_PX
    if notice.width() > room >= _LEAST_PX:
        message.setMinimumWidth(room - _BESIDE_PX)
        notice.setFixedWidth(room)
        notice.move_to_bottom_right()


def _dialog_of(widget: Any) -> Any:
    while widget is not None and not isinstance(widget, QDialog):
        widget = widget.parentWidget()
    return widget
