"""What clicks and windows in the plot of the dock *EDS spectrum* do: name peaks, make maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from qtpy.QtCore import QObject, QPointF
from qtpy.QtWidgets import QCheckBox, QPushButton, QWidget

from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.spectrum.peak_popup import PeakPopup
from napari_eds._napari.spectrum.window_maps import (
    keep_window_map,
    preview_of,
    show_element_maps,
    show_window_map,
)
from napari_eds._napari.state.derived import PREVIEWED
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import is_spectrum, label_names
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.running_sums import sum_of_pixels


class SpectrumDock(Protocol):
    """What the tools need of the dock."""

    plot: Any

    def add_tool(self, widget: QWidget, *, of_maps: bool = False) -> None:
        """Append a control to the toolbar, which single spectra may have no use for."""


class SpectrumTools(QObject):
    """Tools in the toolbar, and answers to clicks and windows in the plot."""

    def __init__(self, spectrum_widget: SpectrumDock, focus: Focus) -> None:
        super().__init__(spectrum_widget.plot)
        self._plot, self._focus = spectrum_widget.plot, focus
        self._jobs = Jobs(self)
        self.subtract = QCheckBox("− background")
        self.subtract.setChecked(True)
        self.subtract.setToolTip(
            "Subtract from maps of windows (counts) what lies under the peak, estimated beside it"
        )
        self.keep = QPushButton("Keep")
        self.keep.setToolTip(
            "Keep the map of the window as a layer; the next window (keV) makes a new one"
        )
        self.maps = QPushButton("Element maps")
        self.maps.setToolTip(
            "Show counts of the main line of every chosen element, in colours that add up"
        )
        for tool in (self.subtract, self.keep, self.maps):
            spectrum_widget.add_tool(tool, of_maps=True)
        self.subtract.toggled.connect(self._on_subtract)
        self.keep.clicked.connect(self._on_keep)
        self.maps.clicked.connect(self._on_maps)
        self._plot.peak_clicked.connect(self._on_peak)
        self._plot.window_chosen.connect(self._on_window)
        for told in (focus.layers_changed, focus.map_changed, focus.settings_changed):
            told.connect(self._enable)
        self._enable()

    def _enable(self) -> None:
        image, settings = self._focus.image, self._focus.settings
        has_axis = image is not None and image.energy.calibrated
        self.subtract.setEnabled(has_axis)
        self.maps.setEnabled(has_axis and settings is not None and bool(settings.elements))
        self.keep.setEnabled(preview_of(self._focus.viewer, self._focus.map_layer) is not None)

    # Peaks.

    def _on_peak(self, energy_keV: float) -> None:
        axis, image = shown_axis(self._focus), self._focus.image
        if axis is None or image is None:
            return
        name, counts = chosen_spectrum(self._focus)
        popup = PeakPopup(self._focus, energy_keV, axis, name, counts, self._plot)
        view = self._plot.view
        at = self._plot.mapFromScene(view.mapViewToScene(QPointF(energy_keV, 0)))
        popup.open_beside(self._plot.mapToGlobal(at).x(), self._plot)

    # Maps.

    def _on_window(self, low_keV: float, high_keV: float) -> None:
        axis, image = shown_axis(self._focus), self._focus.image
        if axis is None or image is None or is_spectrum(image):
            return
        # The image keeps the axis of its file.
        channels = (np.array([low_keV, high_keV]) - axis.offset_keV) / axis.scale_keV
        low, high = image.energy.offset_keV + image.energy.scale_keV * channels
        self._show_window(float(low), float(high))

    def _show_window(self, low_keV: float, high_keV: float) -> None:
        show_window_map(
            self._focus,
            low_keV,
            high_keV,
            side_windows=self.subtract.isChecked(),
            jobs=self._jobs,
        )

    def _on_subtract(self) -> None:
        """Make the maps that are shown anew."""
        previewed = PREVIEWED.of(preview_of(self._focus.viewer, self._focus.map_layer))
        if previewed is not None:
            (low, high), _ = previewed
            self._show_window(low, high)

    def _on_keep(self) -> None:
        keep_window_map(self._focus.viewer, self._focus.map_layer)
        self._enable()

    def _on_maps(self) -> None:
        show_element_maps(self._focus, side_windows=self.subtract.isChecked(), jobs=self._jobs)


def shown_axis(focus: Focus) -> EnergyAxis | None:
    """Return the axis of the plot: the one calibrated by a fit of the map, else its own.

    None without a map, or where its axis has no energies.
    """
    image, result = focus.image, focus.result
    if image is None or not image.energy.calibrated:
        return None
    if result is None or result.image.energy != image.energy:
        return image.energy
    energies = result.energies_keV
    return EnergyAxis(float(energies[0]), float(energies[1] - energies[0]), energies.size)


def chosen_spectrum(focus: Focus) -> tuple[str, Callable[[], np.ndarray]]:
    """Return name and counts of the spectrum to judge; counts are summed when called.

    It is that of the label selected last, if it has pixels, else that of the whole map.
    """
    image, layer = focus.image, focus.labels_layer
    if image is None:
        raise RuntimeError("there is no spectrum image")
    if layer is not None and focus.selected:
        label = focus.selected[-1]
        # A copy: labels may be painted while another thread sums.
        pixels = np.flatnonzero(np.asarray(layer.data) == label)
        if pixels.size:
            name = label_names(layer).get(label, f"label {label}")
            return name, lambda: sum_of_pixels(image, pixels)
    return "spectrum" if is_spectrum(image) else "whole map", image.total_spectrum
