"""The window *Figure*: maps, a spectrum or a plot for a paper, with a preview as it will be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QGuiApplication, QImage, QPixmap
from qtpy.QtWidgets import QDialog, QListWidget, QVBoxLayout, QWidget
from superqt.utils import QSignalDebouncer

from napari_eds._napari.exchange.figure_form import (
    ALL,
    MAPS,
    PLOTS,
    SELECTED,
    SPECTRUM,
    FigureForm,
    checked_names,
    fill,
)
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.parts.reasons import NO_MAP, lacking, offer
from napari_eds._napari.parts.saving import ask_to_save, may_replace
from napari_eds._napari.state.focus import Focus
from napari_eds._support.figures import figure_bytes, figure_format, save_figure
from napari_eds._support.outputs import check_files
from napari_eds.errors import EDSError
from napari_eds.exchange.figures.montage import map_figure
from napari_eds.exchange.figures.page import MM_PER_INCH, FigureStyle
from napari_eds.exchange.figures.panels import available_maps, default_maps
from napari_eds.exchange.figures.plots import plot_figure
from napari_eds.exchange.figures.spectrum import spectrum_figure
from napari_eds.quantification.result import Quantification
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Draws a figure of a style, in any thread: what it shows is bound to it.
Drawing = Callable[[FigureStyle], Any]

_PATIENCE_MS = 250
#: Pixels per inch of the preview, at most; and its widest, in pixels.
_PREVIEW_DPI, _PREVIEW_PX = 160, 1400
_FILES = "PNG (*.png);;PDF (*.pdf);;SVG (*.svg)"


class FigureDialog(QDialog):
    """Follows map, result and selected labels while it is open; drawing runs in a thread."""

    def __init__(self, focus: Focus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Figure")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._focus, self._jobs = focus, Jobs(self)
        self._picture: QPixmap | None = None
        self.form = FigureForm()
        box = QVBoxLayout(self)
        box.addWidget(self.form)
        self.resize(1000, 620)
        self._pause = QSignalDebouncer(parent=self)
        self._pause.setTimeout(_PATIENCE_MS)
        self._pause.triggered.connect(self._draw)
        self._connect()
        self._on_source()

    def _connect(self) -> None:
        form, focus, again = self.form, self._focus, self._pause.throttle
        form.kind.currentTextChanged.connect(self._on_kind)
        for listed in (form.maps, form.elements):
            listed.itemChanged.connect(again)
            model: Any = listed.model()
            model.rowsMoved.connect(again)
        for box in (form.outline, form.colormap):
            box.currentTextChanged.connect(again)
        for field in (form.columns, form.width_mm, form.dpi, form.letters):
            field.valueChanged.connect(again)
        for check in (form.same_scale, form.log):
            check.toggled.connect(again)
        focus.map_changed.connect(self._on_source)
        focus.result_changed.connect(self._on_source)
        focus.selection_changed.connect(again)
        form.save.clicked.connect(self._on_save)
        form.copy.clicked.connect(self._on_copy)
        form.close_button.clicked.connect(self.close)

    # What is drawn.

    @property
    def source(self) -> SpectrumImage | Quantification | None:
        """The result in focus, or the map without one."""
        return self._focus.result or self._focus.image

    def _on_source(self) -> None:
        """Offer the maps and elements that there are; those that were checked stay."""
        source, form = self.source, self.form
        result = self._focus.result
        offer(form.save, form.copy, unless=lacking((source, NO_MAP)))
        if source is not None:
            _offer(form.maps, available_maps(source), default_maps(source))
        elements = list(result.elements) if result is not None else []
        _offer(form.elements, elements, elements)
        self._on_kind()

    def _on_kind(self) -> None:
        self.form.show_fields()
        self._pause.throttle()

    def drawing(self) -> Drawing:
        """Return what draws the figure that is chosen.

        Raises
        ------
        EDSError
            If it cannot be drawn; the message says what is missing.
        """
        form, source, result = self.form, self.source, self._focus.result
        kind = form.kind.currentText()
        if source is None:
            raise EDSError("open a map first")
        if kind == MAPS:
            outline: bool | list[int] = form.outline.currentText() == ALL
            if form.outline.currentText() == SELECTED:
                outline = [i for i in self._focus.selected if i]
            if result is None:
                outline = False
            options = {"n_columns": form.columns.value() or None, "outline": outline}
            options["same_scale"] = form.same_scale.isChecked()
            return _drawn(map_figure, source, checked_names(form.maps), **options)
        if result is None:
            raise EDSError("quantify labels first: only a result has this")
        if kind == SPECTRUM:
            label = next((i for i in reversed(self._focus.selected) if i in result.table.index), 0)
            label = label or int(result.table.index[0])
            return _drawn(spectrum_figure, result, label, log=form.log.isChecked())
        chosen = checked_names(form.elements)
        wanted = {"scatter": 2, "ternary": 3}.get(PLOTS[kind])
        return _drawn(plot_figure, result, PLOTS[kind], chosen[:wanted])

    def _draw(self) -> None:
        """Draw the preview in a thread."""
        self.form.about.setText("")
        try:
            drawing, style = self.drawing(), self.form.style_chosen()
        except EDSError as error:
            self._show(str(error))
            return
        width_in = style.width_mm / MM_PER_INCH
        dpi = int(min(_PREVIEW_DPI, style.dpi, _PREVIEW_PX / width_in))
        self._jobs.run(
            "preview", partial(_png, drawing, replace(style, dpi=max(dpi, 30))), self._show
        )

    def _show(self, found: bytes | str) -> None:
        """Show the picture, or what is wrong in its place."""
        self._picture = None
        if isinstance(found, str):
            self.form.preview.setText(f"{found[:1].upper()}{found[1:]}.")
            return
        self._picture = QPixmap.fromImage(QImage.fromData(found))
        self._fit()
        mm = self.form.width_mm.value()
        height = mm * self._picture.height() / max(self._picture.width(), 1)
        self.form.about.setText(f"{mm:.0f} × {height:.0f} mm")

    def _fit(self) -> None:
        """Show the picture as large as there is room."""
        if self._picture is not None:
            self.form.preview.setPixmap(
                self._picture.scaled(
                    self.form.preview.size(),
                    Qt.AspectRatioMode.KeepAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
            )

    def resizeEvent(self, event: Any) -> None:
        """Fit the preview."""
        super().resizeEvent(event)
        self._fit()

    # What is done with it.

    def _on_copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        try:
            work = partial(_png, self.drawing(), self.form.style_chosen())
        except EDSError as error:
            self._show(str(error))
            return

        def copy(found: bytes | str) -> None:
            if isinstance(found, bytes) and clipboard is not None:
                clipboard.setImage(QImage.fromData(found))
                self.form.about.setText("Copied.")

        self._jobs.run("copy", work, copy)

    def _on_save(self) -> None:
        image = self._focus.image
        stem = "figure" if image is None else (image.source.stem if image.source else image.name)
        chosen = ask_to_save(self, "Save the figure", f"{stem}.png", _FILES, ())
        if chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, [path], asked)
        if overwrite is None:
            return
        inputs = [image.source] if image is not None else []
        try:
            drawing, style = self.drawing(), self.form.style_chosen()
            check_files([path], overwrite=overwrite, inputs=inputs)
            figure_format(path)
        except EDSError as error:
            self._show(str(error))
            return
        self._jobs.run(
            "save", partial(_save, drawing, style, path, overwrite=overwrite), self._on_saved
        )

    def _on_saved(self, path: Path) -> None:
        self.form.about.setText(f"Saved {path.name}.")
        show_info(f"Saved {path}.")


def _drawn(function: Callable[..., Any], *what: Any, **options: Any) -> Drawing:
    return lambda style: function(*what, **options, style=style)


def _png(drawing: Drawing, style: FigureStyle) -> bytes | str:
    """Return the picture, or what is wrong as a text, which is shown in its place."""
    try:
        return figure_bytes(drawing(style), "png")
    except EDSError as error:
        return str(error)


def _save(drawing: Drawing, style: FigureStyle, path: Path, *, overwrite: bool) -> Path:
    return save_figure(drawing(style), path, overwrite=overwrite)


def _offer(listed: QListWidget, names: list[str], default: list[str]) -> None:
    """List names; what was checked stays so where it is still there."""
    before = [name for name in checked_names(listed) if name in names]
    with QSignalBlocker(listed):
        fill(listed, names, before or default)
