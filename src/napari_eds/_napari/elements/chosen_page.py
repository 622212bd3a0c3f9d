"""The page *Chosen & k-factors*: the chosen elements, and where their k-factors come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.elements import k_factor_rows as k
from napari_eds._napari.elements.facts import ElementFacts
from napari_eds._napari.elements.k_factor_table import (
    ERROR,
    FACTOR,
    ROLE,
    KFactorModel,
    KFactorView,
)
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.reasons import NO_MAP, lacking, offer
from napari_eds._napari.parts.saving import ask_to_save, may_replace
from napari_eds._napari.parts.theme import ThemeColors
from napari_eds._napari.parts.widgets import SMALL_TEXT
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.settings import FROM_FILE, Settings
from napari_eds.errors import EDSError, KFactorError
from napari_eds.recipe.k_factor_theory import why_not_computed
from napari_eds.recipe.k_factors import KFactorTable

_STATUS_LINES = 3
_CONVENTION_LENGTH = 8
_CONVENTIONS = (
    ("as the file says", FROM_FILE),
    ("of whole families", "family"),
    ("of alpha lines", "alpha"),
)


class ChosenPage(QWidget):
    """Table of the chosen elements over what can be done with their k-factors.

    Attributes
    ----------
    menu_asked : Signal
        The menu of an element was asked for; carries the symbol and the place on the screen.
    """

    menu_asked = Signal(str, QPoint)

    def __init__(self, focus: Focus, colors: ThemeColors) -> None:
        super().__init__()
        self._focus = focus
        self._colors = colors
        self._used = k.KFactorsInUse()
        self.model = KFactorModel(colors, self)
        self.view = KFactorView(self.model)
        self._make()
        self._lay_out()
        self.model.edited.connect(self._on_edited)
        self.model.refused.connect(self.complain)
        self.view.removed.connect(self._on_removed)
        self.view.menu_asked.connect(self.menu_asked)
        self.convention.activated.connect(self._on_convention)
        self.load.clicked.connect(self._on_load)
        self.save.clicked.connect(self._on_save)
        self.theory.clicked.connect(self._on_theory)

    def _make(self) -> None:
        self.convention = QComboBox()
        for text, value in _CONVENTIONS:
            self.convention.addItem(text, value)
        # The row of buttons must not widen the dock.
        self.convention.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.convention.setMinimumContentsLength(_CONVENTION_LENGTH)
        self.convention.setToolTip(
            "Counts that the k-factors belong to: those of all lines of a family, as Velox "
            "means them, or of its alpha line alone, as tables of Bruker and Oxford seen so far. "
            "Mixing them up costs up to a factor of two."
        )
        self.load = QPushButton("Load…")
        self.load.setToolTip("Load k-factors: a table that Velox exported, or a plain CSV")
        self.save = QPushButton("Save…")
        self.save.setToolTip("Save the k-factors in use, with convention and source, as CSV")
        self.theory = QPushButton("From theory")
        self.theory.setToolTip(
            "Compute k-factors from first principles for the beam energy of the map; leaves the "
            "file and what was edited"
        )
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.status.setStyleSheet(SMALL_TEXT)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        # A wrapped label does not ask for the height of its lines.
        self.status.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.status.setFixedHeight(_STATUS_LINES * self.status.fontMetrics().lineSpacing() + 2)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.convention, 1)
        for button in (self.load, self.save, self.theory):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(4)
        column.addWidget(self.view, 1)
        column.addLayout(row)
        column.addWidget(self.status)

    def set_colors(self, colors: ThemeColors) -> None:
        """Take the colours of a theme."""
        self._colors = colors
        self.model.set_colors(colors)

    def show_state(
        self, facts: dict[str, ElementFacts], theory: KFactorTable | EDSError | None
    ) -> None:
        """Show the settings; `facts` may still be empty, and `theory` None."""
        image, settings = self._focus.image, self._focus.settings
        offer(
            *(self.load, self.theory, self.save, self.convention),
            unless=lacking((settings, NO_MAP)),
        )
        if image is None or settings is None:
            self._used = k.KFactorsInUse()
            self.model.show_rows(())
            self._say("")
            return
        self._used = k.in_use(settings, theory)
        rows = k.rows_of(settings, facts, self._used)
        self.model.show_rows(rows)
        self._show_convention(settings)
        usable = (self._used.table, "There are no k-factors to save: choose elements first.")
        offer(self.save, unless=lacking(usable))
        beam = settings.draft.beam_energy_keV or image.acquisition.beam_energy_keV
        # With k-factors of one's own, the button is the way to leave them.
        own = settings.draft.k_factors is not None or settings.k_factor_file is not None
        offer(self.theory, unless="" if own or beam is None else why_not_computed(beam))
        text, warnings = k.status(image, settings, self._used, rows)
        self._say(
            "\n".join([*(f"⚠ {warning}" for warning in warnings), *([text] if text else [])])
        )

    def _show_convention(self, settings: Settings) -> None:
        table = settings.draft.k_factors
        given = table is not None or settings.k_factor_file is not None
        value = settings.convention if given else "family"
        if table is not None:
            value = table.convention
        self.convention.setCurrentIndex(self.convention.findData(value))
        own = (given, "Computed k-factors are of whole families: load your own to choose.")
        offer(self.convention, unless=lacking(own))

    def _say(self, text: str) -> None:
        self.status.setText(text)
        self.status.setToolTip(text)

    def complain(self, text: str) -> None:
        """Say what cannot be done."""
        self._say(f"⚠ {text}")

    # What the user does.

    def _on_edited(self, row: k.Row, column: int, value: Any) -> None:
        settings = self._focus.settings
        if settings is None:
            return
        if column in (FACTOR, ERROR):
            numbers = {"value" if column == FACTOR else "relative_error": value}
            try:
                table = k.with_factor(self._used, row, **numbers)
            except KFactorError as error:
                self.complain(str(error))
                return
            self._focus.set_settings(settings.edited(k_factors=table))
            return
        changed = {"role" if column == ROLE else "family": value}
        self._focus.set_settings(
            settings.edited(
                elements=tuple(
                    choice._replace(**changed) if choice.symbol == row.choice.symbol else choice
                    for choice in settings.elements
                ),
            )
        )

    def _on_removed(self, symbols: tuple[str, ...]) -> None:
        settings = self._focus.settings
        if settings is not None:
            kept = tuple(c for c in settings.elements if c.symbol not in symbols)
            self._focus.set_settings(settings.edited(elements=kept))

    def _on_convention(self, _index: int) -> None:
        settings = self._focus.settings
        if settings is None:
            return
        self._focus.set_settings(k.with_convention(settings, self.convention.currentData()))
        self._show_convention(self._focus.settings or settings)

    def _on_theory(self) -> None:
        settings = self._focus.settings
        if settings is not None:
            self._focus.set_settings(k.with_theory(settings))

    def _on_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Load k-factors", "", "k-factors (*.csv);;All files (*)"
        )
        if path:
            self.load_k_factors(path)

    def load_k_factors(self, path: str | Path) -> None:
        """Use a file of k-factors."""
        settings = self._focus.settings
        if settings is None:
            return
        try:
            changed = k.with_file(settings, Path(path))
        except (EDSError, OSError) as error:
            self.complain(str(error))
            notify(error)
            return
        self._focus.set_settings(changed)
        if k.in_use(changed, None).error:
            # The file is right, but says nothing about its convention: the user must.
            self.convention.setFocus()

    def _on_save(self) -> None:
        table = self._used.table
        if table is None:
            return
        chosen = ask_to_save(self, "Save the k-factors", "k-factors.csv")
        if chosen is None:
            return
        path, asked = chosen
        overwrite = may_replace(self, [path], asked)
        if overwrite is None:
            return
        try:
            table.to_csv(path, overwrite=overwrite)
        except (EDSError, OSError) as error:
            self.complain(str(error))
            notify(error)
            return
        show_info(f"Saved {path.name} in {path.parent}.")
