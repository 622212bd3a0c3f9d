"""Figures of profiles: a quantity of every element against distance, with bands of its errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_eds._support import figures
from napari_eds._support.arguments import PATH, each, expect
from napari_eds.errors import EDSError
from napari_eds.quantification.profiles.interfaces import Interface
from napari_eds.quantification.profiles.lines import QUANTITY_WORDS, LineProfile, ProfileQuantity
from napari_eds.quantification.table import AT_PCT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: And black, for the seventh element.
COLORS = (*figures.COLORS, "#000000")
_WIDTH_INCH, _HEIGHT_INCH = 6.3, 3.4


def draw_profiles(
    profiles: Sequence[LineProfile],
    quantity: ProfileQuantity = AT_PCT,
    elements: Iterable[str] | None = None,
    *,
    interfaces: Sequence[tuple[int, str, Interface]] = (),
) -> Figure:
    """Draw profiles, one above the other.

    Parameters
    ----------
    profiles : sequence of LineProfile
    quantity : str
        See `LineProfile.curve`.
    elements : iterable of str, optional
        All that are quantified by default.
    interfaces : sequence of (int, str, Interface), optional
        Position among the profiles, element, and fit, which is drawn over its curve.

    Returns
    -------
    Figure
        Light bands are errors in all, bars errors from counting alone.

    Raises
    ------
    EDSError
        If there is nothing to draw.
    """
    from matplotlib.figure import Figure as NewFigure

    profiles = each("profiles", profiles, LineProfile)
    expect(quantity=(quantity, str))

    chosen = None if elements is None else each("elements", elements, str)
    if not profiles or chosen == ():
        raise EDSError("there is no profile to draw: choose a line and an element at least")
    size = (_WIDTH_INCH, _HEIGHT_INCH * len(profiles))
    figure = NewFigure(figsize=size, layout="constrained")
    rows = figure.subplots(len(profiles), 1, squeeze=False)[:, 0]
    for i, (axes, profile) in enumerate(zip(rows, profiles, strict=True)):
        shown = list(profile.elements) if chosen is None else chosen
        _draw_one(axes, profile, quantity, shown)
        if len(profiles) > 1:
            axes.set_title(profile.line.name, loc="left", fontsize="medium")
        colors = dict(zip(profile.elements, _colors(profile), strict=True))
        for place, element, interface in interfaces:
            if place == i:
                _draw_interface(axes, profile, interface, colors[element])
    return figure


def save_profile_figure(
    profiles: Iterable[LineProfile],
    path: str | Path,
    *,
    quantity: ProfileQuantity = AT_PCT,
    elements: Iterable[str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Save a figure of profiles as PNG, PDF or SVG; see `draw_profiles`.

    Parameters
    ----------
    profiles : iterable of LineProfile
    path : str or Path
        Its ending tells the format, such as PNG, PDF or SVG; PNG without one.
    quantity : {"at_pct", "wt_pct", "intensity", "counts"}
    elements : iterable of str, optional
        Which to draw; all by default.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    EDSError
        If there is nothing to draw, or not in that format.
    OutputError
        If the file is there and may not be replaced.
    """
    expect(path=(path, PATH))
    figure = draw_profiles(each("profiles", profiles, LineProfile), quantity, elements)
    return figures.save_figure(figure, path, dpi=figures.DPI, overwrite=overwrite)


def _colors(profile: LineProfile) -> list[str]:
    """Return the colour of every element of a profile, the same whichever are shown."""
    return [COLORS[i % len(COLORS)] for i in range(len(profile.elements))]


def _draw_one(
    axes: Axes, profile: LineProfile, quantity: ProfileQuantity, elements: Sequence[str]
) -> None:
    x = profile.distances
    if quantity == "counts":
        elements = elements[:1]
    for element in elements:
        curve = profile.curve(element, quantity)
        name = "X-rays" if quantity == "counts" else element
        place = profile.elements.index(element)
        color = _colors(profile)[0 if quantity == "counts" else place]
        axes.fill_between(
            x, curve.value - curve.total, curve.value + curve.total, color=color, alpha=0.2, lw=0
        )
        axes.errorbar(
            x, curve.value, curve.counting, color=color, lw=1.2, elinewidth=0.8, label=name
        )
    axes.set_xlabel(f"distance ({profile.unit})")
    axes.set_ylabel(QUANTITY_WORDS[quantity])
    axes.margins(x=0.01)
    axes.legend(
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        title="band: ± in all\nbar: ± counting",
        title_fontsize="x-small",
        fontsize="small",
    )


def _draw_interface(axes: Axes, profile: LineProfile, found: Interface, color: str) -> None:
    from scipy import special

    x = np.linspace(profile.distances[0], profile.distances[-1], 400)
    share = special.ndtr((x - found.position) / max(found.sigma, 1e-9))
    axes.plot(x, found.before + (found.after - found.before) * share, color=color, lw=2, ls=":")
    axes.axvline(found.position, color=color, lw=0.8, ls="--")
