"""`batch`: many files by one recipe, from the first to the table of all."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING

from napari_eds._support.arguments import PATH, each, expect
from napari_eds._support.brief import brief
from napari_eds._support.files import told_of_system
from napari_eds._support.progress import Progress
from napari_eds._version import __version__
from napari_eds.batches.cluster import ClusterWorkers
from napari_eds.batches.combine import check_parquet, combine
from napari_eds.batches.engine import Engine
from napari_eds.batches.entry import BatchEntry
from napari_eds.batches.inputs import Growing, Inputs, parts_of, stamp
from napari_eds.batches.local import LocalWorkers, n_cores
from napari_eds.batches.manifest import Manifest
from napari_eds.batches.place import Place, open_place, remove_unfinished
from napari_eds.batches.settings import BatchSettings, ReportFormat
from napari_eds.batches.task import Task, labels_sha256, sha256_of, table_of
from napari_eds.errors import EDSError, OutputError
from napari_eds.labels.rule import LabelRule
from napari_eds.recipe.map_part import MapPart
from napari_eds.recipe.recipe import Recipe

if TYPE_CHECKING:
    from distributed import Client

#: How long a wait for workers or new files lasts before progress is told again.
_LOOK_s = 0.2
#: A watched folder is looked through so often.
_SCAN_s = 1.0


@brief
@dataclass(frozen=True)
class BatchResult:
    """What became of a batch.

    Attributes
    ----------
    output : Path
        Its folder: ``manifest.csv``, ``all.csv``, and a table of each file in ``tables``.
    entries : tuple of BatchEntry
        One per file, by name.
    changed : tuple of str
        Files that were changed, or were quantified by another version, since their results were
        made; these are as they were.
    """

    output: Path
    entries: tuple[BatchEntry, ...]
    changed: tuple[str, ...]

    @property
    def failed(self) -> tuple[BatchEntry, ...]:
        """Files that could not be quantified, each with its error."""
        return tuple(entry for entry in self.entries if entry.state == "failed")

    @property
    def done(self) -> tuple[BatchEntry, ...]:
        """Files that have results."""
        return tuple(entry for entry in self.entries if entry.state == "done")

    def _brief(self) -> str:
        return f"{len(self.done)} done, {len(self.failed)} failed, in {self.output}"


def batch(  # noqa: PLR0913 - one keyword for each thing that can be asked for
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    recipe: Recipe,
    labels: LabelRule | int | tuple[int, int],
    output: str | os.PathLike[str],
    *,
    part: MapPart | None = None,
    classes: str | None = None,
    maps: bool = False,
    spectra: bool = False,
    errors: bool = False,
    report: ReportFormat | None = None,
    parquet: bool = False,
    workers: int | None = None,
    scheduler: str | Client | None = None,
    watch: bool = False,
    stable_s: float = 10.0,
    overwrite: bool = False,
    progress: Progress | None = None,
    on_entry: Callable[[BatchEntry], None] | None = None,
) -> BatchResult:
    """Quantify many files by one recipe, and resume where an earlier run was left.

    A file that cannot be used costs one row of the manifest, with its error. Results do not
    depend on the number of workers or their order. Called again with the same arguments, files
    that are done are passed over, and those that failed are tried again.

    Parameters
    ----------
    inputs : path-like, or iterable of path-like
        Files, folders with all folders in them, and patterns such as ``"maps/*.emd"``.
    recipe : Recipe
    labels : LabelRule, int or (int, int)
        How each map is labelled; a number or two mean a grid of chips of that size.
    output : path-like
        Folder; not inside of an input.
    part : MapPart, optional
        What of each file is read.
    classes : str, optional
        Naming rule, such as ``"{stem}_classes.csv"``, of the table of classes beside each map:
        the chips of each class become one label.
    maps, spectra, errors : bool
        Whether to save at.% maps, spectra of labels, and parts of errors of each file.
    report : {"html", "pdf"}, optional
        Write a report of each file.
    parquet : bool
        Whether to write the table of all also as Parquet.
    workers : int, optional
        Processes on this machine; as many as it has cores by default.
    scheduler : str or distributed.Client, optional
        Run on the workers of a scheduler of dask.distributed, which see the same paths.
    watch : bool
        Whether to wait for further files until interrupted.
    stable_s : float
        Seconds for which a file of a watched folder must stay as it is before it is taken.
    overwrite : bool
        Whether to begin anew where there are results. Inputs are never replaced.
    progress : callable, optional
        Called with (done, total, what), several times a second; raising in it leaves the batch,
        which can be resumed.
    on_entry : callable, optional
        Called with what is known of a file whenever that changes.

    Returns
    -------
    BatchResult

    Raises
    ------
    FileNotFoundError, EDSError
        If an input does not exist, or there is none; a watched folder may be empty.
    OutputError
        If the folder is in the way, or holds a batch with other settings.
    """
    expect(
        recipe=(recipe, Recipe),
        part=(part, MapPart | None),
        output=(output, PATH),
        workers=(workers, Integral | None),
        stable_s=(stable_s, Real),
        classes=(classes, str | None),
    )
    if workers is not None and workers < 1:
        raise EDSError(f"a batch needs 1 worker or more, not {workers}")
    if parquet:
        check_parquet()
    if isinstance(inputs, str | os.PathLike):
        inputs = [inputs]
    named = each("inputs", inputs, PATH)
    settings = BatchSettings(
        recipe,
        labels if isinstance(labels, LabelRule) else LabelRule.grid(labels),
        part or MapPart(),
        classes,
        maps=maps,
        spectra=spectra,
        errors=errors,
        report=report,
    )
    found = Inputs.of(named)
    if not watch:
        # Before anything is written: results of nothing would stand in the way of the right ones.
        found.check_found()
    growing = Growing(stable_s) if watch else None
    n_workers = n_cores() if workers is None else workers
    with _told_of_output(Path(output)):
        place = open_place(Path(output), found, settings, overwrite=overwrite)
        try:
            run = _Run(place, found, settings, progress or _silent, on_entry or _silent)
            try:
                return run.run(n_workers, scheduler, growing)
            finally:
                run.end(parquet=parquet)
        finally:
            place.leave()


@contextmanager
def _told_of_output(output: Path) -> Iterator[None]:
    """Say in words what the system has against writing into the folder of a batch.

    All that is read belongs to the workers, whose errors are told file by file.
    """
    try:
        yield
    except OSError as error:
        # A pipe that is closed belongs to who is told of progress.
        if isinstance(error, EDSError | BrokenPipeError):
            raise
        raise OutputError(
            f"the batch cannot go on in {output}: {told_of_system(error)}. What is done is kept: "
            "make room or take away what is in the way, and the same call goes on"
        ) from error


def _silent(*_: object) -> None:
    """Tell nobody."""


class _Run:
    """One run of a batch: what waits, what is at work, and what is known of each file."""

    def __init__(
        self,
        place: Place,
        inputs: Inputs,
        settings: BatchSettings,
        progress: Progress,
        tell: Callable[[BatchEntry], None],
    ) -> None:
        self._place, self._inputs, self._settings = place, inputs, settings
        self._progress, self._tell = progress, tell
        self._values, self._sha256 = settings.to_dict(), settings.sha256
        self._manifest = Manifest(place.manifest)
        self._waiting: deque[Path] = deque()
        self._taken: set[Path] = set()
        self._changed: list[str] = []
        self._n_old = self._n_new = 0
        self._start = self._scanned = float("-inf")
        self._forget_removed()

    def _forget_removed(self) -> None:
        """Forget files without results that are there no more: a damaged one was taken away."""
        for name, entry in list(self._manifest.entries.items()):
            if entry.state != "done" and not (self._place.common / name).exists():
                self._manifest.forget(name)

    def run(
        self, n_workers: int, scheduler: str | Client | None, growing: Growing | None
    ) -> BatchResult:
        """Work until all is done; of a watched folder, until interrupted."""
        self._take_up(growing)
        engine: Engine | None = None
        try:
            while growing is not None or self._waiting or (engine and engine.busy):
                if engine is None and self._waiting:
                    most = n_workers if growing else min(n_workers, len(self._waiting))
                    engine = LocalWorkers(most) if scheduler is None else ClusterWorkers(scheduler)
                    self._start = time.monotonic()
                self._turn(engine, growing)
        except KeyboardInterrupt:
            # That is how watching ends.
            if growing is None:
                raise
        finally:
            if engine is not None:
                engine.close()
        return BatchResult(self._place.path, self._entries(), tuple(self._changed))

    def end(self, *, parquet: bool) -> None:
        """Leave the folder in order, however the run ended."""
        self._manifest.close()
        remove_unfinished(self._place.path)
        combine(self._place.path, self._entries(), parquet=parquet)

    def _entries(self) -> tuple[BatchEntry, ...]:
        return tuple(self._manifest.entries[name] for name in sorted(self._manifest.entries))

    def _turn(self, engine: Engine | None, growing: Growing | None) -> None:
        """Give out work, wait a moment, and take what has finished."""
        if engine is None:
            time.sleep(_LOOK_s)
        else:
            while self._waiting and engine.room > 0:
                engine.give(self._task(self._waiting.popleft()))
            for entry in engine.finished(_LOOK_s):
                self._finish(entry)
        self._report(engine)
        if growing is not None and time.monotonic() - self._scanned > _SCAN_s:
            self._take_up(growing)

    def _take_up(self, growing: Growing | None) -> None:
        """Put files that are new into the queue, and pass over those that are done."""
        self._scanned = time.monotonic()
        new = [path for path in self._inputs.found() if path not in self._taken]
        for path in new if growing is None else growing.settled(new):
            self._taken.add(path)
            name = self._place.name_of(path)
            entry = self._manifest.entries.get(name)
            if entry is not None and self._is_kept(path, entry):
                self._n_old += 1
                self._tell(entry)
                continue
            self._waiting.append(path)
            self._tell(BatchEntry(name))
            self._progress(self._n_old, len(self._taken), "looking through the files")

    def _is_kept(self, path: Path, entry: BatchEntry) -> bool:
        """Whether the results of a file are left as they are."""
        if entry.state != "done" or not table_of(self._place.path, entry.file).is_file():
            return False
        if not self._is_same(path, entry):
            self._changed.append(entry.file)
        return True

    def _is_same(self, path: Path, entry: BatchEntry) -> bool:
        try:
            beside = labels_sha256(self._settings, path)
            if (entry.version, entry.labels_sha256) != (__version__, beside):
                return False
            if (entry.size_bytes, entry.modified_ns) == stamp(path):
                return True
            return sha256_of(parts_of(path)) == entry.file_sha256
        except OSError:
            return False

    def _task(self, path: Path) -> Task:
        name = self._place.name_of(path)
        before = self._manifest.entries.get(name)
        running = BatchEntry(
            name, recipe_sha256=self._sha256, version=__version__, state="running"
        )
        self._manifest.note(running)
        self._tell(running)
        return Task(
            str(path),
            name,
            str(self._place.path),
            self._values,
            self._sha256,
            # What is there then is of this batch: it was taken up before.
            replace=before is not None,
        )

    def _finish(self, entry: BatchEntry) -> None:
        if entry.version != __version__:
            problem = (
                f"its worker has napari-eds {entry.version}, and {__version__} is asked for: "
                "install the same version on all nodes"
            )
            entry = replace(entry, state="failed", error=problem)
        self._n_new += 1
        self._manifest.note(entry)
        self._tell(entry)

    def _report(self, engine: Engine | None) -> None:
        done, total = self._n_old + self._n_new, len(self._taken)
        left = len(self._waiting) + (engine.busy if engine else 0)
        if not left:
            self._progress(done, total, "waiting for files")
            return
        what = "quantifying files"
        if self._n_new:
            each = (time.monotonic() - self._start) / self._n_new
            what += f", about {_in_words(each * left)} left"
        self._progress(done, total, what)


def _in_words(seconds: float) -> str:
    """Return a time as somebody who waits says it."""
    units: Sequence[tuple[float, str]] = ((86400, "d"), (3600, "h"), (60, "min"))
    for length, unit in units:
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(round(seconds, -1), 10):.0f} s"
