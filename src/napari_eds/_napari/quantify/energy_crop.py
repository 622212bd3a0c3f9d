"""Cropping the map to a range of energies, which is asked for in a small dialog."""

from __future__ import annotations

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.parts.reasons import lacking, offer
from napari_eds.spectra.spectrum_image import SpectrumImage


class EnergyCropDialog(QDialog):
    """Asks which channels are kept; begins with all of them."""

    def __init__(self, image: SpectrumImage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Crop energies")
        axis = image.energy
        first, last = float(axis.offset_keV), float(axis.last_keV + axis.scale_keV)
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        for field, value in ((self.low, first), (self.high, last)):
            field.setDecimals(3)
            field.setRange(first, last)
            field.setSingleStep(0.5)
            field.setSuffix(" keV")
            field.setValue(value)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("From", self.low)
        form.addRow("To, not among them", self.high)
        box = QVBoxLayout(self)
        box.addWidget(QLabel("Channels that are kept, as a map of its own:"))
        box.addLayout(form)
        box.addWidget(self.buttons)
        for field in (self.low, self.high):
            field.valueChanged.connect(self._enable)
        self._enable()

    def _enable(self) -> None:
        """Offer what keeps a channel."""
        if self.ok is not None:
            possible = self.low.value() < self.high.value()
            offer(self.ok, unless=lacking((possible, "The range ends before it begins.")))

    def range_keV(self) -> tuple[float, float]:
        """Return the range that is asked for."""
        return self.low.value(), self.high.value()
