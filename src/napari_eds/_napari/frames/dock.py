"""The panel *EDS frames*: compositions of labels over frames, time and dose."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, PushButton, SpinBox
from napari.utils.notifications import show_info
from napari.viewer import Viewer
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QWidget

from napari_eds._napari.frames.picture import Picture
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.numbers import counted
from napari_eds._napari.parts.panels import FRAMES, share_tab
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, lacking, offer
from napari_eds._napari.parts.saving import Target, ask_to_save, may_replace
from napari_eds._napari.parts.widgets import WrappedText, foot_of, scrolled_column
from napari_eds._napari.state.focus import Focus, focus_of
from napari_eds._napari.state.places import come_back
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError, LabelError
from napari_eds.labels.chips import LABEL
from napari_eds.quantification.frames.series import (
    UNITS,
    Against,
    FrameResult,
    csv_files,
    quantify_frames,
)
from napari_eds.readers.reading import read_frames
from napari_eds.spectra.drift import AS_THEY_ARE, COUNTS, IMAGES, without_drift

#: Keys of a labels layer's metadata: what was found of it, and what the fields said.
_RESULT, _FORM = "eds_frame_result", "eds_frame_form"
#: Labels whose changes are told above the figure.
_TOLD = 3
_AGAINST: dict[str, Against] = {unit: what for what, unit in UNITS.items()}


class FramesWidget(QWidget):
    """Follows labels over frames; fields and results live in the labels' layer."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self._filling = False
        self._make()
        self._lay_out()
        self._connect()
        self._on_labels()
        share_tab(napari_viewer, self)
        come_back(self, FRAMES)

    def _make(self) -> None:
        self.every = SpinBox(
            value=1, min=1, max=10_000, tooltip="Sum so many frames into one, where counts are few"
        )
        self.align = ComboBox(
            choices=[AS_THEY_ARE, IMAGES, COUNTS],
            value=AS_THEY_ARE,
            tooltip="Take out drift by moving pixels as a whole: found from the images of each "
            "frame, such as HAADF, or from the X-rays themselves",
        )
        self.against = ComboBox(
            choices=list(_AGAINST),
            value=UNITS["frame"],
            tooltip="What compositions are drawn against, and extrapolated to 0 of",
        )
        self.run = PushButton(
            text="Follow frames", tooltip="Quantify the labels in every frame of the map's file"
        )
        self.save_csv = PushButton(text="Save CSV…", tooltip="Save the table and the changes")
        self.save_figure = PushButton(text="Save figure…", tooltip="Save as PNG, SVG or PDF")
        self.says = WrappedText()
        self.picture = Picture()
        self.work = JobBar()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Sum frames", self.every.native)
        form.addRow("Take out drift", self.align.native)
        form.addRow("Against", self.against.native)
        row = QHBoxLayout()
        for button in (self.run, self.save_csv, self.save_figure):
            row.addWidget(button.native)
        column = scrolled_column(self)
        column.addLayout(form)
        column.addWidget(self.says)
        column.addWidget(self.picture, 1)
        foot = foot_of(self)
        foot.addWidget(self.work)
        foot.addLayout(row)

    def _connect(self) -> None:
        focus = self.focus
        for signal in (focus.map_changed, focus.labels_changed):
            signal.connect(self._on_labels)
        focus.layers_changed.connect(self._enable)
        focus.selection_changed.connect(self._draw)
        self.against.changed.connect(self._on_field)
        self.every.changed.connect(self._on_field)
        self.align.changed.connect(self._on_field)
        self.run.changed.connect(self._on_run)
        self.save_csv.changed.connect(self._on_save_csv)
        self.save_figure.changed.connect(self._on_save_figure)
        self.work.changed.connect(self._enable)

    # State, which lives in the layer of the labels.

    @property
    def result(self) -> FrameResult | None:
        """What was found of the labels in use."""
        layer = self.focus.labels_layer
        return None if layer is None else layer.metadata.get(_RESULT)

    def _on_labels(self) -> None:
        layer = self.focus.labels_layer
        fields = {"every": self.every, "align": self.align, "against": self.against}
        self._filling = True
        try:
            for name, value in ({} if layer is None else layer.metadata.get(_FORM, {})).items():
                fields[name].value = value
        finally:
            self._filling = False
        self._draw()

    def _on_field(self, _value: Any = None) -> None:
        layer = self.focus.labels_layer
        if layer is not None and not self._filling:
            layer.metadata[_FORM] = {
                "every": self.every.value,
                "align": self.align.value,
                "against": self.against.value,
            }
            self._draw()

    def _enable(self) -> None:
        focus, idle = self.focus, not self.work
        missing = _missing(focus)
        offer(self.run, unless=missing or lacking((idle, BUSY)))
        followed = (self.result, "Follow frames first.")
        offer(self.save_csv, self.save_figure, unless=lacking(followed, (idle, BUSY)))

    # Work.

    def _on_run(self) -> None:
        focus = self.focus
        image, settings, layer = focus.image, focus.settings, focus.labels_layer
        if image is None or settings is None or layer is None:
            return
        try:
            recipe, labels = settings.recipe(), np.asarray(layer.data).copy()
            if not labels.any():
                raise LabelError("no pixel is labelled; paint a region or make a grid first")
        except (EDSError, OSError) as error:
            notify(error)
            return
        every, align, part, source = self.every.value, self.align.value, image.part, image.source

        def work(progress: Progress) -> FrameResult:
            progress(0, 0, "reading frames")
            series = read_frames(str(source), part=part)
            series = without_drift(series, align)
            return quantify_frames(series, labels, recipe, every=every, progress=progress)

        self.work.run("reading frames", work, partial(self._on_found, layer), replaces=False)

    def _on_found(self, layer: Any, found: FrameResult) -> None:
        layer.metadata[_RESULT] = found
        self._draw()

    def _draw(self) -> None:
        """Show the labels that are selected, or the first ones."""
        found = self.result
        self._enable()
        if found is None:
            self.picture.show_figure(None)
            missing = _missing(self.focus)
            self.says.setText(missing or "Compositions of the labels, frame by frame.")
            return
        try:
            self.picture.show_figure(found.figure(self._against(), self._chosen(found)))
            self.says.setText(_summary(found))
            self.says.setToolTip("\n".join(found.account()))
        except EDSError as error:
            self.picture.show_figure(None)
            self.says.setText(f"⚠ {error}")

    def _against(self) -> Against:
        return _AGAINST[self.against.value]

    def _chosen(self, found: FrameResult) -> list[int] | None:
        """Return the selected labels that were followed; None for the first ones."""
        return [label for label in self.focus.selected if label in found.labels] or None

    # Saving.

    def _on_save_csv(self) -> None:
        found, chosen = self.result, self._ask("Save compositions over frames", ".csv")
        if found is None or chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, csv_files(path), asked)
        if overwrite is not None:
            against = self._against()
            self._save(lambda _: found.to_csv(path, against=against, overwrite=overwrite))

    def _on_save_figure(self) -> None:
        found = self.result
        chosen = self._ask("Save the figure", ".png", "Picture (*.png);;Vector (*.svg *.pdf)")
        if found is None or chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, [path], asked)
        if overwrite is not None:
            against, labels = self._against(), self._chosen(found)
            self._save(lambda _: [found.save_figure(path, against, labels, overwrite=overwrite)])

    def _save(self, work: Any) -> None:
        self.work.run("saving", work, self._on_saved, replaces=False)

    def _ask(self, title: str, ending: str, *kinds: str) -> Target | None:
        image = self.focus.image
        stem = "map" if image is None else image.source.stem if image.source else image.name
        return ask_to_save(self, title, f"{stem}_frames{ending}", *kinds)

    def _on_saved(self, written: list[Path]) -> None:
        text = f"Saved {', '.join(path.name for path in written)} in {written[0].parent}."
        self.work.say(text)
        show_info(text)


def _summary(found: FrameResult) -> str:
    """Say in short which compositions change; the account tells by how much."""
    changes = found.changes()
    changes = changes[changes["changes"]]
    if changes.empty:
        return "No composition changes by more than counting explains."
    told = [
        f"{' '.join(own['element'])} in label {label}"
        for label, own in changes.groupby(LABEL, sort=True)
    ]
    more = f"; and in {counted(len(told) - _TOLD, 'label')} more" if len(told) > _TOLD else ""
    lines = [f"Changes over the frames: {'; '.join(told[:_TOLD])}{more}."]
    return "\n".join(lines + [f"⚠ {line}" for line in found.thickness_lines()[:_TOLD]])


def _missing(focus: Focus) -> str:
    """Say what is needed before frames can be followed; nothing where all is there."""
    image = focus.image
    if image is None:
        return NO_MAP
    if image.source is None:
        return "This map came from no file, whose frames could be read."
    if image.frames is None:
        return (
            "The file does not keep frames apart: streams of Velox and JEOL do, and maps of "
            "HyperSpy with an axis of frames."
        )
    if image.part is not None and image.part.crop is not None:
        return "Frames are read whole: open the map without a crop."
    return lacking((focus.labels_layer, focus.no_labels))
