"""The fit of a label over its spectrum: model, background, families, and the residual below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt

from napari_eds._napari.spectrum.curves import Look, SpectrumCurve
from napari_eds.physics import lines as xray
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import at_pct, error_of, error_total_of

#: Residuals beyond this many standard deviations are few: guide lines mark them.
GUIDE_SIGMA = 3.0

#: Smallest and largest extent of the residual's view, in standard deviations.
_RESIDUAL_VIEW = (4.5, 12.0)

#: Lines weaker than this, relative to their alpha line, name no peak that a stronger one can.
_WEAK_LINE = 0.1

#: Families are drawn where they stand above the background by this part of its noise.
_ABOVE_NOISE = 0.02


@dataclass(frozen=True, eq=False)
class LabelFit:
    """The fit of one label.

    Attributes
    ----------
    result : Quantification
    row : int
        Row of the label in the fit.
    outdated : bool
        Whether the label's spectrum or the energy axis has changed since.
    """

    result: Quantification
    row: int
    outdated: bool

    @property
    def x(self) -> np.ndarray:
        """Calibrated energies of the channels of the fit in keV."""
        return self.result.energies_keV[self.result.fit.model.channels]

    @property
    def n_pixels(self) -> int:
        """Number of pixels the fitted spectrum was summed over."""
        return int(self.result.label_spectra.n_pixels[self.row])

    @property
    def reduced_chi_squared(self) -> float:
        """Reduced chi-squared of the label's fit."""
        return float(self.result.fit.reduced_chi_squared[self.row])

    # Of one label at a time: all of them together would hold the window up.

    def background(self) -> np.ndarray:
        """Return the fitted background in counts, (channels of the fit,)."""
        return self.result.fit.background_of(slice(self.row, self.row + 1))[0]

    def fitted(self) -> np.ndarray:
        """Return the fitted counts, (channels of the fit,)."""
        fit = self.result.fit
        return fit.model.profiles @ fit.alpha_areas[self.row] + self.background()

    def residual(self) -> np.ndarray:
        """Return counts minus expected counts, in standard deviations of the expected ones."""
        fit = self.result.fit
        expected = fit.expected_of(slice(self.row, self.row + 1))[0]
        return (fit.counts[self.row] - expected) / np.sqrt(expected)

    def components(self) -> np.ndarray:
        """Return background plus each family, (families, channels), NaN where it is nothing."""
        fit = self.result.fit
        background = self.background()
        alone = fit.alpha_areas[self.row][:, None] * fit.model.profiles.T
        visible = np.abs(alone) > _ABOVE_NOISE * np.sqrt(np.maximum(background, 1))
        return np.where(visible, background + alone, np.nan)

    def family_at(self, energy_keV: float) -> int | None:
        """Return the family with the nearest line within the resolution, strong lines first."""
        model = self.result.fit.model
        near = [
            (line.weight < _WEAK_LINE, abs(line.energy_keV - energy_keV), i)
            for i, family in enumerate(model.families)
            for line in model.lines_in_range(family)
            if abs(line.energy_keV - energy_keV)
            <= xray.fwhm_keV(line.energy_keV, model.resolution_MnKa_eV)
        ]
        return min(near)[2] if near else None

    def describe(self, family: int) -> str:
        """Say what the fit found of a family: intensity, and at. % of its element."""
        result, fit = self.result, self.result.fit
        name = fit.model.families[family]
        quantified = family < fit.model.n_quantified
        value = f"{fit.intensities[self.row, family]:,.0f}".replace(",", "\u202f")
        counting = fit.intensity_errors[self.row, family]
        total = result.intensity_errors_total[self.row, family] if quantified else counting
        text = f"{name.element} {name.family}: {value} ± {total:.0f} counts"
        if quantified:
            numbers, column = result.table.iloc[self.row], at_pct(name.element)
            text += (
                f", {numbers[column]:.2f} ± {numbers[error_total_of(column)]:.2f} at.% "
                f"(± {counting:.0f} counts, {numbers[error_of(column)]:.2f} at.% of counting)"
            )
        return text


def label_fit(
    result: Quantification | None, label: int, spectrum: np.ndarray | None, *, same_axis: bool
) -> LabelFit | None:
    """Return the fit of a label, if the result has one that counts; compare with its spectrum."""
    if result is None or label not in result.table.index:
        return None
    row = int(np.searchsorted(result.label_spectra.ids, label))
    if not result.fit.counts[row].any():
        return None
    same = spectrum is not None and np.array_equal(spectrum, result.label_spectra.of(row))
    return LabelFit(result, row, outdated=not (same and same_axis))


class FitItems:
    """Curves of a fit in the plot of the spectrum and in that of the residual."""

    def __init__(self, plot: pg.PlotItem, residual: pg.PlotItem) -> None:
        self._plot = plot
        self.residual_plot = residual
        self.model, self.background = (self._curve(plot, z) for z in (40, 38))
        self.residual = self._curve(residual, 10, steps=True)
        self.families: list[SpectrumCurve] = []
        self._model_name = ""
        self._guides = [
            pg.InfiniteLine(height, angle=0) for height in (-GUIDE_SIGMA, 0.0, GUIDE_SIGMA)
        ]
        for guide in self._guides:
            residual.addItem(guide, ignoreBounds=True)

    @staticmethod
    def _curve(plot: pg.PlotItem, z: int, *, steps: bool = False) -> SpectrumCurve:
        curve = SpectrumCurve(steps=steps)
        curve.setZValue(z)
        plot.addItem(curve, ignoreBounds=True)
        return curve

    def show(self, fit: LabelFit | None, look: Look, colors: Mapping[str, str]) -> None:
        """Show a fit, or only a dashed model where it is outdated, or nothing.

        `colors` are those of the elements.
        """
        current = fit is not None and not fit.outdated
        self._show_model(fit, look)
        self._show_families(fit if current else None, look, colors)
        residual = fit.residual() if fit is not None and current else np.array([])
        self.residual.set_values(fit.x if fit is not None and current else residual, residual)
        self.residual.set_line(look.colors.text, Qt.PenStyle.SolidLine, look.width)
        self.residual.setVisible(current)
        for guide, style in zip(self._guides, (2, 1, 2), strict=True):
            guide.setPen(pg.mkPen(look.color(look.colors.muted), style=Qt.PenStyle(style)))

    def _show_model(self, fit: LabelFit | None, look: Look) -> None:
        self.model.setVisible(fit is not None)
        self.background.setVisible(fit is not None and not fit.outdated)
        if fit is None:
            return
        fitted, background = fit.fitted(), fit.background()
        self.model.set_values(fit.x, look.height(fitted, fit.n_pixels))
        self.background.set_values(fit.x, look.height(background, fit.n_pixels))
        self._model_name = "Fit, outdated" if fit.outdated else "Fit"
        style = Qt.PenStyle.DashLine if fit.outdated else Qt.PenStyle.SolidLine
        color = look.colors.muted if fit.outdated else look.colors.error
        self.model.set_line(look.color(color), style, look.width)
        self.background.set_line(look.color(look.colors.muted), Qt.PenStyle.DashLine, look.width)

    def _show_families(self, fit: LabelFit | None, look: Look, colors: Mapping[str, str]) -> None:
        """Give every family a curve of its element's colour; markers write its name beside."""
        families = fit.result.fit.model.families if fit is not None else ()
        while len(self.families) < len(families):
            self.families.append(self._curve(self._plot, 36))
        for curve in self.families[len(families) :]:
            curve.hide()
        if fit is None:
            return
        for curve, family, values in zip(self.families, families, fit.components(), strict=False):
            curve.set_values(fit.x, look.height(values, fit.n_pixels))
            curve.set_line(look.color(colors[family.element]), Qt.PenStyle.SolidLine, look.width)
            curve.show()

    def entries(self) -> list[tuple[SpectrumCurve, str]]:
        """Return the curves that the legend names; families have the colours of their lines."""
        named = [(self.model, self._model_name), (self.background, "Background")]
        return [(curve, name) for curve, name in named if curve.isVisible()]

    def fit_residual_view(self, fit: LabelFit | None) -> None:
        """Show all of the residual, within limits."""
        extent = _RESIDUAL_VIEW[0]
        if fit is not None and not fit.outdated:
            extent = float(np.clip(1.1 * np.abs(fit.residual()).max(), *_RESIDUAL_VIEW))
        self.residual_plot.setYRange(-extent, extent, padding=0)

    def draw(self, low: float, high: float, width_px: float) -> None:
        """Draw what is in view."""
        for curve in (self.model, self.background, self.residual, *self.families):
            if curve.isVisible():
                curve.draw(low, high, width_px)
