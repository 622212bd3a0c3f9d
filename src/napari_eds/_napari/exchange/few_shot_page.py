"""The page of the dock *EDS exchange* that classifies chips by a few painted examples."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_info
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QSignalDebouncer

from napari_eds._napari.exchange.classes import (
    PaintedClass,
    chip_layers,
    chips_layer,
    choose_examples,
    class_layer,
    class_names,
    classification_of,
    example_layers,
    examples_of,
    layer_colors,
    legend,
    name_class,
    paint_examples,
    painted_classes,
    show_classes,
)
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.numbers import counted
from napari_eds._napari.parts.reasons import BUSY, NO_RESULT, lacking, offer
from napari_eds._napari.parts.saving import CSV_KIND, ask_to_save, may_replace
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import QUANTIFICATION, label_names
from napari_eds.errors import EDSError, LabelError
from napari_eds.few_shot.chips import support_from_painting
from napari_eds.few_shot.classification import Classification, classify, read_classification
from napari_eds.quantification.result import Quantification

_NONE = "none"
#: Wait so long for the next dab of the brush before counting.
_PAUSE_MS = 150
_TABLE_HEIGHT_PX = 132
_ROW_HEIGHT_PX = 22
_SWATCH_PX = 12


class FewShotPage(QWidget):
    """Chooses chips and painted examples, names classes, classifies, and shows the legend."""

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self._focus, self._work = focus, work
        self._classes: list[PaintedClass] = []
        self._pause = QSignalDebouncer(parent=self)
        self._pause.setTimeout(_PAUSE_MS)
        self._make()
        self._lay_out()
        self._connect()
        self._on_layers()

    def _make(self) -> None:
        self.chips, self.examples = QComboBox(), QComboBox()
        self.chips.setToolTip("Labels layer whose regions are classified; it must be quantified")
        self.examples.setToolTip("Labels layer in which examples of each class are painted")
        for choice in (self.chips, self.examples):
            choice.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        self.paint = QPushButton("Paint examples")
        self.paint.setToolTip(
            "Take up the brush: paint over two to ten chips of a phase; take another label number "
            "for the next phase"
        )
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["class (double-click to name)", "chips"])
        self.table.setToolTip("Classes that are painted, and how many chips each touches")
        self.table.setFixedHeight(_TABLE_HEIGHT_PX)
        self.table.setTabKeyNavigation(False)  # arrows go through the cells; Tab must lead on
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.run, self.save = QPushButton("Classify"), QPushButton("Save CSV…")
        self.read = QPushButton("Read CSV…")
        self.run.setToolTip(
            "Give every chip the class whose examples its spectrum and composition resemble most"
        )
        self.save.setToolTip(
            "Save probabilities (0 to 1) and classes as Multimodal-Few-Shot writes them"
        )
        self.read.setToolTip(
            "Show classes of these chips that Multimodal-Few-Shot, pychip_gui or this program "
            "saved"
        )
        self.legend = WrappedText(lines=1)
        self.legend.setTextFormat(Qt.TextFormat.RichText)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Chips", self.chips)
        form.addRow("Examples", self.examples)
        buttons = QHBoxLayout()
        for button in (self.run, self.save, self.read):
            buttons.addWidget(button)
        box = QVBoxLayout(self)
        box.setContentsMargins(4, 6, 4, 2)
        box.setSpacing(4)
        box.addLayout(form)
        box.addWidget(self.paint)
        box.addWidget(self.table)
        box.addLayout(buttons)
        box.addWidget(self.legend)
        box.addStretch(1)
        header: Any = self.table.horizontalHeader()
        header.setSectionResizeMode(0, header.ResizeMode.Stretch)
        header.setSectionResizeMode(1, header.ResizeMode.ResizeToContents)
        rows: Any = self.table.verticalHeader()
        rows.setMinimumSectionSize(_ROW_HEIGHT_PX)
        rows.setDefaultSectionSize(_ROW_HEIGHT_PX)

    def _connect(self) -> None:
        focus = self._focus
        for signal in (
            focus.layers_changed,
            focus.map_changed,
            focus.labels_changed,
            focus.result_changed,
        ):
            signal.connect(self._on_layers)
        focus.labels_edited.connect(self._pause.throttle)
        self._pause.triggered.connect(self._show_classes)
        self._work.changed.connect(self._enable)
        self.chips.activated.connect(self._on_chips)
        self.examples.activated.connect(self._on_examples)
        self.paint.clicked.connect(self._on_paint)
        self.table.itemChanged.connect(self._on_named)
        self.run.clicked.connect(self._on_run)
        self.save.clicked.connect(self._on_save)
        self.read.clicked.connect(self._on_read)

    # Chips and examples.

    def _on_layers(self) -> None:
        """Offer the layers there are now."""
        _offer(self.chips, [layer.name for layer in chip_layers(self._focus)], self._chips())
        examples = example_layers(self._focus)
        _offer(
            self.examples,
            [_NONE, *(layer.name for layer in examples)],
            examples_of(self._focus),
        )
        self._show_classes()
        self._show_legend()

    def _chips(self) -> Labels | None:
        return chips_layer(self._focus)

    def _on_chips(self, index: int) -> None:
        self._focus.set_labels_layer(chip_layers(self._focus)[index])

    def _on_examples(self, index: int) -> None:
        choose_examples(self._focus, None if not index else example_layers(self._focus)[index - 1])
        self._on_layers()

    def _on_paint(self) -> None:
        if paint_examples(self._focus) is not None:
            show_info("Paint over a few chips of a phase; take another label for the next phase.")
        self._on_layers()

    def _show_classes(self) -> None:
        """List what is painted; a name that is being edited is left alone if nothing changed."""
        chips, examples = self._chips(), examples_of(self._focus)
        classes = [] if chips is None or examples is None else painted_classes(chips, examples)
        if classes != self._classes:
            self._classes = classes
            with QSignalBlocker(self.table):
                self.table.setRowCount(len(classes))
                self.table.setVerticalHeaderLabels([str(c.id) for c in classes])
                for row, painted in enumerate(classes):
                    self.table.setItem(row, 0, _named(painted))
                    self.table.setItem(row, 1, _count(painted.n_chips))
        self._enable()

    def _on_named(self, item: QTableWidgetItem) -> None:
        examples = examples_of(self._focus)
        if examples is not None and item.column() == 0 and item.text().strip():
            name_class(examples, self._classes[item.row()].id, item.text().strip())
        self._show_classes()

    def _enable(self) -> None:
        free, chips = not self._work, self._chips()
        idle, some_chips = (free, BUSY), (chips, self._focus.no_labels)
        offer(self.paint, unless=lacking(some_chips))
        offer(self.read, unless=lacking(some_chips, idle))
        quantified = chips is not None and QUANTIFICATION in chips.metadata
        examples = (len(self._classes) > 1, "Paint examples of two classes or more first.")
        offer(self.run, unless=lacking(some_chips, (quantified, NO_RESULT), examples, idle))
        found = classification_of(self._focus.viewer, chips)
        offer(self.save, unless=lacking((found, "Classify chips first."), idle))
        if found is None:
            self.legend.setText(_advice(chips, len(self._classes)))

    # Classifying.

    def _on_run(self) -> None:
        """Classify in a thread; chips and examples are bound to it."""
        chips, examples = self._chips(), examples_of(self._focus)
        if chips is None or examples is None:
            return
        work = partial(
            _classified,
            chips.metadata[QUANTIFICATION],
            chips.data.copy(),
            examples.data.copy(),
            class_names(examples),
        )
        colors = {painted.name: painted.color for painted in self._classes}
        self._work.run(
            "classifying",
            lambda _report: work(),
            partial(self._on_found, chips, colors),
            replaces=False,
        )

    def _on_found(self, chips: Labels, colors: dict[str, str], found: Classification) -> None:
        if chips not in self._focus.viewer.layers:
            notify(LabelError("the chips were deleted meanwhile; nothing is shown"))
            return
        show_classes(self._focus, chips, found, colors)
        self._work.say(_account(found))
        self._on_layers()

    def _show_legend(self) -> None:
        viewer, chips = self._focus.viewer, self._chips()
        layer, found = class_layer(viewer, chips), classification_of(viewer, chips)
        if layer is not None and found is not None:
            self.legend.setText(legend(found, layer_colors(layer, found)))

    def _on_save(self) -> None:
        found = classification_of(self._focus.viewer, self._chips())
        chosen = ask_to_save(self, "Save the classes", "classes.csv")
        if found is None or chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, [path], asked)
        if overwrite is not None:
            self._work.run(
                "saving",
                lambda _report: found.to_csv(path, overwrite=overwrite),
                self._on_saved,
                replaces=False,
            )

    def _on_saved(self, path: Path) -> None:
        self._work.say(f"Saved {path.name} in {path.parent}.")

    def _on_read(self) -> None:
        chips = self._chips()
        path = QFileDialog.getOpenFileName(self, "Read classes", "", CSV_KIND)[0]
        if chips is None or not path:
            return
        labels, names = chips.data.copy(), label_names(chips)
        self._work.run(
            "reading",
            lambda _report: read_classification(path, labels, names),
            partial(self._on_found, chips, {}),
            replaces=False,
        )


def _classified(
    result: Quantification, chips: np.ndarray, examples: np.ndarray, names: dict[int, str]
) -> Classification:
    """Classify; napari shows the warning that strokes of two classes touch a chip."""
    if not np.array_equal(chips, result.labels):
        raise EDSError("the chips were changed after they were quantified; quantify them again")
    return classify(result, support_from_painting(chips, examples, names))


def _account(found: Classification) -> str:
    if found.distances is None:
        return f"Classes of {counted(len(found.table), 'chip')} read."
    unlike = int((found.distances.min(axis=1) > _UNLIKE).sum())
    if not unlike:
        return f"{counted(len(found.table), 'chip')} classified."
    return (
        f"{counted(len(found.table), 'chip')} classified; {unlike} resemble none of the "
        f"classes (more than {_UNLIKE:g} times the expected scatter away), such as chips at "
        "interfaces."
    )


#: Root mean square distance from all classes, in units of what is expected, that is suspicious.
_UNLIKE = 3.0


def _advice(chips: Labels | None, n_classes: int) -> str:
    if chips is None:
        return "Open a map and make chips first."
    if QUANTIFICATION not in chips.metadata:
        return "Quantify the chips before they are classified. They can be exported without."
    if n_classes < 2:
        return "Paint over a few chips of two classes at least."
    return ""


def _offer(choice: QComboBox, names: list[str], current: Labels | None) -> None:
    with QSignalBlocker(choice):
        choice.clear()
        choice.addItems(names)
        choice.setCurrentIndex(
            choice.findText(current.name) if current is not None else min(0, len(names) - 1)
        )


def _named(painted: PaintedClass) -> QTableWidgetItem:
    item = QTableWidgetItem(painted.name)
    swatch = QPixmap(_SWATCH_PX, _SWATCH_PX)
    swatch.fill(QColor(painted.color))
    item.setData(Qt.ItemDataRole.DecorationRole, swatch)
    return item


def _count(n: int) -> QTableWidgetItem:
    item = QTableWidgetItem(str(n))
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
