"""Notifications are shown whole, also those of errors in a thread."""

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.utils.notifications import notification_manager, show_info
from qtpy.QtWidgets import QApplication, QDialog, QLabel

from napari_eds._napari.parts.job_bar import OneJob
from napari_eds._napari.parts.notices import whole_notices
from napari_eds.errors import EDSError

LONG = (
    "the file map.emd cannot be read: it ends after 1,234 of 5,678 frames, and its stream of "
    "detector SuperXG21 holds 12 gates too few; copy the file again from the microscope, or read "
    "only the frames that are whole, such as 0:1234, in the field Frames of the workbench"
)


show_notification = NapariQtNotification.show_notification


def notices():
    """Return the notifications in sight."""
    return [
        dialog
        for window in QApplication.topLevelWidgets()
        for dialog in window.findChildren(QDialog)
        if dialog.property("expanded") is not None and dialog.isVisible()
    ]


@pytest.fixture
def shown():
    """Notifications are shown as napari shows them, which it does not under pytest."""
    ready = notification_manager.notification_ready
    ready.connect(show_notification)
    yield
    ready.disconnect(show_notification)


@pytest.mark.usefixtures("no_notifications_yet", "shown")
def test_the_error_of_a_worker_is_told_whole(qtbot, make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1200, 800)
    whole_notices()
    job = OneJob()

    def fail(_progress):
        raise EDSError(LONG)

    job.run("failing", fail, lambda _value: None, replaces=False)
    qtbot.waitUntil(lambda: any(notice.property("expanded") for notice in notices()))
    (notice,) = notices()
    assert LONG in [label.text() for label in notice.findChildren(QLabel)]
    qtbot.waitUntil(lambda: notice.height() >= notice.sizeHint().height())
    assert notice.parentWidget().rect().contains(notice.geometry())
    notice.close()


@pytest.mark.usefixtures("no_notifications_yet", "shown")
@pytest.mark.parametrize("text", ["Cancelled: nothing was changed.", LONG])
def test_a_notification_lies_within_a_narrow_canvas(qtbot, make_napari_viewer, text):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(680, 800)
    whole_notices()
    qtbot.waitUntil(lambda: viewer.window._qt_viewer.canvas.native.width() < 400)
    show_info(text)

    def whole():
        (notice,) = notices()
        (message,) = [label for label in notice.findChildren(QLabel) if label.text() == text]
        assert notice.parentWidget().rect().contains(notice.geometry())
        assert notice.height() >= notice.sizeHint().height()
        assert notice.rect().contains(message.mapTo(notice, message.rect().bottomRight()))
        return True

    qtbot.waitUntil(lambda: _holds(whole))
    notices()[0].close()


def _holds(check):
    try:
        return check()
    except (AssertionError, ValueError):
        return False
