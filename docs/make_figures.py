"""Draws the figures of ``docs/figures.md`` and ``docs/report.md`` from measured maps.

``python docs/make_figures.py`` needs the maps of ``../shared/data``; the pictures of the window
need a display.
"""

from __future__ import annotations

from pathlib import Path

import napari_eds as eds
from napari_eds._support.figures import figure_bytes
from napari_eds.exchange.report.content import report_of
from napari_eds.exchange.report.pdf import drawn_pages, pdf_pages

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images"
DATA = DOCS.parents[1] / "shared" / "data" / "real"


def main() -> None:
    """Draw all of them."""
    silica = eds.load(DATA / "hspy" / "SiO2 EDS Spectrum Image.hspy")
    recipe = eds.Recipe(elements=("O", "Si"), fit_only=("C", "Cu"))
    result = eds.quantify(silica, eds.grid_chips(silica.shape, 16), recipe)
    chips = eds.quantify(silica, eds.grid_chips(silica.shape, 8), recipe)
    style = eds.FigureStyle(width_mm=170, dpi=150)

    def save(figure: object, name: str) -> None:
        eds.save_figure(figure, IMAGES / name, overwrite=True)

    save(eds.map_figure(chips, ["counts", "O", "Si"], style=style), "figure_maps.png")
    brightest = int(result.table["counts"].idxmax())
    save(eds.spectrum_figure(result, brightest, style=style), "figure_spectrum.png")
    save_report(result)
    save_window()


def save_report(result: eds.Quantification) -> None:
    """Save the example of a report, and its first page as a picture."""
    told = report_of(
        result,
        title="Silica spheres",
        remarks="Silica spheres on a carbon film; chips of 16 px.",
    )
    (DOCS / "report_of_silica.pdf").write_bytes(pdf_pages(told))
    (IMAGES / "report_page.png").write_bytes(figure_bytes(drawn_pages(told)[0], "png", 90))


def save_window() -> None:
    """Save the window for figures as a picture."""
    import napari
    from qtpy.QtTest import QTest

    from napari_eds._napari.exchange.figure_dialog import FigureDialog
    from napari_eds._napari.state.focus import focus_of

    viewer = napari.Viewer(show=False)
    viewer.open(DATA / "hspy" / "SiO2 EDS Spectrum Image.hspy", plugin="napari-eds")
    dialog = FigureDialog(focus_of(viewer))
    dialog.show()
    QTest.qWait(3000)
    dialog.grab().save(str(IMAGES / "figure_window.png"))
    dialog.close()
    viewer.close()


if __name__ == "__main__":
    main()
