"""Writing the report of a result to HTML or PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_eds._support.arguments import PATH, expect
from napari_eds._support.files import write_atomically
from napari_eds._support.outputs import check_files
from napari_eds._support.progress import Progress
from napari_eds.errors import EDSError
from napari_eds.exchange.report.content import report_of
from napari_eds.exchange.report.html import html_page
from napari_eds.exchange.report.pdf import pdf_pages
from napari_eds.quantification.result import Quantification

SUFFIXES = (".html", ".htm", ".pdf")


def check_report_path(path: Path) -> Path:
    """Return the path of a report, if reports are written in the format of its suffix.

    Raises
    ------
    EDSError
    """
    if path.suffix.lower() not in SUFFIXES:
        raise EDSError(f"{path.name}: a report is saved as .html or .pdf")
    return path


def save_report(  # noqa: PLR0913 - all but two are keywords
    result: Quantification,
    path: str | Path,
    *,
    title: str | None = None,
    remarks: str = "",
    labels: Sequence[int] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Save a report: maps, compositions, spectra with fits, account, remarks, provenance.

    Parameters
    ----------
    result : Quantification
        Of a session: ``repeat(load_session("map.edsession"), "map.emd")``.
    path : str or Path
        ``.html``: one file that needs nothing else, without scripts; or ``.pdf``.
    title : str, optional
        The map's name by default.
    remarks : str
        The author's own, one paragraph a line.
    labels : sequence of int, optional
        Whose spectra are shown; a few that tell most by default.
    overwrite : bool
        Whether a file that is there may be replaced.
    progress : callable, optional
        Called with (done, total, what).

    Raises
    ------
    EDSError
        If the suffix is another one.
    LabelError
        If there is no such label.
    OutputError
        If the file is there and may not be replaced.
    OSError
        If the folder does not exist or cannot be written.
    """
    expect(
        result=(result, Quantification),
        path=(path, PATH),
        title=(title, str | None),
        remarks=(remarks, str),
    )
    path = check_report_path(Path(path))
    check_files([path], overwrite=overwrite, inputs=[result.image.source])
    told = report_of(result, title=title, remarks=remarks, labels=labels, progress=progress)
    content = pdf_pages(told) if path.suffix.lower() == ".pdf" else html_page(told)
    return write_atomically(path, content, overwrite=overwrite)
