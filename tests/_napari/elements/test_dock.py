"""The dock *EDS elements* in a real window, driven by mouse and keys."""

import threading
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QContextMenuEvent, QHelpEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMenu,
    QToolTip,
)

import napari_eds as eds
from napari_eds._napari.elements import map_search
from napari_eds._napari.elements.dock import ElementsWidget
from napari_eds._napari.elements.facts import NAMES
from napari_eds._napari.elements.k_factor_table import ERROR, FACTOR, FAMILY, ORIGIN, ROLE
from napari_eds._napari.elements.map_search import FOUND
from napari_eds._napari.parts.theme import theme_colors
from napari_eds._napari.state.element_choice import ElementChoice
from napari_eds._napari.state.layers import SPECTRUM_IMAGE
from napari_eds._napari.state.settings import default_settings
from napari_eds.elements.proposals import recipe_elements, search_elements
from napari_eds.physics import lines as xray
from napari_eds.recipe.k_factor_files import read_k_factors
from napari_eds.recipe.k_factor_theory import theoretical_k_factors
from patience import PATIENCE_s
from window_actions import ALLOY, LEFT, SMALL, change, nothing_is_due, notifications

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

OLD_VELOX = "real/velox/velox_emd_version11.zip/Test SI 16x16 215 kx.emd"
DACITE = "real/bruker/P45_12bit_packed_8bit.bcf"


@pytest.fixture
def window(qtbot, make_napari_viewer, eds_file):
    """Function that opens files in a visible window with the dock beside it."""

    def opened(*names, searched=False):
        viewer = make_napari_viewer(show=True)
        for name in names:
            viewer.open(eds_file(name), plugin="napari-eds")
        dock = ElementsWidget(viewer)
        viewer.window.add_dock_widget(dock, name="EDS elements", area="right")
        if names and searched:
            settle(qtbot, dock)
        elif names:
            qtbot.waitUntil(lambda: dock.lines.loaded)
        return viewer, dock

    return opened


def settle(qtbot, dock):
    """Wait until lines, k-factors and hints are there."""
    qtbot.waitUntil(lambda: dock.search.found is not None and not dock.lines.work)


def chosen(dock):
    return {c.symbol: (c.role, c.family) for c in dock.focus.settings.elements}


def spot(dock, symbol):
    return dock.periodic_table.cell_rect(symbol).center().toPoint()


def click_cell(dock, symbol):
    QTest.mouseClick(dock.periodic_table, LEFT, pos=spot(dock, symbol))


def press(widget, *keys):
    for key in keys:
        QTest.keyClick(widget, key)


def focus(qtbot, widget):
    """Give a widget the keyboard, which shortcuts depend on."""
    widget.activateWindow()
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)


def row_of(dock, symbol):
    return [r.choice.symbol for r in dock.chosen.model.rows].index(symbol)


def cell_text(dock, symbol, column, role=Qt.ItemDataRole.DisplayRole):
    model = dock.k_table_view.model()
    return model.index(row_of(dock, symbol), column).data(role)


def click_table(dock, symbol, column, click=QTest.mouseClick):
    view = dock.k_table_view
    index = view.model().index(row_of(dock, symbol), column)
    view.scrollTo(index)
    click(view.viewport(), LEFT, pos=view.visualRect(index).center())


def type_into_cell(qtbot, dock, symbol, column, text):
    click_table(dock, symbol, column)
    click_table(dock, symbol, column, QTest.mouseDClick)
    view = dock.k_table_view
    qtbot.waitUntil(lambda: view.viewport().findChild(QLineEdit) is not None)
    editor = view.viewport().findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: view.viewport().findChild(QLineEdit) is None)


def choose_in_cell(qtbot, dock, symbol, column, text):
    """Open the list of a cell by one click, go to an entry with the keys, and take it."""
    click_table(dock, symbol, column)
    view = dock.k_table_view
    qtbot.waitUntil(lambda: bool(view.viewport().findChildren(QComboBox)))
    (box,) = view.viewport().findChildren(QComboBox)
    qtbot.waitUntil(box.view().isVisible)
    steps = box.findText(text) - box.currentIndex()
    key = Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up
    press(box.view(), *[key] * abs(steps), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not view.viewport().findChildren(QComboBox))


def take_from_menu(qtbot, dock, text):
    qtbot.waitUntil(lambda: dock.findChild(QMenu, "element menu") is not None)
    menu = dock.findChild(QMenu, "element menu")
    (action,) = [a for a in menu.actions() if a.text() == text]
    QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    qtbot.waitUntil(lambda: dock.findChild(QMenu, "element menu") is None)


@pytest.fixture(scope="module")
def headless(eds_file):
    """Function that finds the elements of a file without a window, each once."""

    @cache
    def found(name, beam=None):
        image = eds.load(eds_file(name))
        return search_elements(
            image.energy, image.total_spectrum(), image.acquisition, beam_energy_keV=beam
        )

    return found


# The periodic table.


def test_a_click_cycles_the_role(window):
    _viewer, dock = window(SMALL)
    before = chosen(dock)
    assert set(before) == {"La", "Fe", "O", "Sr", "Ti", "Pt"}, "the elements that the file names"
    click_cell(dock, "Ni")
    assert chosen(dock)["Ni"] == ("quantify", "auto")
    assert dock.periodic_table.cell("Ni").role == "quantify"
    click_cell(dock, "Ni")
    assert chosen(dock)["Ni"] == ("fit only", "auto")
    click_cell(dock, "Ni")
    assert chosen(dock) == before
    assert dock.periodic_table.cell("Ni").role == ""


def test_the_keys_move_and_cycle(window):
    _viewer, dock = window(SMALL)
    table = dock.periodic_table
    click_cell(dock, "Mg")
    table.setFocus()
    key = Qt.Key
    press(table, key.Key_Right)
    assert table.current == "Al", "over the empty places"
    press(table, key.Key_Down, key.Key_Down, key.Key_Space)
    assert table.current == "In"
    assert chosen(dock)["In"][0] == "quantify"
    press(table, key.Key_Return)
    assert chosen(dock)["In"][0] == "fit only"
    press(table, key.Key_Enter)
    assert "In" not in chosen(dock)
    press(table, *[key.Key_Left] * 30)
    assert table.current == "Rb", "it stays at the border"
    press(table, *[key.Key_Down] * 9)
    assert table.current == "Fr"
    press(table, key.Key_Right, key.Key_Down)
    assert table.current == "Ra"
    press(table, key.Key_Right, key.Key_Down)
    assert table.current == "Ce", "the lanthanides lie below"


def test_what_cannot_be_used_is_refused_with_a_reason(qtbot, window):
    _viewer, dock = window(SMALL)
    table = dock.periodic_table
    before = dock.focus.settings
    for symbol in ("H", "Li", "B", "Og"):
        assert not table.cell(symbol).usable
        click_cell(dock, symbol)
        assert dock.focus.settings == before
    assert "Og has no known X-ray lines" in dock.k_status.text()
    click_cell(dock, "B")
    assert "B has no line between 0.2 and 19 keV (B_Ka 0.183 keV)" in dock.k_status.text()
    assert "B has no line between" in table.cell("B").tooltip
    # A narrower range leaves other elements without lines; the chosen ones can still be taken out.
    change(dock, energy_range_keV=(5.0, 19.0))
    assert not table.cell("O").usable
    assert not table.cell("Na").usable
    assert table.cell("Fe").usable
    click_cell(dock, "O")
    click_cell(dock, "O")
    assert "O" not in chosen(dock)
    # So does a beam that does not excite them.
    change(dock, energy_range_keV=(0.2, 19.0), beam_energy_keV=5.0)
    assert not xray.families_in_range("Sn", 5.0, 19.0, 5.0)
    assert "M" not in xray.families_of("Fe")
    assert [f.family for f in dock.lines.facts()["Fe"].families] == ["L"]


def test_the_tooltip_tells_lines_and_evidence(qtbot, window, headless):
    _viewer, dock = window(SMALL, searched=True)
    where = spot(dock, "Fe")
    event = QHelpEvent(QEvent.Type.ToolTip, where, dock.periodic_table.mapToGlobal(where))
    QApplication.sendEvent(dock.periodic_table, event)
    qtbot.waitUntil(QToolTip.isVisible)
    text = QToolTip.text()
    QToolTip.hideText()
    assert text.startswith("Fe iron, Z 26: quantified, auto (K)")
    assert "Ka 6.404" in text
    assert "La 0.705" in text
    evidence = next(p for p in headless(SMALL).proposals if p.element == "Fe").evidence
    assert f"Seen: {evidence}" in text


def test_the_menu_of_a_cell_chooses_family_and_role(qtbot, window):
    _viewer, dock = window(SMALL)
    table = dock.periodic_table

    def ask(symbol):
        where = spot(dock, symbol)
        reason = QContextMenuEvent.Reason.Mouse
        QApplication.sendEvent(table, QContextMenuEvent(reason, where, table.mapToGlobal(where)))

    ask("La")
    menu = dock.findChild(QMenu, "element menu")
    families = [a.text() for a in menu.actions() if "keV" in a.text() or "auto" in a.text()]
    assert families == ["auto (L)", "L   La 4.651 keV", "M   Ma 0.817 keV"]
    take_from_menu(qtbot, dock, families[2])
    assert chosen(dock)["La"] == ("quantify", "M")
    ask("La")
    take_from_menu(qtbot, dock, "Fit only")
    assert chosen(dock)["La"] == ("fit only", "M")
    # An element that was left out is quantified once a family is chosen.
    ask("Zr")
    take_from_menu(qtbot, dock, "L   La 2.042 keV")
    assert chosen(dock)["Zr"] == ("quantify", "L")
    ask("Zr")
    take_from_menu(qtbot, dock, "Leave out")
    assert "Zr" not in chosen(dock)


def test_the_menu_of_a_row_is_the_same(qtbot, window):
    _viewer, dock = window(SMALL)
    view = dock.k_table_view
    where = view.visualRect(view.model().index(row_of(dock, "Sr"), ORIGIN)).center()
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, where, view.viewport().mapToGlobal(where)
    )
    QApplication.sendEvent(view.viewport(), event)
    take_from_menu(qtbot, dock, "L   La 1.806 keV")
    assert chosen(dock)["Sr"] == ("quantify", "L")


def test_families_below_the_overvoltage_limit_are_not_offered(qtbot, window):
    _viewer, dock = window(DACITE)  # 20 keV
    assert [f.family for f in dock.lines.facts()["Sr"].families] == ["L"], "Sr Ka needs 28 keV"
    assert [f.family for f in dock.lines.facts()["Fe"].families] == ["K", "L"]
    change(dock, beam_energy_keV=40.0)
    assert [f.family for f in dock.lines.facts()["Sr"].families] == ["K", "L"]


@pytest.mark.parametrize("name", [ALLOY, OLD_VELOX])
def test_the_elements_of_a_velox_file_are_chosen(window, name, eds_file):
    _viewer, dock = window(name)
    acquisition = eds.load(eds_file(name)).acquisition
    named, quantified = acquisition.elements, acquisition.vendor.quantified
    assert named
    assert set(chosen(dock)) == set(named)
    for symbol in named:
        in_specimen = symbol in quantified if quantified else symbol not in {"C", "Cu", "Ga"}
        role = "quantify" if in_specimen else "fit only"
        assert dock.periodic_table.cell(symbol).role == role
        assert cell_text(dock, symbol, ROLE) == f"{role} ▾"


@pytest.mark.parametrize(
    ("acquisition", "fitted"),
    [
        (eds.Acquisition("STEM", 200.0), ["C", "Cu", "Ga"]),
        (eds.Acquisition("SEM", 15.0), ["C"]),
        (eds.Acquisition(None, 15.0), ["C"]),
        (eds.Acquisition(), ["C", "Cu", "Ga"]),
    ],
    ids=["foil", "bulk", "low beam energy", "unknown"],
)
def test_of_elements_that_a_file_names_those_of_grid_and_preparation_are_fitted_only(
    acquisition, fitted
):
    named = ("C", "Al", "Si", "Cu", "Ga", "Pt", "Fe")
    image = eds.SpectrumImage.from_array(
        np.ones((2, 2, 100), int),
        eds.EnergyAxis(0.0, 0.1, 100),
        acquisition=replace(acquisition, elements=named),
    )
    choices = default_settings(image).elements
    assert [choice.symbol for choice in choices] == list(named)
    assert [choice.symbol for choice in choices if choice.role == "fit only"] == fitted


# Finding.


def test_hints_come_by_themselves_and_are_those_of_the_headless_search(window, headless):
    _viewer, dock = window(SMALL, searched=True)
    proposals = headless(SMALL).proposals
    shown = {s: dock.periodic_table.cell(s).hint for s in NAMES}
    expected = {p.element: "seen" if p.certain else "perhaps" for p in proposals}
    assert {s: hint for s, hint in shown.items() if hint} == expected
    assert set(expected) >= {"La", "Fe", "O", "Sr", "Ti", "Cu", "C"}
    assert dock.focus.map_layer.metadata[FOUND].evidence.proposals == proposals


def test_find_elements_and_add_all_certain(qtbot, window, headless):
    _viewer, dock = window(SMALL, searched=True)
    change(dock, elements=())
    QTest.mouseClick(dock.find, LEFT)
    page = dock.found
    assert page.isVisible()
    proposals = headless(SMALL).proposals
    items = [page.list.topLevelItem(i) for i in range(page.list.topLevelItemCount())]
    assert [item.text(0) for item in items] == [p.element for p in proposals]
    assert [item.text(4) == "suggested" for item in items] == [not p.certain for p in proposals]
    assert all(item.toolTip(0) == p.evidence for item, p in zip(items, proposals, strict=True))
    QTest.mouseClick(page.add_all, LEFT)
    quantified, fitted = recipe_elements(proposals)
    assert chosen(dock) == {
        **dict.fromkeys(quantified, ("quantify", "auto")),
        **dict.fromkeys(fitted, ("fit only", "auto")),
    }
    assert set(quantified) >= {"La", "Fe", "O", "Sr", "Ti"}
    assert set(fitted) >= {"Cu", "C"}
    recipe = dock.focus.settings.recipe()
    assert recipe.elements == quantified
    assert recipe.fit_only == fitted
    marks = {item.text(0): item.text(5) for item in items}
    assert marks["Fe"] == "✓ quantify"
    assert marks["Cu"] == "✓ fit only"
    assert marks["Ga"] == "", "it is only suggested"


def test_single_proposals_are_added_and_keep_what_was_chosen(qtbot, window):
    _viewer, dock = window(SMALL, searched=True)
    change(dock, elements=(ElementChoice("Fe", "fit only", "L"),))
    QTest.mouseClick(dock.find, LEFT)
    view = dock.found.list
    for i, way in ((1, "double click"), (2, "button")):
        item = view.topLevelItem(i)
        where = view.visualItemRect(item).center()
        QTest.mouseClick(view.viewport(), LEFT, pos=where)
        if way == "double click":
            QTest.mouseDClick(view.viewport(), LEFT, pos=where)
        else:
            QTest.mouseClick(dock.found.add_selected, LEFT)
        assert item.text(0) in chosen(dock), way
    assert len(chosen(dock)) == 3
    QTest.mouseClick(dock.found.add_all, LEFT)
    assert chosen(dock)["Fe"] == ("fit only", "L"), "the user's choice stands"


def test_the_evidence_is_drawn_around_the_lines(qtbot, window, headless):
    _viewer, dock = window(SMALL, searched=True)
    QTest.mouseClick(dock.find, LEFT)
    page = dock.found
    expected = headless(SMALL)
    for symbol, energy in (("Fe", 6.404), ("Sr", 14.165)):
        page.select(symbol)
        assert page.detail.text().startswith(f"{symbol}_Ka at {energy} keV stands out")
        (low, high), (bottom, top) = page.plot.view.viewRange()
        assert low < energy < high < low + 4
        curves = page.plot.view.getPlotItem().listDataItems()
        counts, fitted, without = (curve.getData()[1] for curve in curves)
        energies = expected.energies_keV
        np.testing.assert_array_equal(counts, expected.counts)
        np.testing.assert_allclose(fitted, expected.fitted)
        peak = np.abs(energies - energy) < 0.1
        assert bottom <= counts[peak].max() <= top
        # The area between the curves is what the list says of the line.
        (p,) = [p for p in expected.proposals if p.element == symbol]
        near = np.abs(energies - energy) < 2
        area = (fitted - without)[near].sum()
        assert area == pytest.approx(p.counts, rel=0.02)


@pytest.fixture
def held_search(monkeypatch):
    """Event without which no search goes on from the first element that it has found."""
    go_on = threading.Event()

    def held(*args, progress, **options):
        def told(found, total, what):
            progress(found, total, what)
            if "found" in what:
                go_on.wait(PATIENCE_s)

        return search_elements(*args, progress=told, **options)

    monkeypatch.setattr(map_search, "search_elements", held)
    yield go_on
    go_on.set()


def test_cancel_leaves_the_search_and_it_does_not_start_again(
    qtbot, window, headless, held_search
):
    _viewer, dock = window(SMALL)
    layer = dock.focus.map_layer
    QTest.mouseClick(dock.find, LEFT)
    assert dock.search.running
    qtbot.waitUntil(dock.found.work.progress.isVisible)
    qtbot.waitUntil(lambda: "found" in dock.found.detail.text())
    QTest.mouseClick(dock.found.work.cancel, LEFT)
    assert dock.search.running, "it ends at its next step"
    held_search.set()
    qtbot.waitUntil(lambda: not dock.search.running)
    nothing_is_due(qtbot)
    assert FOUND not in layer.metadata
    assert not dock.search.running
    assert not dock.found.work.cancel.isVisible()
    assert not dock.found.add_all.isEnabled()
    change(dock, elements=())
    nothing_is_due(qtbot)
    assert not dock.search.running, "not asked for again"
    QTest.mouseClick(dock.find, LEFT)
    QTest.mouseClick(dock.found.work.cancel, LEFT)
    assert dock.search.running
    QTest.mouseClick(dock.find, LEFT)
    settle(qtbot, dock)
    assert layer.metadata[FOUND].evidence.proposals == headless(SMALL).proposals


def test_two_maps_are_not_mixed_up(qtbot, window, headless):
    viewer, dock = window(SMALL, ALLOY)
    small, alloy = (x for x in viewer.layers if SPECTRUM_IMAGE in x.metadata)
    dock.focus.set_map_layer(small)
    QTest.mouseClick(dock.find, LEFT)
    image = small.metadata[SPECTRUM_IMAGE]
    qtbot.waitUntil(lambda: getattr(dock.search._searched, "image", None) is image)
    dock.focus.set_map_layer(alloy)
    settle(qtbot, dock)
    assert FOUND not in small.metadata, "left when another map was looked at"
    expected = headless(ALLOY).proposals
    assert dock.search.proposals == expected
    assert set(chosen(dock)) == {"Nb"}
    click_cell(dock, "Ni")

    dock.focus.set_map_layer(small)
    assert dock.search.proposals == ()
    assert not dock.periodic_table.cell("Ni").role
    settle(qtbot, dock)
    assert dock.search.proposals == headless(SMALL).proposals
    dock.focus.set_map_layer(alloy)
    assert dock.search.proposals == expected, "kept in its layer"
    assert not dock.search.running
    assert chosen(dock)["Ni"] == ("quantify", "auto")


def test_another_beam_energy_asks_for_another_search(qtbot, window, headless):
    _viewer, dock = window(SMALL, searched=True)
    change(dock, beam_energy_keV=10.0)
    assert dock.search.proposals == (), "those of 300 keV say nothing"
    settle(qtbot, dock)
    assert dock.search.proposals == headless(SMALL, 10.0).proposals
    assert "not 10 keV" in dock.k_status.text(), "no theory below 40 keV"


def test_without_a_calibrated_axis_nothing_is_searched(qtbot, window):
    _viewer, dock = window("real/ripple/bruker_bcf_fileformat_16x16.rpl")
    nothing_is_due(qtbot)
    assert dock.search.found is None
    QTest.mouseClick(dock.find, LEFT)
    settle(qtbot, dock)
    assert "⚠" in dock.found.detail.text()
    click_cell(dock, "Fe")
    assert chosen(dock) == {"Fe": ("quantify", "auto")}


# Chosen elements and k-factors.


def test_typed_elements_are_added_and_unknown_ones_reported(window):
    _viewer, dock = window(SMALL)
    QTest.keyClicks(dock.add_field, "ni, Zr_L Xx B fe")
    QTest.keyClick(dock.add_field, Qt.Key.Key_Return)
    assert chosen(dock)["Ni"] == ("quantify", "auto")
    assert chosen(dock)["Zr"] == ("quantify", "L")
    assert chosen(dock)["Fe"] == ("quantify", "auto")
    assert "B" not in chosen(dock)
    assert dock.add_field.text() == "Xx B", "to be corrected"
    assert len(notifications()) == 1
    assert "'Xx' is no symbol" in notifications()[0]
    assert "B has no line" in notifications()[0]


def test_computed_k_factors_are_those_a_run_takes(window):
    _viewer, dock = window(SMALL)
    table = theoretical_k_factors(300.0)
    for symbol, family in (("La", "L"), ("Fe", "K"), ("Sr", "K")):
        factor = table.find(symbol, family)
        assert cell_text(dock, symbol, FAMILY) == f"auto ({family}) ▾"
        assert float(cell_text(dock, symbol, FACTOR)) == pytest.approx(factor.value, rel=1e-3)
        assert float(cell_text(dock, symbol, ERROR)) == 100 * factor.relative_error
        assert cell_text(dock, symbol, ORIGIN) == "computed"
        assert cell_text(dock, symbol, FACTOR, Qt.ItemDataRole.FontRole).italic()
    assert dock.focus.settings.recipe().k_factors is None
    assert not dock.convention.isEnabled()


def test_editing_a_k_factor_changes_the_recipe(qtbot, window):
    _viewer, dock = window(SMALL)
    type_into_cell(qtbot, dock, "Fe", FACTOR, "1.75")
    type_into_cell(qtbot, dock, "Fe", ERROR, "12.5")
    k_factors = dock.focus.settings.recipe().k_factors
    assert k_factors.find("Fe", "K").value == 1.75
    assert k_factors.find("Fe", "K").relative_error == 0.125
    theory = theoretical_k_factors(300.0)
    assert k_factors.find("La", "L") == theory.find("La", "L")
    assert k_factors.source.endswith("edited by hand")
    assert cell_text(dock, "Fe", ORIGIN) == "by hand"
    assert cell_text(dock, "La", ORIGIN) == "computed"
    assert "edited by hand" in dock.k_status.text()
    # What is no k-factor is refused; a click without a change edits nothing.
    before = dock.focus.settings
    for text in ("0", "-1", "many", "nan"):
        type_into_cell(qtbot, dock, "La", FACTOR, text)
        assert dock.focus.settings is before
        assert "⚠" in dock.k_status.text()
    QTest.mouseClick(dock.chosen.theory, LEFT)
    assert dock.focus.settings.draft.k_factors is None
    assert cell_text(dock, "Fe", ORIGIN) == "computed"


def test_the_recipe_with_an_edited_k_factor_scales_the_result(qtbot, window):
    _viewer, dock = window(SMALL)
    image = dock.focus.image
    labels = np.ones(image.shape, np.int32)
    first = eds.quantify(image, labels, dock.focus.settings.recipe())
    factor = theoretical_k_factors(300.0).find("Fe", "K").value
    type_into_cell(qtbot, dock, "Fe", FACTOR, f"{2 * factor:.10g}")
    second = eds.quantify(image, labels, dock.focus.settings.recipe())
    ratios = [r.table.loc[1, "Fe_at_pct"] / r.table.loc[1, "Ti_at_pct"] for r in (first, second)]
    assert ratios[1] / ratios[0] == pytest.approx(2, rel=0.02)


def test_where_nothing_can_be_computed_a_table_is_typed(qtbot, window):
    _viewer, dock = window(DACITE)
    assert cell_text(dock, "Si", FACTOR) == "⚠ missing"
    assert "20 keV" in dock.k_status.text()
    type_into_cell(qtbot, dock, "Si", FACTOR, "1")
    type_into_cell(qtbot, dock, "Al", FACTOR, "1.05")
    k_factors = dock.focus.settings.draft.k_factors
    assert [(f.element, f.family, f.value) for f in k_factors.factors] == [
        ("Si", "K", 1.0),
        ("Al", "K", 1.05),
    ]


def test_role_and_family_are_chosen_in_the_table(qtbot, window):
    _viewer, dock = window(SMALL)
    choose_in_cell(qtbot, dock, "Pt", ROLE, "fit only")
    assert chosen(dock)["Pt"] == ("fit only", "auto")
    assert cell_text(dock, "Pt", FACTOR) == "–"
    choose_in_cell(qtbot, dock, "La", FAMILY, "M")
    assert chosen(dock)["La"] == ("quantify", "M")
    expected = theoretical_k_factors(300.0).find("La", "M").value
    assert float(cell_text(dock, "La", FACTOR)) == pytest.approx(expected, rel=1e-3)
    choose_in_cell(qtbot, dock, "La", FAMILY, "auto (L)")
    assert chosen(dock)["La"] == ("quantify", "auto")


def test_delete_removes_the_selected_rows(qtbot, window):
    _viewer, dock = window(SMALL)
    click_table(dock, "Fe", ORIGIN)
    view = dock.k_table_view
    focus(qtbot, view)
    QTest.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    symbols = [c.symbol for c in dock.focus.settings.elements]
    gone = symbols[symbols.index("Fe") : symbols.index("Fe") + 2]
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert [c.symbol for c in dock.focus.settings.elements] == [
        s for s in symbols if s not in gone
    ]


def test_a_velox_table_is_loaded_edited_saved_and_loaded_again(
    qtbot, window, k_factor_file, tmp_path, monkeypatch
):
    _viewer, dock = window(SMALL)
    path = k_factor_file
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    QTest.mouseClick(dock.chosen.load, LEFT)
    assert dock.focus.settings.k_factor_file == path
    table = read_k_factors(path)
    assert cell_text(dock, "Sr", FACTOR) == f"{table.find('Sr', 'K').value:.4g}"
    assert cell_text(dock, "Sr", ORIGIN) == path.name
    assert path.name in dock.k_status.text()

    type_into_cell(qtbot, dock, "Sr", FACTOR, "5,5")
    assert cell_text(dock, "Sr", ORIGIN) == "by hand"
    assert cell_text(dock, "Ti", ORIGIN) == path.name
    saved = tmp_path / "mine.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))
    QTest.mouseClick(dock.chosen.save, LEFT)
    edited = dock.focus.settings.draft.k_factors
    assert edited.find("Sr", "K").value == 5.5
    assert read_k_factors(saved) == edited
    assert notifications() == [f"Saved mine.csv in {tmp_path}."]

    dock.load_k_factors(saved)
    assert dock.focus.settings.draft.k_factors is None
    assert dock.focus.settings.k_factors() == edited
    assert len(notifications()) == 1


def test_a_table_that_does_not_tell_its_convention_asks_for_it(qtbot, window, alpha_k_factor_file):
    _viewer, dock = window(SMALL)
    path = alpha_k_factor_file
    focus(qtbot, dock.k_table_view)
    dock.load_k_factors(path)
    assert "choose above" in dock.k_status.text()
    assert cell_text(dock, "Fe", FACTOR) == "⚠ missing"
    assert dock.convention.hasFocus()
    press(dock.convention, Qt.Key.Key_Down, Qt.Key.Key_Down)
    assert dock.convention.currentData() == "alpha"
    assert dock.focus.settings.k_factors() == read_k_factors(path, convention="alpha")
    assert "alpha lines" in dock.k_status.text()
    # An edited table keeps its numbers; they then belong to something else.
    type_into_cell(qtbot, dock, "Fe", FACTOR, "1.5")
    assert dock.focus.settings.draft.k_factors.convention == "alpha"
    press(dock.convention, Qt.Key.Key_Up)
    assert dock.focus.settings.draft.k_factors.convention == "family"
    assert dock.focus.settings.draft.k_factors.find("Fe", "K").value == 1.5
    assert not notifications()


def test_a_bad_file_is_said_and_changes_nothing(window, tmp_path):
    _viewer, dock = window(SMALL)
    before = dock.focus.settings
    path = tmp_path / "bad.csv"
    path.write_text("what,is,this\n1,2,3\n")
    dock.load_k_factors(path)
    assert dock.focus.settings is before
    assert len(notifications()) == 1
    assert "bad.csv" in notifications()[0]
    assert "bad.csv" in dock.k_status.text()
    dock.load_k_factors(tmp_path / "gone.csv")
    assert "gone.csv" in notifications()[1]
    assert "gone.csv" in dock.k_status.text()


def test_missing_factors_and_a_wrong_beam_energy_are_said(window, tmp_path):
    _viewer, dock = window(SMALL)
    path = tmp_path / "few.csv"
    eds.KFactorTable.from_mapping(
        {"La_L": 2.3, "Fe_L": 1.4, "O_K": 1.1}, "family", beam_energy_keV=200
    ).to_csv(path)
    dock.load_k_factors(path)
    assert cell_text(dock, "Ti", FACTOR) == "⚠ missing"
    tooltip = cell_text(dock, "Fe", FACTOR, Qt.ItemDataRole.ToolTipRole)
    assert "no k-factor for Fe_K" in tooltip
    assert "it has the family L" in tooltip
    assert "200 keV" in dock.k_status.text()
    assert "300 keV" in dock.k_status.text()
    assert "no k-factor for Fe K, Sr K, Ti K, Pt L" in dock.k_status.text()
    change(dock, beam_energy_keV=200.0)
    assert "refused" not in dock.k_status.text()


# The window.


def test_the_dock_lives_without_a_map(window):
    _viewer, dock = window()
    assert not dock.find.isEnabled()
    assert dock.found.detail.text() == "Open an EDS map first."
    click_cell(dock, "Fe")
    assert not dock.chosen.model.rows


def test_a_map_deleted_while_it_is_searched_breaks_nothing(qtbot, window):
    viewer, dock = window(SMALL)
    QTest.mouseClick(dock.find, LEFT)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not dock.search.running)
    assert not dock.find.isEnabled()
    assert dock.search.proposals == ()
    assert not dock.chosen.model.rows


def test_closing_while_a_search_runs_leaves_it(qtbot, window):
    viewer, dock = window(SMALL)
    layer = dock.focus.map_layer
    QTest.mouseClick(dock.find, LEFT)
    assert dock.search.running
    job = dock.search.work._job
    with qtbot.waitSignal(job.finished):
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
    assert FOUND not in layer.metadata
    # What others change reaches no dock that is gone.
    again = ElementsWidget(viewer)
    viewer.window.add_dock_widget(again, name="EDS elements", area="right")
    change(again, elements=())
    settle(qtbot, again)
    assert again.search.proposals


def test_the_dock_follows_the_theme_and_what_others_set(qtbot, window):
    viewer, dock = window(SMALL, searched=True)
    QTest.mouseClick(dock.find, LEFT)
    for theme in ("light", "dark"):
        viewer.theme = theme
        colors = theme_colors(viewer)
        qtbot.waitUntil(lambda colors=colors: dock.periodic_table._colors == colors)
        shown = dock.found.plot.view.backgroundBrush().color().name()
        assert shown == colors.background
    change(dock, elements=(ElementChoice("Ni", "fit only"),))
    assert dock.periodic_table.cell("Ni").role == "fit only"
    assert [r.choice.symbol for r in dock.chosen.model.rows] == ["Ni"]


def test_a_wide_dock_has_its_parts_side_by_side(qtbot, window):
    _viewer, dock = window(SMALL)
    dock.parent().setFloating(True)
    dock.parent().resize(900, 420)
    qtbot.waitUntil(lambda: dock.width() > 800)
    qtbot.waitUntil(lambda: dock.tabs.x() > dock.periodic_table.width() - 5)
    table = dock.periodic_table
    assert table.rect().contains(table.cell_rect("Lr").toRect())
    dock.parent().resize(400, 520)
    qtbot.waitUntil(lambda: dock.tabs.y() > table.height())
    assert table.rect().contains(table.cell_rect("Lr").toRect())
    assert table.symbol_at(table.cell_rect("Og").center()) == "Og"
