"""The page of the dock *EDS exchange* for sessions and HyperSpy."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari.layers import Labels
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_eds._napari.exchange.classes import chips_layer
from napari_eds._napari.exchange.restore import (
    Found,
    examine,
    find_beside,
    part_of,
    provenance,
    read_part,
    restore,
    same_numbers,
    session_of,
    warnings_of,
)
from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.keyed_jobs import Jobs
from napari_eds._napari.parts.reasons import BUSY, NO_MAP, NO_RESULT, lacking, offer
from napari_eds._napari.parts.saving import ask_to_save, may_replace
from napari_eds._napari.parts.widgets import WrappedText
from napari_eds._napari.state.focus import Focus
from napari_eds._napari.state.layers import QUANTIFICATION
from napari_eds._napari.state.unsaved import note_saved
from napari_eds.errors import EDSError
from napari_eds.exchange.hyperspy import save_hspy
from napari_eds.exchange.session import SUFFIX, Session, SessionError, beside, repeat, save_session
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP
from napari_eds.spectra.spectrum_image import SpectrumImage

_SESSIONS = f"Sessions (*{SUFFIX})"


class SessionPage(QWidget):
    """Saves a session, offers the one beside the map, restores and repeats it."""

    def __init__(self, focus: Focus, work: JobBar) -> None:
        super().__init__()
        self._focus, self._work = focus, work
        self._jobs = Jobs(self)
        self._found: Found | None = None
        self._make()
        self._lay_out()
        self._connect()
        self._on_map()

    def _make(self) -> None:
        self.save, self.save_as = QPushButton("Save session"), QPushButton("Save as…")
        self.save.setToolTip(
            "Save labels, settings, k-factors and numbers in one file beside the map; the counts "
            "stay in the map"
        )
        self.save_as.setToolTip("Save the session under another name")
        self.about = WrappedText(lines=1)
        self.restore, self.open = QPushButton("Restore"), QPushButton("Open…")
        self.restore.setToolTip(
            "Bring the labels back as a new layer, with the settings, and the result if the map "
            "is the same; layers that are there stay as they are"
        )
        self.open.setToolTip("Look at a session that lies elsewhere")
        self.repeat = QPushButton("Repeat")
        self.repeat.setToolTip(
            "Quantify the restored labels again as the session says, and tell whether the "
            "numbers are the same"
        )
        self.hyperspy = QPushButton("Save for HyperSpy…")
        self.hyperspy.setToolTip(
            "Save the labels' spectra (counts) with the fitted model as a .hspy file"
        )
        self.hyperspy_about = WrappedText()
        self.hyperspy_about.setText(
            "In HyperSpy: s.models.restore('napari_eds') gives the fitted model."
        )

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(4)
        grid.addWidget(_heading("Result"), 0, 0, 1, 2)
        grid.addWidget(self.save, 1, 0)
        grid.addWidget(self.save_as, 1, 1)
        grid.addWidget(_heading("Saved session"), 2, 0, 1, 2)
        grid.addWidget(self.about, 3, 0, 1, 2)
        grid.addWidget(self.restore, 4, 0)
        grid.addWidget(self.repeat, 4, 1)
        grid.addWidget(self.open, 5, 0)
        grid.addWidget(_heading("HyperSpy"), 6, 0, 1, 2)
        grid.addWidget(self.hyperspy_about, 7, 0, 1, 2)
        grid.addWidget(self.hyperspy, 8, 0)
        box = QVBoxLayout(self)
        box.setContentsMargins(4, 6, 4, 2)
        box.addLayout(grid)
        box.addStretch(1)

    def _connect(self) -> None:
        focus = self._focus
        focus.map_changed.connect(self._on_map)
        for signal in (focus.labels_changed, focus.result_changed):
            signal.connect(self._enable)
        self._work.changed.connect(self._enable)
        self.save.clicked.connect(self._on_save)
        self.save_as.clicked.connect(self._on_save_as)
        self.open.clicked.connect(self._on_open)
        self.restore.clicked.connect(self._on_restore)
        self.repeat.clicked.connect(self._on_repeat)
        self.hyperspy.clicked.connect(self._on_hyperspy)

    # The session of the map.

    def _on_map(self) -> None:
        """Look for a session beside the map, in a thread: its file is hashed."""
        image = self._focus.image
        self._jobs.drop("beside")
        self._show(None)
        if image is not None:
            self.about.setText("Looking beside the map…")
            self._jobs.run("beside", lambda: _beside(image), self._show)

    def _show(self, found: Found | str | None) -> None:
        self._found = found if isinstance(found, Found) else None
        if self._found is not None:
            lines = [*warnings_of(self._found), *provenance(self._found)]
            self.about.setText("\n".join(lines))
        elif isinstance(found, str):
            self.about.setText(f"⚠ {found}")
        elif self._focus.image is None:
            self.about.setText("Open an EDS map first.")
        else:
            self.about.setText("There is none beside the map.")
        self._enable()

    def _enable(self) -> None:
        free, result = not self._work, self._result()
        idle, a_result = (free, BUSY), (result, NO_RESULT)
        from_file = result is not None and result.image.source is not None
        beside = (from_file, "The map came from no file to save beside: save as… instead.")
        offer(self.save, unless=lacking(a_result, beside, idle))
        offer(self.save_as, self.hyperspy, unless=lacking(a_result, idle))
        offer(self.open, unless=lacking((self._focus.image, NO_MAP), idle))
        offer(self.restore, unless=lacking((self._found, "Open a session first."), idle))
        restored = session_of(chips_layer(self._focus))
        offer(self.repeat, unless=lacking((restored, "Restore a session first."), idle))

    def _result(self) -> Quantification | None:
        """Return the result of the labels, also while examples are painted over them."""
        labels = chips_layer(self._focus)
        return None if labels is None else labels.metadata.get(QUANTIFICATION)

    def _on_open(self) -> None:
        image = self._focus.image
        path = QFileDialog.getOpenFileName(self, "Open a session", "", _SESSIONS)[0]
        if image is not None and path:
            self._work.run(
                "reading", lambda _report: examine(Path(path), image), self._show, replaces=False
            )

    # Saving.

    def _on_save(self) -> None:
        result = self._result()
        if result is None or result.image.source is None:
            return
        path = beside(result.image.source)
        overwrite = may_replace(self, [path])
        if overwrite is not None:
            self._save(path, result, overwrite=overwrite)

    def _save(self, path: Path, result: Quantification, *, overwrite: bool) -> None:
        self._work.run(
            "saving",
            lambda _report: save_session(path, result, overwrite=overwrite),
            partial(self._on_saved_session, result),
            replaces=False,
        )

    def _on_save_as(self) -> None:
        result = self._result()
        if result is None:
            return
        chosen = self._ask("Save the session", result, SUFFIX, _SESSIONS)
        if chosen is not None:
            path, overwrite = chosen
            self._save(path, result, overwrite=overwrite)

    def _on_saved_session(self, result: Quantification, path: Path) -> None:
        self._on_saved(path)
        note_saved(self._focus, result.labels, result.table[CHIP].to_dict(), result.recipe)
        image = self._focus.image
        if image is not None and image.source is not None:
            self._on_map()

    def _on_hyperspy(self) -> None:
        result = self._result()
        if result is None:
            return
        chosen = self._ask("Save for HyperSpy", result, ".hspy", "HyperSpy (*.hspy)")
        if chosen is not None:
            path, overwrite = chosen
            self._work.run(
                "building HyperSpy's model",
                lambda _report: save_hspy(result, path, overwrite=overwrite),
                self._on_saved,
                replaces=False,
            )

    def _ask(
        self, title: str, result: Quantification, suffix: str, kinds: str
    ) -> tuple[Path, bool] | None:
        """Return the file to save to and whether it may be replaced; None to save nothing."""
        image = result.image
        stem = image.source.with_suffix("") if image.source else Path(image.name)
        chosen = ask_to_save(self, title, f"{stem}{suffix}", kinds, ())
        if chosen is None:
            return None
        overwrite = may_replace(self, [chosen.path], chosen.asked)
        return None if overwrite is None else (chosen.path, overwrite)

    def _on_saved(self, path: Path) -> None:
        text = f"Saved {path.name} in {path.parent}."
        self._work.say(text)
        show_info(text)

    # Restoring and repeating.

    def _on_restore(self) -> None:
        """Bring back labels and settings, and the result where the counts are the same."""
        found, image = self._found, self._focus.image
        if found is None or image is None:
            return
        part = part_of(found, image)
        if part is None:
            self._bring_back(found)
            return
        self._work.run(
            "reading the part of the map",
            lambda _report: read_part(found, image, part),
            self._on_part_read,
            replaces=False,
        )

    def _on_part_read(self, read: tuple[SpectrumImage, Found]) -> None:
        """Show the part that the session is of, beside the map, and restore it there."""
        self._focus.add_image(read[0])
        self._bring_back(read[1])

    def _bring_back(self, found: Found) -> None:
        labels = restore(self._focus, found)
        if labels is None:
            notify(SessionError(found.counts_differ or "The labels do not fit the map."))
            return
        if found.counts_differ:
            show_warning(f"Only labels and settings are restored: {found.counts_differ}")
            return
        if found.file_differs:
            show_warning(found.file_differs)
        self._run_again(labels, found.session)

    def _on_repeat(self) -> None:
        labels = chips_layer(self._focus)
        session = session_of(labels)
        if labels is not None and session is not None:
            self._run_again(labels, session)

    def _run_again(self, labels: Labels, session: Session) -> None:
        """Repeat the session in a thread. A changed file has been told of; counts are checked."""
        image = self._focus.image
        if image is None:
            return
        self._work.run(
            "repeating the session",
            lambda report: repeat(session, image, check_file=False, progress=report),
            partial(self._on_repeated, labels, session),
            replaces=False,
        )

    def _on_repeated(self, labels: Labels, session: Session, result: Quantification) -> None:
        if labels not in self._focus.viewer.layers:
            show_error("The restored labels were deleted meanwhile; nothing is shown.")
            return
        self._focus.show_result(labels, result)
        self._work.say(same_numbers(session, result))


def _beside(image: SpectrumImage) -> Found | str | None:
    """Return what is wrong as a text: nobody asked, so no notification pops up."""
    try:
        return find_beside(image)
    except EDSError as error:
        return str(error)


def _heading(text: str) -> QLabel:
    return QLabel(f"<b>{text}</b>")
