"""The dock *EDS compare*: a result beside another one, and beside a known composition."""

from __future__ import annotations

from napari.viewer import Viewer

from napari_eds._napari.compare.known_page import KnownPage
from napari_eds._napari.compare.other_page import OtherPage
from napari_eds._napari.parts.ending import when_destroyed
from napari_eds._napari.parts.paged_panel import PagedPanel
from napari_eds._napari.parts.panels import COMPARE, share_tab
from napari_eds._napari.parts.theme import on_theme, theme_colors
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.places import come_back


class CompareWidget(PagedPanel):
    """Two pages over one foot of progress; comparisons live with the labels they are of."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self.other = OtherPage(self.focus, self.work)
        self.known = KnownPage(self.focus, self.work)
        tip = "Differences from another result, label by label"
        self.add_page(self.other, "Another result", tip)
        self.add_page(self.known, "Known composition", "Percent errors beside a formula")
        when_destroyed(self, on_theme(self.focus.viewer, self._on_theme))
        self._on_theme()
        share_tab(self.focus.viewer, self)
        come_back(self, COMPARE)

    def _on_theme(self) -> None:
        colors = theme_colors(self.focus.viewer)
        self.other.maps.set_colors(colors)
        self.known.set_colors(colors)
