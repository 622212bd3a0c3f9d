"""What every figure shares: its size on the page and its letters.

Figures are matplotlib's objects and use none of its global state, so that they can be drawn in
any thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

from napari_eds._support.arguments import expect
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH

#: One and two columns of a journal are about 85 and 170 mm; half a metre is a poster.
_WIDTHS_MM = (20.0, 1000.0)
_DPI = (30, 2400)
_FONT_PT = (3.0, 40.0)
#: More pixels along one side than this are an oversight.
_MOST_PIXELS = 30000


@dataclass(frozen=True)
class FigureStyle:
    """How large a figure is, and its letters.

    Attributes
    ----------
    width_mm : float
        Width on the page; the height follows from what is shown.
    dpi : int
        Pixels per inch of PNG, and of maps inside of PDF and SVG where they are resampled.
    font_size_pt : float
        Of names and axes; numbers at ticks are a little smaller.
    colormap : str
        Of matplotlib, for maps of numbers.

    Raises
    ------
    EDSError
        If a value is none that a page could have.
    """

    width_mm: float = 170.0
    dpi: int = 300
    font_size_pt: float = 8.0
    colormap: str = "viridis"

    def __post_init__(self) -> None:
        for name, value, (low, high) in (
            ("width_mm", self.width_mm, _WIDTHS_MM),
            ("dpi", self.dpi, _DPI),
            ("font_size_pt", self.font_size_pt, _FONT_PT),
        ):
            expect(**{name: (value, Real)})
            if not low <= value <= high:
                raise EDSError(f"a figure's {name} lies between {low:g} and {high:g}, not {value}")
        pixels = self.width_mm / MM_PER_INCH * self.dpi
        if pixels > _MOST_PIXELS:
            raise EDSError(
                f"{self.width_mm:g} mm at {self.dpi} dpi are {pixels:.0f} pixels: lower either"
            )
        _check_colormap(self.colormap)

    @property
    def small_pt(self) -> float:
        """Size of the numbers at ticks in points."""
        return 0.875 * self.font_size_pt

    @property
    def line_mm(self) -> float:
        """Height of a line of text in mm."""
        return 1.45 * self.font_size_pt / POINTS_PER_MM


def _check_colormap(name: str) -> None:
    from matplotlib import colormaps

    if name not in colormaps:
        raise EDSError(f"{name!r} is no colour map of matplotlib: take viridis, magma, gray, ...")


def new_figure(style: FigureStyle, height_mm: float, *, constrained: bool = False) -> Figure:
    """Return an empty figure of the style's width."""
    from matplotlib.figure import Figure as NewFigure

    return NewFigure(
        figsize=(style.width_mm / MM_PER_INCH, height_mm / MM_PER_INCH),
        dpi=style.dpi,
        layout="constrained" if constrained else None,
    )
