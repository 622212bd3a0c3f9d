"""What tests of the window do with mouse, keys and files."""

import numpy as np
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QThreadPool, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import add_chips

LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier

#: Names for `eds_file` of the maps that are simulated; those of measured ones lead into the
#: folder of data.
SMALL, ALLOY = "LFO_STO_96.emd", "alloy.emd"

#: At least: vispy and pyqtgraph drop moves of the mouse that follow each other within 10 ms, and
#: napari answers them after 5 ms.
BETWEEN_MOVES_ms = 20
#: At least: two clicks that follow each other faster are a double click.
BETWEEN_CLICKS_ms = 600
#: The window waits for up to 300 ms before it answers what may go on.
LONGER_THAN_ANY_PAUSE_ms = 400


def click(widget):
    """Click a widget of Qt or of magicgui, which must be enabled."""
    native = getattr(widget, "native", widget)
    assert native.isEnabled()
    QTest.mouseClick(native, LEFT)


def change(dock, **settings):
    dock.focus.set_settings(dock.focus.settings.edited(**settings))


def notifications():
    return [n.message for n in notification_manager.records]


def answer_dialog(monkeypatch, path, function="getOpenFileName"):
    """Let the user choose `path` whenever the dialog is opened."""
    answer = str(path) if function == "getExistingDirectory" else (str(path), "")
    monkeypatch.setattr(QFileDialog, function, lambda *_a, **_k: answer)


def agree(monkeypatch):
    """Let the user answer every question with yes."""
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: yes)


def add_result(viewer, result, name="chips"):
    """Add labels with a result of the map that is looked at; return their layer."""
    focus = focus_of(viewer)
    layer = add_chips(viewer, result.labels.astype(np.int32), focus.image, name=name)
    viewer.layers.selection.active = layer
    focus.show_result(layer, result)
    return layer


def task_is_done(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.work)


def on_canvas(viewer, layer, row, column):
    """Return the place of the centre of a pixel on the canvas."""
    node = viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
    x, y = node.get_transform("visual", "canvas").map([column + 0.5, row + 0.5, 0, 1])[:2]
    return QPoint(round(x), round(y))


def is_still(qtbot, place):
    """Wait until a place, given by a function, stays: windows are laid out over some turns."""
    seen = []

    def still():
        spot = place()
        seen.append((spot.x(), spot.y()))
        return len(seen) >= 10 and len(set(seen[-10:])) == 1

    qtbot.waitUntil(still)


def canvas_is_still(qtbot, viewer, layer):
    is_still(qtbot, lambda: on_canvas(viewer, layer, 0, 0))


def nothing_is_due(qtbot):
    """Let all that was started end: work in threads, pauses, and what follows from them."""
    pool = QThreadPool.globalInstance()
    for _ in range(2):
        qtbot.waitUntil(lambda: pool.activeThreadCount() == 0)
        # A timer that ends later than any other started by now, however late all of them are.
        qtbot.wait(LONGER_THAN_ANY_PAUSE_ms)


def move(widget, spot, *, buttons=Qt.MouseButton.NoButton, modifier=NO_KEY):
    """Move the mouse with keys or buttons held, which QTest's own move cannot tell.

    The widget has seen the event when this returns; one by way of the screen comes later.
    """
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(spot),
        QPointF(widget.mapToGlobal(spot)),
        Qt.MouseButton.NoButton,
        buttons,
        modifier,
    )
    QApplication.sendEvent(widget, event)


def hover(qtbot, widget, spot, **held):
    """Move the mouse, slowly enough for a canvas or a plot, and let it be answered."""
    qtbot.wait(BETWEEN_MOVES_ms)
    move(widget, spot, **held)
    qtbot.wait(BETWEEN_MOVES_ms)


def paint_stroke(qtbot, viewer, layer, points):
    """Drag the left button over data points (row, column) of the canvas."""
    canvas_is_still(qtbot, viewer, layer)
    native = viewer.window._qt_viewer.canvas.native
    spots = [on_canvas(viewer, layer, *point) for point in points]
    hover(qtbot, native, spots[0])
    QTest.mousePress(native, LEFT, NO_KEY, spots[0])
    for spot in spots[1:]:
        hover(qtbot, native, spot, buttons=LEFT)
    QTest.mouseRelease(native, LEFT, NO_KEY, spots[-1])


def drag(qtbot, viewport, start, end, modifier=NO_KEY):
    """Drag the left button from one point of a plot's viewport to another."""
    hover(qtbot, viewport, start)
    QTest.mousePress(viewport, LEFT, modifier, start)
    for part in np.linspace(0, 1, 6)[1:]:
        spot = start + (end - start) * float(part)
        hover(qtbot, viewport, spot, buttons=LEFT, modifier=modifier)
    QTest.mouseRelease(viewport, LEFT, modifier, end)


def drop(viewer, *paths):
    """Drop files onto the canvas, as a file manager does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    target = viewer.window._qt_viewer
    place = target.rect().center()
    rest = (Qt.DropAction.CopyAction, mime, LEFT, NO_KEY)

    def dropped():
        # Qt drops only where a drag came in before.
        QApplication.sendEvent(target, QDragEnterEvent(place, *rest))
        QApplication.sendEvent(target, QDropEvent(QPointF(place), *rest))

    # As in use, from the loop of events.
    QTimer.singleShot(0, dropped)
