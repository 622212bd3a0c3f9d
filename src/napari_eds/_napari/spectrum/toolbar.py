"""The toolbar of the dock *EDS spectrum*: fields and buttons, no behaviour."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QPushButton,
    QSpinBox,
    QWidget,
)
from superqt import QFlowLayout

from napari_eds._napari.spectrum.scale import LINEAR, LOG, SQRT

_SCALE_TEXTS = {LINEAR: "Linear", LOG: "Log", SQRT: "√ counts"}


class SpectrumToolbar(QWidget):
    """A row of controls; where the dock is narrow, the last ones go below."""

    def __init__(self) -> None:
        super().__init__()
        self._of_maps: list[QWidget] = []
        self.spectrum = QComboBox()
        self.spectrum.setToolTip(
            "Spectrum of the file: the sum of its detectors, one of them, or one beside its map"
        )
        self.scale = QComboBox()
        for scale, text in _SCALE_TEXTS.items():
            self.scale.addItem(text, scale)
        self.scale.setToolTip("Scale of the counts: linear, logarithmic or square root")
        self.scale.setFixedWidth(90)
        self.per_pixel = _switch(
            "/px", "Divide by the number of pixels: counts per pixel", on=True
        )
        self.whole_map = _switch("Map", "Show the sum over the whole map", on=True)
        self.maximum = _switch(
            "Max",
            "Show the largest count that any pixel has in each channel. It finds elements that "
            "few pixels hold and the sum hides; it is no spectrum to be quantified",
        )
        self.lines = _switch("Lines", "Mark the X-ray lines of the chosen elements", on=True)
        self.fit = _switch(
            "Fit", "Show the fit of the selected label, and its residual in σ", on=True
        )
        self.choose_window = _switch(
            "Window", "Drag a window of energies (keV) with the left button; also Ctrl+drag"
        )
        self.radius = QSpinBox()
        self.radius.setRange(0, 64)
        self.radius.setFixedWidth(72)
        self.radius.setPrefix("⇧ ")
        self.radius.setSuffix(" px")
        self.radius.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.radius.setToolTip(
            "Hold Shift over the map: spectrum of the disc of this radius (px) under the pointer"
        )
        self.fit_view = QPushButton("⤢")
        self.fit_view.setToolTip("Show everything (F)")
        self.save = QPushButton("Save…")
        self.save.setToolTip("Save the view as PNG or SVG, or the spectra as CSV or .msa")
        self._row = QFlowLayout(self)
        self._row.setContentsMargins(4, 2, 4, 0)
        self._row.setSpacing(4)
        for widget in self._controls():
            self.add(widget)
        self.offer([], -1, of_map=True)

    def offer(self, spectra: Sequence[str], chosen: int, *, of_map: bool) -> None:
        """Offer the spectra of a file, if there are several, or what there is of a map."""
        blocked = QSignalBlocker(self.spectrum)
        if [self.spectrum.itemText(i) for i in range(self.spectrum.count())] != list(spectra):
            self.spectrum.clear()
            self.spectrum.addItems(list(spectra))
        self.spectrum.setCurrentIndex(chosen)
        blocked.unblock()
        self.spectrum.setVisible(len(spectra) > 1)
        for widget in (
            self.per_pixel,
            self.whole_map,
            self.maximum,
            self.choose_window,
            self.radius,
            *self._of_maps,
        ):
            widget.setVisible(of_map)

    def _controls(self) -> list[QWidget]:
        return [
            self.spectrum,
            self.scale,
            self.per_pixel,
            self.whole_map,
            self.maximum,
            self.lines,
            self.fit,
            self.choose_window,
            self.radius,
            self.fit_view,
            self.save,
        ]

    def add(self, widget: QWidget, *, of_maps: bool = False) -> None:
        """Append a control, which single spectra may have no use for."""
        if of_maps:
            self._of_maps.append(widget)
        # Keys are for the plot: letters typed after a click on a switch zoom it.
        widget.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._row.addWidget(widget)


def _switch(text: str, tooltip: str, *, on: bool = False) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(tooltip)
    box.setChecked(on)
    return box
