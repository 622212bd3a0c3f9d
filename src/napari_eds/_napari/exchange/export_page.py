"""The page of the dock *EDS exchange* that hands chips to few-shot programs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.exchange.classes import (
    chips_layer,
    class_names,
    examples_of,
    painted_classes,
)
from napari_eds._napari.parts.color_bar import COLOR_KEY
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.parts.reasons import BUSY, lacking, offer
from napari_eds._napari.parts.saving import may_replace
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import QUANTIFICATION, label_names
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError
from napari_eds.few_shot.chips import support_from_painting
from napari_eds.few_shot.export import check_target, export_few_shot, few_shot_map_size
from napari_eds.few_shot.folder import FewShotFormat, MapSize
from napari_eds.quantification.result import Quantification
from napari_eds.spectra.spectrum_image import SpectrumImage

_ALL_ENERGIES = "All energies are kept: tick “only between” first."


class _Order(NamedTuple):
    """What is exported, as it was when the button was pressed."""

    folder: Path
    overwrite: bool
    image: SpectrumImage
    result: Quantification | None
    chips: np.ndarray
    names: Mapping[int, str]
    picture: np.ndarray | None
    examples: np.ndarray | None
    class_names: Mapping[int, str]
    settings: FewShotFormat


class ExportPage(QWidget):
    """Chooses picture, channels and map, tells sizes beforehand, and writes the folder."""

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self._focus, self._work = focus, work
        self._jobs = Jobs(self)
        self._make()
        self._lay_out()
        self._connect()
        self._on_limit()
        self._on_map()

    def _make(self) -> None:
        self.about = WrappedText(lines=2)
        self.picture = QComboBox()
        self.picture.setToolTip("Image with the pixels of the map that is cut into chips")
        self.picture.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.rebin = QSpinBox()
        self.rebin.setRange(1, 4096)
        self.rebin.setToolTip("Channels summed to one; Multimodal-Few-Shot's example takes 4")
        self.limit = QCheckBox("only between")
        self.limit.setToolTip("Keep only channels between the energies below")
        # No wider than its text: beside that, a click does nothing.
        self.limit.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        for field, value, end in ((self.low, 5.0, "Lowest"), (self.high, 10.0, "Highest")):
            field.setRange(0.0, 100.0)
            field.setSingleStep(0.5)
            field.setDecimals(1)
            field.setValue(value)
            field.setToolTip(f"{end} energy that is kept, in keV")
        self.dense = QCheckBox("map.npy, all pixels")
        self.dense.setToolTip(
            "Write the whole map, which is dense, for programs that sum chips themselves; its "
            "size is told below"
        )
        self.map_size = WrappedText(lines=2)
        self.run = QPushButton("Export…")
        self.run.setToolTip(
            "Write pictures, spectra and examples into a new folder inside the one you choose; an "
            "earlier export there is replaced"
        )

    def _lay_out(self) -> None:
        energies = QHBoxLayout()
        energies.setSpacing(4)
        energies.addWidget(self.low, 1)
        energies.addWidget(self.high, 1)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Picture", self.picture)
        form.addRow("Channels summed", self.rebin)
        form.addRow("Energies (keV)", self.limit)
        form.addRow(energies)  # as wide as the page: beside their name they were cut off
        form.addRow("Dense map", self.dense)
        box = QVBoxLayout(self)
        box.setContentsMargins(4, 6, 4, 2)
        box.setSpacing(4)
        box.addWidget(self.about)
        box.addLayout(form)
        box.addWidget(self.map_size)
        box.addStretch(1)
        box.addWidget(self.run)

    def _connect(self) -> None:
        focus = self._focus
        focus.map_changed.connect(self._on_map)
        for signal in (focus.layers_changed, focus.labels_changed, focus.result_changed):
            signal.connect(self._on_map)
        self._work.changed.connect(self._enable)
        self.rebin.valueChanged.connect(self._show_size)
        self.low.valueChanged.connect(self._show_size)
        self.high.valueChanged.connect(self._show_size)
        self.limit.toggled.connect(self._on_limit)
        self.dense.toggled.connect(self._show_size)
        self.run.clicked.connect(self._on_run)

    def showEvent(self, event: Any) -> None:
        """Tell what became of the chips while the page was hidden."""
        super().showEvent(event)
        self._show_about()
        self._show_size()

    def _on_limit(self) -> None:
        offer(self.low, self.high, unless=lacking((self.limit.isChecked(), _ALL_ENERGIES)))
        self._show_size()

    # What is exported.

    def _pictures(self) -> list[Image]:
        image = self._focus.image
        if image is None:
            return []
        return [
            layer
            for layer in self._focus.viewer.layers
            if isinstance(layer, Image)
            and COLOR_KEY not in layer.metadata
            and not layer.rgb
            and tuple(layer.data.shape) == tuple(image.shape)
        ]

    def _on_map(self) -> None:
        """Offer the images there are; another choice of the user stays."""
        chosen = self.picture.currentText()
        pictures = [layer.name for layer in self._pictures()]
        with QSignalBlocker(self.picture):
            self.picture.clear()
            self.picture.addItems(pictures)
            self.picture.setCurrentIndex(max(self.picture.findText(chosen), _best(pictures)))
        self._show_about()
        self._show_size()
        self._enable()

    def _enable(self) -> None:
        chips = chips_layer(self._focus)
        offer(self.run, unless=lacking((chips, self._focus.no_labels), (not self._work, BUSY)))

    def _show_about(self) -> None:
        """Say which chips and examples are exported."""
        chips, examples = chips_layer(self._focus), examples_of(self._focus)
        if chips is None:
            self.about.setText("Open a map and make chips first.")
            return
        quantified = "quantified" if QUANTIFICATION in chips.metadata else "not quantified"
        classes = [] if examples is None else painted_classes(chips, examples)
        found = ", ".join(f"{c.name} ({c.n_chips})" for c in classes)
        self.about.setText(
            f"Chips: {chips.name}, {quantified}.\n"
            + (f"Support set: {found}." if found else "No support set: no examples are painted.")
        )

    def settings(self) -> FewShotFormat:
        """Return what the fields say.

        Raises
        ------
        FewShotError
            If they contradict each other.
        """
        return FewShotFormat(
            rebin=self.rebin.value(),
            energy_range_keV=(self.low.value(), self.high.value())
            if self.limit.isChecked()
            else None,
            save_map=self.dense.isChecked(),
        )

    def _show_size(self) -> None:
        """Tell how large the dense map would be, computed in a thread while the page is seen."""
        chips, image = chips_layer(self._focus), self._focus.image
        if not self.isVisible():
            return
        if chips is None or image is None:
            self.map_size.setText("")
            return
        work = partial(_size, image, chips.data.copy(), self.settings())
        self._jobs.run("size", work, self._on_size)

    def _on_size(self, size: MapSize | str) -> None:
        if isinstance(size, str):
            self.map_size.setText(f"⚠ {size}")
            return
        rows, columns, channels = size.shape
        verb = "takes" if self.dense.isChecked() else "would take"
        self.map_size.setText(
            f"map.npy {verb} {_bytes(size.n_bytes)}: {rows} × {columns} px, {channels} channels, "
            f"{size.dtype}."
        )

    # Exporting.

    def _on_run(self) -> None:
        chips, image = chips_layer(self._focus), self._focus.image
        if chips is None or image is None:
            return
        stem = image.source.stem if image.source else image.name
        parent = QFileDialog.getExistingDirectory(self, f"Where to put the folder {stem}_few_shot")
        if not parent:
            return
        folder = Path(parent) / f"{stem}_few_shot"
        try:
            # What cannot be replaced is no question.
            check_target(folder, overwrite=True, inputs=[image.source])
            overwrite = may_replace(self, [folder])
            if overwrite is None:
                return
            order = self._order(folder, image, chips, overwrite=overwrite)
        except (EDSError, OSError) as error:
            notify(error)
            return
        self._work.run("exporting", partial(_export, order), self._on_written, replaces=False)

    def _order(
        self, folder: Path, image: SpectrumImage, chips: Labels, *, overwrite: bool
    ) -> _Order:
        examples = examples_of(self._focus)
        picture = {layer.name: layer for layer in self._pictures()}.get(self.picture.currentText())
        return _Order(
            folder=folder,
            overwrite=overwrite,
            image=image,
            result=_current_result(chips),
            chips=chips.data.copy(),
            names=label_names(chips),
            picture=None if picture is None else np.asarray(picture.data),
            examples=None if examples is None else examples.data.copy(),
            class_names={} if examples is None else class_names(examples),
            settings=self.settings(),
        )

    def _on_written(self, folder: Path) -> None:
        text = f"Exported to {folder}."
        self._work.say(text)
        show_info(text)


def _current_result(chips: Labels) -> Quantification | None:
    """Return the result of chips, unless they were changed since."""
    result = chips.metadata.get(QUANTIFICATION)
    if result is None or np.array_equal(chips.data, result.labels):
        return result
    show_warning("The chips were changed after they were quantified: only counts are exported.")
    return None


def _export(order: _Order, report: Progress) -> Path:
    """Write the folder; napari shows the warning that strokes of two classes touch a chip."""
    support: dict[str, tuple[str, ...]] = {}
    if order.examples is not None and order.examples.any():
        support = support_from_painting(order.chips, order.examples, order.class_names)
    return export_few_shot(
        order.folder,
        order.image if order.result is None else order.result,
        order.chips,
        picture=order.picture,
        # A result brings its own.
        names=order.names if order.result is None else None,
        support=support,
        settings=order.settings,
        overwrite=order.overwrite,
        progress=report,
    )


def _size(image: SpectrumImage, chips: np.ndarray, settings: FewShotFormat) -> MapSize | str:
    """Return what is wrong as a text: it is shown beside the fields."""
    try:
        return few_shot_map_size(image, chips, settings)
    except EDSError as error:
        return str(error)


def _bytes(n: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n / 1e3:.1f} kB"


def _best(names: list[str]) -> int:
    """Return which picture few-shot programs look at: the dark field, else the first."""
    return next((i for i, name in enumerate(names) if "HAADF" in name), min(0, len(names) - 1))
