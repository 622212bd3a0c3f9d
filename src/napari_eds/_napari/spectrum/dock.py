"""The dock *EDS spectrum*: spectra of map, labels and pointer, live while labels are painted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QHBoxLayout, QLabel, QShortcut, QVBoxLayout, QWidget

from napari_eds._napari.parts.ending import when_destroyed
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.parts.panels import SPECTRUM
from napari_eds._napari.parts.reasons import NO_MAP, lacking, offer
from napari_eds._napari.parts.saving import ask_to_save, may_replace
from napari_eds._napari.parts.theme import on_theme, theme_colors
from napari_eds._napari.spectrum import saving
from napari_eds._napari.spectrum.curves import Spectrum
from napari_eds._napari.spectrum.fit_curves import LabelFit, label_fit
from napari_eds._napari.spectrum.framing import Framing
from napari_eds._napari.spectrum.markers import Marker, element_colors, line_markers
from napari_eds._napari.spectrum.plot import Content, SpectrumPlot
from napari_eds._napari.spectrum.sources import SpectrumSources
from napari_eds._napari.spectrum.toolbar import SpectrumToolbar
from napari_eds._napari.spectrum.tools import SpectrumTools
from napari_eds._napari.spectrum.view_settings import ViewSettings
from napari_eds._napari.state import spectra
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import is_spectrum
from napari_eds._napari.state.places import come_back
from napari_eds.errors import EDSError

_MIN_SIZE_PX = (280, 130)

#: Shown as long as the pointer has nothing to say; brackets in the plot mark the same lines.
_OVERLAP = "* overlaps a line of another element"

_NO_SPECTRA = "Show a spectrum first: switch on Map, or select labels."


class SpectrumWidget(QWidget):
    """Dock with the plot of spectra; everything it shows comes from the layers."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._focus = focus_of(napari_viewer)
        self._viewer = self._focus.viewer
        self._markers: tuple[Marker, ...] = ()
        self._jobs = Jobs(self)
        self._cursor_keV: float | None = None
        self.plot = SpectrumPlot()
        self.toolbar = SpectrumToolbar()
        self.readout, self.note = QLabel(), QLabel()
        self.sources = SpectrumSources(self._focus, self)
        self._framing = Framing(self.plot, self._focus, self.sources.is_waiting)
        self._lay_out()
        self.tools = SpectrumTools(self, self._focus)
        self._settings = ViewSettings(self._kept_controls())
        self._connect()
        self.sources.want_maximum(self.toolbar.maximum.isChecked())
        self._on_look()
        self._on_theme()
        self._on_elements()
        come_back(self, SPECTRUM)

    def _kept_controls(self) -> dict[str, QWidget]:
        bar = self.toolbar
        return {
            "scale": bar.scale,
            "per_pixel": bar.per_pixel,
            "whole_map": bar.whole_map,
            "maximum": bar.maximum,
            "lines": bar.lines,
            "fit": bar.fit,
            "radius_px": bar.radius,
            "subtract_background": self.tools.subtract,
        }

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.toolbar)
        column.addWidget(self.plot, 1)
        line = QHBoxLayout()
        line.setContentsMargins(6, 0, 6, 2)
        line.addWidget(self.readout, 1)
        line.addWidget(self.note)
        column.addLayout(line)
        # Long texts must not widen the dock.
        self.readout.setMinimumWidth(1)
        self.setMinimumSize(*_MIN_SIZE_PX)

    def _connect(self) -> None:
        bar, plot, focus = self.toolbar, self.plot, self._focus
        bar.scale.currentIndexChanged.connect(self._on_look)
        bar.per_pixel.toggled.connect(self._on_look)
        for switch in (bar.whole_map, bar.lines, bar.fit):
            switch.toggled.connect(self._refresh)
        bar.maximum.toggled.connect(self.sources.want_maximum)
        bar.spectrum.activated.connect(partial(spectra.take, focus))
        bar.choose_window.toggled.connect(self._on_window_mode)
        bar.fit_view.clicked.connect(plot.fit_view)
        bar.save.clicked.connect(self._on_save)
        plot.cursor_moved.connect(self._on_cursor)
        plot.cursor_left.connect(self._on_cursor_left)
        plot.window_chosen.connect(self._on_window)
        self.sources.changed.connect(self._refresh)
        focus.result_changed.connect(self._on_elements)
        focus.settings_changed.connect(self._on_elements)
        key = QShortcut(QKeySequence("F"), self)
        key.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        key.activated.connect(plot.fit_view)
        self._viewer.mouse_move_callbacks.append(self._on_canvas)
        when_destroyed(self, self._disconnecter(on_theme(self._viewer, self._on_theme)))

    def _disconnecter(self, end_theme: Callable[[], None]) -> Callable[[], None]:
        """Return a function that needs no `self`, whose window is gone when Qt calls it."""
        callbacks, callback = self._viewer.mouse_move_callbacks, self._on_canvas

        def disconnect() -> None:
            end_theme()
            if callback in callbacks:
                callbacks.remove(callback)

        return disconnect

    # For other parts of the window.

    def add_tool(self, widget: QWidget, *, of_maps: bool = False) -> None:
        """Append a control to the toolbar, which single spectra may have no use for."""
        self.toolbar.add(widget, of_maps=of_maps)

    def show_residual(self) -> None:
        """Show the residual of the selected label, at the range of the fit."""
        self.toolbar.fit.setChecked(True)
        fit = self.plot.content.fit
        if fit is not None:
            self.plot.view.setXRange(fit.x[0], fit.x[-1], padding=0.01)
            self.plot.fit_items.fit_residual_view(fit)
        self.plot.setFocus()

    # What is shown.

    def _is_own_axis(self) -> bool:
        """Whether the result has the energy axis of the map."""
        result, image = self._focus.result, self._focus.image
        return result is not None and image is not None and result.image.energy == image.energy

    def _x(self) -> np.ndarray:
        image, result = self._focus.image, self._focus.result
        if image is None:
            return np.array([])
        if not image.energy.calibrated:
            return np.arange(image.n_channels, dtype=float)
        if result is not None and self._is_own_axis():
            return result.energies_keV
        return image.energy.energies_keV

    def _symbols(self) -> list[str]:
        """Elements of the settings, and then those of the fit."""
        settings, result = self._focus.settings, self._focus.result
        symbols = [c.symbol for c in settings.elements] if settings is not None else []
        if result is not None:
            symbols += [family.element for family in result.fit.model.families]
        return list(dict.fromkeys(symbols))

    def _fit(self) -> LabelFit | None:
        labels = self.sources.shown_labels()
        if not (labels and self.toolbar.fit.isChecked()):
            return None
        spectrum = self.sources.label_spectrum(labels[-1])
        return label_fit(self._focus.result, labels[-1], spectrum, same_axis=self._is_own_axis())

    def _refresh(self, *_: Any) -> None:
        image = self._focus.image
        colors = theme_colors(self._viewer)
        self._offer_spectra()
        content = Content(
            x=self._x(),
            calibrated=image is None or image.energy.calibrated,
            spectra=self.sources.spectra(
                whole_map=self.toolbar.whole_map.isChecked(),
                text=colors.text,
                background=colors.background,
            ),
            fit=self._fit(),
            markers=self._markers if self.toolbar.lines.isChecked() else (),
            element_colors=element_colors(self._symbols()),
        )
        self.plot.show_content(content)
        shown = (bool(content.spectra), _NO_SPECTRA)
        offer(self.toolbar.save, unless=lacking((image, NO_MAP), shown))
        self._framing.follow(content)
        self._write_note(content)
        self._write_readout()

    def _offer_spectra(self) -> None:
        """Offer what there is to be seen: spectra of a file, or those of a map."""
        focus = self._focus
        of_map = not is_spectrum(focus.image)
        self.toolbar.offer(spectra.titles(focus), spectra.place_of(focus), of_map=of_map)
        if self.plot.look.per_pixel != self._per_pixel():
            self._on_look()

    def _per_pixel(self) -> bool:
        return self.toolbar.per_pixel.isChecked() and not is_spectrum(self._focus.image)

    def _write_note(self, content: Content) -> None:
        fit, labels = content.fit, self.sources.shown_labels()
        chosen = len(self._focus.selected)
        notes = []
        if self._focus.image is None:
            notes.append("Open an EDS map first.")
        elif labels and not self.sources.n_pixels(labels[-1]):
            notes.append(f"Label {labels[-1]} has no pixels")
        if self.sources.is_waiting():
            notes.append("summing…")
        if chosen > len(labels) > 0:
            notes.append(f"{len(labels)} of {chosen} labels")
        if fit is not None and fit.outdated:
            notes.append("Fit is outdated: the label was edited since")
        elif fit is not None and np.isfinite(fit.reduced_chi_squared):
            notes.append(f"χ²/ν = {fit.reduced_chi_squared:.2f}")
        self.note.setText("   ".join(notes))

    # Elements and their lines.

    def _on_elements(self) -> None:
        """Look up the lines in a thread: the tables come with HyperSpy, whose import is slow."""
        image, settings = self._focus.image, self._focus.settings
        self._jobs.drop("lines")
        self._markers = ()
        self._refresh()
        symbols = self._symbols()
        if image is None or settings is None or not (symbols and image.energy.calibrated):
            return
        x, colors = self._x(), element_colors(symbols)
        acquisition = image.acquisition
        beam = settings.draft.beam_energy_keV or acquisition.beam_energy_keV or np.inf
        resolution = acquisition.resolution_MnKa_eV()
        span = (max(x[0], 0.05), x[-1])
        self._jobs.run(
            "lines", lambda: line_markers(colors, span, beam, resolution), self._on_markers
        )

    def _on_markers(self, markers: tuple[Marker, ...]) -> None:
        self._markers = markers
        self._refresh()

    # Pointer.

    def _on_canvas(self, _viewer: Any, event: Any) -> None:
        """Show what is under the pointer while Shift is held over the canvas."""
        layer, image = self._focus.map_layer, self._focus.image
        if "Shift" not in event.modifiers or layer is None or image is None:
            self.sources.point_at(None)
            return
        row, column = (round(float(c)) for c in layer.world_to_data(event.position)[-2:])
        self.sources.point_at(_disc(row, column, self.toolbar.radius.value(), image.shape))

    def _on_cursor(self, energy: float) -> None:
        self._cursor_keV = energy
        self._write_readout()

    def _on_cursor_left(self) -> None:
        self._cursor_keV = None
        self._write_readout()

    def _write_readout(self) -> None:
        content, at = self.plot.content, self._cursor_keV
        if at is None or content.x.size < 2:
            overlap = any(marker.overlaps for marker in content.markers)
            self.readout.setText(_OVERLAP if overlap else "")
            return
        texts = [f"{at:.3f} keV" if content.calibrated else f"channel {at:.0f}"]
        step = content.x[1] - content.x[0]
        channel = round((at - content.x[0]) / step)
        if content.spectra and 0 <= channel < content.x.size:
            texts.append(_counts_text(content.spectra[-1], channel, self.plot.look.per_pixel))
        if content.fit is not None and not content.fit.outdated:
            family = content.fit.family_at(at)
            if family is not None:
                texts.append(content.fit.describe(family))
        self.readout.setText("   ".join(texts))

    # Controls.

    def _on_look(self) -> None:
        self.plot.set_look(scale=self.toolbar.scale.currentData(), per_pixel=self._per_pixel())
        self._write_readout()

    def _on_theme(self) -> None:
        self.plot.set_colors(theme_colors(self._viewer))
        self._refresh()

    def _on_window_mode(self, on: bool) -> None:  # noqa: FBT001 - slot of a button
        self.plot.set_window_mode(on)
        if not on:
            self.plot.clear_window()

    def _on_window(self, *_: Any) -> None:
        """Press the button also for a window made with Ctrl: pressing it again clears it."""
        self.toolbar.choose_window.setChecked(True)

    def _on_save(self) -> None:
        image = self._focus.image
        if image is None:
            return
        name = f"{image.source.stem if image.source else image.name}_spectrum.png"
        chosen = ask_to_save(self, "Save the spectrum", name, ";;".join(saving.FILTERS), ())
        if chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, saving.files(self.plot, path), asked)
        if overwrite is None:
            return
        try:
            saving.save(self.plot, image, path, overwrite=overwrite)
        except (EDSError, OSError) as error:
            notify(error)


def _disc(row: int, column: int, radius: int, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a disc that lie in the map, in row order."""
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    inside = rows**2 + columns**2 <= radius**2
    rows, columns = rows[inside] + row, columns[inside] + column
    within = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[within] * shape[1] + columns[within]


def _counts_text(spectrum: Spectrum, channel: int, per_pixel: bool) -> str:  # noqa: FBT001
    counts = spectrum.counts[channel]
    if per_pixel:
        return f"{counts / max(spectrum.n_pixels, 1):.4g} counts/px"
    return f"{counts:,.10g} counts".replace(",", "\u202f")
