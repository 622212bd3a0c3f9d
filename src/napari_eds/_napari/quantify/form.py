"""The form of the dock *EDS quantification*: fields and layout, no behaviour."""

from __future__ import annotations

from functools import partial
from typing import Any

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    FloatSpinBox,
    LineEdit,
    PushButton,
    SpinBox,
)
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.panels_button import PanelsButton
from napari_eds._napari.parts.reasons import offer
from napari_eds._napari.parts.sections import Section, align
from napari_eds._napari.parts.widgets import WrappedText, flowing, scrolling
from napari_eds._napari.quantify.more_settings import MoreSettings
from napari_eds._napari.state.fields import PartField, SettingField
from napari_eds._napari.state.settings import Settings

_MIN_WIDTH_PX = 300
_STATUS_LINES = 2
#: More scroll, and leave the room to the fields.
_MOST_STATUS_LINES = 7
#: What the field of the thickness says at 0, and while zeta-factors find it.
_NO_ABSORPTION, _BY_ZETA = "no absorption", "by zeta-factors"
_FOUND_BY_ZETA = "Zeta-factors find the thickness: to give one, go back to Cliff-Lorimer."
#: Lines that stay where the window is low.
_LEAST_STATUS_LINES = 2


class QuantificationForm(QWidget):
    """Fields of the dock: magicgui widgets under headings, and below them, always in sight, run.

    Parameters
    ----------
    map_choices, label_choices : callable
        Give the entries of the two layer lists as (name, layer).

    Attributes
    ----------
    settings_edited : Signal
        Emitted with the `SettingField` that the user changed.
    """

    settings_edited = Signal(object)

    def __init__(self, map_choices: Any, label_choices: Any) -> None:
        super().__init__()
        self.map_layer = ComboBox(choices=map_choices, tooltip="Layer of the spectrum image")
        self.about = WrappedText()
        self.crop = PushButton(
            text="Crop to rectangle",
            tooltip="Show the part of the map in the box around the shape drawn last, as a map of "
            "its own; without a shape, take up the tool for a rectangle",
        )
        self.crop_energy = PushButton(
            text="Crop energies…",
            tooltip="Show the map of a range of energies as a map of its own",
        )
        self.labels_layer = ComboBox(
            choices=label_choices,
            tooltip="Labels layer whose regions are quantified: paint it, or make a grid",
        )
        self._make_axis_fields()
        self._make_region_fields()
        self._make_element_fields()
        self._make_fit_fields()
        self._make_known_fields()
        self._make_actions()
        self._lay_out()
        self._listening = True
        self._bound = self._setting_fields()
        for field in self._bound:
            field.widget.changed.connect(partial(self._on_edited, field))

    def _make_axis_fields(self) -> None:
        self.offset = FloatSpinBox(min=-10, max=10, step=0.001, tooltip="Energy of channel 0")
        self.scale = FloatSpinBox(
            value=0.01, min=1e-4, max=1, step=0.0001, tooltip="Channel width"
        )
        self.calibrate = PushButton(
            text="Use this energy axis", tooltip="The file gives no energies: set them here"
        )

    def _make_region_fields(self) -> None:
        self.chip_size = SpinBox(min=1, max=100_000, tooltip="Edge of a square chip in pixels")
        self.chip_count = WrappedText()
        self.make_grid = PushButton(
            text="Make grid", tooltip="Tile the map into square chips, as a new Labels layer"
        )
        self.new_labels = PushButton(
            text="Paint new", tooltip="Add an empty Labels layer and take up the brush"
        )
        self.more_regions = PushButton(
            text="More…",
            tooltip="Chips of other kinds, advice on their size, edits of labels, single pixels",
        )

    def _make_element_fields(self) -> None:
        self.elements_text = WrappedText()
        self.k_text = WrappedText()
        self.choose_elements = PushButton(
            text="Elements and k-factors…",
            tooltip="Choose elements on a periodic table, find them, and load k-factors",
        )

        self.to_cliff_lorimer = PushButton(
            text="Back to Cliff-Lorimer",
            tooltip="Quantify by ratios of intensities, with k-factors and the thickness below",
        )

    def _make_fit_fields(self) -> None:
        self.low = FloatSpinBox(min=0.01, max=100, step=0.1, tooltip="Start of the fitted range")
        self.high = FloatSpinBox(min=0.02, max=100, step=0.1, tooltip="End of the fitted range")
        self.thickness = FloatSpinBox(
            min=0,
            max=2000,
            step=5,
            tooltip="Thickness of the foil in nm, for the absorption correction; 0: no correction",
        )
        self.by_label = CheckBox(
            text="as found of each label",
            tooltip="Correct absorption of each label for its own thickness, as the panel EDS "
            "thickness found it; new labels take the one above",
        )
        self.density = FloatSpinBox(
            min=0,
            max=25,
            step=0.1,
            tooltip="Density of the specimen in g/cm³; 0: what follows from the composition of "
            "each label, to about 11 %",
        )
        self.more = MoreSettings()

    def _make_known_fields(self) -> None:
        self.known_label = SpinBox(
            min=1, max=2**31 - 1, tooltip="Quantified label whose composition is known"
        )
        self.formula = LineEdit(tooltip="Its composition, such as SrTiO3")
        self.formula.native.setPlaceholderText("SrTiO3")
        self.solve_thickness = PushButton(
            text="Thickness",
            tooltip="Solve the thickness of the label from its absorption, with the density above",
        )
        self.calibrate_k = PushButton(
            text="k-factors…",
            tooltip="Save k-factors that give the label its composition, for other maps; the "
            "density above is the label's",
        )

    def _make_actions(self) -> None:
        self.run = PushButton(text="Quantify", tooltip="Fit and quantify every label")
        self.cancel = PushButton(text="Cancel", enabled=False, tooltip="Leave the running fit")
        self.status = WrappedText(lines=_STATUS_LINES)
        self.add_missing = PushButton(
            tooltip="Search the sum of all labels for elements, and add those that are certain "
            "to what is fitted: system elements, such as Cu of a grid, as fitted only"
        )
        self.add_missing.native.hide()
        self.work = JobBar(text=self.status, cancel=self.cancel.native)
        self.table = PushButton(text="Table", tooltip="Show the result as a table")
        self.save = PushButton(
            text="Save CSV…", tooltip="Save table, spectra and recipe of the result"
        )

        self.compare = PushButton(
            text="Compare…", tooltip="Compare with another result or a known composition"
        )
        self.panels = PanelsButton()
        self.exchange = PushButton(
            text="Exchange…",
            tooltip="Classify chips and export them, save and restore sessions, hand to HyperSpy",
        )

    def _lay_out(self) -> None:
        for layer_list in (self.map_layer, self.labels_layer):
            # Long layer names must not widen the dock.
            layer_list.native.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scrolling(self._fields()))
        column.addLayout(self._footer())
        self.setMinimumWidth(_MIN_WIDTH_PX)

    def _fields(self) -> QWidget:
        """Lay out what is set, under headings."""
        content = QWidget()
        self.sections: dict[str, Section] = {}
        self._section(
            "Map",
            ("Layer", self.map_layer),
            self.about,
            self.crop,
            self.crop_energy,
            ("Offset (keV)", self.offset),
            ("keV/channel", self.scale),
            self.calibrate,
        )
        self._section(
            "Regions",
            ("Labels", self.labels_layer),
            ("Chip size (px)", self.chip_size),
            self.chip_count,
            (self.make_grid, self.new_labels, self.more_regions),
        )
        self._section(
            "Elements",
            self.elements_text,
            self.k_text,
            self.to_cliff_lorimer,
            self.choose_elements,
        )
        self._section(
            "Fit",
            ("From (keV)", self.low),
            ("To (keV)", self.high),
            ("Thickness (nm)", self.thickness),
            ("", self.by_label),
            ("Density (g/cm³)", self.density),
            self.more,
        )
        self._section(
            "Known composition",
            ("Label", self.known_label),
            ("Formula", self.formula),
            (self.solve_thickness, self.calibrate_k),
        )
        column = QVBoxLayout(content)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(2)
        for section in self.sections.values():
            column.addWidget(section)
        column.addStretch(1)
        align(self.sections.values())
        return content

    def _footer(self) -> QVBoxLayout:
        """Lay out what must never scroll out of sight."""
        footer = QVBoxLayout()
        footer.setContentsMargins(8, 4, 8, 8)
        footer.addLayout(_side_by_side(self.run, self.cancel))
        footer.addWidget(self.work)
        told = scrolling(self.status)
        # It wraps, and a bar below would take a line of the few.
        told.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        line = self.fontMetrics().lineSpacing()
        told.setMinimumHeight(_LEAST_STATUS_LINES * line + line // 4)
        told.setMaximumHeight(_MOST_STATUS_LINES * line)
        footer.addLayout(_beside(told, self.add_missing))
        last = (self.table, self.save, self.compare, self.exchange)
        footer.addLayout(flowing(*(button.native for button in last), self.panels))
        return footer

    def _section(self, heading: str, *rows: Any) -> None:
        """Add rows: (text, widget), (button, button), or one widget over the whole width."""
        section = self.sections[heading] = Section("quantification", heading)
        for row in rows:
            if isinstance(row, QWidget):
                section.form.addRow(row)
            elif not isinstance(row, tuple):
                section.form.addRow(row.native)
            elif isinstance(row[0], str):
                section.form.addRow(row[0], row[1].native)
            else:
                section.form.addRow(_side_by_side(*row))

    def show_axis_fields(self, visible: bool) -> None:  # noqa: FBT001 - as in Qt's setVisible
        """Show the fields in which an uncalibrated axis is set."""
        for field in (self.offset, self.scale, self.calibrate):
            self.sections["Map"].form.setRowVisible(field.native, visible)

    def show_map_fields(self, visible: bool) -> None:  # noqa: FBT001 - as in Qt's setVisible
        """Show what a single spectrum has no use for: regions, and parts of a map."""
        self.sections["Regions"].setVisible(visible)
        self.sections["Map"].form.setRowVisible(self.crop.native, visible)

    def _setting_fields(self) -> list[SettingField]:
        return [
            SettingField(self.chip_size, "chip_size"),
            PartField(self.low, "energy_range_keV", 0),
            PartField(self.high, "energy_range_keV", 1),
            PartField(self.thickness, "absorption", "thickness_nm", unset=_NO_ABSORPTION),
            PartField(self.density, "absorption", "density_g_cm3", unset="from composition"),
            *self.more.fields,
        ]

    def _on_edited(self, field: SettingField, _value: Any = None) -> None:
        if self._listening:
            self.settings_edited.emit(field)

    def fill(self, settings: Settings) -> None:
        """Fill the fields without `settings_edited`: nobody has edited them."""
        self._listening = False
        try:
            for field in self._bound:
                field.show(settings)
            self.more.show_settings(settings)
            self._show_method(by_zeta=settings.draft.method == "zeta")
        finally:
            self._listening = True

    def _show_method(self, *, by_zeta: bool) -> None:
        """Offer the way back from zeta-factors, and what they find only without them.

        The settings keep the thickness that was given, which comes back with k-factors.
        """
        self.sections["Elements"].form.setRowVisible(self.to_cliff_lorimer.native, by_zeta)
        offer(self.thickness, self.by_label, unless=_FOUND_BY_ZETA if by_zeta else "")
        told = _BY_ZETA if by_zeta else _NO_ABSORPTION
        if self.thickness.native.specialValueText() != told:  # else it is rewritten as one types
            self.thickness.native.setSpecialValueText(told)
        if by_zeta:
            self.thickness.value = self.thickness.min


def _beside(text: QWidget, button: PushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(text, 1)
    row.addWidget(button.native, 0, Qt.AlignmentFlag.AlignTop)
    return row


def _side_by_side(*buttons: PushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    for button in buttons:
        row.addWidget(button.native)
    return row
