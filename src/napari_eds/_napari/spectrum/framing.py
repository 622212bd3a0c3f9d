"""Which part of a spectrum is in view: fitted for a new map, and each map's own from then on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from napari.layers import Layer
from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer

from napari_eds._napari.parts import view_memory
from napari_eds._napari.spectrum.plot import Content, SpectrumPlot
from napari_eds._napari.state.focus import Focus
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Key of the zoom in the metadata of a map's layer.
_ZOOM = "eds_spectrum_zoom"
#: Section of the file for the next time, and how many maps it remembers.
_SECTION, _MOST_FILES = "spectrum zoom", 100
#: Pause after the last move until a zoom is written.
_SETTLE_MS = 500


class Zoom(NamedTuple):
    """A part of the plot; heights hold for the scale of counts that they were seen with."""

    x: tuple[float, float]
    y: tuple[float, float]
    scale: str
    per_pixel: bool

    @classmethod
    def read(cls, values: Any) -> Zoom | None:
        """Return the zoom that was written as JSON; None where it is none."""
        try:
            (x0, x1), (y0, y1), scale, per_pixel = values
            numbers = [float(v) for v in (x0, x1, y0, y1)]
        except (TypeError, ValueError):
            return None
        if not all(map(math.isfinite, numbers)) or numbers[0] >= numbers[1]:
            return None
        return cls((numbers[0], numbers[1]), (numbers[2], numbers[3]), str(scale), bool(per_pixel))


class Framing(QObject):
    """Fits the view to a map, once all of its spectra are there, and keeps the user's zoom of it.

    A map that is chosen again, in this window or after a restart, is seen as it was left.

    Parameters
    ----------
    plot : SpectrumPlot
    focus : Focus
    is_waiting : callable
        Whether spectra are still being summed.
    """

    def __init__(self, plot: SpectrumPlot, focus: Focus, is_waiting: Callable[[], bool]) -> None:
        super().__init__(plot)
        self._plot, self._focus, self._is_waiting = plot, focus, is_waiting
        self._framed: Any = None
        self._is_settled = False
        self._later = QSignalDebouncer(parent=self)
        self._later.setTimeout(_SETTLE_MS)
        self._later.triggered.connect(self._write)
        plot.view.sigRangeChanged.connect(self._on_range)
        plot.fitted.connect(self._on_fitted)

    def follow(self, content: Content) -> None:
        """Show a map as it was left, or all of it; the zoom of one that is shown is the user's."""
        image, layer = self._focus.image, self._focus.map_layer
        if image is None or layer is None or not content.spectra:
            return
        # The id of the layer, not the layer: it must be free to go.
        axis = (layer.unique_id, image.energy)
        if axis != self._framed:
            self._framed, self._is_settled = axis, False
            zoom = _zoom_of(layer, image)
            if zoom is not None:
                self._show(zoom)
                self._is_settled = True
        if not self._is_settled:
            # Again with each spectrum that arrives: the first one may be of a few pixels.
            self._plot.fit_view()
            self._is_settled = not self._is_waiting()

    def _show(self, zoom: Zoom) -> None:
        look = self._plot.look
        self._plot.view.setXRange(*zoom.x, padding=0)
        if (zoom.scale, zoom.per_pixel) == (look.scale, look.per_pixel):
            self._plot.view.setYRange(*zoom.y, padding=0)
        else:
            self._plot.fit_height()

    def _shown_layer(self) -> Layer | None:
        """Return the layer of the map that is framed, unless another is looked at already."""
        layer = self._focus.map_layer
        framed = layer is not None and self._framed and self._framed[0] == layer.unique_id
        return layer if framed else None

    def _on_range(self, *_: Any) -> None:
        layer = None if self._plot.is_fitting else self._shown_layer()
        if layer is None:
            return
        (x, y), look = self._plot.view.viewRange(), self._plot.look
        layer.metadata[_ZOOM] = Zoom(tuple(x), tuple(y), look.scale, look.per_pixel)
        self._is_settled = True
        self._later.throttle()

    def _on_fitted(self) -> None:
        """All is shown: there is no zoom to keep."""
        layer = self._shown_layer()
        if layer is not None and layer.metadata.pop(_ZOOM, None) is not None:
            self._later.throttle()

    def _write(self) -> None:
        """Keep the zoom of the map for the next time its file is opened."""
        layer, image = self._shown_layer(), self._focus.image
        key = None if image is None else _key(image)
        if layer is None or key is None:
            return
        files = view_memory.kept(_SECTION)
        files.pop(key, None)
        zoom = layer.metadata.get(_ZOOM)
        if zoom is not None:
            files[key] = list(zoom)
        latest = list(files.items())[-_MOST_FILES:]
        view_memory.keep(_SECTION, dict(latest))


def _zoom_of(layer: Layer, image: SpectrumImage) -> Zoom | None:
    """Return the zoom that a map was left with in this window, or the last time, if any."""
    zoom = layer.metadata.get(_ZOOM)
    if zoom is None:
        key = _key(image)
        zoom = None if key is None else Zoom.read(view_memory.kept(_SECTION).get(key))
    if zoom is None:
        return None
    axis = image.energy
    first, last = (axis.offset_keV, axis.last_keV) if axis.calibrated else (0, axis.size)
    return zoom if zoom.x[0] < last and zoom.x[1] > first else None


def _key(image: SpectrumImage) -> str | None:
    """Return what a map is remembered by: its file, and the first channel of a part of it."""
    if image.source is None:
        return None
    return f"{image.source.absolute()} {image.energy.offset_keV:.6g} {image.energy.size}"
