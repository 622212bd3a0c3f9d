"""Figures of matplotlib as files: the format by the suffix, whole or not at all.

Letters stay letters in SVG and PDF: they can be searched and edited.
"""

from __future__ import annotations

import math
import threading
from io import BytesIO
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import Inputs, check_files
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Of figures whose size on a page nobody set.
DPI = 150

#: Told apart with every common colour vision (Okabe and Ito, *Color universal design*, 2008).
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")

#: Text as text: TrueType in PDF (42), ``<text>`` in SVG. No date, so that equal figures are
#: equal files.
VECTOR_TEXT: Any = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}
_UNDATED = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
#: Held while matplotlib's settings are changed for one file.
SETTINGS = threading.Lock()


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
    figure: Figure,
    path: str | Path,
    *,
    dpi: float | None = None,
    overwrite: bool = False,
    inputs: Inputs = (),
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
    inputs : iterable of path-like
        Files that the figure was made of, which are never replaced.

    Raises
    ------
    OutputError
        If the file is there and may not be replaced.
    EDSError
        If figures are not drawn in that format.
    OSError
        If the folder does not exist or cannot be written.
    """
    from matplotlib.figure import Figure as AnyFigure

    expect(figure=(figure, AnyFigure), path=(path, PATH), dpi=(dpi, Real | None))
    if dpi is not None and not 0 < dpi < math.inf:
        raise EDSError(f"a figure has a positive number of dots per inch, not {dpi}")
    path = Path(path)
    kind = figure_format(path)
    check_files([path], overwrite=overwrite, inputs=inputs)
    return write_atomically(path, figure_bytes(figure, kind, dpi), overwrite=overwrite)
