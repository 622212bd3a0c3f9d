"""The page *Pixels* of the regions dock: compositions of single pixels as maps."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, PushButton
from napari.layers import Image
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFormLayout, QWidget

from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify, tell_deleted
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText, foot_of, row_of, scrolled_column
from napari_eds._napari.regions.pixel_layers import kernel_words, show_maps
from napari_eds._napari.state.derived import PIXEL_MAPS
from napari_eds._napari.state.focus import Focus
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError, LabelError
from napari_eds.quantification.advice import MAJOR_AT_PCT
from napari_eds.quantification.pixels.kernels import Kernel
from napari_eds.quantification.pixels.maps import PixelMaps, pixel_maps, recommended_kernel

_NONE = "none"
#: Key of what the fields say in the metadata of the map's layer.
_FORM = "eds_pixel_form"


class PixelsPage(QWidget):
    """Quantifies pixels; fields and result live in the map's layer."""

    def __init__(self, focus: Focus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.focus = focus
        self._filling = False
        self._make_fields()
        self.text = WrappedText()
        self.work = JobBar()
        self._lay_out()
        self._connect()
        self._on_map_changed()

    def _make_fields(self) -> None:
        self.kernel = ComboBox(
            choices=[_NONE, "mean", "gaussian"],
            value="gaussian",
            tooltip="How each pixel is averaged with its neighbours: not, evenly over a square, "
            "or by a Gaussian",
        )
        self.kernel_size = FloatSpinBox(
            value=3,
            min=0.1,
            max=10_000,
            step=1,
            tooltip="Side of the square, or full width at half maximum of the Gaussian, in the "
            "unit beside",
        )
        self.unit = ComboBox(choices=["px", "nm"], tooltip="Unit of the size")
        self.error = FloatSpinBox(
            value=3,
            min=0.05,
            max=50,
            step=0.5,
            tooltip="Standard deviation from counting, in at. %, that elements above "
            f"{MAJOR_AT_PCT:g} at. % should not exceed in a pixel",
        )
        self.recommend = PushButton(
            text="Recommended", tooltip="Find the smallest kernel that keeps the error wanted"
        )
        self.inside = CheckBox(
            text="only inside the current labels",
            tooltip="Quantify, and average, only pixels that have a label",
        )
        self.run = PushButton(
            text="Quantify pixels",
            tooltip="Make maps of at. %, and hidden ones of their errors, as layers",
        )
        self.fields: dict[str, Any] = {
            "kernel": self.kernel,
            "size": self.kernel_size,
            "unit": self.unit,
            "error": self.error,
            "inside": self.inside,
        }

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Kernel", self.kernel.native)
        form.addRow("Size", row_of(self.kernel_size, self.unit))
        form.addRow("Wanted error (at. %)", row_of(self.error, self.recommend))
        form.addRow("Pixels", self.inside.native)
        column = scrolled_column(self)
        column.addLayout(form)
        column.addWidget(self.text)
        column.addStretch(1)
        foot = foot_of(self)
        foot.addWidget(self.work)
        foot.addWidget(self.run.native)

    def _connect(self) -> None:
        focus = self.focus
        focus.map_changed.connect(self._on_map_changed)
        for signal in (focus.labels_changed, focus.layers_changed):
            signal.connect(self._show_state)
        for field in self.fields.values():
            field.changed.connect(self._on_field)
        self.recommend.changed.connect(self._on_recommend)
        self.run.changed.connect(self._on_run)
        self.work.changed.connect(self._show_state)
        self.work.cancelled.connect(partial(self.text.setText, "Cancelled; no map was changed."))

    # State.

    def _on_map_changed(self) -> None:
        """Show what was set for the map; work for another one goes on, and belongs to that."""
        layer = self.focus.map_layer
        self._filling = True
        try:
            for name, value in ({} if layer is None else layer.metadata.get(_FORM, {})).items():
                self.fields[name].value = value
        finally:
            self._filling = False
        self._show_result()

    def _on_field(self, _value: Any = None) -> None:
        layer = self.focus.map_layer
        if layer is not None and not self._filling:
            layer.metadata[_FORM] = {name: field.value for name, field in self.fields.items()}
        self._show_state()

    def _show_result(self) -> None:
        layer = self.focus.map_layer
        maps = PIXEL_MAPS.of(layer)
        self.text.setText("Every pixel gets a composition." if maps is None else _words(maps))
        self.text.setToolTip("" if maps is None else "\n".join(maps.account()))
        self._show_state()

    def _show_state(self) -> None:
        a_map, idle = (self.focus.image, NO_MAP), (not self.work, BUSY)
        averages = self.kernel.value != _NONE
        offer(self.run, unless=lacking(a_map, idle))
        a_kernel = (averages, "Choose a kernel that averages first.")
        offer(self.recommend, unless=lacking(a_map, a_kernel, idle))
        self.kernel_size.enabled = self.unit.enabled = self.error.enabled = averages
        offer(self.inside, unless=lacking((self.focus.labels_layer, self.focus.no_labels)))

    # Work.

    def _chosen_kernel(self) -> Kernel:
        if self.kernel.value == _NONE:
            return Kernel()
        return Kernel(self.kernel.value, self.kernel_size.value, self.unit.value)

    def _mask(self) -> np.ndarray | None:
        """Return which pixels are asked for; None for all."""
        if not self.inside.value:
            return None
        layer = self.focus.labels_layer
        if layer is None:
            raise LabelError("there are no labels to stay inside of; make some first")
        return np.asarray(layer.data) > 0

    def _on_recommend(self) -> None:
        focus = self.focus
        image, settings, map_layer = focus.image, focus.settings, focus.map_layer
        if image is None or settings is None or map_layer is None:
            return
        try:
            recipe, mask = settings.recipe(), self._mask()
        except (EDSError, OSError) as error:
            notify(error)
            return
        shape, wanted = self.kernel.value, self.error.value
        self.work.run(
            "finding a kernel",
            lambda _progress: recommended_kernel(
                image, recipe, error_at_pct=wanted, mask=mask, shape=shape
            ),
            partial(self._on_recommended, map_layer),
            replaces=True,
        )

    def _on_recommended(self, map_layer: Image, kernel: Kernel) -> None:
        if map_layer is not self.focus.map_layer:
            show_info(f"{kernel_words(kernel)} is recommended for {map_layer.name}.")
            return
        self.kernel.value, self.unit.value, self.kernel_size.value = (
            kernel.shape,
            kernel.unit,
            kernel.size,
        )
        self.text.setText(
            f"Recommended: {kernel_words(kernel)}, as good as {kernel.n_pixels():.3g} pixels."
        )

    def _on_run(self) -> None:
        """Quantify the map that is looked at now; its layers get the maps, whatever is then."""
        focus = self.focus
        image, settings, map_layer = focus.image, focus.settings, focus.map_layer
        if image is None or settings is None or map_layer is None:
            return
        try:
            recipe, kernel, mask = settings.recipe(), self._chosen_kernel(), self._mask()
        except (EDSError, OSError) as error:
            notify(error)
            return

        def work(progress: Progress) -> PixelMaps:
            return pixel_maps(image, recipe, kernel=kernel, mask=mask, progress=progress)

        self.work.run("preparing", work, partial(self._on_maps, map_layer), replaces=True)

    def _on_maps(self, map_layer: Image, maps: PixelMaps) -> None:
        if map_layer in self.focus.viewer.layers:
            show_maps(self.focus, map_layer, maps)
        else:
            tell_deleted("map", "its pixels were quantified")
        self._show_result()


def _words(maps: PixelMaps) -> str:
    """Say what was done: the end of the account, which is about pixels and their errors."""
    return "\n".join(maps.account()[-2:])
