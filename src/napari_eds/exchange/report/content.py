"""What a report says of a result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from napari_eds._support.figures import figure_bytes
from napari_eds._support.numbers import with_error
from napari_eds._support.progress import Progress
from napari_eds._support.provenance import file_sha256, versions
from napari_eds.exchange.figures.montage import MOST_NAMED, map_figure
from napari_eds.exchange.figures.page import MM_PER_INCH, FigureStyle
from napari_eds.exchange.figures.panels import OF_COUNTS, default_maps
from napari_eds.exchange.figures.plots import plot_figure
from napari_eds.exchange.figures.spectrum import spectrum_figure
from napari_eds.exchange.report.blocks import Block, Picture, Report, Section, Sentences, table
from napari_eds.quantification.remarks.forms import split
from napari_eds.quantification.remarks.sums import shared_remarks, summary_lines
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import (
    CHIP,
    COUNTS,
    FLAG,
    N_PIXELS,
    REDUCED_CHI_SQUARED,
    at_pct,
    error_of,
    error_total_of,
    wt_pct,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Tables of more labels than this are cut: the whole one belongs in a CSV file.
MOST_ROWS = 120
#: Spectra that are shown where nothing is said.
_SPECTRA = 4
#: Most labels that are named with a remark.
_NAMES = 24
_NUMBERS = re.compile(r"\d[\d.,]*")
#: Histograms say something from this many labels on.
_FOR_HISTOGRAM = 12
_PAGE_STYLE = FigureStyle(width_mm=170.0, dpi=200, font_size_pt=8.0)


def report_of(
    result: Quantification,
    *,
    title: str | None = None,
    remarks: str = "",
    labels: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Put together what a report of a result says.

    Parameters
    ----------
    result : Quantification
    title : str, optional
        That of the map by default.
    remarks : str
        The author's own, one paragraph a line.
    labels : sequence of int, optional
        Whose spectra are shown. By default all of a few; else that with most counts, the one
        whose fit is worst, and those richest in an element.
    progress : callable, optional
        Called with (done, total, what).

    Raises
    ------
    LabelError
        If there is no such label.
    """
    chosen = _chosen(result, labels)
    tell = progress or (lambda _done, _total, _what: None)
    total = len(chosen) + 2
    tell(0, total, "drawing maps")
    sections = [Section("Maps", tuple(_maps(result, chosen)))]
    tell(1, total, "drawing spectra")
    spectra: list[Block] = []
    for done, (label, why) in enumerate(chosen.items(), start=2):
        spectra.append(_spectrum(result, label, why))
        tell(done, total, "drawing spectra")
    sections += [
        Section("Composition", tuple(_composition(result))),
        Section("Spectra and fits", tuple(spectra)),
        Section("What was corrected, and what was not", (Sentences(tuple(result.account())),)),
        Section("Remarks", tuple(_remarks(result, remarks))),
        Section("Provenance", tuple(_provenance(result))),
    ]
    tell(total, total, "drawing spectra")
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    n = len(result.table)
    subtitle = (
        f"EDS quantification of {', '.join(result.elements)}; {n} label{'s' * (n != 1)}; {made}"
    )
    return Report(title or result.image.name, subtitle, tuple(s for s in sections if s.blocks))


def _chosen(result: Quantification, labels: Sequence[int] | None) -> dict[int, str]:
    """Return the labels whose spectra are shown, with why."""
    there = result.table
    if labels is not None:
        for label in labels:
            result.row_of(label)  # or say that there is none
        return dict.fromkeys(labels, "")
    if len(there) <= _SPECTRA:
        return dict.fromkeys(there.index.tolist(), "")
    found: dict[int, str] = {int(there[COUNTS].idxmax()): "most counts"}
    misfit = there[REDUCED_CHI_SQUARED].dropna()
    if len(misfit):
        found.setdefault(int(misfit.idxmax()), "worst fit")
    for e in result.elements:
        # Of labels whose value is known well enough to be the largest.
        sure = there[at_pct(e)] - there[error_total_of(at_pct(e))].fillna(0)
        if sure.notna().any() and len(found) < _SPECTRA:
            found.setdefault(int(sure.idxmax()), f"most {e}")
    return found


# Pictures.


def _picture(figure: Figure, caption: str) -> Picture:
    width, height = (float(side) * MM_PER_INCH for side in figure.get_size_inches())
    return Picture(figure_bytes(figure, "png"), width, height, caption)


def _maps(result: Quantification, chosen: dict[int, str]) -> list[Block]:
    names = default_maps(result)
    pictures = names[: len(names) - len(result.elements)]
    counts = [f"{e}{OF_COUNTS}" for e in result.elements]
    few = len(result.table) <= MOST_NAMED
    outline: bool | list[int] = True if few else list(chosen)[:MOST_NAMED]
    of = "All labels are outlined" if few else "Outlined are the labels whose spectra are shown"
    first = map_figure(result, [*pictures, *result.elements], outline=outline, style=_PAGE_STYLE)
    second = map_figure(result, ["counts", *counts], style=_PAGE_STYLE)
    return [
        _picture(first, f"Atomic percent of each label. {of}; grey is not labelled."),
        _picture(second, "X-ray counts, and net counts of the alpha line of each element."),
    ]


def _spectrum(result: Quantification, label: int, why: str) -> Picture:
    name = str(result.table.loc[label, CHIP])
    values = "; ".join(f"{e} {_pair(result, label, e)} at.%" for e in result.elements)
    reason = f" ({why})" if why else ""
    return _picture(
        spectrum_figure(result, label, style=_PAGE_STYLE),
        f"Label {label}, {name}{reason}: {values}.",
    )


# Numbers.


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if isfinite(value) else "–"


def _pair(result: Quantification, label: int, element: str) -> str:
    column = at_pct(element)
    value = float(result.table.loc[label, column])
    error = float(result.table.loc[label, error_total_of(column)])
    return with_error(value, error) if isfinite(error) else _number(value)


def _composition(result: Quantification) -> list[Block]:
    there = result.table
    rows = []
    for e in result.elements:
        values = there[at_pct(e)]
        total, counting = (
            float((there[of(at_pct(e))] ** 2).mean() ** 0.5) for of in (error_total_of, error_of)
        )
        mean, weight = float(values.mean()), float(there[wt_pct(e)].mean())
        scatter = _number(float(values.std()))
        rows.append(
            (e, _number(mean), _number(total), _number(counting), scatter, _number(weight))
        )
    header = ("", "mean at.%", "± in all", "± counting", "scatter", "mean wt.%")
    note = (
        "± in all: standard deviation of one label from all that is uncertain; ± counting: from "
        "counting alone; scatter: standard deviation over the labels."
    )
    blocks: list[Block] = [table(header, rows, note=note)] if len(there) > 1 else []
    if len(there) >= _FOR_HISTOGRAM:
        style = FigureStyle(width_mm=130, dpi=200)
        blocks.append(_picture(plot_figure(result, style=style), "The labels' compositions."))
    return [*blocks, _labels_table(result)]


def _labels_table(result: Quantification) -> Block:
    there = result.table.iloc[:MOST_ROWS]
    rows = [
        (
            label,
            there.loc[label, CHIP],
            f"{int(there.loc[label, N_PIXELS]):,}",
            f"{there.loc[label, COUNTS]:,.0f}",
            *(_pair(result, label, e) for e in result.elements),
            _number(float(there.loc[label, REDUCED_CHI_SQUARED])),
        )
        for label in there.index
    ]
    header = ("label", "name", "pixels", "counts", *result.elements, "χ²")
    note = "At.% ± total error (one standard deviation); χ² is reduced."
    if len(result.table) > len(there):
        note += f" The first {len(there)} of {len(result.table)} labels; the CSV table holds all."
    return table(header, rows, note=note)


def _remarks(result: Quantification, own: str) -> list[Block]:
    flags = result.table[FLAG].tolist()
    shared = shared_remarks(flags)
    said = [line.strip() for line in own.splitlines() if line.strip()]
    said += summary_lines(flags)
    rows = _grouped(result, shared)
    blocks: list[Block] = [Sentences(tuple(said))] if said else []
    if rows:
        blocks.append(table(("remark", "labels", "which"), rows, wraps_last=True))
    return blocks or [Sentences(("No label carries a remark.",))]


def _grouped(result: Quantification, shared: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return each remark once, with how many labels carry it and their names.

    Remarks that differ in their numbers only are one, with the first one's.
    """
    texts: dict[str, dict[str, None]] = {}
    names: dict[str, list[str]] = {}
    for label, flag in result.table[FLAG].items():
        for remark in split(flag):
            if remark and remark not in shared:
                kind = _NUMBERS.sub("#", remark)
                texts.setdefault(kind, {})[remark] = None
                names.setdefault(kind, []).append(str(result.table.loc[label, CHIP]))
    rows = []
    for kind, labels in names.items():
        first, *others = texts[kind]
        more = len(labels) - _NAMES
        which = ", ".join(labels[:_NAMES]) + (f" and {more} more" if more > 0 else "")
        rows.append((f"{first}, and the like" if others else first, f"{len(labels):,}", which))
    return rows


def _provenance(result: Quantification) -> list[Block]:
    image, source = result.image, result.image.source
    rows, columns = image.shape
    pixels = f"{rows} × {columns} of {_size(image.pixel_size)} {image.pixel_unit}"
    facts = [
        ("map", image.name),
        ("pixels", pixels),
        ("X-ray counts", f"{image.xray_counts:,.0f} ({image.energy.counted})"),
    ]
    if source is not None:
        facts.append(("file", source.name))
        if source.is_file():
            facts.append(("SHA-256 of the file", file_sha256(source)))
            facts.append(("size of the file", f"{source.stat().st_size:,} bytes"))
    beam = image.acquisition.beam_energy_keV
    facts += [("beam", f"{beam:g} keV")] if beam is not None else []
    facts += [
        ("detectors", ", ".join(d.name for d in image.acquisition.detectors) or "not named"),
        ("k-factors", result.k_factors.source),
        ("programs", ", ".join(f"{name} {version}" for name, version in versions().items())),
    ]
    recipe = result.recipe.model_dump(mode="json", exclude_defaults=True)
    shown = [(name, _setting(value)) for name, value in recipe.items() if name != "k_factors"]
    k_rows = [
        (str(row.iloc[0]), *(_cell(v) for v in row.iloc[1:]))
        for _, row in result.k_factors.to_frame().iterrows()
        if str(row.iloc[0]).partition("_")[0] in result.elements
    ]
    blocks: list[Block] = [
        table(("", ""), facts, wraps_last=True),
        table(("recipe", "where it is not the default"), shown, wraps_last=True),
    ]
    if k_rows:
        header = [str(c) for c in result.k_factors.to_frame().columns]
        blocks.append(table(header, k_rows))
    return blocks


def _size(pixel_size: tuple[float, float]) -> str:
    return " × ".join(f"{s:.4g}" for s in pixel_size)


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_setting(v)}" for name, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _cell(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.5g}" if isfinite(value) else "–"
    return "–" if value is None else str(value)
