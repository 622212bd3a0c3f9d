"""Figures: what stands on the page is what was asked for, at the size that was asked for."""

import re
import struct
import threading
from xml.etree import ElementTree

import numpy as np
import pytest

import napari_eds as eds
from napari_eds._support.figures import figure_bytes
from napari_eds.exchange.figures import scale_bar
from napari_eds.exchange.figures.panels import available_maps, panels
from napari_eds.labels.edges import label_edges


@pytest.fixture(scope="module")
def result():
    from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

    simulation = lanthanum_ferrite_on_strontium_titanate((48, 64))
    image = simulation.image
    haadf = eds.AuxiliaryImage("HAADF", image.counts_map().astype(float), image.pixel_size)
    from dataclasses import replace

    image = replace(image, images=(haadf,))
    recipe = eds.Recipe(elements=("O", "Fe", "Sr", "Ti", "La_L"), beam_energy_keV=200)
    return eds.quantify(image, eds.grid_chips(image.shape, 16), recipe)


def texts(figure):
    root = ElementTree.fromstring(figure_bytes(figure, "svg"))
    return ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("text")]


def test_svg_holds_names_units_and_scale_bar_as_text(result):
    said = texts(eds.map_figure(result, ["HAADF", "Fe", "O:counts", "Fe_at_pct_error_total"]))
    for wanted in ("HAADF", "Fe", "O Kα", "Fe error", "at.%", "counts"):
        assert wanted in said
    assert any(re.fullmatch(r"\d+ (nm|µm|px)", text) for text in said)


@pytest.mark.parametrize(("width_mm", "dpi"), [(85, 300), (170, 100), (60.5, 600)])
def test_png_has_the_pixels_of_width_and_resolution(result, width_mm, dpi):
    style = eds.FigureStyle(width_mm=width_mm, dpi=dpi)
    for figure in (
        eds.map_figure(result, ["Fe", "O"], style=style),
        eds.spectrum_figure(result, 1, style=style),
        eds.plot_figure(result, "scatter", ["La", "Fe"], style=style),
    ):
        png = figure_bytes(figure, "png")
        assert struct.unpack(">I", png[16:20])[0] == int(width_mm / 25.4 * dpi)


def test_pixels_shown_are_the_result(result):
    (panel,) = panels(result, ["Fe"])
    np.testing.assert_array_equal(panel.data, result.maps()["Fe"])
    figure = eds.map_figure(result, ["Fe"])
    (shown,) = [i for axes in figure.axes for i in axes.images]
    np.testing.assert_array_equal(np.asarray(shown.get_array()), result.maps()["Fe"])
    # A pixel is as wide as it is high.
    width, height = shown.axes.get_position().size * figure.get_size_inches()
    assert height / width == pytest.approx(48 / 64, rel=1e-6)


def test_same_scale_joins_maps_of_one_unit(result):
    figure = eds.map_figure(result, ["Fe", "O", "counts"], same_scale=True)
    fe, o, counts = (axes.images[0].get_clim() for axes in figure.axes if axes.images)
    assert fe == o != counts


def test_outlines_of_a_few_labels_are_named(result):
    figure = eds.map_figure(result, ["Fe"], outline=[1, 6])
    assert {"R0C0", "R1C1"} <= set(texts(figure))
    with pytest.raises(eds.LabelError, match="no label 999"):
        eds.map_figure(result, ["Fe"], outline=[999])


def test_edges_surround_each_label():
    labels = np.zeros((4, 5), int)
    labels[1:3, 1:4] = 1
    edges = label_edges(labels)
    length = np.abs(np.diff(edges, axis=1)).sum()
    assert length == 2 * (2 + 3)
    assert len(edges) == 4
    assert edges.reshape(-1, 2).min(axis=0).tolist() == [1, 1]
    assert edges.reshape(-1, 2).max(axis=0).tolist() == [4, 3]


@pytest.mark.parametrize(
    ("longest", "length"), [(35, 20), (50, 50), (0.35, 0.2), (0.1, 0.1), (999, 500), (7e-3, 5e-3)]
)
def test_scale_bars_are_round(longest, length):
    assert scale_bar.round_length(longest) == pytest.approx(length)


@pytest.mark.parametrize(
    ("length", "unit", "text"),
    [(200, "nm", "200 nm"), (2000, "nm", "2 µm"), (0.5, "um", "500 nm"), (20, "pixel", "20 px")],
)
def test_lengths_are_written_in_the_unit_people_use(length, unit, text):
    assert scale_bar.length_text(length, unit) == text


def test_every_available_map_can_be_drawn(result):
    names = available_maps(result)
    assert "row_start" not in names
    assert len(panels(result, names)) == len(names)
    assert len(panels(result.image, available_maps(result.image)))


def test_what_cannot_be_drawn_says_what_there_is(result):
    with pytest.raises(eds.EDSError, match=r"no map 'Xy'.*HAADF"):
        eds.map_figure(result, ["Xy"])
    with pytest.raises(eds.EDSError, match="at least one map"):
        eds.map_figure(result, [])
    with pytest.raises(eds.EDSError, match="holds text"):
        eds.map_figure(result, ["chip"])
    with pytest.raises(eds.LabelError, match="no label 99"):
        eds.spectrum_figure(result, 99)
    with pytest.raises(eds.EDSError, match="no fitted channel"):
        eds.spectrum_figure(result, 1, energy_range_keV=(50, 60))
    with pytest.raises(eds.EDSError, match="3 elements"):
        eds.plot_figure(result, "ternary", ["La", "Fe"])
    with pytest.raises(eds.EDSError, match="do not fit"):
        eds.map_figure(result, n_columns=5, style=eds.FigureStyle(width_mm=60))
    for wrong in ({"width_mm": 5}, {"dpi": 1}, {"font_size_pt": 100}, {"colormap": "none"}):
        with pytest.raises(eds.EDSError):
            eds.FigureStyle(**wrong)


def test_spectrum_shows_counts_fit_and_residual(result):
    figure = eds.spectrum_figure(result, 2)
    above, below = figure.axes
    by_name = {line.get_label(): line for line in above.lines}
    x, fitted = by_name["fit"].get_data()
    channels = np.isin(result.energies_keV[result.fit.model.channels], x)
    np.testing.assert_allclose(fitted, result.fit.fitted[1][channels])
    expected = result.fit.expected[1]
    residual = (result.fit.counts[1] - expected) / np.sqrt(expected)
    np.testing.assert_allclose(below.lines[-1].get_ydata(), residual[channels])
    assert {"Fe Kα", "Ti Kα"} & set(texts(figure))


def test_nothing_global_changes_and_threads_do_not_mix(result):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    found = []
    jobs = [
        threading.Thread(
            target=lambda: found.append(figure_bytes(eds.map_figure(result, ["Fe"]), "pdf"))
        )
        for _ in range(3)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert len(set(found)) == 1
    assert dict(mpl.rcParams) == before


def test_files_are_not_replaced_unasked(result, tmp_path):
    path = tmp_path / "figure.pdf"
    figure = eds.plot_figure(result)
    eds.save_figure(figure, path)
    with pytest.raises(eds.OutputError):
        eds.save_figure(figure, path)
    eds.save_figure(figure, path, overwrite=True)
    assert b"/FontFile2" in path.read_bytes()  # TrueType: text that can be edited
    with pytest.raises(eds.EDSError, match=r"not \.doc"):
        eds.save_figure(figure, tmp_path / "figure.doc")
