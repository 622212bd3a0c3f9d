"""Which detectors and frames of its file the map is: read again with others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from napari.layers import Image
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QPushButton, QWidget

from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, lacking, offer
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import put_image
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError, ReadError
from napari_eds.readers.detectors import has_detectors_apart
from napari_eds.readers.reading import load, read
from napari_eds.recipe.map_part import MapPart
from napari_eds.spectra.spectrum_image import SpectrumImage

_FRAMES = re.compile(r"\s*(\d+)\s*:\s*(\d+)\s*")


class SourcePart(QWidget):
    """Fields for detectors and frames, and a button that reads the map with them.

    What is read takes the place of the map in its layer, whose image keeps the part; labels,
    settings and results stay. Nothing is kept here.

    Parameters
    ----------
    focus : Focus
    work : JobBar
        Runs the reading: never beside other work of the dock.
    """

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self._focus, self._work = focus, work
        self.detectors = QLineEdit()
        self.detectors.setToolTip(
            "Detectors that are summed, by name or by place from 0, with commas; empty: all"
        )
        self.frames = QLineEdit()
        self.frames.setToolTip(
            "Frames that are summed, such as 0:40, counted from 0, the end not among them; "
            "empty: all"
        )
        self.joint = QCheckBox("Fit each detector, quantify together")
        self.joint.setToolTip(
            "Quantify reads one detector of the file after the other: each has its own energy "
            "axis, gain and take-off angle, and one that contradicts the others is left out and "
            "named"
        )
        self.read = QPushButton("Read these")
        self.read.setToolTip(
            "Read the file of the map again with these detectors and frames, in its layer"
        )
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Detectors", self.detectors)
        form.addRow("", self.joint)
        form.addRow("Frames", self.frames)
        form.addRow(self.read)
        for field in (self.detectors, self.frames):
            field.returnPressed.connect(self._on_read)
        self.read.clicked.connect(self._on_read)
        self.joint.clicked.connect(self._on_joint)
        focus.map_changed.connect(self._show)
        focus.settings_changed.connect(self._enable)
        work.changed.connect(self._enable)
        self._show()

    def follow_by_tab(self, before: QWidget) -> None:
        """Let *Tab* lead from another widget to these fields, in their order."""
        for field in (self.detectors, self.joint, self.frames, self.read):
            QWidget.setTabOrder(before, field)
            before = field

    def _show(self) -> None:
        """Show what the map is of."""
        image = self._focus.image
        part = MapPart() if image is None or image.part is None else image.part
        self.detectors.setText(", ".join(map(str, part.detectors or ())))
        self.frames.setText("" if part.frames is None else "{}:{}".format(*part.frames))
        names = () if image is None else (d.name for d in image.acquisition.detectors)
        named = ", ".join(filter(None, names))
        self.detectors.setPlaceholderText(f"all: {named}" if named else "all")
        self.frames.setPlaceholderText("all")
        self._enable()

    def _enable(self) -> None:
        image = self._focus.image
        from_file = image is not None and image.source is not None
        lacks = lacking(
            (image, NO_MAP),
            (from_file, "This map came from no file that could be read again."),
            (not self._work, BUSY),
        )
        offer(self.detectors, self.frames, self.read, unless=lacks)
        settings = self._focus.settings
        self.joint.setChecked(settings is not None and settings.draft.detectors == "joint")
        several = image is not None and has_detectors_apart(image)
        # What was chosen elsewhere can be switched off here, whatever the map.
        free = several or self.joint.isChecked()
        offer(self.joint, unless=lacks or lacking((free, "The file tells no detectors apart.")))

    def _on_joint(self) -> None:
        settings, chosen = self._focus.settings, self.joint.isChecked()
        if settings is not None:
            self._focus.set_settings(settings.edited(detectors="joint" if chosen else "sum"))

    def _on_read(self) -> None:
        """Read the part that the fields describe, unless it is the one there is."""
        layer, image = self._focus.map_layer, self._focus.image
        if layer is None or image is None or image.source is None or self._work:
            return
        before = image.part or MapPart()
        try:
            part = replace(before, detectors=self._named(), frames=self._range())
        except EDSError as error:
            notify(error)
            return
        if part == before:
            show_info("The map is of these detectors and frames already.")
            return
        self._work.run(
            f"reading {image.source.name}",
            _reading(image.source, part),
            partial(self._on_returned, layer, image),
            replaces=False,
        )

    def _named(self) -> tuple[int | str, ...] | None:
        names = [name.strip() for name in self.detectors.text().split(",") if name.strip()]
        return tuple(int(name) if name.isdigit() else name for name in names) or None

    def _range(self) -> tuple[int, int] | None:
        text = self.frames.text()
        if not text.strip():
            return None
        found = _FRAMES.fullmatch(text)
        if found is None:
            raise ReadError(
                f"frames are told as 0:40, the first and the one after the last, not as {text!r}"
            )
        return int(found[1]), int(found[2])

    def _on_returned(self, layer: Image, before: SpectrumImage, image: SpectrumImage) -> None:
        """Put the map into its layer, if this still holds what was read anew."""
        if layer is self._focus.map_layer and self._focus.image is before:
            self._focus.replace_image(image)
        elif layer in self._focus.map_layers():
            put_image(layer, image)
        told = () if image.part is None else image.part.account()
        show_info(" ".join(told) or "All of the file is read.")


def _reading(source: Path, part: MapPart) -> Callable[[Progress], SpectrumImage]:
    """Return what reads a part of a file."""

    def reading(progress: Progress) -> SpectrumImage:
        progress(0, 0, f"reading {source.name}")
        if part.index is not None:
            return load(source, part=part)
        # Without the warnings of `load`: what is wrong with the file was told on opening it.
        (image,) = read(source, **part.reading())
        return image

    return reading
