"""The dock *EDS profile*: composition along drawn lines, and the place and width of interfaces."""

from __future__ import annotations

from functools import partial
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, PushButton
from napari.layers import Shapes
from napari.utils.notifications import show_info
from napari.viewer import Viewer
from qtpy.QtWidgets import QFormLayout, QWidget

from napari_eds._napari.parts.ending import when_destroyed
from napari_eds._napari.parts.job_bar import JobBar, going_on
from napari_eds._napari.parts.jobs import notify, tell_deleted
from napari_eds._napari.parts.panels import PROFILE, share_tab
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, lacking, offer
from napari_eds._napari.parts.saving import Target, ask_to_save, may_replace
from napari_eds._napari.parts.theme import on_theme, theme_colors
from napari_eds._napari.parts.widgets import (
    WrappedText,
    foot_of,
    may_be_narrow,
    row_of,
    scrolled_column,
)
from napari_eds._napari.profile.lines import draw_lines, has_lines, lines_of
from napari_eds._napari.profile.plot import ProfilePlot
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.places import come_back
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError, LabelError
from napari_eds.quantification.advice import WANTED_ERROR_AT_PCT
from napari_eds.quantification.profiles import lines as core
from napari_eds.quantification.profiles.figure import save_profile_figure
from napari_eds.quantification.profiles.interfaces import Interface
from napari_eds.quantification.profiles.lines import LineProfile

#: Key of the profiles in the metadata of the Shapes layer that they are of.
PROFILES = "eds_profiles"
_MIN_WIDTH_PX = 350
_NO_INTERFACE = "none"
_HOW = "Draw a line over the map, set its width, and quantify along it."


class ProfileWidget(QWidget):
    """Fields, a plot and what was found; profiles live in the layer of their lines."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self._make_fields()
        self.plot = ProfilePlot()
        self.text = WrappedText(lines=2)
        self.work = JobBar(text=self.text, words=going_on)
        self._lay_out()
        self._connect()
        self._on_layers()
        when_destroyed(self, on_theme(self.focus.viewer, self._on_theme))
        self._on_theme()
        share_tab(self.focus.viewer, self)
        come_back(self, PROFILE)

    def _make_fields(self) -> None:
        self.draw = PushButton(
            text="Draw a line", tooltip="Draw in a layer over the map: press, drag, release"
        )
        self.layer = ComboBox(tooltip="Layer of lines and paths; each becomes a profile")
        self.width_px = FloatSpinBox(
            value=10, min=1, max=100_000, step=1, tooltip="Full width across the lines, in pixels"
        )
        self.advised = CheckBox(
            value=True,
            text="for an error (at. %)",
            tooltip="Bins just long enough to keep this error of major elements from counting",
        )
        self.error = FloatSpinBox(
            value=WANTED_ERROR_AT_PCT,
            min=0.05,
            max=50,
            step=0.5,
            tooltip="Error from counting that no bin should exceed, in at. %",
        )
        self.bin = FloatSpinBox(
            value=1, min=0.1, max=100_000, step=1, tooltip="Length of a bin, in pixels"
        )
        self.run = PushButton(
            text="Quantify along the lines", tooltip="Fit the bins along every line, and show them"
        )
        self.line = ComboBox(tooltip="Which line is shown")
        words = [(core.QUANTITY_WORDS[q], q) for q in core.QUANTITIES]
        self.quantity = ComboBox(choices=words, tooltip="What is shown against distance")
        self.interface = ComboBox(
            choices=[_NO_INTERFACE], tooltip="Fit an error function to this element"
        )
        self.save_csv = PushButton(text="Save CSV…", tooltip="Table of all bins and the recipe")
        self.save_figure = PushButton(text="Save figure…", tooltip="PNG, SVG or PDF")

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Lines", row_of(self.layer, self.draw))
        form.addRow("Width (px)", self.width_px.native)
        form.addRow("Bins", row_of(self.advised, self.error))
        form.addRow("Length (px)", self.bin.native)
        shown = QFormLayout()
        shown.addRow("Show", row_of(self.line, self.quantity))
        shown.addRow("Interface of", self.interface.native)
        may_be_narrow(self.layer.native, self.interface.native)
        may_be_narrow(self.line.native, self.quantity.native, letters=4)  # side by side
        column = scrolled_column(self, 6)
        column.addLayout(form)
        column.addWidget(self.run.native)
        column.addLayout(shown)
        column.addWidget(self.plot, 1)
        column.addWidget(self.text)
        foot = foot_of(self, 6)
        foot.addWidget(self.work)
        foot.addWidget(row_of(self.save_csv, self.save_figure))
        self.setMinimumWidth(_MIN_WIDTH_PX)

    def _connect(self) -> None:
        self.focus.layers_changed.connect(self._on_layers)
        self.focus.map_changed.connect(self._on_layers)
        self.draw.changed.connect(self._on_draw)
        self.layer.changed.connect(self._on_profiles)
        self.advised.changed.connect(self._show_state)
        self.run.changed.connect(self._on_run)
        self.work.changed.connect(self._show_state)
        self.work.cancelled.connect(partial(self.work.say, "Cancelled; nothing was changed."))
        for field in (self.line, self.quantity, self.interface):
            field.changed.connect(self._show)
        self.save_csv.changed.connect(self._on_save_csv)
        self.save_figure.changed.connect(self._on_save_figure)

    # State.

    @property
    def profiles(self) -> list[LineProfile]:
        """Profiles of the layer that is chosen."""
        layer = self.layer.value
        return [] if layer is None else list(layer.metadata.get(PROFILES, ()))

    def _on_layers(self) -> None:
        """Offer the layers that hold shapes; keep the one that is chosen."""
        chosen = self.layer.value
        layers = [x for x in self.focus.viewer.layers if isinstance(x, Shapes) and x.ndim == 2]
        self.layer.choices = [(x.name, x) for x in layers]
        if chosen in layers:
            self.layer.value = chosen
        self._on_profiles()

    def _on_profiles(self, _value: Any = None) -> None:
        """Offer the lines and elements of the profiles there are."""
        found = self.profiles
        with self.line.changed.blocked(), self.interface.changed.blocked():
            before = self.interface.value
            self.line.choices = [(p.line.name, i) for i, p in enumerate(found)]
            elements = list(found[0].elements) if found else []
            self.interface.choices = [_NO_INTERFACE, *elements]
            if before in elements:
                self.interface.value = before
        self._show()

    def _show_state(self, _value: Any = None) -> None:
        running, found = bool(self.work), bool(self.profiles)
        self.error.enabled, self.bin.enabled = self.advised.value, not self.advised.value
        lacks = self._lacks()
        idle = (not running, BUSY)
        offer(self.run, unless=lacks or lacking(idle))
        offer(self.draw, unless=lacking((self.focus.image, NO_MAP)))
        has_profiles = (found, "Quantify along a line first.")
        offer(self.save_csv, self.save_figure, unless=lacking(has_profiles, idle))

    def _lacks(self) -> str:
        """Say what is missing for a run; empty where nothing is."""
        if self.focus.image is None:
            return NO_MAP
        return "Draw a line first." if self.layer.value is None else ""

    def _on_theme(self) -> None:
        self.plot.set_colors(theme_colors(self.focus.viewer))

    def _on_draw(self) -> None:
        layer = draw_lines(self.focus)
        if layer is not None:
            self.layer.value = layer

    # The run.

    def _on_run(self) -> None:
        """Quantify along the lines that are drawn now, of the map that is looked at."""
        focus, layer = self.focus, self.layer.value
        image, settings = focus.image, focus.settings
        if image is None or settings is None or layer is None:
            return
        try:
            if not has_lines(layer):
                raise LabelError(f"the layer {layer.name!r} holds no line: draw one first")
            lines = lines_of(layer, focus, self.width_px.value)
            recipe = settings.recipe()
        except (EDSError, OSError) as error:
            notify(error)
            return
        length = None if self.advised.value else self.bin.value
        ways: dict[str, Any] = {"bin_px": length, "error_at_pct": self.error.value}

        def work(progress: Progress) -> list[LineProfile]:
            return [
                core.line_profile(image, line, recipe, progress=progress, **ways) for line in lines
            ]

        self.work.run("preparing", work, partial(self._on_found, layer), replaces=True)

    def _on_found(self, layer: Shapes, found: list[LineProfile]) -> None:
        if layer not in self.focus.viewer.layers:
            tell_deleted("layer of the lines", "they were quantified")
            return
        layer.metadata[PROFILES] = found
        self._on_profiles()

    # What is shown.

    def _show(self, _value: Any = None) -> None:
        found, self.line.visible = self.profiles, True
        place = self.line.value or 0
        if not found or place >= len(found):
            self.plot.show_profile(None, "at_pct", [])
            self.text.setText(_HOW)
            self._show_state()
            return
        profile = found[place]
        interfaces, words = self._interface(profile)
        self.plot.show_profile(profile, self.quantity.value, list(profile.elements), interfaces)
        self.text.setText("\n".join([words, *(f"⚠ {remark}." for remark in profile.remarks)]))
        self._show_state()

    def _interface(self, profile: LineProfile) -> tuple[list[tuple[str, Interface]], str]:
        """Fit the element that is chosen, and say in words what is shown."""
        n, element = len(profile.result.table), self.interface.value
        words = f"{n} bins of {profile.bin_px:.3g} px."
        if element in (None, _NO_INTERFACE):
            return [], words
        try:
            found = profile.interface(element, self.quantity.value)
        except EDSError as error:
            return [], f"{words} {element}: {error}."
        return [(element, found)], f"{words} {element}: {found}."

    # Saving.

    def _on_save_csv(self) -> None:
        chosen = self._ask("Save the profiles", "csv")
        if chosen is not None:
            files = core.profile_files(chosen.path)
            self._saved(files, chosen, partial(core.save_profiles, self.profiles, chosen.path))

    def _on_save_figure(self) -> None:
        chosen = self._ask("Save the figure", "png", "Figures (*.png *.svg *.pdf)")
        if chosen is not None:
            path, quantity = chosen.path, self.quantity.value
            write = partial(save_profile_figure, self.profiles, path, quantity=quantity)
            self._saved([path], chosen, write)

    def _ask(self, title: str, ending: str, *kinds: str) -> Target | None:
        image = self.profiles[0].result.image
        stem = image.source.stem if image.source else image.name
        return ask_to_save(self, title, f"{stem}_profile.{ending}", *kinds)

    def _saved(self, files: Any, chosen: Target, write: Any) -> None:
        overwrite = may_replace(self, files, chosen.asked)
        if overwrite is None:
            return
        try:
            write(overwrite=overwrite)
        except (EDSError, OSError) as error:
            notify(error)
            return
        show_info(f"Saved {chosen.path}.")
