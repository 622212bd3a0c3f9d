"""Tilt and directions of detectors: what the file of a map says, and fields that go before it."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from qtpy.QtWidgets import QGridLayout, QLabel, QLineEdit, QWidget

from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.reasons import NO_MAP, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._napari.state.focus import Focus
from napari_eds.errors import EDSError
from napari_eds.quantification.conditions.directions import with_geometry
from napari_eds.spectra.acquisition import Acquisition, Detector

_UNKNOWN = "unknown"


class _Row(NamedTuple):
    """A field: its text, part of the geometry, and what it is."""

    text: str
    part: str
    tip: str


_ROWS = (
    _Row("Tilt (°)", "tilt_deg", "Of the specimen about both axes of the stage, such as -1, 0.8"),
    _Row("Elevation (°)", "elevation_deg", "Of the detectors above the plane normal to the beam"),
    _Row(
        "Azimuth (°)",
        "azimuth_deg",
        "Of each detector, such as 45, 135, 225, 315, or one for all; counted from the direction "
        "that the first tilt turns the specimen's face to",
    ),
)


class GeometryForm(QWidget):
    """Fields of tilt and directions of the map that is looked at; they live in its settings.

    An empty field takes what the file says.

    Parameters
    ----------
    focus : Focus
    """

    def __init__(self, focus: Focus) -> None:
        super().__init__()
        self.focus = focus
        self.fields: dict[str, QLineEdit] = {}
        self.told: dict[str, QLabel] = {}
        self.angle = WrappedText()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        for place, row in enumerate(_ROWS):
            field, label = QLineEdit(), QLabel(row.text)
            tip = f"{row.tip}; empty: what the file says"
            field.setToolTip(tip)
            label.setToolTip(tip)
            field.setPlaceholderText("file's")
            field.editingFinished.connect(partial(self._on_edited, row.part))
            self.fields[row.part], self.told[row.part] = field, QLabel()
            self.told[row.part].setWordWrap(True)
            grid.addWidget(label, place, 0)
            grid.addWidget(field, place, 1)
            grid.addWidget(self.told[row.part], place, 2)
        grid.addWidget(self.angle, len(_ROWS), 0, 1, 3)
        focus.map_changed.connect(self.show_map)
        focus.settings_changed.connect(self.show_map)
        self.show_map()

    def show_map(self) -> None:
        """Show what the map's file says, and what is said in its place."""
        image, settings = self.focus.image, self.focus.settings
        offer(self, unless=lacking((image, NO_MAP)))
        if image is None or settings is None:
            self.angle.setText("")
            return
        geometry = settings.draft.geometry
        for part, text in _told(image.acquisition).items():
            self.told[part].setText(text)
            value = _numbers(getattr(geometry, part))
            if value != self.fields[part].text():
                self.fields[part].setText(value)
        try:
            angle = with_geometry(image, geometry).acquisition.take_off_angle_deg
        except EDSError as error:
            self.angle.setText(f"⚠ {error}")
            return
        given = settings.draft.absorption.take_off_angle_deg
        if given is not None:
            self.angle.setText(f"The take-off angle given above, {given:.2f}°, goes before these.")
        elif angle is None:
            self.angle.setText("No take-off angle follows from these.")
        else:
            self.angle.setText(f"X-rays leave at {angle:.2f}° to the specimen in the mean.")

    def _on_edited(self, part: str) -> None:
        settings, text = self.focus.settings, self.fields[part].text().strip()
        if settings is None or text == _numbers(getattr(settings.draft.geometry, part)):
            return
        try:
            changed = {**dict(settings.draft.geometry), part: _read(text, part)}
            self.focus.set_settings(settings.edited(geometry=changed))
        except EDSError as error:
            notify(error)
            self.show_map()


def _read(text: str, part: str) -> float | tuple[float, ...] | None:
    """Return the numbers of a field, one of an elevation.

    Raises
    ------
    EDSError
        If they are none.
    """
    if not text:
        return None
    try:
        numbers = tuple(float(number) for number in text.split(","))
    except ValueError:
        raise EDSError(f"degrees are numbers with commas between them, not {text!r}") from None
    if part != "elevation_deg":
        return numbers
    if len(numbers) != 1:
        raise EDSError(f"give one elevation for all detectors, not {text!r}")
    return numbers[0]


def _numbers(value: float | tuple[float, ...] | None) -> str:
    """Return numbers as they are typed."""
    if value is None:
        return ""
    several = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"{number:g}" for number in several)


def _told(told: Acquisition) -> dict[str, str]:
    """Return what a file says, by the part of the form."""
    tilt = told.tilt_deg
    return {
        "tilt_deg": _UNKNOWN if tilt is None else "{:.2f}° and {:.2f}°".format(*tilt),
        "elevation_deg": _each([_angle(d, "elevation_deg") for d in told.detectors]),
        "azimuth_deg": _each([_angle(d, "azimuth_deg") for d in told.detectors]),
    }


def _angle(detector: Detector, name: str) -> str:
    value = getattr(detector, name)
    return _UNKNOWN if value is None else f"{value:.4g}°"


def _each(values: list[str]) -> str:
    """Return angles of detectors, once where they are alike."""
    if not values:
        return _UNKNOWN
    return values[0] if len(set(values)) == 1 else ", ".join(values)
