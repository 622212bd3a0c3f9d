"""What the file of a map says of its dose, each value beside a field that goes before it."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from magicgui.widgets import FloatSpinBox
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.reasons import NO_MAP, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._napari.state.fields import PartField
from napari_eds._napari.state.focus import Focus
from napari_eds.errors import EDSError
from napari_eds.quantification.methods.composing import with_dose
from napari_eds.spectra.acquisition import Acquisition
from napari_eds.spectra.dose import electrons_per_pixel

#: What a field shows that is not used, and its width, in which that can be read.
_FROM_FILE, _WIDTH_px = "file's", 112
#: Key of the solid angle in a map's layer, where the file's is not taken.
_SOLID_ANGLE = "eds_solid_angle_sr"
_UNKNOWN = "unknown"


class _Row(NamedTuple):
    """A field: its text, setting and part, largest value, step, decimals, and what it is."""

    text: str
    setting: str
    part: str
    most: float
    step: float
    decimals: int
    tip: str
    unset: str = _FROM_FILE


_ROWS = (
    _Row("Current (nA)", "dose", "beam_current_nA", 1000, 0.01, 4, "Beam current"),
    _Row(
        "Current (± %)",
        "dose",
        "current_error_percent",
        200,
        1,
        1,
        "Standard deviation of the current, where zeta-factors were measured with another one",
        "",
    ),
    _Row("Dwell (µs)", "dose", "dwell_time_us", 1e9, 1, 3, "Time in one pixel of one frame"),
    _Row("Frames", "dose", "frames", 1e7, 1, 2, "Frames that were summed"),
    _Row("Live time (%)", "dose", "live_percent", 100, 1, 2, "Live over real time of detectors"),
    _Row(
        "Take-off (°)",
        "absorption",
        "take_off_angle_deg",
        90,
        1,
        2,
        "Angle of the detectors above the plane of the specimen",
    ),
)


class DoseForm(QWidget):
    """Fields of the dose of the map that is looked at; they live in its settings.

    Parameters
    ----------
    focus : Focus
    """

    def __init__(self, focus: Focus) -> None:
        super().__init__()
        self.focus = focus
        self._filling = False
        self.fields: dict[str, PartField] = {}
        self.told: dict[str, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)
        self._grid.addWidget(QLabel("The file says"), 0, 2)
        for row in _ROWS:
            self._add_field(row)
        self.solid_angle = _box(
            _Row("", "", "", 12.5, 0.01, 4, "Solid angle of all detectors together, for theory")
        )
        self.solid_angle.native.setSpecialValueText(_FROM_FILE)
        self._add_row("Solid angle (sr)", "solid_angle", self.solid_angle)
        self.dose = WrappedText()
        #: What to fill in before the dose is known; empty where it is.
        self.lacks = ""
        below = self._grid.rowCount()
        self._grid.addWidget(self.dose, below, 0, 1, 3)
        self._connect()

    def _add_field(self, row: _Row) -> None:
        field = PartField(_box(row), row.setting, row.part, unset=row.unset)
        self.fields[row.part] = field
        self._add_row(row.text, row.part, field.widget)
        field.widget.changed.connect(partial(self._on_edited, field))

    def _add_row(self, text: str, part: str, box: Any) -> None:
        row, label = self._grid.rowCount(), QLabel(text)
        label.setToolTip(box.tooltip)
        self.told[part] = QLabel()
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(box.native, row, 1)
        self._grid.addWidget(self.told[part], row, 2)

    def _connect(self) -> None:
        self.focus.map_changed.connect(self.show_map)
        self.focus.settings_changed.connect(self.show_map)
        self.solid_angle.changed.connect(self._on_solid_angle)
        self.show_map()

    def show_map(self) -> None:
        """Show what the map's file says, and what is said in its place."""
        image, settings, layer = self.focus.image, self.focus.settings, self.focus.map_layer
        offer(self, unless=lacking((image, NO_MAP)))
        if image is None or settings is None or layer is None:
            self.dose.setText("Open a map first.")
            return
        self._filling = True
        try:
            for field in self.fields.values():
                field.show(settings)
            self.solid_angle.value = layer.metadata.get(_SOLID_ANGLE, 0.0)
        finally:
            self._filling = False
        for part, text in _told(image.acquisition).items():
            self.told[part].setText(text)
        try:
            electrons = electrons_per_pixel(with_dose(image, settings.draft.dose), live=True)
        except EDSError as error:
            self.lacks = f"Fill in the dose above: {error}."
            self.dose.setText(f"⚠ {error}")
        else:
            self.lacks = ""
            self.dose.setText(f"{electrons:.4g} electrons in a pixel while detectors were live")

    def solid_angle_sr(self) -> float | None:
        """Return the solid angle of all detectors: the field's, or else the file's."""
        image = self.focus.image
        own: float = self.solid_angle.value
        return own or (None if image is None else image.acquisition.solid_angle_sr())

    def _on_edited(self, field: PartField, _value: Any = None) -> None:
        settings = self.focus.settings
        if settings is None or self._filling:
            return
        try:
            self.focus.set_settings(field.put(settings))
        except EDSError as error:
            notify(error)
            field.show(settings)

    def _on_solid_angle(self, value: float) -> None:
        layer = self.focus.map_layer
        if layer is not None and not self._filling:
            layer.metadata[_SOLID_ANGLE] = value


def _box(row: _Row) -> FloatSpinBox:
    unset = "; 0: what the file says" if row.unset else ""
    box = FloatSpinBox(min=0, max=row.most, step=row.step, tooltip=f"{row.tip}{unset}")
    box.native.setDecimals(row.decimals)
    box.native.setMinimumWidth(_WIDTH_px)
    return box


def _told(told: Acquisition) -> dict[str, str]:
    """Return what a file says, by the part of the form."""
    live, angle = told.live_fraction(), told.solid_angle_sr()
    dwell = None if told.dwell_time_s is None else told.dwell_time_s * 1e6
    n = len(told.detectors)
    values = {
        "beam_current_nA": (told.beam_current_nA, "{:.4g} nA"),
        "dwell_time_us": (dwell, "{:.5g} µs"),
        "frames": (told.frames_summed, "{:.6g}"),
        "live_percent": (None if live is None else 100 * live, "{:.2f} %" + _seconds(told)),
        "take_off_angle_deg": (told.take_off_angle_deg, "{:.2f}°"),
        "solid_angle": (angle, "{:.3g} sr" + (f", {n} detectors" if n > 1 else "")),
    }
    found = {
        part: _UNKNOWN if value is None else text.format(value)
        for part, (value, text) in values.items()
    }
    return {**found, "current_error_percent": ""}


def _seconds(told: Acquisition) -> str:
    """Return the live time of the detectors in s, after a comma; empty where it is unknown."""
    times = [d.live_time_s for d in told.detectors if d.live_time_s is not None]
    live = sum(times) / len(times) if times else told.live_time_s
    return "" if live is None else f", {live:.4g} s"
