"""Every setting of a recipe in the form *EDS quantification*, set by mouse and keys."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QScrollArea

import napari_eds as eds
from napari_eds._napari.parts.panels import EXCHANGE, QUANTIFICATION, open_panel
from napari_eds._napari.reader import add_layers
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import image_layers
from napari_eds.exchange.session import save_session
from napari_eds.recipe.draft import RecipeDraft
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

#: Every setting off its default, for a map whose axis is right as it is.
EVERY = eds.Recipe(
    elements=("La_L", "Fe", "O", "Sr_K", "Ti"),
    fit_only=("Cu", "C", "Pt"),
    k_factors=eds.theoretical_k_factors(200.0, elements=["La", "Fe", "O", "Sr", "Ti"]),
    energy_range_keV=(0.3137, 18.0123),
    background="polynomial",
    background_order=5,
    calibrate=False,
    axis_correction=eds.AxisCorrection(offset_eV=1.2345, gain_percent=0.01234),
    correct_lines=False,
    refine_line_ratios=False,
    low_energy_tail=eds.LowEnergyTail(fraction=0.0312, decay_keV=0.0456, below_keV=0.9),
    non_negative=True,
    beam_energy_keV=290.0,
    energy_resolution_MnKa_eV=133.777,
    detector_window="polymer",
    absorption=eds.Absorption(thickness_nm=41.25, density_g_cm3=6.543, take_off_angle_deg=21.9),
    allow_beam_energy_mismatch=True,
    uncertainties=eds.Uncertainties(
        line_ratio_K_percent=4.5,
        line_ratio_L_percent=8.5,
        line_ratio_M_percent=25.5,
        line_position_eV=1.5,
        soft_line_position_eV=2.5,
        line_shape_percent=1.5,
        background_percent=4.5,
        thickness_percent=22.5,
        unknown_thickness_nm=62.5,
        density_percent=7.5,
        attenuation_percent=9.5,
    ),
    zeta_factors=eds.theoretical_zeta_factors(200.0, 0.7),
    dose=eds.Dose(beam_current_nA=0.2),
    geometry=eds.Geometry(tilt_deg=(1.5, -0.5)),
)


@pytest.fixture(scope="module")
def simulation():
    return lanthanum_ferrite_on_strontium_titanate((48, 48), counts_per_pixel=120)


@pytest.fixture(scope="module")
def image(simulation):
    return simulation.image


@pytest.fixture
def window(make_napari_viewer):
    """Function that shows a map in a window with the form."""

    def opened(image):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1300, 900)
        add_layers(viewer, image_layers(image))
        return viewer, open_panel(viewer, QUANTIFICATION)

    return opened


def click(widget):
    native = getattr(widget, "native", widget)
    assert native.isEnabled()
    QTest.mouseClick(native, LEFT)


def unfold(qtbot, dock):
    """Open the section, and wait until Qt has laid it out."""
    click(dock.more.head)
    area = dock.findChild(QScrollArea)
    last = dock.more.fields[-1].widget.native
    qtbot.waitUntil(lambda: last.isVisible() and area.widget().height() > last.y())
    qtbot.wait(200)


def in_sight(qtbot, dock, native):
    """Scroll to a field, as its user must, and check that nothing of its width is cut."""
    area = dock.findChild(QScrollArea)
    area.ensureWidgetVisible(native)
    qtbot.wait(20)
    place = native.mapTo(area.viewport(), QPoint(0, 0))
    assert area.viewport().rect().contains(place)
    assert place.x() + native.width() <= area.viewport().width()


def enter(qtbot, dock, field, value):
    """Give a field a value by keys, or a click where it is a box."""
    native = field.widget.native
    in_sight(qtbot, dock, native)
    assert native.isEnabled()
    if isinstance(native, QAbstractSpinBox):
        native.selectAll()
        QTest.keyClicks(native, str(value))
        QTest.keyClick(native, Qt.Key.Key_Return)
    elif isinstance(native, QComboBox):
        native.setFocus()
        QTest.keyClicks(native, value)
    elif bool(field.widget.value) is not value:
        QTest.mouseClick(native, LEFT, NONE, QPoint(8, native.height() // 2))


def run(qtbot, dock):
    before = dock.focus.result
    click(dock.run)
    qtbot.waitUntil(lambda: dock.run.enabled, timeout=60_000)
    return dock.focus.result if dock.focus.result is not before else None


def messages():
    return [n.message for n in notification_manager.records]


def parts(recipe):
    """Numbers and choices of a recipe, those in its parts by (name, part)."""
    for name in type(recipe).model_fields:
        value = getattr(recipe, name)
        if name in ("elements", "fit_only", "k_factors", "zeta_factors", "dose", "geometry"):
            continue  # the docks *EDS elements* and *EDS thickness* set them
        if name == "detectors":
            continue  # `test_source_part` sets it, beside the detectors of a map
        if name == "method":
            continue  # zeta-factors find the thickness that is set here
        if isinstance(value, tuple):
            yield from (((name, i), part) for i, part in enumerate(value))
        elif hasattr(value, "model_fields_set"):
            yield from (((name, part), inner) for part, inner in dict(value).items())
        else:
            yield (name, None), value


def test_every_setting_can_be_set_by_mouse_and_keys(qtbot, window, image):
    _viewer, dock = window(image)
    dock.focus.set_settings(
        dock.focus.settings.edited(
            elements=dock.focus.settings.with_recipe(EVERY).elements, k_factors=EVERY.k_factors
        )
    )
    unfold(qtbot, dock)
    fields = {(f.name, getattr(f, "part", None)): f for f in dock._bound}
    for switch in ("axis_correction", "low_energy_tail"):
        assert not fields[switch, next(iter(dict(getattr(EVERY, switch))))].widget.enabled
        enter(qtbot, dock, fields[switch, None], value=True)
    wanted = dict(parts(EVERY.model_copy(update={"engine": "linear"})))
    for place, value in wanted.items():
        if isinstance(value, float):
            wanted[place] = round(value, fields[place].widget.native.decimals())
        enter(qtbot, dock, fields[place], wanted[place])
    assert dict(parts(dock.focus.settings.recipe())) == wanted
    # Chip size is no part of a recipe, and the switches stand for whole settings.
    assert set(fields) - set(wanted) == {
        ("chip_size", None),
        ("method", None),
        ("axis_correction", None),
        ("low_energy_tail", None),
    }
    assert dock.more.head.text() == "More settings (15 changed)"

    for place in (("beam_energy_keV", None), ("absorption", "take_off_angle_deg")):
        enter(qtbot, dock, fields[place], 0)
        assert fields[place].widget.native.text() == "from the file"
    enter(qtbot, dock, fields["low_energy_tail", None], value=False)
    recipe = dock.focus.settings.recipe()
    assert recipe.beam_energy_keV is recipe.absorption.take_off_angle_deg is None
    assert recipe.low_energy_tail is None


def test_the_method_is_chosen_and_what_it_lacks_is_said(qtbot, window, image):
    _viewer, dock = window(image)
    unfold(qtbot, dock)
    method = next(field for field in dock.more.fields if field.name == "method")
    enter(qtbot, dock, method, "zeta")
    assert dock.focus.settings.draft.method == "zeta"
    click(dock.make_grid)
    assert run(qtbot, dock) is None
    assert "the method 'zeta' needs zeta_factors" in messages()[-1]
    zeta, dose = (
        eds.theoretical_zeta_factors(300.0, 0.7),
        eds.Dose(beam_current_nA=0.2, dwell_time_us=200, frames=2, live_percent=95),
    )
    dock.focus.set_settings(dock.focus.settings.edited(zeta_factors=zeta, dose=dose))
    assert run(qtbot, dock).composition.mass_thickness is not None


def test_the_section_is_closed_at_first_and_never_makes_the_window_larger(qtbot, window, image):
    viewer, dock = window(image)
    whole = viewer.window._qt_window
    assert not dock.more.beam.native.isVisible()
    assert dock.more.head.text() == "More settings"
    qtbot.wait(500)
    before = whole.size(), whole.minimumSizeHint(), dock.minimumSizeHint()
    unfold(qtbot, dock)
    assert dock.more.beam.native.isVisible()
    assert (whole.size(), whole.minimumSizeHint(), dock.minimumSizeHint()) == before
    assert all(field.widget.tooltip for field in dock.more.fields)
    for field in dock.more.fields:
        in_sight(qtbot, dock, field.widget.native)
    click(dock.more.head)
    assert not dock.more.beam.native.isVisible()


def test_a_beam_energy_that_is_asked_for_can_be_given(qtbot, window, image):
    unknown = replace(image, acquisition=replace(image.acquisition, beam_energy_keV=None))
    _viewer, dock = window(unknown)
    click(dock.make_grid)
    assert run(qtbot, dock) is None
    assert messages() == ["the file gives no beam energy; set beam_energy_keV in the recipe"]

    unfold(qtbot, dock)
    beam = next(f for f in dock.more.fields if f.name == "beam_energy_keV")
    assert beam.widget.native.text() == "from the file"
    enter(qtbot, dock, beam, image.acquisition.beam_energy_keV)
    result = run(qtbot, dock)
    assert len(messages()) == 1
    expected = eds.quantify(image, dock.focus.labels_layer.data, dock.focus.settings.recipe())
    np.testing.assert_array_equal(
        result.table.filter(like="_at_pct"), expected.table.filter(like="_at_pct")
    )


def test_a_take_off_angle_that_is_asked_for_can_be_given(qtbot, window, simulation):
    """Both for a correction and for solving a thickness, which has none to correct by yet."""
    image = simulation.image
    unknown = replace(image, acquisition=replace(image.acquisition, take_off_angle_deg=None))
    viewer, dock = window(unknown)
    substrate = np.zeros(image.shape, np.int32)
    substrate[-12:] = 1
    viewer.add_labels(substrate, name="substrate")
    dock.labels_layer.value = viewer.layers["substrate"]
    chosen = eds.Recipe(elements=("Ti", "Sr", "O"), fit_only=("La", "Fe", "Cu", "C", "Pt"))
    dock.focus.set_settings(
        dock.focus.settings.edited(
            elements=dock.focus.settings.with_recipe(chosen).elements,
            k_factors=eds.KFactorTable.from_mapping(
                {"_".join(family): k for family, k in simulation.k_factors.items()}, "family"
            ),
        )
    )
    result = run(qtbot, dock)
    QTest.keyClicks(dock.formula.native, "SrTiO3")
    click(dock.solve_thickness)
    assert "gives no take-off angle" in messages()[-1]

    unfold(qtbot, dock)
    angle = next(f for f in dock.more.fields if getattr(f, "part", "") == "take_off_angle_deg")
    enter(qtbot, dock, angle, 21)
    click(dock.solve_thickness)
    known = result.thickness_from(1, "SrTiO3", take_off_angle_deg=21).thickness_nm
    assert dock.thickness.value == round(known, 1) > 0
    assert dock.focus.settings.recipe().absorption == eds.Absorption(
        thickness_nm=round(known, 1), take_off_angle_deg=21
    )
    n = len(messages())
    assert run(qtbot, dock).foil.take_off_angle_deg == 21
    assert len(messages()) == n


@pytest.mark.parametrize("engine", ["poisson", "linear"])
def test_a_session_restores_every_setting_and_gives_the_same_numbers(
    qtbot, window, image, tmp_path, engine, monkeypatch
):
    recipe = EVERY.model_copy(update={"engine": engine})
    default = eds.Recipe(elements=("O",))
    # A simulated image keeps no detectors apart, which are quantified together from files.
    usual = {"method", "detectors"} | ({"engine"} if engine == "poisson" else set())
    for name in set(RecipeDraft.model_fields) - usual:
        assert getattr(recipe, name) != getattr(default, name), f"{name} is at its default"
    saved = eds.quantify(image, eds.grid_chips(image.shape, 16), recipe)
    path = save_session(tmp_path / "map.edsession", saved)

    viewer, dock = window(image)
    exchange, focus = open_panel(viewer, EXCHANGE), focus_of(viewer)
    monkeypatch.setattr(
        "napari_eds._napari.exchange.session_page.QFileDialog.getOpenFileName",
        lambda *_a, **_k: (str(path), ""),
    )
    tabs = exchange.tabs.tabBar()
    QTest.mouseClick(tabs, LEFT, NONE, tabs.tabRect(2).center())
    click(exchange.session.open)
    qtbot.waitUntil(exchange.session.restore.isEnabled)
    assert "⚠" not in exchange.session.about.text()
    click(exchange.session.restore)
    qtbot.waitUntil(lambda: not exchange.work)
    assert focus.settings.recipe() == recipe
    assert dock.more.head.text() == f"More settings ({14 + (engine != 'poisson')} changed)"

    open_panel(viewer, QUANTIFICATION)
    result = run(qtbot, dock)
    assert result is not None
    assert result.recipe == recipe
    pd.testing.assert_frame_equal(result.table, saved.table)
    assert not messages()
