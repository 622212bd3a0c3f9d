"""The panel *EDS frames* in a real window, driven by the mouse."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from qtpy.QtTest import QTest

import napari_eds as eds
from napari_eds._napari.frames import dock as dock_module
from napari_eds._napari.parts.panels import FRAMES, open_panel
from napari_eds._napari.state.focus import focus_of
from napari_eds.simulate.files import save_frames
from napari_eds.simulate.frames import film_frames
from window_actions import answer_dialog, click, notifications, task_is_done

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    simulation = film_frames((48, 40), 4, 120, seed=3, lost={"O": 0.08})
    return save_frames(simulation, tmp_path_factory.mktemp("frames") / "film.emd")


@pytest.fixture
def window(make_napari_viewer, film):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1300, 900)
    viewer.open(film[0], plugin="napari-eds")
    focus = focus_of(viewer)
    focus.set_settings(
        focus.settings.edited(
            k_factors=eds.read_k_factors(film[3]), absorption={"thickness_nm": 55}
        )
    )
    return viewer, open_panel(viewer, FRAMES)


def type_choice(box, text):
    """Choose the entry of a box that begins with a text, by the keyboard."""
    box.setFocus()
    QTest.keyClicks(box, text)


def labels_of(film):
    import tifffile

    return np.where(tifffile.imread(film[1]) == 3, 1, 0)


def test_a_loss_is_followed_drawn_and_saved(window, film, qtbot, tmp_path, monkeypatch):
    viewer, dock = window
    assert not dock.run.native.isEnabled()
    assert "labels" in dock.says.text()
    viewer.add_labels(labels_of(film), name="SrTiO3")
    qtbot.waitUntil(dock.run.native.isEnabled)
    type_choice(dock.align.native, "images")
    click(dock.run.native)
    task_is_done(qtbot, dock)
    assert dock.result is not None
    assert "O Sr Ti in label 1" in dock.says.text()
    assert "O in label 1 changes over the frames" in dock.says.toolTip()
    assert dock.picture.widget() is not None
    own = dock.result.table
    assert own["O_at_pct"].iloc[0] > own["O_at_pct"].iloc[-1] + 3
    answer_dialog(monkeypatch, tmp_path / "frames.csv", "getSaveFileName")
    click(dock.save_csv.native)
    qtbot.waitUntil((tmp_path / "frames_changes.csv").exists)
    task_is_done(qtbot, dock)
    assert len(pd.read_csv(tmp_path / "frames.csv")) == 4


def test_what_was_found_stays_with_its_labels(window, film, qtbot):
    viewer, dock = window
    layer = viewer.add_labels(labels_of(film), name="SrTiO3")
    qtbot.waitUntil(dock.run.native.isEnabled)
    click(dock.run.native)
    qtbot.waitUntil(lambda: dock.result is not None)
    viewer.add_labels(np.zeros((48, 40), int), name="others")
    qtbot.waitUntil(lambda: dock.result is None)
    viewer.layers.selection.active = layer
    qtbot.waitUntil(lambda: dock.result is not None)


def test_a_dose_that_is_not_known_is_said(window, film, qtbot, monkeypatch):
    viewer, dock = window
    series_of = eds.read_frames

    def read_frames(*args, **options):
        series = series_of(*args, **options)
        told = replace(series.stacked.acquisition, beam_current_nA=None)
        return replace(series, stacked=replace(series.stacked, acquisition=told))

    monkeypatch.setattr(dock_module, "read_frames", read_frames)
    viewer.add_labels(labels_of(film), name="SrTiO3")
    qtbot.waitUntil(dock.run.native.isEnabled)
    click(dock.run.native)
    qtbot.waitUntil(lambda: dock.result is not None)
    type_choice(dock.against.native, "dose")
    qtbot.waitUntil(lambda: "beam current" in dock.says.text())
    assert not any("beam current" in text for text in notifications())


def test_labels_without_a_pixel_are_a_notification(window, qtbot):
    viewer, dock = window
    viewer.add_labels(np.zeros((48, 40), int), name="nothing")
    qtbot.waitUntil(dock.run.native.isEnabled)
    click(dock.run.native)
    qtbot.waitUntil(lambda: any("no pixel" in text for text in notifications()))
