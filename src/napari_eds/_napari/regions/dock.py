"""The dock *EDS regions*: making and editing labels, sizes of chips, maps of single pixels."""

from __future__ import annotations

from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_eds._napari.parts.jobs import preload
from napari_eds._napari.parts.panels import REGIONS, share_tab
from napari_eds._napari.regions.edit_page import EditPage
from napari_eds._napari.regions.kinds import GridPage
from napari_eds._napari.regions.make_page import MakePage
from napari_eds._napari.regions.pixels_page import PixelsPage
from napari_eds._napari.regions.size_page import AdvicePage
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.places import come_back

_MIN_WIDTH_PX = 350
_LEAVE = "Leave the running work; nothing is changed (Esc)"


class RegionsWidget(QWidget):
    """Dock of four pages; what they show lives in layers."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self.make = MakePage(self.focus)
        self.advice = AdvicePage(self.focus)
        self.edit = EditPage(self.focus)
        self.pixels = PixelsPage(self.focus)
        self.tabs = QTabWidget()
        for page, title, tip in (
            (self.make, "Make", "Make regions of many kinds"),
            (self.advice, "Chip size", "How large chips must be for a wanted error"),
            (self.edit, "Edit", "Change the labels there are"),
            (self.pixels, "Pixels", "Composition of every pixel, as maps"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(page, title), tip)
            page.work.cancel.setToolTip(_LEAVE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self.setMinimumWidth(_MIN_WIDTH_PX)
        self.advice.size_taken.connect(self._on_size_taken)
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        leave.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        leave.activated.connect(self._on_escape)
        preload()
        share_tab(self.focus.viewer, self)
        come_back(self, REGIONS)

    def _on_size_taken(self) -> None:
        """Show the grid of the size that was recommended."""
        self.tabs.setCurrentWidget(self.make)
        self.make.choose(GridPage.title)
        self.make.preview.native.click()

    def _on_escape(self) -> None:
        """Leave the work of the page that is in sight."""
        for page in (self.make, self.advice, self.edit, self.pixels):
            if page is self.tabs.currentWidget():
                page.work.leave()
