"""Saving the plot as a figure, and its spectra as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QCoreApplication, QEvent, QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtSvg import QSvgGenerator

from napari_eds._napari.spectrum.colors import PAPER
from napari_eds._napari.spectrum.plot import SpectrumPlot
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


def save(plot: SpectrumPlot, image: SpectrumImage, path: Path) -> None:
    """Save the view or the spectra, by the ending of the path.

    Raises
    ------
    OSError, EDSError
        If it cannot be written.
    """
    if path.suffix.lower() in _PICTURES:
        save_picture(plot, path)
        return
    from napari_eds.exchange.spectra import save_spectra

    spectra = plot.content.spectra
    save_spectra(
        path,
        [s.name for s in spectra],
        [s.counts for s in spectra],
        image.energy,
        acquisition=image.acquisition,
    )


def save_picture(plot: SpectrumPlot, path: Path) -> None:
    """Save the view as PNG or SVG, on white and in the size of a figure.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    vector = path.suffix.lower() == ".svg"
    # Lines are as wide in pixels as they are told, however fine the pixels.
    figure = _on_paper(plot, width=_LINE_WIDTH * (1 if vector else _FINER))
    area = QRectF(0, 0, _SIZE.width(), _SIZE.height())
    if vector:
        device: Any = QSvgGenerator()
        device.setFileName(str(path))
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
    if isinstance(device, QImage) and not device.save(str(path)):
        raise OSError(f"cannot write {path}")
    figure.close()


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
