"""A panel of pages over one foot, which tells of the work that any of them asks for."""

from __future__ import annotations

from functools import partial

from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_eds._napari.parts.job_bar import JobBar, going_on
from napari_eds._napari.parts.wheel import WheelGuard
from napari_eds._napari.parts.widgets import WrappedText

_MIN_WIDTH_PX = 350


class PagedPanel(QWidget):
    """Tabs over what is said of the work, its progress and Cancel.

    Attributes
    ----------
    work : JobBar
        Of all pages: one piece of work at a time.
    tabs : QTabWidget
    """

    def __init__(self) -> None:
        super().__init__()
        said = WrappedText(lines=1)
        self.work = JobBar(text=said, words=going_on)
        self.work.cancelled.connect(partial(self.work.say, "Cancelled."))
        self.tabs = QTabWidget()
        box = QVBoxLayout(self)
        box.setContentsMargins(4, 4, 4, 4)
        box.setSpacing(4)
        box.addWidget(self.tabs, 1)
        box.addWidget(said)
        box.addWidget(self.work)
        self.setMinimumWidth(_MIN_WIDTH_PX)
        WheelGuard(self)

    def add_page(self, page: QWidget, title: str, tip: str) -> None:
        """Add a page under a title, with a tooltip for its tab."""
        self.tabs.setTabToolTip(self.tabs.addTab(page, title), tip)
