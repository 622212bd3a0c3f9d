"""Regions from files: label images, and classes that a few-shot program gave to a grid."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from magicgui.widgets import LineEdit, PushButton, SpinBox
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QWidget

from napari_eds._napari.regions.kind_page import NO_MAP, KindPage, require
from napari_eds._napari.regions.preview import Made, Plan
from napari_eds.errors import LabelError
from napari_eds.few_shot.classification import read_classification
from napari_eds.labels.chips import Chips, grid_chips
from napari_eds.labels.files import read_labels
from napari_eds.spectra.label_sums import check_labels

_FILTER = "Labels or classes (*.tif *.tiff *.npy *.png *.csv)"
_TABLE = ".csv"


class ImportPage(KindPage):
    """A label image, or the classes of a grid's chips."""

    title = "import a file"

    def make_fields(self) -> None:
        """Make the fields."""
        self.path = LineEdit(
            tooltip="Label image (.tif, .npy, .png) with the pixels of the map, or result table "
            "of a few-shot program (.csv)"
        )
        self.browse = PushButton(text="…", tooltip="Choose a file")
        self.browse.native.setFixedWidth(32)
        self.fields["path"] = self.path
        row = QWidget()
        beside = QHBoxLayout(row)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.path.native, 1)
        beside.addWidget(self.browse.native)
        self.form.addRow("File", row)
        self.chip_size = self.add(
            "chip_size",
            "Chip size (px)",
            SpinBox(
                value=16,
                min=1,
                max=100_000,
                tooltip="Side in pixels of the chips that the program classified",
            ),
        )
        how = QLabel("A .csv holds classes of a grid's chips; other files hold label images.")
        how.setWordWrap(True)
        self.form.addRow(how)
        # A half-written path is no file.
        self.path.native.editingFinished.connect(self._on_path)
        self.browse.changed.connect(self._on_browse)

    def show_rows(self) -> None:
        """Show the size of chips for classes of chips."""
        self.form.setRowVisible(self.chip_size.native, self.path.value.lower().endswith(_TABLE))

    def _on_path(self) -> None:
        self.on_edited()

    def _on_browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Import regions", self.path.value, _FILTER)
        if path:
            self.path.value = path
            self.on_edited()

    def plan(self) -> Plan:
        """Return what is to be made."""
        image = require(self.focus.image, NO_MAP)
        path = Path(require(self.path.value.strip(), "choose a file first"))
        shape, size = image.shape, self.chip_size.value
        if path.suffix.lower() == _TABLE:
            return Plan(
                f"classes of {path.stem}",
                lambda: Made(_class_labels(path, grid_chips(shape, size))),
                is_colored=True,
            )
        return Plan(path.stem, lambda: Made(_label_image(path, shape)), is_colored=True)


def _class_labels(path: Path, grid: Chips) -> Chips:
    """Read the classes of a grid's chips, each as one label."""
    found = read_classification(path, grid.labels, grid.names).class_labels()
    if not found.names:
        raise LabelError(f"{path.name} gives no chip a class")
    return found


def _label_image(path: Path, shape: Any) -> Chips:
    """Read labels and keep their ids."""
    labels = check_labels(read_labels(path, shape), shape)
    ids = np.unique(labels[labels > 0]).tolist()
    if not ids:
        raise LabelError(f"{path.name} labels no pixel")
    if ids[-1] > np.iinfo(np.int32).max:
        raise LabelError(f"{path.name} holds the label {ids[-1]}, too large a number")
    return Chips(labels.astype(np.int32), MappingProxyType({i: str(i) for i in ids}))
