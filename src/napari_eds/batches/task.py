"""One file of a batch: read, labelled, quantified and saved, wherever it is run."""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from napari_eds._support.files import told_of_system
from napari_eds._version import __version__
from napari_eds.batches.entry import BatchEntry
from napari_eds.batches.inputs import parts_of, stamp
from napari_eds.batches.settings import BatchSettings
from napari_eds.errors import EDSError, ReadError
from napari_eds.few_shot.classification import read_classification
from napari_eds.labels.chips import Chips
from napari_eds.quantification.remarks.sums import left_out_lines, thickness_lines
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.run import quantify
from napari_eds.quantification.saving.results import save_maps
from napari_eds.quantification.table import FLAG, NOT_DETECTED
from napari_eds.readers.reading import load
from napari_eds.spectra.spectrum_image import SpectrumImage

#: Threads of one process take turns: filters of warnings and limits of threads are of all of it.
_TURN = threading.Lock()


@dataclass(frozen=True)
class Task:
    """One file, and where its results go.

    Attributes
    ----------
    path : str
        Absolute.
    file : str
        Name of the file in the batch.
    output : str
        Folder of the batch.
    settings : dict
        Of `BatchSettings`.
    recipe_sha256 : str
    replace : bool
        Whether results that are there may be replaced: they are of the same batch.
    """

    path: str
    file: str
    output: str
    settings: dict[str, Any]
    recipe_sha256: str
    replace: bool

    @property
    def table(self) -> Path:
        """Table of the results."""
        return table_of(Path(self.output), self.file)


def table_of(output: Path, file: str) -> Path:
    """Return the table of a file's results in the folder of a batch."""
    return output / "tables" / f"{file}.csv"


def maps_of(output: Path, file: str) -> Path:
    """Return the folder of a file's maps in the folder of a batch."""
    # Not called as raw data are.
    return output / "maps" / f"{file}_maps"


def report_of(output: Path, file: str, suffix: str) -> Path:
    """Return the report of a file in the folder of a batch."""
    return output / "reports" / f"{file}.{suffix}"


def run_task(task: Task) -> BatchEntry:
    """Do all that is asked of one file; whatever is wrong with it is told in the entry."""
    entry = BatchEntry(task.file, recipe_sha256=task.recipe_sha256, version=__version__)
    with _TURN, threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a reader they are notes of the map
        try:
            size, modified = stamp(Path(task.path))
            entry = replace(entry, size_bytes=size, modified_ns=modified)
            entry = replace(entry, file_sha256=sha256_of(parts_of(Path(task.path))))
            return _quantified(task, entry)
        except Exception as error:  # noqa: BLE001 - one file must not cost the others
            return replace(entry, state="failed", error=told(error))


def _quantified(task: Task, entry: BatchEntry) -> BatchEntry:
    path, settings = Path(task.path), BatchSettings.from_dict(task.settings)
    image = load(path, part=settings.part)
    entry = replace(entry, labels_sha256=labels_sha256(settings, path))
    result = quantify(image, _labels(settings, image), settings.recipe)
    if stamp(path) != (entry.size_bytes, entry.modified_ns):
        raise ReadError(f"{path.name} was changed while it was read: run the batch again")
    _save(result, task, settings)
    return replace(entry, state="done", n_labels=len(result.table), remark=_remark(result))


def _labels(settings: BatchSettings, image: SpectrumImage) -> np.ndarray | Chips:
    labels = settings.labels.labels_of(image)
    table = classes_of(settings, image.source)
    if table is None:
        return labels
    if isinstance(labels, Chips):
        return read_classification(table, labels.labels, labels.names).class_labels()
    return read_classification(table, labels).class_labels()


def classes_of(settings: BatchSettings, source: Path | None) -> Path | None:
    """Return the table of classes beside a map, None where none is asked for."""
    if settings.classes is None or source is None:
        return None
    return replace(settings.labels, kind="file", file=settings.classes).file_of(source)


def labels_sha256(settings: BatchSettings, source: Path) -> str:
    """Hash the files beside a map that its labels come from; empty without any."""
    files = [settings.labels.file_of(source)] if settings.labels.kind == "file" else []
    table = classes_of(settings, source)
    files += [] if table is None else [table]
    return sha256_of(files) if files else ""


def sha256_of(files: Iterable[Path]) -> str:
    """Hash the contents of files, one after the other, without loading them whole."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def _save(result: Quantification, task: Task, settings: BatchSettings) -> None:
    task.table.parent.mkdir(parents=True, exist_ok=True)
    # These first: a table that is there says that all is.
    if settings.maps:
        save_maps(result, maps_of(Path(task.output), task.file), overwrite=task.replace)
    if settings.report:
        from napari_eds.exchange.report.saving import save_report  # draws: only where asked for

        report = report_of(Path(task.output), task.file, settings.report)
        report.parent.mkdir(parents=True, exist_ok=True)
        save_report(result, report, overwrite=task.replace)
    extra = {"spectra": settings.spectra, "errors": settings.errors}
    result.to_csv(task.table, **extra, overwrite=task.replace)


def _remark(result: Quantification) -> str:
    """Say in what a file differs from what the recipe expects of all."""
    unseen = [set(cell.split()) for cell in result.table[NOT_DETECTED]]
    nowhere = [e for e in result.elements if all(e in names for names in unseen)]
    parts = [f"seen in no label: {', '.join(nowhere)}"] if nowhere else []
    remarks = result.table[FLAG].tolist()
    parts += [*left_out_lines(remarks), *thickness_lines(remarks)]
    return "; ".join([*parts, *result.image.notes])


def told(error: BaseException) -> str:
    """Return what an error says in one line."""
    if isinstance(error, MemoryError):
        return "the memory does not suffice: read less of the map, or use fewer workers"
    if isinstance(error, EDSError):
        text = str(error)
    elif isinstance(error, OSError):
        text = told_of_system(error)
    else:
        text = f"unexpected {type(error).__name__}: {error}"
    return " ".join(text.split())
