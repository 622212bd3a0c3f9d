"""Functions that are called when a widget is destroyed, however that comes."""

import gc

from napari.utils.events import EmitterGroup
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_eds._napari.parts.ending import Listening, listen, when_destroyed


class Panel(QWidget):
    def __init__(self, parent, emitter, heard):
        super().__init__(parent)
        self._heard = heard
        when_destroyed(self, listen(emitter, self.answer))
        when_destroyed(self, lambda: heard.append("end"))

    def answer(self, _event=None):
        self._heard.append("event")


def test_a_panel_in_what_the_collector_destroys_ends_what_it_began(qapp):
    """Python's functions of such a panel are cleared before Qt destroys it."""
    emitter, heard = EmitterGroup(theme=None).theme, []
    window = QWidget()
    window.panel = Panel(window, emitter, heard)
    emitter()
    assert heard == ["event"]
    del window
    gc.collect()
    assert heard == ["event", "end"]
    emitter()
    assert heard == ["event", "end"]


class Listener(QObject):
    def __init__(self):
        super().__init__()
        self.heard = []
        self.listening = Listening(self)

    def answer(self, event):
        self.heard.append(event.type)


def test_what_listens_to_one_layer_lets_go_of_the_one_before(qapp):
    first, second = (EmitterGroup(data=None, name=None) for _ in range(2))
    listener = Listener()
    for group in (first, second):
        listener.listening.to((group.data, listener.answer), (group.name, listener.answer))
    for emitter in (first.data, first.name, second.data, second.name):
        emitter()
    assert listener.heard == ["data", "name"]
    listener.listening.end()
    second.data()
    assert listener.heard == ["data", "name"]
    listener.listening.to((first.data, listener.answer))
    heard = listener.heard
    del listener
    gc.collect()
    first.data()
    assert heard == ["data", "name"]
