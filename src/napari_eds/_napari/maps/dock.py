"""The dock *EDS maps*: maps of columns and of two combined, overlays, denoised maps."""

from __future__ import annotations

from napari.viewer import Viewer

from napari_eds._napari.maps.columns_page import ColumnsPage
from napari_eds._napari.maps.denoise_page import DenoisePage
from napari_eds._napari.parts.paged_panel import PagedPanel
from napari_eds._napari.parts.panels import MAPS, share_tab
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.places import come_back


class MapsWidget(PagedPanel):
    """Two pages over one foot of progress; maps become layers."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self.columns = ColumnsPage(self.focus, self.work)
        self.denoise = DenoisePage(self.focus, self.work)
        self.add_page(self.columns, "Columns", "Any column, ratios with errors, overlays")
        self.add_page(self.denoise, "Denoise", "Maps of lines without most of their noise")
        share_tab(self.focus.viewer, self)
        come_back(self, MAPS)
