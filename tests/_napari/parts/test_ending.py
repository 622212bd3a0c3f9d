"""Functions that are called when a widget is destroyed, however that comes."""

import gc

from napari.utils.events import EmitterGroup
from qtpy.QtWidgets import QWidget

from napari_eds._napari.parts.ending import listen, when_destroyed


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
