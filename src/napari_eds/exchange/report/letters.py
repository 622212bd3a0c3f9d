"""How wide text is, and where its lines end."""

from __future__ import annotations

from functools import cache
from typing import Any

from napari_eds.exchange.figures.page import POINTS_PER_MM

#: Sizes are measured once, at this many points.
_MEASURED_PT = 100.0


@cache
def _letter_width(letter: str, weight: str) -> float:
    """Return how far a letter moves on at the measured size, in points."""
    font: Any = _font(weight)
    font.set_size(_MEASURED_PT, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536


@cache
def _font(weight: str) -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(weight=weight)))


def text_width(text: str, size_pt: float, weight: str = "normal") -> float:
    """Return the width of a line in mm, in matplotlib's font."""
    points = sum(_letter_width(letter, weight) for letter in text)
    return points * size_pt / _MEASURED_PT / POINTS_PER_MM


def wrapped(text: str, size_pt: float, width_mm: float, weight: str = "normal") -> list[str]:
    """Return lines that are no wider than a width; words that are wider are cut."""
    lines, line = [], ""
    for word in _pieces(text, size_pt, width_mm, weight):
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size_pt, weight) > width_mm:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def _pieces(text: str, size_pt: float, width_mm: float, weight: str) -> list[str]:
    """Return words, cut where one alone would be wider than a line."""
    found = []
    for word in text.split():
        rest = word
        while text_width(rest, size_pt, weight) > width_mm and len(rest) > 1:
            n = max(1, int(len(rest) * width_mm / text_width(rest, size_pt, weight)))
            while n > 1 and text_width(rest[:n], size_pt, weight) > width_mm:
                n -= 1
            found.append(rest[:n])
            rest = rest[n:]
        found.append(rest)
    return found
