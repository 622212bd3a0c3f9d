"""Markers of lines."""

from itertools import combinations

import numpy as np
import pytest
from qtpy.QtTest import QTest

from napari_eds._napari.spectrum.curves import Spectrum
from napari_eds._napari.spectrum.markers import element_colors, line_markers
from napari_eds._napari.spectrum.plot import Content, SpectrumPlot
from napari_eds.physics import lines as xray


def test_overlapping_lines_are_found():
    markers = {
        m.line: m for m in line_markers(element_colors(["Ti", "La", "Fe"]), (0.2, 20), 300, 130)
    }
    ti_kb = next(line for line in markers if str(line) == "Ti_Kb")
    assert "La Lb1" in markers[ti_kb].overlaps
    assert markers[ti_kb].name == "Ti Kb*"
    for line, marker in markers.items():
        near = {
            f"{o.element} {o.name}"
            for o in markers
            if o.element != line.element
            and min(o.weight, line.weight) >= 0.1
            and abs(o.energy_keV - line.energy_keV) < xray.fwhm_keV(line.energy_keV, 130)
        }
        assert set(marker.overlaps) == near


@pytest.fixture
def plot(qtbot):
    made = SpectrumPlot()
    qtbot.addWidget(made)
    made.show()
    return made


SIZES = [(280, 90), (420, 110), (560, 150), (760, 230), (1200, 500)]


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("last_keV", [9.5, 11.1, 11.3, 13.0])
@pytest.mark.parametrize("n_spectra", [1, 5])
def test_labels_at_the_end_of_a_short_spectrum_stay_in_the_plot(
    qtbot, plot, size, last_keV, n_spectra
):
    x = np.arange(-0.1, last_keV, 0.01)
    counts = np.random.default_rng(3).poisson(20, x.size)
    colors = element_colors(["Pt", "Fe", "Ni", "Cu", "Ti", "La"])
    spectra = tuple(
        Spectrum(f"label {i}", f"spectrum number {i}", counts, 10, "#d55e00")
        for i in range(n_spectra)
    )
    plot.show_content(
        Content(x=x, spectra=spectra, markers=line_markers(colors, (0.1, last_keV), 200, 130))
    )
    plot.resize(*size)
    qtbot.waitUntil(lambda: (plot.width(), plot.height()) == size)
    plot.fit_view()
    QTest.qWait(30)
    labels = plot.markers.labels()
    inside = plot.view.sceneBoundingRect()
    for name, rectangle in labels:
        # A pixel's half is lost between the plot's units and the screen's.
        assert inside.adjusted(-0.5, -0.5, 0.5, 0.5).contains(rectangle), name
        # Ticks of the axis point into the view.
        assert rectangle.left() >= inside.left() + 5, name
    for (_, one), (_, other) in combinations(labels, 2):
        assert not one.adjusted(1, 1, -1, -1).intersects(other)
    assert labels or size[1] < 120, "where there is room, lines are labelled"


@pytest.mark.parametrize("n_spectra", [1, 3, 4, 6])
def test_the_legend_has_as_many_columns_as_keep_it_in_a_low_plot(qtbot, plot, n_spectra):
    x = np.arange(0, 10, 0.01)
    spectra = tuple(
        Spectrum(f"label {i}", f"number {i}", np.ones(x.size, int), 1, "#d55e00")
        for i in range(n_spectra)
    )
    plot.show_content(Content(x=x, spectra=spectra))
    for height in (400, 150, 110, 90, 400):
        plot.resize(600, height)
        qtbot.waitUntil(lambda height=height: plot.height() == height)
        QTest.qWait(30)
        last = plot._legend.items[-1][1]
        written = last.mapRectToItem(plot.view, last.itemRect()).bottom()
        assert written <= plot.view.height() + 4, "what is written is in view, if not its margin"
    assert plot._legend.columnCount == 1


def test_the_legend_stays_in_its_corner_however_often_the_plot_changes(qtbot, plot):
    x = np.arange(0, 10, 0.01)
    names = ("R0C0 (256 px)", "Whole map (9 216 px)", "Fit", "Background")
    spectra = tuple(
        Spectrum(f"label {name}", name, np.ones(x.size, int), 1, "#d55e00") for name in names
    )
    plot.show_content(Content(x=x, spectra=spectra))

    def resized(width, height):
        plot.resize(width, height)
        qtbot.waitUntil(lambda: (plot.width(), plot.height()) == (width, height))
        QTest.qWait(30)
        legend = plot._legend
        return legend.mapRectToItem(plot.view, legend.boundingRect())

    first = resized(700, 170)
    for _again in range(2):
        for narrow in ((360, 120), (360, 90), (700, 100)):
            beside = resized(*narrow).left() / plot.view.width()
            assert beside > 0.2, "the spectrum is to be seen beside it"
        assert plot._legend.columnCount == 2
        last = resized(700, 170)
        assert (last.left(), last.width()) == pytest.approx((first.left(), first.width()), abs=1)
