"""What a batch is made of: inputs, recipe, rule for labels, folder and workers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_eds._support.raw_files import SUFFIXES
from napari_eds.batches.local import n_cores
from napari_eds.errors import EDSError
from napari_eds.labels.rule import Kind, LabelRule

#: What the choice of labels says, the kind of rule, and what its number is at first.
_KINDS: tuple[tuple[str, Kind, int], ...] = (
    ("Grid, pixels a side", "grid", 16),
    ("Chips of so many X-rays", "min_counts", 5000),
    ("Superpixels, about", "superpixels", 100),
    ("Clusters of spectra", "clusters", 4),
    ("Whole map", "whole", 0),
    ("Label file beside each map", "file", 0),
)
_MOST = 100_000_000
_LIST_HEIGHT_PX = 72


class Asked(NamedTuple):
    """What the form asks for."""

    inputs: tuple[str, ...]
    recipe_file: str
    rule: LabelRule
    output: Path
    workers: int
    maps: bool
    report: bool


class BatchForm(QWidget):
    """The fields; `asked` reads them."""

    def __init__(self) -> None:
        super().__init__()
        self._make_inputs()
        self._make_fields()
        self._lay_out()
        self.add_files.clicked.connect(self._on_files)
        self.add_folder.clicked.connect(self._on_folder)
        self.remove.clicked.connect(self._on_remove)
        self.choose_recipe.clicked.connect(self._on_recipe)
        self.choose_output.clicked.connect(self._on_output)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self._on_kind(0)

    def _make_inputs(self) -> None:
        self.inputs = QListWidget()
        self.inputs.setFixedHeight(_LIST_HEIGHT_PX)
        self.inputs.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.inputs.setToolTip("Files, and folders that are looked through with all in them")
        self.add_files, self.add_folder = QPushButton("Add files…"), QPushButton("Add folder…")
        self.add_files.setToolTip("Add files with maps to the list")
        self.add_folder.setToolTip("Add a folder, of which all maps are quantified")
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Take the selected inputs off this list; nothing is deleted")

    def _make_fields(self) -> None:
        self.recipe, self.choose_recipe = QLineEdit(), QPushButton("…")
        self.recipe.setPlaceholderText("settings of the map in view")
        self.recipe.setToolTip("Recipe of an earlier run (.json); empty: the settings in view")
        self.choose_recipe.setToolTip("Choose the file of a recipe")
        self.kind, self.number, self.rule = QComboBox(), QSpinBox(), QLineEdit()
        self.kind.addItems([text for text, _, _ in _KINDS])
        self.kind.setToolTip("How each map is labelled")
        self.number.setRange(1, _MOST)
        self.number.setToolTip("Pixels a side, counts, or number, as the choice above says")
        self.rule.setText("{stem}_labels.tif")
        self.rule.setToolTip("{stem} and {name} are the name of the map without and with ending")
        self.output, self.choose_output = QLineEdit(), QPushButton("…")
        self.output.setPlaceholderText("folder for tables and manifest")
        self.output.setToolTip("Not among the maps; a batch that is there is resumed")
        self.choose_output.setToolTip("Choose the folder for the results")
        self.workers = QSpinBox()
        self.workers.setRange(1, 256)
        self.workers.setValue(n_cores())
        self.workers.setToolTip("Processes; each holds one map in memory")
        self.maps, self.report = QCheckBox("at.% maps"), QCheckBox("reports")
        self.maps.setToolTip("Save the at.% maps of each file")
        self.report.setToolTip("Write a report of each file, as HTML")

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.inputs)
        form.addRow(_row(self.add_files, self.add_folder, self.remove))
        form.addRow("Recipe", _row(self.recipe, self.choose_recipe))
        form.addRow("Labels", self.kind)
        form.addRow("", _row(self.number, self.rule))
        form.addRow("Output", _row(self.output, self.choose_output))
        form.addRow("Workers", _row(self.workers, self.maps, self.report))

    def asked(self) -> Asked:
        """Return what is asked for.

        Raises
        ------
        EDSError
            If something is missing or cannot be meant.
        """
        inputs = self._listed()
        if not inputs:
            raise EDSError("add files or folders with maps first")
        if not self.output.text().strip():
            raise EDSError("choose a folder for the results, outside of those with maps")
        return Asked(
            inputs,
            self.recipe.text().strip(),
            self._rule(),
            Path(self.output.text().strip()),
            self.workers.value(),
            self.maps.isChecked(),
            self.report.isChecked(),
        )

    def _listed(self) -> tuple[str, ...]:
        items = (self.inputs.item(i) for i in range(self.inputs.count()))
        return tuple(item.text() for item in items if item is not None)

    def _rule(self) -> LabelRule:
        kind, number = _KINDS[self.kind.currentIndex()][1], self.number.value()
        if kind == "grid":
            return LabelRule.grid(number)
        if kind == "file":
            return LabelRule.beside(self.rule.text().strip())
        return LabelRule(kind, number=number)

    def _on_kind(self, index: int) -> None:
        _, kind, number = _KINDS[index]
        self.number.setVisible(number > 0)
        self.rule.setVisible(kind == "file")
        if number:
            self.number.setValue(number)

    def _on_files(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        chosen = QFileDialog.getOpenFileNames(self, "Add maps", "", f"EDS maps ({patterns})")[0]
        self._add(chosen)

    def _on_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Add a folder with maps")
        self._add([chosen] if chosen else [])

    def _add(self, chosen: list[str]) -> None:
        there = self._listed()
        self.inputs.addItems([path for path in chosen if path not in there])

    def _on_remove(self) -> None:
        for item in self.inputs.selectedItems():
            self.inputs.takeItem(self.inputs.row(item))

    def _on_recipe(self) -> None:
        path = QFileDialog.getOpenFileName(self, "Recipe", "", "Recipes (*.json)")[0]
        if path:
            self.recipe.setText(path)

    def _on_output(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if path:
            self.output.setText(path)


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget, int(isinstance(widget, QLineEdit)))
    return row
