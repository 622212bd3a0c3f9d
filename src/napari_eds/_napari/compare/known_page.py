"""The page of the dock *EDS compare* that sets labels beside a known composition."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget
from superqt.utils import QSignalDebouncer

from napari_eds._napari.compare.number_table import NumberTable, fill_known
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.parts.numbers import counted
from napari_eds._napari.parts.reasons import BUSY, lacking, offer
from napari_eds._napari.parts.saving import Target, ask_to_save, may_replace
from napari_eds._napari.parts.theme import ThemeColors
from napari_eds._napari.parts.widgets import WrappedText, scrolling
from napari_eds._napari.state.focus import Focus
from napari_eds._support.files import beside
from napari_eds.compare.known import KnownComparison, compare_known
from napari_eds.errors import EDSError
from napari_eds.physics.formulas import parse_formula
from napari_eds.quantification.result import Quantification

#: Metadata of a map: the formula that its labels are compared with.
_FORMULA = "eds_known_formula"
#: Wait so long for the next key or dab before computing.
_PAUSE_MS = 150


class KnownPage(QWidget):
    """Compares selected labels with a formula, as it is typed and as labels are chosen."""

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self._focus, self._work = focus, work
        self._jobs = Jobs(self)
        self._colors: ThemeColors | None = None
        self._known: KnownComparison | None = None
        self._pause = QSignalDebouncer(parent=self)
        self._pause.setTimeout(_PAUSE_MS)
        self._make()
        self._lay_out()
        self._connect()
        self._on_map()

    def _make(self) -> None:
        self.formula = QLineEdit()
        self.formula.setPlaceholderText("SrTiO3")
        self.formula.setToolTip("Known composition as a formula, such as SrTiO3 or La0.7Sr0.3MnO3")
        self.says = WrappedText(lines=1)
        self.applies = WrappedText(lines=1)
        self.applies.setToolTip(
            "Select two labels or more, in the table of results, to compare these alone"
        )
        self.table = NumberTable()
        self.table.setToolTip("One row per element of the formula; Ctrl+C copies")
        self.account = WrappedText()
        self.save_csv, self.save_figure = QPushButton("Save CSV…"), QPushButton("Save figure…")
        self.save_csv.setToolTip("Save this table, and that of single labels (at.%) beside it")
        self.save_figure.setToolTip("Save found and expected at.% as bars, PNG, SVG or PDF")

    def _lay_out(self) -> None:
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(4, 6, 4, 2)
        box.setSpacing(4)
        for widget in (self.formula, self.says, self.applies, self.table, self.account):
            box.addWidget(widget)
        box.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.save_csv)
        row.addWidget(self.save_figure)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(scrolling(body), 1)
        page.addLayout(row)

    def _connect(self) -> None:
        focus = self._focus
        focus.map_changed.connect(self._on_map)
        for signal in (focus.labels_changed, focus.result_changed, focus.selection_changed):
            signal.connect(self._pause.throttle)
        self._pause.triggered.connect(self._compare)
        self._work.changed.connect(self._enable)
        self.formula.textEdited.connect(self._on_typed)
        self.formula.returnPressed.connect(self._compare)
        self.save_csv.clicked.connect(self._on_save_csv)
        self.save_figure.clicked.connect(self._on_save_figure)

    def set_colors(self, colors: ThemeColors) -> None:
        """Use the colours of a theme."""
        self._colors = colors
        self._check()

    # The formula, which lives in the layer of the map.

    def _on_map(self) -> None:
        layer = self._focus.map_layer
        self.formula.setText("" if layer is None else layer.metadata.get(_FORMULA, ""))
        self._compare()

    def _on_typed(self, text: str) -> None:
        if self._focus.map_layer is not None:
            self._focus.map_layer.metadata[_FORMULA] = text
        self._check()
        self._pause.throttle()

    def _check(self) -> bool:
        """Say what the formula means, or what is wrong with it."""
        text = self.formula.text().strip()
        try:
            atoms = parse_formula(text) if text else {}
        except EDSError as error:
            self._say(f"⚠ {error}", wrong=True)
            return False
        total = sum(atoms.values())
        shares = ", ".join(f"{e} {100 * n / total:.2f}" for e, n in atoms.items())
        self._say(f"{shares} at.%" if shares else "Type the formula.", wrong=False)
        return bool(atoms)

    def _say(self, text: str, *, wrong: bool) -> None:
        color = self._colors.error if wrong and self._colors is not None else ""
        self.says.setStyleSheet(f"color: {color};" if color else "")
        self.says.setText(text)

    # Comparing.

    def labels(self) -> list[int] | None:
        """Return the labels that count: those selected if several are, else all (None)."""
        selected = list(self._focus.selected)
        return selected if len(selected) > 1 else None

    def _compare(self) -> None:
        """Compare in a thread; a later question replaces an earlier one."""
        result, labels = self._focus.result, self.labels()
        self.applies.setText(_applies(result, labels))
        if not self._check() or result is None:
            self._jobs.drop("known")
            self._show(None)
            return
        work = partial(_compared, result, self.formula.text().strip(), labels)
        self._jobs.run("known", work, self._show)

    def _show(self, known: KnownComparison | str | None) -> None:
        """Show a comparison, or say what stands against it."""
        self._known = known if isinstance(known, KnownComparison) else None
        self.table.setVisible(self._known is not None)
        lines = [f"⚠ {known}"] if isinstance(known, str) else []
        if self._known is not None:
            fill_known(self.table, self._known)
            lines = self._known.account()
        self.account.setText("\n".join(lines))
        self._enable()

    def _enable(self) -> None:
        compared = (self._known, "Quantify a label and give its composition first.")
        offer(self.save_csv, self.save_figure, unless=lacking(compared, (not self._work, BUSY)))

    # Saving.

    def _on_save_csv(self) -> None:
        known = self._known
        chosen = self._ask("Save the comparison", ".csv")
        if known is None or chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, beside(path, "_labels.csv"), asked)
        if overwrite is not None:
            self._work.run(
                "saving",
                lambda _report: known.to_csv(path, overwrite=overwrite),
                self._on_saved,
                replaces=False,
            )

    def _on_save_figure(self) -> None:
        known = self._known
        chosen = self._ask("Save the figure", ".png", "Picture (*.png);;Vector (*.svg *.pdf)")
        if known is None or chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, [path], asked)
        if overwrite is not None:
            self._work.run(
                "saving",
                lambda _report: [known.save_figure(path, overwrite=overwrite)],
                self._on_saved,
                replaces=False,
            )

    def _ask(self, title: str, ending: str, *kinds: str) -> Target | None:
        name = "composition" if self._known is None else self._known.formula
        return ask_to_save(self, title, f"{name}{ending}", *kinds)

    def _on_saved(self, written: list[Path]) -> None:
        text = f"Saved {', '.join(path.name for path in written)} in {written[0].parent}."
        self._work.say(text)
        show_info(text)


def _compared(
    result: Quantification, formula: str, labels: list[int] | None
) -> KnownComparison | str:
    """Return what is wrong as a text: it is shown beside the formula, not as a notification."""
    chosen: Any = labels
    if labels is not None:
        # What was painted or selected after the run is in no result.
        chosen = [label for label in labels if label in result.table.index]
    try:
        return compare_known(result, formula, chosen)
    except EDSError as error:
        return str(error)


def _applies(result: Quantification | None, labels: list[int] | None) -> str:
    if result is None:
        return "Quantify the labels first."
    if labels is None:
        n = len(result.table)
        return f"Applies to all {n} labels." if n > 1 else "Applies to the only label."
    return f"Applies to the {counted(len(labels), 'selected label')}."
