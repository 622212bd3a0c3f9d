"""The dock *EDS batch* in a real window, driven by mouse and keys."""

import pytest
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

import napari_eds as eds
from napari_eds._napari.batch.dock import BatchWidget
from napari_eds._napari.state.focus import focus_of
from napari_eds.simulate.maps import lanthanum_ferrite_on_strontium_titanate
from velox_files import write_velox_map
from window_actions import answer_dialog, click, notifications, task_is_done

pytestmark = pytest.mark.usefixtures("no_notifications_yet")


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch") / "maps"
    folder.mkdir()
    for i in range(2):
        made = lanthanum_ferrite_on_strontium_titanate((16, 16), counts_per_pixel=200, seed=i)
        write_velox_map(folder / f"film{i}.emd", made.image, ("La", "Fe"))
    (folder / "text.emd").write_text("no map")
    eds.Recipe(elements=("O", "Fe", "La_L", "Sr_K", "Ti"), fit_only=("C", "Cu")).to_json(
        folder.parent / "recipe.json"
    )
    return folder


@pytest.fixture
def dock(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    widget = BatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="EDS batch")
    return widget


def fill(dock, maps, output, monkeypatch):
    answer_dialog(monkeypatch, maps, "getExistingDirectory")
    click(dock.form.add_folder)
    answer_dialog(monkeypatch, maps.parent / "recipe.json")
    click(dock.form.choose_recipe)
    dock.form.output.setFocus()
    QTest.keyClicks(dock.form.output, str(output))
    dock.form.number.setValue(8)
    dock.form.workers.setValue(1)


def test_a_folder_is_quantified_and_every_file_told_of(dock, maps, qtbot, monkeypatch, tmp_path):
    fill(dock, maps, tmp_path / "out", monkeypatch)
    click(dock.start)
    assert not dock.start.isEnabled()
    task_is_done(qtbot, dock)
    assert dock.files.states() == {
        "film0.emd": "done",
        "film1.emd": "done",
        "text.emd": "failed",
    }
    assert "HDF5" in dock.files.item(2, 3).text()
    assert "2 files done, 1 failed" in dock.work.text.text()
    headless = eds.batch(
        maps, eds.Recipe.from_json(maps.parent / "recipe.json"), 8, tmp_path / "headless"
    )
    assert (tmp_path / "out" / "all.csv").read_bytes() == (
        headless.output / "all.csv"
    ).read_bytes()


def test_cancel_leaves_it_and_start_goes_on(dock, maps, qtbot, monkeypatch, tmp_path):
    fill(dock, maps, tmp_path / "out", monkeypatch)
    click(dock.start)
    qtbot.waitUntil(lambda: "running" in dock.files.states().values())
    click(dock.work.cancel)
    task_is_done(qtbot, dock)
    assert "goes on" in dock.work.text.text()
    assert "running" not in dock.files.states().values()
    click(dock.start)
    task_is_done(qtbot, dock)
    assert sorted(dock.files.states().values()) == ["done", "done", "failed"]


def test_what_is_missing_is_a_notification(dock, maps, monkeypatch, tmp_path):
    click(dock.start)
    assert "add files" in notifications()[-1]
    monkeypatch.setattr(
        QFileDialog, "getOpenFileNames", lambda *_a, **_k: ([str(maps / "film0.emd")], "")
    )
    click(dock.form.add_files)
    click(dock.start)
    assert "folder for the results" in notifications()[-1]
    QTest.keyClicks(dock.form.output, str(tmp_path / "out"))
    assert focus_of(dock.focus.viewer).settings is None
    click(dock.start)
    assert "choose a recipe" in notifications()[-1]
    assert not (tmp_path / "out").exists()


def test_an_output_among_the_maps_is_a_notification(dock, maps, qtbot, monkeypatch):
    fill(dock, maps, maps / "out", monkeypatch)
    click(dock.start)
    task_is_done(qtbot, dock)
    assert any("among the maps" in text for text in notifications())
    assert not (maps / "out").exists()
