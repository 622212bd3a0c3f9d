"""The page of the dock *EDS compare* that sets a result beside another one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Labels
from napari.utils.notifications import show_info
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.compare.layers import (
    Compared,
    Source,
    add_file,
    compared_of,
    names_of,
    show_compared,
    sources,
)
from napari_eds._napari.compare.maps_view import MapsView
from napari_eds._napari.compare.number_table import NumberTable, fill_comparison
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import tell_deleted
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, NO_RESULT, lacking, offer
from napari_eds._napari.parts.saving import CSV_KIND, ask_to_save, may_replace
from napari_eds._napari.parts.widgets import WrappedText, scrolling
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import QUANTIFICATION
from napari_eds._support.files import beside
from napari_eds.compare.results import compare_results
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import AT_PCT, WT_PCT

_TABLES = "Results (*.csv *.txt *.tsv *.dat *.edsession *.emd);;All files (*)"
_FIGURES = "Picture (*.png);;Vector graphics (*.svg *.pdf)"
_QUANTITIES = {"at.%": AT_PCT, "wt.%": WT_PCT}


class OtherPage(QWidget):
    """Chooses another result, compares, and shows statistics and maps."""

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self._focus, self._work = focus, work
        self._make()
        self._lay_out()
        self._connect()
        self._on_sources()
        self._show()

    def _make(self) -> None:
        self.source = QComboBox()
        self.source.setToolTip("Result to compare with: of other labels, of a file, or of Velox")
        self.source.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.source.setMinimumContentsLength(12)
        self.file = QPushButton("File…")
        self.file.setToolTip(
            "Add a table of at.% or wt.% by label or chip (ours or of another program), a saved "
            "session, or a map with the vendor's result"
        )
        self.quantity = QComboBox()
        self.quantity.addItems(list(_QUANTITIES))
        self.quantity.setToolTip("Compare atomic percent or weight percent")
        self.normalise = QCheckBox("to 100 %")
        self.normalise.setToolTip(
            "Make both add up to 100 % over the elements they share, before they are compared"
        )
        self.run = QPushButton("Compare")
        self.run.setToolTip("Compare the result of the labels, and show maps of the differences")
        self.table = NumberTable()
        self.table.setToolTip(
            "One row per element; a click shows its maps, a double-click selects the label of "
            "the largest difference; Ctrl+C copies"
        )
        self.maps = MapsView()
        self.account = WrappedText()
        self.save_csv, self.save_figure = QPushButton("Save CSV…"), QPushButton("Save figure…")
        self.save_csv.setToolTip(
            "Save values and differences of every label in percent, and the statistics beside it"
        )
        self.save_figure.setToolTip("Save the maps of all elements as PNG, SVG or PDF")

    def _lay_out(self) -> None:
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(4, 6, 4, 2)
        box.setSpacing(4)
        box.addLayout(_row((self.source, 1), (self.file, 0)))
        box.addLayout(_row((self.quantity, 0), (self.normalise, 1), (self.run, 1)))
        box.addWidget(self.table)
        box.addWidget(self.maps)
        box.addWidget(self.account)
        box.addStretch(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(scrolling(body), 1)
        page.addLayout(_row((self.save_csv, 1), (self.save_figure, 1)))

    def _connect(self) -> None:
        focus = self._focus
        focus.layers_changed.connect(self._on_sources)
        focus.map_changed.connect(self._on_sources)
        focus.labels_changed.connect(self._on_sources)
        focus.result_changed.connect(self._on_sources)
        focus.labels_changed.connect(self._show)
        focus.result_changed.connect(self._show)
        self._work.changed.connect(self._enable)
        self.file.clicked.connect(self._on_file)
        self.run.clicked.connect(self._on_run)
        self.table.itemSelectionChanged.connect(self._show_maps)
        self.table.cellDoubleClicked.connect(self._on_double_click)
        self.maps.label_clicked.connect(lambda label: focus.select([label]))
        self.save_csv.clicked.connect(self._on_save_csv)
        self.save_figure.clicked.connect(self._on_save_figure)

    # What there is to compare with.

    def _on_sources(self) -> None:
        """Offer what there is now; the choice stays where it is still there."""
        found = sources(self._focus)
        chosen = self.source.currentText()
        with QSignalBlocker(self.source):
            self.source.clear()
            for source in found:
                self.source.addItem(source.name)
            self.source.setCurrentIndex(max(self.source.findText(chosen), 0 if found else -1))
            self.source.setPlaceholderText("nothing yet: add a file" if not found else "")
        self._enable()

    def _chosen(self) -> Source | None:
        name = self.source.currentText()
        return next((s for s in sources(self._focus) if s.name == name), None)

    def _on_file(self) -> None:
        folder = self._focus.image and self._focus.image.source
        start = str(folder.parent) if folder else ""
        path = QFileDialog.getOpenFileName(self, "Compare with", start, _TABLES)[0]
        if path:
            add_file(self._focus, Path(path))
            self._on_sources()
            self.source.setCurrentIndex(self.source.count() - 1)

    def _enable(self) -> None:
        free, focus = not self._work, self._focus
        idle = (free, BUSY)
        offer(self.file, unless=lacking((focus.map_layer, NO_MAP), idle))
        other = (self.source.count() > 0, "Open a file to compare with first.")
        offer(self.run, unless=lacking((focus.result, NO_RESULT), other, idle))
        compared = (compared_of(focus.labels_layer), "Compare first.")
        offer(self.save_csv, self.save_figure, unless=lacking(compared, idle))

    # Comparing.

    def _on_run(self) -> None:
        """Compare in a thread; labels and result are bound to it, whatever is chosen later."""
        labels, result, source = self._focus.labels_layer, self._focus.result, self._chosen()
        if labels is None or result is None or source is None:
            return
        other = source.other
        if isinstance(other, Labels):
            other = other.metadata[QUANTIFICATION]
        options: dict[str, Any] = {
            "quantity": _QUANTITIES[self.quantity.currentText()],
            "normalise": self.normalise.isChecked(),
            "names": names_of(source, labels, result),
        }
        self._work.run(
            "comparing",
            lambda _report: Compared.of(result, compare_results(result, other, **options)),
            partial(self._on_compared, labels),
            replaces=False,
        )

    def _on_compared(self, labels: Labels, compared: Compared) -> None:
        if labels not in self._focus.viewer.layers:
            tell_deleted("Labels layer", "it was compared")
            return
        show_compared(self._focus.viewer, labels, compared)
        self._work.say("")
        self._show()

    def _show(self) -> None:
        """Show the comparison that the labels hold."""
        compared = compared_of(self._focus.labels_layer)
        self.table.setVisible(compared is not None)
        self._show_maps()
        self._enable()
        if compared is None:
            self.account.setText(_advice(self._focus))
            self.account.setToolTip("")
            return
        fill_comparison(self.table, compared.comparison)
        self._show_maps()
        lines = compared.comparison.account()
        if compared.result is not self._focus.result:
            lines.insert(0, "Of an earlier result: compare again.")
        self.account.setText(" ".join(lines[:2]))
        self.account.setToolTip("\n".join(lines))

    def _show_maps(self) -> None:
        self.maps.show_element(compared_of(self._focus.labels_layer), self.table.element())

    def _on_double_click(self, row: int, _column: int) -> None:
        compared = compared_of(self._focus.labels_layer)
        if compared is None or compared.comparison.is_whole:
            return
        label = compared.comparison.statistics["max_label"].iloc[row]
        if label is not None:
            self._focus.select([int(label)])

    # Saving.

    def _on_save_csv(self) -> None:
        self._save("Save the comparison", "_comparison.csv", CSV_KIND, _to_csv, "_statistics.csv")

    def _on_save_figure(self) -> None:
        self._save("Save the figure", "_comparison.png", _FIGURES, _to_figure)

    def _save(
        self,
        title: str,
        ending: str,
        kinds: str,
        save: Callable[..., list[Path]],
        *beside_it: str,
    ) -> None:
        compared = compared_of(self._focus.labels_layer)
        if compared is None:
            return
        chosen = ask_to_save(self, title, f"{_stem(compared.result)}{ending}", kinds)
        if chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, beside(path, *beside_it), asked)
        if overwrite is not None:
            self._work.run(
                "saving",
                lambda _report: save(compared, path, overwrite=overwrite),
                self._on_saved,
                replaces=False,
            )

    def _on_saved(self, written: list[Path]) -> None:
        text = f"Saved {', '.join(path.name for path in written)} in {written[0].parent}."
        self._work.say(text)
        show_info(text)


def _to_csv(compared: Compared, path: Path, *, overwrite: bool) -> list[Path]:
    return compared.comparison.to_csv(path, overwrite=overwrite)


def _to_figure(compared: Compared, path: Path, *, overwrite: bool) -> list[Path]:
    return [compared.comparison.save_figure(path, overwrite=overwrite)]


def _stem(result: Quantification) -> str:
    return result.image.source.stem if result.image.source else result.image.name


def _advice(focus: Focus) -> str:
    if focus.image is None:
        return "Open an EDS map first."
    if focus.result is None:
        return "Quantify the labels first; then their result can be compared."
    return (
        "Compare with the result of other labels with the same regions, with a table of another "
        "program, or with what Velox wrote into the file."
    )


def _row(*widgets: tuple[Any, int]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget, stretch in widgets:
        row.addWidget(widget, stretch)
    return row
