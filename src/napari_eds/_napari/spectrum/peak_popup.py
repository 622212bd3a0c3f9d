"""Popup that names a clicked peak and adds the element to the choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from qtpy.QtCore import QPoint, QRect, Qt, Signal
from qtpy.QtGui import QFont, QKeyEvent
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.parts.theme import ThemeColors, theme_colors
from napari_eds._napari.state.element_choice import AUTO, FIT_ONLY, QUANTIFY, ElementChoice
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.settings import Settings
from napari_eds.elements.line_candidates import Candidate, candidates
from napari_eds.elements.peaks import Peak, settle_peak
from napari_eds.physics import lines as xray
from napari_eds.spectra.axes import EnergyAxis

#: Most elements that are listed, and least plausibility after the first few.
_MOST_ROWS, _FEWEST_ROWS, _LEAST_SCORE = 7, 3, 0.01
_BAR_CELLS = 8
#: What columns must hold.
_WIDEST = ("Mo M3O5 ", "00.000 keV ", "+000 eV ", "█" * _BAR_CELLS + " <0.010 ")
#: Distance from the peak, so that it stays in view.
_BESIDE_PX = 14


class _Found(NamedTuple):
    peak: Peak
    candidates: tuple[Candidate, ...]
    families: dict[str, int]


class PeakPopup(QFrame):
    """List of what a peak may be, at the place of the click.

    Up and down choose a row, Enter quantifies its element, Shift+Enter fits it only, Esc closes.

    Parameters
    ----------
    focus : Focus
        Whose settings get the element.
    energy_keV : float
        Where the plot was clicked.
    energy : EnergyAxis
        The axis of the plot.
    name : str
        Of the spectrum that is judged.
    counts : callable
        Makes that spectrum, in another thread.
    parent : QWidget
        The plot.

    Attributes
    ----------
    filled : Signal
        The candidates are there.
    """

    filled = Signal()

    def __init__(  # noqa: PLR0913, PLR0917 - a click, its spectrum, and where it was
        self,
        focus: Focus,
        energy_keV: float,
        energy: EnergyAxis,
        name: str,
        counts: Callable[[], np.ndarray],
        parent: QWidget,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFrameShape(QFrame.Shape.Box)
        self._focus, self._name = focus, name
        self._colors = theme_colors(focus.viewer)
        self.rows: list[CandidateRow] = []
        self.chosen_row = 0
        self._x, self._plot = 0, QRect()
        self.title = QLabel(f"Looking up X-ray lines near {energy_keV:.3f} keV…")
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(1)
        self._hint = QLabel("↑ ↓ choose    Enter quantify    Shift+Enter fit only    Esc close")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        for item in (self.title, self._hint):
            column.addWidget(item)
        column.insertLayout(1, self._grid)
        self._set_colors()
        self._jobs = Jobs(self)
        self._jobs.run("candidates", _finder(focus, energy_keV, energy, counts), self._on_found)

    def open_beside(self, x: int, plot: QWidget) -> None:
        """Open beside a place of the screen, over the plot, or above it where there is no room."""
        self._x, self._plot = x, QRect(plot.mapToGlobal(QPoint(0, 0)), plot.size())
        self._place()
        self.show()

    def _place(self) -> None:
        at = self.screen()
        if at is None:
            return
        self.adjustSize()
        screen, size = at.availableGeometry(), self.sizeHint()
        left, top = self._x + _BESIDE_PX, self._plot.center().y() - size.height() // 2
        if left + size.width() > screen.right():
            left = self._x - _BESIDE_PX - size.width()
        if left < screen.left():
            top = self._plot.top() - size.height()
        self.move(
            int(np.clip(left, screen.left(), max(screen.left(), screen.right() - size.width()))),
            int(np.clip(top, screen.top(), max(screen.top(), screen.bottom() - size.height()))),
        )

    # Content.

    def _on_found(self, found: _Found) -> None:
        self.title.setText(_title(found.peak, self._name))
        settings = self._focus.settings
        if settings is None:
            self.close()
            return
        for row, candidate in enumerate(listed(found.candidates)):
            self.rows.append(CandidateRow(self, self._grid, row, candidate, found.families))
        if not self.rows:
            self._hint.setText("No X-ray line is near.    Esc close")
        self._mark()
        if self.isVisible():
            self._place()
        self.filled.emit()

    def role_of(self, element: str) -> str:
        """Return the role that an element has now, or nothing."""
        return next((c.role for c in self._choices() if c.symbol == element), "")

    def _choices(self) -> tuple[ElementChoice, ...]:
        settings = self._focus.settings
        return () if settings is None else settings.elements

    def choose(self, element: str, family: str, role: str) -> None:
        """Give an element a role in the settings, and close."""
        settings = self._focus.settings
        if settings is not None:
            self._focus.set_settings(with_element(settings, element, family, role))
        self.close()

    # Keyboard.

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move between rows, choose, close."""
        if event is None:
            return
        key = event.key()
        if key in {Qt.Key.Key_Up, Qt.Key.Key_Down} and self.rows:
            step = 1 if key == Qt.Key.Key_Down else -1
            self.chosen_row = (self.chosen_row + step) % len(self.rows)
            self._mark()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.rows:
            shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.rows[self.chosen_row].choose(FIT_ONLY if shift else QUANTIFY)
        elif key == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def hover(self, row: int) -> None:
        """Choose the row under the pointer."""
        self.chosen_row = row
        self._mark()

    # Look.

    def _mark(self) -> None:
        for number, row in enumerate(self.rows):
            row.mark(self._colors, chosen=number == self.chosen_row)

    def _set_colors(self) -> None:
        colors = self._colors
        self.setStyleSheet(
            f"PeakPopup {{ background: {colors.background}; border: 1px solid {colors.muted}; }}"
            f"QLabel {{ background: transparent; color: {colors.text}; }}"
        )
        bold = QFont(self.font())
        bold.setBold(True)
        self.title.setFont(bold)


class CandidateRow(QFrame):
    """One line a peak may be, with a button for each role of its element."""

    def __init__(
        self,
        popup: PeakPopup,
        grid: QGridLayout,
        number: int,
        candidate: Candidate,
        families: dict[str, int],
    ) -> None:
        super().__init__(popup)
        self._popup, self._number, self.candidate = popup, number, candidate
        # Where there is only one family, the element alone says it all.
        self._family = candidate.family if families[candidate.element] > 1 else AUTO
        self.texts = [QLabel(text) for text in _texts(candidate)]
        self.buttons = {
            QUANTIFY: QPushButton("Quantify"),
            FIT_ONLY: QPushButton("Fit only"),
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 1, 4, 1)
        for text, widest in zip(self.texts, _WIDEST, strict=True):
            # As wide in every row, so that columns align.
            text.setFixedWidth(text.fontMetrics().horizontalAdvance(widest))
            row.addWidget(text)
        for role, button in self.buttons.items():
            self._dress(role, button)
            row.addWidget(button)
        self.setToolTip(_tooltip(candidate))
        grid.addWidget(self, number, 0)
        # What is added to a widget on show is hidden, and has no size, until it is told.
        self.show()

    def _dress(self, role: str, button: QPushButton) -> None:
        element, present = self.candidate.element, self._popup.role_of(self.candidate.element)
        lines = "" if self._family == AUTO else f" by its {self._family} lines"
        does = f"Quantify {element}{lines}" if role == QUANTIFY else f"Fit {element} only"
        keys = "Enter" if role == QUANTIFY else "Shift+Enter"
        if present == role:
            button.setText(f"✓ {button.text()}")
            does = f"{element} is chosen so now. {does}"
        button.setToolTip(f"{does} ({keys})")
        button.setMinimumWidth(86)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self.choose(role))

    def choose(self, role: str) -> None:
        """Give the element of the row a role."""
        self._popup.choose(self.candidate.element, self._family, role)

    def enterEvent(self, event: Any) -> None:
        """Choose the row under the pointer."""
        super().enterEvent(event)
        self._popup.hover(self._number)

    def mark(self, colors: ThemeColors, *, chosen: bool) -> None:
        """Show whether the row is the one that keys act on."""
        background = colors.foreground if chosen else "transparent"
        edge = colors.text if chosen else "transparent"
        self.setStyleSheet(
            f"CandidateRow {{ background: {background}; border-left: 3px solid {edge}; }}"
        )


def listed(found: Sequence[Candidate]) -> list[Candidate]:
    """Return the best line of each family, as far as it is worth a row."""
    best: dict[tuple[str, str], Candidate] = {}
    for candidate in found:
        best.setdefault((candidate.element, candidate.family), candidate)
    rows = list(best.values())[:_MOST_ROWS]
    return [c for i, c in enumerate(rows) if i < _FEWEST_ROWS or c.score >= _LEAST_SCORE]


def with_element(settings: Settings, element: str, family: str, role: str) -> Settings:
    """Return settings with an element in a role.

    The family is what to quantify by. What is only fitted keeps all of its lines, since each may
    overlap others', or the family it had.
    """
    if role == FIT_ONLY:
        family = next((c.family for c in settings.elements if c.symbol == element), AUTO)
    choice = ElementChoice(element, role, family)
    if any(c.symbol == element for c in settings.elements):
        changed = tuple(choice if c.symbol == element else c for c in settings.elements)
    else:
        changed = (*settings.elements, choice)
    return settings.edited(elements=changed)


def _finder(
    focus: Focus, energy_keV: float, energy: EnergyAxis, counts: Callable[[], np.ndarray]
) -> Callable[[], _Found]:
    """Return the work of another thread, with all it needs of this one."""
    image, settings = focus.image, focus.settings
    if image is None or settings is None:
        raise RuntimeError("there is no spectrum image")
    acquisition = image.acquisition

    def find() -> _Found:
        spectrum = counts()
        found = candidates(
            energy_keV,
            energy,
            spectrum,
            acquisition,
            beam_energy_keV=settings.draft.beam_energy_keV,
            chosen={c.symbol for c in settings.elements},
        )
        families = {c.element: len(xray.families_of(c.element)) for c in found}
        return _Found(settle_peak(energy_keV, energy, spectrum, acquisition), found, families)

    return find


def _title(peak: Peak, name: str) -> str:
    if not peak.found:
        return f"No clear peak at {peak.energy_keV:.3f} keV, {name}"
    counts, error = (f"{n:,.0f}".replace(",", "\u202f") for n in (peak.counts, peak.counts_error))
    return (
        f"Peak at {peak.energy_keV:.3f} keV ± {1000 * peak.error_keV:.1f} eV, "
        f"{counts} ± {error} counts, {name}"
    )


def _texts(candidate: Candidate) -> tuple[str, str, str, str]:
    filled = round(_BAR_CELLS * candidate.score)
    bar = "█" * filled + "░" * (_BAR_CELLS - filled)
    number = f"{candidate.score:.2f}" if candidate.score >= _LEAST_SCORE else f"<{_LEAST_SCORE:g}"
    line = candidate.line
    return (
        f"{line.element} {line.name}",
        f"{line.energy_keV:.3f} keV",
        f"{candidate.distance_eV:+.0f} eV",
        f"{bar} {number}",
    )


def _tooltip(candidate: Candidate) -> str:
    reasons = "".join(f"<li>{reason}</li>" for reason in candidate.reasons)
    return f"<b>{candidate.line}</b>, plausibility {candidate.score:.2f} of 1<ul>{reasons}</ul>"
