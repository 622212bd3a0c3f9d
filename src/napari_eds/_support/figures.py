"""Figures of matplotlib as files: the format by the suffix, whole or not at all."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import check_files
from napari_eds.errors import EDSError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: Figure, path: str | Path, *, overwrite: bool = False) -> Path:
    """Save a figure in the format of the suffix, whole or not at all.

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
    check_files([path], overwrite=overwrite)
    buffer = BytesIO()
    figure.savefig(buffer, format=figure_format(path), dpi=150)
    return write_atomically(path, buffer.getvalue(), overwrite=overwrite)


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
