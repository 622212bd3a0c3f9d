"""Detectors and frames of the map chosen in a real window: what is read, kept and saved."""

import json

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from scipy import sparse

import napari_eds as eds
from napari_eds.exchange.session import load_session, save_session
from velox_files import encode, write_velox
from window_actions import click, notifications, task_is_done

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

SHAPE, CHANNELS, FRAMES = (12, 10), 2000, 3


@pytest.fixture(scope="module")
def two_detectors(tmp_path_factory):
    """A file of two detectors and three frames, with a line of Fe and one of O."""
    rng = np.random.default_rng(1)
    energies = -0.01 + 0.005 * np.arange(CHANNELS)
    spectrum = 0.01 + sum(
        height * np.exp(-((energies - line) ** 2) / (2 * 0.05**2))
        for line, height in ((0.525, 0.5), (6.4, 0.4), (7.06, 0.05))
    )
    streams = {
        name: np.concatenate(
            [
                encode(sparse.csr_array(rng.poisson(share * spectrum, (120, CHANNELS))))
                for _ in range(FRAMES)
            ]
        )
        for name, share in (("A", 1.0), ("B", 0.5))
    }
    path = tmp_path_factory.mktemp("two") / "two.emd"
    return write_velox(path, streams, SHAPE, n_frames=FRAMES, n_channels=CHANNELS)


@pytest.fixture
def opened(make_napari_viewer, two_detectors):
    viewer = make_napari_viewer(show=True)
    viewer.open(two_detectors, plugin="napari-eds")
    return viewer, viewer.window.add_plugin_dock_widget("napari-eds", "EDS quantification")[1]


def type_into(field, text):
    """Write a text in place of what stands in a field."""
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClicks(field, text)


def test_detectors_are_fitted_together_by_a_tick(opened, qtbot):
    _viewer, dock = opened
    box = dock.source_part.joint
    qtbot.waitUntil(box.isEnabled)
    click(box)
    assert dock.focus.settings.draft.detectors == "joint"
    assert box.isChecked()
    click(box)
    assert dock.focus.settings.draft.detectors == "sum"


def read_these(qtbot, dock, detectors, frames):
    type_into(dock.source_part.detectors, detectors)
    type_into(dock.source_part.frames, frames)
    click(dock.source_part.read)
    task_is_done(qtbot, dock)


def test_what_is_chosen_is_read_into_the_layer_and_saved(qtbot, opened, two_detectors, tmp_path):
    viewer, dock = opened
    whole, layer, form = dock.image, dock.focus.map_layer, dock.source_part
    assert form.detectors.placeholderText() == "all: A, B"
    dock.chip_size.value = 10
    click(dock.make_grid)
    labels = dock.focus.labels_layer
    n_layers = len(viewer.layers)

    read_these(qtbot, dock, "B", "1:3")
    part = eds.MapPart(detectors=("B",), frames=(1, 3))
    assert (dock.focus.map_layer, len(viewer.layers)) == (layer, n_layers)
    assert dock.focus.labels_layer is labels
    assert dock.image.part == part
    alone = eds.load(two_detectors, detectors="B", frames=(1, 3))
    assert (dock.image.to_array() == alone.to_array()).all()
    np.testing.assert_array_equal(layer.data, alone.counts_map())
    assert "detectors B; frames 1 to 2" in notifications()[-1]

    settings = dock.focus.settings
    dock.focus.set_settings(
        settings.with_recipe(eds.Recipe(elements=("Fe", "O"), energy_range_keV=(0.3, 9.0)))
    )
    click(dock.run)
    task_is_done(qtbot, dock)
    result = dock.result
    assert result.image.part == part
    result.to_csv(tmp_path / "part.csv")
    assert json.loads((tmp_path / "part_recipe.json").read_text())["map_part"] == part.to_dict()
    session = load_session(save_session(tmp_path / "part.edsession", result))
    assert session.source.part == part

    # Empty fields are all of the file again; settings are kept.
    read_these(qtbot, dock, "", "")
    assert (dock.image.to_array() == whole.to_array()).all()
    assert dock.image.part == whole.part
    assert dock.focus.settings.recipe().elements == ("Fe", "O")
    assert notifications()[-1] == "All of the file is read."


@pytest.mark.parametrize(
    ("detectors", "frames", "told"),
    [
        ("C", "", "there is no detector 'C'; the file has 0: A, 1: B"),
        ("", "1-3", "frames are told as 0:40"),
        ("", "0:9", "frame"),
        ("", "", "of these detectors and frames already"),
    ],
)
def test_what_cannot_be_read_is_told_and_changes_nothing(qtbot, opened, detectors, frames, told):
    _, dock = opened
    before = dock.image
    read_these(qtbot, dock, detectors, frames)
    qtbot.waitUntil(lambda: bool(notifications()))
    assert told in notifications()[-1]
    assert dock.image is before
    assert dock.source_part.read.isEnabled()


def test_the_enter_key_reads(qtbot, opened):
    _, dock = opened
    type_into(dock.source_part.detectors, "1")
    QTest.keyClick(dock.source_part.detectors, Qt.Key.Key_Return)
    task_is_done(qtbot, dock)
    assert dock.image.part == eds.MapPart(detectors=(1,))


def test_a_map_without_a_file_has_nothing_to_choose_from(make_napari_viewer):
    from napari.layers import Layer

    from napari_eds._napari.state.layers import image_layers

    viewer = make_napari_viewer()
    counts = np.ones((4, 4, 50), int)
    image = eds.SpectrumImage.from_array(counts, eds.EnergyAxis(0.0, 0.1, 50))
    for layer in image_layers(image):
        viewer.add_layer(Layer.create(*layer))
    dock = viewer.window.add_plugin_dock_widget("napari-eds", "EDS quantification")[1]
    assert not dock.source_part.read.isEnabled()
