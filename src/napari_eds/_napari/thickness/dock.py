"""The panel *EDS thickness*: dose, zeta-factors, and the thickness of every label by them."""

from __future__ import annotations

from functools import partial
from typing import Any

from magicgui.widgets import PushButton
from napari.layers import Labels
from napari.utils.notifications import show_info
from napari.viewer import Viewer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_eds._napari.parts import panels
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.numbers import counted
from napari_eds._napari.parts.reasons import (
    BUSY,
    NO_MAP,
    NO_ZETA_FACTORS,
    lacking,
    offer,
)
from napari_eds._napari.parts.widgets import WrappedText, scrolling
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.label_run import run_on_labels
from napari_eds._napari.state.places import come_back
from napari_eds._napari.state.thickness_maps import keep_thicknesses
from napari_eds._napari.thickness.dose_form import DoseForm
from napari_eds._napari.thickness.geometry_form import GeometryForm
from napari_eds._napari.thickness.zeta_form import ZetaForm
from napari_eds.errors import EDSError
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import THICKNESS, error_of, error_total_of

_NO_THICKNESS = "Quantify labels by zeta-factors first."


class ThicknessWidget(QWidget):
    """Finds thicknesses of labels; its fields live in the map's settings, results in layers."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self.dose = DoseForm(self.focus)
        self.geometry_form = GeometryForm(self.focus)
        self.zeta = ZetaForm(self.focus, self.dose)
        self.run = PushButton(
            text="Quantify by zeta-factors",
            tooltip="Solve composition, mass thickness and absorption of every label together",
        )
        self.use = PushButton(
            text="Use for absorption",
            tooltip="Let Quantify correct absorption by Cliff-Lorimer, each label for the "
            "thickness that was found of it",
        )
        self.says = WrappedText()
        self.work = JobBar()
        self._lay_out()
        self._connect()
        self._show_state()
        panels.share_tab(napari_viewer, self)
        come_back(self, panels.THICKNESS)

    def _lay_out(self) -> None:
        page = QWidget()
        rows = QVBoxLayout(page)
        rows.setContentsMargins(8, 8, 8, 8)
        for heading, form in (
            ("Dose", self.dose),
            ("Directions", self.geometry_form),
            ("zeta-factors", self.zeta),
        ):
            rows.addWidget(QLabel(f"<b>{heading}</b>"))
            rows.addWidget(form)
        rows.addStretch(1)
        footer = QVBoxLayout()
        footer.setContentsMargins(8, 4, 8, 8)
        buttons = QHBoxLayout()
        for button in (self.run, self.use):
            buttons.addWidget(button.native)
        footer.addWidget(self.says)
        footer.addWidget(self.work)
        footer.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scrolling(page), 1)
        column.addLayout(footer)

    def _connect(self) -> None:
        focus = self.focus
        for signal in (
            focus.map_changed,
            focus.layers_changed,
            focus.settings_changed,
            focus.labels_changed,
            focus.result_changed,
        ):
            signal.connect(self._show_state)
        self.run.changed.connect(self._on_run)
        self.use.changed.connect(self._on_use)
        self.work.changed.connect(self._show_state)
        self.work.cancelled.connect(partial(show_info, "Cancelled: nothing was changed."))

    def _show_state(self) -> None:
        result, idle = self.focus.result, not self.work
        missing = self._missing()
        offer(self.run, unless=missing or lacking((idle, BUSY)))
        known = result is not None and result.composition.mass_thickness is not None
        offer(self.use, unless=lacking((known, _NO_THICKNESS), (idle, BUSY)))
        self.says.setText(_summary(result) if result is not None and known else missing)
        self.says.setToolTip("\n".join(result.account()) if result is not None and known else "")

    def _missing(self) -> str:
        """Say what is needed before labels can be quantified; nothing where all is there."""
        return lacking(
            (self.focus.image, NO_MAP),
            (self.focus.labels_layer, self.focus.no_labels),
            (self.zeta.table, NO_ZETA_FACTORS),
            (not self.dose.lacks, self.dose.lacks),
        )

    def _on_run(self) -> None:
        """Quantify the labels; all that the run needs is bound to it now."""
        focus = self.focus
        settings = focus.settings
        if settings is None or focus.labels_layer is None:
            return
        try:
            recipe = settings.edited(method="zeta").recipe()
        except (EDSError, OSError) as error:
            notify(error)
            return
        run_on_labels(focus, self.work, recipe, before_shown=self._take_method)

    def _take_method(self, layer: Labels) -> None:
        """Let the settings say by what method the labels in view were quantified."""
        settings = self.focus.settings
        if settings is None or self.focus.labels_layer is not layer:
            return
        if settings.draft.method != "zeta":
            self.focus.set_settings(settings.edited(method="zeta"))
            show_info(
                "Quantify takes the zeta-factors, too, from now on; “Back to Cliff-Lorimer” "
                "beside it takes k-factors again."
            )

    def _on_use(self) -> None:
        """Keep the thicknesses with the labels, and let the next run correct for them."""
        result, layer, settings = (
            self.focus.result,
            self.focus.labels_layer,
            self.focus.settings,
        )
        if result is None or layer is None or settings is None:
            return
        typical = keep_thicknesses(layer, result)
        foil: dict[str, Any] = {**dict(settings.draft.absorption), "thickness_nm": typical}
        try:
            self.focus.set_settings(settings.edited(method="cliff_lorimer", absorption=foil))
        except EDSError:
            notify(EDSError("no label has a thickness: more counts or larger labels are needed"))
            return
        show_info(
            "Quantify corrects absorption of each label for its own thickness now; new labels "
            f"take {typical:.1f} nm."
        )


def _summary(result: Quantification) -> str:
    """Say in short how thick labels are."""
    table = result.table
    column = table[THICKNESS]
    if not column.notna().any():
        return "No label has a thickness: the counts are too few."
    total, counting = (table[of(THICKNESS)].median() for of in (error_total_of, error_of))
    n = int(column.notna().sum())
    spread = f"{column.min():.3g} to {column.max():.3g} nm, median " if n > 1 else ""
    return (
        f"{counted(n, 'label')}, {spread}{column.median():.3g} nm. "
        f"Median error {total:.2g} nm in all, {counting:.2g} nm from counting."
    )
