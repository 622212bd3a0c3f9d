"""Sample data: from a script as from a running window, and the measured file as published."""

import hashlib
import re
from importlib.resources import files

import h5py
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEventLoop, QTimer

from napari_eds._napari.parts.panels import PLUGIN
from napari_eds._napari.state.focus import focus_of

pytestmark = pytest.mark.usefixtures("hyperspy_is_there", "no_notifications_yet")

DATA = files("napari_eds").joinpath("data")
MEASURED = DATA.joinpath("core_shell.hdf5")


def in_readme(pattern: str) -> str:
    """Text that the README of the data gives."""
    return re.search(pattern, DATA.joinpath("README.md").read_text("utf-8"))[1]


def counts_in_readme() -> int:
    return int(in_readme(r"([\d,]+) counts").replace(",", ""))


def test_the_measured_file_is_the_published_one():
    digest = hashlib.sha256(MEASURED.read_bytes()).hexdigest()
    assert digest == in_readme(r"SHA-256 `(\w+)`")
    with h5py.File(MEASURED) as file:
        (found,) = [group["data"][()] for group in file["Experiments"].values() if "data" in group]
    assert int(found.sum(dtype=np.int64)) == counts_in_readme()


def test_the_measured_map_opens_as_a_layer_of_its_counts(make_napari_viewer):
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample(PLUGIN, "iron_platinum")
    image = focus_of(viewer).image
    assert layer.data.shape == image.shape == (32, 32)
    assert image.total_counts == counts_in_readme()
    assert layer.data.sum() == image.xray_counts
    np.testing.assert_allclose(layer.scale, (1, 1))
    assert {str(unit) for unit in layer.units} == {"nanometer"}
    assert image.acquisition.elements == ("Fe", "Pt")
    assert image.acquisition.beam_energy_keV == 200


@pytest.mark.parametrize("sample", ["lanthanum_ferrite", "iron_platinum"])
def test_samples_open_from_a_running_window_without_complaint(qtbot, make_napari_viewer, sample):
    viewer = make_napari_viewer()
    loop = QEventLoop()
    opened = []

    def open_sample():
        try:
            opened.extend(viewer.open_sample(PLUGIN, sample))
        finally:
            loop.quit()

    QTimer.singleShot(0, open_sample)
    loop.exec()
    assert opened == list(viewer.layers)
    assert focus_of(viewer).image.xray_counts == opened[-1].data.sum() > 0
    assert not notification_manager.records


def test_the_folder_of_the_package_is_not_offered_for_results_of_a_sample(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.open_sample(PLUGIN, "iron_platinum")
    assert focus_of(viewer).image.source is None
