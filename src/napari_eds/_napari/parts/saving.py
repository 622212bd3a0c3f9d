"""Saving a result from a dock, under a name the user chooses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_eds._napari.parts.job_bar import JobBar
from napari_eds._napari.parts.jobs import notify
from napari_eds._support.outputs import existing
from napari_eds.errors import EDSError
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.saving.results import TABLES, csv_files

#: Most files that are named in a question.
_NAMED = 5
#: Kind of file, and endings, of tables that are saved as CSV alone.
CSV_KIND = "CSV (*.csv)"
_CSV_TOO = (".txt",)


class Target(NamedTuple):
    """A file to save to.

    Attributes
    ----------
    path : Path
        With its ending.
    asked : Path
        As it was typed, which is what the dialog has asked about where it is there.
    """

    path: Path
    asked: Path


def ask_to_save(
    parent: QWidget | None,
    title: str,
    start: str,
    kinds: str = CSV_KIND,
    others: Sequence[str] = _CSV_TOO,
) -> Target | None:
    """Ask for a file to save to; None if the user thinks better of it.

    A name without an ending of these kinds, such as ``map 1.5 nm``, gets that of the kind that was
    chosen: Qt's dialog leaves it as it was typed.

    Parameters
    ----------
    parent : QWidget or None
    title : str
    start : str
        The name that is proposed.
    kinds : str
        Filters of Qt, such as ``"PNG (*.png);;Vector (*.svg *.pdf)"``.
    others : sequence of str
        Endings that may be typed, too.
    """
    typed, kind = QFileDialog.getSaveFileName(parent, title, start, kinds)
    if not typed:
        return None
    path, known = Path(typed), (*_endings(kinds), *others)
    if not path.name.lower().endswith(known):
        path = path.with_name(f"{path.name}{(_endings(kind) or known)[0]}")
    return Target(path, Path(typed))


def _endings(kinds: str) -> list[str]:
    return re.findall(r"\*(\.[\w.]+)", kinds)


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
        it = "it" if len(others) == 1 else "them"
        answer = QMessageBox.question(
            parent, "Replace files?", f"{others[0].parent} holds {names}{more}. Replace {it}?"
        )
        if answer != QMessageBox.StandardButton.Yes:
            return None
    return bool(there)


def named_after_map(result: Quantification, ending: str = "") -> str:
    """Return the name of a CSV file after that of the map."""
    stem = result.image.source.stem if result.image.source else result.image.name
    return f"{stem}{ending}.csv"


def save_result(parent: QWidget, result: Quantification, work: JobBar) -> None:
    """Save table, spectra and recipe of a result in a thread, and say so.

    Spectra of thousands of labels take seconds to be put into words.
    """
    chosen = ask_to_save(parent, "Save the quantification", named_after_map(result), others=TABLES)
    if chosen is None:
        return
    path, asked = chosen
    try:
        overwrite = may_replace(parent, csv_files(path, spectra=True), asked)
        if overwrite is None:
            return
    except (EDSError, OSError) as error:
        notify(error)
        return
    work.run(
        "saving",
        lambda _report: result.to_csv(path, spectra=True, overwrite=overwrite),
        _tell_saved,
        replaces=False,
    )


def _tell_saved(written: list[Path]) -> None:
    show_info(f"Saved {', '.join(p.name for p in written)} in {written[0].parent}.")
