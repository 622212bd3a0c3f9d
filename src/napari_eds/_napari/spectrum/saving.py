"""Saving the plot as a figure, and its spectra as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QBuffer, QCoreApplication, QEvent, QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtSvg import QSvgGenerator

from napari_eds._napari.spectrum.colors import PAPER
from napari_eds._napari.spectrum.plot import SpectrumPlot
from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import check_files
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Types of files by the filter of the dialog.
FILTERS = {
    "Figure (*.png)": ".png",
    "Vector figure (*.svg)": ".svg",
    "Spectra as a table (*.csv)": ".csv",
    "Spectra, EMSA/MAS (*.msa)": ".msa",
}
_PICTURES = (".png", ".svg")

#: Size of a figure in points of the screen, and how much finer a PNG is: 300 dpi at 7.6 inches.
_SIZE = QSize(760, 420)
_FINER = 3
_LINE_WIDTH = 1.0


def files(plot: SpectrumPlot, path: Path) -> list[Path]:
    """Return the files that `save` writes."""
    if path.suffix.lower() in _PICTURES:
        return [path]
    from napari_eds.exchange.spectra import spectra_files

    return spectra_files(path, [s.name for s in plot.content.spectra])


def save(plot: SpectrumPlot, image: SpectrumImage, path: Path, *, overwrite: bool = False) -> None:
    """Save the view or the spectra, by the ending of the path.

    Raises
    ------
    OSError, EDSError
        If it cannot be written.
    """
    if path.suffix.lower() in _PICTURES:
        save_picture(plot, path, overwrite=overwrite)
        return
    from napari_eds.exchange.spectra import save_spectra

    spectra = plot.content.spectra
    save_spectra(
        path,
        [s.name for s in spectra],
        [s.counts for s in spectra],
        image.energy,
        acquisition=image.acquisition,
        overwrite=overwrite,
    )


def save_picture(plot: SpectrumPlot, path: Path, *, overwrite: bool = False) -> None:
    """Save the view as PNG or SVG, on white and in the size of a figure.

    Raises
    ------
    OutputError
        If the file is there and may not be replaced.
    OSError
        If it cannot be written.
    """
    check_files([path], overwrite=overwrite)
    drawn = QBuffer()
    drawn.open(QBuffer.OpenModeFlag.WriteOnly)
    vector = path.suffix.lower() == ".svg"
    # Lines are as wide in pixels as they are told, however fine the pixels.
    figure = _on_paper(plot, width=_LINE_WIDTH * (1 if vector else _FINER))
    area = QRectF(0, 0, _SIZE.width(), _SIZE.height())
    if vector:
        device: Any = QSvgGenerator()
        device.setOutputDevice(drawn)
        device.setSize(_SIZE)
        device.setViewBox(area)
        device.setTitle("EDS spectrum")
    else:
        device = QImage(_SIZE * _FINER, QImage.Format.Format_RGB32)
        device.setDevicePixelRatio(_FINER)
        device.fill(Qt.GlobalColor.white)
    painter = QPainter()
    if not painter.begin(device):
        raise OSError(f"cannot write {path}")
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    figure.scene().prepareForPaint()
    figure.render(painter, area, figure.viewport().rect())
    painter.end()
    figure.close()
    if isinstance(device, QImage) and not device.save(drawn, "PNG"):
        raise OSError(f"cannot write {path}")
    write_atomically(path, drawn.data().data(), overwrite=overwrite)


def _on_paper(plot: SpectrumPlot, *, width: float) -> SpectrumPlot:
    """Return a plot of the same view in the size and colours of a figure."""
    figure = SpectrumPlot()
    figure.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    figure.resize(_SIZE)
    figure.show()
    figure.set_look(scale=plot.look.scale, per_pixel=plot.look.per_pixel, width=width)
    figure.set_colors(PAPER)
    figure.show_content(plot.content)
    (low, high), (bottom, top) = plot.view.viewRange()
    figure.view.setRange(xRange=(low, high), yRange=(bottom, top), padding=0)
    figure.residual_view.setYRange(*plot.residual_view.viewRange()[1], padding=0)
    # Two rounds: axes tell their size to plots, and those to the layout of both.
    for _ in range(2):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)
    return figure
