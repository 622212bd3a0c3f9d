"""The page of the dock *EDS exchange* for figures, reports, tables, and other maps alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from napari.utils.notifications import show_info
from qtpy.QtWidgets import (
    QGridLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.exchange.figure_dialog import FigureDialog
from napari_eds._napari.exchange.same_recipe import Order, orders, quantify_all, with_settings
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, NO_RESULT, lacking, offer
from napari_eds._napari.parts.saving import Target, ask_to_save, may_replace
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._napari.state.focus import Focus
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError
from napari_eds.exchange.report.saving import save_report
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.saving.excel import check_excel
from napari_eds.quantification.saving.results import TABLES, csv_files, save_maps_file

_REPORTS = "HTML (*.html);;PDF (*.pdf)"


class FiguresPage(QWidget):
    """Buttons for what leaves the program for people; it keeps nothing but the remarks."""

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self._focus, self._work = focus, work
        self._make()
        self._lay_out()
        focus.map_changed.connect(self._enable)
        for signal in (focus.labels_changed, focus.result_changed, focus.layers_changed):
            signal.connect(self._enable)
        work.changed.connect(self._enable)
        for button, action in (
            (self.figure, self._on_figure),
            (self.report, self._on_report),
            (self.excel, self._on_excel),
            (self.ome_tiff, self._on_ome_tiff),
            (self.copy_settings, self._on_copy_settings),
            (self.apply_to_all, self._on_apply_to_all),
        ):
            button.clicked.connect(action)
        self._enable()

    def _make(self) -> None:
        self.figure = QPushButton("Figure…")
        self.title = QLineEdit()
        self.title.setPlaceholderText("title: the map's name")
        self.title.setToolTip("Title of the report; the map's name without one")
        self.remarks = QPlainTextEdit()
        self.remarks.setPlaceholderText("your remarks")
        self.remarks.setToolTip("Remarks of yours, which stand at the beginning of the report")
        self.remarks.setMaximumHeight(70)
        self.remarks.setTabChangesFocus(True)
        # napari's style gives it the background of the panel and no edge.
        self.remarks.setStyleSheet("QPlainTextEdit { border: 1px solid #888; }")
        self.report = QPushButton("Save report…")
        self.excel, self.ome_tiff = (
            QPushButton("Table as Excel…"),
            QPushButton("Maps as OME-TIFF…"),
        )
        self.about = WrappedText(lines=1)
        self.copy_settings = QPushButton("Copy settings")
        self.apply_to_all = QPushButton("Quantify all maps")
        for button, tip in {
            self.figure: "Maps, a spectrum or a plot for a paper, with a preview",
            self.report: "One file with maps, compositions, spectra, account and provenance",
            self.excel: "Save the table with its errors and the account as a workbook",
            self.ome_tiff: "Save the at.% maps as the channels of one file that knows the size of "
            "its pixels",
            self.copy_settings: "Give all other open maps the settings of this one",
            self.apply_to_all: "Quantify all open maps with the settings of this one: their own "
            "labels, or a grid of the same chips where they have none",
        }.items():
            button.setToolTip(tip)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(4)
        rows: list[tuple[QWidget, ...]] = [
            (_heading("Figure for a paper"),),
            (self.figure,),
            (_heading("Report"),),
            (self.title,),
            (self.remarks,),
            (self.report,),
            (_heading("Export"),),
            (self.excel, self.ome_tiff),
            (_heading("Same recipe on the other maps"),),
            (self.about,),
            (self.copy_settings, self.apply_to_all),
        ]
        for i, widgets in enumerate(rows):
            wide = len(widgets) == 1 and not isinstance(widgets[0], QPushButton)
            for j, widget in enumerate(widgets):
                grid.addWidget(widget, i, j, 1, 2 if wide else 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(4, 6, 4, 2)
        box.addLayout(grid)
        box.addStretch(1)

    # What can be done.

    def _enable(self) -> None:
        """Grey what cannot be done now, and say why."""
        result, image = self._focus.result, self._focus.image
        others = [m for m in self._focus.map_layers() if m is not self._focus.map_layer]
        no_result, no_map = lacking((result, NO_RESULT)), lacking((image, NO_MAP))
        alone = no_map or lacking((bool(others), "Open another map first."))
        busy = lacking((not self._work, BUSY))
        for button, why in (
            (self.figure, no_map),
            (self.report, no_result),
            (self.excel, no_result),
            (self.ome_tiff, no_result),
            (self.copy_settings, alone),
            (self.apply_to_all, alone),
        ):
            offer(button, unless=why or ("" if button is self.figure else busy))
        names = ", ".join(m.name for m in others)
        self.about.setText(f"Other maps: {names}." if others else "No other map is open.")

    def _on_figure(self) -> None:
        FigureDialog(self._focus, self).show()

    # Saving.

    def _ask(
        self, title: str, ending: str, kinds: str, others: Sequence[str] = ()
    ) -> Target | None:
        result = self._focus.result
        if result is None:
            return None
        stem = result.image.source.stem if result.image.source else result.image.name
        return ask_to_save(self, title, f"{stem}{ending}", kinds, others)

    def _save(
        self, target: Target, files: list[Path], write: Callable[[bool, Progress], object]
    ) -> None:
        path, overwrite = target.path, may_replace(self, files, target.asked)
        if overwrite is not None:
            self._work.run(
                "saving",
                lambda report: write(overwrite, report),
                lambda _: _told(path),
                replaces=False,
            )

    def _on_report(self) -> None:
        result, target = self._focus.result, self._ask("Save the report", "_report.html", _REPORTS)
        if result is None or target is None:
            return
        path, title = target.path, self.title.text().strip() or None
        remarks = self.remarks.toPlainText()
        self._save(
            target,
            [path],
            lambda overwrite, report: save_report(
                result, path, title=title, remarks=remarks, overwrite=overwrite, progress=report
            ),
        )

    def _on_excel(self) -> None:
        try:
            check_excel()
        except EDSError as error:
            notify(error)
            return
        result = self._focus.result
        target = self._ask("Save the table", ".xlsx", "Excel (*.xlsx)", TABLES)
        if result is not None and target is not None:
            write = partial(_write_table, result, target.path)
            self._save(target, csv_files(target.path), write)

    def _on_ome_tiff(self) -> None:
        result = self._focus.result
        target = self._ask("Save the maps", "_at_pct.ome.tif", "OME-TIFF (*.ome.tif)")
        if result is not None and target is not None:
            self._save(target, [target.path], partial(_write_maps, result, target.path))

    # The same on other maps.

    def _on_copy_settings(self) -> None:
        settings = self._focus.settings
        if settings is None:
            return
        others = [m for m in self._focus.map_layers() if m is not self._focus.map_layer]
        for layer in others:
            with_settings(layer, settings)
        show_info(f"Settings copied to {', '.join(m.name for m in others)}.")

    def _on_apply_to_all(self) -> None:
        settings = self._focus.settings
        if settings is None:
            return
        try:
            found = orders(self._focus, settings)
        except (EDSError, OSError) as error:
            notify(error)
            return
        self._work.run(
            "quantifying",
            partial(quantify_all, found),
            partial(self._on_all, found),
            replaces=False,
        )

    def _on_all(
        self, asked: list[Order], results: list[tuple[Quantification | None, str]]
    ) -> None:
        problems = []
        for order, (result, problem) in zip(asked, results, strict=True):
            if order.map_layer not in self._focus.viewer.layers:
                problems.append(f"{order.name}: the map was deleted meanwhile")
            elif result is None:
                problems.append(f"{order.name}: {problem}")
            else:
                self._focus.show_result(order.labels_layer(self._focus.viewer), result)
        done = len(asked) - len(problems)
        if problems:
            notify(EDSError(f"{done} of {len(asked)} maps quantified. {'; '.join(problems)}"))
        else:
            show_info(f"{done} maps quantified with the same recipe.")


def _write_table(result: Quantification, path: Path, overwrite: bool, _report: Progress) -> object:  # noqa: FBT001 - passed on by position
    return result.to_csv(path, overwrite=overwrite)


def _write_maps(result: Quantification, path: Path, overwrite: bool, _report: Progress) -> object:  # noqa: FBT001 - passed on by position
    return save_maps_file(result, path, overwrite=overwrite)


def _told(path: Path) -> None:
    show_info(f"Saved {path}.")


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold; padding-top: 6px;")
    return label
