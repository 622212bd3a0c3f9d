"""The spectrum of a label with its fit, the names of its lines, and the residual below."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from napari_eds._support.arguments import expect
from napari_eds._support.figures import COLORS
from napari_eds.errors import EDSError
from napari_eds.exchange.figures.page import POINTS_PER_MM, FigureStyle, new_figure
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Height of the figure as a part of its width, and of the spectrum seen from the residual.
_ASPECT, _RATIO = 0.55, 3.6
#: A narrow figure is still so many lines of text high.
_LEAST_LINES = 15
#: The residual is guided by lines at so many standard deviations.
_GUIDE_SIGMA = 3.0
#: Lines are named whose family stands out by so many standard deviations.
_SEEN_SIGMA = 3.0
#: Without a range, the view ends so far behind the last line that is named.
_BEHIND = 1.12
_LETTER = 0.62
#: Most names that are put above each other before one is left out.
_LEVELS = 4


@dataclass(frozen=True, eq=False)
class _Shown:
    """What is drawn of a label's fit."""

    x: np.ndarray
    counts: np.ndarray
    fitted: np.ndarray
    background: np.ndarray
    residual: np.ndarray


def spectrum_figure(  # noqa: PLR0913 - all but two are keywords
    result: Quantification,
    label: int,
    *,
    energy_range_keV: tuple[float, float] | None = None,
    log: bool = False,
    residual: bool = True,
    style: FigureStyle | None = None,
) -> Figure:
    """Draw the spectrum of a label with its fit and, below, what the fit leaves.

    Parameters
    ----------
    result : Quantification
    label : int
    energy_range_keV : (float, float), optional
        From the start of the fit to a little behind the last line that is seen, by default.
    log : bool
        Whether counts are shown on a logarithmic scale.
    residual : bool
        Whether counts minus fit are shown below, in standard deviations of what is expected.
    style : FigureStyle, optional

    Raises
    ------
    LabelError
        If there is no such label.
    EDSError
        If the range holds no fitted channel.
    """
    expect(
        result=(result, Quantification), label=(label, Integral), style=(style, FigureStyle | None)
    )
    style = style or FigureStyle()
    row = result.row_of(label)
    lines = _lines(result, row)
    shown, (low, high) = _shown(result, row, energy_range_keV, lines)
    lines = {name: at for name, at in lines.items() if low <= at <= high}
    figure = new_figure(style, _height_mm(style), constrained=True)
    rows = (_RATIO, 1.0) if residual else (1.0,)
    grid = figure.subplots(
        len(rows),
        1,
        sharex=True,
        squeeze=False,
        gridspec_kw={"height_ratios": rows, "hspace": 0.0},
    )[:, 0]
    _draw_counts(grid[0], shown, style, log=log)
    grid[0].set_xlim(low, high)
    _name_lines(grid[0], lines, shown, style, log=log)
    if residual:
        _draw_residual(grid[1], shown, style)
    grid[-1].set_xlabel("Energy (keV)", fontsize=style.font_size_pt)
    for axes in grid:
        axes.tick_params(labelsize=style.small_pt, width=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    _title(grid[0], result, label, row, style)
    return figure


def _height_mm(style: FigureStyle) -> float:
    return max(_ASPECT * style.width_mm, _LEAST_LINES * style.line_mm)


def _lines(result: Quantification, row: int) -> dict[str, float]:
    """Return the energies of the alpha lines of families that are seen, by their names."""
    fit = result.fit
    found = {}
    for i, family in enumerate(fit.model.families):
        if fit.intensities[row, i] > _SEEN_SIGMA * fit.intensity_errors[row, i]:
            found[f"{family.element} {family.family}α"] = float(family.alpha.energy_keV)
    return found


def _shown(
    result: Quantification,
    row: int,
    asked: tuple[float, float] | None,
    lines: dict[str, float],
) -> tuple[_Shown, tuple[float, float]]:
    """Return what is drawn, and between which energies."""
    fit = result.fit
    x = result.energies_keV[fit.model.channels]
    end = min(float(x[-1]), _BEHIND * max(lines.values(), default=float(x[-1])) + 0.2)
    low, high = asked or (float(x[0]), end)
    inside = (x >= low) & (x <= high)
    if inside.sum() < 2:
        raise EDSError(
            f"{low:g} to {high:g} keV holds no fitted channel: the fit goes from {x[0]:.3g} to "
            f"{x[-1]:.3g} keV"
        )
    # Of one label: all of them together can be gigabytes.
    background = fit.background_of(slice(row, row + 1))[0]
    fitted = fit.model.profiles @ fit.alpha_areas[row] + background
    expected = fit.expected[row]
    residual = (fit.counts[row] - expected) / np.sqrt(expected)
    parts = (x, fit.counts[row], fitted, background, residual)
    return _Shown(*(part[inside] for part in parts)), (low, high)


def _draw_counts(axes: Axes, shown: _Shown, style: FigureStyle, *, log: bool) -> None:
    thin = style.font_size_pt / 10
    axes.fill_between(shown.x, shown.counts, step="mid", color="0.82", linewidth=0, label="counts")
    axes.step(shown.x, shown.counts, where="mid", color="0.45", linewidth=0.5 * thin)
    axes.plot(shown.x, shown.fitted, color=COLORS[1], linewidth=thin, label="fit")
    axes.plot(
        shown.x, shown.background, color=COLORS[0], linewidth=thin, ls="--", label="background"
    )
    if log:
        seen = shown.counts[shown.counts > 0]
        axes.set_yscale("log")
        axes.set_ylim(max(0.5, float(np.percentile(seen, 1)) / 2) if seen.size else 0.5)
    else:
        axes.set_ylim(0)
    axes.set_ylabel("Counts per channel", fontsize=style.font_size_pt)
    axes.legend(fontsize=style.small_pt, frameon=False, loc="upper right", handlelength=1.6)


def _draw_residual(axes: Axes, shown: _Shown, style: FigureStyle) -> None:
    axes.axhspan(-_GUIDE_SIGMA, _GUIDE_SIGMA, color="0.93", linewidth=0)
    axes.axhline(0, color="0.4", linewidth=0.5)
    axes.plot(shown.x, shown.residual, color="0.2", linewidth=0.06 * style.font_size_pt)
    limit = float(np.clip(np.percentile(np.abs(shown.residual), 99.8), 4.5, 12))
    axes.set(ylim=(-limit, limit), yticks=[-_GUIDE_SIGMA, 0, _GUIDE_SIGMA])
    axes.set_ylabel("Residual (σ)", fontsize=style.small_pt)


def _name_lines(
    axes: Axes, lines: dict[str, float], shown: _Shown, style: FigureStyle, *, log: bool
) -> None:
    """Write the names of lines above their peaks, those that would touch above each other."""
    low, high = axes.get_xlim()
    width_pt = 0.86 * style.width_mm * POINTS_PER_MM
    height_pt = 0.62 * _height_mm(style) * POINTS_PER_MM
    line_pt = 1.25 * style.small_pt
    bottom, top = _headroom(axes, shown, line_pt / height_pt, log=log)
    axes.set_ylim(bottom, top)
    taken: list[tuple[float, float, float]] = []
    for name, energy in sorted(lines.items(), key=lambda item: -_peak(shown, item[1])):
        x = (energy - low) / (high - low) * width_pt
        half = _LETTER * len(name) * style.small_pt / 2 + 1
        peak = _peak(shown, energy)
        y = _part(peak, bottom, top, log=log) * height_pt + 3
        for _ in range(_LEVELS):
            if not any(abs(x - a) < half + b and abs(y - c) < line_pt for a, b, c in taken):
                break
            y = min(c for a, b, c in taken if abs(x - a) < half + b and abs(y - c) < line_pt)
            y += line_pt
        else:
            continue
        taken.append((x, half, y))
        axes.annotate(
            name,
            (energy, peak),
            (_inside(x, half, width_pt) - x, y - _part(peak, bottom, top, log=log) * height_pt),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=style.small_pt,
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.4},
        )


def _inside(x: float, half: float, width: float) -> float:
    """Return the middle of a name that begins and ends inside of the axes."""
    return min(max(x, half + 2), width - half)


def _headroom(axes: Axes, shown: _Shown, line_share: float, *, log: bool) -> tuple[float, float]:
    """Return limits of counts with room for names above the highest peak."""
    bottom = axes.get_ylim()[0]
    highest = max(float(shown.counts.max()), float(shown.fitted.max()), 1.0)
    part = 1 - min(3 * line_share, 0.4)
    if log:
        return bottom, bottom * (highest / bottom) ** (1 / part)
    return bottom, highest / part


def _part(value: float, bottom: float, top: float, *, log: bool) -> float:
    """Return how far up a value is on the axis, 0 to 1."""
    if log:
        return float(np.log(max(value, bottom) / bottom) / np.log(top / bottom))
    return (value - bottom) / (top - bottom)


def _peak(shown: _Shown, energy: float) -> float:
    """Return the height of the spectrum at an energy."""
    near = np.abs(shown.x - energy) < 0.06
    return float(max(shown.counts[near].max(), shown.fitted[near].max())) if near.any() else 0.0


def _title(axes: Axes, result: Quantification, label: int, row: int, style: FigureStyle) -> None:
    n = int(result.label_spectra.n_pixels[row])
    chi = float(result.fit.reduced_chi_squared[row])
    quality = f", reduced χ² {chi:.2f}" if np.isfinite(chi) else ""
    axes.set_title(
        f"{result.table.loc[label, CHIP]}, {n} pixel{'' if n == 1 else 's'}{quality}",
        fontsize=style.font_size_pt,
        loc="left",
        parse_math=False,
    )
