"""The page *Chip size* of the regions dock: which errors chips of which size would have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyqtgraph as pg
from magicgui.widgets import ComboBox, FloatSpinBox, PushButton
from napari.layers import Image
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QWidget

from napari_eds._napari.parts.ending import when_destroyed
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.numbers import grouped
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, lacking, offer
from napari_eds._napari.parts.theme import PALETTE, ThemeColors, on_theme, theme_colors
from napari_eds._napari.parts.widgets import WrappedText, foot_of, scrolled_column
from napari_eds._napari.regions.preview import advice_of, keep_advice
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.settings import Settings
from napari_eds.errors import EDSError
from napari_eds.quantification.advice import WANTED_ERROR_AT_PCT, ChipSizeAdvice, chip_size_advice
from napari_eds.quantification.table import COUNTS, composition_column
from napari_eds.spectra.spectrum_image import SpectrumImage

_WHOLE, _EACH = "whole map", "each label"
_SYMBOLS = ("o", "s", "t", "d", "+", "x", "star")
_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_TEXT_LINES = 3


class AdvicePage(QWidget):
    """Shows the advice that the map's layer keeps.

    Attributes
    ----------
    size_taken : Signal
        The user took the recommended size, which the settings hold now.
    """

    size_taken = Signal()

    def __init__(self, focus: Focus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.focus = focus
        self._make_fields()
        self.plot = AdvicePlot()
        self.text = WrappedText(lines=_TEXT_LINES)
        self.work = JobBar()
        self._lay_out()
        focus.map_changed.connect(self._show)
        focus.settings_changed.connect(self._show)
        focus.labels_changed.connect(self._show_state)
        self.advise.changed.connect(self._on_advise)
        self.use.changed.connect(self._on_use)
        self.work.changed.connect(self._show_state)
        self.work.cancelled.connect(partial(self.text.setText, "Cancelled."))
        when_destroyed(self, on_theme(focus.viewer, self._on_theme))
        self._on_theme()

    def _make_fields(self) -> None:
        self.error = FloatSpinBox(
            value=WANTED_ERROR_AT_PCT,
            min=0.01,
            max=50,
            step=0.1,
            tooltip="Largest standard deviation from counting, in at. %, that elements above "
            "5 at. % should have",
        )
        self.region = ComboBox(
            choices=[_WHOLE, _EACH],
            tooltip="Errors are scaled from the sum of the whole map, or of each label of the "
            "current Labels layer, of which the worst counts",
        )
        self.advise = PushButton(
            text="Advise", tooltip="Quantify the sum and predict the errors of chips of any size"
        )
        self.use = PushButton(
            text="Use this size", tooltip="Take the recommended size for a grid of chips"
        )

    def _lay_out(self) -> None:
        column = scrolled_column(self)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Wanted error (at. %)", self.error.native)
        form.addRow("From the sum of", self.region.native)
        column.addLayout(form)
        column.addWidget(self.plot, 1)
        column.addWidget(self.text)
        foot = foot_of(self)
        foot.addWidget(self.work)
        buttons = QHBoxLayout()
        buttons.addWidget(self.advise.native)
        buttons.addWidget(self.use.native)
        foot.addLayout(buttons)

    def _on_theme(self) -> None:
        self.plot.set_colors(theme_colors(self.focus.viewer))
        self._show()

    def _show(self) -> None:
        found = advice_of(self.focus)
        self.plot.show_advice(found)
        self.text.setText(_words(found))
        self._show_state()

    def _show_state(self) -> None:
        found = advice_of(self.focus)
        offer(self.advise, unless=lacking((self.focus.image, NO_MAP), (not self.work, BUSY)))
        size = None if found is None else found.recommended_px
        why_none = "No size keeps the wanted error: ask for a larger one."
        if found is not None and not found.is_described:
            why_none = "Choose the elements that the map shows first."
        offer(
            self.use,
            unless=lacking(
                (found, "Ask for advice first."),
                (size, why_none),
            ),
        )

    def _on_advise(self) -> None:
        """Ask for advice on the map that is looked at now, as it is set now."""
        focus = self.focus
        image, settings, map_layer = focus.image, focus.settings, focus.map_layer
        if image is None or settings is None or map_layer is None:
            return
        labels = None
        try:
            recipe = settings.recipe()
            if self.region.value == _EACH:
                if focus.labels_layer is None:
                    raise EDSError("there are no labels: make some, or take the whole map")
                labels = np.array(focus.labels_layer.data)
        except (EDSError, OSError) as error:
            notify(error)
            return
        error_at_pct = self.error.value
        self.work.run(
            "predicting errors",
            lambda _progress: chip_size_advice(
                image, recipe, labels=labels, error_at_pct=error_at_pct
            ),
            partial(self._on_advised, map_layer, image, settings),
            replaces=True,
        )

    def _on_advised(
        self, map_layer: Image, image: SpectrumImage, settings: Settings, found: ChipSizeAdvice
    ) -> None:
        keep_advice(map_layer, image, settings, found)
        self._show()

    def _on_use(self) -> None:
        found, settings = advice_of(self.focus), self.focus.settings
        if found is None or found.recommended_px is None or settings is None:
            return
        self.focus.set_settings(replace(settings, chip_size=found.recommended_px))
        self.size_taken.emit()


class AdvicePlot(pg.PlotWidget):
    """Predicted error of each element against the side of a chip, both logarithmic."""

    def __init__(self) -> None:
        super().__init__(background=None)
        self.setToolTip(
            "Predicted error from counting, in at. %, against the side of a chip in px; other "
            "parts do not depend on the size"
        )
        self.hideButtons()
        self.setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self.setLogMode(x=True, y=True)
        self.setLabel("bottom", "side of a chip (px)")
        self.setLabel("left", "counting error (at. %)")
        self.legend = self.addLegend(offset=(6, -6), labelTextSize="8pt")
        self._text, self._mark = "#888888", PALETTE[1]

    def sizeHint(self) -> QSize:
        """Return a size that leaves room for the fields."""
        return QSize(360, 230)

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of the window's theme."""
        self._text = colors.text
        self.legend.setLabelTextColor(colors.text)
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setPen(colors.muted)
            axis.setTextPen(colors.text)

    def show_advice(self, found: ChipSizeAdvice | None) -> None:
        """Draw the curves, the wanted error and the recommended size."""
        self.clear()
        if found is None:
            for name in ("left", "bottom"):
                self.getAxis(name).setTicks([[]])
            return
        sizes = found.frame.index.to_numpy(float)
        columns = {n: composition_column(n) for n in found.frame.columns}
        elements = {n: c.element for n, c in columns.items() if c and c.kind == "error"}
        for i, (name, element) in enumerate(elements.items()):
            errors = found.frame[name].to_numpy(float)
            if np.isfinite(errors).any():
                self._draw(sizes, errors, element, i, found)
        self._mark_wanted(found)
        shown = found.frame[list(elements)].to_numpy(float)
        shown = np.append(shown[np.isfinite(shown)], found.error_at_pct)
        self._scale("bottom", sizes)
        self._scale("left", shown)

    def _draw(
        self, sizes: np.ndarray, errors: np.ndarray, element: str, i: int, found: ChipSizeAdvice
    ) -> None:
        color = PALETTE[i % len(PALETTE)]
        minor = "" if element in found.major else " (minor)"
        self.plot(
            sizes,
            errors,
            pen=pg.mkPen(color, width=2, style=_STYLES[i // len(PALETTE) % len(_STYLES)]),
            symbol=_SYMBOLS[i % len(_SYMBOLS)],
            symbolSize=6,
            symbolBrush=color,
            symbolPen=None if i % len(_SYMBOLS) not in {4, 5} else color,
            name=f"{element}{minor}",
        )

    def _mark_wanted(self, found: ChipSizeAdvice) -> None:
        dashed = pg.mkPen(self._text, style=Qt.PenStyle.DashLine)
        self.addItem(
            pg.InfiniteLine(
                np.log10(found.error_at_pct),
                angle=0,
                pen=dashed,
                label=f"wanted {found.error_at_pct:g} at. %",
                labelOpts={"color": self._text, "position": 0.97, "anchors": [(1, 1), (1, 1)]},
            )
        )
        if found.recommended_px is not None:
            self.addItem(
                pg.InfiniteLine(
                    np.log10(found.recommended_px),
                    angle=90,
                    pen=pg.mkPen(self._mark, width=2),
                    label=f"{found.recommended_px} px",
                    labelOpts={"color": self._text, "position": 0.95},
                )
            )

    def _scale(self, name: str, values: np.ndarray) -> None:
        """Show all values, with ticks at round numbers, not at powers of ten only."""
        low, high = np.log10(values.min()), np.log10(values.max())
        margin = 0.05 * max(high - low, 0.2)
        set_range: Callable[..., None] = self.setXRange if name == "bottom" else self.setYRange
        set_range(low - margin, high + margin, padding=0)
        round_numbers = [f * t for f in (0.001, 0.1, 1, 1000) for t in _TICKS]
        ticks = [(float(np.log10(t)), f"{t:g}") for t in sorted(set(round_numbers))]
        self.getAxis(name).setTicks([ticks])


def _words(found: ChipSizeAdvice | None) -> str:
    if found is None:
        return "Advise predicts the error of every chip size from the counts of the map."
    majors = ", ".join(found.major)
    if not found.is_described:
        told = " ".join(found.remarks)
        return f"No size is recommended: the elements do not describe the map. {told}"
    if found.recommended_px is None:
        least: Any = found.frame["worst_error"].min()
        in_all: Any = found.frame["worst_error_total"].min()
        return (
            f"No size keeps {majors} within {found.error_at_pct:g} at. % from counting; the "
            f"largest chips have {least:.2g} at. %, and {in_all:.2g} in all."
        )
    row = found.frame.loc[found.recommended_px]
    length = f" ({row['size_nm']:.3g} nm)" if np.isfinite(row["size_nm"]) else ""
    return (
        f"Recommended: {found.recommended_px} px{length}, {grouped(row['n_chips'], 0)} chips of "
        f"{grouped(row[COUNTS], 0)} X-rays; worst error of {majors}: counting "
        f"{row['worst_error']:.2f}, in all {row['worst_error_total']:.2f} at. %. Only "
        "counting falls with the size, and so decides."
    )
