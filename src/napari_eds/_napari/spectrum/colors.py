"""Colours of curves: those of labels where they can be read, and of a page to print."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from napari_eds._napari.parts.theme import PALETTE, ThemeColors

#: Contrast with the background that lines and text need (WCAG 2.1, criterion 1.4.11).
_MINIMUM_CONTRAST = 3.0

#: White page, for figures.
PAPER = ThemeColors(
    background="#ffffff",
    foreground="#ffffff",
    text="#000000",
    muted="#808080",
    highlight="#0072b2",
    warning="#b35900",
    error="#b30000",
    is_dark=False,
)


@cache
def readable(color: str, background: str) -> str:
    """Return a colour, lightened or darkened until it contrasts with the background."""
    rgb = _rgb(color)
    away = np.ones(3) if _luminance(_rgb(background)) < 0.18 else np.zeros(3)
    for part in np.linspace(0, 1, 11):
        mixed = rgb * (1 - part) + away * part
        if contrast(_hex(mixed), background) >= _MINIMUM_CONTRAST:
            return _hex(mixed)
    return _hex(away)


def label_color(rgba: Sequence[float] | None, label: int, background: str) -> str:
    """Return the colour of a label's curve: that of its layer, or one of the palette.

    White and grey would be taken for the whole map, and what is transparent or close to the
    background could not be seen.
    """
    if rgba is not None and rgba[3] >= 0.2:
        color = _hex(np.asarray(rgba[:3], dtype=float))
        colourful = max(rgba[:3]) - min(rgba[:3]) > 0.15
        if colourful and contrast(color, background) >= _MINIMUM_CONTRAST / 2:
            return color
    return PALETTE[label % len(PALETTE)]


def contrast(color: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21, as WCAG defines it."""
    bright, dark = sorted((_luminance(_rgb(color)), _luminance(_rgb(other))), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _hex(rgb: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * c):02x}" for c in np.clip(rgb, 0, 1).tolist())
