"""Sample data, opened from a running window."""

import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEventLoop, QTimer

from napari_eds._napari.parts.panels import PLUGIN
from napari_eds._napari.state.focus import focus_of

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.mark.parametrize("sample", ["lanthanum_ferrite"])
def test_samples_open_from_a_running_window_without_complaint(qtbot, make_napari_viewer, sample):
    viewer = make_napari_viewer()
    loop = QEventLoop()
    opened = []

    def open_sample():
        try:
            opened.extend(viewer.open_sample(PLUGIN, sample))
        finally:
            loop.quit()

    QTimer.singleShot(0, open_sample)
    loop.exec()
    assert opened == list(viewer.layers)
    assert focus_of(viewer).image.total_counts == opened[-1].data.sum() > 0
    assert not notification_manager.records
