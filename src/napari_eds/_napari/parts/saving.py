"""Saving a result from a dock, under a name the user chooses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_eds._napari.parts.jobs import notify
from napari_eds._support.outputs import existing
from napari_eds.errors import EDSError
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.saving.results import csv_files

#: Most files that are named in a question.
_NAMED = 5


def may_replace(
    parent: QWidget | None, files: Iterable[str | Path], asked: str | Path | None = None
) -> bool | None:
    """Return whether files that are there may be replaced, as `overwrite`; None to save nothing.

    Parameters
    ----------
    parent : QWidget or None
    files : iterable of str or Path
        All that will be written.
    asked : str or Path, optional
        The one that a dialog has asked about already. The user is asked about the others.
    """
    there = existing(files)
    others = [path for path in there if asked is None or path != Path(asked)]
    if others:
        names = ", ".join(path.name for path in others[:_NAMED])
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        answer = QMessageBox.question(
            parent, "Replace files?", f"{others[0].parent} holds {names}{more}. Replace them?"
        )
        if answer != QMessageBox.StandardButton.Yes:
            return None
    return bool(there)


def ask_csv_path(parent: QWidget, title: str, result: Quantification, ending: str = "") -> str:
    """Ask for a CSV file named after the map; empty if the user thinks better of it."""
    stem = result.image.source.stem if result.image.source else result.image.name
    return QFileDialog.getSaveFileName(parent, title, f"{stem}{ending}.csv", "CSV (*.csv)")[0]


def save_result(parent: QWidget, result: Quantification) -> None:
    """Save table, spectra and recipe of a result, and say so."""
    path = ask_csv_path(parent, "Save the quantification", result)
    if not path:
        return
    overwrite = may_replace(parent, csv_files(path, spectra=True), path)
    if overwrite is None:
        return
    try:
        written = result.to_csv(path, spectra=True, overwrite=overwrite)
    except (EDSError, OSError) as error:
        notify(error)
        return
    show_info(f"Saved {', '.join(p.name for p in written)} in {written[0].parent}.")
