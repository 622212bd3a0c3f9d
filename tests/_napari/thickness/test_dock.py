"""The panel *EDS thickness* in a real window, driven by mouse and keys."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

import napari_eds as eds
from napari_eds._napari.parts.panels import QUANTIFICATION, RESULTS, THICKNESS, open_panel
from napari_eds._napari.state.derived import THICKNESS_MAPS
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import geometry
from napari_eds._napari.thickness.dock import ThicknessWidget
from napari_eds.physics import lines as xray
from napari_eds.quantification.table import at_pct
from window_actions import (
    answer_dialog,
    change,
    click,
    nothing_is_due,
    notifications,
    task_is_done,
)

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

FILM, SUBSTRATE = 2, 3


def opened(viewer):
    """Add the panel as napari does; where the plugin is installed anew, its menu opens it."""
    widget = ThicknessWidget(viewer)
    viewer.window.add_dock_widget(widget, name=THICKNESS)
    return widget


def type_number(box, text):
    """Type a number into a field, as a user does who replaces what stands there."""
    native = box.native
    native.setFocus()
    native.selectAll()
    QTest.keyClicks(native, text)
    QTest.keyClick(native, Qt.Key.Key_Return)


def write(field, text):
    """Write into a plain field; an empty text clears it."""
    field.setFocus()
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def type_text(box, text):
    box.native.setFocus()
    box.native.selectAll()
    QTest.keyClicks(box.native, text)
    QTest.keyClick(box.native, Qt.Key.Key_Return)


@pytest.fixture(scope="module")
def truth(data_dir):
    return np.load(data_dir / "simulated/LFO_STO_96_truth.npz")


@pytest.fixture
def window(make_napari_viewer, data_dir, truth, qtbot):
    """The simulated map with a region of SrTiO3 and blocks of pure phases as labels."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 1000)
    viewer.open(data_dir / "simulated/LFO_STO_96.emd", plugin="napari-eds")
    open_panel(viewer, QUANTIFICATION)
    phase, pure = truth["label"], truth["pure"]
    row, column = np.indices(phase.shape)
    block = row // 24 + np.where(phase == FILM, 10, 20)
    labels = np.where(pure & np.isin(phase, (FILM, SUBSTRATE)), block, 0)
    labels[(phase == SUBSTRATE) & pure & (column < 24)] = 1
    few = np.bincount(labels.ravel()) < 200
    labels[few[labels]] = 0
    layer = viewer.add_labels(labels, name="blocks", **geometry(focus_of(viewer).image))
    dock = opened(viewer)
    k_factors = eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv")
    change(dock, k_factors=k_factors)
    return viewer, dock, layer


def quantified(viewer, qtbot):
    """Click Quantify in its own panel."""
    panel = open_panel(viewer, QUANTIFICATION)
    qtbot.waitUntil(panel.run.native.isEnabled)
    click(panel.run.native)
    task_is_done(qtbot, panel)
    return panel


def test_a_known_label_calibrates_and_all_others_get_their_thickness(window, truth, qtbot):
    viewer, dock, layer = window
    assert "0.2 nA" in dock.dose.told["beam_current_nA"].text()
    assert "200 µs" in dock.dose.told["dwell_time_us"].text()
    assert "95.00 %, 3.502 s" in dock.dose.told["live_percent"].text()
    assert "0.7 sr, 4 detectors" in dock.dose.told["solid_angle"].text()
    assert not dock.run.native.isEnabled()
    assert "Choose zeta-factors" in dock.says.text()
    quantified(viewer, qtbot)
    true = truth["thickness_nm"]
    known = true[layer.data == 1].mean()
    type_number(dock.zeta.label, "1")
    type_text(dock.zeta.formula, "SrTiO3")
    type_number(dock.zeta.thickness, f"{known:.2f}")
    click(dock.zeta.calibrate)
    assert "constant from label 1 of SrTiO3" in dock.zeta.text.text()
    click(dock.run)
    assert dock.work.cancel.isEnabled()
    task_is_done(qtbot, dock)
    maps = THICKNESS_MAPS.layers
    qtbot.waitUntil(lambda: len(maps(viewer, layer)) == 4)
    found = maps(viewer, layer)
    nm, error = found["thickness_nm"].data, found["thickness_nm_error_total"].data
    inside = layer.data > 0
    density = truth["density_g_cm3"][inside]
    mass = found["mass_thickness_kg_m2"].data[inside]
    for label in np.unique(layer.data[inside]):
        own = layer.data[inside] == label
        expected = (true[inside][own] * density[own]).mean() * 1e-6
        assert mass[own].mean() == pytest.approx(expected, rel=0.04)
    assert np.isnan(nm[~inside]).all()
    assert (error[inside] > 0).all()
    n = len(np.unique(layer.data[inside]))
    assert dock.says.text().startswith(f"{n} labels, ")
    assert "solved together" in dock.says.toolTip()


def test_thicknesses_found_are_used_label_by_label(window, qtbot):
    viewer, dock, layer = window
    panel = quantified(viewer, qtbot)
    assert not panel.by_label.native.isVisible()
    type_text(dock.zeta.formula, "SrTiO3")
    type_number(dock.zeta.thickness, "41")
    click(dock.zeta.calibrate)
    click(dock.run)
    task_is_done(qtbot, dock)
    by_zeta = focus_of(viewer).result
    click(dock.use)
    assert focus_of(viewer).settings.draft.method == "cliff_lorimer"
    open_panel(viewer, QUANTIFICATION)
    qtbot.waitUntil(panel.by_label.native.isVisible)
    assert panel.by_label.value
    quantified(viewer, qtbot)
    again = focus_of(viewer).result
    assert again.composition.mass_thickness is None
    assert again.foil.thickness_nm == pytest.approx(by_zeta.foil.thickness_nm)
    for element in again.elements:
        assert np.isfinite(again.table[at_pct(element)]).all()
    qtbot.waitUntil(lambda: not THICKNESS_MAPS.layers(viewer, layer))
    table = open_panel(viewer, RESULTS)
    nothing_is_due(qtbot)
    assert not table.edited.isVisible()
    click(panel.by_label)
    qtbot.waitUntil(table.edited.isVisible)
    assert table.edited.toolTip() == "Changed since: thickness of each label"
    quantified(viewer, qtbot)
    assert np.ptp(focus_of(viewer).result.foil.thickness_nm) == 0


def test_the_workbench_says_that_zeta_factors_are_used_and_leads_back(window, qtbot):
    viewer, dock, _ = window
    panel = open_panel(viewer, QUANTIFICATION)
    assert not panel.to_cliff_lorimer.native.isVisible()
    type_number(panel.thickness, "60")
    click(dock.zeta.theory)
    click(dock.run)
    task_is_done(qtbot, dock)
    assert any("“Back to Cliff-Lorimer”" in text for text in notifications())
    assert "zeta-factors of whole families" in panel.k_text.text()
    assert "solid angle 0.7 sr" in panel.k_text.text()
    assert "labels by zeta-factors" in panel.status.text()
    # What would be passed over cannot be typed, nor read.
    assert not panel.thickness.enabled
    assert panel.thickness.native.text() == "by zeta-factors"
    assert "Zeta-factors find the thickness" in panel.thickness.native.toolTip()
    found = quantified(viewer, qtbot)
    assert focus_of(viewer).result.recipe.method == "zeta"
    qtbot.waitUntil(found.to_cliff_lorimer.native.isVisible)
    click(found.to_cliff_lorimer)
    assert "zeta" not in panel.k_text.text()
    assert panel.thickness.native.value() == 60
    type_number(panel.thickness, "0")
    assert panel.thickness.native.text() == "no absorption"
    type_number(panel.thickness, "40")
    quantified(viewer, qtbot)
    recipe = focus_of(viewer).result.recipe
    assert (recipe.method, recipe.absorption.thickness_nm) == ("cliff_lorimer", 40)
    assert "by zeta-factors" not in panel.status.text()
    assert dock.zeta.table is not None


def test_what_the_file_says_can_be_replaced_and_taken_back(window):
    _, dock, _ = window
    before = dock.dose.dose.text()
    type_number(dock.dose.fields["beam_current_nA"].widget, "0.4")
    assert dock.focus.settings.draft.dose.beam_current_nA == 0.4
    assert dock.dose.dose.text() != before
    assert "0.2 nA" in dock.dose.told["beam_current_nA"].text()
    type_number(dock.dose.fields["live_percent"].widget, "47.5")
    assert dock.dose.dose.text() == before
    type_number(dock.dose.fields["beam_current_nA"].widget, "0")
    type_number(dock.dose.fields["live_percent"].widget, "0")
    assert dock.focus.settings.draft.dose == eds.Dose()


def test_a_table_is_saved_read_and_what_is_no_table_is_said(window, tmp_path, monkeypatch, qtbot):
    _, dock, _ = window
    click(dock.zeta.theory)
    assert "solid angle 0.7 sr" in dock.zeta.text.text()
    path = tmp_path / "zeta.csv"
    answer_dialog(monkeypatch, path, "getSaveFileName")
    click(dock.zeta.save)
    saved = eds.read_zeta_factors(path)
    type_number(dock.dose.solid_angle, "0.35")
    click(dock.zeta.theory)
    silicon = xray.family("Si", "K")
    assert dock.zeta.table.value_kg_m2(silicon, "family") == pytest.approx(
        2 * saved.value_kg_m2(silicon, "family")
    )
    answer_dialog(monkeypatch, path)
    click(dock.zeta.load)
    assert dock.zeta.table == saved
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    answer_dialog(monkeypatch, tmp_path / "bad.csv")
    click(dock.zeta.load)
    assert any("bad.csv is no table of zeta-factors" in text for text in notifications())
    assert dock.zeta.table == saved


def test_a_run_can_be_left(window, qtbot):
    viewer, dock, layer = window
    click(dock.zeta.theory)
    click(dock.run)
    click(dock.work.cancel)
    task_is_done(qtbot, dock)
    assert focus_of(viewer).result is None
    assert not THICKNESS_MAPS.layers(viewer, layer)


def test_a_measured_spectrum_tells_its_thickness(make_napari_viewer, data_file, qtbot):
    viewer = make_napari_viewer(show=True)
    image = eds.read(data_file("real/velox/EDS-STO.emd"))[0]
    viewer.window.resize(1400, 1000)
    dock = opened(viewer)
    focus = focus_of(viewer)
    focus.add_image(image)
    assert "0.3202 nA" in dock.dose.told["beam_current_nA"].text()
    assert "2.8 sr" in dock.dose.told["solid_angle"].text()
    assert "-1.03° and 0.79°" in dock.geometry_form.told["tilt_deg"].text()
    assert "5.118e+10 electrons" in dock.dose.dose.text()
    assert "17.54°" in dock.geometry_form.angle.text()
    write(dock.geometry_form.fields["tilt_deg"], "0, 0")
    assert focus.settings.draft.geometry.tilt_deg == (0, 0)
    assert "18.00°" in dock.geometry_form.angle.text()
    write(dock.geometry_form.fields["tilt_deg"], "level")
    assert any("not 'level'" in text for text in notifications())
    write(dock.geometry_form.fields["tilt_deg"], "")
    assert "17.54°" in dock.geometry_form.angle.text()
    viewer.add_labels(np.ones(image.shape, int), name="whole")
    click(dock.zeta.theory)
    recipe = eds.Recipe(elements=("O", "Ti", "Sr"), fit_only=("Cu",), zeta_factors=dock.zeta.table)
    focus.set_settings(focus.settings.with_recipe(recipe))
    click(dock.run)
    task_is_done(qtbot, dock)
    row = focus.result.table.iloc[0]
    # As the same file by the same theory in the docs: 16.6 nm with 5.12 g/cm3.
    mass = row["thickness_nm"] * row["density_g_cm3"]
    assert mass == pytest.approx(16.6 * 5.12, rel=0.1)


def test_a_dose_that_is_not_told_is_asked_for(make_napari_viewer, data_file, qtbot):
    """The button says what is lacking until it is filled in."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 1000)
    dock = opened(viewer)
    focus = focus_of(viewer)
    focus.add_image(eds.load(data_file("real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd")))
    viewer.add_labels(np.ones(focus.image.shape, int), name="whole")
    click(dock.zeta.theory)
    assert not dock.run.enabled
    assert "does not tell the beam current" in dock.run.native.toolTip()
    box = dock.dose.fields["beam_current_nA"].widget.native
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box.lineEdit(), "0.724")
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Tab)
    assert dock.run.enabled
