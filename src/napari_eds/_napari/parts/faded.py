"""How things are written that matter less: in a colour nearer to the background, or smaller."""

from __future__ import annotations

from napari_eds._napari.parts.theme import ThemeColors

#: Style of sentences in a narrow dock; napari's own style leaves no say to a font.
SMALL_TEXT = "font-size: 11px;"


def faded(colors: ThemeColors, part: float = 0.45) -> str:
    """Return the colour of the text with this part of its contrast, as ``#rrggbb``."""
    pairs = [
        (int(colors.text[i : i + 2], 16), int(colors.background[i : i + 2], 16)) for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{round(part * t + (1 - part) * b):02x}" for t, b in pairs)
