"""Notifications are shown whole, also those of errors in a thread."""

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.utils.notifications import notification_manager
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
