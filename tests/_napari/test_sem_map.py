"""A map of an SEM, for whose voltage no k-factors are computed: no dead end, by real events."""

import numpy as np
import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

import napari_eds as eds
from napari_eds._napari.parts.panels import ELEMENTS, SPECTRUM, dock_of, find_panel
from napari_eds._napari.spectrum.window_maps import element_map_layers
from window_actions import LEFT, click, nothing_is_due, notifications

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

SEM_MAP = "real/bruker/P45_12bit_packed_8bit.bcf"


@pytest.fixture
def opened(qtbot, workbench, data_file):
    viewer, widget = workbench(data_file(SEM_MAP))
    assert widget.focus.image.acquisition.beam_energy_keV == 20
    return viewer, widget


def test_the_panel_says_what_is_possible_and_promises_no_computed_k_factors(opened):
    _viewer, widget = opened
    said = widget.k_text.text()
    assert "not 20 keV" in said
    assert "Element maps and spectra need none" in said
    assert "load k-factors measured on standards, or type your own" in said
    assert "computed from first principles" not in said


def test_the_panel_of_elements_offers_none_from_theory(qtbot, opened):
    viewer, _widget = opened
    page = find_panel(viewer, ELEMENTS).chosen
    qtbot.waitUntil(lambda: page.model.rowCount() > 0)
    nothing_is_due(qtbot)
    assert not page.theory.isEnabled()
    assert "not 20 keV" in page.theory.toolTip()
    assert page.load.isEnabled()
    assert "use k-factors measured on standards" in page.status.text()


def test_spectrum_and_element_maps_come_without_k_factors(qtbot, opened):
    viewer, widget = opened
    focus, panel = widget.focus, find_panel(viewer, SPECTRUM)
    qtbot.waitUntil(lambda: bool(panel.plot.content.spectra))
    (whole,) = panel.plot.content.spectra
    np.testing.assert_array_equal(whole.counts, focus.image.total_spectrum())
    QTest.mouseClick(panel.tools.maps, LEFT)
    qtbot.waitUntil(lambda: {"Si_K", "Al_K"} <= set(element_map_layers(viewer, focus.map_layer)))
    silicon = element_map_layers(viewer, focus.map_layer)["Si_K"]
    assert silicon.visible
    assert silicon.data.sum() > 0


def test_quantify_refuses_in_words_and_works_with_a_table_of_the_user(
    qtbot, opened, tmp_path, monkeypatch
):
    viewer, widget = opened
    focus = widget.focus
    click(widget.make_grid)
    click(widget.run)
    qtbot.waitUntil(lambda: not widget.work and bool(notifications()))
    assert "measured on standards" in notifications()[-1]
    assert focus.result is None

    symbols = [c.symbol for c in focus.settings.elements]
    table = eds.KFactorTable.from_mapping(
        {f"{symbol}_K": 1.0 for symbol in symbols},
        "family",
        source="standards",
        beam_energy_keV=20,
    )
    table.to_csv(tmp_path / "own.csv")
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_a, **_k: (str(tmp_path / "own.csv"), "")
    )
    elements = find_panel(viewer, ELEMENTS)
    dock_of(elements).raise_()
    QTest.mouseClick(elements.chosen.load, LEFT)
    qtbot.waitUntil(lambda: focus.settings.k_factor_file is not None)
    assert elements.chosen.theory.isEnabled(), "the way to leave the table"
    dock_of(widget).raise_()
    nothing_is_due(qtbot)
    assert f"{len(table.factors)} k-factors" in widget.k_text.text()
    click(widget.run)
    qtbot.waitUntil(lambda: focus.result is not None and not widget.work)
    assert set(focus.result.elements) == set(symbols)
