"""The dock *EDS compare*: a result beside another one, and beside a known composition."""

from __future__ import annotations

from functools import partial

from napari.viewer import Viewer
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_eds._napari.compare.known_page import KnownPage
from napari_eds._napari.compare.other_page import OtherPage
from napari_eds._napari.parts.job_bar import JobBar, going_on
from napari_eds._napari.parts.panels import share_tab
from napari_eds._napari.parts.theme import on_theme, theme_colors
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._napari.state.focus import focus_of

_MIN_WIDTH_PX = 350


class CompareWidget(QWidget):
    """Two pages over one foot of progress; comparisons live with the labels they are of."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        said = WrappedText(lines=1)
        self.work = JobBar(text=said, words=going_on)
        self.work.cancelled.connect(partial(self.work.say, "Cancelled."))
        self.other = OtherPage(self.focus, self.work)
        self.known = KnownPage(self.focus, self.work)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.other, "Another result")
        self.tabs.addTab(self.known, "Known composition")
        self.tabs.setTabToolTip(0, "Differences from another result, label by label")
        self.tabs.setTabToolTip(1, "Percent errors beside a formula")
        box = QVBoxLayout(self)
        box.setContentsMargins(4, 4, 4, 4)
        box.setSpacing(4)
        box.addWidget(self.tabs, 1)
        box.addWidget(said)
        box.addWidget(self.work)
        self.setMinimumWidth(_MIN_WIDTH_PX)
        self.destroyed.connect(on_theme(self.focus.viewer, self._on_theme))
        self._on_theme()
        share_tab(self.focus.viewer, self)

    def _on_theme(self) -> None:
        colors = theme_colors(self.focus.viewer)
        self.other.maps.set_colors(colors)
        self.known.set_colors(colors)
