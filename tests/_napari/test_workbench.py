"""The whole workbench: few clicks to the maps, and nothing breaks when layers or docks go."""

import gc
import shutil
import weakref

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, QSize, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollArea,
    QWidget,
)

import napari_eds as eds
from napari_eds._napari.parts import panels_button
from napari_eds._napari.parts.panels import (
    BATCH,
    COMPARE,
    ELEMENTS,
    EXCHANGE,
    FRAMES,
    MAPS,
    PLUGIN,
    PROFILE,
    QUANTIFICATION,
    REGIONS,
    RESULTS,
    SPECTRUM,
    WORKBENCH,
    dock_of,
    find_panel,
    open_panel,
)
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.layers import maps_of
from napari_eds._napari.workbench import first_size
from window_actions import nothing_is_due

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

LEFT = Qt.MouseButton.LeftButton
ALONE = (
    WORKBENCH,
    QUANTIFICATION,
    ELEMENTS,
    SPECTRUM,
    RESULTS,
    REGIONS,
    COMPARE,
    EXCHANGE,
)


def quantify(qtbot, viewer, widget):
    QTest.mouseClick(widget.make_grid.native, LEFT)
    QTest.mouseClick(widget.run.native, LEFT)
    focus = focus_of(viewer)
    qtbot.waitUntil(lambda: focus.result is not None and not widget.work)
    qtbot.waitUntil(lambda: set(maps_of(viewer, focus.labels_layer)) == set(focus.result.elements))


def test_it_opens_every_panel_and_leaves_the_window_as_large(workbench, map_file):
    viewer, widget = workbench(map_file)
    window = dock_of(widget).parent()
    assert (window.width(), window.height()) == (1400, 900)
    below = [dock_of(find_panel(viewer, title)) for title in (SPECTRUM, RESULTS)]
    assert all(dock.isVisible() for dock in below)
    assert window.tabifiedDockWidgets(dock_of(widget)) == [dock_of(find_panel(viewer, ELEMENTS))]
    assert len(viewer.window.dock_widgets) == 4


def test_a_small_window_gets_most_of_the_screen_and_none_is_larger():
    screen = QSize(1366, 768)
    assert first_size(QSize(1300, 700), screen) == QSize(1300, 700)
    assert first_size(QSize(800, 600), screen) == QSize(1298, 730)
    assert first_size(QSize(1920, 1000), screen) == screen


@pytest.mark.parametrize("title", [PROFILE, MAPS, FRAMES, BATCH, REGIONS, COMPARE, EXCHANGE])
def test_the_menu_of_panels_leads_to_each_with_map_and_result_of_the_workbench(
    qtbot, workbench, map_file, title
):
    viewer, widget = workbench(map_file)
    quantify(qtbot, viewer, widget)
    menu = widget.panels.menu()
    words = next(words for name, words in panels_button._PANELS if name == title)
    action = next(a for a in menu.actions() if a.text() == words)
    assert widget.panels.isVisible()
    menu.popup(widget.panels.mapToGlobal(QPoint(0, 0)))
    qtbot.waitUntil(menu.isVisible)
    QTest.mouseClick(
        menu, LEFT, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(action).center()
    )
    qtbot.waitUntil(lambda: find_panel(viewer, title) is not None)
    nothing_is_due(qtbot)
    panel = find_panel(viewer, title)
    assert panel.isVisible()
    assert panel.focus is widget.focus
    assert panel.focus.result is not None


def test_sections_fold_away_and_stay_so(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    section = widget.sections["Known composition"]
    field = widget.formula.native
    scroll = next(a for a in widget.findChildren(QScrollArea) if a.isAncestorOf(section))
    scroll.ensureWidgetVisible(section.head)
    assert field.isVisibleTo(widget)
    QTest.mouseClick(section.head, LEFT)
    assert not field.isVisibleTo(widget)
    viewer.window.remove_dock_widget(dock_of(widget))
    again = open_and_settle(qtbot, viewer, QUANTIFICATION)
    try:
        assert not again.formula.native.isVisibleTo(again)
        assert again.run.native.isVisibleTo(again)
    finally:
        QTest.mouseClick(again.sections["Known composition"].head, LEFT)
    assert again.formula.native.isVisibleTo(again)


def test_further_panels_share_the_tab_and_leave_the_window_as_large(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    quantify(qtbot, viewer, widget)
    window = dock_of(widget).parent()
    for button, title in (
        (widget.more_regions, REGIONS),
        (widget.compare, COMPARE),
        (widget.exchange, EXCHANGE),
    ):
        QTest.mouseClick(button.native, LEFT)
        qtbot.waitUntil(lambda title=title: find_panel(viewer, title) is not None)
        nothing_is_due(qtbot)
    tabs = {dock.windowTitle() for dock in window.tabifiedDockWidgets(dock_of(widget))}
    assert tabs == {"Elements", "Regions", "Compare", "Exchange"}
    assert (window.width(), window.height()) == (1400, 900)


def test_two_clicks_lead_from_a_file_that_names_its_elements_to_maps(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    quantify(qtbot, viewer, widget)
    result = focus_of(viewer).result
    assert set(result.elements) >= {"La", "Fe", "O", "Sr", "Ti"}
    assert not [n for n in notification_manager.records if "error" in str(n.severity).lower()]


def open_and_settle(qtbot, viewer, title):
    """Open a panel and wait until what it brings with it is there, too."""
    widget = open_panel(viewer, title)
    if title == WORKBENCH:
        qtbot.waitUntil(lambda: find_panel(viewer, RESULTS) is not None)
    nothing_is_due(qtbot)
    return widget


@pytest.mark.parametrize("title", ALONE)
def test_every_panel_works_alone_and_without_a_map(qtbot, make_napari_viewer, title):
    viewer = make_napari_viewer(show=True)
    widget = open_and_settle(qtbot, viewer, title)
    assert open_panel(viewer, title) is widget, "a panel is opened only once"
    viewer.window.remove_dock_widget(widget)
    nothing_is_due(qtbot)


@pytest.mark.parametrize("title", ALONE)
def test_every_control_says_what_it_is(qtbot, make_napari_viewer, map_file, title):
    viewer = make_napari_viewer(show=True)
    viewer.open(map_file, plugin=PLUGIN)
    widget = open_and_settle(qtbot, viewer, title)
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit)
    silent = [
        f"{type(child).__name__} {child.objectName()} {getattr(child, 'text', str)()}"
        for child in widget.findChildren(QWidget)
        if isinstance(child, kinds)
        and not child.objectName().startswith(("qt_", "Scroll"))
        and not _explained(child, widget)
    ]
    assert not silent


def _explained(child, widget):
    """Whether a control or what it is a part of, such as a spin box, has a tooltip."""
    while child is not None and child is not widget:
        if child.toolTip() or type(child).__name__ in {"QTabBar", "QTableView", "QListView"}:
            return True
        child = child.parentWidget()
    return False


def test_two_maps_of_one_size_keep_their_labels_settings_and_results(
    qtbot, workbench, map_file, tmp_path
):
    twin = tmp_path / "twin.emd"
    shutil.copy(map_file, twin)
    viewer, widget = workbench(map_file, twin)
    focus = focus_of(viewer)
    first, second = focus.map_layers()
    focus.set_map_layer(first)
    quantify(qtbot, viewer, widget)
    result, labels = focus.result, focus.labels_layer

    viewer.layers.selection.active = second
    assert focus.labels_layer is None
    assert focus.result is None
    assert not widget.table.enabled

    viewer.layers.selection.active = maps_of(viewer, labels)["Fe"]
    assert focus.map_layer is first
    assert focus.result is result
    assert result.image is first.metadata["spectrum_image"]


def test_nothing_breaks_when_layers_and_docks_go(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    quantify(qtbot, viewer, widget)
    focus = focus_of(viewer)
    labels = focus.labels_layer
    labels.name = "renamed"
    focus.map_layer.name = "map"
    assert widget.labels_layer.current_choice == "renamed"
    viewer.dims.ndisplay = 3
    nothing_is_due(qtbot)
    focus.select([3])
    viewer.dims.ndisplay = 2
    nothing_is_due(qtbot)
    for title in (RESULTS, ELEMENTS):
        viewer.window.remove_dock_widget(find_panel(viewer, title))
    nothing_is_due(qtbot)
    labels.paint((50, 50), 5)
    focus.select([5])
    nothing_is_due(qtbot)
    viewer.layers.remove(maps_of(viewer, labels)["Fe"])
    viewer.layers.remove(labels)
    nothing_is_due(qtbot)
    assert focus.result is None
    viewer.layers.clear()
    nothing_is_due(qtbot)
    viewer.window.remove_dock_widget(find_panel(viewer, SPECTRUM))
    viewer.open(map_file, plugin=PLUGIN)
    quantify(qtbot, viewer, widget)
    assert focus.result is not None


def test_a_closed_map_is_let_go(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    quantify(qtbot, viewer, widget)
    image = weakref.ref(focus_of(viewer).image)
    viewer.layers.clear()

    def gone():
        gc.collect()
        return image() is None

    qtbot.waitUntil(gone)


def test_labels_painted_after_the_fit_are_kept_and_said(qtbot, workbench, map_file):
    viewer, widget = workbench(map_file)
    quantify(qtbot, viewer, widget)
    focus = focus_of(viewer)
    painted = focus.labels_layer.data.copy()
    painted[40:50, 40:50] = 999
    focus.labels_layer.data = painted
    QTest.mouseClick(widget.run.native, LEFT)
    qtbot.waitUntil(lambda: not widget.work)
    np.testing.assert_array_equal(focus.labels_layer.data, painted)
    expected = eds.quantify(focus.image, painted, focus.settings.recipe())
    assert focus.result.table.loc[999, "Fe_at_pct"] == pytest.approx(
        expected.table.loc[999, "Fe_at_pct"]
    )
