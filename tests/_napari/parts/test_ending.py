"""Functions that are called when a widget is destroyed, however that comes."""

import gc

from napari.utils.events import EmitterGroup
from qtpy.QtWidgets import QWidget

from napari_eds._napari.parts.ending import listen, when_destroyed


class Panel(QWidget):
    def __init__(self, emitter, heard):
        super().__init__()
        self._heard = heard
        self.itself = self  # garbage for the collector alone
        when_destroyed(self, listen(emitter, self.answer))
        when_destroyed(self, lambda: heard.append("end"))

    def answer(self, _event=None):
        self._heard.append("event")


def test_a_panel_that_the_collector_destroys_ends_what_it_began(qapp):
    emitter, heard = EmitterGroup(theme=None).theme, []
    panel = Panel(emitter, heard)
    emitter()
    assert heard == ["event"]
    del panel
    gc.collect()
    assert heard == ["event", "end"]
    emitter()
    assert heard == ["event", "end"]
    assert not emitter.callbacks
