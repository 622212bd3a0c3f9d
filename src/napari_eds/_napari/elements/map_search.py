"""Finding the elements of the map that is looked at, in the background; kept in its layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from napari.layers import Image
from qtpy.QtCore import QObject, Signal
from superqt.utils import QSignalDebouncer

from napari_eds._napari.elements.facts import beam_energy
from napari_eds._napari.parts.job_bar import OneJob
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import SPECTRUM_IMAGE
from napari_eds._support.progress import Progress
from napari_eds.elements.proposals import Evidence, Proposal, search_elements
from napari_eds.errors import EDSError
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Key of what was found in the metadata of a map's layer.
FOUND = "eds_found_elements"

#: A map that is looked at for this long gets its hints: what is clicked on goes first.
_PATIENCE_MS = 300


@dataclass(frozen=True, eq=False)
class Found:
    """What a search of a map gave: evidence, or the reason why there is none."""

    image: SpectrumImage
    beam_energy_keV: float | None
    evidence: Evidence | None = None
    error: EDSError | None = None

    def is_like(self, other: Found | None) -> bool:
        """Whether both are about the same image and beam energy."""
        return (
            other is not None
            and self.image is other.image
            and self.beam_energy_keV == other.beam_energy_keV
        )


class MapSearch(QObject):
    """Searches the map that a window looks at, once for each map and beam energy.

    Attributes
    ----------
    changed : Signal
        Something was found, or nothing is known any more, or a search started or ended.
    progressed : Signal
        Carries what the running search is about.
    """

    changed = Signal()
    progressed = Signal(str)

    def __init__(self, focus: Focus, parent: QObject) -> None:
        super().__init__(parent)
        self._focus = focus
        self.work = OneJob(self)
        self._searched: Found | None = None
        self._declined: Found | None = None
        self._patience = QSignalDebouncer(parent=self)
        self._patience.setTimeout(_PATIENCE_MS)
        self._patience.triggered.connect(self._on_timeout)
        self.work.changed.connect(self._on_work)
        self.work.progressed.connect(self._on_progressed)
        self.work.left.connect(self._on_left)
        focus.map_changed.connect(self._on_focus)
        focus.settings_changed.connect(self._on_focus)
        self._on_focus()

    @property
    def running(self) -> bool:
        """Whether the map is being searched."""
        return bool(self.work)

    @property
    def found(self) -> Found | None:
        """What is known of the map that is looked at."""
        wanted, layer = self._wanted(), self._focus.map_layer
        found = None if layer is None else layer.metadata.get(FOUND)
        return found if wanted is not None and wanted.is_like(found) else None

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """The elements found; none where nothing is known."""
        found = self.found
        return () if found is None or found.evidence is None else found.evidence.proposals

    def _wanted(self) -> Found | None:
        """Return an empty result for what is looked at."""
        image, settings = self._focus.image, self._focus.settings
        if image is None or settings is None:
            return None
        return Found(image, beam_energy(image, settings))

    def _on_focus(self) -> None:
        """Leave a search that is no longer of interest; plan one that is."""
        wanted = self._wanted()
        if self.work and (wanted is None or not wanted.is_like(self._searched)):
            self.work.drop()
        if wanted is None or self.found is not None or wanted.is_like(self._declined):
            self._patience.cancel()
        elif wanted.image.energy.calibrated:
            self._patience.throttle()
        self.changed.emit()

    def _on_timeout(self) -> None:
        if self.found is None:
            self.start()

    def start(self) -> None:
        """Search the map that is looked at, at once or as soon as a search that was left ends."""
        self._declined = None
        wanted, layer = self._wanted(), self._focus.map_layer
        if wanted is None or layer is None or self.work:
            return
        self._patience.cancel()
        image, beam = wanted.image, wanted.beam_energy_keV
        self._searched = wanted
        self.work.run(
            "summing spectra",
            lambda progress: _search(image, beam, progress),
            partial(self._keep, layer),
            replaces=False,
            failure=self._on_failed,
        )

    def _on_left(self) -> None:
        """Do not start a search that the user left again by itself."""
        self._patience.cancel()
        self._declined = self._wanted()

    def _on_progressed(self, found: int, _total: int, what: str) -> None:
        self.progressed.emit(f"{what}; {found} so far" if found else what)

    def _keep(self, layer: Image, found: Found) -> None:
        """Put what was found into the layer it was found for, whichever is looked at now."""
        if layer.metadata.get(SPECTRUM_IMAGE) is found.image:
            layer.metadata[FOUND] = found

    def _on_failed(self, error: Exception) -> None:
        """Report a defect, and do not run into it again by itself."""
        self._declined = self._searched
        notify(error)

    def _on_work(self) -> None:
        """Tell that a search has begun; after one has ended, see what is wanted now."""
        if self.work:
            self.changed.emit()
        else:
            self._searched = None
            self._on_focus()


def _search(image: SpectrumImage, beam_keV: float | None, progress: Progress) -> Found:
    """Run in a thread: the tables of lines may still have to be imported."""
    try:
        evidence = search_elements(
            image.energy,
            image.total_spectrum(),
            image.acquisition,
            beam_energy_keV=beam_keV,
            progress=progress,
        )
    except EDSError as error:
        return Found(image, beam_keV, error=error)
    return Found(image, beam_keV, evidence)
