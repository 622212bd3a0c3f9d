"""Colours of plots: those of the window's theme, and a palette that reads on light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from napari.utils.theme import get_theme

from napari_eds._napari.parts.ending import listen
from napari_eds._support.figures import COLORS

if TYPE_CHECKING:
    from napari.components import ViewerModel

#: Those of figures on paper: without black and yellow, which vanish on one of the backgrounds.
PALETTE = COLORS

#: napari's own warning colour, a yellow, cannot be read on its light theme.
_WARNING_ON_LIGHT = "#a84300"


class ThemeColors(NamedTuple):
    """Colours of the window's theme as ``#rrggbb``, and whether it is a dark one."""

    background: str
    foreground: str
    text: str
    muted: str
    highlight: str
    warning: str
    error: str
    is_dark: bool


def theme_colors(viewer: ViewerModel) -> ThemeColors:
    """Return the colours of the theme that a viewer has now."""
    theme = get_theme(viewer.theme)
    return ThemeColors(
        background=_hex(theme.background),
        foreground=_hex(theme.foreground),
        text=_hex(theme.text),
        muted=_hex(theme.secondary if theme.type == "light" else theme.highlight),
        highlight=_hex(theme.current),
        warning=_hex(theme.warning) if theme.type == "dark" else _WARNING_ON_LIGHT,
        error=_hex(theme.error),
        is_dark=theme.type == "dark",
    )


def on_theme(viewer: ViewerModel, answer: Callable[[], None]) -> Callable[[], None]:
    """Call `answer` whenever the theme changes; return a function that ends it.

    `answer` is a bound method and must not be needed to live on: napari holds it weakly.
    """
    return listen(viewer.events.theme, answer)


def _hex(color: Any) -> str:
    red, green, blue = color.as_rgb_tuple(alpha=False)
    return f"#{red:02x}{green:02x}{blue:02x}"
