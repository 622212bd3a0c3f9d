"""Draws the figures of ``docs/figures.md`` and ``docs/report.md`` from measured maps.

``python docs/make_figures.py`` needs the maps of ``../shared/data``; the pictures of the window
need a display.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import napari_eds as eds
from napari_eds._support.figures import figure_bytes
from napari_eds.exchange.report.content import report_of
from napari_eds.exchange.report.pdf import drawn_pages, pdf_pages

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images"
#: Rows and columns of regions of the map of a grain, by what they are called.
GRAIN_REGIONS = {
    "grain": (slice(80, 135), slice(105, 150)),
    "foot": (slice(168, 198), slice(168, 200)),
    "matrix": (slice(105, 160), slice(60, 98)),
}
GRAIN_FIT_ONLY = "C,N,Na,Al,Ca,Ti,Cr,Cu,Ga,Pt"
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
    save_grain()
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


def save_grain() -> None:
    """Save maps and a report of three regions of a grain in a lamella, as one would send them."""
    image = eds.load(DATA / "bruker" / "L2083-K-4-1_tilt0.bcf")
    labels = np.zeros(image.shape, np.int32)
    for label, place in enumerate(GRAIN_REGIONS.values(), start=1):
        labels[place] = label
    recipe = eds.Recipe(
        elements=("O", "Mg", "Si", "S", "Fe"), fit_only=tuple(GRAIN_FIT_ONLY.split(","))
    )
    names = dict(enumerate(GRAIN_REGIONS, start=1))
    result = eds.quantify(image, eds.Chips(labels, names), recipe)
    style = eds.FigureStyle(width_mm=170, dpi=130)
    maps = ["HAADF", *(f"{element}:counts" for element in result.elements)]
    figure = eds.map_figure(result, maps, outline=list(names), style=style)
    eds.save_figure(figure, IMAGES / "figure_grain.png", overwrite=True)
    told = report_of(
        result,
        title="Silicate grain in a lamella",
        remarks="Map of 256 x 256 pixels at 200 kV, Bruker Esprit. Regions were drawn on the "
        "HAADF image: two parts of the grain, and the fine matrix beside it.",
    )
    for page, name in enumerate(("report_grain.png", "report_grain_fits.png")):
        (IMAGES / name).write_bytes(figure_bytes(drawn_pages(told)[page], "png", 90))


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
