"""The settings of a recipe that are seldom changed, in a section that opens at a click."""

from __future__ import annotations

from typing import get_args

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, SpinBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_eds._napari.state.fields import PartField, SettingField, Switch
from napari_eds._napari.state.settings import Settings
from napari_eds.physics.detector_windows import WINDOWS
from napari_eds.recipe.recipe import AxisCorrection, Background, Engine, LowEnergyTail, Method
from napari_eds.recipe.uncertainties import Uncertainties

_FROM_FILE = "from the file"

#: Rows of the group of uncertainties: words, field of `Uncertainties`, tooltip.
_UNCERTAINTIES = (
    ("Thickness (± %)", "thickness_percent", "Of the thickness that absorption is corrected for"),
    ("Density (± %)", "density_percent", "Of a given density; a computed one has its own"),
    (
        "Unknown (nm)",
        "unknown_thickness_nm",
        "How thick the foil may well be where absorption is not corrected",
    ),
    (
        "Attenuation (± %)",
        "attenuation_percent",
        "Of mass absorption coefficients; more is taken where tables differ more",
    ),
    ("K ratios (± %)", "line_ratio_K_percent", "Of a line's share in its K family"),
    ("L ratios (± %)", "line_ratio_L_percent", "Of a line's share in its L family"),
    ("M ratios (± %)", "line_ratio_M_percent", "Of a line's share in its M family"),
    ("Line position (eV)", "line_position_eV", "Of a family's energy, from tables"),
    (
        "Soft lines (eV)",
        "soft_line_position_eV",
        "The same below 1 keV, where chemistry shifts lines more, and of M lines",
    ),
    (
        "Line shape (± %)",
        "line_shape_percent",
        "Of a drawn line, relative to its height; more is taken where the sum shows more",
    ),
    ("Background (± %)", "background_percent", "Of the background's height under a line"),
)

#: A modest tail to start from.
_TAIL = LowEnergyTail(fraction=0.05, decay_keV=0.05)


class MoreSettings(QWidget):
    """A section that is closed at first; its head says how many settings are off their default.

    Attributes
    ----------
    fields : list of SettingField
    """

    def __init__(self) -> None:
        super().__init__()
        self.head = QToolButton()
        self.head.setCheckable(True)
        self.head.setAutoRaise(True)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setToolTip("Show or hide the settings that seldom need a change")
        self.head.toggled.connect(self._on_toggled)
        self.fields: list[SettingField] = []
        self._body = QWidget()
        self._form = QFormLayout(self._body)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._add_recording()
        self._add_fit()
        self._add_axis()
        self._add_lines()
        self._add_uncertainties()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.head)
        column.addWidget(self._body)
        self._on_toggled(opened=False)

    def show_settings(self, settings: Settings) -> None:
        """Say how many settings are off their default; the fields are filled by the form."""
        default = Settings()
        changed = {f.name for f in self.fields if f.value(settings) != f.value(default)}
        self.head.setText("More settings" + (f" ({len(changed)} changed)" if changed else ""))

    def _on_toggled(self, opened: bool) -> None:  # noqa: FBT001 - as Qt emits it
        self.head.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self._body.setVisible(opened)

    def _add_uncertainties(self) -> None:
        head = QLabel("Uncertainties")
        head.setToolTip(
            "Standard deviations of what a composition rests on besides counts and k-factors; "
            "they change the total errors, not what is fitted to labels"
        )
        self._form.addRow(head)
        self.uncertainties: dict[str, FloatSpinBox] = {}
        for text, part, tip in _UNCERTAINTIES:
            field = FloatSpinBox(min=0, max=_largest(part), step=0.5, tooltip=tip)
            self.uncertainties[part] = field
            self._add(text, PartField(field, "uncertainties", part))

    def _add(self, text: str, field: SettingField) -> None:
        label = QLabel(text)
        label.setToolTip(field.widget.tooltip)
        self._form.addRow(label, field.widget.native)
        self.fields.append(field)

    def _add_recording(self) -> None:
        self.beam = FloatSpinBox(
            min=0, max=1000, step=1, tooltip="Beam energy, if the file lacks it or is wrong"
        )
        self.take_off = FloatSpinBox(
            min=0,
            max=90,
            step=1,
            tooltip="Angle of the detector above the plane of the specimen, for the absorption "
            "correction, if the file lacks it or is wrong",
        )
        self.resolution = FloatSpinBox(
            min=0,
            max=1000,
            step=1,
            tooltip="Full width at half maximum of the Mn Kα line. A value given here is taken "
            "as it is; one from the file is refined when the axis is calibrated",
        )
        self.any_beam = CheckBox(
            text="",
            tooltip="Use the k-factors even if they are for another beam energy than the map's",
        )
        self.detector_window = ComboBox(
            choices=[(_FROM_FILE, None), *((w.replace("_", " "), w) for w in WINDOWS)],
            tooltip="Window that soft X-rays have to cross into the detector, for computed "
            "k-factors and the background physical; none where the file does not tell either",
        )
        self._add("Beam (keV)", SettingField(self.beam, "beam_energy_keV", unset=_FROM_FILE))
        self._add("Allow mismatch", SettingField(self.any_beam, "allow_beam_energy_mismatch"))
        self._add(
            "Take-off (°)",
            PartField(self.take_off, "absorption", "take_off_angle_deg", unset=_FROM_FILE),
        )
        self._add(
            "Resolution (eV)",
            SettingField(self.resolution, "energy_resolution_MnKa_eV", unset=_FROM_FILE),
        )
        self._add("Detector window", SettingField(self.detector_window, "detector_window"))

    def _add_fit(self) -> None:
        self.method = ComboBox(
            choices=list(get_args(Method)),
            tooltip="cliff_lorimer: ratios of intensities. zeta: intensities per electron, which "
            "tell thickness too and correct absorption for it; the panel EDS thickness has their "
            "table and the dose",
        )
        self._add("Method", SettingField(self.method, "method"))
        self.engine = ComboBox(
            choices=list(get_args(Engine)),
            tooltip="poisson: maximum likelihood, all labels at once. To check it with HyperSpy: "
            "linear, all labels at once with equal weights; nonlinear, label by label, about a "
            "second each.",
        )
        self.background = ComboBox(
            choices=list(get_args(Background)),
            tooltip="Shape of the background. polynomial: a smooth curve; physical: "
            "bremsstrahlung as absorbed by specimen and detector; auto: the one that fits the "
            "summed spectrum better. Only the engine poisson knows more than polynomial",
        )
        self.order = SpinBox(
            min=0, max=10, tooltip="Order of the polynomial background: higher bends more"
        )
        self.non_negative = CheckBox(
            text="",
            tooltip="Keep intensities at zero or above. Means over many labels come out too high "
            "then (engine poisson only)",
        )
        self._add("Engine", SettingField(self.engine, "engine"))
        self._add("Background", SettingField(self.background, "background"))
        self._add("Polynomial order", SettingField(self.order, "background_order"))
        self._add("Non-negative", SettingField(self.non_negative, "non_negative"))

    def _add_axis(self) -> None:
        self.calibrate_axis = CheckBox(
            text="",
            tooltip="Fit offset and gain of the energy axis and the resolution to the summed "
            "spectrum before the labels are fitted",
        )
        self.axis_by_hand = CheckBox(
            text="",
            tooltip="Correct the energy axis by the offset and the gain below instead of fitting "
            "them",
        )
        self.axis_offset = FloatSpinBox(
            min=-10_000, max=10_000, step=0.1, tooltip="What is added to every energy of the file"
        )
        self.axis_gain = FloatSpinBox(
            min=-49.99, max=49.99, step=0.001, tooltip="By how much the channels are wider"
        )
        self._add("Calibrate axis", SettingField(self.calibrate_axis, "calibrate"))
        none = AxisCorrection()
        self._add("Axis by hand", Switch(self.axis_by_hand, "axis_correction", none))
        for text, widget, part in (
            ("Offset (eV)", self.axis_offset, "offset_eV"),
            ("Gain (%)", self.axis_gain, "gain_percent"),
        ):
            self._add(text, PartField(widget, "axis_correction", part, when_on=none))

    def _add_lines(self) -> None:
        self.correct_lines = CheckBox(
            text="",
            tooltip="Draw K lines as doublets with measured Kβ instead of as eXSpy draws them "
            "(engine poisson only)",
        )
        self.refine_ratios = CheckBox(
            text="",
            tooltip="Let the ratios of lines inside strong families follow the summed spectrum "
            "(engine poisson only)",
        )
        self.tail = CheckBox(
            text="",
            tooltip="Give soft lines a tail towards lower energy, as detectors with incomplete "
            "charge collection do (engine poisson only)",
        )
        self.tail_fraction = FloatSpinBox(
            min=0, max=0.99, step=0.001, tooltip="Share of a line's counts in its tail"
        )
        self.tail_decay = FloatSpinBox(
            min=0.001, max=10, step=0.001, tooltip="Energy over which the tail falls to 1/e"
        )
        self.tail_below = FloatSpinBox(
            min=0.01, max=100, step=0.1, tooltip="Only lines below this energy have a tail"
        )
        self._add("Correct lines", SettingField(self.correct_lines, "correct_lines"))
        self._add("Refine ratios", SettingField(self.refine_ratios, "refine_line_ratios"))
        self._add("Low-energy tail", Switch(self.tail, "low_energy_tail", _TAIL))
        for text, widget, part in (
            ("Tail share", self.tail_fraction, "fraction"),
            ("Tail decay (keV)", self.tail_decay, "decay_keV"),
            ("Tail below (keV)", self.tail_below, "below_keV"),
        ):
            self._add(text, PartField(widget, "low_energy_tail", part, when_on=_TAIL))


def _largest(part: str) -> float:
    """Return the largest value that a field of `Uncertainties` takes."""
    limits = [getattr(bound, "le", None) for bound in Uncertainties.model_fields[part].metadata]
    return next((float(limit) for limit in limits if limit is not None), 10_000.0)
