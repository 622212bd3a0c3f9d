"""Which spectra are shown: whole map, selected labels, what is under the pointer; kept current."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.spectrum.colors import label_color
from napari_eds._napari.spectrum.curves import STYLES, Spectrum
from napari_eds._napari.state import layers as eds_layers
from napari_eds._napari.state import spectra
from napari_eds._napari.state.focus import Focus
from napari_eds.errors import LabelError
from napari_eds.spectra.maximum import maximum_spectrum
from napari_eds.spectra.running_sums import Box, Pending, RunningSums, sum_of_pixels
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Most labels that are compared; of more, those selected last are shown.
MOST_LABELS = 8

#: Stored counts that are added up in the thread of the window: 10 ms. More goes to another.
_AT_ONCE = 3_000_000

MAP, MAXIMUM, POINTER = "map", "maximum", "pointer"

#: What the maximum-pixel spectrum is called, and its colour among those of labels.
_MAXIMUM_NAME, _MAXIMUM_COLOR = "Largest count of any pixel", 6


def label_key(label: int) -> str:
    """Return the key of a label's curve."""
    return f"label {label}"


class SpectrumSources(QObject):
    """Sums of counts of everything that is shown.

    They follow the layers and can be made again from them at any time. Large sums are made in
    another thread; until they are there, their curve is missing.

    Attributes
    ----------
    changed : Signal
        Other spectra.
    edited : Signal
        Ids of labels that pixels were painted into or erased from.
    """

    changed = Signal()
    edited = Signal(object)

    def __init__(self, focus: Focus, parent: QObject) -> None:
        super().__init__(parent)
        self._focus = focus
        self._sums: RunningSums | None = None
        self._total: np.ndarray | None = None
        self._total_of: Any = None
        self._maximum: np.ndarray | None = None
        self._wants_maximum = False
        self._pointer: tuple[np.ndarray, int] | None = None
        self._jobs = Jobs(self)
        self._edits: list[Box | None] = []
        self._refused = ""
        # A dab is followed at once, so that plot and canvas are painted together: whatever is put
        # off, even by a timer of 0 ms, comes a painting later. More that comes in the same turn of
        # the event loop is followed in one go: a fill tells the same twice.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._follow_edits)
        focus.map_changed.connect(self._on_map)
        focus.labels_changed.connect(self._on_other_labels)
        focus.selection_changed.connect(self._on_selection)
        focus.labels_edited.connect(self._on_edited)
        self._on_map()

    # What there is.

    @property
    def image(self) -> SpectrumImage | None:
        """The spectrum image."""
        return self._focus.image

    def shown_labels(self) -> tuple[int, ...]:
        """Ids of the selected labels that are shown; the last is the one with a fit."""
        return tuple(i for i in self._focus.selected if i > 0)[-MOST_LABELS:]

    def label_spectrum(self, label: int) -> np.ndarray | None:
        """Return counts of a label; None where they are not yet summed or not wanted."""
        if self._sums is None or label not in self._sums.wanted:
            return None
        return self._sums.spectrum(label)

    def n_pixels(self, label: int) -> int:
        """Return the number of pixels of a label that is shown."""
        if self._sums is None or label not in self._sums.wanted:
            return 0
        return self._sums.n_pixels(label)

    def is_waiting(self) -> bool:
        """Whether a sum is being made."""
        return bool(self._jobs)

    def spectra(self, *, whole_map: bool, text: str, background: str) -> tuple[Spectrum, ...]:
        """Return the spectra to plot: map, labels, pointer; `text` is the colour of the map."""
        image, shown = self.image, []
        if image is None:
            return ()
        if eds_layers.is_spectrum(image):
            return () if self._total is None else (self._single(text),)
        if whole_map and self._total is not None:
            name = f"Whole map ({_pixels(image.n_pixels)})"
            shown.append(Spectrum(MAP, name, self._total, image.n_pixels, text))
        if self._wants_maximum and self._maximum is not None:
            color = label_color(None, _MAXIMUM_COLOR, background)
            # Of one pixel, whichever it is in each channel: nothing to be divided.
            shown.append(Spectrum(MAXIMUM, _MAXIMUM_NAME, self._maximum, 1, color))
        labels = self.shown_labels()
        for i, label in enumerate(labels):
            counts = self.label_spectrum(label)
            if counts is not None and self.n_pixels(label):
                # Solid for the label that edits go to, the last one.
                style = STYLES[(len(labels) - 1 - i) % len(STYLES)]
                shown.append(self._of_label(label, counts, style, background))
        if self._pointer is not None:
            counts, n = self._pointer
            color = label_color(None, 1, background)
            name = f"Under pointer ({_pixels(n)})"
            shown.append(Spectrum(POINTER, name, counts, n, color, STYLES[2]))
        return tuple(shown)

    def _single(self, color: str) -> Spectrum:
        """Return a single spectrum of a file, by its name."""
        names, place = spectra.titles(self._focus), spectra.place_of(self._focus)
        name = names[place] if place >= 0 else "Spectrum"
        counts = np.array([]) if self._total is None else self._total
        return Spectrum(MAP, name, counts, 1, color)

    def _of_label(self, label: int, counts: np.ndarray, style: Any, background: str) -> Spectrum:
        layer = self._focus.labels_layer
        n = self.n_pixels(label)
        name, color = str(label), None
        if layer is not None:
            name = eds_layers.name_of(layer, label) or name
            color = layer.get_color(label)
        if name == str(label):
            name = f"Label {label}"
        return Spectrum(
            label_key(label),
            f"{name} ({_pixels(n)})",
            counts,
            n,
            label_color(color, label, background),
            style,
        )

    # What changes.

    def want_maximum(self, wanted: bool) -> None:  # noqa: FBT001 - slot of a switch
        """Show the largest count of any pixel in each channel, or not."""
        self._wants_maximum = wanted
        self._find_maximum()
        self.changed.emit()

    def _find_maximum(self) -> None:
        image = self.image
        if not self._wants_maximum or image is None or eds_layers.is_spectrum(image):
            self._jobs.drop(MAXIMUM)
        elif self._maximum is None and MAXIMUM not in self._jobs:
            self._jobs.run(MAXIMUM, partial(maximum_spectrum, image), self._on_maximum)

    def _on_maximum(self, maximum: np.ndarray) -> None:
        self._maximum = maximum
        self.changed.emit()

    def point_at(self, pixels: np.ndarray | None) -> None:
        """Show the sum of pixels under the pointer, or nothing."""
        image = self.image
        if pixels is None or image is None or pixels.size == 0:
            if self._pointer is not None:
                self._pointer = None
                self.changed.emit()
            return
        self._pointer = sum_of_pixels(image, pixels), pixels.size
        self.changed.emit()

    def _on_map(self) -> None:
        image = self.image
        self._pointer = None
        if image is None:
            self._total = self._total_of = self._maximum = None
            self._jobs.drop(MAP)
            self._jobs.drop(MAXIMUM)
        elif image.counts is not self._total_of:
            self._total, self._maximum, self._total_of = None, None, image.counts
            self._jobs.run(MAP, image.total_spectrum, self._on_total)
            self._jobs.drop(MAXIMUM)
            self._find_maximum()
        self._on_labels()

    def _on_total(self, total: np.ndarray) -> None:
        self._total = total
        self.changed.emit()

    def _on_other_labels(self) -> None:
        self._refused = ""
        self._on_labels()

    def _on_labels(self) -> None:
        layer, image = self._focus.labels_layer, self.image
        self._edits.clear()
        self._sums = None
        if layer is not None and image is not None and eds_layers.fits(layer, image):
            try:
                self._sums = RunningSums(image, np.asarray(layer.data), at_once=_AT_ONCE)
            except LabelError as error:
                self._refuse(layer, error)
        self._on_selection()

    def _refuse(self, layer: Labels, error: LabelError) -> None:
        """Say what is wrong with labels: once, and again when it is something else."""
        self._sums = None
        if str(error) != self._refused:
            self._refused = str(error)
            notify(LabelError(f"{layer.name}: {error}"))

    def _on_selection(self) -> None:
        self._follow_edits()
        if self._sums is not None:
            self._sums.want(self.shown_labels())
            self._sum_pending()
        self.changed.emit()

    def _on_edited(self, box: Box | None) -> None:
        self._edits.append(box)
        if not self._timer.isActive():
            self._timer.start()
            if box is not None:
                self._follow_edits()

    def _follow_edits(self) -> None:
        layer, image = self._focus.labels_layer, self.image
        edits, self._edits = self._edits, []
        if not edits or layer is None or image is None:
            return
        if self._sums is None or not eds_layers.fits(layer, image):
            self._on_labels()
            return
        labels = np.asarray(layer.data)
        changed: set[int] = set()
        try:
            for box in [None] if None in edits else edits:
                changed.update(self._sums.update(labels, box))
        except LabelError as error:
            self._refuse(layer, error)
            self.changed.emit()
            return
        if changed:
            self._sum_pending()
            self.edited.emit(tuple(sorted(changed)))
            self.changed.emit()

    def _sum_pending(self) -> None:
        sums, image = self._sums, self.image
        if sums is None or image is None:
            return
        for pending in sums.pending():
            if pending not in self._jobs:
                self._jobs.run(
                    pending,
                    partial(sum_of_pixels, image, pending.pixels),
                    partial(self._on_summed, sums, pending),
                )

    def _on_summed(self, sums: RunningSums, pending: Pending, spectrum: np.ndarray) -> None:
        if sums.complete(pending, spectrum) and sums is self._sums:
            self.changed.emit()


def _pixels(n: int) -> str:
    return f"{n:,} px".replace(",", "\u202f")
