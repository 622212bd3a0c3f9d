"""napari's scale bar, put away while there is no map to measure."""

from __future__ import annotations

import weakref
from typing import Any


def scale_bar_of(viewer: Any) -> Any:
    """Return napari's scale bar: 0.9 moved it, and warns of its old place."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.scale_bar if canvas is None else canvas.overlays.scale_bar


class ScaleBar:
    """Hides the scale bar of a viewer beside a single spectrum, and shows it again for a map."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._was_visible = False

    def follow(self, is_spectrum: bool) -> None:  # noqa: FBT001 - the only thing there is to say
        """Show or hide the bar for what is looked at now."""
        viewer = self._viewer()
        if viewer is None:
            return
        bar = scale_bar_of(viewer)
        if is_spectrum and bar.visible:
            bar.visible, self._was_visible = False, True
        elif not is_spectrum and self._was_visible:
            bar.visible, self._was_visible = True, False
