"""The dock *EDS exchange*: few-shot classification and its programs, sessions, HyperSpy."""

from __future__ import annotations

from functools import partial

from napari.viewer import Viewer
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_eds._napari.exchange.export_page import ExportPage
from napari_eds._napari.exchange.few_shot_page import FewShotPage
from napari_eds._napari.exchange.session_page import SessionPage
from napari_eds._napari.parts.job_bar import JobBar, going_on
from napari_eds._napari.parts.jobs import preload
from napari_eds._napari.parts.panels import share_tab
from napari_eds._napari.parts.widgets import WrappedText, scrolling
from napari_eds._napari.state.focus import focus_of

_MIN_WIDTH_PX = 350


class ExchangeWidget(QWidget):
    """Three pages over one foot of progress; what they make lives in layers and files."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        said = WrappedText(lines=1)
        self.work = JobBar(text=said, words=going_on)
        self.work.cancelled.connect(partial(self.work.say, "Cancelled."))
        self.few_shot = FewShotPage(self.focus, self.work)
        self.export = ExportPage(self.focus, self.work)
        self.session = SessionPage(self.focus, self.work)
        self.tabs = QTabWidget()
        for page, title, tip in (
            (self.few_shot, "Few-shot", "Classify chips by a few painted examples"),
            (self.export, "Export chips", "Hand chips to Multimodal-Few-Shot and pychip_gui"),
            (self.session, "Session", "Save and restore all of a run; hand it to HyperSpy"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(scrolling(page), title), tip)
        box = QVBoxLayout(self)
        box.setContentsMargins(4, 4, 4, 4)
        box.setSpacing(4)
        box.addWidget(self.tabs, 1)
        box.addWidget(said)
        box.addWidget(self.work)
        self.setMinimumWidth(_MIN_WIDTH_PX)
        preload()
        share_tab(self.focus.viewer, self)
