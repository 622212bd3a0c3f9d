"""The dock *EDS batch*: many files by one recipe, with a list of what became of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QPushButton, QWidget

from napari_eds._napari.batch.files_table import FilesTable
from napari_eds._napari.batch.form import Asked, BatchForm
from napari_eds._napari.parts.job_bar import JobBar, counted
from napari_eds._napari.parts.jobs import notify
from napari_eds._napari.parts.panels import BATCH, share_tab
from napari_eds._napari.parts.reasons import BUSY, lacking, offer
from napari_eds._napari.parts.widgets import WrappedText, foot_of, scrolled_column
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.places import come_back
from napari_eds._support.progress import Progress
from napari_eds.batches.entry import BatchEntry
from napari_eds.batches.run import BatchResult, batch
from napari_eds.errors import EDSError, RecipeError
from napari_eds.recipe.map_part import MapPart
from napari_eds.recipe.recipe import Recipe

_MIN_WIDTH_PX = 380


class _Entries(QObject):
    """Carries entries from the thread of the batch to that of the window."""

    came = Signal(object)


class BatchWidget(QWidget):
    """Form, *Start* and *Cancel*, and the list of files; the batch runs in processes."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.focus = focus_of(napari_viewer)
        self.form, self.files = BatchForm(), FilesTable()
        self.start = QPushButton("Start")
        self.start.setToolTip("Quantify all files, or those that an earlier run has left")
        said = WrappedText(lines=1)
        self.work = JobBar(text=said, words=counted)
        self._entries = _Entries(self)
        box = scrolled_column(self, 4)
        box.setSpacing(4)
        box.addWidget(self.form)
        box.addWidget(self.start)
        box.addWidget(self.files, 1)
        foot = foot_of(self, 4)
        foot.addWidget(said)
        foot.addWidget(self.work)
        self.setMinimumWidth(_MIN_WIDTH_PX)
        self.start.clicked.connect(self._on_start)
        self.work.changed.connect(self._enable)
        self.work.cancelled.connect(self._on_cancelled)
        self._entries.came.connect(self.files.show_entry)
        share_tab(self.focus.viewer, self)
        come_back(self, BATCH)

    def _enable(self) -> None:
        offer(self.form, self.start, unless=lacking((not self.work, BUSY)))

    def _on_start(self) -> None:
        try:
            asked = self.form.asked()
            recipe, part = self._recipe(asked)
        except (EDSError, OSError) as error:
            notify(error)
            return
        self.files.restart()
        came = self._entries.came
        self.work.run(
            "quantifying files",
            partial(_run, asked, recipe, part, came.emit),
            self._on_done,
            replaces=False,
        )

    def _recipe(self, asked: Asked) -> tuple[Recipe, MapPart]:
        """Return the recipe of a file, or that of the map in view, and what of files is read."""
        if asked.recipe_file:
            path = asked.recipe_file
            return Recipe.from_json(path), MapPart.from_recipe(path)
        settings = self.focus.settings
        if settings is None:
            raise RecipeError("choose a recipe, or open a map and choose its elements")
        image = self.focus.image
        return settings.recipe(), (image and image.part) or MapPart()

    def _on_done(self, result: BatchResult) -> None:
        parts = [f"{len(result.done)} files done, {len(result.failed)} failed"]
        if result.changed:
            parts.append(f"{len(result.changed)} were changed since and are left as they were")
        self.work.say(f"{'; '.join(parts)}. The table of all is {result.output / 'all.csv'}.")

    def _on_cancelled(self) -> None:
        self.files.stop()
        self.work.say("Left. Start goes on where it was.")


def _run(
    asked: Asked,
    recipe: Recipe,
    part: MapPart,
    tell: Callable[[BatchEntry], None],
    report: Progress,
) -> BatchResult:
    return batch(
        asked.inputs,
        recipe,
        asked.rule,
        asked.output,
        part=part,
        maps=asked.maps,
        report="html" if asked.report else None,
        workers=asked.workers,
        progress=report,
        on_entry=tell,
    )
