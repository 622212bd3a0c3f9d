"""The bar that says how long something on a map is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Longest bar, as a part of the map's width.
LONGEST_SHARE = 0.35

#: The next larger unit, where a bar of a thousand would be written; and its smaller one.
_LARGER = {"nm": "µm", "um": "mm", "µm": "mm", "μm": "mm"}
_SMALLER = {"mm": "µm", "um": "nm", "µm": "nm", "μm": "nm"}
_PIXELS = {"pixel": "px", "pixels": "px", "": "px"}


def round_length(longest: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, ... that is not longer."""
    power = 10.0 ** np.floor(np.log10(longest))
    # Powers of ten below one are not exact: what equals a step counts as reached.
    return max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))


def length_text(length: float, unit: str) -> str:
    """Write a length in the unit people would use: ``2 µm``, not ``2000 nm``."""
    if length >= 1000 and unit in _LARGER:
        return f"{length / 1000:g} {_LARGER[unit]}"
    if length < 1 and unit in _SMALLER:
        return f"{length * 1000:g} {_SMALLER[unit]}"
    return f"{length:g} {_PIXELS.get(unit, unit.replace('um', 'µm'))}"


def draw_below(axes: Axes, width: float, height: float, unit: str, font_size: float = 8) -> None:
    """Draw a bar below a map that is `width` by `height` in its units."""
    length = round_length(LONGEST_SHARE * width)
    y = height * 1.04
    axes.plot([0, length], [y, y], color="black", linewidth=3, clip_on=False)
    axes.text(
        length * 1.06, y, length_text(length, unit), va="center", ha="left", fontsize=font_size
    )
    axes.set(xlim=(0, width), ylim=(height, 0))


def draw_inside(axes: Axes, width: float, height: float, unit: str, font_size: float) -> None:
    """Draw a white bar with a dark edge into the lower left corner of a map."""
    from matplotlib.patheffects import withStroke

    length = round_length(LONGEST_SHARE * width)
    margin = 0.05 * min(width, height)
    y = height - margin
    axes.plot(
        [margin, margin + length],
        [y, y],
        color="white",
        linewidth=font_size / 3.5,
        solid_capstyle="butt",
        path_effects=[withStroke(linewidth=font_size / 3.5 + 1.2, foreground="black")],
    )
    axes.annotate(
        length_text(length, unit),
        (margin, y),
        (font_size / 8, font_size / 2.5),
        textcoords="offset points",
        ha="left",  # a short bar in a small map is narrower than its text
        va="bottom",
        color="white",
        fontsize=font_size,
        # Not a stroke around letters, which would turn them into shapes in SVG and PDF.
        bbox={"facecolor": "black", "alpha": 0.5, "linewidth": 0, "boxstyle": "square,pad=0.12"},
    )
    axes.set(xlim=(0, width), ylim=(height, 0))
