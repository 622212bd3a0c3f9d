"""What every figure shares: its size on the page, its letters, and how it is saved.

Figures are matplotlib's objects and use none of its global state, so that they can be drawn in
any thread. Letters stay letters in SVG and PDF: they can be searched and edited.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import check_files
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

#: Told apart with every common colour vision (Okabe and Ito, *Color universal design*, 2008).
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")

#: Text as text: TrueType in PDF (42), ``<text>`` in SVG. No date, so that equal figures are
#: equal files.
VECTOR_TEXT: Any = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}
_UNDATED = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
#: Held while matplotlib's settings are changed for one file.
SETTINGS = threading.Lock()


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


def figure_format(path: Path) -> str:
    """Return the format of a figure's file; PNG without a suffix.

    Raises
    ------
    EDSError
        If figures are not drawn in that format.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    wanted = path.suffix.lower().lstrip(".") or "png"
    if wanted not in known:
        raise EDSError(f"{path.name}: figures are saved as .png, .pdf or .svg, not .{wanted}")
    return wanted


def figure_bytes(figure: Figure, kind: str, dpi: float | None = None) -> bytes:
    """Return a figure as a file of a kind: ``"png"``, ``"svg"``, ``"pdf"``, ...

    Parameters
    ----------
    figure : Figure
    kind : str
    dpi : float, optional
        That of the figure by default.
    """
    import matplotlib as mpl

    buffer = BytesIO()
    # How text is written can only be said to matplotlib as a whole: one file at a time.
    with SETTINGS, mpl.rc_context(VECTOR_TEXT):
        figure.savefig(buffer, format=kind, dpi=dpi or figure.dpi, metadata=_UNDATED.get(kind))
    return buffer.getvalue()


def save_figure(
    figure: Figure, path: str | Path, *, dpi: float | None = None, overwrite: bool = False
) -> Path:
    """Save a figure in the format of the suffix, whole or not at all.

    Parameters
    ----------
    figure : Figure
    path : str or Path
        ``.png``, ``.svg``, ``.pdf`` or what else matplotlib draws; PNG without a suffix.
    dpi : float, optional
        That of the figure's style by default.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    OutputError
        If the file is there and may not be replaced.
    EDSError
        If figures are not drawn in that format.
    OSError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    kind = figure_format(path)
    check_files([path], overwrite=overwrite)
    return write_atomically(path, figure_bytes(figure, kind, dpi), overwrite=overwrite)
