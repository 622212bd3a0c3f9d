"""The page *Denoise* of the maps dock: maps of lines without most of their noise, for the eye."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, LineEdit, PushButton, SpinBox
from napari.layers import Image
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QWidget

from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify, one_per_turn, tell_deleted
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText, scrolled_column
from napari_eds._napari.state.derived import DENOISED, Look
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import geometry
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError
from napari_eds.spectra.denoising import Denoised, denoise, line_window_keV

_RAW, _CLEAN = "counts", "denoised"
_HOW = (
    "Lines of the map with most of their noise taken away, beside the raw ones. For the eye: "
    "compositions are never made of them, and they have no errors."
)


class DenoisePage(QWidget):
    """Describes the map by few components and shows lines of it; they become layers of the map."""

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self.focus, self.work = focus, work
        self.lines = LineEdit(tooltip="Elements or families, such as La_L, Fe, O")
        self.method = ComboBox(
            choices=[("principal components", "pca"), ("non-negative factors", "nmf")],
            tooltip="Both weighted for Poisson counts",
        )
        self.choose = CheckBox(
            value=True,
            text="by halves of counts",
            tooltip="One half is fitted, the other scores: more components are taken while they "
            "foretell it better",
        )
        self.components = SpinBox(value=5, min=1, max=64, tooltip="Number of components")
        self.smooth = CheckBox(
            value=True,
            text="average with neighbours",
            tooltip="Gaussians over the amounts of every component, chosen by the other half",
        )
        self.run = PushButton(
            text="Denoise", tooltip="Show each line as counted and denoised, as layers of the map"
        )
        self.text = WrappedText(lines=4)
        self._lay_out()
        focus.map_changed.connect(self._on_map)
        work.changed.connect(self._show_state)
        self.choose.changed.connect(self._show_state)
        self.run.changed.connect(self._on_run)
        self._on_map()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        row = QWidget()
        inner = QHBoxLayout(row)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.choose.native, 1)
        inner.addWidget(self.components.native)
        form.addRow("Lines", self.lines.native)
        form.addRow("By", self.method.native)
        form.addRow("Number", row)
        form.addRow("Pixels", self.smooth.native)
        form.addRow(self.run.native)
        column = scrolled_column(self)
        column.addLayout(form)
        column.addWidget(self.text)
        column.addStretch(1)

    def _on_map(self) -> None:
        """Begin with the elements that are chosen for the map."""
        settings = self.focus.settings
        chosen = [] if settings is None else [c.entry for c in settings.elements]
        self.lines.value = ", ".join(chosen[:4])
        self.text.setText(_HOW)
        self._show_state()

    def _show_state(self, _value: Any = None) -> None:
        self.components.enabled = not self.choose.value
        offer(self.run, unless=lacking((self.focus.image, NO_MAP), (not self.work, BUSY)))

    def _on_run(self) -> None:
        focus = self.focus
        image, map_layer = focus.image, focus.map_layer
        if image is None or map_layer is None:
            return
        lines = [line.strip() for line in self.lines.value.split(",") if line.strip()]
        try:
            if not lines:
                raise EDSError("name an element to denoise the map of, such as Fe")
            for line in lines:
                line_window_keV(image, line)
        except EDSError as error:
            notify(error)
            return
        number = None if self.choose.value else self.components.value
        ways: dict[str, Any] = {"method": self.method.value, "smooth": self.smooth.value}

        def work(progress: Progress) -> Denoised:
            return denoise(image, number, progress=progress, **ways)

        self.work.run(
            "splitting counts", work, partial(self._on_found, map_layer, lines), replaces=True
        )

    def _on_found(self, map_layer: Image, lines: list[str], found: Denoised) -> None:
        if map_layer not in self.focus.viewer.layers:
            tell_deleted("map", "it was denoised")
            return
        try:
            windows = {line: found.line_window_keV(line) for line in lines}
        except EDSError as error:
            notify(error)
            return
        parts = [(line, sort) for line in reversed(lines) for sort in (_RAW, _CLEAN)]
        DENOISED.remove_others(self.focus.viewer, map_layer, parts)
        look = partial(_look, found, windows, lines[0])
        one_per_turn(
            DENOISED.steps(self.focus.viewer, map_layer, parts, look, staying=self.focus.staying)
        )
        if map_layer is self.focus.map_layer:
            self.text.setText(" ".join(found.account()))


def _look(
    found: Denoised, windows: dict[str, tuple[float, float]], first: str, part: tuple[str, str]
) -> Look:
    line, sort = part
    raw, clean = found.raw_window_map(*windows[line]), found.window_map(*windows[line])
    # One scale for both, so that they can be told apart by their noise alone.
    high = float(np.percentile(clean, 99.5))
    return Look(
        raw if sort == _RAW else clean,
        f"{line} {sort}",
        renewed={"contrast_limits": (0.0, high if high > 0 else 1.0)},
        first={
            "colormap": "inferno",
            "visible": line == first and sort == _CLEAN,
            **geometry(found.image),
        },
    )
