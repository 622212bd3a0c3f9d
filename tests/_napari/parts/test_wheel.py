"""The wheel over a column of fields scrolls it, until a field was clicked into."""

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QSlider, QVBoxLayout, QWidget

from napari_eds._napari.parts.widgets import scrolling


def turn(widget):
    """Turn the wheel by a notch over the middle of a widget."""
    spot = QPointF(widget.rect().center())
    event = QWheelEvent(
        spot,
        QPointF(widget.mapToGlobal(widget.rect().center())),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def spin_box():
    box = QDoubleSpinBox()
    box.setValue(19)
    return box, box.value


def combo_box():
    box = QComboBox()
    box.addItems(["a", "b", "c"])
    return box, box.currentIndex


def slider():
    bar = QSlider(Qt.Orientation.Horizontal)
    bar.setValue(50)
    return bar, bar.value


@pytest.fixture
def column(qtbot):
    page = QWidget()
    page.setLayout(QVBoxLayout())
    page.setMinimumHeight(1000)
    area = scrolling(page)
    qtbot.addWidget(area)
    area.resize(200, 200)
    area.show()
    qtbot.waitExposed(area)
    return area


@pytest.mark.parametrize("make", [spin_box, combo_box, slider])
def test_only_a_field_with_the_focus_takes_the_wheel(qtbot, column, make):
    field, value = make()
    column.widget().layout().addWidget(field)  # also of fields that come later
    field.show()
    qtbot.waitUntil(lambda: field.focusPolicy() == Qt.FocusPolicy.StrongFocus)
    qtbot.waitUntil(lambda: column.verticalScrollBar().maximum() > 0)
    before = value()
    turn(field)
    assert value() == before
    assert column.verticalScrollBar().value() > 0, "the column scrolls instead"
    column.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    turn(field)
    assert value() != before
