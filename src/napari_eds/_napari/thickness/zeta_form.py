"""Which zeta-factors are used: a file's, computed ones, or those of a label that is known."""

from __future__ import annotations

from magicgui.widgets import FloatSpinBox, LineEdit, PushButton, SpinBox
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.reasons import NO_MAP, NO_RESULT, NO_ZETA_FACTORS, lacking, offer
from napari_eds._napari.parts.saving import ask_to_save, may_replace
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.settings import about_zeta_factors
from napari_eds._napari.thickness.dose_form import DoseForm
from napari_eds.errors import EDSError
from napari_eds.quantification.calibration.zeta import zeta_factors_from_label
from napari_eds.recipe.zeta_factors import (
    ZetaFactorTable,
    read_zeta_factors,
    theoretical_zeta_factors,
)

_TABLES = "Tables (*.csv)"


class ZetaForm(QWidget):
    """Buttons that choose zeta-factors for the map that is looked at; its settings keep them.

    Parameters
    ----------
    focus : Focus
    dose : DoseForm
        Whose solid angle is taken.
    """

    def __init__(self, focus: Focus, dose: DoseForm) -> None:
        super().__init__()
        self.focus, self._dose = focus, dose
        self.text = WrappedText()
        self.load = PushButton(
            text="From file…",
            tooltip="Read a table of zeta-factors or of partial ionisation cross-sections",
        )
        self.theory = PushButton(
            text="From theory", tooltip="Compute them for the solid angle above, to about 30 %"
        )
        self.save = PushButton(text="Save…", tooltip="Save the table as CSV")
        self.label = SpinBox(
            min=1, max=2**31 - 1, tooltip="Quantified label whose composition is known"
        )
        self.formula = LineEdit(tooltip="Its composition, such as SrTiO3")
        self.formula.native.setPlaceholderText("SrTiO3")
        self.thickness = FloatSpinBox(
            min=0, max=2000, step=1, tooltip="Its thickness in nm; 0: what its absorption tells"
        )
        self.thickness.native.setSpecialValueText("from its absorption")
        self.calibrate = PushButton(
            text="From this label", tooltip="Measure them on this label of the result"
        )
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for button in (self.load, self.theory, self.save):
            row.addWidget(button.native)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Known label", self.label.native)
        form.addRow("Formula", self.formula.native)
        form.addRow("Thickness (nm)", self.thickness.native)
        form.addRow(self.calibrate.native)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        column.addLayout(row)
        column.addLayout(form)

    def _connect(self) -> None:
        focus = self.focus
        for signal in (focus.map_changed, focus.settings_changed, focus.result_changed):
            signal.connect(self.show_state)
        focus.selection_changed.connect(self._on_selected)
        self.load.changed.connect(self._on_load)
        self.theory.changed.connect(self._on_theory)
        self.save.changed.connect(self._on_save)
        self.calibrate.changed.connect(self._on_calibrate)
        self.show_state()

    @property
    def table(self) -> ZetaFactorTable | None:
        """The chosen zeta-factors."""
        settings = self.focus.settings
        return None if settings is None else settings.draft.zeta_factors

    def show_state(self) -> None:
        """Say what is chosen, and offer what can be done."""
        image, table = self.focus.image, self.table
        none = "No zeta-factors are chosen."
        self.text.setText(none if table is None else about_zeta_factors(table))
        offer(self.load, self.theory, unless=lacking((image, NO_MAP)))
        offer(self.save, unless=lacking((image, NO_MAP), (table, NO_ZETA_FACTORS)))
        offer(self.calibrate, unless=lacking((self.focus.result, NO_RESULT)))

    def _on_selected(self) -> None:
        """Take the label that is selected, if it was quantified."""
        result, selected = self.focus.result, self.focus.selected
        if result is not None and selected and selected[-1] in result.table.index:
            self.label.value = selected[-1]

    def _use(self, table: ZetaFactorTable) -> None:
        settings = self.focus.settings
        if settings is not None:
            self.focus.set_settings(settings.edited(zeta_factors=table))

    def _on_load(self) -> None:
        path = QFileDialog.getOpenFileName(self, "Open zeta-factors", "", _TABLES)[0]
        if not path:
            return
        try:
            self._use(read_zeta_factors(path))
        except (EDSError, OSError) as error:
            notify(error)

    def _on_theory(self) -> None:
        image, settings = self.focus.image, self.focus.settings
        if image is None or settings is None:
            return
        beam = settings.draft.beam_energy_keV or image.acquisition.beam_energy_keV
        angle = self._dose.solid_angle_sr()
        detector = settings.detector(image)
        try:
            if beam is None:
                raise EDSError("the file tells no beam energy: give it under More settings")
            if angle is None:
                raise EDSError("the file tells no solid angle: give that of all detectors")
            self._use(theoretical_zeta_factors(beam, angle, detector))
        except (EDSError, OSError) as error:
            notify(error)

    def _on_calibrate(self) -> None:
        result, settings = self.focus.result, self.focus.settings
        if result is None or settings is None:
            return
        try:
            table = zeta_factors_from_label(
                result,
                self.label.value,
                self.formula.value,
                thickness_nm=self.thickness.value or None,
                take_off_angle_deg=settings.draft.absorption.take_off_angle_deg,
                dose=settings.draft.dose,
            )
        except (EDSError, OSError) as error:
            notify(error)
            return
        self._use(table)
        show_info(f"zeta-factors: {table.k_factors.source}.")

    def _on_save(self) -> None:
        table, image = self.table, self.focus.image
        if table is None or image is None:
            return
        stem = image.source.stem if image.source else image.name
        chosen = ask_to_save(self, "Save", f"{stem}_zeta.csv", _TABLES)
        if chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, [path], asked)
        try:
            if overwrite is not None:
                table.to_csv(path, overwrite=overwrite)
                show_info(f"Saved {path.name}.")
        except (EDSError, OSError) as error:
            notify(error)
