"""The dock *EDS exchange*: few-shot programs, sessions, HyperSpy, figures, reports."""

from __future__ import annotations

from napari.viewer import Viewer

from napari_eds._napari.exchange.export_page import ExportPage
from napari_eds._napari.exchange.few_shot_page import FewShotPage
from napari_eds._napari.exchange.figures_page import FiguresPage
from napari_eds._napari.exchange.session_page import SessionPage
from napari_eds._napari.parts.jobs import preload
from napari_eds._napari.parts.paged_panel import PagedPanel
from napari_eds._napari.parts.panels import EXCHANGE, share_tab
from napari_eds._napari.parts.widgets import scrolling
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.places import come_back


class ExchangeWidget(PagedPanel):
    """Four pages over one foot of progress; what they make lives in layers and files."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self.few_shot = FewShotPage(self.focus, self.work)
        self.export = ExportPage(self.focus, self.work)
        self.session = SessionPage(self.focus, self.work)
        self.figures = FiguresPage(self.focus, self.work)
        for page, title, tip in (
            (self.few_shot, "Few-shot", "Classify chips by a few painted examples"),
            (self.export, "Export chips", "Hand chips to Multimodal-Few-Shot and pychip_gui"),
            (self.session, "Session", "Save and restore all of a run; hand it to HyperSpy"),
            (self.figures, "Figures", "Figures, reports, tables; the same recipe on other maps"),
        ):
            self.add_page(scrolling(page), title, tip)
        preload()
        share_tab(self.focus.viewer, self)
        come_back(self, EXCHANGE)
