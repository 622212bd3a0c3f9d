"""Saving a result from a dock, under a name the user chooses."""

from __future__ import annotations

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_eds._napari.parts.jobs import notify
from napari_eds.quantification.result import Quantification


def ask_csv_path(parent: QWidget, title: str, result: Quantification, ending: str = "") -> str:
    """Ask for a CSV file named after the map; empty if the user thinks better of it."""
    stem = result.image.source.stem if result.image.source else result.image.name
    return QFileDialog.getSaveFileName(parent, title, f"{stem}{ending}.csv", "CSV (*.csv)")[0]


def save_result(parent: QWidget, result: Quantification) -> None:
    """Save table, spectra and recipe of a result, and say so."""
    path = ask_csv_path(parent, "Save the quantification", result)
    if not path:
        return
    try:
        written = result.to_csv(path, spectra=True)
    except OSError as error:
        notify(error)
        return
    show_info(f"Saved {', '.join(p.name for p in written)} in {written[0].parent}.")
