"""Lines and computed k-factors for the map that is looked at; they take seconds at first."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QObject, Signal

from napari_eds._napari.elements.facts import (
    ElementFacts,
    Span,
    all_facts,
    beam_energy,
    span_of,
)
from napari_eds._napari.parts.job_bar import OneJob
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.state.focus import Focus
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError, KFactorError
from napari_eds.physics import lines as xray
from napari_eds.physics.detector import DetectorModel
from napari_eds.recipe.k_factor_theory import theoretical_k_factors
from napari_eds.recipe.k_factors import KFactorTable

#: What computed k-factors depend on: the beam energy in keV, and the detector.
_Recorded = tuple[float, DetectorModel]
_Theory = dict[_Recorded, KFactorTable | EDSError]


class LineTables(QObject):
    """Loads tables of lines, and k-factors of each beam energy and detector, in a thread, once.

    Attributes
    ----------
    changed : Signal
        More is known than before.
    """

    changed = Signal()

    def __init__(self, focus: Focus, parent: QObject) -> None:
        super().__init__(parent)
        self._focus = focus
        self._facts: tuple[Span, dict[str, ElementFacts]] | None = None
        self._theory: _Theory = {}
        self.loaded = False
        self.work = OneJob(self)
        self.work.changed.connect(self._on_work)

    def need(self) -> None:
        """Load what is not there yet; `changed` follows."""
        if self._focus.image is None or self._focus.settings is None or self.work:
            return
        recorded = self._recorded()
        if self.loaded and (recorded is None or recorded in self._theory):
            return
        self.work.run(
            "lines",
            partial(_load, recorded),
            self._on_loaded,
            replaces=False,
            failure=partial(self._on_failed, recorded),
        )

    def _on_loaded(self, theory: _Theory) -> None:
        self.loaded = True
        self._theory.update(theory)

    def _on_failed(self, recorded: _Recorded | None, error: Exception) -> None:
        """Report a defect, and do not run into it again by itself."""
        if recorded is not None:
            self._theory[recorded] = KFactorError("k-factors could not be computed")
        notify(error)

    def _on_work(self) -> None:
        if self.loaded and not self.work:
            self.changed.emit()

    def facts(self) -> dict[str, ElementFacts]:
        """Return what is known of the elements in the range of the map; empty at first."""
        image, settings = self._focus.image, self._focus.settings
        if image is None or settings is None or not self.loaded:
            return {}
        span = span_of(image, settings)
        if self._facts is None or self._facts[0] != span:
            self._facts = span, all_facts(span)
        return self._facts[1]

    def theory(self) -> KFactorTable | EDSError | None:
        """Return the computed k-factors, why there are none, or None while they are computed."""
        recorded = self._recorded()
        if recorded is None:
            return KFactorError("the file gives no beam energy: set it to compute k-factors")
        return self._theory.get(recorded)

    def _recorded(self) -> _Recorded | None:
        """Return what k-factors are computed for, where it is known."""
        image, settings = self._focus.image, self._focus.settings
        beam = None if image is None or settings is None else beam_energy(image, settings)
        if image is None or settings is None or beam is None:
            return None
        return beam, settings.detector(image)


def _load(recorded: _Recorded | None, progress: Progress) -> _Theory:
    """Run in a thread: import the tables of lines, compute k-factors."""
    for symbol in xray.element_symbols():
        xray.families_of(symbol)
    progress(0, 0, "k-factors")
    if recorded is None:
        return {}
    try:
        return {recorded: theoretical_k_factors(*recorded)}
    except EDSError as error:
        return {recorded: error}
